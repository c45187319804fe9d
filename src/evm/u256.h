/*
 * u256.h
 *		Unsigned integers of 256 bits, exact, with overflow reported.
 */
#ifndef DALP_EVM_U256_H
#define DALP_EVM_U256_H

#include "core/base.h"

typedef struct U256
{
	uint64_t	limb[4];		/* limb[0] is the lowest */
} U256;

/* Digits of 2^256 - 1, and a zero. */
#define U256_DECIMAL_SIZE 79

static inline U256
u256_from_u64(uint64_t value)
{
	U256		result = {{value, 0, 0, 0}};

	return result;
}

static inline bool
u256_is_zero(const U256 *a)
{
	return (a->limb[0] | a->limb[1] | a->limb[2] | a->limb[3]) == 0;
}

static inline bool
u256_fits_u64(const U256 *a)
{
	return (a->limb[1] | a->limb[2] | a->limb[3]) == 0;
}

/* <0, 0, >0 */
extern int	u256_compare(const U256 *a, const U256 *b);

/* Bits up to the highest set one; 0 of 0. */
extern int	u256_bits(const U256 *a);

/* Big-endian bytes, at most 32, to a number. */
extern U256 u256_from_bytes(const uint8_t *bytes, size_t length);

/* 32 big-endian bytes. */
extern void u256_to_bytes(const U256 *a, uint8_t bytes[32]);

/* Shortest big-endian bytes (none of 0); returns how many. They start at out[0]. */
extern int	u256_to_shortest(const U256 *a, uint8_t out[32]);

/* Result modulo 2^256; false if that is not the true result. Result may be an operand. */
extern bool u256_add(U256 *result, const U256 *a, const U256 *b);
extern bool u256_subtract(U256 *result, const U256 *a, const U256 *b);
extern bool u256_multiply(U256 *result, const U256 *a, const U256 *b);

/* Quotient rounded down; returns the remainder. The divisor isn't 0. */
extern uint64_t u256_divide_u64(U256 *quotient, const U256 *a, uint64_t divisor);

/* a * numerator / denominator, rounded up; false past 2^256 - 1. The denominator isn't 0. */
extern bool u256_scale_up(U256 *result, const U256 *a, uint64_t numerator, uint64_t denominator);

/* 2^256 - a modulo 2^256: two's complement. */
extern void u256_negate(U256 *result, const U256 *a);

/* Decimal digits only, at least one, leading zeros allowed; false otherwise and past 2^256 - 1. */
extern bool u256_parse_decimal(const char *text, size_t length, U256 *result);

/* "0x" and at least one digit of either case, leading zeros allowed; false otherwise and past 2^256 - 1. */
extern bool u256_parse_hex(const char *text, size_t length, U256 *result);

/* Decimal, zero-terminated; returns its length. */
extern int	u256_format(const U256 *a, char out[U256_DECIMAL_SIZE]);

/* A JSON-RPC quantity: "0x", no leading zeros, "0x0" of 0; zero-terminated, returns its length. */
extern int	u256_format_quantity(const U256 *a, char out[67]);

#endif							/* DALP_EVM_U256_H */
