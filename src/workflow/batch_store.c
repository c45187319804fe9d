/*
 * batch_store.c
 *		Everything that a batch of steps writes: one statement a table.
 *
 * In an executor, at the end of a batch's transaction, with the runs locked.
 * Order of writing is the order of locking everywhere: run, branch, wait,
 * inbox, timer, ready.
 */
#include "compat.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "core/clock.h"
#include "core/wake.h"
#include "workflow/compensate.h"
#include "workflow/journal_partition.h"
#include "workflow/pass.h"
#include "workflow/step.h"

static const Oid journal_types[] = {
	INT8OID, INT4OID, INT4OID, TEXTOID, TEXTOID, INT4OID, INT4OID, TIMESTAMPTZOID, TIMESTAMPTZOID,
	INT4OID, JSONBOID, JSONBOID, TEXTOID, TEXTOID, JSONBOID, TEXTOID
};
static Statement journal_insert = {
	"INSERT INTO dalp_workflow.journal (run_id, branch_id, seq, event, state, entry, attempt, entered_at, at,"
	" input_seq, output, variables, error, cause, details, worker)"
	" SELECT * FROM unnest($1::bigint[], $2::int[], $3::int[], $4::text[], $5::text[], $6::int[],"
	" $7::int[], $8::timestamptz[], $9::timestamptz[], $10::int[], $11::jsonb[], $12::jsonb[], $13::text[],"
	" $14::text[], $15::jsonb[], $16::text[])",
	16, {INT8ARRAYOID, INT4ARRAYOID, INT4ARRAYOID, TEXTARRAYOID, TEXTARRAYOID, INT4ARRAYOID, INT4ARRAYOID,
	TIMESTAMPTZARRAYOID, TIMESTAMPTZARRAYOID, INT4ARRAYOID, JSONBARRAYOID, JSONBARRAYOID, TEXTARRAYOID,
	TEXTARRAYOID, JSONBARRAYOID, TEXTARRAYOID}
};

static const Oid branch_types[] = {
	TIDOID, TEXTOID, INT4OID, TIMESTAMPTZOID, INT4OID, TEXTOID, INT4OID, INT4OID, INT4OID, INT4OID, INT4OID, INT4OID, TEXTOID
};
static Statement branch_update = {
	"UPDATE dalp_workflow.branch b SET state = u.state, entry = u.entry, entered_at = u.entered_at,"
	" attempt = u.attempt, retries = u.retries::int2[], transient = u.transient, last_seq = u.last_seq,"
	" data_seq = u.data_seq, children_started = u.children_started, children_open = u.children_open,"
	" children_failed = u.children_failed, outcome = u.outcome"
	" FROM unnest($1::tid[], $2::text[], $3::int[], $4::timestamptz[], $5::int[], $6::text[], $7::int[], $8::int[],"
	" $9::int[], $10::int[], $11::int[], $12::int[], $13::text[])"
	" AS u(row_id, state, entry, entered_at, attempt, retries, transient, last_seq, data_seq, children_started,"
	" children_open, children_failed, outcome) WHERE b.ctid OPERATOR(pg_catalog.=) u.row_id",
	13, {TIDARRAYOID, TEXTARRAYOID, INT4ARRAYOID, TIMESTAMPTZARRAYOID, INT4ARRAYOID, TEXTARRAYOID, INT4ARRAYOID,
	INT4ARRAYOID, INT4ARRAYOID, INT4ARRAYOID, INT4ARRAYOID, INT4ARRAYOID, TEXTARRAYOID}
};

static const Oid tid_types[] = {TIDOID};
static Statement ready_delete = {
	"DELETE FROM dalp_workflow.ready WHERE ctid OPERATOR(pg_catalog.=) ANY ($1)",
	1, {TIDARRAYOID}
};

