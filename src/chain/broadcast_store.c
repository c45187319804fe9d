/*
 * broadcast_store.c
 *		Signed bytes that are to be handed to nodes, and what nodes said.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "chain/broadcast_store.h"
#include "chain/replace.h"
#include "core/clock.h"
#include "core/document_jsonb.h"
#include "core/rows.h"
#include "core/settings.h"
#include "core/wake.h"

/* Refusals that pass (full pools, fees) are tried again after this. */
#define RETRY_MS 3000

static Statement read_due = {
	.sql = "SELECT a.attempt_id, s.wallet_id, s.nonce::text, s.request_id, '0x' || pg_catalog.encode(a.hash, 'hex'),"
	"  '0x' || pg_catalog.encode(a.raw, 'hex'), a.kind = ANY (ARRAY['user', 'bump']), r.run_id IS NOT NULL,"
	"  a.gas_limit::text, a.type::int, a.max_fee::text, a.tip::text"
	" FROM dalp_chain.slot s"
	" CROSS JOIN LATERAL (SELECT t.* FROM dalp_chain.attempt t WHERE t.chain_id = s.chain_id AND t.wallet_id = s.wallet_id"
	"   AND t.nonce = s.nonce ORDER BY t.number DESC LIMIT 1) a"
	" LEFT JOIN dalp_chain.request r ON r.request_id = s.request_id"
	" WHERE s.chain_id = $1 AND s.state = ANY (ARRAY['signed', 'sent']) AND a.state <> 'rejected'"
	"  AND (a.state = 'prepared' OR s.sent_at IS NULL OR s.sent_at < $2"
	"   OR s.sent_at < $3 - CASE WHEN a.send_class = ANY (ARRAY['accepted', 'known', 'nonce_low']) THEN $4 ELSE $5 END)"
	" ORDER BY s.wallet_id, s.nonce LIMIT $6",
	.argument_count = 6,
	.argument_types = {INT4OID, TIMESTAMPTZOID, TIMESTAMPTZOID, INTERVALOID, INTERVALOID, INT8OID}
};

static Statement write_sent = {
	.sql = "WITH told AS MATERIALIZED (SELECT t.*, t.class = ANY (ARRAY['accepted', 'known']) AS there, t.class = 'ambiguous' AS doubt"
	"  FROM ROWS FROM (pg_catalog.unnest($1::int[]), pg_catalog.unnest($2::int[]), pg_catalog.unnest($3::text[]::numeric[]),"
	"   pg_catalog.unnest($4::bigint[]), pg_catalog.unnest($5::bigint[]), pg_catalog.unnest($6::text[]), pg_catalog.unnest($7::text[]),"
	"   pg_catalog.unnest($8::bigint[]), pg_catalog.unnest($9::text[]), pg_catalog.unnest($10::timestamptz[]))"
	"  AS t (chain_id, wallet_id, nonce, request_id, attempt_id, class, answer, head, hash, at)),"
	" attempts AS (UPDATE dalp_chain.attempt a SET send_class = t.class, send_answer = t.answer, send_count = a.send_count + 1,"
	"   state = CASE WHEN a.state = 'prepared' AND NOT t.doubt THEN 'sent' ELSE a.state END"
	"  FROM told t WHERE a.attempt_id = t.attempt_id),"
	" slots AS (UPDATE dalp_chain.slot s SET state = CASE WHEN t.there THEN 'sent' ELSE s.state END,"
	"   sent_at = CASE WHEN t.doubt THEN s.sent_at ELSE t.at END,"
	"   accepted_block = CASE WHEN t.class = 'accepted' OR (t.there AND s.accepted_block IS NULL) THEN t.head ELSE s.accepted_block END"
	"  FROM told t WHERE s.chain_id = t.chain_id AND s.wallet_id = t.wallet_id AND s.nonce = t.nonce AND s.state = ANY (ARRAY['signed', 'sent'])),"
	" requests AS (UPDATE dalp_chain.request r SET state = 'CONFIRMING', changed_at = t.at"
	"  FROM told t WHERE t.there AND r.request_id = t.request_id AND r.state = 'BROADCASTING' RETURNING r.request_id, t.at, t.hash)"
	" INSERT INTO dalp_chain.journal (request_id, at, state, details)"
	" SELECT r.request_id, r.at, 'CONFIRMING', pg_catalog.jsonb_build_object('hash', r.hash) FROM requests r",
	.argument_count = 10,
	.argument_types = {INT4ARRAYOID, INT4ARRAYOID, TEXTARRAYOID, INT8ARRAYOID, INT8ARRAYOID, TEXTARRAYOID, TEXTARRAYOID,
	INT8ARRAYOID, TEXTARRAYOID, TIMESTAMPTZARRAYOID}
};

static const Oid sent_types[] = {
	INT4OID, INT4OID, TEXTOID, INT8OID, INT8OID, TEXTOID, TEXTOID, INT8OID, TEXTOID, TIMESTAMPTZOID
};

