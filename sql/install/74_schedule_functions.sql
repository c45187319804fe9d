/*
 * Schedules: functions and views.
 */

CREATE FUNCTION dalp.create_schedule(name text, workflow text, cron text, input jsonb DEFAULT '{}', time_zone text DEFAULT 'UTC',
	on_overlap text DEFAULT 'skip', catch_up text DEFAULT 'last', catch_up_window interval DEFAULT '365 days',
	priority int DEFAULT 0, tags jsonb DEFAULT NULL, timeout interval DEFAULT NULL) RETURNS timestamptz
LANGUAGE c VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'dalp_create_schedule';
REVOKE ALL ON FUNCTION dalp.create_schedule(text, text, text, jsonb, text, text, text, interval, int, jsonb, interval) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION dalp.create_schedule(text, text, text, jsonb, text, text, text, interval, int, jsonb, interval) TO dalp_app, dalp_operator;
COMMENT ON FUNCTION dalp.create_schedule(text, text, text, jsonb, text, text, text, interval, int, jsonb, interval) IS 'starts runs of a workflow at the times of a cron expression, as the caller; replaces an own schedule of that name. Returns when it is due first';

CREATE FUNCTION dalp.drop_schedule(name text) RETURNS void
LANGUAGE c VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'dalp_drop_schedule';
REVOKE ALL ON FUNCTION dalp.drop_schedule(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION dalp.drop_schedule(text) TO dalp_app, dalp_operator;
COMMENT ON FUNCTION dalp.drop_schedule(text) IS 'removes a schedule; runs that it has started go on';

CREATE FUNCTION dalp.pause_schedule(name text, note text DEFAULT NULL) RETURNS void
LANGUAGE c VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'dalp_pause_schedule';
REVOKE ALL ON FUNCTION dalp.pause_schedule(text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION dalp.pause_schedule(text, text) TO dalp_app, dalp_operator;
COMMENT ON FUNCTION dalp.pause_schedule(text, text) IS 'starts nothing until dalp.resume_schedule';

CREATE FUNCTION dalp.resume_schedule(name text) RETURNS timestamptz
LANGUAGE c VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'dalp_resume_schedule';
REVOKE ALL ON FUNCTION dalp.resume_schedule(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION dalp.resume_schedule(text) TO dalp_app, dalp_operator;
COMMENT ON FUNCTION dalp.resume_schedule(text) IS 'lets a paused schedule go on with the next slot from now; what passed meanwhile is left out. Returns when it is due';

CREATE FUNCTION dalp.trigger_schedule(name text) RETURNS bigint
LANGUAGE c VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'dalp_trigger_schedule';
REVOKE ALL ON FUNCTION dalp.trigger_schedule(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION dalp.trigger_schedule(text) TO dalp_app, dalp_operator;
COMMENT ON FUNCTION dalp.trigger_schedule(text) IS 'starts a run of the schedule now, in the caller''s transaction, also while it is paused or another run goes on';

CREATE FUNCTION dalp.next_slots(cron text, time_zone text DEFAULT 'UTC', n int DEFAULT 5, after timestamptz DEFAULT NULL) RETURNS SETOF timestamptz
LANGUAGE c STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'dalp_next_slots';
REVOKE ALL ON FUNCTION dalp.next_slots(text, text, int, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION dalp.next_slots(text, text, int, timestamptz) TO dalp_app, dalp_operator, dalp_auditor;
COMMENT ON FUNCTION dalp.next_slots(text, text, int, timestamptz) IS 'the next moments that a cron expression names, after now or another moment; changes nothing';

CREATE VIEW dalp.schedules WITH (security_barrier) AS
SELECT
	s.name,
	w.name AS workflow,
	s.cron,
	s.time_zone,
	s.input,
	s.on_overlap,
	s.catch_up,
	s.catch_up_window,
	s.priority,
	s.tags,
	s.timeout,
	s.owner,
	s.paused,
	s.note,
	CASE WHEN s.paused THEN NULL ELSE s.next_at END AS next_at,
	s.last_slot,
	s.last_at,
	s.last_run_id,
	(SELECT pg_catalog.count(*)::int FROM dalp_workflow.run r WHERE r.run_id OPERATOR(pg_catalog.=) ANY (s.live_runs)) AS running,
	s.started,
	s.skipped,
	s.missed,
	s.failed,
	s.last_error,
	s.created_at,
	s.changed_at
FROM dalp_workflow.schedule s
JOIN dalp_workflow.workflow w ON w.workflow_id OPERATOR(pg_catalog.=) s.workflow_id
WHERE pg_catalog.pg_has_role(s.owner, 'USAGE')
	OR pg_catalog.pg_has_role(w.owner, 'USAGE')
	OR pg_catalog.pg_has_role('dalp_operator', 'USAGE')
	OR pg_catalog.pg_has_role('dalp_auditor', 'USAGE');
COMMENT ON VIEW dalp.schedules IS 'schedules of the current user, those of its workflows; operators and auditors see all';
GRANT SELECT ON dalp.schedules TO dalp_app, dalp_operator, dalp_auditor;

CREATE VIEW dalp.schedule_slots WITH (security_barrier) AS
SELECT
	s.name AS schedule,
	l.slot,
	l.outcome,
	l.slots,
	l.run_id,
	l.reason,
	l.at
FROM dalp_workflow.schedule_slot l
JOIN dalp_workflow.schedule s ON s.schedule_id OPERATOR(pg_catalog.=) l.schedule_id
JOIN dalp_workflow.workflow w ON w.workflow_id OPERATOR(pg_catalog.=) s.workflow_id
WHERE pg_catalog.pg_has_role(s.owner, 'USAGE')
	OR pg_catalog.pg_has_role(w.owner, 'USAGE')
	OR pg_catalog.pg_has_role('dalp_operator', 'USAGE')
	OR pg_catalog.pg_has_role('dalp_auditor', 'USAGE');
COMMENT ON VIEW dalp.schedule_slots IS 'what came of the last 1,000 slots of each schedule: run or reason';
GRANT SELECT ON dalp.schedule_slots TO dalp_app, dalp_operator, dalp_auditor;
