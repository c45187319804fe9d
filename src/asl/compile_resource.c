/*
 * compile_resource.c
 *		The syntax of a Task's Resource; catalogs are the caller's business.
 */
#include "asl/plan.h"

#define MAX_NAME 200

static const char token_suffix[] = ".waitForTaskToken";
static const char sync_suffix[] = ".sync";

/* Letters, digits, _ and $, or a text in double quotes; returns what is behind it, NULL if it is none. */
static const char *
skip_identifier(const char *p, const char *end)
{
	const char *from = p;

	if (p < end && *p == '"')
	{
		for (p++; p < end; p++)
			if (*p == '"')
			{
				if (p + 1 < end && p[1] == '"')
					p++;
				else
					return p - from > 1 ? p + 1 : NULL;
			}
		return NULL;
	}
	while (p < end && ((*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') || *p == '_' ||
					   ((unsigned char) *p & 0x80) != 0 ||
					   (p > from && ((*p >= '0' && *p <= '9') || *p == '$'))))
		p++;
	return p > from ? p : NULL;
}

static bool
is_function_name(const char *name, size_t length)
{
	const char *end = name + length;
	const char *p = skip_identifier(name, end);

	if (p != NULL && p < end && *p == '.')
		p = skip_identifier(p + 1, end);
	return p == end;
}

/* Names of queues, workflows and signals: no blanks or control characters. */
static bool
is_name(const char *name, size_t length)
{
	if (length == 0 || length > MAX_NAME)
		return false;
	for (size_t i = 0; i < length; i++)
		if ((unsigned char) name[i] <= ' ' || name[i] == 0x7f)
			return false;
	return true;
}

static bool
take_suffix(const char *text, size_t *length, const char *suffix)
{
	size_t		own = strlen(suffix);

	if (*length < own || memcmp(text + *length - own, suffix, own) != 0)
		return false;
	*length -= own;
	return true;
}

static bool
take_prefix(const char **text, size_t *length, const char *prefix)
{
	size_t		own = strlen(prefix);

	if (*length < own || memcmp(*text, prefix, own) != 0)
		return false;
	*text += own;
	*length -= own;
	return true;
}

void
compile_resource(Compiler *compiler, AslState *state, const Where *where)
{
	const char *rest = field_text(compiler, state->source, "Resource", where);
	AslFindings *findings = compiler->findings;
	size_t		length;
	bool		token;
	bool		sync;

	state->resource = rest;
	if (rest == NULL)
	{
		if (doc_get(state->source, "Resource") == NULL)
			find_error(findings, where, NULL, "a Task needs a Resource");
		return;
	}
	length = strlen(rest);
	if (take_prefix(&rest, &length, "arn:"))
	{
		find_error(findings, where, "Resource",
				   "names a service of a cloud provider (ARN), which can't be called here; use for example \"sql:schema.function\" or \"activity:queue\"");
		return;
	}
	token = take_suffix(rest, &length, token_suffix);
	sync = !token && take_suffix(rest, &length, sync_suffix);
	if (take_prefix(&rest, &length, "sql:"))
	{
		if (!is_function_name(rest, length) || sync)
			find_error(findings, where, "Resource", "must be \"sql:schema.function\" or \"sql:function\", with or without \"%s\"", token_suffix);
	}
	else if (take_prefix(&rest, &length, "workflow:"))
	{
		if (!is_name(rest, length))
			find_error(findings, where, "Resource", "must be \"workflow:name\", with or without \"%s\" or \"%s\"", sync_suffix, token_suffix);
	}
	else if (take_prefix(&rest, &length, "http:"))
	{
		if (length != 7 || memcmp(rest, "request", 7) != 0 || sync)
			find_error(findings, where, "Resource", "must be \"http:request\", with or without \"%s\"", token_suffix);
	}
	else if (take_prefix(&rest, &length, "activity:") || take_prefix(&rest, &length, "signal:"))
	{
		if (!is_name(rest, length))
			find_error(findings, where, "Resource", "needs a name after the colon, without blanks, of at most %d bytes", MAX_NAME);
		if (token)
			find_error(findings, where, "Resource", "can't have \"%s\": it is completed by its worker or by its signal anyway", token_suffix);
		if (sync)
			find_error(findings, where, "Resource", "can't have \"%s\"", sync_suffix);
	}
	else if (take_prefix(&rest, &length, "chain:"))
	{
		if (!((length == 11 && memcmp(rest, "transaction", 11) == 0) || (length == 4 && memcmp(rest, "call", 4) == 0)) ||
			token || sync)
			find_error(findings, where, "Resource", "must be \"chain:transaction\" or \"chain:call\"");
	}
	else
		find_error(findings, where, "Resource",
				   "must begin with sql:, activity:, chain:, workflow:, http: or signal:");
}
