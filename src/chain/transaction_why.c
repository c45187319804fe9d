/*
 * transaction_why.c
 *		The words for what a transaction waits for.
 *
 * Decides nothing and reads nothing: facts in, words out, in the order in
 * which a request meets its obstacles.  What somebody can do is given as SQL to
 * copy.
 */
#include "postgres.h"

#include "chain/finality.h"
#include "chain/transaction_why.h"
#include "utils/builtins.h"

static bool
is(const char *text, const char *value)
{
	return text != NULL && strcmp(text, value) == 0;
}

static const char *
or_unknown(const char *text)
{
	return text != NULL ? text : "unknown";
}

static bool
explain_ended(const TransactionFacts *facts, TransactionWhy *why)
{
	bool		settled = facts->slot_state == NULL || is(facts->slot_state, "final");

	if (!is(facts->state, "COMPLETED") && !is(facts->state, "FAILED") && !is(facts->state, "CANCELLED") &&
		!is(facts->state, "DEAD_LETTER"))
		return false;
	why->kind = "ended";
	why->waits_for = psprintf("nothing: it is %s%s%s", facts->state, facts->error ? ", " : "", facts->error ? facts->error : "");
	if (!settled)
		why->what_next = psprintf("nonce %s is still open: a transaction of nothing takes it, then it can be redriven",
								  or_unknown(facts->nonce));
	else if (facts->dead_letter != 0)
		why->what_next = psprintf("SELECT dalp.redrive(" INT64_FORMAT ", note => 'why');", facts->dead_letter);
	else
		why->what_next = facts->cause != NULL ? facts->cause : "nothing is left to do";
	return true;
}

/* What holds the wallet or the chain as a whole. */
static bool
explain_held(const TransactionFacts *facts, TransactionWhy *why)
{
	if (facts->halt_reason != NULL)
	{
		why->kind = "chain";
		why->name = facts->chain;
		why->waits_for = psprintf("chain \"%s\", which is halted: %s", facts->chain, facts->halt_reason);
		why->what_next = psprintf("SELECT dalp.enable_chain(%s, 'why');", quote_literal_cstr(facts->chain));
		return true;
	}
	if (is(facts->lane_state, "paused") && (facts->slot_state == NULL || is(facts->pause_kind, "key")))
	{
		why->kind = "wallet";
		why->name = facts->pause_kind;
		why->waits_for = psprintf("wallet \"%s\", which is paused (%s): %s", facts->wallet,
								  or_unknown(facts->pause_kind), or_unknown(facts->pause_reason));
		if (is(facts->pause_kind, "funds"))
			why->what_next = "send it funds; it goes on by itself with the next block";
		else
			why->what_next = psprintf("SELECT dalp.resume_wallet(%s, %s, 'why');", quote_literal_cstr(facts->wallet),
									  quote_literal_cstr(facts->chain));
		return true;
	}
	if (is(facts->lane_state, "quarantined") && facts->slot_state == NULL)
	{
		why->kind = "wallet";
		why->name = "quarantined";
		why->waits_for = psprintf("wallet \"%s\" to be reconciled: %s", facts->wallet, or_unknown(facts->pause_reason));
		why->what_next = "compare what the chain has used of its nonces with dalp.transactions";
		return true;
	}
	return false;
}

/* Nobody can be asked, or nobody asks. */
static bool
explain_broken(const TransactionFacts *facts, TransactionWhy *why)
{
	if (!facts->broadcaster)
	{
		why->kind = "worker";
		why->name = "broadcaster";
		why->waits_for = "the broadcaster, which does not run";
		why->what_next = "SELECT * FROM dalp.workers; -- and look into the server's log";
		return true;
	}
	if (facts->endpoints == 0)
	{
		why->kind = "endpoint";
		why->waits_for = psprintf("an endpoint: chain \"%s\" has none", facts->chain);
		why->what_next = psprintf("SELECT dalp.add_endpoint(%s, 'https://…');", quote_literal_cstr(facts->chain));
		return true;
	}
	if (facts->endpoints_working == 0 && facts->endpoint_error != NULL)
	{
		why->kind = "endpoint";
		why->waits_for = psprintf("one of %d endpoint%s of chain \"%s\" to work: %s", facts->endpoints,
								  facts->endpoints == 1 ? "" : "s", facts->chain, facts->endpoint_error);
		why->until = facts->endpoint_retry_at;
		why->what_next = psprintf("SELECT * FROM dalp.endpoints WHERE chain = %s; -- asked again by itself",
								  quote_literal_cstr(facts->chain));
		return true;
	}
	return false;
}

