/*
 * signer_keys.h
 *		The private keys, as the signer worker has them: it asks for signatures
 *		and never sees a key.
 *
 * Master key, wrapping key and the one key in use lie in a locked page that is
 * in no core dump and in no child process.  A private key exists in clear only
 * within signer_keys_create and signer_keys_sign, which raise no errors.
 */
#ifndef DALP_SIGNER_KEYS_H
#define DALP_SIGNER_KEYS_H

#include "postgres.h"

#include "custody/master_key.h"
#include "custody/seal.h"
#include "evm/signature.h"

/* A private key as its row in dalp_custody.key holds it. */
typedef struct SealedKey
{
	uint8		address[ADDRESS_LENGTH];
	int			version;
	int			master_version;
	uint8		wrapped_data_key[SEALED_KEY_LENGTH];
	uint8		sealed_key[SEALED_KEY_LENGTH];
} SealedKey;

/* The locked page, no core dumps of this process, a wipe at its exit. Once, at the worker's start. */
extern void signer_keys_init(void);

/*
 * The sign master key is there and is the one that this database knows (its
 * check value).  Needs an open store.  Reads the file where that has not been
 * done, or where it has another name or contents now.
 */
extern bool signer_keys_ready(KeyProblem *problem);

/* Version of the master key in use, and how to recognise it. Only after signer_keys_ready. */
extern int	signer_keys_master_version(void);
extern const uint8 *signer_keys_check_value(void);

/* A new private key, sealed. */
extern bool signer_keys_create(SealedKey *key, KeyProblem *problem);

/*
 * Signs hashes with one key.  The key must belong to the address in *key;
 * *tampered tells a key that doesn't unseal or belongs to another address
 * (that wallet alone is at fault) from a failure of the library.
 */
extern bool signer_keys_sign(const SealedKey *key, int count, const uint8 (*hashes)[32],
							 EvmSignature *signatures, bool *tampered, KeyProblem *problem);

#endif							/* DALP_SIGNER_KEYS_H */
