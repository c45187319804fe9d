/*
 * abi_encode.c
 *		Values to ABI-encoded bytes.
 *
 * Every sequence (arguments, elements, components) is a head of fixed size and
 * a tail: static values stand in the head, dynamic ones in the tail with their
 * offset from the sequence's start in the head.
 */
#include "evm/abi.h"
#include "evm/address.h"
#include "evm/hex.h"
#include "evm/integer.h"
#include "evm/place.h"

static bool encode_static(const AbiType *type, const Doc *value, ByteBuffer *out, size_t at,
						  const Place *place, Problem *problem);
static bool encode_dynamic(const AbiType *type, const Doc *value, ByteBuffer *out,
						   const Place *place, Problem *problem);

static void
write_length(ByteBuffer *out, size_t at, size_t value)
{
	U256		wide = u256_from_u64(value);

	u256_to_bytes(&wide, out->data + at);
}

static const Doc *
null_if_absent(const Doc *value)
{
	return value != NULL ? value : doc_null();
}

/* The value of a tuple's component, from an array by position or from an object by name. */
static const Doc *
component_value(const AbiType *tuple, const Doc *values, uint32_t i)
{
	const AbiComponent *component = &tuple->components[i];

	if (values->kind == DOC_ARRAY)
		return values->items[i];
	return null_if_absent(doc_get_n(values, component->name, component->name_length));
}

static bool
has_component(const AbiType *tuple, const DocMember *member)
{
	for (uint32_t i = 0; i < tuple->count; i++)
	{
		if (tuple->components[i].name_length == member->key_length &&
			memcmp(tuple->components[i].name, member->key, member->key_length) == 0)
			return true;
	}
	return false;
}

static bool
check_tuple(const AbiType *tuple, const Doc *values, const Place *place, Problem *problem)
{
	if (doc_is(values, DOC_OBJECT))
	{
		if (tuple->names == ABI_NAMES_MISSING)
			return place_set(place, problem, "an object needs names for all components; give an array");
		if (tuple->names == ABI_NAMES_TWICE)
			return place_set(place, problem, "two components have one name; give an array");
		for (uint32_t i = 0; i < tuple->count; i++)
		{
			const AbiComponent *component = &tuple->components[i];
			Place		missing = place_member(place, component->name, component->name_length);

			if (doc_get_n(values, component->name, component->name_length) == NULL)
				return place_set(&missing, problem, "component is missing");
		}
		/* All components are there, each once: one more member is a stranger. */
		for (uint32_t i = 0; values->length > tuple->count && i < values->length; i++)
		{
			const DocMember *member = &values->members[i];
			Place		stranger = place_member(place, member->key, member->key_length);

			if (!has_component(tuple, member))
				return place_set(&stranger, problem, "unknown member");
		}
		return true;
	}
	if (!doc_is(values, DOC_ARRAY))
		return place_set(place, problem, "expected an array");
	if (values->length != tuple->count)
		return place_set(place, problem, "expected %u values, got %u", tuple->count, values->length);
	return true;
}

static Place
component_place(const AbiType *tuple, const Doc *values, const Place *place, uint32_t i)
{
	if (values->kind == DOC_OBJECT)
		return place_member(place, tuple->components[i].name, tuple->components[i].name_length);
	return place_element(place, i);
}

/* The components of a tuple, whose offsets count from where they begin. */
static bool
encode_components(const AbiType *tuple, const Doc *values, ByteBuffer *out, const Place *place,
				  Problem *problem)
{
	size_t		start = out->length;
	size_t		at = start;
	size_t		head = 0;

	if (!check_tuple(tuple, values, place, problem))
		return false;
	for (uint32_t i = 0; i < tuple->count; i++)
		head += tuple->components[i].type->head_size;
	bytes_add_zeros(out, head);
	if (out->too_large)
		return bytes_complete(out, problem);
	for (uint32_t i = 0; i < tuple->count; i++)
	{
		const AbiType *type = tuple->components[i].type;
		Place		inner = component_place(tuple, values, place, i);

		if (type->dynamic)
			write_length(out, at, out->length - start);
		if (type->dynamic ?
			!encode_dynamic(type, component_value(tuple, values, i), out, &inner, problem) :
			!encode_static(type, component_value(tuple, values, i), out, at, &inner, problem))
			return false;
		at += type->head_size;
	}
	return true;
}

static bool
encode_elements(const AbiType *element, const Doc *values, ByteBuffer *out, const Place *place,
				Problem *problem)
{
	size_t		start = out->length;

	bytes_add_zeros(out, (size_t) element->head_size * values->length);
	if (out->too_large)
		return bytes_complete(out, problem);
	for (uint32_t i = 0; i < values->length; i++)
	{
		size_t		at = start + (size_t) i * element->head_size;
		Place		inner = place_element(place, i);

		base_check_interrupts();
		if (element->dynamic)
			write_length(out, at, out->length - start);
		if (element->dynamic ?
			!encode_dynamic(element, values->items[i], out, &inner, problem) :
			!encode_static(element, values->items[i], out, at, &inner, problem))
			return false;
	}
	return true;
}

