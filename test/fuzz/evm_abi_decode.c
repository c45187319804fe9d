/*
 * evm_abi_decode.c
 *		A line of types, then any bytes as their data: what is decoded is encoded
 *		and decoded again to the same values.
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

	if (line == NULL)
		return 0;
	types = abi_parse_types((const char *) data, (size_t) (line - data), &problem);
	if (types != NULL)
	{
		char	   *name = abi_type_name(types);
		size_t		rest = size - (size_t) (line + 1 - data);

		/* The canonical name, less its parentheses, means the same type. */
		if (abi_parse_types(name + 1, strlen(name) - 2, &problem) == NULL)
			abort();
		values = abi_decode(types, line + 1, rest, &problem);
		if (values != NULL)
		{
			ByteBuffer	out;
			const Doc  *again;

			bytes_init(&out, 0);
			if (!abi_encode(types, values, &out, &problem))
				abort();
			again = abi_decode(types, out.data, out.length, &problem);
			if (again == NULL || !doc_equal(values, again))
				abort();
		}
		else if (problem.message[0] == '\0')
			abort();
	}
	else if (problem.message[0] == '\0')
		abort();
	mem_reset();
	return 0;
}
