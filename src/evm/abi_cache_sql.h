/*
 * abi_cache_sql.h
 *		Parsed signatures and types, kept per backend.
 */
#ifndef DALP_EVM_ABI_CACHE_SQL_H
#define DALP_EVM_ABI_CACHE_SQL_H

#include "postgres.h"

#include "evm/abi.h"

/*
 * As abi_parse_item and abi_parse_types, but raise DL006.  The result may be
 * gone after the next call of either.
 */
extern const AbiItem *abi_cached_item(const char *text, size_t length, AbiItemKind kind);
extern const AbiType *abi_cached_types(const char *text, size_t length);

#endif							/* DALP_EVM_ABI_CACHE_SQL_H */
