/*
 * definition_check.c
 *		What a definition says about this database: do its handlers exist, and
 *		the workflows and chains that it names?
 *
 * Runs in the backend of the author, with the author's search_path.
 */
#include "compat.h"

#include "catalog/pg_proc.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/guc.h"

#include "chain/chain.h"
#include "core/settings.h"
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
	int			nest;

	if (text != NULL)
		asl_finding_add(findings, ASL_ERROR, path, "%s", text);
	/* Our SQL must not see the author's search_path, in which handlers are looked for. */
	nest = definition_pin_search_path();
	store_open(&scope);
	text = chain_task_doubt(resource, parameters);
	if (text != NULL)
		text = MemoryContextStrdup(context, text);
	store_close(&scope);
	AtEOXact_GUC(true, nest);
	if (text != NULL)
		asl_finding_add(findings, ASL_WARNING, path, "%s", text);
}

/* The name in a resource "workflow:name", without what stands behind it. A missing one may come later, so it is no error. */
static char *
child_name(const char *name)
{
	static const char *const suffixes[] = {".sync", ".waitForTaskToken"};
	size_t		length = strlen(name);

	for (size_t i = 0; i < lengthof(suffixes); i++)
		if (length > strlen(suffixes[i]) && strcmp(name + length - strlen(suffixes[i]), suffixes[i]) == 0)
			return pnstrdup(name, length - strlen(suffixes[i]));
	return pstrdup(name);
}

static void
check_child(const char *path, const char *name, AslFindings *findings)
{
	int			nest = definition_pin_search_path();
	StoreScope	scope;
	bool		found;

	store_open(&scope);
	found = definition_store_workflow_exists(name);
	store_close(&scope);
	AtEOXact_GUC(true, nest);
	if (!found)
		asl_finding_add(findings, ASL_WARNING, path, "there is no workflow \"%s\" yet", name);
}

static void
check_task(const AslState *state, const char *path, const char *resource, void *argument)
{
	if (!handler_is_known(resource))
		asl_finding_add(((CheckArgument *) argument)->findings, ASL_ERROR, path,
						"this version has no resource \"%s\"", resource);
	else if (strncmp(resource, "sql:", 4) == 0)
		check_function(path, resource, argument);
	else if (strncmp(resource, "chain:", 6) == 0 || strncmp(resource, "http:", 5) == 0)
		check_outside(state, path, resource, ((CheckArgument *) argument)->findings);
	else if (strncmp(resource, "workflow:", 9) == 0)
		check_child(path, child_name(resource + 9), ((CheckArgument *) argument)->findings);
}

void
definition_check(const AslMachine *machine, Oid role, AslFindings *findings)
{
	CheckArgument check = {role, findings};
	int			depth = asl_fork_depth(machine);

	if (depth > dalp_max_fork_depth)
		asl_finding_add(findings, ASL_ERROR, "$", "nests Parallel and Map %d deep; dalp.max_fork_depth is %d",
						depth, dalp_max_fork_depth);
	asl_visit_tasks(machine, check_task, &check);
}
