/*
 * receipts.c
 *		What has become of open slots: included, final, or out of the chain again.
 *
 * In the broadcaster.  The receipt of any attempt of a slot decides it.  A
 * result is final when its block is, and only after the receipt was read once
 * more and names the same block; the reading that found it doesn't count.
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "chain/ending.h"
#include "chain/lane_store.h"
#include "chain/receipts.h"
#include "chain/result.h"
#include "chain/rpc_round.h"
#include "core/document_jsonb.h"
#include "core/stop_point.h"
#include "core/wake.h"

/* Attempts in one round; the next one goes on behind them. */
#define ATTEMPTS_A_ROUND 500

/* A reverted transaction is run again on the state of its own block and of the one before. */
#define REPLAYS 2

typedef struct AttemptAnswer
{
	bool		answered;		/* with a receipt or with null */
	bool		has_receipt;
	Receipt		receipt;
	char	   *body;
	int			first_replay;	/* call index, or -1 */
	int			count_call;		/* of the first attempt of a wallet that no receipt was seen of, else -1 */
	int			count_owner;	/* index of that attempt, or -1 */
	bool		has_final_count;
	uint64		final_count;	/* nonces below are consumed for good */
	const char *cause;			/* why it reverted, as far as a replay tells */
} AttemptAnswer;

typedef struct ReceiptsState
{
	int			lane_count;
	WatchLane  *lanes;
	int			count;
	OpenAttempt *attempts;
	AttemptAnswer *answers;
	bool		more;			/* the limit was reached */
	bool		found_mined;	/* in this pass over the open slots */
} ReceiptsState;

static void receipts_go_on(ChainWork *chain, Endpoint *endpoint, const ReceiptsState *last,
						   const OpenAttempt *after);

/* What a round has found, by what is to be done. */
typedef struct Findings
{
	SlotMined  *mined;
	int			mined_count;
	SlotKey    *lost;
	int			lost_count;
	SlotKey    *final;
	int			final_count;
	Ending	   *endings;
	int			ending_count;
	int64	   *settled;
	int			settled_count;
	SlotKey    *foreign;
	int			foreign_count;
} Findings;

/* A nonce that is consumed for good, by none of our attempts as far as receipts tell. */
typedef struct Suspect
{
	int			wallet_id;		/* key, with the nonce */
	uint64		nonce;
	int64		head;			/* when first seen */
} Suspect;

#define SUSPECT_KEY (offsetof(Suspect, nonce) + sizeof(uint64))

static const AbiContract *
contract_of(const OpenAttempt *attempt)
{
	Problem		problem = {{0}, {0}};

	if (attempt->abi == NULL)
		return NULL;
	return abi_contract_from_doc(doc_from_jsonb(attempt->abi), &problem);
}

/* ------------------------------------------------------------------------
 * Asking
 * ---------------------------------------------------------------------- */

static const Doc *
replay_params(const OpenAttempt *attempt, int64 block)
{
	Doc		   *params = doc_array();
	Doc		   *call = doc_object();

	doc_object_add(call, "from", doc_text(attempt->from));
	if (attempt->to != NULL)
		doc_object_add(call, "to", doc_text(attempt->to));
	doc_object_add(call, "value", quantity_doc(&attempt->value));
	doc_object_add(call, "data", doc_text(psprintf("0x%s", attempt->data != NULL ? attempt->data : "")));
	doc_object_add(call, "gas", quantity_doc_u64(attempt->gas_limit));
	doc_array_add(params, call);
	doc_array_add(params, quantity_doc_u64((uint64) Max(block, 0)));
	return params;
}

static void
receipts_ask(RpcRound *round, ReceiptsState *state)
{
	int			owner = -1;

	for (int i = 0; i < state->count; i++)
		round_add(round, "eth_getTransactionReceipt", round_params(state->attempts[i].hash, NULL));
	for (int i = 0; i < state->count; i++)
	{
		const OpenAttempt *attempt = &state->attempts[i];

		state->answers[i].first_replay = -1;
		if (!attempt->reverted || slot_outcome(attempt->kind, 0) != SLOT_REVERTED)
			continue;
		state->answers[i].first_replay = round->call_count;
		for (int back = 0; back < REPLAYS; back++)
			round_add(round, "eth_call", replay_params(attempt, attempt->mined_block - back));
	}
	for (int i = 0; i < state->count; i++)
	{
		const OpenAttempt *attempt = &state->attempts[i];
		AttemptAnswer *answer = &state->answers[i];
		Doc		   *params;

		answer->count_call = answer->count_owner = -1;
		if (attempt->mined || round->chain->final_block < 0)
			continue;
		if (owner < 0 || state->attempts[owner].wallet_id != attempt->wallet_id)
		{
			owner = i;
			params = doc_array();
			doc_array_add(params, doc_text(attempt->from));
			doc_array_add(params, quantity_doc_u64((uint64) round->chain->final_block));
			answer->count_call = round_add(round, "eth_getTransactionCount", params);
		}
		answer->count_owner = owner;
	}
}

