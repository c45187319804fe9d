/*
 * check.h
 *		Unit tests without a server, in the Test Anything Protocol.
 *
 * One file a module, each with its own main(); run by test/run.sh under
 * AddressSanitizer and UndefinedBehaviorSanitizer.  A file's main() ends with
 * "return check_done();", which prints the plan.
 */
#ifndef DALP_CHECK_H
#define DALP_CHECK_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static int	check_count;
static int	check_failed;

/* One test: ok, and a printf-style name. */
__attribute__((format(printf, 2, 3), unused))
static bool
check(bool ok, const char *format,...)
{
	va_list		args;

	check_count++;
	if (!ok)
		check_failed++;
	printf("%s %d - ", ok ? "ok" : "not ok", check_count);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	printf("\n");
	return ok;
}

/* Two texts are equal; shows both where they are not. */
__attribute__((unused))
static bool
check_text(const char *got, const char *expected, const char *name)
{
	bool		ok = got != NULL && expected != NULL ? strcmp(got, expected) == 0 : got == expected;

	check(ok, "%s", name);
	if (!ok)
		printf("#      got: %s\n# expected: %s\n", got ? got : "(null)", expected ? expected : "(null)");
	return ok;
}

__attribute__((unused))
static int
check_done(void)
{
	printf("1..%d\n", check_count);
	return check_failed == 0 ? 0 : 1;
}

#endif							/* DALP_CHECK_H */
