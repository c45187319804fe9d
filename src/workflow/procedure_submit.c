/*
 * procedure_submit.c
 *		Transactions that durable procedures submit.
 *
 * In an executor.  dalp.submit_transaction and its like, called by a procedure
 * itself, are steps: submitted once, with the run as the one that is told of
 * the end.  In a step's function they are what they are anywhere.
 */
#include "compat.h"

#include "utils/builtins.h"
#include "utils/jsonb.h"

#include "core/clock.h"
#include "core/document_jsonb.h"
#include "workflow/procedure.h"

/* What the two below need and give. */
typedef struct Submission
{
	ProcedureCall *call;
	const char *what;
	ChainSubmit submit;
	void	   *request;
	Step	   *step;
	int64		id;
} Submission;

static void
submit_body(void *argument)
{
	Submission *submission = argument;
	Step	   *step = submission->step;

	submission->id = submission->submit(submission->request, step->run_id,
										psprintf("run:" INT64_FORMAT ":0:%d", step->run_id, step->entry + 1));
}

static void
submit(void *argument)
{
	Submission *submission = argument;
	ProcedureCall *call = submission->call;
	TimestampTz begun = clock_now();
	HandlerOutcome outcome;
	Problem		problem = {0};

	submission->step = procedure_lock(call);
	if (!handler_guard(submit_body, submission, &outcome))
	{
		if (outcome.kind != HANDLER_FAILED)
		{
			MemoryContextSwitchTo(call->context);
			call->outcome = outcome;
			call->outcome.error.error = pstrdup(outcome.error.error);
			call->outcome.error.cause = outcome.error.cause ? pstrdup(outcome.error.cause) : NULL;
			memset(call->outcome.error.aliases, 0, sizeof(call->outcome.error.aliases));
			procedure_unwind(call, UNWIND_ERROR);
		}
		(void) procedure_remember(call, ENTRY_SUBMIT, submission->what, begun, NULL,
								  outcome.error.error, outcome.error.cause, false);
		return;
	}
	(void) procedure_remember(call, ENTRY_SUBMIT, submission->what, begun,
							  doc_to_jsonb(doc_int(submission->id), &problem), NULL, NULL, true);
	procedure_write_all(call, submission->step);
}

bool
procedure_submit(const char *wallet, const char *chain, ChainSubmit submit_request, void *request, int64 *id)
{
	ProcedureCall *call = procedure_current();
	Submission	submission = {.call = call, .submit = submit_request, .request = request};
	ProcedureEntry *entry;
	int64_t		number = 0;

	if (call == NULL || call->in_step)
		return false;
	submission.what = psprintf("%s on %s", wallet, chain);
	entry = procedure_ask(call, ENTRY_SUBMIT, "submit", submission.what);
	if (entry == NULL)
	{
		procedure_do(call, submit, &submission);
		entry = call->entries[call->count - 1];
	}
	if (entry->failed)
		procedure_raise(entry);
	(void) doc_to_int64(doc_from_jsonb(entry->result), &number);
	*id = number;
	return true;
}
