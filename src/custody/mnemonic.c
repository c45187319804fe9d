/*
 * mnemonic.c
 *		See mnemonic.h.
 */
#include "custody/mnemonic.h"

#include <openssl/evp.h>

#include "custody/seal.h"

#define ROUNDS 2048

bool
mnemonic_to_seed(const char *mnemonic, size_t mnemonic_length,
				 const char *passphrase, size_t passphrase_length,
				 uint8_t seed[MNEMONIC_SEED_LENGTH])
{
	static const char prefix[] = "mnemonic";
	size_t		prefix_length = sizeof(prefix) - 1;
	uint8_t    *salt;
	bool		done;

	if (mnemonic_length > MNEMONIC_MAX_TEXT || passphrase_length > MNEMONIC_MAX_TEXT)
		return false;
	salt = mem_alloc(prefix_length + passphrase_length);
	memcpy(salt, prefix, prefix_length);
	memcpy(salt + prefix_length, passphrase, passphrase_length);
	done = PKCS5_PBKDF2_HMAC(mnemonic, (int) mnemonic_length, salt,
							 (int) (prefix_length + passphrase_length), ROUNDS, EVP_sha512(),
							 MNEMONIC_SEED_LENGTH, seed) == 1;
	seal_wipe(salt, prefix_length + passphrase_length);
	mem_free(salt);
	if (!done)
		seal_wipe(seed, MNEMONIC_SEED_LENGTH);
	return done;
}
