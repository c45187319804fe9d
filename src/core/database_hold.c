/*
 * database_hold.c
 *		Keeps workers away from a database while a statement needs it for
 *		itself: DROP, RENAME, SET TABLESPACE, and copying it as a template.
 *
 * In the backend that runs the statement.  A hook marks the slot as held, ends
 * its workers and waits for them to be gone; the statement then meets nobody
 * of ours.  The hold ends with the transaction, so that after a failure the
 * workers come back at once and after a success nobody starts into what isn't
 * committed yet.  A backend that dies gives it up in its exit callback.
 *
 * Only for users who may do what they ask for: nobody else shall be able to
 * stop workers with a statement that fails.
 */
#include "postgres.h"

#include "access/xact.h"
#include "access/xlog.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_database.h"
#include "commands/dbcommands.h"
#include "commands/defrem.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "storage/ipc.h"
#include "tcop/utility.h"
#include "utils/acl.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"

#include "compat.h"
#include "core/launcher.h"
#include "core/session.h"
#include "core/worker_entry.h"

/* As long as the server itself waits for other sessions to go (CountOtherDBBackends). */
#define HOLD_WAIT_MS 5000
#define HOLD_LOOK_MS 100

/* What a statement wants of a database. */
typedef struct Claim
{
	const char *database;		/* NULL: the statement is none of ours */
	bool		drops;
	bool		needs_owner;	/* for CREATE DATABASE: unless it is a template */
	bool		needs_createdb;
} Claim;

static ProcessUtility_hook_type previous_hook = NULL;

/* The last hold of this backend. A transaction that renames several databases has one for each. */
static DatabaseSlot *held = NULL;
static bool held_is_dropped = false;
static bool scan_at_end = false;

static void
claim_template(const CreatedbStmt *statement, Claim *claim)
{
	ListCell   *cell;

	claim->database = "template1";
	claim->needs_owner = true;
	claim->needs_createdb = true;
	foreach(cell, statement->options)
	{
		DefElem    *option = lfirst_node(DefElem, cell);

		if (strcmp(option->defname, "template") == 0 && option->arg != NULL)
			claim->database = defGetString(option);
	}
}

static Claim
claim_of(Node *statement)
{
	Claim		claim = {NULL, false, true, false};

	switch (nodeTag(statement))
	{
		case T_DropdbStmt:
			claim.database = ((DropdbStmt *) statement)->dbname;
			claim.drops = true;
			break;
		case T_RenameStmt:
			if (((RenameStmt *) statement)->renameType == OBJECT_DATABASE)
				claim.database = ((RenameStmt *) statement)->subname;
			claim.needs_createdb = true;
			break;
		case T_AlterDatabaseStmt:
			{
				ListCell   *cell;

				foreach(cell, ((AlterDatabaseStmt *) statement)->options)
					if (strcmp(lfirst_node(DefElem, cell)->defname, "tablespace") == 0)
						claim.database = ((AlterDatabaseStmt *) statement)->dbname;
				break;
			}
		case T_CreatedbStmt:
			claim_template((CreatedbStmt *) statement, &claim);
			break;
		default:
			break;
	}
	return claim;
}

static bool
user_has_createdb(void)
{
	HeapTuple	tuple;
	bool		result = false;

	if (superuser())
		return true;
	tuple = SearchSysCache1(AUTHOID, ObjectIdGetDatum(GetUserId()));
	if (HeapTupleIsValid(tuple))
	{
		result = ((Form_pg_authid) GETSTRUCT(tuple))->rolcreatedb;
		ReleaseSysCache(tuple);
	}
	return result;
}

static bool
claim_is_allowed(const Claim *claim, Oid database)
{
	if (claim->needs_createdb && !user_has_createdb())
		return false;
	return !claim->needs_owner || object_ownercheck(DatabaseRelationId, database, GetUserId());
}

/* ------------------------------------------------------------------------
 * Holding and releasing
 * ---------------------------------------------------------------------- */

static void
slot_release(DatabaseSlot *slot, bool dropped)
{
	bool		mine;

	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	mine = slot->holder == MyProcPid;
	if (mine)
	{
		slot->holder = 0;
		slot->unwanted = slot->unwanted || dropped;
		for (int kind = 0; kind < WORKER_KINDS; kind++)
			for (int i = 0; i < WORKER_MAX_PER_KIND; i++)
			{
				slot->workers[kind][i].backoff = 0;
				slot->workers[kind][i].start_at = 0;
			}
	}
	LWLockRelease(shared->lock);
	if (mine)
		ConditionVariableBroadcast(&slot->detached);
}

