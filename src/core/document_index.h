/*
 * document_index.h
 *		What the document files share among themselves: an object's members
 *		and their index, and UTF-8.
 *
 * An object of more than DOC_INDEX_MIN members carries an open-addressing hash
 * table behind its members array, so that neither parsing nor merging nor
 * comparing hostile objects is quadratic.  The hash is seeded by an address
 * that differs between servers; no result depends on it.
 */
#ifndef DALP_DOCUMENT_INDEX_H
#define DALP_DOCUMENT_INDEX_H

#include "core/document.h"

/* Up to so many members, comparing lengths and bytes one by one is faster. */
#define DOC_INDEX_MIN 16

/* Gives an empty object these members; a later duplicate replaces the earlier in its place. */
extern void doc_index_build(Doc *object, const DocMember *members, uint32_t count);

/* Bytes of the UTF-8 character at p (1 to 4), or 0 if there is no valid one in `left` bytes. */
extern int	doc_utf8_length(const char *p, size_t left);

/* Writes a code point; returns how many bytes (1 to 4). */
extern int	doc_utf8_encode(uint32_t code, char *out);

#endif							/* DALP_DOCUMENT_INDEX_H */
