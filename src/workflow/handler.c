/*
 * handler.c
 *		Calling a user's SQL function as a step of a workflow.
 *
 * Runs in an executor, inside the transaction of a batch, in a subtransaction
 * of its own: a failing step rolls back alone.  The function has the rights of
 * the role that registered the workflow: SECURITY_LOCAL_USERID_CHANGE refuses
 * SET ROLE, SECURITY_RESTRICTED_OPERATION keeps temporary tables, prepared
 * statements and LISTEN of one user's step from the next user's.  Settings are
 * undone by the GUC nest level, session advisory locks are released, cursors and
 * large objects closed.
 *
 * A restricted operation may defer no trigger, because one that fires at commit
 * would run with the executor's rights.  So deferrable constraints are checked
 * at each statement: a step that violates one fails by itself, and a handler
 * inserts parents before children.
 */
#include "compat.h"

#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "libpq/be-fsstubs.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "parser/parse_func.h"
#include "storage/lock.h"
#include "tcop/pquery.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/portal.h"
#include "utils/regproc.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"
#include "utils/timeout.h"
#include "utils/varlena.h"

#include "workflow/handler.h"

const char *
handler_token_suffix(const char *resource)
{
	static const char suffix[] = ".waitForTaskToken";
	size_t		length = resource == NULL ? 0 : strlen(resource);

	if (length < strlen(suffix) || strcmp(resource + length - strlen(suffix), suffix) != 0)
		return NULL;
	return resource + length - strlen(suffix);
}

bool
handler_is_known(const char *resource)
{
	return strncmp(resource, "activity:", 9) == 0 ||
		strncmp(resource, "sql:", 4) == 0 ||
		strncmp(resource, "signal:", 7) == 0 ||
		strncmp(resource, "workflow:", 9) == 0 ||
		strcmp(resource, "chain:transaction") == 0 ||
		strcmp(resource, "chain:call") == 0 ||
		strncmp(resource, "http:request", 12) == 0;
}

Oid
handler_find(const char *resource, char **reason)
{
	const char *suffix = strstr(resource, ".waitForTaskToken");
	char	   *name = suffix != NULL ? pnstrdup(resource + 4, suffix - resource - 4) : pstrdup(resource + 4);
	List	   *names = NIL;
	char	   *copy = pstrdup(name);
	Oid			arguments[1] = {JSONBOID};
	Oid			function = InvalidOid;

	*reason = NULL;
	if (!SplitIdentifierString(copy, '.', &names) || names == NIL || list_length(names) > 2)
	{
		*reason = psprintf("\"%s\" is not the name of a function", name);
		return InvalidOid;
	}
	for (int i = 0; i < list_length(names); i++)
		list_nth_cell(names, i)->ptr_value = makeString(pstrdup(list_nth(names, i)));

	/* A schema that doesn't exist raises in LookupFuncName unless asked for first. */
	if (list_length(names) == 1 || OidIsValid(LookupNamespaceNoError(strVal(linitial(names)))))
		function = LookupFuncName(names, 1, arguments, true);
	if (!OidIsValid(function))
		*reason = psprintf("function %s(jsonb) does not exist", name);
	else if (get_func_rettype(function) != JSONBOID || get_func_retset(function))
		*reason = psprintf("function %s(jsonb) must return jsonb", name);
	else if (get_func_prokind(function) != PROKIND_FUNCTION)
		*reason = psprintf("%s(jsonb) is not a plain function", name);
	return *reason == NULL ? function : InvalidOid;
}

/* The body of handler_call that may raise, user and settings switched. */
static Jsonb *
call_function(const char *resource, Oid role, Jsonb *input)
{
	char	   *reason;
	Oid			function = handler_find(resource, &reason);
	FmgrInfo	flinfo;
	Datum		result;

	LOCAL_FCINFO(fcinfo, 1);

	if (!OidIsValid(function))
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_FUNCTION), errmsg("%s", reason)));
	if (object_aclcheck(ProcedureRelationId, function, role, ACL_EXECUTE) != ACLCHECK_OK)
		aclcheck_error(ACLCHECK_NO_PRIV, OBJECT_FUNCTION, get_func_name(function));

	fmgr_info(function, &flinfo);
	InitFunctionCallInfoData(*fcinfo, &flinfo, 1, InvalidOid, NULL, NULL);
	fcinfo->args[0].value = JsonbPGetDatum(input);
	fcinfo->args[0].isnull = false;
	result = FunctionCallInvoke(fcinfo);
	return fcinfo->isnull ? NULL : DatumGetJsonbP(result);
}

