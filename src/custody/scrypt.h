/*
 * scrypt.h
 *		The key derivation scrypt (RFC 7914).
 *
 * Its own core because OpenSSL follows the RFC's limit n < 2^(16 r) and so
 * refuses keystores that exist: the definition of Web3 Secret Storage has one
 * with n = 262144 and r = 1.
 */
#ifndef DALP_SCRYPT_H
#define DALP_SCRYPT_H

#include "custody/pbkdf2.h"

/* n * r * p at most: 256 MiB of memory, and one to three seconds of work. */
#define SCRYPT_MAX_COST ((uint64_t) 1 << 21)

/* n is a power of two above 1, r and p are at least 1, and n * r * p is at most SCRYPT_MAX_COST. */
extern bool scrypt_cost_valid(uint64_t n, uint64_t r, uint64_t p);

/*
 * Fills out.  The costs must be valid.  False where it was stopped or the
 * library fails; what was derived on the way is wiped.
 */
extern bool scrypt_derive(const char *passphrase, size_t passphrase_length,
						  const uint8_t *salt, size_t salt_length,
						  uint64_t n, uint64_t r, uint64_t p, uint8_t *out, size_t length,
						  const StopCheck *stop);

#endif							/* DALP_SCRYPT_H */
