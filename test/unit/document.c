/*
 * document.c
 *		Promise: a JSON document comes out as it went in, exactly, and hostile
 *		text is refused in linear time.
 */
#include <time.h>

#include "core/document.h"

#include "check.h"

static char *
round_trip(const char *text)
{
	Problem		problem = {{0}, {0}};
	const Doc  *doc = doc_parse(text, strlen(text), &problem);

	return doc == NULL ? NULL : doc_write(doc, NULL);
}

static void
same(const char *text)
{
	check_text(round_trip(text), text, text);
}

static void
becomes(const char *text, const char *expected)
{
	check_text(round_trip(text), expected, text);
}

static void
refused(const char *text, size_t length, const char *message, const char *where)
{
	Problem		problem = {{0}, {0}};
	const Doc  *doc = doc_parse(text, length, &problem);

	check(doc == NULL, "refused: %s", message);
	check_text(problem.message, message, "its message");
	if (where != NULL)
		check_text(problem.where, where, "its place");
}

static const Doc *
parsed(const char *text)
{
	Problem		problem = {{0}, {0}};

	return doc_parse(text, strlen(text), &problem);
}

static void
test_parse(void)
{
	static const char *const refusals[][2] = {
		{"", "unexpected end"}, {" ", "unexpected end"}, {"[", "unexpected end"}, {"[1", "expected a comma or ] here"},
		{"[1,]", "expected a value here"}, {"[1 2]", "expected a comma or ] here"}, {"{", "expected a member's name here"},
		{"{\"a\"}", "expected a colon here"}, {"{\"a\":1,}", "expected a member's name here"}, {"{a:1}", "expected a member's name here"},
		{"{\"a\":1", "expected a comma or } here"}, {"{\"a\" 1}", "expected a colon here"}, {"nul", "expected a value here"},
		{"True", "expected a value here"}, {"01", "a number must not start with a zero"}, {"-", "a number needs a digit here"},
		{"1.", "a fraction needs a digit here"}, {".5", "expected a value here"}, {"1e", "an exponent needs a digit here"},
		{"1e+", "an exponent needs a digit here"}, {"+1", "expected a value here"}, {"1e1000000", "exponent out of range"},
		{"NaN", "expected a value here"}, {"1 2", "expected the end here"}, {"\"a", "unterminated string"}, {"\"\\", "unterminated string"},
		{"\"\\x\"", "unknown escape"}, {"\"\\u12g4\"", "\\u needs four hexadecimal digits"}, {"\"\\u12", "\\u needs four hexadecimal digits"},
		{"\"\\ud800\"", "half of a surrogate pair"}, {"\"\\udc00\"", "half of a surrogate pair"}, {"\"\\ud800\\u0041\"", "half of a surrogate pair"},
		{"\"\n\"", "a control character in a string must be escaped"}, {"\"\xff\"", "not UTF-8"}, {"\"\xc0\x80\"", "not UTF-8"},
		{"\"\xed\xa0\x80\"", "not UTF-8"}, {"\"\xf4\x90\x80\x80\"", "not UTF-8"}, {"\"\xe2\x82\"", "not UTF-8"}, {"'a'", "expected a value here"},
		{"// c\n1", "expected a value here"}, {"[1]]", "expected the end here"},
	};
	char		deep[2 * DOC_MAX_DEPTH + 3];

	same("null");
	same("true");
	same("false");
	same("0");
	same("-1.50e+10");
	same("115792089237316195423570985008687907853269984665640564039457584007913129639935");
	becomes("-0", "0");
	same("-0.0");
	same("\"\"");
	same("\"a\\\"b\\\\c\\n\\u0000\\u001f\"");
	becomes("\"\\u00e9\\ud83d\\ude00\\/\\b\\f\\t\\r\"", "\"\xc3\xa9\xf0\x9f\x98\x80/\\b\\f\\t\\r\"");
	same("\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\x7f\"");
	same("[]");
	same("{}");
	same("[1,[2,[3,{}]],{\"a\":[]}]");
	becomes(" [ 1 ,\t{ \"a\" : null } ]\r\n", "[1,{\"a\":null}]");
	becomes("{\"a\":1,\"b\":2,\"a\":3}", "{\"a\":3,\"b\":2}");
	same("{\"\":1,\"b\\u0000c\":2}");
	for (size_t i = 0; i < lengthof(refusals); i++)
		refused(refusals[i][0], strlen(refusals[i][0]), refusals[i][1], NULL);
	refused("[1,x]", 5, "expected a value here", "byte 4");
	refused("1\0", 2, "expected the end here", "byte 2");

	memset(deep, '[', DOC_MAX_DEPTH + 1);
	memset(deep + DOC_MAX_DEPTH + 1, ']', DOC_MAX_DEPTH + 1);
	refused(deep, 2 * DOC_MAX_DEPTH + 2, "nested too deeply", NULL);
	deep[DOC_MAX_DEPTH] = ']';
	{
		Problem		problem = {{0}, {0}};

		check(doc_parse(deep, 2 * DOC_MAX_DEPTH, &problem) != NULL, "the deepest nesting allowed");
	}
}

