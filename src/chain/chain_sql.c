/*
 * chain_sql.c
 *		SQL functions of operators: chains, endpoints, pausing and resuming.
 *
 * In a backend, in the caller's transaction.  Rights are checked before the
 * store is opened, because that makes the process the extension's owner.
 */
#include "postgres.h"

#include "chain/amount.h"
#include "chain/chain_store.h"
#include "chain/lane_store.h"
#include "compat.h"
#include "core/catalog.h"
#include "core/document_jsonb.h"
#include "core/errors.h"
#include "core/spi.h"
#include "core/wake.h"
#include "custody/wallet.h"
#include "evm/hex.h"
#include "evm/integer.h"
#include "miscadmin.h"
#include "net/http_client.h"
#include "ops/audit.h"
#include "utils/builtins.h"

DALP_FUNCTION(dalp_create_chain);
DALP_FUNCTION(dalp_add_endpoint);
DALP_FUNCTION(dalp_halt_chain);
DALP_FUNCTION(dalp_enable_chain);
DALP_FUNCTION(dalp_pause_wallet);
DALP_FUNCTION(dalp_resume_wallet);

#define MAX_BUMP_BLOCKS 100000
#define MAX_WINDOW 100000
#define MAX_BATCH 10000
#define MAX_WEIGHT 1000
#define MAX_TIMEOUT_MS 3600000
#define URL_MAX 2000

static void
audit_note(Oid user, const char *action, const char *object, const char *note)
{
	Doc		   *details = doc_object();
	Problem		problem;
	Jsonb	   *jsonb;

	problem.message[0] = problem.where[0] = '\0';
	doc_object_add(details, "note", doc_text(note));
	jsonb = doc_to_jsonb(details, &problem);
	if (jsonb == NULL)
		problem_raise(&problem, "note");
	audit_add(user, action, object, jsonb);
}

static int
option_int(const Doc *value, const char *name, int least, int most)
{
	int64		number;

	if (!doc_is(value, DOC_NUMBER) || !doc_to_int64(value, &number) || number < least || number > most)
		ereport(ERROR,
				(errcode(ERRCODE_DALP_INVALID_INPUT),
				 errmsg("invalid option \"%s\"", name),
				 errdetail("It must be a whole number from %d to %d.", least, most),
				 errhint("Correct the options.")));
	return (int) number;
}

static void
option_unknown(const char *name, const char *known)
{
	ereport(ERROR,
			(errcode(ERRCODE_DALP_INVALID_INPUT),
			 errmsg("unknown option \"%s\"", name),
			 errdetail("Known options are %s.", known),
			 errhint("Correct the options.")));
}

static const Doc *
options_object(FunctionCallInfo fcinfo, int argument)
{
	const Doc  *options;

	if (PG_ARGISNULL(argument))
		return NULL;
	options = doc_from_jsonb(PG_GETARG_JSONB_P(argument));
	if (doc_is(options, DOC_NULL))
		return NULL;
	if (!doc_is(options, DOC_OBJECT))
		ereport(ERROR,
				(errcode(ERRCODE_DALP_INVALID_INPUT),
				 errmsg("options must be a JSON object"),
				 errdetail("Something else was given."),
				 errhint("Correct the options.")));
	return options;
}

static char *
text_argument(FunctionCallInfo fcinfo, int argument, const char *name)
{
	if (PG_ARGISNULL(argument))
		ereport(ERROR,
				(errcode(ERRCODE_DALP_INVALID_INPUT),
				 errmsg("argument \"%s\" must not be null", name),
				 errdetail("It has no default."),
				 errhint("Give a value.")));
	return text_to_cstring(PG_GETARG_TEXT_PP(argument));
}

/* finalized, safe, instant, or depth:N as the table's CHECK has it. */
static void
check_finality(const char *finality)
{
	const char *digits = strncmp(finality, "depth:", 6) == 0 ? finality + 6 : NULL;
	size_t		length = digits ? strlen(digits) : 0;

	if (strcmp(finality, "finalized") == 0 || strcmp(finality, "safe") == 0 ||
		strcmp(finality, "instant") == 0 ||
		(length >= 1 && length <= 5 && strspn(digits, "0123456789") == length))
		return;
	ereport(ERROR,
			(errcode(ERRCODE_DALP_INVALID_INPUT),
			 errmsg("invalid finality \"%s\"", finality),
			 errdetail("It is finalized, safe, instant, or depth:N with a number of blocks."),
			 errhint("Public chains have finalized; chains of one trusted proposer are instant.")));
}

