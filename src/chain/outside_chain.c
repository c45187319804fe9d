/*
 * outside_chain.c
 *		Asks the nodes what states chain:call want to know.
 *
 * In the broadcaster, outside of transactions.  All calls of one chain that
 * wait go into one round.  What the transport or an endpoint's state of mind is to
 * blame for is asked again, of whichever endpoint the pool gives, until the
 * call's time is over; what the node says of the call itself is its answer.
 */
#include "postgres.h"

#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "chain/call.h"
#include "chain/outside.h"
#include "chain/request.h"
#include "chain/rpc_round.h"

/* So that a node that hangs leaves connections to the chain's other work. */
#define ROUNDS_PER_CHAIN 2

/* Calls of a round. */
#define CALLS_PER_ROUND 64

/* Between looks for an endpoint. */
#define RETRY_MS 50

/* Rounds under way, by chain. */
typedef struct Rounds
{
	int			chain_id;
	int			count;
} Rounds;

static List *under_way = NIL;

typedef struct CallRound
{
	Rounds	   *rounds;
	OutsideWork *works[CALLS_PER_ROUND];
	RpcClass	last_class[CALLS_PER_ROUND];
} CallRound;

static Rounds *
rounds_of(int chain_id)
{
	ListCell   *cell;
	MemoryContext old;
	Rounds	   *rounds;

	foreach(cell, under_way)
		if (((Rounds *) lfirst(cell))->chain_id == chain_id)
			return lfirst(cell);
	old = MemoryContextSwitchTo(broadcaster_context());
	rounds = palloc0(sizeof(Rounds));
	rounds->chain_id = chain_id;
	under_way = lappend(under_way, rounds);
	MemoryContextSwitchTo(old);
	return rounds;
}

/* The node's result, decoded; all in the work's context. */
static void
finish_answered(OutsideWork *work, const Doc *result)
{
	const char *function = doc_get_text(work->request, "function");
	const AbiItem *item = NULL;
	Problem		problem = {{0}, {0}};

	if (function != NULL)
		item = request_find_item(doc_get(work->request, "abi"), ABI_ITEM_FUNCTION, function, &problem);
	/* The round's memory ends before the work's. */
	if (doc_is(result, DOC_STRING))
		result = doc_string(result->text, result->length);
	result = call_decode(item, result, &problem);
	if (result != NULL)
		outside_succeed(work, result);
	else
		outside_fail(work, "Chain.InvalidResponse",
					 psprintf("%s: the answer is not what the function's outputs say: %s; is there a contract with that function at this address?",
							  work->target, problem.message));
}

/* {"reason", "code", "message", "data"} of a revert; data as the node gave it. */
static void
finish_refused(OutsideWork *work, RpcClass class, const RpcCall *call)
{
	const Doc  *abi = doc_get(work->request, "abi");
	Problem		problem = {{0}, {0}};
	const char *reason = call_revert_reason(call->error_data, abi == NULL ? NULL : abi_contract_from_doc(abi, &problem));
	Doc		   *cause = doc_object();

	if (reason != NULL)
		doc_object_add(cause, "reason", doc_text(reason));
	doc_object_add(cause, "class", doc_text(rpc_class_name(class)));
	doc_object_add(cause, "code", doc_int(call->error_code));
	doc_object_add(cause, "message", doc_text(call->error_message != NULL ? call->error_message : ""));
	if (call->error_data != NULL)
		doc_object_add(cause, "data", call->error_data);
	outside_fail(work, class == RPC_CLASS_REVERTED || reason != NULL ? "Chain.Reverted" : "Chain.Rejected",
				 doc_write(cause, NULL));
}

static void
call_extract(RpcRound *round, int index, const RpcCall *call)
{
	CallRound  *state = round->state;
	OutsideWork *work = state->works[index];
	MemoryContext old = MemoryContextSwitchTo(work->context);

	if (call->outcome == RPC_RESULT)
		finish_answered(work, call->result);
	else if (call->outcome == RPC_ERROR && !rpc_class_endpoint(round_class(round, call)))
		finish_refused(work, round_class(round, call), call);
	else
	{
		/* Others first for a while; a transport that failed has been seen to. */
		if (call->outcome == RPC_ERROR)
			endpoint_behind(round->chain, round->endpoint);
		work->state = OUTSIDE_WAITING;
	}
	MemoryContextSwitchTo(old);
}

static void
call_done(RpcRound *round)
{
	((CallRound *) round->state)->rounds->count--;
}

static const Doc *
call_params(const Doc *request)
{
	static const char *const members[] = {"from", "to", "data"};
	Doc		   *call = doc_object();
	Doc		   *params = doc_array();

	for (size_t i = 0; i < lengthof(members); i++)
		if (doc_get(request, members[i]) != NULL)
			doc_object_add(call, members[i], doc_get(request, members[i]));
	doc_array_add(params, call);
	doc_array_add(params, doc_get(request, "block"));
	return params;
}

/* One round of what waits for the chain; the works' documents live longer than it. */
static void
round_of_chain(dlist_head *works, ChainWork *chain, Endpoint *endpoint, Rounds *rounds)
{
	RpcRound   *round = round_create(chain, endpoint);
	MemoryContext old = MemoryContextSwitchTo(round->context);
	CallRound  *state = palloc0(sizeof(CallRound));
	dlist_iter	iter;

	round->state = state;
	state->rounds = rounds;
	dlist_foreach(iter, works)
	{
		OutsideWork *work = dlist_container(OutsideWork, node, iter.cur);

		if (work->state != OUTSIDE_WAITING || strcmp(doc_get_text(work->request, "chain"), chain->name) != 0)
			continue;
		if (round->call_count == CALLS_PER_ROUND)
			break;
		work->state = OUTSIDE_UNDER_WAY;
		state->works[round_add(round, "eth_call", call_params(work->request))] = work;
	}
	rounds->count++;
	MemoryContextSwitchTo(old);
	round_start(round, call_extract, call_done);
}

static void
give_up(OutsideWork *work)
{
	if (work->expires_at != DT_NOEND)
		outside_fail(work, "States.Timeout", psprintf("%s: no endpoint has answered in time", work->target));
	else
		outside_fail(work, "Chain.Unavailable",
					 psprintf("%s: no endpoint has answered within dalp.http_timeout", work->target));
}

void
outside_chain_start(dlist_head *works, TimestampTz now, TimestampTz *due)
{
	dlist_iter	iter;

	dlist_foreach(iter, works)
	{
		OutsideWork *work = dlist_container(OutsideWork, node, iter.cur);
		ChainWork  *chain;
		Rounds	   *rounds;
		Endpoint   *endpoint;

		if (work->state != OUTSIDE_WAITING)
			continue;
		chain = broadcaster_chain_by_name(doc_get_text(work->request, "chain"));
		if (chain == NULL)
		{
			/* It may have been made after the last look at the tables. */
			if (work->chain_sought)
				outside_fail(work, "Chain.Rejected", psprintf("%s does not exist", work->target));
			work->chain_sought = true;
			broadcaster_has_news();
			continue;
		}
		if (now >= work->give_up_at)
		{
			give_up(work);
			*due = now;
			continue;
		}
		rounds = rounds_of(chain->id);
		endpoint = rounds->count < ROUNDS_PER_CHAIN ? endpoint_pick(chain, now, due) : NULL;
		if (endpoint != NULL)
			round_of_chain(works, chain, endpoint, rounds);
		else
			*due = Min(*due, TimestampTzPlusMilliseconds(now, RETRY_MS));
	}
}