static void
receipts_extract(RpcRound *round, int index, const RpcCall *call)
{
	ReceiptsState *state = round->state;
	AttemptAnswer *answer;
	Problem		problem = {{0}, {0}};

	if (index >= state->count)
	{
		for (int i = 0; i < state->count; i++)
		{
			Bytes		data;

			answer = &state->answers[i];
			if (answer->count_call == index)
				answer->has_final_count = call->outcome == RPC_RESULT && quantity_u64(call->result, &answer->final_count);
			if (answer->first_replay < 0 || index < answer->first_replay || index >= answer->first_replay + REPLAYS)
				continue;
			if (call->outcome == RPC_ERROR && answer->cause == NULL && revert_data(call->error_data, &data))
				answer->cause = revert_cause(contract_of(&state->attempts[i]), &data);
		}
		return;
	}
	answer = &state->answers[index];
	if (call->outcome != RPC_RESULT)
		return;
	if (call->result->kind == DOC_NULL)
	{
		answer->answered = true;
		return;
	}
	/* Kept as text: the answer's documents go with the batch. */
	answer->body = doc_write(call->result, NULL);
	answer->has_receipt = answer->answered =
		receipt_read(doc_parse(answer->body, strlen(answer->body), &problem), &answer->receipt);
}

/* ------------------------------------------------------------------------
 * Deciding
 * ---------------------------------------------------------------------- */

static const Doc *
ending_details(const OpenAttempt *attempt, const Receipt *receipt)
{
	Doc		   *details = doc_object();

	doc_object_add(details, "hash", doc_text(attempt->hash));
	doc_object_add(details, "block_number", doc_int(receipt->block_number));
	doc_object_add(details, "block_hash", doc_text(receipt->block_hash));
	doc_object_add(details, "final", doc_bool(true));
	return details;
}

/* The slot is final: what that means for its request. */
static void
found_final(Findings *found, const OpenAttempt *attempt, const AttemptAnswer *answer)
{
	const Receipt *receipt = &answer->receipt;
	SlotOutcome outcome = slot_outcome(attempt->kind, receipt->status);
	Ending	   *ending;

	found->final[found->final_count++] = (SlotKey)
	{
		attempt->wallet_id, attempt->nonce, attempt->request_id, attempt->hash, attempt->mined_block_hash
	};
	if (attempt->request_id == 0)
		return;
	if (outcome == SLOT_FILLED)
	{
		found->settled[found->settled_count++] = attempt->request_id;
		return;
	}
	ending = &found->endings[found->ending_count++];
	memset(ending, 0, sizeof(*ending));
	ending->request_id = attempt->request_id;
	ending->state = slot_outcome_state(outcome);
	ending->hash = attempt->hash;
	ending->block = receipt->block_number;
	ending->details = ending_details(attempt, receipt);
	ending->result = result_document(attempt->request_id, attempt->hash, attempt->from, attempt->to,
									 attempt->nonce, receipt, contract_of(attempt));
	if (outcome == SLOT_CANCELLED)
	{
		ending->error = "Chain.Cancelled";
		ending->cause = attempt->cancel_reason;
	}
	else if (outcome == SLOT_REVERTED)
	{
		ending->error = "Chain.Reverted";
		if (answer->cause != NULL)
			ending->cause = answer->cause;
		else if (receipt->gas_used >= attempt->gas_limit)
			ending->cause = "out of gas";
		else
			ending->cause = "reverted without a reason that could be reproduced";
	}
}

