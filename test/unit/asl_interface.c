/*
 * asl_interface.c
 *		Promise: the executor can rely on what asl.h says beyond the language
 *		itself: pointers passed through, counters, lookups, visits.
 */
#include "asl/asl.h"
#include "asl/choice.h"
#include "asl/timestamp.h"

#include "check.h"

static const Doc *
parse(const char *text)
{
	Problem		problem = {{0}, {0}};
	const Doc  *doc = doc_parse(text, strlen(text), &problem);

	if (doc == NULL)
		fprintf(stderr, "%s at %s\n", problem.message, problem.where);
	return doc;
}

static const AslMachine *
compile(const char *text)
{
	AslFindings findings = {0};
	const AslMachine *machine = asl_compile(parse(text), &findings);

	for (int i = 0; i < findings.count; i++)
		printf("# %s: %s\n", findings.items[i].path, findings.items[i].message);
	return machine;
}

static void
test_pointers(void)
{
	static const char *const states[] = {
		"{\"Type\":\"Pass\",\"End\":true}",
		"{\"Type\":\"Pass\",\"Result\":1,\"ResultPath\":null,\"End\":true}",
		"{\"Type\":\"Succeed\"}",
		"{\"Type\":\"Wait\",\"Seconds\":0,\"End\":true}",
		"{\"Type\":\"Task\",\"Resource\":\"sql:f\",\"End\":true}",
		"{\"Type\":\"Parallel\",\"Branches\":[{\"StartAt\":\"B\",\"States\":{\"B\":{\"Type\":\"Succeed\"}}}],\"End\":true}",
	};

	for (size_t i = 0; i < lengthof(states); i++)
	{
		char		text[512];
		AslPosition position = {0};
		AslDecision decision;

		snprintf(text, sizeof(text), "{\"StartAt\":\"A\",\"States\":{\"A\":%s}}", states[i]);
		position.state = asl_start(compile(text));
		position.input = parse("{\"a\":[1,2,3]}");
		position.variables = parse("{\"v\":1}");
		position.max_payload = 5;
		asl_enter(&position, &decision);
		check(decision.output == position.input && decision.variables == position.variables,
			  "input and variables are the same pointers after %s", states[i]);
	}
}

typedef struct Visited
{
	int			count;
	char		text[1024];
} Visited;

static void
visit(const AslState *state, const char *path, const char *resource, void *argument)
{
	Visited    *visited = argument;

	visited->count++;
	snprintf(visited->text + strlen(visited->text), sizeof(visited->text) - strlen(visited->text), "%s %s %s\n",
			 asl_state_name(state), path, resource);
}

static void
test_nested(void)
{
	const AslMachine *machine = compile(
		"{\"StartAt\":\"A\",\"TimeoutSeconds\":77,\"States\":{"
		"\"A\":{\"Type\":\"Task\",\"Resource\":\"sql:f\",\"Next\":\"P\",\"Isolated\":true,\"Compensate\":\"U\",\"Retry\":[{\"ErrorEquals\":[\"X\"]},{\"ErrorEquals\":[\"Y\"]}]},"
		"\"U\":{\"Type\":\"Task\",\"Resource\":\"sql:undo\",\"End\":true},"
		"\"P\":{\"Type\":\"Parallel\",\"Next\":\"M\",\"Branches\":[{\"StartAt\":\"B\",\"States\":{\"B\":{\"Type\":\"Task\",\"Resource\":\"activity:q\",\"End\":true}}},"
		"{\"StartAt\":\"C\",\"States\":{\"C\":{\"Type\":\"Fail\"}}}]},"
		"\"M\":{\"Type\":\"Map\",\"End\":true,\"Iterator\":{\"StartAt\":\"D d\",\"States\":{\"D d\":{\"Type\":\"Task\",\"Resource\":\"workflow:w\",\"End\":true}}}}}}");
	const AslState *parallel = asl_find_state(machine, "P");
	const AslMachine *branch = asl_branch(parallel, 0);
	Visited		visited = {0};

	check(asl_machine_timeout(machine) == 77 && asl_machine_timeout(branch) == 0, "time limit of the machine");
	check(asl_start(machine) == asl_find_state(machine, "A"), "start");
	check(asl_find_state(machine, "B") != NULL && asl_find_state(branch, "B") == asl_start(branch), "a nested state is found");
	check(asl_find_state(branch, "A") == NULL && asl_find_state(branch, "C") == NULL && asl_find_state(machine, "Z") == NULL,
		  "a state outside of a machine is not");
	check(asl_branch_count(parallel) == 2 && asl_branch(parallel, 2) == NULL && asl_branch(parallel, -1) == NULL &&
		  asl_branch_count(asl_start(machine)) == 0, "branches");
	check(asl_state_type(parallel) == ASL_PARALLEL && asl_state_type(asl_find_state(machine, "M")) == ASL_MAP, "types");
	check(!asl_state_is_end(parallel) && asl_state_is_end(asl_find_state(machine, "M")) &&
		  asl_state_is_end(asl_find_state(machine, "C")), "ends");
	check(asl_state_retriers(asl_start(machine)) == 2 && asl_state_retriers(parallel) == 0, "retriers");
	check(asl_task_isolated(asl_start(machine)) && !asl_task_isolated(asl_find_state(machine, "B")), "isolated");
	check_text(asl_task_compensate(asl_start(machine)), "U", "compensation");
	check(asl_task_compensate(asl_find_state(machine, "B")) == NULL, "no compensation");
	check_text(asl_task_resource(asl_find_state(machine, "B")), "activity:q", "resource");
	check(asl_task_resource(parallel) == NULL, "no resource");
	asl_visit_tasks(machine, visit, &visited);
	check(visited.count == 4, "all tasks are visited");
	check_text(visited.text,
			   "A $.States.A.Resource sql:f\nU $.States.U.Resource sql:undo\n"
			   "B $.States.P.Branches[0].States.B.Resource activity:q\n"
			   "D d $.States.M.Iterator.States['D d'].Resource workflow:w\n", "with their paths");
}

