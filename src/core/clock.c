/*
 * clock.c
 *		The time that decides.
 *
 * Builds with DALP_TEST have the setting dalp.test_clock, which stops the
 * clock at a moment that the test chooses and moves (ALTER SYSTEM and reload
 * reach the workers, SET the session).  Release builds know real time only.
 */
#include "postgres.h"

#include "utils/datetime.h"
#include "utils/timestamp.h"

#include "compat.h"
#include "core/clock.h"
#include "core/settings.h"

#ifdef DALP_TEST

/* What dalp_test_clock says, parsed when it was set; 0 = real time. */
static TimestampTz test_time = 0;

bool
clock_check_setting(char **value, void **extra, GucSource source)
{
	TimestampTz *parsed;
	struct pg_tm tm;
	fsec_t		fraction;
	int			zone;
	int			type;
	int			field_count;
	char	   *fields[MAXDATEFIELDS];
	int			field_types[MAXDATEFIELDS];
	char		buffer[MAXDATELEN + MAXDATEFIELDS];
#if PG_VERSION_NUM >= 160000
	DateTimeErrorExtra details;
#endif

	(void) source;
	parsed = guc_malloc(LOG, sizeof(TimestampTz));
	if (parsed == NULL)
		return false;
	*parsed = 0;
	*extra = parsed;
	if ((*value)[0] == '\0')
		return true;
	if (ParseDateTime(*value, buffer, sizeof(buffer), fields, field_types, MAXDATEFIELDS, &field_count) == 0 &&
#if PG_VERSION_NUM >= 160000
		DecodeDateTime(fields, field_types, field_count, &type, &tm, &fraction, &zone, &details) == 0 &&
#else
		DecodeDateTime(fields, field_types, field_count, &type, &tm, &fraction, &zone) == 0 &&
#endif
		type == DTK_DATE && tm2timestamp(&tm, fraction, &zone, parsed) == 0)
		return true;
	GUC_check_errdetail("The value is no timestamp with time zone.");
	guc_free(parsed);
	*extra = NULL;
	return false;
}

void
clock_assign_setting(const char *value, void *extra)
{
	(void) value;
	test_time = *(TimestampTz *) extra;
}

TimestampTz
clock_now(void)
{
	return test_time != 0 ? test_time : GetCurrentTimestamp();
}

#else

TimestampTz
clock_now(void)
{
	return GetCurrentTimestamp();
}

#endif							/* DALP_TEST */
