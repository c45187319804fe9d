/*
 * ending_store.c
 *		Final states in the tables request and journal.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "chain/ending_store.h"
#include "core/document_jsonb.h"
#include "core/rows.h"

#define ENDED_COLUMNS \
	"e.request_id, e.run_id, e.branch_id, e.state, e.old_state, e.unsettled, e.error, e.cause," \
	" w.name || '@' || c.name, e.result, e.submitted_at," \
	" pg_catalog.jsonb_strip_nulls(pg_catalog.jsonb_build_object('wallet', w.name, 'chain', c.name," \
	"  'to', e.to_address::text, 'value', e.value::text, 'data', '0x' || pg_catalog.encode(e.data, 'hex')," \
	"  'gas_limit', e.gas_limit::text, 'max_fee', e.max_fee::text))"

/* Rows are locked in one order, whoever else does so. */
static Statement write_endings = {
	.sql = "WITH wanted AS ("
	"  SELECT * FROM ROWS FROM (pg_catalog.unnest($1::bigint[]), pg_catalog.unnest($2::text[]), pg_catalog.unnest($3::text[]),"
	"   pg_catalog.unnest($4::text[]), pg_catalog.unnest($5::text[]), pg_catalog.unnest($6::text[]), pg_catalog.unnest($7::bigint[]),"
	"   pg_catalog.unnest($8::jsonb[]), pg_catalog.unnest($9::jsonb[]), pg_catalog.unnest($10::boolean[]), pg_catalog.unnest($11::timestamptz[]))"
	"  AS t (id, state, followed, error, cause, hash, block, result, details, unsettled, at)),"
	" locked AS (SELECT r.request_id, r.state FROM dalp_chain.request r JOIN wanted t ON t.id = r.request_id"
	"  WHERE r.state = ANY (pg_catalog.string_to_array(t.followed, ',')) ORDER BY r.request_id FOR UPDATE OF r),"
	" ended AS (UPDATE dalp_chain.request r SET state = t.state, error = t.error, cause = t.cause,"
	"   result_hash = pg_catalog.decode(pg_catalog.substr(t.hash, 3), 'hex'), result_block = t.block, result = t.result,"
	"   changed_at = t.at, finished_at = t.at"
	"  FROM wanted t, locked l WHERE t.id = r.request_id AND l.request_id = r.request_id"
	"  RETURNING r.*, l.state AS old_state, t.details, t.unsettled),"
	" noted AS (INSERT INTO dalp_chain.journal (request_id, at, state, details)"
	"  SELECT e.request_id, e.changed_at, e.state, e.details FROM ended e)"
	"SELECT " ENDED_COLUMNS
	" FROM ended e JOIN dalp_custody.wallet w ON w.wallet_id = e.wallet_id JOIN dalp_chain.chain c ON c.chain_id = e.chain_id"
	" ORDER BY e.request_id",
	.argument_count = 11,
	.argument_types = {INT8ARRAYOID, TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID, INT8ARRAYOID,
	JSONBARRAYOID, JSONBARRAYOID, BOOLARRAYOID, TIMESTAMPTZARRAYOID}
};

static const Oid write_types[] = {
	INT8OID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, INT8OID, JSONBOID, JSONBOID, BOOLOID, TIMESTAMPTZOID
};

static Statement read_ended = {
	.sql = "SELECT " ENDED_COLUMNS
	" FROM (SELECT r.*, r.state AS old_state, false AS unsettled FROM dalp_chain.request r WHERE r.request_id = ANY ($1)) e"
	" JOIN dalp_custody.wallet w ON w.wallet_id = e.wallet_id JOIN dalp_chain.chain c ON c.chain_id = e.chain_id"
	" ORDER BY e.request_id",
	.argument_count = 1,
	.argument_types = {INT8ARRAYOID}
};

/* A document that jsonb can't hold (a U+0000 in a decoded text) is left out, not the ending. */
static void
set_document(Rows *rows, int column, const Doc *doc)
{
	Problem		problem = {{0}, {0}};
	Jsonb	   *jsonb = doc == NULL ? NULL : doc_to_jsonb(doc, &problem);

	if (jsonb != NULL)
		rows_set(rows, column, JsonbPGetDatum(jsonb));
}

/* The states from which this one may be reached, as a list for SQL. */
static char *
followed_states(RequestState state)
{
	StringInfoData list;

	initStringInfo(&list);
	for (int from = 0; from < REQUEST_STATES; from++)
		if (request_may_become((RequestState) from, state))
			appendStringInfo(&list, "%s%s", list.len > 0 ? "," : "", request_state_name((RequestState) from));
	return list.data;
}

static EndedRequest *
read_rows(uint64 rows)
{
	EndedRequest *ended = palloc0(rows * sizeof(EndedRequest) + 1);

	for (uint64 row = 0; row < rows; row++)
	{
		EndedRequest *one = &ended[row];
		Datum		value;
		bool		isnull;

		one->request_id = store_int64(row, 1);
		value = store_value(row, 2, &isnull);
		one->has_run = !isnull;
		one->run_id = isnull ? 0 : DatumGetInt64(value);
		one->branch_id = store_int32(row, 3);
		if (!request_state_parse(store_text(row, 4), &one->state))
			elog(ERROR, "request " INT64_FORMAT " has an unknown state", one->request_id);
		one->was_dead = strcmp(store_text(row, 5), "DEAD_LETTER") == 0;
		one->unsettled = store_bool(row, 6);
		one->error = store_text(row, 7);
		one->cause = store_text(row, 8);
		one->scope = store_text(row, 9);
		value = store_value(row, 10, &isnull);
		one->result = isnull ? NULL : DatumGetJsonbPCopy(value);
		value = store_value(row, 11, &isnull);
		one->submitted_at = DatumGetTimestampTz(value);
		value = store_value(row, 12, &isnull);
		one->input = isnull ? NULL : DatumGetJsonbPCopy(value);
	}
	return ended;
}

EndedRequest *
ending_store_write(const Ending *endings, int count, TimestampTz now, int *ended)
{
	Rows		rows;
	uint64		written;

	rows_init(&rows, lengthof(write_types), write_types);
	for (int i = 0; i < count; i++)
	{
		const Ending *ending = &endings[i];

		rows_add(&rows);
		rows_set(&rows, 0, Int64GetDatum(ending->request_id));
		rows_set_text(&rows, 1, request_state_name(ending->state));
		rows_set_text(&rows, 2, followed_states(ending->state));
		rows_set_text(&rows, 3, ending->error);
		rows_set_text(&rows, 4, ending->cause);
		rows_set_text(&rows, 5, ending->hash);
		if (ending->hash != NULL)
			rows_set(&rows, 6, Int64GetDatum(ending->block));
		set_document(&rows, 7, ending->result);
		set_document(&rows, 8, ending->details);
		rows_set(&rows, 9, BoolGetDatum(ending->unsettled));
		rows_set(&rows, 10, TimestampTzGetDatum(now));
	}
	written = rows_flush(&rows, &write_endings);
	*ended = (int) written;
	return read_rows(written);
}

EndedRequest *
ending_store_read(const int64 *requests, int count, int *found)
{
	Datum	   *elements = palloc(count * sizeof(Datum) + 1);
	Datum		values[1];
	uint64		rows;

	for (int i = 0; i < count; i++)
		elements[i] = Int64GetDatum(requests[i]);
	values[0] = PointerGetDatum(construct_array(elements, count, INT8OID, sizeof(int64), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
	rows = store_read(&read_ended, values, NULL, 0);
	*found = (int) rows;
	return read_rows(rows);
}
