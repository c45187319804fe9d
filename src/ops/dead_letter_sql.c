/*
 * dead_letter_sql.c
 *		dalp.redrive, dalp.discard, dalp.acknowledge.
 *
 * In an operator's backend.  The letter's row is locked first, so that two
 * operators never redrive it twice.
 */
#include "compat.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/timestamp.h"

#include "core/catalog.h"
#include "core/clock.h"
#include "core/errors.h"
#include "core/limits.h"
#include "core/spi.h"
#include "ops/audit.h"
#include "ops/dead_letter.h"

DALP_FUNCTION(dalp_redrive);
DALP_FUNCTION(dalp_discard);
DALP_FUNCTION(dalp_acknowledge);

typedef struct Kind
{
	const char *name;
	DeadLetterRedrive redrive;
	bool		can_be_delayed;
} Kind;

static Kind kinds[4];
static int	kinds_count = 0;

void
dead_letter_define(const char *kind, DeadLetterRedrive redrive, bool can_be_delayed)
{
	if (kinds_count == lengthof(kinds))
		elog(ERROR, "too many kinds of dead letters");
	kinds[kinds_count++] = (Kind) {kind, redrive, can_be_delayed};
}

/* Locks an open letter. Errors: DL002, DL003. */
static void
lock_letter(int64 id, char **kind, int64 *reference)
{
	static Statement lock = {
		"SELECT kind, reference, resolution FROM dalp_ops.dead_letter"
		" WHERE dead_letter_id OPERATOR(pg_catalog.=) $1 FOR UPDATE",
		1, {INT8OID}
	};
	Datum		values[1] = {Int64GetDatum(id)};
	char	   *resolution;

	if (store_write(&lock, values, NULL, 1) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_DALP_UNKNOWN_OBJECT),
				 errmsg("dead letter " INT64_FORMAT " does not exist", id),
				 errhint("See dalp.dead_letters.")));
	resolution = store_text(0, 3);
	if (resolution != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_DALP_WRONG_STATE),
				 errmsg("dead letter " INT64_FORMAT " is settled", id),
				 errdetail("It was %s; only open dead letters can be redriven or discarded.", resolution)));
	*kind = store_text(0, 1);
	*reference = store_int64(0, 2);
}

static int64
letter_argument(FunctionCallInfo fcinfo)
{
	catalog_require_writable();
	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_DALP_INVALID_INPUT), errmsg("id must not be null")));
	return PG_GETARG_INT64(0);
}

static char *
note_argument(FunctionCallInfo fcinfo, int number)
{
	char	   *note = PG_ARGISNULL(number) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(number));

	limit_note("note", note);
	return note;
}

int64
dead_letter_redrive(int64 id, Jsonb *patch, const char *note, Oid actor, int64 delay)
{
	char	   *kind;
	int64		reference;
	int64		result;
	int			number = 0;

	lock_letter(id, &kind, &reference);
	while (number < kinds_count && strcmp(kinds[number].name, kind) != 0)
		number++;
	if (number == kinds_count)
		ereport(ERROR,
				(errcode(ERRCODE_DALP_WRONG_STATE),
				 errmsg("dead letters of kind \"%s\" can't be redriven", kind)));
	if (delay > 0 && !kinds[number].can_be_delayed)
		ereport(ERROR,
				(errcode(ERRCODE_DALP_INVALID_INPUT),
				 errmsg("dead letters of kind \"%s\" can't be redriven at a rate", kind),
				 errhint("Choose another kind in the filter, or leave rate_per_second out.")));
	dead_letter_resolve(kind, reference, "redriven", actor, note);
	result = kinds[number].redrive(reference, patch, actor, delay);
	audit_add(actor, "redrive", psprintf("dead letter " INT64_FORMAT, id), patch);
	return result;
}

Datum
dalp_redrive(PG_FUNCTION_ARGS)
{
	int64		id = letter_argument(fcinfo);
	Jsonb	   *patch = PG_ARGISNULL(1) ? NULL : PG_GETARG_JSONB_P(1);
	char	   *note = note_argument(fcinfo, 2);
	Oid			actor = GetUserId();
	StoreScope	scope;
	int64		result;

	store_open(&scope);
	result = dead_letter_redrive(id, patch, note, actor, 0);
	store_close(&scope);
	PG_RETURN_INT64(result);
}

Datum
dalp_discard(PG_FUNCTION_ARGS)
{
	int64		id = letter_argument(fcinfo);
	char	   *note = note_argument(fcinfo, 1);
	Oid			actor = GetUserId();
	StoreScope	scope;
	char	   *kind;
	int64		reference;

	store_open(&scope);
	lock_letter(id, &kind, &reference);
	dead_letter_resolve(kind, reference, "discarded", actor, note);
	audit_add(actor, "discard", psprintf("dead letter " INT64_FORMAT, id), NULL);
	store_close(&scope);
	PG_RETURN_VOID();
}

Datum
dalp_acknowledge(PG_FUNCTION_ARGS)
{
	static Statement acknowledge = {
		"UPDATE dalp_ops.dead_letter SET acknowledged_by = $2::regrole, acknowledged_at = $3,"
		" note = COALESCE($4, note) WHERE dead_letter_id OPERATOR(pg_catalog.=) $1",
		4, {INT8OID, OIDOID, TIMESTAMPTZOID, TEXTOID}
	};
	int64		id = letter_argument(fcinfo);
	char	   *note = note_argument(fcinfo, 1);
	Oid			actor = GetUserId();
	StoreScope	scope;
	char	   *kind;
	int64		reference;
	Datum		values[4] = {
		Int64GetDatum(id), ObjectIdGetDatum(actor), TimestampTzGetDatum(clock_now()),
		note ? CStringGetTextDatum(note) : (Datum) 0
	};
	char		nulls[4] = {' ', ' ', ' ', note ? ' ' : 'n'};

	store_open(&scope);
	lock_letter(id, &kind, &reference);
	store_write(&acknowledge, values, nulls, 0);
	audit_add(actor, "acknowledge", psprintf("dead letter " INT64_FORMAT, id), NULL);
	store_close(&scope);
	PG_RETURN_VOID();
}
