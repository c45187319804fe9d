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
 * reference and the edited input or NULL, store open, letter locked.  It goes
 * on after `delay` microseconds, where its kind can be delayed (else 0).
 * Returns the id that goes on. Raises DL003 where it can't be redriven now.
 */
typedef int64 (*DeadLetterRedrive) (int64 reference, Jsonb *patch, Oid actor, int64 delay);
extern void dead_letter_define(const char *kind, DeadLetterRedrive redrive, bool can_be_delayed);

/*
 * Redrives an open letter after `delay` microseconds: locked, settled and
 * audited.  Returns the id that goes on.  Errors: DL002, DL003, DL006 where a
 * delay is asked for that its kind can't have.
 */
extern int64 dead_letter_redrive(int64 id, Jsonb *patch, const char *note, Oid actor, int64 delay);

/* Error, place and message without digits and quoted parts, for grouping: palloc'd. */
extern char *dead_letter_fingerprint(const char *scope, const char *state,
									 const char *error, const char *cause);

#endif							/* DALP_DEAD_LETTER_H */
