/*
 * address.h
 *		Account addresses: text form with checksum (EIP-55), and where contracts land.
 */
#ifndef DALP_EVM_ADDRESS_H
#define DALP_EVM_ADDRESS_H

#include "core/document.h"
#include "evm/u256.h"

#define ADDRESS_LENGTH 20
#define ADDRESS_TEXT_SIZE 43	/* "0x", 40 digits, zero */

/* The EIP-55 form, zero-terminated. */
extern void address_write(const uint8_t address[ADDRESS_LENGTH], char text[ADDRESS_TEXT_SIZE]);

/* "0x" and 40 digits: all letters of one case, or mixed with the right checksum. */
extern bool address_parse(const char *text, size_t length, uint8_t address[ADDRESS_LENGTH],
						  const char *where, Problem *problem);

extern bool address_from_doc(const Doc *doc, uint8_t address[ADDRESS_LENGTH],
							 const char *where, Problem *problem);
extern const Doc *address_to_doc(const uint8_t address[ADDRESS_LENGTH]);

/* Of the account of a public key: 64 bytes x, y without the prefix 04. */
extern void address_from_public_key(const uint8_t public_key[64], uint8_t address[ADDRESS_LENGTH]);

/* Where a creation by this sender with this nonce lands (Yellow Paper, section 7). */
extern void address_create(const uint8_t sender[ADDRESS_LENGTH], uint64_t nonce,
						   uint8_t address[ADDRESS_LENGTH]);

/* EIP-1014. */
extern void address_create2(const uint8_t deployer[ADDRESS_LENGTH], const uint8_t salt[32],
							const uint8_t init_code_hash[32], uint8_t address[ADDRESS_LENGTH]);

/* Code of an EIP-7702 delegation (0xef0100 and an address): true, and whom it delegates to. */
extern bool address_delegated(const uint8_t *code, size_t length, uint8_t target[ADDRESS_LENGTH]);

#endif							/* DALP_EVM_ADDRESS_H */
