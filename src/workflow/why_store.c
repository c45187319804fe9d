/*
 * why_store.c
 *		SQL that finds what a run waits for.
 *
 * In a caller's backend; reads only, all with the snapshot of the caller's
 * command: between two snapshots a run may go from one table to another.
 */
#include "compat.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "core/spi.h"
#include "workflow/why.h"

static TimestampTz
read_time(uint64 row, int column)
{
	bool		isnull;
	Datum		value = store_value(row, column, &isnull);

	return isnull ? 0 : DatumGetTimestampTz(value);
}

bool
why_store_run(int64 run_id, WhyRun *run)
{
	static Statement find = {
		"SELECT w.workflow_id, w.name, w.owner::oid, r.status, r.error, r.parent_run_id, r.finished_at,"
		" (SELECT l.id FROM dalp.dead_letters l WHERE l.kind OPERATOR(pg_catalog.=) 'run'"
		" AND l.reference OPERATOR(pg_catalog.=) $1 AND l.resolution IS NULL LIMIT 1)"
		" FROM (SELECT v.definition_id, NULL::text AS status, NULL::text AS error, v.parent_run_id,"
		" NULL::timestamptz AS finished_at FROM dalp_workflow.run v WHERE v.run_id OPERATOR(pg_catalog.=) $1"
		" UNION ALL SELECT f.definition_id, f.status, f.error, f.parent_run_id, f.finished_at"
		" FROM dalp_workflow.run_done f WHERE f.run_id OPERATOR(pg_catalog.=) $1) AS r"
		" JOIN dalp_workflow.definition d ON d.definition_id OPERATOR(pg_catalog.=) r.definition_id"
		" JOIN dalp_workflow.workflow w ON w.workflow_id OPERATOR(pg_catalog.=) d.workflow_id",
		1, {INT8OID}
	};
	Datum		values[1] = {Int64GetDatum(run_id)};
	bool		isnull;

	if (store_read(&find, values, NULL, 1) == 0)
		return false;
	run->run_id = run_id;
	run->workflow_id = store_int32(0, 1);
	run->workflow = store_text(0, 2);
	run->owner = DatumGetObjectId(store_value(0, 3, &isnull));
	run->status = store_text(0, 4);
	run->error = store_text(0, 5);
	run->parent_run_id = store_int64(0, 6);
	run->finished_at = read_time(0, 7);
	run->dead_letter = store_int64(0, 8);
	return true;
}

#define RUN "run_id OPERATOR(pg_catalog.=) $1"

/*
 * What the parts below share; found once, because a Map may wait in 10,000
 * branches.  r: the run; limits: time limits of waits; kept: signals that
 * nobody has taken; first: the first ready row of the run; ahead: how many
 * other runs are parked before it, for the same reason.
 */
#define SHARED \
	"WITH r AS MATERIALIZED (SELECT v.started_at, v.deadline, v.concurrency_key, v.paused, w.workflow_id, w.name," \
	" w.paused AS workflow_paused FROM dalp_workflow.run v" \
	" JOIN dalp_workflow.definition d ON d.definition_id OPERATOR(pg_catalog.=) v.definition_id" \
	" JOIN dalp_workflow.workflow w ON w.workflow_id OPERATOR(pg_catalog.=) d.workflow_id WHERE v." RUN ")," \
	" limits AS MATERIALIZED (SELECT t.branch_id, t.entry, pg_catalog.min(t.fire_at) AS fire_at" \
	" FROM dalp_workflow.timer t WHERE t." RUN " AND t.kind OPERATOR(pg_catalog.=) 'timeout'" \
	" GROUP BY t.branch_id, t.entry)," \
	" kept AS MATERIALIZED (SELECT i.name, pg_catalog.count(*) AS messages FROM dalp_workflow.inbox i" \
	" WHERE i." RUN " AND i.kind OPERATOR(pg_catalog.=) 'signal' GROUP BY i.name ORDER BY i.name LIMIT 20)," \
	" first AS MATERIALIZED (SELECT y.shard, y.rank, y.pass FROM dalp_workflow.ready y WHERE y." RUN \
	" ORDER BY y.rank, y.pass LIMIT 1)," \
	" ahead AS MATERIALIZED (SELECT p.reason, (SELECT pg_catalog.count(DISTINCT c.run_id) FROM" \
	" (SELECT o.run_id FROM dalp_workflow.parked o WHERE o.reason OPERATOR(pg_catalog.=) p.reason" \
	" AND o.reference OPERATOR(pg_catalog.=) p.reference AND o.run_id OPERATOR(pg_catalog.<) $1 LIMIT $2) AS c) AS runs" \
	" FROM (SELECT DISTINCT q.reason, q.reference FROM dalp_workflow.parked q WHERE q." RUN ") AS p)"

