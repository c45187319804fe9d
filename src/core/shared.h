/*
 * shared.h
 *		dalp's shared memory: one slot a database, its workers, wake-ups, waiters.
 *
 * Only src/core includes this.  Everything lies in the main segment, sized at
 * server start by dalp.max_databases.  No pointers, no latches, no file
 * descriptors in here: a process is known by its place in the array of
 * PGPROCs, and setting the latch of whoever has that place now is harmless.
 *
 * Locks: `lock` protects what is marked [lock]; atomics need none.  Never held
 * across anything that may raise an error or wait.
 */
#ifndef DALP_SHARED_H
#define DALP_SHARED_H

#include "postgres.h"

#include "datatype/timestamp.h"
#include "port/atomics.h"
#include "storage/condition_variable.h"
#include "storage/dsm_impl.h"
#include "storage/lwlock.h"

#include "core/wake.h"
#include "core/worker.h"

#define SHARED_NO_SLOT		(-1)
#define SHARED_NO_PROCESS	UINT32_MAX
#define SHARED_MAX_WAITERS	256
#define SHARED_LANES		16	/* clocks of a database, see virtual_clock.h */
#define SHARED_SKETCH_ROWS	4
#define SHARED_SKETCH_COLUMNS 8192
#define SHARED_MAX_LETTERS	32	/* questions waiting for a kind of worker of a database */

/* What the launcher knows of a database; the transitions are in launcher.c. */
typedef enum SlotState
{
	SLOT_FREE,					/* no database */
	SLOT_UNKNOWN,				/* to be probed, or being probed by its scheduler */
	SLOT_PRESENT,				/* the extension is there: workers run */
	SLOT_ABSENT					/* no extension: looked at again at look_at, or when told */
} SlotState;

typedef enum EntryState
{
	ENTRY_NONE,					/* not running; not to be started before start_at */
	ENTRY_REGISTERED,			/* the postmaster was asked to start it */
	ENTRY_ATTACHED				/* runs */
} EntryState;

typedef struct WorkerEntry
{
	EntryState	state;			/* [lock] */
	uint32		number;			/* [lock] of the last registration: an older one must not attach */
	pid_t		pid;			/* [lock] */
	TimestampTz started_at;		/* [lock] 0 = never */
	TimestampTz start_at;		/* [lock] back-off */
	int			backoff;		/* [lock] ms before the next start after a failure */
	int			restarts;		/* [lock] ends by an error or a signal */
	pg_atomic_uint32 process;	/* place in the array of PGPROCs, SHARED_NO_PROCESS = not attached */
	pg_atomic_uint64 turns;
	pg_atomic_uint64 last_turn; /* TimestampTz */
} WorkerEntry;

/* Questions of backends to workers, as a ring; see mailbox.c. */
typedef struct LetterBox
{
	uint32		first;			/* [lock] */
	uint32		count;			/* [lock] */
	dsm_handle	letters[SHARED_MAX_LETTERS];	/* [lock] */
} LetterBox;

typedef struct DatabaseSlot
{
	Oid			database;		/* [lock] to change; read without by those who check it again */
	SlotState	state;			/* [lock] */
	pg_atomic_uint64 epoch;		/* workers of an older one leave; grows when they must */
	TimestampTz look_at;		/* [lock] when ABSENT: next probe */
	uint64		told;			/* [lock] how often CREATE EXTENSION was announced */
	pid_t		holder;			/* [lock] backend that keeps workers away; 0 = none; see database_hold.c */
	bool		unwanted;		/* [lock] gone, or excluded by dalp.databases: stop, then free */
	ConditionVariable detached; /* a worker has left */
	pg_atomic_uint32 executors; /* bit i: executor i is attached */
	pg_atomic_uint32 shards;	/* bit i: shard i has news */
	pg_atomic_uint32 waiters;	/* how many wait in this database */
	pg_atomic_uint32 ends_wanted;	/* 1 = ends of runs wake the scheduler */
	pg_atomic_uint64 due;		/* TimestampTz: the scheduler has a lease to look at then; 0 = unknown, look now */
	pg_atomic_uint64 ahead[SHARED_LANES];	/* microseconds */
	LetterBox	boxes[WORKER_KINDS];
	WorkerEntry workers[WORKER_KINDS][WORKER_MAX_PER_KIND];
} DatabaseSlot;

typedef struct Waiter
{
	pg_atomic_uint32 process;	/* SHARED_NO_PROCESS = free */
	pg_atomic_uint32 database;
	pg_atomic_uint32 topic;		/* what it waits for, see wake.h */
	pg_atomic_uint32 wants;		/* how many of the topic it can take; 0 = has been woken for them */
} Waiter;

typedef struct Shared
{
	LWLock	   *lock;
	int			slot_count;		/* fixed at start */
	pid_t		launcher_pid;	/* [lock] 0 = not running */
	TimestampTz launcher_started_at;	/* [lock] */
	pg_atomic_uint32 launcher;	/* its place in the array of PGPROCs */
	Oid			told_database;	/* [lock] has no slot and announced itself: first in line for one */
	pg_atomic_uint32 scan;		/* 1 = the launcher shall read pg_database */
	Waiter		waiters[SHARED_MAX_WAITERS];
	pg_atomic_uint64 turns[SHARED_SKETCH_ROWS][SHARED_SKETCH_COLUMNS];	/* next ones of keys, of all databases */
	DatabaseSlot slots[FLEXIBLE_ARRAY_MEMBER];
} Shared;

/* NULL without preload. */
extern Shared *shared;

/* Asks for the memory; from _PG_init while libraries are preloaded. */
extern void shared_init(void);
extern bool shared_is_available(void);

/* The slot of a database, or NULL. The first needs the lock; the second is for this process's own database. */
extern DatabaseSlot *shared_find_slot(Oid database);
extern DatabaseSlot *shared_my_slot(void);

/* This process's place in the array of PGPROCs, and waking whoever has a place. */
extern uint32 shared_my_process(void);
extern void shared_wake_process(uint32 process);

/* wake_waiters.c: wakes waiters of a topic that want together at least `count`, and have not been woken yet. */
extern void wake_topic(DatabaseSlot *slot, uint32 topic, uint32 count);
/* Wakes all waiters of all topics. */
extern void wake_topic_all(DatabaseSlot *slot);

/* wake.c: an executor came or went, the shards are dealt out anew. */
extern void wake_executors_changed(DatabaseSlot *slot);

#endif							/* DALP_SHARED_H */
