/*
 * document_parse.c
 *		JSON text to a Doc, in one pass and with few allocations.
 *
 * On the executor's hot path: all strings and numbers of a document share one
 * block (a token with its quotes or its delimiter is never shorter than its
 * unescaped text and a zero), nodes come from chunks, and items and members
 * are gathered on one stack before they are copied to arrays of exact size.
 */
#include "core/document.h"

#include "core/document_index.h"

/* The server's largest allocation, less what the text block needs besides. */
#define MAX_TEXT ((size_t) 0x3fffff00)

/* Exponents beyond this can't become numeric, nor can anybody mean them. */
#define MAX_EXPONENT 999999

typedef struct Parser
{
	const char *start;
	const char *at;
	const char *end;
	char	   *text;			/* next free byte of the text block */
	Doc		   *nodes;			/* rest of the current chunk */
	uint32_t	nodes_left;
	uint32_t	chunk;			/* size of the next chunk */
	DocMember  *stack;			/* items and members of the open containers */
	uint32_t	stack_used;
	uint32_t	stack_size;
	int			depth;
	Problem    *problem;
} Parser;

static const Doc *parse_value(Parser *parser);

static const Doc *
parse_fail(Parser *parser, const char *what)
{
	char		where[64];

	snprintf(where, sizeof(where), "byte %zu", (size_t) (parser->at - parser->start) + 1);
	problem_set(parser->problem, where, "%s", what);
	return NULL;
}

static Doc *
parse_node(Parser *parser, DocKind kind)
{
	Doc		   *node;

	if (parser->nodes_left == 0)
	{
		parser->nodes = mem_alloc(parser->chunk * sizeof(Doc));
		parser->nodes_left = parser->chunk;
		if (parser->chunk < 1024)
			parser->chunk *= 2;
	}
	node = parser->nodes++;
	parser->nodes_left--;
	node->kind = kind;
	node->length = 0;
	node->capacity = 0;
	return node;
}

static DocMember *
parse_push(Parser *parser)
{
	if (parser->stack_used == parser->stack_size)
	{
		uint32_t	size = parser->stack_size == 0 ? 16 : parser->stack_size * 2;

		if (parser->stack == NULL)
			parser->stack = mem_alloc(size * sizeof(DocMember));
		else
			parser->stack = mem_realloc(parser->stack, size * sizeof(DocMember));
		parser->stack_size = size;
	}
	return &parser->stack[parser->stack_used++];
}

static void
skip_blanks(Parser *parser)
{
	while (parser->at < parser->end &&
		   (*parser->at == ' ' || *parser->at == '\n' || *parser->at == '\t' || *parser->at == '\r'))
		parser->at++;
}

static bool
is_digit(const Parser *parser)
{
	return parser->at < parser->end && *parser->at >= '0' && *parser->at <= '9';
}

/* RFC 8259, section 6. */
static const Doc *
parse_number(Parser *parser)
{
	const char *begin = parser->at;
	size_t		length;
	Doc		   *node;

	if (*parser->at == '-')
		parser->at++;
	if (!is_digit(parser))
		return parse_fail(parser, "a number needs a digit here");
	if (*parser->at == '0')
	{
		parser->at++;
		if (is_digit(parser))
			return parse_fail(parser, "a number must not start with a zero");
	}
	else
		while (is_digit(parser))
			parser->at++;
	if (parser->at < parser->end && *parser->at == '.')
	{
		parser->at++;
		if (!is_digit(parser))
			return parse_fail(parser, "a fraction needs a digit here");
		while (is_digit(parser))
			parser->at++;
	}
	if (parser->at < parser->end && (*parser->at == 'e' || *parser->at == 'E'))
	{
		long		exponent = 0;

		parser->at++;
		if (parser->at < parser->end && (*parser->at == '+' || *parser->at == '-'))
			parser->at++;
		if (!is_digit(parser))
			return parse_fail(parser, "an exponent needs a digit here");
		for (; is_digit(parser); parser->at++)
		{
			exponent = exponent * 10 + (*parser->at - '0');
			if (exponent > MAX_EXPONENT)
				return parse_fail(parser, "exponent out of range");
		}
	}
	/* -0 is an integer, and integers know no negative zero. */
	length = (size_t) (parser->at - begin);
	if (length == 2 && begin[0] == '-' && begin[1] == '0')
	{
		begin++;
		length = 1;
	}
	node = parse_node(parser, DOC_NUMBER);
	node->length = (uint32_t) length;
	node->text = parser->text;
	memcpy(parser->text, begin, length);
	parser->text[length] = '\0';
	parser->text += length + 1;
	return node;
}

