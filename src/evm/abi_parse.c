/*
 * abi_parse.c
 *		ABI types and signatures from text: "transfer(address,uint256)", and the
 *		human-readable fragments "event Transfer(address indexed from, …)".
 */
#include "evm/abi_parse.h"

/* Heads larger than this can't come with data that a database holds. */
#define MAX_HEAD ((uint64_t) 1 << 30)

/* Words are cut, so that a long one doesn't hide the rest. */
#define WORD_SHOWN 40

static bool
fail(AbiParser *parser, const char *message)
{
	char		where[40];

	snprintf(where, sizeof(where), "%s character %zu", parser->what,
			 (size_t) (parser->next - parser->start) + 1);
	return problem_set(parser->problem, where, "%s", message);
}

/* The same about the word that was taken last: where it begins, and what it is. */
static bool
fail_at(AbiParser *parser, Bytes word, const char *message)
{
	char		text[120];

	parser->next = (const char *) word.data;
	snprintf(text, sizeof(text), "%s \"%.*s\"", message,
			 (int) (word.length < WORD_SHOWN ? word.length : WORD_SHOWN), (const char *) word.data);
	return fail(parser, text);
}

void
abi_parser_init(AbiParser *parser, const char *text, size_t length, const char *what,
				Problem *problem)
{
	parser->start = parser->next = text;
	parser->end = text + length;
	parser->what = what;
	parser->tuple = NULL;
	parser->problem = problem;
}

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool
is_word(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
		c == '_' || c == '$';
}

static void
skip_blanks(AbiParser *parser)
{
	while (parser->next < parser->end && is_blank(*parser->next))
		parser->next++;
}

/* The next character that isn't blank, or a zero at the end. */
static char
peek(AbiParser *parser)
{
	skip_blanks(parser);
	return parser->next < parser->end ? *parser->next : '\0';
}

static bool
take(AbiParser *parser, char c)
{
	if (peek(parser) != c || c == '\0')
		return false;
	parser->next++;
	return true;
}

/* The next word (letters, digits, _ and $), empty where there is none. */
static Bytes
take_word(AbiParser *parser)
{
	Bytes		word;

	skip_blanks(parser);
	word.data = (const uint8_t *) parser->next;
	while (parser->next < parser->end && is_word(*parser->next))
		parser->next++;
	word.length = (size_t) ((const uint8_t *) parser->next - word.data);
	return word;
}

static bool
word_is(Bytes word, const char *text)
{
	return word.length == strlen(text) && memcmp(word.data, text, word.length) == 0;
}

static AbiType *
new_type(AbiKind kind, int size)
{
	AbiType    *type = mem_alloc_zero(sizeof(AbiType));

	type->kind = kind;
	type->size = (uint16_t) size;
	type->depth = 1;
	type->head_size = 32;
	type->dynamic = kind == ABI_BYTES || kind == ABI_STRING || kind == ABI_ARRAY;
	return type;
}

/* Digits after a type's letters: -1 if none, -2 if they are no plain number. */
static int
size_after(Bytes word, size_t letters)
{
	int			size = 0;

	if (word.length == letters)
		return -1;
	if (word.length > letters + 3 || word.data[letters] == '0')
		return -2;
	for (size_t i = letters; i < word.length; i++)
	{
		if (word.data[i] < '0' || word.data[i] > '9')
			return -2;
		size = size * 10 + (word.data[i] - '0');
	}
	return size;
}

static bool
word_starts(Bytes word, const char *text)
{
	size_t		length = strlen(text);

	return word.length >= length && memcmp(word.data, text, length) == 0;
}

