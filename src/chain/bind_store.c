/*
 * bind_store.c
 *		See bind_store.h.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "chain/amount.h"
#include "chain/bind_store.h"
#include "core/rows.h"
#include "core/spi.h"
#include "custody/key_store.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

/* Gas of a plain transfer to an account without code (Yellow Paper, appendix G). */
#define TRANSFER_GAS 21000

/* One index probe a wallet with prepared requests, however many it has. */
static Statement find_lanes = {
	.sql = "WITH RECURSIVE signing AS ("
	" (SELECT r.chain_id, r.wallet_id FROM dalp_chain.request r WHERE r.state = 'SIGNING'"
	"  ORDER BY r.chain_id, r.wallet_id LIMIT 1)"
	" UNION ALL"
	" SELECT n.chain_id, n.wallet_id FROM signing w CROSS JOIN LATERAL (SELECT r.chain_id, r.wallet_id"
	"  FROM dalp_chain.request r WHERE r.state = 'SIGNING' AND (r.chain_id, r.wallet_id) > (w.chain_id, w.wallet_id)"
	"  ORDER BY r.chain_id, r.wallet_id LIMIT 1) n),"
	" wanting AS (SELECT DISTINCT s.chain_id, s.wallet_id FROM dalp_chain.slot s"
	"  WHERE s.wanted IS NOT NULL AND s.state IN ('signed', 'sent'))"
	"SELECT l.chain_id, l.wallet_id FROM dalp_chain.lane l JOIN dalp_chain.chain c ON c.chain_id = l.chain_id"
	" LEFT JOIN signing g ON g.chain_id = l.chain_id AND g.wallet_id = l.wallet_id"
	" LEFT JOIN wanting t ON t.chain_id = l.chain_id AND t.wallet_id = l.wallet_id"
	" WHERE c.state = 'enabled' AND l.wallet_id % $1 = $2 AND ((g.chain_id IS NOT NULL AND l.state = 'active') OR (t.chain_id IS NOT NULL"
	"  AND (l.state = 'active' OR (l.state = 'paused' AND l.pause_kind IS DISTINCT FROM 'key'))))"
	" ORDER BY l.chain_id, l.wallet_id",
	.argument_count = 2, .argument_types = {INT4OID, INT4OID}
};

static Statement lock_lane = {
	.sql = "SELECT l.next_nonce::pg_catalog.text, c.number::pg_catalog.text, w.address, w.name, c.name, w.disabled,"
	"  l.state = 'active' AND c.state = 'enabled',"
	"  (l.state = 'active' OR (l.state = 'paused' AND l.pause_kind IS DISTINCT FROM 'key')) AND c.state = 'enabled'"
	" FROM dalp_chain.lane l JOIN dalp_chain.chain c ON c.chain_id = l.chain_id"
	" JOIN dalp_custody.wallet w ON w.wallet_id = l.wallet_id"
	" WHERE l.chain_id = $1 AND l.wallet_id = $2 FOR NO KEY UPDATE OF l",
	.argument_count = 2, .argument_types = {INT4OID, INT4OID}
};

static Statement lock_requests = {
	.sql = "SELECT r.request_id, r.to_address, r.value::pg_catalog.text, r.data, r.expires_at, r.run_id IS NOT NULL,"
	"  r.prepared->>'type', r.prepared->>'gas', r.prepared->>'max_fee', r.prepared->>'tip'"
	" FROM dalp_chain.request r"
	" WHERE r.chain_id = $1 AND r.wallet_id = $2 AND r.state = 'SIGNING'"
	" ORDER BY r.priority DESC, r.request_id LIMIT $3 FOR UPDATE SKIP LOCKED",
	.argument_count = 3, .argument_types = {INT4OID, INT4OID, INT4OID}
};

static Statement lock_disabled = {
	.sql = "SELECT r.request_id, r.run_id IS NOT NULL FROM dalp_custody.wallet w CROSS JOIN dalp_chain.chain c"
	" JOIN dalp_chain.request r ON r.chain_id = c.chain_id AND r.wallet_id = w.wallet_id AND r.state = 'QUEUED'"
	" WHERE w.disabled LIMIT $1 FOR NO KEY UPDATE OF r SKIP LOCKED",
	.argument_count = 1, .argument_types = {INT4OID}
};

