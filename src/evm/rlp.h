/*
 * rlp.h
 *		Recursive Length Prefix (Ethereum Yellow Paper, appendix B), canonical only.
 */
#ifndef DALP_EVM_RLP_H
#define DALP_EVM_RLP_H

#include "core/document.h"
#include "evm/bytes.h"
#include "evm/u256.h"

/* Deepest nesting of lists that is read or written. */
#define RLP_MAX_DEPTH 256

/* Writing: items one after the other; a list is begun, filled and ended. */
extern void rlp_add_bytes(ByteBuffer *out, const void *data, size_t length);
extern void rlp_add_u64(ByteBuffer *out, uint64_t value);
extern void rlp_add_u256(ByteBuffer *out, const U256 *value);
extern size_t rlp_begin_list(ByteBuffer *out);
extern void rlp_end_list(ByteBuffer *out, size_t begin);

/* Reading: a reader stands before the next item of a list, or of a whole input. */
typedef struct RlpReader
{
	const uint8_t *start;		/* of the whole input, for "byte n" in problems */
	const uint8_t *next;
	const uint8_t *end;
} RlpReader;

typedef struct RlpItem
{
	bool		is_list;
	const uint8_t *payload;
	size_t		length;			/* of the payload */
} RlpItem;

extern void rlp_reader_init(RlpReader *reader, const uint8_t *data, size_t length);
extern bool rlp_at_end(const RlpReader *reader);

/* The next item, whose prefix must be of the shortest form and whose payload must be there. */
extern bool rlp_next(RlpReader *reader, RlpItem *item, Problem *problem);

/* The next item, which must be a list, as a reader of its own. "what" names it in problems. */
extern bool rlp_next_list(RlpReader *reader, RlpReader *list, const char *what, Problem *problem);

/* The next item, which must be bytes; exactly "length" of them in the second form. */
extern bool rlp_next_bytes(RlpReader *reader, Bytes *bytes, const char *what, Problem *problem);
extern bool rlp_next_exact(RlpReader *reader, uint8_t *out, size_t length, const char *what,
						   Problem *problem);

/* The next item, which must be an integer without leading zeros. */
extern bool rlp_next_u256(RlpReader *reader, U256 *value, const char *what, Problem *problem);
extern bool rlp_next_u64(RlpReader *reader, uint64_t *value, const char *what, Problem *problem);

/* Nothing may follow "what". */
extern bool rlp_finish(const RlpReader *reader, const char *what, Problem *problem);

/* Documents as json-conventions.md writes them: hex strings, numbers (in only), arrays. */
extern bool rlp_from_doc(const Doc *doc, ByteBuffer *out, Problem *problem);
extern const Doc *rlp_to_doc(const uint8_t *data, size_t length, Problem *problem);

#endif							/* DALP_EVM_RLP_H */
