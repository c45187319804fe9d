/*
 * abi_json.c
 *		Contract ABIs in JSON, as compilers write them, and lookups in them.
 */
#include "evm/abi_parse.h"
#include "evm/place.h"

/* Items of one contract, and parameters of one list. */
#define MAX_ITEMS 65536

static const AbiType *parameters_from_doc(const Doc *list, const Place *place, int depth,
										  Problem *problem);

static bool
parameter_from_doc(const Doc *doc, AbiComponent *component, const Place *place, int depth,
				   Problem *problem)
{
	const Doc  *type = doc_get(doc, "type");
	const Doc  *name = doc_get(doc, "name");
	const Doc  *nested = doc_get(doc, "components");
	const Doc  *indexed = doc_get(doc, "indexed");
	Place		type_place = place_member(place, "type", 4);
	Problem		wrong = {{0}, {0}};
	AbiParser	parser;

	memset(component, 0, sizeof(*component));
	if (!doc_is(type, DOC_STRING) || type->length > ABI_MAX_TEXT)
		return place_set(&type_place, problem, "a parameter needs a type");
	if (name != NULL && name->kind != DOC_STRING && name->kind != DOC_NULL)
		return place_set(place, problem, "a parameter's name is a string");
	abi_parser_init(&parser, type->text, type->length, "type", &wrong);
	if (nested != NULL && nested->kind != DOC_NULL)
	{
		Place		inner = place_member(place, "components", 10);

		parser.tuple = parameters_from_doc(nested, &inner, depth + 1, problem);
		if (parser.tuple == NULL)
			return false;
	}
	component->type = abi_parse_type(&parser, depth);
	if (component->type == NULL)
		return place_set(&type_place, problem, "%s", wrong.message);
	if (parser.next != parser.end)
		return place_set(&type_place, problem, "there is something after the type");
	component->indexed = doc_is(indexed, DOC_BOOL) && indexed->boolean;
	if (doc_is(name, DOC_STRING) && name->length > 0)
	{
		component->name = abi_copy_text(name->text, name->length);
		component->name_length = name->length;
	}
	return true;
}

static const AbiType *
parameters_from_doc(const Doc *list, const Place *place, int depth, Problem *problem)
{
	AbiComponent *components;
	AbiParser	parser;

	base_check_stack();
	if (depth > ABI_MAX_DEPTH)
	{
		place_set(place, problem, "type is nested too deep");
		return NULL;
	}
	if (!doc_is(list, DOC_ARRAY) || list->length > MAX_ITEMS)
	{
		place_set(place, problem, "expected an array of parameters");
		return NULL;
	}
	components = mem_alloc(list->length * sizeof(AbiComponent) + 1);
	for (uint32_t i = 0; i < list->length; i++)
	{
		Place		element = place_element(place, i);

		base_check_interrupts();
		if (!parameter_from_doc(list->items[i], &components[i], &element, depth, problem))
			return NULL;
	}
	abi_parser_init(&parser, "", 0, "parameters", problem);
	return abi_tuple(&parser, list->length, components);
}

/* The mutability in its present and its former spelling. */
static void
set_mutability(AbiItem *item, const Doc *doc)
{
	const Doc  *mutability = doc_get(doc, "stateMutability");
	const Doc  *payable = doc_get(doc, "payable");
	const Doc  *constant = doc_get(doc, "constant");

	item->payable = doc_is_text(mutability, "payable") ||
		(doc_is(payable, DOC_BOOL) && payable->boolean);
	item->read_only = doc_is_text(mutability, "view") || doc_is_text(mutability, "pure") ||
		(doc_is(constant, DOC_BOOL) && constant->boolean);
}

