/*
 * document.h
 *		A JSON document in memory: exact numbers, shared immutable trees.
 *
 * jsonb is what users see and tables hold; a Doc is what pure code computes
 * with.  Numbers keep their text, so that 2^256 - 1, 1.0 and 1e2 survive; a
 * Doc is never changed after it is built except by the doc_*_add functions on
 * a tree that its builder still owns, so subtrees may be shared freely.
 * Object members keep their order; a later duplicate replaces the earlier.
 * Strings are UTF-8 and may contain U+0000 (jsonb can't: conversion to jsonb
 * reports it).
 */
#ifndef DALP_DOCUMENT_H
#define DALP_DOCUMENT_H

#include "core/base.h"

typedef enum DocKind
{
	DOC_NULL, DOC_BOOL, DOC_NUMBER, DOC_STRING, DOC_ARRAY, DOC_OBJECT
} DocKind;

typedef struct Doc Doc;

typedef struct DocMember
{
	const char *key;			/* zero-terminated for convenience, may hold U+0000 inside */
	uint32_t	key_length;
	const Doc  *value;
} DocMember;

struct Doc
{
	DocKind		kind;
	uint32_t	length;			/* bytes of text, items, or members */
	uint32_t	capacity;		/* of items or members while being built */
	union
	{
		bool		boolean;
		const char *text;		/* number (JSON syntax) or string (unescaped), zero-terminated */
		const Doc **items;
		DocMember  *members;
	};
};

/* Deepest nesting that doc_parse accepts. */
#define DOC_MAX_DEPTH 512

/* Parses exactly one JSON text (RFC 8259). NULL and a problem with the byte offset if it isn't one. */
extern const Doc *doc_parse(const char *text, size_t length, Problem *problem);

/* Compact JSON, no blanks between tokens; zero-terminated, *length (may be NULL) without the zero. */
extern char *doc_write(const Doc *doc, size_t *length);

/* Whether doc_write would give at most `size` bytes, and containers nest at most `depth` deep; stops at the limit. */
extern bool doc_fits(const Doc *doc, int depth, size_t size);

/* Bytes that doc_write gives a string, quotes and escapes included. */
extern size_t doc_string_size(const char *text, size_t length);

extern const Doc *doc_null(void);
extern const Doc *doc_bool(bool value);
extern const Doc *doc_int(int64_t value);
extern const Doc *doc_number(const char *text, size_t length);	/* text is valid JSON number syntax */
extern const Doc *doc_string(const char *text, size_t length);
extern const Doc *doc_text(const char *zero_terminated);
extern Doc *doc_array(void);
extern Doc *doc_object(void);
extern void doc_array_add(Doc *array, const Doc *item);
extern void doc_object_add(Doc *object, const char *key, const Doc *value);	/* replaces */
extern void doc_object_add_n(Doc *object, const char *key, size_t key_length, const Doc *value);
extern Doc *doc_copy_shallow(const Doc *container);	/* to change one member of a shared tree */

/* Characters of a string. */
extern uint32_t doc_characters(const Doc *string);

/* Whether the bytes are well-formed UTF-8. */
extern bool doc_is_utf8(const char *text, size_t length);

/* Member by name, or NULL (also where doc is NULL or no object). */
extern const Doc *doc_get(const Doc *object, const char *key);
extern const Doc *doc_get_n(const Doc *object, const char *key, size_t key_length);

/* Text of a string member, or NULL where absent, null or no string. */
extern const char *doc_get_text(const Doc *object, const char *key);

extern bool doc_is_integer(const Doc *number);	/* no fraction by value: 1, 1.0, 1e2 */
extern bool doc_to_int64(const Doc *number, int64_t *value);	/* false if fraction or out of range */
extern double doc_to_double(const Doc *number);

/* Deep equality: numbers by value, members in any order. */
extern bool doc_equal(const Doc *a, const Doc *b);

/* Equal documents have equal hashes; not stable across servers. */
extern uint64_t doc_hash(const Doc *doc);

/* Exact order of two numbers by value: <0, 0, >0. */
extern int	doc_compare_numbers(const Doc *a, const Doc *b);

/* A text that equal numbers share: significant digits and scale; no JSON. */
extern const char *doc_number_canonical(const Doc *number, size_t *length);

static inline bool
doc_is(const Doc *doc, DocKind kind)
{
	return doc != NULL && doc->kind == kind;
}

static inline bool
doc_is_text(const Doc *doc, const char *text)
{
	return doc_is(doc, DOC_STRING) && strlen(text) == doc->length &&
		memcmp(doc->text, text, doc->length) == 0;
}

#endif							/* DALP_DOCUMENT_H */
