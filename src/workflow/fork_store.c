/*
 * fork_store.c
 *		SQL of the branches of Parallel and Map.
 *
 * In an executor, in the transaction of a batch, the run locked.
 */
#include "compat.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "core/clock.h"
#include "core/wake.h"
#include "workflow/fork_store.h"
#include "workflow/journal_partition.h"
#include "workflow/pass.h"

static const Oid child_types[] = {
	INT8OID, INT4OID, INT4OID, INT4OID, TEXTOID, TIMESTAMPTZOID, JSONBOID, JSONBOID, JSONBOID, INT2OID, INT2OID, INT8OID
};
static Statement child_insert = {
	"WITH u AS MATERIALIZED (SELECT * FROM unnest($1::bigint[], $2::int[], $3::int[], $4::int[], $5::text[],"
	" $6::timestamptz[], $7::jsonb[], $8::jsonb[], $9::jsonb[], $10::smallint[], $11::smallint[], $12::bigint[])"
	" AS u(run_id, branch_id, parent_branch, item_index, state, at, input, variables, item, shard, rank, pass)),"
	" b AS (INSERT INTO dalp_workflow.branch (run_id, branch_id, parent_branch, item_index, state, entry, entered_at,"
	" last_seq, data_seq) SELECT u.run_id, u.branch_id, u.parent_branch, u.item_index, u.state, 1, u.at, 1, 1 FROM u),"
	" j AS (INSERT INTO dalp_workflow.journal (run_id, branch_id, seq, event, entry, attempt, at, output, variables,"
	" details) SELECT u.run_id, u.branch_id, 1, 'branch_started', 0, 0, u.at, u.input, u.variables, u.item FROM u)"
	" INSERT INTO dalp_workflow.ready (shard, rank, pass, run_id, branch_id, kind, entry)"
	" SELECT u.shard, u.rank, u.pass, u.run_id, u.branch_id, 'step', 0 FROM u",
	12, {INT8ARRAYOID, INT4ARRAYOID, INT4ARRAYOID, INT4ARRAYOID, TEXTARRAYOID, TIMESTAMPTZARRAYOID, JSONBARRAYOID,
	JSONBARRAYOID, JSONBARRAYOID, INT2ARRAYOID, INT2ARRAYOID, INT8ARRAYOID}
};

/* Children of one fork between note and flush; in the memory of the turn. */
static Rows children;

int
fork_store_take_branches(int64 run_id, int count)
{
	static Statement take = {
		"UPDATE dalp_workflow.run SET next_branch = next_branch OPERATOR(pg_catalog.+) $2"
		" WHERE run_id OPERATOR(pg_catalog.=) $1 RETURNING next_branch OPERATOR(pg_catalog.-) $2",
		2, {INT8OID, INT4OID}
	};
	Datum		values[2] = {Int64GetDatum(run_id), Int32GetDatum(count)};

	rows_init(&children, lengthof(child_types), child_types);
	journal_partition_ensure(run_id);
	if (store_write(&take, values, NULL, 1) == 0)
		elog(ERROR, "run " INT64_FORMAT " is not live", run_id);
	return store_int32(0, 1);
}

void
fork_note_child(const Step *parent, int branch_id, int index, const char *state, Jsonb *input, Jsonb *item)
{
	rows_add(&children);
	rows_set(&children, 0, Int64GetDatum(parent->run_id));
	rows_set(&children, 1, Int32GetDatum(branch_id));
	rows_set(&children, 2, Int32GetDatum(parent->branch_id));
	rows_set(&children, 3, Int32GetDatum(index));
	rows_set_text(&children, 4, state);
	rows_set(&children, 5, TimestampTzGetDatum(clock_now()));
	rows_set(&children, 6, JsonbPGetDatum(input));
	if (parent->variables != NULL)
		rows_set(&children, 7, JsonbPGetDatum(parent->variables));
	if (item != NULL)
		rows_set(&children, 8, JsonbPGetDatum(item));
	rows_set(&children, 9, Int16GetDatum(run_shard(parent->run_id)));
	rows_set(&children, 10, Int16GetDatum(-parent->priority));
	rows_set(&children, 11, Int64GetDatum(pass_now(run_shard(parent->run_id))));
}

