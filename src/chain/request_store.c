/*
 * request_store.c
 *		See request_store.h.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "chain/amount.h"
#include "chain/request_store.h"
#include "commands/sequence.h"
#include "core/clock.h"
#include "core/document_jsonb.h"
#include "core/errors.h"
#include "core/rows.h"
#include "core/settings.h"
#include "evm/hex.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"

/* Ids are unique among cells: the cell's number is above this bit. */
#define CELL_SHIFT 48

static const Oid insert_types[] = {
	INT8OID, INT4OID, INT4OID, TEXTOID, BYTEAOID, TEXTOID, TEXTOID, BYTEAOID, JSONBOID, INT4OID,
	TEXTOID, TEXTOID, TIMESTAMPTZOID, JSONBOID, INT8OID, INT4OID, INT8OID, OIDOID, TIMESTAMPTZOID
};

static Statement insert_requests = {
	.sql = "WITH given AS (SELECT * FROM unnest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10,"
	"   $11, $12, $13, $14, $15, $16, $17, $18, $19)"
	"  AS t (id, chain_id, wallet_id, key, fingerprint, to_address, value, data, abi, priority,"
	"   gas_limit, max_fee, expires_at, options, run_id, branch_id, retry_of, role, at)),"
	" added AS (INSERT INTO dalp_chain.request"
	"   (request_id, chain_id, wallet_id, idempotency_key, fingerprint, to_address, value, data, abi, priority,"
	"    gas_limit, max_fee, expires_at, options, run_id, branch_id, retry_of, submitted_by, state, submitted_at, changed_at)"
	"  SELECT t.id, t.chain_id, t.wallet_id, t.key, t.fingerprint, t.to_address::dalp.address, t.value::pg_catalog.numeric,"
	"   t.data, t.abi, t.priority::pg_catalog.int2, t.gas_limit::pg_catalog.numeric, t.max_fee::pg_catalog.numeric,"
	"   t.expires_at, t.options, t.run_id, t.branch_id, t.retry_of, t.role::pg_catalog.regrole, 'QUEUED', t.at, t.at"
	"  FROM given t"
	"  ON CONFLICT (chain_id, wallet_id, idempotency_key) WHERE idempotency_key IS NOT NULL DO NOTHING"
	"  RETURNING request_id, submitted_at),"
	" noted AS (INSERT INTO dalp_chain.journal (request_id, at, state)"
	"  SELECT a.request_id, a.submitted_at, s.state FROM added a"
	"   CROSS JOIN (VALUES (1, 'RECEIVED'), (2, 'QUEUED')) AS s (ordinal, state)"
	"   ORDER BY a.request_id, s.ordinal)"
	"SELECT request_id FROM added",
	.argument_count = 19,
	.argument_types = {INT8ARRAYOID, INT4ARRAYOID, INT4ARRAYOID, TEXTARRAYOID, BYTEAARRAYOID, TEXTARRAYOID, TEXTARRAYOID,
		BYTEAARRAYOID, JSONBARRAYOID, INT4ARRAYOID, TEXTARRAYOID, TEXTARRAYOID, TIMESTAMPTZARRAYOID, JSONBARRAYOID,
	INT8ARRAYOID, INT4ARRAYOID, INT8ARRAYOID, OIDARRAYOID, TIMESTAMPTZARRAYOID}
};

static Statement find_key = {
	.sql = "SELECT r.request_id, r.fingerprint, r.submitted_at FROM dalp_chain.request r"
	" WHERE r.chain_id = $1 AND r.wallet_id = $2 AND r.idempotency_key = $3",
	.argument_count = 3, .argument_types = {INT4OID, INT4OID, TEXTOID}
};

