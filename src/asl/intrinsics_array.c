/*
 * intrinsics_array.c
 *		States.Array…: building, cutting and searching arrays.
 */
#include "asl/intrinsics.h"

/* The original's limit. */
#define MAX_RANGE 1000

/* All arguments as one array. */
const Doc *
intrinsic_array(const Arguments *arguments, AslScope *scope)
{
	Doc		   *array = doc_array();

	(void) scope;
	for (uint32_t i = 0; i < arguments->count; i++)
		doc_array_add(array, arguments->values[i]);
	return array;
}

/* Chunks of the given size; the last may be shorter. */
const Doc *
intrinsic_array_partition(const Arguments *arguments, AslScope *scope)
{
	const Doc  *array = arguments->values[0];
	Doc		   *result = doc_array();
	Doc		   *chunk = NULL;
	int64_t		size;

	if (!call_array(arguments, 0, scope) || !call_integer(arguments, 1, true, scope, &size))
		return NULL;
	if (size <= 0)
		return call_fail(arguments, scope, "the size of a part must be positive");
	for (uint32_t i = 0; i < array->length; i++)
	{
		if (chunk == NULL || chunk->length >= size)
		{
			chunk = doc_array();
			doc_array_add(result, chunk);
		}
		doc_array_add(chunk, array->items[i]);
	}
	return result;
}

/* Whether an item equals the second argument, deeply and by type. */
const Doc *
intrinsic_array_contains(const Arguments *arguments, AslScope *scope)
{
	const Doc  *array = arguments->values[0];

	if (!call_array(arguments, 0, scope) || !scope_work(scope, array->length))
		return NULL;
	for (uint32_t i = 0; i < array->length; i++)
		if (doc_equal(array->items[i], arguments->values[1]))
			return doc_bool(true);
	return doc_bool(false);
}

/* From the first argument to the second, included if a step lands on it. */
const Doc *
intrinsic_array_range(const Arguments *arguments, AslScope *scope)
{
	Doc		   *array = doc_array();
	int64_t		first,
				last,
				step;

	if (!call_integer(arguments, 0, true, scope, &first) || !call_integer(arguments, 1, true, scope, &last) ||
		!call_integer(arguments, 2, true, scope, &step))
		return NULL;
	if (step == 0)
		return call_fail(arguments, scope, "the step must not be 0");
	for (int64_t value = first; step > 0 ? value <= last : value >= last; value += step)
	{
		if (array->length == MAX_RANGE)
			return call_fail(arguments, scope, "a range has at most %d items", MAX_RANGE);
		doc_array_add(array, doc_int(value));
		/* Both operands are below 10^18, so one addition can't overflow; stop before the next would. */
		if (value > INT64_C(4000000000000000000) || value < -INT64_C(4000000000000000000))
			break;
	}
	return array;
}

/* The item at an index that counts from 0. */
const Doc *
intrinsic_array_get_item(const Arguments *arguments, AslScope *scope)
{
	const Doc  *array = arguments->values[0];
	int64_t		index;

	if (!call_array(arguments, 0, scope) || !call_integer(arguments, 1, false, scope, &index))
		return NULL;
	if (index < 0 || index >= (int64_t) array->length)
		return call_fail(arguments, scope, "there is no item %lld", (long long) index);
	return array->items[index];
}

const Doc *
intrinsic_array_length(const Arguments *arguments, AslScope *scope)
{
	return call_array(arguments, 0, scope) ? doc_int(arguments->values[0]->length) : NULL;
}

/* First occurrences, in order; a hash table, as a hostile array may have 100,000 items. */
const Doc *
intrinsic_array_unique(const Arguments *arguments, AslScope *scope)
{
	const Doc  *array = arguments->values[0];
	Doc		   *result = doc_array();
	uint32_t	slots = 16;
	uint32_t   *table;

	if (!call_array(arguments, 0, scope) || !scope_work(scope, array->length) ||
		scope_limit(scope, array, "the array") == NULL)
		return NULL;
	while (slots < array->length * 2)
		slots *= 2;
	table = mem_alloc_zero(slots * sizeof(uint32_t));
	for (uint32_t i = 0; i < array->length; i++)
	{
		uint32_t	slot = (uint32_t) doc_hash(array->items[i]) & (slots - 1);

		while (table[slot] != 0 && !doc_equal(result->items[table[slot] - 1], array->items[i]))
			slot = (slot + 1) & (slots - 1);
		if (table[slot] == 0)
		{
			doc_array_add(result, array->items[i]);
			table[slot] = result->length;
		}
	}
	mem_free(table);
	return result;
}
