/*
 * Tasks for workers outside the database, and task tokens.
 *
 * A token is a right by itself, so the functions that take one ask for no
 * other.  Claiming is for dalp_worker, from every queue; dalp_app members get
 * tasks of workflows that they own or were granted.
 */

CREATE FUNCTION dalp.claim_tasks(queue text, worker text, max_tasks int DEFAULT 1, lease interval DEFAULT '60s',
	wait interval DEFAULT '0s')
RETURNS TABLE (task_token text, run_id bigint, workflow text, state text, attempt int, input jsonb,
	lease_until timestamptz, traceparent text, idempotency_key text)
LANGUAGE c VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'dalp_claim_tasks';
REVOKE ALL ON FUNCTION dalp.claim_tasks(text, text, int, interval, interval) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION dalp.claim_tasks(text, text, int, interval, interval) TO dalp_worker, dalp_app;
COMMENT ON FUNCTION dalp.claim_tasks(text, text, int, interval, interval) IS 'gives out tasks of a queue (Resource "activity:queue"), by priority and age, each to one worker for the time of the lease; waits for tasks where there are none. idempotency_key is the same in all attempts of a task';

CREATE FUNCTION dalp.heartbeat_task(task_token text, details jsonb DEFAULT NULL) RETURNS timestamptz
LANGUAGE c VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'dalp_heartbeat_task';
REVOKE ALL ON FUNCTION dalp.heartbeat_task(text, jsonb) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION dalp.heartbeat_task(text, jsonb) TO dalp_worker, dalp_app;
COMMENT ON FUNCTION dalp.heartbeat_task(text, jsonb) IS 'renews the lease from now on, in shared memory only, and returns its end (infinity for a token that has none); DL005 where it is lost or the run was cancelled';

CREATE FUNCTION dalp.complete_task(task_token text, output jsonb) RETURNS void
LANGUAGE c VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'dalp_complete_task';
REVOKE ALL ON FUNCTION dalp.complete_task(text, jsonb) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION dalp.complete_task(text, jsonb) TO dalp_worker, dalp_app;
COMMENT ON FUNCTION dalp.complete_task(text, jsonb) IS 'the task, or the state that waits for the token, succeeds with the output, if and only if the caller''s transaction commits; DL005 for a stale token';

