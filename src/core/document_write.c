/*
 * document_write.c
 *		A document as compact JSON text, and how long that would be.
 */
#include "core/document.h"

typedef struct Writer
{
	char	   *text;
	size_t		used;
	size_t		size;
} Writer;

static char *
write_room(Writer *writer, size_t more)
{
	if (writer->size - writer->used < more)
	{
		size_t		size = writer->size * 2;

		while (size - writer->used < more)
			size *= 2;
		writer->text = mem_realloc(writer->text, size);
		writer->size = size;
	}
	return writer->text + writer->used;
}

static void
write_bytes(Writer *writer, const char *bytes, size_t length)
{
	memcpy(write_room(writer, length), bytes, length);
	writer->used += length;
}

/* The letter of a two-character escape; 'u' for the other controls; 0 if c stands for itself. */
static char
escape_letter(unsigned char c)
{
	if (c >= 0x20)
		return c == '"' || c == '\\' ? (char) c : 0;
	switch (c)
	{
		case '\b':
			return 'b';
		case '\f':
			return 'f';
		case '\n':
			return 'n';
		case '\r':
			return 'r';
		case '\t':
			return 't';
		default:
			return 'u';
	}
}

static void
write_string(Writer *writer, const char *text, size_t length)
{
	/* Room for a text without escapes; each escape asks for its own. */
	char	   *out = write_room(writer, length + 2);

	*out++ = '"';
	for (size_t i = 0; i < length; i++)
	{
		char		letter = escape_letter((unsigned char) text[i]);

		if (letter == 0)
		{
			*out++ = text[i];
			continue;
		}
		writer->used = (size_t) (out - writer->text);
		out = write_room(writer, length - i + 7);
		*out++ = '\\';
		*out++ = letter;
		if (letter == 'u')
		{
			static const char digits[] = "0123456789abcdef";

			*out++ = '0';
			*out++ = '0';
			*out++ = digits[(unsigned char) text[i] >> 4];
			*out++ = digits[text[i] & 15];
		}
	}
	*out++ = '"';
	writer->used = (size_t) (out - writer->text);
}

static void
write_value(Writer *writer, const Doc *doc)
{
	base_check_interrupts();
	switch (doc->kind)
	{
		case DOC_NULL:
			write_bytes(writer, "null", 4);
			break;
		case DOC_BOOL:
			if (doc->boolean)
				write_bytes(writer, "true", 4);
			else
				write_bytes(writer, "false", 5);
			break;
		case DOC_NUMBER:
			write_bytes(writer, doc->text, doc->length);
			break;
		case DOC_STRING:
			write_string(writer, doc->text, doc->length);
			break;
		case DOC_ARRAY:
			base_check_stack();
			write_bytes(writer, "[", 1);
			for (uint32_t i = 0; i < doc->length; i++)
			{
				if (i > 0)
					write_bytes(writer, ",", 1);
				write_value(writer, doc->items[i]);
			}
			write_bytes(writer, "]", 1);
			break;
		case DOC_OBJECT:
			base_check_stack();
			write_bytes(writer, "{", 1);
			for (uint32_t i = 0; i < doc->length; i++)
			{
				if (i > 0)
					write_bytes(writer, ",", 1);
				write_string(writer, doc->members[i].key, doc->members[i].key_length);
				write_bytes(writer, ":", 1);
				write_value(writer, doc->members[i].value);
			}
			write_bytes(writer, "}", 1);
			break;
	}
}

char *
doc_write(const Doc *doc, size_t *length)
{
	Writer		writer = {mem_alloc(256), 0, 256};

	write_value(&writer, doc);
	*write_room(&writer, 1) = '\0';
	if (length != NULL)
		*length = writer.used;
	return writer.text;
}

/* Whether `doc` fits into what is left; takes its bytes from *left. */
static bool
measure(const Doc *doc, int depth, size_t *left)
{
	size_t		own = 4;

	base_check_interrupts();
	if (doc->kind == DOC_BOOL)
		own = doc->boolean ? 4 : 5;
	else if (doc->kind == DOC_NUMBER)
		own = doc->length;
	else if (doc->kind == DOC_STRING)
		own = doc_string_size(doc->text, doc->length);
	else if (doc->kind == DOC_ARRAY || doc->kind == DOC_OBJECT)
	{
		if (depth == 0)
			return false;
		own = doc->length == 0 ? 2 : (size_t) doc->length + 1;
	}
	if (own > *left)
		return false;
	*left -= own;
	for (uint32_t i = 0; doc->kind == DOC_ARRAY && i < doc->length; i++)
		if (!measure(doc->items[i], depth - 1, left))
			return false;
	for (uint32_t i = 0; doc->kind == DOC_OBJECT && i < doc->length; i++)
	{
		own = doc_string_size(doc->members[i].key, doc->members[i].key_length) + 1;
		if (own > *left)
			return false;
		*left -= own;
		if (!measure(doc->members[i].value, depth - 1, left))
			return false;
	}
	return true;
}

bool
doc_fits(const Doc *doc, int depth, size_t size)
{
	return measure(doc, depth, &size);
}

size_t
doc_string_size(const char *text, size_t length)
{
	size_t		size = length + 2;

	for (size_t i = 0; i < length; i++)
	{
		char		letter = escape_letter((unsigned char) text[i]);

		if (letter != 0)
			size += letter == 'u' ? 5 : 1;
	}
	return size;
}
