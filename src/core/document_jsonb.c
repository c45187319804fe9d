/*
 * document_jsonb.c
 *		Between jsonb and Doc, without a detour through text.
 *
 * Doc is UTF-8, jsonb is in the database's encoding.  Recursion is bounded by
 * the server's stack check.  Numbers keep their scale in both directions;
 * an exponent of a Doc's number is written out, as numeric does.
 */
#include "postgres.h"

#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/numeric.h"

#include "core/document_index.h"
#include "core/document_jsonb.h"

/* What numeric holds: digits before and after the point (PostgreSQL manual, 8.1.2). */
#define NUMERIC_MAX_BEFORE	131072
#define NUMERIC_MAX_AFTER	16383

/* Integers of so many characters fit int64, sign included. */
#define INT64_SAFE_LENGTH	18

/* ------------------------------------------------------------------------
 * From jsonb
 * ---------------------------------------------------------------------- */

static const char *
text_to_utf8(const char *text, int length, size_t *utf8_length)
{
	char	   *converted = pg_server_to_any(text, length, PG_UTF8);

	*utf8_length = converted == text ? (size_t) length : strlen(converted);
	return converted;
}

static const Doc *
scalar_from(const JsonbValue *value)
{
	size_t		length;
	const char *text;
	char	   *digits;
	const Doc  *number;

	switch (value->type)
	{
		case jbvNull:
			return doc_null();
		case jbvBool:
			return doc_bool(value->val.boolean);
		case jbvString:
			text = text_to_utf8(value->val.string.val, value->val.string.len, &length);
			return doc_string(text, length);
		case jbvNumeric:
			digits = DatumGetCString(DirectFunctionCall1(numeric_out, NumericGetDatum(value->val.numeric)));
			number = doc_number(digits, strlen(digits));
			pfree(digits);
			return number;
		default:
			elog(ERROR, "unexpected kind of jsonb value: %d", (int) value->type);
	}
}

static const Doc *container_from(JsonbIterator **iterator, JsonbIteratorToken begin, const JsonbValue *opened);

/* A value whose first token has been read. */
static const Doc *
value_from(JsonbIterator **iterator, JsonbIteratorToken token, const JsonbValue *value)
{
	if (token == WJB_BEGIN_ARRAY || token == WJB_BEGIN_OBJECT)
		return container_from(iterator, token, value);
	return scalar_from(value);
}

static const Doc *
array_from(JsonbIterator **iterator)
{
	Doc		   *array = doc_array();
	JsonbValue	value;
	JsonbIteratorToken token;

	while ((token = JsonbIteratorNext(iterator, &value, false)) != WJB_END_ARRAY)
		doc_array_add(array, value_from(iterator, token, &value));
	return array;
}

static const Doc *
object_from(JsonbIterator **iterator, int count)
{
	Doc		   *object = doc_object();
	DocMember  *members = count > 0 ? palloc(count * sizeof(DocMember)) : NULL;
	int			filled = 0;
	JsonbValue	value;
	JsonbIteratorToken token;

	while ((token = JsonbIteratorNext(iterator, &value, false)) == WJB_KEY)
	{
		size_t		length;
		const char *key = text_to_utf8(value.val.string.val, value.val.string.len, &length);
		char	   *copy = palloc(length + 1);

		memcpy(copy, key, length);
		copy[length] = '\0';
		Assert(filled < count);
		members[filled].key = copy;
		members[filled].key_length = (uint32_t) length;
		token = JsonbIteratorNext(iterator, &value, false);
		members[filled].value = value_from(iterator, token, &value);
		filled++;
	}
	doc_index_build(object, members, (uint32_t) filled);
	if (members != NULL)
		pfree(members);
	return object;
}

static const Doc *
container_from(JsonbIterator **iterator, JsonbIteratorToken begin, const JsonbValue *opened)
{
	check_stack_depth();
	CHECK_FOR_INTERRUPTS();
	if (begin == WJB_BEGIN_ARRAY)
		return array_from(iterator);
	return object_from(iterator, opened->val.object.nPairs);
}

const Doc *
doc_from_jsonb(const Jsonb *jsonb)
{
	JsonbContainer *root = (JsonbContainer *) &jsonb->root;
	JsonbValue	value;
	JsonbIterator *iterator;
	JsonbIteratorToken token;

	if (JsonContainerIsScalar(root))
	{
		if (!JsonbExtractScalar(root, &value))
			elog(ERROR, "invalid jsonb scalar");
		return scalar_from(&value);
	}
	iterator = JsonbIteratorInit(root);
	token = JsonbIteratorNext(&iterator, &value, false);
	return container_from(&iterator, token, &value);
}

/* ------------------------------------------------------------------------
 * To jsonb
 * ---------------------------------------------------------------------- */

typedef struct Writing
{
	JsonbParseState *state;
	JsonbValue *root;			/* of the last push: the root at the end */
	Problem    *problem;
	uint64		size;			/* of the jsonb so far, a lower bound */
} Writing;

/* jsonb's offsets have 28 bits (JENTRY_OFFLENMASK), a datum at most 1 GB. */
static bool
size_add(Writing *writing, uint64 bytes)
{
	writing->size += bytes;
	if (writing->size > JENTRY_OFFLENMASK)
		return problem_set(writing->problem, NULL, "document is larger than jsonb can hold");
	return true;
}

