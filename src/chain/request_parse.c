/*
 * request_parse.c
 *		Documents and call signatures to requests.  See request.h.
 */
#include "postgres.h"

#include "chain/request.h"
#include "evm/hex.h"
#include "evm/integer.h"
#include "utils/datetime.h"
#include "utils/timestamp.h"

/* A request's priority as its column holds it. */
#define PRIORITY_MAX 32767

static bool
set_abi(Request *request, const Doc *abi, Problem *problem)
{
	if (abi_contract_from_doc(abi, problem) == NULL)
		return false;
	request->abi = abi;
	return true;
}

const AbiItem *
request_find_item(const Doc *abi, AbiItemKind kind, const char *text, Problem *problem)
{
	if (abi != NULL && (strchr(text, '(') == NULL || kind == ABI_ITEM_CONSTRUCTOR))
	{
		const AbiContract *contract = abi_contract_from_doc(abi, problem);
		const AbiItem *item;

		if (contract == NULL)
			return NULL;
		item = abi_find_name(contract, kind, text, problem);
		if (item == NULL && problem->message[0] == '\0')
			problem_set(problem, kind == ABI_ITEM_CONSTRUCTOR ? "constructor" : "function",
						"\"%s\" is not in the ABI", text);
		return item;
	}
	return abi_parse_item(text, strlen(text), kind, problem);
}

bool
request_set_call(Request *request, const char *function, const Doc *arguments, Problem *problem)
{
	const AbiItem *item = request_find_item(request->abi, ABI_ITEM_FUNCTION, function, problem);
	ByteBuffer	data;

	if (item == NULL)
		return false;
	bytes_init(&data, 260);
	if (!abi_encode_call(item, arguments ? arguments : doc_array(), &data, problem))
		return false;
	request->data.data = data.data;
	request->data.length = data.length;
	return true;
}

/* "(address,uint256)" and "address,uint256" are written as fragments of a constructor. */
static const char *
constructor_fragment(const char *text)
{
	while (*text == ' ')
		text++;
	if (strncmp(text, "constructor", 11) == 0 || *text == '{')
		return text;
	return *text == '(' ? psprintf("constructor%s", text) : psprintf("constructor(%s)", text);
}

bool
request_set_deployment(Request *request, Bytes bytecode, const char *constructor,
					   const Doc *arguments, Problem *problem)
{
	const AbiItem *item = NULL;
	ByteBuffer	data;

	request->has_to = false;
	if (bytecode.length == 0)
		return problem_set(problem, "bytecode", "must not be empty");
	if (constructor != NULL)
		item = abi_parse_item(constructor_fragment(constructor), strlen(constructor_fragment(constructor)),
							  ABI_ITEM_CONSTRUCTOR, problem);
	else if (request->abi != NULL)
	{
		const AbiContract *contract = abi_contract_from_doc(request->abi, problem);

		for (uint32 i = 0; contract != NULL && i < contract->count; i++)
			if (contract->items[i]->kind == ABI_ITEM_CONSTRUCTOR)
				item = contract->items[i];
	}
	if (problem->message[0] != '\0')
		return false;
	if (item == NULL && arguments != NULL && arguments->kind != DOC_NULL && arguments->length > 0)
		return problem_set(problem, "args", "there are arguments, but no constructor that takes them");

	bytes_init(&data, bytecode.length + 320);
	bytes_add(&data, bytecode.data, bytecode.length);
	if (item != NULL &&
		!abi_encode_call(item, arguments ? arguments : doc_array(), &data, problem))
		return false;
	if (!bytes_complete(&data, problem))
		return false;
	request->data.data = data.data;
	request->data.length = data.length;
	return true;
}

bool
request_set_options(Request *request, const Doc *options, Problem *problem)
{
	if (options == NULL || options->kind == DOC_NULL)
		return true;
	if (options->kind != DOC_OBJECT)
		return problem_set(problem, "options", "must be an object");
	for (uint32 i = 0; i < options->length; i++)
	{
		const DocMember *member = &options->members[i];

		if (doc_is(member->value, DOC_NULL))
			continue;
		if (strcmp(member->key, "abi") == 0)
		{
			if (!set_abi(request, member->value, problem))
				return false;
		}
		else
			return problem_set(problem, "options", "unknown option \"%s\"", member->key);
	}
	request->options = options;
	return true;
}

