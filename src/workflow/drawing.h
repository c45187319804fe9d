/*
 * drawing.h
 *		The way that a run took through its machine.
 */
#ifndef DALP_DRAWING_H
#define DALP_DRAWING_H

#include "postgres.h"

#include "core/document.h"

/*
 * Names of the states that the run has entered, in order, branch by branch with
 * a null between two branches; asl_render's `entered`.  Needs an open store.
 */
extern const Doc *drawing_store_way(int64 run_id);

#endif							/* DALP_DRAWING_H */
