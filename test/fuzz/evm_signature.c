/*
 * evm_signature.c
 *		Any bytes as signature, public key and address, in every form.
 */
#include "evm/address.h"
#include "evm/integer.h"
#include "evm/signature.h"

extern int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	Problem		problem = {{0}, {0}};
	EvmSignature signature;
	uint8_t		hash[32] = {1};
	uint8_t		address[ADDRESS_LENGTH];
	uint8_t		key[64];
	uint8_t		raw[65];
	char		text[ADDRESS_TEXT_SIZE];
	U256		value;

	if (signature_parse(data, size, &signature, &problem))
	{
		EvmSignature again;

		signature_write(&signature, raw);
		if (!signature_parse(raw, 65, &again, &problem) ||
			memcmp(&again, &signature, sizeof(again)) != 0)
			abort();
		if (signature_recover(hash, &signature, address) != signature_recover_key(hash, &signature, key))
			abort();
	}
	(void) signature_public_key_parse(data, size, key);
	if (size >= 32 && signature_key_valid(data) != signature_key_address(data, address))
		abort();
	if (address_parse((const char *) data, size, address, NULL, &problem))
	{
		uint8_t		again[ADDRESS_LENGTH];

		address_write(address, text);
		if (!address_parse(text, ADDRESS_TEXT_SIZE - 1, again, NULL, &problem) ||
			memcmp(address, again, ADDRESS_LENGTH) != 0)
			abort();
	}
	if (u256_parse_decimal((const char *) data, size, &value) ||
		u256_parse_hex((const char *) data, size, &value))
	{
		char		decimal[U256_DECIMAL_SIZE];
		U256		again;

		u256_format(&value, decimal);
		if (!u256_parse_decimal(decimal, strlen(decimal), &again) || u256_compare(&value, &again) != 0)
			abort();
	}
	mem_reset();
	return 0;
}
