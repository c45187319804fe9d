/*
 * start_store.c
 *		SQL that starts runs: ids, idempotency keys, all first rows.
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
#include "core/rows.h"
#include "core/settings.h"
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

void
start_store_keys(const char *scope, int count, char **keys, uint8 (*fingerprints)[32],
				 int64 *run_ids, bool *mine)
{
	/* In the order of the keys, so that two callers with overlapping lists don't deadlock. */
	static Statement insert = {
		"INSERT INTO dalp_workflow.idempotency (scope, key, fingerprint, run_id, created_at)"
		" SELECT u.scope, u.key, u.fingerprint, u.run_id, u.at"
		" FROM unnest($1::text[], $2::text[], $3::bytea[], $4::bigint[], $5::timestamptz[], $6::int[])"
		" AS u(scope, key, fingerprint, run_id, at, number) ORDER BY u.key, u.number ON CONFLICT DO NOTHING",
		6, {TEXTARRAYOID, TEXTARRAYOID, BYTEAARRAYOID, INT8ARRAYOID, TIMESTAMPTZARRAYOID, INT4ARRAYOID}
	};
	static Statement find = {
		"SELECT i.run_id, i.fingerprint, i.created_at::text FROM dalp_workflow.idempotency i"
		" WHERE i.scope OPERATOR(pg_catalog.=) $1 AND i.key OPERATOR(pg_catalog.=) $2",
		2, {TEXTOID, TEXTOID}
	};
	static const Oid types[] = {TEXTOID, TEXTOID, BYTEAOID, INT8OID, TIMESTAMPTZOID, INT4OID};
	TimestampTz now = clock_now();
	uint64		inserted;
	int			wanted = 0;
	Rows		rows;

	rows_init(&rows, lengthof(types), types);
	for (int i = 0; i < count; i++)
	{
		if (keys[i] == NULL)
			continue;
		wanted++;
		rows_add(&rows);
		rows_set_text(&rows, 0, scope);
		rows_set_text(&rows, 1, keys[i]);
		rows_set(&rows, 2, digest_datum(fingerprints[i]));
		rows_set(&rows, 3, Int64GetDatum(run_ids[i]));
		rows_set(&rows, 4, TimestampTzGetDatum(now));
		rows_set(&rows, 5, Int32GetDatum(i));
	}
	inserted = rows_flush(&rows, &insert);
	if (inserted == (uint64) wanted)
		return;

	/* Somebody was first with some of them: committed by now, the insert has waited. */
	for (int i = 0; i < count; i++)
	{
		Datum		values[2];
		int64		run_id;
		bool		isnull;
		bytea	   *first;

		if (keys[i] == NULL)
			continue;
		values[0] = CStringGetTextDatum(scope);
		values[1] = CStringGetTextDatum(keys[i]);
		if (store_write(&find, values, NULL, 1) == 0)
			ereport(ERROR,
					(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
					 errmsg("idempotency key \"%s\" was used by a transaction that this one can't see", keys[i]),
					 errhint("Run the transaction again, or use READ COMMITTED.")));
		run_id = store_int64(0, 1);
		if (run_id == run_ids[i])
			continue;
		first = DatumGetByteaPP(store_value(0, 2, &isnull));
		if (memcmp(VARDATA_ANY(first), fingerprints[i], 32) != 0)
			refuse_key(scope, keys[i], store_text(0, 3), run_id, (uint8 *) VARDATA_ANY(first), fingerprints[i]);
		run_ids[i] = run_id;
		mine[i] = false;
	}
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

