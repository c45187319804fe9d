/*
 * message_sql.c
 *		SQL functions: signed messages and typed data, and who signed them.
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/builtins.h"

#include "compat.h"
#include "core/errors.h"
#include "evm/address_sql.h"
#include "evm/bytes_sql.h"
#include "evm/signature.h"
#include "evm/typed_data.h"

/* isValidSignature(bytes32,bytes), and what it returns for a valid one (EIP-1271). */
static const uint8_t eip1271_magic[4] = {0x16, 0x26, 0xba, 0x7e};

#define HINT_TYPED_DATA "Give {\"types\", \"primaryType\", \"domain\", \"message\"} as for eth_signTypedData_v4, every member of a type and no other."

DALP_FUNCTION(dalp_eip191_hash);
DALP_FUNCTION(dalp_eip191_validator_hash);
DALP_FUNCTION(dalp_eip712_hash);
DALP_FUNCTION(dalp_eip712_encode_type);
DALP_FUNCTION(dalp_public_key_address);
DALP_FUNCTION(dalp_ecrecover);
DALP_FUNCTION(dalp_verify_message);
DALP_FUNCTION(dalp_verify_typed_data);
DALP_FUNCTION(dalp_signature_compact);
DALP_FUNCTION(dalp_signature_expand);
DALP_FUNCTION(dalp_eip1271_call);
DALP_FUNCTION(dalp_eip1271_valid);

Datum
dalp_eip191_hash(PG_FUNCTION_ARGS)
{
	Bytes		message = bytes_argument(fcinfo, 0);
	uint8_t		hash[32];

	message_hash(message.data, message.length, hash);
	return bytes_to_datum(hash, sizeof(hash));
}

Datum
dalp_eip191_validator_hash(PG_FUNCTION_ARGS)
{
	Bytes		data = bytes_argument(fcinfo, 1);
	uint8_t		hash[32];

	message_hash_validator(PG_GETARG_ADDRESS(0), data.data, data.length, hash);
	return bytes_to_datum(hash, sizeof(hash));
}

/* The argument is json and not jsonb: strings keep U+0000, numbers their digits. */
static const Doc *
json_argument(FunctionCallInfo fcinfo, int n)
{
	text	   *json = PG_GETARG_TEXT_PP(n);
	Problem		problem = {{0}, {0}};
	const Doc  *doc = doc_parse(VARDATA_ANY(json), VARSIZE_ANY_EXHDR(json), &problem);

	if (doc == NULL)
		problem_raise(&problem, "typed data");
	return doc;
}

static void
typed_data_argument(FunctionCallInfo fcinfo, int n, uint8_t hash[32])
{
	const Doc  *doc = json_argument(fcinfo, n);
	Problem		problem = {{0}, {0}};

	if (!typed_data_hash(doc, hash, NULL, NULL, &problem))
		problem_raise_hint(&problem, "typed data", HINT_TYPED_DATA);
}

Datum
dalp_eip712_hash(PG_FUNCTION_ARGS)
{
	uint8_t		hash[32];

	typed_data_argument(fcinfo, 0, hash);
	return bytes_to_datum(hash, sizeof(hash));
}

/* "Mail(Person from,Person to)Person(string name)": what contracts hash as the type. */
Datum
dalp_eip712_encode_type(PG_FUNCTION_ARGS)
{
	const Doc  *doc = json_argument(fcinfo, 0);
	Problem		problem = {{0}, {0}};
	char	   *encoded = typed_data_encode_type(doc, text_to_cstring(PG_GETARG_TEXT_PP(1)), &problem);

	if (encoded == NULL)
		problem_raise(&problem, "typed data");
	return bytes_text_to_datum(encoded);
}

static Datum
address_to_datum(const uint8_t address[ADDRESS_LENGTH])
{
	uint8_t    *copy = palloc(ADDRESS_LENGTH);

	memcpy(copy, address, ADDRESS_LENGTH);
	return AddressGetDatum(copy);
}

/* Of a key in a hardware module, say: 33 bytes, or 65 with the prefix 04. */
Datum
dalp_public_key_address(PG_FUNCTION_ARGS)
{
	Bytes		data = bytes_argument(fcinfo, 0);
	uint8_t		public_key[64];
	uint8_t		address[ADDRESS_LENGTH];
	Problem		problem = {{0}, {0}};

	if (!signature_public_key_parse(data.data, data.length, public_key))
	{
		problem_set(&problem, "public_key", "not a point of secp256k1 in 33 or 65 bytes");
		problem_raise(&problem, "public key");
	}
	address_from_public_key(public_key, address);
	return address_to_datum(address);
}

