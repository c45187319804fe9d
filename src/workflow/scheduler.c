/*
 * scheduler.c
 *		The worker of time, one a database.
 *
 * A turn fires what is due, a batch a transaction, and sleeps until the next
 * timer or the end of the next lease (lease_expire.c).  Whoever adds one of
 * them wakes it at commit.  Once a minute it looks for what should not be (see
 * scheduler_repair): the net under everything else.
 */
#include "compat.h"

#include "utils/timestamp.h"

#include "core/clock.h"
#include "core/errors.h"
#include "core/stop_point.h"
#include "core/worker.h"
#include "workflow/lease_expire.h"
#include "workflow/journal_partition.h"
#include "workflow/limit.h"
#include "workflow/retention.h"
#include "workflow/schedule.h"
#include "workflow/scheduler.h"
#include "workflow/task_store.h"

#define TIMER_BATCH 1000
#define SCHEDULE_BATCH 100
#define REPAIR_INTERVAL_MS 60000
/* The longest sleep: partitions are made ahead, clocks may jump. */
#define SLEEP_MAX_MS 10000

static TimestampTz last_repair = 0;

static void
repair(TimestampTz now)
{
	int			found;

	worker_begin("looking for stranded runs");
	found = scheduler_repair(now);
	task_store_repair();
	worker_commit();
	if (found > 0)
		ereport(LOG,
				(errmsg("%d runs waited for nothing and were made ready again", found),
				 errhint("This should not happen; please report it.")));
}

static long
scheduler_turn(void)
{
	TimestampTz now = clock_now();
	TimestampTz next;
	TimestampTz slot;
	TimestampTz let_in;
	TimestampTz lease;
	long		rest;
	int			fired;

	worker_begin("holding delayed starts to limits");
	limit_hold_due(now);
	worker_commit();

	do
	{
		worker_begin("firing timers");
		fired = scheduler_fire(now, TIMER_BATCH);
		STOP_POINT("timer_before_commit");
		worker_commit();
		CHECK_FOR_INTERRUPTS();
	} while (fired == TIMER_BATCH);

	do
	{
		worker_begin("starting scheduled runs");
		fired = schedule_fire(now, SCHEDULE_BATCH);
		STOP_POINT("schedule_before_commit");
		worker_commit();
		CHECK_FOR_INTERRUPTS();
	} while (fired == SCHEDULE_BATCH);

	worker_begin("letting in runs by limits");
	let_in = limit_let_in(now);
	worker_commit();

	lease = lease_expire();
	worker_begin("planning the next turn");
	journal_partitions_ahead();
	next = scheduler_next();
	slot = schedule_store_next();
	next = Min(next, slot);
	next = Min(next, let_in);
	next = Min(next, lease);
	worker_commit();

	if (TimestampDifferenceExceeds(last_repair, GetCurrentTimestamp(), REPAIR_INTERVAL_MS))
	{
		last_repair = GetCurrentTimestamp();
		repair(now);
	}
	rest = retention_turn(now);
	rest = Min(SLEEP_MAX_MS, rest);
	if (next == DT_NOEND)
		return rest;
	return Max(1, Min(rest, (long) ((next - clock_now() + 999) / 1000)));
}

static int
scheduler_count(void)
{
	return 1;
}

void
scheduler_init(void)
{
	static const WorkerClass scheduler = {
		.name = "scheduler",
		.count = scheduler_count,
		.start = lease_expire_start,
		.turn = scheduler_turn
	};

	worker_define(WORKER_SCHEDULER, &scheduler);
}
