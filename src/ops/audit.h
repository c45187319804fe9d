/*
 * audit.h
 *		The audit log: who did what, in the transaction that did it.
 */
#ifndef DALP_AUDIT_H
#define DALP_AUDIT_H

#include "postgres.h"

#include "utils/jsonb.h"

/*
 * Adds an entry for the caller's role. Needs an open store. action is the name
 * of the SQL function, object what it acted on, details its arguments without
 * secrets (NULL allowed).
 */
extern void audit_add(Oid actor, const char *action, const char *object, Jsonb *details);

#endif							/* DALP_AUDIT_H */
