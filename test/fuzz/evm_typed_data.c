/*
 * evm_typed_data.c
 *		JSON as typed data: hashed twice it has one hash.
 */
#include "evm/typed_data.h"

extern int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	Problem		problem = {{0}, {0}};
	const Doc  *doc = doc_parse((const char *) data, size, &problem);
	uint8_t		hash[32];
	uint8_t		again[32];

	if (doc != NULL)
	{
		if (typed_data_hash(doc, hash, NULL, NULL, &problem))
		{
			if (!typed_data_hash(doc, again, NULL, NULL, &problem) || memcmp(hash, again, 32) != 0)
				abort();
		}
		else if (problem.message[0] == '\0')
			abort();
	}
	mem_reset();
	return 0;
}
