/*
 * workers_sql.c
 *		What SQL sees of the core: version, the view of the workers, and the
 *		call that ends install and update scripts.
 */
#include "postgres.h"

#include "commands/dbcommands.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/inval.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"

#include "compat.h"
#include "core/catalog.h"
#include "core/shared.h"

#define WORKER_COLUMNS 9

DALP_FUNCTION(dalp_version);
DALP_FUNCTION(dalp_installed);
DALP_FUNCTION(dalp_worker_status);

/* dalp.version(): of the library that is loaded. */
Datum
dalp_version(PG_FUNCTION_ARGS)
{
	(void) fcinfo;
	PG_RETURN_TEXT_P(cstring_to_text(DALP_VERSION));
}

/*
 * dalp_ops.installed(): the last words of install and update scripts.  Tells
 * the launcher, and every process that has cached what the extension is.
 */
Datum
dalp_installed(PG_FUNCTION_ARGS)
{
	(void) fcinfo;
	catalog_require_loaded();
	if (OidIsValid(catalog_sentinel()))
		CacheInvalidateRelcacheByRelid(catalog_sentinel());
	wake_launcher_at_commit();
	PG_RETURN_VOID();
}

/* A row of the view; copied out under the lock, so that none is held while rows are made. */
typedef struct WorkerRow
{
	Oid			database;
	const char *kind;
	int			index;
	pid_t		pid;
	const char *state;
	TimestampTz started_at;
	int			restarts;
	int64		turns;
	TimestampTz last_turn;
} WorkerRow;

static const char *
entry_state_name(const DatabaseSlot *slot, const WorkerEntry *entry)
{
	if (entry->state == ENTRY_ATTACHED)
		return "running";
	if (slot->holder != 0)
		return "held";
	return entry->state == ENTRY_REGISTERED ? "starting" : "waiting";
}

/* With the lock.  Which entries a reader wants to know of: those that run or should. */
static int
rows_of_slot(const DatabaseSlot *slot, WorkerRow *rows)
{
	int			count = 0;

	for (int kind = 0; kind < WORKER_KINDS; kind++)
		for (int i = 0; i < WORKER_MAX_PER_KIND; i++)
		{
			const WorkerEntry *entry = &slot->workers[kind][i];
			WorkerRow  *row = &rows[count];

			if (entry->state == ENTRY_NONE && (slot->state != SLOT_PRESENT || i >= worker_count(kind)))
				continue;
			row->database = slot->database;
			row->kind = worker_kind_name(kind);
			row->index = i;
			row->pid = entry->pid;
			row->state = entry_state_name(slot, entry);
			row->started_at = entry->started_at;
			row->restarts = entry->restarts;
			row->turns = (int64) pg_atomic_read_u64((pg_atomic_uint64 *) &entry->turns);
			row->last_turn = (TimestampTz) pg_atomic_read_u64((pg_atomic_uint64 *) &entry->last_turn);
			count++;
		}
	return count;
}

static void
row_put(ReturnSetInfo *result, const WorkerRow *row)
{
	Datum		values[WORKER_COLUMNS] = {0};
	bool		nulls[WORKER_COLUMNS] = {false};
	char	   *name = OidIsValid(row->database) ? get_database_name(row->database) : NULL;

	nulls[0] = name == NULL;
	if (name != NULL)
		values[0] = DirectFunctionCall1(namein, CStringGetDatum(name));
	values[1] = CStringGetTextDatum(row->kind);
	values[2] = Int32GetDatum(row->index);
	values[3] = Int32GetDatum((int32) row->pid);
	nulls[3] = row->pid == 0;
	values[4] = CStringGetTextDatum(row->state);
	values[5] = TimestampTzGetDatum(row->started_at);
	nulls[5] = row->started_at == 0;
	values[6] = Int32GetDatum(row->restarts);
	values[7] = Int64GetDatum(row->turns);
	values[8] = TimestampTzGetDatum(row->last_turn);
	nulls[8] = row->last_turn == 0;
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

/* dalp_ops.worker_status(): all of dalp's processes in the cluster. */
Datum
dalp_worker_status(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	WorkerRow	launcher = {.kind = "launcher", .state = "waiting"};
	WorkerRow  *rows;
	int			count = 0;

	catalog_require_loaded();
	InitMaterializedSRF(fcinfo, 0);
	rows = palloc(mul_size(mul_size(shared->slot_count, WORKER_KINDS * WORKER_MAX_PER_KIND), sizeof(WorkerRow)));

	LWLockAcquire(shared->lock, LW_SHARED);
	if (shared->launcher_pid != 0)
	{
		launcher.pid = shared->launcher_pid;
		launcher.state = "running";
		launcher.started_at = shared->launcher_started_at;
	}
	for (int i = 0; i < shared->slot_count; i++)
		if (shared->slots[i].state != SLOT_FREE)
			count += rows_of_slot(&shared->slots[i], rows + count);
	LWLockRelease(shared->lock);

	row_put(result, &launcher);
	for (int i = 0; i < count; i++)
		row_put(result, &rows[i]);
	return (Datum) 0;
}
