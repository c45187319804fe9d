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

CREATE FUNCTION dalp.render_workflow(name text, run_id bigint DEFAULT NULL, format text DEFAULT 'mermaid') RETURNS text
LANGUAGE c STABLE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'dalp_render_workflow';
REVOKE ALL ON FUNCTION dalp.render_workflow(text, bigint, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION dalp.render_workflow(text, bigint, text) TO dalp_app, dalp_operator, dalp_auditor;
COMMENT ON FUNCTION dalp.render_workflow(text, bigint, text) IS 'the latest version as text that draws it, mermaid or dot (Graphviz); with a run, the version that it runs with the states and ways it took marked';

CREATE FUNCTION dalp.dry_run(workflow text, input jsonb DEFAULT '{}', mocks jsonb DEFAULT '{}', version int DEFAULT NULL) RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'dalp_dry_run';
REVOKE ALL ON FUNCTION dalp.dry_run(text, jsonb, jsonb, int) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION dalp.dry_run(text, jsonb, jsonb, int) TO dalp_app, dalp_operator;
COMMENT ON FUNCTION dalp.dry_run(text, jsonb, jsonb, int) IS 'runs a workflow to its end with its real SQL handlers, at once, and rolls all of it back; what reaches outside of the database needs mocks, as in dalp.test_state, whose report it returns';

CREATE FUNCTION dalp.why(run_id bigint) RETURNS TABLE (branch int, waits_for text, kind text, name text,
	reference bigint, since timestamptz, until timestamptz, what_next text)
LANGUAGE c STABLE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'dalp_why';
REVOKE ALL ON FUNCTION dalp.why(bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION dalp.why(bigint) TO dalp_app, dalp_operator, dalp_auditor;
COMMENT ON FUNCTION dalp.why(bigint) IS 'why a run does not go on: a row for each thing that a branch of it waits for, since and until when, and what would move it, as SQL where somebody has to act';
