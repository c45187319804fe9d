/*
 * worker_entry.h
 *		A worker's place in shared memory; between launcher.c and worker.c.
 */
#ifndef DALP_WORKER_ENTRY_H
#define DALP_WORKER_ENTRY_H

#include "postgres.h"

#include "core/shared.h"

/* Goes from the launcher to the worker in bgw_extra. */
typedef struct WorkerIdentity
{
	int			slot;
	Oid			database;
	WorkerKind	kind;
	int			index;
	uint32		number;
} WorkerIdentity;

/* A database that has no extension is looked at again after this long. */
#define ABSENT_LOOK_MS 60000

/* Takes the place; false where this registration isn't wanted any more (held, dropped, superseded). */
extern bool entry_attach(const WorkerIdentity *identity);

/* Whether whoever is attached here must leave: the slot was marked, or given away. */
extern bool entry_is_outdated(void);

/* The next exit of this process is no failure. */
extern void entry_leave_quietly(void);

/* What this worker has found out about the extension. */
extern void entry_extension_present(void);
extern void entry_extension_absent(void);
extern void entry_extension_replaced(void);

/* A turn begins. */
extern void entry_count_turn(void);

/* The place of this process, NULL outside workers. */
extern DatabaseSlot *entry_slot(void);
extern const WorkerIdentity *entry_identity(void);

/* With the lock: sends SIGTERM to all that are attached; forgets those that are only registered. Returns how many are attached. */
extern int	slot_stop_workers(DatabaseSlot *slot);

/* With the lock: how many are attached. */
extern int	slot_count_attached(const DatabaseSlot *slot);

/* With the lock: when a failed or stopped worker may start again. */
extern void entry_ended(WorkerEntry *entry, bool quietly);

#endif							/* DALP_WORKER_ENTRY_H */
