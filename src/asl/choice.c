/*
 * choice.c
 *		Compiles and tests the rules of Choice states.
 *
 * Comparing values of different types is false, never an error; a Variable
 * that isn't there is an error for all operators but IsPresent.
 */
#include "asl/choice.h"

#include "asl/timestamp.h"

typedef enum RuleKind
{
	RULE_AND, RULE_OR, RULE_NOT, RULE_COMPARE, RULE_IS, RULE_MATCHES
} RuleKind;

typedef enum RuleType
{
	TYPE_BOOLEAN, TYPE_NUMERIC, TYPE_STRING, TYPE_TIMESTAMP, TYPE_NULL, TYPE_PRESENT
} RuleType;

/* Which orders make a comparison true. */
#define ORDER_LESS 1
#define ORDER_EQUAL 2
#define ORDER_GREATER 4

struct Rule
{
	RuleKind	kind;
	RuleType	type;
	int			orders;
	bool		expected;		/* RULE_IS */
	const Path *variable;
	const Path *operand_path;	/* or */
	const Doc  *operand;
	Instant		timestamp;		/* of a literal operand */
	uint32_t	count;
	const Rule **rules;			/* RULE_AND, RULE_OR, RULE_NOT */
};

static const struct
{
	const char *name;
	RuleKind	kind;
	RuleType	type;
	int			orders;
}			operators[] = {
	{"BooleanEquals", RULE_COMPARE, TYPE_BOOLEAN, ORDER_EQUAL},
	{"NumericEquals", RULE_COMPARE, TYPE_NUMERIC, ORDER_EQUAL},
	{"NumericGreaterThan", RULE_COMPARE, TYPE_NUMERIC, ORDER_GREATER},
	{"NumericGreaterThanEquals", RULE_COMPARE, TYPE_NUMERIC, ORDER_GREATER | ORDER_EQUAL},
	{"NumericLessThan", RULE_COMPARE, TYPE_NUMERIC, ORDER_LESS},
	{"NumericLessThanEquals", RULE_COMPARE, TYPE_NUMERIC, ORDER_LESS | ORDER_EQUAL},
	{"StringEquals", RULE_COMPARE, TYPE_STRING, ORDER_EQUAL},
	{"StringGreaterThan", RULE_COMPARE, TYPE_STRING, ORDER_GREATER},
	{"StringGreaterThanEquals", RULE_COMPARE, TYPE_STRING, ORDER_GREATER | ORDER_EQUAL},
	{"StringLessThan", RULE_COMPARE, TYPE_STRING, ORDER_LESS},
	{"StringLessThanEquals", RULE_COMPARE, TYPE_STRING, ORDER_LESS | ORDER_EQUAL},
	{"TimestampEquals", RULE_COMPARE, TYPE_TIMESTAMP, ORDER_EQUAL},
	{"TimestampGreaterThan", RULE_COMPARE, TYPE_TIMESTAMP, ORDER_GREATER},
	{"TimestampGreaterThanEquals", RULE_COMPARE, TYPE_TIMESTAMP, ORDER_GREATER | ORDER_EQUAL},
	{"TimestampLessThan", RULE_COMPARE, TYPE_TIMESTAMP, ORDER_LESS},
	{"TimestampLessThanEquals", RULE_COMPARE, TYPE_TIMESTAMP, ORDER_LESS | ORDER_EQUAL},
	{"StringMatches", RULE_MATCHES, TYPE_STRING, 0},
	{"IsBoolean", RULE_IS, TYPE_BOOLEAN, 0},
	{"IsNull", RULE_IS, TYPE_NULL, 0},
	{"IsNumeric", RULE_IS, TYPE_NUMERIC, 0},
	{"IsPresent", RULE_IS, TYPE_PRESENT, 0},
	{"IsString", RULE_IS, TYPE_STRING, 0},
	{"IsTimestamp", RULE_IS, TYPE_TIMESTAMP, 0},
};

/* The operator of a key, with or without "Path" at its end; -1 if none. */
static int
find_operator(const char *key, bool *path)
{
	size_t		length = strlen(key);

	for (size_t i = 0; i < lengthof(operators); i++)
	{
		size_t		own = strlen(operators[i].name);

		if (strncmp(key, operators[i].name, own) != 0)
			continue;
		*path = operators[i].kind == RULE_COMPARE && length == own + 4 && strcmp(key + own, "Path") == 0;
		if (length == own || *path)
			return (int) i;
	}
	return -1;
}

static const Path *
compile_path(const Doc *value, const Where *where, const char *key, AslFindings *findings)
{
	Problem		problem = {{0}, {0}};
	const Path *path = NULL;

	if (value->kind != DOC_STRING)
		find_error(findings, where, key, "must be a path");
	else if ((path = path_parse(value->text, value->length, &problem)) == NULL)
		find_error(findings, where, key, "%s (%s)", problem.message, problem.where);
	return path;
}

