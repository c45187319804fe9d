/*
 * cron_parse.c
 *		Reading cron expressions.
 *
 * Pure code.  The text is a user's: every number is bounded before it is used.
 */
#include <ctype.h>
#include <strings.h>

#include "workflow/cron.h"

/* Longest interval of @every: ten years. */
#define INTERVAL_LIMIT (INT64_C(3660) * 86400)

typedef enum FieldKind
{
	FIELD_SECOND,
	FIELD_MINUTE,
	FIELD_HOUR,
	FIELD_DAY,
	FIELD_MONTH,
	FIELD_WEEKDAY
} FieldKind;

typedef struct Field
{
	const char *name;
	int			low;
	int			high;			/* 7 is Sunday too, as in crontab */
	const char *names;			/* three letters each, from `low` */
} Field;

static const Field fields[] = {
	{"second", 0, 59, NULL},
	{"minute", 0, 59, NULL},
	{"hour", 0, 23, NULL},
	{"day of month", 1, 31, NULL},
	{"month", 1, 12, "JANFEBMARAPRMAYJUNJULAUGSEPOCTNOVDEC"},
	{"day of week", 0, 7, "SUNMONTUEWEDTHUFRISAT"}
};

typedef struct Reader
{
	const char *at;
	const char *end;
	const Field *field;
	Problem    *problem;
} Reader;

static char
peek(const Reader *reader)
{
	return reader->at < reader->end ? (char) toupper((unsigned char) *reader->at) : '\0';
}

static bool
take(Reader *reader, char c)
{
	if (peek(reader) != c)
		return false;
	reader->at++;
	return true;
}

/* Digits, at most six. */
static bool
read_number(Reader *reader, int *number)
{
	const char *start = reader->at;

	*number = 0;
	while (isdigit((unsigned char) peek(reader)) && reader->at - start < 6)
		*number = *number * 10 + (*reader->at++ - '0');
	return reader->at > start;
}

/* A number in the field's range, or one of its names. */
static bool
read_value(Reader *reader, int *value)
{
	const Field *field = reader->field;

	if (!isdigit((unsigned char) peek(reader)))
	{
		for (int i = 0; field->names != NULL && field->names[i * 3] != '\0'; i++)
			if (reader->end - reader->at >= 3 && toupper((unsigned char) reader->at[0]) == field->names[i * 3] &&
				toupper((unsigned char) reader->at[1]) == field->names[i * 3 + 1] &&
				toupper((unsigned char) reader->at[2]) == field->names[i * 3 + 2])
			{
				reader->at += 3;
				*value = field->low + i;
				return true;
			}
		if (reader->at >= reader->end)
			return problem_set(reader->problem, field->name, "a value is missing");
		return problem_set(reader->problem, field->name, "\"%.*s\" is no value", (int) (reader->end - reader->at), reader->at);
	}
	read_number(reader, value);
	if (*value < field->low || *value > field->high)
		return problem_set(reader->problem, field->name, "%d is not between %d and %d", *value, field->low, field->high);
	return true;
}

/* "L", "L-3", "LW", "15W" of day-of-month; false with no problem where it is none of them. */
static bool
read_special_day(Reader *reader, Cron *cron)
{
	const char *start = reader->at;
	int			number;

	if (take(reader, 'L'))
	{
		number = 0;
		if (take(reader, 'W'))
			cron->last_weekday = true;
		else if (take(reader, '-') && (!read_number(reader, &number) || number > 30))
			return problem_set(reader->problem, reader->field->name, "L- needs a number between 0 and 30");
		else
			cron->days_from_end |= UINT32_C(1) << number;
		return true;
	}
	if (read_number(reader, &number) && take(reader, 'W'))
	{
		if (number < 1 || number > 31)
			return problem_set(reader->problem, reader->field->name, "%d is not between 1 and 31", number);
		cron->near_weekdays |= UINT32_C(1) << number;
		return true;
	}
	reader->at = start;
	return false;
}

/* What may follow a day of week: "L" or "#2"; false with no problem where neither does. */
static bool
read_special_weekday(Reader *reader, int weekday, Cron *cron)
{
	int			number;

	if (take(reader, 'L'))
	{
		cron->last_weekdays |= (uint8_t) (1 << (weekday % 7));
		return true;
	}
	if (!take(reader, '#'))
		return false;
	if (!read_number(reader, &number) || number < 1 || number > 5)
		return problem_set(reader->problem, reader->field->name, "# needs a number between 1 and 5");
	cron->nth_weekdays[number] |= (uint8_t) (1 << (weekday % 7));
	return true;
}

