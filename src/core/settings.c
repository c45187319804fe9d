/*
 * settings.c
 *		Every setting of dalp and its text for DBAs.
 *
 * What workers follow is SIGHUP, so that one reload changes it everywhere;
 * what sizes shared memory is POSTMASTER.  Names of key files are superuser's
 * only to see.
 */
#include "postgres.h"

#include <limits.h>

#include "miscadmin.h"
#include "utils/guc.h"
#include "utils/varlena.h"

#include "compat.h"
#include "core/clock.h"
#include "core/settings.h"

char	   *dalp_databases = NULL;
int			dalp_max_databases = 16;
int			dalp_executors = 2;
int			dalp_signers = 1;
int			dalp_cell = 0;
char	   *dalp_test_clock = NULL;

int			dalp_batch_size = 60;
int			dalp_batch_budget = 5000;
int			dalp_step_timeout = 60000;
int			dalp_transient_retries = 20;
int			dalp_max_payload = 256;
int			dalp_max_note = 16;
int			dalp_max_definition = 1024;
int			dalp_max_fork_depth = 16;
int			dalp_max_history = 100000;
int			dalp_sweep_interval = 1000;
int			dalp_retention = 30 * 24 * 3600;
int			dalp_max_leases = 10000;

int			dalp_poll_interval = 1000;
int			dalp_rpc_timeout = 10000;
int			dalp_rpc_connect_timeout = 3000;
int			dalp_rpc_batch_size = 100;
int			dalp_bind_batch_size = 100;
int			dalp_resend_interval = 15000;
int			dalp_broadcast_durability = BROADCAST_REMOTE_FLUSH;
bool		dalp_allow_private_endpoints = false;

int			dalp_http_timeout = 60000;
int			dalp_http_connections = 128;
int			dalp_http_connections_per_host = 32;

char	   *dalp_sign_key_file = NULL;
char	   *dalp_verify_key_file = NULL;

static const struct config_enum_entry durabilities[] = {
	{"local", BROADCAST_LOCAL, false},
	{"remote_flush", BROADCAST_REMOTE_FLUSH, false},
	{"remote_apply", BROADCAST_REMOTE_APPLY, false},
	{NULL, 0, false}
};

/* The launcher takes the list apart and relies on this. */
static bool
check_databases(char **value, void **extra, GucSource source)
{
	char	   *copy = pstrdup(*value);
	List	   *names = NIL;
	bool		good = SplitIdentifierString(copy, ',', &names);

	(void) extra;
	(void) source;
	list_free(names);
	pfree(copy);
	if (!good)
		GUC_check_errdetail("List syntax is invalid.");
	return good;
}

/* One that a reload changes. */
static void
reloadable_int(const char *name, const char *text, const char *more, int *variable,
			   int low, int high, int flags)
{
	DefineCustomIntVariable(name, text, more, variable, *variable, low, high, PGC_SIGHUP, flags,
							NULL, NULL, NULL);
}

/* Those that only the postmaster can define. */
static void
define_fixed(void)
{
	DefineCustomIntVariable("dalp.max_databases",
							"How many databases can have workers at the same time.", NULL,
							&dalp_max_databases, dalp_max_databases, 1, 1024, PGC_POSTMASTER, 0,
							NULL, NULL, NULL);
	DefineCustomIntVariable("dalp.max_leases",
							"How many tasks of external workers can have their heartbeats in shared memory.",
							"About 350 bytes each. Heartbeats of further ones are written to their table.",
							&dalp_max_leases, dalp_max_leases, 16, 10000000, PGC_POSTMASTER, 0, NULL, NULL, NULL);
	DefineCustomIntVariable("dalp.cell",
							"Number of this cell: the upper bits of all ids given here.",
							"Never change it once ids have been given.",
							&dalp_cell, dalp_cell, 0, 1023, PGC_POSTMASTER, 0, NULL, NULL, NULL);
}

static void
define_core(void)
{
	DefineCustomStringVariable("dalp.databases",
							   "Databases that get workers; empty means all.",
							   "A list of names separated by commas. Databases without the extension never get any.",
							   &dalp_databases, "", PGC_SIGHUP, GUC_LIST_INPUT, check_databases, NULL, NULL);
	reloadable_int("dalp.executors", "Executors, the workers that run workflow steps, of a database.",
				   "Each takes one of max_worker_processes.", &dalp_executors, 1, 16, 0);
	reloadable_int("dalp.signers", "Signers, the workers with the private keys, of a database.",
				   "One signs some 6,000 transactions a second; more share the wallets among them. Each takes one of max_worker_processes.",
				   &dalp_signers, 1, 8, 0);
#ifdef DALP_TEST
	DefineCustomStringVariable("dalp.test_clock",
							   "Time at which the clock of dalp stands still; empty means real time.", NULL,
							   &dalp_test_clock, "", PGC_SUSET, GUC_NOT_IN_SAMPLE,
							   clock_check_setting, clock_assign_setting, NULL);
#endif
}

