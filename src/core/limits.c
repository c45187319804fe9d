/*
 * limits.c
 *		What callers hand over is bounded by settings.
 *
 * In a caller's backend, before anything is written.
 */
#include "postgres.h"

#include "core/errors.h"
#include "core/limits.h"
#include "core/settings.h"

static void
check_size(const char *what, Size size, int kilobytes, const char *setting, const char *hint)
{
	if (size > (Size) kilobytes * 1024)
		ereport(ERROR,
				(errcode(ERRCODE_DALP_LIMIT_EXCEEDED),
				 errmsg("%s is too large", what),
				 errdetail("It has %zu bytes; %s is %d kB.", size, setting, kilobytes),
				 errhint("%s, or raise %s.", hint, setting)));
}

void
limit_payload(const char *what, Jsonb *document)
{
	if (document != NULL)
		check_size(what, VARSIZE(document), dalp_max_payload, "dalp.max_payload",
				   "Keep the data in a table and pass its key");
}

void
limit_note(const char *what, const char *text)
{
	if (text != NULL)
		check_size(what, strlen(text), dalp_max_note, "dalp.max_note", "Shorten it");
}

void
limit_tags(const char *what, Jsonb *document)
{
	if (document != NULL)
		check_size(what, VARSIZE(document), dalp_max_note, "dalp.max_note", "Shorten them");
}

void
limit_definition(Jsonb *document)
{
	check_size("definition", VARSIZE(document), dalp_max_definition, "dalp.max_definition",
			   "Divide it into workflows that call each other");
}
