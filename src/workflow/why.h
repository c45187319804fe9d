/*
 * why.h
 *		What a run waits for, and what would move it.
 *
 * why_store.c gathers the facts, why.c says in words what they mean; nothing
 * is written.
 */
#ifndef DALP_WHY_H
#define DALP_WHY_H

#include "postgres.h"

#include "datatype/timestamp.h"
#include "nodes/pg_list.h"

/* The run, live or finished. */
typedef struct WhyRun
{
	int64		run_id;
	int			workflow_id;
	char	   *workflow;
	Oid			owner;
	char	   *status;			/* SUCCEEDED, FAILED, TIMED_OUT, ABORTED; NULL while it is live */
	char	   *error;			/* of a finished one; may be NULL */
	int64		parent_run_id;	/* 0 = none */
	TimestampTz finished_at;
	int64		dead_letter;	/* the open one; 0 = none */
} WhyRun;

/* One reason why one branch doesn't go on.  Times of 0 are unknown, or never. */
typedef struct WhyReason
{
	int			branch_id;

	/*
	 * As in table wait: signal, transaction, call, run, branches, task, token.
	 * As in table timer: start, sleep, retry.  As in table parked: run_paused,
	 * workflow_paused, tenant_paused, concurrency_key, limit.  Besides: ready (name = kind of
	 * the row), dead_letter, ended, none; standby and reconciling hold back all
	 * of a run.
	 */
	const char *kind;
	const char *name;			/* or NULL */
	int64		reference;		/* 0 = none */
	TimestampTz since;
	TimestampTz until;
	const char *detail;			/* by kind: state of the transaction, status of the child, worker that has the task, error of the attempt,
								 * role that paused, names of signals that are kept,
								 * ready: kind of what holds back all runs; or NULL */
	int64		amount;			/* by kind: open branches, signals of the name that are kept, retries, what is before its run */
	bool		current;		/* paused: it still is; ready: an executor runs */
} WhyReason;

/* What is said about a reason. */
typedef struct WhyWords
{
	const char *waits_for;
	const char *what_next;
} WhyWords;

/* At most so many ready rows or parked runs before one are counted. */
#define WHY_MAX_COUNTED 1000

/* The words for one reason, palloc'd. */
extern void why_explain(const WhyRun *run, const WhyReason *reason, WhyWords *words);

/* Why no run of this database goes on; NULL where the place is no hindrance. */
extern WhyReason *why_of_place(bool is_standby, bool is_reconciling);

/* Where nothing of a run waits: why. Never NULL. */
extern WhyReason *why_at_rest(const WhyRun *run);

/* why_store.c; all need an open store, and use one snapshot. */

/* false: there is no such run. */
extern bool why_store_run(int64 run_id, WhyRun *run);

/* List of WhyReason of a live run, by branch. */
extern List *why_store_reasons(int64 run_id);

#endif							/* DALP_WHY_H */
