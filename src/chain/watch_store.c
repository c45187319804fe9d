/*
 * watch_store.c
 *		Blocks, lanes and open slots as following a chain reads and changes them.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "chain/watch_store.h"
#include "core/clock.h"
#include "core/rows.h"

/* Blocks kept for parent checks. */
#define BLOCKS_KEPT "256"

static Statement read_lanes = {
	.sql = "SELECT l.wallet_id, w.address::text, l.state = 'new', l.next_nonce::text, o.any_open"
	" FROM dalp_chain.lane l JOIN dalp_custody.wallet w ON w.wallet_id = l.wallet_id,"
	" LATERAL (SELECT EXISTS (SELECT FROM dalp_chain.slot s WHERE s.chain_id = l.chain_id AND s.wallet_id = l.wallet_id"
	"   AND s.state = ANY (ARRAY['signed', 'sent', 'mined'])) AS any_open) o"
	" WHERE l.chain_id = $1 AND (o.any_open OR (l.state = 'new' AND EXISTS (SELECT FROM dalp_chain.request r"
	"  WHERE r.chain_id = l.chain_id AND r.wallet_id = l.wallet_id AND (r.state = 'QUEUED' OR r.state = 'SIGNING'))))",
	.argument_count = 1,
	.argument_types = {INT4OID}
};

static Statement forget_blocks = {
	.sql = "DELETE FROM dalp_chain.block WHERE chain_id = $1 AND (number >= $2 OR number < $2 - " BLOCKS_KEPT ")",
	.argument_count = 2,
	.argument_types = {INT4OID, INT8OID}
};

static Statement write_block = {
	.sql = "INSERT INTO dalp_chain.block (chain_id, number, hash, parent_hash, base_fee, seen_at)"
	" VALUES ($1, $2, pg_catalog.decode(pg_catalog.substr($3, 3), 'hex'), pg_catalog.decode(pg_catalog.substr($4, 3), 'hex'),"
	"  $5::numeric, $6)",
	.argument_count = 6,
	.argument_types = {INT4OID, INT8OID, TEXTOID, TEXTOID, TEXTOID, TIMESTAMPTZOID}
};

static Statement read_block = {
	.sql = "SELECT FROM dalp_chain.block WHERE chain_id = $1 AND number = $2"
	" AND hash = pg_catalog.decode(pg_catalog.substr($3, 3), 'hex')",
	.argument_count = 3,
	.argument_types = {INT4OID, INT8OID, TEXTOID}
};

static Statement activate_lanes = {
	.sql = "UPDATE dalp_chain.lane l SET state = 'active', next_nonce = t.nonce, first_nonce = t.nonce"
	" FROM ROWS FROM (pg_catalog.unnest($1::int[]), pg_catalog.unnest($2::int[]), pg_catalog.unnest($3::text[]::numeric[]))"
	"  AS t (chain_id, wallet_id, nonce)"
	" WHERE l.chain_id = t.chain_id AND l.wallet_id = t.wallet_id AND l.state = 'new' AND l.first_nonce IS NULL",
	.argument_count = 3,
	.argument_types = {INT4ARRAYOID, INT4ARRAYOID, TEXTARRAYOID}
};

/* A lane that was paused before its count was known: known already, so just active. */
static Statement reactivate_lanes = {
	.sql = "UPDATE dalp_chain.lane SET state = 'active' WHERE chain_id = $1 AND state = 'new' AND first_nonce IS NOT NULL",
	.argument_count = 1,
	.argument_types = {INT4OID}
};

