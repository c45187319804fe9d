/*
 * http_task.c
 *		What the state http:request asks for, and what comes of its answer.
 *
 * See http_task.h.  Nothing that a user gives may end a header line or begin
 * another request; the client checks header lines once more.
 */
#include "chain/http_task.h"

static const char *const methods[] = {"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"};

/* Of the connection (RFC 9110 section 7.6.1, RFC 9112), or set by dalp. */
static const char *const reserved_headers[] = {
	"host", "content-length", "transfer-encoding", "connection", "keep-alive", "te", "trailer",
	"upgrade", "expect", "idempotency-key", "traceparent", "tracestate"
};

/* What logs and definitions must not show. */
static const char *const secret_headers[] = {
	"authorization", "proxy-authorization", "cookie", "x-api-key", "x-amz-security-token"
};

/* ---- Texts ---- */

static char
lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char) (c + ('a' - 'A')) : c;
}

static bool
same_name(const char *a, const char *b)
{
	while (*a != '\0' && lower(*a) == lower(*b))
		a++, b++;
	return *a == '\0' && *b == '\0';
}

static bool
is_one_of(const char *name, const char *const *names, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (same_name(name, names[i]))
			return true;
	return false;
}

/* A text that grows. */
typedef struct Text
{
	char	   *data;
	size_t		length;
	size_t		capacity;
} Text;

static void
text_add(Text *text, const char *bytes, size_t length)
{
	if (text->length + length + 1 > text->capacity)
	{
		text->capacity = (text->length + length + 1) * 2;
		text->data = text->data == NULL ? mem_alloc(text->capacity) : mem_realloc(text->data, text->capacity);
	}
	memcpy(text->data + text->length, bytes, length);
	text->length += length;
	text->data[text->length] = '\0';
}

/* RFC 3986 section 2.1: all but unreserved characters as %XX. */
static void
text_add_encoded(Text *text, const char *bytes, size_t length)
{
	static const char digits[] = "0123456789ABCDEF";

	for (size_t i = 0; i < length; i++)
	{
		unsigned char c = (unsigned char) bytes[i];

		if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
			c == '-' || c == '.' || c == '_' || c == '~')
			text_add(text, bytes + i, 1);
		else
		{
			char		encoded[3] = {'%', digits[c >> 4], digits[c & 15]};

			text_add(text, encoded, sizeof(encoded));
		}
	}
}

/* A string, number or boolean as text; NULL for anything else. */
static const char *
scalar_text(const Doc *value, size_t *length)
{
	if (doc_is(value, DOC_STRING) || doc_is(value, DOC_NUMBER))
	{
		*length = value->length;
		return value->text;
	}
	if (doc_is(value, DOC_BOOL))
		return doc_write(value, length);
	return NULL;
}

/* ---- Parameters ---- */

/* A token, RFC 9110 section 5.6.2. */
static bool
is_token(const char *name, size_t length)
{
	if (length == 0 || length > 200)
		return false;
	for (size_t i = 0; i < length; i++)
	{
		char		c = lower(name[i]);

		if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || (c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL)))
			return false;
	}
	return true;
}

static bool
check_value(const char *name, const char *value, size_t length, Problem *problem)
{
	for (size_t i = 0; i < length; i++)
		if ((unsigned char) value[i] < ' ' ? value[i] != '\t' : value[i] == 127)
			return problem_set(problem, name, "a header's value must be one line of text");
	return true;
}

static bool
add_header(Doc *headers, const char *name, const Doc *value, Problem *problem)
{
	Text		line = {0};
	size_t		length;
	const char *text = scalar_text(value, &length);

	if (text == NULL)
		return problem_set(problem, name, "a header's value must be text or a list of texts");
	if (!check_value(name, text, length, problem))
		return false;
	/* The client takes a name without a value for a header to be left out. */
	if (length == 0)
		return problem_set(problem, name, "a header's value must not be empty");
	text_add(&line, name, strlen(name));
	text_add(&line, ": ", 2);
	text_add(&line, text, length);
	doc_array_add(headers, doc_string(line.data, line.length));
	return true;
}

/* May a state set a header of that name? */
static bool
check_header_name(const char *name, size_t length, Problem *problem)
{
	if (!is_token(name, length))
		return problem_set(problem, "Headers", "\"%s\" is not the name of a header", name);
	if (is_one_of(name, reserved_headers, lengthof(reserved_headers)))
		return problem_set(problem, name, "this header is set by dalp");
	if (is_one_of(name, secret_headers, lengthof(secret_headers)))
		return problem_set(problem, name, "credentials would be kept in clear, with the definition and the journal");
	return true;
}

