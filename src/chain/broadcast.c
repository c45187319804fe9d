/*
 * broadcast.c
 *		Hands signed bytes to nodes, and says what the answers prove.
 *
 * In the broadcaster.  Only bytes that are committed and past the gate leave.
 * Whatever an answer leaves in doubt has one remedy: the same bytes again, to
 * another endpoint if there is one.  A nonce that is too low proves nothing
 * either: receipts tell whose transaction took it.
 */
#include "postgres.h"

#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "chain/broadcast_store.h"
#include "chain/ending.h"
#include "chain/gate.h"
#include "chain/lane_store.h"
#include "chain/rpc_round.h"
#include "core/settings.h"
#include "core/stop_point.h"
#include "core/wake.h"

/* Transactions in one round, over all wallets. */
#define SENT_A_ROUND 500

/* The gate is looked at again after so long. */
#define GATE_MS 20

/* After a round in doubt: from, doubling, to. */
#define DOUBT_MS 100
#define DOUBT_MAX_MS 5000

typedef struct SendState
{
	int			count;
	Outgoing   *outgoing;
	Sent	   *sent;
} SendState;

/* Bytes that some endpoints have refused for good. */
typedef struct Refused
{
	int64		attempt_id;		/* key */
	uint64		endpoints;		/* set of bits */
} Refused;

static HTAB *
refused_attempts(ChainWork *chain)
{
	if (chain->refused == NULL)
	{
		HASHCTL		control = {.keysize = sizeof(int64), .entrysize = sizeof(Refused), .hcxt = broadcaster_context()};

		chain->refused = hash_create("dalp refused transactions", 16, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	}
	return chain->refused;
}

static void
send_extract(RpcRound *round, int index, const RpcCall *call)
{
	SendState  *state = round->state;
	Sent	   *sent = &state->sent[index];
	char		hash[HASH_TEXT_SIZE];

	sent->outgoing = &state->outgoing[index];
	sent->class = RPC_CLASS_AMBIGUOUS;
	sent->answer = NULL;
	if (call->outcome == RPC_RESULT)
	{
		if (quantity_hash(call->result, hash) && strcmp(hash, sent->outgoing->hash) == 0)
			sent->class = RPC_CLASS_ACCEPTED;
		else
			sent->answer = "the endpoint answered with another hash";
	}
	else if (call->outcome == RPC_ERROR)
	{
		sent->class = round_class(round, call);
		sent->answer = pstrdup(call->error_message);
	}
	else
		sent->answer = rpc_outcome_name(call->outcome);
}

/* Every healthy endpoint says that the bytes can never be valid. */
static bool
refused_everywhere(RpcRound *round, const Outgoing *outgoing)
{
	bool		found;
	Refused    *refused = hash_search(refused_attempts(round->chain), &outgoing->attempt_id, HASH_ENTER, &found);

	if (!found)
		refused->endpoints = 0;
	refused->endpoints |= round->endpoint->bit;
	if ((endpoint_healthy(round->chain, GetCurrentTimestamp()) & ~refused->endpoints) != 0)
		return false;
	hash_search(refused_attempts(round->chain), &outgoing->attempt_id, HASH_REMOVE, NULL);
	return true;
}

/* The request ends as a dead letter; a no-op takes its nonce, so that nothing waits behind it. */
static void
give_up(ChainWork *chain, const Sent *sent)
{
	const Outgoing *outgoing = sent->outgoing;
	Fees		fees = fees_initial(&chain->market, &chain->fees, 0);
	Doc		   *details = doc_object();
	Ending		ending = {
		.request_id = outgoing->request_id,
		.state = REQUEST_DEAD_LETTER,
		.error = "Chain.Rejected",
		.cause = sent->answer,
		.unsettled = true,
		.details = details
	};

	doc_object_add(details, "hash", doc_text(outgoing->hash));
	doc_object_add(details, "cause", doc_text(sent->answer));
	if (fees.type != outgoing->fees.type)
		fees = outgoing->fees;
	broadcast_store_rejected(chain->id, outgoing, &fees);
	if (outgoing->request_id != 0)
		endings_write(&ending, 1);
	ereport(LOG,
			(errmsg("transaction " INT64_FORMAT " of chain \"%s\" is refused for good: %s",
					outgoing->request_id, chain->name, sent->answer)));
}

/* What an answer asks for besides being recorded. Returns whether it leaves doubt. */
static bool
follow_up(RpcRound *round, Sent *sent, int *shrunk_wallet)
{
	ChainWork  *chain = round->chain;
	const Outgoing *outgoing = sent->outgoing;

	switch (sent->class)
	{
		case RPC_CLASS_PERMANENT:
			if (outgoing->payload && refused_everywhere(round, outgoing))
			{
				give_up(chain, sent);
				return false;
			}
			return true;
		case RPC_CLASS_POOL_FULL:
		case RPC_CLASS_NONCE_HIGH:
			if (*shrunk_wallet != outgoing->wallet_id)
				broadcast_store_shrink_window(chain->id, outgoing->wallet_id);
			*shrunk_wallet = outgoing->wallet_id;
			return false;
		case RPC_CLASS_CONFIG:
			lane_store_pause_active(chain->id, outgoing->wallet_id, "key",
									psprintf("an endpoint does not take its transactions: %s", sent->answer));
			return false;
		case RPC_CLASS_SYNCING:
		case RPC_CLASS_RATE:
			endpoint_failed(chain, round->endpoint, 0, sent->answer);
			return true;
		case RPC_CLASS_NODE_CAP:
			return true;
		case RPC_CLASS_AMBIGUOUS:
		case RPC_CLASS_REVERTED:
			/* Some nodes run what they are given first; that is no proof for the others. */
			sent->class = RPC_CLASS_AMBIGUOUS;
			return true;
		default:
			return false;
	}
}

static void
send_done(RpcRound *round)
{
	SendState  *state = round->state;
	ChainWork  *chain = round->chain;
	bool		doubt = round->failed;
	int			shrunk_wallet = 0;
	MemoryContext back;

	STOP_POINT("send_after_answer");
	back = broadcaster_begin("recording what was sent");
	/* Lanes before slots: the signer locks in that order. */
	for (int i = 0; i < state->count; i++)
		doubt = follow_up(round, &state->sent[i], &shrunk_wallet) || doubt;
	broadcast_store_sent(chain->id, chain->head, state->sent, state->count);
	wake_waiters_at_commit();
	STOP_POINT("send_before_record");
	broadcaster_commit(back);

	chain->sending = false;
	chain->send_due = true;
	if (doubt)
	{
		int			pause = DOUBT_MS << Min(chain->send_failures, 6);

		chain->send_failures++;
		chain->send_at = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), Min(pause, DOUBT_MAX_MS));
	}
	else
	{
		chain->send_failures = 0;
		chain->send_at = 0;
	}
	broadcaster_has_news();
}

