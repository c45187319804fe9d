/*
 * schedule_sql.c
 *		dalp.create_schedule and what else is done to schedules: arguments,
 *		rights, call.
 *
 * In a caller's backend.
 */
#include "compat.h"

#include "funcapi.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"

#include "core/catalog.h"
#include "core/clock.h"
#include "core/errors.h"
#include "core/settings.h"
#include "core/spi.h"
#include "ops/audit.h"
#include "workflow/arguments.h"
#include "workflow/definition.h"
#include "workflow/schedule.h"

DALP_FUNCTION(dalp_create_schedule);
DALP_FUNCTION(dalp_drop_schedule);
DALP_FUNCTION(dalp_pause_schedule);
DALP_FUNCTION(dalp_resume_schedule);
DALP_FUNCTION(dalp_trigger_schedule);
DALP_FUNCTION(dalp_next_slots);

#define NAME_LIMIT 80
#define NOTE_LIMIT 1000
#define PRIORITY_LIMIT 1000
#define SLOTS_LIMIT 1000

static void
check_name(const char *name)
{
	size_t		length = strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.:-");

	if (name[0] == '\0' || name[length] != '\0' || length > NAME_LIMIT)
		ereport(ERROR,
				(errcode(ERRCODE_DALP_INVALID_INPUT),
				 errmsg("\"%s\" is not a valid name for a schedule", name),
				 errhint("Use 1 to %d letters, digits and _ . : -", NAME_LIMIT)));
}

/* A document that isn't too large; "{}" for NULL. */
static Jsonb *
read_document(FunctionCallInfo fcinfo, int number, const char *what)
{
	Jsonb	   *document = PG_ARGISNULL(number) ? DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum("{}"))) :
		PG_GETARG_JSONB_P(number);

	if ((Size) VARSIZE(document) > (Size) dalp_max_payload * 1024)
		ereport(ERROR,
				(errcode(ERRCODE_DALP_LIMIT_EXCEEDED),
				 errmsg("%s of a schedule is too large", what),
				 errdetail("It has %u bytes; dalp.max_payload is %d kB.", VARSIZE(document), dalp_max_payload)));
	return document;
}

/* The arguments of dalp.create_schedule that need no look at any table. */
static void
read_schedule(FunctionCallInfo fcinfo, Schedule *schedule)
{
	char	   *on_overlap = required_text(fcinfo, 5, "on_overlap");
	char	   *catch_up = required_text(fcinfo, 6, "catch_up");

	schedule->name = required_text(fcinfo, 0, "name");
	check_name(schedule->name);
	schedule->workflow = required_text(fcinfo, 1, "workflow");
	schedule->cron_text = required_text(fcinfo, 2, "cron");
	schedule->input = read_document(fcinfo, 3, "input");
	schedule->time_zone = required_text(fcinfo, 4, "time_zone");
	if (!schedule_read_overlap(on_overlap, &schedule->on_overlap))
		ereport(ERROR,
				(errcode(ERRCODE_DALP_INVALID_INPUT),
				 errmsg("on_overlap can't be \"%s\"", on_overlap),
				 errhint("It is skip, buffer_one, allow or cancel_running.")));
	if (!schedule_read_catch_up(catch_up, &schedule->catch_up))
		ereport(ERROR,
				(errcode(ERRCODE_DALP_INVALID_INPUT),
				 errmsg("catch_up can't be \"%s\"", catch_up),
				 errhint("It is none, last or all.")));
	if (PG_ARGISNULL(7) || interval_microseconds(PG_GETARG_INTERVAL_P(7)) <= 0)
		ereport(ERROR,
				(errcode(ERRCODE_DALP_INVALID_INPUT), errmsg("catch_up_window must be positive")));
	schedule->window = PG_GETARG_INTERVAL_P(7);
	schedule->priority = PG_ARGISNULL(8) ? 0 : PG_GETARG_INT32(8);
	if (schedule->priority < -PRIORITY_LIMIT || schedule->priority > PRIORITY_LIMIT)
		ereport(ERROR,
				(errcode(ERRCODE_DALP_INVALID_INPUT),
				 errmsg("priority must be between %d and %d", -PRIORITY_LIMIT, PRIORITY_LIMIT)));
	schedule->tags = read_document(fcinfo, 9, "document of tags");
	if (!JB_ROOT_IS_OBJECT(schedule->tags))
		ereport(ERROR,
				(errcode(ERRCODE_DALP_INVALID_INPUT), errmsg("tags must be a JSON object")));
	if (!PG_ARGISNULL(10))
	{
		schedule->timeout = PG_GETARG_INTERVAL_P(10);
		if (interval_microseconds(schedule->timeout) <= 0)
			ereport(ERROR,
					(errcode(ERRCODE_DALP_INVALID_INPUT), errmsg("timeout must be positive")));
	}
	schedule->next_at = schedule->look_at = DT_NOEND;
	schedule->last_slot = DT_NOBEGIN;
}

