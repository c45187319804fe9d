/*
 * table.c
 *		The extension's busiest tables without SQL: opening and writing.
 *
 * In any process, inside a transaction.  What the server's executor does for
 * one INSERT, UPDATE or DELETE is done here without a plan: rows are collected
 * and inserted page by page, an update or delete goes to the place that a scan
 * has given.  See table.h for what these tables must not have.
 */
#include "compat.h"

#include "access/heapam.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/partition.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "partitioning/partbounds.h"
#include "partitioning/partdesc.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/partcache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "core/table_facts.h"

/* Rows that are inserted together; slots for them are made as they are needed. */
#define MAX_ROWS 256

/* ------------------------------------------------------------------------
 * Opening
 * ---------------------------------------------------------------------- */

static Table *
make_table(const TableName *name, Relation relation)
{
	Table	   *table = palloc0(sizeof(Table));

	table->name = name;
	table->relation = relation;
	table->facts = table_facts(name, relation);
	table->lower = PG_INT64_MIN;
	table->upper = PG_INT64_MAX;
	table->snapshot = RegisterSnapshot(GetTransactionSnapshot());
	return table;
}

static Relation
open_relation(const TableName *name, LOCKMODE mode)
{
	if (mode != AccessShareLock)
		PreventCommandIfReadOnly("INSERT");
	return table_openrv(makeRangeVar(unconstify(char *, name->schema), unconstify(char *, name->name), -1), mode);
}

Table *
table_begin(const TableName *name)
{
	return make_table(name, open_relation(name, RowExclusiveLock));
}

Table *
table_begin_reading(const TableName *name)
{
	return make_table(name, open_relation(name, AccessShareLock));
}

/* A bound of a partition as a number; no bound is the end of all numbers. */
static int64
bound_value(PartitionBoundInfo bounds, int index)
{
	if (index < 0)
		return PG_INT64_MIN;
	switch (bounds->kind[index][0])
	{
		case PARTITION_RANGE_DATUM_MINVALUE:
			return PG_INT64_MIN;
		case PARTITION_RANGE_DATUM_MAXVALUE:
			return PG_INT64_MAX;
		default:
			return DatumGetInt64(bounds->datums[index][0]);
	}
}

static Table *
open_partition(const TableName *name, int64 key, LOCKMODE mode)
{
	Relation	parent = open_relation(name, mode);
	PartitionKey partition_key = RelationGetPartitionKey(parent);
	PartitionDesc descriptor = RelationGetPartitionDesc(parent, true);
	PartitionBoundInfo bounds = descriptor->boundinfo;
	Datum		values[1] = {Int64GetDatum(key)};
	bool		equal;
	int			bound;
	int			partition = -1;
	Table	   *table;

	if (descriptor->nparts > 0)
	{
		bound = partition_range_datum_bsearch(partition_key->partsupfunc, partition_key->partcollation,
											  bounds, 1, values, &equal);
		partition = bounds->indexes[bound + 1];
	}
	if (partition < 0 || !descriptor->is_leaf[partition])
	{
		table_close(parent, NoLock);
		return NULL;
	}
	table = make_table(name, table_open(descriptor->oids[partition], mode));
	table->lower = bound_value(bounds, bound);
	table->upper = bound_value(bounds, bound + 1);
	table_close(parent, NoLock);
	return table;
}

Table *
table_find_partition(const TableName *name, int64 key)
{
	return open_partition(name, key, AccessShareLock);
}

Table *
table_begin_partition(const TableName *name, int64 key)
{
	Table	   *table = open_partition(name, key, RowExclusiveLock);

	if (table == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_CHECK_VIOLATION),
				 errmsg("no partition of relation \"%s\" found for row", name->name),
				 errdetail("Partition key of the failing row contains (" INT64_FORMAT ").", key)));
	return table;
}

bool
table_has_key(const Table *partition, int64 key)
{
	return partition != NULL && key >= partition->lower && key < partition->upper;
}

