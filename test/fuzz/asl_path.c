/*
 * asl_path.c
 *		A path, a line feed, and a document: parse, evaluate, and, where it is a
 *		reference path, write a value and read it back.
 */
#include "asl/path.h"
#include "asl/plan.h"

extern int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *) data;
	const char *line = memchr(text, '\n', size);
	size_t		length = line == NULL ? size : (size_t) (line - text);
	Problem		problem = {{0}, {0}};
	const Path *path = path_parse(text, length, &problem);
	const Doc  *doc = line == NULL ? NULL : doc_parse(line + 1, size - length - 1, NULL);
	AslState	state = {.name = "S"};
	AslPosition position = {0};
	AslScope	scope;

	if ((path == NULL) != (problem.message[0] != '\0'))
		abort();
	if (path != NULL && doc != NULL)
	{
		position.state = &state;
		position.input = doc;
		position.variables = doc;
		scope_init(&scope, &position, doc);
		/* A tenth of the usual work keeps one input short. */
		scope.work = SCOPE_WORK / 10;
		if ((path_evaluate(path, &scope) == NULL) != (scope.error != NULL))
			abort();
		if (path_is_reference(path))
		{
			const Doc  *value = doc_text("written");
			const Doc  *result;

			scope_init(&scope, &position, doc);
			result = path_write(path, doc, value, &scope);
			if ((result == NULL) != (scope.error != NULL))
				abort();
			scope.input = result;
			if (result != NULL && path_evaluate(path, &scope) != value)
				abort();
		}
	}
	mem_reset();
	return 0;
}
