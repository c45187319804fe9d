/*
 * timestamp.c
 *		RFC 3339, section 5.6, without lower-case letters and leap seconds.
 */
#include "asl/timestamp.h"

typedef struct Cursor
{
	const char *at;
	const char *end;
} Cursor;

/* Exactly `digits` digits between low and high. */
static bool
read_number(Cursor *cursor, int digits, int low, int high, int *value)
{
	int			sum = 0;

	if (cursor->end - cursor->at < digits)
		return false;
	for (int i = 0; i < digits; i++)
	{
		char		c = cursor->at[i];

		if (c < '0' || c > '9')
			return false;
		sum = sum * 10 + (c - '0');
	}
	cursor->at += digits;
	*value = sum;
	return sum >= low && sum <= high;
}

static bool
read_char(Cursor *cursor, char c)
{
	if (cursor->at == cursor->end || *cursor->at != c)
		return false;
	cursor->at++;
	return true;
}

static int
days_of_month(int year, int month)
{
	static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

	if (month == 2 && year % 4 == 0 && (year % 100 != 0 || year % 400 == 0))
		return 29;
	return days[month - 1];
}

/* Days since 1970-01-01 of a Gregorian date, year 0 to 9999; years are counted from March. */
static int64_t
days_since_epoch(int year, int month, int day)
{
	int64_t		y = month <= 2 ? year - 1 : year;
	int64_t		era = (y >= 0 ? y : y - 399) / 400;
	int64_t		of_era = y - era * 400;
	int64_t		of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;

	return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

bool
timestamp_read(const char *text, size_t length, Instant *timestamp)
{
	Cursor		cursor = {text, text + length};
	int			year,
				month,
				day,
				hour,
				minute,
				second;
	int			sign = 0;
	int			offset_hour = 0;
	int			offset_minute = 0;

	if (!read_number(&cursor, 4, 0, 9999, &year) || !read_char(&cursor, '-') ||
		!read_number(&cursor, 2, 1, 12, &month) || !read_char(&cursor, '-') ||
		!read_number(&cursor, 2, 1, days_of_month(year, month), &day) || !read_char(&cursor, 'T') ||
		!read_number(&cursor, 2, 0, 23, &hour) || !read_char(&cursor, ':') ||
		!read_number(&cursor, 2, 0, 59, &minute) || !read_char(&cursor, ':') ||
		!read_number(&cursor, 2, 0, 59, &second))
		return false;
	timestamp->nanoseconds = 0;
	if (read_char(&cursor, '.'))
	{
		int			digit;
		int32_t		unit = 100000000;

		if (!read_number(&cursor, 1, 0, 9, &digit))
			return false;
		timestamp->nanoseconds = digit * unit;
		while (cursor.at < cursor.end && *cursor.at >= '0' && *cursor.at <= '9')
		{
			unit /= 10;
			if (unit == 0)
				return false;
			timestamp->nanoseconds += (*cursor.at++ - '0') * unit;
		}
	}
	if (!read_char(&cursor, 'Z'))
	{
		if (read_char(&cursor, '+'))
			sign = 1;
		else if (read_char(&cursor, '-'))
			sign = -1;
		else
			return false;
		if (!read_number(&cursor, 2, 0, 23, &offset_hour) || !read_char(&cursor, ':') ||
			!read_number(&cursor, 2, 0, 59, &offset_minute))
			return false;
	}
	if (cursor.at != cursor.end)
		return false;
	timestamp->seconds = days_since_epoch(year, month, day) * 86400 +
		hour * 3600 + minute * 60 + second - sign * (offset_hour * 3600 + offset_minute * 60);
	return true;
}

int
timestamp_compare(const Instant *a, const Instant *b)
{
	if (a->seconds != b->seconds)
		return a->seconds < b->seconds ? -1 : 1;
	return a->nanoseconds < b->nanoseconds ? -1 : a->nanoseconds > b->nanoseconds;
}

int64_t
timestamp_microseconds(const Instant *timestamp)
{
	return timestamp->seconds * 1000000 + (timestamp->nanoseconds + 999) / 1000;
}

void
timestamp_write(int64_t microseconds, char out[TIMESTAMP_SIZE])
{
	int64_t		days = microseconds / INT64_C(86400000000);
	int64_t		rest = microseconds % INT64_C(86400000000);
	int64_t		era,
				of_era,
				year_of_era,
				of_year,
				shifted,
				year;
	int			month,
				day;
	int			milliseconds;

	if (rest < 0)
	{
		rest += INT64_C(86400000000);
		days--;
	}
	days += 719468;
	era = (days >= 0 ? days : days - 146096) / 146097;
	of_era = days - era * 146097;
	year_of_era = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
	of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
	shifted = (5 * of_year + 2) / 153;
	day = (int) (of_year - (153 * shifted + 2) / 5 + 1);
	month = (int) (shifted < 10 ? shifted + 3 : shifted - 9);
	year = year_of_era + era * 400 + (month <= 2 ? 1 : 0);
	milliseconds = (int) (rest / 1000);
	snprintf(out, TIMESTAMP_SIZE, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", (int) year, month, day,
			 milliseconds / 3600000, milliseconds / 60000 % 60, milliseconds / 1000 % 60,
			 milliseconds % 1000);
}
