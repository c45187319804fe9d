/*
 * claim_store.c
 *		Taking work in claim order, with its runs locked, and reading where
 *		each branch stands.
 *
 * In an executor.  Two statements on purpose: the first locks, the second
 * reads with a snapshot taken after the lock.  One statement that did both
 * could read a branch from before a commit that its lock has waited for, and a
 * step would run twice.  (The primary key of the journal would still refuse
 * the second one's checkpoint.)
 */
#include "compat.h"

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "core/clock.h"
#include "core/spi.h"
#include "core/wake.h"
#include "workflow/pass.h"
#include "workflow/step.h"

/* The lock; what it returns of the run can't change while it is held. */
#define CLAIM_COLUMNS \
	"SELECT q.row_id, q.kind, q.entry, q.branch_id, r.run_id, r.definition_id, r.priority, r.paused, w.paused," \
	" r.concurrency_key, r.parent_run_id, r.parent_branch, r.started_at, r.redrives, q.shard, r.compensating"
#define CLAIM_JOINS \
	" JOIN dalp_workflow.run r ON r.run_id OPERATOR(pg_catalog.=) q.run_id" \
	" JOIN dalp_workflow.definition d ON d.definition_id OPERATOR(pg_catalog.=) r.definition_id" \
	" JOIN dalp_workflow.workflow w ON w.workflow_id OPERATOR(pg_catalog.=) d.workflow_id" \
	" FOR NO KEY UPDATE OF r"

/* Locks within the limit: runs that somebody else has locked take nobody's place. */
static Statement claim = {
	"SELECT q.row_id, q.kind, q.entry, q.branch_id, q.run_id, q.definition_id, q.priority, q.paused, w.paused,"
	" q.concurrency_key, q.parent_run_id, q.parent_branch, q.started_at, q.redrives, q.shard, q.compensating, q.pass"
	" FROM unnest($1::smallint[]) AS s(shard) CROSS JOIN LATERAL"
	" (SELECT y.ctid AS row_id, y.kind, y.entry, y.branch_id, y.shard, y.pass, r.run_id, r.definition_id, r.priority, r.paused,"
	" r.concurrency_key, r.parent_run_id, r.parent_branch, r.started_at, r.redrives, r.compensating"
	" FROM dalp_workflow.ready y JOIN dalp_workflow.run r ON r.run_id OPERATOR(pg_catalog.=) y.run_id"
	" WHERE y.shard OPERATOR(pg_catalog.=) s.shard ORDER BY y.rank, y.pass, y.run_id LIMIT $2"
	" FOR NO KEY UPDATE OF r SKIP LOCKED) AS q"
	" JOIN dalp_workflow.definition d ON d.definition_id OPERATOR(pg_catalog.=) q.definition_id"
	" JOIN dalp_workflow.workflow w ON w.workflow_id OPERATOR(pg_catalog.=) d.workflow_id",
	2, {INT2ARRAYOID, INT4OID}
};
static Statement claim_one = {
	CLAIM_COLUMNS
	" FROM (SELECT y.ctid AS row_id, y.kind, y.entry, y.branch_id, y.run_id, y.shard FROM dalp_workflow.ready y"
	" WHERE y.run_id OPERATOR(pg_catalog.=) $1 ORDER BY y.rank, y.pass LIMIT 1) AS q"
	CLAIM_JOINS " SKIP LOCKED",
	1, {INT8OID}
};

/* Not for stepping but for what people do to a run: waits for the lock. */
static Statement lock_run = {
	CLAIM_COLUMNS
	" FROM (SELECT '(0,0)'::tid AS row_id, 'step'::text AS kind, 0 AS entry, 0 AS branch_id, $1 AS run_id,"
	" 0::smallint AS shard) AS q"
	CLAIM_JOINS,
	1, {INT8OID}
};

/*
 * Positions, of those whose ready row is still there.  Its place may hold
 * another row of the same run by now, so what it says is read again, too.
 * OFFSET 0 keeps the planner from turning the lookups round.
 */
