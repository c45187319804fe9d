/*
 * definition_check.c
 *		What a definition says about this database: do its handlers exist?
 *
 * Runs in the backend of the author, with the author's search_path.
 */
#include "compat.h"

#include "catalog/pg_proc.h"
#include "miscadmin.h"
#include "utils/acl.h"

#include "chain/chain.h"
#include "core/spi.h"
#include "workflow/definition.h"
#include "workflow/handler.h"

typedef struct CheckArgument
{
	Oid			role;
	AslFindings *findings;
} CheckArgument;

static void
check_function(const char *path, const char *resource, CheckArgument *check)
{
	char	   *reason;
	Oid			function = handler_find(resource, &reason);

	if (!OidIsValid(function))
		asl_finding_add(check->findings, ASL_ERROR, path, "%s", reason);
	else if (object_aclcheck(ProcedureRelationId, function, check->role, ACL_EXECUTE) != ACLCHECK_OK)
		asl_finding_add(check->findings, ASL_ERROR, path,
						"role \"%s\" may not execute the function of \"%s\"",
						GetUserNameFromId(check->role, false), resource);
}

/* What is asked of the outside: what it says of itself. */
static void
check_outside(const AslState *state, const char *path, const char *resource, AslFindings *findings)
{
	const Doc  *parameters = asl_task_parameters(state);
	const char *text = chain_task_refused(resource, parameters);
	MemoryContext context = CurrentMemoryContext;
	StoreScope	scope;

	if (text != NULL)
		asl_finding_add(findings, ASL_ERROR, path, "%s", text);
	store_open(&scope);
	text = chain_task_doubt(resource, parameters);
	if (text != NULL)
		text = MemoryContextStrdup(context, text);
	store_close(&scope);
	if (text != NULL)
		asl_finding_add(findings, ASL_WARNING, path, "%s", text);
}

static void
check_task(const AslState *state, const char *path, const char *resource, void *argument)
{
	(void) state;
	if (!handler_is_known(resource))
		asl_finding_add(((CheckArgument *) argument)->findings, ASL_ERROR, path,
						"this version has no resource \"%s\"", resource);
	else if (strncmp(resource, "sql:", 4) == 0)
		check_function(path, resource, argument);
	else if (strncmp(resource, "chain:", 6) == 0 || strncmp(resource, "http:", 5) == 0)
		check_outside(state, path, resource, ((CheckArgument *) argument)->findings);
}

void
definition_check(const AslMachine *machine, Oid role, AslFindings *findings)
{
	CheckArgument check = {role, findings};

	asl_visit_tasks(machine, check_task, &check);
}
