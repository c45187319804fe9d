/*
 * endpoint_pool.c
 *		Which endpoint of a chain is asked, and whether it may be believed.
 *
 * In the broadcaster.  An endpoint is used once it has said the right chain id
 * and genesis hash, and again after each error of its transport.  The breaker
 * opens on such errors only: what an endpoint says of a transaction is never
 * held against it.
 */
#include "postgres.h"

#include "common/pg_prng.h"
#include "utils/timestamp.h"

#include "chain/broadcaster_store.h"
#include "chain/rpc_round.h"

/* Pauses after an error: from, doubling, to; milliseconds. */
#define PAUSE_MIN 250
#define PAUSE_MAX 60000

/* An endpoint of another chain is asked again after this; it may have been set right. */
#define PAUSE_WRONG_CHAIN 60000

/* An endpoint that lags gets so long to catch up. */
#define PAUSE_BEHIND 5000

typedef struct ConnectState
{
	bool		answered;
	U256		number;
	bool		has_genesis;
	char		genesis[HASH_TEXT_SIZE];
	char		client[64];
} ConnectState;

static void
endpoint_pause(Endpoint *endpoint, int64 milliseconds)
{
	endpoint->retry_at = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), milliseconds);
}

void
endpoint_succeeded(Endpoint *endpoint)
{
	endpoint->failures = 0;
}

void
endpoint_failed(ChainWork *chain, Endpoint *endpoint, int retry_after_ms, const char *why)
{
	int64		pause = PAUSE_MIN;

	/* Said once when it goes, and now and then while it stays away. */
	if (endpoint->failures == 0 || endpoint->failures % 10 == 0)
		ereport(LOG,
				(errmsg("endpoint %s of chain \"%s\" does not work: %s",
						http_url_display(endpoint->url), chain->name, why)));
	for (int i = 0; i < endpoint->failures && pause < PAUSE_MAX; i++)
		pause *= 2;
	pause = Min(pause, PAUSE_MAX);
	pause += (int64) (pg_prng_double(&pg_global_prng_state) * (double) (pause / 4));
	endpoint->failures++;
	endpoint->verified = false;
	endpoint_pause(endpoint, Max(pause, retry_after_ms));
}

void
endpoint_behind(ChainWork *chain, Endpoint *endpoint)
{
	ereport(DEBUG1,
			(errmsg("endpoint %s of chain \"%s\" is behind", http_url_display(endpoint->url), chain->name)));
	endpoint_pause(endpoint, PAUSE_BEHIND);
}

/* ------------------------------------------------------------------------
 * First contact
 * ---------------------------------------------------------------------- */

static void
connect_extract(RpcRound *round, int index, const RpcCall *call)
{
	ConnectState *state = round->state;

	if (call->outcome != RPC_RESULT)
		return;
	switch (index)
	{
		case 0:
			state->answered = quantity_u256(call->result, &state->number);
			break;
		case 1:
			state->has_genesis = quantity_hash(doc_get(call->result, "hash"), state->genesis);
			break;
		case 2:
			if (doc_is(call->result, DOC_STRING))
			{
				size_t		length = 0;

				for (const char *c = call->result->text; *c != '\0' && length < sizeof(state->client) - 1; c++)
					state->client[length++] = pg_ascii_tolower((unsigned char) *c);
			}
			break;
	}
}

