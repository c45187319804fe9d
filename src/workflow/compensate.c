/*
 * compensate.c
 *		Sagas: a run that fails undoes what it had completed, last first.
 *
 * In an executor or an operator's backend, the run locked.  What has completed
 * is in dalp_workflow.compensation, written with the step that completed it.
 * Each compensation is a branch of the run, stepped like any other, with
 * retries, waits and checkpoints of its own; one at a time, while branch 0
 * stays at the state that failed and waits.  How the run failed is the last
 * row of its journal, so that a crash at any instant finds what to go on with.
 */
#include "compat.h"

#include "core/clock.h"
#include "core/document_jsonb.h"
#include "core/errors.h"
#include "ops/dead_letter.h"
#include "workflow/compensate.h"
#include "workflow/fork_store.h"
#include "workflow/patch.h"
#include "workflow/resume.h"
#include "workflow/run_control.h"

static void
add_text(Doc *object, const char *key, const char *text)
{
	doc_object_add(object, key, text ? doc_text(text) : doc_null());
}

static const Doc *
document_or_null(Jsonb *jsonb)
{
	return jsonb ? doc_from_jsonb(jsonb) : doc_null();
}

static const Doc *
or_null(const Doc *document)
{
	return document ? document : doc_null();
}

static Jsonb *
make_jsonb(const Doc *document)
{
	Problem		problem = {0};
	Jsonb	   *jsonb = doc_to_jsonb(document, &problem);

	if (jsonb == NULL)
		problem_raise(&problem, "input of a compensation");
	return jsonb;
}

/* What a compensation gets as its state's raw input. */
static Jsonb *
make_input(const Compensation *compensation, const char *error, const char *cause)
{
	Doc		   *input = doc_object();

	doc_object_add(input, "Input", document_or_null(compensation->input));
	doc_object_add(input, "Result", document_or_null(compensation->result));
	add_text(input, "Error", error);
	add_text(input, "Cause", cause);
	return make_jsonb(input);
}

/* Which state entry it undoes, and the Map iteration around that for $$.Map.Item. */
static Jsonb *
make_details(const Compensation *compensation)
{
	Doc		   *details = doc_object();
	const Doc  *item = compensation->item ? doc_from_jsonb(compensation->item) : NULL;

	for (uint32_t i = 0; item != NULL && i < item->length; i++)
		doc_object_add(details, item->members[i].key, item->members[i].value);
	doc_object_add(details, "compensates", doc_text(compensation->state));
	doc_object_add(details, "branch", doc_int(compensation->branch_id));
	doc_object_add(details, "entry", doc_int(compensation->entry));
	return make_jsonb(details);
}

/* What compensations see of the run's failure; a run that took too long has no error of its own. */
static const char *
known_error(const char *status, const char *error)
{
	return strcmp(status, "TIMED_OUT") == 0 ? "States.Timeout" : error;
}

/* Starts the compensation of what completed last, after `delay` microseconds; false if nothing is left. */
static bool
start_next(const Step *run, BatchWrites *writes, const char *error, const char *cause, int64 delay)
{
	Compensation compensation;
	const AslState *state;
	Step		step = *run;

	if (!compensate_store_next(run->run_id, &compensation))
		return false;
	state = asl_find_state(run->definition->machine, compensation.state);
	if (state == NULL || asl_task_compensate(state) == NULL)
		elog(ERROR, "state \"%s\" of workflow \"%s\" version %d has lost its compensation",
			 compensation.state, run->definition->workflow, run->definition->version);
	step.branch_id = fork_store_take_branches(run->run_id, 1);
	step.entry = 1;
	compensate_store_start(run, &compensation, step.branch_id, asl_task_compensate(state),
						   make_input(&compensation, error, cause), make_details(&compensation));
	resume_step(&step, writes, delay);
	return true;
}

bool
compensate_begin(Step *run, BatchWrites *writes, const char *status, const char *error, const char *cause)
{
	Compensation compensation;

	if (!run->definition->compensates)
		return false;
	compensate_flush(writes);
	if (!compensate_store_next(run->run_id, &compensation))
		return false;
	compensate_store_stop_run(run->run_id);
	fork_store_forget(run->run_id, 0);
	run->children_started = run->children_open = run->children_failed = 0;
	run->stays_ready = false;
	batch_position(writes, run);
	batch_wait(writes, run, "compensation", status, run->last_seq, clock_now());
	return start_next(run, writes, known_error(status, error), cause, 0);
}

