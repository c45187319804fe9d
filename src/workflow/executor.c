/*
 * executor.c
 *		Runs the steps of workflows, in batches of one commit.
 *
 * A background worker, several a database; each owns some of the shards of the
 * ready table.  A turn is one transaction: claim ready rows and lock their
 * runs, run each step (bodies in subtransactions), write everything with one
 * statement a table, commit.  No lock, snapshot or transaction outlives the
 * turn.
 *
 * When a batch fails as a whole (deadlock, serialization failure, a deferred
 * constraint, an error of ours), nothing of it was committed and its runs are
 * stepped again one by one.  A run that fails even alone is put aside for a
 * while, and in the end into the dead letter queue, so that it never stops the
 * others of its shard.
 */
#include "compat.h"

#ifdef __GLIBC__
#include <malloc.h>
#endif

#include "access/xact.h"
#include "portability/instr_time.h"
#include "utils/guc.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "core/settings.h"
#include "core/stop_point.h"
#include "core/wake.h"
#include "core/worker.h"
#include "workflow/executor.h"
#include "workflow/hot.h"
#include "workflow/poison.h"
#include "workflow/procedure.h"
#include "workflow/run_control.h"
#include "workflow/step.h"

/* After so many steps in a row on one ready row the run queues again behind the others. */
#define FAIRNESS_QUANTUM 100

/* An idle executor looks less and less often, up to this many sweep intervals. */
#define SWEEP_BACKOFF 10

/* Free memory that the process keeps, in bytes. */
#define KEPT_MEMORY (8 * 1024 * 1024)

/* A run that fails alone for reasons of ours: put aside 0.2 s, 0.4 s …, dead letter at the last strike. */
#define PENALTY_MS 100
#define PENALTY_STRIKES 5
#define PENALTY_BURIED_MS 600000

typedef struct Penalty
{
	int64		run_id;			/* hash key */
	int			strikes;
	TimestampTz until;
} Penalty;

static HTAB *penalties = NULL;
static int64 condemned = 0;		/* run to end, because its handler kills executors */
static List *procedures = NIL;	/* of int64 *: runs whose procedure is due, in worker_context() */
static bool batch_is_next = true;	/* batches and procedures take turns */
static List *alone = NIL;		/* of int64 *: runs to step one by one, in worker_context() */
static uint32 pending = 0;		/* shards that may have rows */
static TimestampTz last_sweep = 0;
static int	sweep_factor = 1;

static void
executor_start(void)
{
	HASHCTL		control = {0};

	/*
	 * Our own statements are lookups and short scans in index order, whatever
	 * the statistics of tables that fill and empty all the time say.  Handlers
	 * get the defaults back (handler.c).
	 */
	SetConfigOption("enable_seqscan", "off", PGC_USERSET, PGC_S_OVERRIDE);
	SetConfigOption("enable_bitmapscan", "off", PGC_USERSET, PGC_S_OVERRIDE);
	SetConfigOption("enable_hashjoin", "off", PGC_USERSET, PGC_S_OVERRIDE);
	SetConfigOption("enable_mergejoin", "off", PGC_USERSET, PGC_S_OVERRIDE);
	SetConfigOption("plan_cache_mode", "force_generic_plan", PGC_USERSET, PGC_S_OVERRIDE);

#ifdef __GLIBC__
	/* Memory of a turn is wanted again by the next one: don't give it to the kernel in between. */
	(void) mallopt(M_TRIM_THRESHOLD, KEPT_MEMORY);
	(void) mallopt(M_MMAP_THRESHOLD, KEPT_MEMORY);
#endif

	control.keysize = sizeof(int64);
	control.entrysize = sizeof(Penalty);
	control.hcxt = worker_context();
	penalties = hash_create("dalp executor penalties", 16, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	pending = ~0U;
	poison_start();
}

/* Must the run be left alone for now? */
static bool
is_put_aside(int64 run_id)
{
	Penalty    *penalty = hash_get_num_entries(penalties) == 0 ? NULL :
		hash_search(penalties, &run_id, HASH_FIND, NULL);

	return penalty != NULL && GetCurrentTimestamp() < penalty->until;
}

/* One more failure of a run alone. Returns true at the last strike. */
static bool
put_aside(int64 run_id)
{
	bool		found;
	Penalty    *penalty = hash_search(penalties, &run_id, HASH_ENTER, &found);

	penalty->strikes = found ? penalty->strikes + 1 : 1;
	penalty->until = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), PENALTY_MS << penalty->strikes);
	if (penalty->strikes < PENALTY_STRIKES)
		return false;
	hash_search(penalties, &run_id, HASH_REMOVE, NULL);
	return true;
}

