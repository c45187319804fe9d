/*
 * task_sql.c
 *		dalp.claim_tasks, dalp.complete_and_claim: arguments, rights, waiting.
 *
 * In a worker's backend.  Between two looks the backend sleeps on its latch,
 * which the commit that makes tasks sets.  Each look that finds nothing is
 * rolled back in a subtransaction, so that a waiting worker holds no lock on
 * any table; it has no state in its session and works behind any pooler.
 */
#include "compat.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "storage/latch.h"
#include "utils/builtins.h"
#include "utils/resowner.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"

#include "core/catalog.h"
#include "core/errors.h"
#include "core/instance.h"
#include "core/wake.h"
#include "workflow/arguments.h"
#include "workflow/settle.h"
#include "workflow/task_store.h"

DALP_FUNCTION(dalp_claim_tasks);
DALP_FUNCTION(dalp_complete_and_claim);

#define NAME_LIMIT 200
#define TASKS_LIMIT 1000
#define LEASE_LEAST_MS 1000
#define LEASE_LIMIT_MS (24 * 3600 * 1000)
#define WAIT_LIMIT_MS (3600 * 1000)

/* Without a wake-up: only who commits a prepared transaction gives none, or where too many wait. */
#define LOOK_INTERVAL_MS 5000
#define LOOK_UNREGISTERED_MS 500

#define CLAIM_COLUMNS 9

static char *
name_argument(FunctionCallInfo fcinfo, int number, const char *what)
{
	char	   *name = required_text(fcinfo, number, what);

	if (name[0] == '\0' || strlen(name) > NAME_LIMIT)
		ereport(ERROR,
				(errcode(ERRCODE_DALP_INVALID_INPUT),
				 errmsg("%s must have 1 to %d bytes", what, NAME_LIMIT)));
	return name;
}

static int
milliseconds_argument(FunctionCallInfo fcinfo, int number, const char *what, int least, int limit)
{
	int64		value = PG_ARGISNULL(number) ? -1 : interval_microseconds(PG_GETARG_INTERVAL_P(number)) / 1000;

	if (value < least || value > limit)
		ereport(ERROR,
				(errcode(ERRCODE_DALP_INVALID_INPUT),
				 errmsg("%s must be between %d and %d seconds", what, least / 1000, limit / 1000)));
	return (int) value;
}

/* What both functions take: from `first` queue, worker, max_tasks, lease, wait. Returns the wait in milliseconds. */
static int
read_claim(FunctionCallInfo fcinfo, int first, TaskClaim *claim)
{
	claim->queue = name_argument(fcinfo, first, "queue");
	claim->worker = name_argument(fcinfo, first + 1, "worker");
	claim->max_tasks = PG_ARGISNULL(first + 2) ? 0 : PG_GETARG_INT32(first + 2);
	if (claim->max_tasks < 1 || claim->max_tasks > TASKS_LIMIT)
		ereport(ERROR,
				(errcode(ERRCODE_DALP_INVALID_INPUT),
				 errmsg("max_tasks must be between 1 and %d", TASKS_LIMIT)));
	claim->length = milliseconds_argument(fcinfo, first + 3, "lease", LEASE_LEAST_MS, LEASE_LIMIT_MS);
	return milliseconds_argument(fcinfo, first + 4, "wait", 0, WAIT_LIMIT_MS);
}

static int
look(TaskClaim *claim, bool takes_all, ClaimedTask **tasks)
{
	StoreScope	scope;
	MemoryContext caller = CurrentMemoryContext;
	ClaimedTask *found;
	int			count;
	Oid			user = GetUserId();

	store_open(&scope);
	MemoryContextSwitchTo(caller);
	if (!takes_all)
		claim->workflows = task_store_workflows(user);
	count = task_store_claim(claim, &found);
	store_close(&scope);
	MemoryContextSwitchTo(caller);
	*tasks = found;
	return count;
}

/* The same in a subtransaction, which is rolled back where there is nothing. */
static int
look_lightly(TaskClaim *claim, bool takes_all, ClaimedTask **tasks)
{
	MemoryContext caller = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	int			count;

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(caller);
	count = look(claim, takes_all, tasks);
	if (count > 0)
		ReleaseCurrentSubTransaction();
	else
		RollbackAndReleaseCurrentSubTransaction();
	MemoryContextSwitchTo(caller);
	CurrentResourceOwner = owner;
	return count;
}

