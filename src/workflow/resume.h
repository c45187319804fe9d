/*
 * resume.h
 *		A redriven run goes on where it failed.
 */
#ifndef DALP_RESUME_H
#define DALP_RESUME_H

#include "postgres.h"

#include "utils/jsonb.h"

#include "workflow/step.h"

/*
 * A run whose Parallel or Map had failed goes on with the branches that were
 * kept: those that failed and those that were aborted start again, after
 * `delay` microseconds, at the state they stood in.  patch changes the input
 * of the one that failed.  Returns false where none were kept.  fork_settle is
 * to follow.  Errors: DL003 where a patch has more than one branch to go to.
 */
extern bool fork_resume(Step *run, BatchWrites *writes, Jsonb *patch, int64 delay);

/*
 * The transaction of this very state entry has been included although the
 * state failed or was given up: the branch gets its result, and must not send
 * another.  False where there is none such.
 */
extern bool resume_with_result(const Step *step, BatchWrites *writes);

/* The branch is ready, at once or after `delay` microseconds. */
extern void resume_step(const Step *step, BatchWrites *writes, int64 delay);

/* resume_store.c */

typedef enum BranchOutcome
{
	BRANCH_OPEN, BRANCH_SUCCEEDED, BRANCH_FAILED
} BranchOutcome;

typedef struct SuspendedBranch
{
	int			branch_id;
	int			parent_branch;
	int			item_index;
	const AslState *state;
	int			entry;
	int			last_seq;
	int			data_seq;
	BranchOutcome outcome;

	/* as it is to stand */
	bool		moves;			/* it does; others are below a branch that has ended */
	bool		waits;			/* for its own Parallel or Map */
	int			children_started;
	int			children_open;
	int			children_failed;
} SuspendedBranch;

/* Those kept of the run, by parent and number; how many. */
extern int	resume_store_load(const Step *run, SuspendedBranch **branches);
/* Those that move are branches of the run again. */
extern void resume_store_restore(const Step *run, const SuspendedBranch *branches, int count);
/* Raw input of the state that the branch stood in, and variables (or NULL). */
extern Jsonb *resume_store_input(int64 run_id, int branch_id, int data_seq, Jsonb **variables);

#endif							/* DALP_RESUME_H */
