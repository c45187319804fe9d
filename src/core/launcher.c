/*
 * launcher.c
 *		One process a cluster: which databases have the extension, and are
 *		their workers running?
 *
 * Reads shared catalogs only, so it blocks no DROP DATABASE.  Every database
 * that may be connected to and isn't excluded by dalp.databases has a slot.
 * States of a slot, all moved under the lock:
 *
 *	FREE -> UNKNOWN		launcher: the database is in pg_database
 *						database_hold.c: about to be dropped, renamed or copied
 *	UNKNOWN -> PRESENT	its scheduler, started first as a probe: found the extension
 *	UNKNOWN, PRESENT -> ABSENT	any of its workers: found none; the others leave
 *	ABSENT -> UNKNOWN	launcher: after a minute, or at once when CREATE
 *						EXTENSION has announced itself at its commit (wake.c)
 *	any -> FREE			launcher: the database is gone or excluded, or its slot
 *						is ABSENT and needed for another; no worker attached
 *
 * UNKNOWN runs the scheduler, PRESENT all workers, the others none.  Across
 * all of them lies the hold (holder != 0, see database_hold.c): nothing is
 * started, nothing attaches.  A holder that has died is forgotten here.
 *
 * The launcher keeps nothing that it can't find again in shared memory: when
 * it dies, the postmaster starts it after a second and it goes on.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/pg_database.h"
#include "miscadmin.h"
#include "postmaster/bgworker.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/procarray.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"
#include "utils/varlena.h"

#include "compat.h"
#include "core/launcher.h"
#include "core/session.h"
#include "core/settings.h"
#include "core/worker_entry.h"
#include "dalp.h"

/* How often pg_database is read without being told to. */
#define SCAN_MS 60000
/* A message about a lack of places at most so often. */
#define COMPLAIN_MS 60000

/* What is remembered between turns; CurrentMemoryContext of a turn is reset. */
static MemoryContext turn_context = NULL;
static TimestampTz scan_at = 0;
static TimestampTz complained_at = 0;

/* ------------------------------------------------------------------------
 * Which databases?
 * ---------------------------------------------------------------------- */

/* Whether dalp.databases lets it in. */
static bool
is_listed(const char *name, List *listed)
{
	ListCell   *cell;

	if (listed == NIL)
		return true;
	foreach(cell, listed)
		if (strcmp((const char *) lfirst(cell), name) == 0)
			return true;
	return false;
}

/* OIDs of the databases that shall have a slot. */
static List *
databases_read(void)
{
	List	   *databases = NIL;
	List	   *listed = NIL;
	Relation	relation;
	TableScanDesc scan;
	HeapTuple	tuple;

	/* The setting's check hook has parsed it before. */
	if (!SplitIdentifierString(pstrdup(dalp_databases), ',', &listed))
		listed = NIL;
	SetCurrentStatementStartTimestamp();
	StartTransactionCommand();
	(void) GetTransactionSnapshot();
	relation = table_open(DatabaseRelationId, AccessShareLock);
	scan = table_beginscan_catalog(relation, 0, NULL);
	while ((tuple = heap_getnext(scan, ForwardScanDirection)) != NULL)
	{
		Form_pg_database form = (Form_pg_database) GETSTRUCT(tuple);

		if (form->datistemplate || !form->datallowconn || !is_listed(NameStr(form->datname), listed))
			continue;
		MemoryContextSwitchTo(turn_context);
		databases = lappend_oid(databases, form->oid);
		MemoryContextSwitchTo(CurTransactionContext);
	}
	table_endscan(scan);
	table_close(relation, AccessShareLock);
	CommitTransactionCommand();
	MemoryContextSwitchTo(turn_context);
	return databases;
}

/* ------------------------------------------------------------------------
 * Slots
 * ---------------------------------------------------------------------- */

static void
slot_reset(DatabaseSlot *slot, Oid database, SlotState state)
{
	slot->database = database;
	slot->state = state;
	slot->look_at = 0;
	slot->holder = 0;
	slot->unwanted = false;
	pg_atomic_fetch_add_u64(&slot->epoch, 1);
	pg_atomic_write_u32(&slot->shards, 0);
	pg_atomic_write_u32(&slot->waiters, 0);
	for (int kind = 0; kind < WORKER_KINDS; kind++)
		for (int i = 0; i < WORKER_MAX_PER_KIND; i++)
		{
			WorkerEntry *entry = &slot->workers[kind][i];

			entry->number++;
			entry->backoff = 0;
			entry->start_at = 0;
			entry->started_at = 0;
			entry->restarts = 0;
		}
}

DatabaseSlot *
slot_take(Oid database)
{
	DatabaseSlot *chosen = NULL;

	for (int i = 0; i < shared->slot_count; i++)
	{
		DatabaseSlot *slot = &shared->slots[i];

		if (slot->state == SLOT_FREE)
		{
			chosen = slot;
			break;
		}
		/* The one without the extension that was looked at longest ago. */
		if (slot->state == SLOT_ABSENT && slot->holder == 0 && slot_count_attached(slot) == 0 &&
			(chosen == NULL || slot->look_at < chosen->look_at))
			chosen = slot;
	}
	if (chosen != NULL)
		slot_reset(chosen, database, SLOT_UNKNOWN);
	return chosen;
}

static void
complain(int without_slot)
{
	TimestampTz now = GetCurrentTimestamp();

	if (complained_at != 0 && now - complained_at < COMPLAIN_MS * INT64CONST(1000))
		return;
	complained_at = now;
	ereport(WARNING,
			(errmsg_plural("%d database can't have dalp's workers because all slots are taken",
						   "%d databases can't have dalp's workers because all slots are taken",
						   without_slot, without_slot),
			 errhint("Raise dalp.max_databases, which is now %d, or name the databases that need workers in dalp.databases.",
					 shared->slot_count)));
}

