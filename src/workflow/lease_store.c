/*
 * lease_store.c
 *		SQL on leases and tokens: completed, failed, given back, lost.
 *
 * In a worker's backend, or in the scheduler.  Neither locks the run: what
 * ends a lease leaves a message in the inbox and a ready row that makes an
 * executor look there.  Leases are locked in the order of their keys.
 */
#include "compat.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "core/clock.h"
#include "core/wake.h"
#include "workflow/pass.h"
#include "workflow/task_store.h"

/* The lease of a token: "l" in each statement below, with parameters 1 to 3. */
#define IS_LEASE \
	"l.run_id OPERATOR(pg_catalog.=) $1 AND l.branch_id OPERATOR(pg_catalog.=) $2" \
	" AND l.token_hash OPERATOR(pg_catalog.=) $3"
#define IS_GIVEN \
	"l.run_id OPERATOR(pg_catalog.=) u.run_id AND l.branch_id OPERATOR(pg_catalog.=) u.branch_id" \
	" AND l.token_hash OPERATOR(pg_catalog.=) u.token_hash"

/* A token's columns in Rows. */
static void
set_token(Rows *rows, const TaskToken *token)
{
	rows_add(rows);
	rows_set(rows, 0, Int64GetDatum(token->run_id));
	rows_set(rows, 1, Int32GetDatum(token->branch_id));
	rows_set(rows, 2, task_token_hash(token));
}

static void
token_values(const TaskToken *token, Datum *values)
{
	values[0] = Int64GetDatum(token->run_id);
	values[1] = Int32GetDatum(token->branch_id);
	values[2] = task_token_hash(token);
}

typedef struct Place
{
	const TaskToken *token;
	int			number;
} Place;

static int
compare_places(const void *a, const void *b)
{
	const TaskToken *x = ((const Place *) a)->token;
	const TaskToken *y = ((const Place *) b)->token;

	if (x->run_id != y->run_id)
		return x->run_id < y->run_id ? -1 : 1;
	return x->branch_id < y->branch_id ? -1 : x->branch_id > y->branch_id;
}

/* The tokens in the order in which their leases are locked. */
static Place *
in_order(const TaskToken *tokens, size_t distance, int count)
{
	Place	   *places = palloc(mul_size(sizeof(Place), Max(count, 1)));

	for (int i = 0; i < count; i++)
		places[i] = (Place) {(const TaskToken *) ((const char *) tokens + i * distance), i};
	qsort(places, count, sizeof(Place), compare_places);
	return places;
}

/* Looks for one lease. */
static bool
find_one(Statement *statement, const TaskToken *token)
{
	Datum		values[3];
	int			nest = store_prefer_indexes();
	bool		found;

	token_values(token, values);
	found = store_write(statement, values, NULL, 1) > 0;
	store_end_preference(nest);
	return found;
}

/* Runs the statement, which returns the numbers of those that were there. */
static int
flush_found(Rows *rows, Statement *statement, int count, bool *found)
{
	int			nest = store_prefer_indexes();
	int			there = (int) rows_flush(rows, statement);

	store_end_preference(nest);
	memset(found, 0, sizeof(bool) * count);
	for (int i = 0; i < there; i++)
		found[store_int32(i, 1)] = true;
	return there;
}

