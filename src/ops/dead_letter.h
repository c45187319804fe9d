/*
 * dead_letter.h
 *		The dead letter queue: what could not succeed, kept for repair.
 */
#ifndef DALP_DEAD_LETTER_H
#define DALP_DEAD_LETTER_H

#include "postgres.h"

#include "datatype/timestamp.h"
#include "utils/jsonb.h"

typedef struct DeadLetter
{
	const char *kind;			/* "run", "transaction" */
	int64		reference;		/* id of the run or transaction */
	const char *scope;			/* workflow's name, or "wallet@chain" */
	const char *state;			/* of the workflow; NULL for others */
	const char *error;
	const char *cause;
	int			attempts;
	TimestampTz first_failure;
	TimestampTz last_failure;
	Jsonb	   *input;
} DeadLetter;

/* Adds a row; an open store is needed. Returns its id. */
extern int64 dead_letter_add(const DeadLetter *letter);

/* Marks the open letter of that reference, if there is one, as settled in another way (a cancelled run). */
extern void dead_letter_resolve(const char *kind, int64 reference, const char *resolution,
								Oid actor, const char *note);

/*
 * How a domain redrives its letters: called by dalp.redrive with the letter's
 * reference and the edited input or NULL, store open, letter locked. Returns
 * the id that goes on. Raises DL003 where it can't be redriven now.
 */
typedef int64 (*DeadLetterRedrive) (int64 reference, Jsonb *patch, Oid actor);
extern void dead_letter_define(const char *kind, DeadLetterRedrive redrive);

/* Error, place and message without digits and quoted parts, for grouping: palloc'd. */
extern char *dead_letter_fingerprint(const char *scope, const char *state,
									 const char *error, const char *cause);

#endif							/* DALP_DEAD_LETTER_H */
