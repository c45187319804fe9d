/*
 * outside.c
 *		Requests of workflows to the outside: what is in hand, and when to do what.
 *
 * In the broadcaster.  A row of dalp_ops.outside_call is read, and its request
 * made when the commit that wrote it can't be lost any more (gate.h); no
 * transaction is open meanwhile.  When the answer is there, one transaction
 * deletes the row and sends the run its message: many answers share it.  What
 * was under way when the process or the server ended is made again, with the
 * same key: at least once.  Answers to calls that nobody waits for any more
 * find no row, and do nothing.
 *
 * At most dalp.http_connections are in hand, and of each target so many that a
 * slow or dead one leaves room for the others; further rows wait in the table.
 */
#include "postgres.h"

#include <limits.h>

#include "mb/pg_wchar.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "chain/broadcaster.h"
#include "chain/chain.h"
#include "chain/gate.h"
#include "chain/outside.h"
#include "core/document_jsonb.h"
#include "core/settings.h"
#include "core/stop_point.h"

/* The safety net: the table is looked at so often even if nobody wakes us. */
#define LOOK_MS 10000

/* While standbys haven't confirmed a commit. */
#define GATE_MS 10

/* Until whoever is abandoning a call has committed. */
#define BUSY_MS 50

/* Longest cause; what is longer is cut. */
#define CAUSE_MAX 32768

OutsideFinishedHook outside_finished_hook = NULL;

static dlist_head works = DLIST_STATIC_INIT(works);
static int	work_count = 0;
static int	done_count = 0;
static bool news = true;		/* there may be rows that are not in hand */
static TimestampTz look_at = 0;
static TimestampTz end_at = 0;	/* not tried before */
static int	gated = 0;			/* in state OUTSIDE_READ */
static XLogRecPtr gate = InvalidXLogRecPtr;

void
outside_has_news(void)
{
	news = true;
}

static void
work_done(OutsideWork *work)
{
	Assert(work->state != OUTSIDE_DONE);
	work->state = OUTSIDE_DONE;
	done_count++;
}

void
outside_succeed(OutsideWork *work, const Doc *result)
{
	if (!doc_fits(result, DOC_MAX_DEPTH, (size_t) dalp_max_payload * 1024))
	{
		outside_fail(work, "States.DataLimitExceeded", "the answer is larger than dalp.max_payload");
		return;
	}
	work->result = result;
	work_done(work);
}

void
outside_fail(OutsideWork *work, const char *error, const char *cause)
{
	size_t		length = strlen(cause);

	if (length > CAUSE_MAX)
		length = (size_t) pg_encoding_mbcliplen(PG_UTF8, cause, (int) length, CAUSE_MAX);
	work->error = MemoryContextStrdup(work->context, error);
	work->cause = MemoryContextAllocZero(work->context, length + 1);
	memcpy((char *) work->cause, cause, length);
	work_done(work);
}

static void
work_free(OutsideWork *work)
{
	dlist_delete(&work->node);
	work_count--;
	MemoryContextDelete(work->context);
}

/* Tells the run; in the transaction that deleted the row. */
static void
tell(const OutsideWork *work)
{
	Problem		problem = {{0}, {0}};
	Jsonb	   *result = NULL;

	/* Who has the token completes it; the answer says no more than that it was taken. */
	if (work->error == NULL && work->token_seq != 0)
		return;
	if (work->error == NULL && (result = doc_to_jsonb(work->result, &problem)) == NULL)
		outside_finished_hook(work->call_id, work->target, work->run_id, work->branch_id, work->token_seq, NULL, "Http.InvalidResponse",
							  psprintf("the answer can't be kept as jsonb: %s", problem.message));
	else
		outside_finished_hook(work->call_id, work->target, work->run_id, work->branch_id, work->token_seq, result, work->error, work->cause);
}

