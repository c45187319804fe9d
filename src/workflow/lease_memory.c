/*
 * lease_memory.c
 *		The hash table of heartbeats in shared memory.
 *
 * One for the cluster, of dalp.max_leases places.  An entry begins with the
 * first heartbeat of a lease; leases that are never heard of cost nothing.
 * Entries of leases that have ended are removed by the scheduler's next look,
 * not by who ends them, whose transaction may yet be rolled back.  One lock:
 * held for a lookup, and by the scheduler for one pass.
 */
#include "compat.h"

#include "miscadmin.h"
#include "port/atomics.h"
#include "storage/ipc.h"
#include "storage/lwlock.h"
#include "storage/shmem.h"
#include "utils/hsearch.h"
#include "utils/timestamp.h"

#include "core/settings.h"
#include "workflow/lease_memory.h"

#define LEASE_SHARED "dalp leases"
#define LEASE_ENTRIES "dalp lease entries"

/* Databases may be dropped with entries left: these are useless after the longest lease. */
#define ENTRY_MAX_AGE_MS (INT64CONST(25) * 3600 * 1000)

typedef struct LeaseKey
{
	int64		run_id;
	int32		branch_id;
	Oid			database;
} LeaseKey;

typedef struct LeaseEntry
{
	LeaseKey	key;
	uint64		lease;			/* start of the token's hash: which lease of the task */
	TimestampTz heard_at;		/* 0 = never */
	bool		lost;
	char		details[LEASE_MAX_DETAILS + 1]; /* JSON, empty = none */
} LeaseEntry;

typedef struct LeaseShared
{
	LWLock	   *lock;			/* protects the entries */
	pg_atomic_uint64 counts_from;
} LeaseShared;

static LeaseShared *state = NULL;
static HTAB *entries = NULL;

static shmem_startup_hook_type previous_startup = NULL;
#if PG_VERSION_NUM >= 150000
static shmem_request_hook_type previous_request = NULL;
#endif

static void
memory_request(void)
{
#if PG_VERSION_NUM >= 150000
	if (previous_request)
		previous_request();
#endif
	RequestAddinShmemSpace(add_size(MAXALIGN(sizeof(LeaseShared)),
									hash_estimate_size(dalp_max_leases, sizeof(LeaseEntry))));
	RequestNamedLWLockTranche(LEASE_SHARED, 1);
}

/* Also runs after a crash restart, with fresh memory. */
static void
memory_startup(void)
{
	HASHCTL		control = {.keysize = sizeof(LeaseKey), .entrysize = sizeof(LeaseEntry)};
	bool		found;

	if (previous_startup)
		previous_startup();

	LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
	state = ShmemInitStruct(LEASE_SHARED, sizeof(LeaseShared), &found);
	if (!found)
	{
		state->lock = &(GetNamedLWLockTranche(LEASE_SHARED))->lock;
		pg_atomic_init_u64(&state->counts_from, 0);
	}
	entries = ShmemInitHash(LEASE_ENTRIES, dalp_max_leases, dalp_max_leases, &control,
							HASH_ELEM | HASH_BLOBS | HASH_FIXED_SIZE);
	LWLockRelease(AddinShmemInitLock);
}

void
lease_memory_init(void)
{
#if PG_VERSION_NUM >= 150000
	previous_request = shmem_request_hook;
	shmem_request_hook = memory_request;
#else
	memory_request();
#endif
	previous_startup = shmem_startup_hook;
	shmem_startup_hook = memory_startup;
}

static LeaseKey
key_of(const TaskToken *token)
{
	return (LeaseKey) {token->run_id, token->branch_id, MyDatabaseId};
}

static uint64
lease_of(const TaskToken *token)
{
	uint64		lease;

	memcpy(&lease, token->hash, sizeof(lease));
	return lease;
}

/* The entry of this very lease; an older one of the task gives its place. NULL where there is none or no room. */
static LeaseEntry *
find_entry(const TaskToken *token, HASHACTION action)
{
	LeaseKey	key = key_of(token);
	bool		found;
	LeaseEntry *entry = hash_search(entries, &key, action, &found);

	if (entry == NULL)
		return NULL;
	if (found && entry->lease == lease_of(token))
		return entry;
	if (action == HASH_FIND)
		return NULL;
	entry->lease = lease_of(token);
	entry->heard_at = 0;
	entry->lost = false;
	entry->details[0] = '\0';
	return entry;
}

