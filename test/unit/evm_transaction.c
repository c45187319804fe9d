/*
 * evm_transaction.c
 *		Promise: transactions are signed and read exactly as the chain does, and
 *		nothing that is not canonical is read.
 *
 * Vectors: the example of EIP-155; ethers' and viem's output for the others.
 */
#include "check.h"
#include "evm/hex.h"
#include "evm/transaction.h"

#define KEY "0x4646464646464646464646464646464646464646464646464646464646464646"

static Bytes
unhex(const char *hex)
{
	Problem		problem = {{0}, {0}};
	Bytes		bytes = {NULL, 0};

	if (!hex_parse(hex, strlen(hex), &bytes, NULL, &problem))
		check(false, "%s is hex", hex);
	return bytes;
}

/* Signed bytes of a transaction as JSON, or what is wrong with it. */
static const char *
sign(const char *json)
{
	static char wrong[600];
	Problem		problem = {{0}, {0}};
	const Doc  *doc = doc_parse(json, strlen(json), &problem);
	EvmTransaction tx;
	ByteBuffer	raw;

	bytes_init(&raw, 0);
	if (doc == NULL || !evm_transaction_from_doc(&tx, doc, &problem) ||
		!evm_transaction_sign(&tx, unhex(KEY).data, NULL, &raw, &problem))
	{
		snprintf(wrong, sizeof(wrong), "%s: %s", problem.where, problem.message);
		return wrong;
	}
	return hex_text(raw.data, raw.length);
}

/* JSON of signed bytes, or what is wrong with them. */
static const char *
decode(const char *hex)
{
	static char wrong[600];
	Problem		problem = {{0}, {0}};
	Bytes		raw = unhex(hex);
	EvmTransaction tx;

	if (!(raw.length > 0 && raw.data[0] == 3 ? evm_transaction_decode_blob : evm_transaction_decode)
		(&tx, raw.data, raw.length, true, &problem))
	{
		snprintf(wrong, sizeof(wrong), "%s: %s", problem.where, problem.message);
		return wrong;
	}
	return doc_write(evm_transaction_to_doc(&tx), NULL);
}

static bool
starts(const char *text, const char *beginning)
{
	bool		ok = strncmp(text, beginning, strlen(beginning)) == 0;

	if (!ok)
		printf("#      got: %s\n# expected: %s\n", text, beginning);
	return ok;
}

static void
test_eip155(void)
{
	static const char raw[] =
		"0xf86c098504a817c800825208943535353535353535353535353535353535353535880de0b6b3a76400008025a0"
		"28ef61340bd939bc2195fe537567866003e1a15d3c71ff63e1590620aa636276a0"
		"67cbe9d8997f761aecb703304b3800ccf555c9f3dc64214b297fb1966a3b6d83";
	Problem		problem = {{0}, {0}};
	EvmTransaction tx;
	ByteBuffer	unsigned_bytes;
	uint8_t		hash[32];
	const Doc  *doc;
	static const char json[] =
		"{\"nonce\":9,\"gasPrice\":\"20000000000\",\"gas\":\"0x5208\","
		"\"to\":\"0x3535353535353535353535353535353535353535\",\"value\":1e18,\"chainId\":1}";

	check_text(sign(json), raw, "the example of EIP-155, signed");
	doc = doc_parse(json, strlen(json), &problem);
	check(evm_transaction_from_doc(&tx, doc, &problem), "as fields");
	bytes_init(&unsigned_bytes, 0);
	check(evm_transaction_encode_unsigned(&tx, &unsigned_bytes, &problem), "unsigned");
	check_text(hex_text(unsigned_bytes.data, unsigned_bytes.length),
			   "0xec098504a817c800825208943535353535353535353535353535353535353535880de0b6b3a764000080018080",
			   "its signing data");
	evm_transaction_signing_hash(&tx, hash, &problem);
	check_text(hex_text(hash, 32), "0xdaf5a779ae972f972197303d7b574746c7ef83eadac0f2791ad23db92e4c8e53",
			   "its signing hash");
	check_text(decode(raw),
			   "{\"type\":\"0\",\"chainId\":\"1\",\"nonce\":\"9\",\"to\":\"0x3535353535353535353535353535353535353535\","
			   "\"value\":\"1000000000000000000\",\"gas\":\"21000\",\"gasPrice\":\"20000000000\",\"input\":\"0x\",\"v\":\"37\","
			   "\"r\":\"0x28ef61340bd939bc2195fe537567866003e1a15d3c71ff63e1590620aa636276\","
			   "\"s\":\"0x67cbe9d8997f761aecb703304b3800ccf555c9f3dc64214b297fb1966a3b6d83\","
			   "\"hash\":\"0x33469b22e9f636356c4160a87eb19df52b7412e8eac32a4a55ffe88ea8350788\","
			   "\"from\":\"0x9d8A62f656a8d1615C1294fd71e9CFb3E4855A4F\"}", "decoded");
	check(decode("0xf86c098504a817c800825208943535353535353535353535353535353535353535880de0b6b3a76400008025a0"
						 "28ef61340bd939bc2195fe537567866003e1a15d3c71ff63e1590620aa636276a0"
						 "67cbe9d8997f761aecb703304b3800ccf555c9f3dc64214b297fb1966a3b6d8300")[0] != '{', "with a byte after it");
}