static Statement positions = {
	"SELECT u.number, b.state, b.entry, b.entered_at, b.attempt, b.retries, b.transient, b.last_seq, b.data_seq,"
	" b.parent_branch, b.children_started, b.children_open, b.children_failed,"
	" b.row_id, y.kind, y.entry, y.branch_id"
	" FROM unnest($1::bigint[], $2::int[], $3::tid[], $4::int[]) AS u(run_id, branch_id, row_id, number)"
	" CROSS JOIN LATERAL (SELECT y.kind, y.entry, y.branch_id FROM dalp_workflow.ready y WHERE y.ctid OPERATOR(pg_catalog.=) u.row_id"
	" AND y.run_id OPERATOR(pg_catalog.=) u.run_id OFFSET 0) AS y"
	" CROSS JOIN LATERAL (SELECT c.ctid AS row_id, c.* FROM dalp_workflow.branch c WHERE c.run_id OPERATOR(pg_catalog.=) u.run_id"
	" AND c.branch_id OPERATOR(pg_catalog.=) u.branch_id OFFSET 0) AS b",
	4, {INT8ARRAYOID, INT4ARRAYOID, TIDARRAYOID, INT4ARRAYOID}
};
static Statement position_one = {
	"SELECT 0, b.state, b.entry, b.entered_at, b.attempt, b.retries, b.transient, b.last_seq, b.data_seq,"
	" b.parent_branch, b.children_started, b.children_open, b.children_failed,"
	" b.ctid"
	" FROM dalp_workflow.branch b WHERE b.run_id OPERATOR(pg_catalog.=) $1"
	" AND b.branch_id OPERATOR(pg_catalog.=) $2",
	2, {INT8OID, INT4OID}
};
static Statement documents = {
	"SELECT j.output, j.variables, d.input, CASE WHEN $2 OPERATOR(pg_catalog.>) 0 THEN"
	" (SELECT s.details FROM dalp_workflow.journal s WHERE s.run_id OPERATOR(pg_catalog.=) $1"
	" AND s.branch_id OPERATOR(pg_catalog.=) $2 AND s.seq OPERATOR(pg_catalog.=) 1) END FROM dalp_workflow.run_data d LEFT JOIN dalp_workflow.journal j"
	" ON j.run_id OPERATOR(pg_catalog.=) d.run_id AND j.branch_id OPERATOR(pg_catalog.=) $2"
	" AND j.seq OPERATOR(pg_catalog.=) $3"
	" WHERE d.run_id OPERATOR(pg_catalog.=) $1",
	3, {INT8OID, INT4OID, INT4OID}
};

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

/* Fills a step from a row of positions. The state is looked up in the definition. */
static void
read_position(Step *step, uint64 row)
{
	bool		isnull;
	char	   *state = store_text(row, 2);
	Datum		retries;

	/* A procedure's machine has one state; the name is that of the last step, for people. */
	if (step->definition->procedure != NULL)
	{
		step->state = asl_start(step->definition->machine);
		step->label = state;
	}
	else
		step->state = asl_find_state(step->definition->machine, state);
	if (step->state == NULL)
		elog(ERROR, "run " INT64_FORMAT " is in state \"%s\", which workflow \"%s\" version %d does not have",
			 step->run_id, state, step->definition->workflow, step->definition->version);
	step->entry = store_int32(row, 3);
	step->entered_at = DatumGetTimestampTz(store_value(row, 4, &isnull));
	step->attempt = store_int32(row, 5);
	retries = store_value(row, 6, &isnull);
	if (!isnull)
	{
		ArrayType  *array = DatumGetArrayTypeP(retries);
		int			count = ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array));

		for (int i = 0; i < count && i < ASL_MAX_RETRIERS; i++)
			step->retries[i] = ((int16 *) ARR_DATA_PTR(array))[i];
	}
	step->transient = store_int32(row, 7);
	step->last_seq = store_int32(row, 8);
	step->data_seq = store_int32(row, 9);
	step->fork_parent = step->branch_id == 0 ? -1 : store_int32(row, 10);
	step->children_started = store_int32(row, 11);
	step->children_open = store_int32(row, 12);
	step->children_failed = store_int32(row, 13);
	ItemPointerCopy((ItemPointer) DatumGetPointer(store_value(row, 14, &isnull)), &step->branch_row);
	step->entered_logged = step->attempt > 0 || step->transient > 0 || step->kind == READY_RESUME ||
		step->kind == READY_TIMEOUT || step->kind == READY_DELIVER;
}

/* What flows: the state's input, the variables, the run's input. */
static void
read_documents(Step *step, MemoryContext context)
{
	Datum		values[3] = {
		Int64GetDatum(step->run_id), Int32GetDatum(step->branch_id), Int32GetDatum(step->data_seq)
	};

	if (store_write(&documents, values, NULL, 1) == 0)
		elog(ERROR, "run " INT64_FORMAT " has lost its input", step->run_id);
	step->input = read_jsonb(context, 0, 1);
	step->variables = read_jsonb(context, 0, 2);
	step->run_input = read_jsonb(context, 0, 3);
	step->item = read_jsonb(context, 0, 4);
	if (step->data_seq == 0)
		step->input = step->run_input;
	if (step->input == NULL)
		elog(ERROR, "run " INT64_FORMAT " has lost journal row %d of branch %d",
			 step->run_id, step->data_seq, step->branch_id);
}

