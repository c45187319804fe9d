/*
 * errors.c
 *		From a Problem, as pure code reports it, to a PostgreSQL error.
 */
#include "postgres.h"

#include "core/errors.h"

void
problem_raise(const Problem *problem, const char *what)
{
	ereport(ERROR,
			(errcode(ERRCODE_DALP_INVALID_INPUT),
			 errmsg("invalid %s: %s", what, problem->message),
			 problem->where[0] != '\0' ? errdetail("Found at %s.", problem->where) : 0));
}