/* "*", "5", "1-5", each with "/2"; adds to the set. */
static bool
read_range(Reader *reader, Cron *cron, uint64_t *set)
{
	const Field *field = reader->field;
	bool		is_days = field == &fields[FIELD_DAY];
	bool		is_weekdays = field == &fields[FIELD_WEEKDAY];
	int			low = field->low;
	int			high = is_weekdays ? 6 : field->high;
	int			step = 1;
	bool		open = false;	/* "5/10" is "5-59/10" */

	if (!take(reader, '*') && !((is_days || is_weekdays) && take(reader, '?')))
	{
		if (is_days && read_special_day(reader, cron))
			return true;
		if (reader->problem->message[0] != '\0' || !read_value(reader, &low))
			return false;
		if (is_weekdays && read_special_weekday(reader, low, cron))
			return true;
		if (reader->problem->message[0] != '\0')
			return false;
		open = !take(reader, '-');
		if (open)
			high = low;
		else if (!read_value(reader, &high))
			return false;
		/* SAT-SUN */
		if (is_weekdays && high == 0 && low > 0)
			high = 7;
		if (low > high)
			return problem_set(reader->problem, field->name, "range %d-%d goes backwards", low, high);
	}
	if (take(reader, '/'))
	{
		if (!read_number(reader, &step) || step < 1 || step > field->high)
			return problem_set(reader->problem, field->name, "a step must be between 1 and %d", field->high);
		if (open)
			high = is_weekdays && low < 6 ? 6 : field->high;
	}
	for (int value = low; value <= high; value += step)
		*set |= UINT64_C(1) << (is_weekdays ? value % 7 : value);
	return true;
}

static bool
read_field(const char *text, size_t length, FieldKind kind, Cron *cron, Problem *problem, uint64_t *set)
{
	Reader		reader = {text, text + length, &fields[kind], problem};

	*set = 0;
	do
	{
		if (!read_range(&reader, cron, set))
			return false;
	} while (take(&reader, ','));
	if (reader.at < reader.end)
		return problem_set(problem, fields[kind].name, "\"%.*s\" is not understood",
						   (int) (reader.end - reader.at), reader.at);
	return true;
}

/* The next run of characters that are no blanks; false at the end. */
static bool
next_word(Reader *reader, const char **word, size_t *length)
{
	while (reader->at < reader->end && isspace((unsigned char) *reader->at))
		reader->at++;
	*word = reader->at;
	while (reader->at < reader->end && !isspace((unsigned char) *reader->at))
		reader->at++;
	*length = (size_t) (reader->at - *word);
	return *length > 0;
}

/* Is there a day at all?  "30 2" has none; 400 years are every case of the calendar. */
static bool
has_day(const Cron *cron)
{
	for (int year = 2000; year < 2400; year++)
		for (int month = 1; month <= 12; month++)
		{
			if (!(cron->months & (1 << month)))
				continue;
			for (int day = 1; day <= cron_days_in_month(year, month); day++)
			{
				CronTime	time = {.year = year, .month = month, .day = day};

				cron_split_time(cron_join_time(&time), &time);
				if (cron_matches_day(cron, &time))
					return true;
			}
		}
	return false;
}

static bool
parse_fields(Reader *reader, Cron *cron)
{
	Problem    *problem = reader->problem;
	const char *words[6];
	size_t		lengths[6];
	const char *more;
	size_t		more_length;
	uint64_t	sets[6] = {1, 0, 0, 0, 0, 0};
	int			count = 0;

	while (count < 6 && next_word(reader, &words[count], &lengths[count]))
		count++;
	if (count < 5 || next_word(reader, &more, &more_length))
		return problem_set(problem, "expression", "%s fields; there must be 5, or 6 with seconds first",
						   count < 5 ? "too few" : "too many");
	for (int i = 0; i < count; i++)
		if (!read_field(words[i], lengths[i], (FieldKind) (i + 6 - count), cron, problem, &sets[i + 6 - count]))
			return false;

	cron->kind = CRON_FIELDS;
	cron->seconds = sets[FIELD_SECOND];
	cron->minutes = sets[FIELD_MINUTE];
	cron->hours = (uint32_t) sets[FIELD_HOUR];
	cron->days = (uint32_t) sets[FIELD_DAY];
	cron->months = (uint16_t) sets[FIELD_MONTH];
	cron->weekdays = (uint8_t) sets[FIELD_WEEKDAY];
	cron->any_hour = lengths[count - 4] == 1 && words[count - 4][0] == '*';
	cron->any_day = words[count - 3][0] == '*' || words[count - 3][0] == '?';
	cron->any_weekday = words[count - 1][0] == '*' || words[count - 1][0] == '?';
	if (!has_day(cron))
		return problem_set(problem, "day of month", "there is no such day in any year");
	return true;
}

static bool
is_word(const char *word, size_t length, const char *name)
{
	return length == strlen(name) && strncasecmp(word, name, length) == 0;
}

