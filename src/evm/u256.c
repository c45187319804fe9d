/*
 * u256.c
 *		Unsigned integers of 256 bits.
 */
#include "evm/u256.h"

#include "evm/hex.h"

__extension__ typedef unsigned __int128 Wide;

/* The largest power of ten in 64 bits, and its digits: decimal goes by such groups. */
#define GROUP UINT64_C(10000000000000000000)
#define GROUP_DIGITS 19

int
u256_compare(const U256 *a, const U256 *b)
{
	for (int i = 3; i >= 0; i--)
	{
		if (a->limb[i] != b->limb[i])
			return a->limb[i] < b->limb[i] ? -1 : 1;
	}
	return 0;
}

int
u256_bits(const U256 *a)
{
	for (int i = 3; i >= 0; i--)
	{
		if (a->limb[i] != 0)
			return 64 * i + 64 - __builtin_clzll(a->limb[i]);
	}
	return 0;
}

U256
u256_from_bytes(const uint8_t *bytes, size_t length)
{
	U256		result = {{0, 0, 0, 0}};

	Assert(length <= 32);
	for (size_t i = 0; i < length; i++)
	{
		size_t		place = length - 1 - i;

		result.limb[place / 8] |= (uint64_t) bytes[i] << (8 * (place % 8));
	}
	return result;
}

void
u256_to_bytes(const U256 *a, uint8_t bytes[32])
{
	for (int i = 0; i < 32; i++)
		bytes[31 - i] = (uint8_t) (a->limb[i / 8] >> (8 * (i % 8)));
}

int
u256_to_shortest(const U256 *a, uint8_t out[32])
{
	int			length = (u256_bits(a) + 7) / 8;

	for (int i = 0; i < length; i++)
		out[length - 1 - i] = (uint8_t) (a->limb[i / 8] >> (8 * (i % 8)));
	return length;
}

bool
u256_add(U256 *result, const U256 *a, const U256 *b)
{
	Wide		carry = 0;

	for (int i = 0; i < 4; i++)
	{
		carry += (Wide) a->limb[i] + b->limb[i];
		result->limb[i] = (uint64_t) carry;
		carry >>= 64;
	}
	return carry == 0;
}

bool
u256_subtract(U256 *result, const U256 *a, const U256 *b)
{
	uint64_t	borrow = 0;

	for (int i = 0; i < 4; i++)
	{
		Wide		difference = (Wide) a->limb[i] - b->limb[i] - borrow;

		result->limb[i] = (uint64_t) difference;
		borrow = (uint64_t) (difference >> 64) & 1;
	}
	return borrow == 0;
}

bool
u256_multiply(U256 *result, const U256 *a, const U256 *b)
{
	U256		product = {{0, 0, 0, 0}};
	bool		overflow = false;

	for (int i = 0; i < 4; i++)
	{
		Wide		carry = 0;

		if (a->limb[i] == 0)
			continue;
		for (int j = 0; j < 4; j++)
		{
			if (i + j < 4)
			{
				carry += (Wide) a->limb[i] * b->limb[j] + product.limb[i + j];
				product.limb[i + j] = (uint64_t) carry;
				carry >>= 64;
			}
			else if (b->limb[j] != 0)
				overflow = true;
		}
		if (carry != 0)
			overflow = true;
	}
	*result = product;
	return !overflow;
}

uint64_t
u256_divide_u64(U256 *quotient, const U256 *a, uint64_t divisor)
{
	Wide		rest = 0;

	for (int i = 3; i >= 0; i--)
	{
		rest = rest << 64 | a->limb[i];
		quotient->limb[i] = (uint64_t) (rest / divisor);
		rest %= divisor;
	}
	return (uint64_t) rest;
}

