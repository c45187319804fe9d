/*
 * path_parse.c
 *		JSONPath text to steps.
 */
#include "asl/path.h"

#define MAX_STEPS 1000
#define MAX_UNION 1000
#define MAX_NESTING 32
#define MAX_VARIABLE 80

bool
path_problem(PathCursor *cursor, const char *what)
{
	char		where[64];

	snprintf(where, sizeof(where), "character %zu", (size_t) (cursor->at - cursor->text) + 1);
	return problem_set(cursor->problem, where, "%s", what);
}

void
path_blanks(PathCursor *cursor)
{
	while (cursor->at < cursor->end && *cursor->at == ' ')
		cursor->at++;
}

static bool
peek(const PathCursor *cursor, char c)
{
	return cursor->at < cursor->end && *cursor->at == c;
}

static bool
take(PathCursor *cursor, char c)
{
	if (!peek(cursor, c))
		return false;
	cursor->at++;
	return true;
}

static bool
is_variable_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
		((unsigned char) c & 0x80) != 0;
}

/* Whatever ends a name after a dot; all other characters may be part of it. */
static bool
ends_name(char c)
{
	return c != '\0' ? strchr(".[](){}'\",?*=!<>&|\\ ", c) != NULL : true;
}

/*
 * A quoted name, in ' or ".  A backslash escapes that quote and itself;
 * before any other character it is an ordinary one.
 */
bool
path_read_quoted(PathCursor *cursor, PathKey *key)
{
	char		quote = *cursor->at++;
	const char *from = cursor->at;
	char	   *out;
	size_t		length = 0;

	while (cursor->at < cursor->end && *cursor->at != quote)
		cursor->at += *cursor->at == '\\' && cursor->at + 1 < cursor->end ? 2 : 1;
	if (cursor->at >= cursor->end)
	{
		cursor->at = cursor->end;
		return path_problem(cursor, "a quote is missing here");
	}
	out = mem_alloc((size_t) (cursor->at - from) + 1);
	for (const char *c = from; c < cursor->at; c++)
	{
		if (*c == '\\' && c + 1 < cursor->at && (c[1] == quote || c[1] == '\\'))
			c++;
		out[length++] = *c;
	}
	out[length] = '\0';
	cursor->at++;
	key->text = out;
	key->length = (uint32_t) length;
	return true;
}

static bool
read_integer(PathCursor *cursor, int64_t *value)
{
	bool		negative = take(cursor, '-');
	int64_t		sum = 0;

	if (cursor->at == cursor->end || *cursor->at < '0' || *cursor->at > '9')
		return path_problem(cursor, "an index needs a digit here");
	for (; cursor->at < cursor->end && *cursor->at >= '0' && *cursor->at <= '9'; cursor->at++)
	{
		sum = sum * 10 + (*cursor->at - '0');
		if (sum > INT32_MAX)
			return path_problem(cursor, "index out of range");
	}
	*value = negative ? -sum : sum;
	return true;
}

/* After a dot and a name, at an opening parenthesis. */
static bool
read_function(PathCursor *cursor, PathStep *step, const char *name, size_t length)
{
	static const struct
	{
		const char *name;
		PathFunction function;
	}			functions[] = {
		{"length", FUNCTION_LENGTH}, {"size", FUNCTION_LENGTH}, {"keys", FUNCTION_KEYS}, {"min", FUNCTION_MIN},
		{"max", FUNCTION_MAX}, {"first", FUNCTION_FIRST}, {"last", FUNCTION_LAST},
	};

	for (size_t i = 0; i < lengthof(functions); i++)
		if (strlen(functions[i].name) == length && memcmp(functions[i].name, name, length) == 0)
		{
			step->kind = STEP_FUNCTION;
			step->function = functions[i].function;
			cursor->at++;
			if (!take(cursor, ')'))
				return path_problem(cursor, "a function in a path takes no arguments");
			return true;
		}
	return path_problem(cursor, "unknown function in a path");
}

