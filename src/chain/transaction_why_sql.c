/*
 * transaction_why_sql.c
 *		dalp.why_transaction: what a transaction waits for, and what would move it.
 *
 * In a caller's backend; reads only, so that it works on a standby too.
 */
#include "compat.h"

#include "funcapi.h"
#include "miscadmin.h"

#include "chain/request_store.h"
#include "chain/request_wait.h"
#include "chain/transaction_why.h"
#include "core/catalog.h"
#include "core/result_row.h"
#include "core/spi.h"

DALP_FUNCTION(dalp_why_transaction);

#define WHY_COLUMNS 7

Datum
dalp_why_transaction(PG_FUNCTION_ARGS)
{
	int64		id = PG_GETARG_INT64(0);
	Oid			user = GetUserId();
	bool		sees_all = catalog_user_is("dalp_operator") || catalog_user_is("dalp_auditor");
	StoreScope	scope;
	RequestRow	row;
	TransactionFacts facts;
	TransactionWhy why;
	TupleDesc	descriptor;
	HeapTuple	tuple;
	Datum		values[WHY_COLUMNS] = {0};
	bool		nulls[WHY_COLUMNS] = {false};

	if (get_call_result_type(fcinfo, NULL, &descriptor) != TYPEFUNC_COMPOSITE || descriptor->natts != WHY_COLUMNS)
		elog(ERROR, "dalp.why_transaction is not what this library was built for");
	store_open(&scope);
	if (!request_store_find(id, &row, CurrentMemoryContext) || !transaction_why_facts(id, &facts))
		request_unknown(id);
	request_require_reader(&row, user, sees_all);
	transaction_why_explain(&facts, &why);
	result_set_text(values, nulls, 0, why.waits_for);
	result_set_text(values, nulls, 1, why.kind);
	result_set_text(values, nulls, 2, why.name);
	result_set_id(values, nulls, 3, why.reference);
	result_set_time(values, nulls, 4, why.since);
	result_set_time(values, nulls, 5, why.until);
	result_set_text(values, nulls, 6, why.what_next);
	tuple = heap_form_tuple(BlessTupleDesc(descriptor), values, nulls);
	store_close(&scope);
	PG_RETURN_DATUM(HeapTupleGetDatum(tuple));
}
