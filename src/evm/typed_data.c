/*
 * typed_data.c
 *		EIP-712: hashing of typed structured data.
 */
#include "evm/typed_data.h"

#include "evm/abi.h"
#include "evm/address.h"
#include "evm/hex.h"
#include "evm/integer.h"
#include "evm/keccak.h"
#include "evm/place.h"
#include "evm/typed_data_types.h"

/* Deepest nesting of values. */
#define MAX_DEPTH 128

static bool hash_struct(TypedTypes *types, TypedStruct *type, const Doc *value,
						const Place *place, int depth, uint8_t hash[32], Problem *problem);

/* A member that is there and isn't null. */
static const Doc *
present(const Doc *value)
{
	return value == NULL || value->kind == DOC_NULL ? NULL : value;
}

static bool
encode_bytes(const AbiType *type, const Doc *value, uint8_t word[32], const Place *place,
			 Problem *problem)
{
	Bytes		bytes;

	if (value->kind != DOC_STRING)
		return place_set(place, problem, "expected a string");
	if (type->kind == ABI_STRING)
	{
		keccak256(value->text, value->length, word);
		return true;
	}
	if (!hex_parse(value->text, value->length, &bytes, NULL, problem))
		return place_fail(place, problem);
	keccak256(bytes.data, bytes.length, word);
	mem_free((void *) bytes.data);
	return true;
}

/* A value of an atomic or dynamic type as its word ("encodeData" of the EIP). */
static bool
encode_elementary(const AbiType *type, const Doc *value, uint8_t word[32], const Place *place,
				  Problem *problem)
{
	U256		number;
	bool		negative;

	memset(word, 0, 32);
	switch (type->kind)
	{
		case ABI_UINT:
		case ABI_INT:
			if (!integer_from_doc(value, &number, &negative, NULL, problem) ||
				!integer_to_word(&number, negative, type->size, type->kind == ABI_INT, &number,
								 NULL, problem))
				return place_fail(place, problem);
			u256_to_bytes(&number, word);
			return true;
		case ABI_BOOL:
			if (value->kind != DOC_BOOL)
				return place_set(place, problem, "expected true or false");
			word[31] = value->boolean;
			return true;
		case ABI_ADDRESS:
			return address_from_doc(value, word + 12, NULL, problem) || place_fail(place, problem);
		case ABI_FIXED_BYTES:
			if (value->kind != DOC_STRING)
				return place_set(place, problem, "expected %d bytes as a string of 0x and hex digits",
								 type->size);
			return hex_parse_exact(value->text, value->length, word, type->size, NULL, problem) ||
				place_fail(place, problem);
		default:
			return encode_bytes(type, value, word, place, problem);
	}
}

/*
 * The word of a value of a field's type whose first "dimensions" array suffixes
 * count.  An array is the hash of its elements' words.
 */
static bool
encode_value(TypedTypes *types, const TypedField *field, uint32_t dimensions, const Doc *value,
			 const Place *place, int depth, uint8_t word[32], Problem *problem)
{
	Keccak		keccak;
	int64_t		expected;

	base_check_interrupts();
	base_check_stack();
	if (depth > MAX_DEPTH)
		return place_set(place, problem, "values are nested deeper than %d levels", MAX_DEPTH);
	if (dimensions == 0)
	{
		if (field->structure == NULL)
			return encode_elementary(field->elementary, value, word, place, problem);
		return hash_struct(types, field->structure, value, place, depth, word, problem);
	}
	if (value->kind != DOC_ARRAY)
		return place_set(place, problem, "expected an array");
	expected = field->dimensions[dimensions - 1];
	if (expected >= 0 && value->length != expected)
		return place_set(place, problem, "expected %lld elements, got %u", (long long) expected,
						 value->length);
	keccak_init(&keccak);
	for (uint32_t i = 0; i < value->length; i++)
	{
		Place		inner = place_element(place, i);
		uint8_t		element[32];

		if (!encode_value(types, field, dimensions - 1, value->items[i], &inner, depth + 1, element,
						  problem))
			return false;
		keccak_update(&keccak, element, 32);
	}
	keccak_final(&keccak, word);
	return true;
}

