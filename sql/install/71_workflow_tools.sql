/*
 * Workflows: tools for those who write definitions and look after runs.
 */

CREATE FUNCTION dalp.sequence(VARIADIC functions text[]) RETURNS jsonb
LANGUAGE c IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'dalp_sequence';
COMMENT ON FUNCTION dalp.sequence(text[]) IS 'definition of a plain sequence of SQL functions (schema.function), each a Task named like its function, each getting the result of the one before; for dalp.create_workflow';

CREATE FUNCTION dalp.test_state(definition jsonb, input jsonb DEFAULT '{}', mocks jsonb DEFAULT NULL,
	state text DEFAULT NULL, variables jsonb DEFAULT NULL) RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'dalp_test_state';
REVOKE ALL ON FUNCTION dalp.test_state(jsonb, jsonb, jsonb, text, jsonb) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION dalp.test_state(jsonb, jsonb, jsonb, text, jsonb) TO dalp_app, dalp_operator, dalp_auditor;
COMMENT ON FUNCTION dalp.test_state(jsonb, jsonb, jsonb, text, jsonb) IS 'runs a machine, or one state, in memory: no Task is called and nothing is stored. mocks: {"State": {"result": …} | {"error": "…", "cause": "…"} | [one an attempt, …]}, for a Task alone without its name; a Task without a mock returns its input. Returns status (SUCCEEDED, FAILED, CAUGHT_ERROR), output, next_state, error, cause, variables, path, calls, delays, waits. At most 100000 steps, 10 s and 256 MB: DL007';
