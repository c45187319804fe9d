/*
 * journal_partition.h
 *		The partitions of the journal, by ranges of run ids.
 *
 * All need an open store.
 */
#ifndef DALP_JOURNAL_PARTITION_H
#define DALP_JOURNAL_PARTITION_H

#include "postgres.h"

/* Ids of a partition: number n holds those from n * JOURNAL_PARTITION_RUNS. */
#define JOURNAL_PARTITION_RUNS INT64CONST(1000000)

/*
 * Makes the partition that a run's journal goes to, where it is missing.  To be
 * called before journal rows of a run are added: cheap where it is there.
 */
extern void journal_partition_ensure(int64 run_id);

/* Makes the partitions for the ids in use now, and the next one ahead of need. */
extern void journal_partitions_ahead(void);

/*
 * Gives back the space of one partition in which no run is left.  Waits for
 * others for a moment only, so that it never holds up executors.  Returns whether
 * there was one; to be called again in another transaction then.
 */
extern bool journal_partition_retire(void);

#endif							/* DALP_JOURNAL_PARTITION_H */