static int
wait_for_tasks(TaskClaim *claim, bool takes_all, TimestampTz deadline, bool registered, ClaimedTask **tasks)
{
	for (;;)
	{
		long		left;
		int			count;

		ResetLatch(MyLatch);
		wake_waiter_looks();
		count = look_lightly(claim, takes_all, tasks);
		left = (long) ((deadline - GetCurrentTimestamp()) / 1000);
		if (count > 0 || left <= 0)
			return count;
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
						 Min(left, registered ? LOOK_INTERVAL_MS : LOOK_UNREGISTERED_MS),
						 WaitEventExtensionNew("DalpClaimTasks"));
		CHECK_FOR_INTERRUPTS();
	}
}

static void
put(ReturnSetInfo *result, const ClaimedTask *task)
{
	Datum		values[CLAIM_COLUMNS];
	bool		nulls[CLAIM_COLUMNS] = {false};

	values[0] = CStringGetTextDatum(task->token);
	values[1] = Int64GetDatum(task->run_id);
	values[2] = CStringGetTextDatum(task->workflow);
	values[3] = CStringGetTextDatum(task->state);
	values[4] = Int32GetDatum(task->attempt);
	values[5] = JsonbPGetDatum(task->input);
	nulls[5] = task->input == NULL;
	values[6] = TimestampTzGetDatum(task->lease_until);
	nulls[7] = task->traceparent == NULL;
	values[7] = nulls[7] ? (Datum) 0 : CStringGetTextDatum(task->traceparent);
	values[8] = CStringGetTextDatum(psprintf(INT64_FORMAT ":%d:%d", task->run_id, task->branch_id, task->entry));
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

/* wait_for_tasks while registered for wake-ups. */
static int
wait_as_waiter(TaskClaim *claim, bool takes_all, int wait, ClaimedTask **tasks)
{
	volatile int count = 0;

	PG_TRY();
	{
		bool		registered = wake_waiter_enter_topic(wake_topic_of_queue(claim->queue), claim->max_tasks);

		count = wait_for_tasks(claim, takes_all, TimestampTzPlusMilliseconds(GetCurrentTimestamp(), wait),
							   registered, tasks);
	}
	PG_CATCH();
	{
		wake_waiter_leave();
		PG_RE_THROW();
	}
	PG_END_TRY();
	wake_waiter_leave();
	return count;
}

/* Claims, waiting so many milliseconds at most, and returns the tasks as the function's rows. */
static void
claim_into(ReturnSetInfo *result, TaskClaim *claim, int wait)
{
	/* Members of dalp_worker take from all queues, others what belongs to their workflows. */
	bool		takes_all = catalog_user_is("dalp_worker");
	ClaimedTask *tasks = NULL;
	int			count;

	if (wait > 0 && IsolationUsesXactSnapshot())
		ereport(ERROR,
				(errcode(ERRCODE_DALP_WRONG_STATE),
				 errmsg("can't wait for tasks in a transaction that doesn't see what others commit"),
				 errhint("Use READ COMMITTED, or no wait.")));
	count = wait == 0 ? look(claim, takes_all, &tasks) : wait_as_waiter(claim, takes_all, wait, &tasks);
	for (int i = 0; i < count; i++)
		put(result, &tasks[i]);
}

Datum
dalp_claim_tasks(PG_FUNCTION_ARGS)
{
	TaskClaim	claim = {0};
	int			wait;

	catalog_require_writable();
	instance_require_home();
	wait = read_claim(fcinfo, 0, &claim);
	InitMaterializedSRF(fcinfo, 0);
	claim_into((ReturnSetInfo *) fcinfo->resultinfo, &claim, wait);
	return (Datum) 0;
}

/* Waits only where it completes nothing: what is completed is to be committed at once. */
Datum
dalp_complete_and_claim(PG_FUNCTION_ARGS)
{
	TaskClaim	claim = {0};
	int			wait;
	int			completed;

	catalog_require_writable();
	instance_require_home();
	wait = read_claim(fcinfo, 2, &claim);
	InitMaterializedSRF(fcinfo, 0);
	completed = settle_completions(PG_ARGISNULL(0) ? NULL : PG_GETARG_ARRAYTYPE_P(0),
								   PG_ARGISNULL(1) ? NULL : PG_GETARG_ARRAYTYPE_P(1));
	claim_into((ReturnSetInfo *) fcinfo->resultinfo, &claim, completed > 0 ? 0 : wait);
	return (Datum) 0;
}
