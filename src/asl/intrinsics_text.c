/*
 * intrinsics_text.c
 *		Functions on texts: Format, StringSplit, Base64, Hash.
 */
#include "asl/intrinsics.h"

#include "core/digest.h"

/* The original's limit for Base64 and Hash, in characters. */
#define MAX_CHARACTERS 10000

typedef struct Buffer
{
	char	   *text;
	size_t		used;
	size_t		size;
	size_t		limit;			/* more than this is refused */
} Buffer;

static bool
buffer_add(Buffer *buffer, const char *bytes, size_t length)
{
	if (length > buffer->limit - buffer->used)
		return false;
	if (buffer->size - buffer->used < length)
	{
		while (buffer->size - buffer->used < length)
			buffer->size *= 2;
		buffer->text = mem_realloc(buffer->text, buffer->size);
	}
	memcpy(buffer->text + buffer->used, bytes, length);
	buffer->used += length;
	return true;
}

/* The original's plain form of a value: no quotes, {key=value, other=[1, 2]}. */
static bool
add_plain(Buffer *buffer, const Doc *value)
{
	base_check_interrupts();
	base_check_stack();
	switch (value->kind)
	{
		case DOC_NULL:
			return buffer_add(buffer, "null", 4);
		case DOC_BOOL:
			return value->boolean ? buffer_add(buffer, "true", 4) : buffer_add(buffer, "false", 5);
		case DOC_NUMBER:
		case DOC_STRING:
			return buffer_add(buffer, value->text, value->length);
		case DOC_ARRAY:
			if (!buffer_add(buffer, "[", 1))
				return false;
			for (uint32_t i = 0; i < value->length; i++)
				if ((i > 0 && !buffer_add(buffer, ", ", 2)) || !add_plain(buffer, value->items[i]))
					return false;
			return buffer_add(buffer, "]", 1);
		case DOC_OBJECT:
			if (!buffer_add(buffer, "{", 1))
				return false;
			for (uint32_t i = 0; i < value->length; i++)
				if ((i > 0 && !buffer_add(buffer, ", ", 2)) ||
					!buffer_add(buffer, value->members[i].key, value->members[i].key_length) ||
					!buffer_add(buffer, "=", 1) || !add_plain(buffer, value->members[i].value))
					return false;
			return buffer_add(buffer, "}", 1);
	}
	return false;
}

static bool
is_escape(const char *text, uint32_t length, uint32_t at)
{
	return text[at] == '\\' && at + 1 < length && text[at + 1] != '\0' && strchr("'{}\\", text[at + 1]) != NULL;
}

/* What is wrong with a template of States.Format for so many arguments, or NULL. */
static const char *
format_check(const char *text, uint32_t length, uint32_t arguments)
{
	uint32_t	places = 0;

	for (uint32_t i = 0; i < length; i++)
	{
		if (is_escape(text, length, i))
			i++;
		else if (text[i] == '{' && i + 1 < length && text[i + 1] == '}')
		{
			places++;
			i++;
		}
		else if (text[i] == '{' || text[i] == '}')
			return "a brace that isn't part of {} must be escaped";
	}
	return places == arguments ? NULL : "the number of {} isn't the number of arguments";
}

/* The first argument with each {} replaced by the next argument. */
const Doc *
intrinsic_format(const Arguments *arguments, AslScope *scope)
{
	const Argument *source = &arguments->call->arguments[0];
	Buffer		buffer = {NULL, 0, 256, scope->limit};
	const char *text;
	uint32_t	length;
	uint32_t	next = 1;
	const char *problem;
	bool		fits = true;

	if (!call_text(arguments, 0, scope))
		return NULL;
	text = source->raw != NULL ? source->raw : arguments->values[0]->text;
	length = source->raw != NULL ? source->raw_length : arguments->values[0]->length;
	problem = format_check(text, length, arguments->count - 1);
	if (problem != NULL)
		return call_fail(arguments, scope, "%s", problem);
	buffer.text = mem_alloc(buffer.size);
	for (uint32_t i = 0; i < length && fits; i++)
	{
		if (is_escape(text, length, i))
			fits = buffer_add(&buffer, &text[++i], 1);
		else if (text[i] == '{')
		{
			fits = add_plain(&buffer, arguments->values[next++]);
			i++;
		}
		else
			fits = buffer_add(&buffer, &text[i], 1);
	}
	if (!fits)
		return scope_fail(scope, ERROR_DATA_LIMIT, "the result of States.Format is larger than %zu bytes.", scope->limit);
	return doc_string(buffer.text, buffer.used);
}

/* The character at p: 1 to 4 bytes of UTF-8. */
static uint32_t
character_size(const char *p, const char *end)
{
	uint32_t	size = 1;

	while (p + size < end && ((unsigned char) p[size] & 0xc0) == 0x80)
		size++;
	return size;
}

static bool
is_separator(const Doc *separators, const char *character, uint32_t size)
{
	const char *end = separators->text + separators->length;

	for (const char *p = separators->text; p < end;)
	{
		uint32_t	own = character_size(p, end);

		if (own == size && memcmp(p, character, size) == 0)
			return true;
		p += own;
	}
	return false;
}

