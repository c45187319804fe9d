/*
 * scrypt.c
 *		See scrypt.h.
 *
 * All memory is taken before anything secret is derived, and whoever wants it
 * to stop is asked, not jumped to: no error can jump over the wiping.
 */
#include "custody/scrypt.h"

#include "custody/seal.h"

/* A block of Salsa20: 64 bytes. */
#define SALSA_WORDS 16

/* Blocks of Salsa20 between two looks whether to stop: some milliseconds. */
#define LOOK_EVERY 16384

/* How far it is, and whether it goes on. */
typedef struct Progress
{
	const StopCheck *stop;
	uint64_t	made;			/* blocks of Salsa20 */
} Progress;

static inline uint32_t
rotate(uint32_t value, int bits)
{
	return value << bits | value >> (32 - bits);
}

#define QUARTER(a, b, c, d) \
	do { \
		x[b] ^= rotate(x[a] + x[d], 7); \
		x[c] ^= rotate(x[b] + x[a], 9); \
		x[d] ^= rotate(x[c] + x[b], 13); \
		x[a] ^= rotate(x[d] + x[c], 18); \
	} while (0)

/* RFC 7914, section 3: Salsa20/8, in place. */
static void
salsa20_8(uint32_t words[SALSA_WORDS])
{
	uint32_t	x[SALSA_WORDS];

	memcpy(x, words, sizeof(x));
	for (int round = 0; round < 8; round += 2)
	{
		QUARTER(0, 4, 8, 12);
		QUARTER(5, 9, 13, 1);
		QUARTER(10, 14, 2, 6);
		QUARTER(15, 3, 7, 11);
		QUARTER(0, 1, 2, 3);
		QUARTER(5, 6, 7, 4);
		QUARTER(10, 11, 8, 9);
		QUARTER(15, 12, 13, 14);
	}
	for (int i = 0; i < SALSA_WORDS; i++)
		words[i] += x[i];
}

/* Section 4: blocks of 2 * r * 64 bytes; the even ones come first in what results. False: stop. */
static bool
block_mix(const uint32_t *in, uint32_t *out, size_t r, Progress *progress)
{
	uint32_t	x[SALSA_WORDS];

	memcpy(x, in + (2 * r - 1) * SALSA_WORDS, sizeof(x));
	for (size_t i = 0; i < 2 * r; i++)
	{
		for (int k = 0; k < SALSA_WORDS; k++)
			x[k] ^= in[i * SALSA_WORDS + k];
		salsa20_8(x);
		memcpy(out + (i / 2 + (i % 2) * r) * SALSA_WORDS, x, sizeof(x));
		if (++progress->made % LOOK_EVERY == 0 && stop_wanted(progress->stop))
			return false;
	}
	return true;
}

/* Section 5. "table" has room for n blocks, x and y for one; the result is in x. False: stop. */
static bool
rom_mix(uint32_t *x, uint32_t *y, uint32_t *table, uint64_t n, size_t r, Progress *progress)
{
	size_t		words = 2 * r * SALSA_WORDS;

	memcpy(table, x, words * sizeof(uint32_t));
	for (uint64_t i = 1; i < n; i++)
		if (!block_mix(table + (i - 1) * words, table + i * words, r, progress))
			return false;
	if (!block_mix(table + (n - 1) * words, x, r, progress))
		return false;
	for (uint64_t i = 0; i < n; i++)
	{
		/* n is below 2^32, so the lowest word of the last block is enough. */
		const uint32_t *row = table + (x[words - SALSA_WORDS] & (n - 1)) * words;

		for (size_t k = 0; k < words; k++)
			y[k] = x[k] ^ row[k];
		if (!block_mix(y, x, r, progress))
			return false;
	}
	return true;
}

/* The bytes are little-endian words. False: stop. */
static bool
mix_bytes(uint8_t *bytes, uint32_t *x, uint32_t *y, uint32_t *table, uint64_t n, size_t r,
		  Progress *progress)
{
	size_t		words = 2 * r * SALSA_WORDS;

	for (size_t i = 0; i < words; i++)
		x[i] = (uint32_t) bytes[4 * i] | (uint32_t) bytes[4 * i + 1] << 8 |
			(uint32_t) bytes[4 * i + 2] << 16 | (uint32_t) bytes[4 * i + 3] << 24;
	if (!rom_mix(x, y, table, n, r, progress))
		return false;
	for (size_t i = 0; i < words; i++)
	{
		bytes[4 * i] = (uint8_t) x[i];
		bytes[4 * i + 1] = (uint8_t) (x[i] >> 8);
		bytes[4 * i + 2] = (uint8_t) (x[i] >> 16);
		bytes[4 * i + 3] = (uint8_t) (x[i] >> 24);
	}
	return true;
}

bool
scrypt_cost_valid(uint64_t n, uint64_t r, uint64_t p)
{
	return n > 1 && (n & (n - 1)) == 0 && r > 0 && p > 0 &&
		n <= SCRYPT_MAX_COST && r <= SCRYPT_MAX_COST / n && p <= SCRYPT_MAX_COST / n / r;
}

/* Section 6. */
bool
scrypt_derive(const char *passphrase, size_t passphrase_length,
			  const uint8_t *salt, size_t salt_length,
			  uint64_t n, uint64_t r, uint64_t p, uint8_t *out, size_t length, const StopCheck *stop)
{
	Progress	progress = {stop, 0};
	size_t		block = 128 * (size_t) r;
	uint8_t    *blocks;
	uint32_t   *x;
	uint32_t   *y;
	uint32_t   *table;
	bool		done;

	if (!scrypt_cost_valid(n, r, p))
		return false;
	blocks = mem_alloc(block * (size_t) p);
	x = mem_alloc(block);
	y = mem_alloc(block);
	table = mem_alloc(block * (size_t) n);

	done = pbkdf2_sha256(passphrase, passphrase_length, salt, salt_length, 1,
						 blocks, block * (size_t) p, stop);
	for (uint64_t i = 0; done && i < p; i++)
		done = mix_bytes(blocks + i * block, x, y, table, n, (size_t) r, &progress);
	done = done && pbkdf2_sha256(passphrase, passphrase_length, blocks, block * (size_t) p, 1,
								 out, length, stop);

	seal_wipe(blocks, block * (size_t) p);
	seal_wipe(x, block);
	seal_wipe(y, block);
	seal_wipe(table, block * (size_t) n);
	mem_free(table);
	mem_free(y);
	mem_free(x);
	mem_free(blocks);
	if (!done)
		seal_wipe(out, length);
	return done;
}
