/*
 * signature.h
 *		Recoverable ECDSA signatures on secp256k1, and hashes of messages.
 *
 * One libsecp256k1 context a process, made and randomised at first use and
 * randomised again from time to time; its callbacks don't abort().  Nonces are
 * RFC 6979 with SHA-256, s is low: equal input gives equal bytes.
 */
#ifndef DALP_EVM_SIGNATURE_H
#define DALP_EVM_SIGNATURE_H

#include "evm/address.h"

typedef struct EvmSignature
{
	uint8_t		r[32];
	uint8_t		s[32];
	uint8_t		parity;			/* 0 or 1, of the y of the nonce's point */
} EvmSignature;

/* A private key is a number from 1 to n - 1. */
extern bool signature_key_valid(const uint8_t key[32]);

/* Public key (x, y) and address of a private key; false if that is none. */
extern bool signature_public_key(const uint8_t key[32], uint8_t public_key[64]);
extern bool signature_key_address(const uint8_t key[32], uint8_t address[ADDRESS_LENGTH]);

/* Compressed (33) or uncompressed (65) public key to (x, y). */
extern bool signature_public_key_parse(const uint8_t *data, size_t length, uint8_t public_key[64]);

/* Signs a 32-byte hash. */
extern bool signature_sign(const uint8_t hash[32], const uint8_t key[32],
						   EvmSignature *signature, Problem *problem);

/* Who signed: false where no key is recovered, or r or s is not within 1 to n - 1. High s is taken. */
extern bool signature_recover(const uint8_t hash[32], const EvmSignature *signature,
							  uint8_t address[ADDRESS_LENGTH]);
extern bool signature_recover_key(const uint8_t hash[32], const EvmSignature *signature,
								  uint8_t public_key[64]);

/* EIP-2: s is at most n / 2. */
extern bool signature_is_low(const EvmSignature *signature);

/* r and s are within 1 to n - 1. */
extern bool signature_in_range(const EvmSignature *signature);

/* 65 bytes r, s, v, with v 0, 1, 27 or 28; or 64 bytes, compact (EIP-2098). */
extern bool signature_parse(const uint8_t *data, size_t length, EvmSignature *signature,
							Problem *problem);

/* r, s, v with v 27 or 28; and the compact form, where s must be low. */
extern void signature_write(const EvmSignature *signature, uint8_t out[65]);
extern bool signature_write_compact(const EvmSignature *signature, uint8_t out[64]);

/* EIP-191: version 0x45, "personal message"; and version 0x00, data for a validator. */
extern void message_hash(const void *message, size_t length, uint8_t hash[32]);
extern void message_hash_validator(const uint8_t validator[ADDRESS_LENGTH], const void *data,
								   size_t length, uint8_t hash[32]);

#endif							/* DALP_EVM_SIGNATURE_H */