static bool
parse_headers(const Doc *given, Doc *headers, bool *has_type, Problem *problem)
{
	*has_type = false;
	if (given == NULL || given->kind == DOC_NULL)
		return true;
	if (given->kind != DOC_OBJECT)
		return problem_set(problem, "Headers", "must be an object");
	for (uint32_t i = 0; i < given->length; i++)
	{
		const char *name = given->members[i].key;
		const Doc  *value = given->members[i].value;

		if (!check_header_name(name, given->members[i].key_length, problem))
			return false;
		*has_type = *has_type || same_name(name, "content-type");
		if (!doc_is(value, DOC_ARRAY))
		{
			if (!add_header(headers, name, value, problem))
				return false;
			continue;
		}
		for (uint32_t j = 0; j < value->length; j++)
			if (!add_header(headers, name, value->items[j], problem))
				return false;
	}
	return true;
}

static bool
add_parameter(Text *url, const char *name, size_t name_length, const Doc *value, Problem *problem)
{
	size_t		length;
	const char *text = scalar_text(value, &length);

	if (text == NULL)
		return problem_set(problem, "QueryParameters", "the value of \"%s\" must be text, a number, a boolean or a list of them", name);
	text_add(url, strchr(url->data, '?') == NULL ? "?" : "&", 1);
	text_add_encoded(url, name, name_length);
	text_add(url, "=", 1);
	text_add_encoded(url, text, length);
	return true;
}

static bool
parse_url(const Doc *parameters, HttpTask *task, Problem *problem)
{
	const Doc  *endpoint = doc_get(parameters, "ApiEndpoint");
	const Doc  *query = doc_get(parameters, "QueryParameters");
	const char *host;
	Text		url = {0};

	if (!doc_is(endpoint, DOC_STRING))
		return problem_set(problem, "ApiEndpoint", "must be a URL of http or https");
	for (uint32_t i = 0; i < endpoint->length; i++)
		if ((unsigned char) endpoint->text[i] <= ' ' || (unsigned char) endpoint->text[i] >= 127)
			return problem_set(problem, "ApiEndpoint", "must have no blanks and only ASCII characters");
	if (strncmp(endpoint->text, "https://", 8) == 0)
		host = endpoint->text + 8;
	else if (strncmp(endpoint->text, "http://", 7) == 0)
		host = endpoint->text + 7;
	else
		return problem_set(problem, "ApiEndpoint", "must be a URL of http or https");
	if (memchr(host, '@', strcspn(host, "/?#")) != NULL)
		return problem_set(problem, "ApiEndpoint", "must have no credentials");
	if (strchr(host, '#') != NULL || strchr(host, '\\') != NULL)
		return problem_set(problem, "ApiEndpoint", "must have no fragment and no backslash");
	text_add(&url, endpoint->text, endpoint->length);
	if (query != NULL && query->kind != DOC_NULL && query->kind != DOC_OBJECT)
		return problem_set(problem, "QueryParameters", "must be an object");
	for (uint32_t i = 0; doc_is(query, DOC_OBJECT) && i < query->length; i++)
	{
		const DocMember *member = &query->members[i];
		const Doc  *value = member->value;
		bool		list = value->kind == DOC_ARRAY;

		for (uint32_t j = 0; j < (list ? value->length : 1); j++)
			if (value->kind != DOC_NULL &&
				!add_parameter(&url, member->key, member->key_length, list ? value->items[j] : value, problem))
				return false;
	}
	if (url.length > HTTP_TASK_URL_MAX)
		return problem_set(problem, "ApiEndpoint", "with its query it is longer than %d bytes", HTTP_TASK_URL_MAX);
	task->url = url.data;
	return true;
}

static bool
parse_method(const Doc *parameters, HttpTask *task, Problem *problem)
{
	const char *method = doc_get_text(parameters, "Method");

	for (size_t i = 0; method != NULL && i < lengthof(methods); i++)
		if (strcmp(method, methods[i]) == 0)
		{
			task->method = methods[i];
			return true;
		}
	return problem_set(problem, "Method", "must be GET, POST, PUT, PATCH, DELETE, HEAD or OPTIONS");
}

static bool
is_known(const char *name, size_t length)
{
	static const char *const known[] = {
		"ApiEndpoint", "Method", "Headers", "QueryParameters", "RequestBody"
	};

	for (size_t i = 0; i < lengthof(known); i++)
		if (strlen(known[i]) == length && memcmp(known[i], name, length) == 0)
			return true;
	return false;
}

/* Length of a member's name without the ".$" that says that its value is a path. */
static size_t
plain_length(const DocMember *member)
{
	size_t		length = member->key_length;

	return length > 2 && memcmp(member->key + length - 2, ".$", 2) == 0 ? length - 2 : length;
}

bool
http_task_check(const Doc *parameters, Problem *problem)
{
	const Doc  *headers = doc_get(parameters, "Headers");

	for (uint32_t i = 0; doc_is(parameters, DOC_OBJECT) && i < parameters->length; i++)
		if (!is_known(parameters->members[i].key, plain_length(&parameters->members[i])))
			return problem_set(problem, "Parameters", "unknown parameter \"%s\"", parameters->members[i].key);
	for (uint32_t i = 0; doc_is(headers, DOC_OBJECT) && i < headers->length; i++)
	{
		Text		name = {0};

		text_add(&name, headers->members[i].key, plain_length(&headers->members[i]));
		if (!check_header_name(name.data, name.length, problem))
			return false;
	}
	return true;
}

