/*
 * ending.c
 *		How requests end, whatever ended them.
 *
 * In the broadcaster and the signer, in the transaction that records why.
 */
#include "postgres.h"

#include "miscadmin.h"

#include "chain/chain.h"
#include "chain/ending_store.h"
#include "core/clock.h"
#include "core/wake.h"
#include "ops/dead_letter.h"

RequestState
ending_refused(bool has_run)
{
	return has_run ? REQUEST_FAILED : REQUEST_DEAD_LETTER;
}

static void
tell_run(const EndedRequest *request)
{
	const char *error = request->error;

	if (chain_finished_hook == NULL)
		return;
	if (request->state == REQUEST_COMPLETED)
		chain_finished_hook(request->request_id, request->run_id, request->branch_id, request->result, NULL, NULL);
	else
		chain_finished_hook(request->request_id, request->run_id, request->branch_id, NULL,
							error != NULL ? error : "Chain.Cancelled", request->cause);
}

static void
add_letter(const EndedRequest *request, TimestampTz now)
{
	DeadLetter	letter = {
		.kind = "transaction",
		.reference = request->request_id,
		.scope = request->scope,
		.error = request->error,
		.cause = request->cause,
		.attempts = 1,
		.first_failure = now,
		.last_failure = now,
		.input = request->input
	};

	dead_letter_add(&letter);
}

void
endings_write(const Ending *endings, int count)
{
	TimestampTz now = clock_now();
	EndedRequest *ended;
	int			ended_count;

	if (count == 0)
		return;
	ended = ending_store_write(endings, count, now, &ended_count);
	for (int i = 0; i < ended_count; i++)
	{
		EndedRequest *request = &ended[i];

		if (request->has_run)
		{
			if (!request->unsettled)
				tell_run(request);
		}
		else if (request->state == REQUEST_DEAD_LETTER)
			add_letter(request, now);
		else if (request->was_dead)
			dead_letter_resolve("transaction", request->request_id, "discarded", GetUserId(),
								"the chain has included the transaction after all");
	}
	if (ended_count > 0)
		wake_waiters_at_commit();
}

void
endings_settle(const int64 *requests, int count)
{
	EndedRequest *ended;
	int			ended_count;

	if (count == 0)
		return;
	ended = ending_store_read(requests, count, &ended_count);
	for (int i = 0; i < ended_count; i++)
		if (ended[i].has_run && ended[i].state == REQUEST_DEAD_LETTER)
			tell_run(&ended[i]);
}
