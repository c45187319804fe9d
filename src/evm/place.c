/*
 * place.c
 *		Where in a nested value the code is.
 */
#include "evm/place.h"

/* Names are cut, so that one long name doesn't hide the rest. */
#define NAME_SHOWN 40

/* Appends the chain from its root; what doesn't fit is left off. */
static size_t
write_place(const Place *place, char *out, size_t used, size_t size)
{
	int			wrote;

	if (place->parent != NULL)
		used = write_place(place->parent, out, used, size);
	if (used >= size)
		return size;
	if (place->name == NULL)
		wrote = snprintf(out + used, size - used, "[%u]", place->index);
	else
		wrote = snprintf(out + used, size - used, "%s%.*s", place->parent != NULL ? "." : "",
						 (int) (place->name_length < NAME_SHOWN ? place->name_length : NAME_SHOWN),
						 place->name);
	return wrote < 0 || (size_t) wrote >= size - used ? size : used + (size_t) wrote;
}

bool
place_fail(const Place *place, Problem *problem)
{
	if (problem != NULL && place != NULL && problem->where[0] == '\0')
		write_place(place, problem->where, 0, sizeof(problem->where));
	return false;
}

bool
place_set(const Place *place, Problem *problem, const char *format,...)
{
	va_list		args;

	if (problem == NULL || problem->message[0] != '\0')
		return false;
	va_start(args, format);
	vsnprintf(problem->message, sizeof(problem->message), format, args);
	va_end(args);
	return place_fail(place, problem);
}
