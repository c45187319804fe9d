/*
 * worker_entry.c
 *		A worker's place in shared memory: taking it, leaving it, waking whoever
 *		has it.
 *
 * NONE -> REGISTERED by the launcher, REGISTERED -> ATTACHED by the worker
 * itself, before it connects; back to NONE by the worker's exit callback, by
 * the launcher (the process died before it attached) or by a hold.  All under
 * the lock.  The number of the registration tells a late process of an earlier
 * registration that it has no place.
 */
#include "postgres.h"

#include <signal.h>

#include "miscadmin.h"
#include "storage/ipc.h"
#include "utils/timestamp.h"

#include "core/worker_entry.h"

/* Back-off of failing workers: 0.1 s doubling to a minute, forgotten after a minute of health. */
#define BACKOFF_FIRST_MS 100
#define BACKOFF_MOST_MS 60000
#define HEALTHY_MS 60000

static WorkerIdentity identity;
static DatabaseSlot *my_slot = NULL;
static WorkerEntry *my_entry = NULL;
static uint64 my_epoch = 0;
static uint64 my_told = 0;
static bool quietly = false;

static TimestampTz
in_ms(int64 ms)
{
	return GetCurrentTimestamp() + ms * 1000;
}

void
entry_ended(WorkerEntry *entry, bool by_intention)
{
	TimestampTz now = GetCurrentTimestamp();
	bool		healthy = entry->started_at != 0 && now - entry->started_at >= HEALTHY_MS * INT64CONST(1000);

	entry->state = ENTRY_NONE;
	entry->pid = 0;
	entry->restarts += by_intention ? 0 : 1;
	pg_atomic_write_u32(&entry->process, SHARED_NO_PROCESS);
	if (by_intention || healthy || entry->backoff == 0)
		entry->backoff = BACKOFF_FIRST_MS;
	else
		entry->backoff = Min(entry->backoff * 2, BACKOFF_MOST_MS);
	entry->start_at = now + entry->backoff * INT64CONST(1000);
}

/*
 * Registered before the connection, so it runs after the process has left the
 * array of database users: who waits for it can go on at once.
 */
static void
entry_detach(int code, Datum argument)
{
	(void) argument;
	LWLockReleaseAll();
	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	if (my_entry->number == identity.number)
		entry_ended(my_entry, quietly && code == 0);
	if (identity.kind == WORKER_EXECUTOR)
		pg_atomic_fetch_and_u32(&my_slot->executors, ~(1U << identity.index));
	LWLockRelease(shared->lock);
	if (identity.kind == WORKER_EXECUTOR)
		wake_executors_changed(my_slot);
	ConditionVariableBroadcast(&my_slot->detached);
	launcher_wake();
}

/* With the lock. */
static bool
entry_is_wanted(const DatabaseSlot *slot, const WorkerEntry *entry, const WorkerIdentity *who)
{
	return slot->database == who->database && slot->holder == 0 && !slot->unwanted &&
		entry->state == ENTRY_REGISTERED && entry->number == who->number &&
		(slot->state == SLOT_PRESENT || (slot->state == SLOT_UNKNOWN && who->kind == WORKER_SCHEDULER));
}

bool
entry_attach(const WorkerIdentity *who)
{
	DatabaseSlot *slot = &shared->slots[who->slot];
	WorkerEntry *entry = &slot->workers[who->kind][who->index];
	bool		wanted;

	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	wanted = entry_is_wanted(slot, entry, who);
	if (wanted)
	{
		entry->state = ENTRY_ATTACHED;
		entry->pid = MyProcPid;
		entry->started_at = GetCurrentTimestamp();
		pg_atomic_write_u64(&entry->turns, 0);
		pg_atomic_write_u64(&entry->last_turn, 0);
		my_epoch = pg_atomic_read_u64(&slot->epoch);
		my_told = slot->told;
		identity = *who;
		my_slot = slot;
		my_entry = entry;
		pg_atomic_write_u32(&entry->process, shared_my_process());
		if (who->kind == WORKER_EXECUTOR)
			pg_atomic_fetch_or_u32(&slot->executors, 1U << who->index);
	}
	else if (entry->state == ENTRY_REGISTERED && entry->number == who->number)
		entry_ended(entry, true);
	LWLockRelease(shared->lock);
	if (!wanted)
		return false;
	on_shmem_exit(entry_detach, (Datum) 0);
	if (who->kind == WORKER_EXECUTOR)
		wake_executors_changed(slot);
	return true;
}

