/*
 * fees.c
 *		What to offer for gas, and how to raise an offer: pure, no server.
 */

#include "chain/fees.h"

/*
 * Offered where no recent block tells what others pay.  Clients' default
 * minimum was 1 gwei for years, and pools still drop less.
 */
#define TIP_WITHOUT_EVIDENCE ((uint64_t) 1000000000)

/* Pools replace for 10 % more; we offer 12.5 %, so that rounding in a pool never matters. */
#define RAISE_NUMERATOR 9
#define RAISE_DENOMINATOR 8
#define REPLACE_NUMERATOR 11
#define REPLACE_DENOMINATOR 10

/* EIP-7825. */
#define GAS_LIMIT ((uint64_t) 1 << 24)

static U256
u256_min(U256 a, U256 b)
{
	return u256_compare(&a, &b) <= 0 ? a : b;
}

static U256
u256_max(U256 a, U256 b)
{
	return u256_compare(&a, &b) >= 0 ? a : b;
}

/* a * numerator / denominator rounded up, at most 2^256 - 1. */
static U256
scaled(const U256 *a, uint64_t numerator, uint64_t denominator)
{
	U256		result;

	if (!u256_scale_up(&result, a, numerator, denominator))
		memset(&result, 0xff, sizeof(result));
	return result;
}

static U256
sum(const U256 *a, const U256 *b)
{
	U256		result;

	if (!u256_add(&result, a, b))
		memset(&result, 0xff, sizeof(result));
	return result;
}

FeePolicy
fees_limited(const FeePolicy *policy, const U256 *request_limit)
{
	FeePolicy	result = *policy;

	if (request_limit != NULL)
	{
		result.limit = policy->has_limit ? u256_min(policy->limit, *request_limit) : *request_limit;
		result.has_limit = true;
	}
	return result;
}

static Fees
fees_within(Fees fees, const FeePolicy *policy)
{
	if (policy->has_limit)
		fees.max_fee = u256_min(fees.max_fee, policy->limit);
	fees.tip = u256_min(fees.tip, fees.max_fee);
	return fees;
}

/* The market's offer, without the limit. */
static Fees
fees_market(const FeeMarket *market, const FeePolicy *policy, int priority)
{
	Fees		fees;
	int			level = priority < 0 ? 0 : priority == 0 ? 1 : 2;
	U256		doubled;

	memset(&fees, 0, sizeof(fees));
	switch (policy->mode)
	{
		case FEE_ZERO:
			break;
		case FEE_LEGACY:
			fees.max_fee = scaled(&market->gas_price, REPLACE_NUMERATOR, REPLACE_DENOMINATOR);
			fees.max_fee = u256_max(fees.max_fee, policy->min_tip);
			fees.tip = fees.max_fee;
			break;
		case FEE_EIP1559:
			fees.type = 2;
			fees.tip = market->has_tips ? market->tips[level] : u256_from_u64(TIP_WITHOUT_EVIDENCE);
			fees.tip = u256_max(fees.tip, policy->min_tip);
			doubled = scaled(&market->next_base, 2, 1);
			fees.max_fee = sum(&doubled, &fees.tip);
			break;
	}
	return fees;
}

Fees
fees_initial(const FeeMarket *market, const FeePolicy *policy, int priority)
{
	return fees_within(fees_market(market, policy, priority), policy);
}

/* More by the raise, at least by one wei. */
static U256
raised_field(const U256 *old)
{
	U256		one = u256_from_u64(1);
	U256		more = scaled(old, RAISE_NUMERATOR, RAISE_DENOMINATOR);

	return u256_max(more, sum(old, &one));
}

/* Pools take as a replacement what is strictly more, and 10 %. */
bool
fees_least_raise(const U256 *old, U256 *least)
{
	U256		one = u256_from_u64(1);
	U256		more = sum(old, &one);

	*least = u256_max(scaled(old, REPLACE_NUMERATOR, REPLACE_DENOMINATOR), more);
	return u256_compare(&more, old) > 0;
}

static bool
replaces(const U256 *new, const U256 *old)
{
	U256		least;

	return fees_least_raise(old, &least) && u256_compare(new, &least) >= 0;
}

bool
fees_raised(const Fees *old, const FeeMarket *market, const FeePolicy *policy,
			int priority, Fees *raised)
{
	Fees		fees;

	if (policy->mode == FEE_ZERO)
		return false;
	fees = fees_market(market, policy, priority);
	fees.type = old->type;
	fees.max_fee = u256_max(fees.max_fee, raised_field(&old->max_fee));
	if (old->type == 0 || old->type == 1)
		fees.tip = fees.max_fee;
	else
		fees.tip = u256_max(fees.tip, raised_field(&old->tip));
	/* The market's tip may have outgrown a cap that was raised by little. */
	fees.max_fee = u256_max(fees.max_fee, fees.tip);
	fees = fees_within(fees, policy);
	if (old->type == 0 || old->type == 1)
		fees.tip = fees.max_fee;
	if (!replaces(&fees.max_fee, &old->max_fee) || !replaces(&fees.tip, &old->tip))
		return false;
	*raised = fees;
	return true;
}

bool
fees_below_base(const Fees *fees, const FeeMarket *market, const FeePolicy *policy)
{
	return policy->mode == FEE_EIP1559 && market->known &&
		u256_compare(&fees->max_fee, &market->next_base) < 0;
}

uint64_t
fees_gas(uint64_t estimate, uint64_t block_limit)
{
	uint64_t	gas = estimate + estimate / 5;
	uint64_t	most = block_limit != 0 && block_limit < GAS_LIMIT ? block_limit : GAS_LIMIT;

	/* An estimate above the limit is for the strict checks to refuse, not for us to cut. */
	if (gas < estimate || gas > most)
		gas = estimate > most ? estimate : most;
	return gas;
}
