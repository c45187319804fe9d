/*
 * virtual_clock.c
 *		Clocks of lanes and keys in shared memory.
 *
 * Values only grow.  Lanes are kept as what they are ahead of real time, so
 * that they go on by themselves.
 */
#include "compat.h"

#include "common/hashfn.h"
#include "common/int.h"
#include "miscadmin.h"
#include "utils/timestamp.h"

#include "core/shared.h"
#include "core/virtual_clock.h"

StaticAssertDecl(VIRTUAL_LANES == SHARED_LANES, "each lane has a clock");

static void
raise_to(pg_atomic_uint64 *place, uint64 value)
{
	uint64		present = pg_atomic_read_u64(place);

	while (present < value && !pg_atomic_compare_exchange_u64(place, &present, value))
		;
}

/* Saturates: after 290,000 years of strides all turns are the last one. */
static int64
later(int64 time, int64 by)
{
	int64		result;

	return pg_add_s64_overflow(time, by, &result) ? PG_INT64_MAX : result;
}

int64
virtual_now(int lane)
{
	DatabaseSlot *slot = shared_my_slot();
	uint64		ahead;

	if (slot == NULL)
		return GetCurrentTimestamp();
	if (lane >= 0)
		return later(GetCurrentTimestamp(), (int64) pg_atomic_read_u64(&slot->ahead[lane]));
	ahead = pg_atomic_read_u64(&slot->ahead[0]);
	for (int i = 1; i < SHARED_LANES; i++)
		ahead = Min(ahead, pg_atomic_read_u64(&slot->ahead[i]));
	return later(GetCurrentTimestamp(), (int64) ahead);
}

int64
virtual_turn(int lane, uint64 key, int64 stride)
{
	pg_atomic_uint64 *places[SHARED_SKETCH_ROWS];
	int64		now = virtual_now(lane);
	uint64		next = PG_UINT64_MAX;
	int64		turn;

	if (shared_my_slot() == NULL)
		return now;
	for (int i = 0; i < SHARED_SKETCH_ROWS; i++)
	{
		uint64		hash = hash_combine64(hash_combine64(key, MyDatabaseId),
										  murmurhash32((uint32) (lane * SHARED_SKETCH_ROWS + i)));

		places[i] = &shared->turns[i][hash % SHARED_SKETCH_COLUMNS];
		next = Min(next, pg_atomic_read_u64(places[i]));
	}
	turn = Max(now, (int64) next);
	for (int i = 0; i < SHARED_SKETCH_ROWS; i++)
		raise_to(places[i], (uint64) later(turn, stride));
	return turn;
}

void
virtual_reached(int lane, int64 turn)
{
	DatabaseSlot *slot = shared_my_slot();
	TimestampTz now = GetCurrentTimestamp();

	if (slot != NULL && turn > now)
		raise_to(&slot->ahead[lane], (uint64) (turn - now));
}
