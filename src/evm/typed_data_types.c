/*
 * typed_data_types.c
 *		The types of an EIP-712 document: reading, encoding, recursion.
 *
 * Types refer to each other in any way, so every walk over them goes by marks
 * and an explicit stack, and takes a time that grows with what is written down
 * and not with the paths through it.
 */
#include "evm/typed_data_types.h"

#include "evm/abi_parse.h"
#include "evm/keccak.h"
#include "evm/place.h"

/* Far above real documents; bounds the work of hashing types that all refer to each other. */
#define MAX_TYPES 256
#define MAX_DIMENSIONS 32

static int
compare_names(const char *a, size_t a_length, const char *b, size_t b_length)
{
	int			order = memcmp(a, b, a_length < b_length ? a_length : b_length);

	return order != 0 ? order : a_length < b_length ? -1 : a_length > b_length;
}

static int
compare_structs(const void *a, const void *b)
{
	const TypedStruct *left = a;
	const TypedStruct *right = b;

	return compare_names(left->name, left->name_length, right->name, right->name_length);
}

TypedStruct *
typed_find(const TypedTypes *types, const char *name, size_t length)
{
	uint32_t	low = 0;
	uint32_t	high = types->count;

	while (low < high)
	{
		uint32_t	middle = (low + high) / 2;
		TypedStruct *found = &types->structs[middle];
		int			order = compare_names(name, length, found->name, found->name_length);

		if (order == 0)
			return found;
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
}

bool
typed_has_field(const TypedStruct *type, const char *name, size_t length)
{
	for (uint32_t i = 0; i < type->count; i++)
	{
		if (type->fields[i].name_length == length &&
			memcmp(type->fields[i].name, name, length) == 0)
			return true;
	}
	return false;
}

/*
 * Names are what stands between the commas and brackets of an encoded type.
 * Wallets and applications use more than identifiers in them.
 */
static bool
is_name(const char *name, size_t length)
{
	for (size_t i = 0; i < length; i++)
	{
		if ((uint8_t) name[i] <= ' ' || strchr("(),[]", name[i]) != NULL)
			return false;
	}
	return length > 0;
}

static const AbiType *
elementary_type(const char *name, size_t length)
{
	static const char *const others[] = {"uint", "int", "function", "tuple"};
	Problem		ignored = {{0}, {0}};
	AbiParser	parser;
	const AbiType *type;

	/* The EIP has no aliases, and fewer types than the ABI. */
	for (size_t i = 0; i < lengthof(others); i++)
	{
		if (length == strlen(others[i]) && memcmp(name, others[i], length) == 0)
			return NULL;
	}
	abi_parser_init(&parser, name, length, "type", &ignored);
	type = abi_parse_type(&parser, 1);
	return type != NULL && parser.next == parser.end ? type : NULL;
}

/* The suffixes "[]" and "[n]" from text to end. */
static bool
parse_dimensions(TypedField *field, const char *text, const char *end, const Place *place,
				 Problem *problem)
{
	int64_t    *dimensions = mem_alloc(MAX_DIMENSIONS * sizeof(int64_t));

	field->dimensions = dimensions;
	while (text < end)
	{
		int64_t		length = -1;

		if (field->dimension_count == MAX_DIMENSIONS)
			return place_set(place, problem, "more than %d dimensions", MAX_DIMENSIONS);
		if (*text++ != '[')
			return place_set(place, problem, "not a type");
		while (text < end && *text >= '0' && *text <= '9')
		{
			if (length == 0 || length > INT32_MAX)
				return place_set(place, problem, "not a length of an array");
			length = (length < 0 ? 0 : length * 10) + (*text++ - '0');
		}
		if (text == end || *text++ != ']')
			return place_set(place, problem, "not a type");
		dimensions[field->dimension_count++] = length;
	}
	return true;
}

static bool
load_field(TypedTypes *types, TypedField *field, const Doc *doc, const Place *place,
		   Problem *problem)
{
	const Doc  *name = doc_get(doc, "name");
	const Doc  *type = doc_get(doc, "type");
	const char *bracket;
	size_t		base;

	memset(field, 0, sizeof(*field));
	if (!doc_is(name, DOC_STRING) || !doc_is(type, DOC_STRING) || doc->length != 2)
		return place_set(place, problem, "a member is an object with name and type, both strings");
	if (!is_name(name->text, name->length))
		return place_set(place, problem, "not a name");
	field->name = name->text;
	field->name_length = name->length;
	field->type = type->text;
	field->type_length = type->length;
	bracket = memchr(type->text, '[', type->length);
	base = bracket != NULL ? (size_t) (bracket - type->text) : type->length;
	if (!parse_dimensions(field, type->text + base, type->text + type->length, place, problem))
		return false;
	field->structure = typed_find(types, type->text, base);
	if (field->structure == NULL)
		field->elementary = elementary_type(type->text, base);
	if (field->structure == NULL && field->elementary == NULL)
		return place_set(place, problem, "unknown type %.*s", (int) (base < 64 ? base : 64),
						 type->text);
	return true;
}

static int
compare_fields(const void *a, const void *b)
{
	const TypedField *left = *(const TypedField *const *) a;
	const TypedField *right = *(const TypedField *const *) b;

	return compare_names(left->name, left->name_length, right->name, right->name_length);
}

static bool
load_fields(TypedTypes *types, TypedStruct *type, const Doc *doc, const Place *place,
			Problem *problem)
{
	const TypedField **sorted;

	type->fields = mem_alloc(doc->length * sizeof(TypedField) + 1);
	sorted = mem_alloc(doc->length * sizeof(TypedField *) + 1);
	for (uint32_t i = 0; i < doc->length; i++)
	{
		Place		element = place_element(place, i);

		base_check_interrupts();
		if (!load_field(types, &type->fields[i], doc->items[i], &element, problem))
			return false;
		sorted[i] = &type->fields[i];
	}
	type->count = doc->length;
	qsort(sorted, type->count, sizeof(sorted[0]), compare_fields);
	for (uint32_t i = 1; i < type->count; i++)
	{
		if (compare_fields(&sorted[i - 1], &sorted[i]) == 0)
			return place_set(place, problem, "two members have the name %.*s",
							 (int) (sorted[i]->name_length < 64 ? sorted[i]->name_length : 64),
							 sorted[i]->name);
	}
	return true;
}

/* EIP712Domain of a document that doesn't define it: the members that its domain has. */
static const Doc *
standard_domain(const Doc *domain)
{
	static const char *const standard[][2] = {
		{"name", "string"}, {"version", "string"}, {"chainId", "uint256"},
		{"verifyingContract", "address"}, {"salt", "bytes32"}
	};
	Doc		   *fields = doc_array();

	for (size_t i = 0; i < lengthof(standard); i++)
	{
		const Doc  *value = doc_get(domain, standard[i][0]);
		Doc		   *field;

		if (value == NULL || value->kind == DOC_NULL)
			continue;
		field = doc_object();
		doc_object_add(field, "name", doc_text(standard[i][0]));
		doc_object_add(field, "type", doc_text(standard[i][1]));
		doc_array_add(fields, field);
	}
	return fields;
}

TypedTypes *
typed_types_load(const Doc *doc, const Doc *domain, Problem *problem)
{
	TypedTypes *types = mem_alloc_zero(sizeof(TypedTypes));
	Place		root = place_member(NULL, "types", 5);
	const Doc  *own_domain;

	if (!doc_is(doc, DOC_OBJECT) || doc->length > MAX_TYPES)
	{
		place_set(&root, problem, "expected an object of at most %d types", MAX_TYPES);
		return NULL;
	}
	own_domain = doc_get(doc, TYPED_DOMAIN);
	types->structs = mem_alloc_zero((doc->length + 1) * sizeof(TypedStruct));
	for (uint32_t i = 0; i < doc->length; i++)
	{
		const DocMember *member = &doc->members[i];
		Place		place = place_member(&root, member->key, member->key_length);

		if (!is_name(member->key, member->key_length) ||
			elementary_type(member->key, member->key_length) != NULL)
		{
			place_set(&place, problem, "a type can't have this name");
			return NULL;
		}
		if (member->value->kind != DOC_ARRAY)
		{
			place_set(&place, problem, "a type is an array of members");
			return NULL;
		}
		types->structs[types->count].name = member->key;
		types->structs[types->count++].name_length = member->key_length;
	}
	if (own_domain == NULL)
	{
		types->structs[types->count].name = TYPED_DOMAIN;
		types->structs[types->count++].name_length = strlen(TYPED_DOMAIN);
		own_domain = standard_domain(domain);
	}
	qsort(types->structs, types->count, sizeof(TypedStruct), compare_structs);
	for (uint32_t i = 0; i < types->count; i++)
	{
		TypedStruct *type = &types->structs[i];
		Place		place = place_member(&root, type->name, type->name_length);
		const Doc  *fields = doc_get_n(doc, type->name, type->name_length);

		if (!load_fields(types, type, fields != NULL ? fields : own_domain, &place, problem))
			return NULL;
	}
	return types;
}

/*
 * Marks the structs that a type refers to, directly or not, without itself.
 * Says whether it refers to itself.
 */
static bool
mark_referenced(TypedTypes *types, TypedStruct *type)
{
	TypedStruct **found = mem_alloc(types->count * sizeof(TypedStruct *));
	uint32_t	count = 0;
	uint32_t	done = 0;
	TypedStruct *current = type;
	bool		self = false;

	types->walk++;
	for (;;)
	{
		for (uint32_t i = 0; i < current->count; i++)
		{
			TypedStruct *next = current->fields[i].structure;

			if (next == type)
				self = true;
			else if (next != NULL && next->mark != types->walk)
			{
				next->mark = types->walk;
				found[count++] = next;
			}
		}
		if (done == count)
			break;
		current = found[done++];
	}
	mem_free(found);
	return self;
}

static void
write_struct(const TypedStruct *type, ByteBuffer *out)
{
	bytes_add(out, type->name, type->name_length);
	bytes_add_byte(out, '(');
	for (uint32_t i = 0; i < type->count; i++)
	{
		if (i > 0)
			bytes_add_byte(out, ',');
		bytes_add(out, type->fields[i].type, type->fields[i].type_length);
		bytes_add_byte(out, ' ');
		bytes_add(out, type->fields[i].name, type->fields[i].name_length);
	}
	bytes_add_byte(out, ')');
}

char *
typed_encode_type(TypedTypes *types, TypedStruct *type)
{
	ByteBuffer	out;

	base_check_interrupts();
	(void) mark_referenced(types, type);
	bytes_init(&out, 256);
	write_struct(type, &out);
	/* The structs are in order of their names, which is the order that the EIP asks for. */
	for (uint32_t i = 0; i < types->count; i++)
	{
		if (types->structs[i].mark == types->walk)
			write_struct(&types->structs[i], &out);
	}
	bytes_add_byte(&out, '\0');
	return (char *) out.data;
}

const uint8_t *
typed_type_hash(TypedTypes *types, TypedStruct *type)
{
	if (!type->hashed)
	{
		char	   *text = typed_encode_type(types, type);

		keccak256(text, strlen(text), type->hash);
		mem_free(text);
		type->hashed = true;
	}
	return type->hash;
}

bool
typed_is_recursive(TypedTypes *types, TypedStruct *type)
{
	if (!type->recursion_known)
	{
		type->recursive = mark_referenced(types, type);
		type->recursion_known = true;
	}
	return type->recursive;
}
