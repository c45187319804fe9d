/*
 * rlp.c
 *		Recursive Length Prefix: writing, and reading of the canonical form only.
 */
#include "evm/rlp.h"

#include "evm/hex.h"
#include "evm/integer.h"
#include "evm/place.h"

/* First bytes: below 0x80 the byte itself, then short and long strings, short and long lists. */
#define STRING_BASE 0x80
#define LIST_BASE 0xc0
#define SHORT_MAX 55

/* Writes the prefix of a payload to out (at most 9 bytes); returns its length. */
static size_t
write_prefix(uint8_t *out, uint8_t base, size_t length)
{
	size_t		count = 0;

	if (length <= SHORT_MAX)
	{
		out[0] = (uint8_t) (base + length);
		return 1;
	}
	for (size_t rest = length; rest > 0; rest >>= 8)
		count++;
	out[0] = (uint8_t) (base + SHORT_MAX + count);
	for (size_t i = 0; i < count; i++)
		out[count - i] = (uint8_t) (length >> (8 * i));
	return 1 + count;
}

void
rlp_add_bytes(ByteBuffer *out, const void *data, size_t length)
{
	uint8_t		prefix[9];

	if (length != 1 || *(const uint8_t *) data >= STRING_BASE)
		bytes_add(out, prefix, write_prefix(prefix, STRING_BASE, length));
	bytes_add(out, data, length);
}

void
rlp_add_u64(ByteBuffer *out, uint64_t value)
{
	U256		wide = u256_from_u64(value);

	rlp_add_u256(out, &wide);
}

void
rlp_add_u256(ByteBuffer *out, const U256 *value)
{
	uint8_t		shortest[32];
	int			length = u256_to_shortest(value, shortest);

	rlp_add_bytes(out, shortest, (size_t) length);
}

size_t
rlp_begin_list(ByteBuffer *out)
{
	return out->length;
}

/* The prefix is known only now: the payload moves to make room for it. */
void
rlp_end_list(ByteBuffer *out, size_t begin)
{
	uint8_t		prefix[9];
	size_t		payload = out->length - begin;
	size_t		length = write_prefix(prefix, LIST_BASE, payload);

	if (!bytes_reserve(out, length))
		return;
	memmove(out->data + begin + length, out->data + begin, payload);
	memcpy(out->data + begin, prefix, length);
	out->length += length;
}

static bool
fail_at(const RlpReader *reader, Problem *problem, const char *message)
{
	char		where[32];

	snprintf(where, sizeof(where), "byte %zu", (size_t) (reader->next - reader->start));
	return problem_set(problem, where, "%s", message);
}

void
rlp_reader_init(RlpReader *reader, const uint8_t *data, size_t length)
{
	reader->start = reader->next = data;
	reader->end = data + length;
}

bool
rlp_at_end(const RlpReader *reader)
{
	return reader->next == reader->end;
}

bool
rlp_next(RlpReader *reader, RlpItem *item, Problem *problem)
{
	size_t		left = (size_t) (reader->end - reader->next);
	const uint8_t *p = reader->next;
	uint8_t		first;
	uint8_t		base;
	size_t		prefix = 1;
	size_t		length;

	if (left == 0)
		return fail_at(reader, problem, "RLP ends where an item is expected");
	first = p[0];
	if (first < STRING_BASE)
	{
		item->is_list = false;
		item->payload = p;
		item->length = 1;
		reader->next++;
		return true;
	}
	base = first < LIST_BASE ? STRING_BASE : LIST_BASE;
	length = (size_t) (first - base);
	if (length > SHORT_MAX)
	{
		size_t		count = length - SHORT_MAX;

		if (count > left - 1)
			return fail_at(reader, problem, "RLP ends inside a length");
		if (p[1] == 0)
			return fail_at(reader, problem, "RLP length has leading zeros");
		length = 0;
		for (size_t i = 1; i <= count; i++)
			length = length << 8 | p[i];
		if (length <= SHORT_MAX)
			return fail_at(reader, problem, "RLP length is not in its shortest form");
		prefix = 1 + count;
	}
	if (length > left - prefix)
		return fail_at(reader, problem, "RLP item is longer than what contains it");
	if (base == STRING_BASE && length == 1 && p[1] < STRING_BASE)
		return fail_at(reader, problem, "RLP byte below 0x80 has a needless prefix");
	item->is_list = base == LIST_BASE;
	item->payload = p + prefix;
	item->length = length;
	reader->next = p + prefix + length;
	return true;
}

bool
rlp_next_list(RlpReader *reader, RlpReader *list, const char *what, Problem *problem)
{
	RlpItem		item;

	if (!rlp_next(reader, &item, problem))
		return false;
	if (!item.is_list)
		return problem_set(problem, what, "expected an RLP list, got bytes");
	list->start = reader->start;
	list->next = item.payload;
	list->end = item.payload + item.length;
	return true;
}

