/*
 * request_wait.h
 *		Waiting in SQL for a transaction to get somewhere.
 */
#ifndef DALP_CHAIN_REQUEST_WAIT_H
#define DALP_CHAIN_REQUEST_WAIT_H

#include "compat.h"

#include "chain/request_store.h"

typedef enum WaitLevel
{
	WAIT_ACCEPTED,				/* a node has taken it */
	WAIT_MINED,					/* a block has it */
	WAIT_FINAL					/* it is over */
} WaitLevel;

extern bool wait_level_parse(const char *name, WaitLevel *level);

/* When an interval from now ends; DL006 where it is negative. */
extern TimestampTz request_wait_until(const Interval *timeout);

/*
 * Waits until the transaction has reached the level or has ended otherwise
 * (true), or until the time (false); *row tells how it stands then.  Sees what
 * others commit meanwhile.  Errors: DL002, DL003 where the caller's own
 * transaction holds it back, 42501.
 */
extern bool request_wait(int64 id, WaitLevel level, TimestampTz until, RequestRow *row);

/* 42501 unless the user is the one who submitted it, may use the wallet, or sees all. */
extern void request_require_reader(const RequestRow *row, Oid user, bool sees_all);

/* Raises DL002. */
pg_noreturn extern void request_unknown(int64 id);

#endif							/* DALP_CHAIN_REQUEST_WAIT_H */
