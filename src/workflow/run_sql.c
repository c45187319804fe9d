/*
 * run_sql.c
 *		dalp.signal, cancel, pause, resume: arguments, rights, call.
 *
 * In a caller's backend.
 */
#include "compat.h"

#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"

#include "core/catalog.h"
#include "core/errors.h"
#include "core/limits.h"
#include "core/spi.h"
#include "ops/audit.h"
#include "workflow/arguments.h"
#include "workflow/definition.h"
#include "workflow/handler.h"
#include "workflow/message.h"
#include "workflow/run_control.h"

DALP_FUNCTION(dalp_signal);
DALP_FUNCTION(dalp_cancel);
DALP_FUNCTION(dalp_pause_run);
DALP_FUNCTION(dalp_resume_run);
DALP_FUNCTION(dalp_pause_workflow);
DALP_FUNCTION(dalp_resume_workflow);
DALP_FUNCTION(dalp_raise_error);

#define SIGNAL_NAME_LIMIT 255

Datum
dalp_signal(PG_FUNCTION_ARGS)
{
	int64		run_id;
	char	   *name = required_text(fcinfo, 1, "name");
	Jsonb	   *payload = PG_ARGISNULL(2) ? NULL : PG_GETARG_JSONB_P(2);
	char	   *key = text_argument(fcinfo, 3);
	/* Before the store is open: then we are the extension's owner. */
	Oid			caller = GetUserId();
	bool		is_operator = catalog_user_is("dalp_operator");
	StoreScope	scope;
	RunInfo		run;

	catalog_require_writable();
	run_id = required_id(fcinfo, 0, "run_id");
	if (name[0] == '\0' || strlen(name) > SIGNAL_NAME_LIMIT)
		ereport(ERROR,
				(errcode(ERRCODE_DALP_INVALID_INPUT),
				 errmsg("name of a signal must have 1 to %d bytes", SIGNAL_NAME_LIMIT)));
	check_key("idempotency key", key);
	limit_payload(psprintf("payload of signal \"%s\"", name), payload);
	store_open(&scope);
	run_find(run_id, &run);
	if (!is_operator)
		definition_require(run.workflow_id, run.workflow, run.owner, caller);
	if (!run.live)
		ereport(ERROR,
				(errcode(ERRCODE_DALP_WRONG_STATE),
				 errmsg("run " INT64_FORMAT " can't be signalled", run_id),
				 errdetail("It is %s; only RUNNING and PAUSED runs can be.", run.status)));
	message_send_signal(run_id, name, payload, key, caller);
	store_close(&scope);
	PG_RETURN_VOID();
}

Datum
dalp_cancel(PG_FUNCTION_ARGS)
{
	int64		run_id;
	char	   *reason = text_argument(fcinfo, 1);
	bool		compensate = PG_ARGISNULL(2) || PG_GETARG_BOOL(2);
	StoreScope	scope;

	catalog_require_writable();
	run_id = required_id(fcinfo, 0, "run_id");
	limit_note("reason", reason);
	store_open(&scope);
	run_cancel(run_id, reason, compensate);
	audit_add(scope.user, "cancel", psprintf("run " INT64_FORMAT, run_id), NULL);
	store_close(&scope);
	PG_RETURN_VOID();
}

/* What the four below have in common. */
static void
control_run(FunctionCallInfo fcinfo, void (*control) (int64 run_id), const char *action)
{
	int64		run_id;
	StoreScope	scope;

	catalog_require_writable();
	run_id = required_id(fcinfo, 0, "run_id");
	store_open(&scope);
	control(run_id);
	audit_add(scope.user, action, psprintf("run " INT64_FORMAT, run_id), NULL);
	store_close(&scope);
}

static void
control_workflow(FunctionCallInfo fcinfo, void (*control) (const char *name), const char *action)
{
	char	   *name = required_text(fcinfo, 0, "workflow");
	StoreScope	scope;

	catalog_require_writable();
	store_open(&scope);
	control(name);
	audit_add(scope.user, action, psprintf("workflow %s", name), NULL);
	store_close(&scope);
}

Datum
dalp_pause_run(PG_FUNCTION_ARGS)
{
	control_run(fcinfo, run_pause, "pause");
	PG_RETURN_VOID();
}

Datum
dalp_resume_run(PG_FUNCTION_ARGS)
{
	control_run(fcinfo, run_resume, "resume");
	PG_RETURN_VOID();
}

Datum
dalp_pause_workflow(PG_FUNCTION_ARGS)
{
	control_workflow(fcinfo, workflow_pause, "pause");
	PG_RETURN_VOID();
}

Datum
dalp_resume_workflow(PG_FUNCTION_ARGS)
{
	control_workflow(fcinfo, workflow_resume, "resume");
	PG_RETURN_VOID();
}

/* Fails a step with a name of its author's choosing: Error and Cause of the state. */
Datum
dalp_raise_error(PG_FUNCTION_ARGS)
{
	char	   *error = required_text(fcinfo, 0, "error");
	char	   *cause = text_argument(fcinfo, 1);

	ereport(ERROR,
			(errcode(ERRCODE_DALP_NAMED_ERROR),
			 errmsg("%s", cause ? cause : error),
			 err_generic_string(PG_DIAG_DATATYPE_NAME, error)));
	PG_RETURN_VOID();
}