static bool
encode_number(const AbiType *type, const Doc *value, uint8_t *word, Problem *problem)
{
	U256		magnitude;
	U256		number;
	bool		negative;

	if (!integer_from_doc(value, &magnitude, &negative, NULL, problem) ||
		!integer_to_word(&magnitude, negative, type->size, type->kind == ABI_INT, &number, NULL,
						 problem))
		return false;
	u256_to_bytes(&number, word);
	return true;
}

/* Into a head that is already there, and zero. */
static bool
encode_static(const AbiType *type, const Doc *value, ByteBuffer *out, size_t at,
			  const Place *place, Problem *problem)
{
	uint8_t    *word = out->data + at;
	bool		ok = true;

	switch (type->kind)
	{
		case ABI_UINT:
		case ABI_INT:
			ok = encode_number(type, value, word, problem);
			break;
		case ABI_BOOL:
			if (value->kind != DOC_BOOL)
				return place_set(place, problem, "expected true or false");
			word[31] = value->boolean;
			break;
		case ABI_ADDRESS:
			ok = address_from_doc(value, word + 12, NULL, problem);
			break;
		case ABI_FIXED_BYTES:
		case ABI_FUNCTION:
			if (value->kind != DOC_STRING)
				return place_set(place, problem, "expected %d bytes as a string of 0x and hex digits",
								 type->size);
			ok = hex_parse_exact(value->text, value->length, word, type->size, NULL, problem);
			break;
		case ABI_FIXED_ARRAY:
			if (value->kind != DOC_ARRAY || value->length != type->count)
				return place_set(place, problem, "expected an array of %u elements", type->count);
			for (uint32_t i = 0; i < type->count; i++)
			{
				Place		inner = place_element(place, i);

				base_check_interrupts();
				if (!encode_static(type->element, value->items[i], out,
								   at + (size_t) i * type->element->head_size, &inner, problem))
					return false;
			}
			break;
		case ABI_TUPLE:
			if (!check_tuple(type, value, place, problem))
				return false;
			for (uint32_t i = 0; i < type->count; i++)
			{
				Place		inner = component_place(type, value, place, i);
				const AbiType *component = type->components[i].type;

				if (!encode_static(component, component_value(type, value, i), out, at, &inner,
								   problem))
					return false;
				at += component->head_size;
			}
			break;
		default:
			Assert(false);
			return place_set(place, problem, "not a static type");
	}
	return ok || place_fail(place, problem);
}

/* Length, bytes, zeros up to a multiple of 32. */
static bool
encode_bytes(const void *data, size_t length, ByteBuffer *out, Problem *problem)
{
	size_t		at = out->length;

	bytes_add_zeros(out, 32);
	bytes_add(out, data, length);
	bytes_add_zeros(out, (32 - length % 32) % 32);
	if (out->too_large)
		return bytes_complete(out, problem);
	write_length(out, at, length);
	return true;
}

/* Appended to the tail. */
static bool
encode_dynamic(const AbiType *type, const Doc *value, ByteBuffer *out, const Place *place,
			   Problem *problem)
{
	Bytes		bytes = {NULL, 0};
	size_t		at;

	base_check_stack();
	switch (type->kind)
	{
		case ABI_STRING:
			if (value->kind != DOC_STRING)
				return place_set(place, problem, "expected a string");
			return encode_bytes(value->text, value->length, out, problem);
		case ABI_BYTES:
			if (value->kind != DOC_STRING)
				return place_set(place, problem, "expected bytes as a string of 0x and hex digits");
			if (!hex_parse(value->text, value->length, &bytes, NULL, problem))
				return place_fail(place, problem);
			if (!encode_bytes(bytes.data, bytes.length, out, problem))
				return false;
			mem_free((void *) bytes.data);
			return true;
		case ABI_ARRAY:
			if (value->kind != DOC_ARRAY)
				return place_set(place, problem, "expected an array");
			at = out->length;
			bytes_add_zeros(out, 32);
			if (out->too_large)
				return bytes_complete(out, problem);
			write_length(out, at, value->length);
			return encode_elements(type->element, value, out, place, problem);
		case ABI_FIXED_ARRAY:
			if (value->kind != DOC_ARRAY || value->length != type->count)
				return place_set(place, problem, "expected an array of %u elements", type->count);
			return encode_elements(type->element, value, out, place, problem);
		default:
			Assert(type->kind == ABI_TUPLE);
			return encode_components(type, value, out, place, problem);
	}
}

bool
abi_encode(const AbiType *types, const Doc *values, ByteBuffer *out, Problem *problem)
{
	Place		root = place_member(NULL, "args", 4);

	return encode_components(types, null_if_absent(values), out, &root, problem);
}

bool
abi_encode_call(const AbiItem *item, const Doc *arguments, ByteBuffer *out, Problem *problem)
{
	if (item->kind != ABI_ITEM_CONSTRUCTOR)
		bytes_add(out, item->topic, 4);
	return abi_encode(item->inputs, arguments, out, problem);
}
