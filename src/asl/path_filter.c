/*
 * path_filter.c
 *		Filters of JSONPath: parse and test.
 *
 * or := and ('||' and)*; and := not ('&&' not)*;
 * not := '!' not | '(' or ')' | operand [operator operand].
 * Comparing values of different types is false, also with < and >, and true
 * with != only.
 */
#include "asl/path.h"

#define MAX_NESTING 32

/* Terms of one chain of && or ||; the tree of a chain is as deep as it is long. */
#define MAX_TERMS 500

static const Filter *read_or(PathCursor *cursor);

static bool
take_text(PathCursor *cursor, const char *text)
{
	size_t		length = strlen(text);

	if ((size_t) (cursor->end - cursor->at) < length || memcmp(cursor->at, text, length) != 0)
		return false;
	cursor->at += length;
	return true;
}

static bool
is_word_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

static bool
take_word(PathCursor *cursor, const char *word)
{
	const char *before = cursor->at;

	if (!take_text(cursor, word))
		return false;
	if (cursor->at < cursor->end && is_word_char(*cursor->at))
	{
		cursor->at = before;
		return false;
	}
	return true;
}

static Filter *
filter_new(FilterKind kind)
{
	Filter	   *filter = mem_alloc_zero(sizeof(Filter));

	filter->kind = kind;
	return filter;
}

static const Doc *
read_literal(PathCursor *cursor)
{
	const char *from = cursor->at;

	if (*from == '\'' || *from == '"')
	{
		PathKey		text;

		if (!path_read_quoted(cursor, &text))
			return NULL;
		return doc_string(text.text, text.length);
	}
	if (*from == '[')
	{
		Doc		   *array = doc_array();

		cursor->at++;
		path_blanks(cursor);
		if (take_text(cursor, "]"))
			return array;
		do
		{
			const Doc  *item;

			path_blanks(cursor);
			if (cursor->at == cursor->end || *cursor->at == '[')
			{
				path_problem(cursor, "a literal is missing here");
				return NULL;
			}
			item = read_literal(cursor);
			if (item == NULL)
				return NULL;
			doc_array_add(array, item);
			path_blanks(cursor);
		} while (take_text(cursor, ","));
		if (take_text(cursor, "]"))
			return array;
		path_problem(cursor, "a bracket is missing here");
		return NULL;
	}
	if (take_word(cursor, "true"))
		return doc_bool(true);
	if (take_word(cursor, "false"))
		return doc_bool(false);
	if (take_word(cursor, "null"))
		return doc_null();
	while (cursor->at < cursor->end && *cursor->at != '\0' && strchr("+-.0123456789eE", *cursor->at) != NULL)
		cursor->at++;
	if (cursor->at > from)
	{
		const Doc  *number = doc_parse(from, (size_t) (cursor->at - from), NULL);

		if (doc_is(number, DOC_NUMBER))
			return number;
		cursor->at = from;
	}
	path_problem(cursor, "a path or a literal is missing here");
	return NULL;
}

static bool
read_operand(PathCursor *cursor, FilterOperand *operand)
{
	path_blanks(cursor);
	if (cursor->at == cursor->end)
		return path_problem(cursor, "a path or a literal is missing here");
	if (*cursor->at == '@' || *cursor->at == '$')
	{
		operand->path = path_read(cursor);
		return operand->path != NULL;
	}
	operand->literal = read_literal(cursor);
	return operand->literal != NULL;
}

