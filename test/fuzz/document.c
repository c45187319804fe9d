/*
 * document.c
 *		Any bytes to doc_parse: no crash, and what parses is written so that it
 *		parses to the same again, with the length that doc_fits knows.
 */
#include "core/document.h"

extern int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
require(bool condition)
{
	if (!condition)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	Problem		problem = {{0}, {0}};
	const Doc  *doc = doc_parse((const char *) data, size, &problem);
	const Doc  *again;
	char	   *text;
	size_t		length;

	require((doc == NULL) == (problem.message[0] != '\0'));
	if (doc != NULL)
	{
		text = doc_write(doc, &length);
		require(strlen(text) == length);
		require(doc_fits(doc, DOC_MAX_DEPTH, length) && !doc_fits(doc, DOC_MAX_DEPTH, length - 1));
		again = doc_parse(text, length, &problem);
		require(again != NULL && doc_equal(doc, again) && doc_hash(doc) == doc_hash(again));
		require(strcmp(doc_write(again, NULL), text) == 0);
	}
	mem_reset();
	return 0;
}