int
lease_store_settle(const Settlement *settlements, int count, bool *found)
{
	static const Oid types[] = {INT8OID, INT4OID, BYTEAOID, INT4OID, JSONBOID, TEXTOID, TEXTOID, INT2OID, INT8OID, TIMESTAMPTZOID};
	static Statement settle = {
		"WITH gone AS (DELETE FROM dalp_workflow.lease l USING unnest($1::bigint[], $2::int[], $3::bytea[], $4::int[],"
		" $5::jsonb[], $6::text[], $7::text[], $8::smallint[], $9::bigint[], $10::timestamptz[]) AS u(run_id, branch_id, token_hash,"
		" number, payload, error, cause, shard, pass, at) WHERE " IS_GIVEN
		" RETURNING l.run_id, l.branch_id, l.seq, l.queue, l.rank, l.worker, u.number, u.payload, u.error, u.cause,"
		" u.shard, u.pass, u.at),"
		" m AS (INSERT INTO dalp_workflow.inbox (run_id, branch_id, kind, name, reference, payload, error, cause, worker, sent_at)"
		" SELECT g.run_id, g.branch_id, CASE WHEN g.queue IS NULL THEN 'token' ELSE 'task' END, g.queue, g.seq, g.payload,"
		" g.error, g.cause, g.worker, g.at FROM gone g),"
		" y AS (INSERT INTO dalp_workflow.ready (shard, rank, pass, run_id, branch_id, kind, entry)"
		" SELECT g.shard, g.rank, g.pass, g.run_id, g.branch_id, 'deliver', 0 FROM gone g)"
		" SELECT g.number FROM gone g",
		10, {INT8ARRAYOID, INT4ARRAYOID, BYTEAARRAYOID, INT4ARRAYOID, JSONBARRAYOID, TEXTARRAYOID, TEXTARRAYOID, INT2ARRAYOID,
		INT8ARRAYOID, TIMESTAMPTZARRAYOID}
	};
	Place	   *places = in_order(&settlements->token, sizeof(Settlement), count);
	TimestampTz now = clock_now();
	Rows		rows;
	int			there;

	rows_init(&rows, lengthof(types), types);
	for (int i = 0; i < count; i++)
	{
		const Settlement *settlement = &settlements[places[i].number];

		set_token(&rows, &settlement->token);
		rows_set(&rows, 3, Int32GetDatum(places[i].number));
		if (settlement->output != NULL)
			rows_set(&rows, 4, JsonbPGetDatum(settlement->output));
		rows_set_text(&rows, 5, settlement->error);
		rows_set_text(&rows, 6, settlement->cause);
		rows_set(&rows, 7, Int16GetDatum(run_shard(settlement->token.run_id)));
		rows_set(&rows, 8, Int64GetDatum(pass_now(run_shard(settlement->token.run_id))));
		rows_set(&rows, 9, TimestampTzGetDatum(now));
	}
	there = flush_found(&rows, &settle, count, found);
	for (int i = 0; i < count; i++)
		if (found[i])
			wake_shard_at_commit(run_shard(settlements[i].token.run_id));
	return there;
}

int
lease_store_release(const TaskToken *tokens, int count, int losses, bool *found)
{
	static const Oid types[] = {INT8OID, INT4OID, BYTEAOID, INT4OID, INT4OID};
	static Statement release = {
		"WITH gone AS (DELETE FROM dalp_workflow.lease l USING unnest($1::bigint[], $2::int[], $3::bytea[], $4::int[], $5::int[])"
		" AS u(run_id, branch_id, token_hash, number, losses) WHERE " IS_GIVEN " AND l.queue IS NOT NULL"
		" RETURNING l.*, u.number, u.losses AS lost),"
		" back AS (INSERT INTO dalp_workflow.task (queue, rank, pass, run_id, branch_id, seq, workflow_id, heartbeat, losses)"
		" SELECT g.queue, g.rank, g.pass, g.run_id, g.branch_id, g.seq, g.workflow_id, g.heartbeat,"
		" g.losses OPERATOR(pg_catalog.+) g.lost FROM gone g)"
		" SELECT g.number, g.queue FROM gone g",
		5, {INT8ARRAYOID, INT4ARRAYOID, BYTEAARRAYOID, INT4ARRAYOID, INT4ARRAYOID}
	};
	Place	   *places = in_order(tokens, sizeof(TaskToken), count);
	Rows		rows;
	int			there;

	rows_init(&rows, lengthof(types), types);
	for (int i = 0; i < count; i++)
	{
		set_token(&rows, places[i].token);
		rows_set(&rows, 3, Int32GetDatum(places[i].number));
		rows_set(&rows, 4, Int32GetDatum(losses));
	}
	there = flush_found(&rows, &release, count, found);
	for (int i = 0; i < there; i++)
		wake_topic_at_commit(wake_topic_of_queue(store_text(i, 2)), 1);
	return there;
}

bool
lease_store_revoke(int64 run_id, int branch_id, int seq)
{
	static Statement revoke = {
		"DELETE FROM dalp_workflow.lease l WHERE l.run_id OPERATOR(pg_catalog.=) $1 AND l.branch_id OPERATOR(pg_catalog.=) $2"
		" AND l.seq OPERATOR(pg_catalog.=) $3 AND l.queue IS NULL",
		3, {INT8OID, INT4OID, INT4OID}
	};
	Datum		values[] = {Int64GetDatum(run_id), Int32GetDatum(branch_id), Int32GetDatum(seq)};
	int			nest = store_prefer_indexes();
	bool		found = store_write(&revoke, values, NULL, 0) > 0;

	store_end_preference(nest);
	return found;
}

