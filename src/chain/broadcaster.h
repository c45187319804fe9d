/*
 * broadcaster.h
 *		What the broadcaster's parts share: chains, endpoints, and who does what.
 *
 * All of it lives in the memory of one process.  Nothing here has to survive:
 * after a crash the tables say what was committed, and everything committed
 * may be sent again.
 *
 * Each chain has three tracks of work: watch (heads, receipts, finality),
 * prepare (gas, fees, funds), and broadcast (raw bytes).  A track has at most
 * one round of calls under way; it starts the round outside of any
 * transaction, and the round's callback does its bookkeeping in one short one.
 * A slow or dead endpoint thus holds up a track of its own chain and nothing
 * else.
 */
#ifndef DALP_CHAIN_BROADCASTER_H
#define DALP_CHAIN_BROADCASTER_H

#include "postgres.h"

#include "datatype/timestamp.h"
#include "nodes/pg_list.h"
#include "utils/hsearch.h"

#include "chain/endpoint_health.h"
#include "chain/fees.h"
#include "chain/finality.h"
#include "chain/quantity.h"
#include "chain/rpc_class.h"
#include "core/worker.h"
#include "net/http_client.h"

/* Times of this header: GetCurrentTimestamp(), never the tests' clock: they pace the network. */

typedef struct Endpoint
{
	int			id;
	char	   *url;
	int			priority;
	int			weight;			/* of those with the same priority */
	int			max_batch;
	int			timeout_ms;		/* 0 = dalp.rpc_timeout */
	bool		enabled;
	bool		listed;			/* found by the last look */

	/* Health; the public part is also in shared memory. */
	bool		verified;		/* chain id and genesis were right at the last contact */
	bool		connecting;
	bool		without_tag;	/* does not know the block that the chain takes as final: said once */
	EndpointHealth health;		/* retry_at: not asked before */
	int			batch_now;		/* calls a batch, at most max_batch; halved where refused as too large */
	uint64		bit;			/* of sets of endpoints */
	char		client[64];		/* web3_clientVersion in lower case */
} Endpoint;

typedef struct ChainWork
{
	int			id;
	char		name[96];
	U256		number;
	bool		enabled;
	bool		listed;
	bool		has_genesis;
	char		genesis[HASH_TEXT_SIZE];
	Finality	finality;
	FeePolicy	fees;
	int			bump_blocks;
	int			nonce_window;
	List	   *endpoints;		/* of Endpoint, by priority */
	double		draw;			/* 0 <= draw < 1: which of several with the same priority is asked for a while */
	TimestampTz draw_at;		/* the next draw */

	/* What the last look at the tables found. */
	bool		has_open;		/* open slots, or lanes whose count is wanted */
	bool		has_queued;		/* requests that may go on */
	bool		has_wishes;		/* somebody asks for a cancellation or a higher fee */
	bool		has_paused;		/* requests of wallets that an operator has to resume */

	/* What the last look at the chain found. */
	int64		head;			/* -1: none yet */
	char		head_hash[HASH_TEXT_SIZE];
	TimestampTz head_at;
	uint64		block_gas;
	FeeMarket	market;
	int			lower_heads;	/* looks in a row at which the node was behind the known head */
	int64		final_block;	/* -1: none */
	bool		reread;			/* mined slots are read again: the branch may have changed */

	/* Tracks. */
	bool		watching;
	bool		preparing;
	bool		sending;
	bool		prepare_due;
	bool		send_due;
	bool		funds_due;		/* lanes without funds are looked at again */
	TimestampTz watch_at;
	TimestampTz prepare_at;
	TimestampTz send_at;
	TimestampTz expire_at;
	int			send_failures;	/* rounds in a row whose outcome was in doubt */
	HTAB	   *held;			/* requests that wait before they are prepared again: prepare.c */
	HTAB	   *suspects;		/* nonces that somebody else may have used: receipts.c */
	HTAB	   *foreign;		/* wallets whose key was seen used elsewhere: prepare.c */
	HTAB	   *refused;		/* bytes that endpoints have refused for good: broadcast.c */
} ChainWork;

extern const WorkerClass broadcaster_class;

/* ---- broadcaster.c ---- */

extern HttpClient *broadcaster_client(void);
/* Lives as long as the process. */
extern MemoryContext broadcaster_context(void);
extern ChainWork *broadcaster_chain_by_name(const char *name);
/* There may be more to do at once: look at the tables again before sleeping. */
extern void broadcaster_has_news(void);
/* By the clock that sent_at is written with. */
extern TimestampTz broadcaster_started_at(void);
extern const RpcRule *broadcaster_rules(int *count);

/* One short transaction, as worker_begin and worker_commit; memory allocated between them is the
 * transaction's, and the caller's context is back after the commit. */
extern MemoryContext broadcaster_begin(const char *activity);
extern void broadcaster_commit(MemoryContext back);

/* ---- endpoint_pool.c ---- */

/*
 * The best endpoint that may be asked now, or NULL; starts to connect where
 * none is verified.  *due is lowered to when it pays to ask again.
 */
extern Endpoint *endpoint_pick(ChainWork *chain, TimestampTz now, TimestampTz *due);
/* The same, but none of the set of bits if there is another. */
extern Endpoint *endpoint_pick_other(ChainWork *chain, TimestampTz now, uint64 avoid);
/* All that could be asked now, as a set of bits. */
extern uint64 endpoint_healthy(ChainWork *chain, TimestampTz now);
/* It has answered, after so long. */
extern void endpoint_answered(Endpoint *endpoint, int64 microseconds);
/* Its latest block: unless that is behind, it works. */
extern void endpoint_head(Endpoint *endpoint, int64 head);
/* Breaker: not asked for a while that doubles; checked again at the next contact. */
extern void endpoint_failed(ChainWork *chain, Endpoint *endpoint, int retry_after_ms, const char *why);
/* It answers, but not which block has the chain's finality tag: nothing becomes final by it. */
extern void endpoint_without_tag(ChainWork *chain, Endpoint *endpoint);
/* Lags behind: others first for a while. */
extern void endpoint_behind(ChainWork *chain, Endpoint *endpoint);

/* ---- the tracks: each starts a round if there is something to do ---- */

extern void watch_start(ChainWork *chain, Endpoint *endpoint);
extern void prepare_start(ChainWork *chain, Endpoint *endpoint);
extern void broadcast_start(ChainWork *chain);

/* Expires queued requests whose time is over; rarely, for those that are not looked at anyway. */
extern void prepare_expire(ChainWork *chain);

/* Answers backends that ask for a read-only call, without waiting; returns in how many milliseconds to call again. */
extern long call_answer_take(void);

#endif							/* DALP_CHAIN_BROADCASTER_H */
