/*
 * position_store.c
 *		Reading where branches stand, and the documents that flow there.
 *
 * In any process, after the runs have been locked: what is read can't change
 * before the end of the transaction.
 */
#include "compat.h"

#include "utils/array.h"
#include "utils/timestamp.h"

#include "core/spi.h"
#include "workflow/position_store.h"

/* A jsonb of the current row, in the current memory context, or NULL. */
static Jsonb *
scan_jsonb(TableScan *scan, int column)
{
	bool		isnull;
	Datum		value = table_value(scan, column, &isnull);

	return isnull ? NULL : DatumGetJsonbP(store_copy(CurrentMemoryContext, value));
}

static TableScan *
need_scan(Table **table, TableScan **scan, const TableName *name, int key_count, const int *columns)
{
	if (*table == NULL)
	{
		*table = table_begin_reading(name);
		*scan = table_scan_begin(*table, key_count, columns);
	}
	return *scan;
}

static void
end_scan(Table **table, TableScan *scan)
{
	if (*table == NULL)
		return;
	table_scan_end(scan);
	table_end(*table);
	*table = NULL;
}

void
position_reader_end(PositionReader *reader)
{
	end_scan(&reader->branch, reader->branches);
	end_scan(&reader->data, reader->inputs);
	end_scan(&reader->journal, reader->entries);
	end_scan(&reader->workflow, reader->workflows);
}

/* A row of the journal; false where there is none. */
static bool
find_entry(PositionReader *reader, const Step *step, int seq)
{
	static const int key[] = {JOURNAL_RUN_ID, JOURNAL_BRANCH_ID, JOURNAL_SEQ};
	Datum		values[] = {Int64GetDatum(step->run_id), Int32GetDatum(step->branch_id), Int32GetDatum(seq)};

	if (!table_has_key(reader->journal, step->run_id))
	{
		end_scan(&reader->journal, reader->entries);
		reader->journal = table_find_partition(&journal_table, step->run_id);
		if (reader->journal == NULL)
			return false;
		reader->entries = table_scan_begin(reader->journal, lengthof(key), key);
	}
	table_scan_key(reader->entries, values);
	return table_scan_next(reader->entries);
}

/* What flows: the state's input, the variables, the run's input. */
static void
read_documents(PositionReader *reader, Step *step)
{
	static const int key[] = {DATA_RUN_ID};
	TableScan  *inputs = need_scan(&reader->data, &reader->inputs, &run_data_table, lengthof(key), key);
	Datum		values[] = {Int64GetDatum(step->run_id)};

	table_scan_key(inputs, values);
	if (!table_scan_next(inputs))
		elog(ERROR, "run " INT64_FORMAT " has lost its input", step->run_id);
	step->run_input = scan_jsonb(inputs, DATA_INPUT);
	step->input = step->variables = step->item = NULL;
	if (step->branch_id > 0 && find_entry(reader, step, 1))
		step->item = scan_jsonb(reader->entries, JOURNAL_DETAILS);
	if (find_entry(reader, step, step->data_seq))
	{
		step->input = scan_jsonb(reader->entries, JOURNAL_OUTPUT);
		step->variables = scan_jsonb(reader->entries, JOURNAL_VARIABLES);
	}
	if (step->data_seq == 0)
		step->input = step->run_input;
	if (step->input == NULL)
		elog(ERROR, "run " INT64_FORMAT " has lost journal row %d of branch %d",
			 step->run_id, step->data_seq, step->branch_id);
}

static void
read_retries(Step *step, TableScan *branches)
{
	bool		isnull;
	Datum		retries = table_value(branches, BRANCH_RETRIES, &isnull);

	memset(step->retries, 0, sizeof(step->retries));
	if (!isnull)
	{
		ArrayType  *array = DatumGetArrayTypeP(retries);
		int			count = ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array));

		for (int i = 0; i < count && i < ASL_MAX_RETRIERS; i++)
			step->retries[i] = ((int16 *) ARR_DATA_PTR(array))[i];
	}
}

/* Fills a step from a row of branch. The state is looked up in the definition. */
static void
read_position(Step *step, TableScan *branches)
{
	char	   *state = table_text(branches, BRANCH_STATE);

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
	ItemPointerCopy(table_scan_row(branches), &step->branch_row);
	step->entry = table_int32(branches, BRANCH_ENTRY);
	step->entered_at = table_int64(branches, BRANCH_ENTERED_AT);
	step->attempt = table_int32(branches, BRANCH_ATTEMPT);
	read_retries(step, branches);
	step->transient = table_int32(branches, BRANCH_TRANSIENT);
	step->last_seq = table_int32(branches, BRANCH_LAST_SEQ);
	step->data_seq = table_int32(branches, BRANCH_DATA_SEQ);
	step->fork_parent = step->branch_id == 0 ? -1 : table_int32(branches, BRANCH_PARENT_BRANCH);
	step->children_started = table_int32(branches, BRANCH_CHILDREN_STARTED);
	step->children_open = table_int32(branches, BRANCH_CHILDREN_OPEN);
	step->children_failed = table_int32(branches, BRANCH_CHILDREN_FAILED);
	step->entered_logged = step->attempt > 0 || step->transient > 0 || step->kind == READY_RESUME ||
		step->kind == READY_TIMEOUT || step->kind == READY_DELIVER;
}

bool
position_read(PositionReader *reader, Step *step, ClaimRecall recall)
{
	static const int key[] = {BRANCH_RUN_ID, BRANCH_BRANCH_ID};
	TableScan  *branches = need_scan(&reader->branch, &reader->branches, &branch_table, lengthof(key), key);
	Datum		values[] = {Int64GetDatum(step->run_id), Int32GetDatum(step->branch_id)};

	table_scan_key(branches, values);
	if (!table_scan_next(branches))
		return false;
	read_position(step, branches);
	if (recall == NULL || !recall(step))
		read_documents(reader, step);
	return true;
}

void
position_definition(PositionReader *reader, Step *step, int definition_id)
{
	static const int key[] = {WORKFLOW_WORKFLOW_ID};
	int			workflow_id;

	step->definition = definition_get(definition_id);
	workflow_id = step->definition->workflow_id;
	if (reader->workflow == NULL || reader->workflow_id != workflow_id)
	{
		TableScan  *workflows = need_scan(&reader->workflow, &reader->workflows, &workflow_table, lengthof(key), key);
		Datum		values[] = {Int32GetDatum(workflow_id)};

		table_scan_key(workflows, values);
		reader->workflow_paused = table_scan_next(workflows) && table_bool(workflows, WORKFLOW_PAUSED);
		reader->workflow_id = workflow_id;
	}
	step->workflow_paused = reader->workflow_paused;
}
