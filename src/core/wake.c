/*
 * wake.c
 *		Wake-ups that happen if and when the transaction commits.
 *
 * What is asked for is noted in this process; the transaction callback,
 * registered once a process, hands it out after the commit has become visible,
 * or forgets it.  PREPARE TRANSACTION forgets as well: whoever commits it
 * later has no notes, and the workers' sweeps find the work.
 *
 * Shards belong to the executors that are attached now, in turn: the n-th of
 * m attached ones owns the shards with shard % m = n.  Everybody computes that
 * from one atomic bit mask, so there is no table of owners to repair when one
 * dies.  While the mask changes, two executors may believe that they own a
 * shard, or the flag of a shard may be set for the wrong one; rows are claimed
 * with SKIP LOCKED and every change of the mask flags all shards and wakes all
 * executors, so nothing is done twice and nothing stays behind.
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "port/pg_bitutils.h"
#include "utils/timestamp.h"

#include "core/shared.h"
#include "core/wake.h"

/* What to do at commit. */
static uint32 pending_kinds = 0;
static uint32 pending_shards = 0;
static bool pending_launcher = false;
static bool pending_waiters = false;

static TimestampTz pending_due = DT_NOEND;

/* Work in queues, to be told at the end of the transaction; one beyond all these is told to everybody. */
#define MAX_TOPICS 32

typedef struct PendingTopic
{
	uint32		topic;
	uint32		at_commit;
	uint32		at_abort;
} PendingTopic;

static PendingTopic pending_topics[MAX_TOPICS];
static int	pending_topic_count = 0;
static bool pending_overflow = false;

static void
wake_workers(DatabaseSlot *slot, uint32 kinds)
{
	for (int kind = 0; kind < WORKER_KINDS; kind++)
		if (kinds & (1U << kind))
			for (int i = 0; i < WORKER_MAX_PER_KIND; i++)
				shared_wake_process(pg_atomic_read_u32(&slot->workers[kind][i].process));
}

/* The n-th bit that is set, counted from 0. */
static int
nth_bit(uint32 mask, int n)
{
	while (n-- > 0)
		mask &= mask - 1;
	return pg_rightmost_one_pos32(mask);
}

static void
wake_shards(DatabaseSlot *slot, uint32 shards)
{
	uint32		executors;
	int			count;
	uint32		woken = 0;

	pg_atomic_fetch_or_u32(&slot->shards, shards);
	executors = pg_atomic_read_u32(&slot->executors);
	if (executors == 0)
		return;					/* the first to attach takes all shards */
	count = pg_popcount32(executors);
	for (uint32 left = shards; left != 0; left &= left - 1)
		woken |= 1U << nth_bit(executors, pg_rightmost_one_pos32(left) % count);
	for (; woken != 0; woken &= woken - 1)
		shared_wake_process(pg_atomic_read_u32(
												&slot->workers[WORKER_EXECUTOR][pg_rightmost_one_pos32(woken)].process));
}

/* CREATE EXTENSION or an update of it has committed in this database. */
static void
tell_launcher(DatabaseSlot *slot)
{
	if (slot != NULL)
	{
		LWLockAcquire(shared->lock, LW_EXCLUSIVE);
		if (slot->database == MyDatabaseId)
		{
			slot->told++;
			slot->look_at = 0;
		}
		LWLockRelease(shared->lock);
		wake_workers(slot, UINT32_MAX);
	}
	else
	{
		LWLockAcquire(shared->lock, LW_EXCLUSIVE);
		shared->told_database = MyDatabaseId;
		LWLockRelease(shared->lock);
		pg_atomic_write_u32(&shared->scan, 1);
	}
	launcher_wake();
}

/* Lowers the time at which the scheduler has to look; whether that was news. */
static bool
lower_due(DatabaseSlot *slot, TimestampTz due)
{
	uint64		known = pg_atomic_read_u64(&slot->due);

	while (due < (TimestampTz) known)
		if (pg_atomic_compare_exchange_u64(&slot->due, &known, (uint64) due))
			return true;
	return false;
}

static void
hand_out_topics(DatabaseSlot *slot, bool committed)
{
	for (int i = 0; i < pending_topic_count; i++)
	{
		const PendingTopic *pending = &pending_topics[i];
		uint32		count = committed ? pending->at_commit : pending->at_abort;

		if (count > 0)
			wake_topic(slot, pending->topic, count);
	}
	if (pending_overflow)
		wake_topic_all(slot);
}

static void
forget(void)
{
	pending_topic_count = 0;
	pending_overflow = false;
	pending_due = DT_NOEND;
	pending_kinds = 0;
	pending_shards = 0;
	pending_launcher = false;
	pending_waiters = false;
}

