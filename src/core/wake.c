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
#include "storage/ipc.h"

#include "core/shared.h"
#include "core/wake.h"

/* What to do at commit. */
static uint32 pending_kinds = 0;
static uint32 pending_shards = 0;
static bool pending_launcher = false;
static bool pending_waiters = false;

/* This process's place in the table of waiters, -1 = none. */
static int	my_waiter = -1;

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

static void
wake_waiters(DatabaseSlot *slot)
{
	uint32		left = pg_atomic_read_u32(&slot->waiters);

	for (int i = 0; i < SHARED_MAX_WAITERS && left > 0; i++)
	{
		Waiter	   *waiter = &shared->waiters[i];
		uint32		process = pg_atomic_read_u32(&waiter->process);

		if (process == SHARED_NO_PROCESS || pg_atomic_read_u32(&waiter->database) != slot->database)
			continue;
		shared_wake_process(process);
		left--;
	}
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

static void
forget(void)
{
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
			wake_waiters(slot);
			if (pg_atomic_read_u32(&slot->ends_wanted) != 0)
				wake_workers(slot, 1U << WORKER_SCHEDULER);
		}
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
			if ((pending_kinds | pending_shards) != 0 || pending_launcher || pending_waiters)
				hand_out();
			wake_waiter_leave();
			break;
		case XACT_EVENT_ABORT:
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

/* At the exit of a process that was killed in its wait. */
static void
waiter_exit(int code, Datum argument)
{
	(void) code;
	(void) argument;
	wake_waiter_leave();
}

bool
wake_waiter_enter(void)
{
	static bool exit_registered = false;
	DatabaseSlot *slot = shared_my_slot();

	if (slot == NULL)
		return false;
	if (my_waiter >= 0)
		return true;
	if (!exit_registered)
	{
		on_shmem_exit(waiter_exit, (Datum) 0);
		exit_registered = true;
	}
	for (int i = 0; i < SHARED_MAX_WAITERS; i++)
	{
		Waiter	   *waiter = &shared->waiters[i];
		uint32		expected = SHARED_NO_PROCESS;

		if (!pg_atomic_compare_exchange_u32(&waiter->process, &expected, shared_my_process()))
			continue;
		pg_atomic_write_u32(&waiter->database, MyDatabaseId);
		my_waiter = i;
		pg_atomic_fetch_add_u32(&slot->waiters, 1);
		return true;
	}
	return false;
}

void
wake_waiter_leave(void)
{
	DatabaseSlot *slot;

	if (my_waiter < 0)
		return;
	pg_atomic_write_u32(&shared->waiters[my_waiter].database, InvalidOid);
	pg_atomic_write_u32(&shared->waiters[my_waiter].process, SHARED_NO_PROCESS);
	my_waiter = -1;
	slot = shared_my_slot();
	if (slot != NULL)
		pg_atomic_fetch_sub_u32(&slot->waiters, 1);
}
