/*
 * replace.h
 *		Which open nonces want another attempt: a higher fee, or a cancellation.
 */
#ifndef DALP_CHAIN_REPLACE_H
#define DALP_CHAIN_REPLACE_H

#include "chain/broadcaster.h"

/*
 * With a new head, or a wish of somebody: asks the signer for higher fees where the lowest open nonce
 * of a wallet makes no progress or an offer is below the base fee, and for
 * no-ops where a bound request is to be cancelled.  Needs an open store and a
 * market.
 */
extern void replace_consider(ChainWork *chain);

/* {"kind", "type", "gas", "max_fee", "tip"} of slot.wanted; without kind (NULL) of request.prepared. */
extern const Doc *replace_wanted(const char *kind, uint64 gas, const Fees *fees);

/* Gas of a transfer of nothing to oneself. */
#define REPLACE_NOOP_GAS 21000

#endif							/* DALP_CHAIN_REPLACE_H */