static bool
read_operator(PathCursor *cursor, FilterOperator *operator)
{
	static const struct
	{
		const char *text;
		FilterOperator operator;
	}			operators[] = {
		{"==", OPERATOR_EQUAL}, {"!=", OPERATOR_NOT_EQUAL}, {"<=", OPERATOR_LESS_EQUAL}, {"<", OPERATOR_LESS},
		{">=", OPERATOR_GREATER_EQUAL}, {">", OPERATOR_GREATER},
	};
	static const struct
	{
		const char *text;
		FilterOperator operator;
	}			words[] = {
		{"in", OPERATOR_IN}, {"nin", OPERATOR_NOT_IN}, {"contains", OPERATOR_CONTAINS}, {"subsetof", OPERATOR_SUBSET_OF},
		{"anyof", OPERATOR_ANY_OF}, {"noneof", OPERATOR_NONE_OF}, {"size", OPERATOR_SIZE}, {"empty", OPERATOR_EMPTY},
	};

	for (size_t i = 0; i < lengthof(operators); i++)
		if (take_text(cursor, operators[i].text))
		{
			*operator = operators[i].operator;
			return true;
		}
	for (size_t i = 0; i < lengthof(words); i++)
		if (take_word(cursor, words[i].text))
		{
			*operator = words[i].operator;
			return true;
		}
	return false;
}

static const Filter *
read_not(PathCursor *cursor)
{
	Filter	   *filter;
	FilterOperand a = {NULL, NULL};

	path_blanks(cursor);
	if (++cursor->depth > MAX_NESTING)
	{
		path_problem(cursor, "nested too deeply");
		return NULL;
	}
	base_check_stack();
	if (cursor->at + 1 < cursor->end && *cursor->at == '!' && cursor->at[1] != '=')
	{
		cursor->at++;
		filter = filter_new(FILTER_NOT);
		filter->left = read_not(cursor);
		if (filter->left == NULL)
			return NULL;
	}
	else if (take_text(cursor, "("))
	{
		const Filter *inner = read_or(cursor);

		if (inner == NULL)
			return NULL;
		path_blanks(cursor);
		if (!take_text(cursor, ")"))
		{
			path_problem(cursor, "a parenthesis is missing here");
			return NULL;
		}
		cursor->depth--;
		return inner;
	}
	else
	{
		if (!read_operand(cursor, &a))
			return NULL;
		filter = filter_new(FILTER_EXISTS);
		filter->a = a;
		path_blanks(cursor);
		if (read_operator(cursor, &filter->operator))
		{
			filter->kind = FILTER_COMPARE;
			if (!read_operand(cursor, &filter->b))
				return NULL;
		}
		else if (take_text(cursor, "=~"))
		{
			path_problem(cursor, "regular expressions are not supported in filters");
			return NULL;
		}
		else if (a.path == NULL)
		{
			path_problem(cursor, "an operator is missing here");
			return NULL;
		}
	}
	cursor->depth--;
	return filter;
}

static const Filter *
read_chain(PathCursor *cursor, FilterKind kind)
{
	const Filter *left = kind == FILTER_OR ? read_chain(cursor, FILTER_AND) : read_not(cursor);

	for (int terms = 1; left != NULL; terms++)
	{
		Filter	   *filter;

		path_blanks(cursor);
		if (!take_text(cursor, kind == FILTER_OR ? "||" : "&&"))
			break;
		if (terms == MAX_TERMS)
		{
			path_problem(cursor, "too many terms");
			return NULL;
		}
		filter = filter_new(kind);
		filter->left = left;
		filter->right = kind == FILTER_OR ? read_chain(cursor, FILTER_AND) : read_not(cursor);
		if (filter->right == NULL)
			return NULL;
		left = filter;
	}
	return left;
}

static const Filter *
read_or(PathCursor *cursor)
{
	return read_chain(cursor, FILTER_OR);
}

const Filter *
filter_read(PathCursor *cursor)
{
	const Filter *filter;

	cursor->depth++;
	filter = read_or(cursor);
	cursor->depth--;
	return filter;
}

static const Doc *
operand_value(const FilterOperand *operand, const Doc *item, AslScope *scope)
{
	if (operand->literal != NULL)
		return operand->literal;
	return path_find_item(operand->path, item, scope);
}

static int
compare_texts(const Doc *a, const Doc *b)
{
	uint32_t	shorter = a->length < b->length ? a->length : b->length;
	int			order = memcmp(a->text, b->text, shorter);

	if (order != 0)
		return order;
	return a->length < b->length ? -1 : a->length > b->length;
}

