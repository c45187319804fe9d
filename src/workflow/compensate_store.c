/*
 * compensate_store.c
 *		SQL of compensations.
 *
 * In an executor or an operator's backend, the run locked.
 */
#include "compat.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "core/clock.h"
#include "workflow/compensate.h"

static const Oid compensable_types[] = {
	INT8OID, INT4OID, INT4OID, TEXTOID, JSONBOID, JSONBOID, JSONBOID, JSONBOID, BOOLOID
};
/* Called again (a retry) it may have another input. */
static Statement compensable_insert = {
	"INSERT INTO dalp_workflow.compensation AS c (run_id, branch_id, entry, state, input, result, variables, item, number)"
	" SELECT u.run_id, u.branch_id, u.entry, u.state, u.input, u.result, u.variables, u.item,"
	" CASE WHEN u.completed THEN nextval('dalp_workflow.compensation_number_seq') END"
	" FROM unnest($1::bigint[], $2::int[], $3::int[], $4::text[], $5::jsonb[], $6::jsonb[], $7::jsonb[], $8::jsonb[],"
	" $9::boolean[]) AS u(run_id, branch_id, entry, state, input, result, variables, item, completed)"
	" ON CONFLICT (run_id, branch_id, entry) DO UPDATE SET input = EXCLUDED.input, result = EXCLUDED.result,"
	" variables = EXCLUDED.variables, number = EXCLUDED.number",
	9, {INT8ARRAYOID, INT4ARRAYOID, INT4ARRAYOID, TEXTARRAYOID, JSONBARRAYOID, JSONBARRAYOID, JSONBARRAYOID,
	JSONBARRAYOID, BOOLARRAYOID}
};

static const Oid completion_types[] = {INT8OID, INT4OID, INT4OID, JSONBOID, JSONBOID};
static Statement completion_update = {
	"UPDATE dalp_workflow.compensation SET result = $4, variables = $5,"
	" number = nextval('dalp_workflow.compensation_number_seq')"
	" WHERE run_id OPERATOR(pg_catalog.=) $1 AND branch_id OPERATOR(pg_catalog.=) $2 AND entry OPERATOR(pg_catalog.=) $3",
	5, {INT8OID, INT4OID, INT4OID, JSONBOID, JSONBOID}
};

void
compensate_init(BatchWrites *writes)
{
	rows_init(&writes->compensable, lengthof(compensable_types), compensable_types);
	rows_init(&writes->completions, lengthof(completion_types), completion_types);
}

void
compensate_flush(BatchWrites *writes)
{
	rows_flush(&writes->compensable, &compensable_insert);
	rows_each(&writes->completions, &completion_update);
}

static void
set_jsonb(Rows *rows, int column, Jsonb *document)
{
	if (document != NULL)
		rows_set(rows, column, JsonbPGetDatum(document));
}

/* A row about the state of the step. */
static Rows *
add_compensable(BatchWrites *writes, const Step *step, Jsonb *input, bool completed)
{
	Rows	   *rows = &writes->compensable;

	rows_add(rows);
	rows_set(rows, 0, Int64GetDatum(step->run_id));
	rows_set(rows, 1, Int32GetDatum(step->branch_id));
	rows_set(rows, 2, Int32GetDatum(step->entry));
	rows_set_text(rows, 3, asl_state_name(step->state));
	set_jsonb(rows, 4, input);
	set_jsonb(rows, 7, step->item);
	rows_set(rows, 8, BoolGetDatum(completed));
	return rows;
}

void
compensate_note_called(BatchWrites *writes, const Step *step, Jsonb *input)
{
	(void) add_compensable(writes, step, input, false);
}

void
compensate_note_completed(BatchWrites *writes, const Step *step, Jsonb *input, Jsonb *result, Jsonb *variables)
{
	Rows	   *rows;

	if (input != NULL)
	{
		rows = add_compensable(writes, step, input, true);
		set_jsonb(rows, 5, result);
		set_jsonb(rows, 6, variables);
		return;
	}
	rows = &writes->completions;
	rows_add(rows);
	rows_set(rows, 0, Int64GetDatum(step->run_id));
	rows_set(rows, 1, Int32GetDatum(step->branch_id));
	rows_set(rows, 2, Int32GetDatum(step->entry));
	set_jsonb(rows, 3, result);
	set_jsonb(rows, 4, variables);
}

