/*
 * trial_sql.c
 *		dalp.sequence and dalp.test_state: definitions before they are stored.
 *
 * In a caller's backend.  Nothing is read from tables or stored, no handler is
 * called, so that no rights are needed but those on the functions.
 */
#include "compat.h"

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/jsonb.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "asl/render.h"
#include "asl/simulate.h"
#include "core/clock.h"
#include "core/document_jsonb.h"
#include "core/settings.h"
#include "workflow/arguments.h"
#include "workflow/trial.h"
#include "workflow/handler.h"

DALP_FUNCTION(dalp_sequence);
DALP_FUNCTION(dalp_test_state);

/*
 * What a trial may take, so that a mistake in a definition is an error and no
 * busy backend: states and attempts, seconds, bytes.  Far more than a machine
 * with a Map of 10,000 items needs.
 */
#define MAX_STEPS 100000
#define MAX_SECONDS_TAKEN 10
#define MAX_MEMORY ((Size) 256 * 1024 * 1024)

static Jsonb *
result_jsonb(const Doc *document, const char *what)
{
	Problem		problem = {0};
	Jsonb	   *jsonb = doc_to_jsonb(document, &problem);

	if (jsonb == NULL)
		problem_raise(&problem, what);
	return jsonb;
}

/* The errors among the findings, one a line, their paths as the caller knows them. */
static char *
errors_text(const AslFindings *findings, const TrialState *trial)
{
	StringInfoData text;

	initStringInfo(&text);
	for (int i = 0; i < findings->count; i++)
		if (findings->items[i].severity == ASL_ERROR)
			appendStringInfo(&text, "%s%s: %s", text.len > 0 ? "\n" : "",
							 trial != NULL ? trial_path(trial, findings->items[i].path) : findings->items[i].path,
							 findings->items[i].message);
	return text.data;
}

Datum
dalp_sequence(PG_FUNCTION_ARGS)
{
	Datum	   *names;
	bool	   *nulls;
	int			count;
	const char **functions;
	const Doc  *definition;
	AslFindings findings = {0};

	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_DALP_INVALID_INPUT), errmsg("functions must not be null")));
	deconstruct_array(PG_GETARG_ARRAYTYPE_P(0), TEXTOID, -1, false, TYPALIGN_INT, &names, &nulls, &count);
	if (count == 0)
		ereport(ERROR,
				(errcode(ERRCODE_DALP_INVALID_INPUT), errmsg("a sequence needs at least one function")));
	functions = palloc(mul_size(sizeof(char *), count));
	for (int i = 0; i < count; i++)
	{
		if (nulls[i])
			ereport(ERROR,
					(errcode(ERRCODE_DALP_INVALID_INPUT), errmsg("function %d must not be null", i + 1)));
		functions[i] = TextDatumGetCString(names[i]);
	}
	definition = asl_sequence(functions, count);
	(void) asl_compile(definition, &findings);
	if (findings.errors > 0)
		ereport(ERROR,
				(errcode(ERRCODE_DALP_INVALID_INPUT),
				 errmsg("a name in the sequence can't be that of a function"),
				 errdetail("%s", errors_text(&findings, NULL)),
				 errhint("Write functions as schema.function, without arguments.")));
	PG_RETURN_JSONB_P(result_jsonb(definition, "sequence"));
}

typedef struct Budget
{
	MemoryContext context;		/* of the trial, with all below it */
	TimestampTz deadline;
} Budget;

/* AslSimulation.watch. */
static void
check_budget(void *argument)
{
	const Budget *budget = argument;

	if (GetCurrentTimestamp() > budget->deadline)
		ereport(ERROR,
				(errcode(ERRCODE_DALP_LIMIT_EXCEEDED),
				 errmsg("the definition takes more than %d seconds to test", MAX_SECONDS_TAKEN)));
	if (MemoryContextMemAllocated(budget->context, true) > MAX_MEMORY)
		ereport(ERROR,
				(errcode(ERRCODE_DALP_LIMIT_EXCEEDED),
				 errmsg("the definition takes more than %d MB to test", (int) (MAX_MEMORY / (1024 * 1024)))));
}