/* Queues the branch behind the others of its rank, if it has had its share. */
static void
yield_if_due(Step *step, BatchWrites *writes)
{
	if (!step->stays_ready || hot_steps(step) < FAIRNESS_QUANTUM)
		return;
	batch_ready_gone(writes, step);
	batch_ready_new(writes, step, READY_STEP, 0);
	step->stays_ready = false;
}

/* The run's procedure is called after the batch, whatever becomes of that. */
static void
note_procedure(int64 run_id)
{
	MemoryContext old;
	ListCell   *cell;
	int64	   *run;

	foreach(cell, procedures)
		if (*(int64 *) lfirst(cell) == run_id)
			return;
	old = MemoryContextSwitchTo(worker_context());
	run = palloc(sizeof(int64));
	*run = run_id;
	procedures = lappend(procedures, run);
	MemoryContextSwitchTo(old);
}

/* Steps the claimed members until the time budget is used up. Returns how many, or -1 on a conflict. */
static int
run_members(List *steps, BatchWrites *writes, bool single)
{
	int			count = 0;
	bool		shares = false;	/* may the previous step's run have another one in this batch? */
	instr_time	start,
				now;
	const Step *previous = NULL;
	ListCell   *cell;

	INSTR_TIME_SET_CURRENT(start);
	foreach(cell, steps)
	{
		Step	   *step = lfirst(cell);

		/* Rows of one run come together; the next one may need what this one writes. */
		if (previous != NULL && previous->run_id == step->run_id && !(shares && fork_may_share_batch(step)))
			continue;
		if (poison_is_condemned(step->run_id))
		{
			condemned = step->run_id;
			continue;
		}
		shares = fork_may_share_batch(step);
		previous = step;

		switch (step_run(step, writes, single))
		{
			case STEP_CONFLICT:
				return -1;
			case STEP_PROCEDURE:
				note_procedure(step->run_id);
				shares = false;
				continue;
			case STEP_DONE:
				break;
		}
		count++;
		yield_if_due(step, writes);
		hot_keep(step);

		INSTR_TIME_SET_CURRENT(now);
		INSTR_TIME_SUBTRACT(now, start);
		if (INSTR_TIME_GET_MICROSEC(now) > (uint64) dalp_batch_budget)
			break;
	}
	return count;
}

static int
compare_runs(const ListCell *a, const ListCell *b)
{
	const Step *x = lfirst(a);
	const Step *y = lfirst(b);

	return x->run_id < y->run_id ? -1 : x->run_id > y->run_id;
}

static int
compare_places(const ListCell *a, const ListCell *b)
{
	const Step *x = lfirst(a);
	const Step *y = lfirst(b);

	if (x->priority != y->priority)
		return x->priority > y->priority ? -1 : 1;
	if (x->pass != y->pass)
		return x->pass < y->pass ? -1 : 1;
	return compare_runs(a, b);
}

/* In the order of claims over all shards, as the batch may end early; a run with all of its rows at the place of the first. */
static void
order_members(List *steps)
{
	Step	   *first = NULL;
	ListCell   *cell;

	list_sort(steps, compare_runs);
	foreach(cell, steps)
	{
		Step	   *step = lfirst(cell);

		/* Sorting isn't stable: the first of a run may not be the one that was claimed first. */
		if (first == NULL || first->run_id != step->run_id)
			first = step;
		first->pass = Min(first->pass, step->pass);
	}
	foreach(cell, steps)
	{
		Step	   *step = lfirst(cell);

		if (first->run_id != step->run_id)
			first = step;
		step->pass = first->pass;
	}
	list_sort(steps, compare_places);
}

