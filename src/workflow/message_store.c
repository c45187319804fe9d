/*
 * message_store.c
 *		SQL on inbox and signal_key.
 *
 * In any process with an open store.  The ready row's run may end before the
 * executor looks: it then goes with the other rows of the run, or, where the
 * sender commits later, is found to belong to no live run by the sweep.
 */
#include "compat.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "core/clock.h"
#include "core/spi.h"
#include "core/wake.h"
#include "workflow/message.h"
#include "workflow/pass.h"
#include "workflow/step.h"
#include "workflow/task_store.h"

static void
send_message(int64 run_id, int branch_id, const char *kind, const char *name, int64 reference, const char *key,
	 Jsonb *payload, const char *error, const char *cause, Oid sender)
{
	static Statement insert = {
		"WITH r AS (SELECT run_id, priority FROM dalp_workflow.run WHERE run_id OPERATOR(pg_catalog.=) $1),"
		" m AS (INSERT INTO dalp_workflow.inbox (run_id, branch_id, kind, name, reference, idempotency_key,"
		" payload, error, cause, sent_by, sent_at)"
		" SELECT r.run_id, $2, $3, $4, $5, $6, $7, $8, $9, $10::regrole, $11 FROM r)"
		" INSERT INTO dalp_workflow.ready (shard, rank, pass, run_id, branch_id, kind, entry)"
		" SELECT $12, (0 OPERATOR(pg_catalog.-) r.priority)::smallint, $13, r.run_id, 0, 'deliver', 0 FROM r",
		13, {INT8OID, INT4OID, TEXTOID, TEXTOID, INT8OID, TEXTOID, JSONBOID, TEXTOID, TEXTOID, OIDOID,
		TIMESTAMPTZOID, INT2OID, INT8OID}
	};
	Datum		values[13];
	char		nulls[13];

	memset(nulls, ' ', sizeof(nulls));
	values[0] = Int64GetDatum(run_id);
	values[1] = Int32GetDatum(branch_id);
	nulls[1] = branch_id < 0 ? 'n' : ' ';
	values[2] = CStringGetTextDatum(kind);
	values[3] = name ? CStringGetTextDatum(name) : (Datum) 0;
	nulls[3] = name ? ' ' : 'n';
	values[4] = Int64GetDatum(reference);
	nulls[4] = reference ? ' ' : 'n';
	values[5] = key ? CStringGetTextDatum(key) : (Datum) 0;
	nulls[5] = key ? ' ' : 'n';
	values[6] = JsonbPGetDatum(payload);
	nulls[6] = payload ? ' ' : 'n';
	values[7] = error ? CStringGetTextDatum(error) : (Datum) 0;
	nulls[7] = error ? ' ' : 'n';
	values[8] = cause ? CStringGetTextDatum(cause) : (Datum) 0;
	nulls[8] = cause ? ' ' : 'n';
	values[9] = ObjectIdGetDatum(sender);
	nulls[9] = OidIsValid(sender) ? ' ' : 'n';
	values[10] = TimestampTzGetDatum(clock_now());
	values[11] = Int16GetDatum(run_shard(run_id));
	values[12] = Int64GetDatum(pass_now(run_shard(run_id)));
	if (store_write(&insert, values, nulls, 0) > 0)
		wake_shard_at_commit(run_shard(run_id));
}

bool
message_send_signal(int64 run_id, const char *name, Jsonb *payload, const char *idempotency_key, Oid sender)
{
	static Statement remember = {
		"INSERT INTO dalp_workflow.signal_key (run_id, name, idempotency_key) VALUES ($1, $2, $3)"
		" ON CONFLICT DO NOTHING",
		3, {INT8OID, TEXTOID, TEXTOID}
	};

	if (idempotency_key != NULL)
	{
		Datum		values[3] = {
			Int64GetDatum(run_id), CStringGetTextDatum(name), CStringGetTextDatum(idempotency_key)
		};

		if (store_write(&remember, values, NULL, 0) == 0)
			return false;
	}
	send_message(run_id, -1, "signal", name, 0, idempotency_key, payload, NULL, NULL, sender);
	return true;
}

void
message_send_transaction_end(int64 request_id, int64 run_id, int branch_id,
							 Jsonb *result, const char *error, const char *cause)
{
	send_message(run_id, branch_id, "transaction", NULL, request_id, NULL, result, error, cause, InvalidOid);
}

void
message_send_answer(int64 call_id, const char *target, int64 run_id, int branch_id, int token_seq,
					Jsonb *result, const char *error, const char *cause)
{
	/* A token that was completed, or is of another attempt by now, has nothing to fail any more. */
	if (token_seq != 0)
	{
		if (lease_store_revoke(run_id, branch_id, token_seq))
			send_message(run_id, branch_id, "token", NULL, token_seq, NULL, NULL, error, cause, InvalidOid);
		return;
	}
	send_message(run_id, branch_id, "call", target, call_id, NULL, result, error, cause, InvalidOid);
}

void
message_send_child_end(int64 parent_run_id, int parent_branch, int64 run_id,
					   Jsonb *output, const char *error, const char *cause)
{
	send_message(parent_run_id, parent_branch, "run", NULL, run_id, NULL, output, error, cause, InvalidOid);
}
