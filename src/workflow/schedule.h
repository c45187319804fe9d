/*
 * schedule.h
 *		Schedules: runs that start at the times of a cron expression.
 */
#ifndef DALP_SCHEDULE_H
#define DALP_SCHEDULE_H

#include "postgres.h"

#include "datatype/timestamp.h"
#include "nodes/pg_list.h"
#include "utils/array.h"
#include "utils/jsonb.h"

#include "workflow/cron.h"

/* A slot that passed more than this ago was missed: catch_up decides about it. Microseconds. */
#define SCHEDULE_GRACE INT64CONST(10000000)

/* So many runs of a schedule are known to go on; more are only counted as started. */
#define SCHEDULE_LIVE_LIMIT 100

typedef enum ScheduleOverlap
{
	OVERLAP_SKIP,
	OVERLAP_BUFFER_ONE,
	OVERLAP_ALLOW,
	OVERLAP_CANCEL_RUNNING
} ScheduleOverlap;

typedef enum ScheduleCatchUp
{
	CATCH_UP_NONE,
	CATCH_UP_LAST,
	CATCH_UP_ALL
} ScheduleCatchUp;

typedef struct Schedule
{
	int			schedule_id;	/* 0 = not stored yet */
	char	   *name;
	char	   *workflow;
	Oid			owner;
	char	   *cron_text;
	char	   *time_zone;
	Jsonb	   *input;
	Jsonb	   *tags;			/* without schedule and slot */
	int			priority;
	Interval   *timeout;		/* NULL = what the definition says */
	ScheduleOverlap on_overlap;
	ScheduleCatchUp catch_up;
	Interval   *window;
	bool		paused;
	TimestampTz next_at;		/* DT_NOEND = there is none */
	TimestampTz look_at;		/* DT_NOEND = never */
	TimestampTz last_slot;		/* DT_NOBEGIN = there was none */

	/* What a look at it has brought; counters grow by these. */
	List	   *live;			/* of int64 *: runs that go on */
	int64		last_run_id;	/* 0 = none was started */
	int			started;
	int			skipped;
	int			missed;
	int			failed;
	char	   *last_error;
	int64		seen;			/* sum of the counters before */
} Schedule;

typedef struct SlotOutcome
{
	TimestampTz slot;
	const char *outcome;		/* as in dalp_workflow.schedule_slot */
	int			slots;
	int64		run_id;			/* 0 = none */
	const char *reason;
} SlotOutcome;

/* Names of the policies, as in SQL; false for another. */
extern bool schedule_read_overlap(const char *name, ScheduleOverlap *overlap);
extern bool schedule_read_catch_up(const char *name, ScheduleCatchUp *catch_up);
extern const char *schedule_overlap_name(ScheduleOverlap overlap);
extern const char *schedule_catch_up_name(ScheduleCatchUp catch_up);

/* The first slot after a moment, DT_NOEND if there is none. Errors: DL006 for the text or the zone. */
extern TimestampTz schedule_next_slot(const char *cron_text, const char *time_zone, TimestampTz after);

/*
 * Decides about the slots of one due schedule up to now; at most some, then
 * next_at is still due.  Needs an open store and its row locked; everything is
 * written in this transaction.
 */
extern void schedule_decide(Schedule *schedule, TimestampTz now);

/* Starts a run now, by hand; its id. Raises what dalp.start would. */
extern int64 schedule_start(const Schedule *schedule, TimestampTz slot, bool by_hand);

/* For the scheduler: looks at up to `limit` schedules that are due; returns how many there were. */
extern int	schedule_fire(TimestampTz now, int limit);

/* schedule_store.c; all need an open store. */

/* Up to `limit` due ones, locked, without those that somebody else has locked. */
extern List *schedule_store_due(TimestampTz now, int limit);
/* One by name, locked; NULL if there is none. */
extern Schedule *schedule_store_lock(const char *name);
/* When to look at the next one; DT_NOEND = never. */
extern TimestampTz schedule_store_next(void);
/* Inserts it, or replaces what users set. False where another one of that name came first. */
extern bool schedule_store_save(Schedule *schedule, int workflow_id, TimestampTz now);
extern void schedule_store_drop(int schedule_id);
extern void schedule_store_pause(int schedule_id, bool paused, const char *note, TimestampTz next_at, TimestampTz now);
/* After schedule_decide or a start by hand: position, counters, live runs, outcomes. */
extern void schedule_store_decided(const Schedule *schedule, TimestampTz now, const List *outcomes);
/* It can't be decided about: look again later, and say why. */
extern void schedule_store_trouble(int schedule_id, TimestampTz look_at, const char *error);
/* Removes from schedule->live what has ended. */
extern void schedule_store_refresh_live(Schedule *schedule);
/* Locks a run without waiting; false if somebody has it, or it has ended. */
extern bool schedule_store_lock_run(int64 run_id);

#endif							/* DALP_SCHEDULE_H */
