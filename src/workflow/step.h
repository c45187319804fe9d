/*
 * step.h
 *		One branch of a run, as an executor has it in hand, and everything that
 *		a batch of steps writes.
 *
 * Flow of a batch (executor.c): claim_batch() locks the runs, step_run()
 * decides and does each step and only notes what is to be written in
 * BatchWrites, batch_flush() writes it table by table, one commit.
 */
#ifndef DALP_STEP_H
#define DALP_STEP_H

#include "postgres.h"

#include "datatype/timestamp.h"
#include "storage/itemptr.h"
#include "utils/jsonb.h"

#include "asl/asl.h"
#include "core/rows.h"
#include "workflow/definition.h"

/* Kinds of ready rows. */
typedef enum ReadyKind
{
	READY_STEP,					/* run the state */
	READY_RESUME,				/* a Wait is over */
	READY_TIMEOUT,				/* what the branch waits for took too long */
	READY_DEADLINE,				/* the run took too long */
	READY_DELIVER				/* look into the inbox */
} ReadyKind;

extern const char *ready_kind_name(ReadyKind kind);
extern ReadyKind ready_kind_read(const char *name);

/* Shards of the ready table: run_id modulo this many. */
#define READY_SHARDS 16
#define run_shard(run_id) ((int) ((run_id) % READY_SHARDS))

typedef struct Step
{
	/* the ready row */
	ItemPointerData ready_row;
	ReadyKind	kind;
	int			ready_entry;
	int64		pass;			/* its place in the order of claims; where it was claimed with others */

	/* the run (locked) */
	int64		run_id;
	const Definition *definition;
	int			priority;
	bool		run_paused;
	bool		workflow_paused;
	char	   *concurrency_key;
	int64		parent_run_id;	/* 0 = none */
	int			parent_branch;
	TimestampTz started_at;
	int			redrives;
	bool		compensating;	/* the run has failed, and undoes what it had completed */
	Jsonb	   *run_input;		/* run_data.input */

	/* the branch: where it stands, committed */
	int			branch_id;
	ItemPointerData branch_row; /* of the branch's row: it stays where it is while the run is locked */
	const AslState *state;
	const char *label;			/* of a durable procedure: the last step that it asked for; NULL otherwise */
	int			entry;
	TimestampTz entered_at;
	bool		entered_logged; /* the journal has the entering of this state */
	int			attempt;
	int16		retries[ASL_MAX_RETRIERS];
	int			transient;
	int			last_seq;
	int			data_seq;
	int			fork_parent;	/* branch whose Parallel or Map it belongs to; -1 in branch 0 */
	int			children_started;	/* of its own Parallel or Map */
	int			children_open;
	int			children_failed;
	Jsonb	   *input;			/* raw input of the state */
	Jsonb	   *variables;		/* or NULL */
	Jsonb	   *item;			/* {"index", "value"} of the Map iteration around it, or NULL */

	/* only while a message is delivered or a task called */
	const char *worker;			/* who did the task, where it was not us */
	const struct TaskToken *token;	/* of this attempt, where the state hands it out */

	/* what came of it, for the executor's memory */
	bool		stays_ready;	/* goes on at once */
	bool		finished;		/* the run has ended */
	const struct Step *culprit; /* branch whose failure is this one's; NULL = its own */
} Step;

/* Where the branch stands, as people see it. */
#define step_place(step) ((step)->label != NULL ? (step)->label : asl_state_name((step)->state))

/* Branches of one Parallel or Map that ended in this batch. */
typedef struct ForkEnd
{
	Step	   *child;			/* one of them: knows the run */
	int			fork_parent;
	int			succeeded;
	int			failed;
	const char *error;			/* of the first one that failed */
	const char *cause;
	const Step *culprit;		/* where that failure comes from */
} ForkEnd;

/* What an executor writes at the end of a batch. */
typedef struct BatchWrites
{
	Rows		journal;
	Rows		branches;		/* new positions */
	Rows		ready_gone;		/* ctid: rows that are done with */
	Rows		ready_new;
	Rows		timers;
	Rows		timers_gone;	/* run_id, branch_id */
	Rows		waits;
	Rows		tasks;			/* for workers outside the database */
	Rows		waits_gone;		/* run_id, branch_id */
	Rows		messages_gone;	/* message_id */
	Rows		parked;
	Rows		runs_done;		/* finished runs; their live rows go */
	Rows		compensable;	/* Tasks with Compensate that work or have completed */
	Rows		completions;	/* those that waited and have completed now */
	bool		compensations_gone; /* a finished run may have rows of the two above */
	List	   *forks;			/* of ForkEnd *: branches that ended, by the Parallel or Map they belong to */
	bool		has_waiters;	/* somebody may wait for a run that ended */
} BatchWrites;

