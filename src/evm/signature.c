/*
 * signature.c
 *		Recoverable ECDSA signatures on secp256k1.
 *
 * The library's context belongs to the process that uses it first: nothing is
 * made in the postmaster, so no two processes share its blinding.
 */
#include "evm/signature.h"

#include <secp256k1.h>
#include <secp256k1_recovery.h>
#include <unistd.h>

#include "evm/keccak.h"

/* Signatures between two randomisations of the context, which costs about as much as one. */
#define RANDOMIZE_EVERY 1024

static secp256k1_context *context = NULL;
static uint32_t signatures_left = 0;

/* n, and n / 2 rounded down (SEC 2, section 2.4.1), big-endian. */
static const uint8_t curve_order[32] = {
	0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfe,
	0xba, 0xae, 0xdc, 0xe6, 0xaf, 0x48, 0xa0, 0x3b, 0xbf, 0xd2, 0x5e, 0x8c, 0xd0, 0x36, 0x41, 0x41
};
static const uint8_t half_order[32] = {
	0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
	0x5d, 0x57, 0x6e, 0x73, 0x57, 0xa4, 0x50, 0x1d, 0xdf, 0xe9, 0x2f, 0x46, 0x68, 0x1b, 0x20, 0xa0
};

/*
 * The library's own callbacks abort the process.  What they report are calls
 * with arguments that break its contract; each of its functions then returns
 * 0, which every caller here checks.
 */
static void
ignore_complaint(const char *message, void *data)
{
	(void) message;
	(void) data;
}

static void
wipe(void *secret, size_t length)
{
	volatile uint8_t *p = secret;

	while (length-- > 0)
		*p++ = 0;
}

/* Blinding only hardens against side channels: where it fails, it is tried again at the next signature. */
static void
randomize(void)
{
	uint8_t		seed[32];

	signatures_left = RANDOMIZE_EVERY;
	if (getentropy(seed, sizeof(seed)) != 0 || !secp256k1_context_randomize(context, seed))
		signatures_left = 1;
	wipe(seed, sizeof(seed));
}

static const secp256k1_context *
get_context(void)
{
	if (context == NULL)
	{
		secp256k1_context *made = secp256k1_context_create(SECP256K1_CONTEXT_SIGN |
														   SECP256K1_CONTEXT_VERIFY);

		secp256k1_context_set_illegal_callback(made, ignore_complaint, NULL);
		secp256k1_context_set_error_callback(made, ignore_complaint, NULL);
		context = made;
		randomize();
	}
	return context;
}

static bool
is_zero(const uint8_t number[32])
{
	uint8_t		bits = 0;

	for (int i = 0; i < 32; i++)
		bits |= number[i];
	return bits == 0;
}

bool
signature_key_valid(const uint8_t key[32])
{
	return secp256k1_ec_seckey_verify(get_context(), key) == 1;
}

static bool
write_public_key(const secp256k1_pubkey *parsed, uint8_t public_key[64])
{
	uint8_t		serialized[65];
	size_t		length = sizeof(serialized);

	if (!secp256k1_ec_pubkey_serialize(get_context(), serialized, &length, parsed,
									   SECP256K1_EC_UNCOMPRESSED))
		return false;
	memcpy(public_key, serialized + 1, 64);
	return true;
}

bool
signature_public_key(const uint8_t key[32], uint8_t public_key[64])
{
	secp256k1_pubkey parsed;

	if (!secp256k1_ec_pubkey_create(get_context(), &parsed, key))
		return false;
	return write_public_key(&parsed, public_key);
}

bool
signature_key_address(const uint8_t key[32], uint8_t address[ADDRESS_LENGTH])
{
	uint8_t		public_key[64];

	if (!signature_public_key(key, public_key))
		return false;
	address_from_public_key(public_key, address);
	return true;
}

bool
signature_public_key_parse(const uint8_t *data, size_t length, uint8_t public_key[64])
{
	secp256k1_pubkey parsed;

	if ((length != 33 && length != 65) ||
		!secp256k1_ec_pubkey_parse(get_context(), &parsed, data, length))
		return false;
	return write_public_key(&parsed, public_key);
}

