/*
 * evm_abi.c
 *		Promise: ABI data is written to the byte and read strictly, and no data
 *		makes decoding run long or take much memory.
 *
 * Vectors: the Solidity documentation, "Contract ABI Specification".
 */
#include "check.h"
#include "evm/abi.h"
#include "evm/hex.h"

static char wrong[600];

static const char *
report(const Problem *problem)
{
	snprintf(wrong, sizeof(wrong), "%s: %s", problem->where, problem->message);
	return wrong;
}

static Bytes
unhex(const char *hex)
{
	Problem		problem = {{0}, {0}};
	Bytes		bytes = {NULL, 0};

	if (!hex_parse(hex, strlen(hex), &bytes, NULL, &problem))
		check(false, "%s is hex", hex);
	return bytes;
}

static const char *
call(const char *signature, const char *json)
{
	Problem		problem = {{0}, {0}};
	const Doc  *args = doc_parse(json, strlen(json), &problem);
	const AbiItem *item = abi_parse_item(signature, strlen(signature), ABI_ITEM_FUNCTION, &problem);
	ByteBuffer	out;

	bytes_init(&out, 0);
	if (args == NULL || item == NULL || !abi_encode_call(item, args, &out, &problem))
		return report(&problem);
	return hex_text(out.data, out.length);
}

static const char *
encode(const char *types, const char *json)
{
	Problem		problem = {{0}, {0}};
	const Doc  *args = doc_parse(json, strlen(json), &problem);
	const AbiType *type = abi_parse_types(types, strlen(types), &problem);
	ByteBuffer	out;

	bytes_init(&out, 0);
	if (args == NULL || type == NULL || !abi_encode(type, args, &out, &problem))
		return report(&problem);
	return hex_text(out.data, out.length);
}

static const char *
decode(const char *types, const char *hex)
{
	Problem		problem = {{0}, {0}};
	Bytes		data = unhex(hex);
	const AbiType *type = abi_parse_types(types, strlen(types), &problem);
	const Doc  *values = type ? abi_decode(type, data.data, data.length, &problem) : NULL;

	if (values == NULL)
		return report(&problem);
	return doc_write(values, NULL);
}

static const char *
canonical(const char *text, AbiItemKind kind)
{
	Problem		problem = {{0}, {0}};
	const AbiItem *item = abi_parse_item(text, strlen(text), kind, &problem);

	return item ? item->signature : report(&problem);
}

static bool
starts(const char *text, const char *beginning)
{
	bool		ok = strncmp(text, beginning, strlen(beginning)) == 0;

	if (!ok)
		printf("#      got: %s\n# expected: %s\n", text, beginning);
	return ok;
}

#define W(digits) "00000000000000000000000000000000000000000000000000000000000000" digits

static void
test_specification(void)
{
	check_text(call("baz(uint32,bool)", "[69,true]"), "0xcdcd77c0" W("45") W("01"), "baz");
	check_text(call("bar(bytes3[2])", "[[\"0x616263\",\"0x646566\"]]"),
			   "0xfce353f6" "6162630000000000000000000000000000000000000000000000000000000000"
			   "6465660000000000000000000000000000000000000000000000000000000000", "bar");
	check_text(call("sam(bytes,bool,uint[])", "[\"0x64617665\",true,[1,2,3]]"),
			   "0xa5643bf2" W("60") W("01") W("a0") W("04")
			   "6461766500000000000000000000000000000000000000000000000000000000"
			   W("03") W("01") W("02") W("03"), "sam");
	check_text(call("f(uint256,uint32[],bytes10,bytes)",
					"[\"0x123\",[\"0x456\",\"0x789\"],\"0x31323334353637383930\",\"0x48656c6c6f2c20776f726c6421\"]"),
			   "0x8be65246" "0000000000000000000000000000000000000000000000000000000000000123" W("80")
			   "3132333435363738393000000000000000000000000000000000000000000000" W("e0") W("02")
			   "0000000000000000000000000000000000000000000000000000000000000456"
			   "0000000000000000000000000000000000000000000000000000000000000789" W("0d")
			   "48656c6c6f2c20776f726c642100000000000000000000000000000000000000", "f");
	check_text(call("g(uint256[][],string[])", "[[[1,2],[3]],[\"one\",\"two\",\"three\"]]"),
			   "0x2289b18c" W("40") "0000000000000000000000000000000000000000000000000000000000000140"
			   W("02") W("40") W("a0") W("02") W("01") W("02") W("01") W("03") W("03") W("60") W("a0") W("e0")
			   W("03") "6f6e650000000000000000000000000000000000000000000000000000000000"
			   W("03") "74776f0000000000000000000000000000000000000000000000000000000000"
			   W("05") "7468726565000000000000000000000000000000000000000000000000000000", "g");
}

