/*
 * request_submit.c
 *		Queues requests.  See request.h.
 *
 * In the caller's transaction: nothing else is locked than the idempotency
 * keys, so callers never wait for each other unless they use the same key.
 */
#include "postgres.h"

#include "chain/amount.h"
#include "chain/chain_store.h"
#include "chain/request.h"
#include "chain/request_store.h"
#include "core/clock.h"
#include "core/digest.h"
#include "core/errors.h"
#include "core/wake.h"
#include "custody/wallet.h"
#include "evm/hex.h"
#include "evm/transaction.h"
#include "lib/stringinfo.h"
#include "utils/timestamp.h"

/* Room for the fields of a transaction besides its data, within geth's limit of a raw transaction. */
#define ENVELOPE_SIZE 512

/* How often a key is looked for that somebody else is inserting and rolling back. */
#define KEY_TRIES 10

/* Names of one call resolved: submit_many names the same few again and again. */
typedef struct Resolved
{
	const char *wallet;
	const char *chain;
	Oid			role;
	int			wallet_id;
	int			chain_id;
	uint8		address[ADDRESS_LENGTH];
	const char *number;
	struct Resolved *next;
} Resolved;

static void
refuse(const char *detail, const char *hint)
{
	ereport(ERROR,
			(errcode(ERRCODE_DALP_INVALID_INPUT),
			 errmsg("invalid transaction request"),
			 errdetail("%s", detail),
			 errhint("%s", hint)));
}

static const Resolved *
resolve(Resolved **known, const Request *request)
{
	Resolved   *one;
	Wallet		wallet;
	ChainRow	chain;

	for (one = *known; one != NULL; one = one->next)
		if (one->role == request->role && strcmp(one->wallet, request->wallet) == 0 &&
			strcmp(one->chain, request->chain) == 0)
			return one;

	wallet_find(request->wallet, &wallet);
	wallet_require_use(&wallet, request->wallet, request->role);
	if (wallet.disabled)
		ereport(ERROR,
				(errcode(ERRCODE_DALP_WRONG_STATE),
				 errmsg("wallet \"%s\" is disabled", request->wallet),
				 errdetail("It never signs again."),
				 errhint("Use another wallet.")));
	chain_find(request->chain, &chain);

	one = palloc(sizeof(Resolved));
	one->wallet = request->wallet;
	one->chain = request->chain;
	one->role = request->role;
	one->wallet_id = wallet.id;
	one->chain_id = chain.id;
	memcpy(one->address, wallet.address, ADDRESS_LENGTH);
	one->number = chain.number;
	one->next = *known;
	*known = one;
	return one;
}

/* What a node or the chain would refuse for ever is refused here, before it is queued. */
static void
check(const Request *request)
{
	size_t		limit = request->has_to ? EVM_MAX_SIZE - ENVELOPE_SIZE : EVM_MAX_INITCODE;

	if (request->data.length > limit)
		refuse(psprintf("The data has %zu bytes, but at most %zu are possible.", request->data.length, limit),
			   "Split the transaction.");
	if (!request->has_to && request->data.length == 0)
		refuse("There is neither a recipient nor code to deploy.", "Give to_address, or use dalp.deploy_contract.");
	if (request->has_gas_limit && request->gas_limit > EVM_MAX_GAS)
		refuse(psprintf("The gas limit is above " UINT64_FORMAT " (EIP-7825).", (uint64) EVM_MAX_GAS),
			   "Leave it out to have it estimated.");
	if (request->has_gas_limit && request->gas_limit == 0)
		refuse("The gas limit is 0.", "Leave it out to have it estimated.");
	if (request->has_max_fee && u256_is_zero(&request->max_fee))
		refuse("The highest fee is 0.", "Leave it out for the chain's own limit.");
	if (request->has_expires_at && request->expires_at <= clock_now())
		refuse("It has expired already.", "Give a later expires_at, or none.");
	if (request->key != NULL && (request->key[0] == '\0' || strlen(request->key) > REQUEST_KEY_MAX))
		refuse(psprintf("The idempotency key must have 1 to %d bytes.", REQUEST_KEY_MAX), "Shorten it, for example to a hash.");
	if (request->key != NULL && request->run_id == 0 &&
		strncmp(request->key, REQUEST_KEY_PREFIX, strlen(REQUEST_KEY_PREFIX)) == 0)
		refuse("Idempotency keys that begin with \"" REQUEST_KEY_PREFIX "\" belong to workflows.", "Choose another key.");
}