/* Text of a member that must be text; NULL where absent. */
static bool
take_text(const Doc *doc, const char *name, const char **text, Problem *problem)
{
	const Doc  *value = doc_get(doc, name);

	*text = NULL;
	if (value == NULL || value->kind == DOC_NULL)
		return true;
	if (value->kind != DOC_STRING || strlen(value->text) != value->length)
		return problem_set(problem, name, "must be text");
	*text = value->text;
	return true;
}

static bool
take_bytes(const Doc *doc, const char *name, Bytes *bytes, bool *present, Problem *problem)
{
	const Doc  *value = doc_get(doc, name);

	*present = value != NULL && value->kind != DOC_NULL;
	if (!*present)
		return true;
	if (value->kind != DOC_STRING)
		return problem_set(problem, name, "must be hex text");
	return hex_parse(value->text, value->length, bytes, name, problem);
}

/* Exactly so many digits; moves on. */
static bool
scan_digits(const char **text, int count, int *number)
{
	*number = 0;
	for (int i = 0; i < count; i++, (*text)++)
	{
		if (**text < '0' || **text > '9')
			return false;
		*number = *number * 10 + (**text - '0');
	}
	return true;
}

static bool
scan_char(const char **text, const char *accepted)
{
	if (**text == '\0' || strchr(accepted, **text) == NULL)
		return false;
	(*text)++;
	return true;
}

/* RFC 3339, section 5.6: 2026-01-31T12:00:00.5Z, or with an offset; the time zone of a session plays no part. */
static bool
scan_time(const char *text, TimestampTz *time)
{
	struct pg_tm parts;
	fsec_t		fraction = 0;
	int			unit = 100000;
	int			hours = 0;
	int			minutes = 0;
	int			zone = 0;
	bool		west;

	memset(&parts, 0, sizeof(parts));
	if (!scan_digits(&text, 4, &parts.tm_year) || !scan_char(&text, "-") ||
		!scan_digits(&text, 2, &parts.tm_mon) || !scan_char(&text, "-") ||
		!scan_digits(&text, 2, &parts.tm_mday) || !scan_char(&text, "Tt ") ||
		!scan_digits(&text, 2, &parts.tm_hour) || !scan_char(&text, ":") ||
		!scan_digits(&text, 2, &parts.tm_min) || !scan_char(&text, ":") ||
		!scan_digits(&text, 2, &parts.tm_sec))
		return false;
	if (*text == '.')
	{
		text++;
		if (*text < '0' || *text > '9')
			return false;
		for (; *text >= '0' && *text <= '9'; text++, unit /= 10)
			fraction += (*text - '0') * unit;
	}
	if (!scan_char(&text, "Zz"))
	{
		west = *text == '-';
		if (!scan_char(&text, "+-") || !scan_digits(&text, 2, &hours) ||
			!scan_char(&text, ":") || !scan_digits(&text, 2, &minutes) ||
			hours > 15 || minutes > 59)
			return false;
		/* The server counts seconds west of Greenwich. */
		zone = (hours * 60 + minutes) * 60 * (west ? 1 : -1);
	}
	return *text == '\0' && parts.tm_year >= 1 && parts.tm_mon >= 1 && parts.tm_mon <= 12 &&
		parts.tm_mday >= 1 && parts.tm_mday <= day_tab[isleap(parts.tm_year)][parts.tm_mon - 1] &&
		parts.tm_hour <= 23 && parts.tm_min <= 59 && parts.tm_sec <= 60 &&
		tm2timestamp(&parts, fraction, &zone, time) == 0;
}

static bool
take_time(const Doc *doc, const char *name, bool *present, TimestampTz *time, Problem *problem)
{
	const char *text;

	if (!take_text(doc, name, &text, problem))
		return false;
	*present = text != NULL;
	return text == NULL || scan_time(text, time) ||
		problem_set(problem, name, "must be a time such as 2026-01-31T12:00:00Z");
}

