/*
 * claim_store.c
 *		Taking work in claim order, with its runs locked; messages; keys.
 *
 * In an executor, and where people do something to a run in their backends.
 * Two rounds on purpose: the first locks, the second (position_store.c) reads
 * with a snapshot taken after the locks.  One round that did both could read a
 * branch from before a commit that its lock has waited for, and a step would
 * run twice.  (The primary key of the journal would still refuse the second
 * one's checkpoint.)
 */
#include "compat.h"

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "core/clock.h"
#include "core/spi.h"
#include "core/wake.h"
#include "workflow/hot_tables.h"
#include "workflow/pass.h"
#include "workflow/position_store.h"
#include "workflow/step.h"

/* A jsonb of the last result in the caller's memory, or NULL. */
static Jsonb *
read_jsonb(MemoryContext context, uint64 row, int column)
{
	bool		isnull;
	Datum		value = store_value(row, column, &isnull);

	return isnull ? NULL : DatumGetJsonbP(store_copy(context, value));
}

static char *
read_text(MemoryContext context, uint64 row, int column)
{
	char	   *text = store_text(row, column);

	return text ? MemoryContextStrdup(context, text) : NULL;
}

/* A ready row that was taken; its step knows of the run what can't change while it is locked. */
typedef struct Claimed
{
	Step	   *step;
	int			definition_id;
} Claimed;

/* Tables as they were before the locks. */
typedef struct Claim
{
	Table	   *ready;
	Table	   *run;
	TableScan  *runs;
	Claimed    *last;			/* run that was locked last, or NULL */
	List	   *claimed;		/* of Claimed * */
} Claim;

static void
claim_begin(Claim *claim)
{
	static const int key[] = {RUN_RUN_ID};

	memset(claim, 0, sizeof(*claim));
	claim->ready = table_begin(&ready_table);
	claim->run = table_begin(&run_table);
	claim->runs = table_scan_begin(claim->run, lengthof(key), key);
}

static void
claim_end(Claim *claim)
{
	table_scan_end(claim->runs);
	table_end(claim->run);
	table_end(claim->ready);
}

/* Locks the run; NULL where it is gone, or (LockWaitSkip) somebody else has it. */
static Claimed *
lock_run(Claim *claim, int64 run_id, LockWaitPolicy policy)
{
	Datum		values[] = {Int64GetDatum(run_id)};
	TableScan  *runs = claim->runs;
	Claimed    *claimed;
	Step	   *step;

	table_scan_key(runs, values);
	if (!table_scan_next(runs) || !table_scan_lock(runs, policy))
		return NULL;
	claimed = palloc(sizeof(Claimed));
	claimed->step = step = palloc0(sizeof(Step));
	claimed->definition_id = table_int32(runs, RUN_DEFINITION_ID);
	step->run_id = run_id;
	step->priority = table_int16(runs, RUN_PRIORITY);
	step->run_paused = table_bool(runs, RUN_PAUSED);
	step->concurrency_key = table_text(runs, RUN_CONCURRENCY_KEY);
	step->parent_run_id = table_int64(runs, RUN_PARENT_RUN_ID);
	step->parent_branch = table_int32(runs, RUN_PARENT_BRANCH);
	step->started_at = table_int64(runs, RUN_STARTED_AT);
	step->redrives = table_int32(runs, RUN_REDRIVES);
	step->compensating = table_bool(runs, RUN_COMPENSATING);
	return claimed;
}

/* Another ready row of the run that was locked last. */
static Claimed *
copy_claimed(const Claimed *last)
{
	Claimed    *claimed = palloc(sizeof(Claimed));

	claimed->definition_id = last->definition_id;
	claimed->step = memcpy(palloc(sizeof(Step)), last->step, sizeof(Step));
	return claimed;
}

