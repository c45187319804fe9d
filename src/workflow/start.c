/*
 * start.c
 *		Starting runs: fingerprints, ids, keys, rows.
 *
 * In the caller's transaction: a run starts if and only if it commits.
 */
#include "compat.h"

#include "core/digest.h"
#include "core/settings.h"
#include "core/wake.h"
#include "workflow/limit.h"
#include "workflow/start.h"
#include "workflow/step.h"

/* A start of so many runs is news to whoever makes partitions of the journal (scheduler_store.c). */
#define PARTITION_NEWS 10000

/* Adds a part with its length, so that no two lists of parts look alike. */
static void
add_part(StringInfo text, const void *part, size_t length)
{
	uint64		size = length;

	appendBinaryStringInfo(text, (const char *) &size, sizeof(size));
	appendBinaryStringInfo(text, part, (int) length);
}

/*
 * SHA-256 over everything that changes the effect of a start.  jsonb is
 * canonical: members sorted, numbers as numeric.  The version counts only
 * where the caller asked for one, so that a repeat after a new version was
 * created is still the same request.
 */
static void
fingerprint(const StartRequest *request, int version, Jsonb *input, uint8 digest[32])
{
	StringInfoData text;

	initStringInfo(&text);
	add_part(&text, request->definition->workflow, strlen(request->definition->workflow));
	add_part(&text, &version, sizeof(version));
	add_part(&text, input, VARSIZE(input));
	if (request->has_start_at)
		add_part(&text, &request->start_at, sizeof(request->start_at));
	add_part(&text, &request->priority, sizeof(request->priority));
	if (request->concurrency_key != NULL)
		add_part(&text, request->concurrency_key, strlen(request->concurrency_key));
	add_part(&text, &request->timeout, sizeof(request->timeout));
	digest_compute(DIGEST_SHA256, text.data, text.len, digest);
	pfree(text.data);
}

/* Those that are started here, not found by their keys, wait to be let in. */
static void
hold(const StartRequest *request, int count, const int64 *run_ids, const bool *mine)
{
	int64	   *started = palloc(sizeof(int64) * Max(count, 1));
	int			started_count = 0;

	for (int i = 0; i < count; i++)
		if (mine[i])
			started[started_count++] = run_ids[i];
	limit_hold(request->definition->workflow, started_count, started);
}

void
start_runs(const StartRequest *request, int count, Jsonb **inputs, char **keys, int64 *run_ids)
{
	bool	   *mine = palloc(sizeof(bool) * Max(count, 1));
	bool		any_key = false;

	for (int i = 0; i < count; i++)
	{
		mine[i] = true;
		any_key = any_key || (keys != NULL && keys[i] != NULL);
		run_ids[i] = start_store_next_id();
	}
	if (any_key)
	{
		uint8		(*fingerprints)[32] = palloc(sizeof(*fingerprints) * count);

		for (int i = 0; i < count; i++)
			fingerprint(request, request->asked_version, inputs[i], fingerprints[i]);
		start_store_keys(request->definition->workflow, count, keys, fingerprints, run_ids, mine);
	}
	start_store_runs(request, count, inputs, keys, run_ids, mine);
	if (request->limited)
		hold(request, count, run_ids, mine);
	for (int i = 0; i < count; i++)
		if (mine[i] && !request->has_start_at)
			wake_shard_at_commit(run_shard(run_ids[i]));
	/* Many at once may need the journal's next partition soon. */
	if (request->has_start_at || count >= PARTITION_NEWS || request->timeout > 0 || asl_machine_timeout(request->definition->machine) > 0)
		wake_at_commit(WORKER_SCHEDULER);
}
