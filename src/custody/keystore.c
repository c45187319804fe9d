/*
 * keystore.c
 *		See keystore.h.  Everything is read and judged before anything is derived.
 */
#include "custody/keystore.h"

#include <openssl/evp.h>

#include "custody/scrypt.h"
#include "custody/seal.h"
#include "evm/hex.h"
#include "evm/integer.h"
#include "evm/keccak.h"
#include "evm/signature.h"

typedef struct Keystore
{
	bool		is_scrypt;
	uint64_t	n;				/* scrypt */
	uint64_t	r;
	uint64_t	p;
	uint64_t	rounds;			/* PBKDF2 */
	Bytes		salt;
	uint8_t		iv[16];
	uint8_t		mac[32];
	uint8_t		ciphertext[32];
	size_t		ciphertext_length;
	bool		has_address;
	uint8_t		address[ADDRESS_LENGTH];
} Keystore;

/* A member that is there and isn't null. */
static const Doc *
member(const Doc *object, const char *name)
{
	const Doc  *value = doc_get(object, name);

	return doc_is(value, DOC_NULL) ? NULL : value;
}

/* Some wallets write 0x before hex, most don't. */
static bool
get_hex(const Doc *object, const char *name, const char *where, Bytes *bytes, Problem *problem)
{
	const Doc  *found = member(object, name);
	const char *digits;
	size_t		length;
	uint8_t    *data;

	if (!doc_is(found, DOC_STRING))
		return problem_set(problem, where, "expected bytes as a string of hex digits");
	digits = found->text;
	length = found->length;
	if (length >= 2 && digits[0] == '0' && (digits[1] == 'x' || digits[1] == 'X'))
	{
		digits += 2;
		length -= 2;
	}
	if (length % 2 != 0)
		return problem_set(problem, where, "hex text has an odd number of digits");
	data = mem_alloc(length / 2 + 1);
	bytes->data = data;
	bytes->length = length / 2;
	if (!hex_read(digits, data, length / 2))
		return problem_set(problem, where, "hex text has a character that is no digit");
	return true;
}

static bool
get_hex_exact(const Doc *object, const char *name, const char *where, uint8_t *out, size_t size,
			  Problem *problem)
{
	Bytes		bytes;

	if (!get_hex(object, name, where, &bytes, problem))
		return false;
	if (bytes.length != size)
		return problem_set(problem, where, "expected %zu bytes, got %zu", size, bytes.length);
	memcpy(out, bytes.data, size);
	return true;
}

static bool
get_number(const Doc *object, const char *name, const char *where, uint64_t *value, Problem *problem)
{
	const Doc  *found = member(object, name);

	if (found == NULL)
		return problem_set(problem, where, "this member is missing");
	return integer_from_doc_u64(found, value, where, problem);
}

static bool
get_object(const Doc *object, const char *name, const char *where, const Doc **found,
		   Problem *problem)
{
	*found = member(object, name);
	return doc_is(*found, DOC_OBJECT) || problem_set(problem, where, "expected an object");
}

static bool
read_derivation(Keystore *keystore, const Doc *crypto, Problem *problem)
{
	const Doc  *kdf = member(crypto, "kdf");
	const Doc  *parameters;
	uint64_t	length;

	if (!get_object(crypto, "kdfparams", "crypto.kdfparams", &parameters, problem) ||
		!get_hex(parameters, "salt", "crypto.kdfparams.salt", &keystore->salt, problem) ||
		!get_number(parameters, "dklen", "crypto.kdfparams.dklen", &length, problem))
		return false;
	/* 16 bytes for the cipher and 16 for the MAC; more are derived by some and used by none. */
	if (length < 32)
		return problem_set(problem, "crypto.kdfparams.dklen", "at least 32 bytes must be derived");

	keystore->is_scrypt = doc_is_text(kdf, "scrypt");
	if (keystore->is_scrypt)
	{
		if (!get_number(parameters, "n", "crypto.kdfparams.n", &keystore->n, problem) ||
			!get_number(parameters, "r", "crypto.kdfparams.r", &keystore->r, problem) ||
			!get_number(parameters, "p", "crypto.kdfparams.p", &keystore->p, problem))
			return false;
		return scrypt_cost_valid(keystore->n, keystore->r, keystore->p) ||
			problem_set(problem, "crypto.kdfparams",
						"n must be a power of two above 1, r and p at least 1, and n * r * p at most %llu",
						(unsigned long long) SCRYPT_MAX_COST);
	}
	if (!doc_is_text(kdf, "pbkdf2"))
		return problem_set(problem, "crypto.kdf", "the key derivation must be scrypt or pbkdf2");
	if (!doc_is_text(member(parameters, "prf"), "hmac-sha256"))
		return problem_set(problem, "crypto.kdfparams.prf", "the function must be hmac-sha256");
	if (!get_number(parameters, "c", "crypto.kdfparams.c", &keystore->rounds, problem))
		return false;
	return (keystore->rounds >= 1 && keystore->rounds <= KEYSTORE_MAX_ROUNDS) ||
		problem_set(problem, "crypto.kdfparams.c", "c must be from 1 to %llu",
					(unsigned long long) KEYSTORE_MAX_ROUNDS);
}

