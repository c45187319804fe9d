/*
 * submit_sql.c
 *		SQL functions that queue transactions.
 *
 * In a backend, in the caller's transaction.  Rights are checked before the
 * store is opened, because that makes the process the extension's owner.
 */
#include "postgres.h"

#include "chain/amount.h"
#include "chain/chain.h"
#include "chain/request.h"
#include "compat.h"
#include "core/catalog.h"
#include "core/document_jsonb.h"
#include "core/errors.h"
#include "core/spi.h"
#include "custody/wallet.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"

DALP_FUNCTION(dalp_submit_transaction);
DALP_FUNCTION(dalp_submit_call);
DALP_FUNCTION(dalp_deploy_contract);
DALP_FUNCTION(dalp_submit_many);

/* Requests that one statement inserts; bounds the memory of arrays. */
#define SUBMIT_BATCH 1000
#define PRIORITY_MAX 32767

static void
require_argument(FunctionCallInfo fcinfo, int argument, const char *name)
{
	if (PG_ARGISNULL(argument))
		ereport(ERROR,
				(errcode(ERRCODE_DALP_INVALID_INPUT),
				 errmsg("argument \"%s\" must not be null", name),
				 errdetail("It has no default."),
				 errhint("Give a value.")));
}

static Bytes
bytes_argument(FunctionCallInfo fcinfo, int argument)
{
	Bytes		bytes = {NULL, 0};

	if (!PG_ARGISNULL(argument))
	{
		bytea	   *value = PG_GETARG_BYTEA_PP(argument);

		bytes.data = (const uint8 *) VARDATA_ANY(value);
		bytes.length = VARSIZE_ANY_EXHDR(value);
	}
	return bytes;
}

static const Doc *
document_argument(FunctionCallInfo fcinfo, int argument)
{
	return PG_ARGISNULL(argument) ? NULL : doc_from_jsonb(PG_GETARG_JSONB_P(argument));
}

/* wallet and chain are arguments 0 and 1 everywhere. */
static void
begin(FunctionCallInfo fcinfo, Request *request)
{
	catalog_require_writable();
	wallet_require_role("dalp_app", "submit transactions");
	memset(request, 0, sizeof(*request));
	require_argument(fcinfo, 0, "wallet");
	require_argument(fcinfo, 1, "chain");
	request->wallet = text_to_cstring(PG_GETARG_TEXT_PP(0));
	request->chain = text_to_cstring(PG_GETARG_TEXT_PP(1));
	request->role = GetUserId();
}

/* value, if it has a place of its own, and the six arguments that all have: key, priority, gas_limit, max_fee, expires_at, options. */
static void
take_common(FunctionCallInfo fcinfo, Request *request, int value, int first)
{
	Problem		problem;

	problem.message[0] = problem.where[0] = '\0';
	if (!PG_ARGISNULL(value))
		request->value = amount_from_numeric(PG_GETARG_NUMERIC(value), "value");
	if (!PG_ARGISNULL(first))
		request->key = text_to_cstring(PG_GETARG_TEXT_PP(first));
	request->priority = PG_ARGISNULL(first + 1) ? 0 : PG_GETARG_INT32(first + 1);
	if (request->priority < -PRIORITY_MAX || request->priority > PRIORITY_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_DALP_INVALID_INPUT),
				 errmsg("invalid priority %d", request->priority),
				 errdetail("It must be from %d to %d.", -PRIORITY_MAX, PRIORITY_MAX),
				 errhint("Requests with a higher one go first; 0 is the default.")));
	request->has_gas_limit = !PG_ARGISNULL(first + 2);
	if (request->has_gas_limit)
		request->gas_limit = amount_from_numeric_u64(PG_GETARG_NUMERIC(first + 2), "gas_limit");
	request->has_max_fee = !PG_ARGISNULL(first + 3);
	if (request->has_max_fee)
		request->max_fee = amount_from_numeric(PG_GETARG_NUMERIC(first + 3), "max_fee");
	request->has_expires_at = !PG_ARGISNULL(first + 4);
	if (request->has_expires_at)
		request->expires_at = PG_GETARG_TIMESTAMPTZ(first + 4);
	if (!request_set_options(request, document_argument(fcinfo, first + 5), &problem))
		problem_raise(&problem, "options");
}

/* A ChainSubmit. */
static int64
submit_for_procedure(void *argument, int64 run_id, const char *key)
{
	Request    *request = argument;

	/* A caller's key that looks like dalp's own is refused, as anywhere. */
	if (request->key == NULL)
		request->key = psprintf("%s%s", REQUEST_KEY_PREFIX, key);
	else if (strncmp(request->key, REQUEST_KEY_PREFIX, strlen(REQUEST_KEY_PREFIX)) == 0)
		run_id = 0;
	request->run_id = run_id;
	request_submit(request, 1);
	return request->id;
}

