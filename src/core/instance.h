/*
 * instance.h
 *		Whether the state in this database belongs here, or was brought from elsewhere.
 *
 * A restored dump, CREATE DATABASE ... TEMPLATE, a cluster with another system
 * identifier: there the original may still be at work, or the load may not be
 * complete, so nothing of it is carried out until an operator says so
 * (dalp.adopt_instance).  The state is decided by dalp.instance_state().
 */
#ifndef DALP_INSTANCE_H
#define DALP_INSTANCE_H

#include "postgres.h"

typedef enum InstanceState
{
	INSTANCE_NEW,				/* nothing has been created here yet */
	INSTANCE_ACTIVE,
	INSTANCE_RECONCILING		/* from elsewhere, or being loaded */
} InstanceState;

/* All but instance_require_home need an open store. */
extern InstanceState instance_state(void);

/*
 * To be called before the first row of whatever others hang on (workflow, chain,
 * wallet) is added: so that never such a row is committed without the mark of
 * its place, except by a restore.  Does nothing where there is one.
 */
extern void instance_claim(void);

/*
 * Raises DL008 where the state is reconciling: for functions that hand out work
 * without a worker of ours.  Opens the store itself; a process that has found
 * the state to be at home asks no more.
 */
extern void instance_require_home(void);

/* Marks this place, whatever there was before. */
extern void instance_adopt(Oid actor, const char *note);

#endif							/* DALP_INSTANCE_H */
