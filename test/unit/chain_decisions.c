/*
 * chain_decisions.c
 *		Promise: a request moves only along its transition table, a replacement
 *		always beats what pools ask for and never the limit, finality means what
 *		the chain's setting says.
 *
 * Links: src/chain/fees.c src/chain/transition.c src/chain/finality.c
 */
#include "chain/fees.h"
#include "chain/finality.h"
#include "chain/transition.h"

#include "check.h"

#define GWEI UINT64_C(1000000000)

static uint64_t
low(U256 value)
{
	return u256_fits_u64(&value) ? value.limb[0] : UINT64_MAX;
}

static FeeMarket
market(uint64_t base, uint64_t tip)
{
	FeeMarket	result = {.known = true, .has_tips = true};

	result.next_base = u256_from_u64(base);
	for (int i = 0; i < FEE_LEVELS; i++)
		result.tips[i] = u256_from_u64(tip * (uint64_t) (i + 1));
	result.gas_price = u256_from_u64(base);
	return result;
}

static FeePolicy
policy(FeeMode mode, uint64_t min_tip, uint64_t limit)
{
	FeePolicy	result = {.mode = mode, .has_limit = limit != 0};

	result.min_tip = u256_from_u64(min_tip);
	result.limit = u256_from_u64(limit);
	return result;
}

static void
test_fees(void)
{
	FeeMarket	now = market(10 * GWEI, GWEI);
	FeePolicy	open = policy(FEE_EIP1559, 0, 0);
	FeePolicy	capped = policy(FEE_EIP1559, 0, 15 * GWEI);
	FeePolicy	request;
	U256		five = u256_from_u64(5 * GWEI);
	Fees		fees = fees_initial(&now, &open, 0);
	Fees		raised;

	check(fees.type == 2 && low(fees.tip) == 2 * GWEI, "normal priority offers the middle tip");
	check(low(fees.max_fee) == 22 * GWEI, "the cap is twice the base fee and the tip");
	check(low(fees_initial(&now, &open, -1).tip) == GWEI, "low priority offers the low tip");
	check(low(fees_initial(&now, &open, 5).tip) == 3 * GWEI, "high priority offers the high tip");
	open.min_tip = u256_from_u64(7 * GWEI);
	check(low(fees_initial(&now, &open, 0).tip) == 7 * GWEI, "the least tip of the chain holds");
	open.min_tip = u256_from_u64(0);
	check(low(fees_initial(&now, &capped, 0).max_fee) == 15 * GWEI, "never above the limit");
	request = fees_limited(&capped, &five);
	fees = fees_initial(&now, &request, 5);
	check(low(fees.max_fee) == 5 * GWEI && low(fees.tip) == 3 * GWEI, "nor above the request's own");
	check(fees_below_base(&fees, &now, &open), "which may be below the base fee");
	request = fees_limited(&open, NULL);
	check(!request.has_limit, "no limit without one");

	fees = fees_initial(&now, &open, 0);
	check(fees_raised(&fees, &now, &open, 0, &raised) && low(raised.max_fee) == 24750000000 && low(raised.tip) == 2250000000,
		  "12.5 percent more on both");
	now = market(100 * GWEI, GWEI);
	check(fees_raised(&fees, &now, &open, 0, &raised) && low(raised.max_fee) == 202 * GWEI, "or the market's if higher");
	fees.max_fee = fees.tip = u256_from_u64(1);
	now = market(0, 0);
	check(fees_raised(&fees, &now, &open, 0, &raised) && low(raised.max_fee) == 2 && low(raised.tip) == 2, "one wei grows too");
	fees.max_fee = u256_from_u64(14 * GWEI);
	fees.tip = u256_from_u64(GWEI);
	check(!fees_raised(&fees, &now, &capped, 0, &raised), "less than 10 percent below the limit: no new offer");
	fees.max_fee = u256_from_u64(13636363636);
	check(fees_raised(&fees, &now, &capped, 0, &raised) && low(raised.max_fee) == 15 * GWEI, "the limit itself if that is 10 percent");

	for (uint64_t old = 1; old < 5000; old += 7)
	{
		fees.max_fee = fees.tip = u256_from_u64(old);
		if (!fees_raised(&fees, &now, &open, 0, &raised) || low(raised.max_fee) * 100 < old * 110 || low(raised.tip) * 100 < old * 110)
		{
			check(false, "10 percent over %d wei", (int) old);
			return;
		}
	}
	check(true, "rounding never leaves less than 10 percent");

	now = market(10 * GWEI, GWEI);
	open = policy(FEE_LEGACY, 0, 0);
	fees = fees_initial(&now, &open, 0);
	check(fees.type == 0 && low(fees.max_fee) == 11 * GWEI && low(fees.tip) == 11 * GWEI, "legacy: a tenth above the node's price");
	fees.tip = u256_from_u64(0);
	check(fees_raised(&fees, &now, &open, 0, &raised) && low(raised.max_fee) == 12375000000, "and raised like any other");
	open = policy(FEE_ZERO, 0, 0);
	fees = fees_initial(&now, &open, 0);
	check(u256_is_zero(&fees.max_fee) && !fees_raised(&fees, &now, &open, 0, &raised), "free chains offer nothing and raise nothing");

	check(fees_gas(100000, 30000000) == 120000, "gas: a fifth above the estimate");
	check(fees_gas(15000000, 16000000) == 16000000, "at most a block's");
	check(fees_gas(16000000, 60000000) == UINT64_C(16777216), "at most what EIP-7825 allows");
	check(fees_gas(17000000, 60000000) == 17000000, "never below the estimate");
	check(fees_stalled(103, 100, 3) && !fees_stalled(102, 100, 3), "stalled after so many blocks");
}

