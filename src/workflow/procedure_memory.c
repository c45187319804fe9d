/*
 * procedure_memory.c
 *		What a durable procedure has asked for so far.
 *
 * In an executor, while a procedure is under way.  Entries with effects belong
 * to the transaction of the procedure: their rows in the journal are written
 * with the effects and live or die with them.  Failures that the procedure
 * catches have no effects; they are kept here and written with the next entry,
 * because the exception block that catches one has rolled back by then.
 *
 * An exception block, or ROLLBACK, can take back a step that succeeded.  The
 * code behind it has seen the result, so the entry stays, marked: asked again,
 * the result is given again, without the effects, and whoever then commits
 * where he rolled back before isn't the same procedure any more.
 */
#include "compat.h"

#include "access/xact.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "core/clock.h"
#include "core/document_jsonb.h"
#include "core/errors.h"
#include "workflow/procedure.h"

/* Names of steps: what is left of the 255 bytes of a name is for "#2". */
#define NAME_LIMIT 200

/* A call that has done something gives way to others after this long, where nothing is lost by it. */
#define YIELD_AFTER_MS 1000

typedef struct NameUse
{
	char		name[NAME_LIMIT + 1];	/* hash key */
	int			uses;
} NameUse;

static void
add_entry(ProcedureCall *call, ProcedureEntry *entry)
{
	if (call->count == call->capacity)
	{
		call->capacity = call->capacity == 0 ? 64 : call->capacity * 2;
		call->entries = call->entries == NULL ?
			MemoryContextAlloc(call->context, call->capacity * sizeof(ProcedureEntry *)) :
			repalloc(call->entries, call->capacity * sizeof(ProcedureEntry *));
	}
	call->entries[call->count++] = entry;
}

static Jsonb *
keep_jsonb(ProcedureCall *call, Jsonb *document)
{
	return document == NULL ? NULL :
		memcpy(MemoryContextAlloc(call->context, VARSIZE(document)), document, VARSIZE(document));
}

static char *
keep_text(ProcedureCall *call, const char *text)
{
	return text == NULL ? NULL : MemoryContextStrdup(call->context, text);
}

ProcedureCall *
procedure_prepare(MemoryContext parent, const Step *step, bool check)
{
	MemoryContext context = AllocSetContextCreate(parent, "dalp procedure", ALLOCSET_DEFAULT_SIZES);
	ProcedureCall *call = MemoryContextAllocZero(context, sizeof(ProcedureCall));
	HASHCTL		control = {0};

	call->context = context;
	call->scratch = AllocSetContextCreate(context, "dalp procedure's question", ALLOCSET_DEFAULT_SIZES);
	call->run_id = step->run_id;
	call->definition = step->definition;
	call->started_at = call->now = step->started_at;
	call->attempt = step->redrives + 1;
	call->input = keep_jsonb(call, step->input);
	call->check = check;
	call->base_entry = step->entry;
	control.keysize = NAME_LIMIT + 1;
	control.entrysize = sizeof(NameUse);
	control.hcxt = context;
	call->names = hash_create("dalp procedure's names", 64, &control, HASH_ELEM | HASH_STRINGS | HASH_CONTEXT);
	pg_prng_seed(&call->random, (uint64) step->run_id);
	procedure_store_load(call, add_entry);
	call->kept = call->open_from = call->count;
	return call;
}

char *
procedure_describe(const char *kind, const char *name, const char *call)
{
	if (strcmp(kind, ENTRY_STEP) == 0)
		return psprintf("step \"%s\" calling %s", name, call);
	if (strcmp(kind, ENTRY_SIGNAL) == 0)
		return psprintf("signal \"%s\"", call);
	if (strcmp(kind, ENTRY_SUBMIT) == 0)
		return psprintf("submitting transaction \"%s\" of %s", name, call);
	if (strcmp(kind, ENTRY_TRANSACTION) == 0)
		return psprintf("the end of transaction %s", call);
	return pstrdup("sleeping");
}

