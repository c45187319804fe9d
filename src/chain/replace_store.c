/*
 * replace_store.c
 *		Slots that may want another attempt.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"

#include "chain/replace_store.h"
#include "core/clock.h"
#include "core/document_jsonb.h"
#include "core/spi.h"
#include "core/wake.h"
#include "utils/timestamp.h"

/* Offers looked at in one go. */
#define OFFERS 500

/*
 * Progress of the lowest open nonce counts from the block that took the one
 * below it, as far as that is later than its own acceptance.
 */
static Statement read_offers = {
	.sql = "SELECT s.wallet_id, s.nonce::text, s.nonce = o.lowest, x.cancel,"
	"  COALESCE(a.send_class = ANY (ARRAY['underpriced', 'replacement_underpriced', 'below_base']), false),"
	"  a.kind, a.number, x.since, a.gas_limit::text, COALESCE(r.priority, 0)::int,"
	"  a.type::int, a.max_fee::text, a.tip::text, r.max_fee::text, x.faster, s.request_id"
	" FROM dalp_chain.slot s"
	" CROSS JOIN LATERAL (SELECT min(n.nonce) AS lowest FROM dalp_chain.slot n"
	"  WHERE n.chain_id = s.chain_id AND n.wallet_id = s.wallet_id AND n.state = ANY (ARRAY['signed', 'sent'])) o"
	" CROSS JOIN LATERAL (SELECT t.* FROM dalp_chain.attempt t"
	"  WHERE t.chain_id = s.chain_id AND t.wallet_id = s.wallet_id AND t.nonce = s.nonce ORDER BY t.number DESC LIMIT 1) a"
	" LEFT JOIN dalp_chain.request r ON r.request_id = s.request_id"
	" LEFT JOIN dalp_chain.slot b ON b.chain_id = s.chain_id AND b.wallet_id = s.wallet_id AND b.nonce = s.nonce - 1"
	" CROSS JOIN LATERAL (SELECT COALESCE(GREATEST(s.accepted_block, CASE WHEN s.accepted_block IS NOT NULL THEN b.mined_block END), -1) AS since,"
	"  r.cancel_reason IS NOT NULL AND s.kind = 'user' AND a.kind = ANY (ARRAY['user', 'bump']) AS cancel,"
	"  COALESCE(r.faster, false) AS faster) x"
	" WHERE s.chain_id = $1 AND s.state = ANY (ARRAY['signed', 'sent']) AND s.wanted IS NULL AND a.state <> 'prepared'"
	"  AND (x.cancel OR x.faster OR (s.nonce = o.lowest AND x.since >= 0 AND $3 - x.since >= $2) OR a.max_fee < $4::numeric"
	"   OR a.send_class = ANY (ARRAY['underpriced', 'replacement_underpriced', 'below_base']))"
	" ORDER BY s.wallet_id, s.nonce LIMIT $5",
	.argument_count = 5,
	.argument_types = {INT4OID, INT4OID, INT8OID, TEXTOID, INT8OID}
};

static Statement write_wanted = {
	.sql = "UPDATE dalp_chain.slot SET wanted = $4 WHERE chain_id = $1 AND wallet_id = $2 AND nonce = $3::numeric"
	" AND wanted IS NULL AND state = ANY (ARRAY['signed', 'sent'])",
	.argument_count = 4,
	.argument_types = {INT4OID, INT4OID, TEXTOID, JSONBOID}
};

static Statement write_sped_up = {
	.sql = "WITH changed AS (UPDATE dalp_chain.request SET faster = false WHERE request_id = $1 RETURNING request_id, state)"
	"INSERT INTO dalp_chain.journal (request_id, at, state, details)"
	" SELECT c.request_id, $2, c.state, pg_catalog.jsonb_build_object('speed_up', CASE WHEN $3 THEN 'offered' ELSE 'no room under the fee limit' END)"
	" FROM changed c",
	.argument_count = 3,
	.argument_types = {INT8OID, TIMESTAMPTZOID, BOOLOID}
};

OpenOffer *
replace_store_offers(int chain_id, int bump_blocks, int64 head, const U256 *next_base, int *count)
{
	Datum		values[] = {
		Int32GetDatum(chain_id), Int32GetDatum(bump_blocks), Int64GetDatum(head),
		CStringGetTextDatum(quantity_decimal(next_base)), Int64GetDatum(OFFERS)
	};
	uint64		rows = store_read(&read_offers, values, NULL, 0);
	OpenOffer  *offers = palloc0(rows * sizeof(OpenOffer) + 1);

	for (uint64 row = 0; row < rows; row++)
	{
		OpenOffer  *offer = &offers[row];
		char	   *limit = store_text(row, 14);

		offer->wallet_id = store_int32(row, 1);
		offer->nonce = strtou64(store_text(row, 2), NULL, 10);
		offer->lowest = store_bool(row, 3);
		offer->cancel = store_bool(row, 4);
		offer->underpriced = store_bool(row, 5);
		offer->kind = store_text(row, 6);
		offer->attempts = store_int32(row, 7);
		offer->since = store_int64(row, 8);
		offer->gas = strtou64(store_text(row, 9), NULL, 10);
		offer->priority = store_int32(row, 10);
		offer->fees.type = store_int32(row, 11);
		offer->fees.max_fee = quantity_from_decimal(store_text(row, 12));
		offer->fees.tip = quantity_from_decimal(store_text(row, 13));
		offer->has_limit = limit != NULL;
		offer->limit = quantity_from_decimal(limit);
		offer->faster = store_bool(row, 15);
		offer->request_id = store_int64(row, 16);
	}
	*count = (int) rows;
	return offers;
}

void
replace_store_sped_up(int64 request_id, bool granted)
{
	Datum		values[] = {Int64GetDatum(request_id), TimestampTzGetDatum(clock_now()), BoolGetDatum(granted)};

	store_write(&write_sped_up, values, NULL, 0);
}

void
replace_store_want(int chain_id, int wallet_id, uint64 nonce, const Doc *wanted)
{
	Problem		problem = {{0}, {0}};
	Datum		values[] = {
		Int32GetDatum(chain_id), Int32GetDatum(wallet_id), CStringGetTextDatum(psprintf(UINT64_FORMAT, nonce)),
		JsonbPGetDatum(doc_to_jsonb(wanted, &problem))
	};

	store_write(&write_wanted, values, NULL, 0);
	wake_at_commit(WORKER_SIGNER);
}
