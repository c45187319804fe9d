/*
 * bytes.c
 *		A growing buffer of bytes.
 */
#include "evm/bytes.h"

void
bytes_init(ByteBuffer *buffer, size_t room)
{
	if (room < 64)
		room = 64;
	if (room > BYTES_MAX)
		room = BYTES_MAX;
	buffer->data = mem_alloc(room);
	buffer->length = 0;
	buffer->capacity = room;
	buffer->too_large = false;
}

bool
bytes_reserve(ByteBuffer *buffer, size_t more)
{
	size_t		capacity;

	if (buffer->too_large)
		return false;
	if (more <= buffer->capacity - buffer->length)
		return true;
	if (more > BYTES_MAX - buffer->length)
	{
		buffer->too_large = true;
		return false;
	}
	capacity = buffer->capacity > BYTES_MAX / 2 ? BYTES_MAX : buffer->capacity * 2;
	if (capacity < buffer->length + more)
		capacity = buffer->length + more;
	buffer->data = mem_realloc(buffer->data, capacity);
	buffer->capacity = capacity;
	return true;
}

void
bytes_add(ByteBuffer *buffer, const void *data, size_t length)
{
	if (length == 0 || !bytes_reserve(buffer, length))
		return;
	memcpy(buffer->data + buffer->length, data, length);
	buffer->length += length;
}

void
bytes_add_byte(ByteBuffer *buffer, uint8_t byte)
{
	if (!bytes_reserve(buffer, 1))
		return;
	buffer->data[buffer->length++] = byte;
}

void
bytes_add_zeros(ByteBuffer *buffer, size_t count)
{
	if (count == 0 || !bytes_reserve(buffer, count))
		return;
	memset(buffer->data + buffer->length, 0, count);
	buffer->length += count;
}

bool
bytes_complete(const ByteBuffer *buffer, Problem *problem)
{
	if (buffer->too_large)
		return problem_set(problem, "the result", "the result would be larger than %zu bytes", BYTES_MAX);
	return true;
}
