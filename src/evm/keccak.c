/*
 * keccak.c
 *		Keccak-f[1600] and the sponge over it (FIPS 202, sections 3 and 4).
 *
 * Hashing is the hot loop of checksums, selectors and typed data, so the
 * permutation is unrolled over two rounds with the state in registers.
 */
#include "evm/keccak.h"

/* Between two looks at a pending cancel: about two milliseconds. */
#define INTERRUPT_BYTES ((size_t) 1 << 20)

static const uint64_t round_constants[24] = {
	0x0000000000000001, 0x0000000000008082, 0x800000000000808a, 0x8000000080008000,
	0x000000000000808b, 0x0000000080000001, 0x8000000080008081, 0x8000000000008009,
	0x000000000000008a, 0x0000000000000088, 0x0000000080008009, 0x000000008000000a,
	0x000000008000808b, 0x800000000000008b, 0x8000000000008089, 0x8000000000008003,
	0x8000000000008002, 0x8000000000000080, 0x000000000000800a, 0x800000008000000a,
	0x8000000080008081, 0x8000000000008080, 0x0000000080000001, 0x8000000080008008
};

#define ROTATE(x, n) (((x) << (n)) | ((x) >> (64 - (n))))

/*
 * Rho and pi for one row of five lanes, then chi from it to the row at "to".
 * s0..s4 are the lanes that pi brings to this row, d their theta columns, r
 * their rotations (the first lane of the first row is not rotated).
 */
#define ROW(to0, to1, to2, to3, to4, \
			s0, d0, r0, s1, d1, r1, s2, d2, r2, s3, d3, r3, s4, d4, r4) \
	b0 = ROTATE(s0 ^ d0, r0); \
	b1 = ROTATE(s1 ^ d1, r1); \
	b2 = ROTATE(s2 ^ d2, r2); \
	b3 = ROTATE(s3 ^ d3, r3); \
	b4 = ROTATE(s4 ^ d4, r4); \
	to0 = b0 ^ (~b1 & b2); \
	to1 = b1 ^ (~b2 & b3); \
	to2 = b2 ^ (~b3 & b4); \
	to3 = b3 ^ (~b4 & b0); \
	to4 = b4 ^ (~b0 & b1)

