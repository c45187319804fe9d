/*
 * json_rpc.c
 *		Writing JSON-RPC batches, and reading what their answers prove.
 *
 * Runs where the HTTP client runs.  A batch lives in one memory context, with
 * its request, the parsed answer and whatever the caller put there; the
 * context goes after the callback, or with its parent.
 *
 * Ids come from one counter of the process and are never used twice, so an
 * answer that belongs to another request (a proxy that mixes up connections)
 * matches nothing.  Endpoints may answer in any order (JSON-RPC 2.0 section 6).
 *
 * Reading is lenient where nothing is at stake (a missing "jsonrpc", an
 * object for an array of one, "error": null beside a result), and strict where
 * proof is: two answers for one id, or a result together with an error, leave
 * the call ambiguous.
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "net/json_rpc.h"

static const char *const outcome_names[] = {
	[RPC_RESULT] = "result",
	[RPC_ERROR] = "error",
	[RPC_NOT_SENT] = "not_sent",
	[RPC_AMBIGUOUS] = "ambiguous"
};

static const char *const batch_outcome_names[] = {
	[RPC_BATCH_ANSWERED] = "answered",
	[RPC_BATCH_INCOMPLETE] = "incomplete",
	[RPC_BATCH_REFUSED] = "refused",
	[RPC_BATCH_RATE_LIMITED] = "rate_limited",
	[RPC_BATCH_HTTP_STATUS] = "http_status",
	[RPC_BATCH_NOT_JSON] = "not_json",
	[RPC_BATCH_NOT_SENT] = "not_sent",
	[RPC_BATCH_TRANSPORT] = "transport"
};

/* What reading the items of an answer has found, besides the calls' outcomes. */
typedef struct AnswerReading
{
	bool	   *answered;		/* by call */
	bool		misfits;		/* strange, double or malformed items */
	const Doc  *refusal;		/* the error of an item whose id is null */
} AnswerReading;

const char *
rpc_outcome_name(RpcOutcome outcome)
{
	return outcome_names[outcome];
}

const char *
rpc_batch_outcome_name(RpcBatchOutcome outcome)
{
	return batch_outcome_names[outcome];
}

/* ---- Requests ---- */

RpcBatch *
rpc_batch_create(MemoryContext parent)
{
	MemoryContext context = AllocSetContextCreate(parent, "dalp JSON-RPC batch", ALLOCSET_DEFAULT_SIZES);
	RpcBatch   *batch = MemoryContextAllocZero(context, sizeof(RpcBatch));

	batch->context = context;
	batch->error = "";
	batch->retry_after_ms = -1;
	return batch;
}

void
rpc_batch_free(RpcBatch *batch)
{
	MemoryContextDelete(batch->context);
}

int
rpc_batch_add(RpcBatch *batch, const char *method, const Doc *params)
{
	RpcCall    *call;

	if (batch->call_count == batch->call_capacity)
	{
		int			capacity = Max(8, batch->call_capacity * 2);
		Size		size = mul_size(capacity, sizeof(RpcCall));

		batch->calls = batch->calls == NULL ?
			MemoryContextAlloc(batch->context, size) : repalloc(batch->calls, size);
		batch->call_capacity = capacity;
	}
	call = &batch->calls[batch->call_count];
	memset(call, 0, sizeof(*call));
	call->method = MemoryContextStrdup(batch->context, method);
	call->params = params;
	call->outcome = RPC_AMBIGUOUS;
	return batch->call_count++;
}

static const Doc *
call_request(const RpcCall *call, int64 id)
{
	Doc		   *request = doc_object();

	doc_object_add(request, "jsonrpc", doc_text("2.0"));
	doc_object_add(request, "id", doc_int(id));
	doc_object_add(request, "method", doc_text(call->method));
	doc_object_add(request, "params", call->params != NULL ? call->params : doc_array());
	return request;
}

static char *
batch_request(const RpcBatch *batch, size_t *length)
{
	Doc		   *requests;

	if (batch->call_count == 1)
		return doc_write(call_request(&batch->calls[0], batch->first_id), length);
	requests = doc_array();
	for (int i = 0; i < batch->call_count; i++)
		doc_array_add(requests, call_request(&batch->calls[i], batch->first_id + i));
	return doc_write(requests, length);
}

