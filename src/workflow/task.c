/*
 * task.c
 *		What a Task state's Resource does.
 *
 * In an executor, inside the batch's transaction, the run locked.  An
 * in-database task runs here and now; everything else leaves a wait row and is
 * ended by a message.
 */
#include "compat.h"

#include "utils/builtins.h"
#include "utils/jsonb.h"

#include "chain/chain.h"
#include "core/clock.h"
#include "core/settings.h"
#include "core/stop_point.h"
#include "workflow/handler.h"
#include "workflow/poison.h"
#include "workflow/run_control.h"
#include "workflow/start.h"
#include "workflow/step.h"
#include "workflow/task_store.h"
#include "workflow/task_token.h"

char *
task_key(const Step *step)
{
	return psprintf("run:" INT64_FORMAT ":%d:%d", step->run_id, step->branch_id, step->entry);
}

/* The task waits: its row, and a timer where it has a time limit. */
static TaskResult
wait_for(Step *step, const AslDecision *call, BatchWrites *writes,
		 const char *kind, const char *name, int64 reference)
{
	TimestampTz now = clock_now();

	batch_wait(writes, step, kind, name, reference, now);
	if (call->timeout > 0)
		batch_timer(writes, step, "timeout", now + call->timeout * USECS_PER_SEC);
	return TASK_WAITS;
}

static TaskResult
read_outcome(const HandlerOutcome *outcome, AslError *error)
{
	*error = outcome->error;
	switch (outcome->kind)
	{
		case HANDLER_DONE:
			return TASK_DONE;
		case HANDLER_FAILED:
			return TASK_FAILED;
		case HANDLER_CONFLICT:
			return TASK_CONFLICT;
		case HANDLER_TRANSIENT:
			return TASK_AGAIN;
	}
	return TASK_FAILED;
}

/* Run whose handler is being called by this process; 0 = none. */
static int64 calling = 0;

int64
task_calling_run(void)
{
	return calling;
}

void
task_calls(int64 run_id)
{
	calling = run_id;
}

const char *
task_new_token(Step *step)
{
	char		secret[TASK_SECRET_SIZE];
	TaskToken  *token;

	step->token = NULL;
	if (handler_token_suffix(asl_task_resource(step->state)) == NULL)
		return NULL;
	token = palloc(sizeof(TaskToken));
	token->run_id = step->run_id;
	token->branch_id = step->branch_id;
	task_secret_make(secret, token->hash);
	step->token = token;
	return task_token_text(step->run_id, step->branch_id, secret);
}

/* A task for a worker outside: into its queue. The journal row that it begins with is its number, and has its input. */
static TaskResult
queue_task(Step *step, const AslDecision *call, Jsonb *input, BatchWrites *writes)
{
	const char *queue = asl_task_resource(step->state) + strlen("activity:");

	batch_journal(writes, step, "task_scheduled", clock_now(), NULL, NULL, NULL, NULL, input);
	batch_task(writes, step, queue, call->heartbeat);
	return wait_for(step, call, writes, "task", queue, step->last_seq);
}

static TaskResult
run_function(Step *step, const AslDecision *call, Jsonb *input, Jsonb **result, AslError *error)
{
	HandlerOutcome outcome;
	int			timeout = call->timeout > 0 && call->timeout < INT_MAX / 1000 ?
		(int) call->timeout * 1000 : dalp_step_timeout;

	/* The limit of a state that waits for its token is that of the wait. */
	if (step->token != NULL)
		timeout = Min(timeout, dalp_step_timeout);

	STOP_POINT("step_before_body");
	calling = step->run_id;
	poison_calling(step->run_id);
	handler_call(step->definition, asl_task_resource(step->state), input, timeout, &outcome);
	poison_returned(step->run_id);
	calling = 0;
	STOP_POINT("step_after_body");
	*result = outcome.result;
	return read_outcome(&outcome, error);
}

