/*
 * seal.h
 *		How secrets are sealed: HKDF-SHA256 (RFC 5869), AES-256-GCM (NIST SP
 *		800-38D), HMAC-SHA256.  Pure: bytes in, bytes out, no tables, no files.
 *
 * Every function returns false where the library fails, and leaves nothing of
 * a secret in its output then.
 */
#ifndef DALP_SEAL_H
#define DALP_SEAL_H

#include "core/base.h"

#define SEAL_KEY_LENGTH 32
#define SEAL_NONCE_LENGTH 12
#define SEAL_TAG_LENGTH 16

/* What sealing adds: the nonce in front and the tag behind. */
#define SEAL_OVERHEAD (SEAL_NONCE_LENGTH + SEAL_TAG_LENGTH)
#define SEALED_KEY_LENGTH (SEAL_KEY_LENGTH + SEAL_OVERHEAD)

/* A key for one purpose out of a master key; the purpose is HKDF's info, the salt is empty. */
extern bool seal_derive(const uint8_t master[SEAL_KEY_LENGTH], const char *purpose,
						uint8_t key[SEAL_KEY_LENGTH]);

/*
 * Recognises a master key without telling anything of it: the HMAC of a fixed
 * text under a key that is derived for nothing else.
 */
extern bool seal_check_value(const uint8_t master[SEAL_KEY_LENGTH], const char *kind,
							 uint8_t value[32]);

/* Bytes of the operating system's generator, through OpenSSL's. */
extern bool seal_random(uint8_t *bytes, size_t length);

/*
 * Encrypts; sealed has room for length + SEAL_OVERHEAD bytes.  identity says
 * what the plain text belongs to; it isn't stored, and unsealing needs the same.
 */
extern bool seal_encrypt(const uint8_t key[SEAL_KEY_LENGTH], const char *identity,
						 const uint8_t *plain, size_t length, uint8_t *sealed);

/* Decrypts sealed_length bytes; plain has room for sealed_length - SEAL_OVERHEAD. False if key, identity or bytes aren't the right ones. */
extern bool seal_decrypt(const uint8_t key[SEAL_KEY_LENGTH], const char *identity,
						 const uint8_t *sealed, size_t sealed_length, uint8_t *plain);

/* Overwrites; not optimised away. */
extern void seal_wipe(void *bytes, size_t length);

/* Compares in time that doesn't depend on the contents. */
extern bool seal_equal(const void *a, const void *b, size_t length);

#endif							/* DALP_SEAL_H */
