/*
 * transaction_why.h
 *		What a transaction waits for, and what would move it.
 *
 * transaction_why_store.c gathers the facts, transaction_why.c says in words
 * what they mean; nothing is written.
 */
#ifndef DALP_CHAIN_TRANSACTION_WHY_H
#define DALP_CHAIN_TRANSACTION_WHY_H

#include "postgres.h"

#include "datatype/timestamp.h"

/* Times of 0 are unknown, numbers of -1 too, texts may be NULL where a comment says nothing else. */
typedef struct TransactionFacts
{
	int64		id;
	char	   *state;			/* of the request; never NULL */
	TimestampTz changed_at;
	char	   *error;
	char	   *cause;
	char	   *cancel_reason;
	TimestampTz expires_at;
	int64		dead_letter;	/* the open one; 0 = none */

	char	   *wallet;			/* never NULL */
	char	   *lane_state;		/* NULL: no lane yet */
	char	   *pause_kind;
	char	   *pause_reason;
	int			window;			/* nonces that may be open */
	int			open;			/* and that are */
	int			ahead;			/* queued requests of the wallet before this one; at most WHY_COUNTED + 1 */

	char	   *chain;			/* never NULL */
	char	   *halt_reason;	/* NULL: enabled */
	char	   *finality;		/* never NULL */
	int64		head;
	char	   *base_fee;		/* of the head */
	int			endpoints;		/* enabled ones */
	int			endpoints_working;
	TimestampTz endpoint_retry_at;
	char	   *endpoint_error;

	char	   *slot_state;		/* NULL: not bound */
	char	   *nonce;
	char	   *lowest_nonce;	/* of the wallet's that no block has taken */
	int64		lowest_request; /* 0 = none, or of nobody */
	int64		mined_block;

	char	   *max_fee;		/* of the latest attempt */
	bool		below_base;		/* and that is less than the head's base fee */
	char	   *send_class;
	char	   *send_answer;
	int			send_count;

	bool		broadcaster;	/* runs */
	bool		signer;			/* runs */
} TransactionFacts;

/* Queued requests counted at most. */
#define WHY_COUNTED 1000

typedef struct TransactionWhy
{
	const char *kind;			/* ended, approval, chain, wallet, endpoint, worker, queue, prepare, window, sign, send, nonce, fee, block, finality */
	const char *waits_for;
	const char *name;			/* of what it waits for; or NULL */
	int64		reference;		/* another transaction; 0 = none */
	TimestampTz since;			/* 0 = unknown */
	TimestampTz until;			/* when it is tried again, or expires; 0 = unknown */
	const char *what_next;
} TransactionWhy;

/* Reads them; false: there is no such request. Needs an open store. */
extern bool transaction_why_facts(int64 id, TransactionFacts *facts);

/* The one thing that it waits for now, palloc'd. */
extern void transaction_why_explain(const TransactionFacts *facts, TransactionWhy *why);

#endif							/* DALP_CHAIN_TRANSACTION_WHY_H */
