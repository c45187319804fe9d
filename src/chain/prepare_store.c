/*
 * prepare_store.c
 *		Queued requests that may be prepared.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "chain/prepare_store.h"
#include "chain/replace.h"
#include "core/clock.h"
#include "core/document_jsonb.h"
#include "core/rows.h"
#include "core/wake.h"

/*
 * The window counts what no block has taken yet.  Reserved is what the latest
 * attempt of each of those may cost, and what is on its way to the signer.
 */
static Statement read_candidates = {
	.sql = "WITH lanes AS (SELECT l.wallet_id, w.address::text AS address, l.state = 'paused' AS no_funds, l.next_nonce + g.signing AS next_nonce,"
	"   COALESCE(l.nonce_window, c.nonce_window) - o.open - g.signing AS room, o.cost + g.cost AS reserved"
	"  FROM dalp_chain.lane l JOIN dalp_chain.chain c ON c.chain_id = l.chain_id JOIN dalp_custody.wallet w ON w.wallet_id = l.wallet_id"
	"  CROSS JOIN LATERAL (SELECT count(*)::int AS open, COALESCE(sum(a.cost), 0) AS cost FROM dalp_chain.slot s CROSS JOIN LATERAL"
	"    (SELECT t.gas_limit * t.max_fee + CASE WHEN t.kind = ANY (ARRAY['user', 'bump']) THEN COALESCE(q.value, 0) ELSE 0 END AS cost"
	"     FROM dalp_chain.attempt t LEFT JOIN dalp_chain.request q ON q.request_id = s.request_id"
	"     WHERE t.chain_id = s.chain_id AND t.wallet_id = s.wallet_id AND t.nonce = s.nonce ORDER BY t.number DESC LIMIT 1) a"
	"   WHERE s.chain_id = l.chain_id AND s.wallet_id = l.wallet_id AND s.state = ANY (ARRAY['signed', 'sent'])) o"
	"  CROSS JOIN LATERAL (SELECT count(*)::int AS signing,"
	"    COALESCE(sum(r.value + (r.prepared->>'gas')::numeric * (r.prepared->>'max_fee')::numeric), 0) AS cost"
	"   FROM dalp_chain.request r WHERE r.chain_id = l.chain_id AND r.wallet_id = l.wallet_id AND r.state = 'SIGNING') g"
	"  WHERE l.chain_id = $1 AND NOT w.disabled"
	"  AND (l.state = 'active' OR ($2 AND l.state = 'paused' AND l.pause_kind = 'funds')))"
	" SELECT l.wallet_id, l.address, l.no_funds, l.next_nonce::text, l.reserved::text,"
	"  r.request_id, r.to_address::text, r.value::text, pg_catalog.encode(r.data, 'hex'), r.priority::int, r.gas_limit::text, r.max_fee::text,"
	"  COALESCE(r.expires_at <= $6, false), r.run_id IS NOT NULL, r.abi"
	" FROM lanes l CROSS JOIN LATERAL (SELECT q.* FROM dalp_chain.request q"
	"   WHERE q.chain_id = $1 AND q.wallet_id = l.wallet_id AND q.state = 'QUEUED' AND q.cancel_reason IS NULL AND q.request_id <> ALL ($3)"
	"   ORDER BY q.priority DESC, q.request_id LIMIT GREATEST(0, LEAST(l.room, $4))) r"
	" ORDER BY l.wallet_id, r.priority DESC, r.request_id LIMIT $5",
	.argument_count = 6,
	.argument_types = {INT4OID, BOOLOID, INT8ARRAYOID, INT4OID, INT8OID, TIMESTAMPTZOID}
};

static Statement read_expired = {
	.sql = "SELECT r.request_id FROM dalp_chain.request r WHERE r.chain_id = $1 AND r.state = 'QUEUED' AND r.expires_at <= $2 LIMIT $3",
	.argument_count = 3,
	.argument_types = {INT4OID, TIMESTAMPTZOID, INT8OID}
};

static Statement write_signing = {
	.sql = "WITH wanted AS (SELECT * FROM ROWS FROM (pg_catalog.unnest($1::bigint[]), pg_catalog.unnest($2::jsonb[]),"
	"   pg_catalog.unnest($3::timestamptz[])) AS t (id, prepared, at)),"
	" locked AS (SELECT r.request_id FROM dalp_chain.request r JOIN wanted t ON t.id = r.request_id"
	"  WHERE r.state = 'QUEUED' AND r.cancel_reason IS NULL ORDER BY r.request_id FOR UPDATE OF r),"
	" changed AS (UPDATE dalp_chain.request r SET state = 'SIGNING', prepared = t.prepared, changed_at = t.at"
	"  FROM wanted t, locked l WHERE t.id = r.request_id AND l.request_id = r.request_id RETURNING r.request_id, t.at, t.prepared)"
	" INSERT INTO dalp_chain.journal (request_id, at, state, details)"
	" SELECT c.request_id, c.at, s.state, CASE WHEN s.state = 'PREPARING' THEN c.prepared END"
	" FROM changed c CROSS JOIN (VALUES (1, 'PREPARING'), (2, 'SIGNING')) AS s (ordinal, state) ORDER BY c.request_id, s.ordinal",
	.argument_count = 3,
	.argument_types = {INT8ARRAYOID, JSONBARRAYOID, TIMESTAMPTZARRAYOID}
};

