/*
 * advance.c
 *		One step of one branch: ask asl/ what to do, do it, note what to write.
 *
 * In an executor, in the transaction of a batch, the run locked.  Pure states
 * (Pass, Choice, Succeed, Fail) follow each other within one step; at most one
 * task is run, and after it the next task has to wait for the next commit: the
 * state to run next is always committed before it runs.
 */
#include "compat.h"

#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "core/clock.h"
#include "core/document_jsonb.h"
#include "core/settings.h"
#include "workflow/compensate.h"
#include "workflow/hot.h"
#include "workflow/pause.h"
#include "workflow/procedure.h"
#include "workflow/run_control.h"
#include "workflow/step.h"

/* How the loop gets from facts to the next decision. */
typedef enum Approach
{
	BY_ENTERING, BY_RESUMING, BY_RESULT, BY_ERROR, BY_DECISION
} Approach;

/* Pure states in a row before the branch commits and queues again, so that an endless loop harms nobody. */
#define MAX_PURE_STATES 64

/* Transient failures: 0.1 s, doubled up to a minute. */
#define TRANSIENT_DELAY_MS 100
#define TRANSIENT_DELAY_MAX_MS 60000

typedef struct Advance
{
	Step	   *step;
	BatchWrites *writes;
	bool		alone;
	TimestampTz now;

	Approach	approach;
	Jsonb	   *result;			/* BY_RESULT */
	const Doc  *result_document;
	AslError	error;			/* BY_ERROR */

	const Doc  *input_document; /* of step->input, where made */
	AslContext	context;
	AslPosition position;
	AslDecision decision;
	int			tasks;			/* run in this step */
	Jsonb	   *called;			/* effective input of the state's task, run in this step; else NULL */
	int			pure_states;
	bool		keeps_row;		/* the ready row has more to do */
} Advance;

static const Doc *
as_document(Jsonb *jsonb)
{
	return jsonb == NULL ? NULL : doc_from_jsonb(jsonb);
}

/* The jsonb of a document: what we have already where nothing was changed. */
static Jsonb *
as_jsonb(Advance *advance, const Doc *document, Problem *problem)
{
	if (document == NULL)
		return NULL;
	if (document == advance->input_document)
		return advance->step->input;
	if (document == advance->result_document && advance->result != NULL)
		return advance->result;
	return doc_to_jsonb(document, problem);
}

/* The facts about the step; input is step->input as a document. */
static void
fill_position(Step *step, const Doc *input, TimestampTz now, AslContext *context, AslPosition *position)
{
	memset(position, 0, sizeof(*position));
	position->state = step->state;
	position->input = input;
	position->variables = as_document(step->variables);
	for (int i = 0; i < ASL_MAX_RETRIERS; i++)
		position->retries[i] = step->retries[i];
	position->now = clock_to_unix(now);
	position->random = pg_prng_double(&pg_global_prng_state);
	position->max_payload = (int64) dalp_max_payload * 1024;
	position->context = context;

	if (context->execution_id == NULL)
	{
		context->execution_id = psprintf(INT64_FORMAT, step->run_id);
		context->execution_name = context->execution_id;
		context->execution_start = clock_to_unix(step->started_at);
		context->redrive_count = step->redrives;
		context->machine_id = step->definition->machine_id;
		context->machine_name = step->definition->workflow;
		if (step->definition->uses_context)
		{
			const Doc  *item = as_document(step->item);
			int64_t		index = 0;

			context->execution_input = as_document(step->run_input);
			context->map_item_value = doc_get(item, "value");
			if (doc_is(doc_get(item, "index"), DOC_NUMBER))
				(void) doc_to_int64(doc_get(item, "index"), &index);
			context->map_item_index = (int) index;
		}
	}
	context->state_entered = clock_to_unix(step->entered_at);
	/* The row after the one that gave the input is, or stands for, the entering. */
	context->entered_event = step->data_seq + 1;
	context->retry_count = step->attempt;
}

static void
prepare_position(Advance *advance)
{
	if (advance->input_document == NULL)
		advance->input_document = as_document(advance->step->input);
	advance->context.task_token = advance->approach == BY_ENTERING ? task_new_token(advance->step) : NULL;
	fill_position(advance->step, advance->input_document, advance->now, &advance->context, &advance->position);
}

