/*
 * template.c
 *		Compiles payload templates to trees and evaluates them.
 */
#include "asl/template.h"

#include "core/document_index.h"

typedef enum TemplateKind
{
	TEMPLATE_LITERAL, TEMPLATE_EXPRESSION, TEMPLATE_OBJECT, TEMPLATE_ARRAY
} TemplateKind;

struct Template
{
	TemplateKind kind;
	const Doc  *literal;
	Expression	expression;
	const char *field;			/* TEMPLATE_EXPRESSION: its key, with ".$" */
	uint32_t	count;			/* of parts */
	const Template **parts;
	DocMember  *members;		/* TEMPLATE_OBJECT: its keys without ".$", no values */
};

bool
expression_parse(const char *text, size_t length, Expression *expression, Problem *problem)
{
	expression->path = NULL;
	expression->call = NULL;
	if (length > 0 && text[0] == '$')
		expression->path = path_parse(text, length, problem);
	else if (length >= 7 && memcmp(text, "States.", 7) == 0)
		expression->call = call_parse(text, length, problem);
	else
		return problem_set(problem, "character 1", "neither a path nor a call of an intrinsic function");
	return expression->path != NULL || expression->call != NULL;
}

const Doc *
expression_evaluate(const Expression *expression, AslScope *scope)
{
	if (expression->path != NULL)
		return path_evaluate(expression->path, scope);
	return call_evaluate(expression->call, scope);
}

/* Whether anything in it is an expression. */
static bool
is_dynamic(const Template *template)
{
	return template != NULL && template->kind != TEMPLATE_LITERAL;
}

static Template *
template_new(TemplateKind kind, const Doc *source)
{
	Template   *template = mem_alloc_zero(sizeof(Template));

	template->kind = kind;
	template->literal = source;
	if (kind == TEMPLATE_ARRAY || kind == TEMPLATE_OBJECT)
	{
		template->count = source->length;
		template->parts = mem_alloc_zero(source->length * sizeof(Template *));
		if (kind == TEMPLATE_OBJECT)
			template->members = mem_alloc_zero(source->length * sizeof(DocMember));
	}
	return template;
}

static const Template *
compile_expression(const char *key, const Doc *value, const Where *where, AslFindings *findings)
{
	Template   *template = template_new(TEMPLATE_EXPRESSION, value);
	Problem		problem = {{0}, {0}};

	template->field = key;
	if (value->kind != DOC_STRING)
		find_error(findings, where, key, "must be text: a path or a call of an intrinsic function");
	else if (!expression_parse(value->text, value->length, &template->expression, &problem))
		find_error(findings, where, key, "%s (%s)", problem.message, problem.where);
	else
		return template;
	return NULL;
}

static const Template *
compile(const Doc *source, const Where *where, AslFindings *findings)
{
	Template   *template;
	bool		dynamic = false;

	base_check_interrupts();
	base_check_stack();
	if ((source->kind != DOC_ARRAY && source->kind != DOC_OBJECT) || source->length == 0)
		return template_new(TEMPLATE_LITERAL, source);
	template = template_new(source->kind == DOC_ARRAY ? TEMPLATE_ARRAY : TEMPLATE_OBJECT, source);
	for (uint32_t i = 0; i < source->length; i++)
	{
		Where		here = {where, NULL, i};
		const DocMember *member;

		if (source->kind == DOC_ARRAY)
		{
			template->parts[i] = compile(source->items[i], &here, findings);
			dynamic = dynamic || is_dynamic(template->parts[i]);
			continue;
		}
		member = &source->members[i];
		here.key = member->key;
		template->members[i] = *member;
		if (member->key_length >= 2 && memcmp(member->key + member->key_length - 2, ".$", 2) == 0)
		{
			template->members[i].key_length -= 2;
			template->members[i].key = doc_string(member->key, member->key_length - 2)->text;
			if (doc_get_n(source, member->key, member->key_length - 2) != NULL)
				find_error(findings, where, member->key, "the same key is also given without \".$\"");
			template->parts[i] = compile_expression(member->key, member->value, where, findings);
			dynamic = true;
		}
		else
		{
			template->parts[i] = compile(member->value, &here, findings);
			dynamic = dynamic || is_dynamic(template->parts[i]);
		}
	}
	if (!dynamic)
		template->kind = TEMPLATE_LITERAL;
	return template;
}

const Template *
template_compile(const Doc *source, const Where *where, AslFindings *findings)
{
	return compile(source, where, findings);
}

static const Doc *
evaluate(const Template *template, AslScope *scope)
{
	Doc		   *result;
	DocMember	few[DOC_INDEX_MIN];
	DocMember  *members;

	switch (template->kind)
	{
		case TEMPLATE_LITERAL:
			return template->literal;
		case TEMPLATE_EXPRESSION:
			scope->field = template->field;
			return expression_evaluate(&template->expression, scope);
		case TEMPLATE_ARRAY:
			result = doc_array();
			for (uint32_t i = 0; i < template->count; i++)
			{
				const Doc  *item = evaluate(template->parts[i], scope);

				if (item == NULL)
					return NULL;
				doc_array_add(result, item);
			}
			return result;
		case TEMPLATE_OBJECT:
			members = template->count <= lengthof(few) ? few : mem_alloc(template->count * sizeof(DocMember));
			for (uint32_t i = 0; i < template->count; i++)
			{
				members[i] = template->members[i];
				members[i].value = evaluate(template->parts[i], scope);
				if (members[i].value == NULL)
					return NULL;
			}
			/* Keys are shared with the template, which outlives the decision; the decision is stored as text. */
			result = doc_object();
			doc_index_build(result, members, template->count);
			return result;
	}
	return NULL;
}

const Doc *
template_evaluate(const Template *template, AslScope *scope, const char *what)
{
	const Doc  *value;

	if (template->kind == TEMPLATE_LITERAL)
		return template->literal;
	scope->payload = true;
	value = evaluate(template, scope);
	scope->payload = false;
	scope->field = NULL;
	return value == NULL ? NULL : scope_limit(scope, value, what);
}

const Doc *
template_assign(const Template *template, AslScope *scope)
{
	const Doc  *old = scope->position->variables;
	const Doc  *values = template_evaluate(template, scope, "what Assign gives");
	Doc		   *merged;

	if (values == NULL)
		return NULL;
	if (values->length == 0)
		return old == NULL ? values : old;
	if (old == NULL || old->length == 0)
		return values;
	merged = doc_copy_shallow(old);
	for (uint32_t i = 0; i < values->length; i++)
		doc_object_add_n(merged, values->members[i].key, values->members[i].key_length,
						 values->members[i].value);
	return scope_limit(scope, merged, "the sum of all variables");
}
