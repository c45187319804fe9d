/*
 * bind_store.h
 *		What the signer reads and writes: lanes, prepared requests, slots,
 *		attempts.  Needs an open store.
 */
#ifndef DALP_CHAIN_BIND_STORE_H
#define DALP_CHAIN_BIND_STORE_H

#include "postgres.h"

#include "chain/bind.h"

typedef struct LaneId
{
	int			chain_id;
	int			wallet_id;
} LaneId;

/* Lanes in which something is to be signed, of the wallets that signer `number` of `signers` has; in the given context. */
extern int	bind_store_lanes(int signers, int number, LaneId **lanes, MemoryContext context);

/* Locks a lane and reads its newest state and its key; false if it or the key is gone. */
extern bool bind_store_lock(LaneId id, BindLane *lane);

/* Locks prepared requests, most urgent first. Nonces are not set. */
extern int	bind_store_requests(const BindLane *lane, int limit, BindItem **items);

/* Locks queued requests of disabled wallets, on all chains; only id and run are set. */
extern int	bind_store_disabled(int limit, BindItem **items);

/* Locks slots for which a further attempt is wanted, and says what it consists of. */
extern int	bind_store_wanted(const BindLane *lane, int limit, BindItem **items);

/*
 * Inserts slots and attempts of the items without refusal, takes their
 * requests to BROADCASTING, and moves the lane's next nonce behind them.
 */
extern void bind_store_bound(const BindLane *lane, const BindItem *items, int count,
							 uint64 next_nonce, TimestampTz now);

/* Inserts further attempts; clears what was wanted, of refused ones too. */
extern void bind_store_replaced(const BindLane *lane, const BindItem *items, int count, TimestampTz now);

#endif							/* DALP_CHAIN_BIND_STORE_H */