/* What is wanted decides; what it leaves open is as in the last attempt. */
static Statement lock_wanted = {
	.sql = "SELECT s.request_id, s.nonce::pg_catalog.text, s.wanted->>'kind', a.number + 1,"
	"  s.kind = 'user' OR s.kind = 'recovered', r.to_address, r.value::pg_catalog.text, r.data,"
	"  COALESCE(s.wanted->>'type', a.type::pg_catalog.text), s.wanted->>'gas', a.gas_limit::pg_catalog.text,"
	"  COALESCE(s.wanted->>'max_fee', a.max_fee::pg_catalog.text), COALESCE(s.wanted->>'tip', a.tip::pg_catalog.text)"
	" FROM dalp_chain.slot s"
	" CROSS JOIN LATERAL (SELECT * FROM dalp_chain.attempt a WHERE a.chain_id = s.chain_id AND a.wallet_id = s.wallet_id"
	"  AND a.nonce = s.nonce ORDER BY a.number DESC LIMIT 1) a"
	" LEFT JOIN dalp_chain.request r ON r.request_id = s.request_id"
	" WHERE s.chain_id = $1 AND s.wallet_id = $2 AND s.wanted IS NOT NULL AND s.state IN ('signed', 'sent')"
	" ORDER BY s.nonce LIMIT $3 FOR NO KEY UPDATE OF s SKIP LOCKED",
	.argument_count = 3, .argument_types = {INT4OID, INT4OID, INT4OID}
};

static const Oid write_types[] = {
	INT4OID, INT4OID, INT8OID, TEXTOID, TEXTOID, INT4OID, INT4OID, TEXTOID, TEXTOID, TEXTOID, BYTEAOID, BYTEAOID, TIMESTAMPTZOID
};

#define WRITE_ARGUMENTS \
	.argument_count = 13, \
	.argument_types = {INT4ARRAYOID, INT4ARRAYOID, INT8ARRAYOID, TEXTARRAYOID, TEXTARRAYOID, INT4ARRAYOID, INT4ARRAYOID, \
		TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID, BYTEAARRAYOID, BYTEAARRAYOID, TIMESTAMPTZARRAYOID}

#define WRITE_GIVEN \
	"WITH given AS (SELECT t.*, t.nonce_text::pg_catalog.numeric AS nonce" \
	"  FROM unnest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)" \
	"  AS t (chain_id, wallet_id, id, nonce_text, kind, number, type, gas, max_fee, tip, raw, hash, at))"

#define WRITE_ATTEMPTS \
	"INSERT INTO dalp_chain.attempt (chain_id, wallet_id, nonce, number, kind, type, gas_limit, max_fee, tip," \
	"   raw, hash, state, created_at)" \
	"  SELECT t.chain_id, t.wallet_id, t.nonce, t.number, t.kind, t.type::pg_catalog.int2, t.gas::pg_catalog.numeric," \
	"   t.max_fee::pg_catalog.numeric, t.tip::pg_catalog.numeric, t.raw, t.hash, 'prepared', t.at FROM given t"

static Statement write_bound = {
	.sql = WRITE_GIVEN ","
	" slots AS (INSERT INTO dalp_chain.slot (chain_id, wallet_id, nonce, kind, request_id, state)"
	"  SELECT t.chain_id, t.wallet_id, t.nonce, 'user', t.id, 'signed' FROM given t),"
	" attempts AS (" WRITE_ATTEMPTS "),"
	" changed AS (UPDATE dalp_chain.request r SET state = 'BROADCASTING', nonce = t.nonce, changed_at = t.at"
	"  FROM given t WHERE r.request_id = t.id AND r.state = 'SIGNING'"
	"  RETURNING r.request_id, r.changed_at, t.nonce, t.hash),"
	" noted AS (INSERT INTO dalp_chain.journal (request_id, at, state, details)"
	"  SELECT x.request_id, x.changed_at, 'BROADCASTING',"
	"   pg_catalog.jsonb_build_object('nonce', x.nonce, 'hash', '0x' || pg_catalog.encode(x.hash, 'hex'))"
	"  FROM changed x ORDER BY x.nonce)"
	"SELECT x.request_id FROM changed x",
	WRITE_ARGUMENTS
};