/* Gives slots to databases that have none, and marks the slots whose database is gone. */
static void
slots_match(List *databases)
{
	int			without_slot = 0;
	ListCell   *cell;

	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	for (int i = 0; i < shared->slot_count; i++)
	{
		DatabaseSlot *slot = &shared->slots[i];

		if (slot->state != SLOT_FREE)
			slot->unwanted = !list_member_oid(databases, slot->database);
	}
	if (OidIsValid(shared->told_database) && list_member_oid(databases, shared->told_database) &&
		shared_find_slot(shared->told_database) == NULL)
		(void) slot_take(shared->told_database);
	shared->told_database = InvalidOid;
	foreach(cell, databases)
		if (shared_find_slot(lfirst_oid(cell)) == NULL && slot_take(lfirst_oid(cell)) == NULL)
			without_slot++;
	LWLockRelease(shared->lock);
	if (without_slot > 0)
		complain(without_slot);
}

/* A holder that ended without releasing. */
static void
hold_expire(DatabaseSlot *slot)
{
	pid_t		holder = slot->holder;

	if (holder == 0 || BackendPidGetProc(holder) != NULL)
		return;
	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	if (slot->holder == holder)
		slot->holder = 0;
	LWLockRelease(shared->lock);
}

/* One look at a slot; when to look again at the latest. */
static TimestampTz
slot_advance(DatabaseSlot *slot, TimestampTz now)
{
	TimestampTz next = DT_NOEND;

	hold_expire(slot);
	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	if (slot->state == SLOT_ABSENT && slot->look_at <= now)
		slot->state = SLOT_UNKNOWN;
	if (slot->unwanted && slot->holder == 0 && slot_stop_workers(slot) == 0)
	{
		slot_reset(slot, InvalidOid, SLOT_FREE);
		scan_at = 0;			/* another database may have waited for it */
	}
	if (slot->state == SLOT_ABSENT)
		next = slot->look_at;
	LWLockRelease(shared->lock);

	for (int kind = 0; kind < WORKER_KINDS; kind++)
		for (int i = 0; i < worker_count(kind); i++)
			next = Min(next, launcher_start(slot, kind, i, now));
	return next;
}

/* ------------------------------------------------------------------------
 * The process
 * ---------------------------------------------------------------------- */

static void
launcher_exit(int code, Datum argument)
{
	(void) code;
	(void) argument;
	LWLockReleaseAll();
	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	if (shared->launcher_pid == MyProcPid)
	{
		shared->launcher_pid = 0;
		pg_atomic_write_u32(&shared->launcher, SHARED_NO_PROCESS);
	}
	LWLockRelease(shared->lock);
}

static void
launcher_attach(void)
{
	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	shared->launcher_pid = MyProcPid;
	shared->launcher_started_at = GetCurrentTimestamp();
	pg_atomic_write_u32(&shared->launcher, shared_my_process());
	/* What an earlier launcher has registered and nobody has taken yet is registered again. */
	for (int i = 0; i < shared->slot_count; i++)
		for (int kind = 0; kind < WORKER_KINDS; kind++)
			for (int index = 0; index < WORKER_MAX_PER_KIND; index++)
			{
				WorkerEntry *entry = &shared->slots[i].workers[kind][index];

				if (entry->state == ENTRY_REGISTERED)
				{
					entry->number++;
					entry_ended(entry, true);
				}
			}
	LWLockRelease(shared->lock);
	on_shmem_exit(launcher_exit, (Datum) 0);
}

static void
launcher_turn(void)
{
	TimestampTz now = GetCurrentTimestamp();
	TimestampTz next;

	if (pg_atomic_exchange_u32(&shared->scan, 0) != 0 || now >= scan_at)
	{
		pgstat_report_activity(STATE_RUNNING, "looking for databases");
		slots_match(databases_read());
		pgstat_report_activity(STATE_IDLE, NULL);
		scan_at = now + SCAN_MS * INT64CONST(1000);
	}
	next = DT_NOEND;
	for (int i = 0; i < shared->slot_count; i++)
		if (shared->slots[i].state != SLOT_FREE)
			next = Min(next, slot_advance(&shared->slots[i], now));
	next = Min(next, scan_at);
	(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
					 Max(TimestampDifferenceMilliseconds(GetCurrentTimestamp(), next), 1),
					 session_wait_event());
}

void
dalp_launcher_main(Datum argument)
{
	(void) argument;
	session_start();
	launcher_attach();
	session_connect(InvalidOid);
	pgstat_report_appname("dalp launcher");
	turn_context = AllocSetContextCreate(TopMemoryContext, "dalp launcher turn", ALLOCSET_DEFAULT_SIZES);
	for (;;)
	{
		MemoryContextSwitchTo(turn_context);
		MemoryContextReset(turn_context);
		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
		if (session_reload())
			scan_at = 0;
		launcher_turn();
	}
}

void
launcher_init(void)
{
	BackgroundWorker worker;

	memset(&worker, 0, sizeof(worker));
	worker.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
	worker.bgw_start_time = BgWorkerStart_RecoveryFinished;
	worker.bgw_restart_time = 1;
	strlcpy(worker.bgw_library_name, "dalp", sizeof(worker.bgw_library_name));
	strlcpy(worker.bgw_function_name, "dalp_launcher_main", sizeof(worker.bgw_function_name));
	strlcpy(worker.bgw_name, "dalp launcher", BGW_MAXLEN);
	strlcpy(worker.bgw_type, "dalp launcher", BGW_MAXLEN);
	RegisterBackgroundWorker(&worker);
}
