/*
 * abi_cache_sql.c
 *		Parsed signatures and types, kept per backend.
 *
 * A query that encodes a million calls names one signature.  Texts are spread
 * over a fixed number of places; a newcomer throws out what was there, so a
 * session's memory is bounded whatever it asks for.  Each place owns a memory
 * context, which becomes permanent only after parsing has succeeded.
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "utils/memutils.h"

#include "core/errors.h"
#include "evm/abi_cache_sql.h"

#define PLACES 64

/* Longer texts are parsed each time. */
#define LONGEST 1024

/* What a text was parsed as: an item of a kind, or a list of types. */
#define KIND_TYPES (ABI_ITEM_CONSTRUCTOR + 1)

typedef struct CachedText
{
	MemoryContext context;		/* NULL: nothing here */
	int			kind;
	size_t		length;
	char	   *text;
	const void *parsed;
} CachedText;

static CachedText cache[PLACES];

static const void *
parse(const char *text, size_t length, int kind)
{
	static const char *const what[] = {
		"function signature", "event signature", "error signature", "constructor signature", "types"
	};
	Problem		problem = {{0}, {0}};
	const void *parsed;

	if (kind == KIND_TYPES)
		parsed = abi_parse_types(text, length, &problem);
	else
		parsed = abi_parse_item(text, length, (AbiItemKind) kind, &problem);
	if (parsed == NULL)
		problem_raise_hint(&problem, what[kind], kind == KIND_TYPES ?
						   "Write types as inside a signature: \"address,(uint256,bytes)[2],string\"." :
						   "Write it as in a contract's source, or give one element of a JSON ABI.");
	return parsed;
}

static const void *
lookup(const char *text, size_t length, int kind)
{
	CachedText *place;
	MemoryContext context;
	MemoryContext old;
	const void *parsed;
	char	   *copy;

	if (length > LONGEST)
		return parse(text, length, kind);
	place = &cache[(hash_bytes((const unsigned char *) text, (int) length) + (uint32) kind) % PLACES];
	if (place->context != NULL && place->kind == kind && place->length == length &&
		memcmp(place->text, text, length) == 0)
		return place->parsed;

	context = AllocSetContextCreate(CurrentMemoryContext, "dalp signature", ALLOCSET_SMALL_SIZES);
	old = MemoryContextSwitchTo(context);
	parsed = parse(text, length, kind);
	copy = pnstrdup(text, length);
	MemoryContextSwitchTo(old);

	/* Nothing below can fail. */
	if (place->context != NULL)
		MemoryContextDelete(place->context);
	MemoryContextSetParent(context, CacheMemoryContext != NULL ? CacheMemoryContext : TopMemoryContext);
	place->context = context;
	place->kind = kind;
	place->length = length;
	place->text = copy;
	place->parsed = parsed;
	return parsed;
}

const AbiItem *
abi_cached_item(const char *text, size_t length, AbiItemKind kind)
{
	return lookup(text, length, (int) kind);
}

const AbiType *
abi_cached_types(const char *text, size_t length)
{
	return lookup(text, length, KIND_TYPES);
}
