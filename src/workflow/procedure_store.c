/*
 * procedure_store.c
 *		SQL of durable procedures: their entries in the journal, their runs.
 */
#include "compat.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "core/spi.h"
#include "core/wake.h"
#include "workflow/pass.h"
#include "workflow/procedure.h"

static const char *
read_text(MemoryContext context, uint64 row, int column)
{
	char	   *text = store_text(row, column);

	return text == NULL ? NULL : MemoryContextStrdup(context, text);
}

void
procedure_store_load(ProcedureCall *call, void (*add) (ProcedureCall *call, ProcedureEntry *entry))
{
	/* Entries only: an operator's patch may have any members. */
	static Statement find = {
		"SELECT j.details OPERATOR(pg_catalog.->>) 'kind', j.state, j.details OPERATOR(pg_catalog.->>) 'call', j.at,"
		" j.event OPERATOR(pg_catalog.=) ANY (ARRAY['failed', 'timed_out']), j.output, j.error, j.cause,"
		" j.details OPERATOR(pg_catalog.?) 'rolled_back'"
		" FROM dalp_workflow.journal j WHERE j.run_id OPERATOR(pg_catalog.=) $1"
		" AND j.branch_id OPERATOR(pg_catalog.=) 0 AND j.details OPERATOR(pg_catalog.?) 'kind'"
		" AND j.event OPERATOR(pg_catalog.=) ANY (ARRAY['succeeded', 'failed', 'signalled', 'timed_out'])"
		" ORDER BY j.seq",
		1, {INT8OID}
	};
	Datum		values[1] = {Int64GetDatum(call->run_id)};
	uint64		count = store_write(&find, values, NULL, 0);

	for (uint64 i = 0; i < count; i++)
	{
		ProcedureEntry *entry = MemoryContextAllocZero(call->context, sizeof(ProcedureEntry));
		bool		isnull;
		Datum		output = store_value(i, 6, &isnull);

		entry->kind = read_text(call->context, i, 1);
		entry->name = read_text(call->context, i, 2);
		entry->call = read_text(call->context, i, 3);
		entry->result = isnull ? NULL : DatumGetJsonbP(store_copy(call->context, output));
		entry->at = DatumGetTimestampTz(store_value(i, 4, &isnull));
		entry->failed = store_bool(i, 5);
		entry->error = read_text(call->context, i, 7);
		entry->cause = read_text(call->context, i, 8);
		entry->rolled_back = store_bool(i, 9);
		entry->written = true;
		add(call, entry);
	}
}

void
procedure_store_unready(int64 run_id)
{
	static Statement clear = {
		"DELETE FROM dalp_workflow.ready WHERE run_id OPERATOR(pg_catalog.=) $1"
		" AND kind OPERATOR(pg_catalog.=) 'step'",
		1, {INT8OID}
	};
	Datum		values[1] = {Int64GetDatum(run_id)};

	store_write(&clear, values, NULL, 0);
}

void
procedure_store_requeue(int64 run_id)
{
	static Statement requeue = {
		"UPDATE dalp_workflow.ready SET pass = $2 WHERE run_id OPERATOR(pg_catalog.=) $1"
		" AND kind OPERATOR(pg_catalog.=) 'step'",
		2, {INT8OID, INT8OID}
	};
	Datum		values[2] = {Int64GetDatum(run_id), Int64GetDatum(pass_now(run_shard(run_id)))};

	store_write(&requeue, values, NULL, 0);
	wake_shard_at_commit(run_shard(run_id));
}

Message *
procedure_store_transaction_end(int64 run_id, int64 transaction_id)
{
	static Statement find = {
		"SELECT i.message_id, i.payload, i.error, i.cause FROM dalp_workflow.inbox i"
		" WHERE i.run_id OPERATOR(pg_catalog.=) $1 AND i.kind OPERATOR(pg_catalog.=) 'transaction'"
		" AND i.reference OPERATOR(pg_catalog.=) $2 ORDER BY i.message_id LIMIT 1",
		2, {INT8OID, INT8OID}
	};
	MemoryContext context = CurrentMemoryContext;
	Datum		values[2] = {Int64GetDatum(run_id), Int64GetDatum(transaction_id)};
	Message    *message;
	bool		isnull;
	Datum		payload;

	if (store_write(&find, values, NULL, 1) == 0)
		return NULL;
	message = MemoryContextAllocZero(context, sizeof(Message));
	message->message_id = store_int64(0, 1);
	payload = store_value(0, 2, &isnull);
	message->payload = isnull ? NULL : DatumGetJsonbP(store_copy(context, payload));
	message->error = unconstify(char *, read_text(context, 0, 3));
	message->cause = unconstify(char *, read_text(context, 0, 4));
	return message;
}

List *
procedure_store_live(MemoryContext context, int workflow_id, int definition_id)
{
	static Statement find = {
		"SELECT r.run_id FROM dalp_workflow.run r JOIN dalp_workflow.definition d"
		" ON d.definition_id OPERATOR(pg_catalog.=) r.definition_id WHERE d.workflow_id OPERATOR(pg_catalog.=) $1"
		" AND ($2 OPERATOR(pg_catalog.=) 0 OR r.definition_id OPERATOR(pg_catalog.=) $2) ORDER BY r.run_id",
		2, {INT4OID, INT4OID}
	};
	Datum		values[2] = {Int32GetDatum(workflow_id), Int32GetDatum(definition_id)};
	uint64		count = store_write(&find, values, NULL, 0);
	MemoryContext old = MemoryContextSwitchTo(context);
	List	   *runs = NIL;

	for (uint64 i = 0; i < count; i++)
	{
		int64	   *run_id = palloc(sizeof(int64));

		*run_id = store_int64(i, 1);
		runs = lappend(runs, run_id);
	}
	MemoryContextSwitchTo(old);
	return runs;
}

void
procedure_store_move(int64 run_id, int definition_id)
{
	static Statement move = {
		"UPDATE dalp_workflow.run SET definition_id = $2 WHERE run_id OPERATOR(pg_catalog.=) $1",
		2, {INT8OID, INT4OID}
	};
	Datum		values[2] = {Int64GetDatum(run_id), Int32GetDatum(definition_id)};

	store_write(&move, values, NULL, 0);
}

char *
procedure_store_awaited_signal(int64 run_id)
{
	static Statement find = {
		"SELECT name FROM dalp_workflow.wait WHERE run_id OPERATOR(pg_catalog.=) $1"
		" AND branch_id OPERATOR(pg_catalog.=) 0",
		1, {INT8OID}
	};
	MemoryContext context = CurrentMemoryContext;
	Datum		values[1] = {Int64GetDatum(run_id)};

	if (store_write(&find, values, NULL, 1) == 0)
		elog(ERROR, "run " INT64_FORMAT " awaits no signal", run_id);
	return unconstify(char *, read_text(context, 0, 1));
}

bool
procedure_store_sleeps(int64 run_id, int entry)
{
	static Statement find = {
		"SELECT FROM dalp_workflow.timer WHERE run_id OPERATOR(pg_catalog.=) $1"
		" AND kind OPERATOR(pg_catalog.=) 'sleep' AND entry OPERATOR(pg_catalog.=) $2",
		2, {INT8OID, INT4OID}
	};
	Datum		values[2] = {Int64GetDatum(run_id), Int32GetDatum(entry)};

	return store_write(&find, values, NULL, 1) > 0;
}