bool
entry_is_outdated(void)
{
	return my_slot->database != identity.database || pg_atomic_read_u64(&my_slot->epoch) != my_epoch;
}

void
entry_leave_quietly(void)
{
	quietly = true;
}

void
entry_extension_present(void)
{
	bool		changed = false;

	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	if (!entry_is_outdated() && my_slot->state == SLOT_UNKNOWN)
	{
		my_slot->state = SLOT_PRESENT;
		changed = true;
	}
	LWLockRelease(shared->lock);
	if (changed)
		launcher_wake();
}

/* So that also those leave that had no reason to look. */
static void
wake_all(void)
{
	for (int kind = 0; kind < WORKER_KINDS; kind++)
		worker_wake(identity.database, kind);
}

void
entry_extension_replaced(void)
{
	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	if (!entry_is_outdated())
		pg_atomic_fetch_add_u64(&my_slot->epoch, 1);
	LWLockRelease(shared->lock);
	wake_all();
}

void
entry_extension_absent(void)
{
	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	if (!entry_is_outdated())
	{
		my_slot->state = SLOT_ABSENT;
		/* Announced after we began to look: what we saw may be older. */
		my_slot->look_at = my_slot->told != my_told ? 0 : in_ms(ABSENT_LOOK_MS);
		pg_atomic_fetch_add_u64(&my_slot->epoch, 1);
	}
	LWLockRelease(shared->lock);
	wake_all();
}

void
entry_count_turn(void)
{
	/* Only this process writes them. */
	pg_atomic_write_u64(&my_entry->turns, pg_atomic_read_u64(&my_entry->turns) + 1);
	pg_atomic_write_u64(&my_entry->last_turn, (uint64) GetCurrentTimestamp());
}

DatabaseSlot *
entry_slot(void)
{
	return my_slot;
}

const WorkerIdentity *
entry_identity(void)
{
	return &identity;
}

int
slot_count_attached(const DatabaseSlot *slot)
{
	int			attached = 0;

	for (int kind = 0; kind < WORKER_KINDS; kind++)
		for (int i = 0; i < WORKER_MAX_PER_KIND; i++)
			attached += slot->workers[kind][i].state == ENTRY_ATTACHED;
	return attached;
}

int
slot_stop_workers(DatabaseSlot *slot)
{
	for (int kind = 0; kind < WORKER_KINDS; kind++)
		for (int i = 0; i < WORKER_MAX_PER_KIND; i++)
		{
			WorkerEntry *entry = &slot->workers[kind][i];

			if (entry->state == ENTRY_REGISTERED)
			{
				entry->number++;
				entry_ended(entry, true);
			}
			else if (entry->state == ENTRY_ATTACHED)
			{
				/* The place is ours to read until its process detaches, under this lock. */
				(void) kill(entry->pid, SIGTERM);
			}
		}
	return slot_count_attached(slot);
}

/* ------------------------------------------------------------------------
 * From any process
 * ---------------------------------------------------------------------- */

void
launcher_wake(void)
{
	if (shared != NULL)
		shared_wake_process(pg_atomic_read_u32(&shared->launcher));
}

static DatabaseSlot *
slot_of(Oid database)
{
	DatabaseSlot *slot;

	if (shared == NULL)
		return NULL;
	if (database == MyDatabaseId)
		return shared_my_slot();
	LWLockAcquire(shared->lock, LW_SHARED);
	slot = shared_find_slot(database);
	LWLockRelease(shared->lock);
	return slot;
}

void
worker_wake(Oid database, WorkerKind kind)
{
	DatabaseSlot *slot = slot_of(database);

	if (slot == NULL)
		return;
	for (int i = 0; i < WORKER_MAX_PER_KIND; i++)
		shared_wake_process(pg_atomic_read_u32(&slot->workers[kind][i].process));
}

bool
worker_running(Oid database, WorkerKind kind)
{
	DatabaseSlot *slot = slot_of(database);

	if (slot == NULL)
		return false;
	for (int i = 0; i < WORKER_MAX_PER_KIND; i++)
		if (pg_atomic_read_u32(&slot->workers[kind][i].process) != SHARED_NO_PROCESS)
			return true;
	return false;
}
