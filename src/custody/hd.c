/*
 * hd.c
 *		See hd.h.
 */
#include "custody/hd.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <secp256k1.h>

#include "custody/seal.h"
#include "evm/signature.h"

#define HARDENED UINT32_C(0x80000000)

/* HMAC-SHA512, split: left half and right half. */
static bool
hmac_halves(const uint8_t *key, size_t key_length, const uint8_t *data, size_t length,
			uint8_t left[32], uint8_t right[32])
{
	uint8_t		both[64];
	unsigned int written = 0;
	bool		done = HMAC(EVP_sha512(), key, (int) key_length, data, length, both, &written) != NULL &&
		written == sizeof(both);

	if (done)
	{
		memcpy(left, both, 32);
		memcpy(right, both + 32, 32);
	}
	seal_wipe(both, sizeof(both));
	return done;
}

/* Public key and address of the private key; false if it is none. */
static bool
fill_public(HdKey *key)
{
	uint8_t		point[64];

	if (!signature_public_key(key->private_key, point))
		return false;
	key->public_key[0] = point[63] & 1 ? 0x03 : 0x02;
	memcpy(key->public_key + 1, point, 32);
	address_from_public_key(point, key->address);
	return true;
}

/* BIP-32, CKDpriv: in place. */
static bool
derive_child(HdKey *key, uint32_t index)
{
	uint8_t		data[37];
	uint8_t		tweak[32];
	bool		done;

	if (index & HARDENED)
	{
		data[0] = 0;
		memcpy(data + 1, key->private_key, 32);
	}
	else
		memcpy(data, key->public_key, 33);
	for (int i = 0; i < 4; i++)
		data[33 + i] = (uint8_t) (index >> (24 - 8 * i));
	/* Adding needs no tables, so the library's static context will do; it refuses a sum of 0. */
	done = hmac_halves(key->chain_code, 32, data, sizeof(data), tweak, key->chain_code) &&
		secp256k1_ec_seckey_tweak_add(secp256k1_context_static, key->private_key, tweak) == 1 &&
		fill_public(key);
	seal_wipe(data, sizeof(data));
	seal_wipe(tweak, sizeof(tweak));
	return done;
}

static bool
path_fail(Problem *problem, size_t at, const char *message)
{
	char		where[64];

	snprintf(where, sizeof(where), "path, character %zu", at + 1);
	return problem_set(problem, where, "%s", message);
}

/* One "/n" or "/n'" at *at, which is moved behind it. */
static bool
read_index(const char *path, size_t length, size_t *at, uint32_t *index, Problem *problem)
{
	size_t		start;
	uint64_t	value = 0;

	if (path[*at] != '/')
		return path_fail(problem, *at, "expected a slash");
	start = ++*at;
	while (*at < length && path[*at] >= '0' && path[*at] <= '9')
	{
		value = value * 10 + (uint64_t) (path[*at] - '0');
		if (value >= HARDENED)
			return path_fail(problem, start, "an index must be below 2147483648");
		++*at;
	}
	if (*at == start)
		return path_fail(problem, start, "expected an index in decimal digits");
	*index = (uint32_t) value;
	if (*at < length && path[*at] == '\'')
	{
		*index |= HARDENED;
		++*at;
	}
	return true;
}

static bool
derive_path(HdKey *key, const char *path, size_t length, Problem *problem)
{
	size_t		at = 1;

	if (length == 0 || path[0] != 'm')
		return path_fail(problem, 0, "a path starts with m");
	for (int depth = 0; at < length; depth++)
	{
		size_t		start = at;
		uint32_t	index = 0;

		if (depth == HD_MAX_DEPTH)
			return path_fail(problem, at, "a path has at most 255 levels");
		if (!read_index(path, length, &at, &index, problem))
			return false;
		if (!derive_child(key, index))
			return path_fail(problem, start, "there is no key at this index, use the next one");
	}
	return true;
}

bool
hd_derive(const uint8_t *seed, size_t seed_length, const char *path, size_t path_length,
		  HdKey *key, Problem *problem)
{
	static const char master[] = "Bitcoin seed";
	bool		done;

	if (seed_length < HD_LEAST_SEED || seed_length > HD_MOST_SEED)
		return problem_set(problem, "seed", "expected %d to %d bytes, got %zu", HD_LEAST_SEED,
						   HD_MOST_SEED, seed_length);
	if (!hmac_halves((const uint8_t *) master, sizeof(master) - 1, seed, seed_length,
					 key->private_key, key->chain_code) ||
		!fill_public(key))
		done = problem_set(problem, "seed", "there is no master key of this seed, use another one");
	else
		done = derive_path(key, path, path_length, problem);
	if (!done)
		seal_wipe(key, sizeof(*key));
	return done;
}