static Statement write_replaced = {
	.sql = WRITE_GIVEN ","
	" slots AS (UPDATE dalp_chain.slot s SET wanted = NULL,"
	"   kind = CASE WHEN t.kind IN ('noop', 'cancel') THEN t.kind ELSE s.kind END"
	"  FROM given t WHERE s.chain_id = t.chain_id AND s.wallet_id = t.wallet_id AND s.nonce = t.nonce),"
	" noted AS (INSERT INTO dalp_chain.journal (request_id, at, state, details)"
	"  SELECT r.request_id, t.at, r.state, pg_catalog.jsonb_build_object('attempt', t.number, 'kind', t.kind,"
	"   'hash', '0x' || pg_catalog.encode(t.hash, 'hex'))"
	"  FROM given t JOIN dalp_chain.request r ON r.request_id = t.id ORDER BY t.nonce)"
	WRITE_ATTEMPTS,
	WRITE_ARGUMENTS
};

static Statement clear_wanted = {
	.sql = "UPDATE dalp_chain.slot SET wanted = NULL WHERE chain_id = $1 AND wallet_id = $2 AND nonce = $3::pg_catalog.numeric",
	.argument_count = 3, .argument_types = {INT4OID, INT4OID, TEXTOID}
};

static Statement advance_lane = {
	.sql = "UPDATE dalp_chain.lane SET next_nonce = $4::pg_catalog.numeric"
	" WHERE chain_id = $1 AND wallet_id = $2 AND next_nonce = $3::pg_catalog.numeric",
	.argument_count = 4, .argument_types = {INT4OID, INT4OID, TEXTOID, TEXTOID}
};

int
bind_store_lanes(int signers, int number, LaneId **lanes, MemoryContext context)
{
	Datum		values[] = {Int32GetDatum(signers), Int32GetDatum(number)};
	uint64		found = store_read(&find_lanes, values, NULL, 0);

	*lanes = MemoryContextAlloc(context, sizeof(LaneId) * (found + 1));
	for (uint64 row = 0; row < found; row++)
	{
		(*lanes)[row].chain_id = store_int32(row, 1);
		(*lanes)[row].wallet_id = store_int32(row, 2);
	}
	return (int) found;
}

bool
bind_store_lock(LaneId id, BindLane *lane)
{
	Datum		values[] = {Int32GetDatum(id.chain_id), Int32GetDatum(id.wallet_id)};
	bool		isnull;
	U256		nonce;

	if (store_write(&lock_lane, values, NULL, 1) == 0)
		return false;
	lane->chain_id = id.chain_id;
	lane->wallet_id = id.wallet_id;
	nonce = amount_from_text(store_text(0, 1));
	lane->next_nonce = nonce.limb[0];
	lane->chain_number = amount_from_text(store_text(0, 2));
	memcpy(lane->key.address, DatumGetPointer(store_value(0, 3, &isnull)), ADDRESS_LENGTH);
	lane->wallet = store_text(0, 4);
	lane->chain = store_text(0, 5);
	lane->disabled = store_bool(0, 6);
	lane->may_bind = store_bool(0, 7);
	lane->may_replace = store_bool(0, 8);
	return key_store_find(id.wallet_id, &lane->key);
}

static Bytes
bytes_value(uint64 row, int column)
{
	Bytes		bytes = {NULL, 0};
	bool		isnull;
	Datum		value = store_value(row, column, &isnull);

	if (!isnull)
	{
		bytea	   *copy = DatumGetByteaPCopy(value);

		bytes.data = (const uint8 *) VARDATA(copy);
		bytes.length = VARSIZE(copy) - VARHDRSZ;
	}
	return bytes;
}

static void
take_recipient(uint64 row, int column, EvmTransaction *tx)
{
	bool		isnull;
	Datum		value = store_value(row, column, &isnull);

	tx->has_to = !isnull;
	if (tx->has_to)
		memcpy(tx->to, DatumGetPointer(value), ADDRESS_LENGTH);
}

