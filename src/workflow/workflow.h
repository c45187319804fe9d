/*
 * workflow.h
 *		All that the rest of dalp sees of src/workflow.
 */
#ifndef DALP_WORKFLOW_H
#define DALP_WORKFLOW_H

/* Settings, workers and hooks; from _PG_init. */
extern void workflow_init(void);

#endif							/* DALP_WORKFLOW_H */
