/*
 * asl_cases.c
 *		Promise: every rule of doc/states-language.md holds.
 *
 * Runs the cases of the .jsonl files in test/asl, one a line (lines that are empty or
 * begin with // are skipped):
 *
 *	name		what it shows
 *	machine		a definition; or
 *	state		one state, which becomes the whole machine: End is added where it
 *				names no Next, and the states that it leads to are made up
 *	input		default {}
 *	variables	set before the first state
 *	mocks		{state: [{"result": …} | {"error": …, "cause": …, "aliases": [], "permanent": true,
 *				"from_task": false}, …]}, one an attempt, the last again and again;
 *				without one a Task returns its input
 *	limit		bytes of a payload
 *	random		0 <= x < 1, default 0.5
 *	expect		output, variables		of a run that succeeds
 *				error, cause, cause_has	of one that fails (null: none)
 *				text					the output as exact JSON text
 *				trace					names of the states entered
 *				calls					[{"state", "input", "timeout", "heartbeat"}], members as needed
 *				delays, waits			seconds from "now" in order
 *				refused					[[path, part of the message], …]: compile errors
 *				accepted				true: it compiles
 *				warnings				as refused, for warnings
 */
#include <dirent.h>

#include "asl/asl.h"

#include "check.h"

/* 2026-01-31T12:00:00Z, which is "now" when a case starts. */
#define START INT64_C(1769860800000000)

#define MAX_STEPS 2000

