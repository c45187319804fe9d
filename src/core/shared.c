/*
 * shared.c
 *		dalp's shared memory: asking for it, making it, finding places in it.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/proc.h"
#include "storage/shmem.h"

#include "compat.h"
#include "core/settings.h"
#include "core/shared.h"

#define SHARED_NAME "dalp"

Shared	   *shared = NULL;

static shmem_startup_hook_type previous_startup = NULL;
#if PG_VERSION_NUM >= 150000
static shmem_request_hook_type previous_request = NULL;
#endif

static Size
shared_size(int slots)
{
	return add_size(offsetof(Shared, slots), mul_size(slots, sizeof(DatabaseSlot)));
}

static void
shared_request(void)
{
#if PG_VERSION_NUM >= 150000
	if (previous_request)
		previous_request();
#endif
	RequestAddinShmemSpace(shared_size(dalp_max_databases));
	RequestNamedLWLockTranche(SHARED_NAME, 1);
}

static void
entry_make(WorkerEntry *entry)
{
	pg_atomic_init_u32(&entry->process, SHARED_NO_PROCESS);
	pg_atomic_init_u64(&entry->turns, 0);
	pg_atomic_init_u64(&entry->last_turn, 0);
}

static void
slot_make(DatabaseSlot *slot)
{
	ConditionVariableInit(&slot->detached);
	pg_atomic_init_u64(&slot->epoch, 0);
	pg_atomic_init_u32(&slot->executors, 0);
	pg_atomic_init_u32(&slot->shards, 0);
	pg_atomic_init_u32(&slot->waiters, 0);
	pg_atomic_init_u32(&slot->ends_wanted, 0);
	pg_atomic_init_u64(&slot->due, 0);
	for (int i = 0; i < SHARED_LANES; i++)
		pg_atomic_init_u64(&slot->ahead[i], 0);
	for (int kind = 0; kind < WORKER_KINDS; kind++)
		for (int i = 0; i < WORKER_MAX_PER_KIND; i++)
			entry_make(&slot->workers[kind][i]);
}

/* Also runs after a crash restart, with fresh memory. */
static void
shared_startup(void)
{
	bool		found;

	if (previous_startup)
		previous_startup();

	LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
	shared = ShmemInitStruct(SHARED_NAME, shared_size(dalp_max_databases), &found);
	if (!found)
	{
		memset(shared, 0, shared_size(dalp_max_databases));
		shared->lock = &(GetNamedLWLockTranche(SHARED_NAME))->lock;
		shared->slot_count = dalp_max_databases;
		pg_atomic_init_u32(&shared->launcher, SHARED_NO_PROCESS);
		pg_atomic_init_u32(&shared->scan, 0);
		for (int i = 0; i < SHARED_MAX_WAITERS; i++)
		{
			pg_atomic_init_u32(&shared->waiters[i].process, SHARED_NO_PROCESS);
			pg_atomic_init_u32(&shared->waiters[i].database, InvalidOid);
			pg_atomic_init_u32(&shared->waiters[i].topic, 0);
			pg_atomic_init_u32(&shared->waiters[i].wants, 0);
		}
		for (int i = 0; i < SHARED_SKETCH_ROWS; i++)
			for (int j = 0; j < SHARED_SKETCH_COLUMNS; j++)
				pg_atomic_init_u64(&shared->turns[i][j], 0);
		for (int i = 0; i < shared->slot_count; i++)
			slot_make(&shared->slots[i]);
	}
	LWLockRelease(AddinShmemInitLock);
}

void
shared_init(void)
{
#if PG_VERSION_NUM >= 150000
	previous_request = shmem_request_hook;
	shmem_request_hook = shared_request;
#else
	shared_request();
#endif
	previous_startup = shmem_startup_hook;
	shmem_startup_hook = shared_startup;
}

bool
shared_is_available(void)
{
	return shared != NULL;
}

DatabaseSlot *
shared_find_slot(Oid database)
{
	for (int i = 0; i < shared->slot_count; i++)
		if (shared->slots[i].database == database && shared->slots[i].state != SLOT_FREE)
			return &shared->slots[i];
	return NULL;
}

DatabaseSlot *
shared_my_slot(void)
{
	static DatabaseSlot *mine = NULL;

	if (shared == NULL || !OidIsValid(MyDatabaseId))
		return NULL;

	/*
	 * Without the lock: a slot is given to another database only after ours
	 * is gone or excluded, and then nobody has anything to expect of it.
	 */
	if (mine == NULL || mine->database != MyDatabaseId)
	{
		LWLockAcquire(shared->lock, LW_SHARED);
		mine = shared_find_slot(MyDatabaseId);
		LWLockRelease(shared->lock);
	}
	return mine;
}

uint32
shared_my_process(void)
{
#if PG_VERSION_NUM >= 170000
	return (uint32) MyProcNumber;
#else
	return (uint32) MyProc->pgprocno;
#endif
}

void
shared_wake_process(uint32 process)
{
	if (process != SHARED_NO_PROCESS)
		SetLatch(&ProcGlobal->allProcs[process].procLatch);
}
