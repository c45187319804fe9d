/*
 * Limits: functions and view.
 */

CREATE FUNCTION dalp.set_limits(workflow text, max_running int DEFAULT NULL, rate_per_second numeric DEFAULT NULL) RETURNS void
LANGUAGE c VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'dalp_set_limits';
REVOKE ALL ON FUNCTION dalp.set_limits(text, int, numeric) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION dalp.set_limits(text, int, numeric) TO dalp_operator;
COMMENT ON FUNCTION dalp.set_limits(text, int, numeric) IS 'how many runs of a workflow go on at once, and how many begin a second; null = no limit. Others wait in the order of priority and start';

CREATE VIEW dalp.workflow_limits WITH (security_barrier) AS
SELECT
	w.name AS workflow,
	w.max_running,
	w.rate_per_second,
	(SELECT pg_catalog.count(*) FROM dalp_workflow.limit_run l JOIN dalp_workflow.run r ON r.run_id OPERATOR(pg_catalog.=) l.run_id
		WHERE l.workflow_id OPERATOR(pg_catalog.=) w.workflow_id) AS running,
	(SELECT pg_catalog.count(*) FROM dalp_workflow.parked p WHERE p.reason OPERATOR(pg_catalog.=) 'limit'
		AND p.reference OPERATOR(pg_catalog.=) w.name) AS waiting,
	(SELECT pg_catalog.min(p.since) FROM dalp_workflow.parked p WHERE p.reason OPERATOR(pg_catalog.=) 'limit'
		AND p.reference OPERATOR(pg_catalog.=) w.name) AS waiting_since
FROM dalp_workflow.limit_state s
JOIN dalp_workflow.workflow w ON w.workflow_id OPERATOR(pg_catalog.=) s.workflow_id
WHERE pg_catalog.pg_has_role(w.owner, 'USAGE')
	OR pg_catalog.pg_has_role('dalp_operator', 'USAGE')
	OR pg_catalog.pg_has_role('dalp_auditor', 'USAGE');
COMMENT ON VIEW dalp.workflow_limits IS 'workflows with a limit: how many runs were let in and go on, how many wait';
GRANT SELECT ON dalp.workflow_limits TO dalp_app, dalp_operator, dalp_auditor;
