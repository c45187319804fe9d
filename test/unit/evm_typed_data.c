/*
 * evm_typed_data.c
 *		Promise: typed data hashes as EIP-712 says, and nothing that it doesn't
 *		describe is signed with it.
 *
 * Vectors: the EIP's own example; the recursive one of eth_signTypedData_v4.
 */
#include "check.h"
#include "evm/hex.h"
#include "evm/keccak.h"
#include "evm/signature.h"
#include "evm/typed_data.h"

static const char *
hash(const char *json)
{
	static char wrong[600];
	Problem		problem = {{0}, {0}};
	const Doc  *doc = doc_parse(json, strlen(json), &problem);
	uint8_t		result[32];

	if (doc == NULL || !typed_data_hash(doc, result, NULL, NULL, &problem))
	{
		snprintf(wrong, sizeof(wrong), "%s: %s", problem.where, problem.message);
		return wrong;
	}
	return hex_text(result, 32);
}

#define MAIL_TYPES "\"Person\":[{\"name\":\"name\",\"type\":\"string\"},{\"name\":\"wallet\",\"type\":\"address\"}]," \
	"\"Mail\":[{\"name\":\"from\",\"type\":\"Person\"},{\"name\":\"to\",\"type\":\"Person\"},{\"name\":\"contents\",\"type\":\"string\"}]"
#define MAIL_DOMAIN "\"domain\":{\"name\":\"Ether Mail\",\"version\":\"1\",\"chainId\":1,\"verifyingContract\":\"0xCcCCccccCCCCcCCCCCCcCcCccCcCCCcCcccccccC\"}"
#define MAIL_MESSAGE "\"from\":{\"name\":\"Cow\",\"wallet\":\"0xCD2a3d9F938E13CD947Ec05AbC7FE734Df8DD826\"}," \
	"\"to\":{\"name\":\"Bob\",\"wallet\":\"0xbBbBBBBbbBBBbbbBbbBbbbbBBbBbbbbBbBbbBBbB\"},\"contents\":\"Hello, Bob!\""

static void
test_mail(void)
{
	static const char json[] = "{\"types\":{" MAIL_TYPES "},\"primaryType\":\"Mail\"," MAIL_DOMAIN ",\"message\":{" MAIL_MESSAGE "}}";
	Problem		problem = {{0}, {0}};
	const Doc  *doc = doc_parse(json, strlen(json), &problem);
	uint8_t		digest[32];
	uint8_t		domain[32];
	uint8_t		message[32];
	uint8_t		key[32];
	uint8_t		raw[65];
	EvmSignature signature;

	check(typed_data_hash(doc, digest, domain, message, &problem), "hashes");
	check_text(hex_text(digest, 32), "0xbe609aee343fb3c4b28e1df9e632fca64fcfaede20f02e86244efddf30957bd2", "digest");
	check_text(hex_text(domain, 32), "0xf2cee375fa42b42143804025fc449deafd50cc031ca257e0b194a650a912090f", "domain");
	check_text(hex_text(message, 32), "0xc52c0ee5d84264471806290a3f2c4cecfc5490626bf912d01f240d7a274b371e", "message");
	check_text(typed_data_encode_type(doc, "Mail", &problem),
			   "Mail(Person from,Person to,string contents)Person(string name,address wallet)", "encoded type");
	keccak256("cow", 3, key);
	check(signature_sign(digest, key, &signature, &problem), "signs");
	signature_write(&signature, raw);
	check_text(hex_text(raw, 65), "0x4355c47d63924e8a72e509b65029052eb6c299d53a04e167c5775fd466751c9d"
			   "07299936d304c153f6443dfa05f40ff007d72911b6f72307f996231605b915621c", "signature");
	check_text(hash("{\"types\":{\"EIP712Domain\":[{\"name\":\"name\",\"type\":\"string\"},{\"name\":\"version\",\"type\":\"string\"},"
					"{\"name\":\"chainId\",\"type\":\"uint256\"},{\"name\":\"verifyingContract\",\"type\":\"address\"}]," MAIL_TYPES "},"
					"\"primaryType\":\"Mail\"," MAIL_DOMAIN ",\"message\":{" MAIL_MESSAGE "}}"),
			   "0xbe609aee343fb3c4b28e1df9e632fca64fcfaede20f02e86244efddf30957bd2", "with a domain type");
}

#define ONE(type, value) \
	hash("{\"types\":{\"T\":[{\"name\":\"a\",\"type\":\"" type "\"}]},\"primaryType\":\"T\",\"domain\":{},\"message\":{\"a\":" value "}}")

static bool
starts(const char *text, const char *beginning)
{
	bool		ok = strncmp(text, beginning, strlen(beginning)) == 0;

	if (!ok)
		printf("#      got: %s\n# expected: %s\n", text, beginning);
	return ok;
}

