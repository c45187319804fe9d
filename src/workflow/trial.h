/*
 * trial.h
 *		What dalp.test_state is given, made ready for the simulator.
 *
 * Pure: documents in, documents out; what is wrong is a Problem.
 */
#ifndef DALP_TRIAL_H
#define DALP_TRIAL_H

#include "asl/simulate.h"

/* A state without a machine, put into one. */
typedef struct TrialState
{
	const char *name;			/* its name there; nothing in the state has it */
	const Doc  *machine;		/* definition; the states that it leads to are stand-ins that end at once */
} TrialState;

/* Is it one state, and not a machine? */
extern bool trial_is_state(const Doc *definition);

extern void trial_wrap_state(const Doc *state, TrialState *trial);

/* The path of a finding in trial->machine, as seen from the state itself. */
extern const char *trial_path(const TrialState *trial, const char *path);

/*
 * Mocks by names of Task states of the machine:
 *   {state: mock | [mock, …]}
 *   mock = {"result": …} | {"error": text, "cause": text, "aliases": [text, …], "permanent": bool}
 * One mock is for every attempt; of a list each is for one, and the last for
 * all further ones.
 */
extern bool trial_check_mocks(const AslMachine *machine, const Doc *mocks, Problem *problem);

/* The mocks of a state alone, by name: for a Task it is given the mock or the list itself. */
extern const Doc *trial_wrap_mocks(const TrialState *trial, const AslState *state, const Doc *mocks);

/* The simulator's report, as callers see it: the states entered are "path". */
extern const Doc *trial_report(const AslSimulation *simulation);

#endif							/* DALP_TRIAL_H */
