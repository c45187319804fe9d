/*
 * wallet_sql.c
 *		SQL functions about wallets: create, grant, revoke, disable.
 *
 * In a backend, in the caller's transaction.  Rights are checked before the
 * store is opened, because that makes the process the extension's owner.
 */
#include "postgres.h"

#include "compat.h"
#include "core/catalog.h"
#include "core/document_jsonb.h"
#include "core/errors.h"
#include "core/spi.h"
#include "core/wake.h"
#include "custody/key_letter.h"
#include "custody/wallet_store.h"
#include "miscadmin.h"
#include "ops/audit.h"
#include "utils/acl.h"
#include "utils/builtins.h"

DALP_FUNCTION(dalp_create_wallet);
DALP_FUNCTION(dalp_grant_wallet);
DALP_FUNCTION(dalp_revoke_wallet);
DALP_FUNCTION(dalp_disable_wallet);

/* {"name": value} for an audit entry. */
static Jsonb *
details(const char *name, const char *value)
{
	Doc		   *object = doc_object();
	Problem		problem;
	Jsonb	   *jsonb;

	problem.message[0] = problem.where[0] = '\0';
	doc_object_add(object, name, doc_text(value));
	jsonb = doc_to_jsonb(object, &problem);
	if (jsonb == NULL)
		problem_raise(&problem, name);
	return jsonb;
}

Datum
dalp_create_wallet(PG_FUNCTION_ARGS)
{
	char	   *name = text_to_cstring(PG_GETARG_TEXT_PP(0));
	Oid			user = GetUserId();
	char		address_text[ADDRESS_TEXT_SIZE];
	StoreScope	scope;
	SealedKey	key;
	MasterKeyRow master;
	MasterKeyRow known;
	uint8	   *address;
	int			wallet_id;

	catalog_require_writable();
	wallet_require_role("dalp_custodian", "create wallets");
	wallet_check_name("wallet", name);

	key_letter_create(&key, &master);

	store_open(&scope);
	if ((key_store_find_master("sign", &known) && known.version == master.version)
		? memcmp(known.check_value, master.check_value, sizeof(known.check_value)) != 0
		: !key_store_add_master("sign", &master))
		ereport(ERROR,
				(errcode(ERRCODE_DALP_KEY_UNAVAILABLE),
				 errmsg("the sign master key is not available"),
				 errdetail("The signer has another key than this database's keys are sealed with."),
				 errhint("Put the key file back that this database was used with first.")));
	wallet_id = wallet_store_add(name, key.address, user);
	if (wallet_id == 0)
		ereport(ERROR,
				(errcode(ERRCODE_DALP_WRONG_STATE),
				 errmsg("wallet \"%s\" exists already", name),
				 errdetail("Names of wallets are unique and never used again."),
				 errhint("Choose another name.")));
	key_store_add(wallet_id, &key);
	address_write(key.address, address_text);
	audit_add(user, "create_wallet", name, details("address", address_text));
	store_close(&scope);

	address = palloc(ADDRESS_LENGTH);
	memcpy(address, key.address, ADDRESS_LENGTH);
	PG_RETURN_POINTER(address);
}

static void
change_grant(FunctionCallInfo fcinfo, bool grant)
{
	char	   *name = text_to_cstring(PG_GETARG_TEXT_PP(0));
	Oid			grantee = PG_GETARG_OID(1);
	Oid			user = GetUserId();
	char	   *grantee_name = GetUserNameFromId(grantee, grant == false);
	StoreScope	scope;
	Wallet		wallet;
	bool		changed;

	catalog_require_writable();
	wallet_require_role("dalp_custodian", grant ? "grant wallets" : "revoke wallets");
	store_open(&scope);
	wallet_find(name, &wallet);
	changed = grant ? wallet_store_grant(wallet.id, grantee, user)
		: wallet_store_revoke(wallet.id, grantee);
	if (changed)
		audit_add(user, grant ? "grant_wallet" : "revoke_wallet", name,
				  details("role", grantee_name ? grantee_name : "a dropped role"));
	store_close(&scope);
}

Datum
dalp_grant_wallet(PG_FUNCTION_ARGS)
{
	change_grant(fcinfo, true);
	PG_RETURN_VOID();
}

Datum
dalp_revoke_wallet(PG_FUNCTION_ARGS)
{
	change_grant(fcinfo, false);
	PG_RETURN_VOID();
}

/* For good: there is no way back, so that a lost or stolen key stays out of use. */
Datum
dalp_disable_wallet(PG_FUNCTION_ARGS)
{
	char	   *name = text_to_cstring(PG_GETARG_TEXT_PP(0));
	char	   *note = text_to_cstring(PG_GETARG_TEXT_PP(1));
	Oid			user = GetUserId();
	StoreScope	scope;
	Wallet		wallet;

	catalog_require_writable();
	wallet_require_role("dalp_custodian", "disable wallets");
	store_open(&scope);
	wallet_find(name, &wallet);
	if (wallet_store_disable(wallet.id))
	{
		audit_add(user, "disable_wallet", name, details("note", note));
		/* What waits for its signature has waited in vain. */
		wake_at_commit(WORKER_SIGNER);
	}
	store_close(&scope);
	PG_RETURN_VOID();
}
