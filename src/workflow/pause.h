/*
 * pause.h
 *		Pauses of tenants and of queues of tasks.
 *
 * A paused tenant's runs are parked (reason 'tenant_paused') by the executor
 * that claims them, as with a paused workflow.  A paused queue keeps its
 * tasks; claims find none.
 */
#ifndef DALP_PAUSE_H
#define DALP_PAUSE_H

#include "postgres.h"

/* All need an open store. */

/* In an executor: the run's tenant in CurrentMemoryContext, if it is paused, and stays so until this transaction ends; or NULL. */
extern char *pause_of_run(int64 run_id);

/* kind: "tenant" or "queue". Return false where it is paused already, or isn't. */
extern bool pause_store_set(const char *kind, const char *name);
extern bool pause_store_clear(const char *kind, const char *name);

#endif							/* DALP_PAUSE_H */