void
start_store_runs(const StartRequest *request, int count, Jsonb **inputs, char **keys,
				 const int64 *run_ids, const bool *mine)
{
	static Statement insert = {
		"WITH u AS MATERIALIZED (SELECT * FROM unnest($1::bigint[], $2::jsonb[], $3::text[], $18::bigint[])"
		" AS u(run_id, input, key, pass)),"
		" r AS (INSERT INTO dalp_workflow.run (run_id, definition_id, priority, concurrency_key, parent_run_id,"
		" parent_branch, started_at, deadline) SELECT u.run_id, $4, $5, $6, $7, $8, $9, $10 FROM u),"
		" d AS (INSERT INTO dalp_workflow.run_data (run_id, input, tags, idempotency_key, started_by, traceparent)"
		" SELECT u.run_id, u.input, $11, u.key, $12::regrole, $13 FROM u),"
		" b AS (INSERT INTO dalp_workflow.branch (run_id, branch_id, state, entry, entered_at, last_seq, data_seq)"
		" SELECT u.run_id, 0, $14, 1, $15, 0, 0 FROM u),"
		" t AS (INSERT INTO dalp_workflow.timer (shard, fire_at, run_id, branch_id, kind, entry)"
		" SELECT (u.run_id OPERATOR(pg_catalog.%) 16)::smallint, $10, u.run_id, 0, 'deadline', 0"
		" FROM u WHERE $10 IS NOT NULL),"
		" s AS (INSERT INTO dalp_workflow.timer (shard, fire_at, run_id, branch_id, kind, entry)"
		" SELECT (u.run_id OPERATOR(pg_catalog.%) 16)::smallint, $15, u.run_id, 0, 'start', 1 FROM u WHERE $16)"
		" INSERT INTO dalp_workflow.ready (shard, rank, pass, run_id, branch_id, kind, entry)"
		" SELECT (u.run_id OPERATOR(pg_catalog.%) 16)::smallint, $17, u.pass, u.run_id, 0, 'step', 0"
		" FROM u WHERE NOT $16",
		18, {INT8ARRAYOID, JSONBARRAYOID, TEXTARRAYOID, INT4OID, INT2OID, TEXTOID, INT8OID, INT4OID,
		TIMESTAMPTZOID, TIMESTAMPTZOID, JSONBOID, OIDOID, TEXTOID, TEXTOID, TIMESTAMPTZOID, BOOLOID, INT2OID, INT8ARRAYOID}
	};
	static const Oid types[] = {INT8OID, JSONBOID, TEXTOID, INT8OID};
	TimestampTz now = clock_now();
	TimestampTz first = request->has_start_at && request->start_at > now ? request->start_at : now;
	int64		timeout = request->timeout > 0 ? request->timeout :
		asl_machine_timeout(request->definition->machine) * USECS_PER_SEC;
	Datum		values[18];
	Datum		passes;
	uint64		turns = pass_key(request->definition->workflow_id, request->tags);
	char		nulls[18];
	Rows		rows;

	rows_init(&rows, lengthof(types), types);
	for (int i = 0; i < count; i++)
	{
		if (!mine[i])
			continue;
		rows_add(&rows);
		rows_set(&rows, 0, Int64GetDatum(run_ids[i]));
		rows_set(&rows, 1, JsonbPGetDatum(inputs[i]));
		rows_set_text(&rows, 2, keys == NULL ? NULL : keys[i]);
		rows_set(&rows, 3, Int64GetDatum(pass_of_start(run_shard(run_ids[i]), turns)));
	}
	if (rows.count == 0)
		return;

	memset(nulls, ' ', sizeof(nulls));
	rows_arrays(&rows, values);
	passes = values[3];
	values[3] = Int32GetDatum(request->definition->definition_id);
	values[4] = Int16GetDatum(request->priority);
	values[5] = request->concurrency_key ? CStringGetTextDatum(request->concurrency_key) : (Datum) 0;
	nulls[5] = request->concurrency_key ? ' ' : 'n';
	values[6] = Int64GetDatum(request->parent_run_id);
	values[7] = Int32GetDatum(request->parent_branch);
	nulls[6] = nulls[7] = request->parent_run_id ? ' ' : 'n';
	values[8] = TimestampTzGetDatum(now);
	values[9] = TimestampTzGetDatum(deadline_of(first, timeout));
	nulls[9] = timeout > 0 ? ' ' : 'n';
	values[10] = JsonbPGetDatum(request->tags);
	nulls[10] = request->tags ? ' ' : 'n';
	values[11] = ObjectIdGetDatum(request->starter);
	values[12] = request->traceparent ? CStringGetTextDatum(request->traceparent) : (Datum) 0;
	nulls[12] = request->traceparent ? ' ' : 'n';
	values[13] = CStringGetTextDatum(asl_state_name(asl_start(request->definition->machine)));
	values[14] = TimestampTzGetDatum(first);
	values[15] = BoolGetDatum(first > now);
	values[16] = Int16GetDatum(-request->priority);
	values[17] = passes;
	store_write(&insert, values, nulls, 0);
}
