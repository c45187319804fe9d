/*
 * Workflows: what is always true of the tables, whatever has crashed.
 *
 * One statement, so one snapshot: a run never stands between two tables in it.
 * Every transaction leaves all of this true, so a row is a bug or the trace of
 * somebody's hand; dalp.doctor() and the torture tests call it.
 */
CREATE FUNCTION dalp.check_invariants() RETURNS TABLE (invariant text, run_id bigint, branch int, detail text)
LANGUAGE sql STABLE PARALLEL SAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
WITH step AS MATERIALIZED (
	/* What makes a branch go on: a row to step it, or what it waits for. Rows of older entries do nothing. */
	SELECT y.run_id, y.branch_id, y.entry, 'ready' AS place FROM dalp_workflow.ready y
	WHERE y.kind OPERATOR(pg_catalog.=) ANY (ARRAY['step', 'resume'])
	UNION ALL
	SELECT p.run_id, p.branch_id, p.entry, 'parked' FROM dalp_workflow.parked p
	WHERE p.kind OPERATOR(pg_catalog.=) ANY (ARRAY['step', 'resume'])
	UNION ALL
	SELECT t.run_id, t.branch_id, t.entry, 'timer' FROM dalp_workflow.timer t
	WHERE t.kind OPERATOR(pg_catalog.=) ANY (ARRAY['start', 'sleep', 'retry'])
	UNION ALL
	SELECT w.run_id, w.branch_id, 0, 'wait' FROM dalp_workflow.wait w
), token AS MATERIALIZED (
	SELECT s.run_id, s.branch_id, pg_catalog.count(*) AS tokens,
		pg_catalog.string_agg(s.place, ', ' ORDER BY s.place) AS places
	FROM step s JOIN dalp_workflow.branch b ON b.run_id OPERATOR(pg_catalog.=) s.run_id
		AND b.branch_id OPERATOR(pg_catalog.=) s.branch_id
	WHERE s.entry OPERATOR(pg_catalog.=) 0 OR s.entry OPERATOR(pg_catalog.=) b.entry
	GROUP BY s.run_id, s.branch_id
), child AS MATERIALIZED (
	SELECT b.run_id, b.parent_branch, pg_catalog.count(*) AS started,
		pg_catalog.count(*) FILTER (WHERE b.outcome IS NULL) AS open
	FROM dalp_workflow.branch b WHERE b.parent_branch IS NOT NULL GROUP BY b.run_id, b.parent_branch
)
SELECT 'a run has a branch 0 and data', r.run_id, NULL::int,
	CASE WHEN b.run_id IS NULL THEN 'branch 0 is missing' ELSE 'run_data is missing' END
FROM dalp_workflow.run r
LEFT JOIN dalp_workflow.branch b ON b.run_id OPERATOR(pg_catalog.=) r.run_id AND b.branch_id OPERATOR(pg_catalog.=) 0
LEFT JOIN dalp_workflow.run_data d ON d.run_id OPERATOR(pg_catalog.=) r.run_id
WHERE b.run_id IS NULL OR d.run_id IS NULL
UNION ALL
SELECT 'a run is live or finished', r.run_id, NULL, 'it is both'
FROM dalp_workflow.run r JOIN dalp_workflow.run_done f ON f.run_id OPERATOR(pg_catalog.=) r.run_id
UNION ALL
SELECT 'a finished run has data', f.run_id, NULL, 'run_data is missing'
FROM dalp_workflow.run_done f
WHERE NOT EXISTS (SELECT FROM dalp_workflow.run_data d WHERE d.run_id OPERATOR(pg_catalog.=) f.run_id)
UNION ALL
SELECT 'data belong to a run', d.run_id, NULL, 'there is neither run nor run_done'
FROM dalp_workflow.run_data d
WHERE NOT EXISTS (SELECT FROM dalp_workflow.run r WHERE r.run_id OPERATOR(pg_catalog.=) d.run_id)
	AND NOT EXISTS (SELECT FROM dalp_workflow.run_done f WHERE f.run_id OPERATOR(pg_catalog.=) d.run_id)
UNION ALL
SELECT 'an open branch owns one activity token', b.run_id, b.branch_id,
	CASE WHEN t.tokens IS NULL THEN 'it has none' ELSE 'it has several: ' OPERATOR(pg_catalog.||) t.places END