static void
open_target(Table *table, bool speculative)
{
	if (table->target != NULL && (table->speculative || !speculative))
		return;
	if (table->target != NULL)
		ExecCloseIndices(table->target);
	else
		table->estate = CreateExecutorState();
	table->target = makeNode(ResultRelInfo);
	InitResultRelInfo(table->target, table->relation, 0, NULL, 0);
	ExecOpenIndices(table->target, speculative);
	table->speculative = speculative;
}

/* ------------------------------------------------------------------------
 * Inserting
 * ---------------------------------------------------------------------- */

static void
insert_index_rows(Table *table, TupleTableSlot *slot, bool update)
{
	if (table->target->ri_NumIndices > 0)
		(void) EXEC_INSERT_INDEX_TUPLES(table->target, slot, table->estate, update, false, NULL);
	ResetPerTupleExprContext(table->estate);
}

static void
insert_rows(Table *table)
{
	MemoryContext caller;

	if (table->row_count == 0)
		return;
	open_target(table, false);
	for (int i = 0; i < table->row_count; i++)
		table_check(table, table->slots[i]);
	/* The tuples that are made of the slots are freed with the first row's index entries. */
	caller = MemoryContextSwitchTo(GetPerTupleMemoryContext(table->estate));
	table_multi_insert(table->relation, table->slots, table->row_count, GetCurrentCommandId(true), 0, NULL);
	MemoryContextSwitchTo(caller);
	for (int i = 0; i < table->row_count; i++)
	{
		insert_index_rows(table, table->slots[i], false);
		ExecClearTuple(table->slots[i]);
	}
	table->row_count = 0;
	table->written = true;
}

void
table_add(Table *table)
{
	const TableFacts *facts = table->facts;
	TupleDesc	descriptor = RelationGetDescr(table->relation);
	TupleTableSlot *slot;

	if (facts->computed_default != NULL)
		elog(ERROR, "default of column %s of table %s is no constant",
			 facts->computed_default, RelationGetRelationName(table->relation));
	if (table->row_count == MAX_ROWS)
		insert_rows(table);
	if (table->slots == NULL)
		table->slots = palloc(sizeof(TupleTableSlot *) * MAX_ROWS);
	if (table->row_count == table->slot_count)
		table->slots[table->slot_count++] = MakeSingleTupleTableSlot(descriptor, &TTSOpsVirtual);
	slot = table->slots[table->row_count++];
	memcpy(slot->tts_values, facts->defaults, sizeof(Datum) * descriptor->natts);
	memcpy(slot->tts_isnull, facts->default_nulls, sizeof(bool) * descriptor->natts);
	ExecStoreVirtualTuple(slot);
}

void
table_set(Table *table, int column, Datum value)
{
	TupleTableSlot *slot = table->slots[table->row_count - 1];
	AttrNumber	attribute = table->facts->columns[column];

	slot->tts_values[attribute - 1] = value;
	slot->tts_isnull[attribute - 1] = false;
}

void
table_set_text(Table *table, int column, const char *text)
{
	if (text != NULL)
		table_set(table, column, CStringGetTextDatum(text));
}

bool
table_insert_unless_there(Table *table)
{
	TupleTableSlot *slot;
	bool		inserted = false;

	Assert(table->row_count == 1);
	slot = table->slots[0];
	open_target(table, true);
	table_check(table, slot);

	/* As for ON CONFLICT DO NOTHING: look, insert on trial, look again while inserting into the indexes. */
	for (;;)
	{
		ItemPointerData conflict;
		bool		beaten = false;
		uint32		token;

		ItemPointerSetInvalid(&conflict);
		if (!EXEC_CHECK_INDEX_CONSTRAINTS(table->target, slot, table->estate, &conflict))
			break;
		token = SpeculativeInsertionLockAcquire(GetCurrentTransactionId());
		table_tuple_insert_speculative(table->relation, slot, GetCurrentCommandId(true), 0, NULL, token);
		(void) EXEC_INSERT_INDEX_TUPLES(table->target, slot, table->estate, false, true, &beaten);
		table_tuple_complete_speculative(table->relation, slot, token, !beaten);
		SpeculativeInsertionLockRelease(GetCurrentTransactionId());
		table->written = true;
		if (!beaten)
		{
			inserted = true;
			break;
		}
		CHECK_FOR_INTERRUPTS();
	}
	ResetPerTupleExprContext(table->estate);
	ExecClearTuple(slot);
	table->row_count = 0;
	return inserted;
}

