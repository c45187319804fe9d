/*
 * bind.h
 *		From prepared requests to signed bytes: nonces and signatures in one
 *		transaction a wallet.
 */
#ifndef DALP_CHAIN_BIND_H
#define DALP_CHAIN_BIND_H

#include "postgres.h"

#include "core/worker.h"
#include "custody/signer_keys.h"
#include "evm/transaction.h"

/* A wallet on a chain, locked. */
typedef struct BindLane
{
	int			chain_id;
	int			wallet_id;
	char	   *chain;
	char	   *wallet;
	U256		chain_number;
	uint64		next_nonce;
	bool		may_bind;		/* active, on an enabled chain */
	bool		may_replace;	/* further attempts of open nonces: also while paused */
	bool		disabled;
	SealedKey	key;
} BindLane;

/* One transaction to sign. */
typedef struct BindItem
{
	int64		request_id;		/* 0: a slot without a request */
	bool		has_run;
	bool		has_expires_at;
	TimestampTz expires_at;
	const char *kind;			/* of the attempt: user, bump, noop, cancel */
	int			number;			/* of the attempt within its slot */
	EvmTransaction tx;
	U256		max_fee;		/* as the attempt's columns hold them */
	U256		tip;
	ByteBuffer	raw;
	const char *refusal;		/* why it is not signed, or NULL */
} BindItem;

/* ---- bind.c: the signer's work between its letters ---- */

/* Binds and signs what is ready; milliseconds until it pays to look again. */
extern long bind_turn(void);

/* ---- bind_sign.c ---- */

/* Strict checks before signing (chain.md): fills item->refusal where one fails. */
extern void bind_check(const BindLane *lane, BindItem *item);

/*
 * Signs those without a refusal, decodes what came out and recovers the sender
 * to check each.  False where the key can't be used: *tampered as in
 * signer_keys_sign.
 */
extern bool bind_sign(const BindLane *lane, BindItem *items, int count, bool *tampered, KeyProblem *problem);

#endif							/* DALP_CHAIN_BIND_H */
