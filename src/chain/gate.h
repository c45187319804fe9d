/*
 * gate.h
 *		Nothing leaves before the commit that records it can't be lost.
 */
#ifndef DALP_CHAIN_GATE_H
#define DALP_CHAIN_GATE_H

#include "postgres.h"

#include "access/xlogdefs.h"

/* A place in the WAL behind all that this process has read so far. To be taken after the read. */
extern XLogRecPtr gate_position(void);

/*
 * Whether everything up to the place is as durable as dalp.broadcast_durability
 * asks: flushed here (which this does), and flushed or applied by the
 * synchronous standbys where some are configured.  False: ask again soon.
 */
extern bool gate_is_open(XLogRecPtr position);

#endif							/* DALP_CHAIN_GATE_H */
