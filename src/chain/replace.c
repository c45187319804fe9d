/*
 * replace.c
 *		Which open nonces want another attempt: a higher fee, or a cancellation.
 *
 * In the broadcaster, in the transaction that records a new head, or in the one
 * that finds what somebody wishes.  Price alone never fails a request: at the limit, or after many offers, the same bytes go
 * on being sent.
 */
#include "postgres.h"

#include "chain/replace.h"
#include "chain/replace_store.h"

const Doc *
replace_wanted(const char *kind, uint64 gas, const Fees *fees)
{
	Doc		   *wanted = doc_object();

	if (kind != NULL)
		doc_object_add(wanted, "kind", doc_text(kind));
	doc_object_add(wanted, "type", doc_int(fees->type));
	doc_object_add(wanted, "gas", doc_text(psprintf(UINT64_FORMAT, gas)));
	doc_object_add(wanted, "max_fee", doc_text(quantity_decimal(&fees->max_fee)));
	doc_object_add(wanted, "tip", doc_text(quantity_decimal(&fees->tip)));
	return wanted;
}

/* What raises an offer: a no-op stays one, so that its attempts say what they are. */
static const char *
raised_kind(const OpenOffer *offer)
{
	if (strcmp(offer->kind, "noop") == 0 || strcmp(offer->kind, "cancel") == 0)
		return offer->kind;
	return "bump";
}

/* Does this offer want to be raised now? */
static bool
offer_wants_more(const ChainWork *chain, const OpenOffer *offer)
{
	if (offer->attempts >= FEES_MAX_ATTEMPTS)
		return false;
	if (offer->underpriced || fees_below_base(&offer->fees, &chain->market, &chain->fees))
		return true;
	return offer->lowest && offer->since >= 0 && fees_stalled(chain->head, offer->since, chain->bump_blocks);
}

void
replace_consider(ChainWork *chain)
{
	int			count;
	OpenOffer  *offers;
	U256		next_base = chain->fees.mode == FEE_EIP1559 ? chain->market.next_base : u256_from_u64(0);

	if (!chain->market.known)
		return;
	offers = replace_store_offers(chain->id, chain->bump_blocks, chain->head, &next_base, &count);
	for (int i = 0; i < count; i++)
	{
		const OpenOffer *offer = &offers[i];
		FeePolicy	policy = fees_limited(&chain->fees, offer->has_limit ? &offer->limit : NULL);
		const char *kind;
		Fees		raised;
		bool		granted;

		if (offer->cancel)
			kind = "cancel";
		else if (offer->faster || offer_wants_more(chain, offer))
			kind = raised_kind(offer);
		else
			continue;
		granted = fees_raised(&offer->fees, &chain->market, &policy, offer->priority, &raised);
		if (offer->faster)
			replace_store_sped_up(offer->request_id, granted);
		if (granted)
			replace_store_want(chain->id, offer->wallet_id, offer->nonce,
							   replace_wanted(kind, offer->cancel ? REPLACE_NOOP_GAS : offer->gas, &raised));
	}
}