static bool
read_keystore(Keystore *keystore, const Doc *doc, Problem *problem)
{
	const Doc  *crypto;
	const Doc  *parameters;
	Bytes		ciphertext;
	uint64_t	version;

	memset(keystore, 0, sizeof(*keystore));
	if (!doc_is(doc, DOC_OBJECT))
		return problem_set(problem, "keystore", "a keystore is an object");
	if (!get_number(doc, "version", "version", &version, problem))
		return false;
	if (version != 3)
		return problem_set(problem, "version", "only version 3 is known");
	if (member(doc, "crypto") != NULL && member(doc, "Crypto") != NULL)
		return problem_set(problem, "Crypto", "crypto and Crypto are both there");
	if (!get_object(doc, member(doc, "Crypto") != NULL ? "Crypto" : "crypto", "crypto", &crypto,
					problem))
		return false;
	if (!doc_is_text(member(crypto, "cipher"), "aes-128-ctr"))
		return problem_set(problem, "crypto.cipher", "the cipher must be aes-128-ctr");
	if (!get_object(crypto, "cipherparams", "crypto.cipherparams", &parameters, problem) ||
		!get_hex_exact(parameters, "iv", "crypto.cipherparams.iv", keystore->iv, 16, problem) ||
		!get_hex(crypto, "ciphertext", "crypto.ciphertext", &ciphertext, problem) ||
		!get_hex_exact(crypto, "mac", "crypto.mac", keystore->mac, 32, problem))
		return false;
	if (ciphertext.length < 1 || ciphertext.length > 32)
		return problem_set(problem, "crypto.ciphertext", "expected 1 to 32 bytes, got %zu",
						   ciphertext.length);
	memcpy(keystore->ciphertext, ciphertext.data, ciphertext.length);
	keystore->ciphertext_length = ciphertext.length;
	keystore->has_address = member(doc, "address") != NULL;
	if (keystore->has_address &&
		!get_hex_exact(doc, "address", "address", keystore->address, ADDRESS_LENGTH, problem))
		return false;
	return read_derivation(keystore, crypto, problem);
}

/* The first 32 bytes that the passphrase gives; further ones don't change these. */
static bool
derive(const Keystore *keystore, const char *passphrase, size_t length, const StopCheck *stop,
	   uint8_t derived[32])
{
	if (keystore->is_scrypt)
		return scrypt_derive(passphrase, length, keystore->salt.data, keystore->salt.length,
							 keystore->n, keystore->r, keystore->p, derived, 32, stop);
	return pbkdf2_sha256(passphrase, length, keystore->salt.data, keystore->salt.length,
						 keystore->rounds, derived, 32, stop);
}

/* keccak256(derived[16..31] || ciphertext) */
static bool
mac_matches(const Keystore *keystore, const uint8_t derived[32])
{
	Keccak		keccak;
	uint8_t		mac[32];
	bool		same;

	keccak_init(&keccak);
	keccak_update(&keccak, derived + 16, 16);
	keccak_update(&keccak, keystore->ciphertext, keystore->ciphertext_length);
	keccak_final(&keccak, mac);
	same = seal_equal(mac, keystore->mac, sizeof(mac));
	seal_wipe(&keccak, sizeof(keccak));
	return same;
}

static bool
decipher(const Keystore *keystore, const uint8_t derived[32], uint8_t key[32])
{
	EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
	size_t		zeros = 32 - keystore->ciphertext_length;
	int			written = 0;
	bool		done;

	memset(key, 0, zeros);
	done = context != NULL &&
		EVP_DecryptInit_ex(context, EVP_aes_128_ctr(), NULL, derived, keystore->iv) == 1 &&
		EVP_DecryptUpdate(context, key + zeros, &written, keystore->ciphertext,
						  (int) keystore->ciphertext_length) == 1 &&
		written == (int) keystore->ciphertext_length;
	EVP_CIPHER_CTX_free(context);
	return done;
}

/* The key itself is good, and the one that the keystore says. */
static bool
check_key(const Keystore *keystore, const uint8_t key[32], Problem *problem)
{
	uint8_t		address[ADDRESS_LENGTH];

	if (!signature_key_address(key, address))
		return problem_set(problem, "crypto.ciphertext", "what is in it is no private key of secp256k1");
	if (keystore->has_address && memcmp(address, keystore->address, ADDRESS_LENGTH) != 0)
		return problem_set(problem, "address", "the key in it is of another address");
	return true;
}

bool
keystore_decrypt(const Doc *doc, const char *passphrase, size_t passphrase_length,
				 uint8_t key[32], const StopCheck *stop, Problem *problem)
{
	Keystore	keystore;
	uint8_t		derived[32];
	bool		done;

	if (!read_keystore(&keystore, doc, problem))
		done = false;
	else if (!derive(&keystore, passphrase, passphrase_length, stop, derived))
		done = problem_set(problem, "crypto.kdf", "the key derivation failed or was stopped");
	else if (!mac_matches(&keystore, derived))
		done = problem_set(problem, "crypto.mac", "the passphrase is wrong, or the keystore damaged");
	else if (!decipher(&keystore, derived, key))
		done = problem_set(problem, "crypto.cipher", "the cipher failed");
	else
		done = check_key(&keystore, key, problem);
	seal_wipe(derived, sizeof(derived));
	if (!done)
		seal_wipe(key, 32);
	return done;
}
