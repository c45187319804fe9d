/*
 * hex.h
 *		Hexadecimal text of bytes.
 */
#ifndef DALP_EVM_HEX_H
#define DALP_EVM_HEX_H

#include "core/document.h"
#include "evm/bytes.h"

/* Value of a digit of either case, or -1. */
extern int	hex_digit(char c);

/* Writes 2 * length lower-case digits, no prefix, no zero; returns the end. */
extern char *hex_write(char *out, const void *data, size_t length);

/* "0x…" in lower case, zero-terminated, allocated. */
extern char *hex_text(const void *data, size_t length);

/* The same as a document. */
extern const Doc *hex_to_doc(const void *data, size_t length);

/* Digits without prefix, exactly 2 * length of them, to bytes; false if one is no digit. */
extern bool hex_read(const char *digits, uint8_t *out, size_t length);

/* "0x" and an even number of digits, to allocated bytes. */
extern bool hex_parse(const char *text, size_t length, Bytes *bytes,
					  const char *where, Problem *problem);

/* The same, where exactly "size" bytes are expected. */
extern bool hex_parse_exact(const char *text, size_t length, uint8_t *out, size_t size,
							const char *where, Problem *problem);

#endif							/* DALP_EVM_HEX_H */