/* A node that lies is not to fill the table: so many at once. */
static Statement skip_nonces = {
	.sql = "WITH lane AS (SELECT l.chain_id, l.wallet_id, l.next_nonce, LEAST($3::numeric, l.next_nonce + 1000) AS upto FROM dalp_chain.lane l"
	"  WHERE l.chain_id = $1 AND l.wallet_id = $2 AND l.state = 'active' AND l.next_nonce < $3::numeric FOR UPDATE),"
	" slots AS (INSERT INTO dalp_chain.slot (chain_id, wallet_id, nonce, kind, state)"
	"  SELECT l.chain_id, l.wallet_id, n.nonce, 'foreign', 'foreign_final'"
	"  FROM lane l CROSS JOIN LATERAL pg_catalog.generate_series(l.next_nonce, l.upto - 1) AS n (nonce))"
	" UPDATE dalp_chain.lane o SET next_nonce = l.upto FROM lane l WHERE o.chain_id = l.chain_id AND o.wallet_id = l.wallet_id",
	.argument_count = 3,
	.argument_types = {INT4OID, INT4OID, TEXTOID}
};

static char *
kept(MemoryContext keep, char *text)
{
	return text == NULL ? NULL : MemoryContextStrdup(keep, text);
}

Candidate *
prepare_store_candidates(int chain_id, bool with_no_funds, const int64 *held, int held_count,
						 int lane_limit, int limit, MemoryContext keep, int *count)
{
	Datum	   *elements = palloc(held_count * sizeof(Datum) + 1);
	Candidate  *candidates;
	uint64		rows;

	for (int i = 0; i < held_count; i++)
		elements[i] = Int64GetDatum(held[i]);
	{
		Datum		values[] = {
			Int32GetDatum(chain_id), BoolGetDatum(with_no_funds),
			PointerGetDatum(construct_array(elements, held_count, INT8OID, sizeof(int64), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE)),
			Int32GetDatum(lane_limit), Int64GetDatum(limit), TimestampTzGetDatum(clock_now())
		};

		rows = store_read(&read_candidates, values, NULL, 0);
	}
	candidates = MemoryContextAllocZero(keep, rows * sizeof(Candidate) + 1);
	for (uint64 row = 0; row < rows; row++)
	{
		Candidate  *one = &candidates[row];
		char	   *gas = store_text(row, 11);
		char	   *limit_text = store_text(row, 12);
		Datum		abi;
		bool		isnull;

		one->wallet_id = store_int32(row, 1);
		one->from = kept(keep, store_text(row, 2));
		one->no_funds = store_bool(row, 3);
		one->next_nonce = strtou64(store_text(row, 4), NULL, 10);
		one->reserved = quantity_from_decimal(store_text(row, 5));
		one->request_id = store_int64(row, 6);
		one->to = kept(keep, store_text(row, 7));
		one->value = quantity_from_decimal(store_text(row, 8));
		one->data = kept(keep, store_text(row, 9));
		one->priority = store_int32(row, 10);
		one->has_gas = gas != NULL;
		one->gas_limit = gas == NULL ? 0 : strtou64(gas, NULL, 10);
		one->has_limit = limit_text != NULL;
		one->limit = quantity_from_decimal(limit_text);
		one->expired = store_bool(row, 13);
		one->has_run = store_bool(row, 14);
		abi = store_value(row, 15, &isnull);
		one->abi = isnull ? NULL : DatumGetJsonbP(store_copy(keep, abi));
	}
	*count = (int) rows;
	return candidates;
}

int64 *
prepare_store_expired(int chain_id, int limit, int *count)
{
	Datum		values[] = {Int32GetDatum(chain_id), TimestampTzGetDatum(clock_now()), Int64GetDatum(limit)};
	uint64		rows = store_read(&read_expired, values, NULL, 0);
	int64	   *requests = palloc(rows * sizeof(int64) + 1);

	for (uint64 row = 0; row < rows; row++)
		requests[row] = store_int64(row, 1);
	*count = (int) rows;
	return requests;
}

void
prepare_store_signing(const Prepared *prepared, int count)
{
	static const Oid types[] = {INT8OID, JSONBOID, TIMESTAMPTZOID};
	TimestampTz now = clock_now();
	Rows		rows;

	if (count == 0)
		return;
	rows_init(&rows, lengthof(types), types);
	for (int i = 0; i < count; i++)
	{
		Problem		problem = {{0}, {0}};

		rows_add(&rows);
		rows_set(&rows, 0, Int64GetDatum(prepared[i].request_id));
		rows_set(&rows, 1, JsonbPGetDatum(doc_to_jsonb(replace_wanted(NULL, prepared[i].gas, &prepared[i].fees), &problem)));
		rows_set(&rows, 2, TimestampTzGetDatum(now));
	}
	rows_flush(&rows, &write_signing);
	wake_at_commit(WORKER_SIGNER);
}

void
prepare_store_skip_nonces(int chain_id, int wallet_id, uint64 next_nonce)
{
	Datum		values[] = {Int32GetDatum(chain_id), Int32GetDatum(wallet_id),
	CStringGetTextDatum(psprintf(UINT64_FORMAT, next_nonce))};

	store_write(&skip_nonces, values, NULL, 0);
}
