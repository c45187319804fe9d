/*
 * position_store.h
 *		Reading where branches stand, and the documents that flow there.
 *
 * Private to *_store.c of this folder; others use claim_position().
 */
#ifndef DALP_POSITION_STORE_H
#define DALP_POSITION_STORE_H

#include "workflow/hot_tables.h"
#include "workflow/step.h"

/* Tables as they are when they are first needed: after the locks. {0} to begin with. */
typedef struct PositionReader
{
	Table	   *branch;
	TableScan  *branches;
	Table	   *data;
	TableScan  *inputs;
	Table	   *journal;		/* the partition of the last run */
	TableScan  *entries;
	Table	   *workflow;
	TableScan  *workflows;
	int			workflow_id;	/* of the last question */
	bool		workflow_paused;
} PositionReader;

/* Loads the step's definition, and asks whether its workflow is paused. Errors: DL002. */
extern void position_definition(PositionReader *reader, Step *step, int definition_id);

/*
 * Position and documents of the branch of a step whose run_id, kind, definition
 * and branch_id are set; false if it is gone.
 */
extern bool position_read(PositionReader *reader, Step *step, ClaimRecall recall);

/* Closes what has been opened. */
extern void position_reader_end(PositionReader *reader);

#endif							/* DALP_POSITION_STORE_H */
