/*
 * explore.h
 *		Visits every state that a model can reach, breadth first, so that the
 *		first way found to a bad state is a shortest one.
 *
 * A model is a block of bytes of a fixed size, a function that yields what can
 * happen next, and one that says what is wrong with a state.  Afterwards the
 * explorer asks whether from each visited state a final one can still be
 * reached by ordinary steps: where not, something is stuck.
 */
#ifndef DALP_EXPLORE_H
#define DALP_EXPLORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct Exploration Exploration;

typedef struct Model
{
	size_t		size;			/* bytes of a state; all of them count, so padding must be 0 */
	void		(*start) (void *state);
	/* Calls explore_yield for each thing that can happen in the state. */
	void		(*next) (Exploration *exploration, const void *state);
	/* NULL, or what is wrong. */
	const char *(*wrong) (const void *state);
	bool		(*final) (const void *state);
	/* One line about the state, for a trace. */
	void		(*show) (const void *state, char *text, size_t size);
	uint32_t	max_states;
} Model;

typedef struct ExploreResult
{
	const char *wrong;			/* NULL: every state is good, and none is stuck */
	uint32_t	states;
	uint64_t	steps;
	bool		complete;		/* false: max_states was too small */
} ExploreResult;

/*
 * The state that follows when `what` happens.  Aborted work and failures of
 * processes are no ordinary steps: nothing may depend on them to go on.
 */
extern void explore_yield(Exploration *exploration, const void *state, const char *what, bool ordinary);

/* Explores; with `trace` prints the way to the first bad state, as TAP comments. */
extern ExploreResult explore(const Model *model, bool trace);

#endif							/* DALP_EXPLORE_H */
