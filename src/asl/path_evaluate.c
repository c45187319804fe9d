/*
 * path_evaluate.c
 *		The value or values that a path stands for, and writing to a path.
 */
#include "asl/path.h"

/* One run of an indefinite path. */
typedef struct Search
{
	const Path *path;
	AslScope   *scope;
	Doc		   *matches;
} Search;

static bool search_step(Search *search, uint32_t step, const Doc *value, bool descending);

static const Doc *
path_root(const Path *path, const Doc *item, AslScope *scope)
{
	switch (path->root)
	{
		case ROOT_INPUT:
			return scope->input;
		case ROOT_CONTEXT:
			return scope_context(scope);
		case ROOT_VARIABLE:
			return doc_get_n(scope->position->variables, path->variable.text, path->variable.length);
		case ROOT_ITEM:
			return item;
	}
	return NULL;
}

static const Doc *
item_at(const Doc *array, int64_t index)
{
	if (!doc_is(array, DOC_ARRAY))
		return NULL;
	if (index < 0)
		index += array->length;
	return index >= 0 && index < (int64_t) array->length ? array->items[index] : NULL;
}

static const Doc *
apply_function(const PathStep *step, const Doc *value)
{
	const Doc  *best = NULL;

	if (value == NULL)
		return NULL;
	switch (step->function)
	{
		case FUNCTION_LENGTH:
			if (value->kind == DOC_STRING)
				return doc_int(doc_characters(value));
			return value->kind == DOC_ARRAY || value->kind == DOC_OBJECT ? doc_int(value->length) : NULL;
		case FUNCTION_KEYS:
			if (value->kind == DOC_OBJECT)
			{
				Doc		   *keys = doc_array();

				for (uint32_t i = 0; i < value->length; i++)
					doc_array_add(keys, doc_string(value->members[i].key, value->members[i].key_length));
				return keys;
			}
			return NULL;
		case FUNCTION_MIN:
		case FUNCTION_MAX:
			if (value->kind != DOC_ARRAY)
				return NULL;
			for (uint32_t i = 0; i < value->length; i++)
			{
				int			order;

				if (value->items[i]->kind != DOC_NUMBER)
					continue;
				order = best == NULL ? 1 : doc_compare_numbers(value->items[i], best);
				if (best == NULL || (step->function == FUNCTION_MIN ? order < 0 : order > 0))
					best = value->items[i];
			}
			return best;
		case FUNCTION_FIRST:
			return item_at(value, 0);
		case FUNCTION_LAST:
			return item_at(value, -1);
	}
	return NULL;
}

static bool
search_slice(Search *search, uint32_t step, const Doc *array)
{
	const PathStep *slice = &search->path->steps[step];
	int64_t		length = array->length;
	int64_t		begin = slice->has_begin ? slice->index : 0;
	int64_t		end = slice->end;

	if (begin < 0)
		begin = begin + length < 0 ? 0 : begin + length;
	if (end < 0)
		end += length;
	if (end > length)
		end = length;
	for (int64_t i = begin; i < end; i += slice->stride)
		if (!search_step(search, step + 1, array->items[i], false))
			return false;
	return true;
}

/* All children of a container, either through the next step or, descending, through this one again. */
static bool
search_children(Search *search, uint32_t step, const Doc *value, bool descending)
{
	for (uint32_t i = 0; value->kind == DOC_ARRAY && i < value->length; i++)
		if (!search_step(search, step, value->items[i], descending))
			return false;
	for (uint32_t i = 0; value->kind == DOC_OBJECT && i < value->length; i++)
		if (!search_step(search, step, value->members[i].value, descending))
			return false;
	return true;
}

static bool
search_filter(Search *search, uint32_t step, const Doc *value)
{
	const Filter *filter = search->path->steps[step].filter;

	/* An object is itself what is tested, an array its items. */
	if (value->kind == DOC_OBJECT)
		return !filter_test(filter, value, search->scope) || search_step(search, step + 1, value, false);
	for (uint32_t i = 0; value->kind == DOC_ARRAY && i < value->length; i++)
		if (filter_test(filter, value->items[i], search->scope) &&
			!search_step(search, step + 1, value->items[i], false))
			return false;
	return search->scope->error == NULL;
}

static bool
search_apply(Search *search, uint32_t number, const Doc *value)
{
	const PathStep *step = &search->path->steps[number];
	const Doc  *child;

	switch (step->kind)
	{
		case STEP_KEY:
			child = doc_get_n(value, step->key.text, step->key.length);
			return child == NULL || search_step(search, number + 1, child, false);
		case STEP_INDEX:
			child = item_at(value, step->index);
			return child == NULL || search_step(search, number + 1, child, false);
		case STEP_WILDCARD:
			return search_children(search, number + 1, value, false);
		case STEP_KEYS:
			for (uint32_t i = 0; i < step->count; i++)
			{
				child = doc_get_n(value, step->keys[i].text, step->keys[i].length);
				if (child != NULL && !search_step(search, number + 1, child, false))
					return false;
			}
			return true;
		case STEP_INDEXES:
			for (uint32_t i = 0; i < step->count; i++)
			{
				child = item_at(value, step->indexes[i]);
				if (child != NULL && !search_step(search, number + 1, child, false))
					return false;
			}
			return true;
		case STEP_SLICE:
			return value->kind != DOC_ARRAY || search_slice(search, number, value);
		case STEP_FILTER:
			return search_filter(search, number, value);
		case STEP_FUNCTION:
			return true;
	}
	return true;
}

