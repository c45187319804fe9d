/*
 * limit.h
 *		Limits of workflows: how many runs go on at once, how many begin a second.
 *
 * A run of a workflow with a limit doesn't become ready when it is started,
 * but parked, with reason 'limit'.  Only the scheduler lets runs in, in the
 * order of priority and start; one process counts, so that no lock is needed
 * on the way of steps, and a workflow without limits pays nothing.
 */
#ifndef DALP_LIMIT_H
#define DALP_LIMIT_H

#include "postgres.h"

#include "datatype/timestamp.h"

/* All need an open store. */

/* Runs that were made ready in this transaction wait for their workflow's limit instead. */
extern void limit_hold(const char *workflow, int count, const int64 *run_ids);

/* The same for one run whose workflow may have none. */
extern void limit_hold_if_limited(int64 run_id);

/* For the scheduler: delayed starts that are due now wait too. Before it makes timers ready. */
extern void limit_hold_due(TimestampTz now);

/* For the scheduler: lets in whom the limits allow; returns when to look again, DT_NOEND = when something ends or starts. */
extern TimestampTz limit_let_in(TimestampTz now);

/* Sets both; 0 = none. Returns false where there is no such workflow. */
extern bool limit_set(const char *workflow, int max_running, double rate_per_second, TimestampTz now);

#endif							/* DALP_LIMIT_H */