#define REQUEST_COLUMNS \
	"r.state, r.nonce::pg_catalog.text, s.state, COALESCE(r.result_hash, s.mined_hash," \
	"  (SELECT a.hash FROM dalp_chain.attempt a WHERE a.chain_id = s.chain_id AND a.wallet_id = s.wallet_id" \
	"    AND a.nonce = s.nonce ORDER BY a.number DESC LIMIT 1))," \
	" COALESCE(r.result_block, s.mined_block), r.result, r.error, r.cause, r.cancel_reason," \
	" r.submitted_by::pg_catalog.oid, r.xmin, r.run_id, r.branch_id, w.name, c.name," \
	" ARRAY[r.submitted_by::pg_catalog.oid, w.created_by::pg_catalog.oid] || ARRAY(SELECT g.grantee::pg_catalog.oid" \
	"  FROM dalp_custody.wallet_grant g WHERE g.wallet_id = r.wallet_id)" \
	" FROM dalp_chain.request r" \
	" JOIN dalp_custody.wallet w ON w.wallet_id = r.wallet_id JOIN dalp_chain.chain c ON c.chain_id = r.chain_id" \
	" LEFT JOIN dalp_chain.slot s ON s.request_id = r.request_id AND s.state <> 'foreign_final'" \
	" WHERE r.request_id = $1"

static Statement find_request = {
	.sql = "SELECT " REQUEST_COLUMNS,
	.argument_count = 1, .argument_types = {INT8OID}
};

static Statement lock_request = {
	.sql = "SELECT FROM dalp_chain.request r WHERE r.request_id = $1 FOR NO KEY UPDATE",
	.argument_count = 1, .argument_types = {INT8OID}
};

static Statement ask_cancel = {
	.sql = "UPDATE dalp_chain.request SET cancel_reason = $2 WHERE request_id = $1",
	.argument_count = 2, .argument_types = {INT8OID, TEXTOID}
};

static Statement read_offer = {
	.sql = "SELECT a.max_fee::pg_catalog.text, r.max_fee::pg_catalog.text, c.max_fee::pg_catalog.text, c.fee_mode = 'zero'"
	" FROM dalp_chain.request r JOIN dalp_chain.chain c ON c.chain_id = r.chain_id"
	" LEFT JOIN LATERAL (SELECT t.max_fee FROM dalp_chain.attempt t WHERE t.chain_id = r.chain_id"
	"  AND t.wallet_id = r.wallet_id AND t.nonce = r.nonce ORDER BY t.number DESC LIMIT 1) a ON true"
	" WHERE r.request_id = $1",
	.argument_count = 1, .argument_types = {INT8OID}
};

static Statement speed_up = {
	.sql = "WITH changed AS (UPDATE dalp_chain.request SET faster = $2, max_fee = COALESCE($3::pg_catalog.numeric, max_fee)"
	" WHERE request_id = $1 RETURNING request_id, state, max_fee)"
	"INSERT INTO dalp_chain.journal (request_id, at, state, details)"
	" SELECT c.request_id, $4, c.state, pg_catalog.jsonb_build_object('speed_up', 'asked', 'max_fee', c.max_fee::pg_catalog.text)"
	" FROM changed c",
	.argument_count = 4, .argument_types = {INT8OID, BOOLOID, TEXTOID, TIMESTAMPTZOID}
};

static Statement lock_run = {
	.sql = "SELECT r.request_id FROM dalp_chain.request r WHERE r.run_id = $1 AND r.branch_id = $2"
	" ORDER BY r.request_id FOR NO KEY UPDATE",
	.argument_count = 2, .argument_types = {INT8OID, INT4OID}
};

static Statement forget_run = {
	.sql = "WITH gone AS (SELECT r.request_id, r.run_id FROM dalp_chain.request r WHERE r.request_id = ANY ($1)),"
	" changed AS (UPDATE dalp_chain.request r SET run_id = NULL, branch_id = NULL"
	"  WHERE r.request_id = ANY ($1) RETURNING r.request_id, r.state)"
	"INSERT INTO dalp_chain.journal (request_id, at, state, details)"
	" SELECT x.request_id, $2, x.state, pg_catalog.jsonb_build_object('abandoned_by_run', g.run_id)"
	" FROM changed x JOIN gone g ON g.request_id = x.request_id",
	.argument_count = 2, .argument_types = {INT8ARRAYOID, TIMESTAMPTZOID}
};

