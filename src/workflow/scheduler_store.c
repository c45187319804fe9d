/*
 * scheduler_store.c
 *		SQL of the scheduler.
 */
#include "compat.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "core/spi.h"
#include "core/wake.h"
#include "workflow/pass.h"
#include "workflow/scheduler.h"

/* A run that has just been started may be between two of our snapshots; nothing else is. */
#define REPAIR_AGE_MS 10000

int
scheduler_fire(TimestampTz now, int limit)
{
	static Statement fire = {
		"WITH due AS (DELETE FROM dalp_workflow.timer t USING"
		" (SELECT o.ctid AS row_id FROM dalp_workflow.timer o WHERE o.fire_at OPERATOR(pg_catalog.<=) $1"
		" ORDER BY o.fire_at, o.run_id LIMIT $2 FOR UPDATE SKIP LOCKED) AS d"
		" WHERE t.ctid OPERATOR(pg_catalog.=) d.row_id RETURNING t.shard, t.run_id, t.branch_id, t.kind, t.entry),"
		" made AS (INSERT INTO dalp_workflow.ready (shard, rank, pass, run_id, branch_id, kind, entry)"
		" SELECT u.shard, (0 OPERATOR(pg_catalog.-) r.priority)::smallint, $3, u.run_id, u.branch_id,"
		" CASE WHEN u.kind OPERATOR(pg_catalog.=) 'sleep' THEN 'resume'"
		" WHEN u.kind OPERATOR(pg_catalog.=) ANY (ARRAY['start', 'retry']) THEN 'step' ELSE u.kind END, u.entry"
		" FROM due u JOIN dalp_workflow.run r ON r.run_id OPERATOR(pg_catalog.=) u.run_id RETURNING 1)"
		" SELECT u.shard, pg_catalog.count(*) FROM due u GROUP BY u.shard",
		3, {TIMESTAMPTZOID, INT4OID, INT8OID}
	};
	Datum		values[3] = {
		TimestampTzGetDatum(now), Int32GetDatum(limit), Int64GetDatum(pass_now(PASS_ANY_SHARD))
	};
	uint64		shards = store_write(&fire, values, NULL, 0);
	int64		fired = 0;

	for (uint64 i = 0; i < shards; i++)
	{
		bool		isnull;

		wake_shard_at_commit(DatumGetInt16(store_value(i, 1, &isnull)));
		fired += store_int64(i, 2);
	}
	return (int) fired;
}

TimestampTz
scheduler_next(void)
{
	static Statement next = {
		"SELECT t.fire_at FROM dalp_workflow.timer t ORDER BY t.fire_at, t.run_id LIMIT 1", 0, {0}
	};
	bool		isnull;

	return store_write(&next, NULL, NULL, 1) == 0 ? DT_NOEND :
		DatumGetTimestampTz(store_value(0, 1, &isnull));
}

/* What a returned ready row needs. */
#define READY_COLUMNS "INSERT INTO dalp_workflow.ready (shard, rank, pass, run_id, branch_id, kind, entry)"
#define READY_SHARD_RANK \
	"(r.run_id OPERATOR(pg_catalog.%) 16)::smallint, (0 OPERATOR(pg_catalog.-) r.priority)::smallint, $1, r.run_id"

/* Signals of a failed run are kept for its redrive (batch_store.c). */
#define UNLESS_REDRIVEN(table) \
	" AND NOT EXISTS (SELECT FROM dalp_workflow.run_done f WHERE f.run_id OPERATOR(pg_catalog.=) " table ".run_id" \
	" AND f.status OPERATOR(pg_catalog.=) ANY (ARRAY['FAILED', 'TIMED_OUT']))"

static void
repair_orphans(void)
{
	static Statement clear = {
		"DELETE FROM dalp_workflow.ready y WHERE NOT EXISTS"
		" (SELECT FROM dalp_workflow.run r WHERE r.run_id OPERATOR(pg_catalog.=) y.run_id)", 0, {0}
	};
	static Statement clear_inbox = {
		"DELETE FROM dalp_workflow.inbox i WHERE NOT EXISTS"
		" (SELECT FROM dalp_workflow.run r WHERE r.run_id OPERATOR(pg_catalog.=) i.run_id)" UNLESS_REDRIVEN("i"), 0, {0}
	};
	static Statement clear_keys = {
		"DELETE FROM dalp_workflow.signal_key k WHERE NOT EXISTS"
		" (SELECT FROM dalp_workflow.run r WHERE r.run_id OPERATOR(pg_catalog.=) k.run_id)" UNLESS_REDRIVEN("k"), 0, {0}
	};

	store_write(&clear, NULL, NULL, 0);
	store_write(&clear_inbox, NULL, NULL, 0);
	store_write(&clear_keys, NULL, NULL, 0);
}

