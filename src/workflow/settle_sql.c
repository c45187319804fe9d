/*
 * settle_sql.c
 *		dalp.complete_task, fail_task, release_tasks, heartbeat_task,
 *		assert_lease: arguments, call.
 *
 * In a worker's backend, in its transaction.  The token is the right: who has
 * it may use it.  No lock on a run is taken; a token that is used twice, or
 * after its lease was lost or its run ended, is DL005.
 */
#include "compat.h"

#include "catalog/pg_type.h"
#include "funcapi.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"

#include "core/catalog.h"
#include "core/clock.h"
#include "core/errors.h"
#include "core/settings.h"
#include "workflow/arguments.h"
#include "workflow/lease_memory.h"
#include "workflow/settle.h"
#include "workflow/task_store.h"

DALP_FUNCTION(dalp_complete_task);
DALP_FUNCTION(dalp_fail_task);
DALP_FUNCTION(dalp_release_tasks);
DALP_FUNCTION(dalp_heartbeat_task);
DALP_FUNCTION(dalp_assert_lease);
DALP_FUNCTION(dalp_heartbeats);
DALP_FUNCTION(dalp_leases_count_from);

/* As Error and Cause in the states language's own limits. */
#define ERROR_LIMIT 256

#define STALE_HINT "Its lease is lost, or the task is finished or cancelled: drop the work, another worker may have it."

static void
raise_stale(const TaskToken *token)
{
	ereport(ERROR,
			(errcode(ERRCODE_DALP_STALE_TOKEN),
			 errmsg("stale task token of run " INT64_FORMAT, token->run_id),
			 errhint(STALE_HINT)));
}

static void
token_argument(FunctionCallInfo fcinfo, int number, TaskToken *token)
{
	task_token_read(required_text(fcinfo, number, "task_token"), token);
}

static void
check_size(const char *what, Size size)
{
	if (size > (Size) dalp_max_payload * 1024)
		ereport(ERROR,
				(errcode(ERRCODE_DALP_LIMIT_EXCEEDED),
				 errmsg("%s of a task is too large", what),
				 errdetail("It has %zu bytes; dalp.max_payload is %d kB.", size, dalp_max_payload),
				 errhint("Keep the data in a table and pass its key, or raise dalp.max_payload.")));
}

static Jsonb *
check_output(Jsonb *output)
{
	check_size("output", VARSIZE(output));
	return output;
}

/* One of them; DL005 where it isn't there. */
static void
settle_one(const Settlement *settlement)
{
	StoreScope	scope;
	bool		found;

	store_open(&scope);
	if (lease_store_settle(settlement, 1, &found) == 0)
		raise_stale(&settlement->token);
	store_close(&scope);
}

Datum
dalp_complete_task(PG_FUNCTION_ARGS)
{
	Settlement	settlement = {0};

	catalog_require_writable();
	token_argument(fcinfo, 0, &settlement.token);
	if (!PG_ARGISNULL(1))
		settlement.output = check_output(PG_GETARG_JSONB_P(1));
	settle_one(&settlement);
	PG_RETURN_VOID();
}

Datum
dalp_fail_task(PG_FUNCTION_ARGS)
{
	Settlement	settlement = {0};

	catalog_require_writable();
	token_argument(fcinfo, 0, &settlement.token);
	settlement.error = PG_ARGISNULL(1) ? "" : text_argument(fcinfo, 1);
	settlement.cause = text_argument(fcinfo, 2);
	if (pg_mbstrlen(settlement.error) > ERROR_LIMIT)
		ereport(ERROR,
				(errcode(ERRCODE_DALP_INVALID_INPUT),
				 errmsg("error name of a task must have at most %d characters", ERROR_LIMIT),
				 errhint("Say more in the cause.")));
	if (settlement.cause != NULL)
		check_size("cause", strlen(settlement.cause));
	settle_one(&settlement);
	PG_RETURN_VOID();
}

/* The elements of an array; NULL elements are refused where they must not be. */
static int
elements_of(ArrayType *array, Oid type, const char *not_null, Datum **values, bool **nulls)
{
	int			count;

	deconstruct_array(array, type, -1, false, TYPALIGN_INT, values, nulls, &count);
	for (int i = 0; not_null != NULL && i < count; i++)
		if ((*nulls)[i])
			ereport(ERROR,
					(errcode(ERRCODE_DALP_INVALID_INPUT), errmsg("%s must not be null", not_null)));
	return count;
}

/* Which of them are stale, as their numbers in the array. */
static void
raise_all_stale(const bool *found, int count, int there)
{
	StringInfoData numbers;

	initStringInfo(&numbers);
	for (int i = 0; i < count; i++)
		if (!found[i])
			appendStringInfo(&numbers, "%s%d", numbers.len == 0 ? "" : ", ", i + 1);
	ereport(ERROR,
			(errcode(ERRCODE_DALP_STALE_TOKEN),
			 errmsg("%d of %d task tokens are stale", count - there, count),
			 errdetail("By their place in task_tokens: %s.", numbers.data),
			 errhint("None was completed. Leave these out: their leases are lost, or their tasks are finished or cancelled.")));
}