static int
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

/* Four hex digits of an escape at p, or -1. */
static int
hex_unit(const char *p, const char *end)
{
	int			unit = 0;

	if (end - p < 4)
		return -1;
	for (int i = 0; i < 4; i++)
	{
		int			digit = hex_digit(p[i]);

		if (digit < 0)
			return -1;
		unit = unit * 16 + digit;
	}
	return unit;
}

/* The escape at parser->at (after the backslash) to out; NULL if it is none. */
static char *
parse_escape(Parser *parser, char *out)
{
	int			code;

	if (parser->at == parser->end)
	{
		parse_fail(parser, "unterminated string");
		return NULL;
	}
	switch (*parser->at)
	{
		case '"':
		case '\\':
		case '/':
			*out++ = *parser->at++;
			return out;
		case 'b':
			parser->at++;
			*out++ = '\b';
			return out;
		case 'f':
			parser->at++;
			*out++ = '\f';
			return out;
		case 'n':
			parser->at++;
			*out++ = '\n';
			return out;
		case 'r':
			parser->at++;
			*out++ = '\r';
			return out;
		case 't':
			parser->at++;
			*out++ = '\t';
			return out;
		case 'u':
			break;
		default:
			parse_fail(parser, "unknown escape");
			return NULL;
	}
	code = hex_unit(parser->at + 1, parser->end);
	if (code < 0)
	{
		parse_fail(parser, "\\u needs four hexadecimal digits");
		return NULL;
	}
	if (code >= 0xd800 && code <= 0xdfff)
	{
		int			low = -1;

		if (code < 0xdc00 && parser->end - parser->at >= 11 &&
			parser->at[5] == '\\' && parser->at[6] == 'u')
			low = hex_unit(parser->at + 7, parser->end);
		if (low < 0xdc00 || low > 0xdfff)
		{
			parse_fail(parser, "half of a surrogate pair");
			return NULL;
		}
		code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
		parser->at += 6;
	}
	parser->at += 5;
	return out + doc_utf8_encode((uint32_t) code, out);
}

/* A string at parser->at (its quote) into the text block; NULL if malformed. */
static const char *
parse_text(Parser *parser, uint32_t *length)
{
	char	   *begin = parser->text;
	char	   *out = begin;

	parser->at++;
	for (;;)
	{
		const char *run = parser->at;
		size_t		run_length;

		while (parser->at < parser->end && *parser->at != '"' && *parser->at != '\\' &&
			   (unsigned char) *parser->at >= 0x20 && (unsigned char) *parser->at < 0x80)
			parser->at++;
		run_length = (size_t) (parser->at - run);
		memcpy(out, run, run_length);
		out += run_length;
		if (parser->at == parser->end)
		{
			parse_fail(parser, "unterminated string");
			return NULL;
		}
		if (*parser->at == '"')
		{
			parser->at++;
			*out = '\0';
			*length = (uint32_t) (out - begin);
			parser->text = out + 1;
			return begin;
		}
		if (*parser->at == '\\')
		{
			parser->at++;
			out = parse_escape(parser, out);
			if (out == NULL)
				return NULL;
		}
		else if ((unsigned char) *parser->at < 0x20)
		{
			parse_fail(parser, "a control character in a string must be escaped");
			return NULL;
		}
		else
		{
			int			bytes = doc_utf8_length(parser->at, (size_t) (parser->end - parser->at));

			if (bytes == 0)
			{
				parse_fail(parser, "not UTF-8");
				return NULL;
			}
			memcpy(out, parser->at, (size_t) bytes);
			out += bytes;
			parser->at += bytes;
		}
	}
}

