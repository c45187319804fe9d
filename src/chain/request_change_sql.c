/*
 * request_change_sql.c
 *		dalp.cancel_transaction and dalp.speed_up_transaction.
 *
 * In a backend.  Both only write down a wish where a nonce is bound already:
 * the broadcaster turns it into an attempt on the same nonce, and the chain
 * decides which one it includes.
 */
#include "postgres.h"

#include "chain/amount.h"
#include "chain/ending.h"
#include "chain/fees.h"
#include "chain/request_store.h"
#include "chain/request_wait.h"
#include "compat.h"
#include "core/catalog.h"
#include "core/errors.h"
#include "core/spi.h"
#include "core/wake.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "ops/audit.h"
#include "utils/acl.h"
#include "utils/builtins.h"

DALP_FUNCTION(dalp_cancel_transaction);
DALP_FUNCTION(dalp_speed_up_transaction);

/* Who calls: asked before the store is open, where everything happens as the extension's owner. */
typedef struct Caller
{
	Oid			user;
	bool		is_operator;
} Caller;

static Caller
caller_now(void)
{
	return (Caller) {GetUserId(), catalog_user_is("dalp_operator")};
}

/* Locks the request for who submitted it, or an operator. verb: "cancelled", "sped up". */
static void
lock_own(const Caller *caller, int64 id, const char *verb, RequestRow *row)
{
	if (!request_store_lock(id, row, CurrentMemoryContext))
		request_unknown(id);
	if (!caller->is_operator && !has_privs_of_role(caller->user, row->submitted_by))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied for transaction " INT64_FORMAT, id),
				 errdetail("It was submitted by another role."),
				 errhint("It can be %s by the role that submitted it and by members of dalp_operator.", verb)));
}

/* The chain has included one of its attempts, or it has ended otherwise. */
static bool
is_decided(const RequestRow *row)
{
	return row->final || (row->slot_state != NULL && strcmp(row->slot_state, "mined") == 0);
}

static void
refuse_decided(const RequestRow *row, const char *verb)
{
	ereport(ERROR,
			(errcode(ERRCODE_DALP_WRONG_STATE),
			 errmsg("transaction " INT64_FORMAT " can't be %s any more", row->id, verb),
			 errdetail("Its state is %s%s; it can be %s until the chain has included it.",
					   row->state, row->final ? "" : ", and it is mined", verb),
			 errhint("dalp.wait_transaction tells how it ended.")));
}

Datum
dalp_cancel_transaction(PG_FUNCTION_ARGS)
{
	int64		id = PG_GETARG_INT64(0);
	char	   *reason = text_to_cstring(PG_GETARG_TEXT_PP(1));
	Caller		caller;
	StoreScope	scope;
	RequestRow	row;
	const char *state;

	catalog_require_writable();
	caller = caller_now();
	store_open(&scope);
	lock_own(&caller, id, "cancelled", &row);
	state = row.state;
	if (strcmp(state, "CANCELLED") != 0)	/* else asked for again */
	{
		if (is_decided(&row))
			refuse_decided(&row, "cancelled");
		request_store_ask_cancel(id, reason);
		if (row.nonce == NULL)
		{
			Doc		   *details = doc_object();
			Ending		ending = {.request_id = id,.state = REQUEST_CANCELLED,.error = "Chain.Cancelled",
			.cause = reason,.details = details};

			doc_object_add(details, "reason", doc_text(reason));
			endings_write(&ending, 1);
			state = "CANCELLED";
		}
		else
			wake_at_commit(WORKER_BROADCASTER);
		audit_add(caller.user, "cancel_transaction", psprintf(INT64_FORMAT, id), NULL);
	}
	store_close(&scope);
	PG_RETURN_TEXT_P(cstring_to_text(state));
}

/* A pool takes a replacement only for a good deal more: is there that room under the limit? */
static void
require_room(int64 id, const RequestOffer *offer, const U256 *limit)
{
	U256		least;

	if (limit == NULL || (fees_least_raise(&offer->max_fee, &least) && u256_compare(limit, &least) >= 0))
		return;
	ereport(ERROR,
			(errcode(ERRCODE_DALP_INVALID_INPUT),
			 errmsg("transaction " INT64_FORMAT " can't be sped up within its fee limit", id),
			 errdetail("It offers %s wei per gas now, pools replace it for %s, and the lower one of its own limit and the chain's is %s.",
					   amount_text(&offer->max_fee), amount_text(&least), amount_text(limit)),
			 errhint("Give a higher max_fee; the chain's limit is an option of dalp.create_chain.")));
}

/* The ceiling may only rise: a lower one could not be kept for bytes that are out already. */
static void
require_higher(int64 id, const U256 *old, const U256 *max_fee)
{
	if (u256_compare(max_fee, old) < 0)
		ereport(ERROR,
				(errcode(ERRCODE_DALP_INVALID_INPUT),
				 errmsg("max_fee of transaction " INT64_FORMAT " can't be lowered", id),
				 errdetail("It is %s wei per gas, and signed offers up to it may be in the pools.", amount_text(old)),
				 errhint("dalp.cancel_transaction withdraws a transaction that has become too expensive.")));
}

Datum
dalp_speed_up_transaction(PG_FUNCTION_ARGS)
{
	int64		id;
	bool		has_max_fee = !PG_ARGISNULL(1);
	U256		max_fee;
	Caller		caller;
	StoreScope	scope;
	RequestRow	row;
	RequestOffer offer;
	const U256 *limit;

	catalog_require_writable();
	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	id = PG_GETARG_INT64(0);
	if (has_max_fee)
		max_fee = amount_from_numeric(PG_GETARG_NUMERIC(1), "max_fee");
	caller = caller_now();
	store_open(&scope);
	lock_own(&caller, id, "sped up", &row);
	if (is_decided(&row))
		refuse_decided(&row, "sped up");
	if (row.cancel_reason != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_DALP_WRONG_STATE),
				 errmsg("transaction " INT64_FORMAT " is being cancelled", id),
				 errdetail("Its state is %s.", row.state),
				 errhint("Its cancellation gets higher fees by itself.")));
	request_store_offer(id, &offer);
	if (offer.without_fees)
		ereport(ERROR,
				(errcode(ERRCODE_DALP_WRONG_STATE),
				 errmsg("transaction " INT64_FORMAT " can't be sped up", id),
				 errdetail("Chain \"%s\" has no fees.", row.chain),
				 errhint("dalp.why_transaction tells what it waits for.")));
	if (has_max_fee && offer.has_own_limit)
		require_higher(id, &offer.own_limit, &max_fee);
	if (!has_max_fee && offer.has_own_limit)
		max_fee = offer.own_limit;
	limit = has_max_fee || offer.has_own_limit ? &max_fee : NULL;
	if (offer.has_chain_limit && (limit == NULL || u256_compare(&offer.chain_limit, limit) < 0))
		limit = &offer.chain_limit;
	if (offer.bound)
		require_room(id, &offer, limit);
	request_store_speed_up(id, offer.bound, has_max_fee ? &max_fee : NULL);
	if (offer.bound)
		wake_at_commit(WORKER_BROADCASTER);
	audit_add(caller.user, "speed_up_transaction", psprintf(INT64_FORMAT, id), NULL);
	store_close(&scope);
	PG_RETURN_TEXT_P(cstring_to_text(row.state));
}
