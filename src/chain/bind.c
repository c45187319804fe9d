/*
 * bind.c
 *		Takes nonces, signs, and stores slots and attempts.  See bind.h.
 *
 * In the signer worker, one transaction a lane and batch, under the lane's row
 * lock: the only place where a nonce is taken.  The bytes are committed before
 * anybody can send them; the broadcaster, which has no keys, sends what it
 * finds committed.
 */
#include "postgres.h"

#include "chain/bind_store.h"
#include "chain/chain_store.h"
#include "chain/lane_store.h"
#include "chain/ending.h"
#include "core/clock.h"
#include "core/settings.h"
#include "core/stop_point.h"
#include "core/wake.h"
#include "custody/key_letter.h"
#include "utils/timestamp.h"

/* How long to sleep: where nothing waits, where rows were locked by others, where there is no key. */
#define IDLE_MS 30000
#define BUSY_MS 1000
#define KEY_MS 3000

#define REFUSED_DISABLED "the wallet is disabled"

/* The same complaint about the key at most so often. */
#define COMPLAIN_MS 60000

static void
complain(const KeyProblem *problem)
{
	static char last[sizeof(problem->detail)];
	static TimestampTz last_at = 0;
	TimestampTz now = GetCurrentTimestamp();

	if (strcmp(last, problem->detail) == 0 &&
		!TimestampDifferenceExceeds(last_at, now, COMPLAIN_MS))
		return;
	strlcpy(last, problem->detail, sizeof(last));
	last_at = now;
	ereport(WARNING,
			(errmsg("transactions wait for their signatures: %s", problem->message),
			 errdetail("%s", problem->detail),
			 errhint("%s", problem->hint)));
}

/* Requests that will never be signed end here, without a nonce. */
static void
end_refused(const BindItem *items, int count)
{
	Ending	   *endings = palloc0(sizeof(Ending) * (count + 1));
	int			ending_count = 0;

	for (int i = 0; i < count; i++)
	{
		Ending	   *ending = &endings[ending_count];

		if (items[i].refusal == NULL)
			continue;
		ending->request_id = items[i].request_id;
		ending->error = "Chain.Rejected";
		ending->state = ending_refused(items[i].has_run);
		if (items[i].has_expires_at && items[i].expires_at <= clock_now())
		{
			ending->error = "Chain.Expired";
			ending->state = REQUEST_CANCELLED;
		}
		ending->cause = items[i].refusal;
		ending_count++;
	}
	endings_write(endings, ending_count);
}

/* The broadcaster prepares nothing for a disabled wallet, so its queue ends here. */
static int
end_disabled(void)
{
	BindItem   *items;
	int			count = bind_store_disabled(dalp_bind_batch_size, &items);

	for (int i = 0; i < count; i++)
		items[i].refusal = REFUSED_DISABLED;
	end_refused(items, count);
	return count;
}

/* A key that can't be used stops its own wallet, on this chain, until an operator resumes it. */
static void
pause_for_key(const BindLane *lane, const KeyProblem *problem)
{
	lane_store_pause(lane->chain_id, lane->wallet_id, "key", psprintf("%s: %s", problem->message, problem->detail));
	ereport(WARNING,
			(errmsg("wallet \"%s\" is paused on chain \"%s\": %s", lane->wallet, lane->chain, problem->message),
			 errdetail("%s", problem->detail),
			 errhint("%s", problem->hint)));
}

/* Signs, or pauses the lane; raises where the fault isn't the wallet's. */
static bool
sign(const BindLane *lane, BindItem *items, int count)
{
	bool		tampered;
	KeyProblem	problem;

	if (bind_sign(lane, items, count, &tampered, &problem))
		return true;
	if (!tampered)
		key_problem_raise(&problem);
	pause_for_key(lane, &problem);
	return false;
}

static int
bind_requests(const BindLane *lane)
{
	BindItem   *items;
	int			count = bind_store_requests(lane, dalp_bind_batch_size, &items);
	uint64		nonce = lane->next_nonce;
	TimestampTz now = clock_now();

	for (int i = 0; i < count; i++)
	{
		if (lane->disabled)
			items[i].refusal = REFUSED_DISABLED;
		else if (items[i].has_expires_at && items[i].expires_at <= now)
			items[i].refusal = "it expired before it was signed";
		items[i].tx.nonce = nonce;
		bind_check(lane, &items[i]);
		if (items[i].refusal == NULL)
			nonce++;
	}
	if (!sign(lane, items, count))
		return count;
	bind_store_bound(lane, items, count, nonce, now);
	end_refused(items, count);
	if (nonce > lane->next_nonce)
		wake_at_commit(WORKER_BROADCASTER);
	return count;
}

static int
bind_wanted(const BindLane *lane, bool *usable)
{
	BindItem   *items;
	int			count = bind_store_wanted(lane, dalp_bind_batch_size, &items);

	for (int i = 0; i < count; i++)
	{
		if (lane->disabled && items[i].refusal == NULL)
			items[i].refusal = REFUSED_DISABLED;
		bind_check(lane, &items[i]);
		if (items[i].refusal != NULL)
			ereport(WARNING,
					(errmsg("a further attempt of nonce " UINT64_FORMAT " of wallet \"%s\" on chain \"%s\" is not signed",
							items[i].tx.nonce, lane->wallet, lane->chain),
					 errdetail("Reason: %s.", items[i].refusal)));
	}
	if (count == 0)
		return 0;
	*usable = sign(lane, items, count);
	if (!*usable)
		return count;
	bind_store_replaced(lane, items, count, clock_now());
	wake_at_commit(WORKER_BROADCASTER);
	STOP_POINT("wanted_before_commit");
	return count;
}

/* One batch of one lane; how many rows were dealt with. */
static int
bind_lane(LaneId id)
{
	BindLane	lane;
	int			done = 0;

	worker_begin("signing");
	if (bind_store_lock(id, &lane))
	{
		bool		usable = true;

		if (lane.may_replace)
			done += bind_wanted(&lane, &usable);
		if (lane.may_bind && usable)
			done += bind_requests(&lane);
	}
	if (done > 0)
		STOP_POINT("bind_before_commit");
	worker_commit();
	if (done > 0)
		STOP_POINT("bind_after_commit");
	return done;
}

long
bind_turn(void)
{
	MemoryContext turn = CurrentMemoryContext;
	LaneId	   *lanes;
	int			count;
	int			done = 0;
	KeyProblem	problem;
	bool		ready = true;

	worker_begin("looking for transactions to sign");
	/* While their number changes two may have the same wallet: the lane's lock lets one at a time. */
	count = bind_store_lanes(worker_count(WORKER_SIGNER), worker_index(), &lanes, turn);
	if (count > 0)
		ready = signer_keys_ready(&problem);
	else if (worker_index() == 0)
		done = end_disabled();
	worker_commit();

	if (count == 0)
		return done > 0 ? 0 : IDLE_MS;
	if (!ready)
	{
		complain(&problem);
		return KEY_MS;
	}
	/* One batch each, so that a busy wallet doesn't hold up the others. */
	for (int i = 0; i < count; i++)
	{
		done += bind_lane(lanes[i]);
		key_letter_serve();
	}
	return done > 0 ? 0 : BUSY_MS;
}
