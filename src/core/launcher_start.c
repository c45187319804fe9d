/*
 * launcher_start.c
 *		Asking the postmaster for workers, and noticing those that never came.
 *
 * In the launcher only.  Workers are registered as never to be restarted: the
 * postmaster's restarts know no back-off, no hold and no dropped extension.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "postmaster/bgworker.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "core/launcher.h"
#include "core/worker_entry.h"

/* No free place for a background worker: try again after, complain at most every. */
#define REFUSED_MS 10000
#define COMPLAIN_MS 60000

/* The last registrations, to ask the postmaster about; lost with the launcher, see launcher_attach. */
typedef struct Registration
{
	BackgroundWorkerHandle *handle;
	uint32		number;
} Registration;

static Registration *registrations = NULL;
static TimestampTz complained_at = 0;

static Registration *
registration_of(const WorkerIdentity *who)
{
	if (registrations == NULL)
		registrations = MemoryContextAllocZero(TopMemoryContext,
											   (Size) shared->slot_count * WORKER_KINDS * WORKER_MAX_PER_KIND *
											   sizeof(Registration));
	return &registrations[(who->slot * WORKER_KINDS + (int) who->kind) * WORKER_MAX_PER_KIND + who->index];
}

/* The process has ended, or never begun, without taking its place. */
static bool
never_came(const Registration *registration, uint32 number)
{
	pid_t		pid;

	return registration->handle != NULL && registration->number == number &&
		GetBackgroundWorkerPid(registration->handle, &pid) == BGWH_STOPPED;
}

static bool
register_worker(const WorkerIdentity *who, Registration *registration)
{
	BackgroundWorker worker;
	MemoryContext old;
	bool		registered;

	memset(&worker, 0, sizeof(worker));
	worker.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
	worker.bgw_start_time = BgWorkerStart_RecoveryFinished;
	worker.bgw_restart_time = BGW_NEVER_RESTART;
	worker.bgw_notify_pid = MyProcPid;
	strlcpy(worker.bgw_library_name, "dalp", sizeof(worker.bgw_library_name));
	strlcpy(worker.bgw_function_name, "dalp_worker_main", sizeof(worker.bgw_function_name));
	snprintf(worker.bgw_name, BGW_MAXLEN, "dalp %s %d for database %u",
			 worker_kind_name(who->kind), who->index, who->database);
	snprintf(worker.bgw_type, BGW_MAXLEN, "dalp %s", worker_kind_name(who->kind));
	memcpy(worker.bgw_extra, who, sizeof(*who));

	if (registration->handle != NULL)
		pfree(registration->handle);
	registration->handle = NULL;
	old = MemoryContextSwitchTo(TopMemoryContext);
	registered = RegisterDynamicBackgroundWorker(&worker, &registration->handle);
	MemoryContextSwitchTo(old);
	registration->number = who->number;
	return registered;
}

static void
complain(TimestampTz now)
{
	if (complained_at != 0 && now - complained_at < COMPLAIN_MS * INT64CONST(1000))
		return;
	complained_at = now;
	ereport(WARNING,
			(errmsg("there is no free background worker for dalp"),
			 errhint("Raise max_worker_processes, which is now %d, and restart the server.", max_worker_processes)));
}

/* With the lock. */
static bool
is_wanted(const DatabaseSlot *slot, WorkerKind kind)
{
	return slot->holder == 0 && !slot->unwanted &&
		(slot->state == SLOT_PRESENT || (slot->state == SLOT_UNKNOWN && kind == WORKER_SCHEDULER));
}

TimestampTz
launcher_start(DatabaseSlot *slot, WorkerKind kind, int index, TimestampTz now)
{
	WorkerEntry *entry = &slot->workers[kind][index];
	WorkerIdentity who = {.slot = (int) (slot - shared->slots), .kind = kind, .index = index};
	Registration *registration = registration_of(&who);
	TimestampTz next = DT_NOEND;
	bool		start = false;

	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	if (entry->state == ENTRY_REGISTERED && never_came(registration, entry->number))
		entry_ended(entry, false);
	if (entry->state == ENTRY_NONE && is_wanted(slot, kind))
	{
		start = entry->start_at <= now;
		next = entry->start_at;
	}
	if (start)
	{
		entry->state = ENTRY_REGISTERED;
		entry->number++;
		who.number = entry->number;
		who.database = slot->database;
	}
	LWLockRelease(shared->lock);

	/* The postmaster tells us when it has started or ended it. */
	if (!start || register_worker(&who, registration))
		return start ? DT_NOEND : next;

	next = now + REFUSED_MS * INT64CONST(1000);
	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	if (entry->state == ENTRY_REGISTERED && entry->number == who.number)
	{
		entry->state = ENTRY_NONE;
		entry->start_at = next;
	}
	LWLockRelease(shared->lock);
	complain(now);
	return next;
}
