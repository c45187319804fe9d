/*
 * procedure_call.c
 *		Calling a durable procedure, with transaction control and without more
 *		rights than its owner has.
 *
 * In an executor.  The server forbids COMMIT wherever a security context is
 * set, so the restricted context of handlers (handler.c) can't be used here.
 * Instead:
 *
 * - The role is switched before the first transaction begins.  Whatever ends a
 *   transaction, COMMIT, ROLLBACK or an error, the next one begins with the
 *   role that this one began with, which is never the worker's.
 * - In the whole process the settings role and session_authorization are
 *   beyond SQL meanwhile, and so are those that make a transaction writable or
 *   a commit less durable.
 * - All transactions are read-only outside of dalp's functions: nothing can be
 *   created that another user's step would meet, and nothing written twice.
 *   Steps are called as handlers are.
 * - What a session keeps beyond transactions, settings, held cursors, prepared
 *   statements, advisory locks, is cleared before anybody else's turn.
 *
 * The procedure runs in a portal, as CALL of a client does: that is what the
 * server holds on to while transactions come and go below it.
 */
#include "compat.h"

#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_proc.h"
#include "commands/prepare.h"
#include "executor/executor.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "storage/lock.h"
#include "tcop/pquery.h"
#include "tcop/tcopprot.h"
#include "utils/builtins.h"
#include "utils/guc_tables.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/portal.h"
#include "utils/regproc.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"
#include "utils/timeout.h"
#include "utils/typcache.h"

#include "core/errors.h"
#include "core/settings.h"
#include "core/spi.h"
#include "core/stop_point.h"
#include "core/worker.h"
#include "workflow/poison.h"
#include "workflow/procedure.h"

static ProcedureCall *current = NULL;

ProcedureCall *
procedure_current(void)
{
	return current;
}

void
procedure_limit_time(ProcedureCall *call)
{
	call->limited_at = GetCurrentTimestamp();
	enable_timeout_after(STATEMENT_TIMEOUT, dalp_step_timeout);
}

void
procedure_unwind(ProcedureCall *call, ProcedureUnwind why)
{
	call->unwind = why;
	/* The one SQLSTATE of errors, but for assertions, that WHEN OTHERS lets through. */
	ereport(ERROR,
			(errcode(ERRCODE_QUERY_CANCELED),
			 errmsg("run " INT64_FORMAT " leaves its procedure here until it can go on", call->run_id)));
}

void
procedure_went_on_error(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_DALP_WRONG_STATE),
			 errmsg("the procedure went on although its run has to stop here"),
			 errdetail("It has caught the error that ends it until the run can go on."),
			 errhint("Catch neither query_canceled nor, in other languages than PL/pgSQL, all errors around dalp's functions.")));
}

/* ------------------------------------------------------------------------
 * What SQL must not change meanwhile
 * ---------------------------------------------------------------------- */

static const char *const sealed[] = {
	"role", "session_authorization", "transaction_read_only", "default_transaction_read_only",
	/* Its commits are as durable as anybody's. */
	"synchronous_commit"
};

static struct config_generic *
find_setting(const char *name)
{
#if PG_VERSION_NUM >= 160000
	return find_option(name, false, false, ERROR);
#else
	struct config_generic **settings = get_guc_variables();

	for (int i = 0; i < GetNumConfigOptions(); i++)
		if (strcmp(settings[i]->name, name) == 0)
			return settings[i];
	elog(ERROR, "setting \"%s\" does not exist", name);
#endif
}

/* Settings of context "internal" can be shown, and changed by nobody but the server's own code. */
static void
seal_settings(GucContext *contexts)
{
	for (size_t i = 0; i < lengthof(sealed); i++)
	{
		struct config_generic *setting = find_setting(sealed[i]);

		contexts[i] = setting->context;
		setting->context = PGC_INTERNAL;
	}
}

static void
unseal_settings(const GucContext *contexts)
{
	for (size_t i = 0; i < lengthof(sealed); i++)
		find_setting(sealed[i])->context = contexts[i];
}

/* Outside of a transaction: for the session, as no transaction's end may take it back. */
static void
apply_settings(const Definition *definition)
{
	static const char *const planner[] = {
		/* The executor forbids these to its own statements (executor.c). */
		"enable_seqscan", "enable_bitmapscan", "enable_hashjoin", "enable_mergejoin"
	};

	SetConfigOption("search_path", definition->search_path, PGC_USERSET, PGC_S_SESSION);
	for (size_t i = 0; i < lengthof(planner); i++)
		SetConfigOption(planner[i], "on", PGC_USERSET, PGC_S_SESSION);
	SetConfigOption("plan_cache_mode", "auto", PGC_USERSET, PGC_S_SESSION);
}

/* ------------------------------------------------------------------------
 * The call
 * ---------------------------------------------------------------------- */

/* Takes the OUT argument from the row that CALL returns. */
typedef struct ResultReceiver
{
	DestReceiver receiver;
	ProcedureCall *call;
} ResultReceiver;