static const Oid ready_types[] = {INT2OID, INT2OID, INT8OID, INT8OID, INT4OID, TEXTOID, INT4OID};
static Statement ready_insert = {
	"INSERT INTO dalp_workflow.ready (shard, rank, pass, run_id, branch_id, kind, entry)"
	" SELECT * FROM unnest($1::smallint[], $2::smallint[], $3::bigint[], $4::bigint[], $5::int[],"
	" $6::text[], $7::int[])",
	7, {INT2ARRAYOID, INT2ARRAYOID, INT8ARRAYOID, INT8ARRAYOID, INT4ARRAYOID, TEXTARRAYOID, INT4ARRAYOID}
};

static const Oid timer_types[] = {INT2OID, TIMESTAMPTZOID, INT8OID, INT4OID, TEXTOID, INT4OID};
static Statement timers_insert = {
	"INSERT INTO dalp_workflow.timer (shard, fire_at, run_id, branch_id, kind, entry)"
	" SELECT * FROM unnest($1::smallint[], $2::timestamptz[], $3::bigint[], $4::int[], $5::text[], $6::int[])",
	6, {INT2ARRAYOID, TIMESTAMPTZARRAYOID, INT8ARRAYOID, INT4ARRAYOID, TEXTARRAYOID, INT4ARRAYOID}
};

static const Oid branch_key_types[] = {INT8OID, INT4OID};
static Statement timers_delete = {
	"DELETE FROM dalp_workflow.timer WHERE run_id OPERATOR(pg_catalog.=) $1"
	" AND branch_id OPERATOR(pg_catalog.=) $2 AND kind OPERATOR(pg_catalog.<>) 'deadline'",
	2, {INT8OID, INT4OID}
};
static Statement wait_delete = {
	"DELETE FROM dalp_workflow.wait WHERE run_id OPERATOR(pg_catalog.=) $1"
	" AND branch_id OPERATOR(pg_catalog.=) $2",
	2, {INT8OID, INT4OID}
};

static const Oid wait_types[] = {INT8OID, INT4OID, TEXTOID, TEXTOID, INT8OID, TIMESTAMPTZOID};
static Statement wait_insert = {
	"INSERT INTO dalp_workflow.wait (run_id, branch_id, kind, name, reference, since)"
	" SELECT * FROM unnest($1::bigint[], $2::int[], $3::text[], $4::text[], $5::bigint[], $6::timestamptz[])",
	6, {INT8ARRAYOID, INT4ARRAYOID, TEXTARRAYOID, TEXTARRAYOID, INT8ARRAYOID, TIMESTAMPTZARRAYOID}
};

static const Oid message_types[] = {INT8OID};
static Statement message_delete = {
	"DELETE FROM dalp_workflow.inbox WHERE message_id OPERATOR(pg_catalog.=) ANY ($1)",
	1, {INT8ARRAYOID}
};

static const Oid parked_types[] = {INT8OID, INT4OID, TEXTOID, INT4OID, TEXTOID, TEXTOID, TIMESTAMPTZOID};
static Statement parked_insert = {
	"INSERT INTO dalp_workflow.parked (run_id, branch_id, kind, entry, reason, reference, since)"
	" SELECT * FROM unnest($1::bigint[], $2::int[], $3::text[], $4::int[], $5::text[], $6::text[], $7::timestamptz[])",
	7, {INT8ARRAYOID, INT4ARRAYOID, TEXTARRAYOID, INT4ARRAYOID, TEXTARRAYOID, TEXTARRAYOID, TIMESTAMPTZARRAYOID}
};

