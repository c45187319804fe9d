/*
 * abi_decode.c
 *		ABI-encoded bytes to values, strictly.
 *
 * Offsets may point anywhere inside the data, so many of them may name one
 * place: a few kilobytes can describe an array of more elements than there is
 * memory for.  Every byte that is looked at is therefore counted, and every array
 * and tuple, and decoding stops where honest data never comes to.
 */
#include "evm/abi.h"
#include "evm/abi_decode.h"
#include "evm/address.h"
#include "evm/hex.h"
#include "evm/integer.h"
#include "evm/place.h"

/* How often all of the data may be looked at, and what is free for the small. */
#define LOOKS 6
#define LOOKS_FREE 8192

/* An array or a tuple takes memory too, whatever is in it. */
#define CONTAINER_COST 32

typedef struct Decoder
{
	const uint8_t *data;
	size_t		length;
	size_t		budget;			/* bytes that may still be looked at */
	Problem    *problem;
} Decoder;

static const Doc *decode_at(Decoder *decoder, const AbiType *type, size_t at, const Place *place);

static bool
spend(Decoder *decoder, size_t bytes, const Place *place)
{
	if (bytes > decoder->budget)
		return place_set(place, decoder->problem, "offsets point to the same data too often");
	decoder->budget -= bytes;
	return true;
}

/* Counts bytes that begin at a place and checks that they are there. */
static bool
look(Decoder *decoder, size_t at, size_t length, const Place *place)
{
	if (at > decoder->length || length > decoder->length - at)
		return place_set(place, decoder->problem, "the data ends before byte %zu", at + length);
	return spend(decoder, length, place);
}

/* A word that is a length or an offset: at most the length of the data. */
static bool
read_length(Decoder *decoder, size_t at, size_t *value, const char *what, const Place *place)
{
	U256		word;

	if (!look(decoder, at, 32, place))
		return false;
	word = u256_from_bytes(decoder->data + at, 32);
	if (!u256_fits_u64(&word) || word.limb[0] > decoder->length)
		return place_set(place, decoder->problem, "%s is larger than the data", what);
	*value = (size_t) word.limb[0];
	return true;
}

static bool
all_bytes_are(const uint8_t *bytes, size_t length, uint8_t expected)
{
	for (size_t i = 0; i < length; i++)
	{
		if (bytes[i] != expected)
			return false;
	}
	return true;
}

const Doc *
abi_decode_word(const AbiType *type, const uint8_t word[32], const Place *place, Problem *problem)
{
	U256		number;
	size_t		bytes;

	switch (type->kind)
	{
		case ABI_UINT:
			bytes = type->size / 8;
			if (!all_bytes_are(word, 32 - bytes, 0))
				break;
			number = u256_from_bytes(word, 32);
			return integer_to_doc(&number);
		case ABI_INT:
			bytes = type->size / 8;
			if (!all_bytes_are(word, 32 - bytes, word[32 - bytes] & 0x80 ? 0xff : 0))
				break;
			number = u256_from_bytes(word, 32);
			return integer_signed_to_doc(&number);
		case ABI_BOOL:
			if (!all_bytes_are(word, 31, 0) || word[31] > 1)
				break;
			return doc_bool(word[31] != 0);
		case ABI_ADDRESS:
			if (!all_bytes_are(word, 12, 0))
				break;
			return address_to_doc(word + 12);
		default:
			Assert(type->kind == ABI_FIXED_BYTES || type->kind == ABI_FUNCTION);
			if (!all_bytes_are(word + type->size, 32 - (size_t) type->size, 0))
				break;
			return hex_to_doc(word, type->size);
	}
	place_set(place, problem, "the word is no %s", abi_type_name(type));
	return NULL;
}

static const Doc *
decode_bytes(Decoder *decoder, const AbiType *type, size_t at, const Place *place)
{
	size_t		length;
	const uint8_t *data;

	if (!read_length(decoder, at, &length, "length", place) ||
		!look(decoder, at + 32, length, place))
		return NULL;
	data = decoder->data + at + 32;
	if (type->kind == ABI_BYTES)
		return hex_to_doc(data, length);
	if (!doc_is_utf8((const char *) data, length))
	{
		place_set(place, decoder->problem, "string is not valid UTF-8");
		return NULL;
	}
	return doc_string((const char *) data, length);
}

/*
 * A value whose head is at "head"; a dynamic one is where the offset in the
 * head says, counted from "base".
 */