/* batch_store.c */
extern void batch_init(BatchWrites *writes);
extern void batch_flush(BatchWrites *writes);
/* A journal row for the step's state; gives it the next number. Unset texts and documents are NULL. */
extern void batch_journal(BatchWrites *writes, Step *step, const char *event, TimestampTz at,
						  Jsonb *output, Jsonb *variables, const char *error, const char *cause,
						  Jsonb *details);
/* Where the branch stands now; the flush notes in the step where its row is then, so that the step must live until it. */
extern void batch_position(BatchWrites *writes, Step *step);
extern void batch_ready_gone(BatchWrites *writes, const Step *step);
extern void batch_ready_new(BatchWrites *writes, const Step *step, ReadyKind kind, int entry);
extern void batch_timer(BatchWrites *writes, const Step *step, const char *kind, TimestampTz fire_at);
extern void batch_timers_gone(BatchWrites *writes, const Step *step);
/* The branch of a Parallel or Map has ended. */
extern void batch_branch_done(BatchWrites *writes, Step *step, bool succeeded, const char *error, const char *cause);
extern void batch_wait(BatchWrites *writes, const Step *step, const char *kind,
					   const char *name, int64 reference, TimestampTz since);
/* task_store.c: the branch's task goes into the queue; heartbeat in seconds, 0 = none. After its journal row. */
extern void batch_task(BatchWrites *writes, const Step *step, const char *queue, int64 heartbeat);
extern void batch_tasks_init(BatchWrites *writes);
extern void batch_tasks_flush(BatchWrites *writes);
extern void batch_wait_gone(BatchWrites *writes, const Step *step);
extern void batch_message_gone(BatchWrites *writes, int64 message_id);
extern void batch_parked(BatchWrites *writes, const Step *step, const char *reason,
						 const char *reference, TimestampTz since);
extern void batch_run_done(BatchWrites *writes, const Step *step, const char *status, TimestampTz at,
						   Jsonb *output, const char *error, const char *cause);

/* claim_store.c */

/*
 * Claims ready rows of the shards (bit mask), in claim order, at most `limit`
 * a shard, or only those of one run, and locks their runs; runs that somebody
 * else has locked are left out.  Loads where each branch stands, after the
 * lock.  Returns a List of Step; *shards_left = mask of shards that had rows.
 * Positions in the caller's memory (hot) spare reading the documents again.
 * The filter is asked about each run before anything of it is loaded.
 */
typedef bool (*ClaimRecall) (Step *step);	/* fills input, variables, run_input if known at last_seq */
typedef bool (*ClaimFilter) (int64 run_id);
extern List *claim_batch(uint32 shards, int limit, int64 only_run, ClaimFilter filter, ClaimRecall recall,
						 uint32 *shards_left);

typedef struct Message
{
	int64		message_id;
	int			branch_id;		/* -1 = whichever waits */
	char	   *kind;
	char	   *name;
	int64		reference;
	Jsonb	   *payload;
	char	   *error;			/* "" = failed without a name */
	char	   *cause;
	char	   *worker;			/* who did the task */
} Message;

/* Locks a live run, waiting for whoever has it, and loads its branch 0; NULL if it has ended or never was. */
extern Step *claim_run(int64 run_id);

/* Oldest signal of that name that this batch hasn't taken already, or NULL. */
extern Message *claim_signal(int64 run_id, const char *name, const BatchWrites *writes);

/* The first message that a wait of the run is for, with that wait's branch; NULL if none. *more = there are others. */
extern Message *claim_message(int64 run_id, int *branch_id, bool *more);

/*
 * What the branch waits for, whose time-out has come: kind, reference (0 =
 * none); NULL = nothing.  Where a timer of this entry still runs, the time-out
 * was that of an earlier attempt, and NULL is returned.
 */
extern char *claim_overdue_wait(int64 run_id, int branch_id, int entry, int64 *reference);

/* Loads the position of a branch into a step whose run_id, definition and branch_id are set; false if it is gone. */
extern bool claim_position(Step *step, ClaimRecall recall);

