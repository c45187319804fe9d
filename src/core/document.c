/*
 * document.c
 *		Building, reading and comparing documents; document_parse.c,
 *		document_write.c and document_number.c do the rest.
 */
#include "core/document.h"

#include "core/document_index.h"

static const Doc null_document = {.kind = DOC_NULL};
static const Doc false_document = {.kind = DOC_BOOL, .boolean = false};
static const Doc true_document = {.kind = DOC_BOOL, .boolean = true};

/* ------------------------------------------------------------------------
 * UTF-8
 * ---------------------------------------------------------------------- */

int
doc_utf8_length(const char *p, size_t left)
{
	const unsigned char *c = (const unsigned char *) p;

	if (left == 0)
		return 0;
	if (c[0] < 0x80)
		return 1;
	if (c[0] >= 0xc2 && c[0] <= 0xdf)
		return left >= 2 && (c[1] & 0xc0) == 0x80 ? 2 : 0;
	if (c[0] >= 0xe0 && c[0] <= 0xef)
	{
		if (left < 3 || (c[1] & 0xc0) != 0x80 || (c[2] & 0xc0) != 0x80)
			return 0;
		if ((c[0] == 0xe0 && c[1] < 0xa0) || (c[0] == 0xed && c[1] > 0x9f))
			return 0;
		return 3;
	}
	if (c[0] >= 0xf0 && c[0] <= 0xf4)
	{
		if (left < 4 || (c[1] & 0xc0) != 0x80 || (c[2] & 0xc0) != 0x80 || (c[3] & 0xc0) != 0x80)
			return 0;
		if ((c[0] == 0xf0 && c[1] < 0x90) || (c[0] == 0xf4 && c[1] > 0x8f))
			return 0;
		return 4;
	}
	return 0;
}

uint32_t
doc_characters(const Doc *string)
{
	uint32_t	characters = 0;

	for (uint32_t i = 0; i < string->length; i++)
		characters += ((unsigned char) string->text[i] & 0xc0) != 0x80;
	return characters;
}

bool
doc_is_utf8(const char *text, size_t length)
{
	size_t		at = 0;

	while (at < length)
	{
		int			size = doc_utf8_length(text + at, length - at);

		if (size == 0)
			return false;
		at += (size_t) size;
	}
	return true;
}

int
doc_utf8_encode(uint32_t code, char *out)
{
	if (code < 0x80)
	{
		out[0] = (char) code;
		return 1;
	}
	if (code < 0x800)
	{
		out[0] = (char) (0xc0 | (code >> 6));
		out[1] = (char) (0x80 | (code & 0x3f));
		return 2;
	}
	if (code < 0x10000)
	{
		out[0] = (char) (0xe0 | (code >> 12));
		out[1] = (char) (0x80 | ((code >> 6) & 0x3f));
		out[2] = (char) (0x80 | (code & 0x3f));
		return 3;
	}
	out[0] = (char) (0xf0 | (code >> 18));
	out[1] = (char) (0x80 | ((code >> 12) & 0x3f));
	out[2] = (char) (0x80 | ((code >> 6) & 0x3f));
	out[3] = (char) (0x80 | (code & 0x3f));
	return 4;
}

/* ------------------------------------------------------------------------
 * Members and their index
 * ---------------------------------------------------------------------- */

static uint64_t
hash_bytes(const char *bytes, size_t length, uint64_t seed)
{
	uint64_t	hash = seed ^ (length * UINT64_C(0x9e3779b97f4a7c15)) ^
		(uint64_t) (uintptr_t) &null_document;

	while (length > 0)
	{
		uint64_t	word = 0;
		size_t		step = length < 8 ? length : 8;

		memcpy(&word, bytes, step);
		hash = (hash ^ word) * UINT64_C(0xff51afd7ed558ccd);
		hash ^= hash >> 32;
		bytes += step;
		length -= step;
	}
	hash *= UINT64_C(0xc4ceb9fe1a85ec53);
	return hash ^ (hash >> 29);
}

/* Slots of the index behind `capacity` members; 0 where there is none. */
static uint32_t
index_slots(uint32_t capacity)
{
	uint32_t	slots = 64;

	if (capacity <= DOC_INDEX_MIN)
		return 0;
	while (slots < capacity * 2)
		slots *= 2;
	return slots;
}

/* The slots hold a member's number + 1; 0 is free. */
static uint32_t *
index_of(const Doc *object)
{
	return (uint32_t *) (object->members + object->capacity);
}

static bool
key_is(const DocMember *member, const char *key, size_t length)
{
	return member->key_length == length && memcmp(member->key, key, length) == 0;
}

