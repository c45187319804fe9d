/*
 * start_store.c
 *		Rows that start runs: ids, idempotency keys, all first rows.
 */
#include "compat.h"

#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "commands/sequence.h"
#include "common/int.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"

#include "core/clock.h"
#include "core/errors.h"
#include "core/spi.h"
#include "core/settings.h"
#include "workflow/hot_tables.h"
#include "workflow/pass.h"
#include "workflow/start.h"
#include "workflow/step.h"

/* Ids carry the number of the cell above this bit, so that they stay unique over all cells. */
#define CELL_SHIFT 48

int64
start_store_next_id(void)
{
	Oid			sequence = get_relname_relid("run_id_seq", get_namespace_oid("dalp_workflow", false));

	if (!OidIsValid(sequence))
		ereport(ERROR,
				(errcode(ERRCODE_DALP_NOT_LOADED),
				 errmsg("sequence dalp_workflow.run_id_seq does not exist")));
	return ((int64) dalp_cell << CELL_SHIFT) + nextval_internal(sequence, false);
}

static Datum
digest_datum(const uint8 *digest)
{
	bytea	   *value = palloc(VARHDRSZ + 32);

	SET_VARSIZE(value, VARHDRSZ + 32);
	memcpy(VARDATA(value), digest, 32);
	return PointerGetDatum(value);
}

/* The same key for something else. */
static void
refuse_key(const char *scope, const char *key, const char *first_use,
		   int64 run_id, const uint8 *first, const uint8 *now)
{
	char		first_hex[65] = {0};
	char		now_hex[65] = {0};

	hex_encode((const char *) first, 32, first_hex);
	hex_encode((const char *) now, 32, now_hex);
	ereport(ERROR,
			(errcode(ERRCODE_DALP_KEY_REUSED),
			 errmsg("idempotency key \"%s\" of workflow \"%s\" was used with a different request", key, scope),
			 errdetail("First used at %s by run " INT64_FORMAT " with request %s; this request is %s.",
					   first_use, run_id, first_hex, now_hex),
			 errhint("Repeat the first request unchanged to get its run, or use another key.")));
}

/* Where a key belongs in the order of all keys, and which of the caller's list it is. */
typedef struct KeyPlace
{
	const char *key;
	int			number;
} KeyPlace;

static int
compare_keys(const void *a, const void *b)
{
	const KeyPlace *x = a;
	const KeyPlace *y = b;
	int			order = strcmp(x->key, y->key);

	return order != 0 ? order : x->number - y->number;
}

/* Somebody was first with the key: committed by now, the insert has waited. */
static void
adopt_first(const char *scope, const char *key, const uint8 *fingerprint, int64 *run_id, bool *mine)
{
	static Statement find = {
		"SELECT i.run_id, i.fingerprint, i.created_at::text FROM dalp_workflow.idempotency i"
		" WHERE i.scope OPERATOR(pg_catalog.=) $1 AND i.key OPERATOR(pg_catalog.=) $2",
		2, {TEXTOID, TEXTOID}
	};
	Datum		values[2] = {CStringGetTextDatum(scope), CStringGetTextDatum(key)};
	bool		isnull;
	bytea	   *first;

	if (store_write(&find, values, NULL, 1) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
				 errmsg("idempotency key \"%s\" was used by a transaction that this one can't see", key),
				 errhint("Run the transaction again, or use READ COMMITTED.")));
	first = DatumGetByteaPP(store_value(0, 2, &isnull));
	if (memcmp(VARDATA_ANY(first), fingerprint, 32) != 0)
		refuse_key(scope, key, store_text(0, 3), store_int64(0, 1), (uint8 *) VARDATA_ANY(first), fingerprint);
	*run_id = store_int64(0, 1);
	*mine = false;
}