static void
connect_done(RpcRound *round)
{
	ConnectState *state = round->state;
	ChainWork  *chain = round->chain;
	Endpoint   *endpoint = round->endpoint;

	endpoint->connecting = false;
	if (round->failed)
		return;
	if (!state->answered)
	{
		endpoint_failed(chain, endpoint, 0, "it does not say its chain id");
		return;
	}
	if (u256_compare(&state->number, &chain->number) != 0)
	{
		endpoint_failed(chain, endpoint, PAUSE_WRONG_CHAIN,
						psprintf("it serves chain %s instead of %s",
								 quantity_decimal(&state->number), quantity_decimal(&chain->number)));
		return;
	}
	/* A node may have lost block 0; another genesis is another chain. */
	if (state->has_genesis && !chain->has_genesis)
	{
		MemoryContext back = broadcaster_begin("storing the genesis hash");

		broadcaster_store_genesis(chain->id, state->genesis);
		broadcaster_commit(back);
		strlcpy(chain->genesis, state->genesis, sizeof(chain->genesis));
		chain->has_genesis = true;
	}
	else if (state->has_genesis && strcmp(chain->genesis, state->genesis) != 0)
	{
		MemoryContext back = broadcaster_begin("halting a chain");
		char	   *reason = psprintf("endpoint %s has genesis %s instead of %s: it is another chain of the same number",
									  http_url_display(endpoint->url), state->genesis, chain->genesis);

		broadcaster_store_halt(chain->id, reason);
		ereport(WARNING,
				(errmsg("chain \"%s\" is halted: %s", chain->name, reason)));
		broadcaster_commit(back);
		chain->enabled = false;
		return;
	}
	if (endpoint->failures > 0)
		ereport(LOG,
				(errmsg("endpoint %s of chain \"%s\" works again", http_url_display(endpoint->url), chain->name)));
	memcpy(endpoint->client, state->client, sizeof(endpoint->client));
	endpoint->verified = true;
	endpoint->retry_at = 0;
	endpoint_succeeded(endpoint);
	chain->watch_at = 0;
	chain->prepare_due = chain->send_due = true;
}

static void
connect_start(ChainWork *chain, Endpoint *endpoint)
{
	RpcRound   *round = round_create(chain, endpoint);
	MemoryContext old = MemoryContextSwitchTo(round->context);
	Doc		   *block = doc_array();

	round->state = palloc0(sizeof(ConnectState));
	round_add(round, "eth_chainId", doc_array());
	doc_array_add(block, doc_text("0x0"));
	doc_array_add(block, doc_bool(false));
	round_add(round, "eth_getBlockByNumber", block);
	round_add(round, "web3_clientVersion", doc_array());
	endpoint->connecting = true;
	MemoryContextSwitchTo(old);
	round_start(round, connect_extract, connect_done);
}

/* ------------------------------------------------------------------------
 * Choosing
 * ---------------------------------------------------------------------- */

/* May be asked for work right now. */
static bool
endpoint_ready(const Endpoint *endpoint, TimestampTz now)
{
	return endpoint->enabled && endpoint->listed && endpoint->verified && endpoint->retry_at <= now;
}

Endpoint *
endpoint_pick(ChainWork *chain, TimestampTz now, TimestampTz *due)
{
	Endpoint   *behind = NULL;
	ListCell   *cell;

	foreach(cell, chain->endpoints)
	{
		Endpoint   *endpoint = lfirst(cell);

		if (!endpoint->enabled || !endpoint->listed || endpoint->connecting)
			continue;
		if (endpoint->retry_at > now)
		{
			if (endpoint->verified && behind == NULL)
				behind = endpoint;
			*due = Min(*due, endpoint->retry_at);
			continue;
		}
		if (endpoint->verified)
			return endpoint;
		connect_start(chain, endpoint);
	}
	/* One that lags is better than none. */
	return behind;
}

Endpoint *
endpoint_pick_other(ChainWork *chain, TimestampTz now, uint64 avoid)
{
	TimestampTz due = now;
	ListCell   *cell;

	foreach(cell, chain->endpoints)
	{
		Endpoint   *endpoint = lfirst(cell);

		if (endpoint_ready(endpoint, now) && (endpoint->bit & avoid) == 0)
			return endpoint;
	}
	return endpoint_pick(chain, now, &due);
}

uint64
endpoint_healthy(ChainWork *chain, TimestampTz now)
{
	uint64		bits = 0;
	ListCell   *cell;

	foreach(cell, chain->endpoints)
	{
		Endpoint   *endpoint = lfirst(cell);

		if (endpoint_ready(endpoint, now))
			bits |= endpoint->bit;
	}
	return bits;
}