/* Takes the concurrency key for the run, or finds it taken (then the holder's row stays locked). */
extern bool claim_concurrency_key(const Step *step);
/* Is the workflow still paused?  Holds a lock, so that a resume comes before the question or after the parking. */
extern bool claim_workflow_is_paused(int workflow_id);

/* Where nobody has the key: the oldest run that is parked for it, and not paused, becomes ready. */
extern void claim_pass_key(int workflow_id, const char *key);
/* Gives it up, where the run has it, and passes it on. */
extern void claim_release_key(int workflow_id, const char *key, int64 run_id);

/* advance.c */

typedef enum StepVerdict
{
	STEP_DONE,					/* noted in the writes */
	STEP_CONFLICT,				/* deadlock or serialization failure: abort the batch, run its members alone */
	STEP_PROCEDURE				/* nothing is done: procedure_turn() has to run it, outside of any batch */
} StepVerdict;

/* Does one step; alone = nothing else is in this transaction. */
extern StepVerdict step_run(Step *step, BatchWrites *writes, bool alone);


/* The branch's Parallel or Map has its result, or has failed and is decided about: the branch goes on, or not. */
extern void step_end_fork(Step *step, BatchWrites *writes, const Doc *result, const AslDecision *decision);

/* The procedure of a run has ended, or failed; again = for reasons that may pass. No ready row is touched. */
extern void step_end_procedure(Step *step, BatchWrites *writes, Jsonb *result, const AslError *error, bool again);

/* The position of the step as pure code sees it, in the current memory context. */
extern const AslPosition *step_position(Step *step);

/* What a run fails with that has outgrown dalp.max_history. */
#define HISTORY_ERROR "Workflow.HistoryLimitExceeded"

/* ending.c */

/* The run has its output. */
extern void step_finish_run(Step *step, BatchWrites *writes, Jsonb *output, Jsonb *variables);

/*
 * Nothing caught the failure of branch 0, or the run took too long: FAILED or
 * TIMED_OUT, once what it had completed is compensated.
 */
extern void step_fail_run(Step *step, BatchWrites *writes, const char *status,
						  const char *error, const char *cause);

/* Ends the run because somebody wants it, as ABORTED; compensate: once what it had completed is compensated. */
extern void step_abort_run(Step *step, BatchWrites *writes, const char *reason, bool compensate);

/*
 * Writes the end of a run whose journal has it: status, error and cause as in
 * dalp.runs.  at = when it failed; first = nobody has been told before.
 */
extern void step_end_run(Step *step, BatchWrites *writes, const char *status, const char *error, const char *cause,
						 TimestampTz at, bool first);

/* fork.c */

typedef enum ForkStart
{
	FORK_STARTED,				/* the branch waits */
	FORK_EMPTY,					/* there are no items: the result is [] */
	FORK_FAILED					/* *failure is the decision about the state */
} ForkStart;

/* Starts the branches of a Parallel or Map. */
extern ForkStart fork_start(Step *step, const AslDecision *decision, BatchWrites *writes, AslDecision *failure);

/* After a flush, in the same transaction: what follows from branches that ended. Writes and flushes until nothing does. */
extern void fork_settle(BatchWrites *writes);

/* May the steps be done in one batch? Only if neither needs what the other writes. */
extern bool fork_may_share_batch(const Step *step);

/* task.c */

/* What a Task state did. */
typedef enum TaskResult
{
	TASK_DONE,					/* result */
	TASK_FAILED,				/* error */
	TASK_WAITS,					/* wait row and timer are noted */
	TASK_CONFLICT,
	TASK_AGAIN					/* transient: error says what */
} TaskResult;

extern TaskResult task_run(Step *step, const AslDecision *call, Jsonb *input, BatchWrites *writes,
						   Jsonb **result, AslError *error);

/* The stable idempotency key of what the state entry does outside the database: run, branch, entry, not the attempt. */
extern char *task_key(const Step *step);

/* The text of a new token for a state that hands one out, and its hash in step->token; NULL for other states. */
extern const char *task_new_token(Step *step);

/*
 * What the branch waits for (a wait row's kind and reference) isn't wanted any
 * more. Returns false where it has ended before: its message is there.
 */
extern bool task_abandon(const Step *step, const char *wait_kind, int64 reference, const char *reason);

/* The run whose handler is being called by this process, so locked and in hand; 0 = none. */
extern int64 task_calling_run(void);
extern void task_calls(int64 run_id);

#endif							/* DALP_STEP_H */
