/*
 * lease_memory.h
 *		When workers were last heard of: in shared memory, not in tables.
 *
 * A heartbeat writes nothing to disk.  What is lost at a crash is made up for:
 * each lease that is found after a start or promotion counts from then.
 */
#ifndef DALP_LEASE_MEMORY_H
#define DALP_LEASE_MEMORY_H

#include "postgres.h"

#include "datatype/timestamp.h"
#include "nodes/pg_list.h"

#include "workflow/task_token.h"

/* Bytes of JSON that a worker may send with a heartbeat. */
#define LEASE_MAX_DETAILS 256

typedef enum LeaseNote
{
	LEASE_HEARD,
	LEASE_LOST,					/* the scheduler is taking it away */
	LEASE_NO_ROOM				/* write it to the table */
} LeaseNote;

typedef struct LeaseHeartbeat
{
	int64		run_id;
	int			branch_id;
	TimestampTz heard_at;
	char	   *details;		/* JSON, or NULL */
} LeaseHeartbeat;

/* Asks for the memory; from _PG_init while libraries are preloaded. */
extern void lease_memory_init(void);

/* The worker that has the token's lease was heard of. details may be NULL: those of before stay. */
extern LeaseNote lease_hear(const TaskToken *token, TimestampTz now, const char *details);

/* When it was, 0 = not. */
extern TimestampTz lease_heard_at(const TaskToken *token);

/* In the scheduler: takes the lease away, unless it was heard of after `heard_at`. Returns whether. */
extern bool lease_lose(const TaskToken *token, TimestampTz heard_at);

/* In the scheduler: `tokens` (of TaskToken *) are all leases of this database; what belongs to others, and wasn't heard of since, goes. */
extern void lease_forget_others(List *tokens, TimestampTz since);

/* No lease ends before it has lasted from here: when the first scheduler looked after a start or promotion, 0 = none has. */
extern TimestampTz lease_counts_from(void);
extern void lease_start_counting(TimestampTz now);

/* All of this database, a List of LeaseHeartbeat. */
extern List *lease_heartbeats(void);

#endif							/* DALP_LEASE_MEMORY_H */
