/*
 * bind_sign.c
 *		Checks and signatures of a batch; no tables.  See bind.h.
 */
#include "postgres.h"

#include "chain/bind.h"
#include "core/errors.h"

/* What a signature adds to the unsigned bytes at most: v, r, s and longer list prefixes. */
#define SIGNATURE_ROOM 80

void
bind_check(const BindLane *lane, BindItem *item)
{
	Problem		problem;
	ByteBuffer	unsigned_bytes;
	const char *reason;

	if (item->refusal != NULL)
		return;
	problem.message[0] = problem.where[0] = '\0';
	bytes_init(&unsigned_bytes, item->tx.input.length + 256);
	if (!evm_transaction_valid(&item->tx, &problem) ||
		!evm_transaction_encode_unsigned(&item->tx, &unsigned_bytes, &problem))
	{
		item->refusal = pstrdup(problem.message);
		return;
	}
	reason = evm_transaction_check(&item->tx, unsigned_bytes.length + SIGNATURE_ROOM, &lane->chain_number);
	if (reason != NULL)
		item->refusal = psprintf("the transaction failed the strict check %s", reason);
	mem_free(unsigned_bytes.data);
}

/* The bytes say what was meant, and were signed by the wallet. */
static bool
bytes_are_right(const BindLane *lane, const BindItem *item)
{
	EvmTransaction read;
	Problem		problem;

	problem.message[0] = problem.where[0] = '\0';
	return evm_transaction_decode(&read, item->raw.data, item->raw.length, true, &problem) &&
		memcmp(read.from, lane->key.address, ADDRESS_LENGTH) == 0 &&
		memcmp(read.hash, item->tx.hash, sizeof(read.hash)) == 0 &&
		read.type == item->tx.type &&
		read.nonce == item->tx.nonce &&
		read.gas == item->tx.gas &&
		read.has_to == item->tx.has_to &&
		(!read.has_to || memcmp(read.to, item->tx.to, ADDRESS_LENGTH) == 0) &&
		u256_compare(&read.value, &item->tx.value) == 0 &&
		read.input.length == item->tx.input.length &&
		(read.input.length == 0 || memcmp(read.input.data, item->tx.input.data, read.input.length) == 0) &&
		evm_transaction_check(&read, item->raw.length, &lane->chain_number) == NULL;
}

bool
bind_sign(const BindLane *lane, BindItem *items, int count, bool *tampered, KeyProblem *problem)
{
	uint8		(*hashes)[32] = palloc(32 * (Size) Max(count, 1));
	EvmSignature *signatures = palloc(sizeof(EvmSignature) * Max(count, 1));
	BindItem  **signing = palloc(sizeof(BindItem *) * Max(count, 1));
	int			signing_count = 0;
	Problem		failure;

	failure.message[0] = failure.where[0] = '\0';
	*tampered = false;
	for (int i = 0; i < count; i++)
	{
		if (items[i].refusal != NULL)
			continue;
		if (!evm_transaction_signing_hash(&items[i].tx, hashes[signing_count], &failure))
			problem_raise(&failure, "transaction");
		signing[signing_count++] = &items[i];
	}
	if (signing_count == 0)
		return true;
	if (!signer_keys_sign(&lane->key, signing_count, (const uint8 (*)[32]) hashes, signatures, tampered, problem))
		return false;

	for (int i = 0; i < signing_count; i++)
	{
		BindItem   *item = signing[i];

		item->tx.signature = signatures[i];
		bytes_init(&item->raw, item->tx.input.length + 256);
		if (!evm_transaction_encode_signed(&item->tx, &item->raw, &failure))
			problem_raise(&failure, "transaction");
		if (!bytes_are_right(lane, item))
			return key_problem_set(problem, "Check this machine's memory and libraries.",
								   "a signed transaction is not what was to be signed",
								   "Wallet \"%s\", nonce " UINT64_FORMAT ".", lane->wallet, item->tx.nonce);
		CHECK_FOR_INTERRUPTS();
	}
	return true;
}
