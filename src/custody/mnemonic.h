/*
 * mnemonic.h
 *		Seeds from mnemonic sentences (BIP-39, "From mnemonic to seed").
 */
#ifndef DALP_MNEMONIC_H
#define DALP_MNEMONIC_H

#include "core/base.h"

#define MNEMONIC_SEED_LENGTH 64

/* Bytes of a sentence or a passphrase at most, after normalisation. */
#define MNEMONIC_MAX_TEXT ((size_t) 1 << 20)

/*
 * Both texts are UTF-8 in the normal form NFKD; the passphrase may be empty.
 * Words and checksum are not judged.  False where the library fails, with the
 * seed wiped.
 */
extern bool mnemonic_to_seed(const char *mnemonic, size_t mnemonic_length,
							 const char *passphrase, size_t passphrase_length,
							 uint8_t seed[MNEMONIC_SEED_LENGTH]);

#endif							/* DALP_MNEMONIC_H */
