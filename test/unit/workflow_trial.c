/*
 * workflow_trial.c
 *		Promise: a state that stands alone is put into a machine whatever it
 *		leads to, and mocks are what they should be before they are used.
 *
 * Links: src/workflow/trial.c
 */
#include "workflow/trial.h"

#include "check.h"

static const Doc *
parse(const char *text)
{
	return doc_parse(text, strlen(text), NULL);
}

static void
check_wrapped(const char *state, const char *machine, const char *name)
{
	TrialState	trial;

	check(trial_is_state(parse(state)), "%s", name);
	trial_wrap_state(parse(state), &trial);
	check_text(doc_write(trial.machine, NULL), machine, name);
}

static void
test_states(void)
{
	check_wrapped("{\"Type\":\"Pass\",\"Next\":\"B\"}",
				  "{\"StartAt\":\"State\",\"States\":{\"State\":{\"Type\":\"Pass\",\"Next\":\"B\"},\"B\":{\"Type\":\"Succeed\"}}}",
				  "a way on");
	check_wrapped("{\"Type\":\"Pass\",\"Next\":\"State\",\"Comment\":\"State2\"}",
				  "{\"StartAt\":\"State3\",\"States\":{\"State3\":{\"Type\":\"Pass\",\"Next\":\"State\",\"Comment\":\"State2\"},"
				  "\"State\":{\"Type\":\"Succeed\"}}}",
				  "names that are taken");
	check_wrapped("{\"Type\":\"Task\",\"Next\":\"B\",\"Compensate\":\"C\",\"Catch\":[{\"Next\":\"B\"},{\"Next\":5},7]}",
				  "{\"StartAt\":\"State\",\"States\":{\"State\":{\"Type\":\"Task\",\"Next\":\"B\",\"Compensate\":\"C\","
				  "\"Catch\":[{\"Next\":\"B\"},{\"Next\":5},7]},"
				  "\"C\":{\"Type\":\"Task\",\"Resource\":\"sql:stand_in\",\"End\":true},\"B\":{\"Type\":\"Succeed\"}}}",
				  "a compensation, and what is no way");
	check_wrapped("{\"Type\":\"Choice\",\"Choices\":[{\"Next\":\"A\"},{\"Next\":\"\"}],\"Default\":null}",
				  "{\"StartAt\":\"State\",\"States\":{\"State\":{\"Type\":\"Choice\",\"Choices\":[{\"Next\":\"A\"},{\"Next\":\"\"}],"
				  "\"Default\":null},\"A\":{\"Type\":\"Succeed\"}}}",
				  "choices");
	check(!trial_is_state(parse("{\"StartAt\":\"A\",\"States\":{}}")), "a machine is no state");
	check(!trial_is_state(parse("[1]")) && !trial_is_state(parse("5")), "nor is what is no object");
}

static void
test_paths(void)
{
	TrialState	trial;

	trial_wrap_state(parse("{\"Type\":\"Pass\",\"Next\":\"State2\"}"), &trial);
	check_text(trial_path(&trial, "$.States.State.Retry[0]"), "$.Retry[0]", "a field of the state");
	check_text(trial_path(&trial, "$.States.State"), "$", "the state itself");
	check_text(trial_path(&trial, "$.States.State2.Next"), "$.States.State2.Next", "another state whose name begins alike");
	check_text(trial_path(&trial, "$"), "$", "the machine");
}

static void
check_refused(const AslMachine *machine, const char *mocks, const char *message)
{
	Problem		problem = {0};

	check(!trial_check_mocks(machine, parse(mocks), &problem), "%s", mocks);
	check_text(problem.message, message, mocks);
}

static void
test_mocks(void)
{
	AslFindings findings = {0};
	const AslMachine *machine =
		asl_compile(parse("{\"StartAt\":\"A\",\"States\":{\"A\":{\"Type\":\"Task\",\"Resource\":\"sql:a\",\"Next\":\"B\"},"
						  "\"B\":{\"Type\":\"Succeed\"}}}"), &findings);
	const char *either = "a mock must be an object with either result or error";
	char		name[1000];
	char		mocks[2000];
	Problem		problem = {0};

	check(trial_check_mocks(machine, NULL, &problem), "no mocks");
	check(trial_check_mocks(machine, parse("{\"A\":{\"result\":null}}"), &problem), "a result that is null");
	check(trial_check_mocks(machine, parse("{\"A\":[{\"result\":1},{\"error\":\"E\",\"cause\":\"c\",\"aliases\":[\"a\",\"b\",\"c\"],"
										   "\"permanent\":true}]}"), &problem), "a list");
	check_refused(machine, "[]", "they must be an object of states' names");
	check_refused(machine, "{\"C\":{\"result\":1}}", "there is no state \"C\"");
	check_refused(machine, "{\"B\":{\"result\":1}}", "state \"B\" is no Task; only Tasks are mocked");
	check_refused(machine, "{\"A\":[]}", "a list of mocks must not be empty");
	check_refused(machine, "{\"A\":{}}", either);
	check_refused(machine, "{\"A\":[[]]}", either);
	check_refused(machine, "{\"A\":{\"error\":\"E\",\"result\":1}}", either);
	check_refused(machine, "{\"A\":{\"error\":null}}", "error must be a text");
	check_refused(machine, "{\"A\":{\"error\":\"E\",\"cause\":1}}", "cause must be a text");
	check_refused(machine, "{\"A\":{\"error\":\"E\",\"aliases\":[1]}}", "aliases must be names");
	check_refused(machine, "{\"A\":{\"error\":\"E\",\"aliases\":[\"1\",\"2\",\"3\",\"4\"]}}", "aliases must be an array of at most 3 names");
	check_refused(machine, "{\"A\":{\"error\":\"E\",\"permanent\":1}}", "permanent must be true or false");
	check_refused(machine, "{\"A\":{\"result\":1,\"cause\":\"c\"}}", "a mock with result can't have \"cause\"");

	/* Two bytes a character, with an odd one before: the cut falls between characters. */
	name[0] = 'x';
	for (int i = 1; i < 601; i += 2)
		memcpy(name + i, "\xc3\xa9", 2);
	name[601] = '\0';
	snprintf(mocks, sizeof(mocks), "{\"%s\":1}", name);
	problem = (Problem) {{0}, {0}};
	check(!trial_check_mocks(machine, parse(mocks), &problem) &&
		  doc_is_utf8(problem.message, strlen(problem.message)) && strlen(problem.message) < 200, "a long name is cut between characters");
}

int
main(void)
{
	test_states();
	test_paths();
	test_mocks();
	mem_reset();
	return check_done();
}