/* All that a run ever submitted, by the start of their keys, also those that it has abandoned. */
static Statement unsettled_of_run = {
	.sql = "SELECT r.request_id FROM dalp_chain.request r"
	" WHERE r.idempotency_key ~>=~ 'dalp:run:' AND r.idempotency_key ~<~ 'dalp:run;'"
	" AND r.idempotency_key ~>=~ $1 AND r.idempotency_key ~<~ $2"
	" AND (r.finished_at IS NULL OR EXISTS (SELECT FROM dalp_chain.slot s WHERE s.request_id = r.request_id"
	"  AND s.state NOT IN ('final', 'foreign_final'))) LIMIT 1",
	.argument_count = 2, .argument_types = {TEXTOID, TEXTOID}
};

static Statement completed_of_run = {
	.sql = "SELECT r.request_id, r.result FROM dalp_chain.request r"
	" WHERE r.idempotency_key ~>=~ 'dalp:run:' AND r.idempotency_key ~<~ 'dalp:run;'"
	" AND r.idempotency_key ~>=~ $1 AND r.idempotency_key ~<=~ $1 AND r.state = 'COMPLETED' LIMIT 1",
	.argument_count = 1, .argument_types = {TEXTOID}
};

static Statement copy_request = {
	.sql = "SELECT w.name, c.name, r.to_address::pg_catalog.text, r.value::pg_catalog.text, r.data, r.abi, r.priority::pg_catalog.int4,"
	"  r.gas_limit::pg_catalog.text, r.max_fee::pg_catalog.text, r.options, r.submitted_by::pg_catalog.oid, r.state,"
	"  r.nonce IS NULL OR NOT EXISTS (SELECT FROM dalp_chain.slot s WHERE s.request_id = r.request_id"
	"   AND s.state NOT IN ('final', 'foreign_final')), r.run_id, r.branch_id"
	" FROM dalp_chain.request r JOIN dalp_custody.wallet w ON w.wallet_id = r.wallet_id"
	" JOIN dalp_chain.chain c ON c.chain_id = r.chain_id"
	" WHERE r.request_id = $1 FOR NO KEY UPDATE OF r",
	.argument_count = 1, .argument_types = {INT8OID}
};

int64
request_store_new_id(void)
{
	Oid			sequence = get_relname_relid("request_id_seq", get_namespace_oid("dalp_chain", false));

	if (!OidIsValid(sequence))
		elog(ERROR, "the sequence of request ids is missing");
	return nextval_internal(sequence, false) + ((int64) dalp_cell << CELL_SHIFT);
}

static Datum
bytes_datum(const void *data, size_t length)
{
	bytea	   *value = palloc(VARHDRSZ + length);

	SET_VARSIZE(value, VARHDRSZ + length);
	if (length > 0)
		memcpy(VARDATA(value), data, length);
	return PointerGetDatum(value);
}

static void
set_document(Rows *rows, int column, const Doc *doc)
{
	Problem		problem;
	Jsonb	   *jsonb;

	if (doc == NULL)
		return;
	problem.message[0] = problem.where[0] = '\0';
	jsonb = doc_to_jsonb(doc, &problem);
	if (jsonb == NULL)
		problem_raise(&problem, "request");
	rows_set(rows, column, JsonbPGetDatum(jsonb));
}

