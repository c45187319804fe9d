-- dalp.fork: a new run from a past state of another one, live or finished, which goes on as it would have.
\set VERBOSITY sqlstate
SET client_min_messages = warning;
CREATE SCHEMA forked;
CREATE TABLE forked.done (run bigint, what text);
CREATE FUNCTION forked.work(input jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO forked.done VALUES ((input ->> 'run')::bigint, input ->> 'what');
	RETURN to_jsonb((input ->> 'n')::int + 1);
END
$$;
SELECT dalp.create_workflow('forked', '{"StartAt": "A", "States": {
	"A": {"Type": "Task", "Resource": "sql:forked.work", "ResultPath": "$.n", "Assign": {"v.$": "$"}, "Next": "B",
		"Parameters": {"what": "a", "run.$": "$$.Execution.Id", "n.$": "$.n"}},
	"B": {"Type": "Task", "Resource": "sql:forked.work", "ResultPath": "$.n", "Assign": {"v.$": "$"}, "Next": "C",
		"Parameters": {"what": "b", "run.$": "$$.Execution.Id", "n.$": "$.n"}},
	"C": {"Type": "Choice", "Choices": [{"Variable": "$.n", "NumericLessThan": 4, "Next": "B"}], "Default": "P"},
	"P": {"Type": "Parallel", "ResultPath": null, "Next": "D", "Branches": [{"StartAt": "Inside", "States": {"Inside": {"Type": "Pass", "End": true}}}]},
	"D": {"Type": "Pass", "Parameters": {"n.$": "$.n", "v.$": "$v", "started.$": "$$.Execution.Input"}, "End": true}}}');
SELECT dalp.start('forked', '{"n": 1}', tags => '{"t": 1}', priority => 3, idempotency_key => 'once') AS run \gset
SELECT status, output FROM dalp.wait(:run, '20s');
-- The latest entry of the state, with the variables of then; the run's own input stays $$.Execution.Input.
SELECT dalp.fork(:run, 'B') AS fork \gset
SELECT status, output FROM dalp.wait(:fork, '20s');
SELECT string_agg(what, ' ') FROM forked.done WHERE run = :fork;
SELECT input, tags, priority, idempotency_key, started_by = current_user::regrole AS mine, version FROM dalp.runs WHERE run_id = :fork;
SELECT seq, event, state, input, output, (details ->> 'run_id')::bigint = :run AS of_it FROM dalp.run_history WHERE run_id = :fork AND branch = 0 AND seq = 1;
SELECT action, details ->> 'state' AS state, (details ->> 'run_id')::bigint = :run AS of_it FROM dalp.audit_log WHERE object = 'run ' || :fork;
-- With another input; and from the fork again.
SELECT dalp.fork(:run, 'B', '{"n": 10}') AS fork \gset
SELECT status, output FROM dalp.wait(:fork, '20s');
SELECT dalp.fork(:fork, 'B') AS fork \gset
SELECT status, output FROM dalp.wait(:fork, '20s');
SELECT dalp.fork(:run, 'C', '{"n": 9}') AS fork \gset
SELECT status, output FROM dalp.wait(:fork, '20s');
-- From the first state it is the run's input.
SELECT dalp.fork(:run, 'A') AS fork \gset
SELECT status, output FROM dalp.wait(:fork, '20s');
SELECT status, (SELECT string_agg(what, ' ') FROM forked.done WHERE run = :run) FROM dalp.runs WHERE run_id = :run;
-- A live run, at the state it stands in.
SELECT dalp.create_workflow('forked_live', '{"StartAt": "S", "States": {"S": {"Type": "Task", "Resource": "signal:go", "End": true}}}');
SELECT dalp.start('forked_live', '"x"') AS run \gset
SELECT dalp.fork(:run, 'S') AS fork \gset
SELECT dalp.signal(:fork, 'go', '"forked"');
SELECT status, output FROM dalp.wait(:fork, '20s');
SELECT status FROM dalp.runs WHERE run_id = :run;
SELECT dalp.cancel(:run, 'end of test');
-- What it refuses.
SELECT dalp.fork(:run, 'Nowhere');
SELECT dalp.fork(-1, 'S');
SELECT dalp.fork(NULL, 'S');
SELECT dalp.fork(:run, NULL);
SELECT max(run_id) AS run FROM dalp.runs WHERE workflow = 'forked' \gset
SELECT dalp.fork(:run, 'Inside');
SELECT dalp.fork(:run, 'B', to_jsonb(repeat('x', 300000)));
CREATE ROLE regress_forked;
GRANT dalp_app TO regress_forked;
SET ROLE regress_forked;
SELECT dalp.fork(:run, 'B');
RESET ROLE;
SELECT dalp.grant_workflow('forked', 'regress_forked');
SET ROLE regress_forked;
SELECT dalp.fork(:run, 'B') > :run AS granted;
RESET ROLE;
SELECT dalp.revoke_workflow('forked', 'regress_forked');
SELECT status FROM dalp.wait((SELECT max(run_id) FROM dalp.runs WHERE workflow = 'forked'), '20s');
DROP ROLE regress_forked;
DROP SCHEMA forked CASCADE;
