/*
 * bytes.h
 *		A view of bytes, and a growing buffer of them.
 */
#ifndef DALP_EVM_BYTES_H
#define DALP_EVM_BYTES_H

#include "core/base.h"

/* Bytes that somebody else owns. */
typedef struct Bytes
{
	const uint8_t *data;
	size_t		length;
} Bytes;

/*
 * Grows as it is written to.  Past BYTES_MAX nothing more is stored and
 * too_large stays set: encoders look at it once, at their end, and report.
 */
typedef struct ByteBuffer
{
	uint8_t    *data;
	size_t		length;
	size_t		capacity;
	bool		too_large;
} ByteBuffer;

/* The server's limit of one allocation, less room for a varlena header. */
#define BYTES_MAX ((size_t) 0x3fffff00)

/* An empty buffer with room for so many bytes. */
extern void bytes_init(ByteBuffer *buffer, size_t room);

/* Room for so many bytes more; false (and too_large) past BYTES_MAX. */
extern bool bytes_reserve(ByteBuffer *buffer, size_t more);

extern void bytes_add(ByteBuffer *buffer, const void *data, size_t length);
extern void bytes_add_byte(ByteBuffer *buffer, uint8_t byte);
extern void bytes_add_zeros(ByteBuffer *buffer, size_t count);

/* False, with a problem, where the buffer could not hold all. */
extern bool bytes_complete(const ByteBuffer *buffer, Problem *problem);

#endif							/* DALP_EVM_BYTES_H */