static void
test_round_trips(void)
{
	static const char *const cases[] = {
		"{}",
		"{\"type\":0,\"nonce\":18446744073709551614,\"gas\":\"18446744073709551615\",\"input\":\"0x00\"}",
		"{\"chainId\":\"57896044618658097711785492504343953926634992332820282019728792003956564819949\"}",
		"{\"type\":1,\"chainId\":1,\"gasPrice\":7,\"accessList\":[{\"address\":\"0x00000000000000000000000000000000000000aa\","
		"\"storageKeys\":[\"0x0000000000000000000000000000000000000000000000000000000000000001\"]}]}",
		"{\"type\":2,\"chainId\":\"115792089237316195423570985008687907853269984665640564039457584007913129639935\","
		"\"value\":\"115792089237316195423570985008687907853269984665640564039457584007913129639935\",\"maxFeePerGas\":1}",
		"{\"chainId\":1,\"to\":\"0x00000000000000000000000000000000000000aa\",\"authorizationList\":[{\"chainId\":0,"
		"\"address\":\"0x00000000000000000000000000000000000000bb\",\"nonce\":1,\"yParity\":1,\"r\":\"0x1\",\"s\":2}]}",
		"{\"chainId\":1,\"to\":\"0x00000000000000000000000000000000000000aa\",\"maxFeePerBlobGas\":9,\"blobVersionedHashes\":"
		"[\"0x01000000000000000000000000000000000000000000000000000000000000aa\"]}",
	};

	for (size_t i = 0; i < lengthof(cases); i++)
	{
		const char *raw = sign(cases[i]);
		const char *json;

		if (!check(starts(raw, "0x"), "signs %s", cases[i]))
			continue;
		json = decode(raw);
		check(starts(json, "{"), "and decodes");
		check(strstr(json, "\"from\":\"0x9d8A62f656a8d1615C1294fd71e9CFb3E4855A4F\"") != NULL, "and knows who signed");
		check_text(sign(json), raw, "and signs what it decoded to the same bytes");
		for (size_t cut = 4; cut < strlen(raw); cut += 2)
		{
			char	   *shorter = mem_alloc(strlen(raw) + 1);

			strcpy(shorter, raw);
			shorter[cut] = '\0';
			if (decode(shorter)[0] == '{')
				check(false, "cut at %zu", cut);
			mem_free(shorter);
		}
	}
}

static void
test_refusals(void)
{
	static const char *const cases[][2] = {
		{"{\"nonce\":18446744073709551615}", "nonce: "},
		{"{\"nonce\":-1}", "nonce: "},
		{"{\"type\":5}", "type: "},
		{"{\"type\":3,\"chainId\":1}", "to: "},
		{"{\"type\":3,\"chainId\":1,\"to\":\"0x00000000000000000000000000000000000000aa\"}", "blobVersionedHashes: "},
		{"{\"type\":2}", "chainId: "},
		{"{\"chainId\":0}", "chainId: "},
		{"{\"chainId\":\"57896044618658097711785492504343953926634992332820282019728792003956564819950\"}", "chainId: "},
		{"{\"gas\":1,\"gasLimit\":2}", "gasLimit: "},
		{"{\"input\":\"0x\",\"data\":\"0x00\"}", "data: "},
		{"{\"gas\":18446744073709551616}", "gas: "},
		{"{\"value\":\"0x10000000000000000000000000000000000000000000000000000000000000000\"}", "value: "},
		{"{\"type\":0,\"chainId\":1,\"maxFeePerGas\":1}", "maxFeePerGas: "},
		{"{\"type\":2,\"chainId\":1,\"gasPrice\":1}", "gasPrice: "},
		{"{\"type\":0,\"accessList\":[]}", "accessList: "},
		{"{\"type\":1,\"chainId\":1,\"accessList\":{}}", "accessList: "},
		{"{\"type\":1,\"chainId\":1,\"accessList\":[{\"address\":\"0x00000000000000000000000000000000000000aa\",\"storageKeys\":[\"0x01\"]}]}",
		"accessList[0].storageKeys[0]: "},
		{"{\"type\":1,\"chainId\":1,\"accessList\":[{\"storageKeys\":[]}]}", "accessList[0].address: "},
		{"{\"type\":4,\"chainId\":1,\"to\":\"0x00000000000000000000000000000000000000aa\"}", "authorizationList: "},
		{"{\"type\":4,\"chainId\":1,\"authorizationList\":[]}", "to: "},
		{"{\"to\":\"0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAeD\"}", "to: "},
		{"{\"gasprice\":1}", "gasprice: "},
		{"[]", "transaction: "},
	};
	static const char *const raw[][2] = {
		{"0x", "byte 0: "}, {"0x00c0", "byte 0: "}, {"0x03c0", "chainId: "}, {"0x05c0", "byte 0: "},
		{"0x7fc0", "byte 0: "}, {"0x02", "byte 1: "}, {"0xc0", "nonce: "}, {"0x80", "byte 0: "},
	};

	for (size_t i = 0; i < lengthof(cases); i++)
		check(starts(sign(cases[i][0]), cases[i][1]), "refuses %s", cases[i][0]);
	for (size_t i = 0; i < lengthof(raw); i++)
		check(starts(decode(raw[i][0]), raw[i][1]), "refuses %s", raw[i][0]);
}

int
main(void)
{
	test_eip155();
	test_round_trips();
	test_refusals();
	mem_reset();
	return check_done();
}