static void
test_findings(void)
{
	AslFindings findings = {0};
	Doc		   *definition = doc_object();
	char		name[32];

	asl_finding_add(&findings, ASL_WARNING, "$.x", "is %d", 5);
	asl_finding_add(&findings, ASL_ERROR, "$.y", "%s", "bad");
	check(findings.count == 2 && findings.errors == 1 && strcmp(findings.items[0].message, "is 5") == 0 &&
		  strcmp(findings.items[1].path, "$.y") == 0, "findings of the caller");
	for (int i = 0; i < 5000; i++)
	{
		snprintf(name, sizeof(name), "f%d", i);
		doc_object_add(definition, name, doc_null());
	}
	check(asl_compile(definition, &findings) == NULL && findings.errors == 1 + 5000 + 2 && findings.count == 1000,
		  "all errors count, not all are kept");
}

/* Whatever is cut is cut between characters: texts go into a database. */
static void
test_long_texts(void)
{
	AslFindings findings = {0};
	Doc		   *definition = doc_object();
	Doc		   *state = doc_object();
	Doc		   *states = doc_object();
	AslPosition position = {0};
	AslDecision decision;
	char		name[1201];
	char	   *path;
	bool		valid = true;

	for (size_t i = 0; i < 600; i++)
		memcpy(name + 2 * i, "\xc3\xbc", 3);
	for (int shift = 0; shift < 2; shift++)
	{
		doc_object_add(definition, "StartAt", doc_text("A"));
		doc_object_add(state, "Type", doc_text("Pass"));
		doc_object_add(state, "Next", doc_text(shift == 0 ? name : "xü"));
		doc_object_add(state, name, doc_null());
		doc_object_add(states, "A", state);
		doc_object_add(definition, "States", states);
		asl_compile(definition, &findings);
	}
	for (int i = 0; i < findings.count; i++)
		valid = valid && doc_is_utf8(findings.items[i].message, strlen(findings.items[i].message)) &&
			doc_is_utf8(findings.items[i].path, strlen(findings.items[i].path));
	check(findings.count >= 4 && valid, "findings are UTF-8");

	path = mem_alloc(80000);
	snprintf(path, 80000, "{\"StartAt\":\"A\",\"States\":{\"A\":{\"Type\":\"Pass\",\"End\":true,\"InputPath\":\"$.x");
	for (int i = 0; i < 40; i++)
		snprintf(path + strlen(path), 80000 - strlen(path), ".%s", name);
	strcat(path, "\"}}}");
	position.state = asl_start(compile(path));
	position.input = parse("{}");
	asl_enter(&position, &decision);
	check(decision.action == ASL_FAILURE && strlen(decision.cause) < 32768 && strlen(decision.cause) > 31000 &&
		  doc_is_utf8(decision.cause, strlen(decision.cause)), "a long cause is cut");
}

