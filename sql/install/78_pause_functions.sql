/*
 * Pauses of tenants and queues: functions and view.
 */

CREATE FUNCTION dalp.pause_tenant(tenant text) RETURNS void
LANGUAGE c VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'dalp_pause_tenant';
REVOKE ALL ON FUNCTION dalp.pause_tenant(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION dalp.pause_tenant(text) TO dalp_operator;
COMMENT ON FUNCTION dalp.pause_tenant(text) IS 'no run whose tag "tenant" is this string makes a further step, until dalp.resume_tenant';

CREATE FUNCTION dalp.resume_tenant(tenant text) RETURNS void
LANGUAGE c VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'dalp_resume_tenant';
REVOKE ALL ON FUNCTION dalp.resume_tenant(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION dalp.resume_tenant(text) TO dalp_operator;
COMMENT ON FUNCTION dalp.resume_tenant(text) IS 'lets the runs of a paused tenant go on';

CREATE FUNCTION dalp.pause_queue(queue text) RETURNS void
LANGUAGE c VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'dalp_pause_queue';
REVOKE ALL ON FUNCTION dalp.pause_queue(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION dalp.pause_queue(text) TO dalp_operator;
COMMENT ON FUNCTION dalp.pause_queue(text) IS 'gives no tasks of the queue to workers until dalp.resume_queue; what they have they may complete';

CREATE FUNCTION dalp.resume_queue(queue text) RETURNS void
LANGUAGE c VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'dalp_resume_queue';
REVOKE ALL ON FUNCTION dalp.resume_queue(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION dalp.resume_queue(text) TO dalp_operator;
COMMENT ON FUNCTION dalp.resume_queue(text) IS 'gives out the tasks of a paused queue again';

CREATE VIEW dalp.pauses AS
SELECT 'workflow' AS kind, w.name,
	(SELECT pg_catalog.max(e.at) FROM dalp_audit.entry e WHERE e.action OPERATOR(pg_catalog.=) 'pause'
		AND e.object OPERATOR(pg_catalog.=) ('workflow ' OPERATOR(pg_catalog.||) w.name)) AS since,
	(SELECT pg_catalog.count(DISTINCT p.run_id) FROM dalp_workflow.parked p WHERE p.reason OPERATOR(pg_catalog.=) 'workflow_paused'
		AND p.reference OPERATOR(pg_catalog.=) w.name) AS waiting
FROM dalp_workflow.workflow w WHERE w.paused
UNION ALL
SELECT u.kind, u.name, u.since, CASE u.kind
	WHEN 'tenant' THEN (SELECT pg_catalog.count(DISTINCT p.run_id) FROM dalp_workflow.parked p
		WHERE p.reason OPERATOR(pg_catalog.=) 'tenant_paused' AND p.reference OPERATOR(pg_catalog.=) u.name)
	ELSE (SELECT pg_catalog.count(*) FROM dalp_workflow.task t WHERE t.queue OPERATOR(pg_catalog.=) u.name) END
FROM dalp_workflow.pause u;
COMMENT ON VIEW dalp.pauses IS 'what operators have paused (workflows, tenants, queues): since when, and how many runs or tasks wait for its end';
GRANT SELECT ON dalp.pauses TO dalp_operator, dalp_auditor;