/* The member's place, or UINT32_MAX; *slot is where its index entry is or belongs. */
static uint32_t
member_find(const Doc *object, const char *key, size_t length, uint32_t *slot)
{
	uint32_t	slots = index_slots(object->capacity);
	uint32_t   *table;
	uint32_t	at;

	if (slots == 0)
	{
		for (uint32_t i = 0; i < object->length; i++)
			if (key_is(&object->members[i], key, length))
				return i;
		return UINT32_MAX;
	}
	table = index_of(object);
	at = (uint32_t) hash_bytes(key, length, 0) & (slots - 1);
	while (table[at] != 0)
	{
		if (key_is(&object->members[table[at] - 1], key, length))
			return table[at] - 1;
		at = (at + 1) & (slots - 1);
	}
	*slot = at;
	return UINT32_MAX;
}

/* Puts the members the object has into an index that is still empty. */
static void
index_fill(Doc *object)
{
	uint32_t	slots = index_slots(object->capacity);
	uint32_t   *table;

	if (slots == 0)
		return;
	table = index_of(object);
	memset(table, 0, slots * sizeof(uint32_t));
	for (uint32_t i = 0; i < object->length; i++)
	{
		uint32_t	at = (uint32_t) hash_bytes(object->members[i].key,
											   object->members[i].key_length, 0) & (slots - 1);

		while (table[at] != 0)
			at = (at + 1) & (slots - 1);
		table[at] = i + 1;
	}
}

static DocMember *
members_alloc(uint32_t capacity)
{
	return mem_alloc(capacity * sizeof(DocMember) + index_slots(capacity) * sizeof(uint32_t));
}

/* Appends, or replaces in place; the key is not copied. There must be room. */
static void
member_put(Doc *object, const char *key, uint32_t key_length, const Doc *value)
{
	uint32_t	slot = 0;
	uint32_t	place = member_find(object, key, key_length, &slot);

	if (place == UINT32_MAX)
	{
		place = object->length++;
		object->members[place].key = key;
		object->members[place].key_length = key_length;
		if (object->capacity > DOC_INDEX_MIN)
			index_of(object)[slot] = place + 1;
	}
	object->members[place].value = value;
}

void
doc_index_build(Doc *object, const DocMember *members, uint32_t count)
{
	object->length = 0;
	object->capacity = count;
	object->members = NULL;
	if (count == 0)
		return;
	object->members = members_alloc(count);
	index_fill(object);
	for (uint32_t i = 0; i < count; i++)
		member_put(object, members[i].key, members[i].key_length, members[i].value);
}

/* ------------------------------------------------------------------------
 * Building
 * ---------------------------------------------------------------------- */

const Doc *
doc_null(void)
{
	return &null_document;
}

const Doc *
doc_bool(bool value)
{
	return value ? &true_document : &false_document;
}

/* A node and its text in one block. */
static const Doc *
node_with_text(DocKind kind, const char *text, size_t length)
{
	Doc		   *node = mem_alloc(sizeof(Doc) + length + 1);
	char	   *copy = (char *) (node + 1);

	memcpy(copy, text, length);
	copy[length] = '\0';
	node->kind = kind;
	node->length = (uint32_t) length;
	node->capacity = 0;
	node->text = copy;
	return node;
}

const Doc *
doc_int(int64_t value)
{
	char		text[24];

	return node_with_text(DOC_NUMBER, text,
						  (size_t) snprintf(text, sizeof(text), "%lld", (long long) value));
}

const Doc *
doc_number(const char *text, size_t length)
{
	return node_with_text(DOC_NUMBER, text, length);
}

const Doc *
doc_string(const char *text, size_t length)
{
	return node_with_text(DOC_STRING, text, length);
}

const Doc *
doc_text(const char *zero_terminated)
{
	return node_with_text(DOC_STRING, zero_terminated, strlen(zero_terminated));
}

Doc *
doc_array(void)
{
	Doc		   *node = mem_alloc_zero(sizeof(Doc));

	node->kind = DOC_ARRAY;
	return node;
}

Doc *
doc_object(void)
{
	Doc		   *node = mem_alloc_zero(sizeof(Doc));

	node->kind = DOC_OBJECT;
	return node;
}

void
doc_array_add(Doc *array, const Doc *item)
{
	Assert(array->kind == DOC_ARRAY);
	if (array->length == array->capacity)
	{
		uint32_t	capacity = array->capacity == 0 ? 8 : array->capacity * 2;

		if (array->capacity == 0)
			array->items = mem_alloc(capacity * sizeof(Doc *));
		else
			array->items = mem_realloc(array->items, capacity * sizeof(Doc *));
		array->capacity = capacity;
	}
	array->items[array->length++] = item;
}