typedef struct Simulation
{
	const Doc  *test;
	const AslMachine *machine;
	const Doc  *input;
	int64_t		now;
	int			steps;
	Doc		   *trace;
	Doc		   *calls;
	Doc		   *delays;
	Doc		   *waits;
	Doc		   *used;			/* mocks so far, by state */
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

static void
make_target(Doc *states, const char *name)
{
	Doc		   *state;

	if (name == NULL || doc_get(states, name) != NULL)
		return;
	state = doc_object();
	doc_object_add(state, "Type", doc_text("Succeed"));
	doc_object_add(states, name, state);
}

/* A machine around one state. */
static const Doc *
machine_around(const Doc *state)
{
	static const char *const lists[] = {"Choices", "Catch"};
	Doc		   *machine = doc_object();
	Doc		   *states = doc_object();
	const char *type = doc_get_text(state, "Type");
	bool		flows = type == NULL || (strcmp(type, "Choice") != 0 && strcmp(type, "Fail") != 0 && strcmp(type, "Succeed") != 0);
	Doc		   *copy;

	doc_object_add(machine, "StartAt", doc_text("S"));
	doc_object_add(machine, "States", states);
	if (state->kind == DOC_OBJECT && flows && doc_get(state, "Next") == NULL && doc_get(state, "End") == NULL)
	{
		copy = doc_copy_shallow(state);
		doc_object_add(copy, "End", doc_bool(true));
		state = copy;
	}
	doc_object_add(states, "S", state);
	make_target(states, doc_get_text(state, "Next"));
	make_target(states, doc_get_text(state, "Default"));
	for (size_t i = 0; i < lengthof(lists); i++)
	{
		const Doc  *list = doc_get(state, lists[i]);

		for (uint32_t j = 0; doc_is(list, DOC_ARRAY) && j < list->length; j++)
			make_target(states, doc_get_text(list->items[j], "Next"));
	}
	return machine;
}

static bool
complain(const char *what, const Doc *got, const Doc *expected)
{
	printf("# %s: got %s\n# expected %s\n", what, got == NULL ? "nothing" : doc_write(got, NULL),
		   expected == NULL ? "nothing" : doc_write(expected, NULL));
	return false;
}

/* Each expected [path, part of the message] is among the findings. */
static bool
check_findings(const AslFindings *findings, AslSeverity severity, const Doc *expected)
{
	bool		ok = true;

	for (uint32_t i = 0; i < expected->length; i++)
	{
		const char *path = expected->items[i]->items[0]->text;
		const char *part = expected->items[i]->items[1]->text;
		bool		found = false;

		for (int j = 0; j < findings->count; j++)
			found = found || (findings->items[j].severity == severity &&
							  strcmp(findings->items[j].path, path) == 0 && strstr(findings->items[j].message, part) != NULL);
		if (!found)
		{
			printf("# expected a finding at %s: %s\n", path, part);
			ok = false;
		}
	}
	return ok;
}

static bool
same_text(const char *what, const char *got, const Doc *expected)
{
	if (expected == NULL)
		return true;
	if (expected->kind == DOC_NULL ? got == NULL : got != NULL && doc_is_text(expected, got))
		return true;
	return complain(what, got == NULL ? NULL : doc_text(got), expected);
}

static bool
same_calls(const Doc *got, const Doc *expected)
{
	if (got->length != expected->length)
		return complain("calls", got, expected);
	for (uint32_t i = 0; i < expected->length; i++)
		for (uint32_t j = 0; j < expected->items[i]->length; j++)
		{
			const DocMember *member = &expected->items[i]->members[j];
			const Doc  *value = doc_get(got->items[i], member->key);

			if (value == NULL || !doc_equal(value, member->value))
				return complain("calls", got, expected);
		}
	return true;
}

static bool
same_list(const char *what, const Doc *got, const Doc *expected)
{
	return expected == NULL || doc_equal(got, expected) || complain(what, got, expected);
}

static bool
check_outcome(const Simulation *simulation, const Outcome *outcome, const Doc *expect)
{
	const Doc  *output = doc_get(expect, "output");
	const Doc  *has = doc_get(expect, "cause_has");
	bool		fails = doc_get(expect, "error") != NULL;
	bool		ok = true;

	if (fails != (outcome->output == NULL))
	{
		printf("# it %s: error %s, cause %s, output %s\n", fails ? "did not fail" : "failed",
			   outcome->error ? outcome->error : "none", outcome->cause ? outcome->cause : "none",
			   outcome->output ? doc_write(outcome->output, NULL) : "none");
		return false;
	}
	if (fails)
	{
		ok = same_text("error", outcome->error, doc_get(expect, "error")) &&
			same_text("cause", outcome->cause, doc_get(expect, "cause"));
		for (uint32_t i = 0; has != NULL && i < has->length; i++)
			if (outcome->cause == NULL || strstr(outcome->cause, has->items[i]->text) == NULL)
				ok = complain("cause", outcome->cause == NULL ? NULL : doc_text(outcome->cause), has->items[i]);
	}
	else
	{
		if (output != NULL && !doc_equal(output, outcome->output))
			ok = complain("output", outcome->output, output);
		if (doc_get(expect, "text") != NULL)
			ok = same_text("text", doc_write(outcome->output, NULL), doc_get(expect, "text")) && ok;
		if (doc_get(expect, "variables") != NULL &&
			!doc_equal(outcome->variables == NULL ? doc_object() : outcome->variables, doc_get(expect, "variables")))
			ok = complain("variables", outcome->variables, doc_get(expect, "variables"));
	}
	ok = same_list("trace", simulation->trace, doc_get(expect, "trace")) && ok;
	ok = same_list("delays", simulation->delays, doc_get(expect, "delays")) && ok;
	ok = same_list("waits", simulation->waits, doc_get(expect, "waits")) && ok;
	if (doc_get(expect, "calls") != NULL)
		ok = same_calls(simulation->calls, doc_get(expect, "calls")) && ok;
	return ok;
}

static bool
run_case(const Doc *test)
{
	const Doc  *expect = doc_get(test, "expect");
	const Doc  *definition = doc_get(test, "machine");
	AslFindings findings = {0};
	Simulation	simulation = {0};
	Outcome		outcome = {0};
	AslContext	context = {0};
	const AslMachine *machine;

	if (definition == NULL)
		definition = machine_around(doc_get(test, "state"));
	machine = asl_compile(definition, &findings);
	if (doc_get(expect, "warnings") != NULL &&
		!check_findings(&findings, ASL_WARNING, doc_get(expect, "warnings")))
		return false;
	if (doc_get(expect, "refused") != NULL)
		return check_findings(&findings, ASL_ERROR, doc_get(expect, "refused")) && machine == NULL;
	if (machine == NULL)
	{
		for (int i = 0; i < findings.count; i++)
			printf("# %s: %s\n", findings.items[i].path, findings.items[i].message);
		return false;
	}
	if (doc_get(expect, "accepted") != NULL)
		return true;
	simulation.test = test;
	simulation.machine = machine;
	simulation.now = START;
	simulation.trace = doc_array();
	simulation.calls = doc_array();
	simulation.delays = doc_array();
	simulation.waits = doc_array();
	simulation.used = doc_object();
	simulation.input = doc_get(test, "input") == NULL ? doc_object() : doc_get(test, "input");
	context.execution_id = "run-7";
	context.execution_name = "seven";
	context.execution_input = simulation.input;
	context.execution_start = START - 1500000;
	context.machine_id = "payments:3";
	context.machine_name = "payments";
	context.task_token = doc_get_text(test, "token");
	simulate(&simulation, machine, simulation.input, doc_get(test, "variables"), &context, &outcome);
	return check_outcome(&simulation, &outcome, expect);
}

static void
run_file(const char *folder, const char *name)
{
	char		path[4096];
	FILE	   *file;
	char	   *line = NULL;
	size_t		size = 0;
	int			number = 0;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	file = fopen(path, "r");
	if (!check(file != NULL, "%s opens", path))
		return;
	while (getline(&line, &size, file) > 0)
	{
		const Doc  *test;

		number++;
		line[strcspn(line, "\n")] = '\0';
		if (*line == '\0' || strncmp(line, "//", 2) == 0)
			continue;
		test = parse(line);
		check(test != NULL && doc_get(test, "expect") != NULL && run_case(test), "%s:%d %s", name, number,
			  test == NULL ? "" : doc_get_text(test, "name"));
		mem_reset();
	}
	free(line);
	fclose(file);
}

static int
is_case_file(const struct dirent *entry)
{
	size_t		length = strlen(entry->d_name);

	return length > 6 && strcmp(entry->d_name + length - 6, ".jsonl") == 0;
}

/* All files of test/asl, or those named. */
int
main(int argc, char **argv)
{
	struct dirent **entries;
	int			count;

	if (argc > 1)
	{
		for (int i = 1; i < argc; i++)
			run_file(".", argv[i]);
		return check_done();
	}
	count = scandir("test/asl", &entries, is_case_file, alphasort);
	check(count > 0, "test/asl has cases");
	for (int i = 0; i < count; i++)
	{
		run_file("test/asl", entries[i]->d_name);
		free(entries[i]);
	}
	if (count >= 0)
		free(entries);
	return check_done();
}