/* ------------------------------------------------------------------------
 * Updating and deleting by place
 * ---------------------------------------------------------------------- */

static bool
fetch_old(Table *table, ItemPointer row)
{
	if (table->fetched == NULL)
		table->fetched = table_slot_create(table->relation, NULL);
	return table_tuple_fetch_row_version(table->relation, row, table->snapshot, table->fetched);
}

bool
table_update(Table *table, ItemPointer row, int count, const int *columns, const Datum *values, const bool *nulls)
{
	TupleDesc	descriptor = RelationGetDescr(table->relation);
	TupleTableSlot *slot;
	TM_FailureData failure;
	LockTupleMode mode;
	TM_Result	result;
	UpdateIndexes indexes;

	if (!fetch_old(table, row))
		return false;
	open_target(table, false);
	if (table->changed == NULL)
		table->changed = MakeSingleTupleTableSlot(descriptor, &TTSOpsVirtual);
	slot = ExecClearTuple(table->changed);
	slot_getallattrs(table->fetched);
	memcpy(slot->tts_values, table->fetched->tts_values, sizeof(Datum) * descriptor->natts);
	memcpy(slot->tts_isnull, table->fetched->tts_isnull, sizeof(bool) * descriptor->natts);
	for (int i = 0; i < count; i++)
	{
		AttrNumber	attribute = table->facts->columns[columns[i]];

		slot->tts_values[attribute - 1] = values[i];
		slot->tts_isnull[attribute - 1] = nulls[i];
	}
	ExecStoreVirtualTuple(slot);
	table_check(table, slot);

	result = table_tuple_update(table->relation, row, slot, GetCurrentCommandId(true), table->snapshot,
								InvalidSnapshot, true, &failure, &mode, &indexes);
	table->written = true;
	if (result == TM_Ok)
	{
		ItemPointerCopy(&slot->tts_tid, row);
		if (UPDATES_INDEXES(indexes))
			insert_index_rows(table, slot, true);
	}
	ExecClearTuple(slot);
	ExecClearTuple(table->fetched);
	return result == TM_Ok;
}

bool
table_delete(Table *table, ItemPointer row)
{
	TM_FailureData failure;

	table->written = true;
	switch (table_tuple_delete(table->relation, row, GetCurrentCommandId(true), table->snapshot,
							   InvalidSnapshot, true, &failure, false))
	{
		case TM_Ok:
			return true;
		case TM_SelfModified:
		case TM_Deleted:
		case TM_Invisible:
			return false;
		default:
			ereport(ERROR,
					(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
					 errmsg("a row of \"%s\" was changed at the same time", RelationGetRelationName(table->relation))));
	}
}

void
table_end(Table *table)
{
	insert_rows(table);
	for (int i = 0; i < table->slot_count; i++)
		ExecDropSingleTupleTableSlot(table->slots[i]);
	if (table->fetched != NULL)
		ExecDropSingleTupleTableSlot(table->fetched);
	if (table->changed != NULL)
		ExecDropSingleTupleTableSlot(table->changed);
	if (table->target != NULL)
	{
		ExecCloseIndices(table->target);
		FreeExecutorState(table->estate);
	}
	UnregisterSnapshot(table->snapshot);
	table_close(table->relation, NoLock);
	if (table->written)
		CommandCounterIncrement();
	pfree(table);
}
