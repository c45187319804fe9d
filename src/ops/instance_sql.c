/*
 * instance_sql.c
 *		dalp.adopt_instance.
 *
 * In an operator's backend.
 */
#include "compat.h"

#include "miscadmin.h"
#include "utils/builtins.h"

#include "core/catalog.h"
#include "core/document_jsonb.h"
#include "core/errors.h"
#include "core/instance.h"
#include "core/spi.h"
#include "core/wake.h"
#include "ops/audit.h"

DALP_FUNCTION(dalp_adopt_instance);

Datum
dalp_adopt_instance(PG_FUNCTION_ARGS)
{
	char	   *note = PG_ARGISNULL(0) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(0));
	Oid			actor = GetUserId();
	Doc		   *details = doc_object();
	Problem		problem = {{0}, {0}};
	StoreScope	scope;
	Jsonb	   *jsonb;

	catalog_require_writable();
	if (note == NULL || note[strspn(note, " \t\r\n")] == '\0')
		ereport(ERROR,
				(errcode(ERRCODE_DALP_INVALID_INPUT),
				 errmsg("a note is needed to adopt an instance"),
				 errhint("Say why the original is no longer at work.")));
	doc_object_add(details, "note", doc_text(note));
	jsonb = doc_to_jsonb(details, &problem);
	if (jsonb == NULL)
		problem_raise(&problem, "note");
	store_open(&scope);
	if (instance_state() == INSTANCE_ACTIVE)
		ereport(ERROR,
				(errcode(ERRCODE_DALP_WRONG_STATE),
				 errmsg("this database is not waiting to be adopted"),
				 errdetail("Its state began here, or has been adopted before.")));
	instance_adopt(actor, note);
	audit_add(actor, "adopt_instance", NULL, jsonb);
	store_close(&scope);
	for (int kind = 0; kind < WORKER_KINDS; kind++)
		wake_at_commit((WorkerKind) kind);
	PG_RETURN_VOID();
}