static void
define_workflow(void)
{
	reloadable_int("dalp.batch_size", "Most steps that an executor commits together.",
				   "At most 60, so that the subtransactions fit the server's cache.",
				   &dalp_batch_size, 1, 60, 0);
	reloadable_int("dalp.batch_budget", "Microseconds of running steps after which an executor commits.",
				   NULL, &dalp_batch_budget, 100, 60000000, 0);
	reloadable_int("dalp.step_timeout", "Time limit of a step whose state has no TimeoutSeconds.",
				   NULL, &dalp_step_timeout, 100, INT_MAX, GUC_UNIT_MS);
	reloadable_int("dalp.transient_retries",
				   "How often a step is repeated after errors of the server, which are no attempts.",
				   "Deadlocks, serialization failures, lack of resources, shutdowns.",
				   &dalp_transient_retries, 0, 1000, 0);
	reloadable_int("dalp.max_payload", "Largest input, output or signal of a workflow.",
				   NULL, &dalp_max_payload, 1, 262144, GUC_UNIT_KB);
	reloadable_int("dalp.max_note", "Largest comment, reason, note or tags of a workflow, run or dead letter.",
				   NULL, &dalp_max_note, 1, 1024, GUC_UNIT_KB);
	reloadable_int("dalp.max_definition", "Largest definition of a workflow.",
				   NULL, &dalp_max_definition, 1, 262144, GUC_UNIT_KB);
	reloadable_int("dalp.max_fork_depth", "How deep Parallel and Map may be nested in a new definition.",
				   NULL, &dalp_max_fork_depth, 1, 100, 0);
	reloadable_int("dalp.max_history", "Most rows of the journal in a branch of a run, and most branches of a run.",
				   "Beyond it the run, or the branch, fails with Workflow.HistoryLimitExceeded.",
				   &dalp_max_history, 100, INT_MAX / 2, 0);
	reloadable_int("dalp.sweep_interval", "Time between looks for work that no wake-up announced.",
				   NULL, &dalp_sweep_interval, 1000, 60000, GUC_UNIT_MS);
	reloadable_int("dalp.retention", "How long finished runs are kept; -1 means for ever.",
				   "Runs with an open dead letter and idempotency keys stay.",
				   &dalp_retention, -1, INT_MAX, GUC_UNIT_S);
}

static void
define_chain(void)
{
	reloadable_int("dalp.poll_interval", "Time between looks at the head of a chain.",
				   NULL, &dalp_poll_interval, 100, 600000, GUC_UNIT_MS);
	reloadable_int("dalp.rpc_timeout", "Time limit of a call of an RPC endpoint.",
				   NULL, &dalp_rpc_timeout, 100, 600000, GUC_UNIT_MS);
	reloadable_int("dalp.rpc_connect_timeout", "Time limit of connecting to an RPC endpoint.",
				   NULL, &dalp_rpc_connect_timeout, 100, 600000, GUC_UNIT_MS);
	reloadable_int("dalp.rpc_batch_size", "Most calls in one JSON-RPC batch.",
				   NULL, &dalp_rpc_batch_size, 1, 1000, 0);
	reloadable_int("dalp.bind_batch_size", "Most transactions of a wallet that are signed and committed together.",
				   NULL, &dalp_bind_batch_size, 1, 1000, 0);
	reloadable_int("dalp.resend_interval",
				   "Time without a receipt after which the same signed bytes are sent again.",
				   NULL, &dalp_resend_interval, 1000, INT_MAX, GUC_UNIT_MS);
	DefineCustomEnumVariable("dalp.broadcast_durability",
							 "What must have confirmed a commit before a transaction of it is broadcast.",
							 "remote_flush and remote_apply ask the synchronous standbys, where there are any.",
							 &dalp_broadcast_durability, dalp_broadcast_durability, durabilities,
							 PGC_SIGHUP, 0, NULL, NULL, NULL);
	DefineCustomBoolVariable("dalp.allow_private_endpoints",
							 "Allows RPC endpoints and http:request on loopback, link-local and private addresses.", NULL,
							 &dalp_allow_private_endpoints, false, PGC_SIGHUP, 0, NULL, NULL, NULL);
}

static void
define_outside(void)
{
	reloadable_int("dalp.http_timeout", "Time limit of a request of a state http:request or chain:call that has no TimeoutSeconds.",
				   NULL, &dalp_http_timeout, 100, INT_MAX, GUC_UNIT_MS);
	reloadable_int("dalp.http_connections", "Requests of workflows to the outside that are under way at the same time.",
				   "Further ones wait in a table.", &dalp_http_connections, 1, 1000, 0);
	reloadable_int("dalp.http_connections_per_host", "The same for one host, so that a slow one does not hold up the others.",
				   NULL, &dalp_http_connections_per_host, 1, 1000, 0);
}

static void
define_custody(void)
{
	DefineCustomStringVariable("dalp.sign_key_file",
							   "File with the master key that seals wallets' keys.",
							   "Outside the data directory, readable by the server's account only.",
							   &dalp_sign_key_file, "", PGC_SIGHUP, GUC_SUPERUSER_ONLY, NULL, NULL, NULL);
	DefineCustomStringVariable("dalp.verify_key_file",
							   "File with the master key that seals verification secrets.",
							   "Outside the data directory, readable by the server's account only.",
							   &dalp_verify_key_file, "", PGC_SIGHUP, GUC_SUPERUSER_ONLY, NULL, NULL, NULL);
}

void
settings_init(void)
{
	define_core();
	define_workflow();
	define_chain();
	define_outside();
	define_custody();

	/*
	 * Loaded late (LOAD, or a call without preload), the fixed ones stay
	 * placeholders, which reserving the prefix would throw away.
	 */
	if (process_shared_preload_libraries_in_progress)
	{
		define_fixed();
		MarkGUCPrefixReserved("dalp");
	}
}