LeaseNote
lease_hear(const TaskToken *token, TimestampTz now, const char *details)
{
	LeaseNote	note = LEASE_NO_ROOM;
	LeaseEntry *entry;

	LWLockAcquire(state->lock, LW_EXCLUSIVE);
	entry = find_entry(token, HASH_ENTER_NULL);
	if (entry != NULL && entry->lost)
		note = LEASE_LOST;
	else if (entry != NULL)
	{
		note = LEASE_HEARD;
		entry->heard_at = Max(entry->heard_at, now);
		if (details != NULL)
			strlcpy(entry->details, details, sizeof(entry->details));
	}
	LWLockRelease(state->lock);
	return note;
}

TimestampTz
lease_heard_at(const TaskToken *token)
{
	LeaseEntry *entry;
	TimestampTz heard_at;

	LWLockAcquire(state->lock, LW_SHARED);
	entry = find_entry(token, HASH_FIND);
	heard_at = entry == NULL ? 0 : entry->heard_at;
	LWLockRelease(state->lock);
	return heard_at;
}

bool
lease_lose(const TaskToken *token, TimestampTz heard_at)
{
	LeaseEntry *entry;
	bool		lost = true;

	LWLockAcquire(state->lock, LW_EXCLUSIVE);
	entry = find_entry(token, HASH_ENTER_NULL);
	/* Without room a heartbeat updates the row, which the scheduler has locked. */
	if (entry != NULL)
	{
		lost = entry->heard_at <= heard_at;
		entry->lost = lost;
	}
	LWLockRelease(state->lock);
	return lost;
}

void
lease_forget_others(List *tokens, TimestampTz since)
{
	HASHCTL		control = {.keysize = sizeof(LeaseKey), .entrysize = sizeof(LeaseKey), .hcxt = CurrentMemoryContext};
	HTAB	   *known;
	HASH_SEQ_STATUS scan;
	LeaseEntry *entry;
	ListCell   *cell;
	TimestampTz old = TimestampTzPlusMilliseconds(since, -ENTRY_MAX_AGE_MS);

	/* Mostly there are none; nothing is lost if one is added meanwhile. */
	if (hash_get_num_entries(entries) == 0)
		return;
	known = hash_create("dalp leases", 256, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	foreach(cell, tokens)
	{
		LeaseKey	key = key_of(lfirst(cell));

		(void) hash_search(known, &key, HASH_ENTER, NULL);
	}
	LWLockAcquire(state->lock, LW_EXCLUSIVE);
	hash_seq_init(&scan, entries);
	while ((entry = hash_seq_search(&scan)) != NULL)
		if (entry->heard_at < old ||
			(entry->key.database == MyDatabaseId && entry->heard_at < since &&
			 hash_search(known, &entry->key, HASH_FIND, NULL) == NULL))
			(void) hash_search(entries, &entry->key, HASH_REMOVE, NULL);
	LWLockRelease(state->lock);
	hash_destroy(known);
}

TimestampTz
lease_counts_from(void)
{
	return state == NULL ? 0 : (TimestampTz) pg_atomic_read_u64(&state->counts_from);
}

void
lease_start_counting(TimestampTz now)
{
	uint64		none = 0;

	(void) pg_atomic_compare_exchange_u64(&state->counts_from, &none, (uint64) now);
}

List *
lease_heartbeats(void)
{
	HASH_SEQ_STATUS scan;
	LeaseEntry *entry;
	LeaseEntry *copies;
	int			capacity;
	int			count = 0;
	List	   *result = NIL;

	if (state == NULL)
		return NIL;
	/* Those that come meanwhile may be left out. */
	capacity = (int) hash_get_num_entries(entries) + 16;
	/* No memory is asked for under the lock: that may raise. */
	copies = palloc_extended(mul_size(capacity, sizeof(LeaseEntry)), MCXT_ALLOC_HUGE);
	LWLockAcquire(state->lock, LW_SHARED);
	hash_seq_init(&scan, entries);
	while ((entry = hash_seq_search(&scan)) != NULL)
		if (entry->key.database == MyDatabaseId && entry->heard_at != 0 && count < capacity)
			copies[count++] = *entry;
	LWLockRelease(state->lock);
	for (int i = 0; i < count; i++)
	{
		LeaseHeartbeat *heartbeat = palloc(sizeof(LeaseHeartbeat));

		*heartbeat = (LeaseHeartbeat) {
			copies[i].key.run_id, copies[i].key.branch_id, copies[i].heard_at,
			copies[i].details[0] == '\0' ? NULL : pstrdup(copies[i].details)
		};
		result = lappend(result, heartbeat);
	}
	pfree(copies);
	return result;
}
