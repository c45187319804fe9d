/*
 * watch.c
 *		Follows a chain: its head, what it charges, and how far our wallets are.
 *
 * In the broadcaster.  One round asks one endpoint for the head, the final
 * block, recent fees and the transaction counts of the wallets that matter;
 * then receipts.c asks the same endpoint for what the counts say is consumed.
 * A head whose parent isn't the head before makes all included transactions be
 * read again; so do gaps, because what was in between isn't known.
 */
#include "postgres.h"

#include "utils/timestamp.h"

#include "chain/receipts.h"
#include "chain/replace.h"
#include "chain/rpc_round.h"
#include "core/settings.h"
#include "core/stop_point.h"

/* A node that is behind the known head so often in a row has rolled back, if there is no other. */
#define LOWER_HEADS 3

/* Pause after a look that failed; the breaker paces the endpoints themselves. */
#define RETRY_MS 100

typedef struct WatchState
{
	int			lane_count;
	WatchLane  *lanes;
	int			tag_call;		/* -1: none */
	int			fee_call;
	int			first_count;	/* two calls a lane: latest, pending */

	bool		has_head;
	int64		number;
	char		hash[HASH_TEXT_SIZE];
	char		parent[HASH_TEXT_SIZE];
	uint64		gas_limit;
	bool		has_base;
	U256		base;
	int64		tag_block;		/* -1: unknown */
	FeeMarket	market;
} WatchState;

void
watch_end(ChainWork *chain, bool at_once)
{
	chain->watching = false;
	chain->watch_at = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), at_once ? RETRY_MS : dalp_poll_interval);
}

/* ------------------------------------------------------------------------
 * Reading the answers
 * ---------------------------------------------------------------------- */

static const Doc *
block_params(const char *block)
{
	Doc		   *params = doc_array();

	doc_array_add(params, doc_text(block));
	doc_array_add(params, doc_bool(false));
	return params;
}

static int
compare_u256(const void *a, const void *b)
{
	return u256_compare(a, b);
}

/* Median of one percentile over the blocks that had transactions; false if none had. */
static bool
median_reward(const Doc *history, int level, U256 *median)
{
	const Doc  *rewards = doc_get(history, "reward");
	const Doc  *ratios = doc_get(history, "gasUsedRatio");
	U256	   *values;
	int			count = 0;

	if (!doc_is(rewards, DOC_ARRAY))
		return false;
	values = palloc(rewards->length * sizeof(U256) + 1);
	for (uint32_t i = 0; i < rewards->length; i++)
	{
		const Doc  *block = rewards->items[i];

		if (doc_is(ratios, DOC_ARRAY) && i < ratios->length && doc_is(ratios->items[i], DOC_NUMBER) &&
			doc_to_double(ratios->items[i]) <= 0)
			continue;
		if (doc_is(block, DOC_ARRAY) && level < (int) block->length && quantity_u256(block->items[level], &values[count]))
			count++;
	}
	if (count == 0)
		return false;
	qsort(values, count, sizeof(U256), compare_u256);
	*median = values[count / 2];
	return true;
}

static void
read_fees(WatchState *state, FeeMode mode, const Doc *result)
{
	if (mode == FEE_LEGACY)
	{
		state->market.known = quantity_u256(result, &state->market.gas_price);
		return;
	}
	else
	{
		const Doc  *bases = doc_get(result, "baseFeePerGas");

		/* One more than blocks: the last is the next block's. */
		state->market.known = doc_is(bases, DOC_ARRAY) && bases->length > 0 &&
			quantity_u256(bases->items[bases->length - 1], &state->market.next_base);
		state->market.has_tips = true;
		for (int level = 0; level < FEE_LEVELS; level++)
			state->market.has_tips = state->market.has_tips &&
				median_reward(result, level, &state->market.tips[level]);
	}
}

static void
watch_extract(RpcRound *round, int index, const RpcCall *call)
{
	WatchState *state = round->state;
	const Doc  *result = call->result;

	if (call->outcome != RPC_RESULT)
		return;
	if (index == 0)
	{
		state->has_head = quantity_int64(doc_get(result, "number"), &state->number) &&
			quantity_hash(doc_get(result, "hash"), state->hash) &&
			quantity_hash(doc_get(result, "parentHash"), state->parent) &&
			quantity_u64(doc_get(result, "gasLimit"), &state->gas_limit);
		state->has_base = quantity_u256(doc_get(result, "baseFeePerGas"), &state->base);
	}
	else if (index == state->tag_call)
	{
		if (!quantity_int64(doc_get(result, "number"), &state->tag_block))
			state->tag_block = -1;
	}
	else if (index == state->fee_call)
		read_fees(state, round->chain->fees.mode, result);
	else if (index >= state->first_count)
	{
		WatchLane  *lane = &state->lanes[(index - state->first_count) / 2];

		if ((index - state->first_count) % 2 == 0)
			lane->has_latest = quantity_u64(result, &lane->latest);
		else
			lane->has_pending = quantity_u64(result, &lane->pending);
	}
}

