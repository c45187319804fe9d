/*
 * asl_simulation.h
 *		Simulations as the unit tests run them: from a fixed time, in memory or
 *		with every step's input and variables stored in between.
 */
#ifndef DALP_ASL_SIMULATION_H
#define DALP_ASL_SIMULATION_H

#include "asl/simulate.h"

/* 2026-01-31T12:00:00Z, which is "now" when a test starts. */
#define START INT64_C(1769860800000000)

#define MAX_STEPS 2000

static const Doc *
parse(const char *text)
{
	Problem		problem = {{0}, {0}};
	const Doc  *doc = doc_parse(text, strlen(text), &problem);

	if (doc == NULL)
		fprintf(stderr, "%s at %s: %s\n", problem.message, problem.where, text);
	return doc;
}

/* What a server does that has crashed: compiles again, finds the state by name, reads the input and the variables. */
static void
restore(AslPosition *position, void *argument)
{
	AslFindings findings = {0};

	position->state = asl_find_state(asl_compile(argument, &findings), asl_state_name(position->state));
	position->input = parse(doc_write(position->input, NULL));
	if (position->variables != NULL)
		position->variables = parse(doc_write(position->variables, NULL));
}

/* Runs a whole machine; `test` has mocks, limit, random, token and variables as in asl_cases.c. */
static void
simulation_run(AslSimulation *simulation, const AslMachine *machine, const Doc *definition, const Doc *input,
			   const Doc *test, bool stored)
{
	const Doc  *random = doc_get(test, "random");

	memset(simulation, 0, sizeof(*simulation));
	simulation->machine = machine;
	simulation->input = input;
	simulation->variables = doc_get(test, "variables");
	simulation->mocks = doc_get(test, "mocks");
	simulation->now = START;
	simulation->random = random == NULL ? 0.5 : doc_to_double(random);
	simulation->max_steps = MAX_STEPS;
	if (doc_get(test, "limit") != NULL)
		doc_to_int64(doc_get(test, "limit"), &simulation->max_payload);
	if (stored)
		simulation->between = restore;
	simulation->argument = (void *) definition;
	simulation->context.execution_id = "run-7";
	simulation->context.execution_name = "seven";
	simulation->context.execution_input = input;
	simulation->context.execution_start = START - 1500000;
	simulation->context.machine_id = "payments:3";
	simulation->context.machine_name = "payments";
	simulation->context.task_token = doc_get_text(test, "token");
	asl_simulate(simulation);
}

#endif							/* DALP_ASL_SIMULATION_H */
