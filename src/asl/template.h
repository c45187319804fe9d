/*
 * template.h
 *		Expressions (a path or a function call) and payload templates.
 *
 * A payload template is JSON in which a key that ends in ".$" has an
 * expression as its value and yields its result under the key without ".$".
 * Everything else is literal, and parts without expressions are passed on
 * without being copied.
 */
#ifndef DALP_ASL_TEMPLATE_H
#define DALP_ASL_TEMPLATE_H

#include "asl/findings.h"
#include "asl/intrinsics.h"
#include "asl/path.h"

typedef struct Expression
{
	const Path *path;			/* or */
	const Call *call;
} Expression;

typedef struct Template Template;

/* Text to an expression; false and a problem if it is neither path nor call. */
extern bool expression_parse(const char *text, size_t length, Expression *expression, Problem *problem);
extern const Doc *expression_evaluate(const Expression *expression, AslScope *scope);

/* Compiles a template; what is wrong in it goes to the findings. NULL if it isn't usable. */
extern const Template *template_compile(const Doc *source, const Where *where, AslFindings *findings);

/* The template's value, within the scope's limit of size; NULL and a failure in the scope. */
extern const Doc *template_evaluate(const Template *template, AslScope *scope, const char *what);

/* Names and values of an Assign as an object: new values over the old variables. */
extern const Doc *template_assign(const Template *template, AslScope *scope);

#endif							/* DALP_ASL_TEMPLATE_H */
