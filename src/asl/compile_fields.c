/*
 * compile_fields.c
 *		Reads single fields of a definition and says what is wrong with them.
 */
#include "asl/plan.h"

#define MAX_VARIABLE 80

static const Path *
parse_path(Compiler *compiler, const Doc *value, const Where *where, const char *key)
{
	Problem		problem = {{0}, {0}};
	const Path *path;

	if (value->kind != DOC_STRING)
	{
		find_error(compiler->findings, where, key, "must be a path");
		return NULL;
	}
	path = path_parse(value->text, value->length, &problem);
	if (path == NULL)
		find_error(compiler->findings, where, key, "%s (%s)", problem.message, problem.where);
	return path;
}

void
field_path(Compiler *compiler, const Doc *source, const char *key, const Where *where, PathField *field)
{
	const Doc  *value = doc_get(source, key);

	if (value == NULL)
		return;
	if (value->kind == DOC_NULL)
		field->is_null = true;
	else if (!doc_is_text(value, "$"))
		field->path = parse_path(compiler, value, where, key);
}

void
field_reference(Compiler *compiler, const Doc *source, const char *key, const Where *where, PathField *field)
{
	field_path(compiler, source, key, where, field);
	if (field->path != NULL && !path_is_reference(field->path))
		find_error(compiler->findings, where, key,
				   "must be a reference path: $ followed by names and indexes only");
}

const Path *
field_plain_path(Compiler *compiler, const Doc *source, const char *key, const Where *where)
{
	const Doc  *value = doc_get(source, key);

	return value == NULL ? NULL : parse_path(compiler, value, where, key);
}

const Template *
field_template(Compiler *compiler, const Doc *source, const char *key, const Where *where)
{
	const Doc  *value = doc_get(source, key);
	Where		here = {where, key, 0};

	if (value == NULL)
		return NULL;
	if (value->kind != DOC_OBJECT)
	{
		find_error(compiler->findings, where, key, "must be an object");
		return NULL;
	}
	return template_compile(value, &here, compiler->findings);
}

const Template *
field_assign(Compiler *compiler, const Doc *source, const Where *where)
{
	const Doc  *value = doc_get(source, "Assign");
	Where		here = {where, "Assign", 0};

	for (uint32_t i = 0; doc_is(value, DOC_OBJECT) && i < value->length; i++)
	{
		const DocMember *member = &value->members[i];
		uint32_t	length = member->key_length;
		bool		valid;

		if (length >= 2 && memcmp(member->key + length - 2, ".$", 2) == 0)
			length -= 2;
		valid = length > 0 && length <= MAX_VARIABLE && !(member->key[0] >= '0' && member->key[0] <= '9');
		for (uint32_t j = 0; j < length && valid; j++)
		{
			char		c = member->key[j];

			valid = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
				((unsigned char) c & 0x80) != 0;
		}
		if (!valid)
			find_error(compiler->findings, &here, member->key,
					   "a variable's name has letters, digits and _, starts with no digit, and has at most %d characters",
					   MAX_VARIABLE);
		else if (length == 6 && memcmp(member->key, "states", 6) == 0)
			find_error(compiler->findings, &here, member->key, "the variable's name \"states\" is reserved");
	}
	return field_template(compiler, source, "Assign", where);
}

const char *
field_text(Compiler *compiler, const Doc *source, const char *key, const Where *where)
{
	const Doc  *value = doc_get(source, key);

	if (value == NULL)
		return NULL;
	if (value->kind == DOC_STRING && strlen(value->text) == value->length)
		return value->text;
	find_error(compiler->findings, where, key, "must be text");
	return NULL;
}

bool
field_bool(Compiler *compiler, const Doc *source, const char *key, const Where *where)
{
	const Doc  *value = doc_get(source, key);

	if (value != NULL && value->kind != DOC_BOOL)
		find_error(compiler->findings, where, key, "must be true or false");
	return doc_is(value, DOC_BOOL) && value->boolean;
}