static void
test_round_trips(void)
{
	static const char *const cases[][2] = {
		{"", "[]"},
		{"uint8,int8", "[\"255\",\"-128\"]"},
		{"int256", "[\"-57896044618658097711785492504343953926634992332820282019728792003956564819968\"]"},
		{"(uint256,(bool,string)[])[2]", "[[[\"1\",[[true,\"a\"],[false,\"\"]]],[\"2\",[]]]]"},
		{"address,function,bytes1,bytes32", "[\"0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed\","
		"\"0x000000000000000000000000000000000000000000000001\",\"0xff\","
		"\"0x00000000000000000000000000000000000000000000000000000000000000ff\"]"},
		{"uint256[2][3]", "[[[\"1\",\"2\"],[\"3\",\"4\"],[\"5\",\"6\"]]]"},
		{"uint256[2][]", "[[[\"1\",\"2\"]]]"},
		{"string[2][]", "[[[\"1\",\"2\"]]]"},
		{"uint256[0]", "[[]]"},
		{"()", "[[]]"},
		{"bytes[]", "[[\"0x\",\"0x00\",\"0x0000000000000000000000000000000000000000000000000000000000000000\"]]"},
		{"uint8[1][1][1][1][1][1][1][1][1][1][1][1][1][1][1][1][1][1][1][1][1][1][1][1][1][1][1][1][1][1][1][1][1]",
		"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\"7\"]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]"},
	};

	for (size_t i = 0; i < lengthof(cases); i++)
		check_text(decode(cases[i][0], encode(cases[i][0], cases[i][1])), cases[i][1], cases[i][0]);
	check_text(encode("(uint256 a, bool b) t", "[{\"b\":true,\"a\":1}]"), "0x" W("01") W("01"), "a tuple by name");
}

static void
test_types(void)
{
	static const char *const refused[] = {
		"uint7", "uint0", "uint264", "uint08", "int7", "bytes0", "bytes33", "byte", "Address", "uint256[", "uint256[-1]",
		"uint256[01]", "(uint256", "uint256)", ",", "uint256,", "foo", "uint256[1000000000][1000000000]",
		"uint256[99999999999]", "()[]", "uint256[0][]", "fixed", "ufixed128x18", "tuple", "uint 256", "(uint256)x y",
		"uint256 1a", "uint256[]]", "uint256;",
	};
	char	   *deep = mem_alloc(20000);

	for (size_t i = 0; i < lengthof(refused); i++)
	{
		Problem		problem = {{0}, {0}};
		const AbiType *type = abi_parse_types(refused[i], strlen(refused[i]), &problem);

		check(type == NULL && problem.message[0] != '\0', "type %s", refused[i]);
	}
	memset(deep, '(', 9000);
	deep[9000] = '\0';
	check(starts(decode(deep, "0x"), "types character"), "9000 parentheses");
	memset(deep, '\0', 20000);
	strcpy(deep, "uint8");
	for (int i = 0; i < 5000; i++)
		strcat(deep, "[]");
	check(starts(decode(deep, "0x"), "types character"), "5000 dimensions");

	check_text(canonical("transfer(address,uint256)", ABI_ITEM_FUNCTION), "transfer(address,uint256)", "signature");
	check_text(canonical("function transfer(address to, uint amount) external payable returns (bool ok);", ABI_ITEM_FUNCTION),
			   "transfer(address,uint256)", "fragment");
	check_text(canonical("balanceOf(address)(uint256)", ABI_ITEM_FUNCTION), "balanceOf(address)", "signature with results");
	check_text(canonical("f(tuple(uint a, bytes[] b)[2] memory x, address payable y, function z)", ABI_ITEM_FUNCTION),
			   "f((uint256,bytes[])[2],address,function)", "tuples, modifiers");
	check_text(canonical("event Transfer(address indexed from, address indexed to, uint256 value)", ABI_ITEM_EVENT),
			   "Transfer(address,address,uint256)", "event");
	check_text(canonical("event(address)", ABI_ITEM_FUNCTION), "event(address)", "a function of the name event");
	check_text(canonical("constructor(uint a)", ABI_ITEM_CONSTRUCTOR), "(uint256)", "constructor");
	check_text(canonical("(uint a)", ABI_ITEM_CONSTRUCTOR), "(uint256)", "constructor without its word");
	check_text(canonical("{\"type\":\"function\",\"name\":\"f\",\"inputs\":[{\"type\":\"tuple[]\",\"name\":\"t\","
						 "\"components\":[{\"type\":\"uint256\",\"name\":\"a\"}]}]}", ABI_ITEM_FUNCTION), "f((uint256)[])", "JSON");
	check(starts(canonical("event Foo(uint256)", ABI_ITEM_FUNCTION), "function: "), "an event is no function");
	check(starts(canonical("transfer", ABI_ITEM_FUNCTION), "function character"), "no parameters");
	check(starts(canonical("transfer(address) foo", ABI_ITEM_FUNCTION), "function character"), "a surplus word");
	check(starts(canonical("1f()", ABI_ITEM_FUNCTION), "function character"), "a name with a digit in front");
	check(starts(canonical("f(uint indexed a)", ABI_ITEM_FUNCTION), "parameters[0] (a): "), "indexed in a function");
	check(starts(canonical("E(uint indexed a,uint indexed,uint indexed,uint indexed)", ABI_ITEM_EVENT), "parameters[3]: "), "four indexed");
}

