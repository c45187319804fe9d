/*
 * intrinsics.c
 *		Calls of intrinsic functions: parse, evaluate the arguments, apply.
 *
 * call := name '(' [argument (',' argument)*] ')'
 * argument := call | path | number | null | true | false | 'text'
 * In a text, \' \{ \} \\ are the only escapes.
 */
#include "asl/intrinsics.h"

#define MAX_ARGUMENTS 10000
#define ANY_COUNT UINT32_MAX

typedef struct CallCursor
{
	const char *text;
	const char *at;
	const char *end;
	Problem    *problem;
} CallCursor;

static const struct
{
	const char *name;
	Intrinsic	function;
	uint32_t	least;			/* arguments */
	uint32_t	most;
}			intrinsics[] = {
	{"States.Array", intrinsic_array, 0, ANY_COUNT},
	{"States.ArrayContains", intrinsic_array_contains, 2, 2},
	{"States.ArrayGetItem", intrinsic_array_get_item, 2, 2},
	{"States.ArrayLength", intrinsic_array_length, 1, 1},
	{"States.ArrayPartition", intrinsic_array_partition, 2, 2},
	{"States.ArrayRange", intrinsic_array_range, 3, 3},
	{"States.ArrayUnique", intrinsic_array_unique, 1, 1},
	{"States.Base64Decode", intrinsic_base64_decode, 1, 1},
	{"States.Base64Encode", intrinsic_base64_encode, 1, 1},
	{"States.Format", intrinsic_format, 1, ANY_COUNT},
	{"States.Hash", intrinsic_hash, 2, 2},
	{"States.JsonMerge", intrinsic_json_merge, 3, 3},
	{"States.JsonToString", intrinsic_json_to_string, 1, 1},
	{"States.MathAdd", intrinsic_math_add, 2, 2},
	{"States.MathRandom", intrinsic_math_random, 2, 3},
	{"States.StringSplit", intrinsic_string_split, 2, 2},
	{"States.StringToJson", intrinsic_string_to_json, 1, 1},
	{"States.UUID", intrinsic_uuid, 0, 0},
};

static bool
call_problem(CallCursor *cursor, const char *what)
{
	char		where[64];

	snprintf(where, sizeof(where), "character %zu", (size_t) (cursor->at - cursor->text) + 1);
	return problem_set(cursor->problem, where, "%s", what);
}

static void
skip_blanks(CallCursor *cursor)
{
	while (cursor->at < cursor->end && (*cursor->at == ' ' || *cursor->at == '\t' || *cursor->at == '\n'))
		cursor->at++;
}

static bool
take(CallCursor *cursor, char c)
{
	if (cursor->at == cursor->end || *cursor->at != c)
		return false;
	cursor->at++;
	return true;
}

static bool
is_word_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
		c == '_' || c == '+' || c == '-';
}

static bool
read_quoted(CallCursor *cursor, Argument *argument)
{
	const char *from = ++cursor->at;
	char	   *plain;
	size_t		length = 0;

	while (cursor->at < cursor->end && *cursor->at != '\'')
	{
		if (*cursor->at == '\\')
		{
			cursor->at++;
			if (cursor->at == cursor->end || *cursor->at == '\0' || strchr("'{}\\", *cursor->at) == NULL)
				return call_problem(cursor, "a backslash escapes ', {, } and \\ only");
		}
		cursor->at++;
	}
	if (cursor->at == cursor->end)
		return call_problem(cursor, "a quote is missing here");
	argument->raw_length = (uint32_t) (cursor->at - from);
	argument->raw = doc_string(from, argument->raw_length)->text;
	plain = mem_alloc(argument->raw_length + 1);
	for (uint32_t i = 0; i < argument->raw_length; i++)
	{
		if (from[i] == '\\')
			i++;
		plain[length++] = from[i];
	}
	argument->literal = doc_string(plain, length);
	mem_free(plain);
	cursor->at++;
	return true;
}

static const Call *read_call(CallCursor *cursor, int depth);

static bool
read_argument(CallCursor *cursor, Argument *argument, int depth)
{
	const char *from = cursor->at;

	if (cursor->at == cursor->end)
		return call_problem(cursor, "an argument is missing here");
	if (*cursor->at == '\'')
		return read_quoted(cursor, argument);
	if (*cursor->at == '$')
	{
		size_t		used;
		Problem		problem = {{0}, {0}};

		argument->path = path_parse_prefix(cursor->at, (size_t) (cursor->end - cursor->at), &used, &problem);
		cursor->at += used;
		return argument->path != NULL || call_problem(cursor, problem.message);
	}
	if (cursor->end - cursor->at >= 7 && memcmp(cursor->at, "States.", 7) == 0)
	{
		argument->call = read_call(cursor, depth + 1);
		return argument->call != NULL;
	}
	while (cursor->at < cursor->end && is_word_char(*cursor->at))
		cursor->at++;
	argument->literal = doc_parse(from, (size_t) (cursor->at - from), NULL);
	if (argument->literal == NULL)
	{
		cursor->at = from;
		return call_problem(cursor, "expected a path, a call, a number, null, true, false or text in single quotes");
	}
	return true;
}

static bool
read_name(CallCursor *cursor, Call *call, uint32_t *least, uint32_t *most)
{
	const char *from = cursor->at;
	size_t		length;

	while (cursor->at < cursor->end && is_word_char(*cursor->at))
		cursor->at++;
	length = (size_t) (cursor->at - from);
	for (size_t i = 0; i < lengthof(intrinsics); i++)
		if (strlen(intrinsics[i].name) == length && memcmp(intrinsics[i].name, from, length) == 0)
		{
			call->name = intrinsics[i].name;
			call->function = intrinsics[i].function;
			*least = intrinsics[i].least;
			*most = intrinsics[i].most;
			return true;
		}
	cursor->at = from;
	return call_problem(cursor, "unknown intrinsic function");
}

