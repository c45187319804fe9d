/*
 * status_sql.c
 *		dalp.wait: how a run stands, or ends.
 *
 * In a caller's backend.  Each look takes a snapshot of its own; between two
 * looks the backend sleeps on its latch, which the end of any run sets.
 */
#include "compat.h"

#include "access/htup_details.h"
#include "access/xact.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "storage/latch.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "core/catalog.h"
#include "core/errors.h"
#include "core/spi.h"
#include "core/wake.h"
#include "workflow/arguments.h"
#include "workflow/definition.h"
#include "workflow/run_control.h"

DALP_FUNCTION(dalp_wait);

/* Without a wake-up, look again after this long. */
#define LOOK_INTERVAL_MS 1000

#define STATUS_COLUMNS 9

/* Columns of dalp.run_status, and whether the row is of this very transaction. */
static Statement live_status = {
	"SELECT r.run_id, w.name, CASE WHEN r.paused OR EXISTS (SELECT FROM dalp_workflow.parked p"
	" WHERE p.run_id OPERATOR(pg_catalog.=) r.run_id AND p.reason OPERATOR(pg_catalog.=) ANY"
	" (ARRAY['workflow_paused', 'tenant_paused']))"
	" THEN 'PAUSED' ELSE 'RUNNING' END, b.state, NULL::jsonb, NULL::text,"
	" NULL::text, r.started_at, NULL::timestamptz, r.xmin FROM dalp_workflow.run r"
	" JOIN dalp_workflow.branch b ON b.run_id OPERATOR(pg_catalog.=) r.run_id AND b.branch_id OPERATOR(pg_catalog.=) 0"
	" JOIN dalp_workflow.definition d ON d.definition_id OPERATOR(pg_catalog.=) r.definition_id"
	" JOIN dalp_workflow.workflow w ON w.workflow_id OPERATOR(pg_catalog.=) d.workflow_id"
	" WHERE r.run_id OPERATOR(pg_catalog.=) $1",
	1, {INT8OID}
};
static Statement done_status = {
	"SELECT r.run_id, w.name, r.status, r.state, r.output, r.error, r.cause, r.started_at, r.finished_at"
	" FROM dalp_workflow.run_done r"
	" JOIN dalp_workflow.definition d ON d.definition_id OPERATOR(pg_catalog.=) r.definition_id"
	" JOIN dalp_workflow.workflow w ON w.workflow_id OPERATOR(pg_catalog.=) d.workflow_id"
	" WHERE r.run_id OPERATOR(pg_catalog.=) $1",
	1, {INT8OID}
};

/* The last result's row as a composite, in the caller's memory. */
static Datum
status_row(MemoryContext context, TupleDesc descriptor)
{
	Datum		values[STATUS_COLUMNS];
	bool		nulls[STATUS_COLUMNS];
	MemoryContext old;
	Datum		result;

	for (int i = 0; i < STATUS_COLUMNS; i++)
		values[i] = store_value(0, i + 1, &nulls[i]);
	old = MemoryContextSwitchTo(context);
	result = HeapTupleGetDatum(heap_form_tuple(descriptor, values, nulls));
	MemoryContextSwitchTo(old);
	return result;
}

/* Looks once. Returns true if the run has ended; *status is set in any case. */
static bool
look(int64 run_id, MemoryContext context, TupleDesc descriptor, bool wait, Datum *status)
{
	Datum		values[1] = {Int64GetDatum(run_id)};
	StoreScope	scope;
	bool		isnull;
	bool		ended = false;

	store_open(&scope);
	if (store_write(&live_status, values, NULL, 1) > 0)
	{
		TransactionId xmin = DatumGetTransactionId(store_value(0, 10, &isnull));

		if (wait && TransactionIdIsCurrentTransactionId(xmin))
			ereport(ERROR,
					(errcode(ERRCODE_DALP_WRONG_STATE),
					 errmsg("run " INT64_FORMAT " was started by this transaction and can't end before it", run_id),
					 errhint("Commit, then wait.")));
		*status = status_row(context, descriptor);
	}
	else if (store_write(&done_status, values, NULL, 1) > 0)
	{
		*status = status_row(context, descriptor);
		ended = true;
	}
	else
		/* Ended between the two statements, or redriven. */
		ended = false;
	store_close(&scope);
	return ended;
}

static void
check_rights(int64 run_id)
{
	StoreScope	scope;
	RunInfo		run;
	Oid			caller = GetUserId();
	bool		sees_all = catalog_user_is("dalp_operator") || catalog_user_is("dalp_auditor");

	store_open(&scope);
	run_find(run_id, &run);
	if (!sees_all)
		definition_require(run.workflow_id, run.workflow, run.owner, caller);
	store_close(&scope);
}

/* Looks until the run has ended or the time is over. Returns the last status, 0 if the run is not to be seen. */
static Datum
wait_for_end(int64 run_id, TupleDesc descriptor, TimestampTz deadline, bool wait)
{
	MemoryContext context = CurrentMemoryContext;
	Datum		status = (Datum) 0;

	for (;;)
	{
		bool		ended;
		long		left;

		ResetLatch(MyLatch);
		wake_waiter_looks();
		ended = look(run_id, context, descriptor, wait, &status);
		left = (long) ((deadline - GetCurrentTimestamp()) / 1000);
		if (ended || left <= 0)
			return status;
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
						 Min(left, LOOK_INTERVAL_MS), WaitEventExtensionNew("DalpWaitRun"));
		CHECK_FOR_INTERRUPTS();
	}
}

/* The same while registered for wake-ups. */
static Datum
wait_as_waiter(int64 run_id, TupleDesc descriptor, int64 timeout)
{
	volatile Datum status = (Datum) 0;

	(void) wake_waiter_enter();
	PG_TRY();
	{
		status = wait_for_end(run_id, descriptor, GetCurrentTimestamp() + timeout, timeout > 0);
	}
	PG_FINALLY();
	{
		wake_waiter_leave();
	}
	PG_END_TRY();
	return status;
}

Datum
dalp_wait(PG_FUNCTION_ARGS)
{
	int64		run_id;
	int64		timeout = PG_ARGISNULL(1) ? INTERVAL_LIMIT : interval_microseconds(PG_GETARG_INTERVAL_P(1));
	TupleDesc	descriptor;
	Datum		status;

	catalog_require_loaded();
	run_id = required_id(fcinfo, 0, "run_id");
	if (get_call_result_type(fcinfo, NULL, &descriptor) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	descriptor = BlessTupleDesc(descriptor);
	if (timeout > 0 && IsolationUsesXactSnapshot())
		ereport(ERROR,
				(errcode(ERRCODE_DALP_WRONG_STATE),
				 errmsg("can't wait for a run in a transaction that doesn't see what others commit"),
				 errhint("Use READ COMMITTED, or a timeout of 0.")));
	check_rights(run_id);
	status = wait_as_waiter(run_id, descriptor, timeout);
	if (status == (Datum) 0)
		PG_RETURN_NULL();
	PG_RETURN_DATUM(status);
}
