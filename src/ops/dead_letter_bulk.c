/*
 * dead_letter_bulk.c
 *		dalp.redrive_all: many dead letters at once, or at a rate.
 *
 * In an operator's backend, in one transaction.  At a rate, each run goes on by
 * a timer of its own: the session is free at once.  Each letter is redriven in
 * a subtransaction, because one that can't go on now must not stop the others;
 * two operators at the same time redrive each letter once.
 */
#include "compat.h"

#include <math.h>

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/resowner.h"
#include "utils/timestamp.h"

#include "core/catalog.h"
#include "core/document_jsonb.h"
#include "core/errors.h"
#include "core/limits.h"
#include "core/spi.h"
#include "ops/audit.h"
#include "ops/dead_letter.h"

DALP_FUNCTION(dalp_redrive_all);

/* A redrive that would take longer than that to start was hardly meant. */
#define LONGEST_SPREAD_SECONDS (366.0 * 86400)

/* What a filter may have; in the order of the statement's parameters. */
typedef enum FilterKey
{
	FILTER_KIND, FILTER_WORKFLOW, FILTER_FINGERPRINT, FILTER_ERROR, FILTER_STATE, FILTER_SINCE, FILTER_UNTIL, FILTER_TAGS
} FilterKey;

static const char *const filter_names[] = {
	"kind", "workflow", "fingerprint", "error", "state", "since", "until", "tags"
};

static void
refuse_filter(const char *key, const char *what)
{
	ereport(ERROR,
			(errcode(ERRCODE_DALP_INVALID_INPUT),
			 errmsg("filter has \"%s\", which %s", key, what),
			 errhint("A filter may have kind, workflow, fingerprint, error, state, since, until and tags; '{}' means all.")));
}

static Datum
read_time(const char *text)
{
	return DirectFunctionCall3(timestamptz_in, CStringGetDatum(text), ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1));
}

/* The statement's parameters. Errors: DL006, and what timestamptz says to a text that is no time. */
static void
read_filter(Jsonb *filter, Datum *values, char *nulls)
{
	const Doc  *document = doc_from_jsonb(filter);

	memset(nulls, 'n', lengthof(filter_names));
	if (!doc_is(document, DOC_OBJECT))
		ereport(ERROR,
				(errcode(ERRCODE_DALP_INVALID_INPUT),
				 errmsg("filter must be a JSON object"), errhint("'{}' means all open dead letters.")));
	for (uint32_t i = 0; i < document->length; i++)
	{
		const DocMember *member = &document->members[i];
		size_t		key = 0;

		while (key < lengthof(filter_names) && strcmp(filter_names[key], member->key) != 0)
			key++;
		if (key == lengthof(filter_names))
			refuse_filter(member->key, "is unknown");
		if (key == FILTER_TAGS)
		{
			Problem		problem = {0};

			if (!doc_is(member->value, DOC_OBJECT))
				refuse_filter(member->key, "must be an object");
			values[key] = JsonbPGetDatum(doc_to_jsonb(member->value, &problem));
		}
		else if (!doc_is(member->value, DOC_STRING))
			refuse_filter(member->key, "must be a text");
		else if (key == FILTER_SINCE || key == FILTER_UNTIL)
			values[key] = read_time(member->value->text);
		else
			values[key] = CStringGetTextDatum(member->value->text);
		nulls[key] = ' ';
	}
}

/* Ids of the open letters that match, oldest first; in the current memory context. */
static int64 *
find_letters(Jsonb *filter, int *count)
{
#define MATCHES(number, expression) \
	" AND ($" number " IS NULL OR " expression ")"
	static Statement find = {
		"SELECT l.dead_letter_id FROM dalp_ops.dead_letter l WHERE l.resolution IS NULL"
		MATCHES("1", "l.kind OPERATOR(pg_catalog.=) $1")
		MATCHES("2", "(l.scope OPERATOR(pg_catalog.=) $2 AND l.kind OPERATOR(pg_catalog.=) ANY (ARRAY['run', 'compensation']))")
		MATCHES("3", "l.fingerprint OPERATOR(pg_catalog.=) $3")
		MATCHES("4", "l.error OPERATOR(pg_catalog.=) $4")
		MATCHES("5", "l.state OPERATOR(pg_catalog.=) $5")
		MATCHES("6", "l.last_failure OPERATOR(pg_catalog.>=) $6")
		MATCHES("7", "l.last_failure OPERATOR(pg_catalog.<) $7")
		MATCHES("8", "EXISTS (SELECT FROM dalp_workflow.run_data d WHERE d.run_id OPERATOR(pg_catalog.=)"
				" CASE l.kind WHEN 'run' THEN l.reference WHEN 'compensation' THEN (SELECT c.run_id"
				" FROM dalp_workflow.compensation c WHERE c.number OPERATOR(pg_catalog.=) l.reference) END"
				" AND d.tags OPERATOR(pg_catalog.@>) $8)")
		" ORDER BY l.dead_letter_id",
		8, {TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TIMESTAMPTZOID, TIMESTAMPTZOID, JSONBOID}
	};
	MemoryContext context = CurrentMemoryContext;
	Datum		values[8] = {0};
	char		nulls[8];
	int64	   *ids;

	read_filter(filter, values, nulls);
	*count = (int) store_write(&find, values, nulls, 0);
	ids = MemoryContextAllocHuge(context, mul_size(sizeof(int64), Max(*count, 1)));
	for (int i = 0; i < *count; i++)
		ids[i] = store_int64(i, 1);
	return ids;
}

