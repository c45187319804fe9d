/*
 * call_sql.c
 *		dalp.call: a read-only call of a contract.
 *
 * In a backend.  The broadcaster has the network, so it is asked by mailbox:
 *   {"chain", "to", "data", "block"}
 * and answers
 *   {"result": "0x…"} or {"error": {"class", "code", "message", "data"}}
 */
#include "postgres.h"

#include "chain/call.h"
#include "compat.h"
#include "core/catalog.h"
#include "core/document_jsonb.h"
#include "core/errors.h"
#include "core/mailbox.h"
#include "core/settings.h"
#include "custody/wallet.h"
#include "evm/address.h"
#include "evm/hex.h"
#include "miscadmin.h"
#include "storage/latch.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

DALP_FUNCTION(dalp_call);

/* Failover to other endpoints takes a few time-outs of one call. */
#define TIMEOUT_FACTOR 4

static const char *
block_parameter(const char *text)
{
	const char *block = call_block(text);

	if (block == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_DALP_INVALID_INPUT),
				 errmsg("invalid block \"%s\"", text),
				 errdetail("It is a number, or latest, safe, finalized, pending or earliest."),
				 errhint("latest is the default.")));
	return block;
}

/* The error that the node answered with, or that there was no node. */
static void
raise_chain_error(const char *chain, const Doc *error, const AbiItem *item)
{
	const char *class_name = doc_get_text(error, "class");
	const char *message = doc_get_text(error, "message");
	const Doc  *code = doc_get(error, "code");
	const char *reason = call_revert_reason(doc_get(error, "data"), NULL);

	ereport(ERROR,
			(errcode(ERRCODE_DALP_CHAIN_ERROR),
			 reason ? errmsg("call of %s on chain \"%s\" failed: %s", item->signature, chain, reason)
			 : errmsg("call of %s on chain \"%s\" failed", item->signature, chain),
			 errdetail("Class %s, code %s, message: %s", class_name ? class_name : "unknown",
					   doc_is(code, DOC_NUMBER) ? code->text : "none", message ? message : "none"),
			 errhint("Check address, function and arguments; the view dalp.endpoints lists who is asked.")));
}

static const Doc *
ask(const char *chain, const uint8 *to, const ByteBuffer *data, const char *block)
{
	Doc		   *question = doc_object();
	char		address[ADDRESS_TEXT_SIZE];
	char	   *text;
	size_t		length;
	void	   *answer;
	Size		answer_length;
	const char *reason = NULL;
	const Doc  *doc;
	Problem		problem;

	problem.message[0] = problem.where[0] = '\0';
	address_write(to, address);
	doc_object_add(question, "chain", doc_text(chain));
	doc_object_add(question, "to", doc_text(address));
	doc_object_add(question, "data", doc_text(hex_text(data->data, data->length)));
	doc_object_add(question, "block", doc_text(block));
	text = doc_write(question, &length);
	if (!mailbox_ask(WORKER_BROADCASTER, text, length, (long) dalp_rpc_timeout * TIMEOUT_FACTOR,
					 &answer, &answer_length, &reason))
		ereport(ERROR,
				(errcode(ERRCODE_DALP_NOT_LOADED),
				 errmsg("the broadcaster does not answer"),
				 errdetail("Reason: %s.", reason ? reason : "unknown"),
				 errhint("The view dalp.workers and the server's log tell what it does.")));
	doc = doc_parse(answer, answer_length, &problem);
	if (doc == NULL)
		elog(ERROR, "answer of the broadcaster is no document: %s", problem.message);
	return doc;
}

Datum
dalp_call(PG_FUNCTION_ARGS)
{
	char	   *chain = text_to_cstring(PG_GETARG_TEXT_PP(0));
	const uint8 *to = (const uint8 *) PG_GETARG_POINTER(1);
	char	   *function = text_to_cstring(PG_GETARG_TEXT_PP(2));
	const Doc  *arguments = doc_from_jsonb(PG_GETARG_JSONB_P(3));
	const char *block = block_parameter(text_to_cstring(PG_GETARG_TEXT_PP(4)));
	const AbiItem *item;
	ByteBuffer	data;
	const Doc  *answer;
	const Doc  *result;
	Jsonb	   *jsonb;
	Problem		problem;

	catalog_require_loaded();
	if (!catalog_user_is("dalp_operator") && !catalog_user_is("dalp_auditor"))
		wallet_require_role("dalp_app", "call contracts");
	problem.message[0] = problem.where[0] = '\0';
	bytes_init(&data, 260);
	item = abi_parse_item(function, strlen(function), ABI_ITEM_FUNCTION, &problem);
	if (item == NULL || !abi_encode_call(item, arguments, &data, &problem))
		problem_raise(&problem, "call");

	answer = ask(chain, to, &data, block);
	result = doc_get(answer, "result");
	if (!doc_is(result, DOC_STRING))
	{
		if (doc_is_text(doc_get(doc_get(answer, "error"), "class"), "unknown_chain"))
			ereport(ERROR,
					(errcode(ERRCODE_DALP_UNKNOWN_OBJECT),
					 errmsg("chain \"%s\" does not exist", chain),
					 errdetail("The broadcaster knows no such chain; it sees only what is committed."),
					 errhint("The view dalp.chains lists the chains; dalp.create_chain makes one.")));
		raise_chain_error(chain, doc_get(answer, "error"), item);
	}

	result = call_decode(item, result, &problem);
	if (result == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_DALP_CHAIN_ERROR),
				 errmsg("answer to %s on chain \"%s\" is not what its outputs say", item->signature, chain),
				 errdetail("At %s: %s.", problem.where[0] ? problem.where : "its beginning", problem.message),
				 errhint("Is there a contract with that function at this address?")));
	jsonb = doc_to_jsonb(result, &problem);
	if (jsonb == NULL)
		problem_raise(&problem, "result");
	PG_RETURN_JSONB_P(jsonb);
}
