/*
 * wallet_store.c
 *		See wallet_store.h.
 */
#include "postgres.h"

#include "catalog/pg_type_d.h"
#include "core/instance.h"
#include "core/spi.h"
#include "custody/wallet_store.h"
#include "utils/array.h"
#include "utils/builtins.h"

/* store_write although it only reads: a wallet made by this very statement's caller is seen too. */
static Statement find_wallet = {
	.sql = "SELECT w.wallet_id, w.disabled, w.created_by::pg_catalog.oid, w.address,"
	" ARRAY(SELECT g.grantee::pg_catalog.oid FROM dalp_custody.wallet_grant g"
	"   WHERE g.wallet_id OPERATOR(pg_catalog.=) w.wallet_id)"
	" FROM dalp_custody.wallet w WHERE w.name OPERATOR(pg_catalog.=) $1",
	.argument_count = 1, .argument_types = {TEXTOID}
};

static Statement add_wallet = {
	.sql = "INSERT INTO dalp_custody.wallet (name, address, created_by)"
	" VALUES ($1, $2::dalp.address, $3::pg_catalog.regrole)"
	" ON CONFLICT (name) DO NOTHING RETURNING wallet_id",
	.argument_count = 3, .argument_types = {TEXTOID, TEXTOID, OIDOID}
};

static Statement add_grant = {
	.sql = "INSERT INTO dalp_custody.wallet_grant (wallet_id, grantee, granted_by)"
	" VALUES ($1, $2::pg_catalog.regrole, $3::pg_catalog.regrole)"
	" ON CONFLICT (wallet_id, grantee) DO NOTHING",
	.argument_count = 3, .argument_types = {INT4OID, OIDOID, OIDOID}
};

static Statement remove_grant = {
	.sql = "DELETE FROM dalp_custody.wallet_grant"
	" WHERE wallet_id OPERATOR(pg_catalog.=) $1"
	" AND grantee::pg_catalog.oid OPERATOR(pg_catalog.=) $2",
	.argument_count = 2, .argument_types = {INT4OID, OIDOID}
};

static Statement disable_wallet = {
	.sql = "UPDATE dalp_custody.wallet SET disabled = true"
	" WHERE wallet_id OPERATOR(pg_catalog.=) $1 AND NOT disabled",
	.argument_count = 1, .argument_types = {INT4OID}
};

bool
wallet_store_find(const char *name, Wallet *wallet)
{
	Datum		values[] = {CStringGetTextDatum(name)};
	bool		isnull;
	Datum	   *grantees;

	if (store_write(&find_wallet, values, NULL, 1) == 0)
		return false;
	wallet->id = store_int32(0, 1);
	wallet->disabled = store_bool(0, 2);
	wallet->created_by = DatumGetObjectId(store_value(0, 3, &isnull));
	memcpy(wallet->address, DatumGetPointer(store_value(0, 4, &isnull)), ADDRESS_LENGTH);
	deconstruct_array(DatumGetArrayTypeP(store_value(0, 5, &isnull)), OIDOID, sizeof(Oid), true,
					  TYPALIGN_INT, &grantees, NULL, &wallet->grantee_count);
	wallet->grantees = palloc(sizeof(Oid) * (wallet->grantee_count + 1));
	for (int i = 0; i < wallet->grantee_count; i++)
		wallet->grantees[i] = DatumGetObjectId(grantees[i]);
	return true;
}

int
wallet_store_add(const char *name, const uint8 address[ADDRESS_LENGTH], Oid creator)
{
	char		text[ADDRESS_TEXT_SIZE];
	Datum		values[3];

	address_write(address, text);
	values[0] = CStringGetTextDatum(name);
	values[1] = CStringGetTextDatum(text);
	values[2] = ObjectIdGetDatum(creator);
	instance_claim();
	return store_write(&add_wallet, values, NULL, 0) == 0 ? 0 : store_int32(0, 1);
}

bool
wallet_store_grant(int wallet_id, Oid grantee, Oid grantor)
{
	Datum		values[] = {Int32GetDatum(wallet_id), ObjectIdGetDatum(grantee), ObjectIdGetDatum(grantor)};

	return store_write(&add_grant, values, NULL, 0) > 0;
}

bool
wallet_store_revoke(int wallet_id, Oid grantee)
{
	Datum		values[] = {Int32GetDatum(wallet_id), ObjectIdGetDatum(grantee)};

	return store_write(&remove_grant, values, NULL, 0) > 0;
}

bool
wallet_store_disable(int wallet_id)
{
	Datum		values[] = {Int32GetDatum(wallet_id)};

	return store_write(&disable_wallet, values, NULL, 0) > 0;
}
