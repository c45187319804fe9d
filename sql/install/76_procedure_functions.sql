/*
 * Durable procedures: the type that they are called with, what they call, and
 * their registration.
 */

CREATE TYPE dalp.run AS (
	run_id		bigint,
	workflow	text,
	version		int,
	input		jsonb,
	started_at	timestamptz,
	attempt		int
);
COMMENT ON TYPE dalp.run IS 'argument of a durable procedure: the run that it is called for';
COMMENT ON COLUMN dalp.run.run_id IS 'id that dalp.start returned';
COMMENT ON COLUMN dalp.run.workflow IS 'name of the workflow';
COMMENT ON COLUMN dalp.run.version IS 'version that the run runs';
COMMENT ON COLUMN dalp.run.input IS 'its input, as changed by a redrive';
COMMENT ON COLUMN dalp.run.started_at IS 'when it was started';
COMMENT ON COLUMN dalp.run.attempt IS '1, and one more for each redrive';

CREATE FUNCTION dalp.create_procedure_workflow(name text, procedure regprocedure, comment text DEFAULT NULL) RETURNS int
LANGUAGE c VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'dalp_create_procedure_workflow';
REVOKE ALL ON FUNCTION dalp.create_procedure_workflow(text, regprocedure, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION dalp.create_procedure_workflow(text, regprocedure, text) TO dalp_app, dalp_operator;
COMMENT ON FUNCTION dalp.create_procedure_workflow(text, regprocedure, text) IS 'makes a procedure (run dalp.run [, OUT output jsonb]) a workflow and returns its version; the same procedure is the same version. It runs with the caller''s rights and search_path';

CREATE FUNCTION dalp.step(name text, function text, input jsonb DEFAULT '{}') RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'dalp_step';
REVOKE ALL ON FUNCTION dalp.step(text, text, jsonb) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION dalp.step(text, text, jsonb) TO dalp_app, dalp_operator;
COMMENT ON FUNCTION dalp.step(text, text, jsonb) IS 'in a durable procedure: calls a function (jsonb) returns jsonb once and remembers its result with its writes, which the next COMMIT of the procedure makes last';

CREATE PROCEDURE dalp.step(name text, function text, input jsonb, INOUT result jsonb)
LANGUAGE c
AS 'MODULE_PATHNAME', 'dalp_step_and_commit';
REVOKE ALL ON PROCEDURE dalp.step(text, text, jsonb, jsonb) FROM PUBLIC;
GRANT EXECUTE ON PROCEDURE dalp.step(text, text, jsonb, jsonb) TO dalp_app, dalp_operator;
COMMENT ON PROCEDURE dalp.step(text, text, jsonb, jsonb) IS 'in a durable procedure: the same, and commits';

CREATE FUNCTION dalp.await_signal(name text, timeout interval DEFAULT NULL) RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'dalp_await_signal';
REVOKE ALL ON FUNCTION dalp.await_signal(text, interval) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION dalp.await_signal(text, interval) TO dalp_app, dalp_operator;
COMMENT ON FUNCTION dalp.await_signal(text, interval) IS 'in a durable procedure: waits for a signal of the run and returns its payload; States.Timeout after the timeout. No worker is held meanwhile';

CREATE FUNCTION dalp.sleep(duration interval) RETURNS void
LANGUAGE c VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'dalp_sleep';
REVOKE ALL ON FUNCTION dalp.sleep(interval) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION dalp.sleep(interval) TO dalp_app, dalp_operator;
COMMENT ON FUNCTION dalp.sleep(interval) IS 'in a durable procedure: goes on after that time. No worker is held meanwhile';

CREATE FUNCTION dalp.await_transaction(transaction_id bigint, timeout interval DEFAULT NULL) RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'dalp_await_transaction';
REVOKE ALL ON FUNCTION dalp.await_transaction(bigint, interval) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION dalp.await_transaction(bigint, interval) TO dalp_app, dalp_operator;
COMMENT ON FUNCTION dalp.await_transaction(bigint, interval) IS 'in a durable procedure: waits until a transaction is final and returns its decoded receipt; Chain.Reverted and the like where it failed';

CREATE FUNCTION dalp.now() RETURNS timestamptz
LANGUAGE c VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'dalp_procedure_now';
REVOKE ALL ON FUNCTION dalp.now() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION dalp.now() TO dalp_app, dalp_operator;
COMMENT ON FUNCTION dalp.now() IS 'in a durable procedure: when its last step or wait was over, the same at every call';

CREATE FUNCTION dalp.random() RETURNS double precision
LANGUAGE c VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'dalp_procedure_random';
REVOKE ALL ON FUNCTION dalp.random() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION dalp.random() TO dalp_app, dalp_operator;
COMMENT ON FUNCTION dalp.random() IS 'in a durable procedure: the next of a series of numbers from 0 to 1 that the run has for itself, the same at every call; no secret';

CREATE FUNCTION dalp.replay_check(workflow text, version int DEFAULT NULL)
RETURNS TABLE (run_id bigint, status text, step int, remembered text, asked text)
LANGUAGE c VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'dalp_replay_check';
REVOKE ALL ON FUNCTION dalp.replay_check(text, int) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION dalp.replay_check(text, int) TO dalp_app, dalp_operator, dalp_auditor;
COMMENT ON FUNCTION dalp.replay_check(text, int) IS 'calls a version of a procedure (null = the latest) with what each live run has done, up to the first thing that would be new: fits, differs, fails, unknown. Nothing is changed';

CREATE FUNCTION dalp.move_runs(workflow text, from_version int, to_version int)
RETURNS TABLE (run_id bigint, status text, step int, remembered text, asked text)
LANGUAGE c VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'dalp_move_runs';
REVOKE ALL ON FUNCTION dalp.move_runs(text, int, int) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION dalp.move_runs(text, int, int) TO dalp_operator;
COMMENT ON FUNCTION dalp.move_runs(text, int, int) IS 'moves live runs of a durable procedure to another version, where that fits what they did: moved; the others stay: differs, fails, unknown, went on';
