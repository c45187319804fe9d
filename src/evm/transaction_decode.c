/*
 * transaction_decode.c
 *		Signed raw bytes to a transaction, strictly.
 *
 * Nodes differ in what they let pass; here only the one canonical form of a
 * transaction is read, so that bytes and hash identify each other.
 */
#include "evm/keccak.h"
#include "evm/rlp.h"
#include "evm/transaction.h"

#define TYPE_BLOB 3

/* No block is as large as this; it also bounds the memory that decoding takes. */
#define MAX_LENGTH ((size_t) 16 * 1024 * 1024)

/* Least bytes of an entry: one less means a broken list, found before its end. */
#define ACCESS_LEAST 23
#define AUTHORIZATION_LEAST 27
#define KEY_LEAST 33

/* Room for the entries of a list, and for the one that turns out to be broken. */
static size_t
most_entries(const RlpReader *list, size_t least)
{
	return (size_t) (list->end - list->next) / least + 1;
}

static bool
read_access_list(RlpReader *fields, EvmTransaction *tx, Problem *problem)
{
	RlpReader	list;

	if (!rlp_next_list(fields, &list, "accessList", problem))
		return false;
	tx->access_list = mem_alloc(most_entries(&list, ACCESS_LEAST) * sizeof(EvmAccess));
	tx->access_count = 0;
	while (!rlp_at_end(&list))
	{
		EvmAccess  *access = &tx->access_list[tx->access_count++];
		RlpReader	entry;
		RlpReader	keys;

		base_check_interrupts();
		if (!rlp_next_list(&list, &entry, "accessList", problem) ||
			!rlp_next_exact(&entry, access->address, ADDRESS_LENGTH, "accessList address", problem) ||
			!rlp_next_list(&entry, &keys, "accessList storageKeys", problem))
			return false;
		access->key_count = 0;
		access->keys = mem_alloc(most_entries(&keys, KEY_LEAST) * 32);
		while (!rlp_at_end(&keys))
		{
			if (!rlp_next_exact(&keys, access->keys[access->key_count++], 32,
								"accessList storageKeys", problem))
				return false;
		}
		if (!rlp_finish(&entry, "entry of accessList", problem))
			return false;
	}
	return true;
}

static bool
read_authorizations(RlpReader *fields, EvmTransaction *tx, Problem *problem)
{
	static const char what[] = "authorizationList";
	RlpReader	list;

	if (!rlp_next_list(fields, &list, what, problem))
		return false;
	tx->authorizations = mem_alloc(most_entries(&list, AUTHORIZATION_LEAST) * sizeof(EvmAuthorization));
	tx->authorization_count = 0;
	while (!rlp_at_end(&list))
	{
		EvmAuthorization *authorization = &tx->authorizations[tx->authorization_count++];
		RlpReader	entry;
		uint64_t	parity;

		base_check_interrupts();
		if (!rlp_next_list(&list, &entry, what, problem) ||
			!rlp_next_u256(&entry, &authorization->chain_id, "authorizationList chainId", problem) ||
			!rlp_next_exact(&entry, authorization->address, ADDRESS_LENGTH,
							"authorizationList address", problem) ||
			!rlp_next_u64(&entry, &authorization->nonce, "authorizationList nonce", problem) ||
			!rlp_next_u64(&entry, &parity, "authorizationList yParity", problem) ||
			!rlp_next_u256(&entry, &authorization->r, "authorizationList r", problem) ||
			!rlp_next_u256(&entry, &authorization->s, "authorizationList s", problem) ||
			!rlp_finish(&entry, "entry of authorizationList", problem))
			return false;
		if (parity > UINT8_MAX)
			return problem_set(problem, "authorizationList yParity", "y parity is larger than 8 bits");
		authorization->parity = (uint8_t) parity;
	}
	return true;
}

static bool
read_to(RlpReader *fields, EvmTransaction *tx, Problem *problem)
{
	Bytes		to;

	if (!rlp_next_bytes(fields, &to, "to", problem))
		return false;
	if (to.length != 0 && to.length != ADDRESS_LENGTH)
		return problem_set(problem, "to", "expected 20 bytes or none, got %zu", to.length);
	tx->has_to = to.length != 0;
	if (tx->has_to)
		memcpy(tx->to, to.data, ADDRESS_LENGTH);
	return true;
}

