/*
 * prepare.c
 *		Gas, fees and funds of queued requests, before any nonce is bound.
 *
 * In the broadcaster.  A request that would revert ends here without a nonce,
 * so nothing can queue up behind it.  But what reverts now may only come too
 * early, after transactions of the same wallet that no block has taken yet:
 * then it is tried again once the chain has them, and only that revert counts.
 *
 * A request with a gas limit given by its caller isn't simulated: who sets it
 * wants the transaction sent.
 */
#include "postgres.h"

#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "chain/ending.h"
#include "chain/lane_store.h"
#include "chain/prepare_store.h"
#include "chain/result.h"
#include "chain/rpc_round.h"
#include "core/document_jsonb.h"
#include "core/settings.h"
#include "core/stop_point.h"

/* Requests in one round, over all wallets. */
#define CANDIDATES 500

/* Expired requests in one transaction. */
#define EXPIRED 500

/* An estimate that fails for an unknown reason: pauses, and how often before it ends the request. */
#define HOLD_MS 1000
#define HOLD_FAILURES 8

/* A request that waits before it is prepared again. */
typedef struct Held
{
	int64		request_id;		/* key */
	TimestampTz until;
	int			failures;		/* unknown answers in a row */
	bool		after_nonce;	/* reverted; counts once this nonce of its wallet is in a block */
	uint64		nonce;
	TimestampTz forget_at;
} Held;

typedef struct CandidateAnswer
{
	int			estimate_call;	/* -1: gas was given */
	int			balance_call;	/* of the first candidate of a wallet, else -1 */
	int			count_call;		/* likewise: transactions that blocks have taken */
	bool		has_gas;
	uint64		gas;
	bool		has_balance;
	U256		balance;
	bool		has_count;
	uint64		count;
	int			final_call;		/* likewise: of those, in final blocks; -1 also without a final block */
	bool		has_final;
	uint64		final;
	bool		has_error;
	RpcClass	class;
	char	   *message;
	const char *cause;			/* decoded revert */
} CandidateAnswer;

typedef struct PrepareState
{
	int			count;
	Candidate  *candidates;
	CandidateAnswer *answers;
	bool		funds;			/* lanes without funds were included */

	/* What is to be written. */
	Prepared   *prepared;
	int			prepared_count;
	Ending	   *endings;
	int			ending_count;
} PrepareState;

/* ------------------------------------------------------------------------
 * Requests that wait
 * ---------------------------------------------------------------------- */