static bool
member_known(const char *name, bool with_key)
{
	static const char *const known[] = {
		"wallet", "chain", "to", "value", "data", "function", "args", "bytecode", "constructor",
		"abi", "gas_limit", "max_fee", "priority", "expires_at"
	};

	for (size_t i = 0; i < lengthof(known); i++)
		if (strcmp(name, known[i]) == 0)
			return true;
	return with_key && strcmp(name, "idempotency_key") == 0;
}

static bool
take_limits(Request *request, const Doc *doc, Problem *problem)
{
	const Doc  *value;
	int64		number;

	value = doc_get(doc, "gas_limit");
	request->has_gas_limit = value != NULL && value->kind != DOC_NULL;
	if (request->has_gas_limit && !integer_from_doc_u64(value, &request->gas_limit, "gas_limit", problem))
		return false;
	value = doc_get(doc, "max_fee");
	request->has_max_fee = value != NULL && value->kind != DOC_NULL;
	if (request->has_max_fee && !integer_from_doc_unsigned(value, &request->max_fee, "max_fee", problem))
		return false;
	value = doc_get(doc, "priority");
	if (value != NULL && value->kind != DOC_NULL)
	{
		if (!doc_is(value, DOC_NUMBER) || !doc_to_int64(value, &number) ||
			number < -PRIORITY_MAX || number > PRIORITY_MAX)
			return problem_set(problem, "priority", "must be a whole number from %d to %d", -PRIORITY_MAX, PRIORITY_MAX);
		request->priority = (int) number;
	}
	return take_time(doc, "expires_at", &request->has_expires_at, &request->expires_at, problem);
}

bool
request_from_doc(Request *request, const Doc *doc, bool with_key, Problem *problem)
{
	const Doc  *value;
	const Doc  *arguments;
	const char *function;
	const char *constructor;
	Bytes		bytecode = {NULL, 0};
	bool		has_bytecode;
	bool		has_data;

	memset(request, 0, sizeof(*request));
	if (!doc_is(doc, DOC_OBJECT))
		return problem_set(problem, "", "a request must be an object");
	for (uint32 i = 0; i < doc->length; i++)
		if (!member_known(doc->members[i].key, with_key))
			return problem_set(problem, doc->members[i].key, "unknown member");

	if (!take_text(doc, "wallet", &request->wallet, problem) ||
		!take_text(doc, "chain", &request->chain, problem) ||
		!take_text(doc, "function", &function, problem) ||
		!take_text(doc, "constructor", &constructor, problem) ||
		!take_bytes(doc, "data", &request->data, &has_data, problem) ||
		!take_bytes(doc, "bytecode", &bytecode, &has_bytecode, problem) ||
		(with_key && !take_text(doc, "idempotency_key", &request->key, problem)) ||
		!take_limits(request, doc, problem))
		return false;
	if (request->wallet == NULL)
		return problem_set(problem, "wallet", "is missing");
	if (request->chain == NULL)
		return problem_set(problem, "chain", "is missing");

	value = doc_get(doc, "to");
	request->has_to = value != NULL && value->kind != DOC_NULL;
	if (request->has_to && !address_from_doc(value, request->to, "to", problem))
		return false;
	value = doc_get(doc, "value");
	if (value != NULL && value->kind != DOC_NULL &&
		!integer_from_doc_unsigned(value, &request->value, "value", problem))
		return false;
	value = doc_get(doc, "abi");
	if (value != NULL && value->kind != DOC_NULL && !set_abi(request, value, problem))
		return false;

	arguments = doc_get(doc, "args");
	if (has_data + has_bytecode + (function != NULL) > 1)
		return problem_set(problem, "", "only one of data, function and bytecode may be given");
	if (constructor != NULL && !has_bytecode)
		return problem_set(problem, "constructor", "needs bytecode");
	if (has_bytecode)
	{
		if (request->has_to)
			return problem_set(problem, "to", "a deployment has no recipient");
		return request_set_deployment(request, bytecode, constructor, arguments, problem);
	}
	if (!request->has_to)
		return problem_set(problem, "to", "is missing");
	if (function != NULL)
		return request_set_call(request, function, arguments, problem);
	if (arguments != NULL && arguments->kind != DOC_NULL)
		return problem_set(problem, "args", "needs a function or bytecode");
	return true;
}
