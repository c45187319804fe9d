/*
 * transaction_json.c
 *		Transactions as documents, in the names of JSON-RPC.
 */
#include "evm/hex.h"
#include "evm/integer.h"
#include "evm/place.h"
#include "evm/transaction.h"

/* Entries of one list; far more than a transaction that decodes can have. */
#define MAX_ENTRIES (1 << 20)

/* A member that is there and isn't null. */
static const Doc *
member(const Doc *doc, const char *name)
{
	const Doc  *value = doc_get(doc, name);

	return doc_is(value, DOC_NULL) ? NULL : value;
}

static bool
check_members(const Doc *doc, const char *const *known, size_t count, const Place *place,
			  Problem *problem)
{
	for (uint32_t i = 0; i < doc->length; i++)
	{
		const DocMember *found = &doc->members[i];
		bool		ok = false;

		for (size_t k = 0; k < count && !ok; k++)
			ok = found->key_length == strlen(known[k]) &&
				memcmp(found->key, known[k], found->key_length) == 0;
		if (!ok)
		{
			Place		at = place_member(place, found->key, found->key_length);

			return place_set(&at, problem, "unknown member");
		}
	}
	return true;
}

/* An unsigned integer, 0 where absent. */
static bool
get_u256(const Doc *doc, const char *name, const Place *place, U256 *value, Problem *problem)
{
	const Doc  *found = member(doc, name);
	Place		at = place_member(place, name, (uint32_t) strlen(name));

	*value = u256_from_u64(0);
	if (found != NULL && !integer_from_doc_unsigned(found, value, NULL, problem))
		return place_fail(&at, problem);
	return true;
}

static bool
get_u64(const Doc *doc, const char *name, const Place *place, uint64_t *value, Problem *problem)
{
	const Doc  *found = member(doc, name);
	Place		at = place_member(place, name, (uint32_t) strlen(name));

	*value = 0;
	if (found != NULL && !integer_from_doc_u64(found, value, NULL, problem))
		return place_fail(&at, problem);
	return true;
}

static bool
get_array(const Doc *doc, const char *name, const Doc **array, Problem *problem)
{
	*array = member(doc, name);
	if (*array != NULL && (*array)->kind != DOC_ARRAY)
		return problem_set(problem, name, "expected an array");
	if (*array != NULL && (*array)->length > MAX_ENTRIES)
		return problem_set(problem, name, "more than %d entries", MAX_ENTRIES);
	return true;
}

static bool
get_gas(EvmTransaction *tx, const Doc *doc, Problem *problem)
{
	uint64_t	other;

	if (!get_u64(doc, "gas", NULL, &tx->gas, problem) ||
		!get_u64(doc, "gasLimit", NULL, &other, problem))
		return false;
	if (member(doc, "gasLimit") == NULL)
		return true;
	if (member(doc, "gas") != NULL && tx->gas != other)
		return problem_set(problem, "gasLimit", "gas and gasLimit differ");
	tx->gas = other;
	return true;
}

static bool
get_bytes(const Doc *doc, const char *name, Bytes *bytes, Problem *problem)
{
	const Doc  *found = member(doc, name);

	bytes->data = (const uint8_t *) "";
	bytes->length = 0;
	if (found == NULL)
		return true;
	if (found->kind != DOC_STRING)
		return problem_set(problem, name, "expected bytes as a string of 0x and hex digits");
	return hex_parse(found->text, found->length, bytes, name, problem);
}

static bool
get_input(EvmTransaction *tx, const Doc *doc, Problem *problem)
{
	Bytes		other;

	if (!get_bytes(doc, "input", &tx->input, problem) || !get_bytes(doc, "data", &other, problem))
		return false;
	if (member(doc, "data") == NULL)
		return true;
	if (member(doc, "input") != NULL &&
		(tx->input.length != other.length ||
		 memcmp(tx->input.data, other.data, other.length) != 0))
		return problem_set(problem, "data", "input and data differ");
	tx->input = other;
	return true;
}

/* The smallest type that has all the members. */
static bool
get_type(EvmTransaction *tx, const Doc *doc, Problem *problem)
{
	uint64_t	type;

	if (member(doc, "type") != NULL)
	{
		if (!get_u64(doc, "type", NULL, &type, problem))
			return false;
		if (type > 4)
			return problem_set(problem, "type", "type must be from 0 to 4");
		tx->type = (uint8_t) type;
	}
	else if (member(doc, "authorizationList") != NULL)
		tx->type = 4;
	else if (member(doc, "maxFeePerBlobGas") != NULL || member(doc, "blobVersionedHashes") != NULL)
		tx->type = 3;
	else if (member(doc, "maxFeePerGas") != NULL || member(doc, "maxPriorityFeePerGas") != NULL)
		tx->type = 2;
	else if (member(doc, "accessList") != NULL)
		tx->type = 1;
	return true;
}