bool
http_task_parse(const Doc *parameters, HttpTask *task, Problem *problem)
{
	const Doc  *body;
	Doc		   *headers = doc_array();
	bool		has_type;

	memset(task, 0, sizeof(*task));
	if (!doc_is(parameters, DOC_OBJECT))
		return problem_set(problem, "", "the parameters must be an object");
	for (uint32_t i = 0; i < parameters->length; i++)
		if (!is_known(parameters->members[i].key, parameters->members[i].key_length))
			return problem_set(problem, "", "unknown parameter \"%s\"", parameters->members[i].key);
	if (!parse_url(parameters, task, problem) ||
		!parse_method(parameters, task, problem) ||
		!parse_headers(doc_get(parameters, "Headers"), headers, &has_type, problem))
		return false;
	body = doc_get(parameters, "RequestBody");
	if (body != NULL && body->kind != DOC_NULL)
	{
		bool		text = body->kind == DOC_STRING;

		if (text && memchr(body->text, '\0', body->length) != NULL)
			return problem_set(problem, "RequestBody", "must have no character U+0000");
		task->body = text ? body->text : doc_write(body, NULL);
		if (!has_type)
			doc_array_add(headers, doc_text(text ? "Content-Type: text/plain; charset=utf-8" : "Content-Type: application/json"));
	}
	task->headers = headers;
	return true;
}

/* ---- Answers ---- */

/* Printable ASCII and UTF-8 as it is; other bytes, which no standard gives a meaning, as "?". */
static const Doc *
header_text(const char *text, size_t length)
{
	char	   *copy;

	while (length > 0 && (text[length - 1] == ' ' || text[length - 1] == '\t' || text[length - 1] == '\r'))
		length--;
	if (doc_is_utf8(text, length) && memchr(text, '\0', length) == NULL)
		return doc_string(text, length);
	copy = mem_alloc(length + 1);
	for (size_t i = 0; i < length; i++)
		copy[i] = text[i] == '\0' || (unsigned char) text[i] >= 128 ? '?' : text[i];
	copy[length] = '\0';
	return doc_string(copy, length);
}

/* One "Name: value" line into lists by lower-case name. */
static void
read_header(Doc *headers, const char *line, size_t length)
{
	const char *colon = memchr(line, ':', length);
	size_t		name_length = colon == NULL ? 0 : (size_t) (colon - line);
	const char *value = line + name_length + 1;
	const Doc  *values;
	char		name[201];

	if (!is_token(line, name_length))
		return;
	for (size_t i = 0; i < name_length; i++)
		name[i] = lower(line[i]);
	name[name_length] = '\0';
	while (value < line + length && (*value == ' ' || *value == '\t'))
		value++;
	values = doc_get(headers, name);
	if (values == NULL)
	{
		values = doc_array();
		doc_object_add(headers, name, values);
	}
	/* Built here, so not shared yet. */
	doc_array_add((Doc *) values, header_text(value, (size_t) (line + length - value)));
}

/* "HTTP/1.1 404 Not Found": what follows the second blank. */
static const Doc *
status_text(const char *line, size_t length)
{
	const char *end = line + length;
	const char *p = memchr(line, ' ', length);

	p = p == NULL ? NULL : memchr(p + 1, ' ', (size_t) (end - p - 1));
	return p == NULL ? doc_text("") : header_text(p + 1, (size_t) (end - p - 1));
}

/* application/json, and all that ends in +json (RFC 6839); parameters and case don't matter. */
static bool
is_json(const char *content_type)
{
	size_t		length = strcspn(content_type, "; \t");
	char		type[101];

	if (length >= sizeof(type))
		return false;
	for (size_t i = 0; i < length; i++)
		type[i] = lower(content_type[i]);
	type[length] = '\0';
	return strcmp(type, "application/json") == 0 || strcmp(type, "text/json") == 0 ||
		(length > 5 && strcmp(type + length - 5, "+json") == 0);
}

const Doc *
http_task_result(int status, const char *head, const char *content_type,
				 const char *body, size_t body_length, Problem *problem)
{
	Doc		   *result = doc_object();
	Doc		   *headers = doc_object();
	const Doc  *text = doc_text("");
	const Doc  *content = NULL;
	Problem		no_json = {{0}, {0}};

	for (const char *line = head; *line != '\0';)
	{
		size_t		length = strcspn(line, "\n");

		if (line == head)
			text = status_text(line, length);
		else
			read_header(headers, line, length);
		line += length + (line[length] == '\n');
	}
	if (!doc_is_utf8(body, body_length))
	{
		problem_set(problem, "ResponseBody", "is no text in UTF-8");
		return NULL;
	}
	if (body_length > 0 && is_json(content_type))
		content = doc_parse(body, body_length, &no_json);
	doc_object_add(result, "StatusCode", doc_int(status));
	doc_object_add(result, "StatusText", text);
	doc_object_add(result, "Headers", headers);
	doc_object_add(result, "ResponseBody", content != NULL ? content : doc_string(body, body_length));
	return result;
}
