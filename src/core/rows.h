/*
 * rows.h
 *		Many rows, one statement: collect them, then send them as arrays.
 *
 * A *_store.c declares the statement with one array parameter a column
 * ("… SELECT … FROM unnest($1::bigint[], $2::text[])") and a Rows for the
 * values of one transaction.  The values must live until rows_flush.
 */
#ifndef DALP_ROWS_H
#define DALP_ROWS_H

#include "postgres.h"

#include "core/spi.h"

#define ROWS_MAX_COLUMNS 20

typedef struct Rows
{
	int			columns;
	const Oid  *types;			/* element types, by column */
	int			count;
	int			capacity;
	Datum	   *values[ROWS_MAX_COLUMNS];
	bool	   *nulls[ROWS_MAX_COLUMNS];
} Rows;

/* Empty rows in CurrentMemoryContext. */
extern void rows_init(Rows *rows, int columns, const Oid *types);

/* Starts a row with all columns NULL. */
extern void rows_add(Rows *rows);

/* Sets a column (from 0) of the last row. */
extern void rows_set(Rows *rows, int column, Datum value);
extern void rows_set_text(Rows *rows, int column, const char *text);	/* NULL leaves NULL */

/* The arrays, one a column, for a statement that has further arguments; the rows are emptied. */
extern void rows_arrays(Rows *rows, Datum *arrays);

/* Runs the statement with the arrays, where there is any row, and empties them. Needs an open store. */
extern uint64 rows_flush(Rows *rows, Statement *statement);

/*
 * Runs a statement of single values once a row, and empties them: for updates
 * and deletes by key, which a planner without good statistics could otherwise
 * join the wrong way round.
 */
extern void rows_each(Rows *rows, Statement *statement);

#endif							/* DALP_ROWS_H */