/* keccak(typeHash, encodeData): "hashStruct" of the EIP. */
static bool
hash_struct(TypedTypes *types, TypedStruct *type, const Doc *value, const Place *place, int depth,
			uint8_t hash[32], Problem *problem)
{
	Keccak		keccak;
	uint32_t	used = 0;

	if (value->kind != DOC_OBJECT)
		return place_set(place, problem, "expected an object of the type %.*s",
						 (int) (type->name_length < 64 ? type->name_length : 64), type->name);
	keccak_init(&keccak);
	keccak_update(&keccak, typed_type_hash(types, type), 32);
	for (uint32_t i = 0; i < type->count; i++)
	{
		const TypedField *field = &type->fields[i];
		Place		inner = place_member(place, field->name, field->name_length);
		const Doc  *member = doc_get_n(value, field->name, field->name_length);
		uint8_t		word[32];

		used += member != NULL;
		if (present(member) == NULL)
		{
			/*
			 * A type that contains itself has no other end than a missing
			 * value, which is a word of zeros (as in eth_signTypedData_v4).
			 */
			if (field->structure == NULL || field->dimension_count > 0 ||
				!typed_is_recursive(types, field->structure))
				return place_set(&inner, problem, "member is missing");
			memset(word, 0, sizeof(word));
		}
		else if (!encode_value(types, field, field->dimension_count, member, &inner, depth + 1,
							   word, problem))
			return false;
		keccak_update(&keccak, word, sizeof(word));
	}
	if (used < value->length)
	{
		for (uint32_t i = 0; i < value->length; i++)
		{
			const DocMember *member = &value->members[i];
			Place		inner = place_member(place, member->key, member->key_length);

			if (!typed_has_field(type, member->key, member->key_length) &&
				present(member->value) != NULL)
				return place_set(&inner, problem, "the type %.*s has no such member",
								 (int) (type->name_length < 64 ? type->name_length : 64), type->name);
		}
	}
	keccak_final(&keccak, hash);
	return true;
}

bool
typed_data_hash(const Doc *doc, uint8_t hash[32], uint8_t *domain_hash, uint8_t *struct_hash,
				Problem *problem)
{
	static const char *const known[] = {"types", "primaryType", "domain", "message"};
	static const uint8_t prefix[2] = {0x19, 0x01};
	const Doc  *domain = present(doc_get(doc, "domain"));
	const Doc  *message = present(doc_get(doc, "message"));
	const Doc  *primary = doc_get(doc, "primaryType");
	Place		place = place_member(NULL, "domain", 6);
	TypedTypes *types;
	TypedStruct *domain_type;
	TypedStruct *type;
	Keccak		keccak;
	uint8_t		part[32];

	if (!doc_is(doc, DOC_OBJECT))
		return problem_set(problem, "typed_data", "typed data is an object");
	for (uint32_t i = 0; i < doc->length; i++)
	{
		Place		stranger = place_member(NULL, doc->members[i].key, doc->members[i].key_length);
		bool		ok = false;

		for (size_t k = 0; k < lengthof(known) && !ok; k++)
			ok = doc->members[i].key_length == strlen(known[k]) &&
				memcmp(doc->members[i].key, known[k], strlen(known[k])) == 0;
		if (!ok)
			return place_set(&stranger, problem, "unknown member");
	}
	if (!doc_is(primary, DOC_STRING))
		return problem_set(problem, "primaryType", "expected the name of a type");
	if (domain == NULL)
		domain = doc_object();
	if (domain->kind != DOC_OBJECT)
		return problem_set(problem, "domain", "expected an object");
	types = typed_types_load(doc_get(doc, "types"), domain, problem);
	if (types == NULL)
		return false;
	domain_type = typed_find(types, TYPED_DOMAIN, strlen(TYPED_DOMAIN));
	type = typed_find(types, primary->text, primary->length);
	if (type == NULL)
		return problem_set(problem, "primaryType", "there is no type %.60s", primary->text);

	keccak_init(&keccak);
	keccak_update(&keccak, prefix, sizeof(prefix));
	if (!hash_struct(types, domain_type, domain, &place, 0, part, problem))
		return false;
	keccak_update(&keccak, part, sizeof(part));
	if (domain_hash != NULL)
		memcpy(domain_hash, part, sizeof(part));
	/* A domain that is signed for its own sake has no message. */
	if (type != domain_type)
	{
		place = place_member(NULL, "message", 7);
		if (message == NULL)
			return problem_set(problem, "message", "member is missing");
		if (!hash_struct(types, type, message, &place, 0, part, problem))
			return false;
		keccak_update(&keccak, part, sizeof(part));
	}
	if (struct_hash != NULL)
		memcpy(struct_hash, part, sizeof(part));
	keccak_final(&keccak, hash);
	return true;
}

char *
typed_data_encode_type(const Doc *doc, const char *type, Problem *problem)
{
	const Doc  *domain = doc_get(doc, "domain");
	TypedTypes *types = typed_types_load(doc_get(doc, "types"),
										 doc_is(domain, DOC_OBJECT) ? domain : doc_object(), problem);
	TypedStruct *found;

	if (types == NULL)
		return NULL;
	found = typed_find(types, type, strlen(type));
	if (found == NULL)
	{
		problem_set(problem, "type", "there is no type %.60s", type);
		return NULL;
	}
	return typed_encode_type(types, found);
}
