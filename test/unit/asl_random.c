/*
 * asl_random.c
 *		Promise: a machine comes to the same end whether it runs in memory or
 *		every step begins with what the one before has stored.
 *
 * Random machines of all types of states, nested, with Tasks that succeed and
 * fail; the seed of a machine that differs is printed.
 */
#include "asl_simulation.h"

#include "check.h"

#define MACHINES 1500

typedef struct Generator
{
	uint64_t	random;
	char		text[65536];
	size_t		used;
	int			states;			/* names given so far */
} Generator;

static uint32_t
below(Generator *generator, uint32_t limit)
{
	generator->random ^= generator->random << 13;
	generator->random ^= generator->random >> 7;
	generator->random ^= generator->random << 17;
	return (uint32_t) (generator->random >> 33) % limit;
}

__attribute__((format(printf, 2, 3)))
static void
add(Generator *generator, const char *format,...)
{
	va_list		args;

	va_start(args, format);
	generator->used += (size_t) vsnprintf(generator->text + generator->used,
										  sizeof(generator->text) - generator->used, format, args);
	va_end(args);
}

#define PICK(generator, list) (list)[below(generator, lengthof(list))]

static const char *const values[] = {
	"null", "true", "0", "1", "-2.50", "12345678901234567890", "\"\"", "\"text\"", "[]", "[1,\"a\",null]", "{}",
	"{\"a\":1,\"b\":{\"c\":[1,2]}}", "{\"a\":\"x\",\"l\":[{\"a\":1},{\"a\":2}]}",
};
static const char *const paths[] = {
	"$", "$.a", "$.l[*].a", "$..a", "$.b.c", "$$.State.Name", "$$.Execution.Input", "$v", "$.l[?(@.a > 1)]", "$[*]",
};
static const char *const templates[] = {
	"{}", "{\"k\":1,\"a.$\":\"$\"}", "{\"a.$\":\"States.JsonToString($)\"}", "{\"l\":[{\"a.$\":\"$$.State.Name\"},{\"a\":3}]}",
	"{\"a.$\":\"States.Format('{}-{}', $$.Execution.Name, $)\"}", "{\"b\":{\"c.$\":\"$..a\"}}", "{\"a.$\":\"States.MathAdd(1, 2)\",\"v.$\":\"$v\"}",
	"{\"a.$\":\"States.Array($, 1, 'x')\"}", "{\"a.$\":\"States.ArrayLength($)\"}",
};
static const char *const rules[] = {
	"\"Variable\":\"$\",\"IsPresent\":true", "\"Variable\":\"$.a\",\"IsPresent\":true", "\"Variable\":\"$\",\"NumericGreaterThan\":0",
	"\"Not\":{\"Variable\":\"$\",\"IsNull\":true}", "\"Or\":[{\"Variable\":\"$\",\"IsString\":true},{\"Variable\":\"$v\",\"NumericLessThan\":3}]",
	"\"And\":[{\"Variable\":\"$.a\",\"IsPresent\":true},{\"Variable\":\"$.a\",\"StringMatches\":\"x*\"}]", "\"Variable\":\"$.zz\",\"IsNull\":true",
};
static const char *const errors[] = {"A", "B", "States.TaskFailed", "States.ALL"};
static const char *const result_paths[] = {"null", "\"$\"", "\"$.r\"", "\"$.b.r\""};

static void add_machine(Generator *generator, int depth);

/* Fields that may be there or not. */
static void
add_fields(Generator *generator, bool result)
{
	if (below(generator, 6) == 0)
		add(generator, ",\"InputPath\":\"%s\"", PICK(generator, paths));
	if (below(generator, 6) == 0)
		add(generator, ",\"OutputPath\":\"%s\"", PICK(generator, paths));
	if (below(generator, 4) == 0)
		add(generator, ",\"Assign\":{\"v.$\":\"%s\",\"w\":%s}", PICK(generator, paths), PICK(generator, values));
	if (result && below(generator, 3) == 0)
		add(generator, ",\"ResultPath\":%s", PICK(generator, result_paths));
}

/* Retry, Catch and ResultSelector; catchers lead to the machine's last state. */
static void
add_handling(Generator *generator, int last)
{
	if (below(generator, 6) == 0)
		add(generator, ",\"ResultSelector\":%s", PICK(generator, templates));
	if (below(generator, 2) == 0)
		add(generator, ",\"Retry\":[{\"ErrorEquals\":[\"%s\"],\"MaxAttempts\":%u}]", PICK(generator, errors), below(generator, 3));
	if (below(generator, 2) == 0)
		add(generator, ",\"Catch\":[{\"ErrorEquals\":[\"%s\"],\"ResultPath\":%s,\"Assign\":{\"e.$\":\"$.Error\"},\"Next\":\"s%d\"}]",
			PICK(generator, errors), PICK(generator, result_paths), last);
}

