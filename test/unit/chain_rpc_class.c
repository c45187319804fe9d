/*
 * chain_rpc_class.c
 *		Promise: each rule that comes with dalp is reachable, and the exact texts
 *		of clients are read as what they mean.
 *
 * Links: src/chain/rpc_class.c
 */
#include "chain/rpc_class.h"
#include "core/document.h"

#include "check.h"

#define RULES_FILE "sql/install/36_rpc_error_rules.sql"
#define MAX_RULES 400

static RpcRule rules[MAX_RULES];
static int	rule_count = 0;

/* One SQL value of a row: NULL, a number or a quoted text; returns what follows its comma. */
static char *
value(char *at, char **text)
{
	while (*at == ' ')
		at++;
	if (*at == '\'')
	{
		char	   *out = *text = ++at;

		while (*at != '\'' || at[1] == '\'')
		{
			if (*at == '\'')
				at++;
			*out++ = *at++;
		}
		at++;
		*out = '\0';
	}
	else
	{
		*text = strncmp(at, "NULL", 4) == 0 ? NULL : at;
		at += strcspn(at, ",)");
	}
	if (*at == ',')
		*at++ = '\0';
	return at;
}

static void
read_rules(void)
{
	static char line[MAX_RULES][300];
	FILE	   *file = fopen(RULES_FILE, "r");

	while (file != NULL && rule_count < MAX_RULES && fgets(line[rule_count], sizeof(line[0]), file) != NULL)
	{
		RpcRule    *rule = &rules[rule_count];
		char	   *at = line[rule_count];
		char	   *field[5];

		if (strncmp(at, "\t(", 2) != 0)
			continue;
		at += 2;
		for (int i = 0; i < 5; i++)
			at = value(at, &field[i]);
		rule->client = field[1];
		rule->has_code = field[2] != NULL;
		rule->code = field[2] == NULL ? 0 : strtol(field[2], NULL, 10);
		rule->pattern = field[3];
		if (!rpc_class_parse(field[4], &rule->class))
			check(false, "%s is a class", field[4]);
		rule_count++;
	}
	if (file != NULL)
		fclose(file);
	check(rule_count > 100, "%d rules", rule_count);
}

static void
reads(const char *client, int64_t code, const char *message, RpcClass expected)
{
	RpcClass	class = rpc_classify(rules, rule_count, client, code, message);

	check(class == expected, "%s %d \"%s\" is %s, expected %s", client, (int) code, message, rpc_class_name(class), rpc_class_name(expected));
}

int
main(void)
{
	read_rules();

	/* No rule is hidden behind another one of a different class. */
	for (int i = 0; i < rule_count; i++)
	{
		const RpcRule *rule = &rules[i];
		RpcClass	class = rpc_classify(rules, rule_count, rule->client != NULL ? rule->client : "",
										 rule->has_code ? rule->code : -32000, rule->pattern);

		check(class == rule->class, "rule \"%s\" %d gives %s", rule->pattern, (int) rule->code, rpc_class_name(rule->class));
	}

	reads("geth", -32000, "already known", RPC_CLASS_KNOWN);
	reads("besu", -32000, "Known transaction", RPC_CLASS_KNOWN);
	reads("anvil", -32003, "transaction already imported", RPC_CLASS_KNOWN);
	reads("zksync", -32000, "known transaction. transaction with hash 0x12 is already in the system", RPC_CLASS_KNOWN);
	reads("any", -32000, "Unknown transaction", RPC_CLASS_AMBIGUOUS);
	reads("geth", -32000, "nonce too low: next nonce 7, tx nonce 3", RPC_CLASS_NONCE_LOW);
	reads("besu", -32001, "Nonce too low", RPC_CLASS_NONCE_LOW);
	reads("proxy", -32603, "Internal error: nonce too low", RPC_CLASS_NONCE_LOW);
	reads("parity", -32010, "Transaction nonce is too low. Try incrementing the nonce.", RPC_CLASS_NONCE_LOW);
	reads("besu", -32000, "Transaction nonce is too distant from current sender nonce", RPC_CLASS_NONCE_HIGH);
	reads("geth", -32000, "replacement transaction underpriced", RPC_CLASS_REPLACEMENT_UNDERPRICED);
	reads("geth", -32000, "transaction underpriced", RPC_CLASS_UNDERPRICED);
	reads("besu", -32009, "Gas price below configured minimum gas price", RPC_CLASS_UNDERPRICED);
	reads("anvil", -32003, "max fee per gas less than block base fee", RPC_CLASS_BELOW_BASE);
	reads("besu", -32009, "Gas price below current base fee", RPC_CLASS_BELOW_BASE);
	reads("reth", -32003, "txpool is full", RPC_CLASS_POOL_FULL);
	reads("erigon", -32000, "INTERNAL_ERROR: pending sub-pool is full", RPC_CLASS_POOL_FULL);
	reads("geth", -32000, "account limit exceeded: pooled 64 txs", RPC_CLASS_POOL_FULL);
	reads("geth", -32000, "insufficient funds for gas * price + value: balance 1, tx cost 2, overshot 1", RPC_CLASS_FUNDS);
	reads("besu", -32004, "Upfront cost exceeds account balance", RPC_CLASS_FUNDS);
	reads("geth", -32000, "tx fee (2.00 ether) exceeds the configured cap (1.00 ether)", RPC_CLASS_NODE_CAP);
	reads("geth", -32000, "intrinsic gas too low: gas 1, minimum needed 21000", RPC_CLASS_PERMANENT);
	reads("besu", -32003, "Intrinsic gas exceeds gas limit", RPC_CLASS_PERMANENT);
	reads("anvil", -32602, "Failed to decode transaction", RPC_CLASS_PERMANENT);
	reads("geth", -32000, "invalid sender: invalid chain id for signer: have 1 want 5", RPC_CLASS_CONFIG);
	reads("besu", -32007, "Sender account not authorized to send transactions", RPC_CLASS_CONFIG);
	reads("besu", -32008, "Initial sync is still in progress", RPC_CLASS_SYNCING);
	reads("infura", -32005, "daily request count exceeded, request rate limited", RPC_CLASS_RATE);
	reads("geth", 3, "execution reverted: not owner", RPC_CLASS_REVERTED);
	reads("besu", 3, "Execution reverted", RPC_CLASS_REVERTED);
	reads("any", -32000, "", RPC_CLASS_AMBIGUOUS);
	reads("any", -32603, "Internal error", RPC_CLASS_AMBIGUOUS);
	return check_done();
}
