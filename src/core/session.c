/*
 * session.c
 *		A background worker's session: signals, connection, settings.
 *
 * In launcher and workers.  A background worker takes over what ALTER DATABASE
 * and ALTER ROLE … SET say, like any session: so the owner of a database could
 * put operators of his own in front of pg_catalog's and have them run as
 * superuser, make all transactions read-only, or give up durability.  What can
 * do harm is overridden right after connecting; PGC_S_OVERRIDE outlives
 * reloads.
 */
#include "postgres.h"

#include "access/xact.h"
#include "libpq/pqsignal.h"
#include "miscadmin.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "storage/latch.h"
#include "tcop/tcopprot.h"
#include "utils/guc.h"

#include "compat.h"
#include "core/session.h"

typedef struct Override
{
	const char *name;
	const char *value;
} Override;

/* In the order of the manual's chapter on settings. */
static const Override overrides[] = {
	{"default_transaction_isolation", "read committed"},
	{"default_transaction_read_only", "off"},
	{"default_transaction_deferrable", "off"},
	{"transaction_isolation", "read committed"},
	{"session_replication_role", "origin"},
	{"row_security", "on"},
	{"search_path", "pg_catalog, pg_temp"},
	{"role", "none"},
	{"statement_timeout", "0"},
	{"lock_timeout", "30s"},
	{"idle_in_transaction_session_timeout", "0"},
#if PG_VERSION_NUM >= 170000
	{"transaction_timeout", "0"},
#endif
	{"default_tablespace", ""},
	{"temp_tablespaces", ""},
	{"default_table_access_method", "heap"},
	{"check_function_bodies", "on"},
	{"bytea_output", "hex"},
	{"DateStyle", "ISO"},
	{"IntervalStyle", "postgres"},
	{"extra_float_digits", "1"},
	{"array_nulls", "on"},
	{"standard_conforming_strings", "on"},
	{"transform_null_equals", "off"},
	{"quote_all_identifiers", "off"},
	{"exit_on_error", "off"},
	{"plan_cache_mode", "auto"},
	{"jit", "off"},
	{"max_parallel_workers_per_gather", "0"},
	{"client_min_messages", "warning"},

	/* What would write our queries into the server's log, with constants of users in them. */
	{"debug_print_parse", "off"},
	{"debug_print_rewritten", "off"},
	{"debug_print_plan", "off"},
	{"debug_pretty_print", "off"},
	{"trace_notify", "off"},
#ifdef TRACE_SORT
	{"trace_sort", "off"},
#endif
};

/*
 * The cluster's own wish is followed where it is stronger than "on".  It is
 * read before connecting, while nothing but the configuration files has set it.
 */
static bool
cluster_wants_remote_apply(void)
{
	const char *value = GetConfigOption("synchronous_commit", false, false);

	return strcmp(value, "remote_apply") == 0;
}

/* ALTER DATABASE can name another user for the session as well as for the role. */
static void
session_user_restore(void)
{
	if (GetSessionUserId() == GetAuthenticatedUserId())
		return;
	StartTransactionCommand();
	SetConfigOption("session_authorization", GetUserNameFromId(GetAuthenticatedUserId(), false),
					PGC_SUSET, PGC_S_OVERRIDE);
	CommitTransactionCommand();
}

void
session_start(void)
{
	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	pqsignal(SIGTERM, die);
	BackgroundWorkerUnblockSignals();

	/* A reload that came before the handlers was lost. */
	ProcessConfigFile(PGC_SIGHUP);
}

void
session_connect(Oid database)
{
	bool		remote_apply = cluster_wants_remote_apply();

	if (OidIsValid(database))
		BackgroundWorkerInitializeConnectionByOid(database, InvalidOid, 0);
	else
		BackgroundWorkerInitializeConnection(NULL, NULL, 0);

	for (int i = 0; i < (int) lengthof(overrides); i++)
		SetConfigOption(overrides[i].name, overrides[i].value, PGC_SUSET, PGC_S_OVERRIDE);
	SetConfigOption("synchronous_commit", remote_apply ? "remote_apply" : "on", PGC_SUSET, PGC_S_OVERRIDE);
	session_user_restore();
}

bool
session_reload(void)
{
	if (!ConfigReloadPending)
		return false;
	ConfigReloadPending = false;
	ProcessConfigFile(PGC_SIGHUP);
	return true;
}

uint32
session_wait_event(void)
{
	static uint32 event = 0;

	if (event == 0)
		event = WaitEventExtensionNew("DalpMain");
	return event;
}
