/*
 * compile_graph.c
 *		States as a graph: targets exist, everything is reachable, and there
 *		is a way out.  Linear in the size of the definition.
 */
#include "asl/plan.h"

typedef struct Graph
{
	Compiler   *compiler;
	AslMachine *machine;
	bool		unresolved;		/* some target is unknown: ways on are incomplete */
	uint32_t   *queue;
	bool	   *reached;
} Graph;

static uint32_t
number_of(const Graph *graph, const AslState *state)
{
	return (uint32_t) (state - graph->machine->states);
}

static const AslState *
resolve(Graph *graph, const char *name, const Where *where, const char *key)
{
	const AslState *state;

	if (name == NULL)
		return NULL;
	state = plan_find(graph->machine->root, name);
	if (state != NULL && state->machine == graph->machine)
		return state;
	/* Duplicate names are an error of their own; then the search may have met the other one. */
	for (uint32_t i = 0; state != NULL && i < graph->machine->count; i++)
		if (strcmp(graph->machine->states[i].name, name) == 0)
			return &graph->machine->states[i];
	graph->unresolved = true;
	find_error(graph->compiler->findings, where, key,
			   state == NULL ? "there is no state \"%s\"" : "state \"%s\" is in another machine; a way can't lead into or out of a branch",
			   name);
	return NULL;
}

static void
resolve_compensation(Graph *graph, AslState *state, const Where *where)
{
	const AslState *target = resolve(graph, state->compensate, where, "Compensate");

	state->compensate_state = target;
	if (target == NULL)
		return;
	if (target->type != ASL_TASK)
		find_error(graph->compiler->findings, where, "Compensate", "must name a Task");
	else if (target->compensate != NULL)
		find_error(graph->compiler->findings, where, "Compensate", "names a state that itself has Compensate");
	else if (!target->end)
		find_warning(graph->compiler->findings, where, "Compensate", "names a state with Next; a compensation is that one state only");
}

static void
resolve_state(Graph *graph, AslState *state, const Where *where)
{
	Where		list = {where, state->type == ASL_CHOICE ? "Choices" : "Catch", 0};

	state->next = resolve(graph, state->next_name, where, state->type == ASL_CHOICE ? "Default" : "Next");
	for (uint32_t i = 0; i < state->rule_count; i++)
	{
		Where		item = {&list, NULL, i};

		state->rules[i].next = resolve(graph, state->rules[i].next_name, &item, "Next");
	}
	for (uint32_t i = 0; i < state->catcher_count; i++)
	{
		Where		item = {&list, NULL, i};

		state->catchers[i].next = resolve(graph, state->catchers[i].next_name, &item, "Next");
	}
	if (state->compensate != NULL)
		resolve_compensation(graph, state, where);
}

/* The number-th target of a state; false behind the last. A target may be NULL. */
static bool
target_at(const AslState *state, uint32_t number, const AslState **target)
{
	*target = state->next;
	if (number == 0)
		return true;
	number--;
	if (number < state->rule_count)
	{
		*target = state->rules[number].next;
		return true;
	}
	number -= state->rule_count;
	if (number < state->catcher_count)
	{
		*target = state->catchers[number].next;
		return true;
	}
	return false;
}

/* Puts a state into the queue once. */
static void
reach(Graph *graph, const AslState *state, uint32_t *count)
{
	if (state == NULL || graph->reached[number_of(graph, state)])
		return;
	graph->reached[number_of(graph, state)] = true;
	graph->queue[(*count)++] = number_of(graph, state);
}

