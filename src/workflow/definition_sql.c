/*
 * definition_sql.c
 *		dalp.create_workflow, dalp.create_procedure_workflow,
 *		dalp.validate_workflow, grants.
 *
 * In a caller's backend.  Handlers are found by the author's search_path, which
 * is kept with the definition; so create and validate don't pin one in their
 * SQL definition, and pin it themselves before they open the store.
 */
#include "compat.h"

#include "access/htup_details.h"
#include "catalog/namespace.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/jsonb.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"
#include "utils/tuplestore.h"

#include "core/catalog.h"
#include "core/digest.h"
#include "core/document_jsonb.h"
#include "core/errors.h"
#include "core/limits.h"
#include "core/spi.h"
#include "ops/audit.h"
#include "workflow/arguments.h"
#include "workflow/definition.h"

DALP_FUNCTION(dalp_create_workflow);
DALP_FUNCTION(dalp_create_procedure_workflow);
DALP_FUNCTION(dalp_validate_workflow);
DALP_FUNCTION(dalp_grant_workflow);
DALP_FUNCTION(dalp_revoke_workflow);

#define NAME_LIMIT 80

/* All findings, catalogs included. */
static void
examine(Jsonb *definition, Oid role, AslFindings *findings)
{
	const AslMachine *machine = asl_compile(doc_from_jsonb(definition), findings);

	if (machine != NULL)
		definition_check(machine, role, findings);
}

/* From here on names in our SQL mean what they say. Undo with AtEOXact_GUC(true, nest). */
int
definition_pin_search_path(void)
{
	int			nest = NewGUCNestLevel();

	(void) set_config_option("search_path", "pg_catalog, pg_temp", PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_SAVE, true, 0, false);
	return nest;
}

/* One line a problem. */
static char *
findings_text(const AslFindings *findings)
{
	StringInfoData text;

	initStringInfo(&text);
	for (int i = 0; i < findings->count; i++)
		if (findings->items[i].severity == ASL_ERROR)
			appendStringInfo(&text, "%s%s: %s", text.len > 0 ? "\n" : "",
							 findings->items[i].path, findings->items[i].message);
	return text.data;
}

static void
check_name(const char *name)
{
	size_t		length = strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.:-");

	if (name[0] == '\0' || name[length] != '\0' || length > NAME_LIMIT)
		ereport(ERROR,
				(errcode(ERRCODE_DALP_INVALID_INPUT),
				 errmsg("\"%s\" is not a valid name for a workflow", name),
				 errhint("Use 1 to %d letters, digits and _ . : -", NAME_LIMIT)));
}

/* Stores a checked body as a version of the workflow. Names in our SQL are safe from here on. */
static int
create_version(const char *name, const char *kind, Jsonb *body, const char *comment)
{
	Oid			author = GetUserId();
	Oid			owner;
	uint8		fingerprint[DIGEST_MAX_SIZE];
	StoreScope	scope;
	char	   *search_path = pstrdup(GetConfigOption("search_path", false, false));
	int			nest;
	int			workflow_id;
	int			version;
	bool		created;

	limit_note("comment", comment);
	digest_compute(DIGEST_SHA256, VARDATA(body), VARSIZE(body) - VARHDRSZ, fingerprint);
	nest = definition_pin_search_path();
	store_open(&scope);
	workflow_id = definition_store_workflow(name, author, &owner);
	if (!has_privs_of_role(author, owner))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("must be owner of workflow \"%s\"", name)));
	version = definition_store_version(workflow_id, kind, body, fingerprint, author,
									   search_path, comment, &created);
	if (created)
		audit_add(author, "create_workflow", psprintf("%s:%d", name, version), NULL);
	store_close(&scope);
	AtEOXact_GUC(true, nest);
	if (created && superuser_arg(author))
		ereport(NOTICE,
				(errmsg("handlers of workflow \"%s\" will run with the rights of superuser \"%s\"",
						name, GetUserNameFromId(author, false)),
				 errhint("Create workflows as a role that has just the rights that their steps need.")));
	return version;
}

Datum
dalp_create_workflow(PG_FUNCTION_ARGS)
{
	char	   *name = required_text(fcinfo, 0, "name");
	AslFindings findings = {0};
	Jsonb	   *definition;

	catalog_require_writable();
	check_name(name);
	if (PG_ARGISNULL(1))
		ereport(ERROR,
				(errcode(ERRCODE_DALP_INVALID_INPUT), errmsg("definition must not be null")));
	definition = PG_GETARG_JSONB_P(1);
	limit_definition(definition);
	examine(definition, GetUserId(), &findings);
	if (findings.errors > 0)
		ereport(ERROR,
				(errcode(ERRCODE_DALP_INVALID_DEFINITION),
				 errmsg("definition of workflow \"%s\" is invalid", name),
				 errdetail("%s", findings_text(&findings)),
				 errhint("dalp.validate_workflow(definition) lists all findings.")));
	PG_RETURN_INT32(create_version(name, "machine", definition, text_argument(fcinfo, 2)));
}

