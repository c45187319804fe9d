/*
 * cron.c
 *		The moments that a cron expression names.
 *
 * Pure code.  Searching goes field by field from the largest, so that it costs
 * little whatever the expression; a rare day (29 February) costs a walk over
 * days.
 */
#include "workflow/cron.h"

#define DAY_SECONDS 86400

/* Zones change by no more than a day at a time (the Pacific's move over the date line), and not twice in these days. */
#define NEAR (2 * DAY_SECONDS)

/* After so many days without a match there is none: a 29 February at its rarest, times the weekdays. */
#define SEARCH_DAYS (41 * 366)

int
cron_days_in_month(int year, int month)
{
	static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool		leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return days[month - 1] + (month == 2 && leap ? 1 : 0);
}

/* Days since 1970-01-01; years counted from March, so that the leap day is their last. */
static int64_t
days_of_date(int year, int month, int day)
{
	int64_t		y = year - (month <= 2);
	int64_t		day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;

	return y * 365 + y / 4 - y / 100 + y / 400 + day_of_year - 719468;
}

int64_t
cron_join_time(const CronTime *time)
{
	return days_of_date(time->year, time->month, time->day) * DAY_SECONDS +
		time->hour * 3600 + time->minute * 60 + time->second;
}

/* Rounds down, unlike C. */
static int64_t
floor_divide(int64_t a, int64_t b)
{
	return a / b - (a % b < 0);
}

void
cron_split_time(int64_t local, CronTime *time)
{
	int64_t		days = floor_divide(local, DAY_SECONDS);
	int			seconds = (int) (local - days * DAY_SECONDS);

	time->second = seconds % 60;
	time->minute = seconds / 60 % 60;
	time->hour = seconds / 3600;
	time->weekday = (int) (((days + 4) % 7 + 7) % 7);
	/* The year by its mean length, then corrected: at most one off. */
	time->year = 1970 + (int) floor_divide(days * 400, 146097);
	while (days_of_date(time->year, 1, 1) > days)
		time->year--;
	while (days_of_date(time->year + 1, 1, 1) <= days)
		time->year++;
	for (time->month = 12; days_of_date(time->year, time->month, 1) > days;)
		time->month--;
	time->day = (int) (days - days_of_date(time->year, time->month, 1)) + 1;
}

/* The weekday of a day of the month, from that of another one. */
static int
weekday_of(const CronTime *time, int day)
{
	return ((time->weekday + day - time->day) % 7 + 7) % 7;
}

/* The working day nearest to a day, in the same month. */
static int
nearest_weekday(const CronTime *time, int day, int last)
{
	int			weekday = weekday_of(time, day);

	if (weekday == 6)
		return day > 1 ? day - 1 : day + 2;
	if (weekday == 0)
		return day < last ? day + 1 : day - 2;
	return day;
}

static bool
matches_month_day(const Cron *cron, const CronTime *time)
{
	int			last = cron_days_in_month(time->year, time->month);

	if (cron->days & (UINT32_C(1) << time->day))
		return true;
	if (cron->days_from_end & (UINT32_C(1) << (last - time->day)))
		return true;
	if (cron->last_weekday && nearest_weekday(time, last, last) == time->day)
		return true;
	/* At most two days away from the day that is asked for. */
	for (int day = time->day > 2 ? time->day - 2 : 1; cron->near_weekdays != 0 && day <= time->day + 2 && day <= last; day++)
		if ((cron->near_weekdays & (UINT32_C(1) << day)) && nearest_weekday(time, day, last) == time->day)
			return true;
	return false;
}

static bool
matches_weekday(const Cron *cron, const CronTime *time)
{
	uint8_t		bit = (uint8_t) (1 << time->weekday);

	return (cron->weekdays & bit) || (cron->nth_weekdays[(time->day - 1) / 7 + 1] & bit) ||
		((cron->last_weekdays & bit) && time->day + 7 > cron_days_in_month(time->year, time->month));
}

bool
cron_matches_day(const Cron *cron, const CronTime *time)
{
	bool		day = matches_month_day(cron, time);
	bool		weekday = matches_weekday(cron, time);

	if (!(cron->months & (1 << time->month)))
		return false;
	return cron->any_day || cron->any_weekday ? day && weekday : day || weekday;
}

/* The lowest number in the set that isn't below `from`, -1 if none. */
static int
next_in(uint64_t set, int from)
{
	if (from > 63 || (set >> from) == 0)
		return -1;
	return from + __builtin_ctzll(set >> from);
}