void
fork_flush_children(void)
{
	if (children.count > 0)
		wake_shard_at_commit((int) DatumGetInt16(children.values[9][0]));
	rows_flush(&children, &child_insert);
}

void
fork_drop_children(void)
{
	children.count = 0;
}

/*
 * All branches below $2, at any depth.  OFFSET 0 has the planner look up the
 * branches of each parent: joined the other way round it would look through all
 * parents for each branch, for hours where there are 100,000.
 */
#define BELOW \
	"WITH RECURSIVE below AS (SELECT b.branch_id FROM dalp_workflow.branch b WHERE b.run_id OPERATOR(pg_catalog.=) $1" \
	" AND b.parent_branch OPERATOR(pg_catalog.=) $2 UNION ALL SELECT c.branch_id FROM below o" \
	" CROSS JOIN LATERAL (SELECT b.branch_id FROM dalp_workflow.branch b WHERE b.run_id OPERATOR(pg_catalog.=) $1" \
	" AND b.parent_branch OPERATOR(pg_catalog.=) o.branch_id OFFSET 0) AS c)"

int
fork_store_waits(int64 run_id, int branch_id, RunWait **waits)
{
	static Statement find = {
		BELOW " SELECT w.branch_id, w.kind, w.reference FROM dalp_workflow.wait w WHERE w.run_id OPERATOR(pg_catalog.=) $1"
		" AND w.branch_id OPERATOR(pg_catalog.=) ANY (ARRAY(SELECT o.branch_id FROM below o))",
		2, {INT8OID, INT4OID}
	};
	Datum		values[2] = {Int64GetDatum(run_id), Int32GetDatum(branch_id)};
	int			count = (int) store_write(&find, values, NULL, 0);

	*waits = palloc(sizeof(RunWait) * Max(count, 1));
	for (int i = 0; i < count; i++)
		(*waits)[i] = (RunWait) {store_int32(i, 1), pstrdup(store_text(i, 2)), store_int64(i, 3)};
	return count;
}

/* Branches below, as an array; false if there are none. */
static bool
find_below(int64 run_id, int branch_id, Datum *values)
{
	static Statement find = {
		BELOW " SELECT pg_catalog.array_agg(o.branch_id) FROM below o", 2, {INT8OID, INT4OID}
	};
	bool		isnull;

	values[0] = Int64GetDatum(run_id);
	values[1] = Int32GetDatum(branch_id);
	store_write(&find, values, NULL, 1);
	values[1] = store_value(0, 1, &isnull);
	if (!isnull)
		values[1] = store_copy(CurrentMemoryContext, values[1]);
	return !isnull;
}

/*
 * What branches (values: run, array) have besides their rows in branch.  CASE
 * has the planner hash the array: some of these tables are indexed by run only,
 * and both, rows and array, may be 100,000.
 */
static void
clear_branches(Datum *values)
{
#define CLEAR(table) \
	{"DELETE FROM dalp_workflow." table " WHERE run_id OPERATOR(pg_catalog.=) $1" \
	" AND CASE WHEN branch_id OPERATOR(pg_catalog.=) ANY (SELECT u FROM pg_catalog.unnest($2) u) THEN true ELSE false END", \
	2, {INT8OID, INT4ARRAYOID}}
	static Statement clear[] = {CLEAR("wait"), CLEAR("timer"), CLEAR("ready"), CLEAR("parked")};

	for (size_t i = 0; i < lengthof(clear); i++)
		store_write(&clear[i], values, NULL, 0);
}

void
fork_store_delete(int64 run_id, int branch_id)
{
	static Statement clear = CLEAR("branch");
	Datum		values[2];

	fork_store_forget(run_id, branch_id);
	if (!find_below(run_id, branch_id, values))
		return;
	store_write(&clear, values, NULL, 0);
	clear_branches(values);
}