static bool
compile_operand(Rule *rule, const Doc *value, const Where *where, const char *key, AslFindings *findings)
{
	static const DocKind kinds[] = {
		[TYPE_BOOLEAN] = DOC_BOOL, [TYPE_NUMERIC] = DOC_NUMBER, [TYPE_STRING] = DOC_STRING,
		[TYPE_TIMESTAMP] = DOC_STRING,
	};
	static const char *const names[] = {
		[TYPE_BOOLEAN] = "true or false", [TYPE_NUMERIC] = "a number", [TYPE_STRING] = "text",
		[TYPE_TIMESTAMP] = "a timestamp like 2026-01-31T12:00:00Z",
	};

	rule->operand = value;
	if (rule->kind == RULE_IS)
	{
		rule->expected = value->kind == DOC_BOOL && value->boolean;
		if (value->kind != DOC_BOOL)
			find_error(findings, where, key, "must be true or false");
		return value->kind == DOC_BOOL;
	}
	if (value->kind == kinds[rule->type] &&
		(rule->type != TYPE_TIMESTAMP || timestamp_read(value->text, value->length, &rule->timestamp)))
		return true;
	find_error(findings, where, key, "must be %s", names[rule->type]);
	return false;
}

static bool
compile_comparison(Rule *rule, const Doc *source, const char *key, int operator, bool path,
				   const Where *where, AslFindings *findings)
{
	const Doc  *variable = doc_get(source, "Variable");
	bool		usable;

	rule->kind = operators[operator].kind;
	rule->type = operators[operator].type;
	rule->orders = operators[operator].orders;
	if (path)
		usable = (rule->operand_path = compile_path(doc_get(source, key), where, key, findings)) != NULL;
	else
		usable = compile_operand(rule, doc_get(source, key), where, key, findings);
	if (variable == NULL)
	{
		find_error(findings, where, NULL, "a comparison needs a Variable");
		return false;
	}
	rule->variable = compile_path(variable, where, "Variable", findings);
	return usable && rule->variable != NULL;
}

/* And, Or: all items of an array; Not: one rule. */
static bool
compile_combination(Rule *rule, const Doc *value, const char *key, const Where *where, AslFindings *findings)
{
	Where		here = {where, key, 0};
	bool		usable = true;

	rule->kind = strcmp(key, "And") == 0 ? RULE_AND : strcmp(key, "Or") == 0 ? RULE_OR : RULE_NOT;
	if (rule->kind == RULE_NOT)
	{
		rule->count = 1;
		rule->rules = mem_alloc(sizeof(Rule *));
		rule->rules[0] = rule_compile(value, &here, false, findings);
		return rule->rules[0] != NULL;
	}
	if (value->kind != DOC_ARRAY || value->length == 0)
	{
		find_error(findings, where, key, "must be an array of at least one rule");
		return false;
	}
	rule->count = value->length;
	rule->rules = mem_alloc(value->length * sizeof(Rule *));
	for (uint32_t i = 0; i < value->length; i++)
	{
		Where		item = {&here, NULL, i};

		rule->rules[i] = rule_compile(value->items[i], &item, false, findings);
		usable = usable && rule->rules[i] != NULL;
	}
	return usable;
}

const Rule *
rule_compile(const Doc *source, const Where *where, bool top, AslFindings *findings)
{
	Rule	   *rule = mem_alloc_zero(sizeof(Rule));
	const char *found = NULL;
	bool		usable = true;

	base_check_interrupts();
	base_check_stack();
	if (source->kind != DOC_OBJECT)
	{
		find_error(findings, where, NULL, "must be an object");
		return NULL;
	}
	for (uint32_t i = 0; i < source->length; i++)
	{
		const char *key = source->members[i].key;
		bool		path = false;
		int			operator = find_operator(key, &path);
		bool		combination = strcmp(key, "And") == 0 || strcmp(key, "Or") == 0 || strcmp(key, "Not") == 0;

		if (operator < 0 && !combination)
		{
			if (strcmp(key, "Variable") == 0 || strcmp(key, "Comment") == 0)
				continue;
			if (strcmp(key, "Next") == 0 || strcmp(key, "Assign") == 0)
			{
				if (!top)
					find_error(findings, where, key, "is allowed in a rule of Choices itself only, not in one inside And, Or or Not");
				continue;
			}
			find_error(findings, where, key, "unknown field of a Choice rule");
			usable = false;
			continue;
		}
		if (found != NULL)
		{
			find_error(findings, where, key, "a rule has one operator, and %s is there already", found);
			usable = false;
			continue;
		}
		found = key;
		if (combination)
			usable = compile_combination(rule, source->members[i].value, key, where, findings) && usable;
		else
			usable = compile_comparison(rule, source, key, operator, path, where, findings) && usable;
		if (combination && doc_get(source, "Variable") != NULL)
			find_error(findings, where, "Variable", "is not used with %s", key);
	}
	if (found == NULL)
	{
		find_error(findings, where, NULL, "needs a comparison, And, Or or Not");
		return NULL;
	}
	return usable ? rule : NULL;
}

/* ------------------------------------------------------------------------
 * Testing
 * ---------------------------------------------------------------------- */