/* What only a blob transaction has (EIP-4844). */
static bool
read_blob_fields(RlpReader *fields, EvmTransaction *tx, Problem *problem)
{
	RlpReader	hashes;

	if (!rlp_next_u256(fields, &tx->max_blob_fee, "maxFeePerBlobGas", problem) ||
		!rlp_next_list(fields, &hashes, "blobVersionedHashes", problem))
		return false;
	tx->blob_hashes = mem_alloc(most_entries(&hashes, KEY_LEAST) * 32);
	while (!rlp_at_end(&hashes))
	{
		base_check_interrupts();
		if (!rlp_next_exact(&hashes, tx->blob_hashes[tx->blob_count++], 32,
							"blobVersionedHashes", problem))
			return false;
	}
	return true;
}

/* v of a legacy transaction: 27, 28, or 35 + 2 * chain id + parity with a chain id of at least 1. */
static bool
read_v(RlpReader *fields, EvmTransaction *tx, Problem *problem)
{
	U256		v;
	U256		offset = u256_from_u64(35);
	U256		rest;

	if (!rlp_next_u256(fields, &v, "v", problem))
		return false;
	if (u256_fits_u64(&v) && (v.limb[0] == 27 || v.limb[0] == 28))
	{
		tx->has_chain_id = false;
		tx->signature.parity = (uint8_t) (v.limb[0] - 27);
		return true;
	}
	if (!u256_subtract(&rest, &v, &offset) ||
		(tx->signature.parity = (uint8_t) u256_divide_u64(&tx->chain_id, &rest, 2),
		 u256_is_zero(&tx->chain_id)))
		return problem_set(problem, "v", "v must be 27, 28, or 35 + 2 * chain id + parity with a chain id of at least 1");
	tx->has_chain_id = true;
	return true;
}

static bool
read_signature(RlpReader *fields, EvmTransaction *tx, Problem *problem)
{
	U256		r;
	U256		s;

	if (tx->type == 0)
	{
		if (!read_v(fields, tx, problem))
			return false;
	}
	else
	{
		uint64_t	parity;

		if (!rlp_next_u64(fields, &parity, "yParity", problem))
			return false;
		if (parity > 1)
			return problem_set(problem, "yParity", "y parity must be 0 or 1");
		tx->signature.parity = (uint8_t) parity;
	}
	if (!rlp_next_u256(fields, &r, "r", problem) || !rlp_next_u256(fields, &s, "s", problem) ||
		!rlp_finish(fields, "signature", problem))
		return false;
	u256_to_bytes(&r, tx->signature.r);
	u256_to_bytes(&s, tx->signature.s);
	if (!signature_in_range(&tx->signature))
		return problem_set(problem, "signature", "r and s must be from 1 to n - 1");
	if (!signature_is_low(&tx->signature))
		return problem_set(problem, "s", "s is in the upper half (EIP-2)");
	return true;
}

/* The fields of a transaction of tx->type, and nothing else. */
static bool
read_fields(RlpReader *fields, EvmTransaction *tx, Problem *problem)
{
	if (tx->type != 0)
	{
		if (!rlp_next_u256(fields, &tx->chain_id, "chainId", problem))
			return false;
		tx->has_chain_id = true;
	}
	if (!rlp_next_u64(fields, &tx->nonce, "nonce", problem))
		return false;
	if (tx->type <= 1)
	{
		if (!rlp_next_u256(fields, &tx->gas_price, "gasPrice", problem))
			return false;
	}
	else if (!rlp_next_u256(fields, &tx->max_tip, "maxPriorityFeePerGas", problem) ||
			 !rlp_next_u256(fields, &tx->max_fee, "maxFeePerGas", problem))
		return false;
	if (!rlp_next_u64(fields, &tx->gas, "gas", problem) ||
		!read_to(fields, tx, problem) ||
		!rlp_next_u256(fields, &tx->value, "value", problem) ||
		!rlp_next_bytes(fields, &tx->input, "input", problem))
		return false;
	if (tx->type != 0 && !read_access_list(fields, tx, problem))
		return false;
	if (tx->type == TYPE_BLOB && !read_blob_fields(fields, tx, problem))
		return false;
	if (tx->type == 4 && !read_authorizations(fields, tx, problem))
		return false;
	return read_signature(fields, tx, problem);
}