const AslPosition *
step_position(Step *step)
{
	AslPosition *position = palloc(sizeof(AslPosition));

	fill_position(step, as_document(step->input), clock_now(), palloc0(sizeof(AslContext)), position);
	return position;
}

/* The branch goes on at once: its step row stays, another kind of row becomes one. */
static void
goes_on(Advance *advance)
{
	Step	   *step = advance->step;

	batch_position(advance->writes, step);
	if (step->kind == READY_STEP)
		step->stays_ready = true;
	else
	{
		if (!advance->keeps_row)
			batch_ready_gone(advance->writes, step);
		batch_ready_new(advance->writes, step, READY_STEP, 0);
	}
}

/* The branch stops being ready. */
static void
stops(Advance *advance)
{
	batch_position(advance->writes, advance->step);
	if (!advance->keeps_row)
		batch_ready_gone(advance->writes, advance->step);
}

/* A branch of a Parallel or Map, or a compensation, has ended; its parent follows at the end of the batch. */
static void
end_branch(Advance *advance, bool succeeded, Jsonb *output, Jsonb *variables, const char *error, const char *cause)
{
	Step	   *step = advance->step;

	if (step->compensating)
		compensate_ended(step, advance->writes, succeeded, output, error, cause);
	else
		batch_journal(advance->writes, step, succeeded ? "succeeded" : "failed", advance->now, output, variables,
					  error, cause, NULL);
	batch_branch_done(advance->writes, step, succeeded, error, cause);
	if (!advance->keeps_row)
		batch_ready_gone(advance->writes, step);
}

static void
finish(Advance *advance, Jsonb *output, Jsonb *variables)
{
	if (advance->step->branch_id != 0)
		end_branch(advance, true, output, variables, NULL, NULL);
	else
		step_finish_run(advance->step, advance->writes, output, variables);
}

/* Nothing caught the failure of the state. */
static void
fail(Advance *advance, const char *error, const char *cause)
{
	if (advance->step->branch_id != 0)
		end_branch(advance, false, NULL, NULL, error, cause);
	else
		step_fail_run(advance->step, advance->writes, "FAILED", error, cause);
}

/* To the next state. Returns true if it is to be entered in this same step. */
static bool
go(Advance *advance, Jsonb *output, Jsonb *variables)
{
	Step	   *step = advance->step;
	const AslDecision *decision = &advance->decision;
	AslType		type = asl_state_type(decision->next);

	batch_journal(advance->writes, step, decision->caught ? "caught" : "succeeded", advance->now, output, variables,
				  decision->caught ? decision->error : NULL, decision->caught ? decision->cause : NULL, NULL);
	step->worker = NULL;
	step->state = decision->next;
	step->entry++;
	step->entered_at = advance->now;
	step->entered_logged = false;
	step->attempt = 0;
	step->transient = 0;
	memset(step->retries, 0, sizeof(step->retries));
	step->data_seq = step->last_seq;
	step->input = output;
	step->variables = variables;
	advance->input_document = decision->output;
	advance->result = NULL;
	advance->result_document = NULL;
	advance->called = NULL;

	if (type == ASL_TASK || type == ASL_PARALLEL || type == ASL_MAP)
		return advance->tasks == 0;
	return ++advance->pure_states < MAX_PURE_STATES;
}

/* A transient failure, which is no attempt. Returns false when there were too many. */
static bool
try_again_later(Advance *advance, bool at_once)
{
	Step	   *step = advance->step;
	int64		delay = TRANSIENT_DELAY_MS;

	if (step->transient >= dalp_transient_retries)
		return false;
	for (int i = 0; i < step->transient && delay < TRANSIENT_DELAY_MAX_MS; i++)
		delay *= 2;
	batch_journal(advance->writes, step, "transient_failure", advance->now, NULL, NULL,
				  advance->error.error, advance->error.cause, NULL);
	step->transient++;
	if (at_once)
		goes_on(advance);
	else
	{
		batch_timer(advance->writes, step, "retry",
					TimestampTzPlusMilliseconds(advance->now, Min(delay, TRANSIENT_DELAY_MAX_MS)));
		stops(advance);
	}
	return true;
}