static HTAB *
held_requests(ChainWork *chain)
{
	if (chain->held == NULL)
	{
		HASHCTL		control = {.keysize = sizeof(int64), .entrysize = sizeof(Held), .hcxt = broadcaster_context()};

		chain->held = hash_create("dalp held requests", 64, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	}
	return chain->held;
}

static Held *
hold(ChainWork *chain, int64 request_id, int milliseconds)
{
	bool		found;
	Held	   *held = hash_search(held_requests(chain), &request_id, HASH_ENTER, &found);
	TimestampTz now = GetCurrentTimestamp();

	if (!found)
		memset((char *) held + sizeof(int64), 0, sizeof(Held) - sizeof(int64));
	held->until = TimestampTzPlusMilliseconds(now, milliseconds);
	held->forget_at = TimestampTzPlusMilliseconds(held->until, 600000);
	return held;
}

/* Ids of those that wait now; forgets entries of requests that are long gone. */
static int64 *
held_now(ChainWork *chain, int *count)
{
	HTAB	   *table = held_requests(chain);
	int64	   *requests = palloc(hash_get_num_entries(table) * sizeof(int64) + 1);
	TimestampTz now = GetCurrentTimestamp();
	HASH_SEQ_STATUS scan;
	Held	   *held;

	*count = 0;
	hash_seq_init(&scan, table);
	while ((held = hash_seq_search(&scan)) != NULL)
	{
		if (held->until > now)
			requests[(*count)++] = held->request_id;
		else if (held->forget_at < now)
			hash_search(table, &held->request_id, HASH_REMOVE, NULL);
	}
	return requests;
}

static void
release(ChainWork *chain, int64 request_id)
{
	hash_search(held_requests(chain), &request_id, HASH_REMOVE, NULL);
}

/* ------------------------------------------------------------------------
 * Asking
 * ---------------------------------------------------------------------- */

static const Doc *
estimate_params(const Candidate *candidate)
{
	Doc		   *params = doc_array();
	Doc		   *call = doc_object();

	doc_object_add(call, "from", doc_text(candidate->from));
	if (candidate->to != NULL)
		doc_object_add(call, "to", doc_text(candidate->to));
	doc_object_add(call, "value", quantity_doc(&candidate->value));
	doc_object_add(call, "data", doc_text(psprintf("0x%s", candidate->data)));
	doc_array_add(params, call);
	return params;
}

static const Doc *
final_params(const ChainWork *chain, const Candidate *candidate)
{
	Doc		   *params = doc_array();

	doc_array_add(params, doc_text(candidate->from));
	doc_array_add(params, quantity_doc_u64((uint64) chain->final_block));
	return params;
}

static void
prepare_ask(RpcRound *round, PrepareState *state)
{
	for (int i = 0; i < state->count; i++)
	{
		const Candidate *candidate = &state->candidates[i];
		CandidateAnswer *answer = &state->answers[i];

		answer->balance_call = answer->count_call = answer->final_call = answer->estimate_call = -1;
		if (i == 0 || candidate->wallet_id != state->candidates[i - 1].wallet_id)
		{
			answer->balance_call = round_add(round, "eth_getBalance", round_params(candidate->from, "latest", NULL));
			answer->count_call = round_add(round, "eth_getTransactionCount", round_params(candidate->from, "latest", NULL));
			if (round->chain->final_block >= 0)
				answer->final_call = round_add(round, "eth_getTransactionCount", final_params(round->chain, candidate));
		}
		if (!candidate->has_gas && !candidate->expired)
			answer->estimate_call = round_add(round, "eth_estimateGas", estimate_params(candidate));
	}
}

static const AbiContract *
contract_of(const Candidate *candidate)
{
	Problem		problem = {{0}, {0}};

	return candidate->abi == NULL ? NULL : abi_contract_from_doc(doc_from_jsonb(candidate->abi), &problem);
}

static void
prepare_extract(RpcRound *round, int index, const RpcCall *call)
{
	PrepareState *state = round->state;
	int			i = 0;
	CandidateAnswer *answer;
	Bytes		data;

	/* Calls were added in the order of candidates: the last one whose first call isn't behind. */
	for (int next = 1; next < state->count; next++)
	{
		const CandidateAnswer *other = &state->answers[next];
		int			first = other->balance_call >= 0 ? other->balance_call : other->estimate_call;

		if (first >= 0 && first <= index)
			i = next;
		else if (first > index)
			break;
	}
	answer = &state->answers[i];
	if (index == answer->balance_call)
		answer->has_balance = call->outcome == RPC_RESULT && quantity_u256(call->result, &answer->balance);
	else if (index == answer->count_call)
		answer->has_count = call->outcome == RPC_RESULT && quantity_u64(call->result, &answer->count);
	else if (index == answer->final_call)
		answer->has_final = call->outcome == RPC_RESULT && quantity_u64(call->result, &answer->final);
	else if (call->outcome == RPC_RESULT)
		answer->has_gas = quantity_u64(call->result, &answer->gas);
	else if (call->outcome == RPC_ERROR)
	{
		answer->has_error = true;
		answer->class = round_class(round, call);
		answer->message = pstrdup(call->error_message);
		if (revert_data(call->error_data, &data) && data.length > 0)
		{
			/* Return data proves a revert, whatever the words around it. */
			answer->class = RPC_CLASS_REVERTED;
			answer->cause = revert_cause(contract_of(&state->candidates[i]), &data);
		}
	}
}

/* ------------------------------------------------------------------------
 * Deciding
 * ---------------------------------------------------------------------- */

static void
end_request(PrepareState *state, const Candidate *candidate, RequestState to, const char *error, const char *cause)
{
	Ending	   *ending = &state->endings[state->ending_count++];
	Doc		   *details = doc_object();

	memset(ending, 0, sizeof(*ending));
	doc_object_add(details, "error", doc_text(error));
	doc_object_add(details, "cause", doc_text(cause));
	ending->request_id = candidate->request_id;
	ending->state = to;
	ending->error = error;
	ending->cause = cause;
	ending->details = details;
}

/* The estimate gave an error. `ahead`: nonces of the wallet that come before it and no block has taken. */
static void
refused(ChainWork *chain, PrepareState *state, int i, uint64 taken, uint64 ahead_of)
{
	const Candidate *candidate = &state->candidates[i];
	const CandidateAnswer *answer = &state->answers[i];
	Held	   *held;

	if (answer->class == RPC_CLASS_REVERTED)
	{
		bool		found;
		Held	   *known = hash_search(held_requests(chain), &candidate->request_id, HASH_FIND, &found);
		uint64		nonce = found && known->after_nonce ? known->nonce : ahead_of;

		if (taken < nonce)
		{
			held = hold(chain, candidate->request_id, HOLD_MS);
			held->after_nonce = true;
			held->nonce = nonce;
			return;
		}
		end_request(state, candidate, ending_refused(candidate->has_run), "Chain.Reverted",
					answer->cause != NULL ? answer->cause : answer->message);
		release(chain, candidate->request_id);
		return;
	}
	held = hold(chain, candidate->request_id, HOLD_MS);
	if (rpc_class_endpoint(answer->class))
		return;
	held->failures++;
	if (answer->class == RPC_CLASS_PERMANENT || held->failures >= HOLD_FAILURES)
	{
		end_request(state, candidate, ending_refused(candidate->has_run), "Chain.Rejected", answer->message);
		release(chain, candidate->request_id);
	}
	else
		held->until = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), HOLD_MS * held->failures);
}

