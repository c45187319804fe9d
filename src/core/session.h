/*
 * session.h
 *		A background worker's session: signals, connection, settings.
 */
#ifndef DALP_SESSION_H
#define DALP_SESSION_H

#include "postgres.h"

/* Signal handlers first, then unblocks; reads the configuration that may have changed meanwhile. */
extern void session_start(void);

/* Connects to a database, InvalidOid = none (shared catalogs only), and overrides what its owner could have set. */
extern void session_connect(Oid database);

/* Follows SIGHUP; whether there was one. */
extern bool session_reload(void);

/* What waits of dalp show as in pg_stat_activity. */
extern uint32 session_wait_event(void);

#endif							/* DALP_SESSION_H */
