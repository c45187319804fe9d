/*
 * custody_key_formats.c
 *		Any JSON as a keystore, any text as a derivation path: what is refused
 *		says why and leaves no key.
 *
 * Links: src/custody/seal.c
 * Links: src/custody/pbkdf2.c
 * Links: src/custody/scrypt.c
 * Links: src/custody/keystore.c
 * Links: src/custody/hd.c
 */
#include "custody/hd.h"
#include "custody/keystore.h"

extern int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Costs above this are only waited for. */
#define MAX_COST 16
#define MAX_PATH_LENGTH 64

static bool
is_cheap(const Doc *keystore, const char *crypto)
{
	static const char *const costs[] = {"n", "r", "p", "c"};
	const Doc  *parameters = doc_get(doc_get(keystore, crypto), "kdfparams");
	int64_t		cost;

	for (size_t i = 0; i < lengthof(costs); i++)
	{
		const Doc  *found = doc_get(parameters, costs[i]);

		if (doc_is(found, DOC_STRING) ||
			(doc_is(found, DOC_NUMBER) && doc_to_int64(found, &cost) && cost > MAX_COST))
			return false;
	}
	return true;
}

static void
check_wiped(const void *bytes, size_t length)
{
	for (size_t i = 0; i < length; i++)
	{
		if (((const uint8_t *) bytes)[i] != 0)
			abort();
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	Problem		problem = {{0}, {0}};
	const Doc  *doc = doc_parse((const char *) data, size, &problem);
	uint8_t		secret[32];
	HdKey		key;

	memset(secret, 1, sizeof(secret));
	if (doc != NULL && is_cheap(doc, "crypto") && is_cheap(doc, "Crypto") &&
		!keystore_decrypt(doc, "x", 1, secret, NULL, &problem))
	{
		check_wiped(secret, sizeof(secret));
		if (problem.message[0] == '\0')
			abort();
	}
	problem.message[0] = '\0';
	memset(&key, 1, sizeof(key));
	if (size > HD_LEAST_SEED && size <= HD_LEAST_SEED + MAX_PATH_LENGTH &&
		!hd_derive(data, HD_LEAST_SEED, (const char *) data + HD_LEAST_SEED, size - HD_LEAST_SEED,
				   &key, &problem))
	{
		check_wiped(&key, sizeof(key));
		if (problem.message[0] == '\0')
			abort();
	}
	mem_reset();
	return 0;
}
