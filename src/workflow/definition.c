/*
 * definition.c
 *		Finding, checking rights on, and compiling workflow definitions.
 *
 * Runs in executors and in callers' backends, with a store open.
 */
#include "compat.h"

#include "catalog/pg_authid.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"

#include "core/catalog.h"
#include "core/document_jsonb.h"
#include "core/errors.h"
#include "workflow/definition.h"

typedef struct CacheEntry
{
	int			definition_id;	/* hash key */
	Definition *definition;
} CacheEntry;

static HTAB *cache = NULL;
static MemoryContext cache_context = NULL;
static uint64 cache_generation = 0;

/* An empty cache for this generation of the extension. */
static void
cache_prepare(void)
{
	uint64		generation = catalog_state()->generation;
	HASHCTL		control = {0};

	if (cache != NULL && cache_generation == generation)
		return;
	if (cache_context != NULL)
		MemoryContextDelete(cache_context);
	cache_context = AllocSetContextCreate(TopMemoryContext, "dalp definitions", ALLOCSET_DEFAULT_SIZES);
	control.keysize = sizeof(int);
	control.entrysize = sizeof(CacheEntry);
	control.hcxt = cache_context;
	cache = hash_create("dalp definitions", 64, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	cache_generation = generation;
}

/* AslTaskVisitor: is any Task compensated? */
static void
look_for_compensation(const AslState *state, const char *path, const char *resource, void *argument)
{
	(void) path;
	(void) resource;
	if (asl_task_compensate(state) != NULL)
		*(bool *) argument = true;
}

/*
 * The machine of a durable procedure: one Task that is the whole run.  It gives
 * such runs the life of all others, from start to dead letter; what the Task
 * calls is never looked at.
 */
static const Doc *
procedure_machine(void)
{
	Problem		problem = {0};
	static const char text[] = "{\"StartAt\": \"procedure\", \"States\": {\"procedure\":"
		" {\"Type\": \"Task\", \"Resource\": \"sql:dalp.procedure\", \"End\": true}}}";

	return doc_parse(text, sizeof(text) - 1, &problem);
}

const Definition *
definition_get(int definition_id)
{
	CacheEntry *entry;
	Definition *definition;
	MemoryContext context,
				caller;
	Jsonb	   *body;
	AslFindings findings = {0};

	cache_prepare();
	entry = hash_search(cache, &definition_id, HASH_FIND, NULL);
	if (entry != NULL)
		return entry->definition;

	/* Compiled in a context of its own, which an ERROR leaves to the caller's abort. */
	context = AllocSetContextCreate(CurrentMemoryContext, "dalp definition", ALLOCSET_DEFAULT_SIZES);
	caller = MemoryContextSwitchTo(context);
	definition = palloc0(sizeof(Definition));
	body = definition_store_load(definition_id, definition);
	if (body == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_DALP_UNKNOWN_OBJECT),
				 errmsg("workflow definition %d does not exist", definition_id)));
	definition->machine_id = psprintf("%s:%d", definition->workflow, definition->version);
	definition->uses_context = strstr(JsonbToCString(NULL, &body->root, VARSIZE(body)), "$$") != NULL;
	definition->machine = asl_compile(definition->procedure != NULL ? procedure_machine() : doc_from_jsonb(body), &findings);
	if (definition->machine == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_DALP_INVALID_DEFINITION),
				 errmsg("stored definition of workflow \"%s\" version %d is invalid",
						definition->workflow, definition->version),
				 errdetail("%s: %s", findings.items[0].path, findings.items[0].message)));
	asl_visit_tasks(definition->machine, look_for_compensation, &definition->compensates);
	MemoryContextSwitchTo(caller);

	entry = hash_search(cache, &definition_id, HASH_ENTER, NULL);
	entry->definition = definition;
	MemoryContextSetParent(context, cache_context);
	return definition;
}

void
definition_find(const char *name, int version, WorkflowInfo *info)
{
	if (definition_store_find(name, version, info))
		return;
	if (version != 0 && definition_store_workflow_exists(name))
		ereport(ERROR,
				(errcode(ERRCODE_DALP_UNKNOWN_OBJECT),
				 errmsg("workflow \"%s\" has no version %d", name, version),
				 errhint("See dalp.workflows for its versions.")));
	ereport(ERROR,
			(errcode(ERRCODE_DALP_UNKNOWN_OBJECT),
			 errmsg("workflow \"%s\" does not exist", name),
			 errhint("Create it with dalp.create_workflow(name, definition).")));
}

bool
definition_allows(int workflow_id, Oid owner, Oid role)
{
	if (superuser_arg(role) || has_privs_of_role(role, owner))
		return true;
	return definition_store_granted(workflow_id, role);
}

void
definition_require(int workflow_id, const char *name, Oid owner, Oid role)
{
	if (!definition_allows(workflow_id, owner, role))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied for workflow \"%s\"", name),
				 errhint("Its owner grants it with dalp.grant_workflow(workflow, role).")));
}
