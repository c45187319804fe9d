/*
 * procedure.c
 *		The life of a durable procedure's run, between calls of the procedure.
 *
 * In an executor.  What ends a wait is written in a batch like any other step;
 * the call itself has transactions of its own, without a lock that outlives
 * them.  Each question of the procedure locks the run and makes sure that it is
 * where this call left it, so that two calls at the same time do nothing twice:
 * one of them finds that the other was faster, and leaves.
 */
#include "compat.h"

#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "chain/chain.h"
#include "core/clock.h"
#include "core/document_jsonb.h"
#include "core/stop_point.h"
#include "core/wake.h"
#include "core/worker.h"
#include "workflow/procedure.h"
#include "workflow/run_control.h"

/* ------------------------------------------------------------------------
 * The end of a wait
 * ---------------------------------------------------------------------- */

/* The wait has become an entry; the procedure is due. */
static void
end_wait(Step *step, ProcedureEntry *entry, BatchWrites *writes)
{
	entry->name = step->label;
	entry->at = clock_now();
	batch_wait_gone(writes, step);
	batch_timers_gone(writes, step);
	procedure_journal(step, entry, writes);
	batch_position(writes, step);
	batch_ready_gone(writes, step);
	batch_ready_new(writes, step, READY_STEP, 0);
}

static void
deliver(Step *step, BatchWrites *writes)
{
	int			branch_id;
	bool		more;
	Message    *message = claim_message(step->run_id, &branch_id, &more);
	ProcedureEntry entry = {0};

	if (message == NULL)
	{
		batch_ready_gone(writes, step);
		return;
	}
	batch_message_gone(writes, message->message_id);
	if (strcmp(message->kind, ENTRY_SIGNAL) == 0)
	{
		entry.kind = ENTRY_SIGNAL;
		entry.call = message->name;
	}
	else
	{
		entry.kind = ENTRY_TRANSACTION;
		entry.call = psprintf(INT64_FORMAT, message->reference);
	}
	entry.failed = message->error != NULL;
	entry.result = message->payload;
	entry.error = message->error;
	entry.cause = message->cause;
	end_wait(step, &entry, writes);
}

/* A sleep is over, or a wait has taken too long. */
static void
end_by_time(Step *step, BatchWrites *writes)
{
	ProcedureEntry entry = {0};
	RunWait    *waits;

	if (step->entry != step->ready_entry)
	{
		batch_ready_gone(writes, step);
		return;
	}
	if (step->kind == READY_RESUME)
	{
		entry.kind = ENTRY_SLEEP;
		entry.call = "sleep";
	}
	else if (run_waits(step->run_id, &waits) == 0)
	{
		batch_ready_gone(writes, step);
		return;
	}
	else
	{
		bool		signal = strcmp(waits[0].kind, ENTRY_SIGNAL) == 0;

		entry.kind = signal ? ENTRY_SIGNAL : ENTRY_TRANSACTION;
		entry.call = signal ? procedure_store_awaited_signal(step->run_id) : psprintf(INT64_FORMAT, waits[0].reference);
		entry.failed = true;
		entry.error = "States.Timeout";
	}
	end_wait(step, &entry, writes);
}

StepVerdict
procedure_step(Step *step, BatchWrites *writes)
{
	switch (step->kind)
	{
		case READY_STEP:
			return STEP_PROCEDURE;
		case READY_DELIVER:
			deliver(step, writes);
			break;
		case READY_RESUME:
		case READY_TIMEOUT:
			end_by_time(step, writes);
			break;
		case READY_DEADLINE:
			break;
	}
	return STEP_DONE;
}

/* ------------------------------------------------------------------------
 * After a call
 * ---------------------------------------------------------------------- */

/* What attach_body needs and gives. */
typedef struct Attach
{
	ProcedureCall *call;
	Message    *message;
} Attach;

static void
attach_body(void *argument)
{
	Attach	   *attach = argument;
	ProcedureCall *call = attach->call;
	Message		message = {0};
	const char *error;
	const char *cause;

	if (!chain_await_for_run(call->wait_reference, call->definition->run_as, call->run_id, 0,
							 &message.payload, &error, &cause))
		return;
	message.error = unconstify(char *, error);
	message.cause = unconstify(char *, cause);
	attach->message = palloc(sizeof(Message));
	*attach->message = message;
}

/* The end of a transaction that is over; what is wrong with waiting for it is the procedure's to catch. */
static Message *
find_transaction_end(ProcedureCall *call)
{
	Attach		attach = {call, procedure_store_transaction_end(call->run_id, call->wait_reference)};
	HandlerOutcome outcome;

	if (attach.message == NULL && !handler_guard(attach_body, &attach, &outcome))
	{
		attach.message = palloc0(sizeof(Message));
		attach.message->error = unconstify(char *, outcome.error.error);
		attach.message->cause = unconstify(char *, outcome.error.cause);
	}
	return attach.message;
}

/* What the run waits for may have come already: then it is an entry at once. */
static Message *
find_message(ProcedureCall *call, BatchWrites *writes)
{
	if (strcmp(call->wait_kind, ENTRY_SIGNAL) == 0)
		return claim_signal(call->run_id, call->wait_call, writes);
	if (strcmp(call->wait_kind, ENTRY_TRANSACTION) == 0)
		return find_transaction_end(call);
	return NULL;
}

