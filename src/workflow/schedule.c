/*
 * schedule.c
 *		What happens at the slots of a schedule.
 *
 * In the scheduler, with the schedule's row locked.  A slot is decided about in
 * the transaction that starts its run and moves the row on: after a crash both
 * are there or neither.  next_at only grows, so that a clock that goes back
 * makes no slot come twice; the idempotency key of the run says the same again.
 *
 * A run that can't be started (rights were taken away, the input is too large
 * by now) costs its slot, with the reason in dalp.schedule_slots.  What passes
 * (locks, serialization) is tried again a moment later.
 */
#include "compat.h"

#include "miscadmin.h"
#include "pgtime.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/jsonfuncs.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"

#include "core/clock.h"
#include "core/errors.h"
#include "core/stop_point.h"
#include "workflow/arguments.h"
#include "workflow/definition.h"
#include "workflow/handler.h"
#include "workflow/run_control.h"
#include "workflow/schedule.h"
#include "workflow/start.h"

/* So many runs of one schedule are started in a transaction, and so many missed slots counted. */
#define START_BATCH 100
#define SLOT_BATCH 10000

/* When to look again at a schedule that has to wait for a lock. */
#define RETRY_MS 200

/* When to look again at one that can't even be decided about. */
#define TROUBLE_PAUSE (60 * USECS_PER_SEC)

/* How long the scheduler waits for the children of a run that it cancels. */
#define CANCEL_LOCK_TIMEOUT "500ms"

static const char *const overlap_names[] = {"skip", "buffer_one", "allow", "cancel_running"};
static const char *const catch_up_names[] = {"none", "last", "all"};

/* Number of the name, or -1. */
static int
find_name(const char *const *names, int count, const char *name)
{
	for (int i = 0; i < count; i++)
		if (strcmp(names[i], name) == 0)
			return i;
	return -1;
}

bool
schedule_read_overlap(const char *name, ScheduleOverlap *overlap)
{
	int			number = find_name(overlap_names, lengthof(overlap_names), name);

	*overlap = (ScheduleOverlap) Max(number, 0);
	return number >= 0;
}

bool
schedule_read_catch_up(const char *name, ScheduleCatchUp *catch_up)
{
	int			number = find_name(catch_up_names, lengthof(catch_up_names), name);

	*catch_up = (ScheduleCatchUp) Max(number, 0);
	return number >= 0;
}

const char *
schedule_overlap_name(ScheduleOverlap overlap)
{
	return overlap_names[overlap];
}

const char *
schedule_catch_up_name(ScheduleCatchUp catch_up)
{
	return catch_up_names[catch_up];
}

/* A CronZone's offset, by the server's own time zones. */
static int32_t
zone_offset(const void *zone, int64_t moment)
{
	pg_time_t	t = moment;

	return (int32_t) pg_localtime(&t, (const pg_tz *) zone)->tm_gmtoff;
}

/* Both parsed. Errors: DL006. */
static void
read_cron(const char *cron_text, const char *time_zone, Cron *cron, CronZone *zone)
{
	Problem		problem = {{0}, {0}};
	pg_tz	   *tz = strlen(time_zone) > TZ_STRLEN_MAX ? NULL : pg_tzset(time_zone);

	if (tz == NULL || !pg_tz_acceptable(tz))
		ereport(ERROR,
				(errcode(ERRCODE_DALP_INVALID_INPUT),
				 errmsg("time zone \"%.255s\" is not known", time_zone),
				 errhint("pg_timezone_names lists them, for example Europe/Brussels.")));
	if (!cron_parse(cron_text, strlen(cron_text), cron, &problem))
		problem_raise(&problem, "cron expression");
	zone->offset = zone_offset;
	zone->zone = tz;
}

/* Whole seconds since 1970, rounded down; what is before all slots counts as 1970. */
static int64
seconds_of(TimestampTz at)
{
	int64		micros;

	if (at <= clock_from_unix(0))
		return -1;
	if (at >= clock_from_unix(INT64CONST(16725225600) * USECS_PER_SEC))
		return INT64CONST(16725225600);
	micros = clock_to_unix(at);
	return micros / USECS_PER_SEC;
}

static TimestampTz
next_slot(const Cron *cron, const CronZone *zone, TimestampTz after)
{
	int64		next = cron_next(cron, zone, seconds_of(after));

	return next == CRON_NEVER ? DT_NOEND : clock_from_unix(next * USECS_PER_SEC);
}

TimestampTz
schedule_next_slot(const char *cron_text, const char *time_zone, TimestampTz after)
{
	Cron		cron;
	CronZone	zone;

	read_cron(cron_text, time_zone, &cron, &zone);
	return next_slot(&cron, &zone, after);
}

