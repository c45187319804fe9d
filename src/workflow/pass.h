/*
 * pass.h
 *		The column ready.pass: in which order work of the same priority is taken.
 *
 * New runs get turns that are fair between workflows and tenants (the string
 * tag "tenant"): of each of these pairs one run a stride and shard comes
 * before work that arrives now, the others after it.  All other work - timers,
 * messages, what is resumed or yields - is queued at the time of its shard.
 */
#ifndef DALP_PASS_H
#define DALP_PASS_H

#include "postgres.h"

#include "utils/jsonb.h"

#define PASS_ANY_SHARD	(-1)	/* for a statement that writes rows of several: the earliest of them */

/* For work that isn't new, of a shard. */
extern int64 pass_now(int shard);

/* Whose turn a new run is; tags may be NULL. */
extern uint64 pass_key(int workflow_id, const Jsonb *tags);

/* For a new run: one value each. */
extern int64 pass_of_start(int shard, uint64 key);

/* An executor has claimed a row. */
extern void pass_reached(int shard, int64 pass);

#endif							/* DALP_PASS_H */