/* As the precompile at address 1: high s is taken. */
Datum
dalp_ecrecover(PG_FUNCTION_ARGS)
{
	const uint8_t *hash = bytes_argument_exact(fcinfo, 0, 32, "hash");
	const uint8_t *raw = bytes_argument_exact(fcinfo, 1, 65, "signature");
	Problem		problem = {{0}, {0}};
	EvmSignature signature;
	uint8_t		address[ADDRESS_LENGTH];

	if (!signature_parse(raw, 65, &signature, &problem))
		problem_raise(&problem, "signature");
	if (!signature_recover(hash, &signature, address))
	{
		problem_set(&problem, "signature", "no key can be recovered from it");
		problem_raise(&problem, "signature");
	}
	return address_to_datum(address);
}

/* The signature is by the key of that address; one that proves nothing is no error. */
static bool
signed_by(const uint8_t *address, const uint8_t hash[32], const uint8_t raw[65])
{
	Problem		ignored = {{0}, {0}};
	EvmSignature signature;
	uint8_t		signer[ADDRESS_LENGTH];

	return signature_parse(raw, 65, &signature, &ignored) &&
		signature_is_low(&signature) &&
		signature_recover(hash, &signature, signer) &&
		memcmp(signer, address, ADDRESS_LENGTH) == 0;
}

Datum
dalp_verify_message(PG_FUNCTION_ARGS)
{
	Bytes		message = bytes_argument(fcinfo, 1);
	const uint8_t *raw = bytes_argument_exact(fcinfo, 2, 65, "signature");
	uint8_t		hash[32];

	message_hash(message.data, message.length, hash);
	PG_RETURN_BOOL(signed_by(PG_GETARG_ADDRESS(0), hash, raw));
}

Datum
dalp_verify_typed_data(PG_FUNCTION_ARGS)
{
	const uint8_t *raw = bytes_argument_exact(fcinfo, 2, 65, "signature");
	uint8_t		hash[32];

	typed_data_argument(fcinfo, 1, hash);
	PG_RETURN_BOOL(signed_by(PG_GETARG_ADDRESS(0), hash, raw));
}

/* EIP-2098: 65 bytes to 64, and back. */
Datum
dalp_signature_compact(PG_FUNCTION_ARGS)
{
	const uint8_t *raw = bytes_argument_exact(fcinfo, 0, 65, "signature");
	Problem		problem = {{0}, {0}};
	EvmSignature signature;
	uint8_t		compact[64];

	if (!signature_parse(raw, 65, &signature, &problem))
		problem_raise(&problem, "signature");
	if (!signature_write_compact(&signature, compact))
	{
		problem_set(&problem, "s", "s is in the upper half (EIP-2)");
		problem_raise(&problem, "signature");
	}
	return bytes_to_datum(compact, sizeof(compact));
}

Datum
dalp_signature_expand(PG_FUNCTION_ARGS)
{
	const uint8_t *compact = bytes_argument_exact(fcinfo, 0, 64, "signature");
	Problem		problem = {{0}, {0}};
	EvmSignature signature;
	uint8_t		raw[65];

	if (!signature_parse(compact, 64, &signature, &problem))
		problem_raise(&problem, "signature");
	signature_write(&signature, raw);
	return bytes_to_datum(raw, sizeof(raw));
}

/* Call data that asks a contract whether a signature is its own. */
Datum
dalp_eip1271_call(PG_FUNCTION_ARGS)
{
	const uint8_t *hash = bytes_argument_exact(fcinfo, 0, 32, "hash");
	Bytes		signature = bytes_argument(fcinfo, 1);
	ByteBuffer	out;
	uint8_t		word[32];
	U256		number = u256_from_u64(64);
	Problem		problem = {{0}, {0}};

	bytes_init(&out, signature.length + 160);
	bytes_add(&out, eip1271_magic, sizeof(eip1271_magic));
	bytes_add(&out, hash, 32);
	u256_to_bytes(&number, word);
	bytes_add(&out, word, sizeof(word));
	number = u256_from_u64(signature.length);
	u256_to_bytes(&number, word);
	bytes_add(&out, word, sizeof(word));
	bytes_add(&out, signature.data, signature.length);
	bytes_add_zeros(&out, (32 - signature.length % 32) % 32);
	if (!bytes_complete(&out, &problem))
		problem_raise(&problem, "signature");
	return bytes_to_datum(out.data, out.length);
}

/* What that call returned says yes: the magic value in a word, zeros after it. */
Datum
dalp_eip1271_valid(PG_FUNCTION_ARGS)
{
	Bytes		result = bytes_argument(fcinfo, 0);
	static const uint8_t zeros[28];

	PG_RETURN_BOOL(result.length == 32 &&
				   memcmp(result.data, eip1271_magic, sizeof(eip1271_magic)) == 0 &&
				   memcmp(result.data + 4, zeros, sizeof(zeros)) == 0);
}