/* Raises 42501 where a schedule isn't the role's own. */
static void
require_own(const Schedule *schedule, Oid role)
{
	if (!superuser_arg(role) && !has_privs_of_role(role, schedule->owner))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied for schedule \"%s\"", schedule->name),
				 errdetail("It belongs to another role.")));
}

/* Locks it for the caller. Needs an open store. Errors: DL002, 42501. */
static Schedule *
lock_schedule(const char *name, Oid role, bool is_operator)
{
	Schedule   *schedule = schedule_store_lock(name);

	if (schedule == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_DALP_UNKNOWN_OBJECT),
				 errmsg("schedule \"%s\" does not exist", name)));
	if (!is_operator)
		require_own(schedule, role);
	return schedule;
}

/* No slot comes twice: after the last one too, where the clock has gone back. */
static TimestampTz
slot_from_now(const Schedule *schedule, TimestampTz now)
{
	return schedule_next_slot(schedule->cron_text, schedule->time_zone, Max(now, schedule->last_slot));
}

static void
audit(Oid actor, const char *action, const char *name)
{
	audit_add(actor, action, psprintf("schedule %s", name), NULL);
}

Datum
dalp_create_schedule(PG_FUNCTION_ARGS)
{
	Schedule	schedule = {0};
	Schedule   *existing;
	WorkflowInfo info;
	StoreScope	scope;
	TimestampTz now = clock_now();

	catalog_require_writable();
	read_schedule(fcinfo, &schedule);
	schedule.owner = GetUserId();
	store_open(&scope);
	definition_find(schedule.workflow, 0, &info);
	definition_require(info.workflow_id, info.name, info.owner, schedule.owner);
	existing = schedule_store_lock(schedule.name);
	if (existing != NULL)
	{
		require_own(existing, schedule.owner);
		schedule.schedule_id = existing->schedule_id;
		schedule.last_slot = existing->last_slot;
		schedule.paused = existing->paused;
	}
	schedule.next_at = slot_from_now(&schedule, now);
	if (schedule.next_at == DT_NOEND)
		ereport(ERROR,
				(errcode(ERRCODE_DALP_INVALID_INPUT),
				 errmsg("schedule \"%s\" would never be due", schedule.name),
				 errdetail("Nothing that \"%s\" names is still to come.", schedule.cron_text)));
	if (!schedule_store_save(&schedule, info.workflow_id, now))
		ereport(ERROR,
				(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
				 errmsg("schedule \"%s\" was created by another transaction at the same time", schedule.name),
				 errhint("Run the transaction again.")));
	audit(scope.user, existing == NULL ? "create_schedule" : "replace_schedule", schedule.name);
	store_close(&scope);
	PG_RETURN_TIMESTAMPTZ(schedule.next_at);
}

Datum
dalp_drop_schedule(PG_FUNCTION_ARGS)
{
	char	   *name = required_text(fcinfo, 0, "name");
	bool		is_operator = catalog_user_is("dalp_operator");
	Oid			caller = GetUserId();
	StoreScope	scope;

	catalog_require_writable();
	store_open(&scope);
	schedule_store_drop(lock_schedule(name, caller, is_operator)->schedule_id);
	audit(caller, "drop_schedule", name);
	store_close(&scope);
	PG_RETURN_VOID();
}

