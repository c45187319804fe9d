/*
 * broadcaster.c
 *		The worker that talks to nodes: one a database, all chains at once.
 *
 * Network, no keys.  A turn looks at the tables if there is news, starts what
 * is due on each chain's tracks, and returns; the wait does the network work
 * and calls back into the tracks.  Nothing here ever waits for one answer, and
 * no transaction is open while the process waits: see broadcaster.h.
 *
 * Work is started by wake-ups (a request was submitted, a batch was signed)
 * and, while anything is open, by the poll interval.  With nothing open no
 * endpoint is asked at all.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "storage/latch.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "chain/broadcaster.h"
#include "chain/broadcaster_store.h"
#include "chain/outside.h"
#include "chain/replace.h"
#include "compat.h"
#include "core/catalog.h"
#include "core/clock.h"
#include "core/settings.h"

/* The safety net: tables are looked at so often even if nobody wakes us. */
#define IDLE_LOOK_MS 10000

/* Rules may be changed by an operator. */
#define RULES_MS 60000

/* Queued requests that are not next in line expire within this. */
#define EXPIRE_MS 5000

/* A nonce is offered to pools over few connections, kept alive.  Requests of workflows have limits of their own. */
#define CONNECTIONS_PER_HOST 4
#define CONNECTIONS 1256

static HttpClient *client = NULL;
static MemoryContext context = NULL;
static List *chains = NIL;
static TimestampTz started_at = 0;
static bool news = true;		/* look at the tables before sleeping */
static TimestampTz look_at = 0;
static MemoryContext rules_context = NULL;
static RpcRule *rules = NULL;
static int	rule_count = 0;
static TimestampTz rules_at = 0;

HttpClient *
broadcaster_client(void)
{
	return client;
}

MemoryContext
broadcaster_context(void)
{
	return context;
}

TimestampTz
broadcaster_started_at(void)
{
	return started_at;
}

void
broadcaster_has_news(void)
{
	news = true;
}

const RpcRule *
broadcaster_rules(int *count)
{
	*count = rule_count;
	return rules;
}

ChainWork *
broadcaster_chain_by_name(const char *name)
{
	ListCell   *cell;

	foreach(cell, chains)
	{
		ChainWork  *chain = lfirst(cell);

		if (chain->listed && strcmp(chain->name, name) == 0)
			return chain;
	}
	return NULL;
}

MemoryContext
broadcaster_begin(const char *activity)
{
	MemoryContext back = CurrentMemoryContext;

	worker_begin(activity);
	return back;
}

void
broadcaster_commit(MemoryContext back)
{
	worker_commit();
	MemoryContextSwitchTo(back);
}

static void
broadcaster_start(void)
{
	HttpClientOptions options = {
		.user_agent = "dalp/" DALP_VERSION,
		.max_connections_per_host = CONNECTIONS_PER_HOST,
		.max_connections = CONNECTIONS
	};
	MemoryContext old;

	context = AllocSetContextCreate(worker_context(), "dalp broadcaster", ALLOCSET_DEFAULT_SIZES);
	old = MemoryContextSwitchTo(context);
	client = http_client_create(&options);
	MemoryContextSwitchTo(old);
	started_at = clock_now();
	endpoint_health_forget();
}

/* Is the head recent enough to decide fees and expiry by? */
static bool
head_is_fresh(const ChainWork *chain, TimestampTz now)
{
	return chain->head >= 0 && chain->market.known &&
		now < TimestampTzPlusMilliseconds(chain->head_at, 5 * (int64) dalp_poll_interval + dalp_rpc_timeout);
}

static void
look(TimestampTz now)
{
	MemoryContext back = broadcaster_begin("looking for work");
	bool		busy = false;
	ListCell   *cell;

	news = false;
	chains = broadcaster_store_look(chains, context);
	if (now >= rules_at)
	{
		MemoryContext fresh = AllocSetContextCreate(context, "dalp RPC rules", ALLOCSET_SMALL_SIZES);

		rules = broadcaster_store_rules(fresh, &rule_count);
		if (rules_context != NULL)
			MemoryContextDelete(rules_context);
		rules_context = fresh;
		rules_at = TimestampTzPlusMilliseconds(now, RULES_MS);
	}
	foreach(cell, chains)
	{
		ChainWork  *chain = lfirst(cell);

		if (chain->enabled && chain->has_wishes && head_is_fresh(chain, now))
			replace_consider(chain);
	}
	broadcaster_commit(back);
	foreach(cell, chains)
	{
		ChainWork  *chain = lfirst(cell);

		busy = busy || (chain->enabled && (chain->has_open || chain->has_queued || chain->has_paused));
	}
	look_at = TimestampTzPlusMilliseconds(now, busy ? dalp_poll_interval : IDLE_LOOK_MS);
}

/* Starts what is due; lowers *due to when the chain wants to be looked at again. */
static void
chain_advance(ChainWork *chain, TimestampTz now, TimestampTz *due)
{
	Endpoint   *endpoint;

	if (!chain->enabled)
		return;
	if (now >= chain->expire_at)
	{
		chain->expire_at = TimestampTzPlusMilliseconds(now, EXPIRE_MS);
		if (chain->has_queued || chain->has_paused)
			prepare_expire(chain);
	}
	if (!chain->has_open && !chain->has_queued)
		return;
	endpoint = endpoint_pick(chain, now, due);
	if (endpoint == NULL)
		return;
	if (!chain->watching)
	{
		if (now >= chain->watch_at)
			watch_start(chain, endpoint);
		else
			*due = Min(*due, chain->watch_at);
	}
	if (chain->has_queued && chain->prepare_due && !chain->preparing && head_is_fresh(chain, now))
	{
		if (now >= chain->prepare_at)
			prepare_start(chain, endpoint);
		else
			*due = Min(*due, chain->prepare_at);
	}
	if (chain->has_open && chain->send_due && !chain->sending)
	{
		if (now >= chain->send_at)
			broadcast_start(chain);
		else
			*due = Min(*due, chain->send_at);
	}
}

static long
broadcaster_turn(void)
{
	TimestampTz now = GetCurrentTimestamp();
	TimestampTz due;
	long		retry;
	ListCell   *cell;

	if (news || now >= look_at)
		look(now);
	due = look_at;
	retry = Min(call_answer_take(), outside_turn());
	foreach(cell, chains)
		chain_advance(lfirst(cell), now, &due);
	if (news)
		return 0;
	/* Waits end early rather than late, so round up to a whole millisecond. */
	return Min(retry, Max(1, TimestampDifferenceMilliseconds(GetCurrentTimestamp(), due)));
}

static void
broadcaster_wait(long timeout_ms)
{
	ListCell   *cell;

	http_client_wait(client, timeout_ms, PG_WAIT_EXTENSION);
	if (!MyLatch->is_set)
		return;
	ResetLatch(MyLatch);
	news = true;
	outside_has_news();
	foreach(cell, chains)
	{
		ChainWork  *chain = lfirst(cell);

		chain->prepare_due = chain->send_due = true;
	}
}

static int
broadcaster_count(void)
{
	return 1;
}

const WorkerClass broadcaster_class = {
	.name = "broadcaster",
	.count = broadcaster_count,
	.start = broadcaster_start,
	.turn = broadcaster_turn,
	.wait = broadcaster_wait
};