int
settle_completions(ArrayType *tokens, ArrayType *outputs)
{
	Datum	   *texts = NULL;
	Datum	   *documents = NULL;
	bool	   *nulls = NULL;
	bool	   *no_output = NULL;
	int			count = tokens == NULL ? 0 : elements_of(tokens, TEXTOID, "a task token", &texts, &nulls);
	int			given = outputs == NULL ? count : elements_of(outputs, JSONBOID, NULL, &documents, &no_output);
	Settlement *settlements = palloc0(mul_size(sizeof(Settlement), Max(count, 1)));
	bool	   *found = palloc(sizeof(bool) * Max(count, 1));
	StoreScope	scope;
	int			there;

	if (given != count)
		ereport(ERROR,
				(errcode(ERRCODE_DALP_INVALID_INPUT),
				 errmsg("there must be as many outputs as task tokens"),
				 errdetail("There are %d outputs and %d tokens.", given, count)));
	if (count == 0)
		return 0;
	for (int i = 0; i < count; i++)
	{
		task_token_read(TextDatumGetCString(texts[i]), &settlements[i].token);
		if (documents != NULL && !no_output[i])
			settlements[i].output = check_output(DatumGetJsonbP(documents[i]));
	}
	store_open(&scope);
	there = lease_store_settle(settlements, count, found);
	if (there < count)
		raise_all_stale(found, count, there);
	store_close(&scope);
	return count;
}

Datum
dalp_release_tasks(PG_FUNCTION_ARGS)
{
	Datum	   *texts;
	bool	   *nulls;
	int			count;
	TaskToken  *tokens;
	bool	   *found;
	StoreScope	scope;
	int			there;

	catalog_require_writable();
	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_DALP_INVALID_INPUT), errmsg("task_tokens must not be null")));
	count = elements_of(PG_GETARG_ARRAYTYPE_P(0), TEXTOID, "a task token", &texts, &nulls);
	tokens = palloc(mul_size(sizeof(TaskToken), Max(count, 1)));
	found = palloc(sizeof(bool) * Max(count, 1));
	for (int i = 0; i < count; i++)
		task_token_read(TextDatumGetCString(texts[i]), &tokens[i]);
	store_open(&scope);
	there = lease_store_release(tokens, count, 0, found);
	store_close(&scope);
	PG_RETURN_INT32(there);
}

/* Compact text of the details, as short as shared memory has room for. */
static char *
details_text(Jsonb *details)
{
	char	   *text = JsonbToCString(NULL, &details->root, VARSIZE(details));

	if (strlen(text) > LEASE_MAX_DETAILS)
		ereport(ERROR,
				(errcode(ERRCODE_DALP_INVALID_INPUT),
				 errmsg("details of a heartbeat must have at most %d bytes as text", LEASE_MAX_DETAILS),
				 errdetail("They have %zu.", strlen(text))));
	return text;
}

Datum
dalp_heartbeat_task(PG_FUNCTION_ARGS)
{
	TaskToken	token;
	char	   *details;
	StoreScope	scope;
	TimestampTz now = clock_now();
	TimestampTz until;
	Lease		lease;

	catalog_require_writable();
	token_argument(fcinfo, 0, &token);
	details = PG_ARGISNULL(1) ? NULL : details_text(PG_GETARG_JSONB_P(1));
	store_open(&scope);
	if (!lease_store_find(&token, &lease))
		raise_stale(&token);
	until = lease_until(&lease, now);
	switch (lease_hear(&token, now, details))
	{
		case LEASE_HEARD:
			break;
		case LEASE_LOST:
			raise_stale(&token);
			break;
		case LEASE_NO_ROOM:
			if (until != DT_NOEND && !lease_store_heard(&token, now))
				raise_stale(&token);
			break;
	}
	store_close(&scope);
	PG_RETURN_TIMESTAMPTZ(until);
}

Datum
dalp_assert_lease(PG_FUNCTION_ARGS)
{
	TaskToken	token;
	StoreScope	scope;

	catalog_require_writable();
	token_argument(fcinfo, 0, &token);
	store_open(&scope);
	if (!lease_store_lock(&token))
		raise_stale(&token);
	store_close(&scope);
	PG_RETURN_VOID();
}

/* For dalp.tasks: what shared memory knows. */
Datum
dalp_heartbeats(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	ListCell   *cell;

	InitMaterializedSRF(fcinfo, 0);
	foreach(cell, lease_heartbeats())
	{
		LeaseHeartbeat *heartbeat = lfirst(cell);
		Datum		values[4];
		bool		nulls[4] = {false};

		values[0] = Int64GetDatum(heartbeat->run_id);
		values[1] = Int32GetDatum(heartbeat->branch_id);
		values[2] = TimestampTzGetDatum(heartbeat->heard_at);
		nulls[3] = heartbeat->details == NULL;
		values[3] = nulls[3] ? (Datum) 0 : DirectFunctionCall1(jsonb_in, CStringGetDatum(heartbeat->details));
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
	return (Datum) 0;
}

Datum
dalp_leases_count_from(PG_FUNCTION_ARGS)
{
	TimestampTz from = lease_counts_from();

	(void) fcinfo;
	if (from == 0)
		PG_RETURN_NULL();
	PG_RETURN_TIMESTAMPTZ(from);
}
