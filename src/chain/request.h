/*
 * request.h
 *		A transaction request on its way into the queue.
 */
#ifndef DALP_CHAIN_REQUEST_H
#define DALP_CHAIN_REQUEST_H

#include "postgres.h"

#include "core/document.h"
#include "datatype/timestamp.h"
#include "evm/abi.h"
#include "evm/address.h"
#include "utils/jsonb.h"

/* Longest idempotency key; keys that begin like this are dalp's own. */
#define REQUEST_KEY_MAX 255
#define REQUEST_KEY_PREFIX "dalp:"

typedef struct Request
{
	/* as asked for */
	const char *wallet;
	const char *chain;
	bool		has_to;			/* false: deployment */
	uint8		to[ADDRESS_LENGTH];
	U256		value;
	Bytes		data;			/* calldata, or init code with constructor arguments */
	const Doc  *abi;			/* to decode reverts and events with, or NULL */
	int			priority;
	bool		has_gas_limit;
	uint64		gas_limit;
	bool		has_max_fee;
	U256		max_fee;
	bool		has_expires_at;
	TimestampTz expires_at;
	const char *key;			/* idempotency key, or NULL */
	const Doc  *options;		/* or NULL */

	/* on whose behalf */
	Oid			role;
	int64		run_id;			/* 0 = none waits */
	int			branch_id;
	int64		retry_of;		/* 0 = of none */

	/* found out by request_submit */
	int			chain_id;
	int			wallet_id;
	uint8		fingerprint[32];
	int64		id;
	bool		created;		/* false: the key's first request is meant */
} Request;

/* ---- request_parse.c ---- */

/*
 * From a document as dalp.submit_many and the state chain:transaction take it:
 *   {"wallet", "chain", "to", "value", "data" | "function", "args" |
 *    "bytecode", "constructor", "args", "abi", "gas_limit", "max_fee",
 *    "priority", "expires_at", "idempotency_key"}
 * Unknown members are refused.
 */
extern bool request_from_doc(Request *request, const Doc *doc, bool with_key, Problem *problem);

/*
 * The item that a call names: a signature, a fragment, or a name that the ABI
 * (NULL: none) has.  NULL and a problem where there is none.
 */
extern const AbiItem *request_find_item(const Doc *abi, AbiItemKind kind, const char *text, Problem *problem);

/* Calldata of a call; the function is a signature, a fragment, or a name that request->abi has. */
extern bool request_set_call(Request *request, const char *function, const Doc *arguments, Problem *problem);

/* Init code with constructor arguments; the constructor is "(address,uint256)", "constructor(…)", NULL, or in request->abi. */
extern bool request_set_deployment(Request *request, Bytes bytecode, const char *constructor,
								   const Doc *arguments, Problem *problem);

/* The "options" argument of the SQL functions: {"abi"}. */
extern bool request_set_options(Request *request, const Doc *options, Problem *problem);

/* ---- request_submit.c ---- */

/*
 * Queues requests, in order, in the caller's transaction.  Needs an open
 * store; the rights of request->role on the wallet are checked here, those of
 * the caller to submit at all by the caller.  Wakes the broadcaster at commit.
 * Errors: DL002, DL003, DL004, DL006, 42501.
 */
extern void request_submit(Request *requests, int count);

#endif							/* DALP_CHAIN_REQUEST_H */