static Jsonb *
read_jsonb(MemoryContext context, int column)
{
	bool		isnull;
	Datum		value = store_value(0, column, &isnull);

	return isnull ? NULL : DatumGetJsonbP(store_copy(context, value));
}

#define COLUMNS "run_id, number, state, branch_id, entry, input, result, variables, item"

/* Runs a query of COLUMNS by one number. */
static bool
read_compensation(Statement *statement, int64 key, Compensation *compensation)
{
	MemoryContext context = CurrentMemoryContext;
	Datum		values[1] = {Int64GetDatum(key)};

	if (store_write(statement, values, NULL, 1) == 0)
		return false;
	*compensation = (Compensation) {
		.run_id = store_int64(0, 1),
		.number = store_int64(0, 2),
		.state = MemoryContextStrdup(context, store_text(0, 3)),
		.branch_id = store_int32(0, 4),
		.entry = store_int32(0, 5),
		.input = read_jsonb(context, 6),
		.result = read_jsonb(context, 7),
		.variables = read_jsonb(context, 8),
		.item = read_jsonb(context, 9)
	};
	return true;
}

bool
compensate_store_next(int64 run_id, Compensation *compensation)
{
	static Statement next = {
		"SELECT " COLUMNS " FROM dalp_workflow.compensation WHERE run_id OPERATOR(pg_catalog.=) $1"
		" AND number IS NOT NULL AND outcome IS NULL ORDER BY number DESC LIMIT 1",
		1, {INT8OID}
	};

	return read_compensation(&next, run_id, compensation);
}

void
compensate_store_stop_run(int64 run_id)
{
#define OF_RUN " WHERE run_id OPERATOR(pg_catalog.=) $1"
	static Statement statements[] = {
		{"UPDATE dalp_workflow.run SET compensating = true" OF_RUN, 1, {INT8OID}},
		{"DELETE FROM dalp_workflow.branch" OF_RUN " AND branch_id OPERATOR(pg_catalog.<>) 0", 1, {INT8OID}},
		{"DELETE FROM dalp_workflow.wait" OF_RUN, 1, {INT8OID}},
		{"DELETE FROM dalp_workflow.timer" OF_RUN, 1, {INT8OID}},
		{"DELETE FROM dalp_workflow.parked" OF_RUN, 1, {INT8OID}},
		{"DELETE FROM dalp_workflow.ready" OF_RUN, 1, {INT8OID}}
	};
	Datum		values[1] = {Int64GetDatum(run_id)};

	for (size_t i = 0; i < lengthof(statements); i++)
		store_write(&statements[i], values, NULL, 0);
}

void
compensate_store_start(const Step *run, const Compensation *compensation, int branch_id, const char *state,
					   Jsonb *input, Jsonb *details)
{
	static Statement start = {
		"WITH c AS (UPDATE dalp_workflow.compensation SET runs_in = $2 WHERE number OPERATOR(pg_catalog.=) $3),"
		" b AS (INSERT INTO dalp_workflow.branch (run_id, branch_id, parent_branch, state, entry, entered_at,"
		" last_seq, data_seq) VALUES ($1, $2, 0, $4, 1, $5, 1, 1))"
		" INSERT INTO dalp_workflow.journal (run_id, branch_id, seq, event, state, entry, attempt, at, output,"
		" variables, details) VALUES ($1, $2, 1, 'compensation_started', $4, 0, 0, $5, $6, $7, $8)",
		8, {INT8OID, INT4OID, INT8OID, TEXTOID, TIMESTAMPTZOID, JSONBOID, JSONBOID, JSONBOID}
	};
	Datum		values[8] = {
		Int64GetDatum(run->run_id), Int32GetDatum(branch_id), Int64GetDatum(compensation->number),
		CStringGetTextDatum(state), TimestampTzGetDatum(clock_now()), JsonbPGetDatum(input),
		JsonbPGetDatum(compensation->variables), JsonbPGetDatum(details)
	};
	char		nulls[8];

	memset(nulls, ' ', sizeof(nulls));
	nulls[6] = compensation->variables ? ' ' : 'n';
	store_write(&start, values, nulls, 0);
}

int
compensate_store_branch(int64 run_id)
{
	static Statement find = {
		"SELECT runs_in FROM dalp_workflow.compensation" OF_RUN " AND runs_in IS NOT NULL AND outcome IS NULL",
		1, {INT8OID}
	};
	Datum		values[1] = {Int64GetDatum(run_id)};

	return store_write(&find, values, NULL, 1) == 0 ? 0 : store_int32(0, 1);
}