/* Pause and resume. */
static TimestampTz
set_paused(const char *name, bool paused, const char *note)
{
	bool		is_operator = catalog_user_is("dalp_operator");
	Oid			caller = GetUserId();
	TimestampTz now = clock_now();
	TimestampTz next_at;
	StoreScope	scope;
	Schedule   *schedule;

	catalog_require_writable();
	store_open(&scope);
	schedule = lock_schedule(name, caller, is_operator);
	if (schedule->paused == paused)
		ereport(ERROR,
				(errcode(ERRCODE_DALP_WRONG_STATE),
				 errmsg(paused ? "schedule \"%s\" is paused already" : "schedule \"%s\" is not paused", name)));
	next_at = slot_from_now(schedule, now);
	schedule_store_pause(schedule->schedule_id, paused, note, next_at, now);
	audit(caller, paused ? "pause_schedule" : "resume_schedule", name);
	store_close(&scope);
	return next_at;
}

Datum
dalp_pause_schedule(PG_FUNCTION_ARGS)
{
	char	   *name = required_text(fcinfo, 0, "name");
	char	   *note = text_argument(fcinfo, 1);

	if (note != NULL && strlen(note) > NOTE_LIMIT)
		ereport(ERROR,
				(errcode(ERRCODE_DALP_INVALID_INPUT),
				 errmsg("note must have at most %d bytes", NOTE_LIMIT)));
	set_paused(name, true, note);
	PG_RETURN_VOID();
}

Datum
dalp_resume_schedule(PG_FUNCTION_ARGS)
{
	TimestampTz next_at = set_paused(required_text(fcinfo, 0, "name"), false, NULL);

	if (next_at == DT_NOEND)
		PG_RETURN_NULL();
	PG_RETURN_TIMESTAMPTZ(next_at);
}

Datum
dalp_trigger_schedule(PG_FUNCTION_ARGS)
{
	char	   *name = required_text(fcinfo, 0, "name");
	bool		is_operator = catalog_user_is("dalp_operator");
	Oid			caller = GetUserId();
	TimestampTz now = clock_now();
	StoreScope	scope;
	Schedule   *schedule;
	SlotOutcome outcome = {.slot = now, .outcome = "triggered", .slots = 1};
	int64	   *run_id = palloc(sizeof(int64));

	catalog_require_writable();
	store_open(&scope);
	schedule = lock_schedule(name, caller, is_operator);
	outcome.run_id = *run_id = schedule->last_run_id = schedule_start(schedule, now, true);
	schedule->started = 1;
	schedule_store_refresh_live(schedule);
	schedule->live = lappend(schedule->live, run_id);
	schedule_store_decided(schedule, now, list_make1(&outcome));
	audit(caller, "trigger_schedule", name);
	store_close(&scope);
	PG_RETURN_INT64(outcome.run_id);
}

Datum
dalp_next_slots(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	char	   *cron_text = required_text(fcinfo, 0, "cron");
	char	   *time_zone = required_text(fcinfo, 1, "time_zone");
	int			count = PG_ARGISNULL(2) ? 0 : PG_GETARG_INT32(2);
	TimestampTz at = PG_ARGISNULL(3) ? clock_now() : PG_GETARG_TIMESTAMPTZ(3);

	if (count < 1 || count > SLOTS_LIMIT)
		ereport(ERROR,
				(errcode(ERRCODE_DALP_INVALID_INPUT),
				 errmsg("n must be between 1 and %d", SLOTS_LIMIT)));
	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	for (int i = 0; i < count; i++)
	{
		Datum		values[1];
		bool		nulls[1] = {false};

		CHECK_FOR_INTERRUPTS();
		at = schedule_next_slot(cron_text, time_zone, at);
		if (at == DT_NOEND)
			break;
		values[0] = TimestampTzGetDatum(at);
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
	return (Datum) 0;
}
