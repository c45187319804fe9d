/*
 * pbkdf2.h
 *		PBKDF2 with HMAC-SHA-256 (RFC 8018, section 5.2), which can be stopped.
 *
 * Its own loop, because that of OpenSSL doesn't return before it is done, which
 * may take seconds at the costs that keystores ask for.
 */
#ifndef DALP_PBKDF2_H
#define DALP_PBKDF2_H

#include "core/base.h"

/*
 * Asked every few milliseconds of a derivation: true stops it.  It must return:
 * who jumps out of it leaves secrets in memory.
 */
typedef struct StopCheck
{
	bool		(*wanted) (void *state);
	void	   *state;
} StopCheck;

/* stop may be NULL: never. */
extern bool stop_wanted(const StopCheck *stop);

/*
 * Fills out.  At least one round and one byte.  False where it was stopped, the
 * library fails or a length is beyond the RFC's; out is wiped then.
 */
extern bool pbkdf2_sha256(const void *passphrase, size_t passphrase_length,
						  const uint8_t *salt, size_t salt_length, uint64_t rounds,
						  uint8_t *out, size_t length, const StopCheck *stop);

#endif							/* DALP_PBKDF2_H */
