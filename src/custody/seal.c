/*
 * seal.c
 *		See seal.h.  OpenSSL's contexts are freed on each path of the function
 *		that made them: memory contexts don't know of them.
 */
#include "custody/seal.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <openssl/rand.h>

bool
seal_derive(const uint8_t master[SEAL_KEY_LENGTH], const char *purpose,
			uint8_t key[SEAL_KEY_LENGTH])
{
	EVP_KDF    *kdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
	EVP_KDF_CTX *context = kdf ? EVP_KDF_CTX_new(kdf) : NULL;
	OSSL_PARAM	parameters[4];
	bool		done;

	parameters[0] = OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, (char *) "SHA256", 0);
	parameters[1] = OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, (void *) master, SEAL_KEY_LENGTH);
	parameters[2] = OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, (void *) purpose, strlen(purpose));
	parameters[3] = OSSL_PARAM_construct_end();

	done = context != NULL && EVP_KDF_derive(context, key, SEAL_KEY_LENGTH, parameters) == 1;
	EVP_KDF_CTX_free(context);
	EVP_KDF_free(kdf);
	if (!done)
		seal_wipe(key, SEAL_KEY_LENGTH);
	return done;
}

bool
seal_check_value(const uint8_t master[SEAL_KEY_LENGTH], const char *kind, uint8_t value[32])
{
	static const char text[] = "dalp master key";
	char		purpose[64];
	uint8_t		key[SEAL_KEY_LENGTH];
	unsigned int length = 0;
	bool		done;

	snprintf(purpose, sizeof(purpose), "dalp %s check v1", kind);
	done = seal_derive(master, purpose, key) &&
		HMAC(EVP_sha256(), key, SEAL_KEY_LENGTH, (const unsigned char *) text, sizeof(text) - 1,
			 value, &length) != NULL &&
		length == 32;
	seal_wipe(key, sizeof(key));
	return done;
}

bool
seal_random(uint8_t *bytes, size_t length)
{
	return length <= INT_MAX && RAND_priv_bytes(bytes, (int) length) == 1;
}

bool
seal_encrypt(const uint8_t key[SEAL_KEY_LENGTH], const char *identity,
			 const uint8_t *plain, size_t length, uint8_t *sealed)
{
	EVP_CIPHER_CTX *context;
	uint8_t    *text = sealed + SEAL_NONCE_LENGTH;
	int			written = 0;
	bool		done;

	if (length > INT_MAX - SEAL_OVERHEAD || !seal_random(sealed, SEAL_NONCE_LENGTH))
		return false;
	context = EVP_CIPHER_CTX_new();
	done = context != NULL &&
		EVP_EncryptInit_ex(context, EVP_aes_256_gcm(), NULL, key, sealed) == 1 &&
		EVP_EncryptUpdate(context, NULL, &written, (const uint8_t *) identity, (int) strlen(identity)) == 1 &&
		EVP_EncryptUpdate(context, text, &written, plain, (int) length) == 1 &&
		EVP_EncryptFinal_ex(context, text + length, &written) == 1 &&
		EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_GCM_GET_TAG, SEAL_TAG_LENGTH, text + length) == 1;
	EVP_CIPHER_CTX_free(context);
	if (!done)
		seal_wipe(sealed, length + SEAL_OVERHEAD);
	return done;
}

bool
seal_decrypt(const uint8_t key[SEAL_KEY_LENGTH], const char *identity,
			 const uint8_t *sealed, size_t sealed_length, uint8_t *plain)
{
	EVP_CIPHER_CTX *context;
	const uint8_t *text = sealed + SEAL_NONCE_LENGTH;
	size_t		length;
	int			written = 0;
	uint8_t		rest[SEAL_TAG_LENGTH];
	bool		done;

	if (sealed_length < SEAL_OVERHEAD || sealed_length > INT_MAX)
		return false;
	length = sealed_length - SEAL_OVERHEAD;
	context = EVP_CIPHER_CTX_new();
	done = context != NULL &&
		EVP_DecryptInit_ex(context, EVP_aes_256_gcm(), NULL, key, sealed) == 1 &&
		EVP_DecryptUpdate(context, NULL, &written, (const uint8_t *) identity, (int) strlen(identity)) == 1 &&
		EVP_DecryptUpdate(context, plain, &written, text, (int) length) == 1 &&
		EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_GCM_SET_TAG, SEAL_TAG_LENGTH, (void *) (text + length)) == 1 &&
		EVP_DecryptFinal_ex(context, rest, &written) == 1;
	EVP_CIPHER_CTX_free(context);
	if (!done)
		seal_wipe(plain, length);
	return done;
}

void
seal_wipe(void *bytes, size_t length)
{
	OPENSSL_cleanse(bytes, length);
}

bool
seal_equal(const void *a, const void *b, size_t length)
{
	return CRYPTO_memcmp(a, b, length) == 0;
}