/* Takes the current ready row, if its run can be locked at once. */
static bool
take(Claim *claim, TableScan *rows)
{
	int64		run_id = table_int64(rows, READY_COLUMN_RUN_ID);
	Claimed    *claimed = claim->last != NULL && claim->last->step->run_id == run_id ?
		copy_claimed(claim->last) : lock_run(claim, run_id, LockWaitSkip);

	if (claimed == NULL)
		return false;
	ItemPointerCopy(table_scan_row(rows), &claimed->step->ready_row);
	claimed->step->branch_id = table_int32(rows, READY_COLUMN_BRANCH_ID);
	claim->claimed = lappend(claim->claimed, claimed);
	claim->last = claimed;
	return true;
}

/* In claim order. Within the limit: runs that somebody else has locked take nobody's place. */
static void
take_of_shards(Claim *claim, uint32 shards, int limit, uint32 *shards_left)
{
	static const int order[] = {READY_COLUMN_SHARD};
	TableScan  *rows = table_scan_begin(claim->ready, lengthof(order), order);

	for (uint32 left = shards; left != 0; left &= left - 1)
	{
		int			shard = pg_rightmost_one_pos32(left);
		Datum		values[] = {Int16GetDatum(shard)};
		int			taken = 0;

		table_scan_key(rows, values);
		while (taken < limit && table_scan_next(rows))
		{
			if (!take(claim, rows))
				continue;
			taken++;
			claim->last->step->pass = table_int64(rows, READY_COLUMN_PASS);
			pass_reached(shard, claim->last->step->pass);
		}
		if (taken > 0)
			*shards_left |= 1U << shard;
	}
	table_scan_end(rows);
}

/* The first row of one run in claim order. */
static void
take_of_run(Claim *claim, int64 run_id, uint32 *shards_left)
{
	static const int key[] = {READY_COLUMN_RUN_ID};
	Datum		values[] = {Int64GetDatum(run_id)};
	TableScan  *rows = table_scan_begin(claim->ready, lengthof(key), key);
	ItemPointerData first;
	int16		rank = 0;
	int64		pass = 0;

	ItemPointerSetInvalid(&first);
	table_scan_key(rows, values);
	while (table_scan_next(rows))
	{
		int16		its_rank = table_int16(rows, READY_COLUMN_RANK);
		int64		its_pass = table_int64(rows, READY_COLUMN_PASS);

		if (ItemPointerIsValid(&first) && (its_rank > rank || (its_rank == rank && its_pass >= pass)))
			continue;
		ItemPointerCopy(table_scan_row(rows), &first);
		rank = its_rank;
		pass = its_pass;
	}
	if (ItemPointerIsValid(&first) && table_scan_fetch(rows, &first) && take(claim, rows))
		*shards_left |= 1U << run_shard(run_id);
	table_scan_end(rows);
}

List *
claim_batch(uint32 shards, int limit, int64 only_run, ClaimFilter filter, ClaimRecall recall,
			uint32 *shards_left)
{
	static const int key[] = {READY_COLUMN_RUN_ID};
	Claim		claim;
	PositionReader reader = {0};
	Table	   *ready;
	TableScan  *rows;
	List	   *steps = NIL;
	ListCell   *cell;

	*shards_left = 0;
	claim_begin(&claim);
	if (only_run != 0)
		take_of_run(&claim, only_run, shards_left);
	else
		take_of_shards(&claim, shards, limit, shards_left);
	claim_end(&claim);
	if (claim.claimed == NIL)
		return NIL;

	ready = table_begin(&ready_table);
	rows = table_scan_begin(ready, lengthof(key), key);
	foreach(cell, claim.claimed)
	{
		Claimed    *claimed = lfirst(cell);
		Step	   *step = claimed->step;

		if (!filter(step->run_id))
			continue;
		/* Somebody may have done it, and deleted the row, just before the lock. */
		if (!table_scan_fetch(rows, &step->ready_row) ||
			table_int64(rows, READY_COLUMN_RUN_ID) != step->run_id ||
			table_int32(rows, READY_COLUMN_BRANCH_ID) != step->branch_id)
			continue;
		step->kind = ready_kind_read(table_text(rows, READY_COLUMN_KIND));
		step->ready_entry = table_int32(rows, READY_COLUMN_ENTRY);
		position_definition(&reader, step, claimed->definition_id);
		if (position_read(&reader, step, recall))
			steps = lappend(steps, step);
	}
	table_scan_end(rows);
	table_end(ready);
	position_reader_end(&reader);
	return steps;
}

