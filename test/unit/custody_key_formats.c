/*
 * custody_key_formats.c
 *		Promise: scrypt is that of the RFC, keystores ask for bounded work only,
 *		and nothing of a key is left where one is refused.
 *
 * Vectors: RFC 7914 sections 11 and 12; further keys, texts and paths are in
 * sql/custody_pure.sql.
 *
 * Links: src/custody/seal.c
 * Links: src/custody/pbkdf2.c
 * Links: src/custody/scrypt.c
 * Links: src/custody/keystore.c
 * Links: src/custody/hd.c
 * Links: src/custody/mnemonic.c
 */
#include "check.h"

#include "custody/hd.h"
#include "custody/keystore.h"
#include "custody/mnemonic.h"
#include "custody/scrypt.h"
#include "evm/hex.h"

static void
check_scrypt(const char *passphrase, const char *salt, uint64_t n, uint64_t r, uint64_t p,
			 const char *expected)
{
	uint8_t		out[64];

	check(scrypt_derive(passphrase, strlen(passphrase), (const uint8_t *) salt, strlen(salt), n, r, p,
						out, sizeof(out), NULL),
		  "scrypt with n %llu, r %llu, p %llu", (unsigned long long) n, (unsigned long long) r,
		  (unsigned long long) p);
	check_text(hex_text(out, sizeof(out)), expected, "gives what RFC 7914 says");
	mem_reset();
}

static void
check_costs(void)
{
	uint8_t		out[32];

	check(scrypt_cost_valid(262144, 8, 1), "the cost of a common wallet");
	check(scrypt_cost_valid(SCRYPT_MAX_COST, 1, 1), "the highest cost");
	check(!scrypt_cost_valid(SCRYPT_MAX_COST * 2, 1, 1), "a higher one");
	check(!scrypt_cost_valid(UINT64_C(1) << 63, 2, 1), "a product that overflows");
	check(!scrypt_cost_valid(2, UINT64_C(1) << 63, 1), "another one");
	check(!scrypt_cost_valid(2, 1, UINT64_MAX), "another one");
	check(!scrypt_cost_valid(1, 1, 1) && !scrypt_cost_valid(0, 1, 1) && !scrypt_cost_valid(6, 1, 1),
		  "n that is no power of two above 1");
	check(!scrypt_derive("", 0, out, 0, 6, 1, 1, out, 32, NULL), "isn't derived with");
}

static void
check_pbkdf2(const char *passphrase, const char *salt, uint64_t rounds, size_t length, const char *expected)
{
	uint8_t		out[64];

	check(pbkdf2_sha256(passphrase, strlen(passphrase), (const uint8_t *) salt, strlen(salt), rounds,
						out, length, NULL),
		  "PBKDF2 with %llu rounds", (unsigned long long) rounds);
	check_text(hex_text(out, length), expected, "gives what others get");
	mem_reset();
}

/* All bytes are zero. */
static bool
is_wiped(const void *bytes, size_t length)
{
	const uint8_t *at = bytes;

	for (size_t i = 0; i < length; i++)
	{
		if (at[i] != 0)
			return false;
	}
	return true;
}

/* A StopCheck that stops at the look whose number it is given. */
static bool
at_look(void *state)
{
	int		   *looks_left = state;

	return --*looks_left == 0;
}

static void
check_stop(void)
{
	int			looks_left = 3;
	const StopCheck stop = {at_look, &looks_left};
	uint8_t		out[32];

	memset(out, 1, sizeof(out));
	check(!scrypt_derive("x", 1, out, 0, 16384, 8, 1, out, 32, &stop) && looks_left == 0 && is_wiped(out, 32),
		  "scrypt is stopped between its blocks");
	looks_left = 1;
	memset(out, 1, sizeof(out));
	check(!scrypt_derive("x", 1, out, 0, 2, 1, 10000, out, 32, &stop) && looks_left == 0 && is_wiped(out, 32),
		  "and at its beginning, where p is large");
	looks_left = 1;
	memset(out, 1, sizeof(out));
	check(!scrypt_derive("x", 1, out, 0, 2, 10000, 1, out, 32, &stop) && looks_left == 0 && is_wiped(out, 32),
		  "and where r is");
	looks_left = 2;
	memset(out, 1, sizeof(out));
	check(!pbkdf2_sha256("x", 1, out, 0, 1000000, out, 32, &stop) && looks_left == 0 && is_wiped(out, 32),
		  "PBKDF2 is stopped between its rounds");
	looks_left = 1000000;
	check(pbkdf2_sha256("x", 1, out, 0, 10000, out, 32, &stop) && looks_left < 1000000 && !is_wiped(out, 32),
		  "and goes on where nobody wants it to stop");
	check(!pbkdf2_sha256("x", 1, out, 0, 0, out, 32, NULL) && is_wiped(out, 32), "no round is none");
	mem_reset();
}