void
start_store_keys(const char *scope, int count, char **keys, uint8 (*fingerprints)[32],
				 int64 *run_ids, bool *mine)
{
	TimestampTz now = clock_now();
	KeyPlace   *places = palloc(sizeof(KeyPlace) * count);
	Datum		scope_text = CStringGetTextDatum(scope);
	int			wanted = 0;
	Table	   *table = table_begin(&idempotency_table);
	bool	   *taken = palloc0(sizeof(bool) * count);

	for (int i = 0; i < count; i++)
		if (keys[i] != NULL)
			places[wanted++] = (KeyPlace) {keys[i], i};
	/* In the order of the keys, so that two callers with overlapping lists don't deadlock. */
	qsort(places, wanted, sizeof(KeyPlace), compare_keys);
	for (int i = 0; i < wanted; i++)
	{
		int			number = places[i].number;

		table_add(table);
		table_set(table, IDEMPOTENCY_SCOPE, scope_text);
		table_set_text(table, IDEMPOTENCY_KEY, places[i].key);
		table_set(table, IDEMPOTENCY_FINGERPRINT, digest_datum(fingerprints[number]));
		table_set(table, IDEMPOTENCY_RUN_ID, Int64GetDatum(run_ids[number]));
		table_set(table, IDEMPOTENCY_CREATED_AT, TimestampTzGetDatum(now));
		taken[number] = table_insert_unless_there(table);
	}
	table_end(table);
	for (int i = 0; i < count; i++)
		if (keys[i] != NULL && !taken[i])
			adopt_first(scope, keys[i], fingerprints[i], &run_ids[i], &mine[i]);
}

/* Errors: DL006 where no timestamp says it. */
static TimestampTz
deadline_of(TimestampTz first, int64 timeout)
{
	TimestampTz deadline;

	if (pg_add_s64_overflow(first, timeout, &deadline) || !IS_VALID_TIMESTAMP(deadline))
		ereport(ERROR,
				(errcode(ERRCODE_DALP_INVALID_INPUT),
				 errmsg("timeout is too long"),
				 errdetail("The run would time out after the last time that there is.")));
	return deadline;
}

/* What the rows of all runs of one start have in common. */
typedef struct StartFacts
{
	const StartRequest *request;
	TimestampTz now;
	TimestampTz first;			/* when the first state is entered */
	bool		waits;			/* that is later */
	TimestampTz deadline;		/* DT_NOEND = none */
	Datum		state;
	Datum		concurrency_key;	/* 0 = none */
	Datum		step_kind;
	Datum		start_kind;
	Datum		deadline_kind;
	uint64		turns;			/* whose they are: pass.h */
} StartFacts;

static void
add_run(Table *table, const StartFacts *facts, int64 run_id)
{
	const StartRequest *request = facts->request;

	table_add(table);
	table_set(table, RUN_RUN_ID, Int64GetDatum(run_id));
	table_set(table, RUN_DEFINITION_ID, Int32GetDatum(request->definition->definition_id));
	table_set(table, RUN_PRIORITY, Int16GetDatum(request->priority));
	if (request->concurrency_key != NULL)
		table_set(table, RUN_CONCURRENCY_KEY, facts->concurrency_key);
	if (request->parent_run_id != 0)
	{
		table_set(table, RUN_PARENT_RUN_ID, Int64GetDatum(request->parent_run_id));
		table_set(table, RUN_PARENT_BRANCH, Int32GetDatum(request->parent_branch));
	}
	table_set(table, RUN_STARTED_AT, TimestampTzGetDatum(facts->now));
	if (facts->deadline != DT_NOEND)
		table_set(table, RUN_DEADLINE, TimestampTzGetDatum(facts->deadline));
}

static void
add_data(Table *table, const StartRequest *request, int64 run_id, Jsonb *input, const char *key)
{
	table_add(table);
	table_set(table, DATA_RUN_ID, Int64GetDatum(run_id));
	table_set(table, DATA_INPUT, JsonbPGetDatum(input));
	if (request->tags != NULL)
		table_set(table, DATA_TAGS, JsonbPGetDatum(request->tags));
	table_set_text(table, DATA_IDEMPOTENCY_KEY, key);
	table_set(table, DATA_STARTED_BY, ObjectIdGetDatum(request->starter));
	table_set_text(table, DATA_TRACEPARENT, request->traceparent);
}

static void
add_branch(Table *table, const StartFacts *facts, int64 run_id)
{
	table_add(table);
	table_set(table, BRANCH_RUN_ID, Int64GetDatum(run_id));
	table_set(table, BRANCH_BRANCH_ID, Int32GetDatum(0));
	table_set(table, BRANCH_STATE, facts->state);
	table_set(table, BRANCH_ENTRY, Int32GetDatum(1));
	table_set(table, BRANCH_ENTERED_AT, TimestampTzGetDatum(facts->first));
	table_set(table, BRANCH_LAST_SEQ, Int32GetDatum(0));
	table_set(table, BRANCH_DATA_SEQ, Int32GetDatum(0));
}

