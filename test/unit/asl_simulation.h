/*
 * asl_simulation.h
 *		Runs a whole machine in memory, with Tasks that are mocked: what the
 *		executor does, without its tables and workers.
 */
#ifndef DALP_ASL_SIMULATION_H
#define DALP_ASL_SIMULATION_H

#include "asl/asl.h"

/* 2026-01-31T12:00:00Z, which is "now" when a case starts. */
#define START INT64_C(1769860800000000)

#define MAX_STEPS 2000

typedef struct Simulation
{
	const Doc  *test;
	const Doc  *definition;
	const AslMachine *machine;
	const Doc  *input;
	int64_t		now;
	int			steps;
	Doc		   *trace;
	Doc		   *calls;
	Doc		   *delays;
	Doc		   *waits;
	Doc		   *used;			/* mocks so far, by state */
	bool		stored;			/* every step begins with what was written and read again */
} Simulation;

typedef struct Outcome
{
	const Doc  *output;			/* NULL: failed */
	const Doc  *variables;
	const char *error;
	const char *cause;
} Outcome;

static void simulate(Simulation *simulation, const AslMachine *machine, const Doc *input, const Doc *variables,
					 const AslContext *outer, Outcome *outcome);

static const Doc *
parse(const char *text)
{
	Problem		problem = {{0}, {0}};
	const Doc  *doc = doc_parse(text, strlen(text), &problem);

	if (doc == NULL)
		fprintf(stderr, "%s at %s: %s\n", problem.message, problem.where, text);
	return doc;
}

/* What a server does that has crashed: finds the state by name, reads the input and the variables. */
static void
restore(Simulation *simulation, AslPosition *position)
{
	AslFindings findings = {0};

	simulation->machine = asl_compile(simulation->definition, &findings);
	position->state = asl_find_state(simulation->machine, asl_state_name(position->state));
	position->input = parse(doc_write(position->input, NULL));
	if (position->variables != NULL)
		position->variables = parse(doc_write(position->variables, NULL));
}

static const Doc *
seconds_of(int64_t microseconds)
{
	char		text[64];
	int			length = snprintf(text, sizeof(text), "%lld.%06lld", (long long) (microseconds / 1000000),
								  (long long) (microseconds % 1000000));

	return doc_number(text, (size_t) length);
}

/* The mock for this attempt, or NULL. */
static const Doc *
next_mock(Simulation *simulation, const char *state)
{
	const Doc  *mocks = doc_get(doc_get(simulation->test, "mocks"), state);
	int64_t		number = 0;

	if (mocks == NULL || mocks->length == 0)
		return NULL;
	if (doc_get(simulation->used, state) != NULL)
		doc_to_int64(doc_get(simulation->used, state), &number);
	doc_object_add(simulation->used, state, doc_int(number + 1));
	return mocks->items[number < (int64_t) mocks->length ? number : (int64_t) mocks->length - 1];
}

static void
call_task(Simulation *simulation, AslPosition *position, AslDecision *decision)
{
	const Doc  *mock = next_mock(simulation, asl_state_name(position->state));
	AslError	error = {NULL, {NULL, NULL, NULL}, NULL, false, true};
	const Doc  *aliases = doc_get(mock, "aliases");
	const Doc  *from_task = doc_get(mock, "from_task");
	Doc		   *call = doc_object();

	doc_object_add(call, "state", doc_text(asl_state_name(position->state)));
	doc_object_add(call, "input", decision->output);
	doc_object_add(call, "timeout", doc_int(decision->timeout));
	doc_object_add(call, "heartbeat", doc_int(decision->heartbeat));
	doc_array_add(simulation->calls, call);
	if (mock == NULL || doc_get(mock, "result") != NULL)
	{
		asl_result(position, mock == NULL ? decision->output : doc_get(mock, "result"), decision);
		return;
	}
	error.error = doc_get_text(mock, "error");
	error.cause = doc_get_text(mock, "cause");
	for (uint32_t i = 0; aliases != NULL && i < aliases->length && i < 3; i++)
		error.aliases[i] = aliases->items[i]->text;
	error.permanent = doc_get(mock, "permanent") == doc_bool(true);
	error.from_task = from_task == NULL || from_task->boolean;
	asl_error(position, &error, decision);
}