static void
chain_options(NewChain *chain, const Doc *options)
{
	Problem		problem;

	problem.message[0] = problem.where[0] = '\0';
	for (uint32 i = 0; options != NULL && i < options->length; i++)
	{
		const char *name = options->members[i].key;
		const Doc  *value = options->members[i].value;

		if (doc_is(value, DOC_NULL))
			continue;
		if (strcmp(name, "min_tip") == 0)
		{
			if (!integer_from_doc_unsigned(value, &chain->min_tip, name, &problem))
				problem_raise(&problem, "options");
		}
		else if (strcmp(name, "max_fee") == 0)
		{
			if (!integer_from_doc_unsigned(value, &chain->max_fee, name, &problem) ||
				(u256_is_zero(&chain->max_fee) && !problem_set(&problem, name, "must be above 0")))
				problem_raise(&problem, "options");
			chain->has_max_fee = true;
		}
		else if (strcmp(name, "bump_blocks") == 0)
			chain->bump_blocks = option_int(value, name, 1, MAX_BUMP_BLOCKS);
		else if (strcmp(name, "nonce_window") == 0)
			chain->nonce_window = option_int(value, name, 1, MAX_WINDOW);
		else if (strcmp(name, "genesis_hash") == 0)
		{
			uint8	   *hash = palloc(32);

			if (!doc_is(value, DOC_STRING))
				problem_set(&problem, name, "must be hex text");
			else
				(void) hex_parse_exact(value->text, value->length, hash, 32, name, &problem);
			if (problem.message[0] != '\0')
				problem_raise(&problem, "options");
			chain->genesis_hash = hash;
		}
		else
			option_unknown(name, "min_tip, max_fee, bump_blocks, nonce_window and genesis_hash");
	}
}

Datum
dalp_create_chain(PG_FUNCTION_ARGS)
{
	NewChain	chain;
	Oid			user = GetUserId();
	StoreScope	scope;

	catalog_require_writable();
	wallet_require_role("dalp_operator", "create chains");
	memset(&chain, 0, sizeof(chain));
	chain.name = text_argument(fcinfo, 0, "name");
	if (PG_ARGISNULL(1))
		(void) text_argument(fcinfo, 1, "chain_id");
	chain.number = amount_from_numeric(PG_GETARG_NUMERIC(1), "chain_id");
	chain.finality = text_argument(fcinfo, 2, "finality");
	chain.fee_mode = text_argument(fcinfo, 3, "fee_mode");
	chain.bump_blocks = 3;
	chain.nonce_window = 16;

	wallet_check_name("chain", chain.name);
	/* The v of EIP-155 must hold twice the chain id. */
	if (u256_is_zero(&chain.number) || u256_bits(&chain.number) > 254)
		ereport(ERROR,
				(errcode(ERRCODE_DALP_INVALID_INPUT),
				 errmsg("invalid chain id"),
				 errdetail("It must be from 1 to 2^254 - 1."),
				 errhint("Ask a node with eth_chainId.")));
	check_finality(chain.finality);
	if (strcmp(chain.fee_mode, "eip1559") != 0 && strcmp(chain.fee_mode, "legacy") != 0 &&
		strcmp(chain.fee_mode, "zero") != 0)
		ereport(ERROR,
				(errcode(ERRCODE_DALP_INVALID_INPUT),
				 errmsg("invalid fee mode \"%s\"", chain.fee_mode),
				 errdetail("It is eip1559, legacy, or zero."),
				 errhint("Most chains are eip1559; zero is for private chains without fees.")));
	chain_options(&chain, options_object(fcinfo, 4));

	store_open(&scope);
	if (!chain_store_add(&chain))
		ereport(ERROR,
				(errcode(ERRCODE_DALP_WRONG_STATE),
				 errmsg("chain \"%s\" or another with chain id %s exists already", chain.name, amount_text(&chain.number)),
				 errdetail("Names and chain ids are unique."),
				 errhint("The view dalp.chains lists the chains.")));
	audit_add(user, "create_chain", chain.name, PG_ARGISNULL(4) ? NULL : PG_GETARG_JSONB_P(4));
	wake_at_commit(WORKER_BROADCASTER);
	store_close(&scope);
	PG_RETURN_VOID();
}

/* A password has no place in a URL; providers' keys in its path are shown to operators only. */
static void
check_url(const char *url)
{
	size_t		scheme = strncmp(url, "https://", 8) == 0 ? 8 : strncmp(url, "http://", 7) == 0 ? 7 : 0;
	size_t		host = scheme ? strcspn(url + scheme, "/?#") : 0;
	const char *reason = NULL;

	if (strlen(url) > URL_MAX)
		reason = "It is too long.";
	else if (scheme == 0)
		reason = "It does not begin with http:// or https://.";
	else if (host == 0)
		reason = "It has no host.";
	else if (memchr(url + scheme, '@', host) != NULL)
		reason = "It holds a user name or password.";
	for (const char *p = url; reason == NULL && *p != '\0'; p++)
		if ((unsigned char) *p <= ' ' || (unsigned char) *p >= 0x7f)
			reason = "It holds blanks, control or non-ASCII characters.";
	if (reason != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_DALP_INVALID_INPUT),
				 errmsg("invalid URL of an endpoint"),
				 errdetail("%s", reason),
				 errhint("Give a URL like https://host:port/path.")));
}

