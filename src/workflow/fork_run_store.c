/*
 * fork_run_store.c
 *		SQL of dalp.fork.
 *
 * In a caller's backend.  Documents go from row to row and never through here.
 */
#include "compat.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "core/clock.h"
#include "core/spi.h"
#include "workflow/fork_run.h"
#include "workflow/pass.h"
#include "workflow/step.h"
#include "workflow/journal_partition.h"

int
fork_run_store_entry(int64 run_id, const char *state)
{
	/* Where it stands now has no row of the journal yet; a redrive's row has the edited input itself. */
	static Statement find = {
		"SELECT u.data_seq FROM (SELECT b.data_seq, b.last_seq OPERATOR(pg_catalog.+) 1 AS seq FROM dalp_workflow.branch b"
		" WHERE b.run_id OPERATOR(pg_catalog.=) $1 AND b.branch_id OPERATOR(pg_catalog.=) 0"
		" AND b.state OPERATOR(pg_catalog.=) $2"
		" UNION ALL (SELECT CASE WHEN j.event OPERATOR(pg_catalog.=) ANY (ARRAY['redriven', 'forked'])"
		" AND j.output IS NOT NULL THEN j.seq ELSE j.input_seq END, j.seq"
		" FROM dalp_workflow.journal j WHERE j.run_id OPERATOR(pg_catalog.=) $1 AND j.branch_id OPERATOR(pg_catalog.=) 0"
		" AND j.state OPERATOR(pg_catalog.=) $2 ORDER BY j.seq DESC LIMIT 1)) AS u ORDER BY u.seq DESC LIMIT 1",
		2, {INT8OID, TEXTOID}
	};
	Datum		values[2] = {Int64GetDatum(run_id), CStringGetTextDatum(state)};

	return store_write(&find, values, NULL, 1) == 0 ? -1 : store_int32(0, 1);
}

void
fork_run_store_start(int64 new_run_id, int64 run_id, int data_seq, const Definition *definition,
					 const char *state, Jsonb *input, Oid starter)
{
	static Statement start = {
		"WITH old AS MATERIALIZED (SELECT r.definition_id, r.priority, r.concurrency_key, d.input, d.tags, d.traceparent,"
		" COALESCE($6, j.output, d.input) AS state_input, j.variables"
		" FROM (SELECT l.run_id, l.definition_id, l.priority, l.concurrency_key FROM dalp_workflow.run l"
		" WHERE l.run_id OPERATOR(pg_catalog.=) $2 UNION ALL SELECT f.run_id, f.definition_id, f.priority, f.concurrency_key"
		" FROM dalp_workflow.run_done f WHERE f.run_id OPERATOR(pg_catalog.=) $2) AS r"
		" JOIN dalp_workflow.run_data d ON d.run_id OPERATOR(pg_catalog.=) r.run_id"
		" LEFT JOIN dalp_workflow.journal j ON j.run_id OPERATOR(pg_catalog.=) $2 AND j.branch_id OPERATOR(pg_catalog.=) 0"
		" AND j.seq OPERATOR(pg_catalog.=) $3),"
		" r AS (INSERT INTO dalp_workflow.run (run_id, definition_id, priority, concurrency_key, started_at, deadline)"
		" SELECT $1, o.definition_id, o.priority, o.concurrency_key, $5, $8 FROM old o),"
		" d AS (INSERT INTO dalp_workflow.run_data (run_id, input, tags, started_by, traceparent)"
		" SELECT $1, o.input, o.tags, $7::regrole, o.traceparent FROM old o),"
		" b AS (INSERT INTO dalp_workflow.branch (run_id, branch_id, state, entry, entered_at, last_seq, data_seq)"
		" SELECT $1, 0, $4, 1, $5, 1, 1 FROM old o),"
		" j AS (INSERT INTO dalp_workflow.journal (run_id, branch_id, seq, event, state, entry, attempt, at, output,"
		" variables, details) SELECT $1, 0, 1, 'forked', $4, 0, 0, $5, o.state_input, o.variables,"
		" pg_catalog.jsonb_build_object('run_id', $2, 'seq', $3) FROM old o),"
		" t AS (INSERT INTO dalp_workflow.timer (shard, fire_at, run_id, branch_id, kind, entry)"
		" SELECT ($1 OPERATOR(pg_catalog.%) 16)::smallint, $8, $1, 0, 'deadline', 0 FROM old o WHERE $8 IS NOT NULL)"
		" INSERT INTO dalp_workflow.ready (shard, rank, pass, run_id, branch_id, kind, entry)"
		" SELECT ($1 OPERATOR(pg_catalog.%) 16)::smallint, (0 OPERATOR(pg_catalog.-) o.priority)::smallint, $9, $1, 0,"
		" 'step', 0 FROM old o",
		9, {INT8OID, INT8OID, INT4OID, TEXTOID, TIMESTAMPTZOID, JSONBOID, OIDOID, TIMESTAMPTZOID, INT8OID}
	};
	TimestampTz now = clock_now();
	int64		timeout = asl_machine_timeout(definition->machine);
	Datum		values[9] = {
		Int64GetDatum(new_run_id), Int64GetDatum(run_id), Int32GetDatum(data_seq), CStringGetTextDatum(state),
		TimestampTzGetDatum(now), JsonbPGetDatum(input), ObjectIdGetDatum(starter),
		TimestampTzGetDatum(now + timeout * USECS_PER_SEC), Int64GetDatum(pass_now(run_shard(new_run_id)))
	};
	char		nulls[9];

	journal_partition_ensure(new_run_id);
	memset(nulls, ' ', sizeof(nulls));
	nulls[5] = input ? ' ' : 'n';
	nulls[7] = timeout > 0 ? ' ' : 'n';
	if (store_write(&start, values, nulls, 0) == 0)
		elog(ERROR, "run " INT64_FORMAT " is gone", run_id);
}
