/*
 * fees.h
 *		What to offer for gas, and how to raise an offer.
 *
 * Pure.  All amounts are wei per gas.
 */
#ifndef DALP_CHAIN_FEES_H
#define DALP_CHAIN_FEES_H

#include "evm/u256.h"

typedef enum FeeMode
{
	FEE_EIP1559, FEE_LEGACY, FEE_ZERO
} FeeMode;

/* Of the rewards in eth_feeHistory: for requests of low, normal and high priority. */
#define FEE_LEVELS 3
#define FEE_PERCENTILES "[20,50,90]"
#define FEE_HISTORY_BLOCKS 20

/* What the chain asks for now, as far as the last look knows. */
typedef struct FeeMarket
{
	bool		known;
	U256		next_base;		/* base fee of the next block (EIP-1559) */
	bool		has_tips;		/* blocks that had transactions were among the last */
	U256		tips[FEE_LEVELS];
	U256		gas_price;		/* eth_gasPrice (legacy) */
} FeeMarket;

typedef struct FeePolicy
{
	FeeMode		mode;
	U256		min_tip;
	bool		has_limit;
	U256		limit;			/* highest fee per gas that is ever offered */
} FeePolicy;

typedef struct Fees
{
	int			type;			/* EIP-2718 */
	U256		max_fee;		/* maxFeePerGas or gasPrice */
	U256		tip;			/* maxPriorityFeePerGas; gasPrice in legacy ones */
} Fees;

/* The policy with the request's own ceiling, where that is lower. */
extern FeePolicy fees_limited(const FeePolicy *policy, const U256 *request_limit);

/*
 * The first offer: tip by priority (<0 low, 0 normal, >0 high), cap twice the
 * next base fee plus tip, which outlives five full blocks.  Never above the
 * limit, even where that is below the base fee: then the transaction waits.
 */
extern Fees fees_initial(const FeeMarket *market, const FeePolicy *policy, int priority);

/*
 * A replacement's offer: the market's or 12.5 % more than the old, whichever
 * is higher, both fields, rounded up, at least one wei more.  Pools want 10 %
 * on both.  False where the limit leaves no room for 10 %: no new offer then.
 */
extern bool fees_raised(const Fees *old, const FeeMarket *market, const FeePolicy *policy,
						int priority, Fees *raised);

/* The least fee that pools take as a replacement of the old one; false where there is none below 2^256. */
extern bool fees_least_raise(const U256 *old, U256 *least);

/* The offer can't be included in the next block. */
extern bool fees_below_base(const Fees *fees, const FeeMarket *market, const FeePolicy *policy);

/* Gas to offer for an estimate: a fifth more, at most what a block or EIP-7825 allows. */
extern uint64_t fees_gas(uint64_t estimate, uint64_t block_limit);

/* Blocks have gone by since the last offer was accepted or its turn came, and it is still not in one. */
static inline bool
fees_stalled(int64_t head, int64_t since, int bump_blocks)
{
	return head - since >= bump_blocks;
}

/* Different offers for one nonce at most; from there on only the same bytes again. */
#define FEES_MAX_ATTEMPTS 12

#endif							/* DALP_CHAIN_FEES_H */
