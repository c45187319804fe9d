/*
 * procedure_check.c
 *		Does another version of a procedure fit the live runs?
 *
 * dalp.replay_check and dalp.move_runs ask from a caller's backend.  Only an
 * executor can call a procedure that commits, so the question goes there by
 * mailbox; the executor calls the new version with what the run has done so
 * far, and stops it at the first thing that would be new.
 */
#include "compat.h"

#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/tuplestore.h"

#include "core/catalog.h"
#include "core/document.h"
#include "core/errors.h"
#include "core/mailbox.h"
#include "core/settings.h"
#include "core/worker.h"
#include "ops/audit.h"
#include "workflow/arguments.h"
#include "workflow/procedure.h"
#include "workflow/run_control.h"

DALP_FUNCTION(dalp_replay_check);
DALP_FUNCTION(dalp_move_runs);

/* The executor may be busy with a step. */
#define ANSWER_GRACE_MS 5000

typedef struct Question
{
	int64		run_id;
	int			definition_id;
} Question;

/* ------------------------------------------------------------------------
 * The executor
 * ---------------------------------------------------------------------- */

/* What the run waits for, in the words of what a procedure asks for; NULL = nothing. */
static const char *
awaited(const Step *step)
{
	RunWait    *waits;

	if (run_waits(step->run_id, &waits) == 0)
		return procedure_store_sleeps(step->run_id, step->entry) ? procedure_describe(ENTRY_SLEEP, step->label, "sleep") : NULL;
	if (strcmp(waits[0].kind, ENTRY_SIGNAL) == 0)
		return procedure_describe(ENTRY_SIGNAL, step->label, procedure_store_awaited_signal(step->run_id));
	return procedure_describe(ENTRY_TRANSACTION, step->label, psprintf(INT64_FORMAT, waits[0].reference));
}

static void
add_finding(Doc *answer, const char *status, int number, const char *remembered, const char *asked)
{
	doc_object_add(answer, "status", doc_text(status));
	doc_object_add(answer, "step", number > 0 ? doc_int(number) : doc_null());
	doc_object_add(answer, "remembered", remembered ? doc_text(remembered) : doc_null());
	doc_object_add(answer, "asked", asked ? doc_text(asked) : doc_null());
}

static void
judge(const ProcedureCall *call, const char *waits_for, Doc *answer)
{
	int			next = call->position + 1;

	if (call->unwind == UNWIND_MISMATCH)
		add_finding(answer, "differs", call->mismatch_number, call->remembered, call->asked);
	else if (call->unwind == UNWIND_CHECKED && waits_for != NULL && strcmp(waits_for, call->asked) != 0)
		add_finding(answer, "differs", next, waits_for, call->asked);
	else if (call->unwind == UNWIND_CHECKED)
		add_finding(answer, "fits", next, waits_for, call->asked);
	else if (call->outcome.kind != HANDLER_DONE || call->went_on)
		add_finding(answer, "fails", next, waits_for,
					psprintf("%s %s", call->outcome.error.error ? call->outcome.error.error : "DL003",
							 call->outcome.error.cause ? call->outcome.error.cause : ""));
	else if (call->position < call->count)
	{
		const ProcedureEntry *entry = call->entries[call->position];

		add_finding(answer, "differs", next, procedure_describe(entry->kind, entry->name, entry->call), "nothing more");
	}
	else
		add_finding(answer, waits_for != NULL ? "differs" : "fits", next, waits_for, "nothing more");
}

static const Doc *
check(const Question *question)
{
	Doc		   *answer = doc_object();
	const char *waits_for = NULL;
	ProcedureCall *call = NULL;
	MemoryContext turn = CurrentMemoryContext;
	Step	   *step;

	worker_begin("checking a procedure");
	step = claim_run(question->run_id);
	if (step != NULL && step->definition->procedure != NULL)
	{
		waits_for = awaited(step);
		step->definition = definition_get(question->definition_id);
		call = procedure_prepare(turn, step, true);
		waits_for = waits_for ? MemoryContextStrdup(turn, waits_for) : NULL;
	}
	worker_commit();
	if (call == NULL || call->definition->procedure == NULL)
		add_finding(answer, "ended", 0, NULL, NULL);
	else
	{
		doc_object_add(answer, "entry", doc_int(call->base_entry));
		procedure_call(call);
		judge(call, waits_for, answer);
	}
	return answer;
}

void
procedure_answer_checks(void)
{
	const void *text;
	Size		length;
	MailboxLetter *letter;

	while ((letter = mailbox_take(&text, &length)) != NULL)
	{
		Question	question;
		Doc		   *answer = doc_object();
		char	   *reply;
		MemoryContext turn = CurrentMemoryContext;

		if (length != sizeof(question) || !mailbox_asker_is_alive(letter))
		{
			mailbox_drop(letter);
			continue;
		}
		memcpy(&question, text, sizeof(question));
		PG_TRY();
		{
			reply = doc_write(check(&question), NULL);
		}
		PG_CATCH();
		{
			ErrorData  *edata;

			MemoryContextSwitchTo(turn);
			edata = CopyErrorData();
			FlushErrorState();
			AbortCurrentTransaction();
			MemoryContextSwitchTo(turn);
			add_finding(answer, "unknown", 0, NULL, edata->message);
			reply = doc_write(answer, NULL);
		}
		PG_END_TRY();
		MemoryContextSwitchTo(turn);
		mailbox_answer(letter, reply, strlen(reply));
	}
}

/* ------------------------------------------------------------------------
 * The asker
 * ---------------------------------------------------------------------- */

