/*
 * base.c
 *		Reporting what is wrong with an input, without a server.
 */
#include "core/base.h"

bool
problem_set(Problem *problem, const char *where, const char *format,...)
{
	va_list		args;

	if (problem == NULL || problem->message[0] != '\0')
		return false;
	va_start(args, format);
	vsnprintf(problem->message, sizeof(problem->message), format, args);
	va_end(args);
	snprintf(problem->where, sizeof(problem->where), "%s", where ? where : "");
	return false;
}