static void
add_state(Generator *generator, int number, int last, int depth)
{
	uint32_t	type = below(generator, depth > 0 ? 8 : 6);

	add(generator, "\"s%d\":{", number);
	if (number == last)
	{
		add(generator, below(generator, 8) == 0 ? "\"Type\":\"Fail\",\"Error\":\"A\",\"CausePath\":\"$$.State.Name\"}" : "\"Type\":\"Succeed\"}");
		return;
	}
	switch (type)
	{
		case 0:
		case 1:
			add(generator, "\"Type\":\"Pass\"");
			if (below(generator, 2) == 0)
				add(generator, ",\"Result\":%s", PICK(generator, values));
			else if (below(generator, 2) == 0)
				add(generator, ",\"Parameters\":%s", PICK(generator, templates));
			add_fields(generator, true);
			break;
		case 2:
		case 3:
			add(generator, "\"Type\":\"Task\",\"Resource\":\"sql:f\"");
			if (below(generator, 3) == 0)
				add(generator, ",\"Parameters\":%s", PICK(generator, templates));
			add_handling(generator, last);
			add_fields(generator, true);
			break;
		case 4:
			add(generator, "\"Type\":\"Choice\",\"Choices\":[{%s,\"Next\":\"s%d\"},{%s,\"Assign\":{\"v\":2},\"Next\":\"s%d\"}],\"Default\":\"s%d\"",
				PICK(generator, rules), number + 1, PICK(generator, rules), last, number + 1);
			add_fields(generator, false);
			add(generator, "}");
			return;
		case 5:
			add(generator, "\"Type\":\"Wait\",\"Seconds\":%u", below(generator, 3));
			add_fields(generator, false);
			break;
		case 6:
			add(generator, "\"Type\":\"Parallel\",\"Branches\":[");
			add_machine(generator, depth - 1);
			add(generator, ",");
			add_machine(generator, depth - 1);
			add(generator, "]");
			add_handling(generator, last);
			add_fields(generator, true);
			break;
		default:
			add(generator, "\"Type\":\"Map\",\"ItemsPath\":\"%s\",\"MaxConcurrency\":%u,\"ItemProcessor\":",
				below(generator, 2) == 0 ? "$[*]" : "$..a", below(generator, 3));
			add_machine(generator, depth - 1);
			if (below(generator, 2) == 0)
				add(generator, ",\"ItemSelector\":{\"a.$\":\"$$.Map.Item.Value\",\"i.$\":\"$$.Map.Item.Index\"}");
			if (below(generator, 2) == 0)
				add(generator, ",\"ToleratedFailureCount\":%u", below(generator, 3));
			add_handling(generator, last);
			add_fields(generator, true);
			break;
	}
	add(generator, ",\"Next\":\"s%d\"}", number + 1);
}

/* A chain of states, in which rules and catchers jump to the last one. */
static void
add_machine(Generator *generator, int depth)
{
	int			count = 1 + (int) below(generator, depth > 1 ? 6 : 3);
	int			first = generator->states;
	int			last = first + count;

	generator->states += count + 1;
	add(generator, "{\"StartAt\":\"s%d\",\"States\":{", first);
	for (int i = first; i <= last; i++)
	{
		if (i > first)
			add(generator, ",");
		add_state(generator, i, last, depth);
	}
	add(generator, "}}");
}

/* Results and errors for every name. */
static const Doc *
make_mocks(Generator *generator)
{
	generator->used = 0;
	add(generator, "{\"mocks\":{");
	for (int i = 0; i < generator->states; i++)
	{
		add(generator, "%s\"s%d\":[", i > 0 ? "," : "", i);
		for (uint32_t j = below(generator, 3);; j--)
		{
			if (below(generator, 3) == 0)
				add(generator, "{\"error\":\"%s\",\"cause\":\"c\"}", below(generator, 2) == 0 ? "A" : "B");
			else
				add(generator, "{\"result\":%s}", PICK(generator, values));
			if (j == 0)
				break;
			add(generator, ",");
		}
		add(generator, "]");
	}
	add(generator, "},\"variables\":{\"v\":1}}");
	return parse(generator->text);
}

static bool
same(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static bool
run_machine(uint64_t seed)
{
	static Generator generator;
	const Doc  *definition;
	const AslMachine *machine;
	const Doc  *input;
	const Doc  *test;
	AslFindings findings = {0};
	AslSimulation memory;
	AslSimulation stored;
	bool		ok;

	memset(&generator, 0, sizeof(generator));
	generator.random = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
	add_machine(&generator, 2);
	definition = parse(generator.text);
	machine = asl_compile(definition, &findings);
	if (machine == NULL)
	{
		for (int i = 0; i < findings.count; i++)
			printf("# %s: %s\n", findings.items[i].path, findings.items[i].message);
		return false;
	}
	input = parse(PICK(&generator, values));
	test = make_mocks(&generator);
	simulation_run(&memory, machine, definition, input, test, false);
	simulation_run(&stored, machine, definition, input, test, true);
	ok = doc_equal(memory.trace, stored.trace) && doc_equal(memory.calls, stored.calls) &&
		(memory.output == NULL) == (stored.output == NULL);
	if (ok && memory.output != NULL)
		ok = strcmp(doc_write(memory.output, NULL), doc_write(stored.output, NULL)) == 0 &&
			(memory.final_variables == NULL || doc_equal(memory.final_variables, stored.final_variables));
	else if (ok)
		ok = same(memory.error, stored.error) && same(memory.cause, stored.cause);
	return ok;
}

int
main(void)
{
	for (uint64_t seed = 1; seed <= MACHINES; seed += 100)
	{
		uint64_t	failed = 0;

		for (uint64_t i = seed; i < seed + 100 && failed == 0; i++)
		{
			if (!run_machine(i))
				failed = i;
			mem_reset();
		}
		check(failed == 0, "machines %d to %d%s", (int) seed, (int) seed + 99, failed == 0 ? "" : ", see the comments");
		if (failed != 0)
			printf("# seed %d\n", (int) failed);
	}
	return check_done();
}
