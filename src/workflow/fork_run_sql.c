/*
 * fork_run_sql.c
 *		dalp.fork: a new run from a past state of another one.
 *
 * In a caller's backend and transaction.  The first run is only read, live or
 * finished, and goes on as it would have.
 */
#include "compat.h"

#include "miscadmin.h"

#include "core/catalog.h"
#include "core/document_jsonb.h"
#include "core/errors.h"
#include "core/limits.h"
#include "core/wake.h"
#include "ops/audit.h"
#include "workflow/arguments.h"
#include "workflow/fork_run.h"
#include "workflow/limit.h"
#include "workflow/run_control.h"
#include "workflow/start.h"

DALP_FUNCTION(dalp_fork);

/* The run never was in that state, or only inside of a branch. */
static void
refuse_state(const RunInfo *run, const char *state)
{
	ereport(ERROR,
			(errcode(ERRCODE_DALP_WRONG_STATE),
			 errmsg("run " INT64_FORMAT " can't be forked from state \"%s\"", run->run_id, state),
			 errdetail("It has not entered that state; states inside of Parallel and Map don't count."),
			 errhint("See dalp.run_history for the states that it has entered, branch 0.")));
}

static Jsonb *
fork_details(int64 run_id, const char *state)
{
	Problem		problem = {0};
	Doc		   *details = doc_object();

	doc_object_add(details, "run_id", doc_int(run_id));
	doc_object_add(details, "state", doc_text(state));
	return doc_to_jsonb(details, &problem);
}

Datum
dalp_fork(PG_FUNCTION_ARGS)
{
	int64		run_id;
	char	   *state = required_text(fcinfo, 1, "from_state");
	Jsonb	   *input = PG_ARGISNULL(2) ? NULL : PG_GETARG_JSONB_P(2);
	Oid			caller = GetUserId();
	bool		is_operator = catalog_user_is("dalp_operator");
	const Definition *definition;
	StoreScope	scope;
	RunInfo		run;
	int			data_seq;
	int64		new_run_id;

	catalog_require_writable();
	run_id = required_id(fcinfo, 0, "run_id");
	limit_payload("input", input);
	store_open(&scope);
	run_find(run_id, &run);
	if (!is_operator)
		definition_require(run.workflow_id, run.workflow, run.owner, caller);
	definition = definition_get(run.definition_id);
	if (asl_find_state(definition->machine, state) == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_DALP_INVALID_INPUT),
				 errmsg("workflow \"%s\" version %d has no state \"%s\"", definition->workflow, definition->version, state)));
	data_seq = fork_run_store_entry(run_id, state);
	if (data_seq < 0)
		refuse_state(&run, state);
	new_run_id = start_store_next_id();
	fork_run_store_start(new_run_id, run_id, data_seq, definition, state, input, caller);
	limit_hold_if_limited(new_run_id);
	audit_add(caller, "fork", psprintf("run " INT64_FORMAT, new_run_id), fork_details(run_id, state));
	wake_shard_at_commit(run_shard(new_run_id));
	if (asl_machine_timeout(definition->machine) > 0)
		wake_at_commit(WORKER_SCHEDULER);
	store_close(&scope);
	PG_RETURN_INT64(new_run_id);
}