static void
receive_start(DestReceiver *receiver, int operation, TupleDesc descriptor)
{
	(void) receiver;
	(void) operation;
	(void) descriptor;
}

static bool
receive_row(TupleTableSlot *slot, DestReceiver *receiver)
{
	ProcedureCall *call = ((ResultReceiver *) receiver)->call;
	bool		isnull;
	Datum		value = slot_getattr(slot, 1, &isnull);

	if (!isnull)
	{
		MemoryContext old = MemoryContextSwitchTo(call->context);

		call->result = (Jsonb *) PG_DETOAST_DATUM_COPY(value);
		MemoryContextSwitchTo(old);
	}
	return true;
}

static void
receive_end(DestReceiver *receiver)
{
	(void) receiver;
}

/* The procedure, by its qualified name and what goes in; whether it has an OUT argument. Raises where there is none any more. */
static Oid
find_procedure(const Definition *definition, Oid run_type, bool *has_output)
{
	List	   *names = stringToQualifiedNameList(definition->procedure, NULL);
	Oid			schema = get_namespace_oid(strVal(linitial(names)), true);
	Oid			procedure = GetSysCacheOid3(PROCNAMEARGSNSP, Anum_pg_proc_oid, CStringGetDatum(strVal(lsecond(names))),
											PointerGetDatum(buildoidvector(&run_type, 1)), ObjectIdGetDatum(schema));
	HeapTuple	tuple = OidIsValid(procedure) ? SearchSysCache1(PROCOID, ObjectIdGetDatum(procedure)) : NULL;

	if (!HeapTupleIsValid(tuple) || ((Form_pg_proc) GETSTRUCT(tuple))->prokind != PROKIND_PROCEDURE)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_FUNCTION),
				 errmsg("procedure %s(dalp.run) does not exist", definition->procedure)));
	*has_output = ((Form_pg_proc) GETSTRUCT(tuple))->prorettype == RECORDOID;
	ReleaseSysCache(tuple);
	return procedure;
}

/* The argument: dalp.run, in the columns' order. */
static Datum
run_argument(const ProcedureCall *call, Oid run_type)
{
	TupleDesc	descriptor = lookup_rowtype_tupdesc(run_type, -1);
	Datum		values[] = {
		Int64GetDatum(call->run_id), CStringGetTextDatum(call->definition->workflow),
		Int32GetDatum(call->definition->version), JsonbPGetDatum(call->input),
		TimestampTzGetDatum(call->started_at), Int32GetDatum(call->attempt)
	};
	bool		nulls[lengthof(values)] = {false};
	Datum		run;

	if (descriptor->natts != lengthof(values))
		elog(ERROR, "type dalp.run has %d columns", descriptor->natts);
	run = HeapTupleGetDatum(heap_form_tuple(descriptor, values, nulls));
	ReleaseTupleDesc(descriptor);
	return run;
}

/* In a transaction, which is another one afterwards if the procedure commits. */
static void
run_portal(ProcedureCall *call)
{
	Oid			run_type = GetSysCacheOid2(TYPENAMENSP, Anum_pg_type_oid, CStringGetDatum("run"),
										   ObjectIdGetDatum(get_namespace_oid("dalp", false)));
	ResultReceiver receiver = {
		{receive_row, receive_start, receive_end, receive_end, DestNone}, call
	};
	ParamListInfo parameters = makeParamList(1);
	bool		has_output;
	Oid			procedure;
	char	   *sql;
	List	   *plans;
	Portal		portal;

	PushActiveSnapshot(GetTransactionSnapshot());
	procedure = find_procedure(call->definition, run_type, &has_output);
	sql = psprintf("CALL %s($1%s)",
				   quote_qualified_identifier(get_namespace_name(get_func_namespace(procedure)), get_func_name(procedure)),
				   has_output ? ", NULL" : "");
	parameters->params[0] = (ParamExternData) {run_argument(call, run_type), false, PARAM_FLAG_CONST, run_type};
	plans = pg_plan_queries(pg_analyze_and_rewrite_fixedparams(linitial_node(RawStmt, pg_parse_query(sql)),
															   sql, &run_type, 1, NULL),
							sql, 0, parameters);
	PopActiveSnapshot();

	portal = CreateNewPortal();
	portal->visible = false;
	PortalDefineQuery(portal, NULL, sql, CMDTAG_CALL, plans, NULL);
	PortalStart(portal, parameters, 0, InvalidSnapshot);
	(void) PortalRun(portal, FETCH_ALL, true, &receiver.receiver, &receiver.receiver, NULL);
	PortalDrop(portal, false);
}

/* What has gone wrong, other than what unwinds. */
static void
read_error(ProcedureCall *call, ErrorData *edata)
{
	if (edata->sqlerrcode == ERRCODE_READ_ONLY_SQL_TRANSACTION && edata->hint == NULL)
		edata->hint = pstrdup("Outside of steps a durable procedure only reads: it runs again after each wait. Write in a function that dalp.step calls.");
	error_report(edata, edata->sqlerrcode == ERRCODE_QUERY_CANCELED && call->unwind == UNWIND_NONE &&
				 TimestampDifferenceExceeds(call->limited_at, GetCurrentTimestamp(), dalp_step_timeout), &call->outcome);
}