static Statement read_attempts = {
	.sql = "SELECT s.wallet_id, s.nonce::text, s.state = 'mined', d.due, r.state = ANY (ARRAY['BROADCASTING', 'CONFIRMING']),"
	"  s.request_id, a.kind, '0x' || pg_catalog.encode(a.hash, 'hex'), '0x' || pg_catalog.encode(s.mined_block_hash, 'hex'),"
	"  d.due AND p.status = 0, w.address::text, r.to_address::text, r.value::text,"
	"  CASE WHEN d.due AND p.status = 0 THEN pg_catalog.encode(r.data, 'hex') END, a.gas_limit::text, s.mined_block,"
	"  CASE WHEN d.due THEN r.abi END, r.cancel_reason"
	" FROM dalp_chain.slot s"
	" JOIN ROWS FROM (pg_catalog.unnest($2::int[]), pg_catalog.unnest($3::text[]::numeric[])) AS l (wallet_id, consumed)"
	"  ON l.wallet_id = s.wallet_id"
	" CROSS JOIN LATERAL (SELECT s.state = 'mined' AND s.mined_block <= $5 AS due) d"
	" JOIN dalp_chain.attempt a ON a.chain_id = s.chain_id AND a.wallet_id = s.wallet_id AND a.nonce = s.nonce"
	"  AND (NOT d.due OR a.hash = s.mined_hash)"
	" JOIN dalp_custody.wallet w ON w.wallet_id = s.wallet_id"
	" LEFT JOIN dalp_chain.request r ON r.request_id = s.request_id"
	" LEFT JOIN dalp_chain.receipt p ON d.due AND p.chain_id = s.chain_id AND p.hash = s.mined_hash AND p.block_hash = s.mined_block_hash"
	" WHERE s.chain_id = $1 AND s.state = ANY (ARRAY['signed', 'sent', 'mined'])"
	"  AND CASE WHEN s.state = 'mined' THEN d.due OR $4 ELSE s.nonce < l.consumed END"
	"  AND (s.wallet_id, s.nonce) > ($7, $8::numeric)"
	" ORDER BY s.wallet_id, s.nonce, a.number LIMIT $6",
	.argument_count = 8,
	.argument_types = {INT4OID, INT4ARRAYOID, TEXTARRAYOID, BOOLOID, INT8OID, INT8OID, INT4OID, TEXTOID}
};

#define MINED_ROWS \
	"ROWS FROM (pg_catalog.unnest($1::int[]), pg_catalog.unnest($2::int[]), pg_catalog.unnest($3::text[]::numeric[])," \
	" pg_catalog.unnest($4::bigint[]), pg_catalog.unnest($5::text[]), pg_catalog.unnest($6::bigint[]), pg_catalog.unnest($7::text[])," \
	" pg_catalog.unnest($8::int[]), pg_catalog.unnest($9::text[]::numeric[]), pg_catalog.unnest($10::text[]::numeric[])," \
	" pg_catalog.unnest($11::text[]), pg_catalog.unnest($12::text[]), pg_catalog.unnest($13::timestamptz[]))" \
	" AS t (chain_id, wallet_id, nonce, request_id, hash, block, block_hash, status, gas_used, gas_price, contract, body, at)"

static Statement write_mined = {
	.sql = "WITH seen AS MATERIALIZED (SELECT t.*, pg_catalog.decode(pg_catalog.substr(t.hash, 3), 'hex') AS hash_bytes,"
	"   pg_catalog.decode(pg_catalog.substr(t.block_hash, 3), 'hex') AS block_bytes FROM " MINED_ROWS "),"
	" slots AS (UPDATE dalp_chain.slot s SET state = 'mined', mined_hash = t.hash_bytes, mined_block = t.block, mined_block_hash = t.block_bytes"
	"  FROM seen t WHERE s.chain_id = t.chain_id AND s.wallet_id = t.wallet_id AND s.nonce = t.nonce"
	"  AND s.state = ANY (ARRAY['signed', 'sent', 'mined'])),"
	" attempts AS (UPDATE dalp_chain.attempt a SET state = CASE WHEN a.hash = t.hash_bytes THEN 'mined' ELSE 'sent' END"
	"  FROM seen t WHERE a.chain_id = t.chain_id AND a.wallet_id = t.wallet_id AND a.nonce = t.nonce"
	"  AND (a.hash = t.hash_bytes OR a.state = 'mined')),"
	" receipts AS (INSERT INTO dalp_chain.receipt"
	"   (chain_id, hash, block_hash, block_number, status, gas_used, gas_price, contract_address, body, seen_at)"
	"  SELECT t.chain_id, t.hash_bytes, t.block_bytes, t.block, t.status, t.gas_used, t.gas_price, t.contract::dalp.address, t.body::jsonb, t.at"
	"  FROM seen t ON CONFLICT DO NOTHING),"
	" requests AS (UPDATE dalp_chain.request r SET state = 'CONFIRMING', changed_at = t.at"
	"  FROM seen t WHERE r.request_id = t.request_id AND r.state = ANY (ARRAY['BROADCASTING', 'CONFIRMING'])"
	"  RETURNING r.request_id, t.at, t.hash, t.block, t.block_hash)"
	" INSERT INTO dalp_chain.journal (request_id, at, state, details)"
	" SELECT r.request_id, r.at, 'CONFIRMING', pg_catalog.jsonb_build_object('hash', r.hash, 'block_number', r.block, 'block_hash', r.block_hash)"
	" FROM requests r",
	.argument_count = 13,
	.argument_types = {INT4ARRAYOID, INT4ARRAYOID, TEXTARRAYOID, INT8ARRAYOID, TEXTARRAYOID, INT8ARRAYOID, TEXTARRAYOID,
	INT4ARRAYOID, TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID, TIMESTAMPTZARRAYOID}
};

