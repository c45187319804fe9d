/*
 * run_request.c
 *		Transactions that runs of workflows submit and wait for.
 *
 * In an executor, in the transaction of the step, with the store open.
 */
#include "postgres.h"

#include "chain/chain.h"
#include "chain/ending.h"
#include "chain/request_store.h"
#include "chain/request_wait.h"
#include "core/clock.h"
#include "core/document_jsonb.h"
#include "core/errors.h"
#include "core/wake.h"
#include "utils/builtins.h"

int64
chain_submit_for_run(Jsonb *parameters, const char *key, Oid role, int64 run_id, int branch_id)
{
	Request		request;
	Problem		problem;

	problem.message[0] = problem.where[0] = '\0';
	if (!request_from_doc(&request, doc_from_jsonb(parameters), false, &problem))
		problem_raise(&problem, "parameters of chain:transaction");
	request.key = psprintf("%s%s", REQUEST_KEY_PREFIX, key);
	request.role = role;
	request.run_id = run_id;
	request.branch_id = branch_id;
	request_submit(&request, 1);
	return request.id;
}

int64
chain_unsettled_for_run(int64 run_id)
{
	return request_store_unsettled_of_run(run_id);
}

int64
chain_completed_for_run(const char *key, Jsonb **result)
{
	return request_store_completed(psprintf("%s%s", REQUEST_KEY_PREFIX, key), result);
}

void
chain_abandon_for_run(int64 run_id, int branch_id, const char *reason)
{
	MemoryContext context = CurrentMemoryContext;
	TimestampTz now = clock_now();
	int64	   *ids;
	int			count = request_store_lock_run(run_id, branch_id, &ids);
	Ending	   *endings = palloc0(sizeof(Ending) * (count + 1));
	int			ending_count = 0;

	if (count == 0)
		return;
	/* First, so that ending them doesn't call the run back. */
	request_store_forget_run(ids, count, now);
	for (int i = 0; i < count; i++)
	{
		RequestRow	row;

		if (!request_store_lock(ids[i], &row, context) || row.final)
			continue;
		if (row.nonce != NULL)
			continue;			/* bound: what is sent can't be called back, only watched */
		request_store_ask_cancel(ids[i], reason);
		endings[ending_count].request_id = ids[i];
		endings[ending_count].state = REQUEST_CANCELLED;
		endings[ending_count].error = "Chain.Cancelled";
		endings[ending_count].cause = reason;
		ending_count++;
	}
	endings_write(endings, ending_count);
}

bool
chain_await_for_run(int64 request_id, Oid role, int64 run_id, int branch_id,
					Jsonb **result, const char **error, const char **cause)
{
	RequestRow	row;

	if (!request_store_lock(request_id, &row, CurrentMemoryContext))
		request_unknown(request_id);
	request_require_reader(&row, role, false);
	if (row.final)
	{
		bool		completed = strcmp(row.state, "COMPLETED") == 0;

		*result = completed ? row.result : NULL;
		*error = completed ? NULL : row.error ? row.error : "Chain.Cancelled";
		*cause = completed ? NULL : row.cause;
		return true;
	}
	if (row.run_id != 0 && (row.run_id != run_id || row.branch_id != branch_id))
		ereport(ERROR,
				(errcode(ERRCODE_DALP_WRONG_STATE),
				 errmsg("transaction " INT64_FORMAT " is another run's", request_id),
				 errdetail("Run " INT64_FORMAT " waits for it.", row.run_id)));
	if (row.run_id == 0)
		request_store_attach_run(request_id, run_id, branch_id);
	return false;
}
