/*
 * compensate.h
 *		What a failed run had completed is undone: "Compensate" of Tasks.
 */
#ifndef DALP_COMPENSATE_H
#define DALP_COMPENSATE_H

#include "postgres.h"

#include "utils/jsonb.h"

#include "workflow/step.h"

/* The parts of a batch's writes that are this module's. */
extern void compensate_init(BatchWrites *writes);
extern void compensate_flush(BatchWrites *writes);

/* A Task with Compensate has handed out its work, with this effective input, and waits. */
extern void compensate_note_called(BatchWrites *writes, const Step *step, Jsonb *input);

/* It has completed with the result; input = its effective input where it never waited, else NULL. */
extern void compensate_note_completed(BatchWrites *writes, const Step *step, Jsonb *input, Jsonb *result,
									  Jsonb *variables);

/*
 * The run, branch 0 in hand and its end as the last row of its journal, ends
 * with this status once all that it had completed is compensated; nothing else
 * of it goes on.  Returns false where there is nothing to compensate.
 */
extern bool compensate_begin(Step *run, BatchWrites *writes, const char *status, const char *error, const char *cause);

/* The branch of a compensation has ended: its journal, and its dead letter. */
extern void compensate_ended(Step *step, BatchWrites *writes, bool succeeded, Jsonb *output,
							 const char *error, const char *cause);

/* After that: the next compensation, or the end of the run. run = branch 0. */
extern void compensate_settle(Step *run, BatchWrites *writes);

/* The compensation under way can't even be stepped: it has failed, the next one follows. */
extern void compensate_bury(Step *run, BatchWrites *writes, const char *error, const char *cause);

/* An operator wants no more of it: those that haven't run are dropped, and the run ends as it would have. */
extern void compensate_stop(Step *run, BatchWrites *writes, const char *reason);

/* A DeadLetterRedrive: a compensation that failed runs once more, its input patched. reference = its number. */
extern int64 compensate_redrive(int64 number, Jsonb *patch, Oid actor, int64 delay);

/* compensate_store.c; all need an open store and the run locked. */

typedef struct Compensation
{
	int64		number;			/* order of completion, unique; the reference of its dead letter */
	int64		run_id;
	char	   *state;			/* that is undone */
	int			branch_id;		/* in which it ran */
	int			entry;
	Jsonb	   *input;
	Jsonb	   *result;
	Jsonb	   *variables;
	Jsonb	   *item;			/* of the Map iteration around it, or NULL */
} Compensation;

/* How a run that is compensating failed, from its journal. */
typedef struct CompensationEnd
{
	char	   *status;
	char	   *error;
	char	   *cause;
	TimestampTz at;
	bool		told;			/* it has ended once before, and a compensation was redriven since */
} CompensationEnd;

/* Takes the latest completed one that is neither done nor under way; false if there is none. */
extern bool compensate_store_next(int64 run_id, Compensation *compensation);
/* From here on the run compensates and does nothing else; its branches, waits, timers and ready rows go. */
extern void compensate_store_stop_run(int64 run_id);
/* Starts it as a branch of the run. */
extern void compensate_store_start(const Step *run, const Compensation *compensation, int branch_id, const char *state,
								   Jsonb *input, Jsonb *details);
/* The branch of the compensation under way; 0 = none. */
extern int	compensate_store_branch(int64 run_id);
/* Notes how the one that runs in the branch ended; its number. */
extern int64 compensate_store_end(int64 run_id, int branch_id, const char *outcome);
/* Those that haven't run never will. */
extern void compensate_store_drop(int64 run_id);
extern void compensate_store_failure(int64 run_id, CompensationEnd *end);
/* The failed one of that number; false if there is none. */
extern bool compensate_store_failed(int64 number, Compensation *compensation);
/* It is open again, with these documents. */
extern void compensate_store_reopen(int64 number, Jsonb *input, Jsonb *result);
/* The journal number of the failure that the run compensated. */
extern int	compensate_store_failed_seq(int64 run_id);

#endif							/* DALP_COMPENSATE_H */