static bool
text_to(Writing *writing, JsonbValue *value, const char *text, size_t length)
{
	char	   *converted;

	if (memchr(text, '\0', length) != NULL)
		return problem_set(writing->problem, NULL, "text contains U+0000, which jsonb can't hold");
	if (!size_add(writing, length + sizeof(JEntry)))
		return false;
	converted = pg_any_to_server(text, (int) length, PG_UTF8);
	value->type = jbvString;
	value->val.string.val = converted;
	value->val.string.len = converted == text ? (int) length : (int) strlen(converted);
	return true;
}

/* Whether numeric holds a number of JSON syntax; saying so first, because numeric_in raises. */
static bool
number_fits(const char *text)
{
	int64		before = 0;		/* digits before the point, from the first that isn't 0 */
	int64		after = 0;		/* digits after the point */
	int64		leading = 0;	/* zeros after the point before the first other digit */
	int64		exponent = 0;
	bool		zero = true;
	bool		negative;
	const char *p = text;

	if (*p == '-')
		p++;
	for (; *p >= '0' && *p <= '9'; p++)
	{
		zero = zero && *p == '0';
		before += zero ? 0 : 1;
	}
	if (*p == '.')
	{
		for (p++; *p >= '0' && *p <= '9'; p++, after++)
		{
			zero = zero && *p == '0';
			leading += zero ? 1 : 0;
		}
	}
	if (*p == 'e' || *p == 'E')
	{
		p++;
		negative = *p == '-';
		if (*p == '-' || *p == '+')
			p++;
		for (; *p >= '0' && *p <= '9'; p++)
			if (exponent < NUMERIC_MAX_BEFORE * INT64CONST(1000))
				exponent = exponent * 10 + (*p - '0');
		if (negative)
			exponent = -exponent;
	}
	if (after - exponent > NUMERIC_MAX_AFTER)
		return false;
	/* numeric_in refuses such an exponent whatever the digits are. */
	if (exponent >= NUMERIC_MAX_BEFORE * INT64CONST(1000))
		return false;
	return zero || (before > 0 ? before : -leading) + exponent <= NUMERIC_MAX_BEFORE;
}

static bool
number_to(Writing *writing, JsonbValue *value, const Doc *number)
{
	Numeric		numeric;
	int64_t		integer;

	if (number->length <= INT64_SAFE_LENGTH &&
		strspn(number->text, "-0123456789") == number->length &&
		doc_to_int64(number, &integer))
		numeric = int64_to_numeric(integer);
	else if (number_fits(number->text))
		numeric = DatumGetNumeric(DirectFunctionCall3(numeric_in, CStringGetDatum(number->text),
													  ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1)));
	else
		return problem_set(writing->problem, NULL, "number is beyond what numeric can hold");
	value->type = jbvNumeric;
	value->val.numeric = numeric;
	return size_add(writing, VARSIZE_ANY(numeric) + sizeof(JEntry));
}

static bool
scalar_to(Writing *writing, JsonbValue *value, const Doc *doc)
{
	switch (doc->kind)
	{
		case DOC_NULL:
			value->type = jbvNull;
			return size_add(writing, sizeof(JEntry));
		case DOC_BOOL:
			value->type = jbvBool;
			value->val.boolean = doc->boolean;
			return size_add(writing, sizeof(JEntry));
		case DOC_NUMBER:
			return number_to(writing, value, doc);
		default:
			return text_to(writing, value, doc->text, doc->length);
	}
}

static bool container_to(Writing *writing, const Doc *doc);

/* A member's value or an item, as the token says. */
static bool
element_to(Writing *writing, const Doc *doc, JsonbIteratorToken token)
{
	JsonbValue	value;

	if (doc->kind == DOC_ARRAY || doc->kind == DOC_OBJECT)
		return container_to(writing, doc);
	if (!scalar_to(writing, &value, doc))
		return false;
	writing->root = pushJsonbValue(&writing->state, token, &value);
	return true;
}

static bool
container_to(Writing *writing, const Doc *doc)
{
	bool		is_array = doc->kind == DOC_ARRAY;

	check_stack_depth();
	CHECK_FOR_INTERRUPTS();
	if (!size_add(writing, sizeof(JEntry) + sizeof(JsonbContainer)))
		return false;
	(void) pushJsonbValue(&writing->state, is_array ? WJB_BEGIN_ARRAY : WJB_BEGIN_OBJECT, NULL);
	for (uint32_t i = 0; i < doc->length; i++)
	{
		JsonbValue	key;

		if (is_array)
		{
			if (!element_to(writing, doc->items[i], WJB_ELEM))
				return false;
			continue;
		}
		if (!text_to(writing, &key, doc->members[i].key, doc->members[i].key_length))
			return false;
		(void) pushJsonbValue(&writing->state, WJB_KEY, &key);
		if (!element_to(writing, doc->members[i].value, WJB_VALUE))
			return false;
	}
	writing->root = pushJsonbValue(&writing->state, is_array ? WJB_END_ARRAY : WJB_END_OBJECT, NULL);
	return true;
}

Jsonb *
doc_to_jsonb(const Doc *doc, Problem *problem)
{
	Writing		writing = {.problem = problem};
	JsonbValue	scalar;

	if (doc->kind != DOC_ARRAY && doc->kind != DOC_OBJECT)
		return scalar_to(&writing, &scalar, doc) ? JsonbValueToJsonb(&scalar) : NULL;
	return container_to(&writing, doc) ? JsonbValueToJsonb(writing.root) : NULL;
}
