/*
 * address_type_sql.c
 *		The type dalp.address: 20 bytes of fixed length, in text with its checksum.
 *
 * Order is that of the bytes, so it is the same in every collation.
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "fmgr.h"
#include "libpq/pqformat.h"

#include "compat.h"
#include "core/errors.h"
#include "evm/address_sql.h"

DALP_FUNCTION(dalp_address_in);
DALP_FUNCTION(dalp_address_out);
DALP_FUNCTION(dalp_address_recv);
DALP_FUNCTION(dalp_address_send);
DALP_FUNCTION(dalp_address_from_bytea);
DALP_FUNCTION(dalp_address_to_bytea);
DALP_FUNCTION(dalp_address_eq);
DALP_FUNCTION(dalp_address_ne);
DALP_FUNCTION(dalp_address_lt);
DALP_FUNCTION(dalp_address_le);
DALP_FUNCTION(dalp_address_gt);
DALP_FUNCTION(dalp_address_ge);
DALP_FUNCTION(dalp_address_cmp);
DALP_FUNCTION(dalp_address_hash);
DALP_FUNCTION(dalp_address_hash_extended);

/* An address as input takes it; wrong ones are DL006, softly where the caller asked for that. */
Datum
dalp_address_in(PG_FUNCTION_ARGS)
{
	char	   *text = PG_GETARG_CSTRING(0);
	uint8_t    *address = palloc(ADDRESS_LENGTH);
	Problem		problem = {{0}, {0}};

	if (!address_parse(text, strlen(text), address, "address", &problem))
		ereturn(fcinfo->context, (Datum) 0,
				(errcode(ERRCODE_DALP_INVALID_INPUT),
				 errmsg("invalid address: %s", problem.message),
				 errdetail("Found at %s.", problem.where),
				 errhint("Copy it whole, with the letters' case as its source has it; or in lower case, if you are sure of it.")));
	PG_RETURN_POINTER(address);
}

Datum
dalp_address_out(PG_FUNCTION_ARGS)
{
	char	   *text = palloc(ADDRESS_TEXT_SIZE);

	address_write(PG_GETARG_ADDRESS(0), text);
	PG_RETURN_CSTRING(text);
}

Datum
dalp_address_recv(PG_FUNCTION_ARGS)
{
	StringInfo	buffer = (StringInfo) PG_GETARG_POINTER(0);
	uint8_t    *address = palloc(ADDRESS_LENGTH);

	pq_copymsgbytes(buffer, (char *) address, ADDRESS_LENGTH);
	PG_RETURN_POINTER(address);
}

Datum
dalp_address_send(PG_FUNCTION_ARGS)
{
	StringInfoData buffer;

	pq_begintypsend(&buffer);
	pq_sendbytes(&buffer, (const char *) PG_GETARG_ADDRESS(0), ADDRESS_LENGTH);
	PG_RETURN_BYTEA_P(pq_endtypsend(&buffer));
}

Datum
dalp_address_from_bytea(PG_FUNCTION_ARGS)
{
	bytea	   *bytes = PG_GETARG_BYTEA_PP(0);
	uint8_t    *address = palloc(ADDRESS_LENGTH);

	if (VARSIZE_ANY_EXHDR(bytes) != ADDRESS_LENGTH)
		ereport(ERROR,
				(errcode(ERRCODE_DALP_INVALID_INPUT),
				 errmsg("invalid address: expected %d bytes, got %zu", ADDRESS_LENGTH,
						(size_t) VARSIZE_ANY_EXHDR(bytes)),
				 errdetail("Found at address.")));
	memcpy(address, VARDATA_ANY(bytes), ADDRESS_LENGTH);
	PG_RETURN_POINTER(address);
}

Datum
dalp_address_to_bytea(PG_FUNCTION_ARGS)
{
	bytea	   *bytes = palloc(VARHDRSZ + ADDRESS_LENGTH);

	SET_VARSIZE(bytes, VARHDRSZ + ADDRESS_LENGTH);
	memcpy(VARDATA(bytes), PG_GETARG_ADDRESS(0), ADDRESS_LENGTH);
	PG_RETURN_BYTEA_P(bytes);
}

static int
compare(FunctionCallInfo fcinfo)
{
	return memcmp(PG_GETARG_ADDRESS(0), PG_GETARG_ADDRESS(1), ADDRESS_LENGTH);
}

Datum
dalp_address_eq(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(compare(fcinfo) == 0);
}

Datum
dalp_address_ne(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(compare(fcinfo) != 0);
}

Datum
dalp_address_lt(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(compare(fcinfo) < 0);
}

Datum
dalp_address_le(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(compare(fcinfo) <= 0);
}

Datum
dalp_address_gt(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(compare(fcinfo) > 0);
}

Datum
dalp_address_ge(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(compare(fcinfo) >= 0);
}

Datum
dalp_address_cmp(PG_FUNCTION_ARGS)
{
	int			order = compare(fcinfo);

	PG_RETURN_INT32(order < 0 ? -1 : order > 0);
}

Datum
dalp_address_hash(PG_FUNCTION_ARGS)
{
	return hash_any(PG_GETARG_ADDRESS(0), ADDRESS_LENGTH);
}

Datum
dalp_address_hash_extended(PG_FUNCTION_ARGS)
{
	return hash_any_extended(PG_GETARG_ADDRESS(0), ADDRESS_LENGTH, (uint64) PG_GETARG_INT64(1));
}