static const Oid done_types[] = {
	INT8OID, INT4OID, TEXTOID, INT2OID, TEXTOID, INT8OID, INT4OID, TEXTOID, TIMESTAMPTZOID, TIMESTAMPTZOID,
	INT4OID, JSONBOID, TEXTOID, TEXTOID, INT4OID, INT4OID, INT4OID, BOOLOID
};
static Statement done_insert = {
	"INSERT INTO dalp_workflow.run_done (run_id, definition_id, status, priority, concurrency_key, parent_run_id,"
	" parent_branch, state, started_at, finished_at, redrives, output, error, cause, last_seq, data_seq, entry,"
	" compensated) SELECT * FROM unnest($1::bigint[], $2::int[], $3::text[], $4::smallint[], $5::text[], $6::bigint[], $7::int[],"
	" $8::text[], $9::timestamptz[], $10::timestamptz[], $11::int[], $12::jsonb[], $13::text[], $14::text[],"
	" $15::int[], $16::int[], $17::int[], $18::boolean[])",
	18, {INT8ARRAYOID, INT4ARRAYOID, TEXTARRAYOID, INT2ARRAYOID, TEXTARRAYOID, INT8ARRAYOID, INT4ARRAYOID,
	TEXTARRAYOID, TIMESTAMPTZARRAYOID, TIMESTAMPTZARRAYOID, INT4ARRAYOID, JSONBARRAYOID, TEXTARRAYOID,
	TEXTARRAYOID, INT4ARRAYOID, INT4ARRAYOID, INT4ARRAYOID, BOOLARRAYOID}
};

/* What a run has besides its row in run_done, its data and its journal; in the order of locking. */
#define CLEAR(table) \
	{"DELETE FROM dalp_workflow." table " WHERE run_id OPERATOR(pg_catalog.=) ANY ($1)", 1, {INT8ARRAYOID}}
/* Signals of a run that may be redriven are kept: a state that it hasn't reached yet may await them. */
#define UNLESS_REDRIVEN(table) \
	" AND NOT EXISTS (SELECT FROM dalp_workflow.run_done f WHERE f.run_id OPERATOR(pg_catalog.=) " table ".run_id" \
	" AND f.status OPERATOR(pg_catalog.=) ANY (ARRAY['FAILED', 'TIMED_OUT']))"
static Statement run_clear[] = {
	CLEAR("run"), CLEAR("branch"), CLEAR("wait"),
	{"DELETE FROM dalp_workflow.inbox i WHERE i.run_id OPERATOR(pg_catalog.=) ANY ($1)"
	" AND (i.kind OPERATOR(pg_catalog.<>) 'signal' OR (true" UNLESS_REDRIVEN("i") "))", 1, {INT8ARRAYOID}},
	{"DELETE FROM dalp_workflow.signal_key k WHERE k.run_id OPERATOR(pg_catalog.=) ANY ($1)" UNLESS_REDRIVEN("k"),
	1, {INT8ARRAYOID}},
	CLEAR("timer"), CLEAR("parked"), CLEAR("ready")
};
/* Those that failed are kept for their dead letters. */
static Statement compensation_clear = {
	"DELETE FROM dalp_workflow.compensation WHERE run_id OPERATOR(pg_catalog.=) ANY ($1)"
	" AND outcome IS DISTINCT FROM 'failed'", 1, {INT8ARRAYOID}
};

const char *
ready_kind_name(ReadyKind kind)
{
	static const char *const names[] = {"step", "resume", "timeout", "deadline", "deliver"};

	return names[kind];
}

ReadyKind
ready_kind_read(const char *name)
{
	for (ReadyKind kind = READY_STEP; kind <= READY_DELIVER; kind++)
		if (strcmp(name, ready_kind_name(kind)) == 0)
			return kind;
	elog(ERROR, "unknown kind of ready row \"%s\"", name);
}

#define INIT(rows, types) rows_init(rows, lengthof(types), types)