static int64
submit_one(Request *request)
{
	StoreScope	scope;

	if (chain_submit_hook != NULL &&
		chain_submit_hook(request->wallet, request->chain, submit_for_procedure, request, &request->id))
		return request->id;
	store_open(&scope);
	request_submit(request, 1);
	store_close(&scope);
	return request->id;
}

static void
take_recipient(FunctionCallInfo fcinfo, int argument, Request *request)
{
	request->has_to = !PG_ARGISNULL(argument);
	if (request->has_to)
		memcpy(request->to, PG_GETARG_POINTER(argument), ADDRESS_LENGTH);
}

Datum
dalp_submit_transaction(PG_FUNCTION_ARGS)
{
	Request		request;

	begin(fcinfo, &request);
	take_recipient(fcinfo, 2, &request);
	request.data = bytes_argument(fcinfo, 4);
	take_common(fcinfo, &request, 3, 5);
	PG_RETURN_INT64(submit_one(&request));
}

Datum
dalp_submit_call(PG_FUNCTION_ARGS)
{
	Request		request;
	Problem		problem;

	problem.message[0] = problem.where[0] = '\0';
	begin(fcinfo, &request);
	require_argument(fcinfo, 2, "to_address");
	require_argument(fcinfo, 3, "function");
	take_recipient(fcinfo, 2, &request);
	take_common(fcinfo, &request, 5, 6);
	if (!request_set_call(&request, text_to_cstring(PG_GETARG_TEXT_PP(3)), document_argument(fcinfo, 4), &problem))
		problem_raise(&problem, "call");
	PG_RETURN_INT64(submit_one(&request));
}

Datum
dalp_deploy_contract(PG_FUNCTION_ARGS)
{
	Request		request;
	Problem		problem;

	problem.message[0] = problem.where[0] = '\0';
	begin(fcinfo, &request);
	require_argument(fcinfo, 2, "bytecode");
	take_common(fcinfo, &request, 5, 6);
	if (!request_set_deployment(&request, bytes_argument(fcinfo, 2),
								PG_ARGISNULL(3) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(3)),
								document_argument(fcinfo, 4), &problem))
		problem_raise(&problem, "deployment");
	PG_RETURN_INT64(submit_one(&request));
}

/* Says which of many requests is wrong. */
static void
problem_raise_at(Problem *problem, int index)
{
	Problem		placed;

	memcpy(placed.message, problem->message, sizeof(placed.message));
	snprintf(placed.where, sizeof(placed.where), "requests[%d]%s%.200s", index + 1,
			 problem->where[0] ? "." : "", problem->where);
	problem_raise(&placed, "transaction request");
}

Datum
dalp_submit_many(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	ArrayType  *array = PG_GETARG_ARRAYTYPE_P(0);
	Oid			role = GetUserId();
	Datum	   *elements;
	bool	   *nulls;
	int			count;
	int16		length;
	bool		by_value;
	char		align;
	int64	   *ids;
	StoreScope	scope;

	catalog_require_writable();
	wallet_require_role("dalp_app", "submit transactions");
	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);

	get_typlenbyvalalign(ARR_ELEMTYPE(array), &length, &by_value, &align);
	deconstruct_array(array, ARR_ELEMTYPE(array), length, by_value, align, &elements, &nulls, &count);
	ids = palloc(sizeof(int64) * (count + 1));

	store_open(&scope);
	for (int done = 0; done < count;)
	{
		int			batch = Min(count - done, SUBMIT_BATCH);
		MemoryContext work = AllocSetContextCreate(CurrentMemoryContext, "dalp requests", ALLOCSET_DEFAULT_SIZES);
		MemoryContext old = MemoryContextSwitchTo(work);
		Request    *requests = palloc(sizeof(Request) * batch);

		for (int i = 0; i < batch; i++)
		{
			Problem		problem;

			problem.message[0] = problem.where[0] = '\0';
			if (nulls[done + i])
				problem_set(&problem, "", "must not be null");
			else
				(void) request_from_doc(&requests[i], doc_from_jsonb(DatumGetJsonbP(elements[done + i])), true, &problem);
			if (problem.message[0] != '\0')
				problem_raise_at(&problem, done + i);
			requests[i].role = role;
		}
		request_submit(requests, batch);
		for (int i = 0; i < batch; i++)
			ids[done + i] = requests[i].id;
		done += batch;
		MemoryContextSwitchTo(old);
		MemoryContextDelete(work);
	}
	for (int i = 0; i < count; i++)
	{
		Datum		value = Int64GetDatum(ids[i]);
		bool		null = false;

		tuplestore_putvalues(result->setResult, result->setDesc, &value, &null);
	}
	store_close(&scope);
	PG_RETURN_NULL();
}