void
compensate_ended(Step *step, BatchWrites *writes, bool succeeded, Jsonb *output, const char *error, const char *cause)
{
	TimestampTz now = clock_now();
	int64		number = compensate_store_end(step->run_id, step->branch_id, succeeded ? "compensated" : "failed");

	batch_journal(writes, step, succeeded ? "compensated" : "compensation_failed", now, output, NULL, error, cause, NULL);
	if (!succeeded)
	{
		DeadLetter	letter = {
			.kind = "compensation",
			.reference = number,
			.scope = step->definition->workflow,
			.state = asl_state_name(step->state),
			.error = error,
			.cause = cause,
			.attempts = step->attempt + 1,
			.first_failure = step->entered_at,
			.last_failure = now,
			.input = step->input
		};

		dead_letter_add(&letter);
	}
}

void
compensate_settle(Step *run, BatchWrites *writes)
{
	CompensationEnd end;

	fork_store_delete(run->run_id, 0);
	compensate_store_failure(run->run_id, &end);
	if (!start_next(run, writes, known_error(end.status, end.error), end.cause, 0))
		step_end_run(run, writes, end.status, end.error, end.cause, end.at, !end.told);
}

/* The branch of the compensation under way, loaded; NULL if there is none. */
static Step *
branch_under_way(const Step *run)
{
	Step	   *step = memcpy(palloc(sizeof(Step)), run, sizeof(Step));

	step->branch_id = compensate_store_branch(run->run_id);
	step->kind = READY_DELIVER;
	return step->branch_id != 0 && claim_position(step, NULL) ? step : NULL;
}

void
compensate_bury(Step *run, BatchWrites *writes, const char *error, const char *cause)
{
	Step	   *step = branch_under_way(run);

	run_abandon_waits(run, cause);
	if (step != NULL)
		compensate_ended(step, writes, false, NULL, error, cause);
	compensate_settle(run, writes);
}

void
compensate_stop(Step *run, BatchWrites *writes, const char *reason)
{
	run->entered_logged = true;
	batch_journal(writes, run, "compensation_stopped", clock_now(), NULL, NULL, NULL, reason, NULL);
	run_abandon_waits(run, reason);
	compensate_store_drop(run->run_id);
	compensate_settle(run, writes);
}

/* The run is live again, to compensate and nothing else. */
static Step *
revive(int64 run_id)
{
	char	   *status;
	Step	   *run = run_store_revive(run_id, true, &status);
	BatchWrites writes;

	if (run == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_DALP_WRONG_STATE),
				 errmsg("run " INT64_FORMAT " can't be redriven", run_id),
				 errdetail("It is not a failed run.")));
	compensate_store_stop_run(run_id);
	run->compensating = true;
	run->entered_logged = true;
	batch_init(&writes);
	batch_journal(&writes, run, "redriven", clock_now(), NULL, NULL, NULL, NULL, NULL);
	batch_position(&writes, run);
	batch_wait(&writes, run, "compensation", status, compensate_store_failed_seq(run_id), clock_now());
	batch_flush(&writes);
	return run;
}

int64
compensate_redrive(int64 number, Jsonb *patch, Oid actor, int64 delay)
{
	BatchWrites writes;
	Compensation compensation;
	Step	   *run;
	CompensationEnd end;
	Doc		   *documents = doc_object();
	const Doc  *edited;

	(void) actor;
	if (!compensate_store_failed(number, &compensation))
		ereport(ERROR,
				(errcode(ERRCODE_DALP_WRONG_STATE),
				 errmsg("compensation " INT64_FORMAT " can't be redriven", number),
				 errdetail("It is no failed compensation of a run that is kept.")));
	run = claim_run(compensation.run_id);
	if (run == NULL)
		run = revive(compensation.run_id);
	doc_object_add(documents, "Input", document_or_null(compensation.input));
	doc_object_add(documents, "Result", document_or_null(compensation.result));
	edited = doc_from_jsonb(patch_apply(make_jsonb(documents), patch));
	compensate_store_reopen(number, make_jsonb(or_null(doc_get(edited, "Input"))),
							make_jsonb(or_null(doc_get(edited, "Result"))));
	compensate_store_failure(compensation.run_id, &end);
	/* Where another one is under way, this one has its turn after it. */
	if (compensate_store_branch(compensation.run_id) == 0)
	{
		batch_init(&writes);
		(void) start_next(run, &writes, known_error(end.status, end.error), end.cause, delay);
		batch_flush(&writes);
	}
	return compensation.run_id;
}