/* Type, and the list of fields that is all of the rest. */
static bool
read_envelope(EvmTransaction *tx, const uint8_t *data, size_t length, RlpReader *fields,
			  Problem *problem)
{
	RlpReader	reader;

	memset(tx, 0, sizeof(*tx));
	if (length == 0)
		return problem_set(problem, "byte 0", "there is no transaction in no bytes");
	if (length > MAX_LENGTH)
		return problem_set(problem, "raw", "a transaction has at most %zu bytes", MAX_LENGTH);
	rlp_reader_init(&reader, data, length);
	if (data[0] < 0xc0)
	{
		tx->type = data[0];
		if (tx->type == 0 || tx->type > 4)
			return problem_set(problem, "byte 0", "unknown transaction type %d", data[0]);
		reader.next++;
	}
	return rlp_next_list(&reader, fields, "transaction", problem) &&
		rlp_finish(&reader, "transaction", problem);
}

/* The fields of an envelope, which "data" is all of; its hash, and its sender if asked for. */
static bool
read_transaction(EvmTransaction *tx, RlpReader *fields, const uint8_t *data, size_t length,
				 bool recover, Problem *problem)
{
	uint8_t		hash[32];

	if (!read_fields(fields, tx, problem) || !evm_transaction_valid(tx, problem))
		return false;
	keccak256(data, length, tx->hash);
	if (!recover)
		return true;
	if (!evm_transaction_signing_hash(tx, hash, problem))
		return false;
	return signature_recover(hash, &tx->signature, tx->from) ||
		problem_set(problem, "signature", "no sender can be recovered");
}

bool
evm_transaction_decode(EvmTransaction *tx, const uint8_t *data, size_t length,
					   bool recover, Problem *problem)
{
	RlpReader	fields;

	if (!read_envelope(tx, data, length, &fields, problem))
		return false;
	if (tx->type == TYPE_BLOB)
		return problem_set(problem, "byte 0", "blob transactions (type 3) are not supported");
	return read_transaction(tx, &fields, data, length, recover, problem);
}

/* In the network form the transaction is the first of the fields, and sidecars follow. */
static bool
is_network_form(const RlpReader *fields)
{
	RlpReader	peek = *fields;
	RlpItem		item;

	return rlp_next(&peek, &item, NULL) && item.is_list;
}

bool
evm_transaction_decode_blob(EvmTransaction *tx, const uint8_t *data, size_t length,
							bool recover, Problem *problem)
{
	RlpReader	fields;

	if (!read_envelope(tx, data, length, &fields, problem))
		return false;
	if (tx->type != TYPE_BLOB)
		return problem_set(problem, "byte 0", "a transaction of type %d is no blob transaction", tx->type);
	if (is_network_form(&fields))
		return problem_set(problem, "raw", "the network form, with sidecars, is not decoded");
	return read_transaction(tx, &fields, data, length, recover, problem);
}

bool
evm_transaction_hash(const uint8_t *data, size_t length, uint8_t hash[32], Problem *problem)
{
	static const uint8_t type = TYPE_BLOB;
	EvmTransaction tx;
	RlpReader	fields;
	RlpReader	body;
	RlpItem		item;
	Keccak		keccak;
	const uint8_t *begin;

	if (!read_envelope(&tx, data, length, &fields, problem))
		return false;
	if (tx.type != TYPE_BLOB || !is_network_form(&fields))
	{
		if (!read_fields(&fields, &tx, problem) || !evm_transaction_valid(&tx, problem))
			return false;
		keccak256(data, length, hash);
		return true;
	}
	begin = fields.next;
	if (!rlp_next_list(&fields, &body, "transaction", problem))
		return false;
	keccak_init(&keccak);
	keccak_update(&keccak, &type, 1);
	keccak_update(&keccak, begin, (size_t) (fields.next - begin));
	keccak_final(&keccak, hash);
	if (!read_fields(&body, &tx, problem) || !evm_transaction_valid(&tx, problem))
		return false;
	while (!rlp_at_end(&fields))
	{
		if (!rlp_next(&fields, &item, problem))
			return false;
	}
	return true;
}
