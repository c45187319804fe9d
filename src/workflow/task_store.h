/*
 * task_store.h
 *		Tasks in queues: tables task and lease.
 *
 * All need an open store.
 */
#ifndef DALP_TASK_STORE_H
#define DALP_TASK_STORE_H

#include "postgres.h"

#include "datatype/timestamp.h"
#include "utils/array.h"
#include "utils/jsonb.h"

#include "workflow/step.h"
#include "workflow/task_token.h"

/* task_store.c */

/* What a worker asks for. */
typedef struct TaskClaim
{
	const char *queue;
	const char *worker;
	int			max_tasks;
	int			length;			/* of the lease, milliseconds */
	ArrayType  *workflows;		/* int[]: only tasks of these; NULL = of all */
} TaskClaim;

/* What it gets. */
typedef struct ClaimedTask
{
	char	   *token;
	int64		run_id;
	int			branch_id;
	int			entry;
	int			attempt;
	char	   *workflow;
	char	   *state;
	Jsonb	   *input;
	TimestampTz lease_until;
	char	   *traceparent;	/* or NULL */
} ClaimedTask;

/* Takes open tasks in their order, past those that others are taking. Returns how many; *tasks in CurrentMemoryContext. */
extern int	task_store_claim(const TaskClaim *claim, ClaimedTask **tasks);

/* The workflows that the role owns or was granted, for TaskClaim; never NULL. */
extern ArrayType *task_store_workflows(Oid role);

/* The token of a state that hands it out, before anybody gets it. heartbeat in seconds, 0 = none. */
extern void task_store_token(const Step *step, int seq, int64 heartbeat, const TaskToken *token);

/* Removes the task of the branch, whoever has it. Returns whether it was still there. */
extern bool task_store_abandon(int64 run_id, int branch_id);

/* Removes tasks and leases of runs that have ended by an error of ours. */
extern void task_store_repair(void);

/* lease_store.c */

/* What becomes of a lease. */
typedef struct Settlement
{
	TaskToken	token;
	Jsonb	   *output;			/* or NULL */
	const char *error;			/* NULL = completed; "" = failed without a name */
	const char *cause;
} Settlement;

/*
 * Ends leases with results or failures: the runs are told. found[i] = the i-th
 * was there. Waits for who has locked one.
 */
extern int	lease_store_settle(const Settlement *settlements, int count, bool *found);

/* Back to the queue; `losses` is added to how often their workers were lost. Returns how many were there; tokens of states are not. */
extern int	lease_store_release(const TaskToken *tokens, int count, int losses, bool *found);

/* Ends the token of that number that a state handed out; false if it is gone. */
extern bool lease_store_revoke(int64 run_id, int branch_id, int seq);

/* Locks the lease until the end of the transaction; false if it isn't there. */
extern bool lease_store_lock(const TaskToken *token);

typedef struct Lease
{
	TaskToken	token;
	TimestampTz claimed_at;
	int			length;			/* milliseconds; 0 = a token, which lasts */
	int			heartbeat;		/* seconds; 0 = none */
	int			losses;
} Lease;

/* When it ends if it was last heard of at that time; DT_NOEND = never. */
extern TimestampTz lease_until(const Lease *lease, TimestampTz heard_at);

extern bool lease_store_find(const TaskToken *token, Lease *lease);

/* Where shared memory has no room for the heartbeat; false: the lease is gone. */
extern bool lease_store_heard(const TaskToken *token, TimestampTz now);

/* Those that can end, by their start; a List of Lease *. *all = there are no more than the limit. */
extern List *lease_store_ending(int limit, bool *all);

/* Locks those that nobody else has locked; locked[i] = the i-th is. */
extern void lease_store_lock_many(const TaskToken *tokens, int count, bool *locked);

#endif							/* DALP_TASK_STORE_H */
