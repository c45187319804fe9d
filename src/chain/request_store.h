/*
 * request_store.h
 *		The table request of dalp_chain and its journal, as callers of SQL
 *		functions change them.  Needs an open store.
 */
#ifndef DALP_CHAIN_REQUEST_STORE_H
#define DALP_CHAIN_REQUEST_STORE_H

#include "postgres.h"

#include "chain/request.h"

/* A new id, with the number of this cell in its upper bits. */
extern int64 request_store_new_id(void);

/* Inserts requests that have ids; sets created where no other had the key first. */
extern void request_store_insert(Request *requests, int count);

typedef struct RequestFirst
{
	int64		id;
	uint8		fingerprint[32];
	TimestampTz submitted_at;
} RequestFirst;

/* The request that first used a key; false if there is none. */
extern bool request_store_find_key(int chain_id, int wallet_id, const char *key, RequestFirst *first);

/* What a caller may wait for, cancel or see. In the memory context that is given. */
typedef struct RequestRow
{
	int64		id;
	char	   *state;
	bool		final;			/* COMPLETED, FAILED, DEAD_LETTER or CANCELLED */
	char	   *nonce;			/* decimal, or NULL: not bound */
	char	   *slot_state;		/* NULL: not bound */
	bytea	   *hash;			/* of what was included, or else of the last attempt; or NULL */
	bool		has_block;
	int64		block;
	Jsonb	   *result;			/* decoded receipt, or NULL */
	char	   *error;
	char	   *cause;
	char	   *cancel_reason;
	Oid			submitted_by;
	char	   *wallet;
	char	   *chain;
	bool		own_transaction;	/* made or changed by the transaction that asks, which hides it from the workers */
	int64		run_id;			/* 0 = none waits */
	int			branch_id;
	int			reader_count;
	Oid		   *readers;		/* who submitted it, the wallet's creator, and whom it was granted to */
} RequestRow;

/* Reads with the active snapshot. */
extern bool request_store_find(int64 id, RequestRow *row, MemoryContext context);

/* Locks the row first; sees its newest version. */
extern bool request_store_lock(int64 id, RequestRow *row, MemoryContext context);

/* Remembers that a cancellation was asked for. */
extern void request_store_ask_cancel(int64 id, const char *reason);

/* What a bound request offers now, and what bounds it. */
typedef struct RequestOffer
{
	bool		bound;			/* it has a nonce, so an attempt */
	U256		max_fee;		/* of its latest attempt; wei per gas */
	bool		has_own_limit;
	U256		own_limit;
	bool		has_chain_limit;
	U256		chain_limit;
	bool		without_fees;	/* the chain has none */
} RequestOffer;

extern void request_store_offer(int64 id, RequestOffer *offer);

/* Remembers that a higher fee is wanted (where bound) and the new limit (NULL: as it was); a journal row tells. */
extern void request_store_speed_up(int64 id, bool bound, const U256 *max_fee);

/* A request that the run submitted and whose outcome on the chain isn't known yet; 0 = none. */
extern int64 request_store_unsettled_of_run(int64 run_id);
/* The request of a run with that whole key, where it has completed (else 0), and its receipt. */
extern int64 request_store_completed(const char *key, Jsonb **result);

/* Requests that a branch of a run waits for: locks them. Ids in the order of locking. */
extern int	request_store_lock_run(int64 run_id, int branch_id, int64 **ids);

/* The run waits for the request from now on. */
extern void request_store_attach_run(int64 id, int64 run_id, int branch_id);

/* The run doesn't wait for these any more; a journal row tells. */
extern void request_store_forget_run(const int64 *ids, int count, TimestampTz now);

/* A request as it was submitted, for another try. Locks it. False if there is none. */
typedef struct RequestCopy
{
	Request		request;
	bool		dead;
	bool		settled;		/* its nonce was never bound, or is consumed at finality */
	char	   *state;
} RequestCopy;

extern bool request_store_copy(int64 id, RequestCopy *copy);

#endif							/* DALP_CHAIN_REQUEST_STORE_H */