/* ---- Answers ---- */

/* An error object's code and message, as far as they are there (section 5.1). */
static void
error_read(const Doc *error, int64 *code, const char **message)
{
	const Doc  *number = doc_get(error, "code");

	*message = doc_get_text(error, "message");
	if (*message == NULL)
		*message = "";
	if (!doc_is(number, DOC_NUMBER) || !doc_to_int64(number, code))
		*code = 0;
}

/* Fills a call from its answer; false if the answer proves nothing. */
static bool
call_read(RpcCall *call, const Doc *answer, bool status_is_success)
{
	const Doc  *result = doc_get(answer, "result");
	const Doc  *error = doc_get(answer, "error");

	if (doc_is(error, DOC_NULL) && result != NULL)
		error = NULL;
	if (doc_is(result, DOC_NULL) && error != NULL)
		result = NULL;
	if (doc_is(error, DOC_OBJECT) && result == NULL)
	{
		error_read(error, &call->error_code, &call->error_message);
		call->error_data = doc_get(error, "data");
		call->outcome = RPC_ERROR;
		return true;
	}
	/* A result under a status of failure is a contradiction. */
	if (result != NULL && error == NULL && status_is_success)
	{
		call->result = result;
		call->outcome = RPC_RESULT;
		return true;
	}
	return false;
}

/* Takes back what an earlier answer has told. */
static void
call_make_ambiguous(RpcCall *call)
{
	call->outcome = RPC_AMBIGUOUS;
	call->result = NULL;
	call->error_code = 0;
	call->error_message = NULL;
	call->error_data = NULL;
}

static void
item_read(RpcBatch *batch, const Doc *item, bool status_is_success, AnswerReading *reading)
{
	const Doc  *id = doc_get(item, "id");
	const Doc  *error = doc_get(item, "error");
	int64		number;
	int64		index;

	if ((id == NULL || doc_is(id, DOC_NULL)) && doc_is(error, DOC_OBJECT))
	{
		reading->refusal = error;
		return;
	}
	if (!doc_is(id, DOC_NUMBER) || !doc_to_int64(id, &number) ||
		number < batch->first_id || number - batch->first_id >= batch->call_count)
	{
		reading->misfits = true;
		return;
	}
	index = number - batch->first_id;
	if (reading->answered[index])
	{
		call_make_ambiguous(&batch->calls[index]);
		reading->misfits = true;
		return;
	}
	reading->answered[index] = true;
	if (!call_read(&batch->calls[index], item, status_is_success))
		reading->misfits = true;
}

/* Reads all items and returns how many calls have their proof. */
static int
answer_read(RpcBatch *batch, const Doc *answer, bool status_is_success, AnswerReading *reading)
{
	int			proven = 0;

	reading->answered = palloc0(batch->call_count * sizeof(bool));
	if (doc_is(answer, DOC_ARRAY))
	{
		for (uint32 i = 0; i < answer->length; i++)
			item_read(batch, answer->items[i], status_is_success, reading);
	}
	else if (doc_is(answer, DOC_OBJECT))
		item_read(batch, answer, status_is_success, reading);
	else
		reading->misfits = true;

	for (int i = 0; i < batch->call_count; i++)
		if (batch->calls[i].outcome != RPC_AMBIGUOUS)
			proven++;
	return proven;
}

/* The POST didn't come back with an answer. */
static void
batch_read_failure(RpcBatch *batch, const HttpResponse *response)
{
	batch->outcome = response->possibly_sent ? RPC_BATCH_TRANSPORT : RPC_BATCH_NOT_SENT;
	if (!response->possibly_sent)
		for (int i = 0; i < batch->call_count; i++)
			batch->calls[i].outcome = RPC_NOT_SENT;
	batch->error = pstrdup(response->error);
}

