/*
 * table.h
 *		The extension's busiest tables without SQL: rows by key, by place, in bulk.
 *
 * For what happens with every step and every start, where a plan's execution
 * costs several times what it does.  Everything else goes through core/spi.h;
 * both see each other's rows, like two statements of a transaction.
 *
 * What holds for SQL holds here: NOT NULL, CHECK, unique indexes, constant
 * defaults, partitions by range, snapshots, predicate locks, WAL, statistics.
 * Not so triggers, row security and generated columns, which these tables
 * don't have.  The caller's rights have been checked before, as with
 * store_open().
 *
 * A *_store.c, or a header of its folder, declares a TableName with the
 * columns that code speaks of; columns are numbered from 0 in that order.
 * An open table belongs to the resource owner and memory context that opened
 * it: an ERROR needs no cleanup.
 */
#ifndef DALP_TABLE_H
#define DALP_TABLE_H

#include "postgres.h"

#include "nodes/lockoptions.h"
#include "storage/itemptr.h"

#define TABLE_MAX_COLUMNS 24
#define TABLE_MAX_KEYS 3

typedef struct TableName
{
	const char *schema;
	const char *name;
	int			column_count;
	const char *columns[TABLE_MAX_COLUMNS];
} TableName;

typedef struct Table Table;
typedef struct TableScan TableScan;

/* ------------------------------------------------------------------------
 * Opening
 * ---------------------------------------------------------------------- */

/*
 * Opens a table in the current transaction, locked as by INSERT until its end.
 * Reads through it see what had committed, and what this transaction had
 * written, when it was opened.  Errors: 42P01 where it isn't there, 25006 in a
 * read-only transaction.
 */
extern Table *table_begin(const TableName *name);

/* The same for reading only, locked as by SELECT; also on a standby. */
extern Table *table_begin_reading(const TableName *name);

/* The partition of a table that a key belongs to. Errors: 23514 where there is none. */
extern Table *table_begin_partition(const TableName *name, int64 key);

/* The same for reading only: NULL where there is none. */
extern Table *table_find_partition(const TableName *name, int64 key);

/* Does the key belong to the partition that is open? */
extern bool table_has_key(const Table *partition, int64 key);

/* Writes rows that are still collected, and closes. */
extern void table_end(Table *table);

/* ------------------------------------------------------------------------
 * Writing
 * ---------------------------------------------------------------------- */

/* Starts a row to insert; all columns at their defaults. Values must live until the rows are written. */
extern void table_add(Table *table);
/* Sets a column of that row. */
extern void table_set(Table *table, int column, Datum value);
extern void table_set_text(Table *table, int column, const char *text);	/* NULL is null */

/*
 * Inserts the one row that has been added, unless a row with the same unique
 * key is there; waits for a transaction that is about to insert one.  Returns
 * whether it was inserted.
 */
extern bool table_insert_unless_there(Table *table);

/*
 * Replaces columns of the row at that place, of which the caller knows that
 * nobody else changes it (its run is locked).  Returns the row's new place in
 * *row, or false if it isn't there any more.
 */
extern bool table_update(Table *table, ItemPointer row, int count, const int *columns,
						 const Datum *values, const bool *nulls);

/* Deletes the row at that place; false if it is gone already. Waits for others that have it locked. */
extern bool table_delete(Table *table, ItemPointer row);

/* ------------------------------------------------------------------------
 * Reading
 * ---------------------------------------------------------------------- */

/* A scan over the index whose first columns are these, in the index's order. */
extern TableScan *table_scan_begin(Table *table, int key_count, const int *columns);
extern void table_scan_end(TableScan *scan);

/* Starts over with the rows whose key columns have these values. */
extern void table_scan_key(TableScan *scan, const Datum *values);

/* The same with only the first of the key columns. A scan is started always with as many. */
extern void table_scan_prefix(TableScan *scan, int key_count, const Datum *values);

/* The next row; false at the end. */
extern bool table_scan_next(TableScan *scan);
/* The last row, of a scan that has just been started. */
extern bool table_scan_last(TableScan *scan);

/* The row at that place, as the table's snapshot sees it; false if there is none. */
extern bool table_scan_fetch(TableScan *scan, ItemPointer row);

/*
 * Locks the current row as it is now, following it where it was updated;
 * afterwards it is the row that table_value reads.  False if it is gone, or
 * (LockWaitSkip) somebody else has it.
 */
extern bool table_scan_lock(TableScan *scan, LockWaitPolicy policy);

/* Where the current row is; it moves with the scan. */
extern ItemPointer table_scan_row(TableScan *scan);

/* Columns of the current row; by-reference values live until the scan moves. NULL gives 0, false, NULL. */
extern Datum table_value(TableScan *scan, int column, bool *isnull);
extern int16 table_int16(TableScan *scan, int column);
extern int32 table_int32(TableScan *scan, int column);
extern int64 table_int64(TableScan *scan, int column);
extern bool table_bool(TableScan *scan, int column);
/* palloc'd in the current memory context */
extern char *table_text(TableScan *scan, int column);

#endif							/* DALP_TABLE_H */