static void
begin_wait(ProcedureCall *call, Step *step, BatchWrites *writes)
{
	TimestampTz now = clock_now();
	Message    *message = find_message(call, writes);
	bool		sleeps = strcmp(call->wait_kind, ENTRY_SLEEP) == 0;

	step->label = call->wait_name;
	if (message != NULL)
	{
		ProcedureEntry entry = {
			.kind = call->wait_kind, .name = call->wait_name, .call = call->wait_call, .begun = now, .at = now,
			.failed = message->error != NULL, .result = message->payload, .error = message->error,
			.cause = message->cause
		};

		if (message->message_id != 0)
			batch_message_gone(writes, message->message_id);
		procedure_journal(step, &entry, writes);
		batch_position(writes, step);
		wake_shard_at_commit(run_shard(call->run_id));
		return;
	}

	step->entered_at = now;
	step->entered_logged = false;
	batch_journal(writes, step, "entered", now, NULL, NULL, NULL, NULL, NULL);
	batch_position(writes, step);
	if (!sleeps)
		batch_wait(writes, step, call->wait_kind, strcmp(call->wait_kind, ENTRY_SIGNAL) == 0 ? call->wait_call : NULL,
				   call->wait_reference, now);
	if (sleeps || call->wait_time > 0)
		batch_timer(writes, step, sleeps ? "sleep" : "timeout", now + call->wait_time);
	procedure_store_unready(call->run_id);
}

/* Not failed but stopped, where somebody has to look: nothing of it is lost, and a right version goes on. */
static void
pause_mismatch(ProcedureCall *call, Step *step, BatchWrites *writes)
{
	Doc		   *details = doc_object();
	Problem		problem = {0};

	doc_object_add(details, "step", doc_int(call->mismatch_number));
	doc_object_add(details, "remembered", doc_text(call->remembered));
	doc_object_add(details, "asked", doc_text(call->asked));
	doc_object_add(details, "version", doc_int(call->definition->version));
	step->entered_logged = true;
	batch_journal(writes, step, "paused", clock_now(), NULL, NULL, "Procedure.Mismatch",
				  psprintf("step %d was %s; the procedure now asks for %s",
						   call->mismatch_number, call->remembered, call->asked),
				  doc_to_jsonb(details, &problem));
	batch_position(writes, step);
	run_store_pause(call->run_id, call->definition->workflow);
	if (step->concurrency_key != NULL)
		claim_pass_key(step->definition->workflow_id, step->concurrency_key);
	ereport(LOG,
			(errmsg("run " INT64_FORMAT " of workflow \"%s\" is paused: its procedure doesn't fit what it did before",
					call->run_id, call->definition->workflow),
			 errdetail("Step %d was %s; the procedure now asks for %s.",
					   call->mismatch_number, call->remembered, call->asked)));
}

static void
end_run(ProcedureCall *call, Step *step, BatchWrites *writes)
{
	AslError	error = call->outcome.error;
	bool		again = call->outcome.kind == HANDLER_CONFLICT || call->outcome.kind == HANDLER_TRANSIENT;

	step->entered_logged = true;
	if (call->outcome.kind == HANDLER_DONE)
	{
		step->label = NULL;
		step_end_procedure(step, writes, call->result, NULL, false);
	}
	else
	{
		/* The question that it failed with, or after. */
		if (call->question != NULL)
			step->label = call->question;
		step_end_procedure(step, writes, NULL, &error, again);
		if (!step->finished)
			procedure_store_unready(call->run_id);
	}
}

/* Writes down what the run does next. */
static void
settle(ProcedureCall *call)
{
	BatchWrites writes;
	Step	   *step;
	ProcedureUnwind unwind = call->unwind;

	if (unwind == UNWIND_GONE)
		return;
	worker_begin("ending a call of a procedure");
	batch_init(&writes);
	step = claim_run(call->run_id);
	if (step == NULL || step->definition != call->definition || step->entry != call->base_entry + call->written)
	{
		worker_commit();
		return;
	}
	if (unwind == UNWIND_NONE && call->outcome.kind == HANDLER_DONE && call->position < call->count)
	{
		const ProcedureEntry *entry = call->entries[call->position];

		call->mismatch_number = call->position + 1;
		call->remembered = procedure_describe(entry->kind, entry->name, entry->call);
		call->asked = "nothing more";
		unwind = UNWIND_MISMATCH;
	}
	if (unwind == UNWIND_MISMATCH)
	{
		if (!step->run_paused)
			pause_mismatch(call, step, &writes);
	}
	else if (call->went_on || unwind == UNWIND_NONE || unwind == UNWIND_ERROR)
		end_run(call, step, &writes);
	else if (!step->run_paused)
	{
		procedure_write(call, step, &writes);
		if (unwind == UNWIND_WAIT)
			begin_wait(call, step, &writes);
		else
		{
			batch_position(&writes, step);
			procedure_store_requeue(call->run_id);
		}
	}
	batch_flush(&writes);
	STOP_POINT("procedure_before_settle");
	worker_commit();
	STOP_POINT("procedure_after_settle");
}

static bool
any_run(int64 run_id)
{
	(void) run_id;
	return true;
}

void
procedure_turn(int64 run_id)
{
	BatchWrites writes;
	uint32		shards_left;
	List	   *steps;
	ProcedureCall *call = NULL;
	MemoryContext turn = CurrentMemoryContext;

	worker_begin("calling a procedure");
	batch_init(&writes);
	steps = claim_batch(0, 1, run_id, any_run, NULL, &shards_left);
	if (steps != NIL && step_run(linitial(steps), &writes, true) == STEP_PROCEDURE)
		call = procedure_prepare(turn, linitial(steps), false);
	batch_flush(&writes);
	worker_commit();
	if (call == NULL)
		return;

	procedure_call(call);
	settle(call);
	MemoryContextDelete(call->context);
}
