/*
 * abi_signature.c
 *		What follows from parsed types: their canonical names, signatures and
 *		topics, and whether the components of a tuple can be told by name.
 */
#include "evm/abi_parse.h"

#include "evm/keccak.h"
#include "evm/place.h"

static int
compare_names(const void *a, const void *b)
{
	const AbiComponent *left = *(const AbiComponent *const *) a;
	const AbiComponent *right = *(const AbiComponent *const *) b;

	if (left->name_length != right->name_length)
		return left->name_length < right->name_length ? -1 : 1;
	return memcmp(left->name, right->name, left->name_length);
}

AbiNames
abi_tuple_names(uint32_t count, const AbiComponent *components)
{
	const AbiComponent **sorted;
	AbiNames	names = ABI_NAMES_ALL;

	for (uint32_t i = 0; i < count; i++)
	{
		if (components[i].name == NULL)
			return ABI_NAMES_MISSING;
	}
	if (count < 2)
		return ABI_NAMES_ALL;
	sorted = mem_alloc(count * sizeof(*sorted));
	for (uint32_t i = 0; i < count; i++)
		sorted[i] = &components[i];
	qsort(sorted, count, sizeof(*sorted), compare_names);
	for (uint32_t i = 1; i < count && names == ABI_NAMES_ALL; i++)
	{
		if (compare_names(&sorted[i - 1], &sorted[i]) == 0)
			names = ABI_NAMES_TWICE;
	}
	mem_free(sorted);
	return names;
}

char *
abi_copy_text(const char *text, size_t length)
{
	char	   *copy = mem_alloc(length + 1);

	if (length > 0)
		memcpy(copy, text, length);
	copy[length] = '\0';
	return copy;
}

static void
write_type(const AbiType *type, ByteBuffer *out)
{
	char		text[16];

	switch (type->kind)
	{
		case ABI_UINT:
		case ABI_INT:
			snprintf(text, sizeof(text), "%s%d", type->kind == ABI_UINT ? "uint" : "int", type->size);
			break;
		case ABI_FIXED_BYTES:
			snprintf(text, sizeof(text), "bytes%d", type->size);
			break;
		case ABI_ARRAY:
			write_type(type->element, out);
			snprintf(text, sizeof(text), "[]");
			break;
		case ABI_FIXED_ARRAY:
			write_type(type->element, out);
			snprintf(text, sizeof(text), "[%u]", type->count);
			break;
		case ABI_TUPLE:
			bytes_add_byte(out, '(');
			for (uint32_t i = 0; i < type->count; i++)
			{
				if (i > 0)
					bytes_add_byte(out, ',');
				write_type(type->components[i].type, out);
			}
			snprintf(text, sizeof(text), ")");
			break;
		default:
			snprintf(text, sizeof(text), "%s",
					 type->kind == ABI_BOOL ? "bool" : type->kind == ABI_ADDRESS ? "address" :
					 type->kind == ABI_FUNCTION ? "function" : type->kind == ABI_BYTES ? "bytes" :
					 "string");
	}
	bytes_add(out, text, strlen(text));
}

char *
abi_type_name(const AbiType *type)
{
	ByteBuffer	text;

	bytes_init(&text, 64);
	write_type(type, &text);
	bytes_add_byte(&text, '\0');
	return (char *) text.data;
}

bool
abi_item_complete(AbiItem *item, Problem *problem)
{
	ByteBuffer	text;
	uint32_t	indexed = 0;
	uint32_t	most = item->anonymous ? 4 : 3;

	bytes_init(&text, 64);
	bytes_add(&text, item->name, strlen(item->name));
	write_type(item->inputs, &text);
	keccak256(text.data, text.length, item->topic);
	bytes_add_byte(&text, '\0');
	item->signature = (const char *) text.data;
	for (uint32_t i = 0; i < item->inputs->count; i++)
	{
		const AbiComponent *component = &item->inputs->components[i];
		Place		root = place_member(NULL, "parameters", 10);
		Place		place = place_labelled(&root, i, component->name, component->name_length);

		if (!component->indexed)
			continue;
		if (item->kind != ABI_ITEM_EVENT)
			return place_set(&place, problem, "only parameters of events are indexed");
		if (indexed++ == most)
			return place_set(&place, problem, "an event has at most %u indexed parameters", most);
	}
	return true;
}