/* SET CONSTRAINTS ALL IMMEDIATE, for the rest of the transaction. */
static void
defer_no_constraints(void)
{
	ConstraintsSetStmt *statement = makeNode(ConstraintsSetStmt);

	statement->constraints = NIL;
	statement->deferred = false;
	AfterTriggerSetState(statement);
}

/* A role that was dropped has no rights to lend; its number may be another's after a restore. */
static void
require_role(const Definition *definition)
{
	if (!SearchSysCacheExists1(AUTHOID, ObjectIdGetDatum(definition->run_as)))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("the role that created workflow \"%s\" version %d does not exist any more",
						definition->workflow, definition->version),
				 errhint("Create a version as another role; runs keep the version that they started with.")));
}

/*
 * Cursors and large objects that the handler left open would be there for the
 * next one of the batch, which may be another user's: names that are taken,
 * data that can be read.
 */
static void
close_what_is_open(void)
{
	/* In a durable procedure only its own user is there, until the end of the transaction closes them. */
	if (ActivePortal == NULL)
		PortalHashTableDeleteAll();
	AtEOSubXact_LargeObject(false, GetCurrentSubTransactionId(), InvalidSubTransactionId);
}

static void
set_for_step(const char *name, const char *value)
{
	(void) set_config_option(name, value, PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
}

void
handler_call(const Definition *definition, const char *resource, Jsonb *input,
			 int timeout, HandlerOutcome *outcome)
{
	MemoryContext caller = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	TimestampTz started = GetCurrentTimestamp();

	memset(outcome, 0, sizeof(*outcome));
	defer_no_constraints();
	BeginInternalSubTransaction(NULL);
	PG_TRY();
	{
		Oid			user;
		int			security_context;
		int			nest;
		Jsonb	   *result;

		require_role(definition);
		GetUserIdAndSecContext(&user, &security_context);
		nest = NewGUCNestLevel();
		SetUserIdAndSecContext(definition->run_as,
							   security_context | SECURITY_LOCAL_USERID_CHANGE |
							   SECURITY_RESTRICTED_OPERATION);
		set_for_step("search_path", definition->search_path);
		/* The executor forbids these to its own statements (see executor.c). */
		set_for_step("enable_seqscan", "on");
		set_for_step("enable_bitmapscan", "on");
		set_for_step("enable_hashjoin", "on");
		set_for_step("enable_mergejoin", "on");
		set_for_step("plan_cache_mode", "auto");

		PushActiveSnapshot(GetTransactionSnapshot());
		enable_timeout_after(STATEMENT_TIMEOUT, timeout);
		result = call_function(resource, definition->run_as, input);
		close_what_is_open();
		disable_timeout(STATEMENT_TIMEOUT, false);
		PopActiveSnapshot();

		AtEOXact_GUC(false, nest);
		SetUserIdAndSecContext(user, security_context);

		MemoryContextSwitchTo(caller);
		outcome->result = result == NULL ? NULL :
			(Jsonb *) DatumGetPointer(PointerGetDatum(memcpy(palloc(VARSIZE(result)), result, VARSIZE(result))));
		outcome->kind = HANDLER_DONE;
		ReleaseCurrentSubTransaction();
	}
	PG_CATCH();
	{
		ErrorData  *edata;

		disable_timeout(STATEMENT_TIMEOUT, false);
		MemoryContextSwitchTo(caller);
		edata = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
		error_report(edata,
					 edata->sqlerrcode == ERRCODE_QUERY_CANCELED &&
					 TimestampDifferenceExceeds(started, GetCurrentTimestamp(), timeout),
					 outcome);
	}
	PG_END_TRY();
	MemoryContextSwitchTo(caller);
	CurrentResourceOwner = owner;
	LockReleaseSession(USER_LOCKMETHOD);
}

bool
handler_guard(HandlerBody body, void *argument, HandlerOutcome *outcome)
{
	MemoryContext caller = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;

	memset(outcome, 0, sizeof(*outcome));
	BeginInternalSubTransaction(NULL);
	PG_TRY();
	{
		MemoryContextSwitchTo(caller);
		PushActiveSnapshot(GetTransactionSnapshot());
		body(argument);
		PopActiveSnapshot();
		outcome->kind = HANDLER_DONE;
		ReleaseCurrentSubTransaction();
	}
	PG_CATCH();
	{
		ErrorData  *edata;

		MemoryContextSwitchTo(caller);
		edata = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
		error_report(edata, false, outcome);
	}
	PG_END_TRY();
	MemoryContextSwitchTo(caller);
	CurrentResourceOwner = owner;
	return outcome->kind == HANDLER_DONE;
}