/* A name, * or function after a dot. */
static bool
read_dot_step(PathCursor *cursor, PathStep *step)
{
	const char *from = cursor->at;

	if (take(cursor, '*'))
	{
		step->kind = STEP_WILDCARD;
		return true;
	}
	while (cursor->at < cursor->end && !ends_name(*cursor->at))
		cursor->at++;
	if (cursor->at == from)
		return path_problem(cursor, "a name is missing here");
	if (peek(cursor, '('))
		return read_function(cursor, step, from, (size_t) (cursor->at - from));
	step->kind = STEP_KEY;
	step->key.length = (uint32_t) (cursor->at - from);
	step->key.text = doc_string(from, step->key.length)->text;
	return true;
}

static bool
read_quoted_step(PathCursor *cursor, PathStep *step)
{
	uint32_t	capacity = 0;

	for (;;)
	{
		PathKey		key;

		path_blanks(cursor);
		if (!peek(cursor, '\'') && !peek(cursor, '"'))
			return path_problem(cursor, "a quoted name is missing here");
		if (!path_read_quoted(cursor, &key))
			return false;
		if (step->count == MAX_UNION)
			return path_problem(cursor, "too many names");
		if (step->count == capacity)
		{
			capacity = capacity == 0 ? 4 : capacity * 2;
			step->keys = step->keys == NULL ? mem_alloc(capacity * sizeof(PathKey))
				: mem_realloc(step->keys, capacity * sizeof(PathKey));
		}
		step->keys[step->count++] = key;
		path_blanks(cursor);
		if (!take(cursor, ','))
			break;
	}
	step->kind = step->count == 1 ? STEP_KEY : STEP_KEYS;
	step->key = step->keys[0];
	return true;
}

/* [3], [1,2], [1:5], [:5], [-2:], [::2] */
static bool
read_number_step(PathCursor *cursor, PathStep *step)
{
	uint32_t	capacity = 0;

	step->kind = STEP_INDEX;
	if (!peek(cursor, ':'))
	{
		if (!read_integer(cursor, &step->index))
			return false;
		step->has_begin = true;
		path_blanks(cursor);
	}
	if (take(cursor, ':'))
	{
		step->kind = STEP_SLICE;
		step->end = INT64_MAX;
		step->stride = 1;
		path_blanks(cursor);
		if (!peek(cursor, ']') && !peek(cursor, ':') && !read_integer(cursor, &step->end))
			return false;
		path_blanks(cursor);
		if (take(cursor, ':'))
		{
			path_blanks(cursor);
			if (!peek(cursor, ']') && !read_integer(cursor, &step->stride))
				return false;
			if (step->stride <= 0)
				return path_problem(cursor, "the step of a slice must be positive");
		}
		return true;
	}
	while (peek(cursor, ','))
	{
		if (step->count == 0)
		{
			capacity = 4;
			step->kind = STEP_INDEXES;
			step->indexes = mem_alloc(capacity * sizeof(int64_t));
			step->indexes[step->count++] = step->index;
		}
		if (step->count == MAX_UNION)
			return path_problem(cursor, "too many indexes");
		if (step->count == capacity)
		{
			capacity *= 2;
			step->indexes = mem_realloc(step->indexes, capacity * sizeof(int64_t));
		}
		cursor->at++;
		path_blanks(cursor);
		if (!read_integer(cursor, &step->indexes[step->count++]))
			return false;
		path_blanks(cursor);
	}
	return true;
}

/* After an opening bracket. */
static bool
read_bracket_step(PathCursor *cursor, PathStep *step)
{
	bool		read;

	path_blanks(cursor);
	if (take(cursor, '*'))
	{
		step->kind = STEP_WILDCARD;
		read = true;
	}
	else if (peek(cursor, '\'') || peek(cursor, '"'))
		read = read_quoted_step(cursor, step);
	else if (take(cursor, '?'))
	{
		path_blanks(cursor);
		if (!take(cursor, '('))
			return path_problem(cursor, "a filter needs a parenthesis here");
		step->kind = STEP_FILTER;
		step->filter = filter_read(cursor);
		if (step->filter == NULL)
			return false;
		path_blanks(cursor);
		if (!take(cursor, ')'))
			return path_problem(cursor, "a parenthesis is missing here");
		read = true;
	}
	else
		read = read_number_step(cursor, step);
	if (!read)
		return false;
	path_blanks(cursor);
	if (!take(cursor, ']'))
		return path_problem(cursor, "a bracket is missing here");
	return true;
}

