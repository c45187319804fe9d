/*
 * broadcaster_store.c
 *		What the broadcaster reads and writes of chains, endpoints and lanes.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"

#include "chain/broadcaster_store.h"
#include "chain/chain_store.h"
#include "chain/lane_store.h"
#include "core/clock.h"
#include "core/spi.h"

static Statement look_chains = {
	.sql = "SELECT c.chain_id, c.name, c.number::text, '0x' || pg_catalog.encode(c.genesis_hash, 'hex'),"
	"  c.finality, c.fee_mode, c.min_tip::text, c.max_fee::text, c.bump_blocks, c.nonce_window, c.state = 'enabled',"
	"  EXISTS (SELECT FROM dalp_chain.slot s WHERE s.chain_id = c.chain_id AND s.state = ANY (ARRAY['signed', 'sent', 'mined'])),"
	"  COALESCE(q.going, false), COALESCE(q.paused, false),"
	"  EXISTS (SELECT FROM dalp_chain.request w WHERE w.chain_id = c.chain_id AND w.finished_at IS NULL AND (w.faster OR w.cancel_reason IS NOT NULL))"
	" FROM dalp_chain.chain c LEFT JOIN LATERAL (SELECT bool_or(p.may) AS going, bool_or(NOT p.may) AS paused"
	"  FROM (SELECT l.chain_id, l.wallet_id, l.state = 'new' OR l.state = 'active' OR COALESCE(l.pause_kind = 'funds', false) AS may"
	"   FROM dalp_chain.lane l WHERE l.chain_id = c.chain_id) p"
	"  WHERE EXISTS (SELECT FROM dalp_chain.request r WHERE r.chain_id = p.chain_id AND r.wallet_id = p.wallet_id"
	"   AND (r.state = 'QUEUED' OR r.state = 'SIGNING'))) q ON true"
	" ORDER BY c.chain_id"
};

static Statement look_endpoints = {
	.sql = "SELECT e.endpoint_id, e.chain_id, e.url, e.priority, e.max_batch, e.timeout_ms, e.enabled, e.weight"
	" FROM dalp_chain.endpoint e ORDER BY e.chain_id, e.priority, e.endpoint_id"
};

static Statement read_rules = {
	.sql = "SELECT r.client, r.code, r.pattern, r.class FROM dalp_chain.rpc_error_rule r ORDER BY r.ordinal, r.rule_id"
};

static Statement write_genesis = {
	.sql = "UPDATE dalp_chain.chain SET genesis_hash = pg_catalog.decode(pg_catalog.substr($2, 3), 'hex')"
	" WHERE chain_id = $1 AND genesis_hash IS NULL",
	.argument_count = 2,
	.argument_types = {INT4OID, TEXTOID}
};

static Statement write_halt = {
	.sql = "UPDATE dalp_chain.chain SET state = 'halted', halt_reason = $2 WHERE chain_id = $1 AND state = 'enabled'",
	.argument_count = 2,
	.argument_types = {INT4OID, TEXTOID}
};

static FeeMode
fee_mode_parse(const char *text)
{
	if (strcmp(text, "legacy") == 0)
		return FEE_LEGACY;
	if (strcmp(text, "zero") == 0)
		return FEE_ZERO;
	return FEE_EIP1559;
}

static ChainWork *
look_find(List *chains, int id)
{
	ListCell   *cell;

	foreach(cell, chains)
		if (((ChainWork *) lfirst(cell))->id == id)
			return lfirst(cell);
	return NULL;
}

static void
look_chain(ChainWork *chain, uint64 row)
{
	char	   *text;

	strlcpy(chain->name, store_text(row, 2), sizeof(chain->name));
	chain->number = quantity_from_decimal(store_text(row, 3));
	text = store_text(row, 4);
	chain->has_genesis = text != NULL;
	strlcpy(chain->genesis, text != NULL ? text : "", sizeof(chain->genesis));
	if (!finality_parse(store_text(row, 5), &chain->finality))
		elog(ERROR, "chain \"%s\" has an unknown finality", chain->name);
	chain->fees.mode = fee_mode_parse(store_text(row, 6));
	chain->fees.min_tip = quantity_from_decimal(store_text(row, 7));
	text = store_text(row, 8);
	chain->fees.has_limit = text != NULL;
	chain->fees.limit = quantity_from_decimal(text);
	chain->bump_blocks = store_int32(row, 9);
	chain->nonce_window = store_int32(row, 10);
	chain->enabled = store_bool(row, 11);
	chain->has_open = store_bool(row, 12);
	chain->has_queued = store_bool(row, 13);
	chain->has_paused = store_bool(row, 14);
	chain->has_wishes = store_bool(row, 15);
	chain->listed = true;
}

static int
by_priority(const ListCell *a, const ListCell *b)
{
	const Endpoint *left = lfirst(a);
	const Endpoint *right = lfirst(b);

	if (left->priority != right->priority)
		return left->priority < right->priority ? -1 : 1;
	return left->id < right->id ? -1 : left->id > right->id;
}

static void
look_endpoint(ChainWork *chain, MemoryContext context, uint64 row)
{
	int			id = store_int32(row, 1);
	char	   *url = store_text(row, 3);
	int			max_batch = store_int32(row, 5);
	Endpoint   *endpoint = NULL;
	ListCell   *cell;

	foreach(cell, chain->endpoints)
		if (((Endpoint *) lfirst(cell))->id == id)
			endpoint = lfirst(cell);
	if (endpoint == NULL)
	{
		MemoryContext old = MemoryContextSwitchTo(context);

		endpoint = palloc0(sizeof(Endpoint));
		endpoint->id = id;
		endpoint->health.head = -1;
		/* Beyond 64 endpoints two share a bit: they are asked one for the other. */
		endpoint->bit = UINT64CONST(1) << (list_length(chain->endpoints) % 64);
		chain->endpoints = lappend(chain->endpoints, endpoint);
		MemoryContextSwitchTo(old);
	}
	if (endpoint->url == NULL || strcmp(endpoint->url, url) != 0)
	{
		/* The old text stays: a request under way may point to it. */
		endpoint->url = MemoryContextStrdup(context, url);
		endpoint->verified = false;
		endpoint->health.retry_at = 0;
	}
	if (endpoint->max_batch != max_batch)
		endpoint->batch_now = endpoint->max_batch = max_batch;
	endpoint->priority = store_int32(row, 4);
	endpoint->timeout_ms = store_int32(row, 6);
	endpoint->enabled = store_bool(row, 7);
	endpoint->weight = store_int32(row, 8);
	endpoint->listed = true;
}