static void
test_refusals(void)
{
	static const char *const encoding[][3] = {
		{"uint8", "[256]", "args[0]: integer is out of range"},
		{"uint8", "[-1]", "args[0]: integer is negative"},
		{"uint8", "[]", "args: expected 1 values"},
		{"uint8", "[1,2]", "args: expected 1 values"},
		{"uint8", "[null]", "args[0]: "},
		{"uint8", "[1.5]", "args[0]: "},
		{"bool", "[1]", "args[0]: "},
		{"bytes4", "[\"0x000000\"]", "args[0]: expected 4 bytes"},
		{"bytes", "[\"00\"]", "args[0]: "},
		{"string", "[1]", "args[0]: "},
		{"(uint8,(bool,address)[])", "[[1,[[true,\"0x\"]]]]", "args[0][1][0][1]: "},
		{"(uint8 a,uint8 b)", "[{\"a\":1}]", "args[0].b: "},
		{"(uint8 a)", "[{\"a\":1,\"b\":2}]", "args[0].b: "},
		{"(uint8)", "[{\"a\":1}]", "args[0]: "},
		{"uint8[2]", "[[1]]", "args[0]: "},
		{"address", "[\"0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAeD\"]", "args[0]: "},
	};
	static const char *const decoding[][3] = {
		{"uint256", "0x", "data[0]: the data ends"},
		{"bool", "0x" W("02"), "data[0]: the word is no bool"},
		{"uint8", "0x0000000000000000000000000000000000000000000000000000000000000100", "data[0]: the word is no uint8"},
		{"int8", "0x0000000000000000000000000000000000000000000000000000000000000080", "data[0]: the word is no int8"},
		{"address", "0x0000000000000000000000010000000000000000000000000000000000000000", "data[0]: the word is no address"},
		{"bytes4", "0x0000000001000000000000000000000000000000000000000000000000000000", "data[0]: the word is no bytes4"},
		{"bytes", "0xffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff", "data[0]: offset"},
		{"bytes", "0x" W("20"), "data[0]: "},
		{"bytes", "0x" W("20") W("21") W("00"), "data[0]: "},
		{"bytes", "0x" W("20") "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff", "data[0]: length"},
		{"uint256[]", "0x" W("20") W("02") W("01"), "data[0]: 2 elements"},
		{"string", "0x" W("20") W("01") "ff00000000000000000000000000000000000000000000000000000000000000", "data[0]: string"},
		{"string", "0x" W("20") W("02") "c080000000000000000000000000000000000000000000000000000000000000", "data[0]: string"},
	};

	for (size_t i = 0; i < lengthof(encoding); i++)
		check(starts(encode(encoding[i][0], encoding[i][1]), encoding[i][2]), "%s of %s", encoding[i][0], encoding[i][1]);
	for (size_t i = 0; i < lengthof(decoding); i++)
		check(starts(decode(decoding[i][0], decoding[i][1]), decoding[i][2]), "%s of %s", decoding[i][0], decoding[i][1]);
	check_text(decode("uint8", "0x" W("01") "ff"), "[\"1\"]", "bytes after the last are ignored");
	check_text(decode("bytes", "0x" W("20") W("01") "ab"), "[\"0xab\"]", "padding at the end may be missing");
}

