/*
 * amount.c
 *		See amount.h.
 */
#include "postgres.h"

#include "chain/amount.h"
#include "core/errors.h"
#include "fmgr.h"
#include "utils/builtins.h"

/* A numeric may have a hundred thousand digits; a message must not. */
#define SHOWN_DIGITS 100

static void
amount_refuse(const char *what, const char *text, const char *reason)
{
	if (strlen(text) > SHOWN_DIGITS)
		text = psprintf("A number of %zu characters", strlen(text));
	ereport(ERROR,
			(errcode(ERRCODE_DALP_INVALID_INPUT),
			 errmsg("invalid amount for \"%s\"", what),
			 errdetail("%s %s.", text, reason),
			 errhint("Amounts are whole numbers in the smallest unit (wei).")));
}

U256
amount_from_numeric(Numeric number, const char *what)
{
	char	   *text = DatumGetCString(DirectFunctionCall1(numeric_out, NumericGetDatum(number)));
	size_t		length = strlen(text);
	char	   *point = strchr(text, '.');
	U256		amount;

	if (point != NULL)
	{
		if (strspn(point + 1, "0") != strlen(point + 1))
			amount_refuse(what, text, "is not a whole number");
		length = (size_t) (point - text);
	}
	if (text[0] == '-')
		amount_refuse(what, text, "is negative");
	if (!u256_parse_decimal(text, length, &amount))
		amount_refuse(what, text, "is not from 0 to 2^256 - 1");
	return amount;
}

uint64
amount_from_numeric_u64(Numeric number, const char *what)
{
	U256		amount = amount_from_numeric(number, what);

	if (!u256_fits_u64(&amount))
		amount_refuse(what, amount_text(&amount), "is not below 2^64");
	return amount.limb[0];
}

char *
amount_text(const U256 *amount)
{
	char	   *text = palloc(U256_DECIMAL_SIZE);

	u256_format(amount, text);
	return text;
}

U256
amount_from_text(const char *text)
{
	U256		amount;

	if (text == NULL || !u256_parse_decimal(text, strlen(text), &amount))
		elog(ERROR, "\"%s\" is no amount", text ? text : "null");
	return amount;
}