List *
broadcaster_store_look(List *chains, MemoryContext context)
{
	uint64		rows;
	ListCell   *cell;

	foreach(cell, chains)
	{
		ChainWork  *chain = lfirst(cell);
		ListCell   *inner;

		chain->listed = chain->enabled = false;
		foreach(inner, chain->endpoints)
			((Endpoint *) lfirst(inner))->listed = false;
	}
	lane_store_ensure_waiting();
	/* A new snapshot sees those just made. */
	rows = store_write(&look_chains, NULL, NULL, 0);
	for (uint64 row = 0; row < rows; row++)
	{
		ChainWork  *chain = look_find(chains, store_int32(row, 1));

		if (chain == NULL)
		{
			MemoryContext old = MemoryContextSwitchTo(context);

			chain = palloc0(sizeof(ChainWork));
			chain->id = store_int32(row, 1);
			chain->head = chain->final_block = -1;
			chain->prepare_due = chain->send_due = chain->reread = true;
			chains = lappend(chains, chain);
			MemoryContextSwitchTo(old);
		}
		look_chain(chain, row);
	}
	rows = store_read(&look_endpoints, NULL, NULL, 0);
	for (uint64 row = 0; row < rows; row++)
	{
		ChainWork  *chain = look_find(chains, store_int32(row, 2));

		if (chain != NULL)
			look_endpoint(chain, context, row);
	}
	foreach(cell, chains)
		list_sort(((ChainWork *) lfirst(cell))->endpoints, by_priority);
	return chains;
}

RpcRule *
broadcaster_store_rules(MemoryContext context, int *count)
{
	uint64		rows = store_read(&read_rules, NULL, NULL, 0);
	RpcRule    *rules = MemoryContextAllocZero(context, (rows + 1) * sizeof(RpcRule));

	*count = 0;
	for (uint64 row = 0; row < rows; row++)
	{
		RpcRule    *rule = &rules[*count];
		char	   *client = store_text(row, 1);
		bool		isnull;
		Datum		code = store_value(row, 2, &isnull);

		if (!rpc_class_parse(store_text(row, 4), &rule->class))
			continue;
		rule->client = client == NULL ? NULL : MemoryContextStrdup(context, client);
		rule->has_code = !isnull;
		rule->code = isnull ? 0 : DatumGetInt32(code);
		rule->pattern = MemoryContextStrdup(context, store_text(row, 3));
		(*count)++;
	}
	return rules;
}

void
broadcaster_store_genesis(int chain_id, const char *genesis)
{
	Datum		values[] = {Int32GetDatum(chain_id), CStringGetTextDatum(genesis)};

	store_write(&write_genesis, values, NULL, 0);
}

void
broadcaster_store_halt(int chain_id, const char *reason)
{
	Datum		values[] = {Int32GetDatum(chain_id), CStringGetTextDatum(reason)};

	store_write(&write_halt, values, NULL, 0);
}
