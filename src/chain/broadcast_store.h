/*
 * broadcast_store.h
 *		Signed bytes that are to be handed to nodes, and what nodes said. Needs an open store.
 */
#ifndef DALP_CHAIN_BROADCAST_STORE_H
#define DALP_CHAIN_BROADCAST_STORE_H

#include "chain/broadcaster.h"

typedef struct Outgoing
{
	int64		attempt_id;
	int			wallet_id;
	uint64		nonce;
	int64		request_id;		/* 0: none */
	char		hash[HASH_TEXT_SIZE];
	char	   *raw;			/* "0x…" */
	bool		payload;		/* carries the request, not a no-op */
	bool		has_run;
	uint64		gas;
	Fees		fees;
} Outgoing;

/*
 * The latest attempt of each open slot that has never been sent, was last sent
 * before `before` (this process's start) or so long ago that it is due again;
 * by wallet and nonce.
 */
extern Outgoing *broadcast_store_due(int chain_id, TimestampTz before, int limit, MemoryContext keep, int *count);

typedef struct Sent
{
	const Outgoing *outgoing;
	RpcClass	class;
	const char *answer;			/* text of a refusal, or NULL */
} Sent;

/*
 * What became of the bytes: state sent and CONFIRMING where a node has them.
 * Answers in doubt leave the slot due.
 */
extern void broadcast_store_sent(int chain_id, int64 head, const Sent *sent, int count);

/* The bytes can never be valid: asks for a no-op on the same nonce. */
extern void broadcast_store_rejected(int chain_id, const Outgoing *outgoing, const Fees *fees);

/* A pool refuses for want of room. */
extern void broadcast_store_shrink_window(int chain_id, int wallet_id);

#endif							/* DALP_CHAIN_BROADCAST_STORE_H */
