/*
 * abi_error.c
 *		What a reverted call says, in words.
 */
#include "evm/abi_decode.h"
#include "evm/bytes.h"
#include "evm/hex.h"
#include "evm/integer.h"

/* Selectors of Error(string) and Panic(uint256). */
static const uint8_t error_selector[4] = {0x08, 0xc3, 0x79, 0xa0};
static const uint8_t panic_selector[4] = {0x4e, 0x48, 0x7b, 0x71};

/* Bytes of undecodable data that are shown. */
#define SHOWN 36

/* Solidity documentation, "Panic via assert and Error via require". */
static const struct
{
	uint8_t		code;
	const char *meaning;
}			panics[] =
{
	{0x00, "generic panic"},
	{0x01, "assertion failed"},
	{0x11, "arithmetic overflow or underflow"},
	{0x12, "division or modulo by zero"},
	{0x21, "value is no member of the enum"},
	{0x22, "storage byte array is encoded wrongly"},
	{0x31, "pop on an empty array"},
	{0x32, "array index out of bounds"},
	{0x41, "out of memory, or array too large"},
	{0x51, "call of an uninitialized function variable"},
};

/* A message for people: no U+0000, which neither text nor jsonb can hold. */
static const char *
readable(const Doc *text)
{
	ByteBuffer	out;

	if (memchr(text->text, '\0', text->length) == NULL)
		return text->text;
	bytes_init(&out, text->length + 16);
	for (uint32_t i = 0; i < text->length; i++)
	{
		if (text->text[i] == '\0')
			bytes_add(&out, "\xef\xbf\xbd", 3);
		else
			bytes_add_byte(&out, (uint8_t) text->text[i]);
	}
	bytes_add_byte(&out, '\0');
	return (const char *) out.data;
}

static const char *
panic_text(const Doc *code)
{
	char	   *text = mem_alloc(128);
	U256		number = u256_from_u64(0);
	char		quantity[67];
	const char *meaning = "unknown panic";

	(void) u256_parse_decimal(code->text, code->length, &number);
	for (size_t i = 0; i < lengthof(panics); i++)
	{
		U256		known = u256_from_u64(panics[i].code);

		if (u256_compare(&number, &known) == 0)
			meaning = panics[i].meaning;
	}
	u256_format_quantity(&number, quantity);
	/* Panic codes are written with two digits. */
	if (strlen(quantity) == 3)
		snprintf(text, 128, "%s (panic 0x0%s)", meaning, quantity + 2);
	else
		snprintf(text, 128, "%s (panic %s)", meaning, quantity);
	return text;
}

/* "InsufficientBalance(available: 1, needed: 2)" */
static const char *
custom_text(const AbiItem *item, const Doc *arguments)
{
	ByteBuffer	out;

	bytes_init(&out, 128);
	bytes_add(&out, item->name, strlen(item->name));
	bytes_add_byte(&out, '(');
	for (uint32_t i = 0; i < arguments->length; i++)
	{
		const DocMember *member = &arguments->members[i];
		const Doc  *value = member->value;
		size_t		length;
		char	   *json;

		if (i > 0)
			bytes_add(&out, ", ", 2);
		if (item->inputs->components[i].name != NULL)
		{
			bytes_add(&out, member->key, member->key_length);
			bytes_add(&out, ": ", 2);
		}
		/* Numbers and hex are plain; text and what is nested are JSON, quotes included. */
		if (value->kind == DOC_STRING && item->inputs->components[i].type->kind != ABI_STRING)
			bytes_add(&out, value->text, value->length);
		else
		{
			json = doc_write(value, &length);
			bytes_add(&out, json, length);
		}
	}
	bytes_add_byte(&out, ')');
	bytes_add_byte(&out, '\0');
	return (const char *) out.data;
}

static const Doc *
decode_one(const char *types, const uint8_t *data, size_t length)
{
	Problem		ignored = {{0}, {0}};
	const AbiType *type = abi_parse_types(types, strlen(types), &ignored);

	return type == NULL ? NULL : abi_decode_named(type, data, length, &ignored);
}

static AbiRevert
unknown(const uint8_t *data, size_t length)
{
	AbiRevert	revert = {ABI_REVERT_UNKNOWN, NULL, NULL, NULL};
	char	   *text = hex_text(data, length < SHOWN ? length : SHOWN);
	size_t		size = strlen(text) + 40;
	char	   *words = mem_alloc(size);

	snprintf(words, size, "reverted with %s%s", text, length > SHOWN ? "…" : "");
	revert.text = words;
	return revert;
}

AbiRevert
abi_decode_revert(const AbiContract *contract, const uint8_t *data, size_t length)
{
	AbiRevert	revert = {ABI_REVERT_EMPTY, "reverted without a reason", NULL, NULL};
	Problem		ignored = {{0}, {0}};
	const AbiItem *item;

	if (length == 0)
		return revert;
	if (length < 4)
		return unknown(data, length);
	if (memcmp(data, error_selector, 4) == 0 &&
		(revert.arguments = decode_one("string message", data + 4, length - 4)) != NULL)
	{
		revert.kind = ABI_REVERT_ERROR;
		revert.name = "Error";
		revert.text = readable(doc_get(revert.arguments, "message"));
		return revert;
	}
	if (memcmp(data, panic_selector, 4) == 0 &&
		(revert.arguments = decode_one("uint256 code", data + 4, length - 4)) != NULL)
	{
		revert.kind = ABI_REVERT_PANIC;
		revert.name = "Panic";
		revert.text = panic_text(doc_get(revert.arguments, "code"));
		return revert;
	}
	item = abi_find_selector(contract, ABI_ITEM_ERROR, data);
	if (item != NULL &&
		(revert.arguments = abi_decode_named(item->inputs, data + 4, length - 4, &ignored)) != NULL)
	{
		revert.kind = ABI_REVERT_CUSTOM;
		revert.name = item->name;
		revert.text = custom_text(item, revert.arguments);
		return revert;
	}
	return unknown(data, length);
}

const Doc *
abi_revert_to_doc(const AbiRevert *revert, const uint8_t *data, size_t length)
{
	static const char *const kinds[] = {"empty", "error", "panic", "custom", "unknown"};
	Doc		   *doc = doc_object();

	doc_object_add(doc, "kind", doc_text(kinds[revert->kind]));
	doc_object_add(doc, "text", doc_text(revert->text));
	doc_object_add(doc, "name", revert->name ? doc_text(revert->name) : doc_null());
	doc_object_add(doc, "arguments", revert->arguments ? revert->arguments : doc_null());
	doc_object_add(doc, "data", hex_to_doc(data, length));
	return doc;
}
