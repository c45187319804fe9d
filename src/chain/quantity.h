/*
 * quantity.h
 *		Numbers, hashes and bytes as JSON-RPC writes them.
 */
#ifndef DALP_CHAIN_QUANTITY_H
#define DALP_CHAIN_QUANTITY_H

#include "core/document.h"
#include "evm/bytes.h"
#include "evm/u256.h"

#define HASH_TEXT_SIZE 67		/* "0x", 64 digits, zero */

/* False where the document is no quantity of that range (absent, null, text, too large). */
extern bool quantity_u256(const Doc *doc, U256 *value);
extern bool quantity_u64(const Doc *doc, uint64_t *value);
extern bool quantity_int64(const Doc *doc, int64_t *value);

/* 32 bytes in hex to lower case, zero-terminated; false otherwise. */
extern bool quantity_hash(const Doc *doc, char text[HASH_TEXT_SIZE]);

/* "0x…" of any length to allocated bytes; false otherwise. */
extern bool quantity_bytes(const Doc *doc, Bytes *bytes);

extern const Doc *quantity_doc(const U256 *value);
extern const Doc *quantity_doc_u64(uint64_t value);

/* Decimal text, allocated. */
extern char *quantity_decimal(const U256 *value);

/* Decimal text of a numeric column; 0 for NULL. */
extern U256 quantity_from_decimal(const char *text);

#endif							/* DALP_CHAIN_QUANTITY_H */
