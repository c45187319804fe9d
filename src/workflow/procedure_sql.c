/*
 * procedure_sql.c
 *		What a durable procedure calls: dalp.step, dalp.await_signal, dalp.sleep,
 *		dalp.await_transaction, dalp.now, dalp.random.
 *
 * In an executor, in a transaction of the procedure, with its owner's rights.
 */
#include "compat.h"

#include "access/htup_details.h"
#include "access/xact.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/jsonb.h"
#include "utils/memutils.h"
#include "utils/timeout.h"
#include "utils/timestamp.h"

#include "chain/chain.h"
#include "core/clock.h"
#include "core/document.h"
#include "core/errors.h"
#include "core/settings.h"
#include "core/spi.h"
#include "core/stop_point.h"
#include "workflow/arguments.h"
#include "workflow/procedure.h"

DALP_FUNCTION(dalp_step);
DALP_FUNCTION(dalp_step_and_commit);
DALP_FUNCTION(dalp_await_signal);
DALP_FUNCTION(dalp_await_transaction);
DALP_FUNCTION(dalp_sleep);
DALP_FUNCTION(dalp_procedure_now);
DALP_FUNCTION(dalp_procedure_random);

static ProcedureCall *
require_call(const char *function)
{
	ProcedureCall *call = procedure_current();

	if (call == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_DALP_WRONG_STATE),
				 errmsg("%s can be called by a durable procedure only", function),
				 errhint("Register a procedure with dalp.create_procedure_workflow and start a run of it.")));
	return call;
}

/*
 * Live and when it is remembered alike, so that the procedure's exception
 * blocks do the same.  Errors without an SQLSTATE of their own are named ones,
 * as by dalp.raise_error.
 */
void
procedure_raise(const ProcedureEntry *entry)
{
	Problem		problem = {0};
	const Doc  *cause = entry->cause == NULL ? NULL : doc_parse(entry->cause, strlen(entry->cause), &problem);
	const char *sqlstate = doc_get_text(cause, "sqlstate");
	const char *message = doc_get_text(cause, "message");
	const char *detail = doc_get_text(cause, "detail");
	const char *hint = doc_get_text(cause, "hint");

	if (sqlstate != NULL && strlen(sqlstate) == 5 && strcmp(sqlstate, entry->error) == 0 &&
		strcmp(sqlstate, "57014") != 0)
		ereport(ERROR,
				(errcode(MAKE_SQLSTATE(sqlstate[0], sqlstate[1], sqlstate[2], sqlstate[3], sqlstate[4])),
				 errmsg_internal("%s", message ? message : sqlstate),
				 detail ? errdetail_internal("%s", detail) : 0,
				 hint ? errhint("%s", hint) : 0));
	ereport(ERROR,
			(errcode(ERRCODE_DALP_NAMED_ERROR),
			 errmsg_internal("%s", entry->cause ? entry->cause : entry->error),
			 err_generic_string(PG_DIAG_DATATYPE_NAME, entry->error)));
}

static Datum
answer(FunctionCallInfo fcinfo, const ProcedureEntry *entry)
{
	if (entry->failed)
		procedure_raise(entry);
	if (entry->result == NULL)
		PG_RETURN_NULL();
	PG_RETURN_DATUM(datumCopy(JsonbPGetDatum(entry->result), false, -1));
}

/* What a step needs. */
typedef struct Work
{
	ProcedureCall *call;
	const char *function;		/* of the handler */
	Jsonb	   *input;
} Work;

static void
do_step(void *argument)
{
	Work	   *work = argument;
	HandlerOutcome outcome;
	ProcedureCall *call = work->call;
	Step	   *step = procedure_lock(call);
	TimestampTz begun = clock_now();

	STOP_POINT("step_before_body");
	disable_timeout(STATEMENT_TIMEOUT, false);
	handler_call(call->definition, psprintf("sql:%s", work->function), work->input, dalp_step_timeout, &outcome);
	STOP_POINT("step_after_body");
	switch (outcome.kind)
	{
		case HANDLER_DONE:
			/* Its effects can't be kept without it: the whole run fails, and can be redriven. */
			if (outcome.result != NULL && (Size) VARSIZE(outcome.result) > (Size) dalp_max_payload * 1024)
				ereport(ERROR,
						(errcode(ERRCODE_DALP_LIMIT_EXCEEDED),
						 errmsg("result of step \"%s\" is too large", call->question),
						 errdetail("It has %u bytes; dalp.max_payload is %d kB.", VARSIZE(outcome.result), dalp_max_payload)));
			(void) procedure_remember(call, ENTRY_STEP, work->function, begun, outcome.result, NULL, NULL, true);
			procedure_write_all(call, step);
			return;
		case HANDLER_FAILED:
			(void) procedure_remember(call, ENTRY_STEP, work->function, begun, NULL, outcome.error.error,
									  outcome.error.cause, false);
			return;
		case HANDLER_CONFLICT:
		case HANDLER_TRANSIENT:
			MemoryContextSwitchTo(call->context);
			call->outcome = outcome;
			call->outcome.error.error = pstrdup(outcome.error.error);
			call->outcome.error.cause = outcome.error.cause ? pstrdup(outcome.error.cause) : NULL;
			memset(call->outcome.error.aliases, 0, sizeof(call->outcome.error.aliases));
			procedure_unwind(call, UNWIND_ERROR);
	}
}

