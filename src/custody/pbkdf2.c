/*
 * pbkdf2.c
 *		See pbkdf2.h.
 *
 * What depends on the passphrase is in contexts of OpenSSL, which wipes them
 * when they are freed, and on the stack.
 */
#include "custody/pbkdf2.h"

#include <openssl/evp.h>

#include "custody/seal.h"

#define HASH_LENGTH 32
#define HASH_BLOCK 64

/* HMACs between two looks: some milliseconds. */
#define LOOK_EVERY 4096

/* HMAC of RFC 2104: what is the same in each round is hashed once. */
typedef struct Hmac
{
	EVP_MD_CTX *inner;			/* after key xor ipad */
	EVP_MD_CTX *outer;			/* after key xor opad */
	EVP_MD_CTX *salted;			/* inner, and after the salt */
	EVP_MD_CTX *work;
} Hmac;

bool
stop_wanted(const StopCheck *stop)
{
	return stop != NULL && stop->wanted(stop->state);
}

static bool
start_padded(EVP_MD_CTX *context, const uint8_t key[HASH_BLOCK], uint8_t pad)
{
	uint8_t		padded[HASH_BLOCK];
	bool		done;

	for (int i = 0; i < HASH_BLOCK; i++)
		padded[i] = key[i] ^ pad;
	done = EVP_DigestInit_ex(context, EVP_sha256(), NULL) == 1 &&
		EVP_DigestUpdate(context, padded, HASH_BLOCK) == 1;
	seal_wipe(padded, sizeof(padded));
	return done;
}

static bool
hmac_open(Hmac *hmac, const void *passphrase, size_t passphrase_length,
		  const uint8_t *salt, size_t salt_length)
{
	uint8_t		key[HASH_BLOCK] = {0};
	bool		done;

	hmac->inner = EVP_MD_CTX_new();
	hmac->outer = EVP_MD_CTX_new();
	hmac->salted = EVP_MD_CTX_new();
	hmac->work = EVP_MD_CTX_new();
	done = hmac->inner != NULL && hmac->outer != NULL && hmac->salted != NULL && hmac->work != NULL;
	if (passphrase_length > HASH_BLOCK)
		done = done && EVP_Digest(passphrase, passphrase_length, key, NULL, EVP_sha256(), NULL) == 1;
	else if (passphrase_length > 0)
		memcpy(key, passphrase, passphrase_length);
	done = done && start_padded(hmac->inner, key, 0x36) && start_padded(hmac->outer, key, 0x5c) &&
		EVP_MD_CTX_copy_ex(hmac->salted, hmac->inner) == 1 &&
		EVP_DigestUpdate(hmac->salted, salt, salt_length) == 1;
	seal_wipe(key, sizeof(key));
	return done;
}

static void
hmac_close(Hmac *hmac)
{
	EVP_MD_CTX_free(hmac->inner);
	EVP_MD_CTX_free(hmac->outer);
	EVP_MD_CTX_free(hmac->salted);
	EVP_MD_CTX_free(hmac->work);
}

/* The HMAC of what "start" has hashed and of data; the result may be where data is. */
static bool
hmac_make(Hmac *hmac, const EVP_MD_CTX *start, const uint8_t *data, size_t length,
		  uint8_t result[HASH_LENGTH])
{
	return EVP_MD_CTX_copy_ex(hmac->work, start) == 1 &&
		EVP_DigestUpdate(hmac->work, data, length) == 1 &&
		EVP_DigestFinal_ex(hmac->work, result, NULL) == 1 &&
		EVP_MD_CTX_copy_ex(hmac->work, hmac->outer) == 1 &&
		EVP_DigestUpdate(hmac->work, result, HASH_LENGTH) == 1 &&
		EVP_DigestFinal_ex(hmac->work, result, NULL) == 1;
}

/* F of the RFC: block number "index", from 1. made counts HMACs. */
static bool
make_block(Hmac *hmac, uint32_t index, uint64_t rounds, const StopCheck *stop, uint64_t *made,
		   uint8_t block[HASH_LENGTH])
{
	uint8_t		number[4] = {
		(uint8_t) (index >> 24), (uint8_t) (index >> 16), (uint8_t) (index >> 8), (uint8_t) index
	};
	uint8_t		link[HASH_LENGTH];
	bool		done = hmac_make(hmac, hmac->salted, number, sizeof(number), link);

	memcpy(block, link, HASH_LENGTH);
	for (uint64_t round = 1; done && round < rounds; round++)
	{
		done = hmac_make(hmac, hmac->inner, link, HASH_LENGTH, link);
		for (int i = 0; i < HASH_LENGTH; i++)
			block[i] ^= link[i];
		if (++*made % LOOK_EVERY == 0 && stop_wanted(stop))
			done = false;
	}
	if (++*made % LOOK_EVERY == 0 && stop_wanted(stop))
		done = false;
	seal_wipe(link, sizeof(link));
	return done;
}

bool
pbkdf2_sha256(const void *passphrase, size_t passphrase_length,
			  const uint8_t *salt, size_t salt_length, uint64_t rounds,
			  uint8_t *out, size_t length, const StopCheck *stop)
{
	Hmac		hmac;
	uint8_t		block[HASH_LENGTH];
	uint64_t	made = 0;
	bool		done = rounds > 0 && length > 0 && (length - 1) / HASH_LENGTH < UINT32_MAX;

	done = hmac_open(&hmac, passphrase, passphrase_length, salt, salt_length) && done;
	for (size_t at = 0; done && at < length; at += HASH_LENGTH)
	{
		size_t		left = length - at;

		done = make_block(&hmac, (uint32_t) (at / HASH_LENGTH + 1), rounds, stop, &made, block);
		memcpy(out + at, block, left < HASH_LENGTH ? left : HASH_LENGTH);
	}
	hmac_close(&hmac);
	seal_wipe(block, sizeof(block));
	if (!done)
		seal_wipe(out, length);
	return done;
}
