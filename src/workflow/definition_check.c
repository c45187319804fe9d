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

static void
check_task(const AslState *state, const char *path, const char *resource, void *argument)
{
	(void) state;
	if (!handler_is_known(resource))
		asl_finding_add(((CheckArgument *) argument)->findings, ASL_ERROR, path,
						"this version has no resource \"%s\"", resource);
	else if (strncmp(resource, "sql:", 4) == 0)
		check_function(path, resource, argument);
}

void
definition_check(const AslMachine *machine, Oid role, AslFindings *findings)
{
	CheckArgument check = {role, findings};

	asl_visit_tasks(machine, check_task, &check);
}
