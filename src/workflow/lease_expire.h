/*
 * lease_expire.h
 *		Leases of workers that were not heard of again.
 */
#ifndef DALP_LEASE_EXPIRE_H
#define DALP_LEASE_EXPIRE_H

#include "postgres.h"

#include "datatype/timestamp.h"

/* In the scheduler, at its start. */
extern void lease_expire_start(void);

/*
 * In the scheduler, no transaction open: ends what is over, where it is time
 * to look, and returns when the next look is due; DT_NOEND = when woken.
 */
extern TimestampTz lease_expire(void);

#endif							/* DALP_LEASE_EXPIRE_H */
