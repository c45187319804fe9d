/*
 * key_store.c
 *		See key_store.h.
 */
#include "postgres.h"

#include "catalog/pg_type_d.h"
#include "core/spi.h"
#include "custody/key_store.h"
#include "utils/builtins.h"

static Statement find_master = {
	.sql = "SELECT m.version, m.check_value FROM dalp_custody.master_key m"
	" WHERE m.kind OPERATOR(pg_catalog.=) $1 ORDER BY m.version DESC LIMIT 1",
	.argument_count = 1, .argument_types = {TEXTOID}
};

static Statement add_master = {
	.sql = "INSERT INTO dalp_custody.master_key (kind, version, check_value) VALUES ($1, $2, $3)"
	" ON CONFLICT (kind, version) DO UPDATE SET check_value = master_key.check_value"
	" RETURNING check_value",
	.argument_count = 3, .argument_types = {TEXTOID, INT4OID, BYTEAOID}
};

static Statement add_key = {
	.sql = "INSERT INTO dalp_custody.key (wallet_id, version, master_version, wrapped_data_key, sealed_key)"
	" VALUES ($1, $2, $3, $4, $5)",
	.argument_count = 5, .argument_types = {INT4OID, INT4OID, INT4OID, BYTEAOID, BYTEAOID}
};

static Statement find_key = {
	.sql = "SELECT k.version, k.master_version, k.wrapped_data_key, k.sealed_key FROM dalp_custody.key k"
	" WHERE k.wallet_id OPERATOR(pg_catalog.=) $1 ORDER BY k.version DESC LIMIT 1",
	.argument_count = 1, .argument_types = {INT4OID}
};

static Datum
bytes_datum(const void *data, size_t length)
{
	bytea	   *value = palloc(VARHDRSZ + length);

	SET_VARSIZE(value, VARHDRSZ + length);
	memcpy(VARDATA(value), data, length);
	return PointerGetDatum(value);
}

/* A bytea column of exactly that length; false if it isn't. */
static bool
copy_bytes(uint64 row, int column, void *out, size_t length)
{
	bool		isnull;
	Datum		value = store_value(row, column, &isnull);
	bytea	   *bytes;

	if (isnull)
		return false;
	bytes = DatumGetByteaPP(value);
	if ((size_t) VARSIZE_ANY_EXHDR(bytes) != length)
		return false;
	memcpy(out, VARDATA_ANY(bytes), length);
	return true;
}

bool
key_store_find_master(const char *kind, MasterKeyRow *row)
{
	Datum		values[] = {CStringGetTextDatum(kind)};

	if (store_read(&find_master, values, NULL, 1) == 0)
		return false;
	row->version = store_int32(0, 1);
	return copy_bytes(0, 2, row->check_value, sizeof(row->check_value));
}

bool
key_store_add_master(const char *kind, const MasterKeyRow *row)
{
	Datum		values[] = {
		CStringGetTextDatum(kind), Int32GetDatum(row->version),
		bytes_datum(row->check_value, sizeof(row->check_value))
	};

	uint8		stored[sizeof(row->check_value)];

	/* The needless update waits for a concurrent first use and returns what that stored. */
	return store_write(&add_master, values, NULL, 0) == 1 &&
		copy_bytes(0, 1, stored, sizeof(stored)) &&
		memcmp(stored, row->check_value, sizeof(stored)) == 0;
}

void
key_store_add(int wallet_id, const SealedKey *key)
{
	Datum		values[] = {
		Int32GetDatum(wallet_id), Int32GetDatum(key->version), Int32GetDatum(key->master_version),
		bytes_datum(key->wrapped_data_key, SEALED_KEY_LENGTH),
		bytes_datum(key->sealed_key, SEALED_KEY_LENGTH)
	};

	store_write(&add_key, values, NULL, 0);
}

bool
key_store_find(int wallet_id, SealedKey *key)
{
	Datum		values[] = {Int32GetDatum(wallet_id)};

	if (store_read(&find_key, values, NULL, 1) == 0)
		return false;
	key->version = store_int32(0, 1);
	key->master_version = store_int32(0, 2);
	return copy_bytes(0, 3, key->wrapped_data_key, SEALED_KEY_LENGTH) &&
		copy_bytes(0, 4, key->sealed_key, SEALED_KEY_LENGTH);
}