static const Oid mined_types[] = {
	INT4OID, INT4OID, TEXTOID, INT8OID, TEXTOID, INT8OID, TEXTOID, INT4OID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TIMESTAMPTZOID
};

#define KEY_ROWS \
	"ROWS FROM (pg_catalog.unnest($1::int[]), pg_catalog.unnest($2::int[]), pg_catalog.unnest($3::text[]::numeric[])," \
	" pg_catalog.unnest($4::bigint[]), pg_catalog.unnest($5::text[]), pg_catalog.unnest($6::text[]), pg_catalog.unnest($7::timestamptz[]))" \
	" AS t (chain_id, wallet_id, nonce, request_id, hash, block_hash, at)"

#define KEY_TYPES {INT4ARRAYOID, INT4ARRAYOID, TEXTARRAYOID, INT8ARRAYOID, TEXTARRAYOID, TEXTARRAYOID, TIMESTAMPTZARRAYOID}

static const Oid key_types[] = {INT4OID, INT4OID, TEXTOID, INT8OID, TEXTOID, TEXTOID, TIMESTAMPTZOID};

static Statement write_lost = {
	.sql = "WITH lost AS MATERIALIZED (SELECT t.* FROM " KEY_ROWS "),"
	" slots AS (UPDATE dalp_chain.slot s SET state = 'sent', mined_hash = NULL, mined_block = NULL, mined_block_hash = NULL, sent_at = NULL"
	"  FROM lost t WHERE s.chain_id = t.chain_id AND s.wallet_id = t.wallet_id AND s.nonce = t.nonce AND s.state = 'mined'),"
	" attempts AS (UPDATE dalp_chain.attempt a SET state = 'sent'"
	"  FROM lost t WHERE a.chain_id = t.chain_id AND a.wallet_id = t.wallet_id AND a.nonce = t.nonce AND a.state = 'mined'),"
	" requests AS (UPDATE dalp_chain.request r SET state = 'BROADCASTING', changed_at = t.at"
	"  FROM lost t WHERE r.request_id = t.request_id AND r.state = 'CONFIRMING' RETURNING r.request_id, t.at, t.block_hash)"
	" INSERT INTO dalp_chain.journal (request_id, at, state, details)"
	" SELECT r.request_id, r.at, 'BROADCASTING', pg_catalog.jsonb_build_object('reason', 'reorganisation', 'block_hash', r.block_hash)"
	" FROM requests r",
	.argument_count = 7,
	.argument_types = KEY_TYPES
};

