/*
 * call.h
 *		Read-only calls of contracts: what dalp.call and the state chain:call share.
 *
 * Pure: documents in, documents out.
 */
#ifndef DALP_CHAIN_CALL_H
#define DALP_CHAIN_CALL_H

#include "evm/abi.h"

/* latest, safe, finalized, pending, earliest, or a number in decimal or hex, as eth_call takes it; NULL if it is none. */
extern const char *call_block(const char *text);

/*
 * What the node's result ("0x…") is by the outputs of the item: an array of
 * values; the hex text where the outputs are unknown or item is NULL.  NULL
 * and a problem where it isn't what they say.
 */
extern const Doc *call_decode(const AbiItem *item, const Doc *result, Problem *problem);

/* What a node's error data says of a revert, decoded by the ABI (NULL: none); NULL where it says nothing. */
extern const char *call_revert_reason(const Doc *data, const AbiContract *contract);

#endif							/* DALP_CHAIN_CALL_H */