void
doc_object_add_n(Doc *object, const char *key, size_t key_length, const Doc *value)
{
	uint32_t	slot;
	uint32_t	place = member_find(object, key, key_length, &slot);
	char	   *copy;

	Assert(object->kind == DOC_OBJECT);
	if (place != UINT32_MAX)
	{
		object->members[place].value = value;
		return;
	}
	if (object->length == object->capacity)
	{
		uint32_t	capacity = object->capacity == 0 ? 8 : object->capacity * 2;
		DocMember  *members = members_alloc(capacity);

		if (object->length > 0)
		{
			memcpy(members, object->members, object->length * sizeof(DocMember));
			mem_free(object->members);
		}
		object->members = members;
		object->capacity = capacity;
		index_fill(object);
	}
	copy = mem_alloc(key_length + 1);
	memcpy(copy, key, key_length);
	copy[key_length] = '\0';
	member_put(object, copy, (uint32_t) key_length, value);
}

void
doc_object_add(Doc *object, const char *key, const Doc *value)
{
	doc_object_add_n(object, key, strlen(key), value);
}

Doc *
doc_copy_shallow(const Doc *container)
{
	Doc		   *copy = mem_alloc(sizeof(Doc));

	*copy = *container;
	if (container->kind == DOC_ARRAY && container->length > 0)
	{
		/* Room for one more: a copy is made to be changed. */
		copy->capacity = container->length + 1;
		copy->items = mem_alloc(copy->capacity * sizeof(Doc *));
		memcpy(copy->items, container->items, container->length * sizeof(Doc *));
	}
	else if (container->kind == DOC_OBJECT && container->length > 0)
	{
		copy->capacity = container->length + 1;
		copy->members = members_alloc(copy->capacity);
		memcpy(copy->members, container->members, container->length * sizeof(DocMember));
		index_fill(copy);
	}
	else if (container->kind == DOC_ARRAY || container->kind == DOC_OBJECT)
		copy->capacity = 0;
	return copy;
}

/* ------------------------------------------------------------------------
 * Reading
 * ---------------------------------------------------------------------- */

const Doc *
doc_get_n(const Doc *object, const char *key, size_t key_length)
{
	uint32_t	slot;
	uint32_t	place;

	if (!doc_is(object, DOC_OBJECT))
		return NULL;
	place = member_find(object, key, key_length, &slot);
	return place == UINT32_MAX ? NULL : object->members[place].value;
}

const Doc *
doc_get(const Doc *object, const char *key)
{
	return doc_get_n(object, key, strlen(key));
}

const char *
doc_get_text(const Doc *object, const char *key)
{
	const Doc  *value = doc_get(object, key);

	return doc_is(value, DOC_STRING) ? value->text : NULL;
}

/* ------------------------------------------------------------------------
 * Comparing
 * ---------------------------------------------------------------------- */

bool
doc_equal(const Doc *a, const Doc *b)
{
	base_check_interrupts();
	if (a == b)
		return true;
	if (a->kind != b->kind)
		return false;
	switch (a->kind)
	{
		case DOC_NULL:
			return true;
		case DOC_BOOL:
			return a->boolean == b->boolean;
		case DOC_NUMBER:
			return doc_compare_numbers(a, b) == 0;
		case DOC_STRING:
			return a->length == b->length && memcmp(a->text, b->text, a->length) == 0;
		case DOC_ARRAY:
			base_check_stack();
			if (a->length != b->length)
				return false;
			for (uint32_t i = 0; i < a->length; i++)
				if (!doc_equal(a->items[i], b->items[i]))
					return false;
			return true;
		case DOC_OBJECT:
			base_check_stack();
			if (a->length != b->length)
				return false;
			for (uint32_t i = 0; i < a->length; i++)
			{
				const Doc  *other = doc_get_n(b, a->members[i].key, a->members[i].key_length);

				if (other == NULL || !doc_equal(a->members[i].value, other))
					return false;
			}
			return true;
	}
	return false;
}

uint64_t
doc_hash(const Doc *doc)
{
	uint64_t	hash = (uint64_t) doc->kind + 1;

	base_check_interrupts();
	switch (doc->kind)
	{
		case DOC_NULL:
			break;
		case DOC_BOOL:
			hash = hash * 2 + doc->boolean;
			break;
		case DOC_NUMBER:
			{
				size_t		length;
				const char *text = doc_number_canonical(doc, &length);

				hash = hash_bytes(text, length, hash);
				break;
			}
		case DOC_STRING:
			hash = hash_bytes(doc->text, doc->length, hash);
			break;
		case DOC_ARRAY:
			base_check_stack();
			for (uint32_t i = 0; i < doc->length; i++)
				hash = (hash ^ doc_hash(doc->items[i])) * UINT64_C(0x9e3779b97f4a7c15);
			break;
		case DOC_OBJECT:
			base_check_stack();
			/* A sum, as the order of members doesn't matter. */
			for (uint32_t i = 0; i < doc->length; i++)
				hash += hash_bytes(doc->members[i].key, doc->members[i].key_length,
								   doc_hash(doc->members[i].value));
			break;
	}
	return hash;
}