static void
hand_out(void)
{
	DatabaseSlot *slot = shared_my_slot();

	if (slot != NULL)
	{
		if (pending_kinds != 0)
			wake_workers(slot, pending_kinds);
		if (pending_shards != 0)
			wake_shards(slot, pending_shards);
		if (pending_waiters)
		{
			wake_topic(slot, WAKE_TOPIC_ENDS, UINT32_MAX);
			if (pg_atomic_read_u32(&slot->ends_wanted) != 0)
				wake_workers(slot, 1U << WORKER_SCHEDULER);
		}
		hand_out_topics(slot, true);
		if (pending_due != DT_NOEND && lower_due(slot, pending_due))
			wake_workers(slot, 1U << WORKER_SCHEDULER);
	}
	if (pending_launcher)
		tell_launcher(slot);
	forget();
}

/* Raises no error: the transaction is over. */
static void
transaction_ends(XactEvent event, void *argument)
{
	(void) argument;
	switch (event)
	{
		case XACT_EVENT_COMMIT:
			if ((pending_kinds | pending_shards) != 0 || pending_launcher || pending_waiters ||
				pending_topic_count > 0 || pending_due != DT_NOEND)
				hand_out();
			wake_waiter_leave();
			break;
		case XACT_EVENT_ABORT:
			if (pending_topic_count > 0 && shared_my_slot() != NULL)
				hand_out_topics(shared_my_slot(), false);
			forget();
			wake_waiter_leave();
			break;
		case XACT_EVENT_PREPARE:
			forget();
			wake_waiter_leave();
			break;
		default:
			break;
	}
}

void
wake_init(void)
{
	RegisterXactCallback(transaction_ends, NULL);
}

void
wake_at_commit(WorkerKind kind)
{
	if (shared != NULL)
		pending_kinds |= 1U << kind;
}

void
wake_shard_at_commit(int shard)
{
	Assert(shard >= 0 && shard < WAKE_SHARDS);
	if (shared != NULL)
		pending_shards |= 1U << shard;
}

void
wake_launcher_at_commit(void)
{
	pending_launcher = shared != NULL;
}

void
wake_waiters_at_commit(void)
{
	pending_waiters = shared != NULL;
}

bool
wake_scheduler_on_ends(bool wanted)
{
	DatabaseSlot *slot = shared_my_slot();

	return slot != NULL && pg_atomic_exchange_u32(&slot->ends_wanted, wanted ? 1 : 0) != (wanted ? 1 : 0);
}

void
wake_due_at_commit(TimestampTz due)
{
	if (shared != NULL)
		pending_due = Min(pending_due, due);
}

TimestampTz
wake_due(void)
{
	DatabaseSlot *slot = shared_my_slot();

	return slot == NULL ? DT_NOEND : (TimestampTz) pg_atomic_read_u64(&slot->due);
}

void
wake_due_looking(void)
{
	DatabaseSlot *slot = shared_my_slot();

	/* A full barrier: what is looked at is read after this. */
	if (slot != NULL)
		(void) pg_atomic_exchange_u64(&slot->due, (uint64) DT_NOEND);
}

void
wake_due_found(TimestampTz due)
{
	DatabaseSlot *slot = shared_my_slot();

	if (slot != NULL)
		(void) lower_due(slot, due);
}

/* The note about a topic; NULL where there is no room for one more. */
static PendingTopic *
pending_topic(uint32 topic)
{
	for (int i = 0; i < pending_topic_count; i++)
		if (pending_topics[i].topic == topic)
			return &pending_topics[i];
	if (pending_topic_count == MAX_TOPICS)
	{
		pending_overflow = true;
		return NULL;
	}
	pending_topics[pending_topic_count] = (PendingTopic) {.topic = topic};
	return &pending_topics[pending_topic_count++];
}

void
wake_topic_at_commit(uint32 topic, int count)
{
	PendingTopic *pending = shared == NULL ? NULL : pending_topic(topic);

	if (pending != NULL)
		pending->at_commit += count;
}

void
wake_topic_at_abort(uint32 topic, int count)
{
	PendingTopic *pending = shared == NULL ? NULL : pending_topic(topic);

	if (pending != NULL)
		pending->at_abort += count;
}

uint32
wake_my_shards(void)
{
	DatabaseSlot *slot = shared_my_slot();
	uint32		executors;
	uint32		mine = 0;
	int			count;
	int			place;

	if (slot == NULL)
		return 0;
	executors = pg_atomic_read_u32(&slot->executors);
	if ((executors & (1U << worker_index())) == 0)
		return 0;
	count = pg_popcount32(executors);
	place = pg_popcount32(executors & ((1U << worker_index()) - 1));
	for (int shard = place; shard < WAKE_SHARDS; shard += count)
		mine |= 1U << shard;
	return mine;
}

uint32
wake_take_shards(void)
{
	DatabaseSlot *slot = shared_my_slot();
	uint32		mine = wake_my_shards();

	/* Reading is shared, taking is not: mostly there is nothing. */
	if (mine == 0 || (pg_atomic_read_u32(&slot->shards) & mine) == 0)
		return 0;
	return pg_atomic_fetch_and_u32(&slot->shards, ~mine) & mine;
}

void
wake_executors_changed(DatabaseSlot *slot)
{
	pg_atomic_fetch_or_u32(&slot->shards, (1U << WAKE_SHARDS) - 1);
	wake_workers(slot, 1U << WORKER_EXECUTOR);
}
