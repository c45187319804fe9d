/*
 * limits.h
 *		What callers hand over is bounded by settings.
 */
#ifndef DALP_LIMITS_H
#define DALP_LIMITS_H

#include "postgres.h"

#include "utils/jsonb.h"

/* dalp.max_payload: inputs, outputs, payloads; NULL is none. Errors: DL007, naming what. */
extern void limit_payload(const char *what, Jsonb *document);

/* dalp.max_note: what people write about a thing (comment, reason, note, tags); NULL is none. Errors: DL007. */
extern void limit_note(const char *what, const char *text);
extern void limit_tags(const char *what, Jsonb *document);

/* dalp.max_definition. Errors: DL007. */
extern void limit_definition(Jsonb *document);

#endif							/* DALP_LIMITS_H */
