/*
 * run_control_store.c
 *		SQL of what people do to runs.
 *
 * In an operator's or application's backend, with an open store.
 */
#include "compat.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "core/clock.h"
#include "core/errors.h"
#include "core/rows.h"
#include "core/wake.h"
#include "workflow/pass.h"
#include "workflow/run_control.h"
#include "workflow/step.h"

void
run_find(int64 run_id, RunInfo *info)
{
	static Statement find = {
		"SELECT w.workflow_id, d.definition_id, w.name, w.owner::oid, r.live, r.paused, r.status, r.state, r.compensated"
		" FROM (SELECT l.run_id, l.definition_id, true AS live, l.paused, NULL::text AS status,"
		" (SELECT b.state FROM dalp_workflow.branch b WHERE b.run_id OPERATOR(pg_catalog.=) $1"
		" AND b.branch_id OPERATOR(pg_catalog.=) 0) AS state, false AS compensated"
		" FROM dalp_workflow.run l WHERE l.run_id OPERATOR(pg_catalog.=) $1"
		" UNION ALL SELECT f.run_id, f.definition_id, false, false, f.status, f.state, f.compensated"
		" FROM dalp_workflow.run_done f WHERE f.run_id OPERATOR(pg_catalog.=) $1) AS r"
		" JOIN dalp_workflow.definition d ON d.definition_id OPERATOR(pg_catalog.=) r.definition_id"
		" JOIN dalp_workflow.workflow w ON w.workflow_id OPERATOR(pg_catalog.=) d.workflow_id",
		1, {INT8OID}
	};
	Datum		values[1] = {Int64GetDatum(run_id)};
	bool		isnull;

	if (store_write(&find, values, NULL, 1) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_DALP_UNKNOWN_OBJECT),
				 errmsg("run " INT64_FORMAT " does not exist", run_id),
				 errhint("Its start may have been rolled back.")));
	info->run_id = run_id;
	info->workflow_id = store_int32(0, 1);
	info->definition_id = store_int32(0, 2);
	info->workflow = store_text(0, 3);
	info->owner = DatumGetObjectId(store_value(0, 4, &isnull));
	info->live = store_bool(0, 5);
	info->paused = store_bool(0, 6);
	info->status = store_text(0, 7);
	info->state = store_text(0, 8);
	info->compensated = store_bool(0, 9);
}

int
run_waits(int64 run_id, RunWait **waits)
{
	static Statement find = {
		"SELECT branch_id, kind, reference FROM dalp_workflow.wait WHERE run_id OPERATOR(pg_catalog.=) $1",
		1, {INT8OID}
	};
	MemoryContext context = CurrentMemoryContext;
	Datum		values[1] = {Int64GetDatum(run_id)};
	int			count = (int) store_write(&find, values, NULL, 0);

	*waits = MemoryContextAlloc(context, sizeof(RunWait) * Max(count, 1));
	for (int i = 0; i < count; i++)
		(*waits)[i] = (RunWait) {
		.branch_id = store_int32(i, 1),
			.kind = MemoryContextStrdup(context, store_text(i, 2)),
			.reference = store_int64(i, 3)
	};
	return count;
}

char *
run_traceparent(int64 run_id)
{
	static Statement find = {
		"SELECT traceparent FROM dalp_workflow.run_data WHERE run_id OPERATOR(pg_catalog.=) $1",
		1, {INT8OID}
	};
	Datum		values[1] = {Int64GetDatum(run_id)};

	return store_read(&find, values, NULL, 1) > 0 ? store_text(0, 1) : NULL;
}

/* Sets the flag; false if it was set already. The row is locked by the caller. */
static bool
set_paused(int64 run_id, bool paused)
{
	static Statement update = {
		"UPDATE dalp_workflow.run SET paused = $2 WHERE run_id OPERATOR(pg_catalog.=) $1"
		" AND paused OPERATOR(pg_catalog.<>) $2",
		2, {INT8OID, BOOLOID}
	};
	Datum		values[2] = {Int64GetDatum(run_id), BoolGetDatum(paused)};

	return store_write(&update, values, NULL, 0) > 0;
}

bool
run_store_pause(int64 run_id, const char *workflow)
{
	static Statement park = {
		"WITH gone AS (DELETE FROM dalp_workflow.ready WHERE run_id OPERATOR(pg_catalog.=) $1"
		" AND kind OPERATOR(pg_catalog.<>) 'deadline' RETURNING branch_id, kind, entry)"
		" INSERT INTO dalp_workflow.parked (run_id, branch_id, kind, entry, reason, reference, since)"
		" SELECT $1, g.branch_id, g.kind, g.entry, 'run_paused', $2, $3 FROM gone g",
		3, {INT8OID, TEXTOID, TIMESTAMPTZOID}
	};
	Datum		values[3] = {
		Int64GetDatum(run_id), CStringGetTextDatum(workflow), TimestampTzGetDatum(clock_now())
	};

	if (!set_paused(run_id, true))
		return false;
	store_write(&park, values, NULL, 0);
	return true;
}