static TaskResult
await_signal(Step *step, const AslDecision *call, BatchWrites *writes, Jsonb **result)
{
	const char *name = asl_task_resource(step->state) + strlen("signal:");
	Message    *message = claim_signal(step->run_id, name, writes);

	if (message == NULL)
		return wait_for(step, call, writes, "signal", name, 0);
	batch_message_gone(writes, message->message_id);
	batch_journal(writes, step, "signalled", clock_now(), message->payload, NULL, NULL, NULL, NULL);
	*result = message->payload;
	return TASK_DONE;
}

typedef struct Submission
{
	Step	   *step;
	Jsonb	   *parameters;
	int64		request_id;
} Submission;

static void
submit_body(void *argument)
{
	Submission *submission = argument;
	Step	   *step = submission->step;

	submission->request_id =
		chain_submit_for_run(submission->parameters,
							 task_key(step),
							 step->definition->run_as, step->run_id, step->branch_id);
}

static TaskResult
submit_transaction(Step *step, const AslDecision *call, Jsonb *input, BatchWrites *writes, AslError *error)
{
	Submission	submission = {step, input, 0};
	HandlerOutcome outcome;

	if (!handler_guard(submit_body, &submission, &outcome))
	{
		/* A request that can't even be written down is rejected; the SQLSTATE matches too. */
		TaskResult	result = read_outcome(&outcome, error);

		if (result == TASK_FAILED && error->aliases[1] == NULL)
		{
			error->aliases[error->aliases[0] == NULL ? 0 : 1] = error->error;
			error->error = "Chain.Rejected";
		}
		return result;
	}
	return wait_for(step, call, writes, "transaction", NULL, submission.request_id);
}

/* http:request and chain:call: written down now, made after the commit by whoever has the network. */
static TaskResult
call_outside(Step *step, const AslDecision *call, Jsonb *input, BatchWrites *writes, AslError *error)
{
	OutsideCall outside = {
		.http = strncmp(asl_task_resource(step->state), "http:", 5) == 0,
		.parameters = input,
		.run_id = step->run_id,
		.branch_id = step->branch_id,
		.key = psprintf(INT64_FORMAT ":%d:%d", step->run_id, step->branch_id, step->entry),
		.traceparent = run_traceparent(step->run_id),
		.expires_at = call->timeout > 0 ? clock_now() + call->timeout * USECS_PER_SEC : DT_NOEND,
		.token_seq = step->token != NULL ? step->last_seq : 0
	};
	int64		call_id = chain_call_outside(&outside);

	if (call_id != 0 && step->token != NULL)
		return TASK_DONE;		/* hand_out_token() waits */
	if (call_id != 0)
		return wait_for(step, call, writes, "call", outside.target, call_id);
	error->error = outside.error;
	error->cause = outside.cause;
	error->from_task = true;
	return TASK_FAILED;
}

/* What child_body needs and gives. */
typedef struct Child
{
	Step	   *step;
	const char *workflow;
	Jsonb	   *input;
	bool		awaited;
	int64		run_id;
} Child;

static void
child_body(void *argument)
{
	Child	   *child = argument;
	StartRequest request = {.starter = child->step->definition->run_as, .priority = child->step->priority};
	WorkflowInfo info;
	char	   *key = NULL;

	definition_find(child->workflow, 0, &info);
	definition_require(info.workflow_id, info.name, info.owner, request.starter);
	request.definition = definition_get(info.definition_id);
	request.limited = info.limited;
	if (child->awaited)
	{
		request.parent_run_id = child->step->run_id;
		request.parent_branch = child->step->branch_id;
	}
	start_runs(&request, 1, &child->input, &key, &child->run_id);
}