Datum
dalp_add_endpoint(PG_FUNCTION_ARGS)
{
	char	   *chain_name;
	char	   *url;
	int			priority;
	int			max_batch = 0;
	int			weight = 1;
	int			timeout_ms = 0;
	int			id;
	Oid			user = GetUserId();
	const Doc  *options;
	ChainRow	chain;
	StoreScope	scope;

	catalog_require_writable();
	wallet_require_role("dalp_operator", "add endpoints");
	chain_name = text_argument(fcinfo, 0, "chain");
	url = text_argument(fcinfo, 1, "url");
	priority = PG_ARGISNULL(2) ? 0 : PG_GETARG_INT32(2);
	check_url(url);
	options = options_object(fcinfo, 3);
	for (uint32 i = 0; options != NULL && i < options->length; i++)
	{
		const char *name = options->members[i].key;
		const Doc  *value = options->members[i].value;

		if (doc_is(value, DOC_NULL))
			continue;
		if (strcmp(name, "weight") == 0)
			weight = option_int(value, name, 1, MAX_WEIGHT);
		else if (strcmp(name, "max_batch") == 0)
			max_batch = option_int(value, name, 1, MAX_BATCH);
		else if (strcmp(name, "timeout_ms") == 0)
			timeout_ms = option_int(value, name, 1, MAX_TIMEOUT_MS);
		else
			option_unknown(name, "weight, max_batch and timeout_ms");
	}

	store_open(&scope);
	chain_find(chain_name, &chain);
	id = endpoint_store_add(chain.id, url, priority, max_batch, timeout_ms, weight);
	if (id == 0)
		ereport(ERROR,
				(errcode(ERRCODE_DALP_WRONG_STATE),
				 errmsg("chain \"%s\" has that endpoint already", chain_name),
				 errdetail("URLs are unique within a chain."),
				 errhint("The view dalp.endpoints lists them.")));
	audit_note(user, "add_endpoint", chain_name, http_url_display(url));
	wake_at_commit(WORKER_BROADCASTER);
	store_close(&scope);
	PG_RETURN_INT32(id);
}

static void
set_chain_state(FunctionCallInfo fcinfo, bool halt)
{
	char	   *name = text_argument(fcinfo, 0, "chain");
	char	   *note = text_argument(fcinfo, 1, "note");
	Oid			user = GetUserId();
	ChainRow	chain;
	StoreScope	scope;

	catalog_require_writable();
	wallet_require_role("dalp_operator", halt ? "halt chains" : "enable chains");
	store_open(&scope);
	chain_find(name, &chain);
	if (chain_store_set_state(chain.id, halt ? note : NULL))
	{
		audit_note(user, halt ? "halt_chain" : "enable_chain", name, note);
		wake_at_commit(WORKER_BROADCASTER);
		wake_at_commit(WORKER_SIGNER);
	}
	store_close(&scope);
}

Datum
dalp_halt_chain(PG_FUNCTION_ARGS)
{
	set_chain_state(fcinfo, true);
	PG_RETURN_VOID();
}

Datum
dalp_enable_chain(PG_FUNCTION_ARGS)
{
	set_chain_state(fcinfo, false);
	PG_RETURN_VOID();
}

static void
set_lane_state(FunctionCallInfo fcinfo, bool pause)
{
	char	   *wallet_name = text_argument(fcinfo, 0, "wallet");
	char	   *chain_name = text_argument(fcinfo, 1, "chain");
	char	   *note = text_argument(fcinfo, 2, "note");
	Oid			user = GetUserId();
	Wallet		wallet;
	ChainRow	chain;
	StoreScope	scope;
	char	   *state;

	catalog_require_writable();
	wallet_require_role("dalp_operator", pause ? "pause wallets" : "resume wallets");
	store_open(&scope);
	wallet_find(wallet_name, &wallet);
	chain_find(chain_name, &chain);
	lane_store_ensure(chain.id, wallet.id);
	state = lane_store_lock(chain.id, wallet.id);
	if (strcmp(state, "quarantined") == 0)
		ereport(ERROR,
				(errcode(ERRCODE_DALP_WRONG_STATE),
				 errmsg("wallet \"%s\" is quarantined on chain \"%s\"", wallet_name, chain_name),
				 errdetail("Its state is quarantined; the states allowed are new, active and paused."),
				 errhint("A quarantine ends by reconciliation.")));
	if (pause)
		lane_store_pause(chain.id, wallet.id, "operator", note);
	else if (strcmp(state, "paused") == 0)
		lane_store_resume(chain.id, wallet.id);
	audit_note(user, pause ? "pause_wallet" : "resume_wallet",
			   psprintf("%s@%s", wallet_name, chain_name), note);
	wake_at_commit(WORKER_BROADCASTER);
	wake_at_commit(WORKER_SIGNER);
	store_close(&scope);
}

Datum
dalp_pause_wallet(PG_FUNCTION_ARGS)
{
	set_lane_state(fcinfo, true);
	PG_RETURN_VOID();
}

Datum
dalp_resume_wallet(PG_FUNCTION_ARGS)
{
	set_lane_state(fcinfo, false);
	PG_RETURN_VOID();
}