void
batch_init(BatchWrites *writes)
{
	INIT(&writes->journal, journal_types);
	INIT(&writes->branches, branch_types);
	INIT(&writes->ready_gone, tid_types);
	INIT(&writes->ready_new, ready_types);
	INIT(&writes->timers, timer_types);
	INIT(&writes->timers_gone, branch_key_types);
	INIT(&writes->waits, wait_types);
	INIT(&writes->waits_gone, branch_key_types);
	batch_tasks_init(writes);
	INIT(&writes->messages_gone, message_types);
	INIT(&writes->parked, parked_types);
	INIT(&writes->runs_done, done_types);
	compensate_init(writes);
	writes->forks = NIL;
	writes->has_waiters = writes->compensations_gone = false;
}

/* Rows of one partition mostly come together. */
static void
ensure_partitions(const Rows *journal)
{
	int64		last = -1;

	for (int i = 0; i < journal->count; i++)
	{
		int64		run_id = DatumGetInt64(journal->values[0][i]);

		if (run_id / JOURNAL_PARTITION_RUNS != last)
			journal_partition_ensure(run_id);
		last = run_id / JOURNAL_PARTITION_RUNS;
	}
}

void
batch_flush(BatchWrites *writes)
{
	static const Oid run_types[] = {INT8OID};
	bool		timers = writes->timers.count > 0;
	uint64		positions = writes->branches.count;
	Rows		done;

	INIT(&done, run_types);
	for (int i = 0; i < writes->runs_done.count; i++)
	{
		rows_add(&done);
		rows_set(&done, 0, writes->runs_done.values[0][i]);
	}

	rows_flush(&writes->runs_done, &done_insert);
	if (rows_flush_by_tid(&writes->branches, &branch_update) != positions)
		elog(ERROR, "a branch moved although its run is locked");
	ensure_partitions(&writes->journal);
	rows_flush(&writes->journal, &journal_insert);
	compensate_flush(writes);
	rows_each(&writes->waits_gone, &wait_delete);
	rows_flush(&writes->waits, &wait_insert);
	batch_tasks_flush(writes);
	rows_flush(&writes->messages_gone, &message_delete);
	rows_each(&writes->timers_gone, &timers_delete);
	rows_flush(&writes->timers, &timers_insert);
	rows_flush(&writes->ready_gone, &ready_delete);
	rows_flush(&writes->ready_new, &ready_insert);
	rows_flush(&writes->parked, &parked_insert);
	if (done.count > 0)
	{
		int			count = done.count;

		for (size_t i = 0; i < lengthof(run_clear); i++)
		{
			done.count = count;
			rows_flush(&done, &run_clear[i]);
		}
		if (writes->compensations_gone)
		{
			done.count = count;
			rows_flush(&done, &compensation_clear);
		}
	}
	if (timers)
		wake_at_commit(WORKER_SCHEDULER);
	if (writes->has_waiters)
		wake_waiters_at_commit();
}

void
batch_journal(BatchWrites *writes, Step *step, const char *event, TimestampTz at,
			  Jsonb *output, Jsonb *variables, const char *error, const char *cause, Jsonb *details)
{
	Rows	   *rows = &writes->journal;

	rows_add(rows);
	rows_set(rows, 0, Int64GetDatum(step->run_id));
	rows_set(rows, 1, Int32GetDatum(step->branch_id));
	rows_set(rows, 2, Int32GetDatum(++step->last_seq));
	rows_set_text(rows, 3, event);
	rows_set_text(rows, 4, step_place(step));
	rows_set(rows, 5, Int32GetDatum(step->entry));
	rows_set(rows, 6, Int32GetDatum(step->attempt));
	if (!step->entered_logged)
		rows_set(rows, 7, TimestampTzGetDatum(step->entered_at));
	step->entered_logged = true;
	rows_set(rows, 8, TimestampTzGetDatum(at));
	rows_set(rows, 9, Int32GetDatum(step->data_seq));
	if (output != NULL)
		rows_set(rows, 10, JsonbPGetDatum(output));
	if (variables != NULL)
		rows_set(rows, 11, JsonbPGetDatum(variables));
	rows_set_text(rows, 12, error);
	rows_set_text(rows, 13, cause);
	if (details != NULL)
		rows_set(rows, 14, JsonbPGetDatum(details));
	rows_set_text(rows, 15, step->worker != NULL ? step->worker : worker_is(WORKER_EXECUTOR) ? psprintf("executor %d", worker_index()) :
				  psprintf("session %d", MyProcPid));
}