static void
add_row(Rows *rows, const Request *request, TimestampTz now)
{
	char	   *to;

	rows_add(rows);
	rows_set(rows, 0, Int64GetDatum(request->id));
	rows_set(rows, 1, Int32GetDatum(request->chain_id));
	rows_set(rows, 2, Int32GetDatum(request->wallet_id));
	rows_set_text(rows, 3, request->key);
	rows_set(rows, 4, bytes_datum(request->fingerprint, sizeof(request->fingerprint)));
	if (request->has_to)
	{
		/* All in lower case, so that the type checks no checksum. */
		to = hex_text(request->to, ADDRESS_LENGTH);
		rows_set_text(rows, 5, to);
	}
	rows_set_text(rows, 6, amount_text(&request->value));
	rows_set(rows, 7, bytes_datum(request->data.data, request->data.length));
	set_document(rows, 8, request->abi);
	rows_set(rows, 9, Int32GetDatum(request->priority));
	if (request->has_gas_limit)
	{
		U256		gas = u256_from_u64(request->gas_limit);

		rows_set_text(rows, 10, amount_text(&gas));
	}
	if (request->has_max_fee)
		rows_set_text(rows, 11, amount_text(&request->max_fee));
	if (request->has_expires_at)
		rows_set(rows, 12, TimestampTzGetDatum(request->expires_at));
	set_document(rows, 13, request->options);
	if (request->run_id != 0)
	{
		rows_set(rows, 14, Int64GetDatum(request->run_id));
		rows_set(rows, 15, Int32GetDatum(request->branch_id));
	}
	if (request->retry_of != 0)
		rows_set(rows, 16, Int64GetDatum(request->retry_of));
	rows_set(rows, 17, ObjectIdGetDatum(request->role));
	rows_set(rows, 18, TimestampTzGetDatum(now));
}

void
request_store_insert(Request *requests, int count)
{
	TimestampTz now = clock_now();
	Rows		rows;
	uint64		added;
	int			next = 0;

	rows_init(&rows, lengthof(insert_types), insert_types);
	for (int i = 0; i < count; i++)
		add_row(&rows, &requests[i], now);
	added = rows_flush(&rows, &insert_requests);

	/* Ids grow in the order of the requests, and so do those that came back. */
	for (uint64 row = 0; row < added; row++)
	{
		int64		id = store_int64(row, 1);

		while (next < count && requests[next].id != id)
			requests[next++].created = false;
		if (next == count)
			elog(ERROR, "request " INT64_FORMAT " came back out of order", id);
		requests[next++].created = true;
	}
	while (next < count)
		requests[next++].created = false;
}

bool
request_store_find_key(int chain_id, int wallet_id, const char *key, RequestFirst *first)
{
	Datum		values[] = {Int32GetDatum(chain_id), Int32GetDatum(wallet_id), CStringGetTextDatum(key)};
	bool		isnull;
	bytea	   *fingerprint;

	/* store_write: a new snapshot, which sees what the insertion has just waited for. */
	if (store_write(&find_key, values, NULL, 1) == 0)
		return false;
	first->id = store_int64(0, 1);
	fingerprint = DatumGetByteaPP(store_value(0, 2, &isnull));
	memcpy(first->fingerprint, VARDATA_ANY(fingerprint), sizeof(first->fingerprint));
	first->submitted_at = DatumGetTimestampTz(store_value(0, 3, &isnull));
	return true;
}

