/*
 * schedule_store.c
 *		SQL on dalp_workflow.schedule and schedule_slot.
 *
 * In the scheduler, or in a user's backend.  The row of a schedule is locked
 * before any run of it.
 */
#include "compat.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "core/rows.h"
#include "core/spi.h"
#include "core/wake.h"
#include "workflow/schedule.h"

/* Outcomes that are kept of a schedule, and after how many of its slots the older ones are removed. */
#define SLOTS_KEPT 1000
#define SLOTS_SWEEP 100

#define SCHEDULE_COLUMNS \
	"SELECT s.schedule_id, s.name, w.name, s.owner::oid, s.cron, s.time_zone, s.input, s.tags, s.priority, s.timeout," \
	" s.on_overlap, s.catch_up, s.catch_up_window, s.paused, s.next_at, s.last_slot, s.live_runs, s.last_error," \
	" s.started OPERATOR(pg_catalog.+) s.skipped OPERATOR(pg_catalog.+) s.failed" \
	" FROM dalp_workflow.schedule s JOIN dalp_workflow.workflow w ON w.workflow_id OPERATOR(pg_catalog.=) s.workflow_id"

static char *
read_text(MemoryContext context, uint64 row, int column)
{
	char	   *text = store_text(row, column);

	return text == NULL ? NULL : MemoryContextStrdup(context, text);
}

static TimestampTz
read_time(uint64 row, int column, TimestampTz missing)
{
	bool		isnull;
	Datum		value = store_value(row, column, &isnull);

	return isnull ? missing : DatumGetTimestampTz(value);
}

static Interval *
read_interval(MemoryContext context, uint64 row, int column)
{
	bool		isnull;
	Datum		value = store_value(row, column, &isnull);

	return isnull ? NULL : memcpy(MemoryContextAlloc(context, sizeof(Interval)), DatumGetIntervalP(value), sizeof(Interval));
}

static List *
read_ids(Datum array)
{
	ArrayType  *ids = DatumGetArrayTypeP(array);
	List	   *list = NIL;

	for (int i = 0; i < ArrayGetNItems(ARR_NDIM(ids), ARR_DIMS(ids)); i++)
		list = lappend(list, memcpy(palloc(sizeof(int64)), (int64 *) ARR_DATA_PTR(ids) + i, sizeof(int64)));
	return list;
}

static ArrayType *
ids_array(const List *ids)
{
	Datum	   *elements = palloc(sizeof(Datum) * Max(list_length(ids), 1));
	int			count = 0;

	/* The newest ones, where there are too many. */
	for (int i = Max(0, list_length(ids) - SCHEDULE_LIVE_LIMIT); i < list_length(ids); i++)
		elements[count++] = Int64GetDatum(*(int64 *) list_nth(ids, i));
	return construct_array(elements, count, INT8OID, sizeof(int64), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE);
}

/* A row of SCHEDULE_COLUMNS, in the given memory. */
static Schedule *
read_schedule(MemoryContext context, uint64 row)
{
	Schedule   *schedule = MemoryContextAllocZero(context, sizeof(Schedule));
	MemoryContext old;
	bool		isnull;

	schedule->schedule_id = store_int32(row, 1);
	schedule->name = read_text(context, row, 2);
	schedule->workflow = read_text(context, row, 3);
	schedule->owner = DatumGetObjectId(store_value(row, 4, &isnull));
	schedule->cron_text = read_text(context, row, 5);
	schedule->time_zone = read_text(context, row, 6);
	schedule->input = DatumGetJsonbP(store_copy(context, store_value(row, 7, &isnull)));
	schedule->tags = DatumGetJsonbP(store_copy(context, store_value(row, 8, &isnull)));
	schedule->priority = store_int32(row, 9);
	schedule->timeout = read_interval(context, row, 10);
	(void) schedule_read_overlap(store_text(row, 11), &schedule->on_overlap);
	(void) schedule_read_catch_up(store_text(row, 12), &schedule->catch_up);
	schedule->window = read_interval(context, row, 13);
	schedule->paused = store_bool(row, 14);
	schedule->next_at = schedule->look_at = read_time(row, 15, DT_NOEND);
	schedule->last_slot = read_time(row, 16, DT_NOBEGIN);
	old = MemoryContextSwitchTo(context);
	schedule->live = read_ids(store_value(row, 17, &isnull));
	MemoryContextSwitchTo(old);
	schedule->last_error = read_text(context, row, 18);
	schedule->seen = store_int64(row, 19);
	return schedule;
}

