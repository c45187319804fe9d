/*
 * wallet.c
 *		See wallet.h.
 */
#include "postgres.h"

#include "core/catalog.h"
#include "core/errors.h"
#include "custody/wallet.h"
#include "custody/wallet_store.h"
#include "utils/acl.h"

#define WALLET_NAME_MAX 80

void
wallet_find(const char *name, Wallet *wallet)
{
	if (!wallet_store_find(name, wallet))
		ereport(ERROR,
				(errcode(ERRCODE_DALP_UNKNOWN_OBJECT),
				 errmsg("wallet \"%s\" does not exist", name),
				 errdetail("Names are case-sensitive."),
				 errhint("The view dalp.wallets lists the wallets that you may see.")));
}

void
wallet_require_use(const Wallet *wallet, const char *name, Oid role)
{
	Oid			custodian;

	if (has_privs_of_role(role, wallet->created_by))
		return;
	for (int i = 0; i < wallet->grantee_count; i++)
		if (has_privs_of_role(role, wallet->grantees[i]))
			return;
	custodian = get_role_oid("dalp_custodian", true);
	if (OidIsValid(custodian) && has_privs_of_role(role, custodian))
		return;
	ereport(ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 errmsg("permission denied for wallet \"%s\"", name),
			 errdetail("The wallet was not granted to role \"%s\".", GetUserNameFromId(role, false)),
			 errhint("A member of dalp_custodian can use dalp.grant_wallet.")));
}

void
wallet_check_name(const char *what, const char *name)
{
	size_t		length = strlen(name);
	bool		good = length > 0 && length <= WALLET_NAME_MAX;

	for (const char *p = name; good && *p != '\0'; p++)
		good = (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') ||
			(*p >= '0' && *p <= '9') || strchr("_.:-", *p) != NULL;
	if (!good)
		ereport(ERROR,
				(errcode(ERRCODE_DALP_INVALID_INPUT),
				 errmsg("invalid name of a %s", what),
				 errdetail("A name consists of 1 to %d letters, digits and _ . : - characters.", WALLET_NAME_MAX),
				 errhint("Choose another name.")));
}

void
wallet_require_role(const char *role_name, const char *action)
{
	if (!catalog_user_is(role_name))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied to %s", action),
				 errdetail("Only members of %s may do that.", role_name),
				 errhint("An administrator can use GRANT %s.", role_name)));
}
