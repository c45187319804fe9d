/*
 * asl_hostile.c
 *		Promise: no definition and no input, however hostile, makes compiling or
 *		deciding recurse without bound, run for long or fill memory.
 */
#include <time.h>

#include "asl/asl.h"

#include "check.h"

/* Seconds under sanitizers on a busy machine; what is quadratic here needs minutes. */
#define LIMIT 20

static char *text;
static size_t used;
static size_t size;

__attribute__((format(printf, 1, 2)))
static void
add(const char *format,...)
{
	va_list		args;

	if (size - used < 4096)
	{
		size = size * 2 + 65536;
		text = realloc(text, size);
	}
	va_start(args, format);
	used += (size_t) vsnprintf(text + used, size - used, format, args);
	va_end(args);
}

static const Doc *
take(void)
{
	Problem		problem = {{0}, {0}};
	const Doc  *doc = doc_parse(text, used, &problem);

	if (doc == NULL)
		printf("# %s at %s\n", problem.message, problem.where);
	used = 0;
	return doc;
}

/* An object of 100,000 members or an array of as many numbers. */
static const Doc *
large(bool object)
{
	add(object ? "{" : "[");
	for (int i = 0; i < 100000; i++)
		object ? add("%s\"k%d\":{\"v\":%d}", i > 0 ? "," : "", i, i) : add("%s%d", i > 0 ? "," : "", i);
	add(object ? "}" : "]");
	return take();
}

/* As deep as a document can be. */
static const Doc *
deep(void)
{
	for (int i = 0; i < DOC_MAX_DEPTH; i++)
		add("[");
	for (int i = 0; i < DOC_MAX_DEPTH; i++)
		add("]");
	return take();
}

static void
run(const char *name, const char *state, const Doc *input, AslAction action, const char *error)
{
	AslFindings findings = {0};
	const AslMachine *machine;
	AslPosition position = {0};
	AslDecision decision = {0};
	clock_t		start = clock();

	add("{\"StartAt\":\"A\",\"States\":{\"A\":%s,\"B\":{\"Type\":\"Succeed\"}}}", state);
	machine = asl_compile(take(), &findings);
	if (!check(machine != NULL, "%s compiles", name))
	{
		printf("# %s: %s\n", findings.items[0].path, findings.items[0].message);
		return;
	}
	position.state = asl_start(machine);
	position.input = input;
	asl_enter(&position, &decision);
	check(decision.action == action && (error == NULL || strcmp(decision.error, error) == 0), "%s ends as it should", name);
	check((clock() - start) / CLOCKS_PER_SEC < LIMIT, "%s in time", name);
}

#define PASS(expression) "{\"Type\":\"Pass\",\"Parameters\":{\"x.$\":\"" expression "\"},\"Next\":\"B\"}"

static void
test_inputs(void)
{
	const Doc  *object = large(true);
	const Doc  *array = large(false);
	char		state[32768];
	size_t		length;

	run("descent", PASS("$..v"), object, ASL_GO, NULL);
	run("descent of descents", PASS("$..*..*..*..*"), deep(), ASL_FAILURE, "States.DataLimitExceeded");
	run("filter on everything", PASS("$..[?(@.v > $.k5.v)]"), object, ASL_GO, NULL);
	run("filter with a search inside", PASS("$[*][?(@.v in $..v)]"), object, ASL_FAILURE, "States.DataLimitExceeded");
	run("unique numbers", PASS("States.ArrayUnique($)"), array, ASL_GO, NULL);
	run("merge of large objects", PASS("States.JsonMerge($, $, false)"), object, ASL_GO, NULL);
	run("all equal by path", PASS("States.ArrayContains($[*], $)"), object, ASL_GO, NULL);
	run("parts", PASS("States.ArrayPartition($, 1)"), array, ASL_GO, NULL);
	run("many items", "{\"Type\":\"Map\",\"ItemProcessor\":{\"StartAt\":\"I\",\"States\":{\"I\":{\"Type\":\"Succeed\"}}},\"Next\":\"B\"}",
		array, ASL_FORK, NULL);
	length = (size_t) snprintf(state, sizeof(state), "{\"Type\":\"Choice\",\"Default\":\"B\",\"Choices\":[");
	for (int i = 0; i < 300; i++)
		length += (size_t) snprintf(state + length, sizeof(state) - length,
									"%s{\"Variable\":\"$..v\",\"NumericEquals\":1,\"Next\":\"B\"}", i > 0 ? "," : "");
	snprintf(state + length, sizeof(state) - length, "]}");
	text = realloc(text, size = 1 << 20);
	used = (size_t) snprintf(text, size, "%s", "");
	{
		AslFindings findings = {0};
		AslPosition position = {0};
		AslDecision decision = {0};
		clock_t		start = clock();

		used += (size_t) snprintf(text, size, "{\"StartAt\":\"A\",\"States\":{\"A\":%s,\"B\":{\"Type\":\"Succeed\"}}}", state);
		position.state = asl_start(asl_compile(take(), &findings));
		position.input = object;
		asl_enter(&position, &decision);
		check(decision.action == ASL_FAILURE && strcmp(decision.error, "States.DataLimitExceeded") == 0,
			  "hundreds of searching rules share one budget");
		check((clock() - start) / CLOCKS_PER_SEC < LIMIT, "in time");
	}
}

