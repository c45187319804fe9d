/*
 * task_token.h
 *		Tokens of tasks: what a worker proves its lease with.
 *
 * "run-branch-secret": where to look, so that no index is needed, and 128
 * random bits in hexadecimal.  Tables hold the SHA-256 of the secret only.
 */
#ifndef DALP_TASK_TOKEN_H
#define DALP_TASK_TOKEN_H

#include "postgres.h"

#define TASK_TOKEN_HASH 32

typedef struct TaskToken
{
	int64		run_id;
	int			branch_id;
	uint8		hash[TASK_TOKEN_HASH];	/* of the secret */
} TaskToken;

/* Digits of a secret, with the zero. */
#define TASK_SECRET_SIZE 33

/* A new secret, before it is known for which task. Errors: where there is no randomness. */
extern void task_secret_make(char *secret, uint8 *hash);

/* The text of a token, palloc'd. */
extern char *task_token_text(int64 run_id, int branch_id, const char *secret);

/* The text of a caller. Errors: DL006 where it can't be a token. */
extern void task_token_read(const char *text, TaskToken *token);

/* The hash as a bytea, palloc'd. */
extern Datum task_token_hash(const TaskToken *token);

#endif							/* DALP_TASK_TOKEN_H */