static void
read_request(int64 id, RequestRow *row, MemoryContext context)
{
	MemoryContext old = MemoryContextSwitchTo(context);
	bool		isnull;
	Datum		value;
	Datum	   *readers;

	memset(row, 0, sizeof(*row));
	row->id = id;
	row->state = store_text(0, 1);
	row->nonce = store_text(0, 2);
	row->slot_state = store_text(0, 3);
	value = store_value(0, 4, &isnull);
	row->hash = isnull ? NULL : DatumGetByteaPCopy(value);
	value = store_value(0, 5, &isnull);
	row->has_block = !isnull;
	row->block = isnull ? 0 : DatumGetInt64(value);
	value = store_value(0, 6, &isnull);
	row->result = isnull ? NULL : DatumGetJsonbPCopy(value);
	row->error = store_text(0, 7);
	row->cause = store_text(0, 8);
	row->cancel_reason = store_text(0, 9);
	row->submitted_by = DatumGetObjectId(store_value(0, 10, &isnull));
	row->own_transaction = TransactionIdIsCurrentTransactionId(DatumGetTransactionId(store_value(0, 11, &isnull)));
	row->run_id = store_int64(0, 12);
	row->branch_id = store_int32(0, 13);
	row->wallet = store_text(0, 14);
	row->chain = store_text(0, 15);
	deconstruct_array(DatumGetArrayTypeP(store_value(0, 16, &isnull)), OIDOID, sizeof(Oid), true, TYPALIGN_INT,
					  &readers, NULL, &row->reader_count);
	row->readers = palloc(sizeof(Oid) * (row->reader_count + 1));
	for (int i = 0; i < row->reader_count; i++)
		row->readers[i] = DatumGetObjectId(readers[i]);
	row->final = strcmp(row->state, "COMPLETED") == 0 || strcmp(row->state, "FAILED") == 0 ||
		strcmp(row->state, "DEAD_LETTER") == 0 || strcmp(row->state, "CANCELLED") == 0;
	MemoryContextSwitchTo(old);
}

bool
request_store_find(int64 id, RequestRow *row, MemoryContext context)
{
	Datum		values[] = {Int64GetDatum(id)};

	if (store_read(&find_request, values, NULL, 1) == 0)
		return false;
	read_request(id, row, context);
	return true;
}

bool
request_store_lock(int64 id, RequestRow *row, MemoryContext context)
{
	Datum		values[] = {Int64GetDatum(id)};

	if (store_write(&lock_request, values, NULL, 1) == 0 ||
		store_write(&find_request, values, NULL, 1) == 0)
		return false;
	read_request(id, row, context);
	return true;
}

void
request_store_ask_cancel(int64 id, const char *reason)
{
	Datum		values[] = {Int64GetDatum(id), CStringGetTextDatum(reason)};

	store_write(&ask_cancel, values, NULL, 0);
}

void
request_store_offer(int64 id, RequestOffer *offer)
{
	Datum		values[] = {Int64GetDatum(id)};
	char	   *text;

	memset(offer, 0, sizeof(*offer));
	if (store_write(&read_offer, values, NULL, 1) == 0)
		elog(ERROR, "request " INT64_FORMAT " is gone", id);
	if ((text = store_text(0, 1)) != NULL)
	{
		offer->bound = true;
		offer->max_fee = amount_from_text(text);
	}
	if ((text = store_text(0, 2)) != NULL)
	{
		offer->has_own_limit = true;
		offer->own_limit = amount_from_text(text);
	}
	if ((text = store_text(0, 3)) != NULL)
	{
		offer->has_chain_limit = true;
		offer->chain_limit = amount_from_text(text);
	}
	offer->without_fees = store_bool(0, 4);
}

void
request_store_speed_up(int64 id, bool bound, const U256 *max_fee)
{
	Datum		values[] = {
		Int64GetDatum(id), BoolGetDatum(bound), max_fee ? CStringGetTextDatum(amount_text(max_fee)) : (Datum) 0,
		TimestampTzGetDatum(clock_now())
	};

	store_write(&speed_up, values, max_fee ? NULL : "  n ", 0);
}

int64
request_store_unsettled_of_run(int64 run_id)
{
	Datum		values[] = {
		CStringGetTextDatum(psprintf(REQUEST_KEY_PREFIX "run:" INT64_FORMAT ":", run_id)),
		CStringGetTextDatum(psprintf(REQUEST_KEY_PREFIX "run:" INT64_FORMAT ";", run_id))
	};

	return store_write(&unsettled_of_run, values, NULL, 1) == 0 ? 0 : store_int64(0, 1);
}

