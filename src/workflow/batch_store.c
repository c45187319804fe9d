/*
 * batch_store.c
 *		Everything that a batch of steps writes, table by table.
 *
 * In an executor, at the end of a batch's transaction, with the runs locked.
 * Order of writing is the order of locking everywhere: run, branch, wait,
 * inbox, timer, ready.
 */
#include "compat.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "core/clock.h"
#include "core/wake.h"
#include "workflow/compensate.h"
#include "workflow/hot_tables.h"
#include "workflow/journal_partition.h"
#include "workflow/pass.h"
#include "workflow/step.h"

/* Columns of the rows, in the order of hot_tables.h where they have its tables. */
static const Oid journal_types[] = {
	INT8OID, INT4OID, INT4OID, TEXTOID, TEXTOID, INT4OID, INT4OID, TIMESTAMPTZOID, TIMESTAMPTZOID,
	INT4OID, JSONBOID, JSONBOID, TEXTOID, TEXTOID, JSONBOID, TEXTOID
};
static const Oid branch_types[] = {
	TIDOID, TEXTOID, INT4OID, TIMESTAMPTZOID, INT4OID, INT2ARRAYOID, INT4OID, INT4OID, INT4OID, INT4OID, INT4OID, INT4OID, TEXTOID
};
static const Oid tid_types[] = {TIDOID};
static const Oid ready_types[] = {INT2OID, INT2OID, INT8OID, INT8OID, INT4OID, TEXTOID, INT4OID};
static const Oid timer_types[] = {INT2OID, TIMESTAMPTZOID, INT8OID, INT4OID, TEXTOID, INT4OID};
static const Oid branch_key_types[] = {INT8OID, INT4OID};
static const Oid wait_types[] = {INT8OID, INT4OID, TEXTOID, TEXTOID, INT8OID, TIMESTAMPTZOID};
static const Oid message_types[] = {INT8OID};

static Statement message_delete = {
	"DELETE FROM dalp_workflow.inbox WHERE message_id OPERATOR(pg_catalog.=) ANY ($1)",
	1, {INT8ARRAYOID}
};