Step *
claim_run(int64 run_id)
{
	Claim		claim;
	Claimed    *claimed;
	PositionReader reader = {0};

	claim_begin(&claim);
	claimed = lock_run(&claim, run_id, LockWaitBlock);
	claim_end(&claim);
	if (claimed == NULL)
		return NULL;
	position_definition(&reader, claimed->step, claimed->definition_id);
	if (!position_read(&reader, claimed->step, NULL))
		elog(ERROR, "run " INT64_FORMAT " has no branch 0", run_id);
	position_reader_end(&reader);
	return claimed->step;
}

bool
claim_position(Step *step, ClaimRecall recall)
{
	PositionReader reader = {0};
	bool		found = position_read(&reader, step, recall);

	position_reader_end(&reader);
	return found;
}

/* Message columns as both queries below return them. */
#define MESSAGE_COLUMNS "i.message_id, i.branch_id, i.kind, i.name, i.reference, i.payload, i.error, i.cause, i.worker"

static Message *
read_message(MemoryContext context, uint64 row)
{
	Message    *message = MemoryContextAllocZero(context, sizeof(Message));
	bool		isnull;
	Datum		branch = store_value(row, 2, &isnull);

	message->message_id = store_int64(row, 1);
	message->branch_id = isnull ? -1 : DatumGetInt32(branch);
	message->kind = read_text(context, row, 3);
	message->name = read_text(context, row, 4);
	message->reference = store_int64(row, 5);
	message->payload = read_jsonb(context, row, 6);
	message->error = read_text(context, row, 7);
	message->cause = read_text(context, row, 8);
	message->worker = read_text(context, row, 9);
	return message;
}