/*
 * Each part gives branch_id, kind, name, reference, since, until, detail,
 * amount, current; $1 is the run.  Of other domains only the public views are
 * read.
 */

/* A wait lasts until its own time limit, or the run's. */
#define WAITS \
	"SELECT w.branch_id, w.kind, w.name, w.reference, w.since, LEAST(t.fire_at, r.deadline)," \
	" CASE w.kind WHEN 'transaction' THEN (SELECT x.state FROM dalp.transactions x" \
	" WHERE x.transaction_id OPERATOR(pg_catalog.=) w.reference)" \
	" WHEN 'run' THEN COALESCE((SELECT f.status FROM dalp_workflow.run_done f" \
	" WHERE f.run_id OPERATOR(pg_catalog.=) w.reference), 'RUNNING')" \
	" WHEN 'task' THEN (SELECT l.worker FROM dalp_workflow.lease l WHERE l." RUN \
	" AND l.branch_id OPERATOR(pg_catalog.=) w.branch_id)" \
	" WHEN 'signal' THEN (SELECT pg_catalog.string_agg(pg_catalog.quote_literal(k.name), ', ' ORDER BY k.name)" \
	" FROM kept k WHERE k.name OPERATOR(pg_catalog.<>) w.name) END," \
	" CASE w.kind WHEN 'signal' THEN (SELECT k.messages FROM kept k WHERE k.name OPERATOR(pg_catalog.=) w.name)" \
	" ELSE b.children_open END, true" \
	" FROM dalp_workflow.wait w CROSS JOIN r" \
	" JOIN dalp_workflow.branch b ON b." RUN " AND b.branch_id OPERATOR(pg_catalog.=) w.branch_id" \
	" LEFT JOIN limits t ON t.branch_id OPERATOR(pg_catalog.=) w.branch_id AND t.entry OPERATOR(pg_catalog.=) b.entry" \
	" WHERE w." RUN

/* A retry's row in the journal is the branch's last. */
#define TIMERS \
	"SELECT t.branch_id, t.kind, j.error, NULL, CASE t.kind WHEN 'start' THEN r.started_at ELSE COALESCE(j.at, b.entered_at) END," \
	" t.fire_at, j.error, b.attempt::bigint, true" \
	" FROM dalp_workflow.timer t CROSS JOIN r" \
	" JOIN dalp_workflow.branch b ON b." RUN " AND b.branch_id OPERATOR(pg_catalog.=) t.branch_id" \
	" AND b.entry OPERATOR(pg_catalog.=) t.entry" \
	" LEFT JOIN dalp_workflow.journal j ON t.kind OPERATOR(pg_catalog.=) 'retry' AND j." RUN \
	" AND j.branch_id OPERATOR(pg_catalog.=) b.branch_id AND j.seq OPERATOR(pg_catalog.=) b.last_seq" \
	" WHERE t." RUN " AND t.kind OPERATOR(pg_catalog.=) ANY (ARRAY['start', 'sleep', 'retry'])"

/* pass is a time, in microseconds since 2000, or later (pass.h); a step's row stays while its branch goes on. */
#define READY \
	"SELECT y.branch_id, 'ready', y.kind, NULL, GREATEST(CASE WHEN y.kind OPERATOR(pg_catalog.=) 'step' THEN b.entered_at END," \
	" LEAST(pg_catalog.clock_timestamp(), '2000-01-01 00:00:00+00'::timestamptz OPERATOR(pg_catalog.+)" \
	" ('1 microsecond'::interval OPERATOR(pg_catalog.*) y.pass::float8))), r.deadline, NULL," \
	" (SELECT pg_catalog.count(*) FROM (SELECT FROM first f JOIN dalp_workflow.ready o" \
	" ON o.shard OPERATOR(pg_catalog.=) f.shard" \
	" AND (o.rank, o.pass, o.run_id) OPERATOR(pg_catalog.<) (f.rank, f.pass, $1) LIMIT $2) AS c)," \
	" EXISTS (SELECT FROM dalp.workers k WHERE k.database OPERATOR(pg_catalog.=) pg_catalog.current_database()" \
	" AND k.kind OPERATOR(pg_catalog.=) 'executor' AND k.state OPERATOR(pg_catalog.=) 'running')" \
	" FROM dalp_workflow.ready y CROSS JOIN r" \
	" LEFT JOIN dalp_workflow.branch b ON b." RUN " AND b.branch_id OPERATOR(pg_catalog.=) y.branch_id" \
	" WHERE y." RUN

