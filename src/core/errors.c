/*
 * errors.c
 *		From a Problem, as pure code reports it, to a PostgreSQL error.
 */
#include "postgres.h"

#include "mb/pg_wchar.h"

#include "core/document_index.h"
#include "core/errors.h"

/*
 * What a problem says, fit for an error: names in it are cut to a number of
 * bytes, which may leave half a character, and are UTF-8 whatever the database's
 * encoding is.
 */
static char *
shown(const char *text)
{
	size_t		left = strlen(text);
	char	   *out = palloc(left + 1);
	char	   *end = out;

	while (left > 0)
	{
		int			size = doc_utf8_length(text, left);

		if (size == 1 || (size > 1 && GetDatabaseEncoding() == PG_UTF8))
		{
			memcpy(end, text, (size_t) size);
			end += size;
		}
		else
			*end++ = '?';
		size = size > 0 ? size : 1;
		text += size;
		left -= (size_t) size;
	}
	*end = '\0';
	return out;
}

void
problem_raise_hint(const Problem *problem, const char *what, const char *hint)
{
	ereport(ERROR,
			(errcode(ERRCODE_DALP_INVALID_INPUT),
			 errmsg("invalid %s: %s", what, shown(problem->message)),
			 problem->where[0] != '\0' ? errdetail("Found at %s.", shown(problem->where)) : 0,
			 hint != NULL ? errhint("%s", hint) : 0));
}

void
problem_raise(const Problem *problem, const char *what)
{
	problem_raise_hint(problem, what, NULL);
}