static bool
refuse_members_of_other_types(const EvmTransaction *tx, const Doc *doc, Problem *problem)
{
	static const char *const fees[] = {"maxFeePerGas", "maxPriorityFeePerGas"};
	static const char *const blobs[] = {"maxFeePerBlobGas", "blobVersionedHashes"};

	for (size_t i = 0; i < lengthof(fees); i++)
	{
		if (tx->type < 2 && member(doc, fees[i]) != NULL)
			return problem_set(problem, fees[i], "a transaction of type %d has none", tx->type);
	}
	for (size_t i = 0; i < lengthof(blobs); i++)
	{
		if (tx->type != 3 && member(doc, blobs[i]) != NULL)
			return problem_set(problem, blobs[i], "a transaction of type %d has none", tx->type);
	}
	if (tx->type >= 2 && member(doc, "gasPrice") != NULL)
		return problem_set(problem, "gasPrice", "a transaction of type %d has none", tx->type);
	if (tx->type == 0 && member(doc, "accessList") != NULL)
		return problem_set(problem, "accessList", "a transaction of type 0 has none");
	if (tx->type != 4 && member(doc, "authorizationList") != NULL)
		return problem_set(problem, "authorizationList", "a transaction of type %d has none", tx->type);
	return true;
}

/* Fills an allocated array of 32-byte values from an array of hex texts; counts how far it came. */
static bool
words_from_doc(const Doc *array, uint8_t (*words)[32], uint32_t *count, const Place *place,
			   Problem *problem)
{
	for (uint32_t i = 0; i < array->length; i++)
	{
		Place		element = place_element(place, i);

		if (array->items[i]->kind != DOC_STRING)
			return place_set(&element, problem, "expected 32 bytes as a string of 0x and hex digits");
		if (!hex_parse_exact(array->items[i]->text, array->items[i]->length, words[(*count)++], 32,
							 NULL, problem))
			return place_fail(&element, problem);
	}
	return true;
}

static bool
access_from_doc(EvmAccess *access, const Doc *doc, const Place *place, Problem *problem)
{
	static const char *const known[] = {"address", "storageKeys"};
	Place		at = place_member(place, "address", 7);
	const Doc  *keys = member(doc, "storageKeys");

	if (!doc_is(doc, DOC_OBJECT))
		return place_set(place, problem, "expected an object with address and storageKeys");
	if (!check_members(doc, known, lengthof(known), place, problem))
		return false;
	if (!address_from_doc(member(doc, "address"), access->address, NULL, problem))
		return place_fail(&at, problem);
	at = place_member(place, "storageKeys", 11);
	access->key_count = 0;
	access->keys = NULL;
	if (keys == NULL)
		return true;
	if (keys->kind != DOC_ARRAY || keys->length > MAX_ENTRIES)
		return place_set(&at, problem, "expected an array of at most %d entries", MAX_ENTRIES);
	access->keys = mem_alloc((size_t) keys->length * 32 + 1);
	return words_from_doc(keys, access->keys, &access->key_count, &at, problem);
}

static bool
get_blobs(EvmTransaction *tx, const Doc *doc, Problem *problem)
{
	const Doc  *hashes;
	Place		root = place_member(NULL, "blobVersionedHashes", 19);

	if (!get_u256(doc, "maxFeePerBlobGas", NULL, &tx->max_blob_fee, problem) ||
		!get_array(doc, "blobVersionedHashes", &hashes, problem))
		return false;
	if (hashes == NULL)
		return true;
	tx->blob_hashes = mem_alloc((size_t) hashes->length * 32 + 1);
	return words_from_doc(hashes, tx->blob_hashes, &tx->blob_count, &root, problem);
}

static bool
get_access_list(EvmTransaction *tx, const Doc *doc, Problem *problem)
{
	const Doc  *list;
	Place		root = place_member(NULL, "accessList", 10);

	if (!get_array(doc, "accessList", &list, problem))
		return false;
	if (list == NULL)
		return true;
	tx->access_list = mem_alloc(list->length * sizeof(EvmAccess) + 1);
	for (uint32_t i = 0; i < list->length; i++)
	{
		Place		element = place_element(&root, i);

		if (!access_from_doc(&tx->access_list[tx->access_count++], list->items[i], &element, problem))
			return false;
	}
	return true;
}

