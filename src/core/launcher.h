/*
 * launcher.h
 *		Between the files of the launcher, and the hold on a database.
 */
#ifndef DALP_LAUNCHER_H
#define DALP_LAUNCHER_H

#include "postgres.h"

#include "core/shared.h"

/* Registers the launcher; from _PG_init while libraries are preloaded. */
extern void launcher_init(void);

/* With the lock: a slot for a database that has none, NULL where all are taken. */
extern DatabaseSlot *slot_take(Oid database);

/*
 * In the launcher: starts a worker if its slot wants it, it isn't running and
 * its back-off is over.  Returns when to look again, DT_NOEND if only after an event.
 */
extern TimestampTz launcher_start(DatabaseSlot *slot, WorkerKind kind, int index, TimestampTz now);

/* The hook around statements that need a database to themselves; from _PG_init. */
extern void database_hold_init(void);

#endif							/* DALP_LAUNCHER_H */
