/*
 * table_facts.h
 *		What this process knows of a table: columns, defaults, constraints.
 *
 * Private to core/table*.c.
 */
#ifndef DALP_TABLE_FACTS_H
#define DALP_TABLE_FACTS_H

#include "postgres.h"

#include "access/attnum.h"
#include "nodes/execnodes.h"
#include "utils/relcache.h"
#include "utils/snapshot.h"

#include "core/table.h"

typedef struct TableFacts
{
	Oid			relation;		/* hash key */
	bool		valid;			/* nothing has changed since */
	MemoryContext context;
	AttrNumber	columns[TABLE_MAX_COLUMNS]; /* by the number in TableName */
	Datum	   *defaults;		/* by attribute */
	bool	   *default_nulls;
	char	   *computed_default;	/* a column whose default is no constant: no rows are inserted then */
	int			check_count;
	ExprState **checks;
	char	  **check_names;
	ExprContext *econtext;		/* for the checks */
} TableFacts;

struct Table
{
	const TableName *name;
	Relation	relation;
	const TableFacts *facts;
	Snapshot	snapshot;		/* registered */

	/* of a partition: keys from lower, below upper */
	int64		lower;
	int64		upper;

	/* writing, made when it is needed */
	EState	   *estate;
	ResultRelInfo *target;		/* with its indexes open */
	bool		speculative;	/* opened so */
	int			slot_count;
	TupleTableSlot **slots;		/* rows to insert */
	int			row_count;		/* of them */
	TupleTableSlot *fetched;	/* a row to update */
	TupleTableSlot *changed;	/* what becomes of it */
	bool		written;
};

/*
 * Of an open relation; valid for this transaction. Errors: XX000 where a column
 * isn't there.
 */
extern const TableFacts *table_facts(const TableName *name, Relation relation);

/* Raises 23502 or 23514 where the row in the slot (virtual, complete) violates a constraint. */
extern void table_check(const Table *table, TupleTableSlot *slot);

#endif							/* DALP_TABLE_FACTS_H */