bool
lease_store_lock(const TaskToken *token)
{
	static Statement lock = {
		"SELECT FROM dalp_workflow.lease l WHERE " IS_LEASE " FOR UPDATE", 3, {INT8OID, INT4OID, BYTEAOID}
	};

	return find_one(&lock, token);
}

void
lease_store_lock_many(const TaskToken *tokens, int count, bool *locked)
{
	static const Oid types[] = {INT8OID, INT4OID, BYTEAOID, INT4OID};
	static Statement lock = {
		"SELECT u.number FROM unnest($1::bigint[], $2::int[], $3::bytea[], $4::int[]) AS u(run_id, branch_id, token_hash, number)"
		" JOIN dalp_workflow.lease l ON " IS_GIVEN " FOR UPDATE OF l SKIP LOCKED",
		4, {INT8ARRAYOID, INT4ARRAYOID, BYTEAARRAYOID, INT4ARRAYOID}
	};
	Place	   *places = in_order(tokens, sizeof(TaskToken), count);
	Rows		rows;

	rows_init(&rows, lengthof(types), types);
	for (int i = 0; i < count; i++)
	{
		set_token(&rows, places[i].token);
		rows_set(&rows, 3, Int32GetDatum(places[i].number));
	}
	(void) flush_found(&rows, &lock, count, locked);
}

TimestampTz
lease_until(const Lease *lease, TimestampTz heard_at)
{
	TimestampTz until = DT_NOEND;

	if (lease->length > 0)
		until = TimestampTzPlusMilliseconds(heard_at, lease->length);
	if (lease->heartbeat > 0)
		until = Min(until, heard_at + (int64) lease->heartbeat * USECS_PER_SEC);
	return until;
}

#define LEASE_COLUMNS "l.run_id, l.branch_id, l.token_hash, l.claimed_at, l.length, l.heartbeat, l.losses"

static void
read_lease(uint64 row, Lease *lease)
{
	bool		isnull;

	lease->token.run_id = store_int64(row, 1);
	lease->token.branch_id = store_int32(row, 2);
	memcpy(lease->token.hash, VARDATA_ANY(DatumGetByteaPP(store_value(row, 3, &isnull))), TASK_TOKEN_HASH);
	lease->claimed_at = DatumGetTimestampTz(store_value(row, 4, &isnull));
	lease->length = store_int32(row, 5);
	lease->heartbeat = store_int32(row, 6);
	lease->losses = store_int32(row, 7);
}

bool
lease_store_find(const TaskToken *token, Lease *lease)
{
	static Statement find = {
		"SELECT " LEASE_COLUMNS " FROM dalp_workflow.lease l WHERE " IS_LEASE, 3, {INT8OID, INT4OID, BYTEAOID}
	};

	if (!find_one(&find, token))
		return false;
	read_lease(0, lease);
	return true;
}

bool
lease_store_heard(const TaskToken *token, TimestampTz now)
{
	static Statement update = {
		"UPDATE dalp_workflow.lease l SET claimed_at = $4 WHERE " IS_LEASE,
		4, {INT8OID, INT4OID, BYTEAOID, TIMESTAMPTZOID}
	};
	Datum		values[4];

	token_values(token, values);
	values[3] = TimestampTzGetDatum(now);
	return store_write(&update, values, NULL, 0) > 0;
}

List *
lease_store_ending(int limit, bool *all)
{
	static Statement find = {
		"SELECT " LEASE_COLUMNS " FROM dalp_workflow.lease l WHERE l.length IS NOT NULL OR l.heartbeat IS NOT NULL"
		" ORDER BY l.claimed_at LIMIT $1",
		1, {INT4OID}
	};
	Datum		values[1] = {Int32GetDatum(limit)};
	int			nest = store_prefer_indexes();
	int			count = (int) store_write(&find, values, NULL, 0);
	List	   *leases = NIL;

	store_end_preference(nest);
	for (int i = 0; i < count; i++)
	{
		Lease	   *lease = palloc(sizeof(Lease));

		read_lease(i, lease);
		leases = lappend(leases, lease);
	}
	*all = count < limit;
	return leases;
}