Message *
claim_signal(int64 run_id, const char *name, const BatchWrites *writes)
{
	static Statement find = {
		"SELECT " MESSAGE_COLUMNS " FROM dalp_workflow.inbox i WHERE i.run_id OPERATOR(pg_catalog.=) $1"
		" AND i.kind OPERATOR(pg_catalog.=) 'signal' AND i.name OPERATOR(pg_catalog.=) $2"
		" AND NOT i.message_id OPERATOR(pg_catalog.=) ANY ($3) ORDER BY i.message_id LIMIT 1",
		3, {INT8OID, TEXTOID, INT8ARRAYOID}
	};
	MemoryContext context = CurrentMemoryContext;
	Datum		values[3];

	values[0] = Int64GetDatum(run_id);
	values[1] = CStringGetTextDatum(name);
	values[2] = PointerGetDatum(construct_array(writes->messages_gone.values[0], writes->messages_gone.count,
												INT8OID, sizeof(int64), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
	return store_write(&find, values, NULL, 1) == 0 ? NULL : read_message(context, 0);
}

Message *
claim_message(int64 run_id, int *branch_id, bool *more)
{
	static Statement find = {
		"SELECT " MESSAGE_COLUMNS ", w.branch_id FROM dalp_workflow.inbox i JOIN dalp_workflow.wait w"
		" ON w.run_id OPERATOR(pg_catalog.=) i.run_id AND w.kind OPERATOR(pg_catalog.=) i.kind"
		" AND (i.branch_id IS NULL OR i.branch_id OPERATOR(pg_catalog.=) w.branch_id)"
		" AND w.name IS NOT DISTINCT FROM i.name AND w.reference IS NOT DISTINCT FROM i.reference"
		" WHERE i.run_id OPERATOR(pg_catalog.=) $1 ORDER BY i.message_id LIMIT 2",
		1, {INT8OID}
	};
	MemoryContext context = CurrentMemoryContext;
	Datum		values[1] = {Int64GetDatum(run_id)};
	uint64		count = store_write(&find, values, NULL, 2);

	*more = count > 1;
	if (count == 0)
		return NULL;
	*branch_id = store_int32(0, 10);
	return read_message(context, 0);
}

char *
claim_overdue_wait(int64 run_id, int branch_id, int entry, int64 *reference)
{
	static Statement find = {
		"SELECT w.kind, w.reference FROM dalp_workflow.wait w WHERE w.run_id OPERATOR(pg_catalog.=) $1"
		" AND w.branch_id OPERATOR(pg_catalog.=) $2 AND NOT EXISTS (SELECT FROM dalp_workflow.timer t"
		" WHERE t.run_id OPERATOR(pg_catalog.=) $1 AND t.branch_id OPERATOR(pg_catalog.=) $2"
		" AND t.kind OPERATOR(pg_catalog.=) 'timeout' AND t.entry OPERATOR(pg_catalog.=) $3)",
		3, {INT8OID, INT4OID, INT4OID}
	};
	MemoryContext context = CurrentMemoryContext;
	Datum		values[3] = {Int64GetDatum(run_id), Int32GetDatum(branch_id), Int32GetDatum(entry)};

	if (store_write(&find, values, NULL, 1) == 0)
		return NULL;
	*reference = store_int64(0, 2);
	return read_text(context, 0, 1);
}

/* One that was started before, has the same key and is about to be claimed? */
static bool
waits_before(const Step *step)
{
	static Statement find = {
		"SELECT FROM dalp_workflow.run r JOIN dalp_workflow.definition d ON d.definition_id OPERATOR(pg_catalog.=) r.definition_id"
		" WHERE r.concurrency_key OPERATOR(pg_catalog.=) $2 AND r.run_id OPERATOR(pg_catalog.<) $3 AND NOT r.paused"
		" AND d.workflow_id OPERATOR(pg_catalog.=) $1 AND EXISTS (SELECT FROM dalp_workflow.ready y"
		" WHERE y.run_id OPERATOR(pg_catalog.=) r.run_id AND y.kind OPERATOR(pg_catalog.<>) 'deadline')",
		3, {INT4OID, TEXTOID, INT8OID}
	};
	Datum		values[3] = {
		Int32GetDatum(step->definition->workflow_id), CStringGetTextDatum(step->concurrency_key),
		Int64GetDatum(step->run_id)
	};

	return store_write(&find, values, NULL, 1) > 0;
}

/* It keeps no key; whoever it left it to passes it on. */
static void
give_back_key(const Step *step)
{
	static Statement give = {
		"DELETE FROM dalp_workflow.concurrency_holder WHERE workflow_id OPERATOR(pg_catalog.=) $1"
		" AND concurrency_key OPERATOR(pg_catalog.=) $2",
		2, {INT4OID, TEXTOID}
	};
	Datum		values[2] = {
		Int32GetDatum(step->definition->workflow_id), CStringGetTextDatum(step->concurrency_key)
	};

	store_write(&give, values, NULL, 0);
}

/* First come, first served, in whatever order the runs are claimed: looked for with the key's row locked, which the other needs. */
bool
claim_concurrency_key(const Step *step)
{
	/* DO UPDATE locks the holder's row also where another run has it. */
	static Statement take = {
		"INSERT INTO dalp_workflow.concurrency_holder AS h (workflow_id, concurrency_key, run_id) VALUES ($1, $2, $3)"
		" ON CONFLICT (workflow_id, concurrency_key) DO UPDATE SET run_id = h.run_id"
		" RETURNING h.run_id, h.xmax OPERATOR(pg_catalog.=) '0'::xid",
		3, {INT4OID, TEXTOID, INT8OID}
	};
	Datum		values[3] = {
		Int32GetDatum(step->definition->workflow_id), CStringGetTextDatum(step->concurrency_key),
		Int64GetDatum(step->run_id)
	};

	store_write(&take, values, NULL, 0);
	if (store_int64(0, 1) != step->run_id)
		return false;
	if (!store_bool(0, 2) || !waits_before(step))
		return true;
	give_back_key(step);
	return false;
}

bool
claim_workflow_is_paused(int workflow_id)
{
	static Statement ask = {
		"SELECT paused FROM dalp_workflow.workflow WHERE workflow_id OPERATOR(pg_catalog.=) $1 FOR SHARE",
		1, {INT4OID}
	};
	Datum		values[1] = {Int32GetDatum(workflow_id)};

	return store_write(&ask, values, NULL, 1) > 0 && store_bool(0, 1);
}

void
claim_pass_key(int workflow_id, const char *key)
{
	/* A paused run is passed over: whoever holds a key shall be able to go on. */
	static Statement next = {
		"WITH oldest AS (SELECT p.run_id FROM dalp_workflow.parked p JOIN dalp_workflow.run r"
		" ON r.run_id OPERATOR(pg_catalog.=) p.run_id AND NOT r.paused"
		" WHERE p.reason OPERATOR(pg_catalog.=) 'concurrency_key' AND p.reference OPERATOR(pg_catalog.=) $1"
		" AND NOT EXISTS (SELECT FROM dalp_workflow.concurrency_holder h"
		" WHERE h.workflow_id OPERATOR(pg_catalog.=) $3 AND h.concurrency_key OPERATOR(pg_catalog.=) $4)"
		" ORDER BY p.run_id LIMIT 1),"
		" gone AS (DELETE FROM dalp_workflow.parked p USING oldest o"
		" WHERE p.run_id OPERATOR(pg_catalog.=) o.run_id AND p.reason OPERATOR(pg_catalog.=) 'concurrency_key'"
		" RETURNING p.run_id, p.branch_id, p.kind, p.entry)"
		" INSERT INTO dalp_workflow.ready (shard, rank, pass, run_id, branch_id, kind, entry)"
		" SELECT (g.run_id OPERATOR(pg_catalog.%) 16)::smallint, (0 OPERATOR(pg_catalog.-) r.priority)::smallint, $2, g.run_id, g.branch_id, g.kind, g.entry"
		" FROM gone g JOIN dalp_workflow.run r ON r.run_id OPERATOR(pg_catalog.=) g.run_id RETURNING shard",
		4, {TEXTOID, INT8OID, INT4OID, TEXTOID}
	};
	Datum		values[4] = {
		CStringGetTextDatum(psprintf("%d:%s", workflow_id, key)), Int64GetDatum(pass_now(PASS_ANY_SHARD)),
		Int32GetDatum(workflow_id), CStringGetTextDatum(key)
	};

	store_write(&next, values, NULL, 0);
	for (uint64 i = 0; i < SPI_processed; i++)
		wake_shard_at_commit(store_int32(i, 1));
}

void
claim_release_key(int workflow_id, const char *key, int64 run_id)
{
	static Statement release = {
		"DELETE FROM dalp_workflow.concurrency_holder WHERE workflow_id OPERATOR(pg_catalog.=) $1"
		" AND concurrency_key OPERATOR(pg_catalog.=) $2 AND run_id OPERATOR(pg_catalog.=) $3",
		3, {INT4OID, TEXTOID, INT8OID}
	};
	Datum		values[3] = {
		Int32GetDatum(workflow_id), CStringGetTextDatum(key), Int64GetDatum(run_id)
	};

	store_write(&release, values, NULL, 0);
	/* Also where the run didn't hold it: it may have been the one that it was passed to. */
	claim_pass_key(workflow_id, key);
}
