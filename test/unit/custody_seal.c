/*
 * custody_seal.c
 *		Promise: what is sealed comes back only with its key and its identity;
 *		derivations are those of the RFCs.
 *
 * Links: src/custody/seal.c
 */
#include "check.h"

#include "custody/seal.h"

static void
fill(uint8_t *bytes, size_t length, uint8_t first)
{
	for (size_t i = 0; i < length; i++)
		bytes[i] = (uint8_t) (first + i);
}

static void
check_derivation(void)
{
	uint8_t		master[32];
	uint8_t		a[32];
	uint8_t		b[32];
	uint8_t		c[32];

	/*
	 * Computed with Python's hmac module: PRK = HMAC(32 zeros, master), key =
	 * HMAC(PRK, purpose || 0x01), RFC 5869 sections 2.2 and 2.3.
	 */
	static const uint8_t expected[32] = {
		0xc4, 0x99, 0xfa, 0x85, 0x4a, 0x1e, 0x71, 0x06,
		0xbd, 0xa3, 0xe0, 0x78, 0x34, 0x54, 0x91, 0x9c,
		0x6f, 0x58, 0xf9, 0x17, 0x0a, 0x6a, 0x1d, 0xa6,
		0xf0, 0x8a, 0x6a, 0x3d, 0x3e, 0x74, 0xcf, 0x77
	};
	static const uint8_t expected_check[32] = {
		0x0f, 0xb1, 0x54, 0x3d, 0x79, 0xd1, 0x93, 0x75,
		0xac, 0x52, 0x64, 0x14, 0xf6, 0xd5, 0x30, 0x71,
		0x76, 0x92, 0xd8, 0x05, 0x30, 0x2e, 0xc7, 0xc1,
		0x89, 0x65, 0x7a, 0x29, 0x33, 0x2f, 0xdc, 0x1a
	};

	fill(master, 32, 0);
	check(seal_derive(master, "dalp sign wrap v1", a) && memcmp(a, expected, 32) == 0, "HKDF-SHA256 as in RFC 5869");
	check(seal_check_value(master, "sign", b) && memcmp(b, expected_check, 32) == 0, "check value");
	check(seal_derive(master, "dalp verify wrap v1", c) && memcmp(a, c, 32) != 0, "another purpose gives another key");
	master[31] ^= 1;
	check(seal_derive(master, "dalp sign wrap v1", c) && memcmp(a, c, 32) != 0, "another master key gives another key");
	check(seal_check_value(master, "sign", c) && !seal_equal(b, c, 32), "another master key has another check value");
}

static void
check_sealing(void)
{
	uint8_t		key[32];
	uint8_t		secret[32];
	uint8_t		sealed[32 + SEAL_OVERHEAD];
	uint8_t		again[32 + SEAL_OVERHEAD];
	uint8_t		plain[32];
	int			refused = 0;

	fill(key, 32, 1);
	fill(secret, 32, 100);
	check(seal_encrypt(key, "wallet 1", secret, 32, sealed), "seals");
	check(seal_decrypt(key, "wallet 1", sealed, sizeof(sealed), plain) && memcmp(plain, secret, 32) == 0, "unseals");
	check(seal_encrypt(key, "wallet 1", secret, 32, again) && memcmp(again, sealed, sizeof(sealed)) != 0,
		  "sealing twice gives other bytes");
	check(!seal_decrypt(key, "wallet 2", sealed, sizeof(sealed), plain), "another identity is refused");
	for (size_t i = 0; i < sizeof(plain); i++)
		refused += plain[i] == 0;
	check(refused == 32, "nothing is left of what was refused");
	key[0] ^= 1;
	check(!seal_decrypt(key, "wallet 1", sealed, sizeof(sealed), plain), "another key is refused");
	key[0] ^= 1;

	refused = 0;
	for (size_t i = 0; i < sizeof(sealed) * 8; i++)
	{
		sealed[i / 8] ^= (uint8_t) (1 << (i % 8));
		refused += !seal_decrypt(key, "wallet 1", sealed, sizeof(sealed), plain);
		sealed[i / 8] ^= (uint8_t) (1 << (i % 8));
	}
	check(refused == (int) sizeof(sealed) * 8, "each flipped bit is noticed");
	refused = 0;
	for (size_t length = 0; length < sizeof(sealed); length++)
		refused += !seal_decrypt(key, "wallet 1", sealed, length, plain);
	check(refused == (int) sizeof(sealed), "each shorter text is refused");
	check(seal_encrypt(key, "", secret, 0, sealed) && seal_decrypt(key, "", sealed, SEAL_OVERHEAD, plain), "an empty text seals");
}

static void
check_rest(void)
{
	uint8_t		a[64] = {0};
	uint8_t		b[64] = {0};
	int			zeros = 0;

	check(seal_equal(a, b, sizeof(a)), "equal bytes are equal");
	check(seal_random(a, sizeof(a)) && seal_random(b, sizeof(b)) && !seal_equal(a, b, sizeof(a)), "random bytes differ");
	seal_wipe(a, sizeof(a));
	for (size_t i = 0; i < sizeof(a); i++)
		zeros += a[i] == 0;
	check(zeros == 64, "wiping leaves zeros");
}

int
main(void)
{
	check_derivation();
	check_sealing();
	check_rest();
	return check_done();
}
