/*
 * asl_intrinsics.c
 *		A call of an intrinsic function, a line feed, and its input: no crash,
 *		and either a value within the limit or a failure with a name.
 */
#include "asl/intrinsics.h"
#include "asl/plan.h"

extern int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *) data;
	const char *line = memchr(text, '\n', size);
	size_t		length = line == NULL ? size : (size_t) (line - text);
	Problem		problem = {{0}, {0}};
	const Call *call = call_parse(text, length, &problem);
	const Doc  *doc = line == NULL ? NULL : doc_parse(line + 1, size - length - 1, NULL);
	AslState	state = {.name = "S"};
	AslPosition position = {0};
	AslScope	scope;
	const Doc  *value;

	if ((call == NULL) != (problem.message[0] != '\0'))
		abort();
	if (call != NULL)
	{
		position.state = &state;
		position.input = doc == NULL ? doc_object() : doc;
		position.max_payload = 65536;
		scope_init(&scope, &position, position.input);
		scope.work = SCOPE_WORK / 10;
		value = call_evaluate(call, &scope);
		if ((value == NULL) != (scope.error != NULL))
			abort();
		if (value != NULL && !doc_fits(value, SCOPE_DEPTH, 65536))
			abort();
	}
	mem_reset();
	return 0;
}