/* An operator's resume and an executor's parking may pass each other. */
static void
repair_parked(void)
{
	static Statement unpark = {
		"WITH gone AS (DELETE FROM dalp_workflow.parked p USING dalp_workflow.run r, dalp_workflow.definition d,"
		" dalp_workflow.workflow w WHERE r.run_id OPERATOR(pg_catalog.=) p.run_id"
		" AND d.definition_id OPERATOR(pg_catalog.=) r.definition_id"
		" AND w.workflow_id OPERATOR(pg_catalog.=) d.workflow_id"
		" AND ((p.reason OPERATOR(pg_catalog.=) 'run_paused' AND NOT r.paused)"
		" OR (p.reason OPERATOR(pg_catalog.=) 'workflow_paused' AND NOT w.paused)"
		" OR (p.reason OPERATOR(pg_catalog.=) 'tenant_paused' AND NOT EXISTS (SELECT FROM dalp_workflow.pause u"
		" WHERE u.kind OPERATOR(pg_catalog.=) 'tenant' AND u.name OPERATOR(pg_catalog.=) p.reference))"
		" OR (p.reason OPERATOR(pg_catalog.=) 'concurrency_key' AND NOT EXISTS"
		" (SELECT FROM dalp_workflow.concurrency_holder h WHERE h.workflow_id OPERATOR(pg_catalog.=) w.workflow_id"
		" AND h.concurrency_key OPERATOR(pg_catalog.=) r.concurrency_key)))"
		" RETURNING p.run_id, p.branch_id, p.kind, p.entry, r.priority)"
		READY_COLUMNS " SELECT " READY_SHARD_RANK ", r.branch_id, r.kind, r.entry FROM gone r RETURNING shard",
		1, {INT8OID}
	};
	Datum		values[1] = {Int64GetDatum(pass_now(PASS_ANY_SHARD))};

	store_write(&unpark, values, NULL, 0);
	for (uint64 i = 0; i < SPI_processed; i++)
		wake_shard_at_commit(store_int32(i, 1));
}

/*
 * Tables may be large and roles are few: they are searched at the start, and
 * when the roles of the cluster have become others.
 */
static void
repair_roles(void)
{
	static Statement roles = {
		"SELECT pg_catalog.hashtextextended(pg_catalog.string_agg(a.oid::text, ' ' ORDER BY a.oid), 0)"
		" FROM pg_catalog.pg_authid a", 0, {0}
	};
	static Statement forget = {"SELECT dalp_ops.forget_dropped_roles()", 0, {0}};
	static bool settled = false;
	static int64 known_roles = 0;
	int64		roles_now;

	store_write(&roles, NULL, NULL, 1);
	roles_now = store_int64(0, 1);
	if (settled && roles_now == known_roles)
		return;
	store_write(&forget, NULL, NULL, 1);
	settled = !store_bool(0, 1);
	known_roles = roles_now;
}

int
scheduler_repair(TimestampTz now)
{
#define HAS_NO(table) \
	" AND NOT EXISTS (SELECT FROM dalp_workflow." table " x WHERE x.run_id OPERATOR(pg_catalog.=) r.run_id)"
	static Statement strand = {
		READY_COLUMNS " SELECT " READY_SHARD_RANK ", 0, 'step', 0 FROM dalp_workflow.run r"
		" WHERE r.started_at OPERATOR(pg_catalog.<) $2"
		HAS_NO("ready") HAS_NO("wait") HAS_NO("parked")
		" AND NOT EXISTS (SELECT FROM dalp_workflow.timer t WHERE t.run_id OPERATOR(pg_catalog.=) r.run_id"
		" AND t.kind OPERATOR(pg_catalog.<>) 'deadline')"
		" RETURNING shard",
		2, {INT8OID, TIMESTAMPTZOID}
	};
	Datum		values[2] = {
		Int64GetDatum(pass_now(PASS_ANY_SHARD)), TimestampTzGetDatum(TimestampTzPlusMilliseconds(now, -REPAIR_AGE_MS))
	};
	int			found;

	repair_orphans();
	repair_parked();
	repair_roles();
	found = (int) store_write(&strand, values, NULL, 0);
	for (int i = 0; i < found; i++)
		wake_shard_at_commit(store_int32(i, 1));
	return found;
}
