/*
 * settle.h
 *		What workers do with tasks that they have.
 */
#ifndef DALP_SETTLE_H
#define DALP_SETTLE_H

#include "postgres.h"

#include "utils/array.h"

/* Completes the tasks, all or none; either may be NULL. Returns how many. Errors: DL005, DL006, DL007. */
extern int	settle_completions(ArrayType *tokens, ArrayType *outputs);

#endif							/* DALP_SETTLE_H */
