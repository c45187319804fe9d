/*
 * transaction_sql.c
 *		SQL functions: transactions and delegations.
 */
#include "postgres.h"

#include "fmgr.h"
#include "miscadmin.h"
#include "utils/jsonb.h"

#include "compat.h"
#include "core/document_jsonb.h"
#include "core/errors.h"
#include "evm/bytes_sql.h"
#include "evm/transaction.h"
#include "evm/u256_sql.h"

#define HINT_RAW "Give the signed bytes of one transaction, as eth_sendRawTransaction takes them."

DALP_FUNCTION(dalp_transaction_encode_unsigned);
DALP_FUNCTION(dalp_transaction_sign);
DALP_FUNCTION(dalp_transaction_decode);
DALP_FUNCTION(dalp_transaction_decode_blob);
DALP_FUNCTION(dalp_transaction_hash);
DALP_FUNCTION(dalp_transaction_check);
DALP_FUNCTION(dalp_authorization_hash);
DALP_FUNCTION(dalp_authorization_sign);

static void
transaction_argument(FunctionCallInfo fcinfo, int n, EvmTransaction *tx)
{
	Problem		problem = {{0}, {0}};

	if (!evm_transaction_from_doc(tx, doc_from_jsonb(PG_GETARG_JSONB_P(n)), &problem))
		problem_raise_hint(&problem, "transaction",
						   "Members are named as in JSON-RPC: type, chainId, nonce, to, value, gas, input and the fees of the type.");
}

Datum
dalp_transaction_encode_unsigned(PG_FUNCTION_ARGS)
{
	Problem		problem = {{0}, {0}};
	EvmTransaction tx;
	ByteBuffer	out;

	transaction_argument(fcinfo, 0, &tx);
	bytes_init(&out, tx.input.length + 256);
	if (!evm_transaction_encode_unsigned(&tx, &out, &problem))
		problem_raise(&problem, "transaction");
	return bytes_to_datum(out.data, out.length);
}

/* What is granted can be granted on, so functions that take a key in the open ask themselves. */
static void
require_superuser(void)
{
	if (!superuser())
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("must be superuser to sign with a private key"),
				 errhint("Submit transactions for a wallet with dalp.submit_transaction().")));
}

Datum
dalp_transaction_sign(PG_FUNCTION_ARGS)
{
	Problem		problem = {{0}, {0}};
	EvmTransaction tx;
	ByteBuffer	out;

	require_superuser();
	transaction_argument(fcinfo, 0, &tx);
	bytes_init(&out, tx.input.length + 256);
	if (!evm_transaction_sign(&tx, bytes_argument_exact(fcinfo, 1, 32, "private_key"), NULL, &out,
							  &problem))
		problem_raise(&problem, "transaction");
	return bytes_to_datum(out.data, out.length);
}

Datum
dalp_transaction_decode(PG_FUNCTION_ARGS)
{
	Bytes		raw = bytes_argument(fcinfo, 0);
	Problem		problem = {{0}, {0}};
	EvmTransaction tx;

	if (!evm_transaction_decode(&tx, raw.data, raw.length, true, &problem))
		problem_raise_hint(&problem, "transaction", HINT_RAW);
	return bytes_doc_to_datum(evm_transaction_to_doc(&tx), "transaction");
}

/* Apart from dalp_transaction_decode, whose callers may rely on it to refuse what dalp never sends. */
Datum
dalp_transaction_decode_blob(PG_FUNCTION_ARGS)
{
	Bytes		raw = bytes_argument(fcinfo, 0);
	Problem		problem = {{0}, {0}};
	EvmTransaction tx;

	if (!evm_transaction_decode_blob(&tx, raw.data, raw.length, true, &problem))
		problem_raise(&problem, "blob transaction");
	return bytes_doc_to_datum(evm_transaction_to_doc(&tx), "blob transaction");
}

Datum
dalp_transaction_hash(PG_FUNCTION_ARGS)
{
	Bytes		raw = bytes_argument(fcinfo, 0);
	Problem		problem = {{0}, {0}};
	uint8_t		hash[32];

	if (!evm_transaction_hash(raw.data, raw.length, hash, &problem))
		problem_raise_hint(&problem, "transaction", HINT_RAW);
	return bytes_to_datum(hash, sizeof(hash));
}

Datum
dalp_transaction_check(PG_FUNCTION_ARGS)
{
	Bytes		raw = bytes_argument(fcinfo, 0);
	Problem		problem = {{0}, {0}};
	Doc		   *result = doc_object();
	EvmTransaction tx;
	const char *reason;
	U256		chain_id;

	if (!u256_from_numeric(PG_GETARG_NUMERIC(1), &chain_id, "chain_id", &problem))
		problem_raise(&problem, "chain id");
	if (!evm_transaction_decode(&tx, raw.data, raw.length, true, &problem))
		problem_raise_hint(&problem, "transaction", HINT_RAW);
	reason = evm_transaction_check(&tx, raw.length, &chain_id);
	doc_object_add(result, "valid", doc_bool(reason == NULL));
	doc_object_add(result, "reason", reason != NULL ? doc_text(reason) : doc_null());
	doc_object_add(result, "intrinsic_gas", doc_int((int64_t) evm_intrinsic_gas(&tx)));
	doc_object_add(result, "floor_gas", doc_int((int64_t) evm_floor_gas(&tx)));
	return bytes_doc_to_datum(result, "transaction");
}

Datum
dalp_authorization_hash(PG_FUNCTION_ARGS)
{
	const Doc  *doc = doc_from_jsonb(PG_GETARG_JSONB_P(0));
	Problem		problem = {{0}, {0}};
	EvmAuthorization authorization;
	uint8_t		hash[32];

	if (!evm_authorization_from_doc(&authorization, doc, false, "authorization", &problem))
		problem_raise(&problem, "authorization");
	evm_authorization_hash(&authorization, hash);
	return bytes_to_datum(hash, sizeof(hash));
}

/* The signed tuple, as a transaction's authorizationList takes it. */
Datum
dalp_authorization_sign(PG_FUNCTION_ARGS)
{
	const Doc  *doc = doc_from_jsonb(PG_GETARG_JSONB_P(0));
	Problem		problem = {{0}, {0}};
	EvmAuthorization authorization;

	require_superuser();
	if (!evm_authorization_from_doc(&authorization, doc, false, "authorization", &problem) ||
		!evm_authorization_sign(&authorization, bytes_argument_exact(fcinfo, 1, 32, "private_key"),
								&problem))
		problem_raise(&problem, "authorization");
	return bytes_doc_to_datum(evm_authorization_to_doc(&authorization), "authorization");
}
