/*
 * run_control.c
 *		Cancel, pause, resume and redrive.
 *
 * In an operator's backend, in the caller's transaction.  Whoever changes a
 * run locks its row first, so that a step of it is either committed before or
 * doesn't happen.
 */
#include "compat.h"

#include "chain/chain.h"
#include "core/clock.h"
#include "core/errors.h"
#include "core/wake.h"
#include "workflow/compensate.h"
#include "workflow/patch.h"
#include "workflow/resume.h"
#include "workflow/limit.h"
#include "workflow/run_control.h"

/* The run has ended: say how. */
static void
refuse_ended(int64 run_id, const char *verb)
{
	RunInfo		info;

	run_find(run_id, &info);
	ereport(ERROR,
			(errcode(ERRCODE_DALP_WRONG_STATE),
			 errmsg("run " INT64_FORMAT " can't be %s", run_id, verb),
			 errdetail("It is %s; only RUNNING and PAUSED runs can be.", info.status ? info.status : "ending")));
}

static Step *
lock_live(int64 run_id, const char *verb)
{
	Step	   *step;

	/* The executor has it in hand and would write what it knew before. */
	if (run_id == task_calling_run())
		ereport(ERROR,
				(errcode(ERRCODE_DALP_WRONG_STATE),
				 errmsg("run " INT64_FORMAT " can't be %s by a handler of its own", run_id, verb),
				 errdetail("Its step is under way."),
				 errhint("Let the handler return or fail, and the state machine decide.")));
	step = claim_run(run_id);
	if (step == NULL)
		refuse_ended(run_id, verb);
	return step;
}

/* The run is locked, and does what it does between two steps. */
static void
cancel(Step *step, const char *reason, bool compensate)
{
	BatchWrites writes;

	batch_init(&writes);
	if (step->compensating)
		compensate_stop(step, &writes, reason);
	else
	{
		run_abandon_waits(step, reason);
		step_abort_run(step, &writes, reason, compensate);
	}
	batch_flush(&writes);
}

void
run_cancel(int64 run_id, const char *reason, bool compensate)
{
	Step	   *step = lock_live(run_id, "cancelled");

	if (step->compensating && compensate)
		ereport(ERROR,
				(errcode(ERRCODE_DALP_WRONG_STATE),
				 errmsg("run " INT64_FORMAT " can't be cancelled", run_id),
				 errdetail("It has failed already, and compensates what it had completed."),
				 errhint("With compensate => false it ends at once, and what isn't compensated yet never will be.")));
	cancel(step, reason, compensate);
}

void
run_cancel_child(int64 run_id, const char *reason)
{
	Step	   *step = claim_run(run_id);

	if (step != NULL && !step->compensating)
		cancel(step, reason, true);
}

void
run_abandon_waits(const Step *run, const char *reason)
{
	RunWait    *waits;
	int			count = run_waits(run->run_id, &waits);

	task_abandon_waits(run, waits, count, reason);
}

/* A journal row of an event that changes no position but the number of the last row. */
static void
note(Step *step, const char *event)
{
	BatchWrites writes;

	step->entered_logged = true;
	batch_init(&writes);
	batch_journal(&writes, step, event, clock_now(), NULL, NULL, NULL, NULL, NULL);
	batch_position(&writes, step);
	batch_flush(&writes);
}

void
run_pause(int64 run_id)
{
	Step	   *step = lock_live(run_id, "paused");

	if (!run_store_pause(run_id, step->definition->workflow))
		ereport(ERROR,
				(errcode(ERRCODE_DALP_WRONG_STATE),
				 errmsg("run " INT64_FORMAT " is paused already", run_id)));
	note(step, "paused");
	if (step->concurrency_key != NULL)
		claim_pass_key(step->definition->workflow_id, step->concurrency_key);
}

void
run_resume(int64 run_id)
{
	Step	   *step = lock_live(run_id, "resumed");

	if (!run_store_resume(run_id))
		ereport(ERROR,
				(errcode(ERRCODE_DALP_WRONG_STATE),
				 errmsg("run " INT64_FORMAT " is not paused", run_id)));
	note(step, "resumed");
	if (step->concurrency_key != NULL)
		claim_pass_key(step->definition->workflow_id, step->concurrency_key);
}

void
workflow_pause(const char *name)
{
	WorkflowInfo info;

	definition_find(name, 0, &info);
	if (!workflow_store_pause(info.workflow_id, true))
		ereport(ERROR,
				(errcode(ERRCODE_DALP_WRONG_STATE),
				 errmsg("workflow \"%s\" is paused already", name)));
}

void
workflow_resume(const char *name)
{
	WorkflowInfo info;

	definition_find(name, 0, &info);
	if (!workflow_store_pause(info.workflow_id, false))
		ereport(ERROR,
				(errcode(ERRCODE_DALP_WRONG_STATE),
				 errmsg("workflow \"%s\" is not paused", name)));
	run_store_unpark("workflow_paused", name);
	wake_at_commit(WORKER_SCHEDULER);	/* it lets nobody in meanwhile, see limit.h */
}

/* The state that failed is entered once more, with its input patched. */
static void
enter_again(Step *step, BatchWrites *writes, Jsonb *patch, int64 delay)
{
	bool		has_result;

	step->entered_logged = true;
	step->entry--;
	has_result = patch == NULL && resume_with_result(step, writes);
	if (!has_result)
		step->entry++;
	batch_journal(writes, step, "redriven", clock_now(), patch_apply(step->input, patch), step->variables, NULL, NULL, patch);
	step->data_seq = step->last_seq;
	batch_position(writes, step);
	if (!has_result)
		resume_step(step, writes, delay);
}

static void
refuse_redrive(int64 run_id)
{
	RunInfo		info;

	run_find(run_id, &info);
	ereport(ERROR,
			(errcode(ERRCODE_DALP_WRONG_STATE),
			 errmsg("run " INT64_FORMAT " can't be redriven", run_id),
			 info.compensated ? errdetail("What it had completed has been compensated, so that there is nothing to go on from.") :
			 errdetail("It is %s; only failed runs can be.", info.status ? info.status : "live"),
			 info.compensated ? errhint("dalp.fork(run_id, from_state) starts a new run from one of its states; dalp.discard settles the dead letter.") : 0));
}

int64
run_redrive(int64 run_id, Jsonb *patch, Oid actor, int64 delay)
{
	char	   *status;
	Step	   *step = run_store_revive(run_id, false, &status);
	BatchWrites writes;
	int64		timeout;
	int64		unsettled;

	(void) actor;
	if (step == NULL)
		refuse_redrive(run_id);

	unsettled = chain_unsettled_for_run(run_id);
	if (unsettled != 0)
		ereport(ERROR,
				(errcode(ERRCODE_DALP_WRONG_STATE),
				 errmsg("run " INT64_FORMAT " can't be redriven yet", run_id),
				 errdetail("Transaction " INT64_FORMAT ", which it submitted, may still happen.", unsettled),
				 errhint("Wait until dalp.transactions shows its outcome, or cancel it.")));

	batch_init(&writes);
	if (!fork_resume(step, &writes, patch, delay))
		enter_again(step, &writes, patch, delay);
	timeout = asl_machine_timeout(step->definition->machine);
	if (timeout > 0)
		batch_timer(&writes, step, "deadline", clock_now() + delay + timeout * USECS_PER_SEC);
	batch_flush(&writes);
	fork_settle(&writes);
	limit_hold_if_limited(run_id);
	return run_id;
}
