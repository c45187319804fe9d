/*
 * simulate.c
 *		The executor's loop over decisions, in memory and without waiting.
 */
#include "asl/simulate.h"

/* How a machine, or the one state, ended. */
typedef struct Outcome
{
	const Doc  *output;			/* NULL: failed */
	const Doc  *variables;
	const char *next_state;
	const char *error;
	const char *cause;
	bool		caught;
} Outcome;

static void run_machine(AslSimulation *simulation, const AslState *start, const Doc *input, const Doc *variables,
						const AslContext *outer, Outcome *outcome);

static const Doc *
seconds_of(int64_t microseconds)
{
	char		text[64];
	int			length;

	if (microseconds % 1000000 == 0)
		return doc_int(microseconds / 1000000);
	length = snprintf(text, sizeof(text), "%lld.%06lld", (long long) (microseconds / 1000000),
					  (long long) (microseconds % 1000000));
	return doc_number(text, (size_t) length);
}

/* The mock for this attempt, or NULL. */
static const Doc *
next_mock(AslSimulation *simulation, const char *state)
{
	const Doc  *mocks = doc_get(simulation->mocks, state);
	const Doc  *used = doc_get(simulation->used_mocks, state);
	int64_t		number = 0;

	if (doc_is(mocks, DOC_OBJECT))
		return mocks;
	if (!doc_is(mocks, DOC_ARRAY) || mocks->length == 0)
		return NULL;
	if (used != NULL)
		doc_to_int64(used, &number);
	doc_object_add(simulation->used_mocks, state, doc_int(number + 1));
	return mocks->items[number < (int64_t) mocks->length ? number : (int64_t) mocks->length - 1];
}

static void
call_task(AslSimulation *simulation, const AslPosition *position, AslDecision *decision)
{
	const char *name = asl_state_name(position->state);
	const Doc  *mock = next_mock(simulation, name);
	const Doc  *result = mock != NULL ? doc_get(mock, "result") : decision->output;
	const Doc  *aliases = doc_get(mock, "aliases");
	AslError	error = {NULL, {NULL, NULL, NULL}, NULL, false, true};
	size_t		alias = 0;
	Doc		   *call = doc_object();

	doc_object_add(call, "state", doc_text(name));
	doc_object_add(call, "input", decision->output);
	doc_object_add(call, "timeout", doc_int(decision->timeout));
	doc_object_add(call, "heartbeat", doc_int(decision->heartbeat));
	doc_array_add(simulation->calls, call);
	if (mock == NULL && simulation->call != NULL)
	{
		result = simulation->call(position->state, decision, &error, simulation->argument);
		if (result == NULL)
		{
			asl_error(position, &error, decision);
			return;
		}
	}
	if (result != NULL)
	{
		asl_result(position, result, decision);
		return;
	}
	error.error = doc_get_text(mock, "error");
	error.cause = doc_get_text(mock, "cause");
	for (uint32_t i = 0; doc_is(aliases, DOC_ARRAY) && i < aliases->length && alias < lengthof(error.aliases); i++)
		if (aliases->items[i]->kind == DOC_STRING)
			error.aliases[alias++] = aliases->items[i]->text;
	error.permanent = doc_get(mock, "permanent") == doc_bool(true);
	error.from_task = doc_get(mock, "from_task") != doc_bool(false);
	asl_error(position, &error, decision);
}

