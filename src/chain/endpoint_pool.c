/*
 * endpoint_pool.c
 *		Which endpoint of a chain is asked, and whether it may be believed.
 *
 * In the broadcaster.  An endpoint is used once it has said the right chain id
 * and genesis hash, and again after each error of its transport.  The breaker
 * opens on such errors only: what an endpoint says of a transaction is never
 * held against it.
 */
#include "compat.h"

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

/* So long the same of several endpoints of one priority is asked: heads seldom run in step. */
#define DRAW_MS 30000

/* Of those, one that takes so many times as long as the fastest, and so much longer, is left out. */
#define SLOW_FACTOR 4
#define SLOW_US 100000

/* Weight of a new measurement in the average: one in so many. */
#define LATENCY_SHARE 8

typedef struct ConnectState
{
	bool		answered;
	U256		number;
	bool		has_genesis;
	char		genesis[HASH_TEXT_SIZE];
	char		client[64];
} ConnectState;

/* Tells everybody. */
static void
endpoint_is(Endpoint *endpoint, EndpointCondition condition, const char *reason, int64 pause_ms)
{
	EndpointHealth *health = &endpoint->health;
	TimestampTz now = GetCurrentTimestamp();

	if (health->condition != condition || health->changed_at == 0)
		health->changed_at = now;
	health->condition = condition;
	health->retry_at = pause_ms == 0 ? 0 : TimestampTzPlusMilliseconds(now, pause_ms);
	if (reason != NULL)
		strlcpy(health->reason, reason, sizeof(health->reason));
	endpoint_health_report(endpoint->id, health);
}

void
endpoint_answered(Endpoint *endpoint, int64 microseconds)
{
	EndpointHealth *health = &endpoint->health;

	health->failures = 0;
	health->batches++;
	if (health->answered_at == 0)
		health->latency_us = (int) Min(microseconds, PG_INT32_MAX);
	else
		health->latency_us += (int) ((Min(microseconds, PG_INT32_MAX) - health->latency_us) / LATENCY_SHARE);
	health->answered_at = GetCurrentTimestamp();
	endpoint_health_report(endpoint->id, health);
}

void
endpoint_head(Endpoint *endpoint, int64 head)
{
	endpoint->health.head = head;
	endpoint_is(endpoint, ENDPOINT_WORKING, NULL, 0);
}

/* Longer each time, with some chance, so that not all come back at once. */
static int64
breaker_pause(int failures)
{
	int64		pause = PAUSE_MIN;

	for (int i = 0; i < failures && pause < PAUSE_MAX; i++)
		pause *= 2;
	pause = Min(pause, PAUSE_MAX);
	return pause + (int64) (pg_prng_double(&pg_global_prng_state) * (double) (pause / 4));
}

void
endpoint_failed(ChainWork *chain, Endpoint *endpoint, int retry_after_ms, const char *why)
{
	EndpointHealth *health = &endpoint->health;
	int64		pause = breaker_pause(health->failures);

	/* Said once when it goes, and now and then while it stays away. */
	if (health->failures == 0 || health->failures % 10 == 0)
		ereport(LOG,
				(errmsg("endpoint %s of chain \"%s\" does not work: %s",
						http_url_display(endpoint->url), chain->name, why)));
	health->failures++;
	health->batches++;
	health->errors++;
	endpoint->verified = false;
	endpoint_is(endpoint, ENDPOINT_FAILING, why, Max(pause, retry_after_ms));
}

void
endpoint_without_tag(ChainWork *chain, Endpoint *endpoint)
{
	char	   *why = psprintf("it does not know a %s block", chain->finality.tag);

	endpoint_is(endpoint, ENDPOINT_WORKING, why, 0);
	if (endpoint->without_tag)
		return;
	endpoint->without_tag = true;
	ereport(WARNING,
			(errmsg("nothing becomes final on chain \"%s\" by endpoint %s: %s", chain->name,
					http_url_display(endpoint->url), why),
			 errhint("A chain without finality tags needs depth:N or instant as its finality.")));
}

