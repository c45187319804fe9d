/*
 * result_row.h
 *		Columns of a row that a function returns: what is unknown is null.
 */
#ifndef DALP_RESULT_ROW_H
#define DALP_RESULT_ROW_H

#include "postgres.h"

#include "utils/builtins.h"
#include "utils/timestamp.h"

/* NULL is null. */
static inline void
result_set_text(Datum *values, bool *nulls, int column, const char *text)
{
	nulls[column] = text == NULL;
	if (text != NULL)
		values[column] = CStringGetTextDatum(text);
}

/* 0 is null. */
static inline void
result_set_time(Datum *values, bool *nulls, int column, TimestampTz time)
{
	nulls[column] = time == 0;
	values[column] = TimestampTzGetDatum(time);
}

/* 0 is null. */
static inline void
result_set_id(Datum *values, bool *nulls, int column, int64 id)
{
	nulls[column] = id == 0;
	values[column] = Int64GetDatum(id);
}

#endif							/* DALP_RESULT_ROW_H */