/* One round from the lanes named a… to those named e…. */
#define ROUND(a, e, constant) \
	c0 = a##0 ^ a##5 ^ a##10 ^ a##15 ^ a##20; \
	c1 = a##1 ^ a##6 ^ a##11 ^ a##16 ^ a##21; \
	c2 = a##2 ^ a##7 ^ a##12 ^ a##17 ^ a##22; \
	c3 = a##3 ^ a##8 ^ a##13 ^ a##18 ^ a##23; \
	c4 = a##4 ^ a##9 ^ a##14 ^ a##19 ^ a##24; \
	d0 = c4 ^ ROTATE(c1, 1); \
	d1 = c0 ^ ROTATE(c2, 1); \
	d2 = c1 ^ ROTATE(c3, 1); \
	d3 = c2 ^ ROTATE(c4, 1); \
	d4 = c3 ^ ROTATE(c0, 1); \
	b0 = a##0 ^ d0; \
	b1 = ROTATE(a##6 ^ d1, 44); \
	b2 = ROTATE(a##12 ^ d2, 43); \
	b3 = ROTATE(a##18 ^ d3, 21); \
	b4 = ROTATE(a##24 ^ d4, 14); \
	e##0 = b0 ^ (~b1 & b2) ^ (constant); \
	e##1 = b1 ^ (~b2 & b3); \
	e##2 = b2 ^ (~b3 & b4); \
	e##3 = b3 ^ (~b4 & b0); \
	e##4 = b4 ^ (~b0 & b1); \
	ROW(e##5, e##6, e##7, e##8, e##9, \
		a##3, d3, 28, a##9, d4, 20, a##10, d0, 3, a##16, d1, 45, a##22, d2, 61); \
	ROW(e##10, e##11, e##12, e##13, e##14, \
		a##1, d1, 1, a##7, d2, 6, a##13, d3, 25, a##19, d4, 8, a##20, d0, 18); \
	ROW(e##15, e##16, e##17, e##18, e##19, \
		a##4, d4, 27, a##5, d0, 36, a##11, d1, 10, a##17, d2, 15, a##23, d3, 56); \
	ROW(e##20, e##21, e##22, e##23, e##24, \
		a##2, d2, 62, a##8, d3, 55, a##14, d4, 39, a##15, d0, 41, a##21, d1, 2)

static inline __attribute__((always_inline)) void
permute_body(uint64_t *s)
{
	uint64_t	a0 = s[0], a1 = s[1], a2 = s[2], a3 = s[3], a4 = s[4],
				a5 = s[5], a6 = s[6], a7 = s[7], a8 = s[8], a9 = s[9],
				a10 = s[10], a11 = s[11], a12 = s[12], a13 = s[13], a14 = s[14],
				a15 = s[15], a16 = s[16], a17 = s[17], a18 = s[18], a19 = s[19],
				a20 = s[20], a21 = s[21], a22 = s[22], a23 = s[23], a24 = s[24];
	uint64_t	e0, e1, e2, e3, e4, e5, e6, e7, e8, e9, e10, e11, e12,
				e13, e14, e15, e16, e17, e18, e19, e20, e21, e22, e23, e24;
	uint64_t	b0, b1, b2, b3, b4;
	uint64_t	c0, c1, c2, c3, c4;
	uint64_t	d0, d1, d2, d3, d4;

	for (int round = 0; round < 24; round += 2)
	{
		ROUND(a, e, round_constants[round]);
		ROUND(e, a, round_constants[round + 1]);
	}
	s[0] = a0, s[1] = a1, s[2] = a2, s[3] = a3, s[4] = a4;
	s[5] = a5, s[6] = a6, s[7] = a7, s[8] = a8, s[9] = a9;
	s[10] = a10, s[11] = a11, s[12] = a12, s[13] = a13, s[14] = a14;
	s[15] = a15, s[16] = a16, s[17] = a17, s[18] = a18, s[19] = a19;
	s[20] = a20, s[21] = a21, s[22] = a22, s[23] = a23, s[24] = a24;
}

static void
permute_portable(uint64_t *s)
{
	permute_body(s);
}

#if defined(__x86_64__) && defined(__GNUC__)

/* The same for processors with and-not and three-operand rotations (most since 2013): a fifth faster. */
__attribute__((target("bmi,bmi2")))
static void
permute_bmi(uint64_t *s)
{
	permute_body(s);
}

static void
permute(uint64_t *s)
{
	static int	has_bmi = -1;

	if (has_bmi < 0)
		has_bmi = __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2");
	if (has_bmi)
		permute_bmi(s);
	else
		permute_portable(s);
}

#else

static void
permute(uint64_t *s)
{
	permute_portable(s);
}

#endif

/* Lanes are little-endian whatever the machine is; compilers make this one load. */
static uint64_t
load_lane(const uint8_t *p)
{
	return (uint64_t) p[0] | (uint64_t) p[1] << 8 | (uint64_t) p[2] << 16 | (uint64_t) p[3] << 24 |
		(uint64_t) p[4] << 32 | (uint64_t) p[5] << 40 | (uint64_t) p[6] << 48 | (uint64_t) p[7] << 56;
}

static void
absorb(uint64_t *lanes, const uint8_t *block)
{
	for (int i = 0; i < KECCAK_RATE / 8; i++)
		lanes[i] ^= load_lane(block + 8 * i);
	permute(lanes);
}

void
keccak_init(Keccak *keccak)
{
	memset(keccak->lanes, 0, sizeof(keccak->lanes));
	keccak->used = 0;
}

void
keccak_update(Keccak *keccak, const void *data, size_t length)
{
	const uint8_t *p = data;
	size_t		since_check = 0;

	if (keccak->used > 0)
	{
		size_t		take = KECCAK_RATE - keccak->used;

		if (take > length)
			take = length;
		if (take > 0)
			memcpy(keccak->block + keccak->used, p, take);
		keccak->used += take;
		p += take;
		length -= take;
		if (keccak->used < KECCAK_RATE)
			return;
		absorb(keccak->lanes, keccak->block);
		keccak->used = 0;
	}
	while (length >= KECCAK_RATE)
	{
		absorb(keccak->lanes, p);
		p += KECCAK_RATE;
		length -= KECCAK_RATE;
		since_check += KECCAK_RATE;
		if (since_check >= INTERRUPT_BYTES)
		{
			base_check_interrupts();
			since_check = 0;
		}
	}
	if (length > 0)
		memcpy(keccak->block, p, length);
	keccak->used = length;
}

void
keccak_final(Keccak *keccak, uint8_t hash[KECCAK_LENGTH])
{
	memset(keccak->block + keccak->used, 0, KECCAK_RATE - keccak->used);
	keccak->block[keccak->used] ^= 0x01;
	keccak->block[KECCAK_RATE - 1] ^= 0x80;
	absorb(keccak->lanes, keccak->block);
	for (int i = 0; i < KECCAK_LENGTH; i++)
		hash[i] = (uint8_t) (keccak->lanes[i / 8] >> (8 * (i % 8)));
}

void
keccak256(const void *data, size_t length, uint8_t hash[KECCAK_LENGTH])
{
	Keccak		keccak;

	keccak_init(&keccak);
	keccak_update(&keccak, data, length);
	keccak_final(&keccak, hash);
}
