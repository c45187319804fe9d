/*
 * call.c
 *		Read-only calls of contracts: what dalp.call and the state chain:call share.
 */
#include "chain/call.h"
#include "chain/result.h"
#include "evm/hex.h"
#include "evm/u256.h"

const char *
call_block(const char *text)
{
	static const char *const tags[] = {"latest", "safe", "finalized", "pending", "earliest"};
	U256		number;
	char	   *quantity;

	for (size_t i = 0; i < lengthof(tags); i++)
		if (strcmp(text, tags[i]) == 0)
			return tags[i];
	if ((!u256_parse_decimal(text, strlen(text), &number) && !u256_parse_hex(text, strlen(text), &number)) ||
		!u256_fits_u64(&number))
		return NULL;
	quantity = mem_alloc(67);
	u256_format_quantity(&number, quantity);
	return quantity;
}

const Doc *
call_decode(const AbiItem *item, const Doc *result, Problem *problem)
{
	Bytes		bytes;

	if (!doc_is(result, DOC_STRING) || !hex_parse(result->text, result->length, &bytes, "result", problem))
	{
		problem_set(problem, "result", "is no hex text");
		return NULL;
	}
	/* Without known outputs the bytes are all there is to say. */
	if (item == NULL || item->outputs == NULL)
		return result;
	return abi_decode(item->outputs, bytes.data, bytes.length, problem);
}

const char *
call_revert_reason(const Doc *data, const AbiContract *contract)
{
	Bytes		bytes;

	if (!revert_data(data, &bytes) || bytes.length == 0)
		return NULL;
	return abi_decode_revert(contract, bytes.data, bytes.length).text;
}
