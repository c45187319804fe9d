/*
 * task_store.c
 *		SQL on open tasks: made by executors, taken by workers.
 *
 * In an executor with the run locked, or in a worker's backend.  A worker
 * never locks a run; it locks the rows of the tasks that it takes.
 */
#include "compat.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "core/clock.h"
#include "core/wake.h"
#include "workflow/task_store.h"

#define ABANDON_ROUNDS 3

static const Oid task_types[] = {TEXTOID, INT2OID, INT8OID, INT8OID, INT4OID, INT4OID, INT4OID, INT4OID};
static Statement task_insert = {
	"INSERT INTO dalp_workflow.task (queue, rank, pass, run_id, branch_id, seq, workflow_id, heartbeat)"
	" SELECT * FROM unnest($1::text[], $2::smallint[], $3::bigint[], $4::bigint[], $5::int[], $6::int[], $7::int[], $8::int[])",
	8, {TEXTARRAYOID, INT2ARRAYOID, INT8ARRAYOID, INT8ARRAYOID, INT4ARRAYOID, INT4ARRAYOID, INT4ARRAYOID, INT4ARRAYOID}
};

void
batch_tasks_init(BatchWrites *writes)
{
	rows_init(&writes->tasks, lengthof(task_types), task_types);
}

void
batch_task(BatchWrites *writes, const Step *step, const char *queue, int64 heartbeat)
{
	Rows	   *rows = &writes->tasks;

	rows_add(rows);
	rows_set_text(rows, 0, queue);
	rows_set(rows, 1, Int16GetDatum(-step->priority));
	rows_set(rows, 2, Int64GetDatum(GetCurrentTimestamp()));
	rows_set(rows, 3, Int64GetDatum(step->run_id));
	rows_set(rows, 4, Int32GetDatum(step->branch_id));
	rows_set(rows, 5, Int32GetDatum(step->last_seq));
	rows_set(rows, 6, Int32GetDatum(step->definition->workflow_id));
	if (heartbeat > 0)
		rows_set(rows, 7, Int32GetDatum((int) heartbeat));
	wake_topic_at_commit(wake_topic_of_queue(queue), 1);
}

void
batch_tasks_flush(BatchWrites *writes)
{
	rows_flush(&writes->tasks, &task_insert);
}

/*
 * One statement: takes, gives out, and reads what the worker has to know.
 * OFFSET 0 keeps the planner from turning the lookups round.
 */
static Statement claim_statement = {
	"WITH gone AS (DELETE FROM dalp_workflow.task t WHERE t.ctid OPERATOR(pg_catalog.=) ANY (ARRAY("
	"SELECT o.ctid FROM dalp_workflow.task o WHERE o.queue OPERATOR(pg_catalog.=) $1"
	" AND ($2 IS NULL OR o.workflow_id OPERATOR(pg_catalog.=) ANY ($2))"
	" AND NOT EXISTS (SELECT FROM dalp_workflow.pause u WHERE u.kind OPERATOR(pg_catalog.=) 'queue'"
	" AND u.name OPERATOR(pg_catalog.=) $1)"
	" ORDER BY o.rank, o.pass, o.run_id LIMIT $3 FOR UPDATE SKIP LOCKED)) RETURNING t.*),"
	" taken AS MATERIALIZED (SELECT g.*, pg_catalog.row_number() OVER (ORDER BY g.rank, g.pass, g.run_id, g.branch_id)::int AS number"
	" FROM gone g),"
	" made AS (INSERT INTO dalp_workflow.lease (run_id, branch_id, seq, queue, rank, pass, workflow_id, heartbeat, losses,"
	" token_hash, worker, length, claimed_at) SELECT n.run_id, n.branch_id, n.seq, n.queue, n.rank, n.pass, n.workflow_id,"
	" n.heartbeat, n.losses, ($4)[n.number], $5, $6, $7 FROM taken n)"
	" SELECT n.run_id, n.branch_id, j.entry, j.attempt, w.name, j.state, j.details, n.heartbeat, d.traceparent, n.number"
	" FROM taken n"
	" CROSS JOIN LATERAL (SELECT i.* FROM dalp_workflow.journal i WHERE i.run_id OPERATOR(pg_catalog.=) n.run_id"
	" AND i.branch_id OPERATOR(pg_catalog.=) n.branch_id AND i.seq OPERATOR(pg_catalog.=) n.seq OFFSET 0) AS j"
	" CROSS JOIN LATERAL (SELECT v.name FROM dalp_workflow.workflow v WHERE v.workflow_id OPERATOR(pg_catalog.=) n.workflow_id OFFSET 0) AS w"
	" CROSS JOIN LATERAL (SELECT r.traceparent FROM dalp_workflow.run_data r WHERE r.run_id OPERATOR(pg_catalog.=) n.run_id OFFSET 0) AS d"
	" ORDER BY n.number",
	7, {TEXTOID, INT4ARRAYOID, INT4OID, BYTEAARRAYOID, TEXTOID, INT4OID, TIMESTAMPTZOID}
};

static char *
read_text(MemoryContext context, uint64 row, int column)
{
	char	   *text = store_text(row, column);

	return text ? MemoryContextStrdup(context, text) : NULL;
}