static void
add_timer(Table *table, int64 run_id, Datum kind, TimestampTz fire_at, int entry)
{
	table_add(table);
	table_set(table, TIMER_SHARD, Int16GetDatum(run_shard(run_id)));
	table_set(table, TIMER_FIRE_AT, TimestampTzGetDatum(fire_at));
	table_set(table, TIMER_RUN_ID, Int64GetDatum(run_id));
	table_set(table, TIMER_BRANCH_ID, Int32GetDatum(0));
	table_set(table, TIMER_KIND, kind);
	table_set(table, TIMER_ENTRY, Int32GetDatum(entry));
}

static void
add_ready(Table *table, const StartFacts *facts, int64 run_id)
{
	table_add(table);
	table_set(table, READY_COLUMN_SHARD, Int16GetDatum(run_shard(run_id)));
	table_set(table, READY_COLUMN_RANK, Int16GetDatum(-facts->request->priority));
	table_set(table, READY_COLUMN_PASS, Int64GetDatum(pass_of_start(run_shard(run_id), facts->turns)));
	table_set(table, READY_COLUMN_RUN_ID, Int64GetDatum(run_id));
	table_set(table, READY_COLUMN_BRANCH_ID, Int32GetDatum(0));
	table_set(table, READY_COLUMN_KIND, facts->step_kind);
	table_set(table, READY_COLUMN_ENTRY, Int32GetDatum(0));
}

static StartFacts
start_facts(const StartRequest *request)
{
	TimestampTz now = clock_now();
	int64		timeout = request->timeout > 0 ? request->timeout :
		asl_machine_timeout(request->definition->machine) * USECS_PER_SEC;
	StartFacts	facts = {.request = request, .now = now, .first = now, .deadline = DT_NOEND};

	facts.waits = request->has_start_at && request->start_at > now;
	if (facts.waits)
		facts.first = request->start_at;
	if (timeout > 0)
		facts.deadline = deadline_of(facts.first, timeout);
	facts.state = CStringGetTextDatum(asl_state_name(asl_start(request->definition->machine)));
	if (request->concurrency_key != NULL)
		facts.concurrency_key = CStringGetTextDatum(request->concurrency_key);
	facts.step_kind = CStringGetTextDatum("step");
	facts.start_kind = CStringGetTextDatum("start");
	facts.deadline_kind = CStringGetTextDatum("deadline");
	facts.turns = pass_key(request->definition->workflow_id, request->tags);
	return facts;
}

/* Table by table, in the order of locking; run_data is nobody else's yet. */
void
start_store_runs(const StartRequest *request, int count, Jsonb **inputs, char **keys,
				 const int64 *run_ids, const bool *mine)
{
	StartFacts	facts = start_facts(request);
	Table	   *table = table_begin(&run_table);

	for (int i = 0; i < count; i++)
		if (mine[i])
			add_run(table, &facts, run_ids[i]);
	table_end(table);

	table = table_begin(&run_data_table);
	for (int i = 0; i < count; i++)
		if (mine[i])
			add_data(table, request, run_ids[i], inputs[i], keys == NULL ? NULL : keys[i]);
	table_end(table);

	table = table_begin(&branch_table);
	for (int i = 0; i < count; i++)
		if (mine[i])
			add_branch(table, &facts, run_ids[i]);
	table_end(table);

	if (facts.deadline != DT_NOEND || facts.waits)
	{
		table = table_begin(&timer_table);
		for (int i = 0; i < count; i++)
		{
			if (mine[i] && facts.deadline != DT_NOEND)
				add_timer(table, run_ids[i], facts.deadline_kind, facts.deadline, 0);
			if (mine[i] && facts.waits)
				add_timer(table, run_ids[i], facts.start_kind, facts.first, 1);
		}
		table_end(table);
	}
	if (facts.waits)
		return;
	table = table_begin(&ready_table);
	for (int i = 0; i < count; i++)
		if (mine[i])
			add_ready(table, &facts, run_ids[i]);
	table_end(table);
}
