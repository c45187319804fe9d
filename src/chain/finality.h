/*
 * finality.h
 *		Which blocks of a chain are taken as irreversible.
 *
 * Pure.
 */
#ifndef DALP_CHAIN_FINALITY_H
#define DALP_CHAIN_FINALITY_H

#include "core/base.h"

typedef enum FinalityKind
{
	FINALITY_TAG,				/* the node's "finalized" or "safe" block */
	FINALITY_DEPTH				/* so many blocks on top; 0: as soon as it is included (instant) */
} FinalityKind;

typedef struct Finality
{
	FinalityKind kind;
	char		tag[16];
	int			depth;
} Finality;

/* "finalized", "safe", "instant" or "depth:N"; false for anything else. */
extern bool finality_parse(const char *text, Finality *finality);

/* Highest final block, from the head and (FINALITY_TAG) the tag's block, -1 where that is unknown. */
extern int64_t finality_block(const Finality *finality, int64_t head, int64_t tag_block);

#endif							/* DALP_CHAIN_FINALITY_H */
