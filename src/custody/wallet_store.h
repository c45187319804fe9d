/*
 * wallet_store.h
 *		The tables wallet and wallet_grant of dalp_custody.  Needs an open store.
 */
#ifndef DALP_WALLET_STORE_H
#define DALP_WALLET_STORE_H

#include "postgres.h"

#include "custody/wallet.h"

extern bool wallet_store_find(const char *name, Wallet *wallet);

/* Adds a wallet and returns its id, or 0 where the name is taken. */
extern int	wallet_store_add(const char *name, const uint8 address[ADDRESS_LENGTH], Oid creator);

/* False where it was granted already; not granted. */
extern bool wallet_store_grant(int wallet_id, Oid grantee, Oid grantor);
extern bool wallet_store_revoke(int wallet_id, Oid grantee);

/* False where it is disabled already. */
extern bool wallet_store_disable(int wallet_id);

#endif							/* DALP_WALLET_STORE_H */
