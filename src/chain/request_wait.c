/*
 * request_wait.c
 *		See request_wait.h.
 *
 * In a backend.  Each look takes the latest snapshot and gives it back, so
 * that the wait itself holds no old one; the statement that waits has its own
 * snapshot like any other, which is why waits are bounded.
 */
#include "postgres.h"

#include "chain/request_wait.h"
#include "compat.h"
#include "core/catalog.h"
#include "core/errors.h"
#include "core/spi.h"
#include "core/wake.h"
#include "miscadmin.h"
#include "storage/latch.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

/* The broadcaster wakes waiters at commit; looking so often is the safety net. */
#define POLL_MS 500

bool
wait_level_parse(const char *name, WaitLevel *level)
{
	if (strcmp(name, "accepted") == 0)
		*level = WAIT_ACCEPTED;
	else if (strcmp(name, "mined") == 0)
		*level = WAIT_MINED;
	else if (strcmp(name, "final") == 0)
		*level = WAIT_FINAL;
	else
		return false;
	return true;
}

TimestampTz
request_wait_until(const Interval *timeout)
{
	TimestampTz now = GetCurrentTimestamp();
	TimestampTz until = DatumGetTimestampTz(DirectFunctionCall2(timestamptz_pl_interval, TimestampTzGetDatum(now),
																IntervalPGetDatum(timeout)));

	if (until < now)
		ereport(ERROR,
				(errcode(ERRCODE_DALP_INVALID_INPUT),
				 errmsg("the time-out must not be negative"),
				 errdetail("0 looks once and returns."),
				 errhint("Give an interval such as '60s'.")));
	return until;
}

void
request_unknown(int64 id)
{
	ereport(ERROR,
			(errcode(ERRCODE_DALP_UNKNOWN_OBJECT),
			 errmsg("transaction " INT64_FORMAT " does not exist", id),
			 errdetail("No committed transaction request has that id."),
			 errhint("The view dalp.transactions lists those that you may see.")));
	pg_unreachable();
}

static bool
reached(const RequestRow *row, WaitLevel level)
{
	if (row->final)
		return true;
	switch (level)
	{
		case WAIT_ACCEPTED:
			return strcmp(row->state, "CONFIRMING") == 0;
		case WAIT_MINED:
			return row->slot_state != NULL && strcmp(row->slot_state, "mined") == 0;
		case WAIT_FINAL:
			break;
	}
	return false;
}

void
request_require_reader(const RequestRow *row, Oid user, bool sees_all)
{
	if (sees_all)
		return;
	for (int i = 0; i < row->reader_count; i++)
		if (has_privs_of_role(user, row->readers[i]))
			return;
	ereport(ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 errmsg("permission denied for transaction " INT64_FORMAT, row->id),
			 errdetail("It was submitted by another role from a wallet that was not granted to you."),
			 errhint("A member of dalp_custodian can use dalp.grant_wallet.")));
}

static void
look(int64 id, RequestRow *row, MemoryContext context)
{
	StoreScope	scope;
	bool		found;

	PushActiveSnapshot(GetLatestSnapshot());
	store_open(&scope);
	found = request_store_find(id, row, context);
	store_close(&scope);
	PopActiveSnapshot();
	if (!found)
		request_unknown(id);
}

/* Sleeps until woken, at most until the time. */
static void
sleep_until(TimestampTz until)
{
	long		timeout = TimestampDifferenceMilliseconds(GetCurrentTimestamp(), until);

	(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
					 Max(1, Min(timeout, POLL_MS)), WaitEventExtensionNew("DalpTransaction"));
	ResetLatch(MyLatch);
	wake_waiter_looks();
	CHECK_FOR_INTERRUPTS();
}

bool
request_wait(int64 id, WaitLevel level, TimestampTz until, RequestRow *row)
{
	Oid			user = GetUserId();
	bool		sees_all = catalog_user_is("dalp_operator") || catalog_user_is("dalp_auditor");
	MemoryContext result = CurrentMemoryContext;
	MemoryContext each = AllocSetContextCreate(result, "dalp wait", ALLOCSET_SMALL_SIZES);
	volatile bool arrived = false;

	/* Registered before the first look, so that no news falls between look and sleep. */
	(void) wake_waiter_enter();
	PG_TRY();
	{
		for (;;)
		{
			MemoryContextReset(each);
			look(id, row, each);
			request_require_reader(row, user, sees_all);
			arrived = reached(row, level);
			if (arrived)
				break;
			if (row->own_transaction)
				ereport(ERROR,
						(errcode(ERRCODE_DALP_WRONG_STATE),
						 errmsg("transaction " INT64_FORMAT " can't be waited for before this transaction ends", id),
						 errdetail("Its state is %s, and this very database transaction has submitted or changed it, so no worker sees it yet.", row->state),
						 errhint("Commit first, then wait.")));
			if (GetCurrentTimestamp() >= until)
				break;
			sleep_until(until);
		}
	}
	PG_FINALLY();
	{
		wake_waiter_leave();
	}
	PG_END_TRY();

	/* *row points into "each", which lives as long as the caller's context. */
	return arrived;
}
