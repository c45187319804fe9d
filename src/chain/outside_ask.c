/*
 * outside_ask.c
 *		What a step asks the outside for, into its row.
 *
 * In an executor, in the batch's transaction, the run locked; the store is
 * open.  Nothing is asked here: see outside.h.
 */
#include "postgres.h"

#include "chain/chain.h"
#include "chain/chain_store.h"
#include "chain/http_task.h"
#include "chain/outside.h"
#include "chain/outside_call.h"
#include "core/document_jsonb.h"
#include "core/wake.h"
#include "net/http_client.h"

/* The document that the broadcaster reads; sets the target. */
static const Doc *
parse_http(OutsideCall *call, Problem *problem)
{
	HttpTask	task;
	Doc		   *request;

	if (!http_task_parse(doc_from_jsonb(call->parameters), &task, problem))
		return NULL;
	call->target = http_url_display(task.url);
	if (call->target[0] == '(')
	{
		problem_set(problem, "ApiEndpoint", "is no valid URL");
		return NULL;
	}
	request = doc_object();
	doc_object_add(request, "method", doc_text(task.method));
	doc_object_add(request, "url", doc_text(task.url));
	doc_object_add(request, "headers", task.headers);
	if (task.body != NULL)
		doc_object_add(request, "body", doc_text(task.body));
	return request;
}

static const Doc *
parse_chain(OutsideCall *call, Problem *problem)
{
	const Doc  *request = outside_call_parse(doc_from_jsonb(call->parameters), problem);

	if (request != NULL)
		call->target = psprintf("chain %s", doc_get_text(request, "chain"));
	return request;
}

int64
chain_call_outside(OutsideCall *call)
{
	Problem		problem = {{0}, {0}};
	const Doc  *request = call->http ? parse_http(call, &problem) : parse_chain(call, &problem);
	Jsonb	   *jsonb = request == NULL ? NULL : doc_to_jsonb(request, &problem);

	if (jsonb == NULL)
	{
		call->error = call->http ? "Http.InvalidRequest" : "Chain.Rejected";
		call->cause = problem.where[0] != '\0' ? psprintf("%s: %s", problem.where, problem.message) : pstrdup(problem.message);
		return 0;
	}
	wake_at_commit(WORKER_BROADCASTER);
	return outside_store_add(call, jsonb);
}

void
chain_abandon_call(int64 call_id)
{
	outside_store_forget(call_id);
}

const char *
chain_task_refused(const char *resource, const Doc *parameters)
{
	Problem		problem = {{0}, {0}};

	if (strncmp(resource, "http:", 5) != 0 || http_task_check(parameters, &problem))
		return NULL;
	return psprintf("%s: %s", problem.where, problem.message);
}

const char *
chain_task_doubt(const char *resource, const Doc *parameters)
{
	const char *chain = doc_get_text(parameters, "chain");

	if (strncmp(resource, "chain:", 6) != 0 || chain == NULL || chain_is_known(chain))
		return NULL;
	return psprintf("there is no chain \"%s\" yet", chain);
}
