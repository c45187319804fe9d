/*
 * transaction_check.c
 *		Strict checks before a transaction is signed or sent, also where a node
 *		would let it pass.
 */
#include "evm/transaction.h"

/* Yellow Paper appendix G, with EIP-2028, 2930, 3860, 7623 and 7702. */
#define GAS_TRANSACTION 21000
#define GAS_CREATE 32000
#define GAS_ZERO_BYTE 4
#define GAS_OTHER_BYTE 16
#define GAS_INITCODE_WORD 2
#define GAS_ACCESS_ADDRESS 2400
#define GAS_ACCESS_KEY 1900
#define GAS_AUTHORIZATION 25000
#define GAS_FLOOR_TOKEN 10

/* EIP-4844: of a market of its own. */
#define GAS_BLOB ((uint64_t) 1 << 17)

static uint64_t
count_zero_bytes(const EvmTransaction *tx)
{
	uint64_t	zeros = 0;

	for (size_t i = 0; i < tx->input.length; i++)
		zeros += tx->input.data[i] == 0;
	return zeros;
}

uint64_t
evm_intrinsic_gas(const EvmTransaction *tx)
{
	uint64_t	zeros = count_zero_bytes(tx);
	uint64_t	gas = GAS_TRANSACTION + zeros * GAS_ZERO_BYTE +
		(tx->input.length - zeros) * GAS_OTHER_BYTE;

	if (!tx->has_to)
		gas += GAS_CREATE + (tx->input.length + 31) / 32 * GAS_INITCODE_WORD;
	for (uint32_t i = 0; i < tx->access_count; i++)
		gas += GAS_ACCESS_ADDRESS + (uint64_t) tx->access_list[i].key_count * GAS_ACCESS_KEY;
	return gas + (uint64_t) tx->authorization_count * GAS_AUTHORIZATION;
}

uint64_t
evm_floor_gas(const EvmTransaction *tx)
{
	uint64_t	zeros = count_zero_bytes(tx);

	return GAS_TRANSACTION + GAS_FLOOR_TOKEN * (zeros + 4 * (tx->input.length - zeros));
}

bool
evm_transaction_cost(const EvmTransaction *tx, U256 *cost)
{
	U256		gas = u256_from_u64(tx->gas);
	U256		blob_gas = u256_from_u64(tx->blob_count * GAS_BLOB);
	U256		blob_cost;

	return u256_multiply(cost, &gas, tx->type <= 1 ? &tx->gas_price : &tx->max_fee) &&
		u256_add(cost, cost, &tx->value) &&
		u256_multiply(&blob_cost, &blob_gas, &tx->max_blob_fee) &&
		u256_add(cost, cost, &blob_cost);
}

const char *
evm_transaction_check(const EvmTransaction *tx, size_t size, const U256 *chain_id)
{
	U256		cost;

	if (!tx->has_chain_id || u256_is_zero(&tx->chain_id) ||
		u256_compare(&tx->chain_id, chain_id) != 0)
		return "chain_id";
	if (tx->gas < evm_intrinsic_gas(tx))
		return "intrinsic_gas";
	if (tx->gas < evm_floor_gas(tx))
		return "floor_gas";
	if (tx->gas > EVM_MAX_GAS)
		return "gas_limit";
	if (tx->type >= 2 && u256_compare(&tx->max_tip, &tx->max_fee) > 0)
		return "tip_above_cap";
	if (!evm_transaction_cost(tx, &cost))
		return "overflow";
	if (!tx->has_to && tx->input.length > EVM_MAX_INITCODE)
		return "initcode_size";
	if (size > EVM_MAX_SIZE)
		return "size";
	return NULL;
}
