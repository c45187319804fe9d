/*
 * transaction_encode.c
 *		Transactions and delegations to bytes: what is signed, and what is sent.
 */
#include "evm/keccak.h"
#include "evm/place.h"
#include "evm/rlp.h"
#include "evm/transaction.h"

/* First byte of a versioned hash of a blob's KZG commitment (EIP-4844). */
#define VERSION_KZG 0x01

/* First byte of what the authority of a delegation signs (EIP-7702). */
#define AUTHORIZATION_MAGIC 0x05

/* v = 35 + 2 * chain id + parity must fit 256 bits: the largest chain id is 2^255 - 19. */
static bool
chain_id_fits_v(const U256 *chain_id)
{
	U256		v;
	U256		most = u256_from_u64(36);

	return u256_add(&v, chain_id, chain_id) && u256_add(&v, &v, &most);
}

bool
evm_transaction_valid(const EvmTransaction *tx, Problem *problem)
{
	if (tx->type > 4)
		return problem_set(problem, "type", "transaction type %d is not supported", tx->type);
	if (tx->nonce == UINT64_MAX)
		return problem_set(problem, "nonce", "nonce must be below 2^64 - 1 (EIP-2681)");
	if (tx->type != 0 && !tx->has_chain_id)
		return problem_set(problem, "chainId", "a transaction of type %d needs a chain id", tx->type);
	if (tx->type == 0 && tx->has_chain_id)
	{
		if (u256_is_zero(&tx->chain_id))
			return problem_set(problem, "chainId", "chain id 0 can't be signed for (EIP-155)");
		if (!chain_id_fits_v(&tx->chain_id))
			return problem_set(problem, "chainId", "chain id is too large for v (EIP-155)");
	}
	if (tx->type >= 3 && !tx->has_to)
		return problem_set(problem, "to", "a transaction of type %d can't create a contract", tx->type);
	if (tx->type == 3 && tx->blob_count == 0)
		return problem_set(problem, "blobVersionedHashes", "a transaction of type 3 needs at least one blob");
	for (uint32_t i = 0; i < tx->blob_count; i++)
	{
		Place		list = place_member(NULL, "blobVersionedHashes", 19);
		Place		element = place_element(&list, i);

		if (tx->blob_hashes[i][0] != VERSION_KZG)
			return place_set(&element, problem, "a versioned hash starts with 0x01");
	}
	if (tx->type == 4 && tx->authorization_count == 0)
		return problem_set(problem, "authorizationList",
						   "a transaction of type 4 needs at least one authorization");
	return true;
}

static void
add_access_list(const EvmTransaction *tx, ByteBuffer *out)
{
	size_t		list = rlp_begin_list(out);

	for (uint32_t i = 0; i < tx->access_count; i++)
	{
		const EvmAccess *access = &tx->access_list[i];
		size_t		entry = rlp_begin_list(out);
		size_t		keys;

		rlp_add_bytes(out, access->address, ADDRESS_LENGTH);
		keys = rlp_begin_list(out);
		for (uint32_t k = 0; k < access->key_count; k++)
			rlp_add_bytes(out, access->keys[k], 32);
		rlp_end_list(out, keys);
		rlp_end_list(out, entry);
	}
	rlp_end_list(out, list);
}

static void
add_authorizations(const EvmTransaction *tx, ByteBuffer *out)
{
	size_t		list = rlp_begin_list(out);

	for (uint32_t i = 0; i < tx->authorization_count; i++)
	{
		const EvmAuthorization *authorization = &tx->authorizations[i];
		size_t		entry = rlp_begin_list(out);

		rlp_add_u256(out, &authorization->chain_id);
		rlp_add_bytes(out, authorization->address, ADDRESS_LENGTH);
		rlp_add_u64(out, authorization->nonce);
		rlp_add_u64(out, authorization->parity);
		rlp_add_u256(out, &authorization->r);
		rlp_add_u256(out, &authorization->s);
		rlp_end_list(out, entry);
	}
	rlp_end_list(out, list);
}

static void
add_blob_fields(const EvmTransaction *tx, ByteBuffer *out)
{
	size_t		list;

	rlp_add_u256(out, &tx->max_blob_fee);
	list = rlp_begin_list(out);
	for (uint32_t i = 0; i < tx->blob_count; i++)
		rlp_add_bytes(out, tx->blob_hashes[i], 32);
	rlp_end_list(out, list);
}

