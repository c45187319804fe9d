/*
 * evm_rlp.c
 *		Promise: RLP is written in its one canonical form, and nothing else is read.
 *
 * Vectors: the Ethereum wiki's and ethereum/tests' rlptest and invalidRLPTest.
 */
#include "check.h"
#include "evm/hex.h"
#include "evm/rlp.h"

static const char *
encode(const char *json)
{
	Problem		problem = {{0}, {0}};
	const Doc  *doc = doc_parse(json, strlen(json), &problem);
	ByteBuffer	buffer;

	bytes_init(&buffer, 0);
	if (!rlp_from_doc(doc, &buffer, &problem))
		return NULL;
	return hex_text(buffer.data, buffer.length);
}

static const char *
decode(const char *hex)
{
	Problem		problem = {{0}, {0}};
	Bytes		bytes;
	const Doc  *doc;

	if (!hex_parse(hex, strlen(hex), &bytes, NULL, &problem))
		return "bad test";
	doc = rlp_to_doc(bytes.data, bytes.length, &problem);
	if (doc == NULL)
		return problem.message[0] ? NULL : "no problem reported";
	return doc_write(doc, NULL);
}

int
main(void)
{
	static const char *const pairs[][2] = {
		{"\"0x\"", "0x80"},
		{"\"0x646f67\"", "0x83646f67"},
		{"[\"0x636174\",\"0x646f67\"]", "0xc88363617483646f67"},
		{"[]", "0xc0"},
		{"\"0x00\"", "0x00"},
		{"\"0x7f\"", "0x7f"},
		{"\"0x80\"", "0x8180"},
		{"\"0x0400\"", "0x820400"},
		{"[[],[[]],[[],[[]]]]", "0xc7c0c1c0c3c0c1c0"},
		{"\"0x4c6f72656d20697073756d20646f6c6f722073697420616d65742c20636f6e7365637465747572206164697069736963696e6720656c6974\"",
		"0xb8384c6f72656d20697073756d20646f6c6f722073697420616d65742c20636f6e7365637465747572206164697069736963696e6720656c6974"},
		{"[\"0x4c6f72656d20697073756d20646f6c6f722073697420616d65742c20636f6e7365637465747572206164697069736963696e6720656c69\"]",
		"0xf838b74c6f72656d20697073756d20646f6c6f722073697420616d65742c20636f6e7365637465747572206164697069736963696e6720656c69"},
	};
	static const char *const refused[] = {
		"0x", "0x8100", "0x817f", "0xb800", "0xb83700", "0xb90038", "0xbf", "0xbfffffffffffffffff",
		"0xffffffffffffffffff", "0xf800", "0xc1", "0x83646f", "0x8080", "0xc0c0", "0xc28100",
		"0xf90000", "0xb8", "0xf8", "0xc3836361", "0xbb7fffffff", "0xfb7fffffff",
	};
	char		deep[2 * 300 + 3];

	for (size_t i = 0; i < lengthof(pairs); i++)
	{
		check_text(encode(pairs[i][0]), pairs[i][1], pairs[i][1]);
		check_text(decode(pairs[i][1]), pairs[i][0], pairs[i][1]);
	}
	check_text(encode("[0,1,15,127,128,1024]"), "0xc9" "80" "01" "0f" "7f" "8180" "820400", "numbers");
	check_text(encode("115792089237316195423570985008687907853269984665640564039457584007913129639935"),
			   "0xa0ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff", "largest number");
	check_text(encode("-1"), NULL, "negative number");
	check_text(encode("1.5"), NULL, "fraction");
	check_text(encode("\"dog\""), NULL, "text without 0x");
	check_text(encode("{}"), NULL, "object");
	check_text(encode("null"), NULL, "null");
	check_text(encode("[true]"), NULL, "boolean");
	for (size_t i = 0; i < lengthof(refused); i++)
		check_text(decode(refused[i]), NULL, refused[i]);

	/* c1c1…c0 with shortest lengths: 33 levels are read, 300 are not. */
	strcpy(deep, "0x");
	for (int i = 33; i >= 0; i--)
		sprintf(deep + strlen(deep), "%02x", 0xc0 + i);
	check(decode(deep) != NULL, "nested 33 deep");
	{
		ByteBuffer	buffer;
		Problem		problem = {{0}, {0}};

		bytes_init(&buffer, 0);
		for (int i = 0; i < 300; i++)
			rlp_end_list(&buffer, 0);
		check(rlp_to_doc(buffer.data, buffer.length, &problem) == NULL, "nested 300 deep");
		check(strncmp(problem.where, "byte ", 5) == 0, "and where");
	}
	mem_reset();
	return check_done();
}