static const Call *
read_call(CallCursor *cursor, int depth)
{
	Call	   *call = mem_alloc_zero(sizeof(Call));
	const char *from = cursor->at;
	uint32_t	capacity = 0;
	uint32_t	least = 0;
	uint32_t	most = 0;

	base_check_interrupts();
	if (depth > CALL_MAX_DEPTH)
	{
		call_problem(cursor, "functions are nested deeper than 10 levels");
		return NULL;
	}
	if (!read_name(cursor, call, &least, &most))
		return NULL;
	skip_blanks(cursor);
	if (!take(cursor, '('))
	{
		call_problem(cursor, "a parenthesis is missing here");
		return NULL;
	}
	skip_blanks(cursor);
	if (!take(cursor, ')'))
		for (;;)
		{
			skip_blanks(cursor);
			if (call->count == MAX_ARGUMENTS)
			{
				call_problem(cursor, "too many arguments");
				return NULL;
			}
			if (call->count == capacity)
			{
				capacity = capacity == 0 ? 4 : capacity * 2;
				call->arguments = call->arguments == NULL ? mem_alloc(capacity * sizeof(Argument))
					: mem_realloc(call->arguments, capacity * sizeof(Argument));
			}
			memset(&call->arguments[call->count], 0, sizeof(Argument));
			if (!read_argument(cursor, &call->arguments[call->count++], depth))
				return NULL;
			skip_blanks(cursor);
			if (take(cursor, ','))
				continue;
			if (take(cursor, ')'))
				break;
			call_problem(cursor, "expected a comma or a parenthesis here");
			return NULL;
		}
	if (call->count < least || call->count > most)
	{
		call_problem(cursor, "wrong number of arguments");
		return NULL;
	}
	call->text = doc_string(from, (size_t) (cursor->at - from))->text;
	return call;
}

const Call *
call_parse(const char *text, size_t length, Problem *problem)
{
	CallCursor	cursor = {text, text, text + length, problem};
	const Call *call = read_call(&cursor, 1);

	if (call != NULL && cursor.at != cursor.end)
	{
		call_problem(&cursor, "unexpected character after the function");
		return NULL;
	}
	return call;
}

const Doc *
call_evaluate(const Call *call, AslScope *scope)
{
	Arguments	arguments = {call, NULL, call->count};
	const Doc  *few[4];
	const Doc  *result;

	if (!scope_work(scope, 1 + (int64_t) call->count))
		return NULL;
	arguments.values = call->count <= lengthof(few) ? few : mem_alloc(call->count * sizeof(Doc *));
	for (uint32_t i = 0; i < call->count; i++)
	{
		const Argument *argument = &call->arguments[i];

		if (argument->path != NULL)
			arguments.values[i] = path_evaluate(argument->path, scope);
		else if (argument->call != NULL)
			arguments.values[i] = call_evaluate(argument->call, scope);
		else
			arguments.values[i] = argument->literal;
		if (arguments.values[i] == NULL)
			return NULL;
	}
	result = call->function(&arguments, scope);
	if (result == NULL)
		return NULL;
	/* Only what was built from several values can be larger than they were. */
	return scope_limit(scope, result, call->name);
}

const Doc *
call_fail(const Arguments *arguments, AslScope *scope, const char *format,...)
{
	char		reason[256];
	va_list		args;

	va_start(args, format);
	vsnprintf(reason, sizeof(reason), format, args);
	va_end(args);
	return scope_fail(scope, ERROR_INTRINSIC, "the function '%s' failed: %s.", arguments->call->text, reason);
}

bool
call_text(const Arguments *arguments, uint32_t number, AslScope *scope)
{
	if (arguments->values[number]->kind == DOC_STRING)
		return true;
	call_fail(arguments, scope, "argument %u must be a text", number + 1);
	return false;
}

bool
call_array(const Arguments *arguments, uint32_t number, AslScope *scope)
{
	if (arguments->values[number]->kind == DOC_ARRAY)
		return true;
	call_fail(arguments, scope, "argument %u must be an array", number + 1);
	return false;
}

/* Largest magnitude that still leaves room for sums; far above the 32 bits of the original. */
#define LARGEST_INTEGER INT64_C(1000000000000000000)

bool
call_integer(const Arguments *arguments, uint32_t number, bool round, AslScope *scope, int64_t *value)
{
	const Doc  *argument = arguments->values[number];

	if (argument->kind != DOC_NUMBER)
	{
		call_fail(arguments, scope, "argument %u must be a number", number + 1);
		return false;
	}
	if (!doc_to_int64(argument, value))
	{
		double		given = doc_to_double(argument);
		double		rounded;

		if (!round)
		{
			call_fail(arguments, scope, "argument %u must be an integer", number + 1);
			return false;
		}
		if (!(given > -9e15 && given < 9e15))
		{
			call_fail(arguments, scope, "argument %u is out of range", number + 1);
			return false;
		}
		/* Halves upwards: -1.5 is -1. */
		*value = (int64_t) given;
		rounded = given - (double) *value;
		if (rounded >= 0.5)
			(*value)++;
		else if (rounded < -0.5)
			(*value)--;
	}
	if (*value > LARGEST_INTEGER || *value < -LARGEST_INTEGER)
	{
		call_fail(arguments, scope, "argument %u is out of range", number + 1);
		return false;
	}
	return true;
}