bool
signature_sign(const uint8_t hash[32], const uint8_t key[32],
			   EvmSignature *signature, Problem *problem)
{
	secp256k1_ecdsa_recoverable_signature raw;
	uint8_t		compact[64];
	int			recovery_id;

	if (!signature_key_valid(key))
		return problem_set(problem, "private_key", "a private key is a number from 1 to n - 1");
	if (--signatures_left == 0)
		randomize();
	if (!secp256k1_ecdsa_sign_recoverable(get_context(), &raw, hash, key, NULL, NULL) ||
		!secp256k1_ecdsa_recoverable_signature_serialize_compact(get_context(), compact,
																 &recovery_id, &raw))
		return problem_set(problem, NULL, "signing failed");
	/* An r past n would need recovery ids 2 and 3, which Ethereum has no room for: 2^-127 likely. */
	if (recovery_id > 1)
		return problem_set(problem, NULL, "signing failed");
	memcpy(signature->r, compact, 32);
	memcpy(signature->s, compact + 32, 32);
	signature->parity = (uint8_t) recovery_id;
	return true;
}

bool
signature_recover_key(const uint8_t hash[32], const EvmSignature *signature,
					  uint8_t public_key[64])
{
	secp256k1_ecdsa_recoverable_signature raw;
	secp256k1_pubkey parsed;
	uint8_t		compact[64];

	if (signature->parity > 1 || !signature_in_range(signature))
		return false;
	memcpy(compact, signature->r, 32);
	memcpy(compact + 32, signature->s, 32);
	if (!secp256k1_ecdsa_recoverable_signature_parse_compact(get_context(), &raw, compact,
															 signature->parity) ||
		!secp256k1_ecdsa_recover(get_context(), &parsed, &raw, hash))
		return false;
	return write_public_key(&parsed, public_key);
}

bool
signature_recover(const uint8_t hash[32], const EvmSignature *signature,
				  uint8_t address[ADDRESS_LENGTH])
{
	uint8_t		public_key[64];

	if (!signature_recover_key(hash, signature, public_key))
		return false;
	address_from_public_key(public_key, address);
	return true;
}

bool
signature_is_low(const EvmSignature *signature)
{
	return memcmp(signature->s, half_order, 32) <= 0;
}

bool
signature_in_range(const EvmSignature *signature)
{
	return !is_zero(signature->r) && !is_zero(signature->s) &&
		memcmp(signature->r, curve_order, 32) < 0 && memcmp(signature->s, curve_order, 32) < 0;
}

bool
signature_parse(const uint8_t *data, size_t length, EvmSignature *signature, Problem *problem)
{
	if (length == 64)
	{
		/* EIP-2098: the parity is the top bit of s, which a low s leaves free. */
		memcpy(signature->r, data, 32);
		memcpy(signature->s, data + 32, 32);
		signature->parity = signature->s[0] >> 7;
		signature->s[0] &= 0x7f;
		return true;
	}
	if (length != 65)
		return problem_set(problem, "signature", "a signature is 65 bytes (or 64, compact), not %zu",
						   length);
	memcpy(signature->r, data, 32);
	memcpy(signature->s, data + 32, 32);
	if (data[64] != 0 && data[64] != 1 && data[64] != 27 && data[64] != 28)
		return problem_set(problem, "signature", "v is %d, but must be 0, 1, 27 or 28", data[64]);
	signature->parity = data[64] >= 27 ? data[64] - 27 : data[64];
	return true;
}

void
signature_write(const EvmSignature *signature, uint8_t out[65])
{
	memcpy(out, signature->r, 32);
	memcpy(out + 32, signature->s, 32);
	out[64] = (uint8_t) (27 + signature->parity);
}

bool
signature_write_compact(const EvmSignature *signature, uint8_t out[64])
{
	if (!signature_is_low(signature))
		return false;
	memcpy(out, signature->r, 32);
	memcpy(out + 32, signature->s, 32);
	out[32] |= (uint8_t) (signature->parity << 7);
	return true;
}

void
message_hash(const void *message, size_t length, uint8_t hash[32])
{
	static const char prefix[] = "\x19" "Ethereum Signed Message:\n";
	char		digits[24];
	Keccak		keccak;

	keccak_init(&keccak);
	keccak_update(&keccak, prefix, sizeof(prefix) - 1);
	keccak_update(&keccak, digits, (size_t) snprintf(digits, sizeof(digits), "%zu", length));
	keccak_update(&keccak, message, length);
	keccak_final(&keccak, hash);
}

void
message_hash_validator(const uint8_t validator[ADDRESS_LENGTH], const void *data,
					   size_t length, uint8_t hash[32])
{
	static const uint8_t prefix[2] = {0x19, 0x00};
	Keccak		keccak;

	keccak_init(&keccak);
	keccak_update(&keccak, prefix, sizeof(prefix));
	keccak_update(&keccak, validator, ADDRESS_LENGTH);
	keccak_update(&keccak, data, length);
	keccak_final(&keccak, hash);
}