/* The first time of the day that isn't before the given one; false where there is none. */
static bool
next_in_day(const Cron *cron, CronTime *time)
{
	int			hour = next_in(cron->hours, time->hour);
	int			minute = hour == time->hour ? next_in(cron->minutes, time->minute) : next_in(cron->minutes, 0);
	int			second;

	if (hour < 0)
		return false;
	second = hour == time->hour && minute == time->minute ? next_in(cron->seconds, time->second) :
		next_in(cron->seconds, 0);
	if (minute >= 0 && second < 0)
	{
		minute = next_in(cron->minutes, minute + 1);
		second = next_in(cron->seconds, 0);
	}
	if (minute < 0)
	{
		hour = next_in(cron->hours, hour + 1);
		minute = next_in(cron->minutes, 0);
		second = next_in(cron->seconds, 0);
	}
	if (hour < 0)
		return false;
	time->hour = hour;
	time->minute = minute;
	time->second = second;
	return true;
}

/* The first local time that matches and isn't before `local`; CRON_NEVER where there is none. */
static int64_t
next_local(const Cron *cron, int64_t local)
{
	CronTime	time;

	cron_split_time(local, &time);
	for (int i = 0; i < SEARCH_DAYS && time.year <= CRON_LAST_YEAR; i++)
	{
		if (cron_matches_day(cron, &time) && next_in_day(cron, &time))
			return cron_join_time(&time);
		time.hour = time.minute = time.second = 0;
		time.weekday = (time.weekday + 1) % 7;
		if (++time.day > cron_days_in_month(time.year, time.month))
		{
			time.day = 1;
			if (++time.month > 12)
			{
				time.month = 1;
				time.year++;
			}
		}
	}
	return CRON_NEVER;
}

/* The first moment in (from, to] with another offset than at `from`; there is one. */
static int64_t
find_change(const CronZone *zone, int64_t from, int64_t to)
{
	int32_t		before = zone->offset(zone->zone, from);

	while (to - from > 1)
	{
		int64_t		middle = from + (to - from) / 2;

		if (zone->offset(zone->zone, middle) == before)
			from = middle;
		else
			to = middle;
	}
	return to;
}

int64_t
cron_moment(const CronZone *zone, int64_t local)
{
	int64_t		from = local - NEAR;
	int32_t		before = zone->offset(zone->zone, from);
	int32_t		after = zone->offset(zone->zone, local + NEAR);
	int64_t		change;

	if (before == after)
		return local - before;
	/* The clock shows `local` before the change, or after it, or twice, or in between. */
	change = find_change(zone, from, local + NEAR);
	if (local < change + before)
		return local - before;
	if (local >= change + after)
		return local - after;
	return change;
}

/* By real time: matching local times as the clock on the wall comes past them. */
static int64_t
next_real(const Cron *cron, const CronZone *zone, int64_t after)
{
	int64_t		from = after + 1;

	for (;;)
	{
		int32_t		offset = zone->offset(zone->zone, from);
		int64_t		local = next_local(cron, from + offset);
		int64_t		moment = local - offset;

		if (local == CRON_NEVER)
			return CRON_NEVER;
		/* Far ahead clocks may have changed more than once: go near, and look again from there. */
		if (moment - from > NEAR)
		{
			from = moment - NEAR;
			continue;
		}
		if (zone->offset(zone->zone, moment) == offset)
			return moment;
		from = find_change(zone, from, moment);
		/* What comes right at the change matches by the new offset. */
	}
}

/* By the clock on the wall: each matching local time once. */
static int64_t
next_shown(const Cron *cron, const CronZone *zone, int64_t after)
{
	int64_t		local = after + zone->offset(zone->zone, after);

	for (;;)
	{
		int64_t		moment;

		local = next_local(cron, local + 1);
		if (local == CRON_NEVER)
			return CRON_NEVER;
		/* In the second of two equal hours: those times have run in the first. */
		moment = cron_moment(zone, local);
		if (moment > after)
			return moment;
	}
}

int64_t
cron_next(const Cron *cron, const CronZone *zone, int64_t after)
{
	int64_t		moment = CRON_NEVER;
	static const CronTime first = {CRON_FIRST_YEAR, 1, 1, 0, 0, 0, 0};
	static const CronTime last = {CRON_LAST_YEAR, 12, 31, 23, 59, 59, 0};

	if (after < cron_join_time(&first) - 1)
		after = cron_join_time(&first) - 1;
	if (after >= cron_join_time(&last))
		return CRON_NEVER;
	switch (cron->kind)
	{
		case CRON_FIELDS:
			moment = cron->any_hour ? next_real(cron, zone, after) : next_shown(cron, zone, after);
			break;
		case CRON_EVERY:
			moment = (floor_divide(after, cron->interval) + 1) * cron->interval;
			break;
		case CRON_AT:
			moment = cron->at_is_moment ? cron->at : cron_moment(zone, cron->at);
			if (moment <= after)
				return CRON_NEVER;
			break;
	}
	return moment > cron_join_time(&last) ? CRON_NEVER : moment;
}