static void
test_errors(void)
{
	const AslMachine *machine = compile(
		"{\"StartAt\":\"A\",\"States\":{\"A\":{\"Type\":\"Task\",\"Resource\":\"sql:f\",\"End\":true,\"Retry\":[{\"ErrorEquals\":[\"States.ALL\"],\"MaxAttempts\":99999999,\"BackoffRate\":1}]}}}");
	AslPosition position = {0};
	AslDecision decision;
	AslError	error = {"E", {NULL, NULL, NULL}, "c", false, true};

	position.state = asl_start(machine);
	position.input = parse("{}");
	position.retries[0] = UINT16_MAX - 1;
	asl_error(&position, &error, &decision);
	check(decision.action == ASL_RETRY && decision.delay == 1000000 && decision.retrier == 0 &&
		  position.retries[0] == UINT16_MAX - 1, "the caller counts the attempts");
	position.retries[0] = UINT16_MAX;
	asl_error(&position, &error, &decision);
	check(decision.action == ASL_FAILURE && strcmp(decision.error, "E") == 0 && strcmp(decision.cause, "c") == 0,
		  "a counter that can't count on is used up");
}

static void
test_items(void)
{
	const AslMachine *machine = compile(
		"{\"StartAt\":\"M\",\"States\":{\"M\":{\"Type\":\"Map\",\"ItemSelector\":{\"v.$\":\"$$.Map.Item.Value.x\"},\"End\":true,"
		"\"ItemProcessor\":{\"StartAt\":\"I\",\"States\":{\"I\":{\"Type\":\"Succeed\"}}}}}}");
	AslContext	context = {0};
	AslPosition position = {0};
	AslDecision decision;
	const Doc  *item;

	position.state = asl_start(machine);
	position.input = parse("[{\"x\":1},{\"y\":2}]");
	position.context = &context;
	asl_enter(&position, &decision);
	check(decision.action == ASL_FORK && decision.items == position.input && decision.tolerated_failures == -1, "a Map forks");
	context.map_item_value = decision.items->items[0];
	check(asl_item_input(&position, &item, &decision) && strcmp(doc_write(item, NULL), "{\"v\":1}") == 0, "input of an item");
	context.map_item_value = position.input->items[1];
	context.map_item_index = 1;
	check(!asl_item_input(&position, &item, &decision) && decision.action == ASL_FAILURE &&
		  strcmp(decision.error, "States.Runtime") == 0, "an item without input fails the Map");
	position.input = parse("[]");
	asl_enter(&position, &decision);
	check(decision.action == ASL_FINISH && decision.output->length == 0, "an empty Map is over at once");
}

static void
test_timestamps(void)
{
	static const struct
	{
		const char *text;
		int64_t		microseconds;
	}			cases[] = {
		{"1970-01-01T00:00:00Z", 0}, {"1969-12-31T23:59:59.999Z", -1000}, {"2026-01-31T12:00:00Z", INT64_C(1769860800000000)},
		{"2000-02-29T23:59:59Z", INT64_C(951868799000000)}, {"0000-01-01T00:00:00Z", INT64_C(-62167219200000000)},
		{"9999-12-31T23:59:59.999999999Z", INT64_C(253402300800000000)}, {"1970-01-01T00:00:00.000000001Z", 1},
	};
	char		text[TIMESTAMP_SIZE];
	Instant		instant;
	bool		same = true;

	for (size_t i = 0; i < lengthof(cases); i++)
		check(timestamp_read(cases[i].text, strlen(cases[i].text), &instant) &&
			  timestamp_microseconds(&instant) == cases[i].microseconds, "%s", cases[i].text);
	/* Every 61st day and a bit from year 1 to 9999. */
	for (int64_t at = INT64_C(-62135596800000000); at < INT64_C(253402300799000000); at += INT64_C(5274061123000))
	{
		timestamp_write(at, text);
		same = same && timestamp_read(text, strlen(text), &instant) && timestamp_microseconds(&instant) == at - at % 1000 - (at % 1000 < 0 ? 1000 : 0);
	}
	check(same, "written timestamps are read again");
	check(!timestamp_read("2026-01-31T12:00:00Z", 10, &instant), "the length counts");
}

static void
test_patterns(void)
{
	check(string_matches("a\0b", 3, "a*b", 3) && string_matches("", 0, "", 0) && !string_matches("a", 1, "", 0) &&
		  string_matches("a\\", 2, "a\\", 2) && string_matches("*", 1, "\\*", 2) && !string_matches("x", 1, "\\*", 2) &&
		  string_matches("\\", 1, "\\\\", 2), "patterns");
}

int
main(void)
{
	test_pointers();
	test_nested();
	test_findings();
	test_long_texts();
	test_errors();
	test_items();
	test_timestamps();
	test_patterns();
	mem_reset();
	return check_done();
}