static void
retry(Advance *advance)
{
	Step	   *step = advance->step;
	const AslDecision *decision = &advance->decision;

	batch_journal(advance->writes, step, "retry_scheduled", advance->now, NULL, NULL,
				  decision->error, decision->cause, NULL);
	step->retries[decision->retrier]++;
	step->attempt++;
	if (decision->delay <= 0)
		goes_on(advance);
	else
	{
		batch_timer(advance->writes, step, "retry", advance->now + decision->delay);
		stops(advance);
	}
}

/* Runs the task of the state. Returns true if the loop goes on with its result or error. */
static bool
call_task(Advance *advance, StepVerdict *verdict)
{
	Step	   *step = advance->step;
	Problem		problem = {0};
	Jsonb	   *input = as_jsonb(advance, advance->decision.output, &problem);

	advance->tasks++;
	advance->result = NULL;
	advance->result_document = NULL;
	if (input == NULL)
	{
		advance->error = (AslError) {.error = "States.Runtime", .cause = pstrdup(problem.message)};
		advance->approach = BY_ERROR;
		return true;
	}
	advance->called = input;
	switch (task_run(step, &advance->decision, input, advance->writes,
					 &advance->result, &advance->error))
	{
		case TASK_DONE:
			advance->result_document = advance->result ? as_document(advance->result) : doc_null();
			advance->approach = BY_RESULT;
			return true;
		case TASK_FAILED:
			advance->approach = BY_ERROR;
			return true;
		case TASK_WAITS:
			/* A retried state has been entered before. */
			if (!step->entered_logged)
				batch_journal(advance->writes, step, "entered", advance->now, NULL, NULL, NULL, NULL, NULL);
			if (asl_task_compensate(step->state) != NULL && !step->compensating)
				compensate_note_called(advance->writes, step, input);
			stops(advance);
			return false;
		case TASK_CONFLICT:
			if (!advance->alone)
			{
				*verdict = STEP_CONFLICT;
				return false;
			}
			/* FALLTHROUGH */
		case TASK_AGAIN:
			if (try_again_later(advance, advance->alone))
				return false;
			advance->approach = BY_ERROR;
			return true;
	}
	return false;
}

/* The documents of a decision as jsonb; false (and the loop goes on with the error) where that can't be. */
static bool
decision_documents(Advance *advance, Jsonb **output, Jsonb **variables)
{
	Problem		problem = {0};

	*output = as_jsonb(advance, advance->decision.output, &problem);
	*variables = problem.message[0] == '\0' ? as_jsonb(advance, advance->decision.variables, &problem) : NULL;
	if (problem.message[0] == '\0')
		return true;
	fail(advance, "States.Runtime", pstrdup(problem.message));
	return false;
}

/* Starts the branches of the state. Returns true if the loop goes on with what is known already. */
static bool
start_branches(Advance *advance)
{
	AslDecision failure = {0};

	switch (fork_start(advance->step, &advance->decision, advance->writes, &failure))
	{
		case FORK_STARTED:
			stops(advance);
			return false;
		case FORK_EMPTY:
			advance->result = NULL;
			advance->result_document = doc_array();
			advance->approach = BY_RESULT;
			return true;
		case FORK_FAILED:
			advance->decision = failure;
			advance->approach = BY_DECISION;
			return true;
	}
	return false;
}

/* Is the branch's journal as long as it may be? Then nothing but its failure is added. */
static bool
history_is_full(const Step *step)
{
	return step->last_seq >= dalp_max_history && !step->compensating;
}

/* A Task with Compensate has completed: what undoes it needs to know. */
static void
note_completion(Advance *advance, Jsonb *variables)
{
	Step	   *step = advance->step;
	Problem		problem = {0};

	if (advance->approach != BY_RESULT || advance->decision.caught || step->compensating ||
		asl_task_compensate(step->state) == NULL)
		return;
	compensate_note_completed(advance->writes, step, advance->called,
							  as_jsonb(advance, advance->result_document, &problem), variables);
}

/* A compensation is its one state, wherever that leads. */
static void
end_compensation(Advance *advance, Jsonb *output, Jsonb *variables)
{
	if (advance->decision.caught)
		fail(advance, advance->decision.error, advance->decision.cause);
	else
		end_branch(advance, true, output, variables, NULL, NULL);
}

