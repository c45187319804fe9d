-- Child runs: fire and forget, or awaited; their end, failure and cancellation.
\set VERBOSITY terse
SET client_min_messages = warning;
CREATE SCHEMA children;
CREATE FUNCTION children.half(input jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
BEGIN
	IF (input ->> 'n')::int % 2 = 1 THEN
		PERFORM dalp.raise_error('Odd', input ->> 'n');
	END IF;
	RETURN to_jsonb((input ->> 'n')::int / 2);
END
$$;
SELECT dalp.create_workflow('half', '{"StartAt": "H", "States": {"H": {"Type": "Task", "Resource": "sql:children.half", "End": true}}}');
SELECT dalp.create_workflow('sleeper', '{"StartAt": "S", "States": {"S": {"Type": "Task", "Resource": "signal:never", "End": true}}}');
SELECT dalp.create_workflow('parent', '{"StartAt": "C", "States": {
	"C": {"Type": "Task", "Resource": "workflow:half.sync", "ResultPath": "$.half", "End": true,
		"Catch": [{"ErrorEquals": ["Odd"], "ResultPath": "$.error", "Next": "Caught"}]},
	"Caught": {"Type": "Pass", "End": true}}}');
SELECT dalp.start('parent', '{"n": 10}') AS run \gset
SELECT status, output FROM dalp.wait(:run, '20s');
SELECT workflow, status, output, parent_run_id = :run AS of_parent FROM dalp.runs WHERE parent_run_id = :run;
-- A failed child is its parent's to handle: no dead letter.
SELECT dalp.start('parent', '{"n": 7}') AS run \gset
SELECT status, state, output FROM dalp.wait(:run, '20s');
SELECT count(*) FROM dalp.dead_letters d JOIN dalp.runs r ON r.run_id = d.reference AND d.kind = 'run' WHERE r.parent_run_id = :run;
-- Not awaited: the parent goes on with the id.
SELECT dalp.create_workflow('launcher', '{"StartAt": "C", "States": {"C": {"Type": "Task", "Resource": "workflow:half", "End": true}}}');
SELECT dalp.start('launcher', '{"n": 4}') AS run \gset
SELECT (output ->> 'run_id')::bigint AS child, status FROM dalp.wait(:run, '20s') \gset
SELECT :'status' AS launcher, status, output FROM dalp.wait(:child, '20s');
-- Cancel and time-out go down.
SELECT dalp.create_workflow('patient', '{"StartAt": "C", "States": {"C": {"Type": "Task", "Resource": "workflow:sleeper.sync", "End": true}}}');
SELECT dalp.start('patient') AS run \gset
SELECT status FROM dalp.wait(:run, '2s');
SELECT count(*) FROM dalp.runs WHERE parent_run_id = :run AND status = 'RUNNING';
SELECT dalp.cancel(:run, 'enough');
SELECT status, cause FROM dalp.runs WHERE run_id = :run OR parent_run_id = :run;
SELECT dalp.create_workflow('impatient', '{"StartAt": "C", "States": {"C": {"Type": "Task", "Resource": "workflow:sleeper.sync", "TimeoutSeconds": 1, "End": true}}}');
SELECT dalp.start('impatient') AS run \gset
SELECT status, error FROM dalp.wait(:run, '20s');
SELECT status FROM dalp.runs WHERE parent_run_id = :run;
-- A child that can't be started.
SELECT dalp.create_workflow('orphan', '{"StartAt": "C", "States": {"C": {"Type": "Task", "Resource": "workflow:no_such_workflow.sync", "End": true}}}');
SELECT dalp.start('orphan') AS run \gset
SELECT status, error, cause::jsonb ->> 'message' AS message FROM dalp.wait(:run, '20s');
SELECT dalp.discard(id) FROM dalp.dead_letters WHERE resolution IS NULL AND scope IN ('impatient', 'orphan');
DROP SCHEMA children CASCADE;
