/*
 * cron.h
 *		When a schedule is due: cron expressions and the moments they name.
 *
 * Pure code: knows no server, and a time zone only as a function that tells the
 * offset at a moment.  All times are whole seconds: moments since 1970-01-01
 * 00:00 UTC, local times as if the clock on the wall showed UTC.
 *
 * What is understood (doc/schedules.md says it to users):
 *	 five fields	minute hour day-of-month month day-of-week, POSIX crontab
 *	 six fields		second first
 *	 in a field		*, number, name (JAN, MON), range, list, step; ? = * in both
 *					days; L, L-n, nW, LW in day-of-month; nL, n#k in day-of-week
 *	 @hourly @daily @midnight @weekly @monthly @yearly @annually
 *	 @every 1h30m	multiples of an interval since 1970 (units d h m s)
 *	 @at 2027-03-28 02:30[:15]	once, local time; with Z at the end, UTC
 *
 * Where both days are restricted either may match (Vixie's rule: a field that
 * starts with * or ? doesn't restrict).
 *
 * When clocks change: a schedule whose hour field is * goes by real time, so
 * it runs in both of two equal hours and not in a skipped one.  Any other runs
 * once at the first of two equal local times, and a local time that is skipped
 * runs at the end of the gap.
 */
#ifndef DALP_CRON_H
#define DALP_CRON_H

#include "core/base.h"

/* Longest text that is read. */
#define CRON_TEXT_LIMIT 255

/* No moment: the schedule is over. */
#define CRON_NEVER INT64_MAX

/* Moments outside these years are not given: what the server's time zones and timestamps have in common. */
#define CRON_FIRST_YEAR 1970
#define CRON_LAST_YEAR 2499

typedef enum CronKind
{
	CRON_FIELDS,
	CRON_EVERY,
	CRON_AT
} CronKind;

/* Sets of numbers are bit masks. */
typedef struct Cron
{
	CronKind	kind;
	uint64_t	seconds;		/* 0 to 59 */
	uint64_t	minutes;
	uint32_t	hours;			/* 0 to 23 */
	uint32_t	days;			/* 1 to 31 */
	uint32_t	days_from_end;	/* L = bit 0, L-3 = bit 3 */
	uint32_t	near_weekdays;	/* 15W = bit 15 */
	bool		last_weekday;	/* LW */
	uint16_t	months;			/* 1 to 12 */
	uint8_t		weekdays;		/* 0 = Sunday */
	uint8_t		last_weekdays;	/* 5L = bit 5 */
	uint8_t		nth_weekdays[6];	/* 2#1 = bit 2 of [1] */
	bool		any_day;		/* the day-of-month field starts with * or ? */
	bool		any_weekday;
	bool		any_hour;		/* the hour field is just * */
	int64_t		interval;		/* CRON_EVERY: seconds */
	int64_t		at;				/* CRON_AT: local time, or a moment */
	bool		at_is_moment;
} Cron;

/* Seconds to add to a moment to get local time there then. */
typedef struct CronZone
{
	int32_t		(*offset) (const void *zone, int64_t moment);
	const void *zone;
} CronZone;

/* Local time taken apart. */
typedef struct CronTime
{
	int			year;
	int			month;			/* from 1 */
	int			day;			/* from 1 */
	int			hour;
	int			minute;
	int			second;
	int			weekday;		/* 0 = Sunday */
} CronTime;

/* Reads a text. On a fault returns false; the problem's place is the field. */
extern bool cron_parse(const char *text, size_t length, Cron *cron, Problem *problem);

/* The first moment after `after` at which it is due, CRON_NEVER where there is none. */
extern int64_t cron_next(const Cron *cron, const CronZone *zone, int64_t after);

/* The moment at which a local time is shown: the first of two, the end of the gap where it is none. */
extern int64_t cron_moment(const CronZone *zone, int64_t local);

/* Gregorian calendar, both ways; year CRON_FIRST_YEAR - 1 to CRON_LAST_YEAR + 1. */
extern int64_t cron_join_time(const CronTime *time);
extern void cron_split_time(int64_t local, CronTime *time);
extern int	cron_days_in_month(int year, int month);

/* Does the day-of-month, month and day-of-week part match? */
extern bool cron_matches_day(const Cron *cron, const CronTime *time);

#endif							/* DALP_CRON_H */