void
fork_store_suspend(int64 run_id, int branch_id)
{
	static Statement move = {
		"WITH gone AS (DELETE FROM dalp_workflow.branch WHERE run_id OPERATOR(pg_catalog.=) $1"
		" AND branch_id OPERATOR(pg_catalog.=) ANY ($2) RETURNING *)"
		" INSERT INTO dalp_workflow.suspended_branch (run_id, branch_id, parent_branch, item_index, state, entry, last_seq,"
		" data_seq, outcome) SELECT g.run_id, g.branch_id, g.parent_branch, g.item_index, g.state,"
		" g.entry, g.last_seq, g.data_seq, g.outcome FROM gone g",
		2, {INT8OID, INT4ARRAYOID}
	};
	Datum		values[2];

	if (!find_below(run_id, branch_id, values))
		return;
	store_write(&move, values, NULL, 0);
	clear_branches(values);
}

void
fork_store_forget(int64 run_id, int branch_id)
{
	static Statement any = {
		"SELECT FROM dalp_workflow.suspended_branch WHERE run_id OPERATOR(pg_catalog.=) $1", 1, {INT8OID}
	};
	/* Below the branch itself, and below its branches that are still there. */
	static Statement forget = {
		BELOW ", lost AS (SELECT s.branch_id FROM dalp_workflow.suspended_branch s"
		" WHERE s.run_id OPERATOR(pg_catalog.=) $1 AND (s.parent_branch OPERATOR(pg_catalog.=) $2"
		" OR s.parent_branch OPERATOR(pg_catalog.=) ANY (ARRAY(SELECT o.branch_id FROM below o)))"
		" UNION ALL SELECT c.branch_id FROM lost l CROSS JOIN LATERAL (SELECT s.branch_id FROM dalp_workflow.suspended_branch s"
		" WHERE s.run_id OPERATOR(pg_catalog.=) $1 AND s.parent_branch OPERATOR(pg_catalog.=) l.branch_id OFFSET 0) AS c)"
		" DELETE FROM dalp_workflow.suspended_branch WHERE run_id OPERATOR(pg_catalog.=) $1"
		" AND branch_id OPERATOR(pg_catalog.=) ANY (ARRAY(SELECT l.branch_id FROM lost l))",
		2, {INT8OID, INT4OID}
	};
	Datum		values[2] = {Int64GetDatum(run_id), Int32GetDatum(branch_id)};

	if (store_write(&any, values, NULL, 1) > 0)
		store_write(&forget, values, NULL, 0);
}

bool
fork_store_has_branch(int64 run_id, int branch_id)
{
	static Statement find = {
		"SELECT FROM dalp_workflow.branch WHERE run_id OPERATOR(pg_catalog.=) $1 AND branch_id OPERATOR(pg_catalog.=) $2",
		2, {INT8OID, INT4OID}
	};
	Datum		values[2] = {Int64GetDatum(run_id), Int32GetDatum(branch_id)};

	return store_write(&find, values, NULL, 1) > 0;
}

int
fork_store_outputs(int64 run_id, int branch_id, Jsonb ***outputs)
{
	static Statement find = {
		"SELECT j.output FROM (SELECT * FROM dalp_workflow.branch c WHERE c.run_id OPERATOR(pg_catalog.=) $1"
		" AND c.parent_branch OPERATOR(pg_catalog.=) $2 AND c.outcome OPERATOR(pg_catalog.=) 'succeeded' OFFSET 0) AS b"
		" CROSS JOIN LATERAL (SELECT i.output FROM dalp_workflow.journal i WHERE i.run_id OPERATOR(pg_catalog.=) b.run_id"
		" AND i.branch_id OPERATOR(pg_catalog.=) b.branch_id AND i.seq OPERATOR(pg_catalog.=) b.data_seq OFFSET 0) AS j"
		" ORDER BY b.item_index",
		2, {INT8OID, INT4OID}
	};
	Datum		values[2] = {Int64GetDatum(run_id), Int32GetDatum(branch_id)};
	int			count = (int) store_write(&find, values, NULL, 0);

	*outputs = palloc(sizeof(Jsonb *) * Max(count, 1));
	for (int i = 0; i < count; i++)
	{
		bool		isnull;

		(*outputs)[i] = DatumGetJsonbP(store_copy(CurrentMemoryContext, store_value(i, 1, &isnull)));
	}
	return count;
}
