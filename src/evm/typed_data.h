/*
 * typed_data.h
 *		EIP-712: hashing and signing of typed structured data.
 */
#ifndef DALP_EVM_TYPED_DATA_H
#define DALP_EVM_TYPED_DATA_H

#include "core/document.h"

/*
 * The hash that is signed, of {"types", "primaryType", "domain", "message"}.
 * domain_hash and struct_hash may be NULL.
 */
extern bool typed_data_hash(const Doc *doc, uint8_t hash[32], uint8_t *domain_hash,
							uint8_t *struct_hash, Problem *problem);

/* "Mail(Person from,Person to,string contents)Person(…)" of a type of the document. */
extern char *typed_data_encode_type(const Doc *doc, const char *type, Problem *problem);

#endif							/* DALP_EVM_TYPED_DATA_H */
