/*
 * rpc_class.h
 *		What an endpoint's refusal means.
 *
 * Pure.  The rules are rows of dalp_chain.rpc_error_rule, in order; the first
 * that fits decides.  Texts come before codes, because codes collide between
 * clients; what no rule knows is ambiguous and proves nothing.
 */
#ifndef DALP_CHAIN_RPC_CLASS_H
#define DALP_CHAIN_RPC_CLASS_H

#include "core/base.h"

typedef enum RpcClass
{
	RPC_CLASS_ACCEPTED,			/* the answer is our own hash */
	RPC_CLASS_KNOWN,			/* these very bytes are there already */
	RPC_CLASS_NONCE_LOW,		/* that node has seen the nonce used: by whom, receipts tell */
	RPC_CLASS_NONCE_HIGH,		/* that node misses lower nonces */
	RPC_CLASS_REPLACEMENT_UNDERPRICED,	/* something else holds the nonce in its pool */
	RPC_CLASS_UNDERPRICED,
	RPC_CLASS_BELOW_BASE,
	RPC_CLASS_POOL_FULL,
	RPC_CLASS_FUNDS,
	RPC_CLASS_NODE_CAP,			/* the node's own limit of fees */
	RPC_CLASS_PERMANENT,		/* these bytes can never be valid there */
	RPC_CLASS_CONFIG,			/* wrong chain, sender not allowed */
	RPC_CLASS_SYNCING,
	RPC_CLASS_RATE,
	RPC_CLASS_REVERTED,			/* of a simulation or a read-only call */
	RPC_CLASS_AMBIGUOUS
} RpcClass;

typedef struct RpcRule
{
	const char *client;			/* start of the lower-cased client version, NULL: any */
	bool		has_code;
	int64_t		code;
	const char *pattern;		/* lower case; "": by code alone */
	RpcClass	class;
} RpcRule;

/* client: lower-cased web3_clientVersion, "" if unknown. Never ACCEPTED. */
extern RpcClass rpc_classify(const RpcRule *rules, int rule_count, const char *client,
							 int64_t code, const char *message);

extern const char *rpc_class_name(RpcClass class);

/* False for a word that is no class. */
extern bool rpc_class_parse(const char *name, RpcClass *class);

/* The answer says something of the endpoint and nothing of the transaction. */
static inline bool
rpc_class_endpoint(RpcClass class)
{
	return class == RPC_CLASS_SYNCING || class == RPC_CLASS_RATE;
}

#endif							/* DALP_CHAIN_RPC_CLASS_H */