void
endpoint_behind(ChainWork *chain, Endpoint *endpoint)
{
	ereport(DEBUG1,
			(errmsg("endpoint %s of chain \"%s\" is behind", http_url_display(endpoint->url), chain->name)));
	endpoint_is(endpoint, ENDPOINT_BEHIND, "its latest block is behind that of the others", PAUSE_BEHIND);
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
		char	   *why = psprintf("it serves chain %s instead of %s",
								   quantity_decimal(&state->number), quantity_decimal(&chain->number));

		endpoint_failed(chain, endpoint, PAUSE_WRONG_CHAIN, why);
		endpoint_is(endpoint, ENDPOINT_WRONG_CHAIN, why, PAUSE_WRONG_CHAIN);
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
		endpoint_is(endpoint, ENDPOINT_WRONG_CHAIN, "its genesis is another", PAUSE_WRONG_CHAIN);
		chain->enabled = false;
		return;
	}
	if (endpoint->health.condition == ENDPOINT_FAILING)
		ereport(LOG,
				(errmsg("endpoint %s of chain \"%s\" works again", http_url_display(endpoint->url), chain->name)));
	memcpy(endpoint->client, state->client, sizeof(endpoint->client));
	endpoint->verified = true;
	endpoint_is(endpoint, ENDPOINT_WORKING, NULL, 0);
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
	return endpoint->enabled && endpoint->listed && endpoint->verified && endpoint->health.retry_at <= now;
}

/* Not much slower than the fastest of its priority. */
static bool
endpoint_fast(const Endpoint *endpoint, int fastest_us)
{
	return endpoint->health.latency_us <= fastest_us + SLOW_US ||
		endpoint->health.latency_us / SLOW_FACTOR <= fastest_us;
}

/* One of the ready ones of this priority, by weight; *first is the first of them. */
static Endpoint *
endpoint_draw(ChainWork *chain, Endpoint *first, TimestampTz now)
{
	int			fastest_us = first->health.latency_us;
	int64		total = 0;
	int64		chosen;
	ListCell   *cell;

	if (now >= chain->draw_at)
	{
		chain->draw = pg_prng_double(&pg_global_prng_state);
		chain->draw_at = TimestampTzPlusMilliseconds(now, DRAW_MS);
	}
	foreach(cell, chain->endpoints)
	{
		Endpoint   *endpoint = lfirst(cell);

		if (endpoint->priority == first->priority && endpoint_ready(endpoint, now))
			fastest_us = Min(fastest_us, endpoint->health.latency_us);
	}
	foreach(cell, chain->endpoints)
	{
		Endpoint   *endpoint = lfirst(cell);

		if (endpoint->priority == first->priority && endpoint_ready(endpoint, now) && endpoint_fast(endpoint, fastest_us))
			total += endpoint->weight;
	}
	chosen = (int64) (chain->draw * (double) total);
	foreach(cell, chain->endpoints)
	{
		Endpoint   *endpoint = lfirst(cell);

		if (endpoint->priority != first->priority || !endpoint_ready(endpoint, now) || !endpoint_fast(endpoint, fastest_us))
			continue;
		if (chosen < endpoint->weight)
			return endpoint;
		chosen -= endpoint->weight;
	}
	return first;
}

Endpoint *
endpoint_pick(ChainWork *chain, TimestampTz now, TimestampTz *due)
{
	Endpoint   *behind = NULL;
	Endpoint   *first = NULL;
	ListCell   *cell;

	foreach(cell, chain->endpoints)
	{
		Endpoint   *endpoint = lfirst(cell);

		if (first != NULL && endpoint->priority != first->priority)
			break;
		if (!endpoint->enabled || !endpoint->listed || endpoint->connecting)
			continue;
		if (endpoint->health.retry_at > now)
		{
			if (endpoint->verified && behind == NULL)
				behind = endpoint;
			*due = Min(*due, endpoint->health.retry_at);
			continue;
		}
		if (!endpoint->verified)
			connect_start(chain, endpoint);
		else if (first == NULL)
			first = endpoint;
	}
	/* One that lags is better than none. */
	return first == NULL ? behind : endpoint_draw(chain, first, now);
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
