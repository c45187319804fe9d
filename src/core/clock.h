/*
 * clock.h
 *		The time that decides: the server's at this moment, or the tests'.
 */
#ifndef DALP_CLOCK_H
#define DALP_CLOCK_H

#include "postgres.h"

#include "datatype/timestamp.h"
#include "utils/guc.h"

/* clock_timestamp(), or dalp.test_clock where that is set. */
extern TimestampTz clock_now(void);

#ifdef DALP_TEST
/* Hooks of the setting dalp.test_clock. */
extern bool clock_check_setting(char **value, void **extra, GucSource source);
extern void clock_assign_setting(const char *value, void *extra);
#endif

/* Microseconds since 1970 and back: what pure code counts in. */
#define CLOCK_UNIX_OFFSET ((POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * USECS_PER_DAY)
#define clock_to_unix(t) ((int64) (t) + CLOCK_UNIX_OFFSET)
#define clock_from_unix(u) ((TimestampTz) ((u) - CLOCK_UNIX_OFFSET))

#endif							/* DALP_CLOCK_H */
