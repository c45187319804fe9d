/*
 * digest.h
 *		Hashes and random bytes for code that doesn't know OpenSSL.
 *
 * digest_random is the one function of the pure parts whose result isn't
 * determined by its arguments (States.UUID needs it).
 */
#ifndef DALP_DIGEST_H
#define DALP_DIGEST_H

#include "core/base.h"

typedef enum DigestKind
{
	DIGEST_MD5, DIGEST_SHA1, DIGEST_SHA256, DIGEST_SHA384, DIGEST_SHA512
} DigestKind;

#define DIGEST_MAX_SIZE 64

/* Hashes the data into out (DIGEST_MAX_SIZE bytes); returns the digest's size, or 0 if OpenSSL refuses (FIPS: MD5). */
extern size_t digest_compute(DigestKind kind, const void *data, size_t length, uint8_t *out);

/* Strong random bytes; false if there are none. */
extern bool digest_random(uint8_t *out, size_t length);

#endif							/* DALP_DIGEST_H */
