/*
 * ending.h
 *		How requests end, whatever ended them.
 *
 * Needs an open store, in the transaction that records why.  Writes the final
 * state and its journal row, tells the run that waits or adds a dead letter,
 * and wakes whoever waits for a transaction.
 */
#ifndef DALP_CHAIN_ENDING_H
#define DALP_CHAIN_ENDING_H

#include "postgres.h"

#include "chain/transition.h"
#include "core/document.h"

typedef struct Ending
{
	int64		request_id;
	RequestState state;			/* a final one */
	const char *error;			/* "Chain.Reverted", … or NULL */
	const char *cause;
	const char *hash;			/* transaction that the chain included, or NULL */
	int64		block;
	const Doc  *result;			/* decoded receipt, or NULL */
	const Doc  *details;		/* of the journal row, or NULL */
	bool		unsettled;		/* its nonce isn't consumed yet: the run that waits is told later */
} Ending;

/*
 * Ends the requests whose state allows it (transition.h); others are left as
 * they are.
 */
extern void endings_write(const Ending *endings, int count);

/* FAILED where a run waits (its own Catch or dead letter has it), DEAD_LETTER otherwise. */
extern RequestState ending_refused(bool has_run);

/* The nonce of these dead requests is consumed at finality by a no-op: tells runs that wait. */
extern void endings_settle(const int64 *requests, int count);

#endif							/* DALP_CHAIN_ENDING_H */
