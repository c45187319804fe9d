/*
 * evm_signature.c
 *		Promise: signatures are RFC 6979 with low s, and prove who signed.
 *
 * Vectors: EIP-55, EIP-1014, EIP-2098, and well-known keys.
 */
#include "check.h"
#include "evm/hex.h"
#include "evm/keccak.h"
#include "evm/signature.h"

static Bytes
unhex(const char *hex)
{
	Problem		problem = {{0}, {0}};
	Bytes		bytes = {NULL, 0};

	if (!hex_parse(hex, strlen(hex), &bytes, NULL, &problem))
		check(false, "%s is hex", hex);
	return bytes;
}

static void
test_addresses(void)
{
	static const char *const valid[] = {
		"0x52908400098527886E0F7030069857D2E4169EE7", "0x8617E340B3D01FA5F11F306F4090FD50E238070D",
		"0xde709f2102306220921060314715629080e2fb77", "0x27b1fdb04752bbc536007a920d24acb045561c26",
		"0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359",
		"0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB", "0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb",
	};
	static const char *const refused[] = {
		"0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAeD", "5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
		"0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAe", "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAedd",
		"0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAeg", "", "0x",
	};
	static const char *const create2[][4] = {
		{"0x0000000000000000000000000000000000000000", "0x0000000000000000000000000000000000000000000000000000000000000000",
		"0x00", "0x4D1A2e2bB4F88F0250f26Ffff098B0b30B26BF38"},
		{"0xdeadbeef00000000000000000000000000000000", "0x0000000000000000000000000000000000000000000000000000000000000000",
		"0x00", "0xB928f69Bb1D91Cd65274e3c79d8986362984fDA3"},
		{"0xdeadbeef00000000000000000000000000000000", "0x000000000000000000000000feed000000000000000000000000000000000000",
		"0x00", "0xD04116cDd17beBE565EB2422F2497E06cC1C9833"},
		{"0x00000000000000000000000000000000deadbeef", "0x00000000000000000000000000000000000000000000000000000000cafebabe",
		"0xdeadbeef", "0x60f3f640a8508fC6a86d45DF051962668E1e8AC7"},
		{"0x0000000000000000000000000000000000000000", "0x0000000000000000000000000000000000000000000000000000000000000000",
		"0x", "0xE33C0C7F7df4809055C3ebA6c09CFe4BaF1BD9e0"},
	};
	Problem		problem = {{0}, {0}};
	uint8_t		address[20];
	char		text[ADDRESS_TEXT_SIZE];

	for (size_t i = 0; i < lengthof(valid); i++)
	{
		check(address_parse(valid[i], strlen(valid[i]), address, NULL, &problem), "takes %s", valid[i]);
		address_write(address, text);
		check_text(text, valid[i], "and writes it with its checksum");
	}
	for (size_t i = 0; i < lengthof(refused); i++)
		check(!address_parse(refused[i], strlen(refused[i]), address, NULL, &problem),
			  "refuses \"%s\"", refused[i]);
	for (size_t i = 0; i < lengthof(create2); i++)
	{
		uint8_t		deployer[20];
		uint8_t		hash[32];
		Bytes		code = unhex(create2[i][2]);

		memcpy(deployer, unhex(create2[i][0]).data, 20);
		keccak256(code.data, code.length, hash);
		address_create2(deployer, unhex(create2[i][1]).data, hash, address);
		address_write(address, text);
		check_text(text, create2[i][3], "CREATE2 of EIP-1014");
	}
	memcpy(address, unhex("0x6ac7ea33f8831ea9dcc53393aaa88b25a785dbf0").data, 20);
	for (uint64_t nonce = 0; nonce < 4; nonce++)
	{
		static const char *const expected[] = {
			"0xcd234a471b72ba2f1ccf0a70fcaba648a5eecd8d", "0x343c43a37d37dff08ae8c4a11544c718abb4fcf8",
			"0xf778b86fa74e846c4f0a1fbd1335fe81c00a0c91", "0xfffd933a0bc612844eaf0c6fe3e5b8e9b6c1d19c",
		};
		uint8_t		created[20];

		address_create(address, nonce, created);
		check_text(hex_text(created, 20), expected[nonce], "CREATE");
	}
	check(address_delegated(unhex("0xef0100000000000000000000000000000000000000dead").data, 23, address) &&
		  address[19] == 0xad, "a delegation");
	check(!address_delegated(address, 20, address), "no delegation");
}