FROM dalp_workflow.branch b
LEFT JOIN token t ON t.run_id OPERATOR(pg_catalog.=) b.run_id AND t.branch_id OPERATOR(pg_catalog.=) b.branch_id
WHERE b.outcome IS NULL AND COALESCE(t.tokens, 0) OPERATOR(pg_catalog.<>) 1
UNION ALL
SELECT 'an ended branch owns none', b.run_id, b.branch_id, t.places
FROM dalp_workflow.branch b
JOIN token t ON t.run_id OPERATOR(pg_catalog.=) b.run_id AND t.branch_id OPERATOR(pg_catalog.=) b.branch_id
WHERE b.outcome IS NOT NULL
UNION ALL
SELECT 'counters of branches are right', b.run_id, b.branch_id,
	pg_catalog.format('%s started and %s open, but there are %s and %s', b.children_started, b.children_open,
		COALESCE(c.started, 0), COALESCE(c.open, 0))
FROM dalp_workflow.branch b
JOIN dalp_workflow.run r ON r.run_id OPERATOR(pg_catalog.=) b.run_id AND NOT r.compensating
LEFT JOIN child c ON c.run_id OPERATOR(pg_catalog.=) b.run_id AND c.parent_branch OPERATOR(pg_catalog.=) b.branch_id
WHERE b.children_started OPERATOR(pg_catalog.<>) COALESCE(c.started, 0)
	OR b.children_open OPERATOR(pg_catalog.<>) COALESCE(c.open, 0)
UNION ALL
SELECT 'a branch with open branches waits for them', b.run_id, b.branch_id, 'it does not'
FROM dalp_workflow.branch b
WHERE b.children_open OPERATOR(pg_catalog.>) 0 AND NOT EXISTS (SELECT FROM dalp_workflow.wait w
	WHERE w.run_id OPERATOR(pg_catalog.=) b.run_id AND w.branch_id OPERATOR(pg_catalog.=) b.branch_id
		AND w.kind OPERATOR(pg_catalog.=) 'branches')
UNION ALL
SELECT 'rows belong to a live run', o.run_id, o.branch_id, 'it is gone, but a row is in ' OPERATOR(pg_catalog.||) o.place
FROM (
	SELECT b.run_id, b.branch_id, 'branch' AS place FROM dalp_workflow.branch b
	UNION ALL SELECT y.run_id, y.branch_id, 'ready' FROM dalp_workflow.ready y WHERE y.kind OPERATOR(pg_catalog.<>) 'deliver'
	UNION ALL SELECT w.run_id, w.branch_id, 'wait' FROM dalp_workflow.wait w
	UNION ALL SELECT t.run_id, t.branch_id, 'timer' FROM dalp_workflow.timer t
	UNION ALL SELECT p.run_id, p.branch_id, 'parked' FROM dalp_workflow.parked p
	UNION ALL SELECT h.run_id, NULL, 'concurrency_holder' FROM dalp_workflow.concurrency_holder h
) AS o
WHERE NOT EXISTS (SELECT FROM dalp_workflow.run r WHERE r.run_id OPERATOR(pg_catalog.=) o.run_id)
UNION ALL
SELECT 'rows belong to a branch', o.run_id, o.branch_id, 'it is gone, but a row is in ' OPERATOR(pg_catalog.||) o.place
FROM (
	SELECT y.run_id, y.branch_id, 'ready' AS place FROM dalp_workflow.ready y WHERE y.kind OPERATOR(pg_catalog.=) 'step'
	UNION ALL SELECT w.run_id, w.branch_id, 'wait' FROM dalp_workflow.wait w
) AS o
JOIN dalp_workflow.run r ON r.run_id OPERATOR(pg_catalog.=) o.run_id
WHERE NOT EXISTS (SELECT FROM dalp_workflow.branch b WHERE b.run_id OPERATOR(pg_catalog.=) o.run_id
	AND b.branch_id OPERATOR(pg_catalog.=) o.branch_id)
UNION ALL
SELECT 'a failed run has its dead letter', f.run_id, NULL, 'it has none'
FROM dalp_workflow.run_done f
WHERE f.status OPERATOR(pg_catalog.=) ANY (ARRAY['FAILED', 'TIMED_OUT']) AND f.parent_run_id IS NULL
	AND NOT EXISTS (SELECT FROM dalp_ops.dead_letter l WHERE l.kind OPERATOR(pg_catalog.=) 'run'
		AND l.reference OPERATOR(pg_catalog.=) f.run_id)
UNION ALL
SELECT 'the dead letter of a run has its run', l.reference, NULL, 'it is gone'
FROM dalp_ops.dead_letter l
WHERE l.kind OPERATOR(pg_catalog.=) 'run' AND l.resolution IS NULL
	AND NOT EXISTS (SELECT FROM dalp_workflow.run_done f WHERE f.run_id OPERATOR(pg_catalog.=) l.reference)
$$;
REVOKE ALL ON FUNCTION dalp.check_invariants() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION dalp.check_invariants() TO dalp_operator, dalp_auditor;
COMMENT ON FUNCTION dalp.check_invariants() IS 'what is wrong with the tables of workflows; no rows is right';
