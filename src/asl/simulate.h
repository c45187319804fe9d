/*
 * simulate.h
 *		Runs a machine, or one of its states, in memory with mocked Tasks.
 *
 * What dalp.test_state shows and what the unit tests run: the executor's loop
 * without its tables, workers and clock.  Waits and delays pass at once.
 */
#ifndef DALP_ASL_SIMULATE_H
#define DALP_ASL_SIMULATE_H

#include "asl/asl.h"

typedef struct AslSimulation
{
	const AslMachine *machine;
	const AslState *only;		/* this state alone, or NULL for all of the machine */
	const Doc  *input;
	const Doc  *variables;		/* before the first state; may be NULL */

	/*
	 * {state: [{"result": …} | {"error": …, "cause": …, "aliases": [],
	 * "permanent": false, "from_task": true}, …]}: one an attempt, the last
	 * again and again.
	 */
	const Doc  *mocks;
	AslContext	context;		/* facts of the run; those of states are filled in */
	int64_t		now;			/* microseconds since 1970, moves on */
	double		random;
	int64_t		max_payload;
	int			max_steps;		/* states and attempts; more is a failure */

	/* Called when a state was left for another; may replace parts of the position by equal ones. May be NULL. */
	void		(*between) (AslPosition *position, void *argument);
	/* Called before each step; may raise, where the simulation takes too much. May be NULL. */
	void		(*watch) (void *argument);
	/*
	 * A Task without a mock: its result, or NULL with *error.  Where this is
	 * NULL such a Task returns its effective input.
	 */
	const Doc  *(*call) (const AslState *state, const AslDecision *call, AslError *error, void *argument);
	void	   *argument;		/* of all three */

	/* Results */
	const Doc  *output;			/* NULL: failed */
	const Doc  *final_variables;
	const char *next_state;		/* with `only`: where it leads, NULL at an end */
	const char *error;
	const char *cause;
	bool		caught;			/* with `only`: it leads there by a Catcher */
	Doc		   *trace;			/* names of the states entered */
	Doc		   *calls;			/* {"state", "input", "timeout", "heartbeat"} of each Task's attempt, {"state",
								 * "max_concurrency", "tolerated"} of each Parallel and Map */
	Doc		   *delays;			/* of retries, seconds */
	Doc		   *waits;			/* of Wait states: seconds from the first `now` */

	int			steps;			/* so far */
	int64_t		started;
	Doc		   *used_mocks;
} AslSimulation;

extern void asl_simulate(AslSimulation *simulation);

/* The results as one document: status (SUCCEEDED, FAILED, CAUGHT_ERROR), output, next_state, error, cause, variables, trace … */
extern const Doc *asl_simulation_report(const AslSimulation *simulation);

#endif							/* DALP_ASL_SIMULATE_H */
