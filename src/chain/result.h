/*
 * result.h
 *		What a receipt says, as runs and users see it.
 *
 * Pure: documents in, documents out.
 */
#ifndef DALP_CHAIN_RESULT_H
#define DALP_CHAIN_RESULT_H

#include "chain/quantity.h"
#include "evm/abi.h"

/* The members of a receipt that decide anything. */
typedef struct Receipt
{
	const Doc  *doc;
	char		block_hash[HASH_TEXT_SIZE];
	int64_t		block_number;
	int			status;			/* 1 succeeded, 0 reverted */
	uint64_t	gas_used;
	bool		has_price;
	U256		price;
	const char *contract;		/* EIP-55 address that was created, or NULL */
} Receipt;

/* False where the document is no whole receipt of a transaction that is in a block. */
extern bool receipt_read(const Doc *doc, Receipt *receipt);

/*
 * {"transaction_id", "hash", "status", "block_number", "block_hash", "from",
 *  "to", "nonce", "gas_used", "effective_gas_price", "contract_address",
 *  "events": [{"name", "address", "args"} or {"address", "topics", "data"}]}.
 * Amounts and nonce are decimal strings.  contract may be NULL: no event is
 * decoded then, as is one that the ABI doesn't know.
 */
extern const Doc *result_document(int64_t request_id, const char *hash, const char *from,
								  const char *to, uint64_t nonce, const Receipt *receipt,
								  const AbiContract *contract);

/*
 * Return data of a revert in an error's "data", which clients write as hex, as
 * a text with hex at its end, or as an object around it.  False if there is none.
 */
extern bool revert_data(const Doc *error_data, Bytes *bytes);

/* Why it reverted, in words, as the cause of Chain.Reverted. */
extern const char *revert_cause(const AbiContract *contract, const Bytes *data);

#endif							/* DALP_CHAIN_RESULT_H */