static void
test_numbers(void)
{
	static const struct
	{
		const char *a;
		const char *b;
		int			order;
	}			orders[] = {
		{"1", "1.0", 0}, {"1", "1e0", 0}, {"100", "1e2", 0}, {"0.01", "1e-2", 0}, {"0", "-0.0", 0}, {"0", "0e5", 0},
		{"-1", "1", -1}, {"-2", "-1", -1}, {"9", "10", -1}, {"1.1", "1.09", 1}, {"0.1", "0.10000000000000000000001", -1},
		{"9007199254740993", "9007199254740992", 1}, {"9007199254740993.0", "9007199254740992", 1}, {"123e-1", "12.3", 0},
		{"10000000000000000000000000000000000000001", "10000000000000000000000000000000000000002", -1},
		{"-10000000000000000000000000000000000000001", "-10000000000000000000000000000000000000002", 1},
		{"1e400", "1e401", -1}, {"1e-400", "0", 1}, {"-1e-400", "0", -1}, {"0.00120", "1.2E-3", 0}, {"99.9", "100", -1},
		{"123456789012345678", "123456789012345678.5", -1}, {"1000000000000000000000", "1e21", 0}, {"10.10", "10.1", 0},
	};
	int64_t		value = 7;

	for (size_t i = 0; i < lengthof(orders); i++)
	{
		const Doc  *a = parsed(orders[i].a);
		const Doc  *b = parsed(orders[i].b);

		check(doc_compare_numbers(a, b) == orders[i].order && doc_compare_numbers(b, a) == -orders[i].order,
			  "%s against %s", orders[i].a, orders[i].b);
		check(doc_equal(a, b) == (orders[i].order == 0), "equal by value");
		if (orders[i].order == 0)
			check(doc_hash(a) == doc_hash(b), "same hash");
	}
	check(doc_to_int64(parsed("9223372036854775807"), &value) && value == INT64_MAX, "largest int64");
	check(doc_to_int64(parsed("-9223372036854775808"), &value) && value == INT64_MIN, "smallest int64");
	check(!doc_to_int64(parsed("9223372036854775808"), &value), "above int64");
	check(!doc_to_int64(parsed("-9223372036854775809"), &value), "below int64");
	check(!doc_to_int64(parsed("18446744073709551616"), &value), "2^64");
	check(!doc_to_int64(parsed("99999999999999999999"), &value), "20 digits");
	check(!doc_to_int64(parsed("1e19"), &value), "1e19");
	check(doc_to_int64(parsed("1e18"), &value) && value == INT64_C(1000000000000000000), "1e18");
	check(doc_to_int64(parsed("12.50e1"), &value) && value == 125, "12.50e1");
	check(doc_to_int64(parsed("-0.0"), &value) && value == 0, "-0.0");
	check(!doc_to_int64(parsed("1.5"), &value), "a fraction");
	check(!doc_to_int64(parsed("\"1\""), &value), "text is no integer");
	check(doc_is_integer(parsed("1.0")) && doc_is_integer(parsed("1e2")) && doc_is_integer(parsed("0.0")) &&
		  doc_is_integer(parsed("150e-1")) && doc_is_integer(parsed("123456789012345678901234567890")), "integers by value");
	check(!doc_is_integer(parsed("1.5")) && !doc_is_integer(parsed("15e-2")) && !doc_is_integer(parsed("true")), "no integers");
	check(doc_to_double(parsed("-2.5e3")) == -2500.0, "double");
	check_text(doc_write(doc_int(INT64_MIN), NULL), "-9223372036854775808", "smallest integer written");
}