/* "1h30m": each unit at most once and in order would be pedantic; the sum counts. */
static bool
parse_every(Reader *reader, Cron *cron)
{
	int64_t		sum = 0;
	const char *word;
	size_t		length;

	while (next_word(reader, &word, &length))
	{
		Reader		part = {word, word + length, NULL, reader->problem};

		while (part.at < part.end)
		{
			int			number;
			int			unit;

			if (!read_number(&part, &number))
				return problem_set(reader->problem, "@every", "a number is missing");
			unit = take(&part, 'D') ? 86400 : take(&part, 'H') ? 3600 : take(&part, 'M') ? 60 : take(&part, 'S') ? 1 : 0;
			if (unit == 0)
				return problem_set(reader->problem, "@every", "each number needs a unit: d, h, m or s");
			sum += (int64_t) number * unit;
			if (sum > INTERVAL_LIMIT)
				return problem_set(reader->problem, "@every", "more than ten years");
		}
	}
	if (sum < 1)
		return problem_set(reader->problem, "@every", "an interval of at least 1s is needed");
	cron->kind = CRON_EVERY;
	cron->interval = sum;
	return true;
}

/* Exactly `digits` digits, then `separator`, which '\0' leaves out. */
static bool
read_part(Reader *reader, int digits, char separator, int *number)
{
	const char *start = reader->at;

	return read_number(reader, number) && reader->at - start == digits &&
		(separator == '\0' || take(reader, separator));
}

static bool
parse_at(Reader *reader, Cron *cron)
{
	CronTime	time = {0};
	bool		good;

	while (reader->at < reader->end && isspace((unsigned char) *reader->at))
		reader->at++;
	good = read_part(reader, 4, '-', &time.year) && read_part(reader, 2, '-', &time.month) &&
		read_part(reader, 2, '\0', &time.day) && (take(reader, 'T') || take(reader, ' ')) &&
		read_part(reader, 2, ':', &time.hour) && read_part(reader, 2, '\0', &time.minute) &&
		(!take(reader, ':') || read_part(reader, 2, '\0', &time.second));
	cron->at_is_moment = good && take(reader, 'Z');
	while (reader->at < reader->end && isspace((unsigned char) *reader->at))
		reader->at++;
	if (!good || reader->at < reader->end)
		return problem_set(reader->problem, "@at", "the time must be like 2027-03-28 02:30:00, or with Z at the end");
	if (time.year < CRON_FIRST_YEAR || time.year > CRON_LAST_YEAR || time.month < 1 || time.month > 12 ||
		time.day < 1 || time.day > cron_days_in_month(time.year, time.month) ||
		time.hour > 23 || time.minute > 59 || time.second > 59)
		return problem_set(reader->problem, "@at", "there is no such time between %d and %d", CRON_FIRST_YEAR, CRON_LAST_YEAR);
	cron->kind = CRON_AT;
	cron->at = cron_join_time(&time);
	return true;
}

bool
cron_parse(const char *text, size_t length, Cron *cron, Problem *problem)
{
	static const struct
	{
		const char *name;
		const char *expression;
	}			nicknames[] = {
		{"@hourly", "0 * * * *"}, {"@daily", "0 0 * * *"}, {"@midnight", "0 0 * * *"}, {"@weekly", "0 0 * * 0"},
		{"@monthly", "0 0 1 * *"}, {"@yearly", "0 0 1 1 *"}, {"@annually", "0 0 1 1 *"}
	};
	Reader		reader = {text, text + length, NULL, problem};
	const char *word;
	size_t		word_length;

	memset(cron, 0, sizeof(*cron));
	if (length > CRON_TEXT_LIMIT)
		return problem_set(problem, "expression", "it is longer than %d bytes", CRON_TEXT_LIMIT);
	if (!next_word(&reader, &word, &word_length))
		return problem_set(problem, "expression", "it is empty");
	if (word[0] != '@')
	{
		reader.at = text;
		return parse_fields(&reader, cron);
	}
	if (is_word(word, word_length, "@every"))
		return parse_every(&reader, cron);
	if (is_word(word, word_length, "@at"))
		return parse_at(&reader, cron);
	for (size_t i = 0; i < lengthof(nicknames); i++)
		if (is_word(word, word_length, nicknames[i].name))
		{
			Reader		expression = {nicknames[i].expression,
				nicknames[i].expression + strlen(nicknames[i].expression), NULL, problem};

			if (next_word(&reader, &word, &word_length))
				return problem_set(problem, "expression", "nothing may follow %s", nicknames[i].name);
			return parse_fields(&expression, cron);
		}
	return problem_set(problem, "expression", "\"%.*s\" is not known", (int) word_length, word);
}
