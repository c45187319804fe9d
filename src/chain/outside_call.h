/*
 * outside_call.h
 *		What the state chain:call asks for.
 *
 * Documents in, documents out.
 */
#ifndef DALP_CHAIN_OUTSIDE_CALL_H
#define DALP_CHAIN_OUTSIDE_CALL_H

#include "core/document.h"

/*
 * From a state's effective input:
 *   {"chain", "to", "function", "args", "abi", "block", "from"}, or "data" instead
 *   of function and args
 * to what the broadcaster needs:
 *   {"chain", "to", "data", "block", "from", "function", "abi"}
 * where data is hex, and function and abi are there if the answer is decoded by
 * them.  NULL and a problem where it is no call.
 */
extern const Doc *outside_call_parse(const Doc *parameters, Problem *problem);

#endif							/* DALP_CHAIN_OUTSIDE_CALL_H */
