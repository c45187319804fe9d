/*
 * retention.h
 *		How long finished runs can be seen.
 */
#ifndef DALP_RETENTION_H
#define DALP_RETENTION_H

#include "postgres.h"

#include "datatype/timestamp.h"

/*
 * One step of removing what is older than dalp.retention, in transactions of its
 * own; from the scheduler's turn, outside of any.  Returns in how many
 * milliseconds there may be more to do.
 */
extern long retention_turn(TimestampTz now);

#endif							/* DALP_RETENTION_H */
