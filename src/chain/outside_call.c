/*
 * outside_call.c
 *		What the state chain:call asks for.
 */
#include "postgres.h"

#include "chain/call.h"
#include "chain/outside_call.h"
#include "chain/request.h"
#include "evm/hex.h"

/* A member that must be text where it is there. */
static bool
take_text(const Doc *doc, const char *name, const char **text, Problem *problem)
{
	const Doc  *value = doc_get(doc, name);

	*text = NULL;
	if (value == NULL || value->kind == DOC_NULL)
		return true;
	*text = doc_get_text(doc, name);
	return *text != NULL || problem_set(problem, name, "must be text");
}

static bool
check_members(const Doc *parameters, Problem *problem)
{
	static const char *const known[] = {"chain", "to", "from", "function", "args", "abi", "data", "block"};

	if (!doc_is(parameters, DOC_OBJECT))
		return problem_set(problem, "", "the parameters must be an object");
	for (uint32 i = 0; i < parameters->length; i++)
	{
		bool		found = false;

		for (size_t j = 0; j < lengthof(known); j++)
			found = found || strcmp(parameters->members[i].key, known[j]) == 0;
		if (!found)
			return problem_set(problem, "", "unknown parameter \"%s\"", parameters->members[i].key);
	}
	return true;
}

/* The calldata as hex: given, or of a function with its arguments. */
static const char *
parse_data(const Doc *parameters, const char *function, const char *data, Problem *problem)
{
	const Doc  *arguments = doc_get(parameters, "args");
	const Doc  *abi = doc_get(parameters, "abi");
	Request		request = {0};
	Bytes		bytes;

	if ((function != NULL) == (data != NULL))
	{
		problem_set(problem, "", "either function or data must be given");
		return NULL;
	}
	if (data != NULL)
	{
		if (arguments != NULL && arguments->kind != DOC_NULL)
		{
			problem_set(problem, "args", "needs a function");
			return NULL;
		}
		return hex_parse(data, strlen(data), &bytes, "data", problem) ? data : NULL;
	}
	request.abi = doc_is(abi, DOC_NULL) ? NULL : abi;
	if (!request_set_call(&request, function, arguments, problem))
		return NULL;
	return hex_text(request.data.data, request.data.length);
}

/* An address in its text form, or NULL where it isn't there. */
static bool
take_address(const Doc *parameters, const char *name, const char **text, Problem *problem)
{
	const Doc  *value = doc_get(parameters, name);
	uint8		address[ADDRESS_LENGTH];
	char	   *copy;

	*text = NULL;
	if (value == NULL || value->kind == DOC_NULL)
		return true;
	if (!address_from_doc(value, address, name, problem))
		return false;
	copy = palloc(ADDRESS_TEXT_SIZE);
	address_write(address, copy);
	*text = copy;
	return true;
}

const Doc *
outside_call_parse(const Doc *parameters, Problem *problem)
{
	const Doc  *block = doc_get(parameters, "block");
	const Doc  *abi = doc_get(parameters, "abi");
	const char *chain;
	const char *function;
	const char *data;
	const char *to;
	const char *from;
	const char *at = "latest";
	Doc		   *request;

	if (!check_members(parameters, problem) ||
		!take_text(parameters, "chain", &chain, problem) ||
		!take_text(parameters, "function", &function, problem) ||
		!take_text(parameters, "data", &data, problem) ||
		!take_address(parameters, "to", &to, problem) ||
		!take_address(parameters, "from", &from, problem))
		return NULL;
	if (chain == NULL || to == NULL)
	{
		problem_set(problem, chain == NULL ? "chain" : "to", "is missing");
		return NULL;
	}
	data = parse_data(parameters, function, data, problem);
	if (data == NULL)
		return NULL;
	if (block != NULL && block->kind != DOC_NULL)
		at = block->kind == DOC_STRING || block->kind == DOC_NUMBER ? call_block(block->text) : NULL;
	if (at == NULL)
	{
		problem_set(problem, "block", "must be a number, or latest, safe, finalized, pending or earliest");
		return NULL;
	}
	request = doc_object();
	doc_object_add(request, "chain", doc_text(chain));
	doc_object_add(request, "to", doc_text(to));
	doc_object_add(request, "data", doc_text(data));
	doc_object_add(request, "block", doc_text(at));
	if (from != NULL)
		doc_object_add(request, "from", doc_text(from));
	if (function != NULL)
		doc_object_add(request, "function", doc_text(function));
	if (abi != NULL && abi->kind != DOC_NULL)
		doc_object_add(request, "abi", abi);
	return request;
}