/* Runs of the batch under way, in worker_context(): to be stepped one by one if it fails. */
static List *members = NIL;

/* A ClaimFilter: notes the run, and leaves it out for as long as it is put aside. */
static bool
note_member(int64 run_id)
{
	MemoryContext old;
	int64	   *member;

	if (is_put_aside(run_id))
		return false;
	old = MemoryContextSwitchTo(worker_context());
	member = palloc(sizeof(int64));
	*member = run_id;
	members = lappend(members, member);
	MemoryContextSwitchTo(old);
	return true;
}

/* One batch, or one run alone. Returns false if its members have to be stepped one by one. */
static bool
run_batch(uint32 shards, int64 only_run, uint32 *shards_left)
{
	BatchWrites writes;
	List	   *steps;
	int			limit = Max(1, dalp_batch_size / Max(1, pg_popcount32(shards)));
	int			count;

	worker_begin("stepping runs");
	batch_init(&writes);
	steps = claim_batch(shards, limit, only_run, note_member, hot_recall, shards_left);
	order_members(steps);
	count = run_members(steps, &writes, only_run != 0);
	if (count < 0)
	{
		AbortCurrentTransaction();
		hot_forget_all();
		return false;
	}
	if (count == 0)
		*shards_left = 0;		/* all of them put aside: until the next sweep */
	batch_flush(&writes);
	fork_settle(&writes);
	STOP_POINT("batch_before_commit");
	worker_commit();
	STOP_POINT("batch_after_commit");
	return true;
}

/* An error of our own that no step should have: end the run as failed, so that the shard goes on. */
static void
bury_run(int64 run_id, const char *sqlstate, const char *message)
{
	BatchWrites writes;
	Step	   *step;

	worker_begin("ending a run that can't be stepped");
	batch_init(&writes);
	step = claim_run(run_id);
	if (step != NULL)
	{
		run_abandon_waits(step, message);
		step_fail_run(step, &writes, "FAILED", sqlstate, message);
	}
	batch_flush(&writes);
	worker_commit();
}

/* The same; a run that can't even be ended is left alone for long. */
static void
bury_guarded(int64 run_id, const char *sqlstate, const char *message)
{
	MemoryContext turn = CurrentMemoryContext;

	PG_TRY();
	{
		bury_run(run_id, sqlstate, message);
	}
	PG_CATCH();
	{
		Penalty    *penalty = hash_search(penalties, &run_id, HASH_ENTER, NULL);

		penalty->strikes = 0;
		penalty->until = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), PENALTY_BURIED_MS);
		MemoryContextSwitchTo(turn);
		EmitErrorReport();
		FlushErrorState();
		AbortCurrentTransaction();
		MemoryContextSwitchTo(turn);
	}
	PG_END_TRY();
}

/* Errors that say nothing about the run: the process ends and is started again with back-off. */
static bool
is_infrastructure(int sqlstate)
{
	switch (ERRCODE_TO_CATEGORY(sqlstate))
	{
		case ERRCODE_INSUFFICIENT_RESOURCES:
		case ERRCODE_TO_CATEGORY(ERRCODE_ADMIN_SHUTDOWN):
		case ERRCODE_SYSTEM_ERROR:
			return sqlstate != ERRCODE_QUERY_CANCELED;
		default:
			return false;
	}
}

