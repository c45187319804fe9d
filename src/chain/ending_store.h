/*
 * ending_store.h
 *		Final states in the tables request and journal. Needs an open store.
 */
#ifndef DALP_CHAIN_ENDING_STORE_H
#define DALP_CHAIN_ENDING_STORE_H

#include "postgres.h"

#include "datatype/timestamp.h"
#include "utils/jsonb.h"

#include "chain/ending.h"

/* A request that has ended. */
typedef struct EndedRequest
{
	int64		request_id;
	bool		has_run;
	int64		run_id;
	int			branch_id;
	RequestState state;
	bool		was_dead;		/* a dead letter before */
	bool		unsettled;
	char	   *error;
	char	   *cause;
	char	   *scope;			/* "wallet@chain" */
	Jsonb	   *result;
	Jsonb	   *input;			/* as submitted */
	TimestampTz submitted_at;
} EndedRequest;

/* Writes the endings and returns those that took effect, palloc'd. */
extern EndedRequest *ending_store_write(const Ending *endings, int count, TimestampTz now, int *ended);

/* Requests by id, as they are. */
extern EndedRequest *ending_store_read(const int64 *requests, int count, int *found);

#endif							/* DALP_CHAIN_ENDING_STORE_H */