/*
 * The chain has more of the wallet's transactions than we have given nonces:
 * somebody else has its key.  The wallet pauses; once an operator has resumed
 * it, the nonces that final blocks have taken are left to whoever used them.
 */
static void
used_elsewhere(ChainWork *chain, const Candidate *candidate, const CandidateAnswer *wallet)
{
	bool		seen;

	if (chain->foreign == NULL)
	{
		HASHCTL		control = {.keysize = sizeof(int), .entrysize = sizeof(int), .hcxt = broadcaster_context()};

		chain->foreign = hash_create("dalp wallets used elsewhere", 16, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	}
	hash_search(chain->foreign, &candidate->wallet_id, HASH_ENTER, &seen);
	if (seen && wallet->has_final && wallet->final > candidate->next_nonce)
	{
		prepare_store_skip_nonces(chain->id, candidate->wallet_id, wallet->final);
		hash_search(chain->foreign, &candidate->wallet_id, HASH_REMOVE, NULL);
		return;
	}
	lane_store_pause_active(chain->id, candidate->wallet_id, "foreign",
						psprintf("the chain counts " UINT64_FORMAT " transactions of %s, dalp has given the nonces below " UINT64_FORMAT
								 ": its key is used elsewhere", wallet->count, candidate->from, candidate->next_nonce));
	ereport(WARNING,
			(errmsg("key of %s is used elsewhere on chain \"%s\"", candidate->from, chain->name),
			 errdetail("The chain counts " UINT64_FORMAT " transactions, dalp has given the nonces below " UINT64_FORMAT ".",
					   wallet->count, candidate->next_nonce),
			 errhint("Find out who has the key, then use dalp.resume_wallet().")));
}

/* Decides the candidates of one wallet, in their order: first .. next - 1. */
static void
prepare_wallet(RpcRound *round, int first, int next)
{
	PrepareState *state = round->state;
	ChainWork  *chain = round->chain;
	const CandidateAnswer *wallet = &state->answers[first];
	U256		spent = state->candidates[first].reserved;
	uint64		nonce = state->candidates[first].next_nonce;
	bool		any = false;

	if (!wallet->has_balance || !wallet->has_count)
		return;
	if (wallet->count > nonce)
	{
		used_elsewhere(chain, &state->candidates[first], wallet);
		return;
	}
	for (int i = first; i < next; i++)
	{
		const Candidate *candidate = &state->candidates[i];
		const CandidateAnswer *answer = &state->answers[i];
		FeePolicy	policy = fees_limited(&chain->fees, candidate->has_limit ? &candidate->limit : NULL);
		Prepared   *prepared = &state->prepared[state->prepared_count];
		U256		gas,
					cost;

		if (candidate->expired)
		{
			end_request(state, candidate, REQUEST_CANCELLED, "Chain.Expired", "its time was over before a nonce was bound");
			continue;
		}
		if (answer->has_error && answer->class != RPC_CLASS_FUNDS)
		{
			refused(chain, state, i, wallet->count, nonce);
			continue;
		}
		if (!candidate->has_gas && !answer->has_gas && !answer->has_error)
			continue;
		prepared->request_id = candidate->request_id;
		prepared->gas = candidate->has_gas ? candidate->gas_limit : fees_gas(answer->gas, chain->block_gas);
		prepared->fees = fees_initial(&chain->market, &policy, candidate->priority);
		gas = u256_from_u64(prepared->gas);
		if (!u256_multiply(&cost, &gas, &prepared->fees.max_fee) || !u256_add(&cost, &cost, &candidate->value) ||
			!u256_add(&cost, &cost, &spent) || u256_compare(&cost, &wallet->balance) > 0 || answer->has_error)
		{
			/* The rest waits behind it, so that what comes first is served first. */
			lane_store_pause_active(chain->id, candidate->wallet_id, "funds",
								psprintf("%s has %s wei, transaction " INT64_FORMAT " needs %s with those before it",
											candidate->from, quantity_decimal(&wallet->balance), candidate->request_id,
											answer->has_error ? "more" : quantity_decimal(&cost)));
			return;
		}
		spent = cost;
		nonce++;
		state->prepared_count++;
		any = true;
		release(chain, candidate->request_id);
	}
	if (any && state->candidates[first].no_funds)
		lane_store_resume_funded(chain->id, state->candidates[first].wallet_id);
}

static void
prepare_done(RpcRound *round)
{
	PrepareState *state = round->state;
	ChainWork  *chain = round->chain;
	MemoryContext back;

	chain->preparing = false;
	if (round->failed)
	{
		chain->prepare_due = true;
		broadcaster_has_news();
		return;
	}
	state->prepared = palloc(state->count * sizeof(Prepared));
	state->endings = palloc(state->count * sizeof(Ending));
	back = broadcaster_begin("preparing transactions");
	for (int first = 0, next; first < state->count; first = next)
	{
		for (next = first + 1; next < state->count; next++)
			if (state->candidates[next].wallet_id != state->candidates[first].wallet_id)
				break;
		prepare_wallet(round, first, next);
	}
	prepare_store_signing(state->prepared, state->prepared_count);
	endings_write(state->endings, state->ending_count);
	STOP_POINT("prepare_before_commit");
	broadcaster_commit(back);
	/* There may be more than one round took; what was refused is held. */
	if (state->prepared_count + state->ending_count > 0)
		chain->prepare_due = true;
	broadcaster_has_news();
}

void
prepare_start(ChainWork *chain, Endpoint *endpoint)
{
	RpcRound   *round = round_create(chain, endpoint);
	MemoryContext old = MemoryContextSwitchTo(round->context);
	PrepareState *state = palloc0(sizeof(PrepareState));
	int			held_count;
	int64	   *held = held_now(chain, &held_count);
	MemoryContext back;

	round->state = state;
	chain->prepare_due = false;
	state->funds = chain->funds_due;
	chain->funds_due = false;
	back = broadcaster_begin("reading queued transactions");
	state->candidates = prepare_store_candidates(chain->id, state->funds, held, held_count, dalp_bind_batch_size,
												 CANDIDATES, round->context, &state->count);
	broadcaster_commit(back);
	if (state->count == 0)
	{
		MemoryContextSwitchTo(old);
		round_drop(round);
		return;
	}
	chain->preparing = true;
	state->answers = palloc0(state->count * sizeof(CandidateAnswer));
	prepare_ask(round, state);
	MemoryContextSwitchTo(old);
	round_start(round, prepare_extract, prepare_done);
}

void
prepare_expire(ChainWork *chain)
{
	MemoryContext back = broadcaster_begin("expiring transactions");
	int			count;
	int64	   *requests = prepare_store_expired(chain->id, EXPIRED, &count);
	Candidate	candidate = {0};
	PrepareState state = {.endings = palloc(count * sizeof(Ending) + 1)};

	for (int i = 0; i < count; i++)
	{
		candidate.request_id = requests[i];
		end_request(&state, &candidate, REQUEST_CANCELLED, "Chain.Expired", "its time was over before a nonce was bound");
	}
	endings_write(state.endings, state.ending_count);
	broadcaster_commit(back);
}