static void
check_keystore(void)
{
	static const char json[] =
		"{\"version\":3,\"crypto\":{\"cipher\":\"aes-128-ctr\","
		"\"cipherparams\":{\"iv\":\"000102030405060708090a0b0c0d0e0f\"},"
		"\"ciphertext\":\"746e23a05e7ce91dd5f5982280e55ba61bedba28bb4a38cd8cf80d99070471e1\",\"kdf\":\"pbkdf2\","
		"\"kdfparams\":{\"c\":1,\"dklen\":32,\"prf\":\"hmac-sha256\",\"salt\":\"00000000000000000000000000000001\"},"
		"\"mac\":\"f6fb30cc1b730535003494da6dc1da101c1ebbaa64b1178c99981eb2588cba83\"}%s}";
	static const char passphrase[] = "\xc3\xb6" "ffne dich";
	Problem		problem = {{0}, {0}};
	char		text[1000];
	uint8_t		key[32];

	snprintf(text, sizeof(text), json, "");
	check(keystore_decrypt(doc_parse(text, strlen(text), &problem), passphrase, strlen(passphrase), key, NULL, &problem),
		  "a keystore");
	check_text(hex_text(key, 32), "0x4646464646464646464646464646464646464646464646464646464646464646", "gives its key");
	memset(key, 1, sizeof(key));
	check(!keystore_decrypt(doc_parse(text, strlen(text), &problem), "x", 1, key, NULL, &problem) && is_wiped(key, 32),
		  "not with another passphrase");
	check_text(problem.message, "the passphrase is wrong, or the keystore damaged", "which is said");
	snprintf(text, sizeof(text), json, ",\"address\":\"0000000000000000000000000000000000000000\"");
	problem.message[0] = problem.where[0] = '\0';
	check(!keystore_decrypt(doc_parse(text, strlen(text), &problem), passphrase, strlen(passphrase), key, NULL, &problem) &&
		  is_wiped(key, 32), "nor with another address");
	check_text(problem.where, "address", "which is said");
	mem_reset();
}

static void
check_derivation(void)
{
	static const uint8_t seed[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
	Problem		problem = {{0}, {0}};
	HdKey		key;

	check(hd_derive(seed, 16, "m/0'/1/2'/2/1000000000", 22, &key, &problem), "vector 1 of BIP-32");
	check_text(hex_text(key.private_key, 32),
			   "0x471b76e389e528d6de6d816857e012c5455051cad6660850e58372a6c3e6e7c8", "its last private key");
	check_text(hex_text(key.public_key, 33),
			   "0x022a471424da5e657499d1ff51cb43c47481a03b1e77f951fe64cec9f5a48f7011", "its last public key");
	check(!hd_derive(seed, 16, "m/0'/", 5, &key, &problem) && is_wiped(&key, sizeof(key)), "nothing is left of a broken path");
	check_text(problem.where, "path, character 6", "whose break is named");
	check(!hd_derive(seed, 15, "m", 1, &key, &problem), "a short seed");
	mem_reset();
}

static void
check_mnemonic(void)
{
	static const char words[] = "legal winner thank year wave sausage worth useful legal winner thank yellow";
	uint8_t		seed[MNEMONIC_SEED_LENGTH];

	check(mnemonic_to_seed(words, strlen(words), "TREZOR", 6, seed), "a vector of BIP-39");
	check_text(hex_text(seed, sizeof(seed)),
			   "0x2e8905819b8723fe2c1d161860e5ee1830318dbf49a83bd451cfb8440c28bd6fa457fe1296106559a3c80937a1c1069be3a3a5bd381ee6260e8d9739fce1f607",
			   "gives its seed");
	check(!mnemonic_to_seed(words, MNEMONIC_MAX_TEXT + 1, "", 0, seed), "texts are bounded");
	mem_reset();
}

int
main(void)
{
	check_scrypt("", "", 16, 1, 1,
				 "0x77d6576238657b203b19ca42c18a0497f16b4844e3074ae8dfdffa3fede21442"
				 "fcd0069ded0948f8326a753a0fc81f17e8d3e0fb2e0d3628cf35e20c38d18906");
	check_scrypt("password", "NaCl", 1024, 8, 16,
				 "0xfdbabe1c9d3472007856e7190d01e9fe7c6ad7cbc8237830e77376634b373162"
				 "2eaf30d92e22a3886ff109279d9830dac727afb94a83ee6d8360cbdfa2cc0640");
	check_scrypt("pleaseletmein", "SodiumChloride", 16384, 8, 1,
				 "0x7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2"
				 "d5432955613f0fcf62d49705242a9af9e61e85dc0d651e40dfcf017b45575887");
	check_pbkdf2("passwd", "salt", 1, 64,
				 "0x55ac046e56e3089fec1691c22544b605f94185216dde0465e68b9d57c20dacbc"
				 "49ca9cccf179b645991664b39d77ef317c71b845b1e30bd509112041d3a19783");
	check_pbkdf2("Password", "NaCl", 80000, 64,
				 "0x4ddcd8f60b98be21830cee5ef22701f9641a4418d04c0414aeff08876b34ab56"
				 "a1d425a1225833549adb841b51c9b3176a272bdebba1d078478f62b397f33c8d");
	check_pbkdf2("kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk", "salt", 3, 33, "0x37681f3749277f6b4ddde0ffeb99b3fcf332f61ba1ee3612ed0fd921583c6cfe57");
	check_costs();
	check_stop();
	check_keystore();
	check_derivation();
	check_mnemonic();
	return check_done();
}
