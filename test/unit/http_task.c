/*
 * http_task.c
 *		Promise: a state's parameters become the request that they name, nothing
 *		of them can end a header line or begin another request, credentials are
 *		refused, and an answer becomes a document whatever its bytes.
 *
 * Links: src/chain/http_task.c
 */
#include "chain/http_task.h"

#include "check.h"

typedef struct Request
{
	const char *parameters;
	const char *expected;		/* METHOD URL [headers] body */
} Request;

static const Request requests[] = {
	{"{\"ApiEndpoint\": \"https://a.example/x\", \"Method\": \"GET\"}",
	"GET https://a.example/x [] -"},
	{"{\"ApiEndpoint\": \"http://a/x?y=1\", \"Method\": \"DELETE\", \"QueryParameters\": {\"q\": \"a b&c=d/\\u00e9\", \"n\": [1, true], \"z\": null}}",
	"DELETE http://a/x?y=1&q=a%20b%26c%3Dd%2F%C3%A9&n=1&n=true [] -"},
	{"{\"ApiEndpoint\": \"http://a\", \"Method\": \"POST\", \"RequestBody\": {\"b\": [1]}}",
	"POST http://a [\"Content-Type: application/json\"] {\"b\":[1]}"},
	{"{\"ApiEndpoint\": \"http://a\", \"Method\": \"PUT\", \"RequestBody\": \"plain\"}",
	"PUT http://a [\"Content-Type: text/plain; charset=utf-8\"] plain"},
	{"{\"ApiEndpoint\": \"http://a\", \"Method\": \"PATCH\", \"RequestBody\": \"<x/>\", \"Headers\": {\"content-TYPE\": \"text/xml\", \"X-N\": [1, \"two\"]}}",
	"PATCH http://a [\"content-TYPE: text/xml\",\"X-N: 1\",\"X-N: two\"] <x/>"},
};

typedef struct Refusal
{
	const char *parameters;
	const char *place;
} Refusal;

#define TO_A "\"ApiEndpoint\": \"http://a\", \"Method\": \"GET\""

static const Refusal refusals[] = {
	{"[]", ""},
	{"{" TO_A ", \"Verb\": 1}", ""},
	{"{\"Method\": \"GET\"}", "ApiEndpoint"},
	{"{\"ApiEndpoint\": \"ftp://a\", \"Method\": \"GET\"}", "ApiEndpoint"},
	{"{\"ApiEndpoint\": \"http://u:p@a\", \"Method\": \"GET\"}", "ApiEndpoint"},
	{"{\"ApiEndpoint\": \"http://a/\\r\\nHost: b\", \"Method\": \"GET\"}", "ApiEndpoint"},
	{"{\"ApiEndpoint\": \"http://a/\\u0000\", \"Method\": \"GET\"}", "ApiEndpoint"},
	{"{\"ApiEndpoint\": \"http://a#b\", \"Method\": \"GET\"}", "ApiEndpoint"},
	{"{\"ApiEndpoint\": \"http://a\\\\b\", \"Method\": \"GET\"}", "ApiEndpoint"},
	{"{\"ApiEndpoint\": \"http://a\", \"Method\": \"get\"}", "Method"},
	{"{\"ApiEndpoint\": \"http://a\", \"Method\": \"CONNECT\"}", "Method"},
	{"{" TO_A ", \"QueryParameters\": [1]}", "QueryParameters"},
	{"{" TO_A ", \"QueryParameters\": {\"a\": {}}}", "QueryParameters"},
	{"{" TO_A ", \"Headers\": \"a: b\"}", "Headers"},
	{"{" TO_A ", \"Headers\": {\"a b\": \"c\"}}", "Headers"},
	{"{" TO_A ", \"Headers\": {\"a\\r\\nb\": \"c\"}}", "Headers"},
	{"{" TO_A ", \"Headers\": {\"\": \"c\"}}", "Headers"},
	{"{" TO_A ", \"Headers\": {\"a\": \"b\\r\\nc: d\"}}", "a"},
	{"{" TO_A ", \"Headers\": {\"a\": \"b\\u0000\"}}", "a"},
	{"{" TO_A ", \"Headers\": {\"a\": \"\"}}", "a"},
	{"{" TO_A ", \"Headers\": {\"a\": [[]]}}", "a"},
	{"{" TO_A ", \"Headers\": {\"Host\": \"b\"}}", "Host"},
	{"{" TO_A ", \"Headers\": {\"TRANSFER-encoding\": \"chunked\"}}", "TRANSFER-encoding"},
	{"{" TO_A ", \"Headers\": {\"Authorization\": \"Bearer x\"}}", "Authorization"},
	{"{" TO_A ", \"RequestBody\": \"a\\u0000b\"}", "RequestBody"},
};