/* A number that the broadcaster has left in a document; false if it isn't one. */
static bool
take_number(const char *text, U256 *number)
{
	return text != NULL && u256_parse_decimal(text, strlen(text), number);
}

/* Type, gas and fees, all decimal text; what can't be read refuses this item alone. */
static void
take_prepared(BindItem *item, const BindLane *lane, const char *type, const char *gas,
			  const char *max_fee, const char *tip)
{
	U256		type_number;
	U256		gas_number;

	if (!take_number(type, &type_number) || !take_number(gas, &gas_number) ||
		!take_number(max_fee, &item->max_fee) || !take_number(tip, &item->tip) ||
		!u256_fits_u64(&gas_number) ||
		!(u256_is_zero(&type_number) || (u256_fits_u64(&type_number) && type_number.limb[0] == 2)))
	{
		item->refusal = "its gas and fees were not prepared as expected";
		return;
	}
	item->tx.type = (uint8) type_number.limb[0];
	item->tx.has_chain_id = true;
	item->tx.chain_id = lane->chain_number;
	item->tx.gas = gas_number.limb[0];
	if (item->tx.type == 0)
	{
		item->tx.gas_price = item->max_fee;
		item->tip = u256_from_u64(0);
	}
	else
	{
		item->tx.max_fee = item->max_fee;
		item->tx.max_tip = item->tip;
	}
}

int
bind_store_requests(const BindLane *lane, int limit, BindItem **items)
{
	Datum		values[] = {Int32GetDatum(lane->chain_id), Int32GetDatum(lane->wallet_id), Int32GetDatum(limit)};
	uint64		found = store_write(&lock_requests, values, NULL, 0);

	*items = palloc0(sizeof(BindItem) * (found + 1));
	for (uint64 row = 0; row < found; row++)
	{
		BindItem   *item = &(*items)[row];
		bool		isnull;
		Datum		value;

		item->request_id = store_int64(row, 1);
		take_recipient(row, 2, &item->tx);
		item->tx.value = amount_from_text(store_text(row, 3));
		item->tx.input = bytes_value(row, 4);
		value = store_value(row, 5, &isnull);
		item->has_expires_at = !isnull;
		item->expires_at = isnull ? 0 : DatumGetTimestampTz(value);
		item->has_run = store_bool(row, 6);
		item->kind = "user";
		item->number = 1;
		take_prepared(item, lane, store_text(row, 7), store_text(row, 8), store_text(row, 9), store_text(row, 10));
	}
	return (int) found;
}

int
bind_store_disabled(int limit, BindItem **items)
{
	Datum		values[] = {Int32GetDatum(limit)};
	uint64		found = store_write(&lock_disabled, values, NULL, 0);

	*items = palloc0(sizeof(BindItem) * (found + 1));
	for (uint64 row = 0; row < found; row++)
	{
		(*items)[row].request_id = store_int64(row, 1);
		(*items)[row].has_run = store_bool(row, 2);
	}
	return (int) found;
}

int
bind_store_wanted(const BindLane *lane, int limit, BindItem **items)
{
	Datum		values[] = {Int32GetDatum(lane->chain_id), Int32GetDatum(lane->wallet_id), Int32GetDatum(limit)};
	uint64		found = store_write(&lock_wanted, values, NULL, 0);

	*items = palloc0(sizeof(BindItem) * (found + 1));
	for (uint64 row = 0; row < found; row++)
	{
		BindItem   *item = &(*items)[row];
		U256		nonce = amount_from_text(store_text(row, 2));
		const char *gas = store_text(row, 10);
		bool		empty;

		item->request_id = store_int64(row, 1);
		item->kind = store_text(row, 3);
		item->number = store_int32(row, 4);
		/* A bump of a no-op is a no-op with a higher fee. */
		empty = !store_bool(row, 5) || item->kind == NULL || strcmp(item->kind, "bump") != 0;
		if (item->kind == NULL || (strcmp(item->kind, "bump") != 0 && strcmp(item->kind, "noop") != 0 &&
								   strcmp(item->kind, "cancel") != 0))
			item->refusal = "an unknown kind of attempt is wanted";
		if (empty)
		{
			item->tx.has_to = true;
			memcpy(item->tx.to, lane->key.address, ADDRESS_LENGTH);
			if (gas == NULL)
				gas = psprintf("%d", TRANSFER_GAS);
		}
		else
		{
			take_recipient(row, 6, &item->tx);
			item->tx.value = amount_from_text(store_text(row, 7));
			item->tx.input = bytes_value(row, 8);
			if (gas == NULL)
				gas = store_text(row, 11);
		}
		item->tx.nonce = nonce.limb[0];
		take_prepared(item, lane, store_text(row, 9), gas, store_text(row, 12), store_text(row, 13));
	}
	return (int) found;
}

