/*
 * replace_store.h
 *		Slots that may want another attempt. Needs an open store.
 */
#ifndef DALP_CHAIN_REPLACE_STORE_H
#define DALP_CHAIN_REPLACE_STORE_H

#include "chain/broadcaster.h"

typedef struct OpenOffer
{
	int64		request_id;		/* 0: none */
	int			wallet_id;
	uint64		nonce;
	bool		lowest;			/* of the wallet's nonces that no block has taken */
	bool		cancel;			/* its request is to be cancelled, and no attempt does so yet */
	bool		faster;			/* somebody asked for a higher fee */
	bool		underpriced;	/* the last answer asked for more */
	const char *kind;			/* of its latest attempt */
	int			attempts;
	int64		since;			/* block from which progress is counted; -1: never accepted */
	uint64		gas;
	int			priority;
	Fees		fees;			/* of the latest attempt */
	bool		has_limit;
	U256		limit;			/* of the request */
} OpenOffer;

/* Slots that were sent, wait for no attempt already, and might want one. */
extern OpenOffer *replace_store_offers(int chain_id, int bump_blocks, int64 head, const U256 *next_base, int *count);

/* The wish for a higher fee is dealt with: granted, or there is no room under the limit. */
extern void replace_store_sped_up(int64 request_id, bool granted);

/* Asks the signer, by slot.wanted. */
extern void replace_store_want(int chain_id, int wallet_id, uint64 nonce, const Doc *wanted);

#endif							/* DALP_CHAIN_REPLACE_STORE_H */
