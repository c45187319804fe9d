/*
 * chain_store.h
 *		The tables chain, endpoint and lane of dalp_chain, as SQL functions
 *		change them.  Needs an open store.
 */
#ifndef DALP_CHAIN_STORE_H
#define DALP_CHAIN_STORE_H

#include "postgres.h"

#include "evm/u256.h"

typedef struct NewChain
{
	const char *name;
	U256		number;
	const char *finality;
	const char *fee_mode;
	U256		min_tip;
	bool		has_max_fee;
	U256		max_fee;
	int			bump_blocks;
	int			nonce_window;
	const uint8 *genesis_hash;	/* 32 bytes, or NULL */
} NewChain;

typedef struct ChainRow
{
	int			id;
	char	   *number;			/* decimal */
	bool		halted;
} ChainRow;

/* False where name or number is taken. */
extern bool chain_store_add(const NewChain *chain);

extern bool chain_store_find(const char *name, ChainRow *row);

/* The same, or DL002. */
extern void chain_find(const char *name, ChainRow *row);

/* halt_reason NULL enables. False where it was so already. */
extern bool chain_store_set_state(int chain_id, const char *halt_reason);

/* The endpoint's id, or 0 where the chain has that URL. max_batch, timeout_ms 0: the default. */
extern int	endpoint_store_add(int chain_id, const char *url, int priority, int max_batch, int timeout_ms);

/* Makes the lane of a wallet on a chain unless it is there. */
extern void lane_store_ensure(int chain_id, int wallet_id);

/*
 * Makes the lanes that queued requests are the first to need.  Not done when
 * they are submitted, or a caller's open transaction would hold up all others
 * that use the wallet for the first time.
 */
extern void lane_store_ensure_waiting(void);

/* Locks the lane and returns its state, or NULL. */
extern char *lane_store_lock(int chain_id, int wallet_id);

/* Pauses (kind operator, key …) or resumes; a lane whose count isn't known is new again. */
extern void lane_store_pause(int chain_id, int wallet_id, const char *kind, const char *reason);
extern void lane_store_resume(int chain_id, int wallet_id);

#endif							/* DALP_CHAIN_STORE_H */
