/*
 * quantity.c
 *		Numbers, hashes and bytes as JSON-RPC writes them: pure, no server.
 */
#include "chain/quantity.h"
#include "evm/hex.h"

bool
quantity_u256(const Doc *doc, U256 *value)
{
	return doc_is(doc, DOC_STRING) && u256_parse_hex(doc->text, doc->length, value);
}

bool
quantity_u64(const Doc *doc, uint64_t *value)
{
	U256		wide;

	if (!quantity_u256(doc, &wide) || !u256_fits_u64(&wide))
		return false;
	*value = wide.limb[0];
	return true;
}

bool
quantity_int64(const Doc *doc, int64_t *value)
{
	uint64_t	number;

	if (!quantity_u64(doc, &number) || number > INT64_MAX)
		return false;
	*value = (int64_t) number;
	return true;
}

bool
quantity_hash(const Doc *doc, char text[HASH_TEXT_SIZE])
{
	uint8_t		hash[32];

	if (!doc_is(doc, DOC_STRING) || doc->length != HASH_TEXT_SIZE - 1 ||
		doc->text[0] != '0' || doc->text[1] != 'x' || !hex_read(doc->text + 2, hash, sizeof(hash)))
		return false;
	text[0] = '0';
	text[1] = 'x';
	*hex_write(text + 2, hash, sizeof(hash)) = '\0';
	return true;
}

bool
quantity_bytes(const Doc *doc, Bytes *bytes)
{
	Problem		problem = {{0}, {0}};

	return doc_is(doc, DOC_STRING) && hex_parse(doc->text, doc->length, bytes, "", &problem);
}

const Doc *
quantity_doc(const U256 *value)
{
	char		text[67];
	int			length = u256_format_quantity(value, text);

	return doc_string(text, (size_t) length);
}

const Doc *
quantity_doc_u64(uint64_t value)
{
	U256		wide = u256_from_u64(value);

	return quantity_doc(&wide);
}

char *
quantity_decimal(const U256 *value)
{
	char	   *text = mem_alloc(U256_DECIMAL_SIZE);

	u256_format(value, text);
	return text;
}

U256
quantity_from_decimal(const char *text)
{
	U256		value = u256_from_u64(0);

	if (text != NULL && !u256_parse_decimal(text, strlen(text), &value))
		value = u256_from_u64(0);
	return value;
}
