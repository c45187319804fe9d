/*
 * request_redrive.h
 *		Another try for a dead transaction.
 */
#ifndef DALP_CHAIN_REQUEST_REDRIVE_H
#define DALP_CHAIN_REQUEST_REDRIVE_H

#include "postgres.h"

#include "utils/jsonb.h"

/*
 * A new request like the dead one, with retry_of; see DeadLetterRedrive.  The
 * patch may change to, value, data, gas_limit, max_fee, priority and
 * expires_at.  DL003 unless the request is dead and its nonce settled, so that
 * the old bytes can't be included any more.
 */
extern int64 request_redrive(int64 request_id, Jsonb *patch, Oid actor, int64 delay);

#endif							/* DALP_CHAIN_REQUEST_REDRIVE_H */