static const Doc *
parse_array(Parser *parser)
{
	uint32_t	base = parser->stack_used;
	Doc		   *node;

	parser->at++;
	skip_blanks(parser);
	if (parser->at < parser->end && *parser->at == ']')
		parser->at++;
	else
		for (;;)
		{
			const Doc  *item = parse_value(parser);

			if (item == NULL)
				return NULL;
			parse_push(parser)->value = item;
			skip_blanks(parser);
			if (parser->at < parser->end && *parser->at == ',')
			{
				parser->at++;
				continue;
			}
			if (parser->at < parser->end && *parser->at == ']')
			{
				parser->at++;
				break;
			}
			return parse_fail(parser, "expected a comma or ] here");
		}
	node = parse_node(parser, DOC_ARRAY);
	node->length = node->capacity = parser->stack_used - base;
	node->items = NULL;
	if (node->length > 0)
	{
		node->items = mem_alloc(node->length * sizeof(Doc *));
		for (uint32_t i = 0; i < node->length; i++)
			node->items[i] = parser->stack[base + i].value;
	}
	parser->stack_used = base;
	return node;
}

static const Doc *
parse_object(Parser *parser)
{
	uint32_t	base = parser->stack_used;
	Doc		   *node;

	parser->at++;
	skip_blanks(parser);
	if (parser->at < parser->end && *parser->at == '}')
		parser->at++;
	else
		for (;;)
		{
			const char *key;
			uint32_t	key_length;
			const Doc  *value;
			DocMember  *member;

			skip_blanks(parser);
			if (parser->at == parser->end || *parser->at != '"')
				return parse_fail(parser, "expected a member's name here");
			key = parse_text(parser, &key_length);
			if (key == NULL)
				return NULL;
			skip_blanks(parser);
			if (parser->at == parser->end || *parser->at != ':')
				return parse_fail(parser, "expected a colon here");
			parser->at++;
			value = parse_value(parser);
			if (value == NULL)
				return NULL;
			member = parse_push(parser);
			member->key = key;
			member->key_length = key_length;
			member->value = value;
			skip_blanks(parser);
			if (parser->at < parser->end && *parser->at == ',')
			{
				parser->at++;
				continue;
			}
			if (parser->at < parser->end && *parser->at == '}')
			{
				parser->at++;
				break;
			}
			return parse_fail(parser, "expected a comma or } here");
		}
	node = parse_node(parser, DOC_OBJECT);
	doc_index_build(node, parser->stack == NULL ? NULL : parser->stack + base,
					parser->stack_used - base);
	parser->stack_used = base;
	return node;
}

static bool
parse_word(Parser *parser, const char *word, size_t length)
{
	if ((size_t) (parser->end - parser->at) < length || memcmp(parser->at, word, length) != 0)
		return false;
	parser->at += length;
	return true;
}

static const Doc *
parse_value(Parser *parser)
{
	const Doc  *value;

	base_check_interrupts();
	skip_blanks(parser);
	if (parser->at == parser->end)
		return parse_fail(parser, "unexpected end");
	switch (*parser->at)
	{
		case '{':
		case '[':
			if (parser->depth >= DOC_MAX_DEPTH)
				return parse_fail(parser, "nested too deeply");
			base_check_stack();
			parser->depth++;
			value = *parser->at == '{' ? parse_object(parser) : parse_array(parser);
			parser->depth--;
			return value;
		case '"':
			{
				Doc		   *node = parse_node(parser, DOC_STRING);

				node->text = parse_text(parser, &node->length);
				return node->text == NULL ? NULL : node;
			}
		case 't':
			if (parse_word(parser, "true", 4))
				return doc_bool(true);
			break;
		case 'f':
			if (parse_word(parser, "false", 5))
				return doc_bool(false);
			break;
		case 'n':
			if (parse_word(parser, "null", 4))
				return doc_null();
			break;
		case '-':
		case '0':
		case '1':
		case '2':
		case '3':
		case '4':
		case '5':
		case '6':
		case '7':
		case '8':
		case '9':
			return parse_number(parser);
		default:
			break;
	}
	return parse_fail(parser, "expected a value here");
}

const Doc *
doc_parse(const char *text, size_t length, Problem *problem)
{
	Parser		parser;
	const Doc  *value;

	memset(&parser, 0, sizeof(parser));
	parser.start = parser.at = text;
	parser.end = text + length;
	parser.problem = problem;
	if (length > MAX_TEXT)
		return parse_fail(&parser, "too long");
	parser.chunk = length < 512 ? (uint32_t) length / 8 + 1 : 64;
	parser.text = mem_alloc(length + 1);
	value = parse_value(&parser);
	if (value != NULL)
	{
		skip_blanks(&parser);
		if (parser.at != parser.end)
			value = parse_fail(&parser, "expected the end here");
	}
	if (parser.stack != NULL)
		mem_free(parser.stack);
	return value;
}
