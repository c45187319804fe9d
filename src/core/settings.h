/*
 * settings.h
 *		Every setting of dalp; its text for DBAs is in settings.c and doc/settings.md.
 *
 * Durations are milliseconds unless the name says otherwise.
 */
#ifndef DALP_SETTINGS_H
#define DALP_SETTINGS_H

#include "postgres.h"

/* core: which databases, how many workers */
extern char *dalp_databases;			/* comma-separated names; empty = all */
extern int	dalp_max_databases;			/* postmaster: slots in shared memory */
extern int	dalp_executors;				/* per database, 1 to 16 */
extern int	dalp_signers;				/* per database, 1 to 8 */
extern int	dalp_cell;					/* number of this cell, upper bits of ids */
extern char *dalp_test_clock;			/* timestamptz text; empty = real time */

/* workflow */
extern int	dalp_batch_size;			/* steps a commit, at most 60 */
extern int	dalp_batch_budget;			/* microseconds of bodies after which a batch closes */
extern int	dalp_step_timeout;
extern int	dalp_transient_retries;
extern int	dalp_max_payload;			/* kilobytes */
extern int	dalp_retention;
extern int	dalp_max_note;				/* kilobytes */
extern int	dalp_max_definition;		/* kilobytes */
extern int	dalp_max_fork_depth;
extern int	dalp_max_history;
extern int	dalp_sweep_interval;
extern int	dalp_max_leases;			/* postmaster: heartbeats in shared memory */

/* chain */
extern int	dalp_poll_interval;			/* between looks at a chain's head */
extern int	dalp_rpc_timeout;
extern int	dalp_rpc_connect_timeout;
extern int	dalp_rpc_batch_size;
extern int	dalp_bind_batch_size;
extern int	dalp_resend_interval;		/* same bytes again after so long without a receipt */
extern int	dalp_broadcast_durability;	/* enum BroadcastDurability */
extern bool dalp_allow_private_endpoints;	/* RPC endpoints and http:request on loopback and private ranges */

/* requests of workflows to the outside */
extern int	dalp_http_timeout;			/* of a request whose state has no TimeoutSeconds */
extern int	dalp_http_connections;		/* requests at once */
extern int	dalp_http_connections_per_host;

typedef enum BroadcastDurability
{
	BROADCAST_LOCAL, BROADCAST_REMOTE_FLUSH, BROADCAST_REMOTE_APPLY
} BroadcastDurability;

/* custody */
extern char *dalp_sign_key_file;
extern char *dalp_verify_key_file;

/* Defines all of them; from _PG_init. */
extern void settings_init(void);

#endif							/* DALP_SETTINGS_H */
