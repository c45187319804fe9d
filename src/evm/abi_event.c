/*
 * abi_event.c
 *		Logs to the parameters of their event.
 */
#include "evm/abi_decode.h"
#include "evm/hex.h"

/* Indexed values of these types are in the log as a hash. */
static bool
is_hashed(const AbiType *type)
{
	return type->kind == ABI_BYTES || type->kind == ABI_STRING || type->kind == ABI_ARRAY ||
		type->kind == ABI_FIXED_ARRAY || type->kind == ABI_TUPLE;
}

/* The parameters that are not indexed: what the data of a log encodes. */
static const AbiType *
data_types(const AbiItem *event)
{
	AbiType    *types = mem_alloc_zero(sizeof(AbiType));
	AbiComponent *components = mem_alloc(event->inputs->count * sizeof(AbiComponent) + 1);

	types->kind = ABI_TUPLE;
	types->components = components;
	for (uint32_t i = 0; i < event->inputs->count; i++)
	{
		if (!event->inputs->components[i].indexed)
			components[types->count++] = event->inputs->components[i];
	}
	return types;
}

const Doc *
abi_decode_event(const AbiItem *event, const uint8_t (*topics)[32], uint32_t topic_count,
				 const uint8_t *data, size_t length, Problem *problem)
{
	uint32_t	expected = event->anonymous ? 0 : 1;
	uint32_t	next_topic = expected;
	uint32_t	next_value = 0;
	const Doc  *values;
	Doc		   *object;

	for (uint32_t i = 0; i < event->inputs->count; i++)
		expected += event->inputs->components[i].indexed;
	if (!event->anonymous && topic_count > 0 && memcmp(topics[0], event->topic, 32) != 0)
	{
		problem_set(problem, "topics[0]", "the log is of another event than %s", event->signature);
		return NULL;
	}
	if (topic_count != expected)
	{
		problem_set(problem, "topics", "expected %u topics, got %u", expected, topic_count);
		return NULL;
	}
	values = abi_decode(data_types(event), data, length, problem);
	if (values == NULL)
		return NULL;
	object = doc_object();
	for (uint32_t i = 0; i < event->inputs->count; i++)
	{
		const AbiComponent *component = &event->inputs->components[i];
		const Doc  *value;

		if (!component->indexed)
			value = values->items[next_value++];
		else
		{
			Place		root = place_member(NULL, "topics", 6);
			Place		place = place_labelled(&root, next_topic, component->name,
											   component->name_length);
			const uint8_t *topic = topics[next_topic++];

			value = is_hashed(component->type) ? hex_to_doc(topic, 32) :
				abi_decode_word(component->type, topic, &place, problem);
			if (value == NULL)
				return NULL;
		}
		abi_add_named(object, event->inputs, i, value);
	}
	return object;
}
