/*
 * drawing_sql.c
 *		dalp.render_workflow: a definition as a picture, with the way of a run.
 *
 * In a caller's backend; reads only, so that it works on a standby too.
 */
#include "compat.h"

#include "miscadmin.h"
#include "utils/builtins.h"

#include "asl/render.h"
#include "core/catalog.h"
#include "core/spi.h"
#include "workflow/arguments.h"
#include "workflow/definition.h"
#include "workflow/drawing.h"
#include "workflow/run_control.h"

DALP_FUNCTION(dalp_render_workflow);

static AslDrawing
read_format(const char *format)
{
	if (strcmp(format, "mermaid") == 0)
		return ASL_MERMAID;
	if (strcmp(format, "dot") == 0)
		return ASL_GRAPHVIZ;
	ereport(ERROR,
			(errcode(ERRCODE_DALP_INVALID_INPUT),
			 errmsg("\"%s\" is not a format of a drawing", format),
			 errhint("Use mermaid or dot.")));
}

/* The version that the run runs, if it is one of the workflow. */
static int
definition_of_run(int64 run_id, const char *workflow, bool sees_all, Oid caller)
{
	RunInfo		run;

	run_find(run_id, &run);
	if (!sees_all)
		definition_require(run.workflow_id, run.workflow, run.owner, caller);
	if (strcmp(run.workflow, workflow) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_DALP_INVALID_INPUT),
				 errmsg("run " INT64_FORMAT " is not one of workflow \"%s\"", run_id, workflow),
				 errdetail("Its workflow is \"%s\".", run.workflow)));
	return run.definition_id;
}

static int
latest_definition(const char *workflow, bool sees_all, Oid caller)
{
	WorkflowInfo info;

	definition_find(workflow, 0, &info);
	if (!sees_all)
		definition_require(info.workflow_id, info.name, info.owner, caller);
	return info.definition_id;
}

Datum
dalp_render_workflow(PG_FUNCTION_ARGS)
{
	char	   *workflow = required_text(fcinfo, 0, "name");
	AslDrawing	format = read_format(required_text(fcinfo, 2, "format"));
	MemoryContext caller_memory = CurrentMemoryContext;
	Oid			caller = GetUserId();
	bool		sees_all = catalog_user_is("dalp_operator") || catalog_user_is("dalp_auditor");
	const Definition *definition;
	const Doc  *way = NULL;
	char	   *drawing;
	StoreScope	scope;

	store_open(&scope);
	if (PG_ARGISNULL(1))
		definition = definition_get(latest_definition(workflow, sees_all, caller));
	else
	{
		definition = definition_get(definition_of_run(PG_GETARG_INT64(1), workflow, sees_all, caller));
		way = drawing_store_way(PG_GETARG_INT64(1));
	}
	drawing = MemoryContextStrdup(caller_memory, asl_render(definition->machine, way, format));
	store_close(&scope);
	PG_RETURN_TEXT_P(cstring_to_text(drawing));
}
