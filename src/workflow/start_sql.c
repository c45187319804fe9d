/*
 * start_sql.c
 *		dalp.start and dalp.start_many: arguments, rights, call.
 *
 * In a caller's backend.
 */
#include "compat.h"

#include "catalog/pg_type.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"

#include "core/catalog.h"
#include "core/errors.h"
#include "core/limits.h"
#include "core/spi.h"
#include "workflow/start.h"
#include "workflow/arguments.h"

DALP_FUNCTION(dalp_start);
DALP_FUNCTION(dalp_start_many);

#define PRIORITY_LIMIT 1000

static Jsonb *
empty_object(void)
{
	return DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum("{}")));
}

/* W3C Trace Context: "00-" 32 "-" 16 "-" 2 hex digits; it goes into headers of requests that dalp sends. */
static void
check_traceparent(const char *text)
{
	static const char pattern[] = "xx-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx-xxxxxxxxxxxxxxxx-xx";
	bool		good = strlen(text) == sizeof(pattern) - 1;

	for (int i = 0; good && pattern[i] != '\0'; i++)
		good = pattern[i] == 'x' ? strchr("0123456789abcdef", text[i]) != NULL : text[i] == pattern[i];
	if (!good)
		ereport(ERROR,
				(errcode(ERRCODE_DALP_INVALID_INPUT),
				 errmsg("invalid traceparent"),
				 errdetail("It must be like 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01.")));
}

/*
 * The arguments that both functions have: 0 workflow, then from `first`:
 * version, start_at, priority, concurrency_key, tags, timeout, traceparent.
 */
static void
read_request(FunctionCallInfo fcinfo, int first, StartRequest *request)
{
	int			priority = PG_ARGISNULL(first + 2) ? 0 : PG_GETARG_INT32(first + 2);

	memset(request, 0, sizeof(*request));
	request->starter = GetUserId();
	request->asked_version = PG_ARGISNULL(first) ? 0 : PG_GETARG_INT32(first);
	if (!PG_ARGISNULL(first) && request->asked_version <= 0)
		ereport(ERROR,
				(errcode(ERRCODE_DALP_INVALID_INPUT), errmsg("version must be positive")));
	if (!PG_ARGISNULL(first + 1))
	{
		request->has_start_at = true;
		request->start_at = PG_GETARG_TIMESTAMPTZ(first + 1);
		if (TIMESTAMP_NOT_FINITE(request->start_at))
			ereport(ERROR,
					(errcode(ERRCODE_DALP_INVALID_INPUT), errmsg("start_at must be finite")));
	}
	if (priority < -PRIORITY_LIMIT || priority > PRIORITY_LIMIT)
		ereport(ERROR,
				(errcode(ERRCODE_DALP_INVALID_INPUT),
				 errmsg("priority must be between %d and %d", -PRIORITY_LIMIT, PRIORITY_LIMIT),
				 errdetail("It is %d.", priority)));
	request->priority = priority;
	request->concurrency_key = text_argument(fcinfo, first + 3);
	check_key("concurrency key", request->concurrency_key);
	request->tags = PG_ARGISNULL(first + 4) ? NULL : PG_GETARG_JSONB_P(first + 4);
	if (request->tags != NULL && !JB_ROOT_IS_OBJECT(request->tags))
		ereport(ERROR,
				(errcode(ERRCODE_DALP_INVALID_INPUT), errmsg("tags must be a JSON object")));
	if (request->tags != NULL)
		limit_tags("document of tags", request->tags);
	if (!PG_ARGISNULL(first + 5))
	{
		request->timeout = interval_microseconds(PG_GETARG_INTERVAL_P(first + 5));
		if (request->timeout <= 0)
			ereport(ERROR,
					(errcode(ERRCODE_DALP_INVALID_INPUT), errmsg("timeout must be positive")));
	}
	request->traceparent = text_argument(fcinfo, first + 6);
	if (request->traceparent != NULL)
		check_traceparent(request->traceparent);
}

/* Finds the workflow and checks that the caller may start it. Needs an open store. */
static void
find_workflow(const char *name, StartRequest *request)
{
	WorkflowInfo info;

	definition_find(name, request->asked_version, &info);
	definition_require(info.workflow_id, info.name, info.owner, request->starter);
	request->definition = definition_get(info.definition_id);
	request->limited = info.limited;
}

Datum
dalp_start(PG_FUNCTION_ARGS)
{
	StartRequest request;
	StoreScope	scope;
	char	   *name = required_text(fcinfo, 0, "workflow");
	char	   *key = text_argument(fcinfo, 2);
	Jsonb	   *input = PG_ARGISNULL(1) ? empty_object() : PG_GETARG_JSONB_P(1);
	int64		run_id;

	catalog_require_writable();
	read_request(fcinfo, 3, &request);
	check_key("idempotency key", key);
	limit_payload("input", input);
	store_open(&scope);
	find_workflow(name, &request);
	start_runs(&request, 1, &input, &key, &run_id);
	store_close(&scope);
	PG_RETURN_INT64(run_id);
}

Datum
dalp_start_many(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	StartRequest request;
	StoreScope	scope;
	char	   *name = required_text(fcinfo, 0, "workflow");
	Datum	   *elements;
	bool	   *nulls;
	int			count;
	int			keys_count = 0;
	Jsonb	  **inputs;
	char	  **keys = NULL;
	int64	   *run_ids;

	catalog_require_writable();
	read_request(fcinfo, 3, &request);
	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	if (PG_ARGISNULL(1))
		return (Datum) 0;
	deconstruct_array(PG_GETARG_ARRAYTYPE_P(1), JSONBOID, -1, false, TYPALIGN_INT, &elements, &nulls, &count);
	inputs = palloc(sizeof(Jsonb *) * Max(count, 1));
	for (int i = 0; i < count; i++)
	{
		inputs[i] = nulls[i] ? empty_object() : DatumGetJsonbP(elements[i]);
		limit_payload("input", inputs[i]);
	}
	if (!PG_ARGISNULL(2))
	{
		deconstruct_array(PG_GETARG_ARRAYTYPE_P(2), TEXTOID, -1, false, TYPALIGN_INT, &elements, &nulls, &keys_count);
		if (keys_count != count)
			ereport(ERROR,
					(errcode(ERRCODE_DALP_INVALID_INPUT),
					 errmsg("there must be as many idempotency keys as inputs"),
					 errdetail("There are %d inputs and %d keys.", count, keys_count)));
		keys = palloc(sizeof(char *) * Max(count, 1));
		for (int i = 0; i < count; i++)
		{
			keys[i] = nulls[i] ? NULL : TextDatumGetCString(elements[i]);
			check_key("idempotency key", keys[i]);
		}
	}
	run_ids = palloc(sizeof(int64) * Max(count, 1));
	store_open(&scope);
	find_workflow(name, &request);
	if (count > 0)
		start_runs(&request, count, inputs, keys, run_ids);
	store_close(&scope);

	for (int i = 0; i < count; i++)
	{
		Datum		values[1] = {Int64GetDatum(run_ids[i])};
		bool		null[1] = {false};

		tuplestore_putvalues(result->setResult, result->setDesc, values, null);
	}
	return (Datum) 0;
}
