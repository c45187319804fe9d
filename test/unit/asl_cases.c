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

#include "asl_simulation.h"

#include "check.h"

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
check_outcome(const AslSimulation *simulation, const Doc *expect)
{
	const Doc  *output = doc_get(expect, "output");
	const Doc  *has = doc_get(expect, "cause_has");
	bool		fails = doc_get(expect, "error") != NULL;
	bool		ok = true;

	if (fails != (simulation->output == NULL))
	{
		printf("# it %s: error %s, cause %s, output %s\n", fails ? "did not fail" : "failed",
			   simulation->error ? simulation->error : "none", simulation->cause ? simulation->cause : "none",
			   simulation->output ? doc_write(simulation->output, NULL) : "none");
		return false;
	}
	if (fails)
	{
		ok = same_text("error", simulation->error, doc_get(expect, "error")) &&
			same_text("cause", simulation->cause, doc_get(expect, "cause"));
		for (uint32_t i = 0; has != NULL && i < has->length; i++)
			if (simulation->cause == NULL || strstr(simulation->cause, has->items[i]->text) == NULL)
				ok = complain("cause", simulation->cause == NULL ? NULL : doc_text(simulation->cause), has->items[i]);
	}
	else
	{
		if (output != NULL && !doc_equal(output, simulation->output))
			ok = complain("output", simulation->output, output);
		if (doc_get(expect, "text") != NULL)
			ok = same_text("text", doc_write(simulation->output, NULL), doc_get(expect, "text")) && ok;
		if (doc_get(expect, "variables") != NULL &&
			!doc_equal(simulation->final_variables == NULL ? doc_object() : simulation->final_variables, doc_get(expect, "variables")))
			ok = complain("variables", simulation->final_variables, doc_get(expect, "variables"));
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
	const Doc  *input = doc_get(test, "input") == NULL ? doc_object() : doc_get(test, "input");
	AslSimulation simulation;
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
	simulation_run(&simulation, machine, definition, input, test, false);
	if (!check_outcome(&simulation, expect))
		return false;
	/* The same with every step's input and variables stored in between. */
	simulation_run(&simulation, machine, definition, input, test, true);
	return check_outcome(&simulation, expect);
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