static Datum
bytes_datum(const void *data, size_t length)
{
	bytea	   *value = palloc(VARHDRSZ + length);

	SET_VARSIZE(value, VARHDRSZ + length);
	memcpy(VARDATA(value), data, length);
	return PointerGetDatum(value);
}

static void
add_row(Rows *rows, const BindLane *lane, const BindItem *item, TimestampTz now)
{
	rows_add(rows);
	rows_set(rows, 0, Int32GetDatum(lane->chain_id));
	rows_set(rows, 1, Int32GetDatum(lane->wallet_id));
	if (item->request_id != 0)
		rows_set(rows, 2, Int64GetDatum(item->request_id));
	rows_set_text(rows, 3, psprintf(UINT64_FORMAT, item->tx.nonce));
	rows_set_text(rows, 4, item->kind);
	rows_set(rows, 5, Int32GetDatum(item->number));
	rows_set(rows, 6, Int32GetDatum(item->tx.type));
	rows_set_text(rows, 7, psprintf(UINT64_FORMAT, item->tx.gas));
	rows_set_text(rows, 8, amount_text(&item->max_fee));
	rows_set_text(rows, 9, amount_text(&item->tip));
	rows_set(rows, 10, bytes_datum(item->raw.data, item->raw.length));
	rows_set(rows, 11, bytes_datum(item->tx.hash, sizeof(item->tx.hash)));
	rows_set(rows, 12, TimestampTzGetDatum(now));
}

void
bind_store_bound(const BindLane *lane, const BindItem *items, int count,
				 uint64 next_nonce, TimestampTz now)
{
	Datum		values[4];
	Rows		rows;
	uint64		bound = next_nonce - lane->next_nonce;

	if (bound == 0)
		return;
	rows_init(&rows, lengthof(write_types), write_types);
	for (int i = 0; i < count; i++)
		if (items[i].refusal == NULL)
			add_row(&rows, lane, &items[i], now);
	if ((uint64) rows.count != bound || rows_flush(&rows, &write_bound) != bound)
		elog(ERROR, "binding of wallet \"%s\" on chain \"%s\" did not change each request once", lane->wallet, lane->chain);

	values[0] = Int32GetDatum(lane->chain_id);
	values[1] = Int32GetDatum(lane->wallet_id);
	values[2] = CStringGetTextDatum(psprintf(UINT64_FORMAT, lane->next_nonce));
	values[3] = CStringGetTextDatum(psprintf(UINT64_FORMAT, next_nonce));
	if (store_write(&advance_lane, values, NULL, 0) != 1)
		elog(ERROR, "the next nonce of wallet \"%s\" on chain \"%s\" has moved under its lock", lane->wallet, lane->chain);
}

void
bind_store_replaced(const BindLane *lane, const BindItem *items, int count, TimestampTz now)
{
	Rows		rows;

	rows_init(&rows, lengthof(write_types), write_types);
	for (int i = 0; i < count; i++)
		if (items[i].refusal == NULL)
			add_row(&rows, lane, &items[i], now);
	rows_flush(&rows, &write_replaced);

	for (int i = 0; i < count; i++)
		if (items[i].refusal != NULL)
		{
			Datum		values[] = {
				Int32GetDatum(lane->chain_id), Int32GetDatum(lane->wallet_id),
				CStringGetTextDatum(psprintf(UINT64_FORMAT, items[i].tx.nonce))
			};

			store_write(&clear_wanted, values, NULL, 0);
		}
}
