/*
 * evm_rlp.c
 *		Any bytes as RLP: what is read is written again to the same bytes.
 */
#include "evm/rlp.h"

extern int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	Problem		problem = {{0}, {0}};
	const Doc  *doc = rlp_to_doc(data, size, &problem);

	if (doc != NULL)
	{
		ByteBuffer	out;

		bytes_init(&out, 0);
		if (!rlp_from_doc(doc, &out, &problem) || out.length != size ||
			memcmp(out.data, data, size) != 0)
			abort();
	}
	else if (problem.message[0] == '\0')
		abort();
	mem_reset();
	return 0;
}