static AbiType *
elementary_type(Bytes word)
{
	int			size;

	if (word_is(word, "address"))
		return new_type(ABI_ADDRESS, 0);
	if (word_is(word, "bool"))
		return new_type(ABI_BOOL, 0);
	if (word_is(word, "string"))
		return new_type(ABI_STRING, 0);
	if (word_is(word, "function"))
		return new_type(ABI_FUNCTION, 24);
	if (word_starts(word, "bytes"))
	{
		size = size_after(word, 5);
		if (size == -1)
			return new_type(ABI_BYTES, 0);
		return size >= 1 && size <= 32 ? new_type(ABI_FIXED_BYTES, size) : NULL;
	}
	if (word_starts(word, "uint") || word_starts(word, "int"))
	{
		bool		is_signed = word.data[0] == 'i';

		size = size_after(word, is_signed ? 3 : 4);
		if (size == -1)
			size = 256;
		if (size < 8 || size > 256 || size % 8 != 0)
			return NULL;
		return new_type(is_signed ? ABI_INT : ABI_UINT, size);
	}
	return NULL;
}

static AbiType *
array_of(AbiParser *parser, const AbiType *element, bool fixed, uint64_t count)
{
	AbiType    *type = new_type(fixed ? ABI_FIXED_ARRAY : ABI_ARRAY, 0);

	type->element = element;
	type->depth = element->depth + 1;
	if (type->depth > ABI_MAX_DEPTH)
	{
		fail(parser, "type is nested too deep");
		return NULL;
	}
	if (element->head_size == 0)
	{
		fail(parser, "elements of an array must have a size");
		return NULL;
	}
	if (fixed)
	{
		if (count * element->head_size > MAX_HEAD)
		{
			fail(parser, "type is too large");
			return NULL;
		}
		type->count = (uint32_t) count;
		type->dynamic = element->dynamic;
		type->head_size = element->dynamic ? 32 : (uint32_t) (count * element->head_size);
	}
	return type;
}

/* "[]" and "[n]", as many as there are. */
static const AbiType *
parse_suffixes(AbiParser *parser, const AbiType *type)
{
	while (type != NULL && take(parser, '['))
	{
		uint64_t	count = 0;
		Bytes		digits = take_word(parser);

		if (digits.length > 10 || (digits.length > 1 && digits.data[0] == '0'))
		{
			fail_at(parser, digits, "not a length of an array:");
			return NULL;
		}
		for (size_t i = 0; i < digits.length; i++)
		{
			if (digits.data[i] < '0' || digits.data[i] > '9')
			{
				fail_at(parser, digits, "not a length of an array:");
				return NULL;
			}
			count = count * 10 + (uint64_t) (digits.data[i] - '0');
		}
		if (!take(parser, ']'))
		{
			fail(parser, "expected ]");
			return NULL;
		}
		/* Keeps the product below in 64 bits. */
		if (count > MAX_HEAD)
		{
			fail(parser, "type is too large");
			return NULL;
		}
		type = array_of(parser, type, digits.length > 0, count);
	}
	return type;
}

AbiType *
abi_tuple(AbiParser *parser, uint32_t count, const AbiComponent *components)
{
	AbiType    *type = new_type(ABI_TUPLE, 0);
	uint64_t	head = 0;

	type->count = count;
	type->components = components;
	type->names = abi_tuple_names(count, components);
	for (uint32_t i = 0; i < count; i++)
	{
		const AbiType *component = components[i].type;

		head += component->head_size;
		type->dynamic |= component->dynamic;
		if (component->depth >= type->depth)
			type->depth = component->depth + 1;
		if (head > MAX_HEAD)
		{
			fail(parser, "type is too large");
			return NULL;
		}
	}
	if (type->depth > ABI_MAX_DEPTH)
	{
		fail(parser, "type is nested too deep");
		return NULL;
	}
	type->head_size = type->dynamic ? 32 : (uint32_t) head;
	return type;
}

static const AbiType *parse_tuple(AbiParser *parser, int depth, char close);

