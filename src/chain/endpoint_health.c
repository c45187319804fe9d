/*
 * endpoint_health.c
 *		See endpoint_health.h.
 *
 * A small array under one lock, for the endpoints of all databases.  Where it
 * is full, the entry that was changed longest ago gives way.
 */
#include "compat.h"

#include "funcapi.h"
#include "miscadmin.h"
#include "storage/ipc.h"
#include "storage/lwlock.h"
#include "storage/shmem.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"

#include "chain/endpoint_health.h"
#include "core/result_row.h"

DALP_FUNCTION(dalp_endpoint_health);

#define HEALTH_NAME "dalp endpoint health"
#define HEALTH_PLACES 256
#define HEALTH_COLUMNS 11

typedef struct HealthEntry
{
	Oid			database;		/* InvalidOid: free */
	int			endpoint_id;
	TimestampTz reported_at;
	EndpointHealth health;
} HealthEntry;

typedef struct HealthTable
{
	LWLock	   *lock;			/* protects all of it */
	HealthEntry entries[HEALTH_PLACES];
} HealthTable;

static HealthTable *table = NULL;
static shmem_startup_hook_type previous_startup = NULL;
#if PG_VERSION_NUM >= 150000
static shmem_request_hook_type previous_request = NULL;
#endif

static void
health_request(void)
{
#if PG_VERSION_NUM >= 150000
	if (previous_request)
		previous_request();
#endif
	RequestAddinShmemSpace(sizeof(HealthTable));
	RequestNamedLWLockTranche(HEALTH_NAME, 1);
}

static void
health_startup(void)
{
	bool		found;

	if (previous_startup)
		previous_startup();
	LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
	table = ShmemInitStruct(HEALTH_NAME, sizeof(HealthTable), &found);
	if (!found)
	{
		memset(table, 0, sizeof(HealthTable));
		table->lock = &(GetNamedLWLockTranche(HEALTH_NAME))->lock;
	}
	LWLockRelease(AddinShmemInitLock);
}

void
endpoint_health_init(void)
{
#if PG_VERSION_NUM >= 150000
	previous_request = shmem_request_hook;
	shmem_request_hook = health_request;
#else
	health_request();
#endif
	previous_startup = shmem_startup_hook;
	shmem_startup_hook = health_startup;
}

void
endpoint_health_forget(void)
{
	LWLockAcquire(table->lock, LW_EXCLUSIVE);
	for (int i = 0; i < HEALTH_PLACES; i++)
		if (table->entries[i].database == MyDatabaseId)
			table->entries[i].database = InvalidOid;
	LWLockRelease(table->lock);
}

/* The endpoint's place, or else a free one, or else the one that was longest silent. */
static HealthEntry *
health_place(int endpoint_id)
{
	HealthEntry *place = &table->entries[0];

	for (int i = 0; i < HEALTH_PLACES; i++)
	{
		HealthEntry *entry = &table->entries[i];

		if (entry->database == MyDatabaseId && entry->endpoint_id == endpoint_id)
			return entry;
		if (OidIsValid(place->database) &&
			(!OidIsValid(entry->database) || entry->reported_at < place->reported_at))
			place = entry;
	}
	return place;
}

void
endpoint_health_report(int endpoint_id, const EndpointHealth *health)
{
	HealthEntry *entry;

	LWLockAcquire(table->lock, LW_EXCLUSIVE);
	entry = health_place(endpoint_id);
	entry->database = MyDatabaseId;
	entry->endpoint_id = endpoint_id;
	entry->reported_at = GetCurrentTimestamp();
	entry->health = *health;
	LWLockRelease(table->lock);
}

static const char *
condition_name(EndpointCondition condition)
{
	switch (condition)
	{
		case ENDPOINT_UNKNOWN:
			break;
		case ENDPOINT_WORKING:
			return "working";
		case ENDPOINT_BEHIND:
			return "behind";
		case ENDPOINT_FAILING:
			return "failing";
		case ENDPOINT_WRONG_CHAIN:
			return "wrong chain";
	}
	return "unknown";
}

/* One row for each endpoint of this database that the broadcaster knows. */
Datum
dalp_endpoint_health(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	HealthEntry *entries = palloc(sizeof(HealthEntry) * HEALTH_PLACES);
	int			count = 0;

	InitMaterializedSRF(fcinfo, 0);
	if (table == NULL)
		return (Datum) 0;
	LWLockAcquire(table->lock, LW_SHARED);
	for (int i = 0; i < HEALTH_PLACES; i++)
		if (table->entries[i].database == MyDatabaseId)
			entries[count++] = table->entries[i];
	LWLockRelease(table->lock);

	for (int i = 0; i < count; i++)
	{
		const EndpointHealth *health = &entries[i].health;
		Datum		values[HEALTH_COLUMNS] = {0};
		bool		nulls[HEALTH_COLUMNS] = {false};

		values[0] = Int32GetDatum(entries[i].endpoint_id);
		values[1] = CStringGetTextDatum(condition_name(health->condition));
		result_set_time(values, nulls, 2, health->changed_at);
		values[3] = Int32GetDatum(health->failures);
		result_set_time(values, nulls, 4, health->retry_at);
		result_set_time(values, nulls, 5, health->answered_at);
		values[6] = Int64GetDatum((int64) health->batches);
		values[7] = Int64GetDatum((int64) health->errors);
		values[8] = Float8GetDatum(health->latency_us / 1000.0);
		nulls[8] = health->answered_at == 0;
		values[9] = Int64GetDatum(health->head);
		nulls[9] = health->head < 0;
		result_set_text(values, nulls, 10, health->reason[0] == '\0' ? NULL : health->reason);
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
	return (Datum) 0;
}
