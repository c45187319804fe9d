/*
 * path.h
 *		JSONPath: parse once, evaluate, and write by reference path.
 *
 * A path starts at $ (the input), $$ (the context object) or $name (a
 * variable).  It is definite if it consists of names and single indexes only;
 * then it gives the one value or fails.  Any other path gives an array of all
 * matches and never fails.
 */
#ifndef DALP_ASL_PATH_H
#define DALP_ASL_PATH_H

#include "asl/scope.h"

typedef enum PathRoot
{
	ROOT_INPUT, ROOT_CONTEXT, ROOT_VARIABLE, ROOT_ITEM	/* @, in filters */
} PathRoot;

typedef enum StepKind
{
	STEP_KEY,					/* .name, ['name'] */
	STEP_INDEX,					/* [3]; negative: from the end */
	STEP_WILDCARD,				/* .*, [*] */
	STEP_KEYS,					/* ['a','b'] */
	STEP_INDEXES,				/* [0,2] */
	STEP_SLICE,					/* [1:5], [-2:], [::2] */
	STEP_FILTER,				/* [?(…)] */
	STEP_FUNCTION				/* .length() and such, only at the end */
} StepKind;

typedef enum PathFunction
{
	FUNCTION_LENGTH, FUNCTION_KEYS, FUNCTION_MIN, FUNCTION_MAX, FUNCTION_FIRST, FUNCTION_LAST
} PathFunction;

typedef struct PathKey
{
	const char *text;
	uint32_t	length;
} PathKey;

typedef struct PathStep
{
	StepKind	kind;
	bool		descend;		/* written after "..": the value and everything below it */
	PathKey		key;
	int64_t		index;			/* STEP_SLICE: begin */
	int64_t		end;			/* INT64_MAX: open */
	int64_t		stride;
	bool		has_begin;
	PathKey    *keys;
	int64_t    *indexes;
	uint32_t	count;			/* of keys or indexes */
	const struct Filter *filter;
	PathFunction function;
} PathStep;

typedef struct Path
{
	PathRoot	root;
	PathKey		variable;
	const char *text;			/* as written, zero-terminated */
	uint32_t	length;
	PathStep   *steps;
	uint32_t	count;
	bool		definite;
} Path;

/* Parses all of the text; NULL and a problem if it is no path. */
extern const Path *path_parse(const char *text, size_t length, Problem *problem);

/* Parses the longest path that the text begins with; *used is its length. For functions' arguments. */
extern const Path *path_parse_prefix(const char *text, size_t length, size_t *used, Problem *problem);

/* Whether it may be written to: it starts at $ and has names and indexes from 0 only. */
extern bool path_is_reference(const Path *path);

/* The value; NULL and States.Runtime if a definite path matches nothing. */
extern const Doc *path_evaluate(const Path *path, AslScope *scope);

/* The same without a failure where nothing matches: NULL then (and scope->error is unset). */
extern const Doc *path_find(const Path *path, AslScope *scope);

/*
 * `root` with `value` at the reference path; missing objects on the way are
 * created, all else is shared.  NULL and States.ResultPathMatchFailure where
 * something on the way is neither object nor has the index.
 */
extern const Doc *path_write(const Path *path, const Doc *root, const Doc *value, AslScope *scope);

/* ------------------------------------------------------------------------
 * Filters: [?(@.price < 10 && @.name == 'x')]
 * ---------------------------------------------------------------------- */

typedef enum FilterKind
{
	FILTER_OR, FILTER_AND, FILTER_NOT, FILTER_EXISTS, FILTER_COMPARE
} FilterKind;

typedef enum FilterOperator
{
	OPERATOR_EQUAL, OPERATOR_NOT_EQUAL, OPERATOR_LESS, OPERATOR_LESS_EQUAL,
	OPERATOR_GREATER, OPERATOR_GREATER_EQUAL, OPERATOR_IN, OPERATOR_NOT_IN,
	OPERATOR_CONTAINS, OPERATOR_SUBSET_OF, OPERATOR_ANY_OF, OPERATOR_NONE_OF,
	OPERATOR_SIZE, OPERATOR_EMPTY
} FilterOperator;

typedef struct FilterOperand
{
	const Path *path;			/* or */
	const Doc  *literal;
} FilterOperand;

typedef struct Filter
{
	FilterKind	kind;
	const struct Filter *left;
	const struct Filter *right;
	FilterOperator operator;
	FilterOperand a;
	FilterOperand b;
} Filter;

/* Where the parsers of paths and filters stand. */
typedef struct PathCursor
{
	const char *text;
	const char *at;
	const char *end;
	int			depth;			/* of parentheses and filters inside filters */
	Problem    *problem;
} PathCursor;

/* For path_parse.c and path_filter.c among themselves. */
extern const Path *path_read(PathCursor *cursor);
extern const Filter *filter_read(PathCursor *cursor);
extern bool path_problem(PathCursor *cursor, const char *what);
extern void path_blanks(PathCursor *cursor);
extern bool path_read_quoted(PathCursor *cursor, PathKey *key);

/* Whether the item passes; false also after a failure of the scope. */
extern bool filter_test(const Filter *filter, const Doc *item, AslScope *scope);

/* The value of a path in a filter, with @ standing for `item`; NULL if there is none. */
extern const Doc *path_find_item(const Path *path, const Doc *item, AslScope *scope);

#endif							/* DALP_ASL_PATH_H */
