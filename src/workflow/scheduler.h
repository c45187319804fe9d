/*
 * scheduler.h
 *		The worker of time: due timers, repairs, partitions.
 */
#ifndef DALP_SCHEDULER_H
#define DALP_SCHEDULER_H

#include "postgres.h"

#include "datatype/timestamp.h"

/* Defines the worker class. */
extern void scheduler_init(void);

/* scheduler_store.c; all need an open store. */

/* Turns up to `limit` due timers into ready rows, wakes their shards at commit. Returns how many were due. */
extern int	scheduler_fire(TimestampTz now, int limit);

/* When the next timer is due; DT_NOEND if there is none. */
extern TimestampTz scheduler_next(void);

/*
 * What should never be needed: ready rows of runs that have ended, live runs
 * that wait for nothing, parked rows whose reason is gone, numbers of roles that
 * were dropped. Returns how many runs without any token were made ready again.
 */
extern int	scheduler_repair(TimestampTz now);

#endif							/* DALP_SCHEDULER_H */