/* Says which numbers a field takes. */
static void
complain_number(Compiler *compiler, const Where *where, const char *key, int64_t least, int64_t most, bool fraction)
{
	find_error(compiler->findings, where, key, "must be %s from %lld to %lld",
			   fraction ? "a number" : "an integer", (long long) least, (long long) most);
}

bool
field_integer(Compiler *compiler, const Doc *source, const char *key, const Where *where,
			  int64_t least, int64_t most, int64_t *value)
{
	const Doc  *given = doc_get(source, key);
	int64_t		number;

	if (given == NULL)
		return false;
	if (!doc_to_int64(given, &number) || number < least || number > most)
	{
		complain_number(compiler, where, key, least, most, false);
		return false;
	}
	*value = number;
	return true;
}

void
field_number(Compiler *compiler, const Doc *source, const char *key, const Where *where,
			 int64_t least, int64_t most, bool fraction, NumberField *field)
{
	const Doc  *literal = doc_get(source, key);
	char		path_key[64];

	snprintf(path_key, sizeof(path_key), "%sPath", key);
	field->path = field_plain_path(compiler, source, path_key, where);
	if (literal == NULL)
		return;
	if (doc_get(source, path_key) != NULL)
		find_error(compiler->findings, where, key, "only one of %s and %s can be given", key, path_key);
	if (literal->kind != DOC_NUMBER || (!fraction && !doc_is_integer(literal)) ||
		doc_compare_numbers(literal, doc_int(least)) < 0 || doc_compare_numbers(literal, doc_int(most)) > 0)
		complain_number(compiler, where, key, least, most, fraction);
	else
		field->literal = literal;
}

void
field_text_or_path(Compiler *compiler, const Doc *source, const char *key, const Where *where, TextField *field)
{
	char		path_key[64];
	const Doc  *expression;
	Problem		problem = {{0}, {0}};

	snprintf(path_key, sizeof(path_key), "%sPath", key);
	expression = doc_get(source, path_key);
	field->literal = field_text(compiler, source, key, where);
	if (expression == NULL)
		return;
	if (doc_get(source, key) != NULL)
		find_error(compiler->findings, where, key, "only one of %s and %s can be given", key, path_key);
	field->dynamic = true;
	if (expression->kind != DOC_STRING)
		find_error(compiler->findings, where, path_key, "must be a path or a call of an intrinsic function");
	else if (!expression_parse(expression->text, expression->length, &field->expression, &problem))
		find_error(compiler->findings, where, path_key, "%s (%s)", problem.message, problem.where);
}

void
field_next(Compiler *compiler, AslState *state, const Where *where)
{
	const Doc  *end = doc_get(state->source, "End");

	state->next_name = field_text(compiler, state->source, "Next", where);
	state->end = field_bool(compiler, state->source, "End", where);
	if (doc_get(state->source, "Next") != NULL && end != NULL)
		find_error(compiler->findings, where, NULL, "only one of Next and End can be given");
	else if (end != NULL && end->kind == DOC_BOOL && !end->boolean)
		find_error(compiler->findings, where, "End", "must be true where it is given");
	else if (doc_get(state->source, "Next") == NULL && end == NULL)
		find_error(compiler->findings, where, NULL, "needs Next or \"End\": true");
}

/* JSONata's fields are known to many people: say what is wrong with them. */
static bool
is_jsonata_field(const char *key)
{
	return strcmp(key, "Arguments") == 0 || strcmp(key, "Output") == 0 || strcmp(key, "Condition") == 0 ||
		strcmp(key, "Items") == 0;
}

void
fields_known(Compiler *compiler, const Doc *source, const Where *where,
			 const char *const *known, const char *of_what)
{
	for (uint32_t i = 0; i < source->length; i++)
	{
		const char *const *name = known;

		while (*name != NULL && strcmp(*name, source->members[i].key) != 0)
			name++;
		if (*name != NULL && strlen(*name) == source->members[i].key_length)
			continue;
		if (is_jsonata_field(source->members[i].key))
			find_error(compiler->findings, where, source->members[i].key,
					   "belongs to the JSONata dialect, which is not supported; this is the JSONPath dialect");
		else
			find_error(compiler->findings, where, source->members[i].key, "unknown field of %s", of_what);
	}
}
