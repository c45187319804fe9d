/*
 * rpc_round.c
 *		Any number of calls to one endpoint, in as many JSON-RPC batches as it takes.
 *
 * In the broadcaster, outside of transactions.  Keeps the endpoint's health
 * on the way: only what the transport shows counts against it, never what it
 * says of a transaction.
 */
#include "postgres.h"

#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "chain/rpc_round.h"
#include "core/settings.h"

/* Far above any receipt, far below what hurts. */
#define MAX_RESPONSE (64 * 1024 * 1024)

typedef struct RoundPart
{
	RpcRound   *round;
	int			first;
} RoundPart;

RpcRound *
round_create(ChainWork *chain, Endpoint *endpoint)
{
	MemoryContext context = AllocSetContextCreate(broadcaster_context(), "dalp RPC round", ALLOCSET_SMALL_SIZES);
	RpcRound   *round = MemoryContextAllocZero(context, sizeof(RpcRound));

	round->context = context;
	round->chain = chain;
	round->endpoint = endpoint;
	return round;
}

int
round_add(RpcRound *round, const char *method, const Doc *params)
{
	if (round->call_count == round->capacity)
	{
		round->capacity = round->capacity == 0 ? 16 : round->capacity * 2;
		if (round->calls == NULL)
			round->calls = MemoryContextAlloc(round->context, round->capacity * sizeof(RoundCall));
		else
			round->calls = repalloc(round->calls, round->capacity * sizeof(RoundCall));
	}
	round->calls[round->call_count].method = method;
	round->calls[round->call_count].params = params;
	return round->call_count++;
}

void
round_drop(RpcRound *round)
{
	MemoryContextDelete(round->context);
}

/* Takes note of what the batch shows of the endpoint. */
static void
part_health(RpcRound *round, const RpcBatch *batch)
{
	Endpoint   *endpoint = round->endpoint;
	bool		too_large = false;

	switch (batch->outcome)
	{
		case RPC_BATCH_ANSWERED:
			endpoint_answered(endpoint, GetCurrentTimestamp() - round->started_at);
			return;
		case RPC_BATCH_INCOMPLETE:
			break;
		case RPC_BATCH_REFUSED:
			too_large = true;
			break;
		case RPC_BATCH_HTTP_STATUS:
			too_large = batch->http_status == 413;
			break;
		case RPC_BATCH_TRANSPORT:
			too_large = batch->transport == HTTP_TOO_LARGE;
			break;
		case RPC_BATCH_RATE_LIMITED:
		case RPC_BATCH_NOT_JSON:
		case RPC_BATCH_NOT_SENT:
			break;
	}
	round->failed = true;
	/* Perhaps it was too much at once: smaller batches before the breaker. */
	if (too_large && batch->call_count > 1)
		endpoint->batch_now = Max(1, Min(endpoint->batch_now, batch->call_count) / 2);
	else
		endpoint_failed(round->chain, endpoint, batch->retry_after_ms, batch->error);
}

static void
part_done(void *argument, const RpcBatch *batch)
{
	RoundPart  *part = argument;
	RpcRound   *round = part->round;
	MemoryContext old = MemoryContextSwitchTo(round->context);

	part_health(round, batch);
	for (int i = 0; i < batch->call_count; i++)
		round->extract(round, part->first + i, &batch->calls[i]);
	if (--round->outstanding == 0)
	{
		round->done(round);
		MemoryContextSwitchTo(old);
		MemoryContextDelete(round->context);
		return;
	}
	MemoryContextSwitchTo(old);
}

void
round_start(RpcRound *round,
			void (*extract) (RpcRound *round, int index, const RpcCall *call),
			void (*done) (RpcRound *round))
{
	int			size = Max(1, Min(round->endpoint->batch_now, dalp_rpc_batch_size));
	const Endpoint *endpoint = round->endpoint;
	RpcEndpoint target = {
		.url = endpoint->url,
		.connect_timeout_ms = dalp_rpc_connect_timeout,
		.total_timeout_ms = endpoint->timeout_ms > 0 ? endpoint->timeout_ms : dalp_rpc_timeout,
		.max_response_bytes = MAX_RESPONSE,
		.allow_private = dalp_allow_private_endpoints
	};

	Assert(round->call_count > 0);
	round->extract = extract;
	round->done = done;
	round->started_at = GetCurrentTimestamp();
	round->outstanding = (round->call_count + size - 1) / size;
	for (int first = 0; first < round->call_count; first += size)
	{
		/* Not a child of the round's context, which is gone before the batch is. */
		RpcBatch   *batch = rpc_batch_create(broadcaster_context());
		RoundPart  *part = MemoryContextAlloc(round->context, sizeof(RoundPart));

		part->round = round;
		part->first = first;
		for (int i = first; i < Min(first + size, round->call_count); i++)
			rpc_batch_add(batch, round->calls[i].method, round->calls[i].params);
		rpc_batch_send(batch, broadcaster_client(), &target, part_done, part);
	}
}

RpcClass
round_class(const RpcRound *round, const RpcCall *call)
{
	int			count;
	const RpcRule *rules = broadcaster_rules(&count);

	if (call->outcome != RPC_ERROR)
		return RPC_CLASS_AMBIGUOUS;
	return rpc_classify(rules, count, round->endpoint->client, call->error_code, call->error_message);
}

const Doc *
round_params(const char *first,...)
{
	Doc		   *params = doc_array();
	va_list		args;

	va_start(args, first);
	for (const char *text = first; text != NULL; text = va_arg(args, const char *))
		doc_array_add(params, doc_text(text));
	va_end(args);
	return params;
}
