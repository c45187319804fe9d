/*
 * rpc_class.c
 *		What an endpoint's refusal means: pure, no server.
 */

#include "chain/rpc_class.h"

/* Longer messages are cut before they are compared: rules look for short texts near the start. */
#define MESSAGE_COMPARED 1024

static const char *const class_names[] = {
	[RPC_CLASS_ACCEPTED] = "accepted",
	[RPC_CLASS_KNOWN] = "known",
	[RPC_CLASS_NONCE_LOW] = "nonce_low",
	[RPC_CLASS_NONCE_HIGH] = "nonce_high",
	[RPC_CLASS_REPLACEMENT_UNDERPRICED] = "replacement_underpriced",
	[RPC_CLASS_UNDERPRICED] = "underpriced",
	[RPC_CLASS_BELOW_BASE] = "below_base",
	[RPC_CLASS_POOL_FULL] = "pool_full",
	[RPC_CLASS_FUNDS] = "funds",
	[RPC_CLASS_NODE_CAP] = "node_cap",
	[RPC_CLASS_PERMANENT] = "permanent",
	[RPC_CLASS_CONFIG] = "config",
	[RPC_CLASS_SYNCING] = "syncing",
	[RPC_CLASS_RATE] = "rate",
	[RPC_CLASS_REVERTED] = "reverted",
	[RPC_CLASS_AMBIGUOUS] = "ambiguous"
};

const char *
rpc_class_name(RpcClass class)
{
	return class_names[class];
}

bool
rpc_class_parse(const char *name, RpcClass *class)
{
	for (size_t i = 0; i < lengthof(class_names); i++)
		if (strcmp(name, class_names[i]) == 0)
		{
			*class = (RpcClass) i;
			return true;
		}
	return false;
}

RpcClass
rpc_classify(const RpcRule *rules, int rule_count, const char *client,
			 int64_t code, const char *message)
{
	char		lowered[MESSAGE_COMPARED];
	size_t		length = 0;

	/* ASCII only, whatever the locale: rules are ASCII. */
	for (const char *c = message; *c != '\0' && length < sizeof(lowered) - 1; c++)
		lowered[length++] = *c >= 'A' && *c <= 'Z' ? (char) (*c - 'A' + 'a') : *c;
	lowered[length] = '\0';

	for (int i = 0; i < rule_count; i++)
	{
		const RpcRule *rule = &rules[i];

		if (rule->client != NULL && strncmp(client, rule->client, strlen(rule->client)) != 0)
			continue;
		if (rule->has_code && rule->code != code)
			continue;
		if (strstr(lowered, rule->pattern) != NULL)
			return rule->class;
	}
	return RPC_CLASS_AMBIGUOUS;
}