List *
schedule_store_due(TimestampTz now, int limit)
{
	static Statement find = {
		SCHEDULE_COLUMNS " WHERE s.look_at OPERATOR(pg_catalog.<=) $1 ORDER BY s.look_at LIMIT $2"
		" FOR NO KEY UPDATE OF s SKIP LOCKED",
		2, {TIMESTAMPTZOID, INT4OID}
	};
	MemoryContext context = CurrentMemoryContext;
	Datum		values[2] = {TimestampTzGetDatum(now), Int32GetDatum(limit)};
	uint64		count = store_write(&find, values, NULL, 0);
	List	   *due = NIL;

	for (uint64 i = 0; i < count; i++)
	{
		Schedule   *schedule = read_schedule(context, i);
		MemoryContext old = MemoryContextSwitchTo(context);

		due = lappend(due, schedule);
		MemoryContextSwitchTo(old);
	}
	return due;
}

Schedule *
schedule_store_lock(const char *name)
{
	static Statement find = {
		SCHEDULE_COLUMNS " WHERE s.name OPERATOR(pg_catalog.=) $1 FOR NO KEY UPDATE OF s", 1, {TEXTOID}
	};
	MemoryContext context = CurrentMemoryContext;
	Datum		values[1] = {CStringGetTextDatum(name)};

	return store_write(&find, values, NULL, 1) == 0 ? NULL : read_schedule(context, 0);
}

TimestampTz
schedule_store_next(void)
{
	static Statement next = {
		"SELECT s.look_at FROM dalp_workflow.schedule s WHERE s.look_at IS NOT NULL ORDER BY s.look_at LIMIT 1", 0, {0}
	};

	return store_write(&next, NULL, NULL, 1) == 0 ? DT_NOEND : read_time(0, 1, DT_NOEND);
}

/* Sets a value that may be none. */
static void
set_time(Datum *value, char *null, TimestampTz at)
{
	*value = TimestampTzGetDatum(at);
	*null = TIMESTAMP_NOT_FINITE(at) ? 'n' : ' ';
}

bool
schedule_store_save(Schedule *schedule, int workflow_id, TimestampTz now)
{
	static Statement insert = {
		"INSERT INTO dalp_workflow.schedule (name, workflow_id, owner, cron, time_zone, input, tags, priority, timeout,"
		" on_overlap, catch_up, catch_up_window, next_at, look_at, created_at, changed_at)"
		" SELECT $1, $2, $3::regrole, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $15 WHERE $16 IS NOT NULL"
		" ON CONFLICT (name) DO NOTHING",
		16, {TEXTOID, INT4OID, OIDOID, TEXTOID, TEXTOID, JSONBOID, JSONBOID, INT4OID, INTERVALOID,
		TEXTOID, TEXTOID, INTERVALOID, TIMESTAMPTZOID, TIMESTAMPTZOID, TIMESTAMPTZOID, INT4OID}
	};
	static Statement replace = {
		"UPDATE dalp_workflow.schedule SET workflow_id = $2, owner = $3::regrole, cron = $4, time_zone = $5, input = $6,"
		" tags = $7, priority = $8, timeout = $9, on_overlap = $10, catch_up = $11, catch_up_window = $12, next_at = $13,"
		" look_at = $14, changed_at = $15, last_error = NULL"
		" WHERE schedule_id OPERATOR(pg_catalog.=) $16 AND name OPERATOR(pg_catalog.=) $1",
		16, {TEXTOID, INT4OID, OIDOID, TEXTOID, TEXTOID, JSONBOID, JSONBOID, INT4OID, INTERVALOID,
		TEXTOID, TEXTOID, INTERVALOID, TIMESTAMPTZOID, TIMESTAMPTZOID, TIMESTAMPTZOID, INT4OID}
	};
	Datum		values[16];
	char		nulls[16];

	memset(nulls, ' ', sizeof(nulls));
	values[0] = CStringGetTextDatum(schedule->name);
	values[1] = Int32GetDatum(workflow_id);
	values[2] = ObjectIdGetDatum(schedule->owner);
	values[3] = CStringGetTextDatum(schedule->cron_text);
	values[4] = CStringGetTextDatum(schedule->time_zone);
	values[5] = JsonbPGetDatum(schedule->input);
	values[6] = JsonbPGetDatum(schedule->tags);
	values[7] = Int32GetDatum(schedule->priority);
	values[8] = IntervalPGetDatum(schedule->timeout);
	nulls[8] = schedule->timeout == NULL ? 'n' : ' ';
	values[9] = CStringGetTextDatum(schedule_overlap_name(schedule->on_overlap));
	values[10] = CStringGetTextDatum(schedule_catch_up_name(schedule->catch_up));
	values[11] = IntervalPGetDatum(schedule->window);
	set_time(&values[12], &nulls[12], schedule->next_at);
	set_time(&values[13], &nulls[13], schedule->paused ? DT_NOEND : schedule->next_at);
	values[14] = TimestampTzGetDatum(now);
	values[15] = Int32GetDatum(schedule->schedule_id);
	wake_at_commit(WORKER_SCHEDULER);
	return store_write(schedule->schedule_id == 0 ? &insert : &replace, values, nulls, 0) == 1;
}