bool
u256_scale_up(U256 *result, const U256 *a, uint64_t numerator, uint64_t denominator)
{
	uint64_t	product[5];
	Wide		carry = 0;
	Wide		rest = 0;
	uint64_t	high = 0;

	/* 320 bits hold the product, so that only the quotient can be too large. */
	for (int i = 0; i < 4; i++)
	{
		carry += (Wide) a->limb[i] * numerator;
		product[i] = (uint64_t) carry;
		carry >>= 64;
	}
	product[4] = (uint64_t) carry;
	for (int i = 4; i >= 0; i--)
	{
		rest = rest << 64 | product[i];
		if (i == 4)
			high = (uint64_t) (rest / denominator);
		else
			result->limb[i] = (uint64_t) (rest / denominator);
		rest %= denominator;
	}
	if (high != 0)
		return false;
	if (rest != 0)
	{
		U256		one = u256_from_u64(1);

		return u256_add(result, result, &one);
	}
	return true;
}

void
u256_negate(U256 *result, const U256 *a)
{
	U256		zero = {{0, 0, 0, 0}};

	(void) u256_subtract(result, &zero, a);
}

/* value * factor + addend in place; false past 2^256 - 1. */
static bool
multiply_add(U256 *value, uint64_t factor, uint64_t addend)
{
	Wide		carry = addend;

	for (int i = 0; i < 4; i++)
	{
		carry += (Wide) value->limb[i] * factor;
		value->limb[i] = (uint64_t) carry;
		carry >>= 64;
	}
	return carry == 0;
}

bool
u256_parse_decimal(const char *text, size_t length, U256 *result)
{
	*result = u256_from_u64(0);
	if (length == 0)
		return false;
	while (length > 1 && *text == '0')
	{
		text++;
		length--;
	}
	if (length >= U256_DECIMAL_SIZE)
		return false;
	while (length > 0)
	{
		size_t		digits = length % GROUP_DIGITS ? length % GROUP_DIGITS : GROUP_DIGITS;
		uint64_t	group = 0;

		for (size_t i = 0; i < digits; i++)
		{
			if (text[i] < '0' || text[i] > '9')
				return false;
			group = group * 10 + (uint64_t) (text[i] - '0');
		}
		if (!multiply_add(result, GROUP, group))
			return false;
		text += digits;
		length -= digits;
	}
	return true;
}

bool
u256_parse_hex(const char *text, size_t length, U256 *result)
{
	*result = u256_from_u64(0);
	if (length < 3 || text[0] != '0' || text[1] != 'x')
		return false;
	for (size_t i = 2; i < length; i++)
	{
		int			digit = hex_digit(text[i]);

		if (digit < 0 || !multiply_add(result, 16, (uint64_t) digit))
			return false;
	}
	return true;
}

int
u256_format(const U256 *a, char out[U256_DECIMAL_SIZE])
{
	char		reversed[5 * GROUP_DIGITS];
	int			length = 0;
	U256		rest = *a;

	while (!u256_fits_u64(&rest))
	{
		uint64_t	group = u256_divide_u64(&rest, &rest, GROUP);

		for (int i = 0; i < GROUP_DIGITS; i++, group /= 10)
			reversed[length++] = (char) ('0' + group % 10);
	}
	do
	{
		reversed[length++] = (char) ('0' + rest.limb[0] % 10);
		rest.limb[0] /= 10;
	} while (rest.limb[0] != 0);
	for (int i = 0; i < length; i++)
		out[i] = reversed[length - 1 - i];
	out[length] = '\0';
	return length;
}

int
u256_format_quantity(const U256 *a, char out[67])
{
	uint8_t		bytes[32];
	int			count = u256_to_shortest(a, bytes);
	char	   *p = out;

	*p++ = '0';
	*p++ = 'x';
	if (count == 0)
		*p++ = '0';
	else if (bytes[0] < 16)
	{
		char		first[2];

		hex_write(first, bytes, 1);
		*p++ = first[1];
		p = hex_write(p, bytes + 1, (size_t) count - 1);
	}
	else
		p = hex_write(p, bytes, (size_t) count);
	*p = '\0';
	return (int) (p - out);
}
