/*
 * wake.h
 *		Wake-ups that happen if and when the transaction commits.
 *
 * Never LISTEN/NOTIFY, whose global lock serialises commits.  A rollback of
 * the transaction forgets them; a rolled-back savepoint may leave a needless
 * wake-up, which is harmless: a wake-up is a hint, tables tell the truth.
 */
#ifndef DALP_WAKE_H
#define DALP_WAKE_H

#include "postgres.h"

#include "core/worker.h"

#define WAKE_SHARDS 16			/* shards of the ready table; see workflow/ready.h */

/* Callbacks, once a process; from _PG_init. */
extern void wake_init(void);

/* Worker(s) of that kind in this database. */
extern void wake_at_commit(WorkerKind kind);

/* The executor that owns the shard; its flag says which shard has news. */
extern void wake_shard_at_commit(int shard);

/* From now on each commit that ends runs wakes the scheduler of this database, or no more. Returns whether that is new. */
extern bool wake_scheduler_on_ends(bool wanted);

/* In an executor: takes the flags of all shards with news since the last call (bit i = shard i). */
extern uint32 wake_take_shards(void);

/* In an executor: the shards that it owns now (bit i = shard i); they are dealt out among those that are attached. */
extern uint32 wake_my_shards(void);

/* The launcher, and forget what it knows of this database (CREATE EXTENSION). */
extern void wake_launcher_at_commit(void);

/* Waiters for the end of a run or transaction sleep on their own latch; this wakes all of them in this database. */
extern void wake_waiters_at_commit(void);
/* Registers this backend as a waiter until the end of the wait; returns false if the table is full (then poll). */
extern bool wake_waiter_enter(void);
extern void wake_waiter_leave(void);

#endif							/* DALP_WAKE_H */