/* The ends of what is done; needs an open store.  Returns what may be freed once it is committed. */
static List *
write_ends(void)
{
	int64	   *ids = palloc(sizeof(int64) * done_count);
	OutsideWork **done = palloc(sizeof(OutsideWork *) * done_count);
	bool	   *ended = palloc(sizeof(bool) * done_count);
	bool	   *busy = palloc(sizeof(bool) * done_count);
	List	   *over = NIL;
	int			count = 0;
	dlist_iter	iter;

	dlist_foreach(iter, &works)
	{
		OutsideWork *work = dlist_container(OutsideWork, node, iter.cur);

		if (work->state == OUTSIDE_DONE)
		{
			ids[count] = work->call_id;
			done[count++] = work;
		}
	}
	Assert(count == done_count);
	outside_store_end(ids, count, ended, busy);
	for (int i = 0; i < count; i++)
	{
		if (ended[i])
			tell(done[i]);
		if (!busy[i])
			over = lappend(over, done[i]);
	}
	return over;
}

/* New rows, into the list; needs an open store. */
static List *
read_new(int room)
{
	OutsideHeld held = {0};
	dlist_iter	iter;

	held.ids = palloc(sizeof(int64) * (work_count + 1));
	held.targets = palloc(sizeof(char *) * (work_count + 1));
	dlist_foreach(iter, &works)
	{
		const OutsideWork *work = dlist_container(OutsideWork, node, iter.cur);

		/* Done means that its connection is free, and its row about to go. */
		held.ids[held.count] = work->call_id;
		held.targets[held.count++] = work->state == OUTSIDE_DONE ? "" : work->target;
	}
	return outside_store_read(&held, room, broadcaster_context());
}

/* The transaction: ends, and new rows. */
static void
settle(TimestampTz now)
{
	int			room = gated > 0 ? 0 : dalp_http_connections - (work_count - done_count);
	MemoryContext back = broadcaster_begin("requests to the outside");
	MemoryContext old = MemoryContextSwitchTo(back);
	List	   *over = done_count > 0 ? write_ends() : NIL;
	List	   *fresh = room > 0 ? read_new(room) : NIL;
	ListCell   *cell;

	MemoryContextSwitchTo(old);
	broadcaster_commit(back);
	STOP_POINT("outside_after_commit");

	foreach(cell, over)
	{
		done_count--;
		work_free(lfirst(cell));
	}
	/* What is left is just being abandoned. */
	end_at = done_count > 0 ? TimestampTzPlusMilliseconds(now, BUSY_MS) : 0;
	if (room > 0)
	{
		/* A full hand leaves rows behind: they are looked for when there is room. */
		news = list_length(fresh) == room;
		look_at = TimestampTzPlusMilliseconds(now, LOOK_MS);
	}
	else if (over != NIL)
		news = true;
	foreach(cell, fresh)
	{
		OutsideWork *work = lfirst(cell);

		work->state = OUTSIDE_READ;
		dlist_push_tail(&works, &work->node);
		work_count++;
		gated++;
	}
	if (gated > 0)
		gate = gate_position();
}

/* Starts what has passed the gate. */
static void
release(TimestampTz now)
{
	dlist_mutable_iter iter;

	dlist_foreach_modify(iter, &works)
	{
		OutsideWork *work = dlist_container(OutsideWork, node, iter.cur);

		if (work->state != OUTSIDE_READ)
			continue;
		work->give_up_at = TimestampTzPlusMilliseconds(now, dalp_http_timeout);
		if (work->expires_at != DT_NOEND)
			work->give_up_at = work->expires_at;
		if (work->give_up_at <= now)
			outside_fail(work, "States.Timeout", "the time was over before the request could be made");
		else if (work->http)
		{
			work->state = OUTSIDE_UNDER_WAY;
			outside_http_start(work);
		}
		else
			work->state = OUTSIDE_WAITING;
	}
	gated = 0;
}

long
outside_turn(void)
{
	TimestampTz now = GetCurrentTimestamp();
	TimestampTz due;
	bool		room = work_count - done_count < dalp_http_connections && gated == 0;

	if ((done_count > 0 && now >= end_at) || (room && (news || now >= look_at)))
		settle(now);
	if (gated > 0 && gate_is_open(gate))
	{
		STOP_POINT("outside_before_send");
		release(now);
	}
	due = Max(look_at, now);
	outside_chain_start(&works, now, &due);
	if (done_count > 0)
		due = Min(due, end_at);
	if (gated > 0)
		due = Min(due, TimestampTzPlusMilliseconds(now, GATE_MS));
	if (news && gated == 0 && work_count - done_count < dalp_http_connections)
		return 0;
	return Max(0, TimestampDifferenceMilliseconds(GetCurrentTimestamp(), due));
}
