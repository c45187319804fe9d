/*
 * outside_http.c
 *		Makes the requests of states http:request.
 *
 * In the broadcaster, outside of transactions.  Redirects are answers like
 * any other status but 2xx: following one would send what is meant for one host
 * to another.  Addresses are checked when they are connected to
 * (net/http_address.h).
 */
#include "postgres.h"

#include <limits.h>

#include "utils/timestamp.h"

#include "chain/broadcaster.h"
#include "chain/http_task.h"
#include "chain/outside.h"
#include "core/settings.h"

/* As for RPC endpoints, connecting is given less time than the whole. */
#define CONNECT_TIMEOUT_MS 10000

/* A body in a cause: enough to see what is wrong. */
#define CAUSE_BODY_MAX 16384

/* Adds up to two lines of ours to those of the state. */
static const char **
header_lines(const OutsideWork *work, const Doc *headers)
{
	const char **lines = palloc0(sizeof(char *) * (headers->length + 3));
	int			count = 0;

	for (uint32 i = 0; i < headers->length; i++)
		lines[count++] = headers->items[i]->text;
	lines[count++] = psprintf("Idempotency-Key: %s", work->key);
	if (work->traceparent != NULL)
		lines[count++] = psprintf("traceparent: %s", work->traceparent);
	return lines;
}

/* What the cause of a refused request says: the answer, with as much of its body as is worth it. */
static const char *
answer_text(const Doc *answer)
{
	const Doc  *body = doc_get(answer, "ResponseBody");
	Doc		   *shorter;
	size_t		length;
	const char *text;

	if (doc_fits(body, DOC_MAX_DEPTH, CAUSE_BODY_MAX))
		return doc_write(answer, NULL);
	text = body->kind == DOC_STRING ? body->text : doc_write(body, NULL);
	length = strlen(text);
	for (length = Min(length, CAUSE_BODY_MAX); length > 0 && ((unsigned char) text[length] & 0xC0) == 0x80;)
		length--;
	shorter = doc_copy_shallow(answer);
	doc_object_add(shorter, "ResponseBody", doc_string(text, length));
	return doc_write(shorter, NULL);
}

static void
finish_answered(OutsideWork *work, const HttpResponse *response)
{
	Problem		problem = {{0}, {0}};
	const Doc  *answer = http_task_result(response->status, response->head, response->content_type,
										  response->body, response->body_length, &problem);

	if (response->status >= 200 && response->status < 300)
	{
		if (answer != NULL)
			outside_succeed(work, answer);
		else
			outside_fail(work, "Http.InvalidResponse", psprintf("%s %s", problem.where, problem.message));
	}
	else
		outside_fail(work, psprintf("States.Http.StatusCode.%d", response->status),
					 answer != NULL ? answer_text(answer) : psprintf("%s %s", problem.where, problem.message));
}

static void
http_done(void *argument, const HttpResponse *response)
{
	OutsideWork *work = argument;
	MemoryContext old = MemoryContextSwitchTo(work->context);
	const char *error = "Http.Connection";

	switch (response->outcome)
	{
		case HTTP_ANSWERED:
			finish_answered(work, response);
			MemoryContextSwitchTo(old);
			return;
		case HTTP_INVALID_REQUEST:
			error = "Http.InvalidRequest";
			break;
		case HTTP_ADDRESS_REFUSED:
			error = "Http.AddressRefused";
			break;
		case HTTP_TIMEOUT:
			error = "States.Timeout";
			break;
		case HTTP_TOO_LARGE:
			error = "States.DataLimitExceeded";
			break;
		case HTTP_NAME_UNKNOWN:
		case HTTP_NOT_CONNECTED:
		case HTTP_TLS:
		case HTTP_BROKEN:
			break;
	}
	outside_fail(work, error, psprintf("%s: %s", work->target, response->error));
	MemoryContextSwitchTo(old);
}

void
outside_http_start(OutsideWork *work)
{
	MemoryContext old = MemoryContextSwitchTo(work->context);
	int64		left = TimestampDifferenceMilliseconds(GetCurrentTimestamp(), work->give_up_at);
	const char *body = doc_get_text(work->request, "body");
	HttpRequest request = {
		.method = doc_get_text(work->request, "method"),
		.url = doc_get_text(work->request, "url"),
		.headers = header_lines(work, doc_get(work->request, "headers")),
		.body = body,
		.body_length = body != NULL ? strlen(body) : 0,
		.total_timeout_ms = (int) Max(1, Min(left, INT_MAX)),
		.max_response_bytes = (size_t) dalp_max_payload * 1024,
		.allow_private = dalp_allow_private_endpoints,
		.keep_head = true,
		.max_connections_per_host = dalp_http_connections_per_host,
		.callback = http_done,
		.argument = work
	};

	request.connect_timeout_ms = Min(request.total_timeout_ms, CONNECT_TIMEOUT_MS);
	http_client_start(broadcaster_client(), &request);
	MemoryContextSwitchTo(old);
}