/* All branches or items one after the other, as with MaxConcurrency 1. */
static void
run_branches(AslSimulation *simulation, const AslPosition *position, AslDecision *decision)
{
	const Doc  *items = decision->items;
	const Doc  *input = decision->output;
	uint32_t	count = items != NULL ? items->length : (uint32_t) asl_branch_count(position->state);
	int64_t		tolerated = decision->tolerated_failures;
	int64_t		failures = 0;
	Doc		   *results = doc_array();
	Doc		   *call = doc_object();

	doc_object_add(call, "state", doc_text(asl_state_name(position->state)));
	doc_object_add(call, "max_concurrency", doc_int(decision->max_concurrency));
	doc_object_add(call, "tolerated", doc_int(tolerated));
	doc_array_add(simulation->calls, call);
	for (uint32_t i = 0; i < count; i++)
	{
		AslContext	context = *position->context;
		AslPosition inside = *position;
		AslError	error = {NULL, {NULL, NULL, NULL}, NULL, false, true};
		Outcome		outcome;

		inside.context = &context;
		if (items != NULL)
		{
			context.map_item_value = items->items[i];
			context.map_item_index = (int) i;
			if (!asl_item_input(&inside, &input, decision))
				return;
		}
		run_machine(simulation, asl_start(asl_branch(position->state, items != NULL ? 0 : (int) i)), input,
					position->variables, &context, &outcome);
		if (outcome.output != NULL)
		{
			doc_array_add(results, outcome.output);
			continue;
		}
		failures++;
		if (failures <= tolerated)
			continue;
		error.error = outcome.error;
		error.cause = outcome.cause;
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

/* A decision about the state: entered, and whatever it waits for done at once. */
static void
decide(AslSimulation *simulation, AslPosition *position, AslDecision *decision)
{
	base_check_interrupts();
	if (simulation->watch != NULL)
		simulation->watch(simulation->argument);
	position->now = simulation->now;
	if (++simulation->steps > simulation->max_steps)
	{
		memset(decision, 0, sizeof(*decision));
		decision->action = ASL_FAILURE;
		decision->cause = "The simulation takes too many steps.";
		return;
	}
	asl_enter(position, decision);
	switch (decision->action)
	{
		case ASL_SLEEP:
			doc_array_add(simulation->waits, seconds_of(decision->until - simulation->started));
			simulation->now = position->now = decision->until;
			asl_resume(position, decision);
			break;
		case ASL_CALL:
			call_task(simulation, position, decision);
			break;
		case ASL_FORK:
			run_branches(simulation, position, decision);
			break;
		default:
			break;
	}
}

static void
enter(AslSimulation *simulation, AslPosition *position, AslContext *context)
{
	doc_array_add(simulation->trace, doc_text(asl_state_name(position->state)));
	memset(position->retries, 0, sizeof(position->retries));
	context->retry_count = 0;
	context->state_entered = simulation->now;
	context->entered_event = simulation->steps + 1;
}

static void
run_machine(AslSimulation *simulation, const AslState *start, const Doc *input, const Doc *variables,
			const AslContext *outer, Outcome *outcome)
{
	AslContext	context = *outer;
	AslPosition position;
	AslDecision decision;

	base_check_stack();
	memset(outcome, 0, sizeof(*outcome));
	memset(&position, 0, sizeof(position));
	position.state = start;
	position.input = input;
	position.variables = variables;
	position.context = &context;
	position.random = simulation->random;
	position.max_payload = simulation->max_payload;
	enter(simulation, &position, &context);
	for (;;)
	{
		decide(simulation, &position, &decision);
		outcome->output = decision.output;
		outcome->variables = decision.variables;
		outcome->error = decision.error;
		outcome->cause = decision.cause;
		outcome->caught = decision.caught;
		switch (decision.action)
		{
			case ASL_GO:
				if (position.state == simulation->only)
				{
					outcome->next_state = asl_state_name(decision.next);
					return;
				}
				position.state = decision.next;
				position.input = decision.output;
				position.variables = decision.variables;
				if (simulation->between != NULL)
					simulation->between(&position, simulation->argument);
				enter(simulation, &position, &context);
				break;
			case ASL_RETRY:
				doc_array_add(simulation->delays, seconds_of(decision.delay));
				position.retries[decision.retrier]++;
				context.retry_count++;
				simulation->now += decision.delay;
				break;
			case ASL_FINISH:
				return;
			default:
				outcome->output = NULL;
				return;
		}
	}
}

void
asl_simulate(AslSimulation *simulation)
{
	Outcome		outcome;

	simulation->steps = 0;
	simulation->started = simulation->now;
	simulation->trace = doc_array();
	simulation->calls = doc_array();
	simulation->delays = doc_array();
	simulation->waits = doc_array();
	simulation->used_mocks = doc_object();
	run_machine(simulation, simulation->only != NULL ? simulation->only : asl_start(simulation->machine),
				simulation->input, simulation->variables, &simulation->context, &outcome);
	simulation->output = outcome.output;
	simulation->final_variables = outcome.variables;
	simulation->next_state = outcome.next_state;
	simulation->error = outcome.error;
	simulation->cause = outcome.cause;
	simulation->caught = outcome.caught;
}

static void
report_text(Doc *report, const char *key, const char *text)
{
	if (text != NULL)
		doc_object_add(report, key, doc_text(text));
}

const Doc *
asl_simulation_report(const AslSimulation *simulation)
{
	Doc		   *report = doc_object();

	doc_object_add(report, "status", doc_text(simulation->output == NULL ? "FAILED"
											   : simulation->caught ? "CAUGHT_ERROR" : "SUCCEEDED"));
	if (simulation->output != NULL)
		doc_object_add(report, "output", simulation->output);
	report_text(report, "next_state", simulation->next_state);
	if (simulation->output == NULL || simulation->caught)
	{
		report_text(report, "error", simulation->error);
		report_text(report, "cause", simulation->cause);
	}
	if (simulation->final_variables != NULL && simulation->output != NULL)
		doc_object_add(report, "variables", simulation->final_variables);
	doc_object_add(report, "trace", simulation->trace);
	doc_object_add(report, "calls", simulation->calls);
	doc_object_add(report, "delays", simulation->delays);
	doc_object_add(report, "waits", simulation->waits);
	return report;
}
