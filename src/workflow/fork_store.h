/*
 * fork_store.h
 *		SQL of the branches of Parallel and Map. Needs an open store.
 */
#ifndef DALP_FORK_STORE_H
#define DALP_FORK_STORE_H

#include "workflow/run_control.h"
#include "workflow/step.h"

/* Takes numbers for so many branches of the run; returns the first. */
extern int	fork_store_take_branches(int64 run_id, int count);

/* Collects a branch of parent's state; nothing is written before the flush, and dropped ones never. */
extern void fork_note_child(const Step *parent, int branch_id, int index, const char *state,
							Jsonb *input, Jsonb *item);
extern void fork_flush_children(void);
extern void fork_drop_children(void);

/* What the branches below wait for. */
extern int	fork_store_waits(int64 run_id, int branch_id, RunWait **waits);

/* Removes all branches below, with their waits, timers and ready rows. */
extern void fork_store_delete(int64 run_id, int branch_id);

/* They are kept for a redrive instead: nothing of them waits or is ready. */
extern void fork_store_suspend(int64 run_id, int branch_id);

/* Those below that were kept won't be needed: the state goes on in another way. */
extern void fork_store_forget(int64 run_id, int branch_id);

extern bool fork_store_has_branch(int64 run_id, int branch_id);

/* Outputs of the direct branches that succeeded, in the order of their items. */
extern int	fork_store_outputs(int64 run_id, int branch_id, Jsonb ***outputs);

#endif							/* DALP_FORK_STORE_H */