/* Pieces between any of the characters of the second argument; empty pieces are dropped. */
const Doc *
intrinsic_string_split(const Arguments *arguments, AslScope *scope)
{
	const Doc  *text = arguments->values[0];
	Doc		   *pieces = doc_array();
	const char *end;
	const char *begin;

	if (!call_text(arguments, 0, scope) || !call_text(arguments, 1, scope))
		return NULL;
	/* Each character of the one is looked for in the other. */
	if (!scope_work(scope, (int64_t) text->length * (arguments->values[1]->length / 8 + 1)))
		return NULL;
	begin = text->text;
	end = begin + text->length;
	for (const char *p = begin; p < end;)
	{
		uint32_t	size = character_size(p, end);

		if (is_separator(arguments->values[1], p, size))
		{
			if (p > begin)
				doc_array_add(pieces, doc_string(begin, (size_t) (p - begin)));
			begin = p + size;
		}
		p += size;
	}
	if (end > begin)
		doc_array_add(pieces, doc_string(begin, (size_t) (end - begin)));
	return pieces;
}

static bool
check_characters(const Arguments *arguments, AslScope *scope)
{
	if (doc_characters(arguments->values[0]) <= MAX_CHARACTERS)
		return true;
	call_fail(arguments, scope, "the text has more than %d characters", MAX_CHARACTERS);
	return false;
}

static const char base64_digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* RFC 4648, section 4, with padding and without line breaks. */
const Doc *
intrinsic_base64_encode(const Arguments *arguments, AslScope *scope)
{
	const Doc  *text = arguments->values[0];
	const unsigned char *in;
	char	   *out;
	size_t		used = 0;

	if (!call_text(arguments, 0, scope) || !check_characters(arguments, scope))
		return NULL;
	in = (const unsigned char *) text->text;
	out = mem_alloc((size_t) text->length * 4 / 3 + 8);
	for (uint32_t i = 0; i < text->length; i += 3)
	{
		uint32_t	left = text->length - i;
		uint32_t	bits = (uint32_t) in[i] << 16;

		if (left > 1)
			bits |= (uint32_t) in[i + 1] << 8;
		if (left > 2)
			bits |= in[i + 2];
		out[used++] = base64_digits[bits >> 18];
		out[used++] = base64_digits[(bits >> 12) & 63];
		out[used++] = left > 1 ? base64_digits[(bits >> 6) & 63] : '=';
		out[used++] = left > 2 ? base64_digits[bits & 63] : '=';
	}
	return doc_string(out, used);
}

static int
base64_value(char c)
{
	const char *found = c == '\0' ? NULL : strchr(base64_digits, c);

	return found == NULL ? -1 : (int) (found - base64_digits);
}

/* Padding may be missing, as the original's decoder allows; the bytes must be UTF-8. */
const Doc *
intrinsic_base64_decode(const Arguments *arguments, AslScope *scope)
{
	const Doc  *text = arguments->values[0];
	uint32_t	length = text->length;
	char	   *out;
	size_t		used = 0;
	uint32_t	bits = 0;
	int			held = 0;

	if (!call_text(arguments, 0, scope) || !check_characters(arguments, scope))
		return NULL;
	if (length % 4 == 0 && length > 0 && text->text[length - 1] == '=')
		length -= text->text[length - 2] == '=' ? 2 : 1;
	if (length % 4 == 1)
		return call_fail(arguments, scope, "argument 1 is no Base64");
	out = mem_alloc((size_t) length + 1);
	for (uint32_t i = 0; i < length; i++)
	{
		int			value = base64_value(text->text[i]);

		if (value < 0)
			return call_fail(arguments, scope, "argument 1 is no Base64");
		bits = (bits << 6) | (uint32_t) value;
		held += 6;
		if (held >= 8)
		{
			held -= 8;
			out[used++] = (char) ((bits >> held) & 0xff);
		}
	}
	if (!doc_is_utf8(out, used))
		return call_fail(arguments, scope, "argument 1 decodes to what is no UTF-8 text");
	return doc_string(out, used);
}

/* Lower-case hex of the digest of the text's UTF-8 bytes. */
const Doc *
intrinsic_hash(const Arguments *arguments, AslScope *scope)
{
	static const struct
	{
		const char *name;
		DigestKind	kind;
	}			algorithms[] = {
		{"MD5", DIGEST_MD5}, {"SHA-1", DIGEST_SHA1}, {"SHA-256", DIGEST_SHA256},
		{"SHA-384", DIGEST_SHA384}, {"SHA-512", DIGEST_SHA512},
	};
	const Doc  *text = arguments->values[0];
	uint8_t		digest[DIGEST_MAX_SIZE];
	char		hex[2 * DIGEST_MAX_SIZE];
	size_t		size;

	if (!call_text(arguments, 0, scope) || !call_text(arguments, 1, scope) || !check_characters(arguments, scope))
		return NULL;
	for (size_t i = 0; i < lengthof(algorithms); i++)
	{
		if (!doc_is_text(arguments->values[1], algorithms[i].name))
			continue;
		size = digest_compute(algorithms[i].kind, text->text, text->length, digest);
		if (size == 0)
			return call_fail(arguments, scope, "%s is not available on this server", algorithms[i].name);
		for (size_t j = 0; j < size; j++)
		{
			hex[2 * j] = "0123456789abcdef"[digest[j] >> 4];
			hex[2 * j + 1] = "0123456789abcdef"[digest[j] & 15];
		}
		return doc_string(hex, 2 * size);
	}
	return call_fail(arguments, scope, "the algorithm must be MD5, SHA-1, SHA-256, SHA-384 or SHA-512");
}