static Statement write_final = {
	.sql = "WITH ended AS MATERIALIZED (SELECT t.*, pg_catalog.decode(pg_catalog.substr(t.hash, 3), 'hex') AS hash_bytes,"
	"   pg_catalog.decode(pg_catalog.substr(t.block_hash, 3), 'hex') AS block_bytes FROM " KEY_ROWS "),"
	" slots AS (UPDATE dalp_chain.slot s SET state = 'final', wanted = NULL"
	"  FROM ended t WHERE s.chain_id = t.chain_id AND s.wallet_id = t.wallet_id AND s.nonce = t.nonce AND s.state = 'mined'),"
	" attempts AS (UPDATE dalp_chain.attempt a SET state = 'superseded'"
	"  FROM ended t WHERE a.chain_id = t.chain_id AND a.wallet_id = t.wallet_id AND a.nonce = t.nonce AND a.state <> 'mined')"
	" UPDATE dalp_chain.receipt p SET final = true"
	" FROM ended t WHERE p.chain_id = t.chain_id AND p.hash = t.hash_bytes AND p.block_hash = t.block_bytes",
	.argument_count = 7,
	.argument_types = KEY_TYPES
};

static Statement write_foreign = {
	.sql = "WITH gone AS MATERIALIZED (SELECT t.* FROM " KEY_ROWS "),"
	" slots AS (UPDATE dalp_chain.slot s SET state = 'foreign_final', wanted = NULL"
	"  FROM gone t WHERE s.chain_id = t.chain_id AND s.wallet_id = t.wallet_id AND s.nonce = t.nonce AND s.state = ANY (ARRAY['signed', 'sent'])),"
	" attempts AS (UPDATE dalp_chain.attempt a SET state = 'superseded'"
	"  FROM gone t WHERE a.chain_id = t.chain_id AND a.wallet_id = t.wallet_id AND a.nonce = t.nonce),"
	" requests AS (UPDATE dalp_chain.request r SET state = 'QUEUED', nonce = NULL, prepared = NULL, changed_at = t.at"
	"  FROM gone t WHERE r.request_id = t.request_id AND r.state = ANY (ARRAY['BROADCASTING', 'CONFIRMING'])"
	"  RETURNING r.request_id, t.at, t.nonce)"
	" INSERT INTO dalp_chain.journal (request_id, at, state, details)"
	" SELECT r.request_id, r.at, 'QUEUED', pg_catalog.jsonb_build_object('reason', 'nonce used by somebody else', 'nonce', r.nonce::text)"
	" FROM requests r",
	.argument_count = 7,
	.argument_types = KEY_TYPES
};

static Statement grow_windows = {
	.sql = "UPDATE dalp_chain.lane l SET nonce_window = CASE WHEN l.nonce_window + 1 < c.nonce_window THEN l.nonce_window + 1 END"
	" FROM dalp_chain.chain c WHERE c.chain_id = l.chain_id AND l.chain_id = $1 AND l.wallet_id = ANY ($2) AND l.nonce_window IS NOT NULL",
	.argument_count = 2,
	.argument_types = {INT4OID, INT4ARRAYOID}
};

static uint64
nonce_of(const char *text)
{
	return text == NULL ? 0 : strtou64(text, NULL, 10);
}

static Datum
nonce_text(uint64 nonce)
{
	return CStringGetTextDatum(psprintf(UINT64_FORMAT, nonce));
}

WatchLane *
watch_store_lanes(int chain_id, MemoryContext keep, int *count)
{
	Datum		values[] = {Int32GetDatum(chain_id)};
	uint64		rows;
	WatchLane  *lanes;

	rows = store_read(&read_lanes, values, NULL, 0);
	lanes = MemoryContextAllocZero(keep, rows * sizeof(WatchLane) + 1);
	for (uint64 row = 0; row < rows; row++)
	{
		lanes[row].wallet_id = store_int32(row, 1);
		lanes[row].address = MemoryContextStrdup(keep, store_text(row, 2));
		lanes[row].is_new = store_bool(row, 3);
		lanes[row].next_nonce = nonce_of(store_text(row, 4));
		lanes[row].has_open = store_bool(row, 5);
	}
	*count = (int) rows;
	return lanes;
}

