/*
 * evm_abi_item.c
 *		Any text as a signature, a fragment and a JSON ABI; then, after a zero
 *		byte, as a revert's data and as a log.
 */
#include "evm/abi.h"

extern int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *zero = size > 0 ? memchr(data, '\0', size) : NULL;
	size_t		length = zero != NULL ? (size_t) (zero - data) : size;
	const uint8_t *rest = zero != NULL ? zero + 1 : data;
	size_t		rest_length = zero != NULL ? size - length - 1 : 0;
	char	   *text = mem_alloc(length + 1);
	const Doc  *doc;
	const AbiContract *contract = NULL;
	Problem		problem = {{0}, {0}};

	/* As SQL has it: text that ends where it ends, without a zero after it. */
	memcpy(text, data, length);
	for (int kind = ABI_ITEM_FUNCTION; kind <= ABI_ITEM_CONSTRUCTOR; kind++)
	{
		Problem		wrong = {{0}, {0}};
		const AbiItem *item = abi_parse_item(text, length, (AbiItemKind) kind, &wrong);

		if (item == NULL)
		{
			if (wrong.message[0] == '\0')
				abort();
			continue;
		}
		if (kind == ABI_ITEM_EVENT)
		{
			uint8_t		topics[4][32] = {{0}};
			uint32_t	indexed = item->anonymous ? 0 : 1;

			memcpy(topics[0], item->topic, 32);
			for (uint32_t i = 0; i < item->inputs->count; i++)
				indexed += item->inputs->components[i].indexed;
			(void) abi_decode_event(item, (const uint8_t (*)[32]) topics, indexed, rest,
									rest_length, &wrong);
		}
		else
			(void) abi_decode_call(item, rest, rest_length, &wrong);
	}
	doc = doc_parse(text, length, &problem);
	if (doc != NULL)
		contract = abi_contract_from_doc(doc, &problem);
	if (abi_decode_revert(contract, rest, rest_length).text == NULL)
		abort();
	mem_reset();
	return 0;
}
