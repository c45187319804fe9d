/*
 * outside.h
 *		Requests of workflows to the outside, in the broadcaster: http:request
 *		and chain:call.
 *
 * outside.c has the work in hand and says when something is to be done;
 * outside_http.c and outside_chain.c do it; outside_store.c has the table.
 * The table is dalp_ops.outside_call: ops/ may not use chain/, and the process
 * with the network is here.
 */
#ifndef DALP_CHAIN_OUTSIDE_H
#define DALP_CHAIN_OUTSIDE_H

#include "postgres.h"

#include "chain/chain.h"
#include "core/document.h"
#include "datatype/timestamp.h"
#include "lib/ilist.h"
#include "nodes/pg_list.h"

typedef enum OutsideState
{
	OUTSIDE_READ,				/* its commit isn't known to be safe yet */
	OUTSIDE_WAITING,			/* for an endpoint of its chain */
	OUTSIDE_UNDER_WAY,
	OUTSIDE_DONE				/* its end is to be written down */
} OutsideState;

/* One row of the table, in a memory context of its own. */
typedef struct OutsideWork
{
	dlist_node	node;
	MemoryContext context;
	OutsideState state;
	int64		call_id;
	bool		http;
	const char *target;
	int64		run_id;
	int			branch_id;
	int			token_seq;		/* as in OutsideCall */
	const Doc  *request;
	const char *key;
	const char *traceparent;	/* or NULL */
	TimestampTz expires_at;		/* DT_NOEND = never */
	TimestampTz give_up_at;		/* when its time limit is over */
	bool		chain_sought;	/* its chain was unknown, and has been looked for again */

	/* OUTSIDE_DONE */
	const Doc  *result;			/* unless error */
	const char *error;
	const char *cause;
} OutsideWork;

/* ---- outside.c ---- */

/*
 * One round: writes down what has ended, reads what is new, starts it.
 * Outside of transactions.  Returns in how many milliseconds to call again;
 * completions need no call before the next turn.
 */
extern long outside_turn(void);

/* There may be new rows. */
extern void outside_has_news(void);

/* The end of it; texts and documents are copied or in work->context already. */
extern void outside_succeed(OutsideWork *work, const Doc *result);
extern void outside_fail(OutsideWork *work, const char *error, const char *cause);

/* ---- outside_http.c ---- */

extern void outside_http_start(OutsideWork *work);

/* ---- outside_chain.c ---- */

/* Asks endpoints for all that waits, or gives up on it; lowers *due to when it pays to ask again. */
extern void outside_chain_start(dlist_head *works, TimestampTz now, TimestampTz *due);

/* ---- outside_store.c: each needs an open store ---- */

/* In the step's transaction: the row, and its id. */
extern int64 outside_store_add(const OutsideCall *call, Jsonb *request);
/* In the transaction that ends the wait. */
extern void outside_store_forget(int64 call_id);

/* What the look leaves out: what is in hand. */
typedef struct OutsideHeld
{
	int			count;
	int64	   *ids;
	const char **targets;		/* of each id */
} OutsideHeld;

/*
 * Reads at most `room` new rows, and of each target at most so many that the
 * per-target limit holds.  Targets take turns.  Returns OutsideWork, each in a
 * context below `parent`.
 */
extern List *outside_store_read(const OutsideHeld *held, int room, MemoryContext parent);

/*
 * Deletes the rows of ended calls; ended[i] tells whether row i was still
 * there, so that its run is to be told, busy[i] that somebody is just about to
 * abandon it: ask again.
 */
extern void outside_store_end(const int64 *ids, int count, bool *ended, bool *busy);

#endif							/* DALP_CHAIN_OUTSIDE_H */
