/*
 * integer.h
 *		Integers in documents: JSON numbers, decimal strings, hex strings.
 */
#ifndef DALP_EVM_INTEGER_H
#define DALP_EVM_INTEGER_H

#include "core/document.h"
#include "evm/u256.h"

/*
 * An integer as json-conventions.md takes it: a JSON number whose value has no
 * fraction, a decimal string with an optional minus, or "0x" and hex digits.
 * Magnitudes past 2^256 - 1 are refused here.  -0 is 0.
 */
extern bool integer_from_doc(const Doc *doc, U256 *magnitude, bool *negative,
							 const char *where, Problem *problem);

/* The same, not negative. */
extern bool integer_from_doc_unsigned(const Doc *doc, U256 *value,
									  const char *where, Problem *problem);

/* The same, below 2^64. */
extern bool integer_from_doc_u64(const Doc *doc, uint64_t *value,
								 const char *where, Problem *problem);

/*
 * The 256-bit two's complement word of an integer that must fit "bits" bits
 * (8 to 256), as uintN or as intN.
 */
extern bool integer_to_word(const U256 *magnitude, bool negative, int bits, bool is_signed,
							U256 *word, const char *where, Problem *problem);

/* The decimal string of a number, or of a two's complement word. */
extern const Doc *integer_to_doc(const U256 *value);
extern const Doc *integer_signed_to_doc(const U256 *word);

#endif							/* DALP_EVM_INTEGER_H */
