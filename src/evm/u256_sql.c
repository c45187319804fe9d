/*
 * u256_sql.c
 *		256-bit integers in SQL: numeric, by way of its decimal text, which is exact.
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/builtins.h"

#include "evm/integer.h"
#include "evm/u256_sql.h"

bool
u256_from_numeric(Numeric numeric, U256 *value, const char *where, Problem *problem)
{
	char	   *text;
	Doc			number = {.kind = DOC_NUMBER};

	if (numeric_is_nan(numeric) || numeric_is_inf(numeric))
		return problem_set(problem, where, "not an integer");
	text = DatumGetCString(DirectFunctionCall1(numeric_out, NumericGetDatum(numeric)));
	number.text = text;
	number.length = (uint32_t) strlen(text);
	if (!integer_from_doc_unsigned(&number, value, where, problem))
		return false;
	pfree(text);
	return true;
}