/* "2027-03-28T01:00:00Z": the slot in keys, tags and inputs. */
static char *
slot_text(TimestampTz slot)
{
	CronTime	time;

	cron_split_time(seconds_of(slot), &time);
	return psprintf("%04d-%02d-%02dT%02d:%02d:%02dZ", time.year, time.month, time.day, time.hour, time.minute, time.second);
}

/* A JsonTransformStringValuesAction: the text <dalp.slot> becomes the slot. */
static text *
fill_slot(void *state, char *value, int length)
{
	static const char marker[] = "<dalp.slot>";

	if (length == sizeof(marker) - 1 && memcmp(value, marker, length) == 0)
		return cstring_to_text((char *) state);
	return cstring_to_text_with_len(value, length);
}

static Jsonb *
run_tags(const Schedule *schedule, char *slot)
{
	JsonbParseState *state = NULL;
	JsonbValue	parts[4];
	const char *texts[] = {"schedule", schedule->name, "slot", slot};
	Jsonb	   *own;

	for (int i = 0; i < 4; i++)
	{
		parts[i].type = jbvString;
		parts[i].val.string.val = unconstify(char *, texts[i]);
		parts[i].val.string.len = (int) strlen(texts[i]);
	}
	pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	for (int i = 0; i < 4; i++)
		pushJsonbValue(&state, i % 2 == 0 ? WJB_KEY : WJB_VALUE, &parts[i]);
	own = JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL));
	return DatumGetJsonbP(DirectFunctionCall2(jsonb_concat, JsonbPGetDatum(schedule->tags), JsonbPGetDatum(own)));
}

int64
schedule_start(const Schedule *schedule, TimestampTz slot, bool by_hand)
{
	WorkflowInfo info;
	StartRequest request = {0};
	char	   *text = slot_text(slot);
	Jsonb	   *input = transform_jsonb_string_values(schedule->input, text, fill_slot);
	char	   *key = by_hand ? NULL : psprintf("schedule:%s:%s", schedule->name, text);
	int64		run_id;

	definition_find(schedule->workflow, 0, &info);
	definition_require(info.workflow_id, info.name, info.owner, schedule->owner);
	request.definition = definition_get(info.definition_id);
	request.limited = info.limited;
	request.starter = schedule->owner;
	request.priority = schedule->priority;
	request.tags = run_tags(schedule, text);
	request.timeout = schedule->timeout == NULL ? 0 : interval_microseconds(schedule->timeout);
	if (schedule->on_overlap == OVERLAP_BUFFER_ONE)
		request.concurrency_key = psprintf("schedule:%s", schedule->name);
	start_runs(&request, 1, &input, &key, &run_id);
	return run_id;
}

/* A HandlerBody that starts the run of a slot. */
typedef struct SlotStart
{
	Schedule   *schedule;
	TimestampTz slot;
	int64		run_id;
} SlotStart;

static void
start_body(void *argument)
{
	SlotStart  *start = argument;
	Oid			owner = start->schedule->owner;

	if (!SearchSysCacheExists1(AUTHOID, ObjectIdGetDatum(owner)))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("the role that created schedule \"%s\" does not exist any more", start->schedule->name),
				 errhint("Create the schedule again as another role.")));
	start->run_id = schedule_start(start->schedule, start->slot, false);
}

