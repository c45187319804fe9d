/*
 * scope.h
 *		What an expression is evaluated in: $, $$, the variables, and limits.
 *
 * One AslScope lives as long as one decision.  An evaluation that fails
 * returns NULL (or false) and leaves the error's name and cause here.
 */
#ifndef DALP_ASL_SCOPE_H
#define DALP_ASL_SCOPE_H

#include "asl/asl.h"

/* Node visits of one decision; a 256 kB document has at most 130,000 nodes. */
#define SCOPE_WORK INT64_C(5000000)

/* Matches of one path. */
#define SCOPE_MATCHES 100000

/* Bytes of any value where the caller sets no limit. */
#define SCOPE_NO_LIMIT ((size_t) 64 * 1024 * 1024)

/* Nesting of any value: below DOC_MAX_DEPTH, so that what wraps a value (variables, history) can still be parsed. */
#define SCOPE_DEPTH 480

typedef struct AslScope
{
	const AslPosition *position;
	const Doc  *input;			/* $ */
	const Doc  *context;		/* $$, made when first asked for */
	int64_t		work;			/* visits left */
	size_t		limit;			/* bytes that a value may have */
	const char *field;			/* the field being evaluated, for causes */
	bool		payload;		/* the field is one whose cause also shows the input */
	const char *error;
	const char *cause;
} AslScope;

#define ERROR_RUNTIME			"States.Runtime"
#define ERROR_DATA_LIMIT		"States.DataLimitExceeded"
#define ERROR_INTRINSIC			"States.IntrinsicFailure"
#define ERROR_RESULT_PATH		"States.ResultPathMatchFailure"
#define ERROR_NO_CHOICE			"States.NoChoiceMatched"
#define ERROR_TIMEOUT			"States.Timeout"
#define ERROR_HEARTBEAT			"States.HeartbeatTimeout"
#define ERROR_TASK_FAILED		"States.TaskFailed"
#define ERROR_ALL				"States.ALL"

extern void scope_init(AslScope *scope, const AslPosition *position, const Doc *input);

/* Records the failure (the first wins) and returns NULL. The cause begins with the state and its event. */
extern const Doc *scope_fail(AslScope *scope, const char *error,
							 const char *format,...) pg_attribute_printf(3, 4);

/* A definite path without a match; `missing` names the first step that isn't there. */
extern const Doc *scope_no_match(AslScope *scope, const char *path, const char *missing);

/* Takes visits from the budget; false and a failure when it is used up. */
extern bool scope_work(AslScope *scope, int64_t visits);

/* The value, or NULL and States.DataLimitExceeded if it is too large or too deep. */
extern const Doc *scope_limit(AslScope *scope, const Doc *value, const char *what);

/* The context object. */
extern const Doc *scope_context(AslScope *scope);

#endif							/* DALP_ASL_SCOPE_H */
