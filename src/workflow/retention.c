/*
 * retention.c
 *		Removing runs that ended dalp.retention ago.
 *
 * In the scheduler, between firing timers: a bounded batch a transaction.  Rows
 * of run_done and run_data are deleted; their journal stays until no run of its
 * partition is left, and then goes with the partition.  A run with an open dead
 * letter stays, of itself or of one of its compensations, and so does a child
 * whose parent is live.  Idempotency keys stay for ever: a repeated start gives
 * the id of a run that can no longer be seen.
 */
#include "compat.h"

#include "catalog/pg_type.h"
#include "utils/timestamp.h"

#include "core/settings.h"
#include "core/spi.h"
#include "core/worker.h"
#include "workflow/journal_partition.h"
#include "workflow/retention.h"

#define BATCH 500

/* With nothing to do, looks again after this part of the retention, from a second to a minute. */
#define LOOKS_PER_RETENTION 10
#define LOOK_MIN_MS 1000
#define LOOK_MAX_MS 60000

/* Where the next look begins: what lies before it stays for now. */
static TimestampTz passed = DT_NOBEGIN;
static TimestampTz look_at = 0;

/* Removes the next batch of those that ended before; how many were looked at. */
static int
forget_batch(TimestampTz before)
{
	static Statement forget = {
		"WITH old AS MATERIALIZED (SELECT f.run_id, f.finished_at, f.parent_run_id FROM dalp_workflow.run_done f"
		" WHERE f.finished_at OPERATOR(pg_catalog.>=) $1 AND f.finished_at OPERATOR(pg_catalog.<) $2"
		" ORDER BY f.finished_at, f.run_id LIMIT $3),"
		" free AS MATERIALIZED (SELECT o.run_id FROM old o WHERE NOT EXISTS (SELECT FROM dalp_ops.dead_letter l"
		" WHERE l.kind OPERATOR(pg_catalog.=) 'run' AND l.reference OPERATOR(pg_catalog.=) o.run_id AND l.resolution IS NULL)"
		" AND NOT EXISTS (SELECT FROM dalp_workflow.compensation c JOIN dalp_ops.dead_letter l"
		" ON l.kind OPERATOR(pg_catalog.=) 'compensation' AND l.reference OPERATOR(pg_catalog.=) c.number"
		" AND l.resolution IS NULL WHERE c.run_id OPERATOR(pg_catalog.=) o.run_id)"
		" AND NOT EXISTS (SELECT FROM dalp_workflow.run p WHERE p.run_id OPERATOR(pg_catalog.=) o.parent_run_id)),"
		/* A redrive that comes first has taken the row away; one that comes later finds none. */
		" gone AS (DELETE FROM dalp_workflow.run_done f USING free o"
		" WHERE f.run_id OPERATOR(pg_catalog.=) o.run_id RETURNING f.run_id),"
		" data AS (DELETE FROM dalp_workflow.run_data d USING gone g WHERE d.run_id OPERATOR(pg_catalog.=) g.run_id),"
		" undone AS (DELETE FROM dalp_workflow.compensation c USING gone g WHERE c.run_id OPERATOR(pg_catalog.=) g.run_id),"
		" kept AS (DELETE FROM dalp_workflow.suspended_branch s USING gone g WHERE s.run_id OPERATOR(pg_catalog.=) g.run_id)"
		" SELECT pg_catalog.count(*), pg_catalog.max(o.finished_at), (SELECT pg_catalog.count(*) FROM gone) FROM old o",
		3, {TIMESTAMPTZOID, TIMESTAMPTZOID, INT4OID}
	};
	Datum		values[3] = {TimestampTzGetDatum(passed), TimestampTzGetDatum(before), Int32GetDatum(BATCH)};
	int			count;
	bool		isnull;

	store_write(&forget, values, NULL, 0);
	count = (int) store_int64(0, 1);
	/* Those that stay are passed by; where all of a batch ended at one instant, one further. */
	if (count == BATCH && store_int64(0, 3) < count)
	{
		TimestampTz last = DatumGetTimestampTz(store_value(0, 2, &isnull));

		passed = store_int64(0, 3) > 0 || last > passed ? last : last + 1;
	}
	return count;
}

long
retention_turn(TimestampTz now)
{
	int64		interval = (int64) dalp_retention * 1000 / LOOKS_PER_RETENTION;
	TimestampTz present = GetCurrentTimestamp();
	bool		more;

	interval = Max(LOOK_MIN_MS, Min(LOOK_MAX_MS, interval));
	if (look_at > present + interval * 1000)
		look_at = 0;			/* the setting has become shorter */
	if (dalp_retention < 0)
		return LOOK_MAX_MS;
	if (present < look_at)
		return TimestampDifferenceMilliseconds(present, look_at) + 1;

	worker_begin("removing old runs");
	more = forget_batch(now - (int64) dalp_retention * USECS_PER_SEC) == BATCH;
	worker_commit();
	if (!more)
	{
		worker_begin("giving back partitions of the journal");
		more = journal_partition_retire();
		worker_commit();
	}
	if (more)
		return 1;
	passed = DT_NOBEGIN;
	look_at = present + interval * 1000;
	return (long) interval;
}