static bool
read_root(PathCursor *cursor, Path *path)
{
	const char *from;

	if (take(cursor, '@'))
	{
		path->root = ROOT_ITEM;
		return true;
	}
	if (!take(cursor, '$'))
		return path_problem(cursor, "a path starts with $");
	if (take(cursor, '$'))
	{
		path->root = ROOT_CONTEXT;
		return true;
	}
	from = cursor->at;
	while (cursor->at < cursor->end && is_variable_char(*cursor->at))
		cursor->at++;
	if (cursor->at == from)
	{
		path->root = ROOT_INPUT;
		return true;
	}
	path->root = ROOT_VARIABLE;
	path->variable.length = (uint32_t) (cursor->at - from);
	path->variable.text = doc_string(from, path->variable.length)->text;
	if (path->variable.length > MAX_VARIABLE || (*from >= '0' && *from <= '9'))
		return path_problem(cursor, "no name of a variable");
	return true;
}

const Path *
path_read(PathCursor *cursor)
{
	Path	   *path = mem_alloc_zero(sizeof(Path));
	const char *from = cursor->at;
	uint32_t	capacity = 0;
	bool		functions = false;

	base_check_interrupts();
	if (cursor->depth > MAX_NESTING)
	{
		path_problem(cursor, "nested too deeply");
		return NULL;
	}
	if (!read_root(cursor, path))
		return NULL;
	path->definite = true;
	while (peek(cursor, '.') || peek(cursor, '['))
	{
		PathStep   *step;
		bool		read;

		if (functions)
		{
			path_problem(cursor, "a function must be the end of a path");
			return NULL;
		}
		if (path->count == MAX_STEPS)
		{
			path_problem(cursor, "too many steps");
			return NULL;
		}
		if (path->count == capacity)
		{
			capacity = capacity == 0 ? 4 : capacity * 2;
			path->steps = path->steps == NULL ? mem_alloc(capacity * sizeof(PathStep))
				: mem_realloc(path->steps, capacity * sizeof(PathStep));
		}
		step = &path->steps[path->count++];
		memset(step, 0, sizeof(*step));
		if (take(cursor, '['))
			read = read_bracket_step(cursor, step);
		else
		{
			cursor->at++;
			step->descend = take(cursor, '.');
			if (step->descend && take(cursor, '['))
				read = read_bracket_step(cursor, step);
			else if (!step->descend && peek(cursor, '['))
				read = path_problem(cursor, "a name is missing here");
			else
				read = read_dot_step(cursor, step);
		}
		if (!read)
			return NULL;
		if (step->kind == STEP_FUNCTION)
			functions = true;
		else if (step->descend || (step->kind != STEP_KEY && step->kind != STEP_INDEX))
			path->definite = false;
	}
	path->length = (uint32_t) (cursor->at - from);
	path->text = doc_string(from, path->length)->text;
	return path;
}

const Path *
path_parse_prefix(const char *text, size_t length, size_t *used, Problem *problem)
{
	PathCursor	cursor = {text, text, text + length, 0, problem};
	const Path *path;

	if (length > 0 && *text == '@')
	{
		path_problem(&cursor, "a path starts with $");
		return NULL;
	}
	path = path_read(&cursor);
	*used = (size_t) (cursor.at - text);
	return path;
}

const Path *
path_parse(const char *text, size_t length, Problem *problem)
{
	size_t		used;
	const Path *path = path_parse_prefix(text, length, &used, problem);

	if (path != NULL && used < length)
	{
		PathCursor	cursor = {text, text + used, text + length, 0, problem};

		path_problem(&cursor, "unexpected character in a path");
		return NULL;
	}
	return path;
}

bool
path_is_reference(const Path *path)
{
	if (path->root != ROOT_INPUT || !path->definite)
		return false;
	for (uint32_t i = 0; i < path->count; i++)
		if (path->steps[i].kind == STEP_FUNCTION || (path->steps[i].kind == STEP_INDEX && path->steps[i].index < 0))
			return false;
	return true;
}
