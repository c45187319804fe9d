/*
 * handler.h
 *		Calling a user's SQL function as a step, under its owner's rights.
 */
#ifndef DALP_HANDLER_H
#define DALP_HANDLER_H

#include "postgres.h"

#include "utils/jsonb.h"

#include "asl/asl.h"
#include "workflow/definition.h"

typedef enum HandlerResult
{
	HANDLER_DONE,				/* result is set */
	HANDLER_FAILED,				/* error is set: the state failed */
	HANDLER_CONFLICT,			/* deadlock or serialization failure: everything again, alone */
	HANDLER_TRANSIENT			/* error is set: lost connection, missing resource, shutdown: again later */
} HandlerResult;

typedef struct HandlerOutcome
{
	HandlerResult kind;
	Jsonb	   *result;			/* in CurrentMemoryContext of the call */
	AslError	error;			/* texts likewise */
} HandlerOutcome;

/* Is the kind of resource one that this version can run? activity:, sql:, signal:, workflow:, chain:, http:request; of tokens, all that may have them. */
extern bool handler_is_known(const char *resource);

/* ".waitForTaskToken" at the end of a resource, or NULL; resource may be NULL. */
extern const char *handler_token_suffix(const char *resource);

/* The function (jsonb) returns jsonb of "sql:name", with or without .waitForTaskToken, by the current search_path; InvalidOid and a reason if there is none. */
extern Oid	handler_find(const char *resource, char **reason);

/*
 * Calls the function of a "sql:" resource in a subtransaction, as
 * definition->run_as, with its search_path and at most timeout milliseconds.
 * Whatever goes wrong is in the outcome, and the subtransaction's effects are
 * gone.  In a transaction with an open store, whose deferrable constraints are
 * immediate from then on.
 */
extern void handler_call(const Definition *definition, const char *resource, Jsonb *input,
						 int timeout, HandlerOutcome *outcome);

/*
 * Runs any function of ours that may raise in the same way: subtransaction,
 * errors into the outcome; but as the extension's owner.
 */
typedef void (*HandlerBody) (void *argument);
extern bool handler_guard(HandlerBody body, void *argument, HandlerOutcome *outcome);

/* error_report.c: what a caught error is to ErrorEquals and to Cause. */
extern void error_report(const ErrorData *edata, bool timed_out, HandlerOutcome *outcome);

/* The SQLSTATE that dalp.raise_error uses; the name travels in the error's data type field. */
#define ERRCODE_DALP_NAMED_ERROR	MAKE_SQLSTATE('D','L','0','2','1')

#endif							/* DALP_HANDLER_H */