const AbiType *
abi_parse_type(AbiParser *parser, int depth)
{
	const AbiType *type;
	Bytes		word;

	if (depth > ABI_MAX_DEPTH)
	{
		fail(parser, "type is nested too deep");
		return NULL;
	}
	word = take_word(parser);
	if ((word.length == 0 || word_is(word, "tuple")) && take(parser, '('))
		type = parse_tuple(parser, depth + 1, ')');
	else if (word_is(word, "tuple") && parser->tuple != NULL)
		type = parser->tuple;
	else
	{
		type = elementary_type(word);
		if (type == NULL)
		{
			if (word.length == 0)
				fail(parser, "expected a type");
			else if (word_starts(word, "fixed") || word_starts(word, "ufixed"))
				fail_at(parser, word, "fixed-point types are not supported:");
			else if (word_is(word, "tuple"))
				fail_at(parser, word, "components are missing of");
			else
				fail_at(parser, word, "unknown type");
		}
	}
	return parse_suffixes(parser, type);
}

/* A parameter: type, then words of which the last may be its name. */
static bool
parse_component(AbiParser *parser, AbiComponent *component, int depth)
{
	static const char *const modifiers[] = {"memory", "calldata", "storage", "payable"};
	Bytes		word;

	memset(component, 0, sizeof(*component));
	component->type = abi_parse_type(parser, depth);
	if (component->type == NULL)
		return false;
	while ((word = take_word(parser)).length > 0)
	{
		bool		modifier = false;

		if (component->name != NULL)
			return fail_at(parser, word, "expected a comma or the end of the parameters before");
		if (word_is(word, "indexed"))
		{
			component->indexed = true;
			continue;
		}
		for (size_t i = 0; i < lengthof(modifiers); i++)
			modifier |= word_is(word, modifiers[i]);
		if (modifier)
			continue;
		if (word.data[0] >= '0' && word.data[0] <= '9')
			return fail_at(parser, word, "a name can't start with a digit:");
		component->name = abi_copy_text((const char *) word.data, word.length);
		component->name_length = (uint32_t) word.length;
	}
	return true;
}

/* Parameters up to the closing character; a zero closes at the end of the text. */
static const AbiType *
parse_tuple(AbiParser *parser, int depth, char close)
{
	AbiComponent *components = NULL;
	uint32_t	count = 0;
	uint32_t	room = 0;

	base_check_stack();
	if (peek(parser) == close)
	{
		(void) take(parser, close);
		return abi_tuple(parser, 0, NULL);
	}
	do
	{
		if (count == room)
		{
			room = room == 0 ? 4 : room * 2;
			components = components == NULL ? mem_alloc(room * sizeof(AbiComponent)) :
				mem_realloc(components, room * sizeof(AbiComponent));
		}
		if (!parse_component(parser, &components[count++], depth))
			return NULL;
	} while (take(parser, ','));
	if (peek(parser) != close)
	{
		fail(parser, close == ')' ? "expected , or )" : "expected , or the end");
		return NULL;
	}
	(void) take(parser, close);
	return abi_tuple(parser, count, components);
}

static bool
check_length(size_t length, const char *what, Problem *problem)
{
	if (length > ABI_MAX_TEXT)
		return problem_set(problem, what, "longer than %d characters", ABI_MAX_TEXT);
	return true;
}

const AbiType *
abi_parse_types(const char *text, size_t length, Problem *problem)
{
	AbiParser	parser;

	if (!check_length(length, "types", problem))
		return NULL;
	abi_parser_init(&parser, text, length, "types", problem);
	return parse_tuple(&parser, 1, '\0');
}

/* What follows the parameters of a fragment: mutability, "anonymous", results. */
static bool
parse_rest(AbiParser *parser, AbiItem *item)
{
	static const char *const ignored[] = {"external", "public", "nonpayable", "virtual", "override"};
	Bytes		word;

	for (;;)
	{
		bool		known = false;

		if (item->outputs == NULL && take(parser, '('))
		{
			item->outputs = parse_tuple(parser, 1, ')');
			if (item->outputs == NULL)
				return false;
			continue;
		}
		word = take_word(parser);
		if (word.length == 0)
			break;
		if (word_is(word, "payable"))
			known = item->payable = true;
		else if (word_is(word, "view") || word_is(word, "pure"))
			known = item->read_only = true;
		else if (word_is(word, "anonymous") && item->kind == ABI_ITEM_EVENT)
			known = item->anonymous = true;
		else if (word_is(word, "returns") && item->outputs == NULL && peek(parser) == '(')
			known = true;
		for (size_t i = 0; i < lengthof(ignored); i++)
			known |= word_is(word, ignored[i]);
		if (!known)
			return fail_at(parser, word, "unexpected word");
	}
	(void) take(parser, ';');
	if (peek(parser) != '\0' || parser->next != parser->end)
		return fail(parser, "unexpected character");
	return true;
}