void
schedule_store_drop(int schedule_id)
{
	static Statement drop = {
		"DELETE FROM dalp_workflow.schedule WHERE schedule_id OPERATOR(pg_catalog.=) $1", 1, {INT4OID}
	};
	Datum		values[1] = {Int32GetDatum(schedule_id)};

	store_write(&drop, values, NULL, 0);
}

void
schedule_store_pause(int schedule_id, bool paused, const char *note, TimestampTz next_at, TimestampTz now)
{
	static Statement update = {
		"UPDATE dalp_workflow.schedule SET paused = $2, note = $3, next_at = $4, look_at = CASE WHEN NOT $2 THEN $4 END,"
		" changed_at = $5 WHERE schedule_id OPERATOR(pg_catalog.=) $1",
		5, {INT4OID, BOOLOID, TEXTOID, TIMESTAMPTZOID, TIMESTAMPTZOID}
	};
	Datum		values[5] = {
		Int32GetDatum(schedule_id), BoolGetDatum(paused), note ? CStringGetTextDatum(note) : (Datum) 0,
		(Datum) 0, TimestampTzGetDatum(now)
	};
	char		nulls[5] = {' ', ' ', note ? ' ' : 'n', ' ', ' '};

	set_time(&values[3], &nulls[3], next_at);
	store_write(&update, values, nulls, 0);
	wake_at_commit(WORKER_SCHEDULER);
}

static void
add_outcomes(const Schedule *schedule, TimestampTz now, const List *outcomes)
{
	static Statement insert = {
		"INSERT INTO dalp_workflow.schedule_slot (schedule_id, slot, outcome, slots, run_id, reason, at)"
		" SELECT * FROM unnest($1::int[], $2::timestamptz[], $3::text[], $4::int[], $5::bigint[], $6::text[], $7::timestamptz[])"
		" ON CONFLICT DO NOTHING",
		7, {INT4ARRAYOID, TIMESTAMPTZARRAYOID, TEXTARRAYOID, INT4ARRAYOID, INT8ARRAYOID, TEXTARRAYOID, TIMESTAMPTZARRAYOID}
	};
	static const Oid types[] = {INT4OID, TIMESTAMPTZOID, TEXTOID, INT4OID, INT8OID, TEXTOID, TIMESTAMPTZOID};
	Rows		rows;
	ListCell   *cell;

	rows_init(&rows, lengthof(types), types);
	foreach(cell, outcomes)
	{
		SlotOutcome *outcome = lfirst(cell);

		rows_add(&rows);
		rows_set(&rows, 0, Int32GetDatum(schedule->schedule_id));
		rows_set(&rows, 1, TimestampTzGetDatum(outcome->slot));
		rows_set_text(&rows, 2, outcome->outcome);
		rows_set(&rows, 3, Int32GetDatum(outcome->slots));
		if (outcome->run_id != 0)
			rows_set(&rows, 4, Int64GetDatum(outcome->run_id));
		rows_set_text(&rows, 5, outcome->reason);
		rows_set(&rows, 6, TimestampTzGetDatum(now));
	}
	rows_flush(&rows, &insert);
}