/* A pause is of all the run, whether or not a branch of it has got as far as to be parked. */
#define PAUSE(reason, flag, object, who) \
	"SELECT 0, '" reason "', r.name, NULL, a.at, NULL, " who ", 0::bigint, true FROM r" \
	" LEFT JOIN LATERAL (SELECT e.at, e.actor FROM dalp.audit_log e WHERE e.action OPERATOR(pg_catalog.=) 'pause'" \
	" AND e.object OPERATOR(pg_catalog.=) " object " ORDER BY e.entry_id DESC LIMIT 1) AS a ON true WHERE " flag

/* A run whose durable procedure doesn't fit what it did is paused by the executor, which says so in the journal. */
#define RUN_PAUSER \
	"COALESCE((SELECT 'an executor: ' OPERATOR(pg_catalog.||) p.cause FROM (SELECT j.cause FROM dalp_workflow.journal j" \
	" WHERE j." RUN " AND j.branch_id OPERATOR(pg_catalog.=) 0 AND j.event OPERATOR(pg_catalog.=) 'paused'" \
	" ORDER BY j.seq DESC LIMIT 1) AS p), a.actor::text)"

/* Those parked for a pause that holds are said with the pause. */
#define PARKED \
	"SELECT p.branch_id, p.reason, CASE p.reason WHEN 'concurrency_key' THEN r.concurrency_key" \
	" WHEN 'tenant_paused' THEN p.reference ELSE r.name END, h.run_id, p.since, r.deadline, NULL, n.runs, false" \
	" FROM dalp_workflow.parked p CROSS JOIN r" \
	" JOIN ahead n ON n.reason OPERATOR(pg_catalog.=) p.reason" \
	" LEFT JOIN dalp_workflow.concurrency_holder h ON h.workflow_id OPERATOR(pg_catalog.=) r.workflow_id" \
	" AND h.concurrency_key OPERATOR(pg_catalog.=) r.concurrency_key" \
	" AND p.reason OPERATOR(pg_catalog.=) 'concurrency_key' WHERE p." RUN \
	" AND NOT (p.reason OPERATOR(pg_catalog.=) 'run_paused' AND r.paused)" \
	" AND NOT (p.reason OPERATOR(pg_catalog.=) 'workflow_paused' AND r.workflow_paused)"

List *
why_store_reasons(int64 run_id)
{
	static Statement find = {
		SHARED
		" SELECT * FROM (" WAITS " UNION ALL " TIMERS " UNION ALL " READY
		" UNION ALL " PAUSE("run_paused", "r.paused", "('run ' OPERATOR(pg_catalog.||) $1::text)", RUN_PAUSER)
		" UNION ALL " PAUSE("workflow_paused", "r.workflow_paused", "('workflow ' OPERATOR(pg_catalog.||) r.name)", "a.actor::text")
		" UNION ALL " PARKED
		") AS u (branch_id, kind, name, reference, since, until, detail, amount, current)"
		" ORDER BY u.branch_id, u.kind, u.name",
		2, {INT8OID, INT4OID}
	};
	Datum		values[2] = {Int64GetDatum(run_id), Int32GetDatum(WHY_MAX_COUNTED + 1)};
	uint64		count = store_read(&find, values, NULL, 0);
	List	   *reasons = NIL;

	for (uint64 i = 0; i < count; i++)
	{
		WhyReason  *reason = palloc(sizeof(WhyReason));

		*reason = (WhyReason) {
			.branch_id = store_int32(i, 1),
			.kind = store_text(i, 2),
			.name = store_text(i, 3),
			.reference = store_int64(i, 4),
			.since = read_time(i, 5),
			.until = read_time(i, 6),
			.detail = store_text(i, 7),
			.amount = store_int64(i, 8),
			.current = store_bool(i, 9)
		};
		reasons = lappend(reasons, reason);
	}
	return reasons;
}