bool
rlp_next_bytes(RlpReader *reader, Bytes *bytes, const char *what, Problem *problem)
{
	RlpItem		item;

	if (!rlp_at_end(reader))
	{
		if (!rlp_next(reader, &item, problem))
			return false;
		if (item.is_list)
			return problem_set(problem, what, "expected bytes, got an RLP list");
		bytes->data = item.payload;
		bytes->length = item.length;
		return true;
	}
	return problem_set(problem, what, "the RLP list ends before it");
}

bool
rlp_next_exact(RlpReader *reader, uint8_t *out, size_t length, const char *what, Problem *problem)
{
	Bytes		bytes = {NULL, 0};

	if (!rlp_next_bytes(reader, &bytes, what, problem))
		return false;
	if (bytes.length != length)
		return problem_set(problem, what, "expected %zu bytes, got %zu", length, bytes.length);
	memcpy(out, bytes.data, length);
	return true;
}

bool
rlp_next_u256(RlpReader *reader, U256 *value, const char *what, Problem *problem)
{
	Bytes		bytes = {NULL, 0};

	if (!rlp_next_bytes(reader, &bytes, what, problem))
		return false;
	if (bytes.length > 32)
		return problem_set(problem, what, "integer is larger than 256 bits");
	if (bytes.length > 0 && bytes.data[0] == 0)
		return problem_set(problem, what, "integer has leading zeros");
	*value = u256_from_bytes(bytes.data, bytes.length);
	return true;
}

bool
rlp_next_u64(RlpReader *reader, uint64_t *value, const char *what, Problem *problem)
{
	U256		wide;

	if (!rlp_next_u256(reader, &wide, what, problem))
		return false;
	if (!u256_fits_u64(&wide))
		return problem_set(problem, what, "integer is larger than 64 bits");
	*value = wide.limb[0];
	return true;
}

bool
rlp_finish(const RlpReader *reader, const char *what, Problem *problem)
{
	char		where[64];

	if (rlp_at_end(reader))
		return true;
	snprintf(where, sizeof(where), "byte %zu", (size_t) (reader->next - reader->start));
	return problem_set(problem, where, "surplus bytes after the %s: %zu", what,
					   (size_t) (reader->end - reader->next));
}

static bool
add_doc(const Doc *doc, ByteBuffer *out, const Place *place, int depth, Problem *problem)
{
	Bytes		bytes;
	U256		value;
	size_t		begin;

	base_check_interrupts();
	base_check_stack();
	switch (doc->kind)
	{
		case DOC_STRING:
			if (!hex_parse(doc->text, doc->length, &bytes, NULL, problem))
				return place_fail(place, problem);
			rlp_add_bytes(out, bytes.data, bytes.length);
			mem_free((void *) bytes.data);
			return true;
		case DOC_NUMBER:
			if (!integer_from_doc_unsigned(doc, &value, NULL, problem))
				return place_fail(place, problem);
			rlp_add_u256(out, &value);
			return true;
		case DOC_ARRAY:
			if (depth >= RLP_MAX_DEPTH)
				return place_set(place, problem, "lists are nested deeper than %d levels",
								 RLP_MAX_DEPTH);
			begin = rlp_begin_list(out);
			for (uint32_t i = 0; i < doc->length; i++)
			{
				Place		inner = place_element(place, i);

				if (!add_doc(doc->items[i], out, &inner, depth + 1, problem))
					return false;
			}
			rlp_end_list(out, begin);
			return true;
		default:
			return place_set(place, problem,
							 "RLP takes 0x strings, non-negative numbers and arrays only");
	}
}

bool
rlp_from_doc(const Doc *doc, ByteBuffer *out, Problem *problem)
{
	Place		root = place_member(NULL, "value", 5);

	return add_doc(doc, out, &root, 0, problem) && bytes_complete(out, problem);
}

static const Doc *
item_to_doc(RlpReader *reader, int depth, Problem *problem)
{
	RlpItem		item;
	RlpReader	list;
	Doc		   *array;

	base_check_interrupts();
	base_check_stack();
	if (!rlp_next(reader, &item, problem))
		return NULL;
	if (!item.is_list)
		return hex_to_doc(item.payload, item.length);
	if (depth >= RLP_MAX_DEPTH)
	{
		fail_at(reader, problem, "RLP lists are nested too deep");
		return NULL;
	}
	array = doc_array();
	list.start = reader->start;
	list.next = item.payload;
	list.end = item.payload + item.length;
	while (!rlp_at_end(&list))
	{
		const Doc  *child = item_to_doc(&list, depth + 1, problem);

		if (child == NULL)
			return NULL;
		doc_array_add(array, child);
	}
	return array;
}

const Doc *
rlp_to_doc(const uint8_t *data, size_t length, Problem *problem)
{
	RlpReader	reader;
	const Doc  *doc;

	rlp_reader_init(&reader, data, length);
	doc = item_to_doc(&reader, 0, problem);
	if (doc == NULL || !rlp_finish(&reader, "item", problem))
		return NULL;
	return doc;
}
