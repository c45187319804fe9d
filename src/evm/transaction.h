/*
 * transaction.h
 *		Transactions of the types 0 (legacy, with and without EIP-155), 1
 *		(EIP-2930), 2 (EIP-1559), 3 (EIP-4844, without its sidecars) and 4
 *		(EIP-7702): fields, bytes, signatures.
 */
#ifndef DALP_EVM_TRANSACTION_H
#define DALP_EVM_TRANSACTION_H

#include "evm/bytes.h"
#include "evm/signature.h"

typedef struct EvmAccess
{
	uint8_t		address[ADDRESS_LENGTH];
	uint32_t	key_count;
	uint8_t	  (*keys)[32];
} EvmAccess;

typedef struct EvmAuthorization
{
	U256		chain_id;		/* 0 = any */
	uint8_t		address[ADDRESS_LENGTH];
	uint64_t	nonce;
	uint8_t		parity;			/* any byte: the chain judges it, not the codec */
	U256		r;
	U256		s;
} EvmAuthorization;

typedef struct EvmTransaction
{
	uint8_t		type;			/* 0 to 4 */
	bool		has_chain_id;	/* false: legacy, as before EIP-155 */
	bool		has_to;			/* false: contract creation */
	U256		chain_id;
	uint64_t	nonce;
	uint64_t	gas;
	U256		gas_price;		/* types 0 and 1 */
	U256		max_fee;		/* types 2 to 4 */
	U256		max_tip;		/* types 2 to 4 */
	uint8_t		to[ADDRESS_LENGTH];
	U256		value;
	Bytes		input;
	uint32_t	access_count;
	EvmAccess  *access_list;
	uint32_t	authorization_count;
	EvmAuthorization *authorizations;
	U256		max_blob_fee;	/* type 3 */
	uint32_t	blob_count;		/* type 3 */
	uint8_t	  (*blob_hashes)[32];

	/* of a signed one */
	EvmSignature signature;
	uint8_t		hash[32];
	uint8_t		from[ADDRESS_LENGTH];
} EvmTransaction;

/* ---- transaction_encode.c ---- */

/* What the codec can't write: nonce 2^64 - 1, a chain id that v can't hold, type 3 or 4 without to … */
extern bool evm_transaction_valid(const EvmTransaction *tx, Problem *problem);

/* The bytes whose keccak is signed, and that hash. */
extern bool evm_transaction_encode_unsigned(const EvmTransaction *tx, ByteBuffer *out,
											Problem *problem);
extern bool evm_transaction_signing_hash(const EvmTransaction *tx, uint8_t hash[32],
										 Problem *problem);

/* The bytes to send, from the fields and the signature; and the hash of them in tx->hash. */
extern bool evm_transaction_encode_signed(EvmTransaction *tx, ByteBuffer *out, Problem *problem);

/*
 * Signs: fills signature and hash, and appends the bytes to send.  Where
 * "sender" isn't NULL the signature is verified by recovering it, and tx->from
 * is set.
 */
extern bool evm_transaction_sign(EvmTransaction *tx, const uint8_t key[32],
								 const uint8_t *sender, ByteBuffer *out, Problem *problem);

/*
 * EIP-7702: what the authority of a delegation signs (chain id, address and
 * nonce of the tuple), and the tuple signed.
 */
extern void evm_authorization_hash(const EvmAuthorization *authorization, uint8_t hash[32]);
extern bool evm_authorization_sign(EvmAuthorization *authorization, const uint8_t key[32],
								   Problem *problem);

/* ---- transaction_decode.c ---- */

/*
 * Signed raw bytes to fields and hash, strictly; the transaction points into
 * the data.  With "recover" also the sender.  The first takes all types but 3,
 * the second only that, alone and not in its network form.
 */
extern bool evm_transaction_decode(EvmTransaction *tx, const uint8_t *data, size_t length,
								   bool recover, Problem *problem);
extern bool evm_transaction_decode_blob(EvmTransaction *tx, const uint8_t *data, size_t length,
										bool recover, Problem *problem);

/*
 * The hash of signed raw bytes.  A blob transaction (EIP-4844) is taken too,
 * alone or in its network form, whose sidecars aren't part of the hash.
 */
extern bool evm_transaction_hash(const uint8_t *data, size_t length, uint8_t hash[32],
								 Problem *problem);

/* ---- transaction_json.c ---- */

extern bool evm_transaction_from_doc(EvmTransaction *tx, const Doc *doc, Problem *problem);
extern const Doc *evm_transaction_to_doc(const EvmTransaction *tx);
extern bool evm_authorization_from_doc(EvmAuthorization *authorization, const Doc *doc,
									   bool is_signed, const char *where, Problem *problem);
extern const Doc *evm_authorization_to_doc(const EvmAuthorization *authorization);

/* ---- transaction_check.c ---- */

/* EIP-7623, EIP-3860, EIP-7825; geth's limit for a transaction in its pool. */
#define EVM_MAX_INITCODE 49152
#define EVM_MAX_GAS ((uint64_t) 1 << 24)
#define EVM_MAX_SIZE (128 * 1024)

/* Gas that is charged before anything runs; and the floor of EIP-7623. */
extern uint64_t evm_intrinsic_gas(const EvmTransaction *tx);
extern uint64_t evm_floor_gas(const EvmTransaction *tx);

/*
 * The first strict check that a decoded transaction of "size" raw bytes fails:
 * "chain_id", "intrinsic_gas", "floor_gas", "gas_limit", "tip_above_cap",
 * "overflow", "initcode_size" or "size"; NULL if it passes all.
 */
extern const char *evm_transaction_check(const EvmTransaction *tx, size_t size,
										 const U256 *chain_id);

/* value + gas * fee, and blob gas * its fee: false past 2^256 - 1. */
extern bool evm_transaction_cost(const EvmTransaction *tx, U256 *cost);

#endif							/* DALP_EVM_TRANSACTION_H */