static const Oid parked_types[] = {INT8OID, INT4OID, TEXTOID, INT4OID, TEXTOID, TEXTOID, TIMESTAMPTZOID};
static const Oid done_types[] = {
	INT8OID, INT4OID, TEXTOID, INT2OID, TEXTOID, INT8OID, INT4OID, TEXTOID, TIMESTAMPTZOID, TIMESTAMPTZOID,
	INT4OID, JSONBOID, TEXTOID, TEXTOID, INT4OID, INT4OID, INT4OID, BOOLOID
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

static void
add_row(Table *table, const Rows *rows, int row)
{
	table_add(table);
	for (int i = 0; i < rows->columns; i++)
		if (!rows->nulls[i][row])
			table_set(table, i, rows->values[i][row]);
}

/* Inserts rows whose columns are the table's, and empties them. */
static void
insert_rows(const TableName *name, Rows *rows)
{
	Table	   *table;

	if (rows->count == 0)
		return;
	table = table_begin(name);
	for (int row = 0; row < rows->count; row++)
		add_row(table, rows, row);
	table_end(table);
	rows->count = 0;
}

static void
insert_journal(Rows *rows)
{
	Table	   *partition = NULL;

	for (int row = 0; row < rows->count; row++)
	{
		int64		run_id = DatumGetInt64(rows->values[JOURNAL_RUN_ID][row]);

		if (!table_has_key(partition, run_id))
		{
			if (partition != NULL)
				table_end(partition);
			partition = table_begin_partition(&journal_table, run_id);
		}
		add_row(partition, rows, row);
	}
	if (partition != NULL)
		table_end(partition);
	rows->count = 0;
}

/* The new positions; where the rows are then goes into the steps (batch_position). */
static void
update_branches(Rows *rows)
{
	static const int columns[] = {
		BRANCH_STATE, BRANCH_ENTRY, BRANCH_ENTERED_AT, BRANCH_ATTEMPT, BRANCH_RETRIES, BRANCH_TRANSIENT,
		BRANCH_LAST_SEQ, BRANCH_DATA_SEQ, BRANCH_CHILDREN_STARTED, BRANCH_CHILDREN_OPEN, BRANCH_CHILDREN_FAILED,
		BRANCH_OUTCOME
	};
	Table	   *table;

	if (rows->count == 0)
		return;
	table = table_begin(&branch_table);
	for (int row = 0; row < rows->count; row++)
	{
		Datum		values[lengthof(columns)];
		bool		nulls[lengthof(columns)];

		for (size_t i = 0; i < lengthof(columns); i++)
		{
			values[i] = rows->values[i + 1][row];
			nulls[i] = rows->nulls[i + 1][row];
		}
		if (!table_update(table, (ItemPointer) DatumGetPointer(rows->values[0][row]), lengthof(columns),
						  columns, values, nulls))
			elog(ERROR, "a branch moved although its run is locked");
	}
	table_end(table);
	rows->count = 0;
}

static void
delete_ready(Rows *rows)
{
	Table	   *table;

	if (rows->count == 0)
		return;
	table = table_begin(&ready_table);
	for (int row = 0; row < rows->count; row++)
		(void) table_delete(table, (ItemPointer) DatumGetPointer(rows->values[0][row]));
	table_end(table);
	rows->count = 0;
}

/* What a branch waits for has ended. */
static void
delete_waits(Rows *rows)
{
	static const int key[] = {WAIT_RUN_ID, WAIT_BRANCH_ID};
	Table	   *table;
	TableScan  *scan;

	if (rows->count == 0)
		return;
	table = table_begin(&wait_table);
	scan = table_scan_begin(table, lengthof(key), key);
	for (int row = 0; row < rows->count; row++)
	{
		Datum		values[] = {rows->values[0][row], rows->values[1][row]};

		table_scan_key(scan, values);
		while (table_scan_next(scan))
			(void) table_delete(table, table_scan_row(scan));
	}
	table_scan_end(scan);
	table_end(table);
	rows->count = 0;
}

/* Those of a branch, but not the deadline of its run. */
static void
delete_timers(Rows *rows)
{
	static const int key[] = {TIMER_RUN_ID};
	Table	   *table;
	TableScan  *scan;

	if (rows->count == 0)
		return;
	table = table_begin(&timer_table);
	scan = table_scan_begin(table, lengthof(key), key);
	for (int row = 0; row < rows->count; row++)
	{
		Datum		values[] = {rows->values[0][row]};

		table_scan_key(scan, values);
		while (table_scan_next(scan))
			if (table_int32(scan, TIMER_BRANCH_ID) == DatumGetInt32(rows->values[1][row]) &&
				strcmp(table_text(scan, TIMER_KIND), "deadline") != 0)
				(void) table_delete(table, table_scan_row(scan));
	}
	table_scan_end(scan);
	table_end(table);
	rows->count = 0;
}

/* A run that has ended. */
typedef struct Ended
{
	int64		run_id;
	bool		keeps_signals;	/* it may be redriven, and a state that it hasn't reached may await them */
} Ended;

/* Deletes all rows of the runs. */
static void
clear(const TableName *name, int run_id_column, const Ended *ended, int count, bool is_signals)
{
	const int	key[] = {run_id_column};
	Table	   *table = table_begin(name);
	TableScan  *scan = table_scan_begin(table, lengthof(key), key);

	for (int i = 0; i < count; i++)
	{
		Datum		values[] = {Int64GetDatum(ended[i].run_id)};

		if (is_signals && ended[i].keeps_signals)
			continue;
		table_scan_key(scan, values);
		while (table_scan_next(scan))
			(void) table_delete(table, table_scan_row(scan));
	}
	table_scan_end(scan);
	table_end(table);
}

/* Messages of the runs, but not signals that are kept. */
static void
clear_inbox(const Ended *ended, int count)
{
	static const int key[] = {INBOX_RUN_ID};
	Table	   *table = table_begin(&inbox_table);
	TableScan  *scan = table_scan_begin(table, lengthof(key), key);

	for (int i = 0; i < count; i++)
	{
		Datum		values[] = {Int64GetDatum(ended[i].run_id)};

		table_scan_key(scan, values);
		while (table_scan_next(scan))
			if (!ended[i].keeps_signals || strcmp(table_text(scan, INBOX_KIND), "signal") != 0)
				(void) table_delete(table, table_scan_row(scan));
	}
	table_scan_end(scan);
	table_end(table);
}

/* What runs that have ended have besides run_done, their data and their journal; in the order of locking. */
static void
clear_runs(const Ended *ended, int count)
{
	clear(&run_table, RUN_RUN_ID, ended, count, false);
	clear(&branch_table, BRANCH_RUN_ID, ended, count, false);
	clear(&wait_table, WAIT_RUN_ID, ended, count, false);
	clear_inbox(ended, count);
	clear(&signal_key_table, SIGNAL_KEY_RUN_ID, ended, count, true);
	clear(&timer_table, TIMER_RUN_ID, ended, count, false);
	clear(&parked_table, PARKED_RUN_ID, ended, count, false);
	clear(&ready_table, READY_COLUMN_RUN_ID, ended, count, false);
}

static void
clear_compensations(const Ended *ended, int count)
{
	static const Oid types[] = {INT8OID};
	Rows		rows;

	INIT(&rows, types);
	for (int i = 0; i < count; i++)
	{
		rows_add(&rows);
		rows_set(&rows, 0, Int64GetDatum(ended[i].run_id));
	}
	rows_flush(&rows, &compensation_clear);
}

void
batch_flush(BatchWrites *writes)
{
	bool		timers = writes->timers.count > 0;
	int			done = writes->runs_done.count;
	Ended	   *ended = palloc(sizeof(Ended) * Max(done, 1));

	for (int i = 0; i < done; i++)
	{
		char	   *status = TextDatumGetCString(writes->runs_done.values[DONE_STATUS][i]);

		ended[i].run_id = DatumGetInt64(writes->runs_done.values[DONE_RUN_ID][i]);
		ended[i].keeps_signals = strcmp(status, "FAILED") == 0 || strcmp(status, "TIMED_OUT") == 0;
	}

	insert_rows(&run_done_table, &writes->runs_done);
	update_branches(&writes->branches);
	ensure_partitions(&writes->journal);
	insert_journal(&writes->journal);
	compensate_flush(writes);
	delete_waits(&writes->waits_gone);
	insert_rows(&wait_table, &writes->waits);
	batch_tasks_flush(writes);
	rows_flush(&writes->messages_gone, &message_delete);
	delete_timers(&writes->timers_gone);
	insert_rows(&timer_table, &writes->timers);
	delete_ready(&writes->ready_gone);
	insert_rows(&ready_table, &writes->ready_new);
	insert_rows(&parked_table, &writes->parked);
	if (done > 0)
		clear_runs(ended, done);
	if (done > 0 && writes->compensations_gone)
		clear_compensations(ended, done);
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

/* The counters as an int2[], or none while all are 0. */
static void
set_retries(Rows *rows, int column, const Step *step)
{
	Datum		counters[ASL_MAX_RETRIERS];
	int			used = 0;

	for (int i = 0; i < ASL_MAX_RETRIERS; i++)
	{
		counters[i] = Int16GetDatum(step->retries[i]);
		if (step->retries[i] != 0)
			used = i + 1;
	}
	if (used > 0)
		rows_set(rows, column, PointerGetDatum(construct_array(counters, used, INT2OID, sizeof(int16), true, TYPALIGN_SHORT)));
}

void
batch_position(BatchWrites *writes, Step *step)
{
	Rows	   *rows = &writes->branches;

	rows_add(rows);
	rows_set(rows, 0, PointerGetDatum(&step->branch_row));
	rows_set_text(rows, 1, step_place(step));
	rows_set(rows, 2, Int32GetDatum(step->entry));
	rows_set(rows, 3, TimestampTzGetDatum(step->entered_at));
	rows_set(rows, 4, Int32GetDatum(step->attempt));
	set_retries(rows, 5, step);
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