/* "name", "name#2" … by how often it was used before in this call. */
static const char *
numbered_name(ProcedureCall *call, const char *name)
{
	bool		found;
	NameUse    *use;

	if (name[0] == '\0' || strlen(name) > NAME_LIMIT)
		ereport(ERROR,
				(errcode(ERRCODE_DALP_INVALID_INPUT),
				 errmsg("name of a step must have 1 to %d bytes", NAME_LIMIT)));
	use = hash_search(call->names, name, HASH_ENTER, &found);
	use->uses = found ? use->uses + 1 : 1;
	return use->uses == 1 ? MemoryContextStrdup(call->context, name) :
		MemoryContextStrdup(call->context, psprintf("%s#%d", name, use->uses));
}

static void
refuse_mismatch(ProcedureCall *call, const char *remembered, const char *asked)
{
	call->mismatch_number = call->position + 1;
	call->remembered = MemoryContextStrdup(call->context, remembered);
	call->asked = MemoryContextStrdup(call->context, asked);
	procedure_unwind(call, UNWIND_MISMATCH);
}

/* The procedure has caught what unwinds it. */
static void
refuse_to_go_on(ProcedureCall *call)
{
	call->went_on = true;
	procedure_went_on_error();
}

ProcedureEntry *
procedure_ask(ProcedureCall *call, const char *kind, const char *name, const char *what)
{
	ProcedureEntry *entry;

	if (call->unwind != UNWIND_NONE)
		refuse_to_go_on(call);
	if (call->in_step)
		ereport(ERROR,
				(errcode(ERRCODE_DALP_WRONG_STATE),
				 errmsg("a step can't have steps or waits of its own"),
				 errhint("Let the procedure ask for them, one after the other.")));
	call->question = numbered_name(call, name);
	if (call->position == call->count)
	{
		if (call->check)
		{
			call->asked = MemoryContextStrdup(call->context, procedure_describe(kind, call->question, what));
			procedure_unwind(call, UNWIND_CHECKED);
		}
		if (call->written > 0 && !procedure_has_uncommitted(call) && GetCurrentTransactionNestLevel() == 1 &&
			TimestampDifferenceExceeds(call->called_at, GetCurrentTimestamp(), YIELD_AFTER_MS))
			procedure_unwind(call, UNWIND_YIELD);
		return NULL;
	}

	entry = call->entries[call->position];
	if (strcmp(entry->kind, kind) != 0 || strcmp(entry->name, call->question) != 0 || strcmp(entry->call, what) != 0)
		refuse_mismatch(call, procedure_describe(entry->kind, entry->name, entry->call),
						procedure_describe(kind, call->question, what));
	call->position++;
	call->now = entry->at;
	if (entry->rolled_back)
	{
		entry->effects_in = GetCurrentSubTransactionId();
		call->open_from = Min(call->open_from, call->position - 1);
	}
	return entry;
}

ProcedureEntry *
procedure_remember(ProcedureCall *call, const char *kind, const char *what, TimestampTz begun,
				   Jsonb *result, const char *error, const char *cause, bool effects)
{
	ProcedureEntry *entry = MemoryContextAllocZero(call->context, sizeof(ProcedureEntry));

	entry->kind = kind;
	entry->name = call->question;
	entry->call = keep_text(call, what);
	entry->begun = begun;
	entry->at = call->now = clock_now();
	entry->failed = error != NULL;
	entry->result = keep_jsonb(call, result);
	entry->error = keep_text(call, error);
	entry->cause = keep_text(call, cause);
	entry->effects_in = effects ? GetCurrentSubTransactionId() : InvalidSubTransactionId;
	add_entry(call, entry);
	call->position = call->count;
	return entry;
}

bool
procedure_has_uncommitted(const ProcedureCall *call)
{
	for (int i = call->count - 1; i >= call->kept; i--)
	{
		const ProcedureEntry *entry = call->entries[i];

		if (entry->effects_in != InvalidSubTransactionId || entry->row_in != InvalidSubTransactionId)
			return true;
		if (entry->written)
			return false;
	}
	return false;
}