int64
compensate_store_end(int64 run_id, int branch_id, const char *outcome)
{
	static Statement end = {
		"UPDATE dalp_workflow.compensation SET outcome = $3" OF_RUN
		" AND runs_in OPERATOR(pg_catalog.=) $2 AND outcome IS NULL RETURNING number",
		3, {INT8OID, INT4OID, TEXTOID}
	};
	Datum		values[3] = {Int64GetDatum(run_id), Int32GetDatum(branch_id), CStringGetTextDatum(outcome)};

	if (store_write(&end, values, NULL, 0) == 0)
		elog(ERROR, "branch %d of run " INT64_FORMAT " compensates nothing", branch_id, run_id);
	return store_int64(0, 1);
}

void
compensate_store_drop(int64 run_id)
{
	static Statement drop = {
		"DELETE FROM dalp_workflow.compensation" OF_RUN " AND outcome IS NULL", 1, {INT8OID}
	};
	Datum		values[1] = {Int64GetDatum(run_id)};

	store_write(&drop, values, NULL, 0);
}

void
compensate_store_failure(int64 run_id, CompensationEnd *end)
{
	static Statement find = {
		"SELECT w.name, j.error, j.cause, j.at, EXISTS (SELECT FROM dalp_workflow.journal k"
		" WHERE k.run_id OPERATOR(pg_catalog.=) w.run_id AND k.branch_id OPERATOR(pg_catalog.=) 0"
		" AND k.seq OPERATOR(pg_catalog.>) w.reference AND k.event OPERATOR(pg_catalog.=) 'redriven') FROM dalp_workflow.wait w JOIN dalp_workflow.journal j"
		" ON j.run_id OPERATOR(pg_catalog.=) w.run_id AND j.branch_id OPERATOR(pg_catalog.=) 0"
		" AND j.seq OPERATOR(pg_catalog.=) w.reference"
		" WHERE w.run_id OPERATOR(pg_catalog.=) $1 AND w.branch_id OPERATOR(pg_catalog.=) 0"
		" AND w.kind OPERATOR(pg_catalog.=) 'compensation'",
		1, {INT8OID}
	};
	MemoryContext context = CurrentMemoryContext;
	Datum		values[1] = {Int64GetDatum(run_id)};
	char	   *texts[3];
	bool		isnull;

	if (store_write(&find, values, NULL, 1) == 0)
		elog(ERROR, "run " INT64_FORMAT " has lost why it compensates", run_id);
	for (int i = 0; i < 3; i++)
	{
		texts[i] = store_text(0, i + 1);
		texts[i] = texts[i] ? MemoryContextStrdup(context, texts[i]) : NULL;
	}
	*end = (CompensationEnd) {
		texts[0], texts[1], texts[2], DatumGetTimestampTz(store_value(0, 4, &isnull)), store_bool(0, 5)
	};
}

bool
compensate_store_failed(int64 number, Compensation *compensation)
{
	static Statement find = {
		"SELECT " COLUMNS " FROM dalp_workflow.compensation WHERE number OPERATOR(pg_catalog.=) $1"
		" AND outcome OPERATOR(pg_catalog.=) 'failed'",
		1, {INT8OID}
	};

	return read_compensation(&find, number, compensation);
}

void
compensate_store_reopen(int64 number, Jsonb *input, Jsonb *result)
{
	static Statement reopen = {
		"UPDATE dalp_workflow.compensation SET outcome = NULL, runs_in = NULL, input = $2, result = $3"
		" WHERE number OPERATOR(pg_catalog.=) $1",
		3, {INT8OID, JSONBOID, JSONBOID}
	};
	Datum		values[3] = {Int64GetDatum(number), JsonbPGetDatum(input), JsonbPGetDatum(result)};

	store_write(&reopen, values, NULL, 0);
}

int
compensate_store_failed_seq(int64 run_id)
{
	static Statement find = {
		"SELECT seq FROM dalp_workflow.journal" OF_RUN " AND branch_id OPERATOR(pg_catalog.=) 0"
		" AND event OPERATOR(pg_catalog.=) ANY (ARRAY['failed', 'run_timed_out', 'cancelled'])"
		" ORDER BY seq DESC LIMIT 1",
		1, {INT8OID}
	};
	Datum		values[1] = {Int64GetDatum(run_id)};

	if (store_write(&find, values, NULL, 1) == 0)
		elog(ERROR, "run " INT64_FORMAT " has lost how it failed", run_id);
	return store_int32(0, 1);
}
