/*
 * evm_abi_encode.c
 *		A line of types, then JSON as their values: what is encoded can be decoded.
 */
#include "evm/abi.h"

extern int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *line = size > 0 ? memchr(data, '\n', size) : NULL;
	Problem		problem = {{0}, {0}};
	const AbiType *types;
	const Doc  *values;
	ByteBuffer	out;

	if (line == NULL)
		return 0;
	types = abi_parse_types((const char *) data, (size_t) (line - data), &problem);
	values = doc_parse((const char *) line + 1, size - (size_t) (line + 1 - data), &problem);
	if (types != NULL && values != NULL)
	{
		bytes_init(&out, 0);
		if (abi_encode(types, values, &out, &problem))
		{
			if (abi_decode(types, out.data, out.length, &problem) == NULL)
				abort();
		}
		else if (problem.message[0] == '\0')
			abort();
	}
	mem_reset();
	return 0;
}