/* No store is open: the executor locks the run. */
static const Doc *
ask(int64 run_id, int definition_id)
{
	Question	question;
	void	   *answer;
	Size		length;
	const char *reason;
	Problem		problem = {0};
	const Doc  *document;

	memset(&question, 0, sizeof(question));
	question.run_id = run_id;
	question.definition_id = definition_id;
	if (!mailbox_ask(WORKER_EXECUTOR, &question, sizeof(question), (long) dalp_step_timeout + ANSWER_GRACE_MS,
					 &answer, &length, &reason))
		ereport(ERROR,
				(errcode(ERRCODE_DALP_NOT_LOADED),
				 errmsg("no executor has checked run " INT64_FORMAT, run_id),
				 errdetail("%s", reason),
				 errhint("SELECT * FROM dalp.workers; tells which workers run.")));
	document = doc_parse(answer, length, &problem);
	if (document == NULL)
		elog(ERROR, "the executor has sent no answer: %s", problem.message);
	return document;
}

static int64
number_member(const Doc *answer, const char *key)
{
	const Doc  *value = doc_get(answer, key);
	int64_t		number = 0;

	if (doc_is(value, DOC_NUMBER))
		(void) doc_to_int64(value, &number);
	return number;
}

/* A version of a workflow whose runs are procedures', and its live runs. */
static List *
find_runs(const char *workflow, int version, int from_version, WorkflowInfo *info)
{
	StoreScope	scope;
	Oid			caller = GetUserId();
	bool		may = catalog_user_is("dalp_operator") || catalog_user_is("dalp_auditor");
	MemoryContext context = CurrentMemoryContext;	/* SPI's own goes when the store is closed */
	WorkflowInfo from = {0};
	List	   *runs;

	store_open(&scope);
	definition_find(workflow, version, info);
	if (!may)
		definition_require(info->workflow_id, info->name, info->owner, caller);
	if (definition_get(info->definition_id)->procedure == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_DALP_WRONG_STATE),
				 errmsg("version %d of workflow \"%s\" is no durable procedure", info->version, workflow)));
	if (from_version != 0)
		definition_find(workflow, from_version, &from);
	runs = procedure_store_live(context, info->workflow_id, from.definition_id);
	store_close(&scope);
	return runs;
}

static void
put(ReturnSetInfo *result, int64 run_id, const Doc *answer, const char *status)
{
	const char *remembered = doc_get_text(answer, "remembered");
	const char *asked = doc_get_text(answer, "asked");
	int64		number = number_member(answer, "step");
	Datum		values[5] = {
		Int64GetDatum(run_id), CStringGetTextDatum(status), Int32GetDatum((int) number),
		remembered ? CStringGetTextDatum(remembered) : (Datum) 0, asked ? CStringGetTextDatum(asked) : (Datum) 0
	};
	bool		nulls[5] = {false, false, number == 0, remembered == NULL, asked == NULL};

	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

Datum
dalp_replay_check(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	char	   *workflow = required_text(fcinfo, 0, "workflow");
	WorkflowInfo info;
	List	   *runs;
	ListCell   *cell;

	catalog_require_loaded();
	InitMaterializedSRF(fcinfo, 0);
	runs = find_runs(workflow, PG_ARGISNULL(1) ? 0 : PG_GETARG_INT32(1), 0, &info);
	foreach(cell, runs)
	{
		int64		run_id = *(int64 *) lfirst(cell);
		const Doc  *answer = ask(run_id, info.definition_id);
		const char *status = doc_get_text(answer, "status");

		/* It may end between the list and the look. */
		if (status != NULL && strcmp(status, "ended") != 0)
			put(result, run_id, answer, status);
	}
	return (Datum) 0;
}

/* Under the run's lock: is it where the check has seen it? */
static bool
move(int64 run_id, int64 entry, int definition_id)
{
	StoreScope	scope;
	Step	   *step;
	bool		moves;

	store_open(&scope);
	step = claim_run(run_id);
	moves = step != NULL && step->entry == entry;
	if (moves)
		procedure_store_move(run_id, definition_id);
	store_close(&scope);
	return moves;
}

Datum
dalp_move_runs(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	char	   *workflow = required_text(fcinfo, 0, "workflow");
	Oid			caller = GetUserId();
	WorkflowInfo info;
	List	   *runs;
	List	   *answers = NIL;
	ListCell   *cell;
	StoreScope	scope;

	catalog_require_writable();
	if (PG_ARGISNULL(1) || PG_ARGISNULL(2))
		ereport(ERROR,
				(errcode(ERRCODE_DALP_INVALID_INPUT), errmsg("versions must not be null")));
	InitMaterializedSRF(fcinfo, 0);
	runs = find_runs(workflow, PG_GETARG_INT32(2), PG_GETARG_INT32(1), &info);

	/* All checks first: a run that is locked here could not be checked. */
	foreach(cell, runs)
		answers = lappend(answers, unconstify(Doc *, ask(*(int64 *) lfirst(cell), info.definition_id)));
	for (int i = 0; i < list_length(runs); i++)
	{
		int64		run_id = *(int64 *) list_nth(runs, i);
		const Doc  *answer = list_nth(answers, i);
		const char *status = doc_get_text(answer, "status");

		if (status == NULL || strcmp(status, "ended") == 0)
			continue;
		if (strcmp(status, "fits") == 0)
			status = move(run_id, number_member(answer, "entry"), info.definition_id) ? "moved" : "went on";
		put(result, run_id, answer, status);
	}
	store_open(&scope);
	audit_add(caller, "move_runs", psprintf("workflow %s from version %d to %d", workflow,
											PG_GETARG_INT32(1), PG_GETARG_INT32(2)), NULL);
	store_close(&scope);
	return (Datum) 0;
}
