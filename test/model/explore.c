/*
 * explore.c
 *		Breadth first over a hash table of states.
 */
#include "explore.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NONE UINT32_MAX

struct Exploration
{
	const Model *model;
	uint8_t    *states;			/* max_states of them, in the order in which they were found */
	uint32_t   *parents;
	const char **labels;		/* of the step from the parent */
	uint32_t   *table;			/* hash table of numbers of states, open addressing */
	uint32_t	table_mask;
	uint32_t	count;
	uint32_t	current;
	uint32_t   *targets;		/* ordinary steps, by state: targets[first_target[n]] … */
	uint64_t   *first_target;
	uint64_t	target_count;
	uint64_t	target_space;
	uint64_t	steps;
	bool		overflow;
};

static void *
allocate(size_t count, size_t size)
{
	void	   *memory = calloc(count, size);

	if (memory == NULL)
	{
		printf("Bail out! out of memory\n");
		exit(1);
	}
	return memory;
}

static uint8_t *
state_at(const Exploration *e, uint32_t number)
{
	return e->states + (size_t) number * e->model->size;
}

/* FNV-1a, 64 bits, folded. */
static uint32_t
hash_of(const uint8_t *bytes, size_t size)
{
	uint64_t	hash = UINT64_C(0xcbf29ce484222325);

	for (size_t i = 0; i < size; i++)
		hash = (hash ^ bytes[i]) * UINT64_C(0x100000001b3);
	return (uint32_t) (hash ^ (hash >> 32));
}

/* The number of the state, which is added where it is new; NONE where there is no room. */
static uint32_t
number_of(Exploration *e, const void *state, uint32_t parent, const char *label)
{
	uint32_t	slot = hash_of(state, e->model->size) & e->table_mask;

	while (e->table[slot] != NONE)
	{
		if (memcmp(state_at(e, e->table[slot]), state, e->model->size) == 0)
			return e->table[slot];
		slot = (slot + 1) & e->table_mask;
	}
	if (e->count == e->model->max_states)
	{
		e->overflow = true;
		return NONE;
	}
	memcpy(state_at(e, e->count), state, e->model->size);
	e->parents[e->count] = parent;
	e->labels[e->count] = label;
	e->table[slot] = e->count;
	return e->count++;
}

void
explore_yield(Exploration *e, const void *state, const char *what, bool ordinary)
{
	uint32_t	number = number_of(e, state, e->current, what);

	e->steps++;
	if (!ordinary || number == NONE)
		return;
	if (e->target_count == e->target_space)
	{
		e->target_space = e->target_space * 2 + 1024;
		e->targets = realloc(e->targets, e->target_space * sizeof(uint32_t));
		if (e->targets == NULL)
		{
			printf("Bail out! out of memory\n");
			exit(1);
		}
	}
	e->targets[e->target_count++] = number;
}

static void
print_trace(const Exploration *e, uint32_t number)
{
	uint32_t	path[1000];
	int			length = 0;
	char		text[500];

	for (uint32_t n = number; n != NONE && length < 1000; n = e->parents[n])
		path[length++] = n;
	while (length-- > 0)
	{
		e->model->show(state_at(e, path[length]), text, sizeof(text));
		printf("#   %-44s %s\n", e->labels[path[length]] ? e->labels[path[length]] : "start", text);
	}
}

/* A state from which no final one can be reached by ordinary steps, or NONE: found by going backwards. */
static uint32_t
find_stuck(const Exploration *e)
{
	bool	   *good = allocate(e->count, sizeof(bool));
	uint64_t   *first = allocate((size_t) e->count + 2, sizeof(uint64_t));
	uint32_t   *sources = allocate(e->target_count + 1, sizeof(uint32_t));
	uint32_t   *queue = allocate(e->count, sizeof(uint32_t));
	uint32_t	queued = 0;
	uint32_t	stuck = NONE;

	/* The steps by where they lead: sources[first[n]] … lead to n. */
	for (uint64_t i = 0; i < e->target_count; i++)
		first[e->targets[i] + 2]++;
	for (uint32_t n = 0; n <= e->count; n++)
		first[n + 1] += first[n];
	for (uint32_t n = 0; n < e->count; n++)
		for (uint64_t i = e->first_target[n]; i < e->first_target[n + 1]; i++)
			sources[first[e->targets[i] + 1]++] = n;

	for (uint32_t n = 0; n < e->count; n++)
		if (e->model->final(state_at(e, n)))
		{
			good[n] = true;
			queue[queued++] = n;
		}
	for (uint32_t done = 0; done < queued; done++)
		for (uint64_t i = first[queue[done]]; i < first[queue[done] + 1]; i++)
			if (!good[sources[i]])
			{
				good[sources[i]] = true;
				queue[queued++] = sources[i];
			}
	for (uint32_t n = 0; n < e->count && stuck == NONE; n++)
		if (!good[n])
			stuck = n;
	free(good);
	free(first);
	free(sources);
	free(queue);
	return stuck;
}

ExploreResult
explore(const Model *model, bool trace)
{
	Exploration e = {.model = model};
	ExploreResult result = {0};
	uint32_t	bad = NONE;
	uint32_t	slots = 1;

	while (slots < model->max_states * 2)
		slots *= 2;
	e.table_mask = slots - 1;
	e.table = allocate(slots, sizeof(uint32_t));
	memset(e.table, 0xff, slots * sizeof(uint32_t));
	e.states = allocate((size_t) model->max_states + 1, model->size);
	e.parents = allocate(model->max_states, sizeof(uint32_t));
	e.labels = allocate(model->max_states, sizeof(char *));
	e.first_target = allocate((size_t) model->max_states + 1, sizeof(uint64_t));

	/* The room behind the last state serves to make the first. */
	model->start(state_at(&e, model->max_states));
	number_of(&e, state_at(&e, model->max_states), NONE, NULL);
	for (e.current = 0; e.current < e.count && result.wrong == NULL; e.current++)
	{
		e.first_target[e.current] = e.target_count;
		result.wrong = model->wrong(state_at(&e, e.current));
		if (result.wrong != NULL)
			bad = e.current;
		else
			model->next(&e, state_at(&e, e.current));
		e.first_target[e.current + 1] = e.target_count;
	}
	result.complete = !e.overflow;
	if (result.wrong == NULL && result.complete)
	{
		bad = find_stuck(&e);
		if (bad != NONE)
			result.wrong = "stuck: the end can't be reached";
	}
	result.states = e.count;
	result.steps = e.steps;
	if (bad != NONE && trace)
		print_trace(&e, bad);
	free(e.table);
	free(e.states);
	free(e.parents);
	free(e.labels);
	free(e.targets);
	free(e.first_target);
	return result;
}
