/*
 * choice.h
 *		Rules of Choice states.
 */
#ifndef DALP_ASL_CHOICE_H
#define DALP_ASL_CHOICE_H

#include "asl/findings.h"
#include "asl/path.h"

typedef struct Rule Rule;

/*
 * Compiles the comparison or And/Or/Not of a rule; Next, Assign and Comment
 * are its caller's (they are allowed at the top only, `top`).  NULL and
 * findings if it isn't usable.
 */
extern const Rule *rule_compile(const Doc *source, const Where *where, bool top, AslFindings *findings);

/* Whether the rule matches; false also after a failure in the scope. */
extern bool rule_test(const Rule *rule, AslScope *scope);

/* Whether a text matches a pattern of StringMatches. */
extern bool string_matches(const char *text, size_t length, const char *pattern, size_t pattern_length);

#endif							/* DALP_ASL_CHOICE_H */
