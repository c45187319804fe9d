/*
 * worker.c
 *		The life of a worker: attach, connect, look for the extension, turns.
 *
 * In worker processes only, but for worker_define() and the accessors.  No
 * transaction and no lock is held between turns.  The process ends quietly
 * (exit 0) when its slot has moved on or the extension is gone or another one,
 * with exit 1 by an ERROR or SIGTERM; what follows is the launcher's decision.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_extension.h"
#include "miscadmin.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/lmgr.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "compat.h"
#include "core/catalog.h"
#include "core/instance.h"
#include "core/session.h"
#include "core/spi.h"
#include "core/worker_entry.h"
#include "dalp.h"

/* A turn that wants to sleep longer sleeps again. */
#define SLEEP_MOST_MS 60000
/* While library and catalog differ, so often somebody looks again. */
#define MISMATCH_LOOK_MS 5000

static WorkerClass classes[WORKER_KINDS];

static bool in_worker = false;
static uint64 known_generation = 0;
static bool mismatch_logged = false;
static MemoryContext long_lived = NULL;
static MemoryContext turn_context = NULL;
static StoreScope scope;

void
worker_define(WorkerKind kind, const WorkerClass *worker_class)
{
	Assert(kind < WORKER_KINDS && worker_class->turn != NULL);
	classes[kind] = *worker_class;
}

const char *
worker_kind_name(WorkerKind kind)
{
	return classes[kind].name;
}

int
worker_count(WorkerKind kind)
{
	if (classes[kind].turn == NULL)
		return 0;
	return classes[kind].count != NULL ? Min(classes[kind].count(), WORKER_MAX_PER_KIND) : 1;
}

bool
worker_is(WorkerKind kind)
{
	return in_worker && entry_identity()->kind == kind;
}

int
worker_index(void)
{
	return entry_identity()->index;
}

MemoryContext
worker_context(void)
{
	return long_lived;
}

/* ------------------------------------------------------------------------
 * Transactions
 * ---------------------------------------------------------------------- */

static void
leave(void)
{
	AbortOutOfAnyTransaction();
	entry_leave_quietly();
	proc_exit(0);
}

/* Waits outside of a transaction for the latch or a while. */
static void
doze(long timeout_ms)
{
	(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
					 timeout_ms, session_wait_event());
}

/*
 * The state of the extension, its object locked until the end of the
 * transaction so that it can't be dropped under us; or NULL if it isn't there.
 */
static const CatalogState *
extension_lock(void)
{
	const CatalogState *state = catalog_state();

	while (OidIsValid(state->extension))
	{
		Oid			extension = state->extension;

		LockDatabaseObject(ExtensionRelationId, extension, 0, AccessShareLock);
		state = catalog_state();
		if (state->extension == extension)
			return state;
		UnlockDatabaseObject(ExtensionRelationId, extension, 0, AccessShareLock);
	}
	return NULL;
}

/* Once, and by one worker of the database. */
static void
mismatch_log(void)
{
	if (mismatch_logged || !worker_is(WORKER_SCHEDULER))
		return;
	mismatch_logged = true;
	ereport(LOG,
			(errmsg("dalp is idle: the loaded library is version %s, the extension is another", DALP_VERSION),
			 errhint("Run ALTER EXTENSION dalp UPDATE, or restart the server if the library has been replaced.")));
}

/* Begins a transaction in which the extension is known to be there and ours. */
static void
begin_checked(const char *activity)
{
	for (;;)
	{
		const CatalogState *state;

		SetCurrentStatementStartTimestamp();
		StartTransactionCommand();
		pgstat_report_activity(STATE_RUNNING, activity);
		state = extension_lock();
		if (state == NULL)
		{
			entry_extension_absent();
			leave();
		}
		if (known_generation == 0)
			known_generation = state->generation;
		/* Plans, caches and memory of all workers belong to the one before: start afresh. */
		if (state->generation != known_generation)
		{
			entry_extension_replaced();
			leave();
		}
		if (state->version_matches)
			break;

		mismatch_log();
		CommitTransactionCommand();
		MemoryContextSwitchTo(turn_context);
		pgstat_report_activity(STATE_IDLE, "version mismatch");
		doze(MISMATCH_LOOK_MS);
		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
		(void) session_reload();
		if (entry_is_outdated())
			leave();
	}
	MemoryContextSwitchTo(turn_context);
}

