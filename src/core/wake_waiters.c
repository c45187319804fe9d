/*
 * wake_waiters.c
 *		Backends that wait on their latch for something to commit.
 *
 * A place in the shared table says who waits, in which database, for which
 * topic and how much of it.  Whoever wakes takes the want away first, so that
 * two commits don't wake the same sleeper for two pieces of work; the waiter
 * puts it back before it looks.  One that leaves while its want is taken had a
 * wake-up that it may not have followed, and hands it on.
 *
 * Only atomics: also called where no error may be raised (ends of transactions,
 * exit of the process).
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "miscadmin.h"
#include "storage/ipc.h"

#include "core/shared.h"
#include "core/wake.h"

/* This process's place in the table of waiters, -1 = none. */
static int	my_waiter = -1;
static uint32 my_wants = 0;

uint32
wake_topic_of_queue(const char *queue)
{
	uint32		hash = hash_bytes((const unsigned char *) queue, (int) strlen(queue));

	return hash == WAKE_TOPIC_ENDS ? 1 : hash;
}

/* Wakes those of the topic, or of all topics, until they want as much as there is. */
static void
wake_some(DatabaseSlot *slot, bool all, uint32 topic, uint32 count)
{
	uint32		left = pg_atomic_read_u32(&slot->waiters);

	for (int i = 0; i < SHARED_MAX_WAITERS && left > 0 && count > 0; i++)
	{
		Waiter	   *waiter = &shared->waiters[i];
		uint32		process = pg_atomic_read_u32(&waiter->process);
		uint32		wants;

		if (process == SHARED_NO_PROCESS || pg_atomic_read_u32(&waiter->database) != slot->database)
			continue;
		left--;
		if (!all && pg_atomic_read_u32(&waiter->topic) != topic)
			continue;
		wants = pg_atomic_read_u32(&waiter->wants) == 0 ? 0 : pg_atomic_exchange_u32(&waiter->wants, 0);
		if (wants == 0)
			continue;
		shared_wake_process(process);
		if (count != UINT32_MAX)
			count -= Min(count, wants);
	}
}

void
wake_topic(DatabaseSlot *slot, uint32 topic, uint32 count)
{
	wake_some(slot, false, topic, count);
}

void
wake_topic_all(DatabaseSlot *slot)
{
	wake_some(slot, true, WAKE_TOPIC_ENDS, UINT32_MAX);
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
wake_waiter_enter_topic(uint32 topic, int wants)
{
	static bool exit_registered = false;
	DatabaseSlot *slot = shared_my_slot();

	if (slot == NULL)
		return false;
	if (my_waiter >= 0)
		wake_waiter_leave();
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
		pg_atomic_write_u32(&waiter->topic, topic);
		pg_atomic_write_u32(&waiter->wants, (uint32) wants);
		pg_atomic_write_u32(&waiter->database, MyDatabaseId);
		my_waiter = i;
		my_wants = (uint32) wants;
		pg_atomic_fetch_add_u32(&slot->waiters, 1);
		return true;
	}
	return false;
}

bool
wake_waiter_enter(void)
{
	return wake_waiter_enter_topic(WAKE_TOPIC_ENDS, 1);
}

void
wake_waiter_looks(void)
{
	/* A full barrier: what is looked at is read after this. */
	if (my_waiter >= 0)
		(void) pg_atomic_exchange_u32(&shared->waiters[my_waiter].wants, my_wants);
}

void
wake_waiter_leave(void)
{
	DatabaseSlot *slot = shared_my_slot();
	Waiter	   *waiter;
	uint32		topic;
	uint32		wants;

	if (my_waiter < 0)
		return;
	waiter = &shared->waiters[my_waiter];
	topic = pg_atomic_read_u32(&waiter->topic);
	pg_atomic_write_u32(&waiter->database, InvalidOid);
	wants = pg_atomic_exchange_u32(&waiter->wants, 0);
	pg_atomic_write_u32(&waiter->process, SHARED_NO_PROCESS);
	my_waiter = -1;
	if (slot == NULL)
		return;
	pg_atomic_fetch_sub_u32(&slot->waiters, 1);
	if (topic != WAKE_TOPIC_ENDS && wants == 0)
		wake_topic(slot, topic, my_wants);
}