CREATE FUNCTION dalp.fail_task(task_token text, error text, cause text DEFAULT NULL) RETURNS void
LANGUAGE c VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'dalp_fail_task';
REVOKE ALL ON FUNCTION dalp.fail_task(text, text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION dalp.fail_task(text, text, text) TO dalp_worker, dalp_app;
COMMENT ON FUNCTION dalp.fail_task(text, text, text) IS 'the attempt fails with this error name, which Retry and Catch of the state see; null is a failure without a name; DL005 for a stale token';

CREATE FUNCTION dalp.release_tasks(task_tokens text[]) RETURNS int
LANGUAGE c VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'dalp_release_tasks';
REVOKE ALL ON FUNCTION dalp.release_tasks(text[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION dalp.release_tasks(text[]) TO dalp_worker, dalp_app;
COMMENT ON FUNCTION dalp.release_tasks(text[]) IS 'gives tasks back to their places in the queue, at no attempt''s cost, and returns how many there were; stale tokens are passed over';

CREATE FUNCTION dalp.complete_and_claim(task_tokens text[], outputs jsonb[], queue text, worker text, max_tasks int DEFAULT 1,
	lease interval DEFAULT '60s', wait interval DEFAULT '0s')
RETURNS TABLE (task_token text, run_id bigint, workflow text, state text, attempt int, input jsonb,
	lease_until timestamptz, traceparent text, idempotency_key text)
LANGUAGE c VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'dalp_complete_and_claim';
REVOKE ALL ON FUNCTION dalp.complete_and_claim(text[], jsonb[], text, text, int, interval, interval) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION dalp.complete_and_claim(text[], jsonb[], text, text, int, interval, interval) TO dalp_worker, dalp_app;
COMMENT ON FUNCTION dalp.complete_and_claim(text[], jsonb[], text, text, int, interval, interval) IS 'completes tasks, all or none (DL005), and claims the next ones in the same transaction; waits for tasks only where it completes none';

CREATE FUNCTION dalp.assert_lease(task_token text) RETURNS void
LANGUAGE c VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'dalp_assert_lease';
REVOKE ALL ON FUNCTION dalp.assert_lease(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION dalp.assert_lease(text) TO dalp_worker, dalp_app;
COMMENT ON FUNCTION dalp.assert_lease(text) IS 'holds the lease until the end of the caller''s transaction, so that its own writes and the completion commit together or not at all; DL005 for a stale token';

/* Parts of the view dalp.tasks: nobody else can name them. */
CREATE FUNCTION dalp_workflow.heartbeats(OUT run_id bigint, OUT branch_id int, OUT heard_at timestamptz, OUT details jsonb)
RETURNS SETOF record
LANGUAGE c VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'dalp_heartbeats';
REVOKE ALL ON FUNCTION dalp_workflow.heartbeats() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION dalp_workflow.heartbeats() TO dalp_worker, dalp_app, dalp_operator, dalp_auditor;
COMMENT ON FUNCTION dalp_workflow.heartbeats() IS 'heartbeats of leases of this database, from shared memory';

CREATE FUNCTION dalp_workflow.leases_count_from() RETURNS timestamptz
LANGUAGE c VOLATILE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'dalp_leases_count_from';
REVOKE ALL ON FUNCTION dalp_workflow.leases_count_from() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION dalp_workflow.leases_count_from() TO dalp_worker, dalp_app, dalp_operator, dalp_auditor;
COMMENT ON FUNCTION dalp_workflow.leases_count_from() IS 'start or promotion of the server: no lease ends before it has lasted from then';

CREATE VIEW dalp.tasks WITH (security_barrier) AS
SELECT
	t.run_id,
	t.branch_id AS branch,
	w.name AS workflow,
	j.state,
	t.queue,
	t.status,
	j.attempt,
	t.losses,
	t.worker,
	t.claimed_at,
	GREATEST(t.claimed_at, h.heard_at, dalp_workflow.leases_count_from()) OPERATOR(pg_catalog.+)
		('1 millisecond'::interval OPERATOR(pg_catalog.*)
		LEAST(t.length, t.heartbeat::bigint OPERATOR(pg_catalog.*) 1000)::float8) AS lease_until,
	h.heard_at AS heartbeat_at,
	h.details AS heartbeat,
	j.at AS created_at
FROM (
	SELECT k.run_id, k.branch_id, k.seq, k.workflow_id, k.queue, 'open' AS status, k.losses, NULL::text AS worker,
		NULL::timestamptz AS claimed_at, NULL::bigint AS length, NULL::int AS heartbeat
	FROM dalp_workflow.task k
	UNION ALL
	SELECT l.run_id, l.branch_id, l.seq, l.workflow_id, l.queue,
		CASE WHEN l.queue IS NULL THEN 'token' ELSE 'leased' END, l.losses, l.worker, l.claimed_at, l.length::bigint, l.heartbeat
	FROM dalp_workflow.lease l
) AS t
JOIN dalp_workflow.workflow w ON w.workflow_id OPERATOR(pg_catalog.=) t.workflow_id
JOIN dalp_workflow.journal j ON j.run_id OPERATOR(pg_catalog.=) t.run_id AND j.branch_id OPERATOR(pg_catalog.=) t.branch_id
	AND j.seq OPERATOR(pg_catalog.=) t.seq
LEFT JOIN dalp_workflow.heartbeats() h ON h.run_id OPERATOR(pg_catalog.=) t.run_id
	AND h.branch_id OPERATOR(pg_catalog.=) t.branch_id AND h.heard_at OPERATOR(pg_catalog.>=) t.claimed_at
WHERE pg_catalog.pg_has_role('dalp_worker', 'USAGE') OR pg_catalog.pg_has_role('dalp_operator', 'USAGE')
	OR pg_catalog.pg_has_role('dalp_auditor', 'USAGE') OR pg_catalog.pg_has_role(w.owner, 'USAGE')
	OR EXISTS (SELECT FROM dalp_workflow.workflow_grant g
		WHERE g.workflow_id OPERATOR(pg_catalog.=) w.workflow_id AND pg_catalog.pg_has_role(g.grantee, 'USAGE'));
COMMENT ON VIEW dalp.tasks IS 'tasks for workers outside the database, and states that wait for their token: open, leased (a worker has it), token';

GRANT SELECT ON dalp.tasks TO dalp_worker, dalp_app, dalp_operator, dalp_auditor;
