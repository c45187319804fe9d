/*
 * transition.c
 *		States of a request, and which may follow which: pure, no server.
 */

#include "chain/transition.h"

static const char *const state_names[REQUEST_STATES] = {
	[REQUEST_PENDING_APPROVAL] = "PENDING_APPROVAL",
	[REQUEST_QUEUED] = "QUEUED",
	[REQUEST_SIGNING] = "SIGNING",
	[REQUEST_BROADCASTING] = "BROADCASTING",
	[REQUEST_CONFIRMING] = "CONFIRMING",
	[REQUEST_COMPLETED] = "COMPLETED",
	[REQUEST_FAILED] = "FAILED",
	[REQUEST_DEAD_LETTER] = "DEAD_LETTER",
	[REQUEST_CANCELLED] = "CANCELLED"
};

#define TO(state) (1u << (state))

/*
 * Before a nonce is bound everything may still be called off.  From
 * BROADCASTING on only the chain decides; a dead letter is the exception that
 * proves it: refused bytes which the chain includes all the same before the
 * no-op on their slot is final have happened, and the request says so.
 */
static const unsigned followers[REQUEST_STATES] = {
	[REQUEST_PENDING_APPROVAL] = TO(REQUEST_QUEUED) | TO(REQUEST_FAILED) | TO(REQUEST_CANCELLED),
	[REQUEST_QUEUED] = TO(REQUEST_SIGNING) | TO(REQUEST_FAILED) | TO(REQUEST_DEAD_LETTER) | TO(REQUEST_CANCELLED),
	[REQUEST_SIGNING] = TO(REQUEST_QUEUED) | TO(REQUEST_BROADCASTING) | TO(REQUEST_FAILED) |
	TO(REQUEST_DEAD_LETTER) | TO(REQUEST_CANCELLED),
	[REQUEST_BROADCASTING] = TO(REQUEST_CONFIRMING) | TO(REQUEST_QUEUED) | TO(REQUEST_DEAD_LETTER) |
	TO(REQUEST_COMPLETED) | TO(REQUEST_FAILED) | TO(REQUEST_CANCELLED),
	[REQUEST_CONFIRMING] = TO(REQUEST_BROADCASTING) | TO(REQUEST_QUEUED) | TO(REQUEST_DEAD_LETTER) |
	TO(REQUEST_COMPLETED) | TO(REQUEST_FAILED) | TO(REQUEST_CANCELLED),
	[REQUEST_DEAD_LETTER] = TO(REQUEST_COMPLETED) | TO(REQUEST_FAILED)
};

const char *
request_state_name(RequestState state)
{
	return state_names[state];
}

bool
request_state_parse(const char *name, RequestState *state)
{
	for (int i = 0; i < REQUEST_STATES; i++)
		if (strcmp(name, state_names[i]) == 0)
		{
			*state = (RequestState) i;
			return true;
		}
	return false;
}

bool
request_may_become(RequestState from, RequestState to)
{
	return (followers[from] & TO(to)) != 0;
}

SlotOutcome
slot_outcome(const char *attempt_kind, int receipt_status)
{
	if (strcmp(attempt_kind, "cancel") == 0)
		return SLOT_CANCELLED;
	if (strcmp(attempt_kind, "noop") == 0)
		return SLOT_FILLED;
	return receipt_status == 1 ? SLOT_SUCCEEDED : SLOT_REVERTED;
}

RequestState
slot_outcome_state(SlotOutcome outcome)
{
	switch (outcome)
	{
		case SLOT_SUCCEEDED:
			return REQUEST_COMPLETED;
		case SLOT_REVERTED:
			return REQUEST_FAILED;
		case SLOT_CANCELLED:
			return REQUEST_CANCELLED;
		case SLOT_FILLED:
			break;
	}
	return REQUEST_DEAD_LETTER;
}
