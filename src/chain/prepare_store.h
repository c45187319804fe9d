/*
 * prepare_store.h
 *		Queued requests that may be prepared. Needs an open store.
 */
#ifndef DALP_CHAIN_PREPARE_STORE_H
#define DALP_CHAIN_PREPARE_STORE_H

#include "utils/jsonb.h"

#include "chain/broadcaster.h"

typedef struct Candidate
{
	int			wallet_id;
	char	   *from;
	bool		no_funds;		/* its lane is paused for want of funds */
	uint64		next_nonce;		/* of the lane, behind those on their way to the signer */
	U256		reserved;		/* wei that open transactions of the lane may still cost */
	int64		request_id;
	char	   *to;				/* NULL: deployment */
	U256		value;
	char	   *data;			/* hex, without prefix */
	int			priority;
	bool		has_gas;
	uint64		gas_limit;		/* given by the caller */
	bool		has_limit;
	U256		limit;			/* of the fee per gas */
	bool		expired;
	bool		has_run;
	Jsonb	   *abi;
} Candidate;

/* Requests next in line, up to the room in each wallet's window; without those in `held`. */
extern Candidate *prepare_store_candidates(int chain_id, bool with_no_funds, const int64 *held, int held_count,
										   int lane_limit, int limit, MemoryContext keep, int *count);

/* Queued requests whose time is over. */
extern int64 *prepare_store_expired(int chain_id, int limit, int *count);

typedef struct Prepared
{
	int64		request_id;
	uint64		gas;
	Fees		fees;
} Prepared;

/* To the signer: states PREPARING and SIGNING in one go. Requests that changed meanwhile are left. */
extern void prepare_store_signing(const Prepared *prepared, int count);

/* Leaves the nonces below this one, which others have used, to them: foreign slots. */
extern void prepare_store_skip_nonces(int chain_id, int wallet_id, uint64 next_nonce);

#endif							/* DALP_CHAIN_PREPARE_STORE_H */
