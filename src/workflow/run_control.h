/*
 * run_control.h
 *		What people do to runs: cancel, pause, resume, redrive.
 */
#ifndef DALP_RUN_CONTROL_H
#define DALP_RUN_CONTROL_H

#include "postgres.h"

#include "utils/jsonb.h"

#include "workflow/step.h"

typedef struct RunInfo
{
	int64		run_id;
	int			workflow_id;
	int			definition_id;
	char	   *workflow;
	Oid			owner;
	bool		live;
	bool		paused;
	bool		compensated;	/* finished, and what it had completed is undone */
	char	   *status;			/* of a finished run; NULL while it is live */
	char	   *state;
} RunInfo;

typedef struct RunWait
{
	int			branch_id;
	char	   *kind;
	int64		reference;
} RunWait;

/* All need an open store. */

/* Where the run is, live or finished. Errors: DL002. */
extern void run_find(int64 run_id, RunInfo *info);

/*
 * Ends a live run as ABORTED, with all that it waits for; its child runs too.
 * compensate: first it undoes what it had completed; without, a run that
 * compensates already is ended at once, as what it failed with.
 * Errors: DL002, DL003.
 */
extern void run_cancel(int64 run_id, const char *reason, bool compensate);

/* The same for a child that nobody waits for any more; nothing where it has ended or compensates already. */
extern void run_cancel_child(int64 run_id, const char *reason);

/* What a live, locked run waits for isn't wanted any more: its transactions and child runs are cancelled. */
extern void run_abandon_waits(const Step *run, const char *reason);

/* The same for some of its waits. */
extern void task_abandon_waits(const Step *run, const RunWait *waits, int count, const char *reason);

/* Errors: DL002, DL003 where it is (not) paused or has ended. */
extern void run_pause(int64 run_id);
extern void run_resume(int64 run_id);
extern void workflow_pause(const char *name);
extern void workflow_resume(const char *name);

/* A failed run goes on at the state that failed, its input changed by an RFC 7396 merge patch or NULL; a DeadLetterRedrive. */
extern int64 run_redrive(int64 run_id, Jsonb *patch, Oid actor, int64 delay);

/* run_control_store.c */

/* W3C trace context that the run was started with, or NULL. */
extern char *run_traceparent(int64 run_id);
extern int	run_waits(int64 run_id, RunWait **waits);
extern bool run_store_pause(int64 run_id, const char *workflow);
extern bool run_store_resume(int64 run_id);
extern bool workflow_store_pause(int workflow_id, bool paused);
/* Rows that were parked for that reason are ready again. */
extern void run_store_unpark(const char *reason, const char *reference);
/*
 * The run is live and locked again, in a new entry of its last state; NULL if
 * it isn't a failed one, or not compensated as asked for.  *status = the old one.
 */
extern Step *run_store_revive(int64 run_id, bool compensated, char **status);

#endif							/* DALP_RUN_CONTROL_H */
