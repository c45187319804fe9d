/*
 * patch.h
 *		The edited input of a redrive.
 */
#ifndef DALP_WORKFLOW_PATCH_H
#define DALP_WORKFLOW_PATCH_H

#include "postgres.h"

#include "utils/jsonb.h"

/*
 * The target changed by a JSON Merge Patch (RFC 7396); the target itself where
 * patch is NULL.  Errors: DL006; DL007 where the result is larger than
 * dalp.max_payload, because the state would refuse it and the dead letter be
 * spent.
 */
extern Jsonb *patch_apply(Jsonb *target, Jsonb *patch);

#endif							/* DALP_WORKFLOW_PATCH_H */