static bool
authorization_from_doc(EvmAuthorization *authorization, const Doc *doc, bool is_signed,
					   const Place *place, Problem *problem)
{
	static const char *const known[] = {"chainId", "address", "nonce", "yParity", "r", "s"};
	static const char *const required[] = {"chainId", "nonce", "yParity", "r", "s"};
	Place		at = place_member(place, "address", 7);
	uint64_t	parity = 0;

	memset(authorization, 0, sizeof(*authorization));
	if (!doc_is(doc, DOC_OBJECT))
		return place_set(place, problem, "expected an object");
	if (!check_members(doc, known, lengthof(known), place, problem))
		return false;
	if (!address_from_doc(member(doc, "address"), authorization->address, NULL, problem))
		return place_fail(&at, problem);
	for (size_t i = 0; i < (is_signed ? lengthof(required) : 2); i++)
	{
		Place		missing = place_member(place, required[i], (uint32_t) strlen(required[i]));

		if (member(doc, required[i]) == NULL)
			return place_set(&missing, problem, "an authorization needs this member");
	}
	if (!get_u256(doc, "chainId", place, &authorization->chain_id, problem) ||
		!get_u64(doc, "nonce", place, &authorization->nonce, problem))
		return false;
	at = place_member(place, "nonce", 5);
	if (authorization->nonce == UINT64_MAX)
		return place_set(&at, problem, "nonce must be below 2^64 - 1 (EIP-2681)");
	if (!is_signed)
		return true;
	if (!get_u64(doc, "yParity", place, &parity, problem) ||
		!get_u256(doc, "r", place, &authorization->r, problem) ||
		!get_u256(doc, "s", place, &authorization->s, problem))
		return false;
	at = place_member(place, "yParity", 7);
	if (parity > UINT8_MAX)
		return place_set(&at, problem, "y parity is larger than 8 bits");
	authorization->parity = (uint8_t) parity;
	return true;
}

bool
evm_authorization_from_doc(EvmAuthorization *authorization, const Doc *doc,
						   bool is_signed, const char *where, Problem *problem)
{
	Place		root = place_member(NULL, where, (uint32_t) strlen(where));

	return authorization_from_doc(authorization, doc, is_signed, &root, problem);
}

static bool
get_authorizations(EvmTransaction *tx, const Doc *doc, Problem *problem)
{
	const Doc  *list;
	Place		root = place_member(NULL, "authorizationList", 17);

	if (!get_array(doc, "authorizationList", &list, problem))
		return false;
	if (list == NULL)
		return true;
	tx->authorizations = mem_alloc(list->length * sizeof(EvmAuthorization) + 1);
	for (uint32_t i = 0; i < list->length; i++)
	{
		Place		element = place_element(&root, i);

		if (!authorization_from_doc(&tx->authorizations[tx->authorization_count++],
									list->items[i], true, &element, problem))
			return false;
	}
	return true;
}

bool
evm_transaction_from_doc(EvmTransaction *tx, const Doc *doc, Problem *problem)
{
	static const char *const known[] = {
		"type", "chainId", "nonce", "to", "value", "gas", "gasLimit", "gasPrice", "maxFeePerGas",
		"maxPriorityFeePerGas", "input", "data", "accessList", "authorizationList",
		"maxFeePerBlobGas", "blobVersionedHashes",
		"v", "yParity", "r", "s", "hash", "from"
	};

	memset(tx, 0, sizeof(*tx));
	if (!doc_is(doc, DOC_OBJECT))
		return problem_set(problem, "transaction", "a transaction is an object");
	if (!check_members(doc, known, lengthof(known), NULL, problem) ||
		!get_type(tx, doc, problem) ||
		!refuse_members_of_other_types(tx, doc, problem))
		return false;
	tx->has_chain_id = member(doc, "chainId") != NULL;
	tx->has_to = member(doc, "to") != NULL;
	if (tx->has_to && !address_from_doc(member(doc, "to"), tx->to, "to", problem))
		return false;
	return get_u256(doc, "chainId", NULL, &tx->chain_id, problem) &&
		get_u64(doc, "nonce", NULL, &tx->nonce, problem) &&
		get_u256(doc, "value", NULL, &tx->value, problem) &&
		get_gas(tx, doc, problem) &&
		get_u256(doc, "gasPrice", NULL, &tx->gas_price, problem) &&
		get_u256(doc, "maxFeePerGas", NULL, &tx->max_fee, problem) &&
		get_u256(doc, "maxPriorityFeePerGas", NULL, &tx->max_tip, problem) &&
		get_input(tx, doc, problem) &&
		get_access_list(tx, doc, problem) &&
		get_blobs(tx, doc, problem) &&
		get_authorizations(tx, doc, problem) &&
		evm_transaction_valid(tx, problem);
}

static const Doc *
u64_to_doc(uint64_t value)
{
	U256		wide = u256_from_u64(value);

	return integer_to_doc(&wide);
}