/* No nonce is bound yet. */
static void
explain_unbound(const TransactionFacts *facts, TransactionWhy *why)
{
	why->until = facts->expires_at;
	if (is(facts->state, "PENDING_APPROVAL"))
	{
		why->kind = "approval";
		why->waits_for = psprintf("an approval by the policy of wallet \"%s\"", facts->wallet);
		why->what_next = "whoever may approve it verifies it";
	}
	else if (facts->open >= facts->window)
	{
		why->kind = "window";
		why->reference = facts->lowest_request;
		why->waits_for = psprintf("a block to take one of the %d open nonces of wallet \"%s\"", facts->open, facts->wallet);
		why->what_next = facts->lowest_request == 0 ? "the chain decides" :
			psprintf("SELECT * FROM dalp.why_transaction(" INT64_FORMAT "); -- the first of them", facts->lowest_request);
	}
	else if (is(facts->state, "SIGNING") && !facts->signer)
	{
		why->kind = "worker";
		why->name = "signer";
		why->waits_for = "the signer, which does not run";
		why->what_next = "SELECT * FROM dalp.workers; -- and look into the server's log";
	}
	else if (facts->ahead > 0)
	{
		why->kind = "queue";
		why->waits_for = psprintf("%s%d transaction%s of wallet \"%s\" that come%s before it",
								  facts->ahead > WHY_COUNTED ? "more than " : "", Min(facts->ahead, WHY_COUNTED),
								  facts->ahead == 1 ? "" : "s", facts->wallet, facts->ahead == 1 ? "s" : "");
		why->what_next = "they are carried out one after the other; a higher priority goes first";
	}
	else if (is(facts->state, "SIGNING"))
	{
		why->kind = "sign";
		why->waits_for = "its signature";
		why->what_next = "the signer signs it at once, unless its key is missing: see the server's log";
	}
	else
	{
		why->kind = "prepare";
		why->waits_for = "gas, fees and funds to be looked up";
		why->what_next = is(facts->lane_state, "new") || facts->lane_state == NULL ?
			"an endpoint tells how many transactions the wallet has sent so far" : "the broadcaster asks an endpoint";
	}
}

/* A nonce is bound, no block has taken it. */
static void
explain_open(const TransactionFacts *facts, TransactionWhy *why)
{
	if (facts->send_count == 0)
	{
		why->kind = "send";
		why->waits_for = "to be sent";
		why->what_next = "it is sent once its commit is as durable as dalp.broadcast_durability wants it";
	}
	else if (facts->lowest_nonce != NULL && facts->nonce != NULL && strcmp(facts->lowest_nonce, facts->nonce) != 0)
	{
		why->kind = "nonce";
		why->name = facts->lowest_nonce;
		why->reference = facts->lowest_request;
		why->waits_for = psprintf("nonce %s of wallet \"%s\", which comes before its nonce %s", facts->lowest_nonce,
								  facts->wallet, facts->nonce);
		why->what_next = facts->lowest_request == 0 ? "the chain decides" :
			psprintf("SELECT * FROM dalp.why_transaction(" INT64_FORMAT ");", facts->lowest_request);
	}
	else if (facts->below_base)
	{
		why->kind = "fee";
		why->name = facts->max_fee;
		why->waits_for = psprintf("the base fee to fall to what it offers: it is %s, the offer %s wei per gas",
								  or_unknown(facts->base_fee), or_unknown(facts->max_fee));
		why->what_next = psprintf("SELECT dalp.speed_up_transaction(" INT64_FORMAT ", max_fee => …);", facts->id);
	}
	else if (facts->send_class != NULL && !is(facts->send_class, "accepted") && !is(facts->send_class, "known"))
	{
		why->kind = "send";
		why->name = facts->send_class;
		why->waits_for = psprintf("an endpoint to take it: the last one answered %s%s%s", facts->send_class,
								  facts->send_answer ? ": " : "", facts->send_answer ? facts->send_answer : "");
		why->what_next = "the same bytes are sent again by themselves";
	}
	else
	{
		why->kind = "block";
		why->waits_for = psprintf("a block to include nonce %s of wallet \"%s\"%s", or_unknown(facts->nonce), facts->wallet,
								  facts->cancel_reason ? ", which a cancellation competes for" : "");
		why->what_next = facts->cancel_reason ? "the chain decides which of the two it includes" :
			psprintf("SELECT dalp.speed_up_transaction(" INT64_FORMAT ");", facts->id);
	}
}

static void
explain_mined(const TransactionFacts *facts, TransactionWhy *why)
{
	Finality	finality;

	why->kind = "finality";
	why->name = facts->finality;
	if (finality_parse(facts->finality, &finality) && finality.kind == FINALITY_DEPTH)
		why->waits_for = psprintf("block " INT64_FORMAT ", %d above its own; the chain is at " INT64_FORMAT,
								  facts->mined_block + finality.depth, finality.depth, facts->head);
	else
		why->waits_for = psprintf("block " INT64_FORMAT " to be %s; the chain is at " INT64_FORMAT, facts->mined_block,
								  facts->finality, facts->head);
	why->what_next = facts->endpoint_error == NULL ? "the chain goes on by itself" :
		psprintf("the chain goes on by itself; last trouble with its endpoints: %s", facts->endpoint_error);
}

void
transaction_why_explain(const TransactionFacts *facts, TransactionWhy *why)
{
	memset(why, 0, sizeof(*why));
	why->since = facts->changed_at;
	if (explain_ended(facts, why) || explain_held(facts, why) || explain_broken(facts, why))
		return;
	if (facts->slot_state == NULL)
		explain_unbound(facts, why);
	else if (is(facts->slot_state, "mined"))
		explain_mined(facts, why);
	else
		explain_open(facts, why);
}
