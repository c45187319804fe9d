/*
 * integer.c
 *		Integers in documents.
 */
#include "evm/integer.h"

/* A decimal exponent past this can't give a 256-bit integer; it also bounds the sums below. */
#define EXPONENT_LIMIT 100000000

/*
 * A JSON number with a fraction or an exponent: its significant digits without
 * zeros at either end, and the power of ten that they stand at.
 */
static bool
number_with_exponent(const char *text, size_t length, U256 *magnitude,
					 const char *where, Problem *problem)
{
	char		digits[U256_DECIMAL_SIZE];
	int			count = 0;
	int64_t		zeros = 0;		/* seen since the last digit that isn't 0 */
	int64_t		power = 0;
	size_t		i = 0;
	bool		fraction = false;
	bool		too_long = false;

	for (; i < length && text[i] != 'e' && text[i] != 'E'; i++)
	{
		if (text[i] == '.')
		{
			fraction = true;
			continue;
		}
		if (fraction)
			power--;
		if (text[i] == '0')
		{
			zeros++;
			continue;
		}
		if (count == 0)
			zeros = 0;
		if (count + zeros >= U256_DECIMAL_SIZE - 1)
		{
			too_long = true;
			break;
		}
		while (zeros > 0)
		{
			digits[count++] = '0';
			zeros--;
		}
		digits[count++] = text[i];
	}
	if (too_long)
		return problem_set(problem, where, "number is no integer of at most 256 bits");
	*magnitude = u256_from_u64(0);
	if (count == 0)
		return true;
	power += zeros;
	if (i < length)
	{
		bool		negative = false;
		int64_t		exponent = 0;

		i++;
		if (i < length && (text[i] == '-' || text[i] == '+'))
			negative = text[i++] == '-';
		for (; i < length; i++)
		{
			if (exponent < EXPONENT_LIMIT)
				exponent = exponent * 10 + (text[i] - '0');
		}
		power += negative ? -exponent : exponent;
	}
	if (power < 0)
		return problem_set(problem, where, "number has a fraction");
	if (count + power >= U256_DECIMAL_SIZE)
		return problem_set(problem, where, "integer is larger than 256 bits");
	while (power-- > 0)
		digits[count++] = '0';
	if (!u256_parse_decimal(digits, (size_t) count, magnitude))
		return problem_set(problem, where, "integer is larger than 256 bits");
	return true;
}

static bool
all_digits(const char *text, size_t length)
{
	for (size_t i = 0; i < length; i++)
	{
		if (text[i] < '0' || text[i] > '9')
			return false;
	}
	return length > 0;
}

bool
integer_from_doc(const Doc *doc, U256 *magnitude, bool *negative,
				 const char *where, Problem *problem)
{
	const char *text;
	size_t		length;

	if (doc == NULL || (doc->kind != DOC_NUMBER && doc->kind != DOC_STRING))
		return problem_set(problem, where, "expected an integer");
	text = doc->text;
	length = doc->length;
	*negative = length > 0 && text[0] == '-';
	if (*negative)
	{
		text++;
		length--;
	}
	if (all_digits(text, length))
	{
		if (!u256_parse_decimal(text, length, magnitude))
			return problem_set(problem, where, "integer is larger than 256 bits");
	}
	else if (doc->kind == DOC_NUMBER)
	{
		if (!number_with_exponent(text, length, magnitude, where, problem))
			return false;
	}
	else if (!*negative && length > 2 && text[0] == '0' && text[1] == 'x')
	{
		if (!u256_parse_hex(text, length, magnitude))
			return problem_set(problem, where, "not a hexadecimal integer of at most 256 bits");
	}
	else
		return problem_set(problem, where,
						   "expected an integer: a number, decimal digits, or 0x and hex digits");
	if (u256_is_zero(magnitude))
		*negative = false;
	return true;
}

bool
integer_from_doc_unsigned(const Doc *doc, U256 *value, const char *where, Problem *problem)
{
	bool		negative;

	if (!integer_from_doc(doc, value, &negative, where, problem))
		return false;
	if (negative)
		return problem_set(problem, where, "integer is negative");
	return true;
}

bool
integer_from_doc_u64(const Doc *doc, uint64_t *value, const char *where, Problem *problem)
{
	U256		wide;

	if (!integer_from_doc_unsigned(doc, &wide, where, problem))
		return false;
	if (!u256_fits_u64(&wide))
		return problem_set(problem, where, "integer is larger than 64 bits");
	*value = wide.limb[0];
	return true;
}

bool
integer_to_word(const U256 *magnitude, bool negative, int bits, bool is_signed,
				U256 *word, const char *where, Problem *problem)
{
	int			used = u256_bits(magnitude);

	if (!is_signed)
	{
		if (negative)
			return problem_set(problem, where, "integer is negative, but the type is uint%d", bits);
		if (used > bits)
			return problem_set(problem, where, "integer is out of range of uint%d", bits);
		*word = *magnitude;
		return true;
	}
	if (negative)
	{
		U256		one = u256_from_u64(1);
		U256		less;

		/* -2^(bits-1) fits: its magnitude less one has bits - 1 bits. */
		(void) u256_subtract(&less, magnitude, &one);
		if (u256_bits(&less) > bits - 1)
			return problem_set(problem, where, "integer is out of range of int%d", bits);
		u256_negate(word, magnitude);
		return true;
	}
	if (used > bits - 1)
		return problem_set(problem, where, "integer is out of range of int%d", bits);
	*word = *magnitude;
	return true;
}

const Doc *
integer_to_doc(const U256 *value)
{
	char		text[U256_DECIMAL_SIZE];
	int			length = u256_format(value, text);

	return doc_string(text, (size_t) length);
}

const Doc *
integer_signed_to_doc(const U256 *word)
{
	char		text[U256_DECIMAL_SIZE + 1];
	U256		magnitude;
	int			length;

	if ((word->limb[3] >> 63) == 0)
		return integer_to_doc(word);
	u256_negate(&magnitude, word);
	text[0] = '-';
	length = u256_format(&magnitude, text + 1);
	return doc_string(text, (size_t) length + 1);
}
