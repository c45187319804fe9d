/*
 * rpc_round.h
 *		Any number of calls to one endpoint, in as many JSON-RPC batches as it takes.
 *
 * A round has a memory context of its own, in which its calls, the caller's
 * state and whatever the extract function keeps live until done returns.
 * Answers themselves are gone after extract: it copies what it needs.
 */
#ifndef DALP_CHAIN_RPC_ROUND_H
#define DALP_CHAIN_RPC_ROUND_H

#include "postgres.h"

#include "chain/broadcaster.h"
#include "net/json_rpc.h"

typedef struct RpcRound RpcRound;

typedef struct RoundCall
{
	const char *method;
	const Doc  *params;
} RoundCall;

struct RpcRound
{
	MemoryContext context;		/* current in extract and done */
	ChainWork  *chain;
	Endpoint   *endpoint;
	void	   *state;			/* the caller's */
	int			call_count;
	RoundCall  *calls;
	bool		failed;			/* some batch wasn't answered as a whole */

	/* Private to rpc_round.c. */
	int			capacity;
	int			outstanding;
	TimestampTz started_at;
	void		(*extract) (RpcRound *round, int index, const RpcCall *call);
	void		(*done) (RpcRound *round);
};

/* An empty round; leaves CurrentMemoryContext alone. */
extern RpcRound *round_create(ChainWork *chain, Endpoint *endpoint);

/* Adds a call and returns its index; params live in the round's context. */
extern int	round_add(RpcRound *round, const char *method, const Doc *params);

/*
 * Sends it: at least one call.  extract is called for each call, in no order
 * between batches; done once, after the last.  Both from http_client_wait, no
 * transaction open.
 */
extern void round_start(RpcRound *round,
						void (*extract) (RpcRound *round, int index, const RpcCall *call),
						void (*done) (RpcRound *round));

/* Frees a round that was never started. */
extern void round_drop(RpcRound *round);

/* What the endpoint's refusal of a call means; AMBIGUOUS where there was no answer. */
extern RpcClass round_class(const RpcRound *round, const RpcCall *call);

/* ["0x…", "latest"] and the like: params of texts, in CurrentMemoryContext; ended by NULL. */
extern const Doc *round_params(const char *first,...) __attribute__((sentinel));

#endif							/* DALP_CHAIN_RPC_ROUND_H */