/* Returns false, with *reason, where the letter can't go on now: then nothing of it has changed. */
static bool
redrive_one(int64 id, const char *note, Oid actor, int64 delay, char **reason)
{
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	volatile bool done = false;

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(context);
	PG_TRY();
	{
		(void) dead_letter_redrive(id, NULL, note, actor, delay);
		ReleaseCurrentSubTransaction();
		done = true;
	}
	PG_CATCH();
	{
		ErrorData  *edata;

		MemoryContextSwitchTo(context);
		edata = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
		MemoryContextSwitchTo(context);
		CurrentResourceOwner = owner;
		if (edata->sqlerrcode != ERRCODE_DALP_WRONG_STATE && edata->sqlerrcode != ERRCODE_DALP_UNKNOWN_OBJECT)
			ReThrowError(edata);
		*reason = psprintf("%s: %s", edata->message, edata->detail ? edata->detail : "");
	}
	PG_END_TRY();
	MemoryContextSwitchTo(context);
	CurrentResourceOwner = owner;
	return done;
}

/* Microseconds between two letters. Errors: DL006. */
static double
read_rate(FunctionCallInfo fcinfo, int number)
{
	double		rate;

	if (PG_ARGISNULL(number))
		return 0;
	rate = DatumGetFloat8(DirectFunctionCall1(numeric_float8, PG_GETARG_DATUM(number)));
	if (!(rate > 0) || isinf(rate))
		ereport(ERROR,
				(errcode(ERRCODE_DALP_INVALID_INPUT),
				 errmsg("rate_per_second must be positive"),
				 errhint("Leave it out to redrive all at once.")));
	return USECS_PER_SEC / rate;
}

Datum
dalp_redrive_all(PG_FUNCTION_ARGS)
{
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext each = AllocSetContextCreate(caller, "dalp redrive", ALLOCSET_DEFAULT_SIZES);
	char	   *note = PG_ARGISNULL(1) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(1));
	double		interval = read_rate(fcinfo, 2);
	bool		dry_run = !PG_ARGISNULL(3) && PG_GETARG_BOOL(3);
	Oid			actor = GetUserId();
	StoreScope	scope;
	Jsonb	   *filter;
	int64	   *ids;
	int			count;
	int64		redriven = 0;
	char	   *first_reason = NULL;

	catalog_require_writable();
	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_DALP_INVALID_INPUT),
				 errmsg("filter must not be null"), errhint("'{}' means all open dead letters.")));
	filter = PG_GETARG_JSONB_P(0);
	limit_note("note", note);
	limit_tags("filter", filter);
	store_open(&scope);
	MemoryContextSwitchTo(caller);
	ids = find_letters(filter, &count);
	if (interval * count / USECS_PER_SEC > LONGEST_SPREAD_SECONDS)
		ereport(ERROR,
				(errcode(ERRCODE_DALP_INVALID_INPUT),
				 errmsg("at that rate %d dead letters take more than a year", count)));
	for (int i = 0; i < count && !dry_run; i++)
	{
		char	   *reason = NULL;

		CHECK_FOR_INTERRUPTS();
		MemoryContextReset(each);
		MemoryContextSwitchTo(each);
		if (redrive_one(ids[i], note, actor, (int64) (interval * redriven), &reason))
			redriven++;
		else if (first_reason == NULL)
			first_reason = MemoryContextStrdup(caller, reason);
		MemoryContextSwitchTo(caller);
	}
	if (!dry_run)
		audit_add(actor, "redrive_all", psprintf(INT64_FORMAT " dead letters", redriven), filter);
	store_close(&scope);
	MemoryContextDelete(each);
	if (first_reason != NULL)
		ereport(NOTICE,
				(errmsg(INT64_FORMAT " of %d dead letters can't be redriven now", (int64) count - redriven, count),
				 errdetail("The first: %s", first_reason)));
	PG_RETURN_INT64(dry_run ? count : redriven);
}
