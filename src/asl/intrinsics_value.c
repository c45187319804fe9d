/*
 * intrinsics_value.c
 *		Functions on JSON values and numbers, and States.UUID.
 */
#include "asl/intrinsics.h"

#include "core/digest.h"

static bool
is_blank(const Doc *text)
{
	for (uint32_t i = 0; i < text->length; i++)
		if (text->text[i] == '\0' || strchr(" \t\r\n", text->text[i]) == NULL)
			return false;
	return true;
}

/* The JSON value that a text holds; a blank text gives null. */
const Doc *
intrinsic_string_to_json(const Arguments *arguments, AslScope *scope)
{
	const Doc  *text = arguments->values[0];
	const Doc  *value;
	Problem		problem = {{0}, {0}};

	if (!call_text(arguments, 0, scope))
		return NULL;
	if (is_blank(text))
		return doc_null();
	value = doc_parse(text->text, text->length, &problem);
	if (value == NULL)
		return call_fail(arguments, scope, "the text is no JSON, %s at %s", problem.message, problem.where);
	return value;
}

/* Compact JSON. */
const Doc *
intrinsic_json_to_string(const Arguments *arguments, AslScope *scope)
{
	const Doc  *value = scope_limit(scope, arguments->values[0], "the argument of States.JsonToString");
	char	   *text;
	size_t		length;

	if (value == NULL)
		return NULL;
	text = doc_write(value, &length);
	return doc_string(text, length);
}

/* Shallow: members of the second object win. The third argument says so and must be false. */
const Doc *
intrinsic_json_merge(const Arguments *arguments, AslScope *scope)
{
	const Doc  *second = arguments->values[1];
	Doc		   *merged;

	if (arguments->values[0]->kind != DOC_OBJECT || second->kind != DOC_OBJECT)
		return call_fail(arguments, scope, "both values must be objects");
	if (arguments->values[2]->kind != DOC_BOOL)
		return call_fail(arguments, scope, "argument 3 must be true or false");
	if (arguments->values[2]->boolean)
		return call_fail(arguments, scope, "deep merging does not exist, argument 3 must be false");
	merged = doc_copy_shallow(arguments->values[0]);
	for (uint32_t i = 0; i < second->length; i++)
		doc_object_add_n(merged, second->members[i].key, second->members[i].key_length, second->members[i].value);
	return merged;
}

/* The sum of both numbers, each rounded to an integer first, halves upwards. */
const Doc *
intrinsic_math_add(const Arguments *arguments, AslScope *scope)
{
	int64_t		a,
				b;

	if (!call_integer(arguments, 0, true, scope, &a) || !call_integer(arguments, 1, true, scope, &b))
		return NULL;
	return doc_int(a + b);
}

/* SplitMix64: a good bit mixer, so that neighbouring seeds give unrelated numbers. */
static uint64_t
mix(uint64_t seed)
{
	seed += UINT64_C(0x9e3779b97f4a7c15);
	seed = (seed ^ (seed >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	seed = (seed ^ (seed >> 27)) * UINT64_C(0x94d049bb133111eb);
	return seed ^ (seed >> 31);
}

/* An integer from the first argument up to, not including, the second. */
const Doc *
intrinsic_math_random(const Arguments *arguments, AslScope *scope)
{
	int64_t		first,
				end,
				seed;
	uint64_t	bits;

	if (!call_integer(arguments, 0, true, scope, &first) || !call_integer(arguments, 1, true, scope, &end))
		return NULL;
	if (first >= end)
		return call_fail(arguments, scope, "the start must be below the end");
	if (arguments->count == 3)
	{
		if (!call_integer(arguments, 2, true, scope, &seed))
			return NULL;
		bits = mix((uint64_t) seed);
	}
	else
	{
		/* Several calls in one decision must differ: the work done so far differs. */
		bits = mix((uint64_t) (scope->position->random * 9007199254740992.0) ^
				   (uint64_t) scope->work << 40);
	}
	return doc_int(first + (int64_t) (bits % (uint64_t) (end - first)));
}

/* Version 4 (RFC 9562), from the operating system's random numbers: the one function that isn't pure. */
const Doc *
intrinsic_uuid(const Arguments *arguments, AslScope *scope)
{
	uint8_t		bytes[16];
	char		text[40];
	size_t		used = 0;

	if (!digest_random(bytes, sizeof(bytes)))
		return call_fail(arguments, scope, "there are no random numbers");
	bytes[6] = (uint8_t) ((bytes[6] & 0x0f) | 0x40);
	bytes[8] = (uint8_t) ((bytes[8] & 0x3f) | 0x80);
	for (size_t i = 0; i < sizeof(bytes); i++)
	{
		if (i == 4 || i == 6 || i == 8 || i == 10)
			text[used++] = '-';
		text[used++] = "0123456789abcdef"[bytes[i] >> 4];
		text[used++] = "0123456789abcdef"[bytes[i] & 15];
	}
	return doc_string(text, used);
}