/* By AbiItemKind. */
static const char *const keywords[] = {"function", "event", "error", "constructor"};

AbiItemKind
abi_fragment_kind(const char *text, size_t length)
{
	AbiParser	parser;
	Bytes		word;

	abi_parser_init(&parser, text, length, "", NULL);
	word = take_word(&parser);
	for (size_t i = 0; i < lengthof(keywords); i++)
	{
		/* As in abi_parse_item: before a parenthesis it is a name, but for constructors. */
		if (word_is(word, keywords[i]) && (peek(&parser) == '(') == (i == ABI_ITEM_CONSTRUCTOR))
			return (AbiItemKind) i;
	}
	return ABI_ITEM_FUNCTION;
}

const AbiItem *
abi_parse_item(const char *text, size_t length, AbiItemKind kind, Problem *problem)
{
	AbiParser	parser;
	AbiItem    *item = mem_alloc_zero(sizeof(AbiItem));
	Bytes		word;

	if (!check_length(length, keywords[kind], problem))
		return NULL;
	abi_parser_init(&parser, text, length, keywords[kind], problem);
	if (peek(&parser) == '{')
	{
		Problem		wrong = {{0}, {0}};
		const Doc  *doc = doc_parse(text, length, &wrong);
		const AbiItem *parsed = doc == NULL ? NULL : abi_item_from_doc(doc, keywords[kind], problem);

		if (parsed != NULL && parsed->kind == kind)
			return parsed;
		if (doc == NULL)
		{
			char		where[64];

			snprintf(where, sizeof(where), "%s %.40s", keywords[kind], wrong.where);
			problem_set(problem, where, "%s", wrong.message);
		}
		problem_set(problem, keywords[kind], "the JSON item is no %s", keywords[kind]);
		return NULL;
	}
	item->kind = kind;
	word = take_word(&parser);
	/* "event(address)" is a signature whose name is a keyword, not a fragment. */
	for (size_t i = 0; i < lengthof(keywords); i++)
	{
		bool		is_constructor = i == ABI_ITEM_CONSTRUCTOR;

		if (!word_is(word, keywords[i]) || (peek(&parser) == '(') != is_constructor)
			continue;
		if (i != (size_t) kind && !(is_constructor && kind == ABI_ITEM_FUNCTION))
		{
			problem_set(problem, keywords[kind], "expected %s %s, got %s %s",
						kind == ABI_ITEM_EVENT || kind == ABI_ITEM_ERROR ? "an" : "a",
						keywords[kind], i == ABI_ITEM_EVENT || i == ABI_ITEM_ERROR ? "an" : "a",
						keywords[i]);
			return NULL;
		}
		if (i == (size_t) kind)
			word = is_constructor ? (Bytes) {NULL, 0} : take_word(&parser);
		break;
	}
	if (kind != ABI_ITEM_CONSTRUCTOR &&
		(word.length == 0 || (word.data[0] >= '0' && word.data[0] <= '9')))
	{
		if (word.length == 0)
			fail(&parser, "expected a name");
		else
			fail_at(&parser, word, "a name can't start with a digit:");
		return NULL;
	}
	item->name = abi_copy_text((const char *) word.data, word.length);
	if (!take(&parser, '('))
	{
		fail(&parser, "expected (");
		return NULL;
	}
	item->inputs = parse_tuple(&parser, 1, ')');
	if (item->inputs == NULL || !parse_rest(&parser, item) || !abi_item_complete(item, problem))
		return NULL;
	return item;
}
