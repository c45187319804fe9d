/*
 * message.h
 *		Messages to runs: signals, ends of transactions and of child runs.
 *
 * The sender never locks the run: it adds a row to the inbox and a ready row
 * that makes an executor look there.
 */
#ifndef DALP_MESSAGE_H
#define DALP_MESSAGE_H

#include "postgres.h"

#include "utils/jsonb.h"

/* All need an open store and wake the run's executor at commit. Nothing happens where the run has ended. */

/* A signal from a role; false if its idempotency key was seen before. */
extern bool message_send_signal(int64 run_id, const char *name, Jsonb *payload,
								const char *idempotency_key, Oid sender);

/* chain_finished_hook: the transaction that a branch waits for has ended. */
extern void message_send_transaction_end(int64 request_id, int64 run_id, int branch_id,
										 Jsonb *result, const char *error, const char *cause);

/* outside_finished_hook: there is an answer to the request that a branch waits for, or it could not hand out its token. */
extern void message_send_answer(int64 call_id, const char *target, int64 run_id, int branch_id, int token_seq,
								Jsonb *result, const char *error, const char *cause);

/* A child run has ended. */
extern void message_send_child_end(int64 parent_run_id, int parent_branch, int64 run_id,
								   Jsonb *output, const char *error, const char *cause);

#endif							/* DALP_MESSAGE_H */
