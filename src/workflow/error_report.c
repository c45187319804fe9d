/*
 * error_report.c
 *		What a PostgreSQL error is to a state machine: Error, Cause, and
 *		whether it is worth another try.
 *
 * Error is the name given to dalp.raise_error, else the SQLSTATE; Cause is a
 * JSON text.  ErrorEquals also matches the SQLSTATE and the condition name.
 */
#include "compat.h"

#include "mb/pg_wchar.h"
#include "utils/elog.h"

#include "core/document.h"
#include "core/errors.h"
#include "workflow/handler.h"

typedef struct Condition
{
	int			sqlstate;
	const char *name;
} Condition;

/* Made by the Makefile from the server's errcodes.txt; sorted by nothing, first name of a code wins. */
static const Condition conditions[] = {
#include "condition_names.inc"
};

static const char *
condition_name(int sqlstate)
{
	for (size_t i = 0; i < lengthof(conditions); i++)
		if (conditions[i].sqlstate == sqlstate)
			return conditions[i].name;
	return NULL;
}

/*
 * Bytes of a name, and of each text of a Cause.  Users choose them, and they are
 * written several times: to the journal, the run, the dead letter and its index.
 */
#define NAME_LIMIT 256
#define TEXT_LIMIT 8192

/* The text, or as much of it as there is room for, in whole characters. */
static char *
cut(const char *text, int limit)
{
	int			length = (int) strnlen(text, limit + MAX_MULTIBYTE_CHAR_LEN);

	return pnstrdup(text, pg_mbcliplen(text, length, limit));
}

/* dalp's own and others without a name: nothing. */
static void
add_text(Doc *object, const char *key, const char *text)
{
	if (text != NULL)
		doc_object_add(object, key, doc_text(cut(text, TEXT_LIMIT)));
}

/*
 * Classes that are transient by nature.  Serialization failures and deadlocks
 * concern the whole transaction; a lock time-out, a lost connection, missing
 * resources and shutdowns may be over later.
 */
static HandlerResult
kind_of(int sqlstate)
{
	if (sqlstate == ERRCODE_T_R_SERIALIZATION_FAILURE || sqlstate == ERRCODE_T_R_DEADLOCK_DETECTED)
		return HANDLER_CONFLICT;
	if (sqlstate == ERRCODE_LOCK_NOT_AVAILABLE)
		return HANDLER_TRANSIENT;
	switch (ERRCODE_TO_CATEGORY(sqlstate))
	{
		case ERRCODE_CONNECTION_EXCEPTION:
		case ERRCODE_INSUFFICIENT_RESOURCES:
			return HANDLER_TRANSIENT;
		case ERRCODE_TO_CATEGORY(ERRCODE_ADMIN_SHUTDOWN):
			return sqlstate == ERRCODE_QUERY_CANCELED ? HANDLER_FAILED : HANDLER_TRANSIENT;
		default:
			return HANDLER_FAILED;
	}
}

void
error_report(const ErrorData *edata, bool timed_out, HandlerOutcome *outcome)
{
	const char *sqlstate = pstrdup(unpack_sql_state(edata->sqlerrcode));
	const char *condition = condition_name(edata->sqlerrcode);
	AslError   *error = &outcome->error;
	int			aliases = 0;
	Doc		   *cause;

	memset(error, 0, sizeof(*error));
	outcome->result = NULL;
	outcome->kind = kind_of(edata->sqlerrcode);
	if (timed_out)
	{
		error->error = "States.Timeout";
		return;
	}

	if (edata->sqlerrcode == ERRCODE_DALP_NAMED_ERROR && edata->datatype_name != NULL)
	{
		/* The author chose both texts; without a cause the message says the name. */
		error->error = cut(edata->datatype_name, NAME_LIMIT);
		if (edata->message != NULL && strcmp(edata->message, edata->datatype_name) != 0)
			error->cause = cut(edata->message, TEXT_LIMIT);
		error->from_task = true;
		return;
	}

	error->error = sqlstate;
	if (condition != NULL)
		error->aliases[aliases++] = condition;
	error->permanent = edata->sqlerrcode == ERRCODE_DALP_PERMANENT;
	error->from_task = true;

	cause = doc_object();
	add_text(cause, "message", edata->message);
	add_text(cause, "sqlstate", sqlstate);
	add_text(cause, "condition", condition);
	add_text(cause, "detail", edata->detail);
	add_text(cause, "hint", edata->hint);
	add_text(cause, "context", edata->context);
	error->cause = doc_write(cause, NULL);
}