static const AslMachine *
compile(const Doc *definition, const TrialState *trial)
{
	AslFindings findings = {0};
	const AslMachine *machine = asl_compile(definition, &findings);

	if (machine == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_DALP_INVALID_DEFINITION),
				 errmsg("definition is invalid"),
				 errdetail("%s", errors_text(&findings, trial)),
				 errhint("dalp.validate_workflow(definition) lists all findings about a machine.")));
	return machine;
}

static const AslState *
find_state(const AslMachine *machine, const char *name)
{
	const AslState *state = asl_find_state(machine, name);

	if (state == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_DALP_INVALID_INPUT),
				 errmsg("the definition has no state \"%s\"", name)));
	return state;
}

static void
note_token(const AslState *state, const char *path, const char *resource, void *argument)
{
	AslContext *context = argument;

	(void) state;
	(void) path;
	if (handler_token_suffix(resource) != NULL)
		context->task_token = "test";
}

/* What $$ says of a run that never was. */
static void
fill_context(AslSimulation *simulation)
{
	AslContext *context = &simulation->context;

	context->execution_id = "0";
	context->execution_name = "test";
	context->execution_input = simulation->input;
	context->execution_start = simulation->now;
	context->machine_id = "test:0";
	context->machine_name = "test";
	asl_visit_tasks(simulation->machine, note_token, context);
}

/* All of dalp.test_state between its arguments and its result. */
static const Doc *
run_trial(const Doc *definition, const Doc *input, const Doc *mocks, const char *state, const Doc *variables)
{
	Budget		budget = {CurrentMemoryContext, GetCurrentTimestamp() + MAX_SECONDS_TAKEN * USECS_PER_SEC};
	AslSimulation simulation = {
		.input = input, .variables = variables, .now = clock_to_unix(clock_now()),
		.random = pg_prng_double(&pg_global_prng_state), .max_payload = (int64) dalp_max_payload * 1024,
		.max_steps = MAX_STEPS, .watch = check_budget, .argument = &budget
	};
	Problem		problem = {0};

	if (trial_is_state(definition))
	{
		TrialState	trial;

		if (state != NULL)
			ereport(ERROR,
					(errcode(ERRCODE_DALP_INVALID_INPUT),
					 errmsg("the definition is one state, so that there is none to choose")));
		trial_wrap_state(definition, &trial);
		simulation.machine = compile(trial.machine, &trial);
		simulation.only = asl_find_state(simulation.machine, trial.name);
		mocks = trial_wrap_mocks(&trial, simulation.only, mocks);
	}
	else
	{
		simulation.machine = compile(definition, NULL);
		simulation.only = state == NULL ? NULL : find_state(simulation.machine, state);
	}
	if (!trial_check_mocks(simulation.machine, mocks, &problem))
		problem_raise(&problem, "mocks");
	simulation.mocks = mocks;
	fill_context(&simulation);
	asl_simulate(&simulation);
	if (simulation.steps > simulation.max_steps)
		ereport(ERROR,
				(errcode(ERRCODE_DALP_LIMIT_EXCEEDED),
				 errmsg("the definition takes more than %d steps to test", MAX_STEPS)));
	return trial_report(&simulation);
}

static const Doc *
document_argument(FunctionCallInfo fcinfo, int number)
{
	return PG_ARGISNULL(number) ? NULL : doc_from_jsonb(PG_GETARG_JSONB_P(number));
}

Datum
dalp_test_state(PG_FUNCTION_ARGS)
{
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext context = AllocSetContextCreate(caller, "dalp trial", ALLOCSET_DEFAULT_SIZES);
	const Doc  *input;
	const Doc  *mocks;
	const Doc  *variables;
	const Doc  *result;
	Jsonb	   *jsonb;

	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_DALP_INVALID_INPUT), errmsg("definition must not be null")));
	MemoryContextSwitchTo(context);
	input = document_argument(fcinfo, 1);
	mocks = document_argument(fcinfo, 2);
	variables = document_argument(fcinfo, 4);
	if (variables != NULL && variables->kind != DOC_OBJECT)
		ereport(ERROR,
				(errcode(ERRCODE_DALP_INVALID_INPUT), errmsg("variables must be an object")));
	result = run_trial(document_argument(fcinfo, 0), input != NULL ? input : doc_object(), mocks,
					   text_argument(fcinfo, 3), variables);
	MemoryContextSwitchTo(caller);
	jsonb = result_jsonb(result, "result");
	MemoryContextDelete(context);
	PG_RETURN_JSONB_P(jsonb);
}
