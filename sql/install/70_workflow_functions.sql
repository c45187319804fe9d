/*
 * Workflows: functions.
 */

CREATE FUNCTION dalp.create_workflow(name text, definition jsonb, comment text DEFAULT NULL) RETURNS int
LANGUAGE c VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'dalp_create_workflow';
REVOKE ALL ON FUNCTION dalp.create_workflow(text, jsonb, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION dalp.create_workflow(text, jsonb, text) TO dalp_app, dalp_operator;
COMMENT ON FUNCTION dalp.create_workflow(text, jsonb, text) IS 'stores a state machine (Amazon States Language) and returns its version; the same body is the same version. Handlers run with the caller''s rights and search_path. DL001 lists all problems';

CREATE FUNCTION dalp.validate_workflow(definition jsonb) RETURNS TABLE (path text, severity text, message text)
LANGUAGE c STABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'dalp_validate_workflow';
REVOKE ALL ON FUNCTION dalp.validate_workflow(jsonb) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION dalp.validate_workflow(jsonb) TO dalp_app, dalp_operator, dalp_auditor;
COMMENT ON FUNCTION dalp.validate_workflow(jsonb) IS 'everything that is wrong with a definition, as rows; no row = valid';

CREATE FUNCTION dalp.grant_workflow(workflow text, role regrole) RETURNS void
LANGUAGE c VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'dalp_grant_workflow';
REVOKE ALL ON FUNCTION dalp.grant_workflow(text, regrole) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION dalp.grant_workflow(text, regrole) TO dalp_app, dalp_operator;
COMMENT ON FUNCTION dalp.grant_workflow(text, regrole) IS 'lets a role and its members start, signal and see a workflow; only its owner may';

CREATE FUNCTION dalp.revoke_workflow(workflow text, role regrole) RETURNS void
LANGUAGE c VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'dalp_revoke_workflow';
REVOKE ALL ON FUNCTION dalp.revoke_workflow(text, regrole) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION dalp.revoke_workflow(text, regrole) TO dalp_app, dalp_operator;
COMMENT ON FUNCTION dalp.revoke_workflow(text, regrole) IS 'takes back what dalp.grant_workflow gave';

CREATE FUNCTION dalp.start(workflow text, input jsonb DEFAULT '{}', idempotency_key text DEFAULT NULL,
	version int DEFAULT NULL, start_at timestamptz DEFAULT NULL, priority int DEFAULT 0,
	concurrency_key text DEFAULT NULL, tags jsonb DEFAULT NULL, timeout interval DEFAULT NULL,
	traceparent text DEFAULT NULL) RETURNS bigint
LANGUAGE c VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'dalp_start';
REVOKE ALL ON FUNCTION dalp.start(text, jsonb, text, int, timestamptz, int, text, jsonb, interval, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION dalp.start(text, jsonb, text, int, timestamptz, int, text, jsonb, interval, text) TO dalp_app, dalp_operator;
COMMENT ON FUNCTION dalp.start(text, jsonb, text, int, timestamptz, int, text, jsonb, interval, text) IS 'starts a run in the caller''s transaction and returns its id; a used idempotency key returns the first run''s id, DL004 for another request';

CREATE FUNCTION dalp.start_many(workflow text, inputs jsonb[], idempotency_keys text[] DEFAULT NULL,
	version int DEFAULT NULL, start_at timestamptz DEFAULT NULL, priority int DEFAULT 0,
	concurrency_key text DEFAULT NULL, tags jsonb DEFAULT NULL, timeout interval DEFAULT NULL,
	traceparent text DEFAULT NULL) RETURNS SETOF bigint
LANGUAGE c VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'dalp_start_many';
REVOKE ALL ON FUNCTION dalp.start_many(text, jsonb[], text[], int, timestamptz, int, text, jsonb, interval, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION dalp.start_many(text, jsonb[], text[], int, timestamptz, int, text, jsonb, interval, text) TO dalp_app, dalp_operator;
COMMENT ON FUNCTION dalp.start_many(text, jsonb[], text[], int, timestamptz, int, text, jsonb, interval, text) IS 'starts a run for each input, in one statement; ids in the order of the inputs';

CREATE TYPE dalp.run_status AS (
	run_id		bigint,
	workflow	text,
	status		text,
	state		text,
	output		jsonb,
	error		text,
	cause		text,
	started_at	timestamptz,
	finished_at	timestamptz
);
COMMENT ON TYPE dalp.run_status IS 'how a run stands';

CREATE FUNCTION dalp.wait(run_id bigint, timeout interval DEFAULT '30s') RETURNS dalp.run_status
LANGUAGE c VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'dalp_wait';
REVOKE ALL ON FUNCTION dalp.wait(bigint, interval) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION dalp.wait(bigint, interval) TO dalp_app, dalp_operator, dalp_auditor;
COMMENT ON FUNCTION dalp.wait(bigint, interval) IS 'returns when the run has ended, or at the timeout (null = never) with how it stands then';

CREATE FUNCTION dalp.signal(run_id bigint, name text, payload jsonb DEFAULT NULL, idempotency_key text DEFAULT NULL) RETURNS void
LANGUAGE c VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'dalp_signal';
REVOKE ALL ON FUNCTION dalp.signal(bigint, text, jsonb, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION dalp.signal(bigint, text, jsonb, text) TO dalp_app, dalp_operator;
COMMENT ON FUNCTION dalp.signal(bigint, text, jsonb, text) IS 'sends a signal to a run; kept until a state awaits it; a repeated idempotency key is ignored';

CREATE FUNCTION dalp.cancel(run_id bigint, reason text, compensate boolean DEFAULT true) RETURNS void
LANGUAGE c VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'dalp_cancel';
REVOKE ALL ON FUNCTION dalp.cancel(bigint, text, boolean) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION dalp.cancel(bigint, text, boolean) TO dalp_operator;
COMMENT ON FUNCTION dalp.cancel(bigint, text, boolean) IS 'ends a run as ABORTED, after the step that is under way; what it waits for is cancelled too. What it had completed is compensated first, unless compensate is false, which also ends a run that compensates';

CREATE FUNCTION dalp.fork(run_id bigint, from_state text, input jsonb DEFAULT NULL) RETURNS bigint
LANGUAGE c VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'dalp_fork';
REVOKE ALL ON FUNCTION dalp.fork(bigint, text, jsonb) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION dalp.fork(bigint, text, jsonb) TO dalp_app, dalp_operator;
COMMENT ON FUNCTION dalp.fork(bigint, text, jsonb) IS 'starts a new run of the same version at a state that the run has entered, with the variables and, unless another is given, the input of its latest entry; returns the new run''s id';

CREATE FUNCTION dalp.pause(run_id bigint) RETURNS void
LANGUAGE c VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'dalp_pause_run';
REVOKE ALL ON FUNCTION dalp.pause(bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION dalp.pause(bigint) TO dalp_operator;
COMMENT ON FUNCTION dalp.pause(bigint) IS 'runs no further step of the run until dalp.resume';

CREATE FUNCTION dalp.resume(run_id bigint) RETURNS void
LANGUAGE c VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'dalp_resume_run';
REVOKE ALL ON FUNCTION dalp.resume(bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION dalp.resume(bigint) TO dalp_operator;
COMMENT ON FUNCTION dalp.resume(bigint) IS 'lets a paused run go on';

CREATE FUNCTION dalp.pause(workflow text) RETURNS void
LANGUAGE c VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'dalp_pause_workflow';
REVOKE ALL ON FUNCTION dalp.pause(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION dalp.pause(text) TO dalp_operator;
COMMENT ON FUNCTION dalp.pause(text) IS 'runs no further step of any run of the workflow until dalp.resume';

CREATE FUNCTION dalp.resume(workflow text) RETURNS void
LANGUAGE c VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'dalp_resume_workflow';
REVOKE ALL ON FUNCTION dalp.resume(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION dalp.resume(text) TO dalp_operator;
COMMENT ON FUNCTION dalp.resume(text) IS 'lets the runs of a paused workflow go on';

CREATE FUNCTION dalp.raise_error(error text, cause text DEFAULT NULL) RETURNS void
LANGUAGE c VOLATILE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'dalp_raise_error';
COMMENT ON FUNCTION dalp.raise_error(text, text) IS 'called by a handler: fails its state with this error name and cause, for ErrorEquals to match';
GRANT EXECUTE ON FUNCTION dalp.raise_error(text, text) TO PUBLIC;
