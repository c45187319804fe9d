/*
 * http_task.c
 *		A document as a state's request, and bytes as a server's answer: whatever is
 *		accepted has one line a header and a URL of printable ASCII.
 *
 * Links: src/chain/http_task.c
 */
#include "chain/http_task.h"

extern int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool
is_one_line(const char *text, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if (text[i] == '\r' || text[i] == '\n' || text[i] == '\0')
			return false;
	return true;
}

static void
request(const char *text, size_t size)
{
	Problem		problem = {{0}, {0}};
	const Doc  *doc = doc_parse(text, size, &problem);
	HttpTask	task;

	if (doc == NULL)
		return;
	(void) http_task_check(doc, &problem);
	problem.message[0] = '\0';
	if (!http_task_parse(doc, &task, &problem))
	{
		if (problem.message[0] == '\0')
			abort();
		return;
	}
	if (task.method == NULL || strlen(task.url) > HTTP_TASK_URL_MAX)
		abort();
	for (const char *c = task.url; *c != '\0'; c++)
		if (*c <= ' ' || *c == 127)
			abort();
	for (uint32_t i = 0; i < task.headers->length; i++)
		if (!is_one_line(task.headers->items[i]->text, task.headers->items[i]->length))
			abort();
}

/* The first line is the content type, the rest is head and body at once. */
static void
answer(const char *text, size_t size)
{
	Problem		problem = {{0}, {0}};
	char	   *copy = mem_alloc(size + 1);
	const char *head;
	const Doc  *result;
	char	   *end;

	memcpy(copy, text, size);
	copy[size] = '\0';
	end = strchr(copy, '\n');
	head = end == NULL ? "" : end + 1;
	if (end != NULL)
		*end = '\0';
	result = http_task_result(200, head, copy, head, strlen(head), &problem);
	if (result == NULL)
	{
		if (problem.message[0] == '\0')
			abort();
		return;
	}
	if (!doc_is(doc_get(result, "Headers"), DOC_OBJECT) || doc_write(result, NULL) == NULL)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	request((const char *) data, size);
	answer((const char *) data, size);
	mem_reset();
	return 0;
}