/* A machine that doubles its document each turn, without a limit of its own. */
static void
test_doubling(void)
{
	AslFindings findings = {0};
	AslPosition position = {0};
	AslDecision decision = {0};
	int			turns = 0;
	clock_t		start = clock();

	add("{\"StartAt\":\"A\",\"States\":{\"A\":{\"Type\":\"Pass\",\"Parameters\":{\"a.$\":\"$\",\"b.$\":\"$\"},\"Next\":\"C\"},"
		"\"C\":{\"Type\":\"Choice\",\"Choices\":[{\"Variable\":\"$.end\",\"IsPresent\":true,\"Next\":\"B\"}],\"Default\":\"A\"},\"B\":{\"Type\":\"Succeed\"}}}");
	position.state = asl_start(asl_compile(take(), &findings));
	position.input = doc_text("0123456789");
	do
	{
		asl_enter(&position, &decision);
		position.state = decision.next;
		position.input = decision.output;
		turns++;
	} while (decision.action == ASL_GO && turns < 1000);
	check(decision.action == ASL_FAILURE && strcmp(decision.error, "States.DataLimitExceeded") == 0, "doubling ends");
	check((clock() - start) / CLOCKS_PER_SEC < 2 * LIMIT, "in time");
}

static void
test_definitions(void)
{
	AslFindings findings = {0};
	clock_t		start = clock();
	int			states = 20000;
	int			depth = 120;
	const Doc  *definition;
	const AslMachine *machine;

	add("{\"StartAt\":\"s0\",\"States\":{");
	for (int i = 0; i < states; i++)
		add("\"s%d\":{\"Type\":\"Pass\",\"Next\":\"s%d\"},", i, i + 1);
	add("\"s%d\":{\"Type\":\"Succeed\"}}}", states);
	machine = asl_compile(take(), &findings);
	check(machine != NULL && asl_find_state(machine, "s19999") != NULL, "20,000 states");

	/* Every state of it wrong in several ways. */
	add("{\"StartAt\":\"s0\",\"States\":{");
	for (int i = 0; i < states; i++)
		add("\"s%d\":{\"Type\":\"Pass\",\"Next\":\"t%d\",\"InputPath\":\"x\",\"Foo\":1},", i, i);
	add("\"z\":5}}");
	check(asl_compile(take(), &findings) == NULL && findings.errors > 3 * states && findings.count <= 1000, "60,000 mistakes");

	for (int i = 0; i < depth; i++)
		add("{\"StartAt\":\"p%d\",\"States\":{\"p%d\":{\"Type\":\"Parallel\",\"End\":true,\"Branches\":[", i, i);
	add("{\"StartAt\":\"x\",\"States\":{\"x\":{\"Type\":\"Succeed\"}}}");
	for (int i = 0; i < depth; i++)
		add("]}}}");
	memset(&findings, 0, sizeof(findings));
	machine = asl_compile(take(), &findings);
	check(machine != NULL && asl_find_state(machine, "x") != NULL, "120 levels of Parallel");

	add("{\"StartAt\":\"c\",\"States\":{\"x\":{\"Type\":\"Succeed\"},\"c\":{\"Type\":\"Choice\",\"Choices\":[{\"Next\":\"x\",\"Not\":");
	for (int i = 0; i < 400; i++)
		add("{\"Not\":");
	add("{\"Variable\":\"$.a\",\"IsPresent\":true}");
	for (int i = 0; i < 400; i++)
		add("}");
	add("}]}}}");
	definition = take();
	memset(&findings, 0, sizeof(findings));
	machine = asl_compile(definition, &findings);
	check(machine != NULL, "400 levels of Not");

	add("{\"StartAt\":\"c\",\"States\":{\"c\":{\"Type\":\"Pass\",\"End\":true,\"Parameters\":");
	for (int i = 0; i < 500; i++)
		add("[");
	for (int i = 0; i < 500; i++)
		add("]");
	add("}}}");
	definition = take();
	memset(&findings, 0, sizeof(findings));
	check(asl_compile(definition, &findings) == NULL, "500 levels of Parameters that are no object");
	check((clock() - start) / CLOCKS_PER_SEC < LIMIT, "all in time");
}

int
main(void)
{
	test_inputs();
	test_doubling();
	mem_reset();
	test_definitions();
	mem_reset();
	free(text);
	return check_done();
}
