/*
 * finality.c
 *		Which blocks of a chain are taken as irreversible: pure, no server.
 */

#include "chain/finality.h"

/* As the CHECK of dalp_chain.chain.finality. */
#define DEPTH_DIGITS 5

bool
finality_parse(const char *text, Finality *finality)
{
	memset(finality, 0, sizeof(*finality));
	if (strcmp(text, "finalized") == 0 || strcmp(text, "safe") == 0)
	{
		finality->kind = FINALITY_TAG;
		strcpy(finality->tag, text);
		return true;
	}
	finality->kind = FINALITY_DEPTH;
	if (strcmp(text, "instant") == 0)
		return true;
	if (strncmp(text, "depth:", 6) != 0 || text[6] == '\0' || strlen(text + 6) > DEPTH_DIGITS)
		return false;
	for (const char *c = text + 6; *c != '\0'; c++)
	{
		if (*c < '0' || *c > '9')
			return false;
		finality->depth = finality->depth * 10 + (*c - '0');
	}
	return true;
}

int64_t
finality_block(const Finality *finality, int64_t head, int64_t tag_block)
{
	if (finality->kind == FINALITY_TAG)
		return tag_block;
	return head >= finality->depth ? head - finality->depth : -1;
}