/* A HandlerBody that cancels a run whose row is locked. */
static void
cancel_body(void *argument)
{
	SlotStart  *start = argument;
	int			nest = NewGUCNestLevel();

	/* Its children are locked too: somebody may have one for long, and all timers would wait. */
	(void) set_config_option("lock_timeout", CANCEL_LOCK_TIMEOUT, PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	run_cancel_child(start->run_id, psprintf("schedule \"%s\" starts its next run", start->schedule->name));
	AtEOXact_GUC(true, nest);
}

/* Ends what goes on. False where that has to wait, also for what a run compensates. */
static bool
cancel_live(Schedule *schedule)
{
	ListCell   *cell;

	foreach(cell, schedule->live)
	{
		SlotStart	cancel = {schedule, 0, *(int64 *) lfirst(cell)};
		HandlerOutcome outcome;

		if (!schedule_store_lock_run(cancel.run_id) || !handler_guard(cancel_body, &cancel, &outcome))
			return false;
	}
	schedule_store_refresh_live(schedule);
	return schedule->live == NIL;
}

static SlotOutcome *
add_outcome(List **outcomes, TimestampTz slot, const char *outcome)
{
	SlotOutcome *added = palloc0(sizeof(SlotOutcome));

	added->slot = slot;
	added->outcome = outcome;
	added->slots = 1;
	*outcomes = lappend(*outcomes, added);
	return added;
}

/* Decides about a slot that isn't too late. False where it has to be looked at again later. */
static bool
decide_slot(Schedule *schedule, TimestampTz slot, List **outcomes)
{
	SlotStart	start = {schedule, slot, 0};
	HandlerOutcome outcome;
	SlotOutcome *result;
	int			live = list_length(schedule->live);

	if ((schedule->on_overlap == OVERLAP_SKIP && live > 0) ||
		(schedule->on_overlap == OVERLAP_BUFFER_ONE && live > 1))
	{
		int64		other = *(int64 *) linitial(schedule->live);

		result = add_outcome(outcomes, slot, "skipped");
		result->reason = psprintf(live > 1 ? "run " INT64_FORMAT " goes on, and another one waits" :
								  "run " INT64_FORMAT " goes on", other);
		schedule->skipped++;
		return true;
	}
	if (schedule->on_overlap == OVERLAP_CANCEL_RUNNING && !cancel_live(schedule))
		return false;
	STOP_POINT("schedule_before_start");
	if (!handler_guard(start_body, &start, &outcome))
	{
		if (outcome.kind != HANDLER_FAILED)
			return false;
		result = add_outcome(outcomes, slot, "failed");
		result->reason = schedule->last_error = pstrdup(outcome.error.cause ? outcome.error.cause : outcome.error.error);
		schedule->failed++;
		return true;
	}
	result = add_outcome(outcomes, slot, "started");
	result->run_id = schedule->last_run_id = start.run_id;
	schedule->last_error = NULL;
	schedule->started++;
	schedule->live = lappend(schedule->live, memcpy(palloc(sizeof(int64)), &start.run_id, sizeof(int64)));
	return true;
}

/* Is a slot that passed before the grace to be started now? `following` = there is a later one that is due too. */
static bool
is_caught_up(const Schedule *schedule, TimestampTz slot, bool following, TimestampTz now)
{
	if (slot < now - interval_microseconds(schedule->window))
		return false;
	switch (schedule->catch_up)
	{
		case CATCH_UP_LAST:
			return !following;
		case CATCH_UP_ALL:
			return true;
		default:
			return false;
	}
}

void
schedule_decide(Schedule *schedule, TimestampTz now)
{
	List	   *outcomes = NIL;
	SlotOutcome *missed = NULL;
	Cron		cron;
	CronZone	zone;

	read_cron(schedule->cron_text, schedule->time_zone, &cron, &zone);
	schedule_store_refresh_live(schedule);
	for (int i = 0; i < SLOT_BATCH && schedule->next_at <= now && list_length(outcomes) < START_BATCH; i++)
	{
		TimestampTz slot = schedule->next_at;
		TimestampTz following = next_slot(&cron, &zone, slot);

		if (slot < now - SCHEDULE_GRACE && !is_caught_up(schedule, slot, following <= now, now))
		{
			if (missed == NULL)
			{
				missed = add_outcome(&outcomes, slot, "missed");
				missed->reason = psprintf("seen %.0f s late; catch_up is %s",
										  (double) (now - slot) / USECS_PER_SEC, catch_up_names[schedule->catch_up]);
			}
			else
				missed->slots++;
			schedule->missed++;
		}
		else if (decide_slot(schedule, slot, &outcomes))
			missed = NULL;
		else
		{
			schedule->look_at = TimestampTzPlusMilliseconds(now, RETRY_MS);
			schedule_store_decided(schedule, now, outcomes);
			return;
		}
		schedule->last_slot = slot;
		schedule->next_at = following;
	}
	schedule->look_at = schedule->next_at;
	schedule_store_decided(schedule, now, outcomes);
}

/* A HandlerBody. */
typedef struct Decision
{
	Schedule   *schedule;
	TimestampTz now;
} Decision;

static void
decide_body(void *argument)
{
	Decision   *decision = argument;

	schedule_decide(decision->schedule, decision->now);
}

int
schedule_fire(TimestampTz now, int limit)
{
	List	   *due = schedule_store_due(now, limit);
	ListCell   *cell;

	foreach(cell, due)
	{
		Decision	decision = {lfirst(cell), now};
		HandlerOutcome outcome;

		/* No schedule stops the others, nor the timers: not even one whose time zone is gone from the system. */
		if (!handler_guard(decide_body, &decision, &outcome))
			schedule_store_trouble(decision.schedule->schedule_id, now + TROUBLE_PAUSE,
								   outcome.error.cause ? outcome.error.cause : outcome.error.error);
		CHECK_FOR_INTERRUPTS();
	}
	return list_length(due);
}
