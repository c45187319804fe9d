--
-- Promise: a definition is stored only if it can run here; a refusal lists
-- every problem with its path.  Versions are immutable, the same body is the
-- same version, and only the owner adds versions and grants.
--
\set VERBOSITY default
CREATE SCHEMA wd;
CREATE FUNCTION wd.step(jsonb) RETURNS jsonb LANGUAGE sql AS 'SELECT $1';
CREATE FUNCTION wd.wrong_result(jsonb) RETURNS text LANGUAGE sql AS 'SELECT $1::text';
CREATE FUNCTION wd.wrong_argument(text) RETURNS jsonb LANGUAGE sql AS 'SELECT to_jsonb($1)';
CREATE FUNCTION wd.set_of(jsonb) RETURNS SETOF jsonb LANGUAGE sql AS 'SELECT $1';
CREATE PROCEDURE wd.procedure(jsonb) LANGUAGE plpgsql AS 'BEGIN END';
CREATE FUNCTION wd.secret(jsonb) RETURNS jsonb LANGUAGE sql AS 'SELECT $1';
REVOKE ALL ON FUNCTION wd.secret(jsonb) FROM PUBLIC;
CREATE ROLE regress_wd_owner;
CREATE ROLE regress_wd_other;
CREATE ROLE regress_wd_member IN ROLE regress_wd_owner;
GRANT dalp_app TO regress_wd_owner, regress_wd_other;
GRANT USAGE ON SCHEMA wd TO regress_wd_owner, regress_wd_other;

-- A machine of one task.
CREATE FUNCTION wd.machine(resource text, comment text DEFAULT NULL) RETURNS jsonb LANGUAGE sql AS $$
	SELECT jsonb_strip_nulls(jsonb_build_object('Comment', comment, 'StartAt', 'A', 'States',
		jsonb_build_object('A', jsonb_build_object('Type', 'Task', 'Resource', resource, 'End', true))))
$$;
GRANT EXECUTE ON FUNCTION wd.machine(text, text) TO PUBLIC;

-- Findings: all at once, with paths; catalog problems are looked for once the language is right.
SELECT * FROM dalp.validate_workflow('{}');
SELECT * FROM dalp.validate_workflow('[]');
SELECT * FROM dalp.validate_workflow('{"StartAt": "Nowhere", "States": {
	"A": {"Type": "task", "End": true},
	"B": {"Type": "Task", "Next": "C"},
	"C": {"Type": "Wait", "Seconds": -1, "Timestamp": "yesterday", "Next": "Gone"},
	"D": {"Type": "Pass", "Parameters": {"x.$": "no path"}, "End": true, "Next": "A"},
	"E": {"Type": "Choice", "Choices": [{"Variable": "$.a", "NumericEqual": 1, "Next": "A"}]},
	"F": {"Type": "Task", "Resource": "sql:wd.step", "Retry": [{"ErrorEquals": ["States.ALL", "X"], "MaxAttempts": -1}], "End": true}}}');
SELECT * FROM dalp.validate_workflow('{"StartAt": "A", "QueryLanguage": "JSONata", "States": {"A": {"Type": "Succeed"}}}');
SELECT * FROM dalp.validate_workflow(NULL);
SELECT * FROM dalp.validate_workflow(wd.machine('sql:wd.step'));

-- Handlers: missing, of a wrong kind, not executable.
SELECT resource, f.path, f.severity, f.message FROM unnest(ARRAY[
	'sql:wd.missing', 'sql:nowhere.step', 'sql:wd.step.more.parts', 'sql:', 'sql:wd.', 'sql:"wd".step',
	'sql:wd.wrong_result', 'sql:wd.wrong_argument', 'sql:wd.set_of', 'sql:wd.procedure', 'sql:pg_catalog.jsonb_pretty',
	'sql:WD.Step', 'sql:wd.step; DROP TABLE x', 'sql:wd.secret', 'signal:go', 'signal:', 'other:thing', 'wd.step', 'chain:unknown',
	'activity:queue', 'http:request', 'chain:call', 'http:get']) WITH ORDINALITY AS r(resource, number)
	LEFT JOIN LATERAL dalp.validate_workflow(wd.machine(resource)) AS f ON true ORDER BY number;
SET ROLE regress_wd_owner;
SELECT f.* FROM dalp.validate_workflow(wd.machine('sql:wd.secret')) AS f;
SELECT dalp.create_workflow('wd', wd.machine('sql:wd.secret'));
RESET ROLE;

-- The exception says the same, in one go.

DO $$ BEGIN
	PERFORM dalp.create_workflow('wd', '{"StartAt": "A", "States": {
		"A": {"Type": "Task", "Resource": "sql:wd.step", "Next": "Gone"},
		"B": {"Type": "Fail", "Next": "A"}}}');
EXCEPTION WHEN SQLSTATE 'DL001' THEN
	DECLARE detail text; hint text;
	BEGIN
		GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
		RAISE NOTICE E'% %\n%\n%', SQLSTATE, SQLERRM, detail, hint;
	END;
