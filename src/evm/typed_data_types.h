/*
 * typed_data_types.h
 *		The types of an EIP-712 document.
 */
#ifndef DALP_EVM_TYPED_DATA_TYPES_H
#define DALP_EVM_TYPED_DATA_TYPES_H

#include "evm/abi.h"

#define TYPED_DOMAIN "EIP712Domain"

typedef struct TypedStruct TypedStruct;

typedef struct TypedField
{
	const char *name;
	uint32_t	name_length;
	const char *type;			/* as it is written in the type's encoding */
	uint32_t	type_length;
	const AbiType *elementary;	/* of the innermost element, or NULL and … */
	TypedStruct *structure;
	uint32_t	dimension_count;	/* array suffixes, the innermost first */
	const int64_t *dimensions;	/* -1: of any length */
} TypedField;

struct TypedStruct
{
	const char *name;
	uint32_t	name_length;
	uint32_t	count;
	TypedField *fields;
	uint32_t	mark;			/* of the walk that saw it last */
	bool		hashed;
	bool		recursion_known;
	bool		recursive;
	uint8_t		hash[32];		/* keccak of the encoded type */
};

typedef struct TypedTypes
{
	uint32_t	count;
	TypedStruct *structs;		/* in order of their names */
	uint32_t	walk;			/* the last mark given out */
} TypedTypes;

/*
 * The types of a document.  Where it has no EIP712Domain, that is made of the
 * members that the domain has.  NULL and a problem if a type is wrong.
 */
extern TypedTypes *typed_types_load(const Doc *doc, const Doc *domain, Problem *problem);

/* By name; NULL if there is none. */
extern TypedStruct *typed_find(const TypedTypes *types, const char *name, size_t length);

extern bool typed_has_field(const TypedStruct *type, const char *name, size_t length);

/* "encodeType" of the EIP, zero-terminated; and its hash, computed once. */
extern char *typed_encode_type(TypedTypes *types, TypedStruct *type);
extern const uint8_t *typed_type_hash(TypedTypes *types, TypedStruct *type);

/* A value of the type can contain another one. */
extern bool typed_is_recursive(TypedTypes *types, TypedStruct *type);

#endif							/* DALP_EVM_TYPED_DATA_TYPES_H */