/* Decides and does until the branch has to wait, commit or end. */
static StepVerdict
run_loop(Advance *advance)
{
	Step	   *step = advance->step;
	StepVerdict verdict = STEP_DONE;
	Jsonb	   *output,
			   *variables;

	if (history_is_full(step))
	{
		fail(advance, HISTORY_ERROR, psprintf("The branch has %d rows in the journal; dalp.max_history is %d.",
											  step->last_seq, dalp_max_history));
		return STEP_DONE;
	}
	for (;;)
	{
		AslDecision *decision = &advance->decision;

		CHECK_FOR_INTERRUPTS();
		prepare_position(advance);
		if (advance->approach != BY_DECISION)
			memset(decision, 0, sizeof(*decision));
		switch (advance->approach)
		{
			case BY_ENTERING:
				asl_enter(&advance->position, decision);
				break;
			case BY_RESUMING:
				asl_resume(&advance->position, decision);
				break;
			case BY_RESULT:
				asl_result(&advance->position, advance->result_document, decision);
				break;
			case BY_ERROR:
				asl_error(&advance->position, &advance->error, decision);
				break;
			case BY_DECISION:
				break;
		}

		switch (decision->action)
		{
			case ASL_GO:
				if (!decision_documents(advance, &output, &variables))
					return STEP_DONE;
				note_completion(advance, variables);
				if (step->compensating)
				{
					end_compensation(advance, output, variables);
					return STEP_DONE;
				}
				if (!go(advance, output, variables))
				{
					goes_on(advance);
					return STEP_DONE;
				}
				advance->approach = BY_ENTERING;
				break;
			case ASL_FINISH:
				if (decision_documents(advance, &output, &variables))
				{
					note_completion(advance, variables);
					finish(advance, output, variables);
				}
				return STEP_DONE;
			case ASL_CALL:
				if (!call_task(advance, &verdict))
					return verdict;
				break;
			case ASL_SLEEP:
				batch_journal(advance->writes, step, "entered", advance->now, NULL, NULL, NULL, NULL, NULL);
				batch_timer(advance->writes, step, "sleep", clock_from_unix(decision->until));
				stops(advance);
				return STEP_DONE;
			case ASL_RETRY:
				retry(advance);
				return STEP_DONE;
			case ASL_FORK:
				if (!start_branches(advance))
					return STEP_DONE;
				break;
			case ASL_FAILURE:
				fail(advance, decision->error, decision->cause);
				return STEP_DONE;
		}
	}
}

/* A wait of the branch has ended: by a message, or by its time-out. */
static StepVerdict
end_wait(Advance *advance, Approach approach)
{
	batch_wait_gone(advance->writes, advance->step);
	batch_timers_gone(advance->writes, advance->step);
	advance->approach = approach;
	return run_loop(advance);
}

static StepVerdict
deliver(Advance *advance)
{
	Step	   *step = advance->step;
	int			branch_id;
	bool		more;
	Message    *message = claim_message(step->run_id, &branch_id, &more);

	if (message == NULL)
	{
		batch_ready_gone(advance->writes, step);
		return STEP_DONE;
	}
	if (branch_id != step->branch_id)
	{
		step->branch_id = branch_id;
		if (!claim_position(step, NULL))
			elog(ERROR, "run " INT64_FORMAT " waits in branch %d, which it does not have", step->run_id, branch_id);
	}
	advance->keeps_row = more;
	batch_message_gone(advance->writes, message->message_id);
	step->worker = message->worker;
	if (message->error != NULL)
	{
		advance->error = (AslError) {.error = message->error[0] == '\0' ? NULL : message->error, .cause = message->cause, .from_task = true};
		return end_wait(advance, BY_ERROR);
	}
	advance->result = message->payload;
	advance->result_document = message->payload ? as_document(message->payload) : doc_null();
	if (strcmp(message->kind, "signal") == 0)
		batch_journal(advance->writes, step, "signalled", advance->now, message->payload, NULL, NULL, NULL, NULL);
	return end_wait(advance, BY_RESULT);
}