int64
request_store_completed(const char *key, Jsonb **result)
{
	MemoryContext context = CurrentMemoryContext;
	Datum		values[] = {CStringGetTextDatum(key)};
	Datum		value;
	bool		isnull;

	*result = NULL;
	if (store_write(&completed_of_run, values, NULL, 1) == 0)
		return 0;
	value = store_value(0, 2, &isnull);
	if (!isnull)
		*result = DatumGetJsonbP(store_copy(context, value));
	return store_int64(0, 1);
}

int
request_store_lock_run(int64 run_id, int branch_id, int64 **ids)
{
	Datum		values[] = {Int64GetDatum(run_id), Int32GetDatum(branch_id)};
	uint64		found = store_write(&lock_run, values, NULL, 0);

	*ids = palloc(sizeof(int64) * (found + 1));
	for (uint64 row = 0; row < found; row++)
		(*ids)[row] = store_int64(row, 1);
	return (int) found;
}

void
request_store_forget_run(const int64 *ids, int count, TimestampTz now)
{
	Datum	   *elements = palloc(sizeof(Datum) * (count + 1));
	Datum		values[2];

	for (int i = 0; i < count; i++)
		elements[i] = Int64GetDatum(ids[i]);
	values[0] = PointerGetDatum(construct_array(elements, count, INT8OID, sizeof(int64), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
	values[1] = TimestampTzGetDatum(now);
	store_write(&forget_run, values, NULL, 0);
}

void
request_store_attach_run(int64 id, int64 run_id, int branch_id)
{
	static Statement attach = {
		.sql = "UPDATE dalp_chain.request SET run_id = $2, branch_id = $3 WHERE request_id = $1",
		.argument_count = 3, .argument_types = {INT8OID, INT8OID, INT4OID}
	};
	Datum		values[] = {Int64GetDatum(id), Int64GetDatum(run_id), Int32GetDatum(branch_id)};

	store_write(&attach, values, NULL, 0);
}

static const Doc *
document_value(int column)
{
	bool		isnull;
	Datum		value = store_value(0, column, &isnull);

	return isnull ? NULL : doc_from_jsonb(DatumGetJsonbP(value));
}

bool
request_store_copy(int64 id, RequestCopy *copy)
{
	Datum		values[] = {Int64GetDatum(id)};
	Request    *request = &copy->request;
	Problem		problem;
	bool		isnull;
	bytea	   *data;
	char	   *text;
	U256		gas;

	memset(copy, 0, sizeof(*copy));
	problem.message[0] = problem.where[0] = '\0';
	if (store_write(&copy_request, values, NULL, 1) == 0)
		return false;
	request->wallet = store_text(0, 1);
	request->chain = store_text(0, 2);
	text = store_text(0, 3);
	request->has_to = text != NULL;
	if (text != NULL && !address_parse(text, strlen(text), request->to, "to", &problem))
		problem_raise(&problem, "request");
	request->value = amount_from_text(store_text(0, 4));
	data = DatumGetByteaPCopy(store_value(0, 5, &isnull));
	request->data.data = (const uint8 *) VARDATA(data);
	request->data.length = VARSIZE(data) - VARHDRSZ;
	request->abi = document_value(6);
	request->priority = store_int32(0, 7);
	text = store_text(0, 8);
	request->has_gas_limit = text != NULL;
	if (text != NULL)
	{
		gas = amount_from_text(text);
		request->gas_limit = gas.limb[0];
	}
	text = store_text(0, 9);
	request->has_max_fee = text != NULL;
	if (text != NULL)
		request->max_fee = amount_from_text(text);
	request->options = document_value(10);
	request->role = DatumGetObjectId(store_value(0, 11, &isnull));
	request->retry_of = id;
	copy->state = store_text(0, 12);
	copy->dead = strcmp(copy->state, "DEAD_LETTER") == 0;
	copy->settled = store_bool(0, 13);
	request->run_id = store_int64(0, 14);
	request->branch_id = store_int32(0, 15);
	return true;
}