/* The counters as the text of an int2[], NULL while all are 0. */
static char *
retries_text(const Step *step)
{
	int			used = 0;
	StringInfoData text;

	for (int i = 0; i < ASL_MAX_RETRIERS; i++)
		if (step->retries[i] != 0)
			used = i + 1;
	if (used == 0)
		return NULL;
	initStringInfo(&text);
	for (int i = 0; i < used; i++)
		appendStringInfo(&text, "%c%d", i == 0 ? '{' : ',', step->retries[i]);
	appendStringInfoChar(&text, '}');
	return text.data;
}

void
batch_position(BatchWrites *writes, const Step *step)
{
	Rows	   *rows = &writes->branches;

	rows_add(rows);
	rows_set(rows, 0, PointerGetDatum(&step->branch_row));
	rows_set_text(rows, 1, step_place(step));
	rows_set(rows, 2, Int32GetDatum(step->entry));
	rows_set(rows, 3, TimestampTzGetDatum(step->entered_at));
	rows_set(rows, 4, Int32GetDatum(step->attempt));
	rows_set_text(rows, 5, retries_text(step));
	rows_set(rows, 6, Int32GetDatum(step->transient));
	rows_set(rows, 7, Int32GetDatum(step->last_seq));
	rows_set(rows, 8, Int32GetDatum(step->data_seq));
	rows_set(rows, 9, Int32GetDatum(step->children_started));
	rows_set(rows, 10, Int32GetDatum(step->children_open));
	rows_set(rows, 11, Int32GetDatum(step->children_failed));
}

void
batch_branch_done(BatchWrites *writes, Step *step, bool succeeded, const char *error, const char *cause)
{
	ForkEnd    *end = NULL;
	ListCell   *cell;

	if (succeeded)
		step->data_seq = step->last_seq;
	batch_position(writes, step);
	rows_set_text(&writes->branches, 12, succeeded ? "succeeded" : "failed");
	foreach(cell, writes->forks)
	{
		ForkEnd    *other = lfirst(cell);

		if (other->child->run_id == step->run_id && other->fork_parent == step->fork_parent)
			end = other;
	}
	if (end == NULL)
	{
		end = palloc0(sizeof(ForkEnd));
		end->child = step;
		end->fork_parent = step->fork_parent;
		writes->forks = lappend(writes->forks, end);
	}
	end->succeeded += succeeded;
	if (succeeded)
		return;
	if (end->failed++ == 0)
	{
		end->error = error;
		end->cause = cause;
		end->culprit = step->culprit != NULL ? step->culprit : step;
	}
}

void
batch_ready_gone(BatchWrites *writes, const Step *step)
{
	rows_add(&writes->ready_gone);
	rows_set(&writes->ready_gone, 0, PointerGetDatum(&step->ready_row));
}

void
batch_ready_new(BatchWrites *writes, const Step *step, ReadyKind kind, int entry)
{
	Rows	   *rows = &writes->ready_new;

	rows_add(rows);
	rows_set(rows, 0, Int16GetDatum(run_shard(step->run_id)));
	rows_set(rows, 1, Int16GetDatum(-step->priority));
	rows_set(rows, 2, Int64GetDatum(pass_now(run_shard(step->run_id))));
	rows_set(rows, 3, Int64GetDatum(step->run_id));
	rows_set(rows, 4, Int32GetDatum(step->branch_id));
	rows_set_text(rows, 5, ready_kind_name(kind));
	rows_set(rows, 6, Int32GetDatum(entry));
}