void
schedule_store_decided(const Schedule *schedule, TimestampTz now, const List *outcomes)
{
	static Statement update = {
		"UPDATE dalp_workflow.schedule SET next_at = $2, look_at = CASE WHEN NOT paused THEN $3 END, last_slot = $4,"
		" last_run_id = COALESCE($5, last_run_id), last_at = CASE WHEN $5 IS NULL THEN last_at ELSE $6 END, live_runs = $7,"
		" started = started OPERATOR(pg_catalog.+) $8, skipped = skipped OPERATOR(pg_catalog.+) $9,"
		" missed = missed OPERATOR(pg_catalog.+) $10, failed = failed OPERATOR(pg_catalog.+) $11, last_error = $12"
		" WHERE schedule_id OPERATOR(pg_catalog.=) $1",
		12, {INT4OID, TIMESTAMPTZOID, TIMESTAMPTZOID, TIMESTAMPTZOID, INT8OID, TIMESTAMPTZOID, INT8ARRAYOID,
		INT4OID, INT4OID, INT4OID, INT4OID, TEXTOID}
	};
	static Statement prune = {
		"DELETE FROM dalp_workflow.schedule_slot WHERE schedule_id OPERATOR(pg_catalog.=) $1 AND slot OPERATOR(pg_catalog.<)"
		" (SELECT o.slot FROM dalp_workflow.schedule_slot o WHERE o.schedule_id OPERATOR(pg_catalog.=) $1"
		" ORDER BY o.slot DESC OFFSET $2 LIMIT 1)",
		2, {INT4OID, INT4OID}
	};
	Datum		values[12];
	char		nulls[12];
	int64		seen = schedule->seen + list_length(outcomes);

	memset(nulls, ' ', sizeof(nulls));
	values[0] = Int32GetDatum(schedule->schedule_id);
	set_time(&values[1], &nulls[1], schedule->next_at);
	set_time(&values[2], &nulls[2], schedule->look_at);
	set_time(&values[3], &nulls[3], schedule->last_slot);
	values[4] = Int64GetDatum(schedule->last_run_id);
	nulls[4] = schedule->last_run_id == 0 ? 'n' : ' ';
	values[5] = TimestampTzGetDatum(now);
	values[6] = PointerGetDatum(ids_array(schedule->live));
	values[7] = Int32GetDatum(schedule->started);
	values[8] = Int32GetDatum(schedule->skipped);
	values[9] = Int32GetDatum(schedule->missed);
	values[10] = Int32GetDatum(schedule->failed);
	values[11] = schedule->last_error ? CStringGetTextDatum(schedule->last_error) : (Datum) 0;
	nulls[11] = schedule->last_error ? ' ' : 'n';
	store_write(&update, values, nulls, 0);
	add_outcomes(schedule, now, outcomes);
	if (schedule->seen / SLOTS_SWEEP != seen / SLOTS_SWEEP)
	{
		Datum		prune_values[2] = {Int32GetDatum(schedule->schedule_id), Int32GetDatum(SLOTS_KEPT - 1)};

		store_write(&prune, prune_values, NULL, 0);
	}
}

void
schedule_store_trouble(int schedule_id, TimestampTz look_at, const char *error)
{
	static Statement update = {
		"UPDATE dalp_workflow.schedule SET look_at = $2, last_error = $3 WHERE schedule_id OPERATOR(pg_catalog.=) $1",
		3, {INT4OID, TIMESTAMPTZOID, TEXTOID}
	};
	Datum		values[3] = {Int32GetDatum(schedule_id), TimestampTzGetDatum(look_at), CStringGetTextDatum(error)};

	store_write(&update, values, NULL, 0);
}

void
schedule_store_refresh_live(Schedule *schedule)
{
	static Statement find = {
		"SELECT COALESCE(pg_catalog.array_agg(r.run_id ORDER BY r.run_id), '{}') FROM dalp_workflow.run r"
		" WHERE r.run_id OPERATOR(pg_catalog.=) ANY ($1)",
		1, {INT8ARRAYOID}
	};
	MemoryContext context = CurrentMemoryContext;
	Datum		values[1] = {PointerGetDatum(ids_array(schedule->live))};
	MemoryContext old;
	bool		isnull;

	if (schedule->live == NIL)
		return;
	store_write(&find, values, NULL, 1);
	old = MemoryContextSwitchTo(context);
	schedule->live = read_ids(store_value(0, 1, &isnull));
	MemoryContextSwitchTo(old);
}

bool
schedule_store_lock_run(int64 run_id)
{
	static Statement lock = {
		"SELECT FROM dalp_workflow.run WHERE run_id OPERATOR(pg_catalog.=) $1 FOR NO KEY UPDATE SKIP LOCKED", 1, {INT8OID}
	};
	Datum		values[1] = {Int64GetDatum(run_id)};

	return store_write(&lock, values, NULL, 1) > 0;
}
