/*
 * key_letter.h
 *		How a backend has the signer make a private key.
 *
 * The key is made and sealed in the signer, and comes back sealed; the backend
 * stores it in its own transaction, so that a rollback leaves nothing.
 */
#ifndef DALP_KEY_LETTER_H
#define DALP_KEY_LETTER_H

#include "custody/key_store.h"

/* In a backend: a new sealed key and the master key that it is sealed under. Errors: DL009, DL011. */
extern void key_letter_create(SealedKey *key, MasterKeyRow *master);

/* In the signer, between transactions: answers what waits. */
extern void key_letter_serve(void);

#endif							/* DALP_KEY_LETTER_H */