static void
test_objects(void)
{
	Doc		   *object = doc_object();
	Doc		   *copy;
	bool		found = true;
	char		key[32];
	size_t		length;
	const Doc  *text = doc_string("a\0b", 3);

	for (int i = 0; i < 1000; i++)
	{
		snprintf(key, sizeof(key), "key%d", i % 500);
		doc_object_add(object, key, doc_int(i));
	}
	check(object->length == 500, "later members replace");
	for (int i = 0; i < 500; i++)
	{
		int64_t		value = 0;

		snprintf(key, sizeof(key), "key%d", i);
		found = found && doc_to_int64(doc_get(object, key), &value) && value == i + 500 &&
			strcmp(object->members[i].key, key) == 0;
	}
	check(found, "all found, in order");
	check(doc_get(object, "key500") == NULL && doc_get(NULL, "x") == NULL && doc_get(text, "x") == NULL, "absent members");
	copy = doc_copy_shallow(object);
	doc_object_add(copy, "key3", doc_null());
	doc_object_add(copy, "new", doc_bool(true));
	check(copy->length == 501 && object->length == 500 && doc_get(object, "new") == NULL &&
		  doc_get(copy, "key3") == doc_null() && doc_get(object, "key3") != doc_null(), "a copy is independent");
	check(!doc_equal(copy, object) && doc_equal(object, parsed(doc_write(object, NULL))), "equality of large objects");
	check_text(doc_get_text(parsed("{\"a\":\"x\",\"b\":1}"), "a"), "x", "text of a member");
	check(doc_get_text(parsed("{\"a\":\"x\",\"b\":1}"), "b") == NULL, "no text");
	check(doc_equal(parsed("{\"a\":1,\"b\":[1,2]}"), parsed("{\"b\":[1.0,2],\"a\":1}")), "members in any order");
	check(doc_hash(parsed("{\"a\":1,\"b\":[1,2]}")) == doc_hash(parsed("{\"b\":[1.0,2],\"a\":1}")), "and their hash");
	check(!doc_equal(parsed("[1,2]"), parsed("[2,1]")) && !doc_equal(parsed("1"), parsed("\"1\"")) &&
		  !doc_equal(parsed("{\"a\":null}"), parsed("{}")) && !doc_equal(parsed("{\"a\":null}"), parsed("{\"b\":null}")) &&
		  !doc_equal(parsed("true"), parsed("false")), "different");
	check_text(doc_write(text, &length), "\"a\\u0000b\"", "a zero inside");
	check(length == 10, "its length");
	copy = doc_copy_shallow(doc_array());
	doc_array_add(copy, text);
	doc_array_add(copy, doc_null());
	check_text(doc_write(copy, NULL), "[\"a\\u0000b\",null]", "array built");
	copy = doc_copy_shallow(doc_object());
	doc_object_add_n(copy, "x\0y", 3, doc_int(1));
	check(doc_get(copy, "x") == NULL && doc_get_n(copy, "x\0y", 3) != NULL, "a zero inside a key");
}

static void
test_size(void)
{
	static const char *const texts[] = {
		"null", "true", "false", "12.50", "\"a\\\"\\u0001\\n\"", "[]", "{}", "[1,2,[3]]", "{\"a\\t\":{\"b\":[]},\"c\":null}",
	};

	for (size_t i = 0; i < lengthof(texts); i++)
	{
		const Doc  *doc = parsed(texts[i]);
		size_t		length = strlen(texts[i]);

		check(doc_fits(doc, 5, length) && !doc_fits(doc, 5, length - 1), "size of %s", texts[i]);
	}
	check(doc_fits(parsed("[[1]]"), 2, 100) && !doc_fits(parsed("[[1]]"), 1, 100) &&
		  !doc_fits(parsed("[{\"a\":{}}]"), 2, 100), "depth");
}

/* 100,000 distinct keys, then the same again: quadratic code needs minutes. */
static void
test_hostile(void)
{
	int			count = 100000;
	char	   *text = mem_alloc((size_t) count * 2 * 16);
	size_t		length = 0;
	const Doc  *doc;
	Problem		problem = {{0}, {0}};
	clock_t		start = clock();

	text[length++] = '{';
	for (int i = 0; i < count * 2; i++)
		length += (size_t) sprintf(text + length, "%s\"k%d\":%d", i > 0 ? "," : "", i % count, i % 10);
	text[length++] = '}';
	doc = doc_parse(text, length, &problem);
	check(doc != NULL && doc->length == (uint32_t) count, "many keys");
	check(doc_equal(doc, doc_parse(text, length, &problem)), "compared with themselves");
	check((clock() - start) / CLOCKS_PER_SEC < 10, "in linear time");
}

int
main(void)
{
	test_parse();
	test_numbers();
	test_objects();
	test_size();
	test_hostile();
	mem_reset();
	return check_done();
}
