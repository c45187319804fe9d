/*
 * lease_expire.c
 *		The scheduler looks after leases.
 *
 * No lease has its end written down: the end moves with each heartbeat, which
 * is in shared memory.  Instead one time a database says when the first of
 * them can end (wake_due); who gives a lease out lowers it at commit.  At that
 * time all leases are read, those that are over are ended, and the time is set
 * anew.  A lease that is completed before its end costs nothing here, and
 * without leases the scheduler is not woken.
 *
 * A worker that is lost costs the task no attempt: it goes back to its place
 * in the queue, dalp.transient_retries times at most.  Where the state has
 * HeartbeatSeconds, a missed heartbeat is a failure of the attempt instead.
 */
#include "compat.h"

#include "utils/timestamp.h"

#include "core/clock.h"
#include "core/settings.h"
#include "core/wake.h"
#include "core/worker.h"
#include "workflow/lease_expire.h"
#include "workflow/lease_memory.h"
#include "workflow/task_store.h"

/* Leases read in one look, and ended in one transaction. */
#define LOOK_LIMIT 100000
#define END_BATCH 1000

/* Nothing is looked at more often than this. */
#define LOOK_INTERVAL_MS 50

/* One that is over but locked: its worker is about to complete it, or to be gone. */
#define LOCKED_INTERVAL_MS 1000

/* Without any wake-up, because one who commits a prepared transaction wakes nobody. */
#define NET_INTERVAL_MS 60000

static TimestampTz last_look = 0;

void
lease_expire_start(void)
{
	lease_start_counting(clock_now());
	last_look = 0;
}

/* When the lease was last heard of, and since when it counts. */
static TimestampTz
last_heard(const Lease *lease)
{
	return Max(Max(lease->claimed_at, lease_heard_at(&lease->token)), lease_counts_from());
}

/* Ends the leases, which are over; returns how many of them are locked by others. */
static int
end_leases(Lease **over, int count, TimestampTz now)
{
	TaskToken  *tokens = palloc(sizeof(TaskToken) * count);
	bool	   *locked = palloc(sizeof(bool) * count);
	TaskToken  *lost = palloc(sizeof(TaskToken) * count);
	Settlement *failed = palloc0(sizeof(Settlement) * count);
	int			lost_count = 0;
	int			failed_count = 0;
	int			left = 0;

	for (int i = 0; i < count; i++)
		tokens[i] = over[i]->token;
	lease_store_lock_many(tokens, count, locked);
	for (int i = 0; i < count; i++)
	{
		const Lease *lease = over[i];
		TimestampTz heard_at = last_heard(lease);
		bool		silent = lease->heartbeat > 0 && now - heard_at >= (int64) lease->heartbeat * USECS_PER_SEC;

		if (!locked[i])
			left++;
		else if (lease_until(lease, heard_at) > now || !lease_lose(&lease->token, heard_at))
			continue;			/* heard of meanwhile */
		else if (silent || lease->losses + 1 >= dalp_transient_retries)
			failed[failed_count++] = (Settlement) {
			.token = lease->token, .error = silent ? "States.HeartbeatTimeout" : "States.Timeout"
		};
		else
			lost[lost_count++] = lease->token;
	}
	if (lost_count > 0)
		lease_store_release(lost, lost_count, 1, locked);
	if (failed_count > 0)
		lease_store_settle(failed, failed_count, locked);
	return left;
}

/* Looks at all leases. */
static void
look(TimestampTz now)
{
	TimestampTz started = clock_now();
	TimestampTz next = DT_NOEND;
	List	   *leases;
	List	   *tokens = NIL;
	Lease	  **over;
	int			count = 0;
	bool		all;
	ListCell   *cell;

	wake_due_looking();
	worker_begin("looking after leases");
	leases = lease_store_ending(LOOK_LIMIT, &all);
	over = palloc(sizeof(Lease *) * Max(list_length(leases), 1));
	foreach(cell, leases)
	{
		Lease	   *lease = lfirst(cell);
		TimestampTz until = lease_until(lease, last_heard(lease));

		tokens = lappend(tokens, &lease->token);
		if (until <= now)
			over[count++] = lease;
		else
			next = Min(next, until);
	}
	if (all)
		lease_forget_others(tokens, started);
	else
		next = Min(next, TimestampTzPlusMilliseconds(now, LOCKED_INTERVAL_MS));
	for (int done = 0; done < count; done += END_BATCH)
	{
		if (end_leases(over + done, Min(END_BATCH, count - done), now) > 0)
			next = Min(next, TimestampTzPlusMilliseconds(now, LOCKED_INTERVAL_MS));
		CHECK_FOR_INTERRUPTS();
	}
	worker_commit();
	wake_due_found(next);
}

TimestampTz
lease_expire(void)
{
	TimestampTz now = clock_now();
	TimestampTz real = GetCurrentTimestamp();
	TimestampTz earliest = TimestampTzPlusMilliseconds(last_look, LOOK_INTERVAL_MS);

	if (last_look == 0 || TimestampDifferenceExceeds(last_look, real, NET_INTERVAL_MS) ||
		(wake_due() <= now && earliest <= real))
	{
		last_look = real;
		look(now);
		earliest = TimestampTzPlusMilliseconds(last_look, LOOK_INTERVAL_MS);
	}
	return wake_due() == DT_NOEND ? DT_NOEND : Max(wake_due(), now + Max(0, earliest - real));
}
