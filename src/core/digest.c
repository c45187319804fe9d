/*
 * digest.c
 *		Hashes and random bytes by OpenSSL's EVP and RAND.
 */
#include "core/digest.h"

#include <openssl/evp.h>
#include <openssl/rand.h>

size_t
digest_compute(DigestKind kind, const void *data, size_t length, uint8_t *out)
{
	const EVP_MD *method = NULL;
	unsigned int size = 0;

	switch (kind)
	{
		case DIGEST_MD5:
			method = EVP_md5();
			break;
		case DIGEST_SHA1:
			method = EVP_sha1();
			break;
		case DIGEST_SHA256:
			method = EVP_sha256();
			break;
		case DIGEST_SHA384:
			method = EVP_sha384();
			break;
		case DIGEST_SHA512:
			method = EVP_sha512();
			break;
	}
	if (method == NULL || EVP_Digest(data, length, out, &size, method, NULL) != 1)
		return 0;
	return size;
}

bool
digest_random(uint8_t *out, size_t length)
{
	return length <= INT32_MAX && RAND_bytes(out, (int) length) == 1;
}
