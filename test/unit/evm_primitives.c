/*
 * evm_primitives.c
 *		Promise: hashes, hex and 256-bit arithmetic are exact.
 *
 * Keccak vectors: the empty string and "abc" as in the Keccak team's
 * submission; the lengths around the rate against the one-shot form.
 */
#include "check.h"
#include "core/document.h"
#include "evm/hex.h"
#include "evm/integer.h"
#include "evm/keccak.h"

static const char *
hash_text(const void *data, size_t length)
{
	uint8_t		hash[32];

	keccak256(data, length, hash);
	return hex_text(hash, 32);
}

static void
test_keccak(void)
{
	uint8_t		data[1000];

	check_text(hash_text("", 0),
			   "0xc5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470", "keccak of nothing");
	check_text(hash_text("abc", 3),
			   "0x4e03657aea45a94fc7d47ba826c8d667c0d1e6e33a64a036ec44f58fa12d6c45", "keccak of abc");
	check_text(hash_text("transfer(address,uint256)", 25),
			   "0xa9059cbb2ab09eb219583f4a59a5d0623ade346d962bcd4e46b11da047c9049b", "keccak of a signature");
	memset(data, 'a', 200);
	check_text(hash_text(data, 135),
			   "0x34367dc248bbd832f4e3e69dfaac2f92638bd0bbd18f2912ba4ef454919cf446", "one byte less than the rate");
	check_text(hash_text(data, 136),
			   "0xa6c4d403279fe3e0af03729caada8374b5ca54d8065329a3ebcaeb4b60aa386e", "exactly the rate");
	check_text(hash_text(data, 137),
			   "0xd869f639c7046b4929fc92a4d988a8b22c55fbadb802c0c66ebcd484f1915f39", "one byte more");

	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t) (i * 7);
	for (size_t chunk = 1; chunk < 300; chunk += 13)
	{
		Keccak		keccak;
		uint8_t		one[32];
		uint8_t		many[32];

		keccak_init(&keccak);
		for (size_t done = 0; done < sizeof(data); done += chunk)
			keccak_update(&keccak, data + done,
						  done + chunk > sizeof(data) ? sizeof(data) - done : chunk);
		keccak_final(&keccak, many);
		keccak256(data, sizeof(data), one);
		check(memcmp(one, many, 32) == 0, "in chunks of %zu", chunk);
	}
}

static U256
number(const char *text)
{
	U256		value;

	if (!u256_parse_decimal(text, strlen(text), &value))
		check(false, "%s is a number", text);
	return value;
}

static const char *
decimal(const U256 *value)
{
	static char text[U256_DECIMAL_SIZE];

	u256_format(value, text);
	return text;
}

#define MAX_TEXT "115792089237316195423570985008687907853269984665640564039457584007913129639935"

static void
test_u256(void)
{
	U256		max = number(MAX_TEXT);
	U256		one = u256_from_u64(1);
	U256		a;
	U256		b;
	char		quantity[67];

	check_text(decimal(&max), MAX_TEXT, "the largest number");
	check(!u256_parse_decimal("115792089237316195423570985008687907853269984665640564039457584007913129639936", 78, &a),
		  "one more is refused");
	check(!u256_parse_decimal("", 0, &a) && !u256_parse_decimal("1x", 2, &a), "no number");
	a = number("000000000000000000000000000000000000000000000000000000000000000000000000000000000000000007");
	check(a.limb[0] == 7, "leading zeros");
	check(u256_parse_hex("0x00ff", 6, &a) && a.limb[0] == 255, "hex");
	check(!u256_parse_hex("0x", 2, &a) && !u256_parse_hex("ff", 2, &a), "no hex");
	check(!u256_add(&a, &max, &one) && u256_is_zero(&a), "addition wraps and says so");
	check(!u256_subtract(&b, &a, &one) && u256_compare(&b, &max) == 0, "so does subtraction");
	a = number("340282366920938463463374607431768211456");
	check(!u256_multiply(&b, &a, &a), "2^128 squared is too large");
	b = number("340282366920938463463374607431768211455");
	check(u256_multiply(&a, &b, &b), "its predecessor squared is not");
	check_text(decimal(&a), "115792089237316195423570985008687907852589419931798687112530834793049593217025", "product");
	a = number("1000000000");
	check(u256_scale_up(&b, &a, 1125, 1000) && b.limb[0] == 1125000000, "scaling");
	a = number("7");
	check(u256_scale_up(&b, &a, 1125, 1000) && b.limb[0] == 8, "scaling rounds up");
	check(!u256_scale_up(&b, &max, 1125, 1000), "scaling overflows");
	check(u256_scale_up(&b, &max, 1000, 1125), "scaling has room for the product");
	check(u256_bits(&max) == 256 && u256_bits(&one) == 1, "bits");
	a = u256_from_u64(0);
	u256_format_quantity(&a, quantity);
	check_text(quantity, "0x0", "quantity of 0");
	a = u256_from_u64(0x1f5);
	u256_format_quantity(&a, quantity);
	check_text(quantity, "0x1f5", "quantity of three digits");
	u256_format_quantity(&max, quantity);
	check_text(quantity, "0xffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff", "largest quantity");
}