static void
xact_changes(XactEvent event, void *argument)
{
	(void) argument;
	if (current == NULL)
		return;
	if (event == XACT_EVENT_PRE_COMMIT)
	{
		STOP_POINT("procedure_before_commit");
		procedure_before_commit(current);
	}
	else if (event == XACT_EVENT_COMMIT || event == XACT_EVENT_ABORT)
	{
		if (event == XACT_EVENT_COMMIT)
			STOP_POINT("procedure_after_commit");
		procedure_end_transaction(current, event == XACT_EVENT_COMMIT);
	}
}

static void
subxact_changes(SubXactEvent event, SubTransactionId mine, SubTransactionId parent, void *argument)
{
	(void) argument;
	if (current != NULL && (event == SUBXACT_EVENT_COMMIT_SUB || event == SUBXACT_EVENT_ABORT_SUB))
		procedure_end_subtransaction(current, event == SUBXACT_EVENT_COMMIT_SUB, mine, parent);
}

void
procedure_do(ProcedureCall *call, void (*work) (void *argument), void *argument)
{
	MemoryContext caller = CurrentMemoryContext;

	call->in_step = true;
	XactReadOnly = false;
	MemoryContextSwitchTo(call->scratch);
	PG_TRY();
	{
		StoreScope	scope;

		store_open(&scope);
		work(argument);
		store_close(&scope);
	}
	PG_CATCH();
	{
		ErrorData  *edata;

		MemoryContextSwitchTo(call->context);
		edata = CopyErrorData();
		FlushErrorState();
		if (call->unwind == UNWIND_NONE)
		{
			call->unwind = UNWIND_ERROR;
			error_report(edata, false, &call->outcome);
			edata->sqlerrcode = ERRCODE_QUERY_CANCELED;
		}
		call->in_step = false;
		XactReadOnly = true;
		procedure_limit_time(call);
		ReThrowError(edata);
	}
	PG_END_TRY();
	MemoryContextSwitchTo(caller);
	MemoryContextReset(call->scratch);
	XactReadOnly = true;
	call->in_step = false;
	procedure_limit_time(call);
}

/* What a session keeps beyond transactions. Outside of one. */
static void
clear_session(void)
{
	ResetAllOptions();
	worker_begin_bare("clearing up behind a procedure");
	PortalHashTableDeleteAll();
	DropAllPreparedStatements();
	LockReleaseSession(USER_LOCKMETHOD);
	worker_commit_bare();
}

static void
run_transactions(ProcedureCall *call)
{
	MemoryContext caller = CurrentMemoryContext;

	PG_TRY();
	{
		worker_begin_bare(psprintf("run " INT64_FORMAT " of %s", call->run_id, call->definition->workflow));
		MemoryContextSwitchTo(call->context);
		if (!SearchSysCacheExists1(AUTHOID, ObjectIdGetDatum(call->definition->run_as)))
			ereport(ERROR,
					(errcode(ERRCODE_UNDEFINED_OBJECT),
					 errmsg("the role that created workflow \"%s\" version %d does not exist any more",
							call->definition->workflow, call->definition->version)));
		procedure_limit_time(call);
		run_portal(call);
		disable_timeout(STATEMENT_TIMEOUT, false);
		worker_commit_bare();
		call->outcome.kind = HANDLER_DONE;
	}
	PG_CATCH();
	{
		ErrorData  *edata;

		MemoryContextSwitchTo(call->context);
		edata = CopyErrorData();
		FlushErrorState();
		call->went_on = call->went_on ||
			(call->unwind != UNWIND_NONE && edata->sqlerrcode != ERRCODE_QUERY_CANCELED);
		if (call->unwind == UNWIND_NONE || call->went_on)
			read_error(call, edata);
		disable_timeout(STATEMENT_TIMEOUT, false);
		AbortCurrentTransaction();
		PortalErrorCleanup();
	}
	PG_END_TRY();
	MemoryContextSwitchTo(caller);
}

void
procedure_call(ProcedureCall *call)
{
	static bool follows = false;
	GucContext	contexts[lengthof(sealed)];
	Oid			user;
	int			security_context;

	if (!follows)
	{
		RegisterXactCallback(xact_changes, NULL);
		RegisterSubXactCallback(subxact_changes, NULL);
		follows = true;
	}
	GetUserIdAndSecContext(&user, &security_context);
	apply_settings(call->definition);
	seal_settings(contexts);
	DefaultXactReadOnly = true;
	call->called_at = GetCurrentTimestamp();
	task_calls(call->run_id);
	if (!call->check)
		poison_calling(call->run_id);
	SetUserIdAndSecContext(call->definition->run_as, security_context);
	current = call;
	run_transactions(call);
	current = NULL;
	SetUserIdAndSecContext(user, security_context);
	if (!call->check)
		poison_returned(call->run_id);
	task_calls(0);
	DefaultXactReadOnly = false;
	unseal_settings(contexts);
	clear_session();
}
