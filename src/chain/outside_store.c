/*
 * outside_store.c
 *		SQL on dalp_ops.outside_call.
 *
 * Rows are added by steps, in an executor; they are deleted by the broadcaster, when there is an answer, and by
 * whoever abandons a wait, holding the run.  The broadcaster never waits for the
 * latter, which may wait for it.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/jsonb.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "chain/outside.h"
#include "core/clock.h"
#include "core/document_jsonb.h"
#include "core/settings.h"
#include "core/spi.h"

/* Calls of a chain are sent many at once. */
#define CHAIN_CALLS 64

/* Statistics of a queue's table say nothing: it may have been empty when they were made. */
static int
use_indexes(void)
{
	static const char *const off[] = {"enable_seqscan", "enable_hashjoin", "enable_mergejoin"};
	int			nest = NewGUCNestLevel();

	for (size_t i = 0; i < lengthof(off); i++)
		(void) set_config_option(off[i], "off", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	return nest;
}

static Datum
id_array(const int64 *ids, int count)
{
	Datum	   *values = palloc(sizeof(Datum) * (count + 1));

	for (int i = 0; i < count; i++)
		values[i] = Int64GetDatum(ids[i]);
	return PointerGetDatum(construct_array(values, count, INT8OID, sizeof(int64), true, TYPALIGN_DOUBLE));
}

static OutsideWork *
read_row(uint64 row, MemoryContext parent)
{
	MemoryContext context = AllocSetContextCreate(parent, "dalp outside call", ALLOCSET_SMALL_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	OutsideWork *work = palloc0(sizeof(OutsideWork));
	char	   *text;
	bool		isnull;
	Datum		value;

	work->context = context;
	work->call_id = store_int64(row, 1);
	text = store_text(row, 2);
	work->http = strcmp(text, "http") == 0;
	work->target = MemoryContextStrdup(context, store_text(row, 3));
	work->run_id = store_int64(row, 4);
	work->branch_id = store_int32(row, 5);
	value = store_value(row, 6, &isnull);
	work->request = doc_from_jsonb(DatumGetJsonbP(value));
	work->key = MemoryContextStrdup(context, store_text(row, 7));
	text = store_text(row, 8);
	work->traceparent = text == NULL ? NULL : MemoryContextStrdup(context, text);
	value = store_value(row, 9, &isnull);
	work->expires_at = isnull ? DT_NOEND : DatumGetTimestampTz(value);
	work->token_seq = store_int32(row, 10);
	MemoryContextSwitchTo(old);
	return work;
}

/*
 * Targets behind $1, one index probe each; of each its oldest rows that are
 * not in hand ($4), up to its limit less those in hand ($2, $3).
 */
static Statement look = {
	"WITH RECURSIVE target AS ((SELECT c.target FROM dalp_ops.outside_call c WHERE c.target OPERATOR(pg_catalog.>) $1"
	"  ORDER BY c.target LIMIT 1)"
	" UNION ALL SELECT (SELECT c.target FROM dalp_ops.outside_call c WHERE c.target OPERATOR(pg_catalog.>) t.target"
	"  ORDER BY c.target LIMIT 1) FROM target t WHERE t.target IS NOT NULL)"
	" SELECT n.call_id, n.kind, n.target, n.run_id, n.branch_id, n.request, n.idempotency_key, n.traceparent, n.expires_at, n.token_seq"
	" FROM target t CROSS JOIN LATERAL (SELECT c.* FROM dalp_ops.outside_call c"
	"  WHERE c.target OPERATOR(pg_catalog.=) t.target AND c.call_id OPERATOR(pg_catalog.<>) ALL ($4) ORDER BY c.target, c.call_id"
	"  LIMIT GREATEST(0, CASE WHEN t.target OPERATOR(pg_catalog.~~) 'chain %' THEN $5 ELSE $6 END OPERATOR(pg_catalog.-)"
	"   COALESCE((SELECT f.held FROM ROWS FROM (pg_catalog.unnest($2), pg_catalog.unnest($3)) AS f (target, held)"
	"    WHERE f.target OPERATOR(pg_catalog.=) t.target), 0))) AS n"
	" WHERE t.target IS NOT NULL LIMIT $7",
	7, {TEXTOID, TEXTARRAYOID, INT4ARRAYOID, INT8ARRAYOID, INT4OID, INT4OID, INT4OID}
};

/* How many are in hand, by target. */
static int
count_targets(const OutsideHeld *held, Datum *targets, Datum *counts)
{
	int			distinct = 0;
	const char **names = palloc(sizeof(char *) * (held->count + 1));

	for (int i = 0; i < held->count; i++)
	{
		int			at = 0;

		while (at < distinct && strcmp(names[at], held->targets[i]) != 0)
			at++;
		if (at == distinct)
		{
			names[distinct] = held->targets[i];
			targets[distinct] = CStringGetTextDatum(held->targets[i]);
			counts[distinct++] = Int32GetDatum(0);
		}
		counts[at] = Int32GetDatum(DatumGetInt32(counts[at]) + 1);
	}
	return distinct;
}

List *
outside_store_read(const OutsideHeld *held, int room, MemoryContext parent)
{
	/* The last target that was served: the next ones come first. */
	static char last[300] = "";
	Datum	   *targets = palloc(sizeof(Datum) * (held->count + 1));
	Datum	   *counts = palloc(sizeof(Datum) * (held->count + 1));
	int			distinct = count_targets(held, targets, counts);
	List	   *works = NIL;
	int			nest = use_indexes();
	bool		from_the_start = last[0] == '\0';

	for (;;)
	{
		Datum		values[7];
		int			known = held->count + list_length(works);
		int64	   *ids = palloc(sizeof(int64) * (known + 1));
		ListCell   *cell;
		uint64		rows;
		int			i = held->count;

		memcpy(ids, held->ids, sizeof(int64) * held->count);
		foreach(cell, works)
			ids[i++] = ((OutsideWork *) lfirst(cell))->call_id;
		values[0] = CStringGetTextDatum(last);
		values[1] = PointerGetDatum(construct_array(targets, distinct, TEXTOID, -1, false, TYPALIGN_INT));
		values[2] = PointerGetDatum(construct_array(counts, distinct, INT4OID, sizeof(int32), true, TYPALIGN_INT));
		values[3] = id_array(ids, known);
		values[4] = Int32GetDatum(CHAIN_CALLS);
		values[5] = Int32GetDatum(dalp_http_connections_per_host);
		values[6] = Int32GetDatum(room - list_length(works));
		rows = store_read(&look, values, NULL, 0);
		for (uint64 row = 0; row < rows; row++)
			works = lappend(works, read_row(row, parent));
		if (list_length(works) == room)
		{
			strlcpy(last, ((OutsideWork *) llast(works))->target, sizeof(last));
			break;
		}
		/* All targets behind the last one are served; those before it come now. */
		last[0] = '\0';
		if (from_the_start || works != NIL)
			break;
		from_the_start = true;
	}
	AtEOXact_GUC(false, nest);
	return works;
}

int64
outside_store_add(const OutsideCall *call, Jsonb *request)
{
	static Statement insert = {
		"INSERT INTO dalp_ops.outside_call (kind, target, run_id, branch_id, request, idempotency_key, traceparent, expires_at, created_at, token_seq)"
		" VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) RETURNING call_id",
		10, {TEXTOID, TEXTOID, INT8OID, INT4OID, JSONBOID, TEXTOID, TEXTOID, TIMESTAMPTZOID, TIMESTAMPTZOID, INT4OID}
	};
	Datum		values[10];
	char		nulls[10];

	memset(nulls, ' ', sizeof(nulls));
	values[0] = CStringGetTextDatum(call->http ? "http" : "chain");
	values[1] = CStringGetTextDatum(call->target);
	values[2] = Int64GetDatum(call->run_id);
	values[3] = Int32GetDatum(call->branch_id);
	values[4] = JsonbPGetDatum(request);
	values[5] = CStringGetTextDatum(call->key);
	values[6] = call->traceparent != NULL ? CStringGetTextDatum(call->traceparent) : (Datum) 0;
	nulls[6] = call->traceparent != NULL ? ' ' : 'n';
	values[7] = TimestampTzGetDatum(call->expires_at);
	nulls[7] = call->expires_at != DT_NOEND ? ' ' : 'n';
	values[8] = TimestampTzGetDatum(clock_now());
	values[9] = Int32GetDatum(call->token_seq);
	nulls[9] = call->token_seq != 0 ? ' ' : 'n';
	store_write(&insert, values, nulls, 0);
	return store_int64(0, 1);
}

void
outside_store_forget(int64 call_id)
{
	static Statement forget = {
		"DELETE FROM dalp_ops.outside_call WHERE call_id OPERATOR(pg_catalog.=) $1",
		1, {INT8OID}
	};
	Datum		values[1] = {Int64GetDatum(call_id)};

	store_write(&forget, values, NULL, 0);
}

void
outside_store_end(const int64 *ids, int count, bool *ended, bool *busy)
{
	static Statement end = {
		"WITH mine AS MATERIALIZED (SELECT c.call_id FROM dalp_ops.outside_call c"
		"  WHERE c.call_id OPERATOR(pg_catalog.=) ANY ($1) FOR UPDATE SKIP LOCKED)"
		" DELETE FROM dalp_ops.outside_call c USING mine WHERE c.call_id OPERATOR(pg_catalog.=) mine.call_id"
		" RETURNING c.call_id",
		1, {INT8ARRAYOID}
	};
	static Statement left = {
		"SELECT c.call_id FROM dalp_ops.outside_call c WHERE c.call_id OPERATOR(pg_catalog.=) ANY ($1)",
		1, {INT8ARRAYOID}
	};
	Datum		values[1] = {id_array(ids, count)};
	int			nest = use_indexes();
	uint64		rows;

	memset(ended, 0, sizeof(bool) * count);
	memset(busy, 0, sizeof(bool) * count);
	rows = store_write(&end, values, NULL, 0);
	for (uint64 row = 0; row < rows; row++)
		for (int i = 0; i < count; i++)
			if (ids[i] == store_int64(row, 1))
				ended[i] = true;
	if (rows < (uint64) count)
	{
		rows = store_write(&left, values, NULL, 0);
		for (uint64 row = 0; row < rows; row++)
			for (int i = 0; i < count; i++)
				if (ids[i] == store_int64(row, 1))
					busy[i] = true;
	}
	AtEOXact_GUC(false, nest);
}
