/*
 * document_number.c
 *		Numbers of documents by value, exactly, whatever their notation.
 *
 * A number is read as sign * 0.d1 d2 d3 … * 10^scale with d1 and the last
 * digit not 0; the digits stay in the text.  Nothing goes through a double
 * but doc_to_double.
 */
#include "core/document.h"

#include "core/document_index.h"

typedef struct Decimal
{
	int			sign;			/* -1, 0, 1 */
	int64_t		scale;			/* place of the point before the first digit */
	const char *first;			/* first digit that isn't 0 */
	const char *last;			/* last digit that isn't 0 */
	int64_t		digits;			/* between them, a point not counted */
} Decimal;

static Decimal
decimal_read(const Doc *number)
{
	const char *p = number->text;
	const char *end = p + number->length;
	Decimal		decimal = {0, 0, NULL, NULL, 0};
	int			sign = 1;
	bool		fraction = false;
	int64_t		integer_digits = 0; /* from the first significant digit to the point */
	int64_t		zeros = 0;		/* in the fraction, before the first significant digit */
	int64_t		since_first = 0;
	int64_t		exponent = 0;

	if (p < end && *p == '-')
	{
		sign = -1;
		p++;
	}
	for (; p < end && *p != 'e' && *p != 'E'; p++)
	{
		if (*p == '.')
		{
			fraction = true;
			continue;
		}
		if (*p != '0' && decimal.first == NULL)
			decimal.first = p;
		if (decimal.first == NULL)
		{
			if (fraction)
				zeros++;
			continue;
		}
		if (!fraction)
			integer_digits++;
		since_first++;
		if (*p != '0')
		{
			decimal.last = p;
			decimal.digits = since_first;
		}
	}
	if (decimal.first == NULL)
		return decimal;
	if (p < end)
	{
		bool		negative = false;

		p++;
		if (p < end && (*p == '-' || *p == '+'))
			negative = *p++ == '-';
		for (; p < end; p++)
			if (exponent < INT64_C(1000000000000))
				exponent = exponent * 10 + (*p - '0');
		if (negative)
			exponent = -exponent;
	}
	decimal.sign = sign;
	decimal.scale = (integer_digits > 0 ? integer_digits : -zeros) + exponent;
	return decimal;
}

/* The next digit at *p, stepping over the point; '0' behind the last one. */
static char
decimal_digit(const char **p, const char *last)
{
	if (*p > last)
		return '0';
	if (**p == '.')
		(*p)++;
	return *(*p)++;
}

/* A short plain integer, which most numbers are. */
static bool
plain_integer(const Doc *number, int64_t *value)
{
	const char *p = number->text;
	const char *end = p + number->length;
	int64_t		sum = 0;

	if (number->length == 0 || number->length > 18)
		return false;
	if (*p == '-')
		p++;
	for (; p < end; p++)
	{
		if (*p < '0' || *p > '9')
			return false;
		sum = sum * 10 + (*p - '0');
	}
	*value = number->text[0] == '-' ? -sum : sum;
	return true;
}

int
doc_compare_numbers(const Doc *a, const Doc *b)
{
	int64_t		x,
				y;
	Decimal		da,
				db;
	int64_t		digits;
	const char *pa,
			   *pb;

	if (plain_integer(a, &x) && plain_integer(b, &y))
		return x < y ? -1 : x > y;
	da = decimal_read(a);
	db = decimal_read(b);
	if (da.sign != db.sign)
		return da.sign < db.sign ? -1 : 1;
	if (da.sign == 0)
		return 0;
	if (da.scale != db.scale)
		return (da.scale < db.scale ? -1 : 1) * da.sign;
	digits = da.digits > db.digits ? da.digits : db.digits;
	pa = da.first;
	pb = db.first;
	while (digits-- > 0)
	{
		char		ca = decimal_digit(&pa, da.last);
		char		cb = decimal_digit(&pb, db.last);

		if (ca != cb)
			return (ca < cb ? -1 : 1) * da.sign;
	}
	return 0;
}

bool
doc_is_integer(const Doc *number)
{
	int64_t		plain;
	Decimal		decimal;

	if (!doc_is(number, DOC_NUMBER))
		return false;
	if (plain_integer(number, &plain))
		return true;
	decimal = decimal_read(number);
	return decimal.sign == 0 || decimal.digits <= decimal.scale;
}

bool
doc_to_int64(const Doc *number, int64_t *value)
{
	Decimal		decimal;
	const char *p;
	uint64_t	sum = 0;
	uint64_t	limit;

	if (!doc_is(number, DOC_NUMBER))
		return false;
	if (plain_integer(number, value))
		return true;
	decimal = decimal_read(number);
	if (decimal.sign == 0)
	{
		*value = 0;
		return true;
	}
	if (decimal.digits > decimal.scale || decimal.scale > 19)
		return false;
	p = decimal.first;
	for (int64_t i = 0; i < decimal.scale; i++)
		sum = sum * 10 + (uint64_t) (decimal_digit(&p, decimal.last) - '0');
	limit = (uint64_t) INT64_MAX + (decimal.sign < 0 ? 1 : 0);
	if (sum > limit)
		return false;
	*value = decimal.sign > 0 ? (int64_t) sum : (int64_t) (~sum + 1);
	return true;
}

double
doc_to_double(const Doc *number)
{
	return strtod(number->text, NULL);
}

const char *
doc_number_canonical(const Doc *number, size_t *length)
{
	Decimal		decimal = decimal_read(number);
	char	   *text = mem_alloc((size_t) decimal.digits + 32);
	const char *p = decimal.first;
	size_t		used = 0;

	if (decimal.sign < 0)
		text[used++] = '-';
	for (int64_t i = 0; i < decimal.digits; i++)
		text[used++] = decimal_digit(&p, decimal.last);
	used += (size_t) snprintf(text + used, 30, "e%lld", (long long) decimal.scale);
	*length = used;
	return text;
}
