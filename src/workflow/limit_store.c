/*
 * limit_store.c
 *		Limits of workflows: who waits, who is let in.
 *
 * In whoever starts runs, in the scheduler and in an operator's backend.
 *
 * Exact: only the scheduler lets in, and it counts what it has let in and what
 * has not ended by its snapshot.  A run whose end isn't committed yet counts, so
 * that the limit is never exceeded, and its end wakes the scheduler (wake.h).
 */
#include "compat.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "core/clock.h"
#include "core/spi.h"
#include "core/wake.h"
#include "workflow/limit.h"
#include "workflow/pass.h"

/* So many runs are let in by one statement. */
#define LET_IN_BATCH 1000

/* What a rate saves up while nobody comes: a tenth of a second of it, at least one start. */
#define SAVED_SECONDS 0.1

/* The scheduler wakes for a rate no more often than this. */
#define RATE_STEP_SECONDS 0.01

/* Runs that were being started while limits were set are looked for so long. */
#define ADOPTION_MS 300000
#define ADOPTION_PAUSE_MS 10000

void
limit_hold(const char *workflow, int count, const int64 *run_ids)
{
	static Statement hold = {
		"WITH gone AS (DELETE FROM dalp_workflow.ready y WHERE y.run_id OPERATOR(pg_catalog.=) ANY ($1)"
		" AND y.kind OPERATOR(pg_catalog.=) 'step' RETURNING y.run_id, y.branch_id, y.kind, y.entry, y.rank)"
		" INSERT INTO dalp_workflow.parked (run_id, branch_id, kind, entry, reason, reference, since, rank)"
		" SELECT g.run_id, g.branch_id, g.kind, g.entry, 'limit', $2, $3, g.rank FROM gone g",
		3, {INT8ARRAYOID, TEXTOID, TIMESTAMPTZOID}
	};
	/* What a run had before it failed and was redriven. */
	static Statement leave = {
		"DELETE FROM dalp_workflow.limit_run WHERE run_id OPERATOR(pg_catalog.=) ANY ($1)", 1, {INT8ARRAYOID}
	};
	Datum	   *elements = palloc(sizeof(Datum) * Max(count, 1));
	Datum		values[3];

	for (int i = 0; i < count; i++)
		elements[i] = Int64GetDatum(run_ids[i]);
	values[0] = PointerGetDatum(construct_array(elements, count, INT8OID, sizeof(int64), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
	values[1] = CStringGetTextDatum(workflow);
	values[2] = TimestampTzGetDatum(clock_now());
	store_write(&leave, values, NULL, 0);
	store_write(&hold, values, NULL, 0);
	wake_at_commit(WORKER_SCHEDULER);
}

#define IS_LIMITED "(w.max_running IS NOT NULL OR w.rate_per_second IS NOT NULL)"

void
limit_hold_if_limited(int64 run_id)
{
	static Statement find = {
		"SELECT w.name FROM dalp_workflow.run r JOIN dalp_workflow.definition d"
		" ON d.definition_id OPERATOR(pg_catalog.=) r.definition_id JOIN dalp_workflow.workflow w"
		" ON w.workflow_id OPERATOR(pg_catalog.=) d.workflow_id"
		" WHERE r.run_id OPERATOR(pg_catalog.=) $1 AND " IS_LIMITED,
		1, {INT8OID}
	};
	Datum		values[1] = {Int64GetDatum(run_id)};

	if (store_write(&find, values, NULL, 1) > 0)
		limit_hold(store_text(0, 1), 1, &run_id);
}

void
limit_hold_due(TimestampTz now)
{
	static Statement any = {"SELECT FROM dalp_workflow.limit_state LIMIT 1", 0, {0}};
	static Statement hold = {
		"WITH due AS (SELECT t.ctid AS row_id, w.name, r.priority FROM dalp_workflow.timer t"
		" JOIN dalp_workflow.run r ON r.run_id OPERATOR(pg_catalog.=) t.run_id"
		" JOIN dalp_workflow.definition d ON d.definition_id OPERATOR(pg_catalog.=) r.definition_id"
		" JOIN dalp_workflow.workflow w ON w.workflow_id OPERATOR(pg_catalog.=) d.workflow_id"
		" WHERE t.fire_at OPERATOR(pg_catalog.<=) $1 AND t.kind OPERATOR(pg_catalog.=) 'start' AND " IS_LIMITED
		" FOR UPDATE OF t SKIP LOCKED),"
		" gone AS (DELETE FROM dalp_workflow.timer t USING due d WHERE t.ctid OPERATOR(pg_catalog.=) d.row_id"
		" RETURNING t.run_id, t.branch_id, t.entry, d.name, d.priority)"
		" INSERT INTO dalp_workflow.parked (run_id, branch_id, kind, entry, reason, reference, since, rank)"
		" SELECT g.run_id, g.branch_id, 'step', g.entry, 'limit', g.name, $1, (0 OPERATOR(pg_catalog.-) g.priority)::smallint FROM gone g",
		1, {TIMESTAMPTZOID}
	};
	Datum		values[1] = {TimestampTzGetDatum(now)};

	if (store_write(&any, NULL, NULL, 1) > 0)
		store_write(&hold, values, NULL, 0);
}

/* A workflow of limit_state. */
typedef struct WorkflowLimit
{
	int			workflow_id;
	char	   *workflow;
	int			max_running;	/* 0 = no limit */
	double		rate;			/* 0 = no limit */
	bool		paused;
	double		tokens;
	TimestampTz refilled_at;
	TimestampTz set_at;
	bool		waiting;		/* somebody is */
	int64		running;
} WorkflowLimit;

/* All of them, in CurrentMemoryContext. */
static int
read_limits(WorkflowLimit **limits)
{
	/* First what has ended goes, so that the count needs no second look at each. */
	static Statement forget = {
		"DELETE FROM dalp_workflow.limit_run l WHERE NOT EXISTS"
		" (SELECT FROM dalp_workflow.run r WHERE r.run_id OPERATOR(pg_catalog.=) l.run_id)", 0, {0}
	};
	static Statement find = {
		"SELECT w.workflow_id, w.name, COALESCE(w.max_running, 0), COALESCE(w.rate_per_second, 0)::float8, w.paused,"
		" s.tokens, s.refilled_at, s.set_at, EXISTS (SELECT FROM dalp_workflow.parked p"
		" WHERE p.reason OPERATOR(pg_catalog.=) 'limit' AND p.reference OPERATOR(pg_catalog.=) w.name),"
		" (SELECT pg_catalog.count(*) FROM dalp_workflow.limit_run l WHERE l.workflow_id OPERATOR(pg_catalog.=) w.workflow_id)"
		" FROM dalp_workflow.limit_state s JOIN dalp_workflow.workflow w"
		" ON w.workflow_id OPERATOR(pg_catalog.=) s.workflow_id",
		0, {0}
	};
	MemoryContext context = CurrentMemoryContext;
	int			count;

	store_write(&forget, NULL, NULL, 0);
	count = (int) store_write(&find, NULL, NULL, 0);
	*limits = MemoryContextAlloc(context, sizeof(WorkflowLimit) * Max(count, 1));
	for (int i = 0; i < count; i++)
	{
		bool		isnull;

		(*limits)[i] = (WorkflowLimit) {
			.workflow_id = store_int32(i, 1),
			.workflow = MemoryContextStrdup(context, store_text(i, 2)),
			.max_running = store_int32(i, 3),
			.rate = DatumGetFloat8(store_value(i, 4, &isnull)),
			.paused = store_bool(i, 5),
			.tokens = DatumGetFloat8(store_value(i, 6, &isnull)),
			.refilled_at = DatumGetTimestampTz(store_value(i, 7, &isnull)),
			.set_at = DatumGetTimestampTz(store_value(i, 8, &isnull)),
			.waiting = store_bool(i, 9),
			.running = store_int64(i, 10)
		};
	}
	return count;
}

/* Those that go on already count from now on; returns how many didn't. */
static int
adopt(int workflow_id)
{
	static Statement insert = {
		"INSERT INTO dalp_workflow.limit_run (run_id, workflow_id) SELECT r.run_id, $1 FROM dalp_workflow.run r"
		" JOIN dalp_workflow.definition d ON d.definition_id OPERATOR(pg_catalog.=) r.definition_id"
		" WHERE d.workflow_id OPERATOR(pg_catalog.=) $1"
		" AND NOT EXISTS (SELECT FROM dalp_workflow.parked p WHERE p.run_id OPERATOR(pg_catalog.=) r.run_id"
		" AND p.reason OPERATOR(pg_catalog.=) 'limit')"
		" AND NOT EXISTS (SELECT FROM dalp_workflow.timer t WHERE t.run_id OPERATOR(pg_catalog.=) r.run_id"
		" AND t.kind OPERATOR(pg_catalog.=) 'start') ON CONFLICT DO NOTHING",
		1, {INT4OID}
	};
	Datum		values[1] = {Int32GetDatum(workflow_id)};

	return (int) store_write(&insert, values, NULL, 0);
}

/* Lets in up to so many of those that wait, each with all of its branches; returns how many rows became ready. */
static int
let_in(const WorkflowLimit *limit, int count)
{
	static Statement admit = {
		"WITH next AS (SELECT p.run_id FROM dalp_workflow.parked p WHERE p.reason OPERATOR(pg_catalog.=) 'limit'"
		" AND p.reference OPERATOR(pg_catalog.=) $1 ORDER BY p.rank, p.run_id LIMIT $2 FOR UPDATE SKIP LOCKED),"
		" gone AS (DELETE FROM dalp_workflow.parked p USING (SELECT DISTINCT run_id FROM next) AS n"
		" WHERE p.run_id OPERATOR(pg_catalog.=) n.run_id AND p.reason OPERATOR(pg_catalog.=) 'limit'"
		" RETURNING p.run_id, p.branch_id, p.kind, p.entry, p.rank),"
		" held AS (INSERT INTO dalp_workflow.limit_run (run_id, workflow_id) SELECT g.run_id, $3 FROM gone g ON CONFLICT DO NOTHING)"
		" INSERT INTO dalp_workflow.ready (shard, rank, pass, run_id, branch_id, kind, entry)"
		" SELECT (g.run_id OPERATOR(pg_catalog.%) 16)::smallint, g.rank, $4, g.run_id, g.branch_id, g.kind, g.entry FROM gone g"
		" RETURNING shard",
		4, {TEXTOID, INT4OID, INT4OID, INT8OID}
	};
	Datum		values[4] = {
		CStringGetTextDatum(limit->workflow), Int32GetDatum(count), Int32GetDatum(limit->workflow_id),
		Int64GetDatum(pass_now(PASS_ANY_SHARD))
	};
	int			admitted = (int) store_write(&admit, values, NULL, 0);

	for (int i = 0; i < admitted; i++)
		wake_shard_at_commit(store_int32(i, 1));
	return admitted;
}

static void
save_tokens(const WorkflowLimit *limit)
{
	static Statement update = {
		"UPDATE dalp_workflow.limit_state SET tokens = $2, refilled_at = $3 WHERE workflow_id OPERATOR(pg_catalog.=) $1",
		3, {INT4OID, FLOAT8OID, TIMESTAMPTZOID}
	};
	Datum		values[3] = {
		Int32GetDatum(limit->workflow_id), Float8GetDatum(limit->tokens), TimestampTzGetDatum(limit->refilled_at)
	};

	store_write(&update, values, NULL, 0);
}

/* Nobody waits for limits that aren't any more. */
static void
forget_limit(int workflow_id)
{
	static Statement statements[] = {
		{"DELETE FROM dalp_workflow.limit_state WHERE workflow_id OPERATOR(pg_catalog.=) $1", 1, {INT4OID}},
		{"DELETE FROM dalp_workflow.limit_run WHERE workflow_id OPERATOR(pg_catalog.=) $1", 1, {INT4OID}}
	};
	Datum		values[1] = {Int32GetDatum(workflow_id)};

	for (size_t i = 0; i < lengthof(statements); i++)
		store_write(&statements[i], values, NULL, 0);
}

/* One workflow; returns when its rate lets the next one in, or DT_NOEND. adopts = look for those that nobody counted. */
static TimestampTz
apply(WorkflowLimit *limit, TimestampTz now, bool adopts)
{
	int			count = LET_IN_BATCH;
	int			admitted;

	if (limit->max_running == 0 && limit->rate == 0 && !limit->waiting)
	{
		forget_limit(limit->workflow_id);
		return DT_NOEND;
	}
	if (limit->max_running > 0 && adopts)
		limit->running += adopt(limit->workflow_id);
	if (!limit->waiting || limit->paused)
		return DT_NOEND;
	if (limit->max_running > 0)
		count = (int) Max(0, Min(count, limit->max_running - limit->running));
	if (limit->rate > 0)
	{
		double		passed = Max(0, now - limit->refilled_at) / (double) USECS_PER_SEC;

		limit->tokens = Min(Max(1, limit->rate * SAVED_SECONDS), limit->tokens + passed * limit->rate);
		limit->refilled_at = now;
		count = Min(count, (int) floor(limit->tokens));
	}
	admitted = count > 0 ? let_in(limit, count) : 0;
	if (limit->rate > 0)
	{
		limit->tokens -= admitted;
		save_tokens(limit);
	}
	if (admitted == LET_IN_BATCH)
		return now;
	if (limit->rate > 0 && (limit->max_running == 0 || limit->running + admitted < limit->max_running))
		return now + (TimestampTz) (Max(RATE_STEP_SECONDS, (1 - limit->tokens) / limit->rate) * USECS_PER_SEC);
	return DT_NOEND;
}

TimestampTz
limit_let_in(TimestampTz now)
{
	static TimestampTz last_adoption = 0;
	bool		adopts = TimestampDifferenceExceeds(last_adoption, GetCurrentTimestamp(), ADOPTION_PAUSE_MS);
	TimestampTz next = DT_NOEND;
	WorkflowLimit	   *limits;
	int			count = read_limits(&limits);
	bool		awaited = false;

	for (int i = 0; i < count; i++)
		awaited = awaited || (limits[i].waiting && limits[i].max_running > 0);
	if (adopts)
		last_adoption = GetCurrentTimestamp();
	/* What ended between the count and the asking wakes nobody: count again. */
	if (wake_scheduler_on_ends(awaited) && awaited)
		count = read_limits(&limits);
	for (int i = 0; i < count; i++)
	{
		bool		fresh = now < TimestampTzPlusMilliseconds(limits[i].set_at, ADOPTION_MS);
		TimestampTz look_at = apply(&limits[i], now, adopts && fresh);

		next = Min(next, look_at);
	}
	return next;
}

bool
limit_set(const char *workflow, int max_running, double rate_per_second, TimestampTz now)
{
	static Statement update = {
		"UPDATE dalp_workflow.workflow SET max_running = NULLIF($2, 0), rate_per_second = NULLIF($3, 0)::numeric"
		" WHERE name OPERATOR(pg_catalog.=) $1 RETURNING workflow_id",
		3, {TEXTOID, INT4OID, FLOAT8OID}
	};
	static Statement remember = {
		"INSERT INTO dalp_workflow.limit_state (workflow_id, tokens, refilled_at, set_at) VALUES ($1, 1, $2, $2)"
		" ON CONFLICT (workflow_id) DO UPDATE SET set_at = $2",
		2, {INT4OID, TIMESTAMPTZOID}
	};
	Datum		values[3] = {CStringGetTextDatum(workflow), Int32GetDatum(max_running), Float8GetDatum(rate_per_second)};
	Datum		state[2];
	int			workflow_id;

	if (store_write(&update, values, NULL, 0) == 0)
		return false;
	workflow_id = store_int32(0, 1);
	state[0] = Int32GetDatum(workflow_id);
	state[1] = TimestampTzGetDatum(now);
	store_write(&remember, state, NULL, 0);
	if (max_running > 0)
		adopt(workflow_id);
	wake_at_commit(WORKER_SCHEDULER);
	return true;
}
