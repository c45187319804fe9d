/*
 * address.c
 *		Account addresses.
 */
#include "evm/address.h"

#include "evm/hex.h"
#include "evm/keccak.h"
#include "evm/rlp.h"

/* EIP-55: a letter is upper-case where the digit of the text's own hash is 8 or more. */
static void
checksum_digits(const uint8_t address[ADDRESS_LENGTH], char digits[2 * ADDRESS_LENGTH])
{
	uint8_t		hash[KECCAK_LENGTH];

	hex_write(digits, address, ADDRESS_LENGTH);
	keccak256(digits, 2 * ADDRESS_LENGTH, hash);
	for (int i = 0; i < 2 * ADDRESS_LENGTH; i++)
	{
		int			nibble = i % 2 == 0 ? hash[i / 2] >> 4 : hash[i / 2] & 15;

		if (digits[i] >= 'a' && nibble >= 8)
			digits[i] = (char) (digits[i] - 'a' + 'A');
	}
}

void
address_write(const uint8_t address[ADDRESS_LENGTH], char text[ADDRESS_TEXT_SIZE])
{
	text[0] = '0';
	text[1] = 'x';
	checksum_digits(address, text + 2);
	text[ADDRESS_TEXT_SIZE - 1] = '\0';
}

bool
address_parse(const char *text, size_t length, uint8_t address[ADDRESS_LENGTH],
			  const char *where, Problem *problem)
{
	bool		upper = false;
	bool		lower = false;

	if (length < 2 || text[0] != '0' || text[1] != 'x')
		return problem_set(problem, where, "an address is 0x and 40 hex digits, but this starts without 0x");
	if (length != ADDRESS_TEXT_SIZE - 1)
		return problem_set(problem, where, "an address is 0x and 40 hex digits, but this has %zu characters after 0x",
						   length - 2);
	if (!hex_read(text + 2, address, ADDRESS_LENGTH))
	{
		int			at = 2;

		while (hex_digit(text[at]) >= 0)
			at++;
		return problem_set(problem, where, "an address is 0x and 40 hex digits, but character %d is none",
						   at + 1);
	}
	for (int i = 2; i < ADDRESS_TEXT_SIZE - 1; i++)
	{
		upper |= text[i] >= 'A' && text[i] <= 'F';
		lower |= text[i] >= 'a';
	}
	if (upper && lower)
	{
		char		digits[2 * ADDRESS_LENGTH];

		checksum_digits(address, digits);
		for (int i = 0; i < 2 * ADDRESS_LENGTH; i++)
		{
			if (digits[i] != text[i + 2])
				return problem_set(problem, where, "the letters' case is a wrong checksum (EIP-55), first at character %d",
								   i + 3);
		}
	}
	return true;
}

bool
address_from_doc(const Doc *doc, uint8_t address[ADDRESS_LENGTH],
				 const char *where, Problem *problem)
{
	if (!doc_is(doc, DOC_STRING))
		return problem_set(problem, where, "expected an address as a string");
	return address_parse(doc->text, doc->length, address, where, problem);
}

const Doc *
address_to_doc(const uint8_t address[ADDRESS_LENGTH])
{
	char		text[ADDRESS_TEXT_SIZE];

	address_write(address, text);
	return doc_string(text, ADDRESS_TEXT_SIZE - 1);
}

void
address_from_public_key(const uint8_t public_key[64], uint8_t address[ADDRESS_LENGTH])
{
	uint8_t		hash[KECCAK_LENGTH];

	keccak256(public_key, 64, hash);
	memcpy(address, hash + KECCAK_LENGTH - ADDRESS_LENGTH, ADDRESS_LENGTH);
}

void
address_create(const uint8_t sender[ADDRESS_LENGTH], uint64_t nonce,
			   uint8_t address[ADDRESS_LENGTH])
{
	ByteBuffer	buffer;
	uint8_t		hash[KECCAK_LENGTH];
	size_t		list;

	bytes_init(&buffer, 64);
	list = rlp_begin_list(&buffer);
	rlp_add_bytes(&buffer, sender, ADDRESS_LENGTH);
	rlp_add_u64(&buffer, nonce);
	rlp_end_list(&buffer, list);
	keccak256(buffer.data, buffer.length, hash);
	mem_free(buffer.data);
	memcpy(address, hash + KECCAK_LENGTH - ADDRESS_LENGTH, ADDRESS_LENGTH);
}

void
address_create2(const uint8_t deployer[ADDRESS_LENGTH], const uint8_t salt[32],
				const uint8_t init_code_hash[32], uint8_t address[ADDRESS_LENGTH])
{
	uint8_t		preimage[1 + ADDRESS_LENGTH + 32 + 32];
	uint8_t		hash[KECCAK_LENGTH];

	preimage[0] = 0xff;
	memcpy(preimage + 1, deployer, ADDRESS_LENGTH);
	memcpy(preimage + 1 + ADDRESS_LENGTH, salt, 32);
	memcpy(preimage + 1 + ADDRESS_LENGTH + 32, init_code_hash, 32);
	keccak256(preimage, sizeof(preimage), hash);
	memcpy(address, hash + KECCAK_LENGTH - ADDRESS_LENGTH, ADDRESS_LENGTH);
}

bool
address_delegated(const uint8_t *code, size_t length, uint8_t target[ADDRESS_LENGTH])
{
	static const uint8_t designator[3] = {0xef, 0x01, 0x00};

	if (length != sizeof(designator) + ADDRESS_LENGTH ||
		memcmp(code, designator, sizeof(designator)) != 0)
		return false;
	memcpy(target, code + sizeof(designator), ADDRESS_LENGTH);
	return true;
}