static const Doc *
parse(const char *text)
{
	Problem		problem = {{0}, {0}};

	return doc_parse(text, strlen(text), &problem);
}

static void
test_requests(void)
{
	for (size_t i = 0; i < lengthof(requests); i++)
	{
		Problem		problem = {{0}, {0}};
		HttpTask	task;
		char		got[1000] = "refused";

		if (http_task_parse(parse(requests[i].parameters), &task, &problem))
			snprintf(got, sizeof(got), "%s %s %s %s", task.method, task.url,
					 doc_write(task.headers, NULL), task.body ? task.body : "-");
		check_text(got, requests[i].expected, requests[i].expected);
		check(http_task_check(parse(requests[i].parameters), &problem), "and its definition is right");
	}
}

static void
test_refusals(void)
{
	for (size_t i = 0; i < lengthof(refusals); i++)
	{
		Problem		problem = {{0}, {0}};
		HttpTask	task;

		check(!http_task_parse(parse(refusals[i].parameters), &task, &problem) && problem.message[0] != '\0',
			  "%s is refused", refusals[i].parameters);
		check_text(problem.where, refusals[i].place, "where it is wrong");
	}
}

static void
test_longest_url(void)
{
	char		parameters[HTTP_TASK_URL_MAX + 200];

	for (int more = 0; more <= 1; more++)
	{
		Problem		problem = {{0}, {0}};
		HttpTask	task;
		int			length = HTTP_TASK_URL_MAX - (int) strlen("http://a/?q=") + more;

		snprintf(parameters, sizeof(parameters),
				 "{\"ApiEndpoint\": \"http://a/\", \"Method\": \"GET\", \"QueryParameters\": {\"q\": \"%0*d\"}}", length, 0);
		check(http_task_parse(parse(parameters), &task, &problem) == (more == 0), "a URL of %d bytes", HTTP_TASK_URL_MAX + more);
	}
}

static void
test_definitions(void)
{
	Problem		problem = {{0}, {0}};

	check(http_task_check(parse("{\"ApiEndpoint.$\": \"$.url\", \"Headers\": {\"X-A.$\": \"$.a\"}}"), &problem),
		  "paths have no value yet");
	check(!http_task_check(parse("{\"Headers\": {\"Authorization.$\": \"$.a\"}}"), &problem),
		  "credentials are refused wherever they would come from");
	check(!http_task_check(parse("{\"Url.$\": \"$.url\"}"), &problem), "unknown members are refused");
}

static void
answer(const char *head, const char *type, const char *body, size_t length, const char *expected)
{
	Problem		problem = {{0}, {0}};
	const Doc  *result = http_task_result(404, head, type, body, length, &problem);

	check_text(result == NULL ? problem.where : doc_write(result, NULL), expected, expected);
}

static void
test_answers(void)
{
	answer("HTTP/1.1 404 Not Found\r\nA: 1\r\na:\t2 \r\nnone\r\nb c: d\r\n\r\n", "application/json; charset=utf-8", "[1]", 3,
		   "{\"StatusCode\":404,\"StatusText\":\"Not Found\",\"Headers\":{\"a\":[\"1\",\"2\"]},\"ResponseBody\":[1]}");
	answer("HTTP/2 404\r\nx: \xff\r\n", "application/problem+JSON", "{", 1,
		   "{\"StatusCode\":404,\"StatusText\":\"\",\"Headers\":{\"x\":[\"?\"]},\"ResponseBody\":\"{\"}");
	answer("", "text/html", "<p>", 3, "{\"StatusCode\":404,\"StatusText\":\"\",\"Headers\":{},\"ResponseBody\":\"<p>\"}");
	answer("x", "", "", 0, "{\"StatusCode\":404,\"StatusText\":\"\",\"Headers\":{},\"ResponseBody\":\"\"}");
	answer("HTTP/1.1 200 OK\r\n", "application/octet-stream", "\xff\xfe", 2, "ResponseBody");
}

int
main(void)
{
	test_requests();
	test_refusals();
	test_longest_url();
	test_definitions();
	test_answers();
	return check_done();
}