/* Follows the path from `step` on; `descending`: value was reached by that step's "..". */
static bool
search_step(Search *search, uint32_t step, const Doc *value, bool descending)
{
	const Path *path = search->path;

	base_check_stack();
	if (!scope_work(search->scope, 1))
		return false;
	if (step == path->count || path->steps[step].kind == STEP_FUNCTION)
	{
		if (search->matches->length >= SCOPE_MATCHES)
		{
			scope_fail(search->scope, ERROR_DATA_LIMIT, "the path '%s' has more than %d matches.",
					   path->text, SCOPE_MATCHES);
			return false;
		}
		doc_array_add(search->matches, value);
		return true;
	}
	if (!search_apply(search, step, value))
		return false;
	if (path->steps[step].descend || descending)
		return search_children(search, step, value, true);
	return true;
}

/* Follows a definite path; where it ends too early, *failed is the step without a match. */
static const Doc *
follow(const Path *path, const Doc *value, uint32_t *failed)
{
	for (uint32_t i = 0; i < path->count; i++)
	{
		const PathStep *step = &path->steps[i];

		*failed = i;
		if (step->kind == STEP_KEY)
			value = doc_get_n(value, step->key.text, step->key.length);
		else if (step->kind == STEP_INDEX)
			value = item_at(value, step->index);
		else
			value = apply_function(step, value);
		if (value == NULL)
			return NULL;
	}
	return value;
}

static const Doc *
find(const Path *path, const Doc *item, AslScope *scope, uint32_t *failed)
{
	const Doc  *root = path_root(path, item, scope);
	Search		search = {path, scope, NULL};

	*failed = UINT32_MAX;
	if (scope->error != NULL)
		return NULL;
	if (path->definite)
		return root == NULL ? NULL : follow(path, root, failed);
	search.matches = doc_array();
	if (root != NULL && !search_step(&search, 0, root, false))
		return NULL;
	if (path->steps[path->count - 1].kind == STEP_FUNCTION)
	{
		*failed = path->count - 1;
		return apply_function(&path->steps[path->count - 1], search.matches);
	}
	return search.matches;
}

const Doc *
path_find(const Path *path, AslScope *scope)
{
	uint32_t	failed;

	return find(path, NULL, scope, &failed);
}

const Doc *
path_find_item(const Path *path, const Doc *item, AslScope *scope)
{
	uint32_t	failed;
	const Doc  *value = find(path, item, scope, &failed);

	/* To exist, an indefinite path needs a match. */
	if (value != NULL && !path->definite && value->kind == DOC_ARRAY && value->length == 0)
		return NULL;
	return value;
}

/* The part of a definite path that isn't there, in words. Names are not cut: they are UTF-8. */
static const char *
missing_part(const Path *path, uint32_t failed)
{
	const PathStep *step = failed == UINT32_MAX ? NULL : &path->steps[failed];
	const char *name = step == NULL ? path->variable.text : step->key.text;
	size_t		size = 32 + (name == NULL ? 0 : strlen(name));
	char	   *text = mem_alloc(size);

	if (step == NULL)
		snprintf(text, size, "%s '%s'", path->root == ROOT_VARIABLE ? "variable" : "value", name == NULL ? "$" : name);
	else if (step->kind == STEP_KEY)
		snprintf(text, size, "member '%s'", name);
	else if (step->kind == STEP_INDEX)
		snprintf(text, size, "item %lld", (long long) step->index);
	else
		snprintf(text, size, "value for its function");
	return text;
}

const Doc *
path_evaluate(const Path *path, AslScope *scope)
{
	uint32_t	failed;
	const Doc  *value = find(path, NULL, scope, &failed);

	if (value != NULL || scope->error != NULL)
		return value;
	return scope_no_match(scope, path->text, missing_part(path, failed));
}

/* A new value at steps from `number` on. `old` is what is there, NULL for nothing. */
static const Doc *
write_step(const Path *path, uint32_t number, const Doc *old, const Doc *value, AslScope *scope)
{
	const PathStep *step;
	const Doc  *child;
	Doc		   *copy;

	if (number == path->count)
		return value;
	base_check_stack();
	step = &path->steps[number];
	if (step->kind == STEP_KEY && (old == NULL || old->kind == DOC_OBJECT))
	{
		child = write_step(path, number + 1, doc_get_n(old, step->key.text, step->key.length), value, scope);
		if (child == NULL)
			return NULL;
		copy = old == NULL ? doc_object() : doc_copy_shallow(old);
		doc_object_add_n(copy, step->key.text, step->key.length, child);
		return copy;
	}
	if (step->kind == STEP_INDEX && doc_is(old, DOC_ARRAY) && step->index < (int64_t) old->length)
	{
		child = write_step(path, number + 1, old->items[step->index], value, scope);
		if (child == NULL)
			return NULL;
		copy = doc_copy_shallow(old);
		copy->items[step->index] = child;
		return copy;
	}
	return scope_fail(scope, ERROR_RESULT_PATH, "the ResultPath '%s' can't be applied to the input.", path->text);
}

const Doc *
path_write(const Path *path, const Doc *root, const Doc *value, AslScope *scope)
{
	return write_step(path, 0, root, value, scope);
}