void
watch_store_block(int chain_id, int64 number, const char *hash, const char *parent, const U256 *base_fee)
{
	Datum		values[6] = {Int32GetDatum(chain_id), Int64GetDatum(number)};
	char		nulls[] = "      ";

	store_write(&forget_blocks, values, NULL, 0);
	values[2] = CStringGetTextDatum(hash);
	values[3] = CStringGetTextDatum(parent);
	if (base_fee != NULL)
		values[4] = CStringGetTextDatum(quantity_decimal(base_fee));
	else
		nulls[4] = 'n';
	values[5] = TimestampTzGetDatum(clock_now());
	store_write(&write_block, values, nulls, 0);
}

bool
watch_store_knows_block(int chain_id, int64 number, const char *hash)
{
	Datum		values[] = {Int32GetDatum(chain_id), Int64GetDatum(number), CStringGetTextDatum(hash)};

	return store_read(&read_block, values, NULL, 1) > 0;
}

void
watch_store_activate(int chain_id, const WatchLane *lanes, int count)
{
	static const Oid types[] = {INT4OID, INT4OID, TEXTOID};
	Datum		values[] = {Int32GetDatum(chain_id)};
	Rows		rows;

	rows_init(&rows, lengthof(types), types);
	for (int i = 0; i < count; i++)
	{
		/* Something of that key is under way elsewhere: wait until it is in a block. */
		if (!lanes[i].is_new || !lanes[i].has_latest || !lanes[i].has_pending || lanes[i].latest != lanes[i].pending)
			continue;
		rows_add(&rows);
		rows_set(&rows, 0, Int32GetDatum(chain_id));
		rows_set(&rows, 1, Int32GetDatum(lanes[i].wallet_id));
		rows_set(&rows, 2, nonce_text(lanes[i].latest));
	}
	rows_flush(&rows, &activate_lanes);
	store_write(&reactivate_lanes, values, NULL, 0);
}

static void
read_attempt(OpenAttempt *attempt, uint64 row, MemoryContext keep)
{
	char	   *text;
	Datum		abi;
	bool		isnull;

	attempt->wallet_id = store_int32(row, 1);
	attempt->nonce = nonce_of(store_text(row, 2));
	attempt->mined = store_bool(row, 3);
	attempt->due = store_bool(row, 4);
	attempt->waiting = store_bool(row, 5);
	attempt->request_id = store_int64(row, 6);
	attempt->kind = MemoryContextStrdup(keep, store_text(row, 7));
	strlcpy(attempt->hash, store_text(row, 8), HASH_TEXT_SIZE);
	text = store_text(row, 9);
	strlcpy(attempt->mined_block_hash, text != NULL ? text : "", HASH_TEXT_SIZE);
	attempt->reverted = store_bool(row, 10);
	attempt->from = MemoryContextStrdup(keep, store_text(row, 11));
	text = store_text(row, 12);
	attempt->to = text == NULL ? NULL : MemoryContextStrdup(keep, text);
	attempt->value = quantity_from_decimal(store_text(row, 13));
	text = store_text(row, 14);
	attempt->data = text == NULL ? NULL : MemoryContextStrdup(keep, text);
	attempt->gas_limit = nonce_of(store_text(row, 15));
	attempt->mined_block = store_int64(row, 16);
	abi = store_value(row, 17, &isnull);
	attempt->abi = isnull ? NULL : DatumGetJsonbP(store_copy(keep, abi));
	text = store_text(row, 18);
	attempt->cancel_reason = text == NULL ? NULL : MemoryContextStrdup(keep, text);
}

