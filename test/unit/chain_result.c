/*
 * chain_result.c
 *		Promise: receipts are read exactly or not at all; events and reverts are
 *		decoded by the ABI, and left as they are without one.
 *
 * Links: src/chain/result.c src/chain/quantity.c
 */
#include "chain/result.h"

#include "check.h"

#define HASH "0x4c4a49d601528d90fb9757d08601b8b727d6615f1b8cfcfb975aaa9efd0a3d80"

static const Doc *
doc(const char *text)
{
	Problem		problem = {{0}, {0}};

	return doc_parse(text, strlen(text), &problem);
}

static const char *const receipt_text =
"{\"blockHash\":\"" HASH "\",\"blockNumber\":\"0x10\",\"gasUsed\":\"0x5208\",\"status\":\"0x1\",\"effectiveGasPrice\":\"0xde0b6b3a7640000\","
"\"contractAddress\":null,\"logs\":[{\"address\":\"0x00000000000000000000000000000000000000aa\",\"data\":\"0x0000000000000000000000000000000000000000000000000000000000000007\","
"\"topics\":[\"0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef\",\"0x0000000000000000000000000000000000000000000000000000000000000000\","
"\"0x00000000000000000000000000000000000000000000000000000000000000bb\"]}]}";

int
main(void)
{
	Problem		problem = {{0}, {0}};
	Receipt		receipt;
	Bytes		data;
	const AbiContract *contract = abi_contract_from_doc(doc("[\"event Transfer(address indexed from, address indexed to, uint256 value)\",\"error Broke(uint256 left)\"]"), &problem);
	const Doc  *result;

	check(receipt_read(doc(receipt_text), &receipt), "a receipt");
	check(receipt.status == 1 && receipt.block_number == 16 && receipt.gas_used == 21000 && receipt.contract == NULL, "its members");
	check(!receipt_read(doc("null"), &receipt), "null is none");
	check(!receipt_read(doc("{\"blockHash\":null,\"blockNumber\":null,\"gasUsed\":\"0x1\",\"status\":\"0x1\"}"), &receipt), "nor is a pending one");
	check(!receipt_read(doc("{\"blockHash\":\"" HASH "\",\"blockNumber\":\"0x1\",\"gasUsed\":\"0x1\",\"status\":\"0x2\"}"), &receipt), "nor one with a strange status");

	receipt_read(doc(receipt_text), &receipt);
	result = result_document(7, HASH, "0xF", "0xT", UINT64_C(18446744073709551614), &receipt, contract);
	check_text(doc_get_text(result, "nonce"), "18446744073709551614", "a large nonce is exact");
	check_text(doc_get_text(result, "effective_gas_price"), "1000000000000000000", "so is a price");
	check_text(doc_write(doc_get(result, "events"), NULL),
			   "[{\"name\":\"Transfer\",\"address\":\"0x00000000000000000000000000000000000000AA\",\"args\":"
			   "{\"from\":\"0x0000000000000000000000000000000000000000\",\"to\":\"0x00000000000000000000000000000000000000bb\",\"value\":\"7\"}}]",
			   "an event by its ABI");
	result = result_document(7, HASH, "0xF", NULL, 0, &receipt, NULL);
	check(doc_get_text(doc_get(result, "events")->items[0], "data") != NULL && doc_get(result, "to")->kind == DOC_NULL, "without an ABI as it is");

	check(revert_data(doc("\"0x08c379a0\""), &data) && data.length == 4, "revert data as hex");
	check(revert_data(doc("\"Reverted 0x08c379a0\""), &data) && data.length == 4, "in a text");
	check(revert_data(doc("{\"originalError\":{\"data\":\"0x08c379a0\"}}"), &data) && data.length == 4, "in an object");
	check(!revert_data(doc("\"none\""), &data) && !revert_data(NULL, &data) && !revert_data(doc("{\"a\":1}"), &data), "or not there");
	return check_done();
}
