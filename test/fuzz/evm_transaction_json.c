/*
 * evm_transaction_json.c
 *		JSON as a transaction: what can be encoded can be signed, and comes back.
 */
#include "evm/transaction.h"

extern int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t key[32] = {[31] = 1};
	static const uint8_t sender[ADDRESS_LENGTH] = {
		0x7e, 0x5f, 0x45, 0x52, 0x09, 0x1a, 0x69, 0x12, 0x5d, 0x5d,
		0xfc, 0xb7, 0xb8, 0xc2, 0x65, 0x90, 0x29, 0x39, 0x5b, 0xdf
	};
	Problem		problem = {{0}, {0}};
	const Doc  *doc = doc_parse((const char *) data, size, &problem);
	EvmTransaction tx;
	EvmTransaction again;
	EvmAuthorization authorization;
	ByteBuffer	out;

	if (doc != NULL && evm_transaction_from_doc(&tx, doc, &problem))
	{
		bytes_init(&out, 0);
		if (!evm_transaction_sign(&tx, key, sender, &out, &problem) ||
			!(tx.type == 3 ? evm_transaction_decode_blob : evm_transaction_decode)
			(&again, out.data, out.length, true, &problem) ||
			memcmp(again.from, sender, ADDRESS_LENGTH) != 0)
			abort();
	}
	else if (problem.message[0] == '\0')
		abort();
	if (doc != NULL)
		(void) evm_authorization_from_doc(&authorization, doc, true, "authorization", &problem);
	mem_reset();
	return 0;
}