static void
batch_read_answer(RpcBatch *batch, const HttpResponse *response)
{
	bool		success = response->status >= 200 && response->status <= 299;
	AnswerReading reading = {0};
	Problem		problem = {0};
	const Doc  *answer = doc_parse(response->body, response->body_length, &problem);
	int			proven = answer == NULL ? 0 : answer_read(batch, answer, success, &reading);

	/* Nodes and gateways put errors of calls under statuses of failure, too. */
	if (response->status == 429 || (response->status == 503 && response->retry_after_ms >= 0))
		batch->outcome = RPC_BATCH_RATE_LIMITED;
	else if (!success && proven == 0 && reading.refusal == NULL)
		batch->outcome = RPC_BATCH_HTTP_STATUS;
	else if (answer == NULL)
		batch->outcome = RPC_BATCH_NOT_JSON;
	else if (proven == batch->call_count && !reading.misfits)
		batch->outcome = RPC_BATCH_ANSWERED;
	else if (proven == 0 && reading.refusal != NULL)
		batch->outcome = RPC_BATCH_REFUSED;
	else
		batch->outcome = RPC_BATCH_INCOMPLETE;

	if (reading.refusal != NULL)
		error_read(reading.refusal, &batch->error_code, &batch->error);
	else if (batch->outcome == RPC_BATCH_NOT_JSON)
		batch->error = psprintf("answer is not JSON: %s at %s", problem.message, problem.where);
	else if (batch->outcome == RPC_BATCH_INCOMPLETE)
		batch->error = psprintf("answer settles %d of %d calls%s", proven, batch->call_count,
								reading.misfits ? ", and has items that fit none" : "");
	else if (batch->outcome != RPC_BATCH_ANSWERED)
		batch->error = psprintf("HTTP status %d", response->status);
}

static void
batch_read(RpcBatch *batch, const HttpResponse *response)
{
	MemoryContext before = MemoryContextSwitchTo(batch->context);

	batch->transport = response->outcome;
	batch->http_status = response->status;
	batch->retry_after_ms = response->retry_after_ms;
	batch->elapsed_us = response->elapsed_us;
	if (response->outcome == HTTP_ANSWERED)
		batch_read_answer(batch, response);
	else
		batch_read_failure(batch, response);
	MemoryContextSwitchTo(before);
}

/* The HTTP client's callback. */
static void
batch_on_response(void *argument, const HttpResponse *response)
{
	RpcBatch   *batch = argument;

	PG_TRY();
	{
		batch_read(batch, response);
		batch->callback(batch->argument, batch);
	}
	PG_CATCH();
	{
		rpc_batch_free(batch);
		PG_RE_THROW();
	}
	PG_END_TRY();
	rpc_batch_free(batch);
}

void
rpc_batch_send(RpcBatch *batch, HttpClient *client, const RpcEndpoint *endpoint,
			   RpcCallback callback, void *argument)
{
	static int64 next_id = 1;
	MemoryContext before = MemoryContextSwitchTo(batch->context);
	HttpRequest request = {0};
	const char **headers;
	int			header_count = 0;
	char	   *body;

	Assert(batch->call_count > 0);
	batch->callback = callback;
	batch->argument = argument;
	batch->first_id = next_id;
	next_id += batch->call_count;

	while (endpoint->headers != NULL && endpoint->headers[header_count] != NULL)
		header_count++;
	headers = palloc((header_count + 2) * sizeof(char *));
	headers[0] = "Content-Type: application/json";
	for (int i = 0; i < header_count; i++)
		headers[i + 1] = endpoint->headers[i];
	headers[header_count + 1] = NULL;

	body = batch_request(batch, &request.body_length);
	request.method = "POST";
	request.url = endpoint->url;
	request.headers = headers;
	request.body = body;
	request.connect_timeout_ms = endpoint->connect_timeout_ms;
	request.total_timeout_ms = endpoint->total_timeout_ms;
	request.max_response_bytes = endpoint->max_response_bytes;
	request.allow_private = endpoint->allow_private;
	request.callback = batch_on_response;
	request.argument = batch;
	http_client_start(client, &request);
	pfree(body);
	pfree(headers);
	MemoryContextSwitchTo(before);
}