/* The child runs with its workflow's latest version, started by the role of the parent's handlers. */
static TaskResult
start_child(Step *step, const AslDecision *call, Jsonb *input, BatchWrites *writes, Jsonb **result, AslError *error)
{
	static const char sync[] = ".sync";
	const char *name = asl_task_resource(step->state) + strlen("workflow:");
	const char *end = handler_token_suffix(name);
	size_t		length = end != NULL ? (size_t) (end - name) : strlen(name);
	HandlerOutcome outcome;
	Child		child = {.step = step, .input = input};

	if (length > strlen(sync) && strcmp(name + length - strlen(sync), sync) == 0)
	{
		child.awaited = true;
		length -= strlen(sync);
	}
	child.workflow = pnstrdup(name, length);
	if (!handler_guard(child_body, &child, &outcome))
		return read_outcome(&outcome, error);
	if (child.awaited)
		return wait_for(step, call, writes, "run", NULL, child.run_id);
	*result = DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum(psprintf("{\"run_id\": " INT64_FORMAT "}", child.run_id))));
	return TASK_DONE;
}

static TaskResult
call_resource(Step *step, const AslDecision *call, Jsonb *input, BatchWrites *writes,
			  Jsonb **result, AslError *error)
{
	const char *resource = asl_task_resource(step->state);

	if (strncmp(resource, "sql:", 4) == 0)
		return run_function(step, call, input, result, error);
	if (strncmp(resource, "signal:", 7) == 0)
		return await_signal(step, call, writes, result);
	if (strcmp(resource, "chain:transaction") == 0)
		return submit_transaction(step, call, input, writes, error);
	if (strncmp(resource, "http:", 5) == 0 || strcmp(resource, "chain:call") == 0)
		return call_outside(step, call, input, writes, error);
	if (strncmp(resource, "workflow:", 9) == 0)
		return start_child(step, call, input, writes, result, error);
	if (strncmp(resource, "activity:", 9) == 0)
		return queue_task(step, call, input, writes);
	elog(ERROR, "state \"%s\" has resource \"%s\", which this version cannot run",
		 asl_state_name(step->state), resource);
}

/*
 * Calls what gets the token, and waits for whoever completes it.  The token is
 * there before the call, which may complete it; its answer is dropped.  An
 * HTTP request is made after the commit, and only its failure is heard of.  The
 * journal row has no input: the token is in it.
 */
static TaskResult
hand_out_token(Step *step, const AslDecision *call, Jsonb *input, BatchWrites *writes, AslError *error)
{
	Jsonb	   *answer = NULL;
	TaskResult	result;

	batch_journal(writes, step, "task_scheduled", clock_now(), NULL, NULL, NULL, NULL, NULL);
	task_store_token(step, step->last_seq, call->heartbeat, step->token);
	result = call_resource(step, call, input, writes, &answer, error);
	if (result == TASK_DONE)
		return wait_for(step, call, writes, "token", NULL, step->last_seq);
	(void) task_store_abandon(step->run_id, step->branch_id);
	return result;
}

TaskResult
task_run(Step *step, const AslDecision *call, Jsonb *input, BatchWrites *writes,
		 Jsonb **result, AslError *error)
{
	*result = NULL;
	memset(error, 0, sizeof(*error));
	if (step->token != NULL)
		return hand_out_token(step, call, input, writes, error);
	return call_resource(step, call, input, writes, result, error);
}

bool
task_abandon(const Step *step, const char *wait_kind, int64 reference, const char *reason)
{
	if (strcmp(wait_kind, "task") == 0 || strcmp(wait_kind, "token") == 0)
		return task_store_abandon(step->run_id, step->branch_id);
	if (strcmp(wait_kind, "transaction") == 0)
		chain_abandon_for_run(step->run_id, step->branch_id, reason);
	else if (strcmp(wait_kind, "call") == 0)
		chain_abandon_call(reference);
	else if (strcmp(wait_kind, "run") == 0)
		run_cancel_child(reference, reason);
	return true;
}

void
task_abandon_waits(const Step *run, const RunWait *waits, int count, const char *reason)
{
	Step		step = *run;

	for (int i = 0; i < count; i++)
	{
		step.branch_id = waits[i].branch_id;
		(void) task_abandon(&step, waits[i].kind, waits[i].reference, reason);
	}
}