/* A step with what the claim knows of the run. */
static Step *
read_claim(MemoryContext context, uint64 row)
{
	MemoryContext old = MemoryContextSwitchTo(context);
	Step	   *step = palloc0(sizeof(Step));
	bool		isnull;

	ItemPointerCopy((ItemPointer) DatumGetPointer(store_value(row, 1, &isnull)), &step->ready_row);
	step->kind = ready_kind_read(store_text(row, 2));
	step->ready_entry = store_int32(row, 3);
	step->branch_id = store_int32(row, 4);
	step->run_id = store_int64(row, 5);
	step->priority = DatumGetInt16(store_value(row, 7, &isnull));
	step->run_paused = store_bool(row, 8);
	step->workflow_paused = store_bool(row, 9);
	step->concurrency_key = read_text(context, row, 10);
	step->parent_run_id = store_int64(row, 11);
	step->parent_branch = store_int32(row, 12);
	step->started_at = DatumGetTimestampTz(store_value(row, 13, &isnull));
	step->redrives = store_int32(row, 14);
	step->compensating = store_bool(row, 16);
	MemoryContextSwitchTo(old);
	return step;
}

List *
claim_batch(uint32 shards, int limit, int64 only_run, ClaimFilter filter, ClaimRecall recall,
			uint32 *shards_left)
{
	MemoryContext context = CurrentMemoryContext;
	static const Oid types[] = {INT8OID, INT4OID, TIDOID, INT4OID};
	Step	  **claimed;
	int		   *definitions;
	uint64		count;
	Rows		keys;
	List	   *steps = NIL;

	if (only_run != 0)
	{
		Datum		values[1] = {Int64GetDatum(only_run)};

		count = store_write(&claim_one, values, NULL, 0);
	}
	else
	{
		Datum		elements[READY_SHARDS];
		int			elements_count = 0;
		Datum		values[2];

		for (int shard = 0; shard < READY_SHARDS; shard++)
			if (shards & (1U << shard))
				elements[elements_count++] = Int16GetDatum(shard);
		values[0] = PointerGetDatum(construct_array(elements, elements_count, INT2OID, sizeof(int16), true, TYPALIGN_SHORT));
		values[1] = Int32GetDatum(limit);
		count = store_write(&claim, values, NULL, 0);
	}

	*shards_left = 0;
	if (count == 0)
		return NIL;
	claimed = palloc(sizeof(Step *) * count);
	definitions = palloc(sizeof(int) * count);
	for (uint64 i = 0; i < count; i++)
	{
		claimed[i] = read_claim(context, i);
		definitions[i] = store_int32(i, 6);
		*shards_left |= 1U << store_int32(i, 15);
		if (only_run == 0)
		{
			claimed[i]->pass = store_int64(i, 17);
			pass_reached(store_int32(i, 15), claimed[i]->pass);
		}
	}

	rows_init(&keys, lengthof(types), types);
	for (uint64 i = 0; i < count; i++)
	{
		if (!filter(claimed[i]->run_id))
			continue;
		claimed[i]->definition = definition_get(definitions[i]);
		rows_add(&keys);
		rows_set(&keys, 0, Int64GetDatum(claimed[i]->run_id));
		rows_set(&keys, 1, Int32GetDatum(claimed[i]->branch_id));
		rows_set(&keys, 2, PointerGetDatum(&claimed[i]->ready_row));
		rows_set(&keys, 3, Int32GetDatum((int) i));
	}
	count = rows_flush(&keys, &positions);
	for (uint64 i = 0; i < count; i++)
	{
		Step	   *step = claimed[store_int32(i, 1)];

		if (ready_kind_read(store_text(i, 15)) != step->kind || store_int32(i, 16) != step->ready_entry ||
			store_int32(i, 17) != step->branch_id)
			continue;
		read_position(step, i);
		steps = lappend(steps, step);
	}

	for (int i = 0; i < list_length(steps); i++)
	{
		Step	   *step = list_nth(steps, i);

		if (recall == NULL || !recall(step))
			read_documents(step, context);
	}
	return steps;
}

Step *
claim_run(int64 run_id)
{
	MemoryContext context = CurrentMemoryContext;
	Datum		values[1] = {Int64GetDatum(run_id)};
	Step	   *step;

	if (store_write(&lock_run, values, NULL, 1) == 0)
		return NULL;
	step = read_claim(context, 0);
	step->definition = definition_get(store_int32(0, 6));
	if (!claim_position(step, NULL))
		elog(ERROR, "run " INT64_FORMAT " has no branch 0", run_id);
	return step;
}

bool
claim_position(Step *step, ClaimRecall recall)
{
	MemoryContext context = CurrentMemoryContext;
	Datum		values[2] = {Int64GetDatum(step->run_id), Int32GetDatum(step->branch_id)};

	if (store_write(&position_one, values, NULL, 1) == 0)
		return false;
	memset(step->retries, 0, sizeof(step->retries));
	read_position(step, 0);
	if (recall == NULL || !recall(step))
		read_documents(step, context);
	return true;
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
