/*
 * render.h
 *		A machine as text that tools draw, and machines written from less.
 */
#ifndef DALP_ASL_RENDER_H
#define DALP_ASL_RENDER_H

#include "asl/asl.h"

typedef enum AslDrawing
{
	ASL_GRAPHVIZ, ASL_MERMAID
} AslDrawing;

/*
 * The graph of the machine, nested ones as clusters.  `entered` is an array of
 * the names of states that a run has entered, in order, or NULL: those states
 * and the ways between consecutive ones are marked; a null separates the
 * states of one branch from those of the next.  Zero-terminated.
 */
extern char *asl_render(const AslMachine *machine, const Doc *entered, AslDrawing drawing);

/*
 * The definition of a plain sequence of SQL functions ("schema.function"): a
 * Task each, named like its function, with a number where a name repeats.
 */
extern const Doc *asl_sequence(const char *const *functions, int count);

#endif							/* DALP_ASL_RENDER_H */
