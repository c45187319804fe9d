/*
 * Workflows: views.
 *
 * A view runs with its owner's rights on the tables and shows current_user
 * what that role may see: its own workflows, granted ones, and everything to
 * operators and auditors.
 */

CREATE VIEW dalp.workflows WITH (security_barrier) AS
SELECT
	w.name,
	d.version,
	d.kind,
	d.body AS definition,
	w.owner,
	d.run_as,
	w.paused,
	d.comment,
	d.created_at,
	ARRAY(SELECT g.grantee FROM dalp_workflow.workflow_grant g
		WHERE g.workflow_id OPERATOR(pg_catalog.=) w.workflow_id ORDER BY g.granted_at) AS granted_to,
	w.workflow_id,
	d.definition_id
FROM dalp_workflow.workflow w
JOIN dalp_workflow.definition d ON d.workflow_id OPERATOR(pg_catalog.=) w.workflow_id
WHERE pg_catalog.pg_has_role(w.owner, 'USAGE')
	OR pg_catalog.pg_has_role('dalp_operator', 'USAGE')
	OR pg_catalog.pg_has_role('dalp_auditor', 'USAGE')
	OR EXISTS (SELECT FROM dalp_workflow.workflow_grant g
		WHERE g.workflow_id OPERATOR(pg_catalog.=) w.workflow_id AND pg_catalog.pg_has_role(g.grantee, 'USAGE'));
COMMENT ON VIEW dalp.workflows IS 'versions of workflows that the current user may see';

CREATE VIEW dalp.runs WITH (security_barrier) AS
SELECT
	r.run_id,
	w.name AS workflow,
	w.version,
	CASE WHEN r.paused OR EXISTS (SELECT FROM dalp_workflow.parked p WHERE p.run_id OPERATOR(pg_catalog.=) r.run_id
			AND p.reason OPERATOR(pg_catalog.=) ANY (ARRAY['run_paused', 'workflow_paused', 'tenant_paused']))
		THEN 'PAUSED' ELSE 'RUNNING' END AS status,
	b.state,
	d.input,
	NULL::jsonb AS output,
	NULL::text AS error,
	NULL::text AS cause,
	d.tags,
	r.priority::int AS priority,
	r.concurrency_key,
	d.idempotency_key,
	r.parent_run_id,
	r.redrives,
	d.started_by,
	d.traceparent,
	r.started_at,
	r.deadline,
	NULL::timestamptz AS finished_at
FROM dalp_workflow.run r
JOIN dalp_workflow.run_data d ON d.run_id OPERATOR(pg_catalog.=) r.run_id
JOIN dalp_workflow.branch b ON b.run_id OPERATOR(pg_catalog.=) r.run_id AND b.branch_id OPERATOR(pg_catalog.=) 0
JOIN dalp.workflows w ON w.definition_id OPERATOR(pg_catalog.=) r.definition_id
UNION ALL
SELECT
	r.run_id,
	w.name,
	w.version,
	r.status,
	r.state,
	d.input,
	r.output,
	r.error,
	r.cause,
	d.tags,
	r.priority::int,
	r.concurrency_key,
	d.idempotency_key,
	r.parent_run_id,
	r.redrives,
	d.started_by,
	d.traceparent,
	r.started_at,
	NULL::timestamptz,
	r.finished_at
FROM dalp_workflow.run_done r
JOIN dalp_workflow.run_data d ON d.run_id OPERATOR(pg_catalog.=) r.run_id
JOIN dalp.workflows w ON w.definition_id OPERATOR(pg_catalog.=) r.definition_id;
COMMENT ON VIEW dalp.runs IS 'runs that the current user may see, live and finished: RUNNING, PAUSED, SUCCEEDED, FAILED, TIMED_OUT, ABORTED';

/*
 * A journal row with entered_at stands for two events: the entering of the
 * state, and what it says itself.
 */
CREATE VIEW dalp.run_history WITH (security_barrier) AS
SELECT
	h.run_id,
	h.branch,
	h.seq,
	h.event,
	h.state,
	h.attempt,
	h.input,
	h.output,
	h.error,
	h.cause,
	h.at,
	h.worker,
	h.details
FROM (
	SELECT d.run_id, 0 AS branch, 0 AS seq, 0 AS part, 'started' AS event, NULL::text AS state, 0 AS attempt,
		d.input, NULL::jsonb AS output, NULL::text AS error, NULL::text AS cause,
		COALESCE(r.started_at, f.started_at) AS at, NULL::text AS worker, NULL::jsonb AS details,
		COALESCE(r.definition_id, f.definition_id) AS definition_id
	FROM dalp_workflow.run_data d
	LEFT JOIN dalp_workflow.run r ON r.run_id OPERATOR(pg_catalog.=) d.run_id
	LEFT JOIN dalp_workflow.run_done f ON f.run_id OPERATOR(pg_catalog.=) d.run_id
	UNION ALL
	SELECT j.run_id, j.branch_id, j.seq, e.part, e.event, j.state, e.attempt,
		CASE WHEN j.branch_id OPERATOR(pg_catalog.=) 0 AND j.input_seq OPERATOR(pg_catalog.=) 0 THEN d.input
			ELSE i.output END,
		CASE WHEN e.part OPERATOR(pg_catalog.=) 1 THEN j.output END,
		CASE WHEN e.part OPERATOR(pg_catalog.=) 1 THEN j.error END,
		CASE WHEN e.part OPERATOR(pg_catalog.=) 1 THEN j.cause END,
		e.at,
		CASE WHEN e.part OPERATOR(pg_catalog.=) 1 THEN j.worker END,
		CASE WHEN e.part OPERATOR(pg_catalog.=) 1 THEN j.details END,
		COALESCE(r.definition_id, f.definition_id)
	FROM dalp_workflow.journal j
	JOIN dalp_workflow.run_data d ON d.run_id OPERATOR(pg_catalog.=) j.run_id
	LEFT JOIN dalp_workflow.run r ON r.run_id OPERATOR(pg_catalog.=) j.run_id
	LEFT JOIN dalp_workflow.run_done f ON f.run_id OPERATOR(pg_catalog.=) j.run_id
	LEFT JOIN dalp_workflow.journal i ON i.run_id OPERATOR(pg_catalog.=) j.run_id
		AND i.branch_id OPERATOR(pg_catalog.=) j.branch_id AND i.seq OPERATOR(pg_catalog.=) j.input_seq
	CROSS JOIN LATERAL (
		SELECT 0 AS part, 'entered' AS event, 0 AS attempt, j.entered_at AS at WHERE j.entered_at IS NOT NULL
		UNION ALL
		SELECT 1, j.event, j.attempt, j.at
		WHERE NOT (j.event OPERATOR(pg_catalog.=) 'entered' AND j.entered_at IS NOT NULL)) AS e
) AS h
JOIN dalp.workflows w ON w.definition_id OPERATOR(pg_catalog.=) h.definition_id
ORDER BY h.run_id, h.branch, h.seq, h.part;
COMMENT ON VIEW dalp.run_history IS 'one row an event of a run: started, entered, succeeded, failed, retry_scheduled, caught, signalled, cancelled …';

GRANT SELECT ON dalp.workflows, dalp.runs, dalp.run_history TO dalp_app, dalp_operator, dalp_auditor;