static HTAB *
suspects(ChainWork *chain)
{
	if (chain->suspects == NULL)
	{
		HASHCTL		control = {.keysize = SUSPECT_KEY, .entrysize = sizeof(Suspect), .hcxt = broadcaster_context()};

		chain->suspects = hash_create("dalp suspect nonces", 16, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	}
	return chain->suspects;
}

/* A consumed nonce without a receipt: foreign once it was seen so in rounds of two blocks. */
static bool
slot_is_foreign(ChainWork *chain, const OpenAttempt *slot)
{
	Suspect		key;
	Suspect    *suspect;
	bool		found;

	memset(&key, 0, sizeof(key));
	key.wallet_id = slot->wallet_id;
	key.nonce = slot->nonce;
	suspect = hash_search(suspects(chain), &key, HASH_ENTER, &found);
	if (!found)
		suspect->head = chain->head;
	if (chain->head <= suspect->head)
		return false;
	hash_search(suspects(chain), &key, HASH_REMOVE, NULL);
	return true;
}

/*
 * Somebody else has used the nonce.  The request waits in the queue for another
 * one, behind the pause of its wallet that only an operator ends; unless it
 * was to be cancelled, or is dead already.
 */
static void
found_foreign(Findings *found, const OpenAttempt *slot)
{
	Ending	   *ending;

	found->foreign[found->foreign_count++] = (SlotKey)
	{
		slot->wallet_id, slot->nonce, slot->request_id, slot->hash, NULL
	};
	if (!slot->waiting)
	{
		if (slot->request_id != 0)
			found->settled[found->settled_count++] = slot->request_id;
		return;
	}
	if (slot->cancel_reason == NULL)
		return;
	ending = &found->endings[found->ending_count++];
	memset(ending, 0, sizeof(*ending));
	ending->request_id = slot->request_id;
	ending->state = REQUEST_CANCELLED;
	ending->error = "Chain.Cancelled";
	ending->cause = slot->cancel_reason;
}

/* One slot: attempts[first .. next - 1] are all that was asked for it. */
static void
found_slot(ChainWork *chain, const ReceiptsState *state, int first, int next, Findings *found)
{
	const OpenAttempt *slot = &state->attempts[first];
	int			owner = state->answers[first].count_owner;
	bool		all_answered = true;

	for (int i = first; i < next; i++)
	{
		const OpenAttempt *attempt = &state->attempts[i];
		const AttemptAnswer *answer = &state->answers[i];
		const Receipt *receipt = &answer->receipt;

		all_answered = all_answered && answer->answered;
		if (!answer->has_receipt)
			continue;
		if (slot->mined && strcmp(receipt->block_hash, slot->mined_block_hash) == 0)
		{
			if (slot->due)
				found_final(found, attempt, answer);
			return;
		}
		found->mined[found->mined_count++] = (SlotMined)
		{
			.wallet_id = slot->wallet_id, .nonce = slot->nonce, .request_id = slot->request_id,
			.hash = attempt->hash, .block = receipt->block_number, .block_hash = receipt->block_hash,
			.status = receipt->status, .gas_used = receipt->gas_used,
			.gas_price = receipt->has_price ? &receipt->price : NULL,
			.contract = receipt->contract, .body = answer->body
		};
		return;
	}
	if (!all_answered)
		return;
	/* A reorganisation has taken it out; or the nonce is consumed by something else. */
	if (!slot->mined)
	{
		if (owner >= 0 && state->answers[owner].has_final_count &&
			state->answers[owner].final_count > slot->nonce && slot_is_foreign(chain, slot))
			found_foreign(found, slot);
	}
	else
		found->lost[found->lost_count++] = (SlotKey)
		{
			slot->wallet_id, slot->nonce, slot->request_id, slot->hash, slot->mined_block_hash
		};
}

static void
pause_foreign(ChainWork *chain, const Findings *found)
{
	for (int i = 0; i < found->foreign_count; i++)
	{
		const SlotKey *slot = &found->foreign[i];

		lane_store_pause_active(chain->id, slot->wallet_id, "foreign",
						  psprintf("nonce " UINT64_FORMAT " was used by a transaction that dalp has not sent", slot->nonce));
		ereport(WARNING,
				(errmsg("nonce " UINT64_FORMAT " of a wallet of chain \"%s\" was used by somebody else", slot->nonce, chain->name),
				 errdetail("Transaction " INT64_FORMAT " waits for another nonce.", slot->request_id),
				 errhint("Find out who has the key, then use dalp.resume_wallet().")));
	}
}

static void
receipts_done(RpcRound *round)
{
	ReceiptsState *state = round->state;
	ChainWork  *chain = round->chain;
	Findings	found = {0};
	const OpenAttempt *last = NULL;
	MemoryContext back;

	if (round->failed)
	{
		watch_end(chain, true);
		return;
	}
	found.mined = palloc(state->count * sizeof(SlotMined));
	found.lost = palloc(state->count * sizeof(SlotKey));
	found.final = palloc(state->count * sizeof(SlotKey));
	found.endings = palloc(state->count * sizeof(Ending));
	found.settled = palloc(state->count * sizeof(int64));
	found.foreign = palloc(state->count * sizeof(SlotKey));
	for (int first = 0, next; first < state->count; first = next)
	{
		const OpenAttempt *slot = &state->attempts[first];

		for (next = first + 1; next < state->count; next++)
			if (state->attempts[next].wallet_id != slot->wallet_id || state->attempts[next].nonce != slot->nonce)
				break;
		/* Attempts of the last slot may be beyond the limit. */
		if (state->more && next == state->count && first > 0)
			break;
		found_slot(chain, state, first, next, &found);
		last = slot;
	}
	state->found_mined = state->found_mined || found.mined_count > 0;
	if (found.mined_count + found.lost_count + found.final_count + found.foreign_count == 0)
	{
		receipts_go_on(chain, round->endpoint, state, last);
		return;
	}
	back = broadcaster_begin("recording receipts");
	/* Lanes before slots before requests: the signer locks in that order. */
	watch_store_grow_windows(chain->id, found.mined, found.mined_count);
	pause_foreign(chain, &found);
	watch_store_mined(chain->id, found.mined, found.mined_count);
	watch_store_lost(chain->id, found.lost, found.lost_count);
	watch_store_final(chain->id, found.final, found.final_count);
	watch_store_foreign(chain->id, found.foreign, found.foreign_count);
	endings_write(found.endings, found.ending_count);
	endings_settle(found.settled, found.settled_count);
	wake_waiters_at_commit();
	STOP_POINT("watch_before_commit");
	broadcaster_commit(back);
	STOP_POINT("watch_after_commit");

	if (found.lost_count > 0)
		ereport(LOG,
				(errmsg("a reorganisation of chain \"%s\" took out %d of our transactions: their bytes are sent again",
						chain->name, found.lost_count)));
	chain->prepare_due = chain->send_due = true;
	broadcaster_has_news();
	receipts_go_on(chain, round->endpoint, state, last);
}

static void
receipts_pass(ChainWork *chain, Endpoint *endpoint, const ReceiptsState *pass, const OpenAttempt *after)
{
	RpcRound   *round = round_create(chain, endpoint);
	MemoryContext old = MemoryContextSwitchTo(round->context);
	ReceiptsState *state = palloc0(sizeof(ReceiptsState));
	MemoryContext back;

	round->state = state;
	state->lane_count = pass->lane_count;
	state->lanes = palloc(pass->lane_count * sizeof(WatchLane) + 1);
	memcpy(state->lanes, pass->lanes, pass->lane_count * sizeof(WatchLane));
	state->found_mined = after != NULL && pass->found_mined;
	back = broadcaster_begin("reading open transactions");
	state->attempts = watch_store_attempts(chain->id, state->lanes, state->lane_count, chain->reread, chain->final_block,
										   after, ATTEMPTS_A_ROUND, round->context, &state->count);
	broadcaster_commit(back);
	state->more = state->count == ATTEMPTS_A_ROUND;
	if (state->count == 0)
	{
		receipts_go_on(chain, endpoint, state, NULL);
		MemoryContextSwitchTo(old);
		round_drop(round);
		return;
	}
	state->answers = palloc0(state->count * sizeof(AttemptAnswer));
	receipts_ask(round, state);
	MemoryContextSwitchTo(old);
	round_start(round, receipts_extract, receipts_done);
}

/* The rest of this pass, or another one where what was just found may be final already, or the end. */
static void
receipts_go_on(ChainWork *chain, Endpoint *endpoint, const ReceiptsState *last, const OpenAttempt *after)
{
	if (last->more && after != NULL)
	{
		receipts_pass(chain, endpoint, last, after);
		return;
	}
	chain->reread = false;
	if (last->found_mined)
		receipts_pass(chain, endpoint, last, NULL);
	else
		watch_end(chain, false);
}

void
receipts_start(ChainWork *chain, Endpoint *endpoint, const WatchLane *lanes, int lane_count)
{
	ReceiptsState first = {.lane_count = lane_count, .lanes = (WatchLane *) lanes};

	receipts_pass(chain, endpoint, &first, NULL);
}