static ProcedureEntry *
ask_step(FunctionCallInfo fcinfo)
{
	ProcedureCall *call = require_call("dalp.step");
	char	   *name = required_text(fcinfo, 0, "name");
	Work		work = {.call = call, .function = required_text(fcinfo, 1, "function")};
	ProcedureEntry *entry = procedure_ask(call, ENTRY_STEP, name, work.function);

	if (entry != NULL)
		return entry;
	work.input = PG_ARGISNULL(2) ? DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum("null"))) : PG_GETARG_JSONB_P(2);
	procedure_do(call, do_step, &work);
	return call->entries[call->count - 1];
}

Datum
dalp_step(PG_FUNCTION_ARGS)
{
	return answer(fcinfo, ask_step(fcinfo));
}

/* The procedure form: commits. */
Datum
dalp_step_and_commit(PG_FUNCTION_ARGS)
{
	CallContext *context = castNode(CallContext, fcinfo->context);
	TupleDesc	descriptor;
	Datum		values[1];
	bool		nulls[1];
	ProcedureEntry *entry;

	(void) require_call("dalp.step");
	if (context->atomic)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_TRANSACTION_TERMINATION),
				 errmsg("CALL dalp.step commits, which is not possible here"),
				 errhint("In exception blocks, loops over queries of functions and in functions use SELECT dalp.step(…), and COMMIT behind them.")));
	entry = ask_step(fcinfo);
	nulls[0] = true;
	values[0] = answer(fcinfo, entry);
	nulls[0] = entry->result == NULL;
	fcinfo->isnull = false;
	store_commit();
	if (get_call_result_type(fcinfo, NULL, &descriptor) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "dalp.step returns no row");
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(descriptor), values, nulls)));
}

/* ------------------------------------------------------------------------
 * Waits
 * ---------------------------------------------------------------------- */

/* The run waits: the transaction of the procedure ends here, and all that it hasn't committed with it. */
static void
wait_here(ProcedureCall *call, const char *kind, const char *what, int64 reference, int64 time)
{
	if (procedure_has_uncommitted(call))
		ereport(ERROR,
				(errcode(ERRCODE_DALP_WRONG_STATE),
				 errmsg("the procedure has to COMMIT before its run can wait"),
				 errdetail("It has done steps in this transaction, which the wait would roll back."),
				 errhint("Write COMMIT behind them, or CALL dalp.step(…) instead of SELECT or :=.")));
	call->wait_kind = kind;
	call->wait_name = call->question;
	call->wait_call = MemoryContextStrdup(call->context, what);
	call->wait_reference = reference;
	call->wait_time = time;
	procedure_unwind(call, UNWIND_WAIT);
}

/* 0 for NULL. Errors: DL006 */
static int64
time_argument(FunctionCallInfo fcinfo, int number, const char *what, bool may_be_null)
{
	int64		time;

	if (PG_ARGISNULL(number) && may_be_null)
		return 0;
	if (PG_ARGISNULL(number))
		ereport(ERROR,
				(errcode(ERRCODE_DALP_INVALID_INPUT), errmsg("%s must not be null", what)));
	time = interval_microseconds(PG_GETARG_INTERVAL_P(number));
	if (time < 0 || (time == 0 && may_be_null) || time > INTERVAL_LIMIT / 4)
		ereport(ERROR,
				(errcode(ERRCODE_DALP_INVALID_INPUT), errmsg("%s is out of range", what)));
	return time;
}

Datum
dalp_await_signal(PG_FUNCTION_ARGS)
{
	ProcedureCall *call = require_call("dalp.await_signal");
	char	   *name = required_text(fcinfo, 0, "name");
	int64		timeout = time_argument(fcinfo, 1, "timeout", true);
	ProcedureEntry *entry = procedure_ask(call, ENTRY_SIGNAL, name, name);

	if (entry == NULL)
		wait_here(call, ENTRY_SIGNAL, name, 0, timeout);
	return answer(fcinfo, entry);
}

Datum
dalp_sleep(PG_FUNCTION_ARGS)
{
	ProcedureCall *call = require_call("dalp.sleep");
	int64		time = time_argument(fcinfo, 0, "duration", false);
	ProcedureEntry *entry = procedure_ask(call, ENTRY_SLEEP, "sleep", "sleep");

	if (entry == NULL)
		wait_here(call, ENTRY_SLEEP, "sleep", 0, time);
	PG_RETURN_VOID();
}

Datum
dalp_await_transaction(PG_FUNCTION_ARGS)
{
	ProcedureCall *call = require_call("dalp.await_transaction");
	int64		id = required_id(fcinfo, 0, "transaction_id");
	int64		timeout = time_argument(fcinfo, 1, "timeout", true);
	ProcedureEntry *entry = procedure_ask(call, ENTRY_TRANSACTION, "transaction", psprintf(INT64_FORMAT, id));

	if (entry == NULL)
		wait_here(call, ENTRY_TRANSACTION, psprintf(INT64_FORMAT, id), id, timeout);
	return answer(fcinfo, entry);
}

/* ------------------------------------------------------------------------
 * The same at every call
 * ---------------------------------------------------------------------- */

Datum
dalp_procedure_now(PG_FUNCTION_ARGS)
{
	(void) fcinfo;
	PG_RETURN_TIMESTAMPTZ(require_call("dalp.now")->now);
}

Datum
dalp_procedure_random(PG_FUNCTION_ARGS)
{
	(void) fcinfo;
	PG_RETURN_FLOAT8(pg_prng_double(&require_call("dalp.random")->random));
}
