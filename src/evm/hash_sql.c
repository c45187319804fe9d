/*
 * hash_sql.c
 *		SQL functions: Keccak-256, checksums, addresses of contracts, RLP.
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/jsonb.h"

#include "compat.h"
#include "core/document_jsonb.h"
#include "core/errors.h"
#include "evm/address_sql.h"
#include "evm/bytes_sql.h"
#include "evm/keccak.h"
#include "evm/rlp.h"
#include "evm/u256_sql.h"

DALP_FUNCTION(dalp_keccak256);
DALP_FUNCTION(dalp_checksum_address);
DALP_FUNCTION(dalp_create_address);
DALP_FUNCTION(dalp_create2_address);
DALP_FUNCTION(dalp_delegated_address);
DALP_FUNCTION(dalp_rlp_encode);
DALP_FUNCTION(dalp_rlp_decode);

Datum
dalp_keccak256(PG_FUNCTION_ARGS)
{
	Bytes		data = bytes_argument(fcinfo, 0);
	uint8_t		hash[KECCAK_LENGTH];

	keccak256(data.data, data.length, hash);
	return bytes_to_datum(hash, sizeof(hash));
}

Datum
dalp_checksum_address(PG_FUNCTION_ARGS)
{
	const uint8_t *address = bytes_argument_exact(fcinfo, 0, ADDRESS_LENGTH, "address");
	char		text[ADDRESS_TEXT_SIZE];

	address_write(address, text);
	return bytes_text_to_datum(text);
}

static Datum
address_to_datum(const uint8_t address[ADDRESS_LENGTH])
{
	uint8_t    *copy = palloc(ADDRESS_LENGTH);

	memcpy(copy, address, ADDRESS_LENGTH);
	return AddressGetDatum(copy);
}

Datum
dalp_create_address(PG_FUNCTION_ARGS)
{
	const uint8_t *sender = PG_GETARG_ADDRESS(0);
	uint8_t		address[ADDRESS_LENGTH];
	Problem		problem = {{0}, {0}};
	U256		nonce;

	if (!u256_from_numeric(PG_GETARG_NUMERIC(1), &nonce, "nonce", &problem))
		problem_raise(&problem, "nonce");
	if (!u256_fits_u64(&nonce) || nonce.limb[0] == UINT64_MAX)
	{
		problem_set(&problem, "nonce", "nonce must be below 2^64 - 1 (EIP-2681)");
		problem_raise(&problem, "nonce");
	}
	address_create(sender, nonce.limb[0], address);
	return address_to_datum(address);
}

Datum
dalp_create2_address(PG_FUNCTION_ARGS)
{
	uint8_t		address[ADDRESS_LENGTH];

	address_create2(PG_GETARG_ADDRESS(0), bytes_argument_exact(fcinfo, 1, 32, "salt"),
					bytes_argument_exact(fcinfo, 2, 32, "init_code_hash"), address);
	return address_to_datum(address);
}

/* NULL for code that isn't a delegation. */
Datum
dalp_delegated_address(PG_FUNCTION_ARGS)
{
	Bytes		code = bytes_argument(fcinfo, 0);
	uint8_t		address[ADDRESS_LENGTH];

	if (!address_delegated(code.data, code.length, address))
		PG_RETURN_NULL();
	return address_to_datum(address);
}

Datum
dalp_rlp_encode(PG_FUNCTION_ARGS)
{
	const Doc  *doc = doc_from_jsonb(PG_GETARG_JSONB_P(0));
	Problem		problem = {{0}, {0}};
	ByteBuffer	out;

	bytes_init(&out, 256);
	if (!rlp_from_doc(doc, &out, &problem))
		problem_raise(&problem, "RLP value");
	return bytes_to_datum(out.data, out.length);
}

Datum
dalp_rlp_decode(PG_FUNCTION_ARGS)
{
	Bytes		data = bytes_argument(fcinfo, 0);
	Problem		problem = {{0}, {0}};
	const Doc  *doc = rlp_to_doc(data.data, data.length, &problem);

	if (doc == NULL)
		problem_raise(&problem, "RLP");
	return bytes_doc_to_datum(doc, "RLP");
}
