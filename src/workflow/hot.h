/*
 * hot.h
 *		What an executor remembers of the branches that it has just stepped.
 *
 * Spares reading back what it has written a moment ago.  The journal number
 * tells whether the memory is still true: the executor compares it with the
 * row that it reads under the run's lock.
 */
#ifndef DALP_HOT_H
#define DALP_HOT_H

#include "workflow/step.h"

/* Fills the documents of a step whose position is loaded; false = not known. A ClaimRecall. */
extern bool hot_recall(Step *step);

/* Before the commit: the branch goes on, remember its documents; or it doesn't, forget it. */
extern void hot_keep(const Step *step);

/* How many steps in a row this branch has made on the same ready row. */
extern int	hot_steps(const Step *step);

/* The transaction was rolled back: nothing of it is true. */
extern void hot_forget_all(void);

#endif							/* DALP_HOT_H */