static void
test_transitions(void)
{
	RequestState state;
	int			ends = 0;

	for (int from = 0; from < REQUEST_STATES; from++)
	{
		check(request_state_parse(request_state_name((RequestState) from), &state) && (int) state == from, "%s is a state",
			  request_state_name((RequestState) from));
		for (int to = 0; to < REQUEST_STATES; to++)
			if (from >= REQUEST_COMPLETED && request_may_become((RequestState) from, (RequestState) to))
				ends++;
	}
	check(ends == 2 && request_may_become(REQUEST_DEAD_LETTER, REQUEST_COMPLETED) &&
		  request_may_become(REQUEST_DEAD_LETTER, REQUEST_FAILED), "ends are ends, but the chain may prove a dead letter alive");
	check(!request_state_parse("RECEIVED ", &state), "an unknown state");
	check(!request_may_become(REQUEST_QUEUED, REQUEST_COMPLETED), "nothing completes without a nonce");
	check(request_may_become(REQUEST_CONFIRMING, REQUEST_BROADCASTING), "a reorganisation takes back");
	check(!request_may_become(REQUEST_PENDING_APPROVAL, REQUEST_SIGNING), "nothing is signed without approval");

	check(slot_outcome("user", 1) == SLOT_SUCCEEDED && slot_outcome("bump", 1) == SLOT_SUCCEEDED, "its own payload succeeded");
	check(slot_outcome("bump", 0) == SLOT_REVERTED, "or reverted");
	check(slot_outcome("cancel", 1) == SLOT_CANCELLED && slot_outcome("noop", 1) == SLOT_FILLED, "no-ops");
	check(slot_outcome_state(SLOT_CANCELLED) == REQUEST_CANCELLED && slot_outcome_state(SLOT_FILLED) == REQUEST_DEAD_LETTER &&
		  slot_outcome_state(SLOT_REVERTED) == REQUEST_FAILED, "the states that they end in");
}

static void
test_finality(void)
{
	Finality	finality;

	check(finality_parse("instant", &finality) && finality_block(&finality, 100, -1) == 100, "instant: the head");
	check(finality_parse("depth:12", &finality) && finality_block(&finality, 100, -1) == 88, "depth: so many blocks on top");
	check(finality_block(&finality, 5, -1) == -1, "none on a short chain");
	check(finality_parse("finalized", &finality) && finality_block(&finality, 100, 64) == 64, "a tag: the node's block");
	check(finality_parse("safe", &finality) && finality_block(&finality, 100, -1) == -1, "unknown: none");
	check(!finality_parse("depth:", &finality) && !finality_parse("depth:x", &finality) && !finality_parse("depth:123456", &finality) &&
		  !finality_parse("latest", &finality), "anything else is refused");
}

int
main(void)
{
	test_fees();
	test_transitions();
	test_finality();
	return check_done();
}