/* The characters of the pattern at *at: a literal one (its byte) or -1 for the wildcard. */
static int
pattern_byte(const char *pattern, size_t length, size_t at, size_t *size)
{
	*size = 1;
	if (pattern[at] == '*')
		return -1;
	if (pattern[at] == '\\' && at + 1 < length && (pattern[at + 1] == '*' || pattern[at + 1] == '\\'))
	{
		*size = 2;
		return (unsigned char) pattern[at + 1];
	}
	return (unsigned char) pattern[at];
}

/* Greedy with one point to come back to: at worst the product of both lengths, no recursion. */
bool
string_matches(const char *text, size_t length, const char *pattern, size_t pattern_length)
{
	size_t		at = 0;
	size_t		in = 0;
	size_t		retry_pattern = SIZE_MAX;
	size_t		retry_text = 0;

	while (at < length)
	{
		size_t		size = 0;
		int			byte = in < pattern_length ? pattern_byte(pattern, pattern_length, in, &size) : -2;

		if (byte == -1)
		{
			retry_pattern = ++in;
			retry_text = at;
		}
		else if (byte == (unsigned char) text[at])
		{
			in += size;
			at++;
		}
		else if (retry_pattern != SIZE_MAX)
		{
			base_check_interrupts();
			in = retry_pattern;
			at = ++retry_text;
		}
		else
			return false;
	}
	while (in < pattern_length && pattern[in] == '*')
		in++;
	return in == pattern_length;
}

static int
compare_texts(const Doc *a, const Doc *b)
{
	int			order = memcmp(a->text, b->text, a->length < b->length ? a->length : b->length);

	if (order != 0)
		return order;
	return a->length < b->length ? -1 : a->length > b->length;
}

static bool
test_comparison(const Rule *rule, const Doc *value, const Doc *operand)
{
	Instant		time;
	Instant		other = rule->timestamp;
	int			order;

	if (value->kind != operand->kind)
		return false;
	switch (rule->type)
	{
		case TYPE_BOOLEAN:
			return value->kind == DOC_BOOL && value->boolean == operand->boolean;
		case TYPE_NUMERIC:
			if (value->kind != DOC_NUMBER)
				return false;
			order = doc_compare_numbers(value, operand);
			break;
		case TYPE_STRING:
			if (value->kind != DOC_STRING)
				return false;
			order = compare_texts(value, operand);
			break;
		default:
			if (value->kind != DOC_STRING || !timestamp_read(value->text, value->length, &time) ||
				(rule->operand_path != NULL && !timestamp_read(operand->text, operand->length, &other)))
				return false;
			order = timestamp_compare(&time, &other);
			break;
	}
	return (rule->orders & (order < 0 ? ORDER_LESS : order > 0 ? ORDER_GREATER : ORDER_EQUAL)) != 0;
}

static bool
is_of_type(const Rule *rule, const Doc *value)
{
	Instant		time;

	switch (rule->type)
	{
		case TYPE_BOOLEAN:
			return value->kind == DOC_BOOL;
		case TYPE_NUMERIC:
			return value->kind == DOC_NUMBER;
		case TYPE_STRING:
			return value->kind == DOC_STRING;
		case TYPE_NULL:
			return value->kind == DOC_NULL;
		case TYPE_TIMESTAMP:
			return value->kind == DOC_STRING && timestamp_read(value->text, value->length, &time);
		case TYPE_PRESENT:
			return true;
	}
	return false;
}

bool
rule_test(const Rule *rule, AslScope *scope)
{
	const Doc  *value;
	const Doc  *operand = rule->operand;

	base_check_stack();
	if (!scope_work(scope, 1))
		return false;
	switch (rule->kind)
	{
		case RULE_AND:
			for (uint32_t i = 0; i < rule->count; i++)
				if (!rule_test(rule->rules[i], scope))
					return false;
			return true;
		case RULE_OR:
			for (uint32_t i = 0; i < rule->count && scope->error == NULL; i++)
				if (rule_test(rule->rules[i], scope))
					return true;
			return false;
		case RULE_NOT:
			return !rule_test(rule->rules[0], scope) && scope->error == NULL;
		default:
			break;
	}
	if (rule->kind == RULE_IS && rule->type == TYPE_PRESENT)
	{
		value = path_find(rule->variable, scope);
		return scope->error == NULL && (value != NULL) == rule->expected;
	}
	scope->field = "Variable";
	value = path_evaluate(rule->variable, scope);
	if (value != NULL && rule->operand_path != NULL)
	{
		scope->field = "a comparison";
		operand = path_evaluate(rule->operand_path, scope);
	}
	scope->field = NULL;
	if (value == NULL || operand == NULL)
		return false;
	if (rule->kind == RULE_IS)
		return is_of_type(rule, value) == rule->expected;
	if (rule->kind == RULE_MATCHES)
		return value->kind == DOC_STRING &&
			scope_work(scope, (int64_t) value->length / 64 * (operand->length / 64 + 1)) &&
			string_matches(value->text, value->length, operand->text, operand->length);
	return test_comparison(rule, value, operand);
}
