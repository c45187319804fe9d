/*
 * pause_sql.c
 *		dalp.pause_tenant, dalp.pause_queue and their ends: arguments, calls.
 *
 * In an operator's backend.
 */
#include "compat.h"

#include "core/catalog.h"
#include "core/spi.h"
#include "core/wake.h"
#include "ops/audit.h"
#include "workflow/arguments.h"
#include "workflow/pause.h"
#include "workflow/run_control.h"

DALP_FUNCTION(dalp_pause_tenant);
DALP_FUNCTION(dalp_resume_tenant);
DALP_FUNCTION(dalp_pause_queue);
DALP_FUNCTION(dalp_resume_queue);

/* More than can wait: how many tasks there are isn't known. */
#define ALL_WORKERS 1000000

static char *
begin(FunctionCallInfo fcinfo, const char *kind, StoreScope *scope)
{
	char	   *name = required_text(fcinfo, 0, kind);

	check_key(kind, name);
	catalog_require_writable();
	store_open(scope);
	return name;
}

static void
pause_named(FunctionCallInfo fcinfo, const char *kind)
{
	StoreScope	scope;
	char	   *name = begin(fcinfo, kind, &scope);

	if (!pause_store_set(kind, name))
		ereport(ERROR,
				(errcode(ERRCODE_DALP_WRONG_STATE), errmsg("%s \"%s\" is paused already", kind, name)));
	audit_add(scope.user, "pause", psprintf("%s %s", kind, name), NULL);
	store_close(&scope);
}

static void
resume_named(FunctionCallInfo fcinfo, const char *kind)
{
	StoreScope	scope;
	char	   *name = begin(fcinfo, kind, &scope);

	if (!pause_store_clear(kind, name))
		ereport(ERROR,
				(errcode(ERRCODE_DALP_WRONG_STATE), errmsg("%s \"%s\" is not paused", kind, name)));
	if (strcmp(kind, "tenant") == 0)
		run_store_unpark("tenant_paused", name);
	else
		wake_topic_at_commit(wake_topic_of_queue(name), ALL_WORKERS);
	audit_add(scope.user, "resume", psprintf("%s %s", kind, name), NULL);
	store_close(&scope);
}

Datum
dalp_pause_tenant(PG_FUNCTION_ARGS)
{
	pause_named(fcinfo, "tenant");
	PG_RETURN_VOID();
}

Datum
dalp_resume_tenant(PG_FUNCTION_ARGS)
{
	resume_named(fcinfo, "tenant");
	PG_RETURN_VOID();
}

Datum
dalp_pause_queue(PG_FUNCTION_ARGS)
{
	pause_named(fcinfo, "queue");
	PG_RETURN_VOID();
}

Datum
dalp_resume_queue(PG_FUNCTION_ARGS)
{
	resume_named(fcinfo, "queue");
	PG_RETURN_VOID();
}
