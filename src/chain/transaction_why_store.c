/*
 * transaction_why_store.c
 *		The facts about one transaction, in one statement and so of one moment.
 *
 * In a backend, as the extension's owner; reads only.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "core/spi.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "chain/transaction_why.h"

static Statement read_facts = {
	.sql = "SELECT r.state, r.changed_at, r.error, r.cause, r.cancel_reason, r.expires_at,"
	"  (SELECT d.dead_letter_id FROM dalp_ops.dead_letter d WHERE d.kind = 'transaction' AND d.reference = r.request_id AND d.resolution IS NULL),"
	"  w.name, l.state, l.pause_kind, l.pause_reason, COALESCE(l.nonce_window, c.nonce_window),"
	"  (SELECT count(*)::int FROM dalp_chain.slot o WHERE o.chain_id = r.chain_id AND o.wallet_id = r.wallet_id"
	"   AND o.state = ANY (ARRAY['signed', 'sent'])),"
	"  CASE WHEN r.nonce IS NULL THEN (SELECT count(*)::int FROM (SELECT FROM dalp_chain.request q WHERE q.chain_id = r.chain_id"
	"   AND q.wallet_id = r.wallet_id AND (q.state = 'QUEUED' OR q.state = 'SIGNING')"
	"   AND (q.priority > r.priority OR (q.priority = r.priority AND q.request_id < r.request_id)) LIMIT $2) x) ELSE 0 END,"
	"  c.name, c.halt_reason, c.finality, b.number, b.base_fee::text,"
	"  e.endpoints, e.working, e.retry_at, e.last_error,"
	"  s.state, s.nonce::text, z.nonce::text, z.request_id, s.mined_block,"
	"  a.max_fee::text, a.type = 2 AND a.max_fee < b.base_fee, a.send_class, a.send_answer, a.send_count,"
	"  EXISTS (SELECT FROM dalp.workers k WHERE k.database = pg_catalog.current_database() AND k.kind = 'broadcaster' AND k.state = 'running'),"
	"  EXISTS (SELECT FROM dalp.workers k WHERE k.database = pg_catalog.current_database() AND k.kind = 'signer' AND k.state = 'running')"
	" FROM dalp_chain.request r"
	" JOIN dalp_custody.wallet w ON w.wallet_id = r.wallet_id JOIN dalp_chain.chain c ON c.chain_id = r.chain_id"
	" LEFT JOIN dalp_chain.lane l ON l.chain_id = r.chain_id AND l.wallet_id = r.wallet_id"
	" LEFT JOIN dalp_chain.slot s ON s.request_id = r.request_id AND s.state <> 'foreign_final'"
	" LEFT JOIN LATERAL (SELECT n.nonce, n.request_id FROM dalp_chain.slot n WHERE n.chain_id = r.chain_id"
	"  AND n.wallet_id = r.wallet_id AND n.state = ANY (ARRAY['signed', 'sent']) ORDER BY n.nonce LIMIT 1) z ON true"
	" LEFT JOIN LATERAL (SELECT t.* FROM dalp_chain.attempt t WHERE t.chain_id = s.chain_id AND t.wallet_id = s.wallet_id"
	"  AND t.nonce = s.nonce ORDER BY t.number DESC LIMIT 1) a ON true"
	" LEFT JOIN LATERAL (SELECT k.number, k.base_fee FROM dalp_chain.block k WHERE k.chain_id = r.chain_id"
	"  ORDER BY k.number DESC LIMIT 1) b ON true"
	" CROSS JOIN LATERAL (SELECT count(*)::int AS endpoints, (count(*) FILTER (WHERE h.health IN ('working', 'behind')))::int AS working,"
	"  min(h.retry_at) AS retry_at, (pg_catalog.array_agg(h.last_error ORDER BY p.priority, p.endpoint_id) FILTER (WHERE h.last_error IS NOT NULL))[1] AS last_error"
	"  FROM dalp_chain.endpoint p LEFT JOIN dalp_chain.endpoint_health() h ON h.endpoint_id = p.endpoint_id"
	"  WHERE p.chain_id = r.chain_id AND p.enabled) e"
	" WHERE r.request_id = $1",
	.argument_count = 2,
	.argument_types = {INT8OID, INT8OID}
};

static TimestampTz
time_of(int column)
{
	bool		isnull;
	Datum		value = store_value(0, column, &isnull);

	return isnull ? 0 : DatumGetTimestampTz(value);
}

static int64
number_of(int column)
{
	bool		isnull;
	Datum		value = store_value(0, column, &isnull);

	return isnull ? -1 : DatumGetInt64(value);
}

bool
transaction_why_facts(int64 id, TransactionFacts *facts)
{
	Datum		values[] = {Int64GetDatum(id), Int64GetDatum(WHY_COUNTED + 1)};

	if (store_read(&read_facts, values, NULL, 1) == 0)
		return false;
	*facts = (TransactionFacts) {
		.id = id,
		.state = store_text(0, 1),
		.changed_at = time_of(2),
		.error = store_text(0, 3),
		.cause = store_text(0, 4),
		.cancel_reason = store_text(0, 5),
		.expires_at = time_of(6),
		.dead_letter = store_int64(0, 7),
		.wallet = store_text(0, 8),
		.lane_state = store_text(0, 9),
		.pause_kind = store_text(0, 10),
		.pause_reason = store_text(0, 11),
		.window = store_int32(0, 12),
		.open = store_int32(0, 13),
		.ahead = store_int32(0, 14),
		.chain = store_text(0, 15),
		.halt_reason = store_text(0, 16),
		.finality = store_text(0, 17),
		.head = number_of(18),
		.base_fee = store_text(0, 19),
		.endpoints = store_int32(0, 20),
		.endpoints_working = store_int32(0, 21),
		.endpoint_retry_at = time_of(22),
		.endpoint_error = store_text(0, 23),
		.slot_state = store_text(0, 24),
		.nonce = store_text(0, 25),
		.lowest_nonce = store_text(0, 26),
		.lowest_request = store_int64(0, 27),
		.mined_block = number_of(28),
		.max_fee = store_text(0, 29),
		.below_base = store_bool(0, 30),
		.send_class = store_text(0, 31),
		.send_answer = store_text(0, 32),
		.send_count = store_int32(0, 33),
		.broadcaster = store_bool(0, 34),
		.signer = store_bool(0, 35)
	};
	return true;
}