static StepVerdict
end_wait_by_timeout(Advance *advance)
{
	Step	   *step = advance->step;
	int64		reference;
	char	   *kind = step->entry == step->ready_entry ?
		claim_overdue_wait(step->run_id, step->branch_id, step->entry, &reference) : NULL;

	if (kind == NULL)
	{
		batch_ready_gone(advance->writes, step);
		return STEP_DONE;
	}
	if (!task_abandon(step, kind, reference, "the state that waited for it timed out"))
	{
		batch_ready_gone(advance->writes, step);
		return STEP_DONE;
	}
	advance->error = (AslError) {.error = "States.Timeout"};
	return end_wait(advance, BY_ERROR);
}

StepVerdict
step_run(Step *step, BatchWrites *writes, bool alone)
{
	Advance		advance = {.step = step, .writes = writes, .alone = alone, .now = clock_now()};
	char	   *tenant;

	/* Left behind by a time that came when the run failed: branch 0 waits until all is compensated. */
	if (step->compensating && step->branch_id == 0 && step->kind != READY_DELIVER)
	{
		batch_ready_gone(writes, step);
		return STEP_DONE;
	}
	if (step->kind != READY_DEADLINE &&
		(step->run_paused ||
		 (step->workflow_paused && claim_workflow_is_paused(step->definition->workflow_id))))
	{
		batch_ready_gone(writes, step);
		batch_parked(writes, step, step->run_paused ? "run_paused" : "workflow_paused",
					 step->definition->workflow, advance.now);
		if (step->run_paused && step->concurrency_key != NULL)
			claim_pass_key(step->definition->workflow_id, step->concurrency_key);
		return STEP_DONE;
	}
	if (step->kind != READY_DEADLINE && (tenant = pause_of_run(step->run_id)) != NULL)
	{
		batch_ready_gone(writes, step);
		batch_parked(writes, step, "tenant_paused", tenant, advance.now);
		if (step->concurrency_key != NULL)
			claim_pass_key(step->definition->workflow_id, step->concurrency_key);
		return STEP_DONE;
	}
	if (step->concurrency_key != NULL && step->kind != READY_DEADLINE && hot_steps(step) == 0 && !claim_concurrency_key(step))
	{
		batch_ready_gone(writes, step);
		batch_parked(writes, step, "concurrency_key",
					 psprintf("%d:%s", step->definition->workflow_id, step->concurrency_key), advance.now);
		return STEP_DONE;
	}

	if (step->definition->procedure != NULL && step->kind != READY_DEADLINE)
		return procedure_step(step, writes);
	switch (step->kind)
	{
		case READY_STEP:
			advance.approach = BY_ENTERING;
			return run_loop(&advance);
		case READY_RESUME:
			if (step->entry != step->ready_entry)
			{
				batch_ready_gone(writes, step);
				return STEP_DONE;
			}
			advance.approach = BY_RESUMING;
			return run_loop(&advance);
		case READY_TIMEOUT:
			return end_wait_by_timeout(&advance);
		case READY_DELIVER:
			return deliver(&advance);
		case READY_DEADLINE:
			run_abandon_waits(step, "the run timed out");
			step->entered_logged = true;
			step_fail_run(step, writes, "TIMED_OUT", NULL, NULL);
			return STEP_DONE;
	}
	return STEP_DONE;
}

void
step_end_fork(Step *step, BatchWrites *writes, const Doc *result, const AslDecision *decision)
{
	/* tasks: none may run here, after the batch; keeps_row: a branch that waits has no ready row. */
	Advance		advance = {
		.step = step, .writes = writes, .now = clock_now(), .tasks = 1, .keeps_row = true
	};

	batch_wait_gone(writes, step);
	if (result != NULL)
	{
		advance.approach = BY_RESULT;
		advance.result_document = result;
	}
	else
	{
		advance.approach = BY_DECISION;
		advance.decision = *decision;
	}
	(void) run_loop(&advance);
}

void
step_end_procedure(Step *step, BatchWrites *writes, Jsonb *result, const AslError *error, bool again)
{
	Advance		advance = {
		.step = step, .writes = writes, .alone = true, .now = clock_now(), .tasks = 1, .keeps_row = true
	};

	if (error == NULL)
	{
		advance.result = result;
		advance.result_document = result ? as_document(result) : doc_null();
		advance.approach = BY_RESULT;
	}
	else
	{
		advance.error = *error;
		advance.approach = BY_ERROR;
		if (again && try_again_later(&advance, false))
			return;
	}
	(void) run_loop(&advance);
}