static const Doc *
decode_head(Decoder *decoder, const AbiType *type, size_t base, size_t head, const Place *place)
{
	size_t		offset;

	if (!type->dynamic)
		return decode_at(decoder, type, head, place);
	if (!read_length(decoder, head, &offset, "offset", place))
		return NULL;
	if (offset > decoder->length - base)
	{
		place_set(place, decoder->problem, "offset is larger than the data");
		return NULL;
	}
	return decode_at(decoder, type, base + offset, place);
}

static const Doc *
decode_elements(Decoder *decoder, const AbiType *element, size_t count, size_t at,
				const Place *place)
{
	Doc		   *array;

	if (!spend(decoder, CONTAINER_COST, place))
		return NULL;
	/* The heads must be there before anything of that size is built. */
	if (at > decoder->length || count > (decoder->length - at) / element->head_size)
	{
		place_set(place, decoder->problem, "%zu elements are more than the data holds", count);
		return NULL;
	}
	array = doc_array();
	for (size_t i = 0; i < count; i++)
	{
		Place		inner = place_element(place, (uint32_t) i);
		const Doc  *value;

		base_check_interrupts();
		value = decode_head(decoder, element, at, at + i * element->head_size, &inner);
		if (value == NULL)
			return NULL;
		doc_array_add(array, value);
	}
	return array;
}

static const Doc *
decode_components(Decoder *decoder, const AbiType *tuple, size_t at, const Place *place)
{
	Doc		   *array;
	size_t		head = at;

	if (!spend(decoder, CONTAINER_COST, place))
		return NULL;
	array = doc_array();
	for (uint32_t i = 0; i < tuple->count; i++)
	{
		const AbiType *type = tuple->components[i].type;
		Place		inner = place_labelled(place, i, tuple->components[i].name,
										   tuple->components[i].name_length);
		const Doc  *value = decode_head(decoder, type, at, head, &inner);

		if (value == NULL)
			return NULL;
		doc_array_add(array, value);
		head += type->head_size;
	}
	return array;
}

/* A value that begins at "at": of a dynamic type its tail, of a static one all of it. */
static const Doc *
decode_at(Decoder *decoder, const AbiType *type, size_t at, const Place *place)
{
	size_t		count;

	base_check_stack();
	switch (type->kind)
	{
		case ABI_BYTES:
		case ABI_STRING:
			return decode_bytes(decoder, type, at, place);
		case ABI_ARRAY:
			if (!read_length(decoder, at, &count, "length", place))
				return NULL;
			return decode_elements(decoder, type->element, count, at + 32, place);
		case ABI_FIXED_ARRAY:
			return decode_elements(decoder, type->element, type->count, at, place);
		case ABI_TUPLE:
			return decode_components(decoder, type, at, place);
		default:
			if (!look(decoder, at, 32, place))
				return NULL;
			return abi_decode_word(type, decoder->data + at, place, decoder->problem);
	}
}

const Doc *
abi_decode(const AbiType *types, const uint8_t *data, size_t length, Problem *problem)
{
	Decoder		decoder;
	Place		root = place_member(NULL, "data", 4);

	decoder.data = data;
	decoder.length = length;
	decoder.budget = (length < SIZE_MAX / LOOKS / 2 ? length : SIZE_MAX / LOOKS / 2) * LOOKS + LOOKS_FREE;
	decoder.problem = problem;
	return decode_components(&decoder, types, 0, &root);
}

void
abi_add_named(Doc *object, const AbiType *tuple, uint32_t position, const Doc *value)
{
	const AbiComponent *component = &tuple->components[position];
	char		number[16];

	if (component->name != NULL &&
		doc_get_n(object, component->name, component->name_length) == NULL)
		doc_object_add_n(object, component->name, component->name_length, value);
	else
	{
		snprintf(number, sizeof(number), "%u", position);
		doc_object_add(object, number, value);
	}
}

const Doc *
abi_decode_named(const AbiType *types, const uint8_t *data, size_t length, Problem *problem)
{
	const Doc  *values = abi_decode(types, data, length, problem);
	Doc		   *object;

	if (values == NULL)
		return NULL;
	object = doc_object();
	for (uint32_t i = 0; i < values->length; i++)
		abi_add_named(object, types, i, values->items[i]);
	return object;
}

const Doc *
abi_decode_call(const AbiItem *item, const uint8_t *data, size_t length, Problem *problem)
{
	if (item->kind == ABI_ITEM_CONSTRUCTOR)
		return abi_decode(item->inputs, data, length, problem);
	if (length < 4 || memcmp(data, item->topic, 4) != 0)
	{
		problem_set(problem, "data", "the selector is not that of %s", item->signature);
		return NULL;
	}
	return abi_decode(item->inputs, data + 4, length - 4, problem);
}
