/*
 * abi_parse.h
 *		What the two parsers of ABIs, of text and of JSON, share.
 */
#ifndef DALP_EVM_ABI_PARSE_H
#define DALP_EVM_ABI_PARSE_H

#include "evm/abi.h"

typedef struct AbiParser
{
	const char *start;
	const char *next;
	const char *end;
	const char *what;			/* is parsed, for problems: "types", "function" */
	const AbiType *tuple;		/* what a bare "tuple" means (JSON), or NULL */
	Problem    *problem;
} AbiParser;

extern void abi_parser_init(AbiParser *parser, const char *text, size_t length, const char *what,
							Problem *problem);

/* One type with its array suffixes; NULL and a problem if there is none. */
extern const AbiType *abi_parse_type(AbiParser *parser, int depth);

/* A tuple of components; NULL and a problem if it is too large or too deep. */
extern AbiType *abi_tuple(AbiParser *parser, uint32_t count, const AbiComponent *components);

/* Signature and topic of an item whose name and inputs are known; checks what events may have. */
extern bool abi_item_complete(AbiItem *item, Problem *problem);

/* Whether each component has a name of its own. */
extern AbiNames abi_tuple_names(uint32_t count, const AbiComponent *components);

/* A zero-terminated copy. */
extern char *abi_copy_text(const char *text, size_t length);

/* What the first word of a fragment makes it; without a keyword it is a function. */
extern AbiItemKind abi_fragment_kind(const char *text, size_t length);

#endif							/* DALP_EVM_ABI_PARSE_H */
