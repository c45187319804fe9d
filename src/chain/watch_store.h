/*
 * watch_store.h
 *		Blocks, lanes and open slots as following a chain reads and changes them.
 *
 * Needs an open store.
 */
#ifndef DALP_CHAIN_WATCH_STORE_H
#define DALP_CHAIN_WATCH_STORE_H

#include "postgres.h"

#include "utils/jsonb.h"

#include "chain/broadcaster.h"

/* A wallet on a chain whose transaction count matters now. */
typedef struct WatchLane
{
	int			wallet_id;
	char	   *address;
	bool		is_new;			/* its count isn't known yet */
	bool		has_open;
	uint64		next_nonce;
	bool		has_latest;
	bool		has_pending;
	uint64		latest;			/* eth_getTransactionCount */
	uint64		pending;
} WatchLane;

/* An attempt whose receipt is asked for. */
typedef struct OpenAttempt
{
	int			wallet_id;
	uint64		nonce;
	bool		mined;			/* of the slot: a receipt was seen before */
	bool		due;			/* of the slot: its block is final by number */
	bool		waiting;		/* of the request: BROADCASTING or CONFIRMING */
	int64		request_id;		/* 0: none */
	char	   *kind;			/* of the attempt */
	char		hash[HASH_TEXT_SIZE];
	char		mined_block_hash[HASH_TEXT_SIZE];	/* "" unless mined */

	/* Where due. */
	bool		reverted;		/* by the receipt seen before */
	char	   *from;
	char	   *to;				/* NULL: deployment */
	U256		value;
	char	   *data;			/* hex, without prefix */
	uint64		gas_limit;
	int64		mined_block;
	Jsonb	   *abi;
	char	   *cancel_reason;
} OpenAttempt;

extern WatchLane *watch_store_lanes(int chain_id, MemoryContext keep, int *count);

/* The new head; forgets blocks that it replaces, and old ones. */
extern void watch_store_block(int chain_id, int64 number, const char *hash, const char *parent,
							  const U256 *base_fee);
extern bool watch_store_knows_block(int chain_id, int64 number, const char *hash);

/* Lanes that are new get their first nonce. */
extern void watch_store_activate(int chain_id, const WatchLane *lanes, int count);

/*
 * Attempts of slots that the chain may have consumed (nonce below the lane's
 * count), of mined ones up to the final block, and with `reread` of all mined
 * ones; by wallet and nonce, from the slot behind `after` (NULL: from the start).
 */
extern OpenAttempt *watch_store_attempts(int chain_id, const WatchLane *lanes, int lane_count,
										 bool reread, int64 final_block,
										 const OpenAttempt *after, int limit,
										 MemoryContext keep, int *count);

/* What receipts have shown of a slot. */
typedef struct SlotMined
{
	int			wallet_id;
	uint64		nonce;
	int64		request_id;
	const char *hash;
	int64		block;
	const char *block_hash;
	int			status;
	uint64		gas_used;
	const U256 *gas_price;		/* NULL: not told */
	const char *contract;		/* NULL: none */
	const char *body;			/* the receipt, JSON */
} SlotMined;

typedef struct SlotKey
{
	int			wallet_id;
	uint64		nonce;
	int64		request_id;
	const char *hash;
	const char *block_hash;
} SlotKey;

extern void watch_store_mined(int chain_id, const SlotMined *slots, int count);
extern void watch_store_lost(int chain_id, const SlotKey *slots, int count);
extern void watch_store_final(int chain_id, const SlotKey *slots, int count);
/* Consumed by a hash that isn't ours: their requests are queued again. */
extern void watch_store_foreign(int chain_id, const SlotKey *slots, int count);

/* The windows of these wallets grow by a step, up to the chain's. */
extern void watch_store_grow_windows(int chain_id, const SlotMined *slots, int count);

#endif							/* DALP_CHAIN_WATCH_STORE_H */