/*
 * SHA-256 of what changes the effect, in one canonical form.  Priority, expiry
 * and ABI aren't in it: they change when it happens and how it is shown.
 */
static void
fingerprint(Request *request, const Resolved *resolved)
{
	StringInfoData text;
	uint8		hash[DIGEST_MAX_SIZE];

	initStringInfo(&text);
	appendStringInfo(&text, "dalp request 1\nchain %s\nfrom %s\nto %s\nvalue %s\ngas %s\nmax_fee %s\ndata ",
					 resolved->number,
					 hex_text(resolved->address, ADDRESS_LENGTH),
					 request->has_to ? hex_text(request->to, ADDRESS_LENGTH) : "none",
					 amount_text(&request->value),
					 request->has_gas_limit ? psprintf(UINT64_FORMAT, request->gas_limit) : "none",
					 request->has_max_fee ? amount_text(&request->max_fee) : "none");
	if (request->data.length > 0)
		appendBinaryStringInfo(&text, (const char *) request->data.data, (int) request->data.length);
	if (digest_compute(DIGEST_SHA256, text.data, (size_t) text.len, hash) != sizeof(request->fingerprint))
		elog(ERROR, "could not compute a fingerprint");
	memcpy(request->fingerprint, hash, sizeof(request->fingerprint));
	pfree(text.data);
}

static void
refuse_key(const Request *request, const RequestFirst *first)
{
	ereport(ERROR,
			(errcode(ERRCODE_DALP_KEY_REUSED),
			 errmsg("idempotency key \"%s\" was used for a different transaction", request->key),
			 errdetail("Transaction " INT64_FORMAT " used it first at %s with fingerprint %s; this request has fingerprint %s.",
					   first->id, timestamptz_to_str(first->submitted_at),
					   hex_text(first->fingerprint, sizeof(first->fingerprint)),
					   hex_text(request->fingerprint, sizeof(request->fingerprint))),
			 errhint("Use a new key for a new transaction, or repeat the first request unchanged.")));
}

/* The key was there: the first request is meant. False if that was rolled back meanwhile. */
static bool
take_first(Request *request)
{
	RequestFirst first;

	if (!request_store_find_key(request->chain_id, request->wallet_id, request->key, &first))
		return false;
	if (memcmp(first.fingerprint, request->fingerprint, sizeof(first.fingerprint)) != 0)
		refuse_key(request, &first);
	request->id = first.id;
	return true;
}

void
request_submit(Request *requests, int count)
{
	Resolved   *known = NULL;

	for (int i = 0; i < count; i++)
	{
		const Resolved *resolved = resolve(&known, &requests[i]);

		check(&requests[i]);
		requests[i].wallet_id = resolved->wallet_id;
		requests[i].chain_id = resolved->chain_id;
		fingerprint(&requests[i], resolved);
		requests[i].id = request_store_new_id();
	}
	if (count == 0)
		return;

	request_store_insert(requests, count);
	for (int i = 0; i < count; i++)
	{
		int			tries = 0;

		while (!requests[i].created && !take_first(&requests[i]))
		{
			if (++tries > KEY_TRIES)
				elog(ERROR, "idempotency key \"%s\" is used and given up all the time", requests[i].key);
			request_store_insert(&requests[i], 1);
		}
	}
	wake_at_commit(WORKER_BROADCASTER);
}
