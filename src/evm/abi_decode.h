/*
 * abi_decode.h
 *		What decoding of values, events and errors share.
 */
#ifndef DALP_EVM_ABI_DECODE_H
#define DALP_EVM_ABI_DECODE_H

#include "evm/abi.h"
#include "evm/place.h"

/* A value of an elementary static type; NULL and a problem where the word is none. */
extern const Doc *abi_decode_word(const AbiType *type, const uint8_t word[32], const Place *place,
								  Problem *problem);

/* Adds a component's value under its name, or its position where that is taken or missing. */
extern void abi_add_named(Doc *object, const AbiType *tuple, uint32_t position, const Doc *value);

#endif							/* DALP_EVM_ABI_DECODE_H */
