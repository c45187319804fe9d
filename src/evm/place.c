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
	else if (place->name_length == 0)
		wrote = snprintf(out + used, size - used, "[\"\"]");
	else
		wrote = snprintf(out + used, size - used, "%s%.*s", place->parent != NULL ? "." : "",
						 (int) (place->name_length < NAME_SHOWN ? place->name_length : NAME_SHOWN),
						 place->name);
	return wrote < 0 || (size_t) wrote >= size - used ? size : used + (size_t) wrote;
}

/* Appends the names that elements on the way have: " (order.amount"; how many there were is counted. */
static size_t
write_labels(const Place *place, char *out, size_t used, size_t size, int *labels)
{
	int			wrote;

	if (place->parent != NULL)
		used = write_labels(place->parent, out, used, size, labels);
	if (place->label == NULL || used >= size)
		return used;
	wrote = snprintf(out + used, size - used, "%s%.*s", (*labels)++ == 0 ? " (" : ".",
					 (int) (place->label_length < NAME_SHOWN ? place->label_length : NAME_SHOWN),
					 place->label);
	return wrote < 0 || (size_t) wrote >= size - used ? size : used + (size_t) wrote;
}

bool
place_fail(const Place *place, Problem *problem)
{
	size_t		size = sizeof(problem->where);
	size_t		used;
	int			labels = 0;

	if (problem == NULL || place == NULL || problem->where[0] != '\0')
		return false;
	used = write_place(place, problem->where, 0, size);
	used = write_labels(place, problem->where, used, size, &labels);
	if (labels > 0 && used + 1 < size)
		strcpy(problem->where + used, ")");
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
