/*
 * keystore.h
 *		Private keys in files of other wallets: Web3 Secret Storage, version 3.
 */
#ifndef DALP_KEYSTORE_H
#define DALP_KEYSTORE_H

#include "core/document.h"
#include "custody/pbkdf2.h"

/* Rounds of PBKDF2 at most: about a second of work. */
#define KEYSTORE_MAX_ROUNDS ((uint64_t) 1000000)

/*
 * The private key in a keystore, which must be the key of its address, where
 * it names one.  Ciphertexts of less than 32 bytes give keys with zeros in
 * front.  The passphrase is taken byte by byte, as it is.  What others add to
 * keystores ("name", "x-ethers", …) is ignored, but what is said twice (crypto
 * and Crypto) is refused.
 *
 * Work that the keystore asks for is bounded: n * r * p of scrypt by
 * SCRYPT_MAX_COST, c of PBKDF2 by KEYSTORE_MAX_ROUNDS.  stop (may be NULL) ends
 * it early, with false.  The key is wiped where the result is false.
 */
extern bool keystore_decrypt(const Doc *keystore, const char *passphrase, size_t passphrase_length,
							 uint8_t key[32], const StopCheck *stop, Problem *problem);

#endif							/* DALP_KEYSTORE_H */
