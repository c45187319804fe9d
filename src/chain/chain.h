/*
 * chain.h
 *		All that the rest of dalp sees of src/chain: the one header that
 *		workflow/ includes.
 */
#ifndef DALP_CHAIN_H
#define DALP_CHAIN_H

#include "postgres.h"

#include "datatype/timestamp.h"
#include "utils/jsonb.h"

#include "core/document.h"

/* Settings, workers and hooks; from _PG_init. */
extern void chain_init(void);

/*
 * Submits what a state `chain:transaction` asks for, in the transaction of the
 * step, on behalf of `role`.  parameters is the state's effective input:
 *   {"wallet", "chain", "to", "value", "data",
 *    "function", "args",            instead of data: a call
 *    "bytecode", "constructor", "args",   a deployment
 *    "abi", "gas_limit", "max_fee", "priority", "expires_at"}
 * key is the stable idempotency key of the step.  Needs an open store.
 * Returns the request's id; errors: DL002, DL006 …
 */
extern int64 chain_submit_for_run(Jsonb *parameters, const char *key, Oid role,
								  int64 run_id, int branch_id);

/*
 * Makes the run the one that is told when the request ends.  Where it has ended
 * already: true, with result or error.  role must be one that may see it.  Needs an open
 * store.  Errors: DL002, DL003 where another run waits for it, 42501.
 */
extern bool chain_await_for_run(int64 request_id, Oid role, int64 run_id, int branch_id,
								Jsonb **result, const char **error, const char **cause);

/*
 * Set by workflow/: a session's request to submit goes there first.  Where it
 * comes from a durable procedure it is remembered with its id: true, *id is the first one's.
 * submit(request, run_id, key) queues it, with an open store; run_id is the run to
 * tell, key its idempotency key where the caller has none.
 */
typedef int64 (*ChainSubmit) (void *request, int64 run_id, const char *key);
typedef bool (*ChainSubmitHook) (const char *wallet, const char *chain, ChainSubmit submit, void *request, int64 *id);
extern ChainSubmitHook chain_submit_hook;

/* The run doesn't wait any more (cancelled, timed out): cancels what isn't bound yet, forgets the run. */
extern void chain_abandon_for_run(int64 run_id, int branch_id, const char *reason);

/* A request that the run submitted and whose outcome isn't known yet, whether or not it still waits for it; 0 = none. */
extern int64 chain_unsettled_for_run(int64 run_id);

/* The request that a run submitted with this key, if it has completed (else 0), and its decoded receipt. */
extern int64 chain_completed_for_run(const char *key, Jsonb **result);

/*
 * Set by workflow/: called in the transaction in which a request of a run has
 * ended.  result is the decoded receipt, or NULL where error is set
 * ("Chain.Reverted", "Chain.Expired", "Chain.Cancelled", "Chain.Rejected" …).
 */
typedef void (*ChainFinishedHook) (int64 request_id, int64 run_id, int branch_id,
								   Jsonb *result, const char *error, const char *cause);
extern ChainFinishedHook chain_finished_hook;

/*
 * What a state http:request or chain:call asks the outside for.  The request
 * is written down with the checkpoint and made by the broadcaster after the
 * commit, at least once, with the same key each time.
 */
typedef struct OutsideCall
{
	bool		http;			/* else chain:call */
	Jsonb	   *parameters;		/* the state's effective input; see http_task.h and outside_call.h */
	int64		run_id;
	int			branch_id;
	const char *key;			/* stable over attempts; sent as Idempotency-Key */
	const char *traceparent;	/* handed on; or NULL */
	TimestampTz expires_at;		/* the whole of it ends then; DT_NOEND = never */
	int			token_seq;		/* the run waits for the token that the request hands out, of this number: only
								 * a failure is told; 0 = it waits for the answer */

	/* what comes of it */
	const char *target;			/* "https://host:port" or "chain NAME" */
	const char *error;			/* where it can't even be written down */
	const char *cause;
} OutsideCall;

/* Writes it down and returns its id; 0: error and cause are set. Needs an open store; wakes the broadcaster at commit. */
extern int64 chain_call_outside(OutsideCall *call);

/* Nobody waits for it any more: it isn't made, or its answer does nothing. Needs an open store. */
extern void chain_abandon_call(int64 call_id);

/*
 * What is to be said of a Task's Parameters as they stand in a definition, where
 * paths have no values yet: what can't ever run or must not be written there, and what
 * may be put right until it runs.  NULL = nothing; parameters may be NULL.
 * The second needs an open store.
 */
extern const char *chain_task_refused(const char *resource, const Doc *parameters);
extern const char *chain_task_doubt(const char *resource, const Doc *parameters);

/*
 * Set by workflow/: called in the transaction in which a call of a run has
 * ended.  result is set unless error is ("Http.Connection", "Chain.Reverted" …).
 * token_seq is the call's; where it isn't 0 there is an error.
 */
typedef void (*OutsideFinishedHook) (int64 call_id, const char *target, int64 run_id, int branch_id, int token_seq,
									 Jsonb *result, const char *error, const char *cause);
extern OutsideFinishedHook outside_finished_hook;

#endif							/* DALP_CHAIN_H */
