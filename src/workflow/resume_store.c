/*
 * resume_store.c
 *		SQL of branches that were kept for a redrive.
 *
 * In an operator's backend, the run live and locked.
 */
#include "compat.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "core/clock.h"
#include "workflow/resume.h"

static BranchOutcome
read_outcome(const char *text)
{
	if (text == NULL)
		return BRANCH_OPEN;
	return strcmp(text, "succeeded") == 0 ? BRANCH_SUCCEEDED : BRANCH_FAILED;
}

int
resume_store_load(const Step *run, SuspendedBranch **branches)
{
	static Statement load = {
		"SELECT branch_id, parent_branch, item_index, state, entry, last_seq, data_seq, outcome"
		" FROM dalp_workflow.suspended_branch WHERE run_id OPERATOR(pg_catalog.=) $1 ORDER BY parent_branch, branch_id",
		1, {INT8OID}
	};
	MemoryContext context = CurrentMemoryContext;
	Datum		values[1] = {Int64GetDatum(run->run_id)};
	int			count = (int) store_write(&load, values, NULL, 0);

	*branches = MemoryContextAllocZero(context, mul_size(sizeof(SuspendedBranch), Max(count, 1)));
	for (int i = 0; i < count; i++)
	{
		SuspendedBranch *branch = &(*branches)[i];

		branch->branch_id = store_int32(i, 1);
		branch->parent_branch = store_int32(i, 2);
		branch->item_index = store_int32(i, 3);
		branch->state = asl_find_state(run->definition->machine, store_text(i, 4));
		branch->entry = store_int32(i, 5);
		branch->last_seq = store_int32(i, 6);
		branch->data_seq = store_int32(i, 7);
		branch->outcome = read_outcome(store_text(i, 8));
		if (branch->state == NULL)
			elog(ERROR, "branch %d of run " INT64_FORMAT " has lost its state", branch->branch_id, run->run_id);
	}
	return count;
}

void
resume_store_restore(const Step *run, const SuspendedBranch *branches, int count)
{
	static const Oid types[] = {
		INT4OID, INT4OID, INT4OID, TEXTOID, INT4OID, INT4OID, INT4OID, TEXTOID, INT4OID, INT4OID, INT4OID, INT8OID,
		TIMESTAMPTZOID
	};
	static Statement restore = {
		"WITH u AS MATERIALIZED (SELECT * FROM unnest($1::int[], $2::int[], $3::int[], $4::text[], $5::int[], $6::int[],"
		" $7::int[], $8::text[], $9::int[], $10::int[], $11::int[], $12::bigint[], $13::timestamptz[])"
		" AS u(branch_id, parent_branch, item_index, state, entry, last_seq, data_seq, outcome, children_started,"
		" children_open, children_failed, run_id, at)),"
		" gone AS (DELETE FROM dalp_workflow.suspended_branch s USING u WHERE s.run_id OPERATOR(pg_catalog.=) u.run_id"
		" AND s.branch_id OPERATOR(pg_catalog.=) u.branch_id)"
		" INSERT INTO dalp_workflow.branch (run_id, branch_id, parent_branch, item_index, state, entry, entered_at,"
		" last_seq, data_seq, outcome, children_started, children_open, children_failed)"
		" SELECT u.run_id, u.branch_id, u.parent_branch, u.item_index, u.state, u.entry, u.at, u.last_seq, u.data_seq,"
		" u.outcome, u.children_started, u.children_open, u.children_failed FROM u",
		13, {INT4ARRAYOID, INT4ARRAYOID, INT4ARRAYOID, TEXTARRAYOID, INT4ARRAYOID, INT4ARRAYOID, INT4ARRAYOID,
		TEXTARRAYOID, INT4ARRAYOID, INT4ARRAYOID, INT4ARRAYOID, INT8ARRAYOID, TIMESTAMPTZARRAYOID}
	};
	static const char *const outcomes[] = {NULL, "succeeded", "failed"};
	TimestampTz now = clock_now();
	Rows		rows;

	rows_init(&rows, lengthof(types), types);
	for (int i = 0; i < count; i++)
	{
		const SuspendedBranch *branch = &branches[i];

		if (!branch->moves)
			continue;
		rows_add(&rows);
		rows_set(&rows, 0, Int32GetDatum(branch->branch_id));
		rows_set(&rows, 1, Int32GetDatum(branch->parent_branch));
		rows_set(&rows, 2, Int32GetDatum(branch->item_index));
		rows_set_text(&rows, 3, asl_state_name(branch->state));
		rows_set(&rows, 4, Int32GetDatum(branch->entry));
		rows_set(&rows, 5, Int32GetDatum(branch->last_seq));
		rows_set(&rows, 6, Int32GetDatum(branch->data_seq));
		rows_set_text(&rows, 7, outcomes[branch->outcome]);
		rows_set(&rows, 8, Int32GetDatum(branch->children_started));
		rows_set(&rows, 9, Int32GetDatum(branch->children_open));
		rows_set(&rows, 10, Int32GetDatum(branch->children_failed));
		rows_set(&rows, 11, Int64GetDatum(run->run_id));
		rows_set(&rows, 12, TimestampTzGetDatum(now));
	}
	rows_flush(&rows, &restore);
}

Jsonb *
resume_store_input(int64 run_id, int branch_id, int data_seq, Jsonb **variables)
{
	static Statement find = {
		"SELECT output, variables FROM dalp_workflow.journal WHERE run_id OPERATOR(pg_catalog.=) $1"
		" AND branch_id OPERATOR(pg_catalog.=) $2 AND seq OPERATOR(pg_catalog.=) $3",
		3, {INT8OID, INT4OID, INT4OID}
	};
	MemoryContext context = CurrentMemoryContext;
	Datum		values[3] = {Int64GetDatum(run_id), Int32GetDatum(branch_id), Int32GetDatum(data_seq)};
	bool		isnull;
	Datum		value;
	Jsonb	   *input;

	if (store_write(&find, values, NULL, 1) == 0)
		elog(ERROR, "run " INT64_FORMAT " has lost journal row %d of branch %d", run_id, data_seq, branch_id);
	input = DatumGetJsonbP(store_copy(context, store_value(0, 1, &isnull)));
	value = store_value(0, 2, &isnull);
	*variables = isnull ? NULL : DatumGetJsonbP(store_copy(context, value));
	return input;
}
