/*
 * fork_run.h
 *		dalp.fork: a new run from a past state of another one.
 */
#ifndef DALP_FORK_RUN_H
#define DALP_FORK_RUN_H

#include "postgres.h"

#include "utils/jsonb.h"

#include "workflow/definition.h"

/*
 * Where branch 0 of a run entered the state last: the number of the journal
 * row that has its input and variables, 0 for the run's own input; -1 where it
 * never did.  Needs an open store.
 */
extern int	fork_run_store_entry(int64 run_id, const char *state);

/* Starts the new run there; input = in place of what the state had, or NULL. */
extern void fork_run_store_start(int64 new_run_id, int64 run_id, int data_seq, const Definition *definition,
								 const char *state, Jsonb *input, Oid starter);

#endif							/* DALP_FORK_RUN_H */