static const AbiItem *
item_from_doc(const Doc *doc, const Place *place, Problem *problem)
{
	AbiItem    *item = mem_alloc_zero(sizeof(AbiItem));
	const Doc  *type = doc_get(doc, "type");
	const Doc  *name = doc_get(doc, "name");
	const Doc  *inputs = doc_get(doc, "inputs");
	const Doc  *outputs = doc_get(doc, "outputs");
	const Doc  *anonymous = doc_get(doc, "anonymous");
	Place		inner = place_member(place, "inputs", 6);

	if (!doc_is(doc, DOC_OBJECT))
	{
		place_set(place, problem, "an ABI item is an object");
		return NULL;
	}
	if (doc_is_text(type, "fallback") || doc_is_text(type, "receive"))
		return NULL;
	if (type == NULL || doc_is_text(type, "function"))
		item->kind = ABI_ITEM_FUNCTION;
	else if (doc_is_text(type, "event"))
		item->kind = ABI_ITEM_EVENT;
	else if (doc_is_text(type, "error"))
		item->kind = ABI_ITEM_ERROR;
	else if (doc_is_text(type, "constructor"))
		item->kind = ABI_ITEM_CONSTRUCTOR;
	else
	{
		place_set(place, problem, "unknown type of ABI item");
		return NULL;
	}
	if (item->kind == ABI_ITEM_CONSTRUCTOR)
		item->name = "";
	else if (!doc_is(name, DOC_STRING) || name->length == 0 || name->length > ABI_MAX_TEXT ||
			 memchr(name->text, '\0', name->length) != NULL)
	{
		place_set(place, problem, "an ABI item needs a name");
		return NULL;
	}
	else
		item->name = abi_copy_text(name->text, name->length);
	item->inputs = parameters_from_doc(inputs != NULL ? inputs : doc_array(), &inner, 1, problem);
	if (item->inputs == NULL)
		return NULL;
	if (doc_is(outputs, DOC_ARRAY))
	{
		inner = place_member(place, "outputs", 7);
		item->outputs = parameters_from_doc(outputs, &inner, 1, problem);
		if (item->outputs == NULL)
			return NULL;
	}
	item->anonymous = doc_is(anonymous, DOC_BOOL) && anonymous->boolean;
	set_mutability(item, doc);
	if (!abi_item_complete(item, problem))
		return NULL;
	return item;
}

const AbiItem *
abi_item_from_doc(const Doc *doc, const char *what, Problem *problem)
{
	Place		root = place_member(NULL, what, (uint32_t) strlen(what));

	return item_from_doc(doc, &root, problem);
}

const AbiContract *
abi_contract_from_doc(const Doc *doc, Problem *problem)
{
	AbiContract *contract = mem_alloc_zero(sizeof(AbiContract));
	Place		root = place_member(NULL, "abi", 3);

	if (doc_is(doc, DOC_OBJECT))
		doc = doc_get(doc, "abi");
	if (!doc_is(doc, DOC_ARRAY) || doc->length > MAX_ITEMS)
	{
		place_set(&root, problem, "an ABI is an array of items, or an object with one as \"abi\"");
		return NULL;
	}
	contract->items = mem_alloc(doc->length * sizeof(AbiItem *) + 1);
	for (uint32_t i = 0; i < doc->length; i++)
	{
		const Doc  *entry = doc->items[i];
		Place		element = place_element(&root, i);
		Problem		wrong = {{0}, {0}};
		const AbiItem *item;

		base_check_interrupts();
		if (entry->kind == DOC_STRING)
		{
			item = abi_parse_item(entry->text, entry->length,
								  abi_fragment_kind(entry->text, entry->length), &wrong);
			if (item == NULL)
			{
				place_set(&element, problem, "%s (at %s)", wrong.message, wrong.where);
				return NULL;
			}
		}
		else
			item = item_from_doc(entry, &element, &wrong);
		if (item != NULL)
			contract->items[contract->count++] = item;
		else if (wrong.message[0] != '\0')
		{
			if (wrong.where[0] != '\0')
				problem_set(problem, wrong.where, "%s", wrong.message);
			place_set(&element, problem, "%s", wrong.message);
			return NULL;
		}
	}
	return contract;
}

const AbiItem *
abi_find_selector(const AbiContract *contract, AbiItemKind kind, const uint8_t selector[4])
{
	for (uint32_t i = 0; contract != NULL && i < contract->count; i++)
	{
		const AbiItem *item = contract->items[i];

		if (item->kind == kind && memcmp(item->topic, selector, 4) == 0)
			return item;
	}
	return NULL;
}

const AbiItem *
abi_find_topic(const AbiContract *contract, const uint8_t topic[32])
{
	for (uint32_t i = 0; contract != NULL && i < contract->count; i++)
	{
		const AbiItem *item = contract->items[i];

		if (item->kind == ABI_ITEM_EVENT && !item->anonymous && memcmp(item->topic, topic, 32) == 0)
			return item;
	}
	return NULL;
}

const AbiItem *
abi_find_name(const AbiContract *contract, AbiItemKind kind, const char *name, Problem *problem)
{
	const AbiItem *found = NULL;

	for (uint32_t i = 0; contract != NULL && i < contract->count; i++)
	{
		const AbiItem *item = contract->items[i];

		if (item->kind != kind)
			continue;
		if (strcmp(item->signature, name) == 0)
			return item;
		if (strcmp(item->name, name) != 0)
			continue;
		if (found != NULL)
		{
			problem_set(problem, name, "the ABI has several of this name: give its signature");
			return NULL;
		}
		found = item;
	}
	return found;
}
