/*
 * fork.c
 *		Parallel and Map: what their branches get, and how many may fail.
 */
#include "asl/plan.h"

#define MAX_COUNT INT64_C(2147483647)

/* ToleratedFailureCount and …Percentage as a number of items; -1 if neither is given. */
static bool
tolerated_failures(const AslState *state, AslScope *scope, uint32_t items, int64_t *tolerated)
{
	const Doc  *percentage = state->tolerated_percentage.literal;
	int64_t		count = -1;

	if (!number_evaluate(&state->tolerated_count, "ToleratedFailureCountPath", scope, 0, MAX_COUNT, true, &count))
		return false;
	if (state->tolerated_percentage.path != NULL)
	{
		scope->field = "ToleratedFailurePercentagePath";
		percentage = path_evaluate(state->tolerated_percentage.path, scope);
		scope->field = NULL;
		if (percentage == NULL)
			return false;
	}
	if (percentage != NULL)
	{
		double		share;
		int64_t		allowed;

		if (percentage->kind != DOC_NUMBER || doc_compare_numbers(percentage, doc_int(0)) < 0 ||
			doc_compare_numbers(percentage, doc_int(100)) > 0)
		{
			scope_fail(scope, ERROR_RUNTIME, "the value of ToleratedFailurePercentagePath must be a number from 0 to 100.");
			return false;
		}
		/* The small addend makes up for what a double loses: 7 % of 100 items are 7 items. */
		share = doc_to_double(percentage) * items / 100.0 + 1e-9;
		allowed = (int64_t) share;
		if (count < 0 || allowed < count)
			count = allowed;
	}
	*tolerated = count;
	return true;
}

/* One item through ItemSelector; its context is position's. */
static const Doc *
select_item(const AslPosition *position, AslScope *scope, const Doc *effective, const Doc *item)
{
	if (position->state->parameters == NULL)
		return item;
	scope->input = effective;
	return template_evaluate(position->state->parameters, scope, "what ItemSelector gives");
}

static size_t
written_size(const Doc *value)
{
	size_t		size;

	mem_free(doc_write(value, &size));
	return size;
}

/* Items through ItemSelector into batches of at most so many items and bytes. */
static const Doc *
make_batches(const AslPosition *position, AslScope *scope, const Doc *effective, const Doc *items)
{
	const Batcher *batcher = position->state->batcher;
	const Doc  *input = NULL;
	Doc		   *batches = doc_array();
	Doc		   *batch_items = NULL;
	int64_t		max_items = MAX_COUNT;
	int64_t		max_bytes = INT64_MAX;
	size_t		overhead = 0;
	size_t		bytes = 0;

	scope->input = effective;
	if (!number_evaluate(&batcher->max_items, "MaxItemsPerBatchPath", scope, 1, MAX_COUNT, false, &max_items) ||
		!number_evaluate(&batcher->max_bytes, "MaxInputBytesPerBatchPath", scope, 1, 262144, false, &max_bytes))
		return NULL;
	if (batcher->input != NULL)
	{
		input = template_evaluate(batcher->input, scope, "what BatchInput gives");
		if (input == NULL)
			return NULL;
		overhead = written_size(input) + sizeof("\"BatchInput\":,");
	}
	for (uint32_t i = 0; i < items->length; i++)
	{
		AslContext	context = {0};
		AslPosition inside = *position;
		AslScope	item_scope;
		const Doc  *item;
		size_t		size;

		if (position->context != NULL)
			context = *position->context;
		context.map_item_value = items->items[i];
		context.map_item_index = (int) i;
		inside.context = &context;
		scope_init(&item_scope, &inside, effective);
		item_scope.work = scope->work;
		item = select_item(&inside, &item_scope, effective, items->items[i]);
		scope->work = item_scope.work;
		if (item == NULL)
		{
			scope->error = item_scope.error;
			scope->cause = item_scope.cause;
			return NULL;
		}
		size = max_bytes == INT64_MAX ? 0 : written_size(item) + 1;
		if (batch_items == NULL || batch_items->length >= max_items || (int64_t) (bytes + size) > max_bytes)
		{
			Doc		   *batch = doc_object();

			batch_items = doc_array();
			if (input != NULL)
				doc_object_add(batch, "BatchInput", input);
			doc_object_add(batch, "Items", batch_items);
			doc_array_add(batches, batch);
			bytes = overhead + sizeof("{\"Items\":[]}");
		}
		doc_array_add(batch_items, item);
		bytes += size;
	}
	return batches;
}

static bool
fork_map(const AslPosition *position, AslScope *scope, const Doc *effective, AslDecision *decision)
{
	const AslState *state = position->state;
	const Doc  *items = effective;
	int64_t		concurrency = 0;

	scope->input = effective;
	if (state->items_path != NULL)
	{
		scope->field = "ItemsPath";
		items = path_evaluate(state->items_path, scope);
		scope->field = NULL;
		if (items == NULL)
			return false;
	}
	if (items->kind != DOC_ARRAY)
	{
		scope_fail(scope, ERROR_RUNTIME, "the items of a Map must be an array%s%s.",
				   state->items_path == NULL ? "" : ", and are not at ",
				   state->items_path == NULL ? "" : state->items_path->text);
		return false;
	}
	if (!number_evaluate(&state->max_concurrency, "MaxConcurrencyPath", scope, 0, MAX_COUNT, true, &concurrency))
		return false;
	if (state->batcher != NULL)
		items = make_batches(position, scope, effective, items);
	if (items == NULL || !tolerated_failures(state, scope, items->length, &decision->tolerated_failures))
		return false;
	decision->items = items;
	decision->max_concurrency = (int) concurrency;
	return true;
}

void
decide_fork(const AslPosition *position, AslDecision *decision)
{
	const AslState *state = position->state;
	AslScope	scope;
	const Doc  *input;

	scope_init(&scope, position, position->input);
	input = effective_input(position, &scope);
	if (input != NULL && state->type == ASL_PARALLEL && state->parameters != NULL)
	{
		scope.input = input;
		input = template_evaluate(state->parameters, &scope, "what Parameters gives");
	}
	if (input == NULL || (state->type == ASL_MAP && !fork_map(position, &scope, input, decision)))
	{
		decide_failure(position, &scope, decision);
		return;
	}
	/* Nothing to run: the result is there at once. */
	if (state->type == ASL_MAP && decision->items->length == 0)
	{
		asl_result(position, decision->items, decision);
		return;
	}
	decision->action = ASL_FORK;
	decision->output = input;
	decision->variables = position->variables;
}

bool
asl_item_input(const AslPosition *position, const Doc **item_input, AslDecision *decision)
{
	AslScope	scope;
	const Doc  *effective;
	const Doc  *item = position->context->map_item_value;

	*item_input = item;
	/* The items of a batcher have been through ItemSelector already. */
	if (position->state->parameters == NULL || position->state->batcher != NULL)
		return true;
	scope_init(&scope, position, position->input);
	effective = effective_input(position, &scope);
	if (effective != NULL)
		*item_input = select_item(position, &scope, effective, item);
	if (effective != NULL && *item_input != NULL)
		return true;
	*item_input = NULL;
	decide_failure(position, &scope, decision);
	return false;
}