void
batch_timer(BatchWrites *writes, const Step *step, const char *kind, TimestampTz fire_at)
{
	Rows	   *rows = &writes->timers;

	rows_add(rows);
	rows_set(rows, 0, Int16GetDatum(run_shard(step->run_id)));
	rows_set(rows, 1, TimestampTzGetDatum(fire_at));
	rows_set(rows, 2, Int64GetDatum(step->run_id));
	rows_set(rows, 3, Int32GetDatum(step->branch_id));
	rows_set_text(rows, 4, kind);
	rows_set(rows, 5, Int32GetDatum(step->entry));
}

/* A row with the step's branch. */
static void
add_branch_key(Rows *rows, const Step *step)
{
	rows_add(rows);
	rows_set(rows, 0, Int64GetDatum(step->run_id));
	rows_set(rows, 1, Int32GetDatum(step->branch_id));
}

void
batch_timers_gone(BatchWrites *writes, const Step *step)
{
	add_branch_key(&writes->timers_gone, step);
}

void
batch_wait(BatchWrites *writes, const Step *step, const char *kind,
		   const char *name, int64 reference, TimestampTz since)
{
	Rows	   *rows = &writes->waits;

	add_branch_key(rows, step);
	rows_set_text(rows, 2, kind);
	rows_set_text(rows, 3, name);
	if (reference != 0)
		rows_set(rows, 4, Int64GetDatum(reference));
	rows_set(rows, 5, TimestampTzGetDatum(since));
}

void
batch_wait_gone(BatchWrites *writes, const Step *step)
{
	add_branch_key(&writes->waits_gone, step);
}

void
batch_message_gone(BatchWrites *writes, int64 message_id)
{
	rows_add(&writes->messages_gone);
	rows_set(&writes->messages_gone, 0, Int64GetDatum(message_id));
}

void
batch_parked(BatchWrites *writes, const Step *step, const char *reason,
			 const char *reference, TimestampTz since)
{
	Rows	   *rows = &writes->parked;

	add_branch_key(rows, step);
	rows_set_text(rows, 2, ready_kind_name(step->kind));
	rows_set(rows, 3, Int32GetDatum(step->ready_entry));
	rows_set_text(rows, 4, reason);
	rows_set_text(rows, 5, reference);
	rows_set(rows, 6, TimestampTzGetDatum(since));
}

void
batch_run_done(BatchWrites *writes, const Step *step, const char *status, TimestampTz at,
			   Jsonb *output, const char *error, const char *cause)
{
	Rows	   *rows = &writes->runs_done;

	rows_add(rows);
	rows_set(rows, 0, Int64GetDatum(step->run_id));
	rows_set(rows, 1, Int32GetDatum(step->definition->definition_id));
	rows_set_text(rows, 2, status);
	rows_set(rows, 3, Int16GetDatum(step->priority));
	rows_set_text(rows, 4, step->concurrency_key);
	if (step->parent_run_id != 0)
	{
		rows_set(rows, 5, Int64GetDatum(step->parent_run_id));
		rows_set(rows, 6, Int32GetDatum(step->parent_branch));
	}
	rows_set_text(rows, 7, step_place(step));
	rows_set(rows, 8, TimestampTzGetDatum(step->started_at));
	rows_set(rows, 9, TimestampTzGetDatum(at));
	rows_set(rows, 10, Int32GetDatum(step->redrives));
	if (output != NULL)
		rows_set(rows, 11, JsonbPGetDatum(output));
	rows_set_text(rows, 12, error);
	rows_set_text(rows, 13, cause);
	rows_set(rows, 14, Int32GetDatum(step->last_seq));
	rows_set(rows, 15, Int32GetDatum(step->data_seq));
	rows_set(rows, 16, Int32GetDatum(step->entry));
	rows_set(rows, 17, BoolGetDatum(step->compensating));
	if (step->definition->compensates)
		writes->compensations_gone = true;
	writes->has_waiters = true;
}