int
task_store_claim(const TaskClaim *claim, ClaimedTask **tasks)
{
	MemoryContext context = CurrentMemoryContext;
	char		(*secrets)[TASK_SECRET_SIZE] = palloc(mul_size(TASK_SECRET_SIZE, claim->max_tasks));
	Datum	   *hashes = palloc(mul_size(sizeof(Datum), claim->max_tasks));
	TimestampTz now = clock_now();
	Datum		values[7];
	char		nulls[7] = {' ', claim->workflows == NULL ? 'n' : ' ', ' ', ' ', ' ', ' ', ' '};
	int			nest;
	int			count;

	for (int i = 0; i < claim->max_tasks; i++)
	{
		TaskToken	token;

		task_secret_make(secrets[i], token.hash);
		hashes[i] = task_token_hash(&token);
	}
	values[0] = CStringGetTextDatum(claim->queue);
	values[1] = PointerGetDatum(claim->workflows);
	values[2] = Int32GetDatum(claim->max_tasks);
	values[3] = PointerGetDatum(construct_array(hashes, claim->max_tasks, BYTEAOID, -1, false, TYPALIGN_INT));
	values[4] = CStringGetTextDatum(claim->worker);
	values[5] = Int32GetDatum(claim->length);
	values[6] = TimestampTzGetDatum(now);
	nest = store_prefer_indexes();
	count = (int) store_write(&claim_statement, values, nulls, 0);
	store_end_preference(nest);

	*tasks = MemoryContextAlloc(context, sizeof(ClaimedTask) * Max(count, 1));
	for (int i = 0; i < count; i++)
	{
		ClaimedTask *task = &(*tasks)[i];
		bool		isnull;
		Datum		input = store_value(i, 7, &isnull);
		Lease		lease = {.length = claim->length, .heartbeat = store_int32(i, 8)};

		task->run_id = store_int64(i, 1);
		task->branch_id = store_int32(i, 2);
		task->entry = store_int32(i, 3);
		task->attempt = store_int32(i, 4);
		task->workflow = read_text(context, i, 5);
		task->state = read_text(context, i, 6);
		task->input = isnull ? NULL : DatumGetJsonbP(store_copy(context, input));
		task->lease_until = lease_until(&lease, now);
		task->traceparent = read_text(context, i, 9);
		task->token = MemoryContextStrdup(context,
										  task_token_text(task->run_id, task->branch_id, secrets[store_int32(i, 10) - 1]));
		wake_due_at_commit(task->lease_until);
	}
	if (count > 0)
		wake_topic_at_abort(wake_topic_of_queue(claim->queue), count);
	return count;
}

ArrayType *
task_store_workflows(Oid role)
{
	static Statement find = {
		"SELECT COALESCE(pg_catalog.array_agg(w.workflow_id), '{}') FROM dalp_workflow.workflow w"
		" WHERE pg_catalog.pg_has_role($1::oid, w.owner::oid, 'USAGE') OR EXISTS (SELECT FROM dalp_workflow.workflow_grant g"
		" WHERE g.workflow_id OPERATOR(pg_catalog.=) w.workflow_id AND pg_catalog.pg_has_role($1::oid, g.grantee::oid, 'USAGE'))",
		1, {OIDOID}
	};
	MemoryContext context = CurrentMemoryContext;
	Datum		values[1] = {ObjectIdGetDatum(role)};
	bool		isnull;

	store_write(&find, values, NULL, 1);
	return DatumGetArrayTypeP(store_copy(context, store_value(0, 1, &isnull)));
}

void
task_store_token(const Step *step, int seq, int64 heartbeat, const TaskToken *token)
{
	static Statement insert = {
		"INSERT INTO dalp_workflow.lease (run_id, branch_id, seq, rank, pass, workflow_id, heartbeat, token_hash, claimed_at)"
		" VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
		9, {INT8OID, INT4OID, INT4OID, INT2OID, INT8OID, INT4OID, INT4OID, BYTEAOID, TIMESTAMPTZOID}
	};
	TimestampTz now = clock_now();
	Datum		values[9] = {
		Int64GetDatum(step->run_id), Int32GetDatum(step->branch_id), Int32GetDatum(seq),
		Int16GetDatum(-step->priority), Int64GetDatum(GetCurrentTimestamp()), Int32GetDatum(step->definition->workflow_id),
		Int32GetDatum((int) heartbeat), task_token_hash(token), TimestampTzGetDatum(now)
	};
	char		nulls[9] = {' ', ' ', ' ', ' ', ' ', ' ', heartbeat > 0 ? ' ' : 'n', ' ', ' '};

	store_write(&insert, values, nulls, 0);
	if (heartbeat > 0)
		wake_due_at_commit(now + heartbeat * USECS_PER_SEC);
}

bool
task_store_abandon(int64 run_id, int branch_id)
{
#define ABANDON(table) \
	{"DELETE FROM dalp_workflow." table " WHERE run_id OPERATOR(pg_catalog.=) $1" \
	" AND branch_id OPERATOR(pg_catalog.=) $2", 2, {INT8OID, INT4OID}}
	static Statement abandon[] = {ABANDON("task"), ABANDON("lease")};
	Datum		values[2] = {Int64GetDatum(run_id), Int32GetDatum(branch_id)};

	/*
	 * Between two snapshots it may go from one table to the other: given out,
	 * given back, given out again.  It is followed for a few rounds; who moves
	 * it at that rate completes it soon.
	 */
	for (size_t i = 0; i < ABANDON_ROUNDS * lengthof(abandon); i++)
		if (store_write(&abandon[i % lengthof(abandon)], values, NULL, 0) > 0)
			return true;
	return false;
}

void
task_store_repair(void)
{
#define ORPHANS(table) \
	{"DELETE FROM dalp_workflow." table " t WHERE NOT EXISTS" \
	" (SELECT FROM dalp_workflow.run r WHERE r.run_id OPERATOR(pg_catalog.=) t.run_id)", 0, {0}}
	static Statement clear[] = {ORPHANS("task"), ORPHANS("lease")};

	for (size_t i = 0; i < lengthof(clear); i++)
		store_write(&clear[i], NULL, NULL, 0);
}