static void
test_signatures(void)
{
	Bytes		key = unhex("0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80");
	Bytes		order = unhex("0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141");
	Problem		problem = {{0}, {0}};
	EvmSignature signature;
	EvmSignature other;
	uint8_t		hash[32];
	uint8_t		address[20];
	uint8_t		signer[20];
	uint8_t		raw[65];
	uint8_t		compact[64];
	uint8_t		zero[32] = {0};
	char		text[ADDRESS_TEXT_SIZE];

	check(signature_key_address(key.data, address), "address of a key");
	address_write(address, text);
	check_text(text, "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266", "anvil's first account");

	for (int i = 0; i < 2000; i++)
	{
		keccak256(&i, sizeof(i), hash);
		if (!signature_sign(hash, key.data, &signature, &problem) || !signature_is_low(&signature) ||
			!signature_recover(hash, &signature, signer) || memcmp(signer, address, 20) != 0)
		{
			check(false, "signature %d recovers", i);
			break;
		}
	}
	signature_write(&signature, raw);
	check(signature_parse(raw, 65, &other, &problem) && memcmp(&other, &signature, sizeof(other)) == 0,
		  "65 bytes come back");
	check(signature_write_compact(&signature, compact) &&
		  signature_parse(compact, 64, &other, &problem) && memcmp(&other, &signature, sizeof(other)) == 0,
		  "64 bytes come back");

	check(!signature_sign(hash, zero, &signature, &problem), "no key of 0");
	check(!signature_sign(hash, order.data, &signature, &problem), "no key of n");
	memset(&problem, 0, sizeof(problem));
	raw[64] = 29;
	check(!signature_parse(raw, 65, &other, &problem), "v 29");
	check(!signature_parse(raw, 63, &other, &problem), "63 bytes");
	memcpy(other.r, order.data, 32);
	check(!signature_recover(hash, &other, signer), "r of n");
	memset(other.r, 0, 32);
	check(!signature_recover(hash, &other, signer), "r of 0");
	memset(other.r, 0, 31);
	other.r[31] = 5;
	other.s[0] = 0;
	check(!signature_recover(hash, &other, signer), "an r that is no x of the curve");

	/* EIP-2098's two examples. */
	memcpy(compact, unhex("0x68a020a209d3d56c46f38cc50a33f704f4a9a10a59377f8dd762ac66910e9b90"
						  "7e865ad05c4035ab5792787d4a0297a43617ae897930a6fe4d822b8faea52064").data, 64);
	message_hash("Hello World", 11, hash);
	check(signature_parse(compact, 64, &signature, &problem) && signature.parity == 0 &&
		  signature_recover(hash, &signature, signer), "EIP-2098, parity 0");
	memcpy(address, signer, 20);
	memcpy(compact, unhex("0x9328da16089fcba9bececa81663203989f2df5fe1faa6291a45381c81bd17f76"
						  "939c6d6b623b42da56557e5e734a43dc83345ddfadec52cbe24d0cc64f550793").data, 64);
	message_hash("It's a small(er) world", 22, hash);
	check(signature_parse(compact, 64, &signature, &problem) && signature.parity == 1 &&
		  signature_recover(hash, &signature, signer), "EIP-2098, parity 1");
	check(memcmp(address, signer, 20) == 0, "by the same key");
	signature_key_address(unhex("0x1234567890123456789012345678901234567890123456789012345678901234").data, address);
	check(memcmp(address, signer, 20) == 0, "that EIP-2098 names");

	message_hash("hello world", 11, hash);
	check_text(hex_text(hash, 32), "0xd9eba16ed0ecae432b71fe008c98cc872bb4cc214d3220a36f365326cf807d68",
			   "personal message");
}

int
main(void)
{
	test_addresses();
	test_signatures();
	mem_reset();
	return check_done();
}