static void
find_unreachable(Graph *graph, const Where *states)
{
	AslMachine *machine = graph->machine;
	uint32_t	count = 0;

	memset(graph->reached, 0, machine->count * sizeof(bool));
	reach(graph, machine->start, &count);
	for (uint32_t at = 0; at < count; at++)
	{
		const AslState *state = &machine->states[graph->queue[at]];
		const AslState *target;

		base_check_interrupts();
		for (uint32_t i = 0; target_at(state, i, &target); i++)
			reach(graph, target, &count);
		reach(graph, state->compensate_state, &count);
	}
	for (uint32_t i = 0; i < machine->count && machine->start != NULL; i++)
		if (!graph->reached[i])
			find_error(graph->compiler->findings, states, machine->states[i].name,
					   "can't be reached from StartAt \"%s\"", machine->start_name);
}

/* From the ends back against the ways: what isn't met never ends. */
static void
find_endless(Graph *graph, const Where *where, const Where *states)
{
	AslMachine *machine = graph->machine;
	uint32_t   *first = mem_alloc_zero(((size_t) machine->count + 2) * sizeof(uint32_t));
	uint32_t   *sources;
	uint32_t	edges = 0;
	uint32_t	count = 0;
	const AslState *target;

	/* Ways by their target: count, then place. */
	for (uint32_t i = 0; i < machine->count; i++)
		for (uint32_t j = 0; target_at(&machine->states[i], j, &target); j++)
			if (target != NULL)
			{
				first[number_of(graph, target) + 2]++;
				edges++;
			}
	for (uint32_t i = 2; i < machine->count + 2; i++)
		first[i] += first[i - 1];
	sources = mem_alloc(((size_t) edges + 1) * sizeof(uint32_t));
	for (uint32_t i = 0; i < machine->count; i++)
		for (uint32_t j = 0; target_at(&machine->states[i], j, &target); j++)
			if (target != NULL)
				sources[first[number_of(graph, target) + 1]++] = i;

	memset(graph->reached, 0, machine->count * sizeof(bool));
	for (uint32_t i = 0; i < machine->count; i++)
		if (asl_state_is_end(&machine->states[i]))
			reach(graph, &machine->states[i], &count);
	for (uint32_t at = 0; at < count; at++)
		for (uint32_t i = first[graph->queue[at]]; i < first[graph->queue[at] + 1]; i++)
			reach(graph, &machine->states[sources[i]], &count);
	if (!graph->reached[number_of(graph, machine->start)])
		find_error(graph->compiler->findings, where, NULL, "no way from StartAt leads to an end");
	else
		for (uint32_t i = 0; i < machine->count; i++)
			if (!graph->reached[i])
				find_warning(graph->compiler->findings, states, machine->states[i].name, "no way from here leads to an end");
	mem_free(first);
	mem_free(sources);
}

void
compile_graph(Compiler *compiler, AslMachine *machine, const Where *where)
{
	Graph		graph = {compiler, machine, false, NULL, NULL};
	Where		states = {where, "States", 0};
	bool		bad_state = false;

	base_check_stack();
	machine->start = resolve(&graph, machine->start_name, where, "StartAt");
	for (uint32_t i = 0; i < machine->count; i++)
	{
		AslState   *state = &machine->states[i];
		Where		here = {&states, state->name, 0};

		base_check_interrupts();
		resolve_state(&graph, state, &here);
		bad_state = bad_state || (state->next_name == NULL && !asl_state_is_end(state) && state->rule_count == 0);
		for (uint32_t j = 0; j < state->branch_count; j++)
		{
			Where		branches = {&here, "Branches", 0};
			Where		branch = {&branches, NULL, j};
			Where		processor = {&here, doc_get(state->source, "Iterator") != NULL ? "Iterator" : "ItemProcessor", 0};

			if (state->branches[j]->count > 0)
				compile_graph(compiler, state->branches[j],
							  state->type == ASL_MAP ? &processor : &branch);
		}
	}
	graph.queue = mem_alloc(machine->count * sizeof(uint32_t));
	graph.reached = mem_alloc(machine->count * sizeof(bool));
	find_unreachable(&graph, &states);
	if (machine->start != NULL && !graph.unresolved && !bad_state)
		find_endless(&graph, where, &states);
	mem_free(graph.queue);
	mem_free(graph.reached);
}
