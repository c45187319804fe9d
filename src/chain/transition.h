/*
 * transition.h
 *		States of a request, and which may follow which.
 *
 * Pure.  The one place where the life of a request is written down; every
 * statement that changes a request's state names where it comes from
 * accordingly, and request_finish checks against it.
 */
#ifndef DALP_CHAIN_TRANSITION_H
#define DALP_CHAIN_TRANSITION_H

#include "core/base.h"

typedef enum RequestState
{
	REQUEST_PENDING_APPROVAL,
	REQUEST_QUEUED,
	REQUEST_SIGNING,
	REQUEST_BROADCASTING,
	REQUEST_CONFIRMING,
	REQUEST_COMPLETED,
	REQUEST_FAILED,
	REQUEST_DEAD_LETTER,
	REQUEST_CANCELLED
} RequestState;

#define REQUEST_STATES (REQUEST_CANCELLED + 1)

extern const char *request_state_name(RequestState state);
extern bool request_state_parse(const char *name, RequestState *state);

extern bool request_may_become(RequestState from, RequestState to);

/* What the chain has made of a slot at finality. */
typedef enum SlotOutcome
{
	SLOT_SUCCEEDED,				/* the request's own payload, status 1 */
	SLOT_REVERTED,				/* the request's own payload, status 0 */
	SLOT_CANCELLED,				/* the no-op that a cancellation put there */
	SLOT_FILLED					/* the no-op that took the place of refused bytes */
} SlotOutcome;

extern SlotOutcome slot_outcome(const char *attempt_kind, int receipt_status);

/* The state that the request ends in. */
extern RequestState slot_outcome_state(SlotOutcome outcome);

#endif							/* DALP_CHAIN_TRANSITION_H */