/* What an integer in JSON comes to: its decimal text, or NULL. */
static const char *
integer(const char *json)
{
	Problem		problem = {{0}, {0}};
	const Doc  *doc = doc_parse(json, strlen(json), &problem);
	static char text[U256_DECIMAL_SIZE + 1];
	U256		value;
	bool		negative;

	if (!integer_from_doc(doc, &value, &negative, NULL, &problem))
		return NULL;
	text[0] = '-';
	u256_format(&value, text + 1);
	return negative ? text : text + 1;
}

static void
test_integers(void)
{
	U256		value;
	Problem		problem = {{0}, {0}};

	check_text(integer("12"), "12", "number");
	check_text(integer("-12"), "-12", "negative number");
	check_text(integer("-0"), "0", "no negative zero");
	check_text(integer("1.0"), "1", "no fraction by value");
	check_text(integer("1.50e1"), "15", "exponent");
	check_text(integer("1e18"), "1000000000000000000", "large exponent");
	check_text(integer("100000e-5"), "1", "negative exponent");
	check_text(integer("0e9999"), "0", "zero with a large exponent");
	check_text(integer("1e77"), "100000000000000000000000000000000000000000000000000000000000000000000000000000", "10^77");
	check_text(integer("1e78"), NULL, "10^78 is too large");
	check_text(integer("1e999999999999"), NULL, "huge exponent");
	check_text(integer("1.5"), NULL, "fraction");
	check_text(integer("15e-1"), NULL, "fraction by exponent");
	check_text(integer("1e-9999999999"), NULL, "tiny");
	check_text(integer("\"" MAX_TEXT "\""), MAX_TEXT, "string");
	check_text(integer(MAX_TEXT ".000"), MAX_TEXT, "largest with zeros after the point");
	check_text(integer("\"-5\""), "-5", "negative string");
	check_text(integer("\"0x0010\""), "16", "hex string");
	check_text(integer("\"-0x1\""), NULL, "sign in hex");
	check_text(integer("\"\""), NULL, "empty string");
	check_text(integer("\"-\""), NULL, "only a sign");
	check_text(integer("\"+1\""), NULL, "plus");
	check_text(integer("\" 1\""), NULL, "blank");
	check_text(integer("\"0x\""), NULL, "no digits");
	check_text(integer("\"1.0\""), NULL, "fraction in a string");
	check_text(integer("true"), NULL, "boolean");

	value = u256_from_u64(128);
	check(integer_to_word(&value, true, 8, true, &value, NULL, &problem), "-128 is an int8");
	check_text(integer_signed_to_doc(&value)->text, "-128", "and comes back");
	value = u256_from_u64(128);
	check(!integer_to_word(&value, false, 8, true, &value, NULL, &problem), "128 is none");
	value = u256_from_u64(129);
	check(!integer_to_word(&value, true, 8, true, &value, NULL, &problem), "nor is -129");
	value = number("57896044618658097711785492504343953926634992332820282019728792003956564819968");
	check(integer_to_word(&value, true, 256, true, &value, NULL, &problem), "-2^255 is an int256");
	check_text(integer_signed_to_doc(&value)->text,
			   "-57896044618658097711785492504343953926634992332820282019728792003956564819968", "and comes back");
}

static void
test_hex(void)
{
	Problem		problem = {{0}, {0}};
	Bytes		bytes;

	check(hex_parse("0xDEADbeef", 10, &bytes, NULL, &problem) && bytes.length == 4, "hex of both cases");
	check_text(hex_text(bytes.data, bytes.length), "0xdeadbeef", "out in lower case");
	check(hex_parse("0x", 2, &bytes, NULL, &problem) && bytes.length == 0, "no bytes");
	check(!hex_parse("0x1", 3, &bytes, NULL, &problem), "odd");
	check(!hex_parse("1234", 4, &bytes, NULL, &problem), "no prefix");
	check(!hex_parse("0xzz", 4, &bytes, NULL, &problem), "no digits");
	check(!hex_parse("0X12", 4, &bytes, NULL, &problem), "other prefix");
}

int
main(void)
{
	test_keccak();
	test_u256();
	test_integers();
	test_hex();
	mem_reset();
	return check_done();
}