/* ------------------------------------------------------------------------
 * Following
 * ---------------------------------------------------------------------- */

/* What the market asks, as far as the answers tell. */
static FeeMarket
market_of(const ChainWork *chain, const WatchState *state)
{
	FeeMarket	market = state->market;

	if (chain->fees.mode == FEE_ZERO)
		market.known = true;
	else if (chain->fees.mode == FEE_EIP1559 && !market.known && state->has_base)
	{
		/* Without a history: the base fee grows by an eighth at most. */
		market.known = u256_scale_up(&market.next_base, &state->base, 9, 8);
		market.has_tips = false;
	}
	return market;
}

/* In a transaction: whether to believe this head; sets reread where the branch may be another. */
static bool
head_accept(RpcRound *round, const WatchState *state)
{
	ChainWork  *chain = round->chain;

	if (state->number < chain->head && watch_store_knows_block(chain->id, state->number, state->hash) &&
		++chain->lower_heads < LOWER_HEADS)
	{
		endpoint_behind(chain, round->endpoint);
		return false;
	}
	chain->lower_heads = 0;
	if (!(state->number == chain->head + 1 && strcmp(state->parent, chain->head_hash) == 0))
		chain->reread = true;
	return true;
}

static void
watch_done(RpcRound *round)
{
	WatchState *state = round->state;
	ChainWork  *chain = round->chain;
	MemoryContext back;
	bool		moved;

	if (round->failed || !state->has_head)
	{
		if (!round->failed)
			endpoint_failed(chain, round->endpoint, 0, "it does not tell its latest block");
		watch_end(chain, true);
		return;
	}
	endpoint_head(round->endpoint, state->number);
	moved = strcmp(state->hash, chain->head_hash) != 0;
	back = broadcaster_begin("following a chain");
	if (moved && !head_accept(round, state))
	{
		broadcaster_commit(back);
		watch_end(chain, true);
		return;
	}
	if (chain->finality.kind == FINALITY_TAG && state->tag_block < 0)
		endpoint_without_tag(chain, round->endpoint);
	chain->market = market_of(chain, state);
	chain->head_at = GetCurrentTimestamp();
	chain->final_block = finality_block(&chain->finality, state->number, state->tag_block);
	chain->block_gas = state->gas_limit;
	watch_store_activate(chain->id, state->lanes, state->lane_count);
	if (moved)
	{
		watch_store_block(chain->id, state->number, state->hash, state->parent, state->has_base ? &state->base : NULL);
		chain->head = state->number;
		replace_consider(chain);
	}
	broadcaster_commit(back);

	/* Only now: after an error before the commit the process is gone anyway. */
	strlcpy(chain->head_hash, state->hash, sizeof(chain->head_hash));
	chain->prepare_due = true;
	chain->send_due = true;
	chain->funds_due = chain->funds_due || moved;
	broadcaster_has_news();
	if (moved || chain->reread)
		receipts_start(chain, round->endpoint, state->lanes, state->lane_count);
	else
		watch_end(chain, false);
}

void
watch_start(ChainWork *chain, Endpoint *endpoint)
{
	RpcRound   *round = round_create(chain, endpoint);
	MemoryContext old = MemoryContextSwitchTo(round->context);
	WatchState *state = palloc0(sizeof(WatchState));
	MemoryContext back;

	chain->watching = true;
	round->state = state;
	back = broadcaster_begin("reading wallets to watch");
	state->lanes = watch_store_lanes(chain->id, round->context, &state->lane_count);
	broadcaster_commit(back);

	state->tag_call = state->fee_call = state->tag_block = -1;
	round_add(round, "eth_getBlockByNumber", block_params("latest"));
	if (chain->finality.kind == FINALITY_TAG)
		state->tag_call = round_add(round, "eth_getBlockByNumber", block_params(chain->finality.tag));
	if (chain->fees.mode == FEE_EIP1559)
	{
		Problem		problem = {{0}, {0}};
		char	   *params = psprintf("[\"0x%x\",\"latest\",%s]", FEE_HISTORY_BLOCKS, FEE_PERCENTILES);

		state->fee_call = round_add(round, "eth_feeHistory", doc_parse(params, strlen(params), &problem));
	}
	else if (chain->fees.mode == FEE_LEGACY)
		state->fee_call = round_add(round, "eth_gasPrice", doc_array());
	state->first_count = round->call_count;
	for (int i = 0; i < state->lane_count; i++)
	{
		round_add(round, "eth_getTransactionCount", round_params(state->lanes[i].address, "latest", NULL));
		round_add(round, "eth_getTransactionCount", round_params(state->lanes[i].address, "pending", NULL));
	}
	MemoryContextSwitchTo(old);
	round_start(round, watch_extract, watch_done);
}