/* All branches one after the other, as MaxConcurrency 1 does. */
static void
run_branches(Simulation *simulation, AslPosition *position, AslDecision *decision)
{
	uint32_t	count = decision->items != NULL ? decision->items->length : (uint32_t) asl_branch_count(position->state);
	const Doc  *items = decision->items;
	const Doc  *input = decision->output;
	int64_t		tolerated = decision->tolerated_failures;
	int64_t		failures = 0;
	Doc		   *results = doc_array();
	Doc		   *fork = doc_object();

	doc_object_add(fork, "state", doc_text(asl_state_name(position->state)));
	doc_object_add(fork, "max_concurrency", doc_int(decision->max_concurrency));
	doc_object_add(fork, "tolerated", doc_int(tolerated));
	doc_array_add(simulation->calls, fork);
	for (uint32_t i = 0; i < count; i++)
	{
		AslContext	context = *position->context;
		AslPosition inside = *position;
		Outcome		outcome;
		AslError	error = {NULL, {NULL, NULL, NULL}, NULL, false, true};

		inside.context = &context;
		if (items != NULL)
		{
			context.map_item_value = items->items[i];
			context.map_item_index = (int) i;
			if (!asl_item_input(&inside, &input, decision))
				return;
		}
		simulate(simulation, asl_branch(position->state, items != NULL ? 0 : (int) i), input,
				 position->variables, &context, &outcome);
		if (outcome.output != NULL)
		{
			doc_array_add(results, outcome.output);
			continue;
		}
		error.error = outcome.error;
		error.cause = outcome.cause;
		failures++;
		if (tolerated >= 0 && failures <= tolerated)
			continue;
		if (tolerated >= 0)
		{
			error.error = "States.ExceedToleratedFailureThreshold";
			error.cause = NULL;
			error.from_task = false;
		}
		asl_error(position, &error, decision);
		return;
	}
	asl_result(position, results, decision);
}

static void
simulate(Simulation *simulation, const AslMachine *machine, const Doc *input, const Doc *variables,
		 const AslContext *outer, Outcome *outcome)
{
	AslContext	context = *outer;
	AslPosition position = {0};
	AslDecision decision;
	bool		entered = true;
	int64_t		limit = 0;
	const Doc  *random = doc_get(simulation->test, "random");

	if (doc_get(simulation->test, "limit") != NULL)
		doc_to_int64(doc_get(simulation->test, "limit"), &limit);
	position.state = asl_start(machine);
	position.input = input;
	position.variables = variables;
	position.context = &context;
	position.random = random == NULL ? 0.5 : doc_to_double(random);
	position.max_payload = limit;
	for (;;)
	{
		if (entered)
		{
			doc_array_add(simulation->trace, doc_text(asl_state_name(position.state)));
			memset(position.retries, 0, sizeof(position.retries));
			context.retry_count = 0;
			context.state_entered = simulation->now;
			context.entered_event = simulation->steps + 1;
		}
		entered = false;
		position.now = simulation->now;
		asl_enter(&position, &decision);
		if (++simulation->steps > MAX_STEPS)
		{
			decision.action = ASL_FAILURE;
			decision.error = "simulation: too many steps";
		}
		if (decision.action == ASL_SLEEP)
		{
			doc_array_add(simulation->waits, seconds_of(decision.until - START));
			simulation->now = position.now = decision.until;
			asl_resume(&position, &decision);
		}
		else if (decision.action == ASL_CALL)
			call_task(simulation, &position, &decision);
		else if (decision.action == ASL_FORK)
			run_branches(simulation, &position, &decision);
		switch (decision.action)
		{
			case ASL_GO:
				position.state = decision.next;
				position.input = decision.output;
				position.variables = decision.variables;
				entered = true;
				if (simulation->stored)
					restore(simulation, &position);
				break;
			case ASL_RETRY:
				doc_array_add(simulation->delays, seconds_of(decision.delay));
				position.retries[decision.retrier]++;
				context.retry_count++;
				simulation->now += decision.delay;
				break;
			case ASL_FINISH:
				outcome->output = decision.output;
				outcome->variables = decision.variables;
				return;
			default:
				outcome->output = NULL;
				outcome->error = decision.error;
				outcome->cause = decision.cause;
				return;
		}
	}
}

/* Runs a whole machine; `test` has mocks, limit, random, token and variables as in asl_cases.c. */
static void
simulation_run(Simulation *simulation, Outcome *outcome)
{
	AslContext	context = {0};

	simulation->now = START;
	simulation->steps = 0;
	simulation->trace = doc_array();
	simulation->calls = doc_array();
	simulation->delays = doc_array();
	simulation->waits = doc_array();
	simulation->used = doc_object();
	context.execution_id = "run-7";
	context.execution_name = "seven";
	context.execution_input = simulation->input;
	context.execution_start = START - 1500000;
	context.machine_id = "payments:3";
	context.machine_name = "payments";
	context.task_token = doc_get_text(simulation->test, "token");
	memset(outcome, 0, sizeof(*outcome));
	simulate(simulation, simulation->machine, simulation->input, doc_get(simulation->test, "variables"), &context, outcome);
}

#endif							/* DALP_ASL_SIMULATION_H */
