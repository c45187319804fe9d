/*
 * definition_sql.c
 *		dalp.create_workflow, dalp.validate_workflow, grants.
 *
 * In a caller's backend.  Handlers are found by the author's search_path, which
 * is kept with the definition; so create and validate don't pin one in their
 * SQL definition, and pin it themselves before they open the store.
 */
#include "compat.h"

#include "funcapi.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/jsonb.h"
#include "utils/tuplestore.h"

#include "core/catalog.h"
#include "core/digest.h"
#include "core/document_jsonb.h"
#include "core/errors.h"
#include "core/spi.h"
#include "ops/audit.h"
#include "workflow/arguments.h"
#include "workflow/definition.h"

DALP_FUNCTION(dalp_create_workflow);
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
static int
pin_search_path(void)
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

Datum
dalp_create_workflow(PG_FUNCTION_ARGS)
{
	char	   *name = required_text(fcinfo, 0, "name");
	char	   *comment = text_argument(fcinfo, 2);
	Oid			author = GetUserId();
	Oid			owner;
	AslFindings findings = {0};
	uint8		fingerprint[DIGEST_MAX_SIZE];
	StoreScope	scope;
	Jsonb	   *definition;
	char	   *search_path = pstrdup(GetConfigOption("search_path", false, false));
	int			nest;
	int			workflow_id;
	int			version;
	bool		created;

	catalog_require_writable();
	check_name(name);
	if (PG_ARGISNULL(1))
		ereport(ERROR,
				(errcode(ERRCODE_DALP_INVALID_INPUT), errmsg("definition must not be null")));
	definition = PG_GETARG_JSONB_P(1);
	examine(definition, author, &findings);
	if (findings.errors > 0)
		ereport(ERROR,
				(errcode(ERRCODE_DALP_INVALID_DEFINITION),
				 errmsg("definition of workflow \"%s\" is invalid", name),
				 errdetail("%s", findings_text(&findings)),
				 errhint("dalp.validate_workflow(definition) lists all findings.")));
	digest_compute(DIGEST_SHA256, VARDATA(definition), VARSIZE(definition) - VARHDRSZ, fingerprint);

	nest = pin_search_path();
	store_open(&scope);
	workflow_id = definition_store_workflow(name, author, &owner);
	if (!has_privs_of_role(author, owner))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("must be owner of workflow \"%s\"", name)));
	version = definition_store_version(workflow_id, definition, fingerprint, author,
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
	PG_RETURN_INT32(version);
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
