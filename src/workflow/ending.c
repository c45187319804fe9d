/*
 * ending.c
 *		How runs end: with their output, by a failure, because somebody wants it.
 *
 * In an executor or in an operator's backend, the run locked.  A run that has
 * something to compensate doesn't end at once: its journal says how it failed,
 * and compensate.c ends it when all is undone.
 */
#include "compat.h"

#include "core/clock.h"
#include "ops/dead_letter.h"
#include "workflow/compensate.h"
#include "workflow/fork_store.h"
#include "workflow/message.h"
#include "workflow/step.h"

static void
release_key(const Step *step)
{
	if (step->concurrency_key != NULL)
		claim_release_key(step->definition->workflow_id, step->concurrency_key, step->run_id);
}

void
step_finish_run(Step *step, BatchWrites *writes, Jsonb *output, Jsonb *variables)
{
	TimestampTz now = clock_now();

	batch_journal(writes, step, "succeeded", now, output, variables, NULL, NULL, NULL);
	batch_run_done(writes, step, "SUCCEEDED", now, output, NULL, NULL);
	step->finished = true;
	if (step->parent_run_id != 0)
		message_send_child_end(step->parent_run_id, step->parent_branch, step->run_id, output, NULL, NULL);
	release_key(step);
}

/* The state to repair: where the failure comes from a branch, the one that failed there. */
static void
add_dead_letter(const Step *run, const char *error, const char *cause, TimestampTz at)
{
	const Step *place = run->culprit != NULL ? run->culprit : run;
	DeadLetter	letter = {
		.kind = "run",
		.reference = run->run_id,
		.scope = run->definition->workflow,
		.state = step_place(place),
		.error = error,
		.cause = cause,
		.attempts = place->attempt + 1,
		.first_failure = place->entered_at,
		.last_failure = at,
		.input = place->input
	};

	dead_letter_add(&letter);
}

void
step_end_run(Step *step, BatchWrites *writes, const char *status, const char *error, const char *cause,
			 TimestampTz at, bool first)
{
	bool		aborted = strcmp(status, "ABORTED") == 0;
	const char *told = aborted ? "States.TaskFailed" :
		error == NULL && strcmp(status, "TIMED_OUT") == 0 ? "States.Timeout" : error;

	if (asl_state_type(step->state) == ASL_PARALLEL || asl_state_type(step->state) == ASL_MAP)
	{
		if (aborted || step->compensating)
			fork_store_forget(step->run_id, 0);
		else
			fork_store_suspend(step->run_id, 0);
	}
	batch_run_done(writes, step, status, clock_now(), NULL, error, cause);
	step->finished = true;
	if (first && step->parent_run_id != 0)
		message_send_child_end(step->parent_run_id, step->parent_branch, step->run_id, NULL, told, cause);
	else if (first && !aborted)
		add_dead_letter(step, told, cause, at);
	release_key(step);
}

void
step_fail_run(Step *step, BatchWrites *writes, const char *status, const char *error, const char *cause)
{
	TimestampTz now = clock_now();

	if (step->compensating)
	{
		compensate_bury(step, writes, error, cause);
		return;
	}
	batch_journal(writes, step, strcmp(status, "TIMED_OUT") == 0 ? "run_timed_out" : "failed", now,
				  NULL, NULL, error, cause, NULL);
	if (!compensate_begin(step, writes, status, error, cause))
		step_end_run(step, writes, status, error, cause, now, true);
}

void
step_abort_run(Step *step, BatchWrites *writes, const char *reason, bool compensate)
{
	TimestampTz now = clock_now();

	step->entered_logged = true;
	batch_journal(writes, step, "cancelled", now, NULL, NULL, NULL, reason, NULL);
	if (!compensate || !compensate_begin(step, writes, "ABORTED", NULL, reason))
		step_end_run(step, writes, "ABORTED", NULL, reason, now, true);
}