Step *
procedure_lock(ProcedureCall *call)
{
	Step	   *step = claim_run(call->run_id);

	if (step == NULL || step->run_paused || step->definition != call->definition ||
		step->entry != call->base_entry + call->written)
		procedure_unwind(call, UNWIND_GONE);
	return step;
}

static Jsonb *
details_of(const ProcedureEntry *entry)
{
	Doc		   *details = doc_object();
	Problem		problem = {0};

	doc_object_add(details, "kind", doc_text(entry->kind));
	doc_object_add(details, "call", doc_text(entry->call));
	if (entry->rolled_back)
		doc_object_add(details, "rolled_back", doc_bool(true));
	return doc_to_jsonb(details, &problem);
}

void
procedure_journal(Step *step, const ProcedureEntry *entry, BatchWrites *writes)
{
	const char *event = "succeeded";

	if (entry->failed)
		event = strcmp(entry->error, "States.Timeout") == 0 ? "timed_out" : "failed";
	else if (strcmp(entry->kind, ENTRY_SIGNAL) == 0)
		event = "signalled";
	step->label = entry->name;
	step->entry++;
	step->transient = 0;
	/* The beginning of a wait has a row of its own. */
	step->entered_logged = entry->begun == 0;
	if (entry->begun != 0)
		step->entered_at = entry->begun;
	batch_journal(writes, step, event, entry->at, entry->result, NULL, entry->error, entry->cause, details_of(entry));
}

void
procedure_write(ProcedureCall *call, Step *step, BatchWrites *writes)
{
	int			first = call->count;

	/* Those without a row are the last ones: a row is never older than the one before it. */
	while (first > call->kept && !call->entries[first - 1]->written)
		first--;
	for (int i = first; i < call->count; i++)
	{
		ProcedureEntry *entry = call->entries[i];

		procedure_journal(step, entry, writes);
		entry->written = true;
		entry->row_in = GetCurrentSubTransactionId();
		call->written++;
	}
}

void
procedure_write_all(ProcedureCall *call, Step *step)
{
	BatchWrites writes;

	batch_init(&writes);
	procedure_write(call, step, &writes);
	batch_position(&writes, step);
	batch_flush(&writes);
}

static void
undo_effects(ProcedureEntry *entry)
{
	entry->effects_in = InvalidSubTransactionId;
	entry->rolled_back = true;
}

static void
undo_row(ProcedureCall *call, ProcedureEntry *entry)
{
	entry->row_in = InvalidSubTransactionId;
	entry->written = false;
	call->written--;
}

void
procedure_end_transaction(ProcedureCall *call, bool commits)
{
	for (int i = call->open_from; i < call->count; i++)
	{
		ProcedureEntry *entry = call->entries[i];

		if (entry->effects_in != InvalidSubTransactionId)
		{
			if (commits)
				entry->effects_in = InvalidSubTransactionId;
			else
				undo_effects(entry);
		}
		if (entry->row_in != InvalidSubTransactionId)
		{
			if (commits)
				entry->row_in = InvalidSubTransactionId;
			else
				undo_row(call, entry);
		}
	}
	call->open_from = call->count;
}

void
procedure_end_subtransaction(ProcedureCall *call, bool commits, SubTransactionId mine, SubTransactionId parent)
{
	for (int i = call->open_from; i < call->count; i++)
	{
		ProcedureEntry *entry = call->entries[i];

		if (entry->effects_in == mine)
		{
			if (commits)
				entry->effects_in = parent;
			else
				undo_effects(entry);
		}
		if (entry->row_in == mine)
		{
			if (commits)
				entry->row_in = parent;
			else
				undo_row(call, entry);
		}
	}
}

void
procedure_before_commit(ProcedureCall *call)
{
	if (call->unwind != UNWIND_NONE)
		refuse_to_go_on(call);
	for (int i = call->open_from; i < call->position; i++)
	{
		const ProcedureEntry *entry = call->entries[i];

		if (entry->rolled_back && entry->effects_in != InvalidSubTransactionId)
		{
			const char *what = procedure_describe(entry->kind, entry->name, entry->call);

			call->position = i;
			refuse_mismatch(call, psprintf("%s, rolled back", what), psprintf("%s, committed", what));
		}
	}
}