/* What is wrong with a procedure as a workflow; NULL = nothing. */
static const char *
procedure_problem(Form_pg_proc procedure, bool has_settings, Oid *arguments, char *modes, int count, Oid run_type)
{
	if (procedure->prokind != PROKIND_PROCEDURE)
		return "It is a function: only a procedure can COMMIT.";
	if (procedure->pronargs != 1 || procedure->proargtypes.values[0] != run_type)
		return "It must take one argument, of type dalp.run.";
	if (count > 2 || (count == 2 && (modes[1] != PROARGMODE_OUT || arguments[1] != JSONBOID)) ||
		(modes != NULL && modes[0] != PROARGMODE_IN))
		return "Besides the run it may have one more argument: OUT, of type jsonb, for the output of the run.";
	if (procedure->prosecdef || has_settings)
		return "It must be neither SECURITY DEFINER nor have settings (SET): the server lets such procedures not COMMIT.";
	return NULL;
}

/* Its qualified name. Raises DL001. */
static char *
check_procedure(const char *workflow, Oid procedure)
{
	Oid			run_type = GetSysCacheOid2(TYPENAMENSP, Anum_pg_type_oid, CStringGetDatum("run"),
										   ObjectIdGetDatum(get_namespace_oid("dalp", false)));
	HeapTuple	tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(procedure));
	const char *problem;
	char	   *name;
	Oid		   *arguments;
	char	  **names;
	char	   *modes;
	int			count;

	if (!HeapTupleIsValid(tuple))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_FUNCTION), errmsg("procedure %u does not exist", procedure)));
	count = get_func_arg_info(tuple, &arguments, &names, &modes);
	problem = procedure_problem((Form_pg_proc) GETSTRUCT(tuple), !heap_attisnull(tuple, Anum_pg_proc_proconfig, NULL),
								arguments, modes, count, run_type);
	name = quote_qualified_identifier(get_namespace_name(((Form_pg_proc) GETSTRUCT(tuple))->pronamespace),
									  NameStr(((Form_pg_proc) GETSTRUCT(tuple))->proname));
	ReleaseSysCache(tuple);
	if (problem != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_DALP_INVALID_DEFINITION),
				 errmsg("%s can't be workflow \"%s\"", name, workflow),
				 errdetail("%s", problem)));
	if (object_aclcheck(ProcedureRelationId, procedure, GetUserId(), ACL_EXECUTE) != ACLCHECK_OK)
		aclcheck_error(ACLCHECK_NO_PRIV, OBJECT_PROCEDURE, name);
	return name;
}

Datum
dalp_create_procedure_workflow(PG_FUNCTION_ARGS)
{
	char	   *name = required_text(fcinfo, 0, "name");
	Doc		   *body = doc_object();
	Problem		problem = {0};

	catalog_require_writable();
	check_name(name);
	if (PG_ARGISNULL(1))
		ereport(ERROR,
				(errcode(ERRCODE_DALP_INVALID_INPUT), errmsg("procedure must not be null")));
	doc_object_add(body, "procedure", doc_text(check_procedure(name, PG_GETARG_OID(1))));
	PG_RETURN_INT32(create_version(name, "procedure", doc_to_jsonb(body, &problem), text_argument(fcinfo, 2)));
}

Datum
dalp_validate_workflow(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	AslFindings findings = {0};

	InitMaterializedSRF(fcinfo, 0);
	if (PG_ARGISNULL(0))
		return (Datum) 0;
	examine(PG_GETARG_JSONB_P(0), GetUserId(), &findings);
	for (int i = 0; i < findings.count; i++)
	{
		const AslFinding *finding = &findings.items[i];
		Datum		values[3];
		bool		nulls[3] = {false, false, false};

		values[0] = CStringGetTextDatum(finding->path);
		values[1] = CStringGetTextDatum(finding->severity == ASL_ERROR ? "error" : "warning");
		values[2] = CStringGetTextDatum(finding->message);
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
	return (Datum) 0;
}

/* Grant and revoke: only the owner (or a member) may. */
static void
change_grant(FunctionCallInfo fcinfo, bool grant)
{
	char	   *name = required_text(fcinfo, 0, "workflow");
	Oid			caller = GetUserId();
	Oid			grantee;
	StoreScope	scope;
	WorkflowInfo info;

	catalog_require_writable();
	if (PG_ARGISNULL(1))
		ereport(ERROR,
				(errcode(ERRCODE_DALP_INVALID_INPUT), errmsg("role must not be null")));
	grantee = PG_GETARG_OID(1);
	store_open(&scope);
	definition_find(name, 0, &info);
	if (!has_privs_of_role(caller, info.owner))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("must be owner of workflow \"%s\"", name)));
	if (grant)
		definition_store_grant(info.workflow_id, grantee, caller);
	else
		definition_store_revoke(info.workflow_id, grantee);
	audit_add(caller, grant ? "grant_workflow" : "revoke_workflow",
			  psprintf("%s %s", name, GetUserNameFromId(grantee, false)), NULL);
	store_close(&scope);
}

Datum
dalp_grant_workflow(PG_FUNCTION_ARGS)
{
	change_grant(fcinfo, true);
	PG_RETURN_VOID();
}

Datum
dalp_revoke_workflow(PG_FUNCTION_ARGS)
{
	change_grant(fcinfo, false);
	PG_RETURN_VOID();
}