static void
commit(void)
{
	CommitTransactionCommand();
	/* The commit has left us in TopMemoryContext. */
	MemoryContextSwitchTo(turn_context);
	(void) pgstat_report_stat(false);
	pgstat_report_activity(STATE_IDLE, NULL);
}

void
worker_begin(const char *activity)
{
	begin_checked(activity);
	PushActiveSnapshot(GetTransactionSnapshot());
	store_open(&scope);
}

void
worker_commit(void)
{
	store_close(&scope);
	PopActiveSnapshot();
	commit();
}

void
worker_begin_bare(const char *activity)
{
	begin_checked(activity);
}

void
worker_commit_bare(void)
{
	commit();
}

/* ------------------------------------------------------------------------
 * The process
 * ---------------------------------------------------------------------- */

static void
introduce(const WorkerClass *class)
{
	char		name[NAMEDATALEN];

	snprintf(name, sizeof(name), "dalp %s %d", class->name, worker_index());
	pgstat_report_appname(name);
}

/* The scheduler finds out for all the others whether there is anything to do here. */
static void
look_for_extension(void)
{
	worker_begin_bare("looking for the extension");
	worker_commit_bare();
	if (worker_is(WORKER_SCHEDULER))
		entry_extension_present();
}

/*
 * Whether work may be done here.  Once it may, it may for good: a process ends
 * with the extension that it knows.
 */
static bool
is_at_home(void)
{
	static bool known = false;
	static bool logged = false;
	InstanceState state;

	if (known)
		return true;
	worker_begin("looking whether this database's work is done here");
	state = instance_state();
	worker_commit();
	known = state == INSTANCE_ACTIVE;
	if (state != INSTANCE_RECONCILING)
		return true;
	if (!logged && worker_is(WORKER_SCHEDULER))
		ereport(LOG,
				(errmsg("dalp is idle: the state of this database was brought from elsewhere"),
				 errhint("When it is complete and the original is not at work any more, call dalp.adopt_instance(note).")));
	logged = true;
	pgstat_report_activity(STATE_IDLE, "waiting for dalp.adopt_instance");
	return false;
}

static void
sleep_until_woken(const WorkerClass *class, long timeout_ms)
{
	timeout_ms = timeout_ms < 0 ? SLEEP_MOST_MS : Min(timeout_ms, SLEEP_MOST_MS);

	/* While busy, statistics go out at most once a second; now is time for the rest. */
	(void) pgstat_report_stat(true);
	if (class->wait != NULL)
		class->wait(timeout_ms);
	else
		doze(timeout_ms);
}

static void
run_turns(const WorkerClass *class)
{
	for (;;)
	{
		long		timeout_ms;

		MemoryContextSwitchTo(turn_context);
		MemoryContextReset(turn_context);
		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
		(void) session_reload();
		if (entry_is_outdated() || worker_index() >= worker_count(entry_identity()->kind))
			leave();

		entry_count_turn();
		if (!is_at_home())
		{
			(void) pgstat_report_stat(true);
			doze(MISMATCH_LOOK_MS);
			continue;
		}
		timeout_ms = class->turn();

		if (IsTransactionState())
			elog(ERROR, "a turn of the %s left its transaction open", class->name);
		if (timeout_ms != 0)
			sleep_until_woken(class, timeout_ms);
	}
}

void
dalp_worker_main(Datum argument)
{
	WorkerIdentity identity;
	const WorkerClass *class;

	(void) argument;
	StaticAssertStmt(sizeof(identity) <= BGW_EXTRALEN, "identity does not fit bgw_extra");
	memcpy(&identity, MyBgworkerEntry->bgw_extra, sizeof(identity));
	class = &classes[identity.kind];

	session_start();
	if (!entry_attach(&identity))
		proc_exit(0);
	in_worker = true;
	session_connect(identity.database);
	introduce(class);

	long_lived = AllocSetContextCreate(TopMemoryContext, "dalp worker", ALLOCSET_DEFAULT_SIZES);
	turn_context = AllocSetContextCreate(TopMemoryContext, "dalp worker turn", ALLOCSET_DEFAULT_SIZES);
	MemoryContextSwitchTo(turn_context);

	look_for_extension();
	if (class->start != NULL)
		class->start();
	run_turns(class);
}
