/*
 * evm_transaction.c
 *		Any bytes as a signed transaction: what is read is written again to the
 *		same bytes, also by way of its document.
 */
#include "evm/keccak.h"
#include "evm/transaction.h"

extern int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	Problem		problem = {{0}, {0}};
	EvmTransaction tx;
	EvmTransaction again;
	uint8_t		hash[32];
	uint8_t		hash_again[32];

	if ((size > 0 && data[0] == 3 ? evm_transaction_decode_blob : evm_transaction_decode)
		(&tx, data, size, true, &problem))
	{
		U256		chain_id = u256_from_u64(1);
		ByteBuffer	out;

		bytes_init(&out, 0);
		if (!evm_transaction_encode_signed(&tx, &out, &problem) || out.length != size ||
			memcmp(out.data, data, size) != 0)
			abort();
		if (!evm_transaction_from_doc(&again, evm_transaction_to_doc(&tx), &problem))
		{
			/* The one thing that may be on chain and isn't signed here: a delegation that can't count. */
			if (strstr(problem.message, "EIP-2681") == NULL)
				abort();
		}
		else if (!evm_transaction_signing_hash(&tx, hash, &problem) ||
				 !evm_transaction_signing_hash(&again, hash_again, &problem) ||
				 memcmp(hash, hash_again, 32) != 0)
			abort();
		if (!evm_transaction_hash(data, size, hash, &problem) || memcmp(hash, tx.hash, 32) != 0)
			abort();
		(void) evm_transaction_check(&tx, size, &chain_id);
		keccak256(data, size, hash);
		if (memcmp(hash, tx.hash, 32) != 0)
			abort();
	}
	else if (problem.message[0] == '\0')
		abort();
	(void) evm_transaction_hash(data, size, hash, &problem);
	mem_reset();
	return 0;
}