static void
test_values(void)
{
	check_text(ONE("uint256", "1e18"), ONE("uint256", "\"0xde0b6b3a7640000\""), "one number, two notations");
	check_text(ONE("uint256", "1000000000000000000"), ONE("uint256", "\"1000000000000000000\""), "and two more");
	check(starts(ONE("string", "\"a\\u0000b\""), "0x"), "U+0000 in a string");
	check(starts(ONE("uint8", "256"), "message.a: "), "out of range");
	check(starts(ONE("uint8", "-1"), "message.a: "), "negative");
	check(starts(ONE("int8", "-129"), "message.a: "), "too negative");
	check(starts(ONE("uint", "1"), "types.T[0]: unknown type"), "no alias uint");
	check(starts(ONE("int", "1"), "types.T[0]: unknown type"), "no alias int");
	check(starts(ONE("function", "\"0x\""), "types.T[0]: unknown type"), "no function");
	check(starts(ONE("U", "1"), "types.T[0]: unknown type"), "unknown type");
	check(starts(ONE("uint256[", "[]"), "types.T[0]: not a type"), "broken suffix");
	check(starts(ONE("uint256[2]", "[1]"), "message.a: expected 2"), "fixed length");
	check(starts(ONE("uint256[2][]", "[[1,2],[1]]"), "message.a[1]: expected 2"), "fixed inside dynamic");
	check(starts(ONE("bytes4", "\"0x00\""), "message.a: expected 4"), "length of bytes4");
	check(starts(ONE("bool", "1"), "message.a: "), "1 is no boolean");
	check(starts(ONE("uint8", "null"), "message.a: member is missing"), "null");
	check(starts(ONE("uint8", "1,\"b\":2"), "message.b: "), "surplus");
	check(starts(hash("{\"types\":{},\"primaryType\":\"T\",\"domain\":{},\"message\":{}}"), "primaryType: "), "no primary type");
	check(starts(hash("{\"types\":{\"T\":[]},\"primaryType\":\"T\",\"domain\":{\"foo\":1},\"message\":{}}"), "domain.foo: "), "surplus in the domain");
	check(starts(hash("{\"types\":{\"T\":[]},\"primaryType\":\"T\",\"domain\":{},\"message\":{}}"), "0x"), "nothing at all");
	check(starts(hash("{\"types\":{\"uint8\":[]},\"primaryType\":\"uint8\",\"domain\":{},\"message\":{}}"), "types.uint8: "), "type with a taken name");
	check(starts(hash("{\"types\":{\"T\":[{\"name\":\"a\",\"type\":\"bool\"},{\"name\":\"a\",\"type\":\"bool\"}]},\"primaryType\":\"T\",\"domain\":{},\"message\":{\"a\":true}}"),
				 "types.T: two members"), "two members of one name");
	check(starts(hash("{\"types\":{\"T\":[]},\"primaryType\":\"T\",\"domain\":{},\"message\":{},\"extra\":1}"), "extra: "), "surplus in the document");
}

static void
test_recursion(void)
{
	static const char json[] =
		"{\"types\":{\"EIP712Domain\":[{\"name\":\"name\",\"type\":\"string\"},{\"name\":\"version\",\"type\":\"string\"},"
		"{\"name\":\"chainId\",\"type\":\"uint256\"},{\"name\":\"verifyingContract\",\"type\":\"address\"}],"
		"\"Person\":[{\"name\":\"name\",\"type\":\"string\"},{\"name\":\"mother\",\"type\":\"Person\"},{\"name\":\"father\",\"type\":\"Person\"}]},"
		"\"domain\":{\"name\":\"Family Tree\",\"version\":\"1\",\"chainId\":1,\"verifyingContract\":\"0xCcCCccccCCCCcCCCCCCcCcCccCcCCCcCcccccccC\"},"
		"\"primaryType\":\"Person\",\"message\":{\"name\":\"Jon\",\"mother\":{\"name\":\"Lyanna\",\"father\":{\"name\":\"Rickard\"}},"
		"\"father\":{\"name\":\"Rhaegar\",\"father\":{\"name\":\"Aeris II\"}}}}";
	char	   *deep = mem_alloc(20000);
	Problem		problem = {{0}, {0}};
	uint8_t		digest[32];
	uint8_t		message[32];

	check(typed_data_hash(doc_parse(json, strlen(json), &problem), digest, NULL, message, &problem), "a recursive type");
	check_text(hex_text(message, 32), "0xfdc7b6d35bbd81f7fa78708604f57569a10edff2ca329c8011373f0667821a45", "its message");
	check_text(hex_text(digest, 32), "0x807773b9faa9879d4971b43856c4d60c2da15c6f8c062bd9d33afefb756de19c", "its digest");

	strcpy(deep, "{\"types\":{\"T\":[{\"name\":\"a\",\"type\":\"T[]\"}]},\"primaryType\":\"T\",\"domain\":{},\"message\":");
	for (int i = 0; i < 200; i++)
		strcat(deep, "{\"a\":[");
	for (int i = 0; i < 200; i++)
		strcat(deep, "]}");
	strcat(deep, "}");
	check(strstr(hash(deep), "nested deeper") != NULL, "values nested too deep");
}

int
main(void)
{
	test_mail();
	test_values();
	test_recursion();
	mem_reset();
	return check_done();
}
