/*
 * table_scan.c
 *		The extension's busiest tables without SQL: reading by key.
 *
 * In any process, inside a transaction.  A scan is made once and started again
 * for each key; it sees the snapshot with which its table was opened, but for
 * a row that it has locked, which is the latest.
 */
#include "compat.h"

#include "access/genam.h"
#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/nbtree.h"
#include "access/relscan.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/pg_am.h"
#include "executor/tuptable.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "core/table_facts.h"

struct TableScan
{
	Table	   *table;
	Relation	index;
	IndexScanDesc scan;
	TupleTableSlot *found;		/* where the scan puts its rows */
	TupleTableSlot *locked;		/* where locking puts them */
	TupleTableSlot *current;	/* one of the two */
	int			key_count;
	ScanKeyData equal[TABLE_MAX_KEYS];
};

/* Is it a whole b-tree whose first columns are these? */
static bool
index_serves(Relation index, const TableFacts *facts, int key_count, const int *columns)
{
	Form_pg_index form = index->rd_index;

	if (index->rd_rel->relam != BTREE_AM_OID || !form->indisvalid || form->indnkeyatts < key_count ||
		!heap_attisnull(index->rd_indextuple, Anum_pg_index_indpred, NULL))
		return false;
	for (int i = 0; i < key_count; i++)
		if (form->indkey.values[i] != facts->columns[columns[i]])
			return false;
	return true;
}

static Relation
open_index(Table *table, int key_count, const int *columns)
{
	List	   *indexes = RelationGetIndexList(table->relation);
	Relation	found = NULL;
	ListCell   *cell;

	foreach(cell, indexes)
	{
		found = index_open(lfirst_oid(cell), AccessShareLock);
		if (index_serves(found, table->facts, key_count, columns))
			break;
		index_close(found, NoLock);
		found = NULL;
	}
	list_free(indexes);
	if (found == NULL)
		elog(ERROR, "table %s has no index that begins with %s",
			 RelationGetRelationName(table->relation), table->name->columns[columns[0]]);
	return found;
}

static void
make_keys(TableScan *scan)
{
	for (int i = 0; i < scan->key_count; i++)
	{
		Oid			family = scan->index->rd_opfamily[i];
		Oid			type = scan->index->rd_opcintype[i];
		Oid			collation = scan->index->rd_indcollation[i];
		Oid			operator = get_opfamily_member(family, type, type, BTEqualStrategyNumber);

		ScanKeyEntryInitialize(&scan->equal[i], 0, i + 1, BTEqualStrategyNumber, type, collation,
							   get_opcode(operator), (Datum) 0);
	}
}

TableScan *
table_scan_begin(Table *table, int key_count, const int *columns)
{
	TableScan  *scan = palloc0(sizeof(TableScan));

	Assert(key_count > 0 && key_count <= TABLE_MAX_KEYS);
	scan->table = table;
	scan->key_count = key_count;
	scan->index = open_index(table, key_count, columns);
	scan->found = scan->current = table_slot_create(table->relation, NULL);
	make_keys(scan);
	return scan;
}

void
table_scan_end(TableScan *scan)
{
	if (scan->scan != NULL)
		index_endscan(scan->scan);
	index_close(scan->index, NoLock);
	ExecDropSingleTupleTableSlot(scan->found);
	if (scan->locked != NULL)
		ExecDropSingleTupleTableSlot(scan->locked);
	pfree(scan);
}

/* The index scan proper is made for a number of keys, which never changes for a scan. */
static void
start(TableScan *scan, ScanKey keys, int count)
{
	if (scan->scan == NULL)
		scan->scan = INDEX_BEGINSCAN(scan->table->relation, scan->index, scan->table->snapshot, count, 0);
	Assert(scan->scan->numberOfKeys == count);
	index_rescan(scan->scan, keys, count, NULL, 0);
	ExecClearTuple(scan->found);
	scan->current = scan->found;
}

void
table_scan_key(TableScan *scan, const Datum *values)
{
	table_scan_prefix(scan, scan->key_count, values);
}

void
table_scan_prefix(TableScan *scan, int key_count, const Datum *values)
{
	for (int i = 0; i < key_count; i++)
		scan->equal[i].sk_argument = values[i];
	start(scan, scan->equal, key_count);
}

bool
table_scan_next(TableScan *scan)
{
	scan->current = scan->found;
	return index_getnext_slot(scan->scan, ForwardScanDirection, scan->found);
}

bool
table_scan_last(TableScan *scan)
{
	scan->current = scan->found;
	return index_getnext_slot(scan->scan, BackwardScanDirection, scan->found);
}

bool
table_scan_fetch(TableScan *scan, ItemPointer row)
{
	scan->current = scan->found;
	return table_tuple_fetch_row_version(scan->table->relation, row, scan->table->snapshot, scan->found);
}

bool
table_scan_lock(TableScan *scan, LockWaitPolicy policy)
{
	TM_FailureData failure;
	uint8		flags = TUPLE_LOCK_FLAG_LOCK_UPDATE_IN_PROGRESS;
	ItemPointerData row = scan->current->tts_tid;

	if (scan->locked == NULL)
		scan->locked = table_slot_create(scan->table->relation, NULL);
	if (!IsolationUsesXactSnapshot())
		flags |= TUPLE_LOCK_FLAG_FIND_LAST_VERSION;
	switch (table_tuple_lock(scan->table->relation, &row, scan->table->snapshot, scan->locked,
							 GetCurrentCommandId(false), LockTupleNoKeyExclusive, policy, flags, &failure))
	{
		case TM_Ok:
			scan->current = scan->locked;
			return true;
		case TM_WouldBlock:
		case TM_SelfModified:
		case TM_Invisible:
			return false;
		case TM_Updated:
		case TM_Deleted:
			if (!IsolationUsesXactSnapshot())
				return false;
			ereport(ERROR,
					(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
					 errmsg("could not serialize access due to concurrent update")));
		default:
			elog(ERROR, "a row of %s can't be locked", RelationGetRelationName(scan->table->relation));
	}
}

ItemPointer
table_scan_row(TableScan *scan)
{
	return &scan->current->tts_tid;
}

Datum
table_value(TableScan *scan, int column, bool *isnull)
{
	return slot_getattr(scan->current, scan->table->facts->columns[column], isnull);
}

int16
table_int16(TableScan *scan, int column)
{
	bool		isnull;
	Datum		value = table_value(scan, column, &isnull);

	return isnull ? 0 : DatumGetInt16(value);
}

int32
table_int32(TableScan *scan, int column)
{
	bool		isnull;
	Datum		value = table_value(scan, column, &isnull);

	return isnull ? 0 : DatumGetInt32(value);
}

int64
table_int64(TableScan *scan, int column)
{
	bool		isnull;
	Datum		value = table_value(scan, column, &isnull);

	return isnull ? 0 : DatumGetInt64(value);
}

bool
table_bool(TableScan *scan, int column)
{
	bool		isnull;
	Datum		value = table_value(scan, column, &isnull);

	return !isnull && DatumGetBool(value);
}

char *
table_text(TableScan *scan, int column)
{
	bool		isnull;
	Datum		value = table_value(scan, column, &isnull);

	return isnull ? NULL : TextDatumGetCString(value);
}
