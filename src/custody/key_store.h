/*
 * key_store.h
 *		The tables master_key and key of dalp_custody.  Needs an open store.
 */
#ifndef DALP_KEY_STORE_H
#define DALP_KEY_STORE_H

#include "postgres.h"

#include "custody/signer_keys.h"

typedef struct MasterKeyRow
{
	int			version;
	uint8		check_value[32];
} MasterKeyRow;

/* The newest master key of that kind; false if none was ever used. */
extern bool key_store_find_master(const char *kind, MasterKeyRow *row);

/*
 * Remembers how to recognise a master key at its first use.  False if somebody
 * else has used another key of that version first.
 */
extern bool key_store_add_master(const char *kind, const MasterKeyRow *row);

extern void key_store_add(int wallet_id, const SealedKey *key);

/* The newest key of a wallet; the address is not filled. */
extern bool key_store_find(int wallet_id, SealedKey *key);

#endif							/* DALP_KEY_STORE_H */