END $$;
\set VERBOSITY default

-- Names and nulls.
\set VERBOSITY sqlstate
SELECT dalp.create_workflow('', wd.machine('sql:wd.step'));
SELECT dalp.create_workflow('with blank', wd.machine('sql:wd.step'));
SELECT dalp.create_workflow(repeat('n', 81), wd.machine('sql:wd.step'));
SELECT dalp.create_workflow(NULL, wd.machine('sql:wd.step'));
SELECT dalp.create_workflow('wd', NULL);
SELECT dalp.create_workflow('wd', '"text"');
\set VERBOSITY default

-- Versions. The owner is who created the first.
SET ROLE regress_wd_owner;
SELECT dalp.create_workflow('wd', wd.machine('sql:wd.step'), 'the first');
SELECT dalp.create_workflow('wd', wd.machine('sql:wd.step', 'changed'));
SELECT dalp.create_workflow('wd', wd.machine('sql:wd.step'), 'the same body again');
SELECT dalp.create_workflow('wd', ' {"States": {"A": {"End": true, "Resource": "sql:wd.step", "Type": "Task"}}, "StartAt": "A"} ');
SELECT name, version, kind, owner, run_as, paused, comment, granted_to FROM dalp.workflows ORDER BY name, version;
BEGIN;
SELECT dalp.create_workflow('wd', wd.machine('sql:wd.step', 'not kept'));
ROLLBACK;
SELECT dalp.create_workflow('wd', wd.machine('sql:wd.step', 'third'));
SET ROLE regress_wd_member;
SELECT dalp.create_workflow('wd', wd.machine('sql:wd.step', 'of a member'));
SET ROLE regress_wd_other;
SELECT dalp.create_workflow('wd', wd.machine('sql:wd.step', 'of a stranger'));
SELECT dalp.create_workflow('wd', wd.machine('sql:wd.step'));
SELECT count(*) FROM dalp.workflows;
SELECT dalp.start('wd');
SELECT dalp.grant_workflow('wd', 'regress_wd_other');
RESET ROLE;
SELECT version, owner, run_as, definition ->> 'Comment' AS comment FROM dalp.workflows WHERE name = 'wd' ORDER BY version;

-- Grants.
SET ROLE regress_wd_owner;
SELECT dalp.grant_workflow('wd', 'regress_wd_other');
SELECT dalp.grant_workflow('wd', 'regress_wd_other');
SELECT dalp.grant_workflow('missing', 'regress_wd_other');
SELECT dalp.grant_workflow('wd', NULL);
SET ROLE regress_wd_other;
SELECT name, version, granted_to FROM dalp.workflows ORDER BY version;
SELECT dalp.start('wd', '{"by": "grant"}') AS run \gset
SELECT status, output FROM dalp.wait(:run);
SELECT workflow, version, status, started_by FROM dalp.runs;
-- A grant to start is none to change.
SELECT dalp.create_workflow('wd', wd.machine('sql:wd.step', 'of a grantee'));
SELECT dalp.revoke_workflow('wd', 'regress_wd_other');
SET ROLE regress_wd_owner;
SELECT dalp.revoke_workflow('wd', 'regress_wd_other');
SET ROLE regress_wd_other;
SELECT count(*) AS seen FROM dalp.workflows;
SELECT count(*) AS seen FROM dalp.runs;
SELECT count(*) AS seen FROM dalp.run_history;
SELECT status FROM dalp.wait(:run);
RESET ROLE;

-- A superuser is told whose rights the handlers will have.
SELECT dalp.create_workflow('wd_super', wd.machine('sql:wd.step'));
SELECT dalp.create_workflow('wd_super', wd.machine('sql:wd.step'));

-- What was done is on record.
SELECT actor, action, object FROM dalp.audit_log WHERE object ~ '^wd' ORDER BY entry_id;

-- A running run keeps its version; unqualified handlers are found on the author's search_path.
CREATE SCHEMA wd_one;
CREATE SCHEMA wd_two;
CREATE FUNCTION wd_one.where_am_i(jsonb) RETURNS jsonb LANGUAGE sql AS $$SELECT to_jsonb('one'::text)$$;
CREATE FUNCTION wd_two.where_am_i(jsonb) RETURNS jsonb LANGUAGE sql AS $$SELECT to_jsonb('two'::text)$$;
GRANT USAGE ON SCHEMA wd_one, wd_two TO regress_wd_owner;
SET ROLE regress_wd_owner;
SET search_path = wd_one;
SELECT dalp.create_workflow('wd_path', wd.machine('sql:where_am_i'));
SET search_path = wd_two;
SELECT dalp.create_workflow('wd_path', wd.machine('sql:where_am_i', 'two'));
SELECT dalp.start('wd_path', version => 1) AS one, dalp.start('wd_path') AS two \gset
SELECT (dalp.wait(:one)).output AS one, (dalp.wait(:two)).output AS two;
RESET search_path;
SELECT dalp.create_workflow('wd_path', wd.machine('sql:where_am_i', 'nowhere'));
RESET ROLE;
