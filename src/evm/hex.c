/*
 * hex.c
 *		Hexadecimal text of bytes.
 */
#include "evm/hex.h"

int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

char *
hex_write(char *out, const void *data, size_t length)
{
	static const char digits[] = "0123456789abcdef";
	const uint8_t *bytes = data;

	for (size_t i = 0; i < length; i++)
	{
		*out++ = digits[bytes[i] >> 4];
		*out++ = digits[bytes[i] & 15];
	}
	return out;
}

char *
hex_text(const void *data, size_t length)
{
	char	   *text = mem_alloc(2 * length + 3);

	text[0] = '0';
	text[1] = 'x';
	*hex_write(text + 2, data, length) = '\0';
	return text;
}

const Doc *
hex_to_doc(const void *data, size_t length)
{
	char		buffer[2 + 2 * 32 + 1];
	char	   *text;
	const Doc  *doc;

	/* Most are a word at most: the copy that the document makes is the only one. */
	if (length <= 32)
	{
		buffer[0] = '0';
		buffer[1] = 'x';
		hex_write(buffer + 2, data, length);
		return doc_string(buffer, 2 + 2 * length);
	}
	text = hex_text(data, length);
	doc = doc_string(text, 2 + 2 * length);
	mem_free(text);
	return doc;
}

bool
hex_read(const char *digits, uint8_t *out, size_t length)
{
	for (size_t i = 0; i < length; i++)
	{
		int			high = hex_digit(digits[2 * i]);
		int			low = hex_digit(digits[2 * i + 1]);

		if (high < 0 || low < 0)
			return false;
		out[i] = (uint8_t) (high << 4 | low);
	}
	return true;
}

/* Common to both parsers: the prefix, and pairs of digits after it. */
static bool
check_form(const char *text, size_t length, const char *where, Problem *problem)
{
	if (length < 2 || text[0] != '0' || text[1] != 'x')
		return problem_set(problem, where, "hex text must start with 0x");
	if (length % 2 != 0)
		return problem_set(problem, where, "hex text has an odd number of digits");
	return true;
}

bool
hex_parse(const char *text, size_t length, Bytes *bytes, const char *where, Problem *problem)
{
	uint8_t    *data;

	if (!check_form(text, length, where, problem))
		return false;
	bytes->length = (length - 2) / 2;
	data = mem_alloc(bytes->length + 1);
	bytes->data = data;
	if (!hex_read(text + 2, data, bytes->length))
		return problem_set(problem, where, "hex text has a character that is no digit");
	return true;
}

bool
hex_parse_exact(const char *text, size_t length, uint8_t *out, size_t size,
				const char *where, Problem *problem)
{
	if (!check_form(text, length, where, problem))
		return false;
	if (length != 2 + 2 * size)
		return problem_set(problem, where, "expected %zu bytes, got %zu", size, (length - 2) / 2);
	if (!hex_read(text + 2, out, size))
		return problem_set(problem, where, "hex text has a character that is no digit");
	return true;
}
