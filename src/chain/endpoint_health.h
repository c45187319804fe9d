/*
 * endpoint_health.h
 *		How endpoints do, in shared memory, for everybody to see.
 *
 * Written by the broadcaster of each database, read by views, metrics and
 * dalp.why_transaction.  Of no consequence for what the broadcaster does: its
 * own memory decides.
 */
#ifndef DALP_CHAIN_ENDPOINT_HEALTH_H
#define DALP_CHAIN_ENDPOINT_HEALTH_H

#include "postgres.h"

#include "datatype/timestamp.h"

typedef enum EndpointCondition
{
	ENDPOINT_UNKNOWN,			/* not asked yet, or not since the broadcaster started */
	ENDPOINT_WORKING,
	ENDPOINT_BEHIND,			/* lags: others are asked first */
	ENDPOINT_FAILING,			/* the breaker is open */
	ENDPOINT_WRONG_CHAIN		/* another chain id or genesis */
} EndpointCondition;

#define ENDPOINT_REASON_SIZE 160

typedef struct EndpointHealth
{
	EndpointCondition condition;
	TimestampTz changed_at;		/* of the condition */
	int			failures;		/* in a row */
	TimestampTz retry_at;		/* asked again then; 0 = now */
	TimestampTz answered_at;	/* last answer; 0 = none */
	uint64		batches;		/* asked since the broadcaster started */
	uint64		errors;			/* of those, without an answer */
	int			latency_us;		/* moving average of a batch */
	int64		head;			/* its latest block; -1 = unknown */
	char		reason[ENDPOINT_REASON_SIZE];	/* of the last failure; "" = none */
} EndpointHealth;

/* Asks for the memory; from _PG_init while libraries are preloaded. */
extern void endpoint_health_init(void);

/* The broadcaster has started: nothing is known of its database's endpoints. */
extern void endpoint_health_forget(void);

/* What is known of an endpoint of this database now. */
extern void endpoint_health_report(int endpoint_id, const EndpointHealth *health);

#endif							/* DALP_CHAIN_ENDPOINT_HEALTH_H */
