/*
 * why_sql.c
 *		dalp.why: what a run waits for, and what would move it.
 *
 * In a caller's backend; reads only, so that it works on a standby too.
 */
#include "compat.h"

#include "access/xlog.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"

#include "core/catalog.h"
#include "core/errors.h"
#include "core/result_row.h"
#include "core/instance.h"
#include "core/spi.h"
#include "workflow/arguments.h"
#include "workflow/definition.h"
#include "workflow/why.h"

DALP_FUNCTION(dalp_why);

#define WHY_COLUMNS 8

static void
put(ReturnSetInfo *result, const WhyRun *run, const WhyReason *reason)
{
	Datum		values[WHY_COLUMNS] = {0};
	bool		nulls[WHY_COLUMNS] = {false};
	WhyWords	words;

	why_explain(run, reason, &words);
	values[0] = Int32GetDatum(reason->branch_id);
	result_set_text(values, nulls, 1, words.waits_for);
	result_set_text(values, nulls, 2, reason->kind);
	result_set_text(values, nulls, 3, reason->name);
	result_set_id(values, nulls, 4, reason->reference);
	result_set_time(values, nulls, 5, reason->since);
	result_set_time(values, nulls, 6, reason->until);
	result_set_text(values, nulls, 7, words.what_next);
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

static void
put_all(ReturnSetInfo *result, const WhyRun *run)
{
	List	   *reasons = NIL;
	WhyReason  *place = NULL;
	bool		is_standby = RecoveryInProgress();
	ListCell   *cell;

	if (run->status == NULL)
	{
		reasons = why_store_reasons(run->run_id);
		place = why_of_place(is_standby, !is_standby && instance_state() == INSTANCE_RECONCILING);
	}
	if (place != NULL)
		put(result, run, place);
	if (reasons == NIL)
		reasons = list_make1(why_at_rest(run));
	foreach(cell, reasons)
	{
		WhyReason  *reason = lfirst(cell);

		if (place != NULL && strcmp(reason->kind, "ready") == 0)
			reason->detail = place->kind;
		put(result, run, reason);
	}
}

Datum
dalp_why(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	int64		run_id = required_id(fcinfo, 0, "run_id");
	Oid			caller = GetUserId();
	bool		sees_all = catalog_user_is("dalp_operator") || catalog_user_is("dalp_auditor");
	StoreScope	scope;
	WhyRun		run;

	InitMaterializedSRF(fcinfo, 0);
	store_open(&scope);
	if (!why_store_run(run_id, &run))
		ereport(ERROR,
				(errcode(ERRCODE_DALP_UNKNOWN_OBJECT),
				 errmsg("run " INT64_FORMAT " does not exist", run_id),
				 errhint("Its start may have been rolled back.")));
	if (!sees_all)
		definition_require(run.workflow_id, run.workflow, run.owner, caller);
	put_all(result, &run);
	store_close(&scope);
	return (Datum) 0;
}