/* run_batch with errors caught: the batch is stepped one by one, a single run is put aside. */
static void
run_guarded(uint32 shards, int64 only_run)
{
	MemoryContext turn = CurrentMemoryContext;
	uint32		shards_left = 0;
	volatile bool done = false;

	PG_TRY();
	{
		done = run_batch(shards, only_run, &shards_left);
	}
	PG_CATCH();
	{
		ErrorData  *edata;

		MemoryContextSwitchTo(turn);
		edata = CopyErrorData();
		if (is_infrastructure(edata->sqlerrcode))
			PG_RE_THROW();
		EmitErrorReport();
		FlushErrorState();
		AbortCurrentTransaction();
		hot_forget_all();
		MemoryContextSwitchTo(turn);
		if (only_run != 0 && put_aside(only_run))
			bury_guarded(only_run, pstrdup(unpack_sql_state(edata->sqlerrcode)), edata->message);
	}
	PG_END_TRY();
	MemoryContextSwitchTo(turn);

	if (only_run == 0)
		pending = (pending & ~shards) | shards_left;
	if (only_run == 0 && !done)
	{
		MemoryContext old = MemoryContextSwitchTo(worker_context());

		alone = list_concat(alone, members);
		list_free(members);
		MemoryContextSwitchTo(old);
	}
	else
		list_free_deep(members);
	members = NIL;
}

/* procedure_turn with errors caught, which are our own: the run is put aside. */
static void
call_guarded(int64 run_id)
{
	MemoryContext turn = CurrentMemoryContext;

	PG_TRY();
	{
		procedure_turn(run_id);
	}
	PG_CATCH();
	{
		ErrorData  *edata;

		MemoryContextSwitchTo(turn);
		edata = CopyErrorData();
		if (is_infrastructure(edata->sqlerrcode))
			PG_RE_THROW();
		EmitErrorReport();
		FlushErrorState();
		AbortCurrentTransaction();
		MemoryContextSwitchTo(turn);
		if (put_aside(run_id))
			bury_guarded(run_id, pstrdup(unpack_sql_state(edata->sqlerrcode)), edata->message);
	}
	PG_END_TRY();
	MemoryContextSwitchTo(turn);
	pending |= 1U << run_shard(run_id);
}

/* Is it time to look at all shards, wake-up or not? */
static long
until_sweep(TimestampTz now)
{
	TimestampTz due = TimestampTzPlusMilliseconds(last_sweep, (int64) dalp_sweep_interval * sweep_factor);

	return due <= now ? 0 : Max(1, (long) ((due - now) / 1000));
}

static long
executor_turn(void)
{
	TimestampTz now = GetCurrentTimestamp();
	uint32		mine = wake_my_shards();
	uint32		news = wake_take_shards();

	if (condemned != 0)
	{
		bury_run(condemned, "57P02", "the server crashed, again and again, while a handler of this run was called");
		poison_forgive(condemned);
		condemned = 0;
		pending |= mine;
	}
	procedure_answer_checks();
	if (procedures != NIL && !batch_is_next)
	{
		int64	   *first = linitial(procedures);
		int64		run_id = *first;

		procedures = list_delete_first(procedures);
		pfree(first);
		batch_is_next = true;
		pending |= news;
		call_guarded(run_id);
		return 0;
	}
	batch_is_next = procedures == NIL;
	if (alone != NIL)
	{
		int64	   *first = linitial(alone);
		int64		run_id = *first;

		alone = list_delete_first(alone);
		pfree(first);
		pending |= news;
		run_guarded(0, run_id);
		return 0;
	}

	if (news != 0)
		sweep_factor = 1;
	pending |= news;
	if (until_sweep(now) == 0)
	{
		last_sweep = now;
		pending |= mine;
		sweep_factor = Min(sweep_factor * 2, SWEEP_BACKOFF);
	}
	if ((pending & mine) == 0)
		return procedures != NIL ? 0 : until_sweep(now);

	run_guarded(pending & mine, 0);
	batch_is_next = procedures == NIL;
	return (pending & mine) != 0 || alone != NIL || condemned != 0 || procedures != NIL ? 0 : until_sweep(now);
}

static int
executor_count(void)
{
	return dalp_executors;
}

void
executor_init(void)
{
	static const WorkerClass executor = {
		.name = "executor",
		.count = executor_count,
		.start = executor_start,
		.turn = executor_turn
	};

	worker_define(WORKER_EXECUTOR, &executor);
}
