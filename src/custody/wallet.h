/*
 * wallet.h
 *		Wallets as the rest of dalp sees them: who they are, who may use them.
 */
#ifndef DALP_WALLET_H
#define DALP_WALLET_H

#include "postgres.h"

#include "evm/address.h"

typedef struct Wallet
{
	int			id;
	bool		disabled;
	Oid			created_by;
	int			grantee_count;
	Oid		   *grantees;		/* in CurrentMemoryContext */
	uint8		address[ADDRESS_LENGTH];
} Wallet;

/* Finds a wallet by name, or raises DL002. Needs an open store. */
extern void wallet_find(const char *name, Wallet *wallet);

/*
 * Raises 42501 unless the role may submit transactions from the wallet: its
 * creator, a role it was granted to, a custodian, or a member of these.
 */
extern void wallet_require_use(const Wallet *wallet, const char *name, Oid role);

/* Raises DL006 unless that is a name as wallets and chains may have. what: "wallet", "chain". */
extern void wallet_check_name(const char *what, const char *name);

/* Raises 42501 unless the current user is a member of that dalp role. */
extern void wallet_require_role(const char *role_name, const char *action);

#endif							/* DALP_WALLET_H */