#define UNPARK(condition) \
	"WITH gone AS (DELETE FROM dalp_workflow.parked p WHERE " condition \
	" RETURNING p.run_id, p.branch_id, p.kind, p.entry)" \
	" INSERT INTO dalp_workflow.ready (shard, rank, pass, run_id, branch_id, kind, entry)" \
	" SELECT (g.run_id OPERATOR(pg_catalog.%) 16)::smallint, (0 OPERATOR(pg_catalog.-) r.priority)::smallint, $2," \
	" g.run_id, g.branch_id, g.kind, g.entry" \
	" FROM gone g JOIN dalp_workflow.run r ON r.run_id OPERATOR(pg_catalog.=) g.run_id RETURNING shard"

static void
wake_returned_shards(void)
{
	for (uint64 i = 0; i < SPI_processed; i++)
		wake_shard_at_commit(store_int32(i, 1));
}

bool
run_store_resume(int64 run_id)
{
	static Statement unpark = {
		UNPARK("p.run_id OPERATOR(pg_catalog.=) $1 AND p.reason OPERATOR(pg_catalog.=) 'run_paused'"),
		2, {INT8OID, INT8OID}
	};
	Datum		values[2] = {Int64GetDatum(run_id), Int64GetDatum(pass_now(run_shard(run_id)))};

	if (!set_paused(run_id, false))
		return false;
	store_write(&unpark, values, NULL, 0);
	wake_returned_shards();
	return true;
}

bool
workflow_store_pause(int workflow_id, bool paused)
{
	static Statement update = {
		"UPDATE dalp_workflow.workflow SET paused = $2 WHERE workflow_id OPERATOR(pg_catalog.=) $1"
		" AND paused OPERATOR(pg_catalog.<>) $2",
		2, {INT4OID, BOOLOID}
	};
	Datum		values[2] = {Int32GetDatum(workflow_id), BoolGetDatum(paused)};

	return store_write(&update, values, NULL, 0) > 0;
}

void
run_store_unpark(const char *reason, const char *reference)
{
	static Statement unpark = {
		UNPARK("p.reason OPERATOR(pg_catalog.=) $1 AND p.reference OPERATOR(pg_catalog.=) $3"),
		3, {TEXTOID, INT8OID, TEXTOID}
	};
	Datum		values[3] = {
		CStringGetTextDatum(reason), Int64GetDatum(pass_now(PASS_ANY_SHARD)), CStringGetTextDatum(reference)
	};

	store_write(&unpark, values, NULL, 0);
	wake_returned_shards();
}

Step *
run_store_revive(int64 run_id, bool compensated, char **status)
{
	static Statement revive = {
		"WITH gone AS (DELETE FROM dalp_workflow.run_done WHERE run_id OPERATOR(pg_catalog.=) $1"
		" AND status OPERATOR(pg_catalog.=) ANY (ARRAY['FAILED', 'TIMED_OUT', 'ABORTED'])"
		" AND compensated OPERATOR(pg_catalog.=) $3 RETURNING *),"
		" r AS (INSERT INTO dalp_workflow.run (run_id, definition_id, priority, concurrency_key, parent_run_id,"
		" parent_branch, started_at, redrives, next_branch) SELECT run_id, definition_id, priority, concurrency_key,"
		" parent_run_id, parent_branch, started_at, redrives OPERATOR(pg_catalog.+) 1,"
		" (SELECT pg_catalog.max(j.branch_id) FROM dalp_workflow.journal j WHERE j.run_id OPERATOR(pg_catalog.=) $1)"
		" OPERATOR(pg_catalog.+) 1 FROM gone),"
		" b AS (INSERT INTO dalp_workflow.branch (run_id, branch_id, state, entry, entered_at, last_seq, data_seq)"
		" SELECT run_id, 0, state, entry OPERATOR(pg_catalog.+) 1, $2, last_seq, data_seq FROM gone)"
		" SELECT status FROM gone",
		3, {INT8OID, TIMESTAMPTZOID, BOOLOID}
	};
	static Statement clear = {
		"DELETE FROM dalp_workflow.ready WHERE run_id OPERATOR(pg_catalog.=) $1", 1, {INT8OID}
	};
	MemoryContext context = CurrentMemoryContext;
	Datum		values[3] = {Int64GetDatum(run_id), TimestampTzGetDatum(clock_now()), BoolGetDatum(compensated)};

	if (store_write(&revive, values, NULL, 0) == 0)
		return NULL;
	*status = MemoryContextStrdup(context, store_text(0, 1));
	/* A timer that fired while the run ended may have left one. */
	store_write(&clear, values, NULL, 0);
	return claim_run(run_id);
}
