/*
 * arguments.h
 *		Arguments of SQL functions that may be NULL.
 */
#ifndef DALP_ARGUMENTS_H
#define DALP_ARGUMENTS_H

#include "postgres.h"

#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "core/errors.h"

/* NULL for NULL. */
static inline char *
text_argument(FunctionCallInfo fcinfo, int number)
{
	return PG_ARGISNULL(number) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(number));
}

/* DL006 for NULL. */
static inline char *
required_text(FunctionCallInfo fcinfo, int number, const char *name)
{
	if (PG_ARGISNULL(number))
		ereport(ERROR,
				(errcode(ERRCODE_DALP_INVALID_INPUT), errmsg("%s must not be null", name)));
	return text_argument(fcinfo, number);
}

static inline int64
required_id(FunctionCallInfo fcinfo, int number, const char *name)
{
	if (PG_ARGISNULL(number))
		ereport(ERROR,
				(errcode(ERRCODE_DALP_INVALID_INPUT), errmsg("%s must not be null", name)));
	return PG_GETARG_INT64(number);
}

/* Longest key of a caller, in bytes: it is in an index. */
#define KEY_LIMIT 512

/* DL006 for a key that is empty or too long; NULL is none. */
static inline void
check_key(const char *what, const char *key)
{
	if (key != NULL && (key[0] == '\0' || strlen(key) > KEY_LIMIT))
		ereport(ERROR,
				(errcode(ERRCODE_DALP_INVALID_INPUT),
				 errmsg("%s must have 1 to %d bytes", what, KEY_LIMIT),
				 errdetail("It has %zu.", strlen(key))));
}

/* Longer than anybody waits, and addable to any time that is near. */
#define INTERVAL_LIMIT (INT64_MAX / 4)

/* Months count 30 days, as when an interval is compared. No more than INTERVAL_LIMIT either way. */
static inline int64
interval_microseconds(const Interval *interval)
{
	int64		days = (int64) interval->month * 30 + interval->day;
	double		sum = (double) interval->time + (double) days * (double) USECS_PER_DAY;

	if (sum >= (double) INTERVAL_LIMIT)
		return INTERVAL_LIMIT;
	if (sum <= -(double) INTERVAL_LIMIT)
		return -INTERVAL_LIMIT;
	return interval->time + days * USECS_PER_DAY;
}

#endif							/* DALP_ARGUMENTS_H */
