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

#include "datatype/timestamp.h"

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

/* The scheduler, so that it looks at leases no later than `due`. */
extern void wake_due_at_commit(TimestampTz due);

/*
 * In the scheduler: when it has to look; 0 = now.  Before it looks it says so,
 * and afterwards what it found to be due next (DT_NOEND = nothing): what
 * commits in between counts as well.
 */
extern TimestampTz wake_due(void);
extern void wake_due_looking(void);
extern void wake_due_found(TimestampTz due);

/*
 * Backends that wait sleep on their own latch.  What they wait for is a topic:
 * the end of any run or transaction, of which all waiters are told, or work in
 * a queue, of which no more are told than there is work for.
 */
#define WAKE_TOPIC_ENDS 0

/* Never WAKE_TOPIC_ENDS; two queues may share one, which costs a needless look. */
extern uint32 wake_topic_of_queue(const char *queue);

extern void wake_waiters_at_commit(void);
/* So many tasks of the queue are there to be taken. */
extern void wake_topic_at_commit(uint32 topic, int count);
/* The same if the transaction is rolled back: then they are there again. */
extern void wake_topic_at_abort(uint32 topic, int count);

/* Registers this backend as a waiter until the end of the wait; returns false if the table is full (then poll). */
extern bool wake_waiter_enter(void);
extern bool wake_waiter_enter_topic(uint32 topic, int wants);
/* Before each look: what is announced from now on sets the latch again. */
extern void wake_waiter_looks(void);
/* A wake-up that this waiter has not followed goes to another one. */
extern void wake_waiter_leave(void);

#endif							/* DALP_WAKE_H */
