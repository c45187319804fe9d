/*
 * executor.h
 *		The worker that runs steps.
 */
#ifndef DALP_EXECUTOR_H
#define DALP_EXECUTOR_H

/* Defines the worker class. */
extern void executor_init(void);

#endif							/* DALP_EXECUTOR_H */
