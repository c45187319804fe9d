/*
 * poison.h
 *		Runs whose handlers kill the process that calls them.
 *
 * Executors only.
 */
#ifndef DALP_POISON_H
#define DALP_POISON_H

#include "postgres.h"

/* At the start of an executor: a strike for the run that its predecessor died with. */
extern void poison_start(void);

/* Around the call of a handler. */
extern void poison_calling(int64 run_id);
extern void poison_returned(int64 run_id);

/* Has the run had its strikes? It must not be stepped again, but ended. */
extern bool poison_is_condemned(int64 run_id);

/* The run has no strikes any more. */
extern void poison_forgive(int64 run_id);

#endif							/* DALP_POISON_H */
