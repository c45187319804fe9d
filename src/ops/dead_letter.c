/*
 * dead_letter.c
 *		Adding to the dead letter queue, and grouping by fingerprint.
 */
#include "compat.h"

#include <ctype.h>

#include "catalog/pg_type.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "core/clock.h"
#include "core/document.h"
#include "core/spi.h"
#include "ops/dead_letter.h"

/* Of a message only its start tells failures apart. */
#define FINGERPRINT_MESSAGE 200

/* Bytes of an error's name that count: the fingerprint is in an index, and a Fail state may name a book. */
#define NAME_LIMIT 256

static char *
start_of(const char *error)
{
	return pnstrdup(error, pg_mbcliplen(error, (int) strnlen(error, NAME_LIMIT + MAX_MULTIBYTE_CHAR_LEN), NAME_LIMIT));
}

/* The message of a structured cause, else the cause as it is. */
static const char *
message_of(const char *cause)
{
	Problem		problem = {0};
	const Doc  *document;
	const char *message;

	if (cause == NULL)
		return "";
	document = cause[0] == '{' ? doc_parse(cause, strlen(cause), &problem) : NULL;
	message = document ? doc_get_text(document, "message") : NULL;
	return message ? message : cause;
}

char *
dead_letter_fingerprint(const char *scope, const char *state, const char *error, const char *cause)
{
	StringInfoData text;
	char		quote = '\0';
	int			taken = 0;

	initStringInfo(&text);
	appendStringInfo(&text, "%s/%s/%s/", scope, state ? state : "", error ? start_of(error) : "");
	for (const char *c = message_of(cause); *c != '\0' && taken < FINGERPRINT_MESSAGE; c++)
	{
		if (quote != '\0')
		{
			if (*c == quote)
				quote = '\0';
			continue;
		}
		if (*c == '"' || *c == '\'')
		{
			/* An apostrophe inside a word quotes nothing. */
			if (*c == '"' || strchr(c + 1, '\'') != NULL)
				quote = *c;
			appendStringInfoChar(&text, '?');
		}
		else if (isdigit((unsigned char) *c))
		{
			if (text.len == 0 || text.data[text.len - 1] != '#')
				appendStringInfoChar(&text, '#');
		}
		else
			appendStringInfoChar(&text, *c);
		taken++;
	}
	/* Cutting may have split a character. */
	text.data[pg_mbcliplen(text.data, text.len, text.len)] = '\0';
	return text.data;
}

/* SQLSTATEs by their class; names by what stands before the dot. */
static char *
class_of(const char *error)
{
	const char *dot;

	if (error == NULL)
		return pstrdup("none");
	dot = strchr(error, '.');
	if (dot != NULL)
		return start_of(pnstrdup(error, dot - error));
	if (strlen(error) == 5 && strspn(error, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ") == 5)
		return pnstrdup(error, 2);
	return start_of(error);
}

int64
dead_letter_add(const DeadLetter *letter)
{
	static Statement insert = {
		"INSERT INTO dalp_ops.dead_letter (kind, reference, scope, state, error_class, fingerprint, error, cause,"
		" attempts, first_failure, last_failure, input)"
		" VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) RETURNING dead_letter_id",
		12, {TEXTOID, INT8OID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, INT4OID,
		TIMESTAMPTZOID, TIMESTAMPTZOID, JSONBOID}
	};
	Datum		values[12];
	char		nulls[12];

	memset(nulls, ' ', sizeof(nulls));
	values[0] = CStringGetTextDatum(letter->kind);
	values[1] = Int64GetDatum(letter->reference);
	values[2] = CStringGetTextDatum(letter->scope);
	values[3] = letter->state ? CStringGetTextDatum(letter->state) : (Datum) 0;
	nulls[3] = letter->state ? ' ' : 'n';
	values[4] = CStringGetTextDatum(class_of(letter->error));
	values[5] = CStringGetTextDatum(dead_letter_fingerprint(letter->scope, letter->state, letter->error, letter->cause));
	values[6] = letter->error ? CStringGetTextDatum(letter->error) : (Datum) 0;
	nulls[6] = letter->error ? ' ' : 'n';
	values[7] = letter->cause ? CStringGetTextDatum(letter->cause) : (Datum) 0;
	nulls[7] = letter->cause ? ' ' : 'n';
	values[8] = Int32GetDatum(letter->attempts);
	values[9] = TimestampTzGetDatum(letter->first_failure);
	values[10] = TimestampTzGetDatum(letter->last_failure);
	values[11] = JsonbPGetDatum(letter->input);
	nulls[11] = letter->input ? ' ' : 'n';
	store_write(&insert, values, nulls, 1);
	return store_int64(0, 1);
}

void
dead_letter_resolve(const char *kind, int64 reference, const char *resolution, Oid actor, const char *note)
{
	static Statement resolve = {
		"UPDATE dalp_ops.dead_letter SET resolution = $3, resolved_by = $4::regrole, resolved_at = $5, note = $6"
		" WHERE kind OPERATOR(pg_catalog.=) $1 AND reference OPERATOR(pg_catalog.=) $2 AND resolution IS NULL",
		6, {TEXTOID, INT8OID, TEXTOID, OIDOID, TIMESTAMPTZOID, TEXTOID}
	};
	Datum		values[6] = {
		CStringGetTextDatum(kind), Int64GetDatum(reference), CStringGetTextDatum(resolution),
		ObjectIdGetDatum(actor), TimestampTzGetDatum(clock_now()), note ? CStringGetTextDatum(note) : (Datum) 0
	};
	char		nulls[6] = {' ', ' ', ' ', ' ', ' ', note ? ' ' : 'n'};

	store_write(&resolve, values, nulls, 0);
}
