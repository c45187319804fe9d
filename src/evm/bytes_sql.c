/*
 * bytes_sql.c
 *		Arguments and results of SQL functions over pure code.
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"

#include "core/document_jsonb.h"
#include "core/errors.h"
#include "evm/bytes_sql.h"

Bytes
bytes_argument(FunctionCallInfo fcinfo, int n)
{
	bytea	   *value = PG_GETARG_BYTEA_PP(n);
	Bytes		bytes = {(const uint8_t *) VARDATA_ANY(value), VARSIZE_ANY_EXHDR(value)};

	return bytes;
}

const uint8_t *
bytes_argument_exact(FunctionCallInfo fcinfo, int n, size_t length, const char *name)
{
	Bytes		bytes = bytes_argument(fcinfo, n);

	if (bytes.length != length)
	{
		char	   *words = pstrdup(name);

		for (char *c = words; *c != '\0'; c++)
			*c = *c == '_' ? ' ' : *c;
		ereport(ERROR,
				(errcode(ERRCODE_DALP_INVALID_INPUT),
				 errmsg("invalid %s: expected %zu bytes, got %zu", words, length, bytes.length),
				 errdetail("Found at %s.", name)));
	}
	return bytes.data;
}

Datum
bytes_to_datum(const void *data, size_t length)
{
	bytea	   *result = palloc(VARHDRSZ + length);

	SET_VARSIZE(result, VARHDRSZ + length);
	if (length > 0)
		memcpy(VARDATA(result), data, length);
	return PointerGetDatum(result);
}

Datum
bytes_text_to_datum(const char *text)
{
	return PointerGetDatum(cstring_to_text(text));
}

Datum
bytes_doc_to_datum(const Doc *doc, const char *what)
{
	Problem		problem = {{0}, {0}};
	Jsonb	   *result = doc_to_jsonb(doc, &problem);

	if (result == NULL && problem.where[0] == '\0')
		snprintf(problem.where, sizeof(problem.where), "%s", what);
	if (result == NULL)
		problem_raise(&problem, what);
	return JsonbPGetDatum(result);
}