static void
hold_release(bool committed)
{
	DatabaseSlot *last = held;

	if (last == NULL)
		return;
	held = NULL;
	for (int i = 0; i < shared->slot_count; i++)
		slot_release(&shared->slots[i], &shared->slots[i] == last && committed && held_is_dropped);
	launcher_wake();
}

static void
transaction_ends(XactEvent event, void *argument)
{
	(void) argument;
	if (event != XACT_EVENT_COMMIT && event != XACT_EVENT_ABORT)
		return;
	/* First, so that the launcher reads what there is before it looks at a slot that isn't held any more. */
	if (scan_at_end)
		pg_atomic_write_u32(&shared->scan, 1);
	hold_release(event == XACT_EVENT_COMMIT);
	if (scan_at_end)
		launcher_wake();
	scan_at_end = false;
}

static void
backend_exits(int code, Datum argument)
{
	(void) code;
	(void) argument;
	LWLockReleaseAll();
	hold_release(false);
}

/* Templates get no workers, so they need no slot to keep them away. */
static bool
is_template(Oid database)
{
	HeapTuple	tuple = SearchSysCache1(DATABASEOID, ObjectIdGetDatum(database));
	bool		result = false;

	if (HeapTupleIsValid(tuple))
	{
		result = ((Form_pg_database) GETSTRUCT(tuple))->datistemplate;
		ReleaseSysCache(tuple);
	}
	return result;
}

/* One attempt; whether the hold is ours and nobody is attached. */
static bool
hold_try(Oid database, bool take_slot)
{
	DatabaseSlot *slot;
	bool		alone;

	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	slot = shared_find_slot(database);
	if (slot == NULL && take_slot)
		slot = slot_take(database);
	/* Without a slot, no worker can start. */
	alone = slot == NULL;
	if (slot != NULL && slot->holder == 0)
	{
		slot->holder = MyProcPid;
		held = slot;
	}
	if (slot != NULL && slot->holder == MyProcPid)
		alone = slot_stop_workers(slot) == 0;
	LWLockRelease(shared->lock);
	return alone;
}

static void
hold(Oid database)
{
	static bool exit_registered = false;
	TimestampTz deadline = GetCurrentTimestamp() + HOLD_WAIT_MS * INT64CONST(1000);
	bool		take_slot = !is_template(database);

	if (!exit_registered)
	{
		on_shmem_exit(backend_exits, (Datum) 0);
		exit_registered = true;
	}
	/* Whoever is left at the deadline is reported by the server, as any other session. */
	while (!hold_try(database, take_slot) && GetCurrentTimestamp() < deadline)
	{
		if (held != NULL)
			(void) ConditionVariableTimedSleep(&held->detached, HOLD_LOOK_MS, session_wait_event());
		else
		{
			/* Held by another backend, which will not be long. */
			CHECK_FOR_INTERRUPTS();
			pg_usleep(HOLD_LOOK_MS * 100L);
		}
	}
	ConditionVariableCancelSleep();
}

static void
hold_for(Node *statement)
{
	Claim		claim = claim_of(statement);
	Oid			database;

	if (claim.database == NULL || RecoveryInProgress())
		return;
	scan_at_end = true;
	database = get_database_oid(claim.database, true);
	if (!OidIsValid(database) || database == MyDatabaseId || !claim_is_allowed(&claim, database))
		return;
	held_is_dropped = claim.drops;
	hold(database);
}

static void
process_utility(PlannedStmt *planned, const char *query, bool read_only_tree,
				ProcessUtilityContext context, ParamListInfo parameters,
				QueryEnvironment *environment, DestReceiver *destination,
				QueryCompletion *completion)
{
	if (shared != NULL && IsTransactionState())
		hold_for(planned->utilityStmt);
	if (previous_hook)
		previous_hook(planned, query, read_only_tree, context, parameters,
					  environment, destination, completion);
	else
		standard_ProcessUtility(planned, query, read_only_tree, context, parameters,
								environment, destination, completion);
}

void
database_hold_init(void)
{
	previous_hook = ProcessUtility_hook;
	ProcessUtility_hook = process_utility;
	RegisterXactCallback(transaction_ends, NULL);
}