static Statement write_rejected = {
	.sql = "WITH attempts AS (UPDATE dalp_chain.attempt SET state = 'rejected' WHERE attempt_id = $4)"
	" UPDATE dalp_chain.slot SET wanted = $5 WHERE chain_id = $1 AND wallet_id = $2 AND nonce = $3::numeric"
	" AND state = ANY (ARRAY['signed', 'sent'])",
	.argument_count = 5,
	.argument_types = {INT4OID, INT4OID, TEXTOID, INT8OID, JSONBOID}
};

static Statement shrink_window = {
	.sql = "UPDATE dalp_chain.lane l SET nonce_window = GREATEST(1, COALESCE(l.nonce_window, c.nonce_window) / 2)"
	" FROM dalp_chain.chain c WHERE c.chain_id = l.chain_id AND l.chain_id = $1 AND l.wallet_id = $2",
	.argument_count = 2,
	.argument_types = {INT4OID, INT4OID}
};

static Interval *
interval_ms(int milliseconds)
{
	Interval   *interval = palloc0(sizeof(Interval));

	interval->time = (TimeOffset) milliseconds * 1000;
	return interval;
}

Outgoing *
broadcast_store_due(int chain_id, TimestampTz before, int limit, MemoryContext keep, int *count)
{
	Datum		values[] = {
		Int32GetDatum(chain_id), TimestampTzGetDatum(before), TimestampTzGetDatum(clock_now()),
		PointerGetDatum(interval_ms(dalp_resend_interval)), PointerGetDatum(interval_ms(RETRY_MS)), Int64GetDatum(limit)
	};
	uint64		rows = store_read(&read_due, values, NULL, 0);
	Outgoing   *due = MemoryContextAllocZero(keep, rows * sizeof(Outgoing) + 1);

	for (uint64 row = 0; row < rows; row++)
	{
		Outgoing   *one = &due[row];

		one->attempt_id = store_int64(row, 1);
		one->wallet_id = store_int32(row, 2);
		one->nonce = strtou64(store_text(row, 3), NULL, 10);
		one->request_id = store_int64(row, 4);
		strlcpy(one->hash, store_text(row, 5), HASH_TEXT_SIZE);
		one->raw = MemoryContextStrdup(keep, store_text(row, 6));
		one->payload = store_bool(row, 7);
		one->has_run = store_bool(row, 8);
		one->gas = strtou64(store_text(row, 9), NULL, 10);
		one->fees.type = store_int32(row, 10);
		one->fees.max_fee = quantity_from_decimal(store_text(row, 11));
		one->fees.tip = quantity_from_decimal(store_text(row, 12));
	}
	*count = (int) rows;
	return due;
}

void
broadcast_store_sent(int chain_id, int64 head, const Sent *sent, int count)
{
	TimestampTz now = clock_now();
	Rows		rows;

	rows_init(&rows, lengthof(sent_types), sent_types);
	for (int i = 0; i < count; i++)
	{
		const Outgoing *outgoing = sent[i].outgoing;

		rows_add(&rows);
		rows_set(&rows, 0, Int32GetDatum(chain_id));
		rows_set(&rows, 1, Int32GetDatum(outgoing->wallet_id));
		rows_set_text(&rows, 2, psprintf(UINT64_FORMAT, outgoing->nonce));
		if (outgoing->request_id != 0)
			rows_set(&rows, 3, Int64GetDatum(outgoing->request_id));
		rows_set(&rows, 4, Int64GetDatum(outgoing->attempt_id));
		rows_set_text(&rows, 5, rpc_class_name(sent[i].class));
		rows_set_text(&rows, 6, sent[i].answer);
		rows_set(&rows, 7, Int64GetDatum(head));
		rows_set_text(&rows, 8, outgoing->hash);
		rows_set(&rows, 9, TimestampTzGetDatum(now));
	}
	rows_flush(&rows, &write_sent);
}

void
broadcast_store_rejected(int chain_id, const Outgoing *outgoing, const Fees *fees)
{
	Problem		problem = {{0}, {0}};
	Datum		values[] = {
		Int32GetDatum(chain_id), Int32GetDatum(outgoing->wallet_id),
		CStringGetTextDatum(psprintf(UINT64_FORMAT, outgoing->nonce)), Int64GetDatum(outgoing->attempt_id),
		JsonbPGetDatum(doc_to_jsonb(replace_wanted("noop", REPLACE_NOOP_GAS, fees), &problem))
	};

	store_write(&write_rejected, values, NULL, 0);
	wake_at_commit(WORKER_SIGNER);
}

void
broadcast_store_shrink_window(int chain_id, int wallet_id)
{
	Datum		values[] = {Int32GetDatum(chain_id), Int32GetDatum(wallet_id)};

	store_write(&shrink_window, values, NULL, 0);
}