/* How many items of the one array are in the other; -1 after a failure of the scope or where one is no array. */
static int64_t
count_common(const Doc *a, const Doc *b, AslScope *scope)
{
	int64_t		common = 0;

	if (a->kind != DOC_ARRAY || b->kind != DOC_ARRAY || !scope_work(scope, (int64_t) a->length * b->length))
		return -1;
	for (uint32_t i = 0; i < a->length; i++)
		for (uint32_t j = 0; j < b->length; j++)
			if (doc_equal(a->items[i], b->items[j]))
			{
				common++;
				break;
			}
	return common;
}

static bool
contains(const Doc *a, const Doc *b, AslScope *scope)
{
	if (a->kind == DOC_STRING && b->kind == DOC_STRING)
		return scope_work(scope, a->length / 64) && memmem(a->text, a->length, b->text, b->length) != NULL;
	if (a->kind != DOC_ARRAY || !scope_work(scope, a->length))
		return false;
	for (uint32_t i = 0; i < a->length; i++)
		if (doc_equal(a->items[i], b))
			return true;
	return false;
}

/* The operators written as words, but for in and nin. */
static bool
compare_word(FilterOperator operator, const Doc *a, const Doc *b, AslScope *scope)
{
	int64_t		size;
	bool		sized = a->kind == DOC_ARRAY || a->kind == DOC_STRING;

	switch (operator)
	{
		case OPERATOR_CONTAINS:
			return contains(a, b, scope);
		case OPERATOR_SUBSET_OF:
			return count_common(a, b, scope) == (int64_t) a->length;
		case OPERATOR_ANY_OF:
			return count_common(a, b, scope) > 0;
		case OPERATOR_NONE_OF:
			return count_common(a, b, scope) == 0;
		case OPERATOR_SIZE:
			return sized && doc_to_int64(b, &size) &&
				size == (int64_t) (a->kind == DOC_STRING ? doc_characters(a) : a->length);
		default:
			return sized && b->kind == DOC_BOOL && (a->length == 0) == b->boolean;
	}
}

static bool
compare(const Filter *filter, const Doc *a, const Doc *b, AslScope *scope)
{
	int			order;

	if (a == NULL || b == NULL)
		return false;
	if (filter->operator >= OPERATOR_CONTAINS)
		return compare_word(filter->operator, a, b, scope);
	if (filter->operator == OPERATOR_EQUAL || filter->operator == OPERATOR_NOT_EQUAL)
		return doc_equal(a, b) == (filter->operator == OPERATOR_EQUAL);
	if (filter->operator == OPERATOR_IN || filter->operator == OPERATOR_NOT_IN)
	{
		bool		found = false;

		if (b->kind != DOC_ARRAY || !scope_work(scope, b->length))
			return false;
		for (uint32_t i = 0; i < b->length && !found; i++)
			found = doc_equal(a, b->items[i]);
		return found == (filter->operator == OPERATOR_IN);
	}
	if (a->kind != b->kind)
		return false;
	if (a->kind == DOC_NUMBER)
		order = doc_compare_numbers(a, b);
	else if (a->kind == DOC_STRING)
		order = compare_texts(a, b);
	else
		return false;
	switch (filter->operator)
	{
		case OPERATOR_LESS:
			return order < 0;
		case OPERATOR_LESS_EQUAL:
			return order <= 0;
		case OPERATOR_GREATER:
			return order > 0;
		default:
			return order >= 0;
	}
}

bool
filter_test(const Filter *filter, const Doc *item, AslScope *scope)
{
	if (!scope_work(scope, 1))
		return false;
	base_check_stack();
	switch (filter->kind)
	{
		case FILTER_OR:
			return filter_test(filter->left, item, scope) || filter_test(filter->right, item, scope);
		case FILTER_AND:
			return filter_test(filter->left, item, scope) && filter_test(filter->right, item, scope);
		case FILTER_NOT:
			return !filter_test(filter->left, item, scope);
		case FILTER_EXISTS:
			return operand_value(&filter->a, item, scope) != NULL;
		case FILTER_COMPARE:
			return compare(filter, operand_value(&filter->a, item, scope),
						   operand_value(&filter->b, item, scope), scope);
	}
	return false;
}
