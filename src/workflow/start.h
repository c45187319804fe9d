/*
 * start.h
 *		Starting runs, in the caller's transaction.
 */
#ifndef DALP_START_H
#define DALP_START_H

#include "postgres.h"

#include "datatype/timestamp.h"
#include "utils/jsonb.h"

#include "workflow/definition.h"

typedef struct StartRequest
{
	const Definition *definition;
	int			asked_version;	/* 0 = the latest, whichever that is */
	Oid			starter;
	bool		has_start_at;
	TimestampTz start_at;
	int			priority;		/* -1000 to 1000 */
	const char *concurrency_key;
	Jsonb	   *tags;
	int64		timeout;		/* microseconds; 0 = what the definition says */
	const char *traceparent;
	int64		parent_run_id;	/* 0 = none */
	int			parent_branch;
	bool		limited;		/* as WorkflowInfo says */
} StartRequest;

/*
 * Starts one run for each input and sets its id; keys may be NULL, as may each
 * of them.  A key that was used before gives the first run's id (DL004 where
 * the request differs) and starts nothing.  Needs an open store.
 */
extern void start_runs(const StartRequest *request, int count, Jsonb **inputs, char **keys, int64 *run_ids);

/* start_store.c */
extern int64 start_store_next_id(void);
/* Takes the keys, or finds the runs that have them: run_ids[i] is changed where somebody else was first,
 * and mine[i] false. Raises DL004. */
extern void start_store_keys(const char *scope, int count, char **keys, uint8 (*fingerprints)[32],
							 int64 *run_ids, bool *mine);
extern void start_store_runs(const StartRequest *request, int count, Jsonb **inputs, char **keys,
							 const int64 *run_ids, const bool *mine);

#endif							/* DALP_START_H */
