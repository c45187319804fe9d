/*
 * abi.h
 *		The contract ABI (Solidity documentation, "Contract ABI Specification"):
 *		types, signatures, encoding, decoding.
 *
 * A list of parameters is a tuple.  Types and items are built once and never
 * changed; they live in the memory context in which they were parsed.
 */
#ifndef DALP_EVM_ABI_H
#define DALP_EVM_ABI_H

#include "core/document.h"
#include "evm/bytes.h"

/* Deepest nesting of types; the longest text of a type or signature. */
#define ABI_MAX_DEPTH 64
#define ABI_MAX_TEXT 65536

typedef enum AbiKind
{
	ABI_UINT, ABI_INT, ABI_BOOL, ABI_ADDRESS, ABI_FIXED_BYTES, ABI_FUNCTION,
	ABI_BYTES, ABI_STRING, ABI_ARRAY, ABI_FIXED_ARRAY, ABI_TUPLE
} AbiKind;

typedef struct AbiType AbiType;

/* Whether the components of a tuple can be given as an object. */
typedef enum AbiNames
{
	ABI_NAMES_ALL,				/* each has a name of its own */
	ABI_NAMES_MISSING,
	ABI_NAMES_TWICE				/* two share one */
} AbiNames;

typedef struct AbiComponent
{
	const AbiType *type;
	const char *name;			/* NULL where it has none */
	uint32_t	name_length;
	bool		indexed;		/* of an event's parameter */
} AbiComponent;

struct AbiType
{
	AbiKind		kind;
	uint16_t	size;			/* bits of ABI_UINT, ABI_INT; bytes of ABI_FIXED_BYTES */
	bool		dynamic;
	uint16_t	depth;			/* 1 of an elementary type */
	uint32_t	head_size;		/* bytes in the head: 32 if dynamic, else all of it */
	uint32_t	count;			/* elements of ABI_FIXED_ARRAY, components of ABI_TUPLE */
	const AbiType *element;		/* of both kinds of arrays */
	const AbiComponent *components;
	AbiNames	names;			/* of ABI_TUPLE */
};

typedef enum AbiItemKind
{
	ABI_ITEM_FUNCTION, ABI_ITEM_EVENT, ABI_ITEM_ERROR, ABI_ITEM_CONSTRUCTOR
} AbiItemKind;

typedef struct AbiItem
{
	AbiItemKind kind;
	bool		anonymous;		/* events */
	bool		payable;		/* functions and constructors */
	bool		read_only;		/* view or pure functions */
	const char *name;			/* "" of a constructor */
	const char *signature;		/* canonical: "transfer(address,uint256)" */
	const AbiType *inputs;		/* a tuple */
	const AbiType *outputs;		/* a tuple, or NULL where unknown */
	uint8_t		topic[32];		/* keccak of the signature; its first 4 bytes are the selector */
} AbiItem;

/* Items of a contract. */
typedef struct AbiContract
{
	uint32_t	count;
	const AbiItem **items;
} AbiContract;

/* ---- abi_parse.c, abi_json.c, abi_signature.c ---- */

/* "address,(uint256,bytes)[2]" to a tuple; empty text is the empty tuple. */
extern const AbiType *abi_parse_types(const char *text, size_t length, Problem *problem);

/*
 * A signature ("transfer(address,uint256)"), a human-readable fragment
 * ("event Transfer(address indexed from, …)") or a JSON ABI item as text.
 * Without a keyword it is of the given kind; with another one it is refused.
 */
extern const AbiItem *abi_parse_item(const char *text, size_t length, AbiItemKind kind,
									 Problem *problem);

/* One item of a JSON ABI, called "what" in a problem; NULL without one for "fallback" and "receive". */
extern const AbiItem *abi_item_from_doc(const Doc *doc, const char *what, Problem *problem);

/*
 * A contract's ABI: an array of JSON items or human-readable fragments, or an
 * object that holds one as "abi", as compilers write it.
 */
extern const AbiContract *abi_contract_from_doc(const Doc *doc, Problem *problem);

/* By 4-byte selector, 32-byte topic, or name or canonical signature; NULL if there is none. */
extern const AbiItem *abi_find_selector(const AbiContract *contract, AbiItemKind kind,
										const uint8_t selector[4]);
extern const AbiItem *abi_find_topic(const AbiContract *contract, const uint8_t topic[32]);
extern const AbiItem *abi_find_name(const AbiContract *contract, AbiItemKind kind,
									const char *name, Problem *problem);

/* Canonical name of a type, zero-terminated, allocated. */
extern char *abi_type_name(const AbiType *type);

/* ---- abi_encode.c ---- */

/* Values (an array with one for each component, or an object by name) appended to the buffer. */
extern bool abi_encode(const AbiType *types, const Doc *values, ByteBuffer *out, Problem *problem);

/* Selector and arguments of a function; a constructor has no selector. */
extern bool abi_encode_call(const AbiItem *item, const Doc *arguments, ByteBuffer *out,
							Problem *problem);

/* ---- abi_decode.c ---- */

/* The values as an array; NULL and a problem where the data isn't what the types say. */
extern const Doc *abi_decode(const AbiType *types, const uint8_t *data, size_t length,
							 Problem *problem);

/* The same as an object by name, by position where a component has no name. */
extern const Doc *abi_decode_named(const AbiType *types, const uint8_t *data, size_t length,
								   Problem *problem);

/* Arguments of a call, whose selector must be the item's. */
extern const Doc *abi_decode_call(const AbiItem *item, const uint8_t *data, size_t length,
								  Problem *problem);

/* ---- abi_event.c ---- */

/* Parameters of a log by name; topics are 32 bytes each. A foreign topic 0 is refused. */
extern const Doc *abi_decode_event(const AbiItem *event, const uint8_t (*topics)[32],
								   uint32_t topic_count, const uint8_t *data, size_t length,
								   Problem *problem);

/* ---- abi_error.c ---- */

typedef enum AbiRevertKind
{
	ABI_REVERT_EMPTY,			/* no data */
	ABI_REVERT_ERROR,			/* Error(string) */
	ABI_REVERT_PANIC,			/* Panic(uint256) */
	ABI_REVERT_CUSTOM,			/* an error of the contract's ABI */
	ABI_REVERT_UNKNOWN			/* anything else */
} AbiRevertKind;

typedef struct AbiRevert
{
	AbiRevertKind kind;
	const char *text;			/* in words, UTF-8 without U+0000, never NULL: "insufficient balance", "arithmetic overflow or underflow (panic 0x11)" */
	const char *name;			/* "Error", "Panic", the custom error's name, or NULL */
	const Doc  *arguments;		/* an object by name, or NULL */
} AbiRevert;

/* What a revert's return data says. Never fails: what can't be decoded is ABI_REVERT_UNKNOWN. */
extern AbiRevert abi_decode_revert(const AbiContract *contract, const uint8_t *data, size_t length);

/* The same as a document: {"kind", "text", "name", "arguments", "data"}. */
extern const Doc *abi_revert_to_doc(const AbiRevert *revert, const uint8_t *data, size_t length);

#endif							/* DALP_EVM_ABI_H */
