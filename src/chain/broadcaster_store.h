/*
 * broadcaster_store.h
 *		What the broadcaster reads and writes of chains, endpoints and lanes.
 *
 * Each function needs an open store.
 */
#ifndef DALP_CHAIN_BROADCASTER_STORE_H
#define DALP_CHAIN_BROADCASTER_STORE_H

#include "postgres.h"

#include "chain/broadcaster.h"

/* Reads all chains and endpoints into the list of ChainWork, keeping what is known of them. */
extern List *broadcaster_store_look(List *chains, MemoryContext context);

/* The rules by which refusals are read, in order; allocated in the context. */
extern RpcRule *broadcaster_store_rules(MemoryContext context, int *count);

extern void broadcaster_store_genesis(int chain_id, const char *genesis);
extern void broadcaster_store_halt(int chain_id, const char *reason);

#endif							/* DALP_CHAIN_BROADCASTER_STORE_H */
