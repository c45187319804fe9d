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

extern bool chain_is_known(const char *name);
extern bool chain_store_find(const char *name, ChainRow *row);

/* The same, or DL002. */
extern void chain_find(const char *name, ChainRow *row);

/* halt_reason NULL enables. False where it was so already. */
extern bool chain_store_set_state(int chain_id, const char *halt_reason);

/* The endpoint's id, or 0 where the chain has that URL. max_batch, timeout_ms 0: the default. */
extern int	endpoint_store_add(int chain_id, const char *url, int priority, int max_batch, int timeout_ms, int weight);

#endif							/* DALP_CHAIN_STORE_H */