OpenAttempt *
watch_store_attempts(int chain_id, const WatchLane *lanes, int lane_count, bool reread,
					 int64 final_block, const OpenAttempt *after, int limit, MemoryContext keep, int *count)
{
	Datum	   *wallets = palloc(lane_count * sizeof(Datum) + 1);
	Datum	   *consumed = palloc(lane_count * sizeof(Datum) + 1);
	OpenAttempt *attempts;
	uint64		rows;

	for (int i = 0; i < lane_count; i++)
	{
		wallets[i] = Int32GetDatum(lanes[i].wallet_id);
		consumed[i] = nonce_text(lanes[i].has_latest ? lanes[i].latest : 0);
	}
	{
		Datum		values[] = {
			Int32GetDatum(chain_id),
			PointerGetDatum(construct_array(wallets, lane_count, INT4OID, sizeof(int32), true, TYPALIGN_INT)),
			PointerGetDatum(construct_array(consumed, lane_count, TEXTOID, -1, false, TYPALIGN_INT)),
			BoolGetDatum(reread), Int64GetDatum(final_block), Int64GetDatum(limit),
			Int32GetDatum(after == NULL ? 0 : after->wallet_id), nonce_text(after == NULL ? 0 : after->nonce)
		};

		rows = store_read(&read_attempts, values, NULL, 0);
	}
	attempts = MemoryContextAllocZero(keep, rows * sizeof(OpenAttempt) + 1);
	for (uint64 row = 0; row < rows; row++)
		read_attempt(&attempts[row], row, keep);
	*count = (int) rows;
	return attempts;
}

void
watch_store_mined(int chain_id, const SlotMined *slots, int count)
{
	TimestampTz now = clock_now();
	Rows		rows;

	rows_init(&rows, lengthof(mined_types), mined_types);
	for (int i = 0; i < count; i++)
	{
		const SlotMined *slot = &slots[i];

		rows_add(&rows);
		rows_set(&rows, 0, Int32GetDatum(chain_id));
		rows_set(&rows, 1, Int32GetDatum(slot->wallet_id));
		rows_set(&rows, 2, nonce_text(slot->nonce));
		if (slot->request_id != 0)
			rows_set(&rows, 3, Int64GetDatum(slot->request_id));
		rows_set_text(&rows, 4, slot->hash);
		rows_set(&rows, 5, Int64GetDatum(slot->block));
		rows_set_text(&rows, 6, slot->block_hash);
		rows_set(&rows, 7, Int32GetDatum(slot->status));
		rows_set(&rows, 8, nonce_text(slot->gas_used));
		rows_set_text(&rows, 9, slot->gas_price == NULL ? NULL : quantity_decimal(slot->gas_price));
		rows_set_text(&rows, 10, slot->contract);
		rows_set_text(&rows, 11, slot->body);
		rows_set(&rows, 12, TimestampTzGetDatum(now));
	}
	rows_flush(&rows, &write_mined);
}

static void
write_keys(int chain_id, const SlotKey *slots, int count, Statement *statement)
{
	TimestampTz now = clock_now();
	Rows		rows;

	rows_init(&rows, lengthof(key_types), key_types);
	for (int i = 0; i < count; i++)
	{
		rows_add(&rows);
		rows_set(&rows, 0, Int32GetDatum(chain_id));
		rows_set(&rows, 1, Int32GetDatum(slots[i].wallet_id));
		rows_set(&rows, 2, nonce_text(slots[i].nonce));
		if (slots[i].request_id != 0)
			rows_set(&rows, 3, Int64GetDatum(slots[i].request_id));
		rows_set_text(&rows, 4, slots[i].hash);
		rows_set_text(&rows, 5, slots[i].block_hash);
		rows_set(&rows, 6, TimestampTzGetDatum(now));
	}
	rows_flush(&rows, statement);
}

void
watch_store_lost(int chain_id, const SlotKey *slots, int count)
{
	write_keys(chain_id, slots, count, &write_lost);
}

void
watch_store_final(int chain_id, const SlotKey *slots, int count)
{
	write_keys(chain_id, slots, count, &write_final);
}

void
watch_store_foreign(int chain_id, const SlotKey *slots, int count)
{
	write_keys(chain_id, slots, count, &write_foreign);
}

void
watch_store_grow_windows(int chain_id, const SlotMined *slots, int count)
{
	Datum	   *wallets = palloc(count * sizeof(Datum) + 1);
	Datum		values[2] = {Int32GetDatum(chain_id)};

	if (count == 0)
		return;
	for (int i = 0; i < count; i++)
		wallets[i] = Int32GetDatum(slots[i].wallet_id);
	values[1] = PointerGetDatum(construct_array(wallets, count, INT4OID, sizeof(int32), true, TYPALIGN_INT));
	store_write(&grow_windows, values, NULL, 0);
}
