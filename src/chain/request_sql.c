/*
 * request_sql.c
 *		dalp.wait_transaction.
 *
 * In a backend.  Rights are checked for the caller, the store is read as the
 * extension's owner.
 */
#include "postgres.h"

#include "chain/request_store.h"
#include "chain/request_wait.h"
#include "compat.h"
#include "core/catalog.h"
#include "core/errors.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

DALP_FUNCTION(dalp_wait_transaction);

#define STATUS_COLUMNS 12

/* Columns of dalp.transaction_status, in the type's order. */
static Datum
status_datum(FunctionCallInfo fcinfo, const RequestRow *row, bool reached)
{
	Datum		values[STATUS_COLUMNS] = {0};
	bool		nulls[STATUS_COLUMNS] = {false};
	TupleDesc	descriptor;

	if (get_call_result_type(fcinfo, NULL, &descriptor) != TYPEFUNC_COMPOSITE ||
		descriptor->natts != STATUS_COLUMNS)
		elog(ERROR, "dalp.transaction_status is not what this library was built for");

	values[0] = Int64GetDatum(row->id);
	values[1] = CStringGetTextDatum(row->state);
	values[2] = BoolGetDatum(reached);
	values[3] = CStringGetTextDatum(row->wallet);
	values[4] = CStringGetTextDatum(row->chain);
	nulls[5] = row->nonce == NULL;
	if (row->nonce != NULL)
		values[5] = DirectFunctionCall3(numeric_in, CStringGetDatum(row->nonce), ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1));
	nulls[6] = row->hash == NULL;
	values[6] = PointerGetDatum(row->hash);
	nulls[7] = !row->has_block;
	values[7] = Int64GetDatum(row->block);
	nulls[8] = row->error == NULL;
	if (row->error != NULL)
		values[8] = CStringGetTextDatum(row->error);
	nulls[9] = row->cause == NULL;
	if (row->cause != NULL)
		values[9] = CStringGetTextDatum(row->cause);
	nulls[10] = row->cancel_reason == NULL;
	if (row->cancel_reason != NULL)
		values[10] = CStringGetTextDatum(row->cancel_reason);
	nulls[11] = row->result == NULL;
	values[11] = PointerGetDatum(row->result);
	return HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(descriptor), values, nulls));
}

Datum
dalp_wait_transaction(PG_FUNCTION_ARGS)
{
	int64		id = PG_GETARG_INT64(0);
	char	   *name = text_to_cstring(PG_GETARG_TEXT_PP(1));
	Interval   *timeout = PG_GETARG_INTERVAL_P(2);
	WaitLevel	level;
	RequestRow	row;
	bool		reached;

	catalog_require_loaded();
	if (!wait_level_parse(name, &level))
		ereport(ERROR,
				(errcode(ERRCODE_DALP_INVALID_INPUT),
				 errmsg("unknown level \"%s\"", name),
				 errdetail("It is accepted, mined, or final."),
				 errhint("final is the default.")));
	reached = request_wait(id, level, request_wait_until(timeout), &row);
	PG_RETURN_DATUM(status_datum(fcinfo, &row, reached));
}