/* What signed and unsigned bytes have in common, into a list that is already begun. */
static void
add_fields(const EvmTransaction *tx, ByteBuffer *out)
{
	if (tx->type != 0)
		rlp_add_u256(out, &tx->chain_id);
	rlp_add_u64(out, tx->nonce);
	if (tx->type <= 1)
		rlp_add_u256(out, &tx->gas_price);
	else
	{
		rlp_add_u256(out, &tx->max_tip);
		rlp_add_u256(out, &tx->max_fee);
	}
	rlp_add_u64(out, tx->gas);
	rlp_add_bytes(out, tx->to, tx->has_to ? ADDRESS_LENGTH : 0);
	rlp_add_u256(out, &tx->value);
	rlp_add_bytes(out, tx->input.data, tx->input.length);
	if (tx->type != 0)
		add_access_list(tx, out);
	if (tx->type == 3)
		add_blob_fields(tx, out);
	if (tx->type == 4)
		add_authorizations(tx, out);
}

bool
evm_transaction_encode_unsigned(const EvmTransaction *tx, ByteBuffer *out, Problem *problem)
{
	size_t		list;

	if (!evm_transaction_valid(tx, problem))
		return false;
	if (tx->type != 0)
		bytes_add_byte(out, tx->type);
	list = rlp_begin_list(out);
	add_fields(tx, out);
	if (tx->type == 0 && tx->has_chain_id)
	{
		rlp_add_u256(out, &tx->chain_id);
		rlp_add_u64(out, 0);
		rlp_add_u64(out, 0);
	}
	rlp_end_list(out, list);
	return bytes_complete(out, problem);
}

bool
evm_transaction_signing_hash(const EvmTransaction *tx, uint8_t hash[32], Problem *problem)
{
	ByteBuffer	buffer;
	bool		ok;

	bytes_init(&buffer, tx->input.length + 256);
	ok = evm_transaction_encode_unsigned(tx, &buffer, problem);
	if (ok)
		keccak256(buffer.data, buffer.length, hash);
	mem_free(buffer.data);
	return ok;
}

bool
evm_transaction_encode_signed(EvmTransaction *tx, ByteBuffer *out, Problem *problem)
{
	size_t		start = out->length;
	size_t		list;
	U256		number;

	if (!evm_transaction_valid(tx, problem))
		return false;
	if (tx->type != 0)
		bytes_add_byte(out, tx->type);
	list = rlp_begin_list(out);
	add_fields(tx, out);
	if (tx->type != 0)
		rlp_add_u64(out, tx->signature.parity);
	else if (!tx->has_chain_id)
		rlp_add_u64(out, 27 + (uint64_t) tx->signature.parity);
	else
	{
		U256		offset = u256_from_u64(35 + (uint64_t) tx->signature.parity);

		(void) u256_add(&number, &tx->chain_id, &tx->chain_id);
		(void) u256_add(&number, &number, &offset);
		rlp_add_u256(out, &number);
	}
	number = u256_from_bytes(tx->signature.r, 32);
	rlp_add_u256(out, &number);
	number = u256_from_bytes(tx->signature.s, 32);
	rlp_add_u256(out, &number);
	rlp_end_list(out, list);
	if (!bytes_complete(out, problem))
		return false;
	keccak256(out->data + start, out->length - start, tx->hash);
	return true;
}

bool
evm_transaction_sign(EvmTransaction *tx, const uint8_t key[32], const uint8_t *sender,
					 ByteBuffer *out, Problem *problem)
{
	uint8_t		hash[32];

	if (!evm_transaction_signing_hash(tx, hash, problem) ||
		!signature_sign(hash, key, &tx->signature, problem))
		return false;
	if (sender != NULL &&
		(!signature_recover(hash, &tx->signature, tx->from) ||
		 memcmp(tx->from, sender, ADDRESS_LENGTH) != 0))
		return problem_set(problem, NULL, "the signature does not recover to the sender");
	return evm_transaction_encode_signed(tx, out, problem);
}

void
evm_authorization_hash(const EvmAuthorization *authorization, uint8_t hash[32])
{
	ByteBuffer	buffer;
	size_t		list;

	bytes_init(&buffer, 80);
	bytes_add_byte(&buffer, AUTHORIZATION_MAGIC);
	list = rlp_begin_list(&buffer);
	rlp_add_u256(&buffer, &authorization->chain_id);
	rlp_add_bytes(&buffer, authorization->address, ADDRESS_LENGTH);
	rlp_add_u64(&buffer, authorization->nonce);
	rlp_end_list(&buffer, list);
	keccak256(buffer.data, buffer.length, hash);
	mem_free(buffer.data);
}

bool
evm_authorization_sign(EvmAuthorization *authorization, const uint8_t key[32], Problem *problem)
{
	EvmSignature signature;
	uint8_t		hash[32];

	evm_authorization_hash(authorization, hash);
	if (!signature_sign(hash, key, &signature, problem))
		return false;
	authorization->parity = signature.parity;
	authorization->r = u256_from_bytes(signature.r, 32);
	authorization->s = u256_from_bytes(signature.s, 32);
	return true;
}
