/*
 * dry_run_sql.c
 *		dalp.dry_run: a whole run with its real SQL handlers, and nothing of it stays.
 *
 * In a caller's backend, in a subtransaction that is rolled back whatever
 * happens.  The machine runs in memory (asl/simulate.c): waits and delays pass
 * at once, branches run one after the other.  Handlers run as in a real run,
 * with the rights and the search_path of the workflow's author.
 */
#include "compat.h"

#include <limits.h>

#include "access/xact.h"
#include "miscadmin.h"
#include "utils/memutils.h"
#include "utils/resowner.h"

#include "asl/simulate.h"
#include "core/catalog.h"
#include "core/clock.h"
#include "core/document_jsonb.h"
#include "core/errors.h"
#include "core/settings.h"
#include "core/spi.h"
#include "workflow/arguments.h"
#include "workflow/handler.h"
#include "workflow/trial.h"

DALP_FUNCTION(dalp_dry_run);

/* As for dalp.test_state; time is the caller's statement_timeout, because handlers may need it. */
#define MAX_STEPS 100000
#define MAX_MEMORY ((Size) 256 * 1024 * 1024)

typedef struct DryRun
{
	const Definition *definition;
	const Doc  *mocks;
	MemoryContext context;
} DryRun;

/* AslSimulation.watch. */
static void
check_memory(void *argument)
{
	const DryRun *run = argument;

	if (MemoryContextMemAllocated(run->context, true) > MAX_MEMORY)
		ereport(ERROR,
				(errcode(ERRCODE_DALP_LIMIT_EXCEEDED),
				 errmsg("the dry run takes more than %d MB", (int) (MAX_MEMORY / (1024 * 1024)))));
}

/* AslTaskVisitor: what reaches outside of the database needs a mock. */
static void
require_mock(const AslState *state, const char *path, const char *resource, void *argument)
{
	const DryRun *run = argument;
	bool		waits = handler_token_suffix(resource) != NULL;

	(void) path;
	if ((strncmp(resource, "sql:", 4) == 0 && !waits) || doc_get(run->mocks, asl_state_name(state)) != NULL)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_DALP_INVALID_INPUT),
			 errmsg("state \"%s\" needs a mock", asl_state_name(state)),
			 errdetail("Its resource is \"%s\", and a dry run calls SQL functions only.", resource),
			 errhint("Give mocks => '{\"%s\": {\"result\": …}}'.", asl_state_name(state))));
}

/* AslSimulation.call. */
static const Doc *
call_handler(const AslState *state, const AslDecision *call, AslError *error, void *argument)
{
	const DryRun *run = argument;
	Problem		problem = {0};
	Jsonb	   *input = doc_to_jsonb(call->output, &problem);
	HandlerOutcome outcome;
	int			timeout = call->timeout > 0 && call->timeout < INT_MAX / 1000 ?
		(int) call->timeout * 1000 : dalp_step_timeout;

	if (input == NULL)
	{
		*error = (AslError) {.error = "States.Runtime", .cause = pstrdup(problem.message)};
		return NULL;
	}
	handler_call(run->definition, asl_task_resource(state), input, timeout, &outcome);
	if (outcome.kind == HANDLER_CONFLICT)
		ereport(ERROR,
				(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
				 errmsg("the dry run met another transaction in state \"%s\"", asl_state_name(state)),
				 errhint("Try again.")));
	*error = outcome.error;
	if (outcome.kind != HANDLER_DONE)
		return NULL;
	return outcome.result ? doc_from_jsonb(outcome.result) : doc_null();
}

static Jsonb *
run_dry(DryRun *run, const Doc *input)
{
	AslSimulation simulation = {
		.machine = run->definition->machine, .input = input, .mocks = run->mocks, .now = clock_to_unix(clock_now()),
		.random = pg_prng_double(&pg_global_prng_state), .max_payload = (int64) dalp_max_payload * 1024,
		.max_steps = MAX_STEPS, .watch = check_memory, .call = call_handler, .argument = run
	};
	Problem		problem = {0};
	Jsonb	   *report;

	simulation.context.execution_id = "0";
	simulation.context.execution_name = "dry run";
	simulation.context.execution_input = input;
	simulation.context.execution_start = simulation.now;
	simulation.context.machine_id = run->definition->machine_id;
	simulation.context.machine_name = run->definition->workflow;
	simulation.context.task_token = "dry run";
	asl_simulate(&simulation);
	if (simulation.steps > simulation.max_steps)
		ereport(ERROR,
				(errcode(ERRCODE_DALP_LIMIT_EXCEEDED), errmsg("the dry run takes more than %d steps", MAX_STEPS)));
	report = doc_to_jsonb(trial_report(&simulation), &problem);
	if (report == NULL)
		problem_raise(&problem, "result");
	return report;
}

/* In a subtransaction of which nothing stays. */
static Jsonb *
run_and_undo(DryRun *run, const Doc *input)
{
	ResourceOwner owner = CurrentResourceOwner;
	Jsonb	   *volatile report = NULL;
	ErrorData  *volatile edata = NULL;

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(run->context);
	PG_TRY();
	{
		report = run_dry(run, input);
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(run->context);
		edata = CopyErrorData();
		FlushErrorState();
	}
	PG_END_TRY();
	RollbackAndReleaseCurrentSubTransaction();
	MemoryContextSwitchTo(run->context);
	CurrentResourceOwner = owner;
	if (edata != NULL)
		ReThrowError(edata);
	return report;
}

Datum
dalp_dry_run(PG_FUNCTION_ARGS)
{
	MemoryContext caller = CurrentMemoryContext;
	char	   *name = required_text(fcinfo, 0, "workflow");
	Oid			user = GetUserId();
	DryRun		run = {.context = AllocSetContextCreate(caller, "dalp dry run", ALLOCSET_DEFAULT_SIZES)};
	Problem		problem = {0};
	StoreScope	scope;
	WorkflowInfo info;
	Jsonb	   *report;
	Jsonb	   *result;

	catalog_require_writable();
	store_open(&scope);
	MemoryContextSwitchTo(run.context);
	definition_find(name, PG_ARGISNULL(3) ? 0 : PG_GETARG_INT32(3), &info);
	definition_require(info.workflow_id, info.name, info.owner, user);
	run.definition = definition_get(info.definition_id);
	run.mocks = PG_ARGISNULL(2) ? NULL : doc_from_jsonb(PG_GETARG_JSONB_P(2));
	if (!trial_check_mocks(run.definition->machine, run.mocks, &problem))
		problem_raise(&problem, "mocks");
	asl_visit_tasks(run.definition->machine, require_mock, &run);
	report = run_and_undo(&run, PG_ARGISNULL(1) ? doc_object() : doc_from_jsonb(PG_GETARG_JSONB_P(1)));
	store_close(&scope);
	MemoryContextSwitchTo(caller);
	result = memcpy(palloc(VARSIZE(report)), report, VARSIZE(report));
	MemoryContextDelete(run.context);
	PG_RETURN_JSONB_P(result);
}