/* Arrays whose elements all point to one place: 10 levels of 10 would be 10^10 elements. */
static void
test_bomb(void)
{
	ByteBuffer	data;
	Problem		problem = {{0}, {0}};
	const AbiType *type = abi_parse_types("uint256[][][][][][][][][][]", 27, &problem);
	uint8_t		word[32] = {0};

	bytes_init(&data, 0);
	word[31] = 32;
	bytes_add(&data, word, 32);
	for (int level = 0; level < 10; level++)
	{
		word[31] = 10;
		word[30] = 0;
		bytes_add(&data, word, 32);
		for (int i = 0; i < 10; i++)
		{
			word[30] = 320 >> 8;
			word[31] = 320 & 255;
			bytes_add(&data, word, 32);
		}
	}
	check(abi_decode(type, data.data, data.length, &problem) == NULL &&
		  strstr(problem.message, "too often") != NULL, "an array bomb is refused");
}

static const char *
event(const char *text, const char *const *topics, uint32_t count, const char *data)
{
	Problem		problem = {{0}, {0}};
	const AbiItem *item = abi_parse_item(text, strlen(text), ABI_ITEM_EVENT, &problem);
	uint8_t		raw[4][32];
	const Doc  *doc;

	for (uint32_t i = 0; i < count; i++)
		memcpy(raw[i], unhex(topics[i]).data, 32);
	doc = item ? abi_decode_event(item, (const uint8_t (*)[32]) raw, count, unhex(data).data, unhex(data).length, &problem) : NULL;
	return doc ? doc_write(doc, NULL) : report(&problem);
}

static void
test_events(void)
{
	static const char *const transfer[] = {
		"0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef",
		"0x0000000000000000000000005aaeb6053f3e94c9b9a09f33669435e7ef1beaed",
		"0x0000000000000000000000000000000000000000000000000000000000000000",
	};

	check_text(event("Transfer(address indexed from,address indexed to,uint256)", transfer, 3, "0x" W("2a")),
			   "{\"from\":\"0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed\",\"to\":\"0x0000000000000000000000000000000000000000\",\"2\":\"42\"}",
			   "Transfer");
	check(starts(event("Transfer(address indexed from,address indexed to,uint256)", transfer, 2, "0x" W("2a")), "topics: "), "too few topics");
	check(starts(event("Approval(address indexed from,address indexed to,uint256)", transfer, 3, "0x" W("2a")), "topics[0]: "), "another event");
	check_text(event("event E(string indexed s, uint256[2] indexed a) anonymous", transfer, 2, "0x"),
			   "{\"s\":\"0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef\","
			   "\"a\":\"0x0000000000000000000000005aaeb6053f3e94c9b9a09f33669435e7ef1beaed\"}", "anonymous, hashed");
}

static const char *
revert(const char *abi, const char *hex)
{
	Problem		problem = {{0}, {0}};
	const AbiContract *contract = abi ? abi_contract_from_doc(doc_parse(abi, strlen(abi), &problem), &problem) : NULL;
	Bytes		data = unhex(hex);

	return abi_decode_revert(contract, data.data, data.length).text;
}

static void
test_reverts(void)
{
	static const char abi[] = "[\"error InsufficientBalance(uint256 available, uint256 required)\",\"function f()\","
		"{\"type\":\"error\",\"name\":\"Nope\",\"inputs\":[]},{\"type\":\"receive\"}]";

	check_text(revert(NULL, "0x"), "reverted without a reason", "nothing");
	check_text(revert(NULL, "0x08c379a0" W("20") W("04") "6f6f707300000000000000000000000000000000000000000000000000000000"), "oops", "Error");
	check_text(revert(NULL, "0x4e487b71" W("11")), "arithmetic overflow or underflow (panic 0x11)", "Panic");
	check_text(revert(NULL, "0x4e487b71" W("01")), "assertion failed (panic 0x01)", "Panic of one digit");
	check_text(revert(abi, "0xcf479181" W("01") W("02")), "InsufficientBalance(available: 1, required: 2)", "custom");
	check_text(revert(NULL, "0xcf479181" W("01") W("02")),
			   "reverted with 0xcf479181" W("01") "…", "custom, without its ABI");
	check_text(revert(NULL, "0x08c379a0ff"), "reverted with 0x08c379a0ff", "broken");
}

int
main(void)
{
	test_specification();
	test_round_trips();
	test_types();
	test_refusals();
	test_bomb();
	test_events();
	test_reverts();
	mem_reset();
	return check_done();
}