static const Doc *
word_to_doc(const U256 *value)
{
	uint8_t		bytes[32];

	u256_to_bytes(value, bytes);
	return hex_to_doc(bytes, 32);
}

static const Doc *
access_list_to_doc(const EvmTransaction *tx)
{
	Doc		   *list = doc_array();

	for (uint32_t i = 0; i < tx->access_count; i++)
	{
		const EvmAccess *access = &tx->access_list[i];
		Doc		   *entry = doc_object();
		Doc		   *keys = doc_array();

		base_check_interrupts();
		for (uint32_t k = 0; k < access->key_count; k++)
			doc_array_add(keys, hex_to_doc(access->keys[k], 32));
		doc_object_add(entry, "address", address_to_doc(access->address));
		doc_object_add(entry, "storageKeys", keys);
		doc_array_add(list, entry);
	}
	return list;
}

const Doc *
evm_authorization_to_doc(const EvmAuthorization *authorization)
{
	Doc		   *doc = doc_object();

	doc_object_add(doc, "chainId", integer_to_doc(&authorization->chain_id));
	doc_object_add(doc, "address", address_to_doc(authorization->address));
	doc_object_add(doc, "nonce", u64_to_doc(authorization->nonce));
	doc_object_add(doc, "yParity", u64_to_doc(authorization->parity));
	doc_object_add(doc, "r", word_to_doc(&authorization->r));
	doc_object_add(doc, "s", word_to_doc(&authorization->s));
	return doc;
}

static const Doc *
blob_hashes_to_doc(const EvmTransaction *tx)
{
	Doc		   *list = doc_array();

	for (uint32_t i = 0; i < tx->blob_count; i++)
		doc_array_add(list, hex_to_doc(tx->blob_hashes[i], 32));
	return list;
}

static const Doc *
authorizations_to_doc(const EvmTransaction *tx)
{
	Doc		   *list = doc_array();

	for (uint32_t i = 0; i < tx->authorization_count; i++)
	{
		base_check_interrupts();
		doc_array_add(list, evm_authorization_to_doc(&tx->authorizations[i]));
	}
	return list;
}

static const Doc *
v_to_doc(const EvmTransaction *tx)
{
	U256		v = u256_from_u64((tx->has_chain_id ? 35 : 27) + (uint64_t) tx->signature.parity);

	if (tx->has_chain_id)
	{
		(void) u256_add(&v, &v, &tx->chain_id);
		(void) u256_add(&v, &v, &tx->chain_id);
	}
	return integer_to_doc(&v);
}

const Doc *
evm_transaction_to_doc(const EvmTransaction *tx)
{
	Doc		   *doc = doc_object();

	doc_object_add(doc, "type", u64_to_doc(tx->type));
	doc_object_add(doc, "chainId", tx->has_chain_id ? integer_to_doc(&tx->chain_id) : doc_null());
	doc_object_add(doc, "nonce", u64_to_doc(tx->nonce));
	doc_object_add(doc, "to", tx->has_to ? address_to_doc(tx->to) : doc_null());
	doc_object_add(doc, "value", integer_to_doc(&tx->value));
	doc_object_add(doc, "gas", u64_to_doc(tx->gas));
	if (tx->type <= 1)
		doc_object_add(doc, "gasPrice", integer_to_doc(&tx->gas_price));
	else
	{
		doc_object_add(doc, "maxFeePerGas", integer_to_doc(&tx->max_fee));
		doc_object_add(doc, "maxPriorityFeePerGas", integer_to_doc(&tx->max_tip));
	}
	doc_object_add(doc, "input", hex_to_doc(tx->input.data, tx->input.length));
	if (tx->type != 0)
		doc_object_add(doc, "accessList", access_list_to_doc(tx));
	if (tx->type == 3)
	{
		doc_object_add(doc, "maxFeePerBlobGas", integer_to_doc(&tx->max_blob_fee));
		doc_object_add(doc, "blobVersionedHashes", blob_hashes_to_doc(tx));
	}
	if (tx->type == 4)
		doc_object_add(doc, "authorizationList", authorizations_to_doc(tx));
	if (tx->type == 0)
		doc_object_add(doc, "v", v_to_doc(tx));
	else
		doc_object_add(doc, "yParity", u64_to_doc(tx->signature.parity));
	doc_object_add(doc, "r", hex_to_doc(tx->signature.r, 32));
	doc_object_add(doc, "s", hex_to_doc(tx->signature.s, 32));
	doc_object_add(doc, "hash", hex_to_doc(tx->hash, 32));
	doc_object_add(doc, "from", address_to_doc(tx->from));
	return doc;
}
