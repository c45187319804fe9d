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

/* Months count 30 days, as when an interval is compared. */
static inline int64
interval_microseconds(const Interval *interval)
{
	return interval->time + interval->day * USECS_PER_DAY + interval->month * 30 * USECS_PER_DAY;
}

#endif							/* DALP_ARGUMENTS_H */