/* Endpoints that have refused all of this for good already: others are asked first. */
static uint64
endpoints_to_avoid(ChainWork *chain, const SendState *state)
{
	uint64		avoid = 0;

	for (int i = 0; i < state->count; i++)
	{
		Refused    *refused = hash_search(refused_attempts(chain), &state->outgoing[i].attempt_id, HASH_FIND, NULL);

		if (refused != NULL)
			avoid |= refused->endpoints;
	}
	return avoid;
}

void
broadcast_start(ChainWork *chain)
{
	MemoryContext context = AllocSetContextCreate(broadcaster_context(), "dalp transactions to send", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	TimestampTz now = GetCurrentTimestamp();
	SendState	found = {0};
	Endpoint   *endpoint;
	RpcRound   *round;
	SendState  *state;
	MemoryContext back;

	chain->send_due = false;
	back = broadcaster_begin("reading signed transactions");
	found.outgoing = broadcast_store_due(chain->id, broadcaster_started_at(), SENT_A_ROUND, context, &found.count);
	broadcaster_commit(back);
	MemoryContextSwitchTo(old);
	endpoint = found.count == 0 ? NULL : endpoint_pick_other(chain, now, endpoints_to_avoid(chain, &found));
	if (endpoint == NULL)
	{
		MemoryContextDelete(context);
		return;
	}
	/* Taken after the rows were read, so behind their commits. */
	if (!gate_is_open(gate_position()))
	{
		chain->send_due = true;
		chain->send_at = TimestampTzPlusMilliseconds(now, GATE_MS);
		MemoryContextDelete(context);
		return;
	}
	chain->sending = true;
	round = round_create(chain, endpoint);
	MemoryContextSetParent(context, round->context);
	MemoryContextSwitchTo(round->context);
	state = palloc(sizeof(SendState));
	*state = found;
	state->sent = palloc0(found.count * sizeof(Sent));
	round->state = state;
	for (int i = 0; i < state->count; i++)
		round_add(round, "eth_sendRawTransaction", round_params(state->outgoing[i].raw, NULL));
	MemoryContextSwitchTo(old);
	STOP_POINT("send_before");
	round_start(round, send_extract, send_done);
}
