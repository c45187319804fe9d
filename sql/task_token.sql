--
-- Promise: a state with .waitForTaskToken waits for whoever completes its
-- token, which is new for each attempt, is there before the handler is called,
-- and is dead afterwards; the call's own answer is dropped.
--
SET client_min_messages = warning;
CREATE SCHEMA tok;
CREATE TABLE tok.given (n int GENERATED ALWAYS AS IDENTITY, token text, note jsonb);
CREATE FUNCTION tok.hand(i jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO tok.given (token, note) VALUES (i->>'token', i->'note');
	IF i->>'note' = 'fail' THEN PERFORM dalp.raise_error('Unable', 'told to'); END IF;
	IF i->>'note' = 'now' THEN PERFORM dalp.complete_task(i->>'token', '"at once"'); END IF;
	IF i->>'note' = 'now and fail' THEN PERFORM dalp.complete_task(i->>'token', '1'); RAISE 'after all'; END IF;
	RETURN '"dropped"';
END $$;
-- The newest token, waited for with a bound.
CREATE PROCEDURE tok.until_given(wanted bigint, INOUT token text DEFAULT NULL) LANGUAGE plpgsql AS $$
DECLARE poll_interval CONSTANT float8 := 0.01; BEGIN
	FOR i IN 1..3000 LOOP
		SELECT g.token INTO token FROM tok.given g WHERE (SELECT count(*) FROM tok.given) >= wanted ORDER BY n DESC LIMIT 1;
		IF FOUND THEN DELETE FROM tok.given; RETURN; END IF;
		COMMIT;
		PERFORM pg_sleep(poll_interval);
	END LOOP;
	RAISE EXCEPTION 'no token was given';
END $$;
-- Heartbeats for so long.
CREATE PROCEDURE tok.beat(token text, duration interval) LANGUAGE plpgsql AS $$
DECLARE started timestamptz := clock_timestamp(); poll_interval CONSTANT float8 := 0.05; BEGIN
	WHILE clock_timestamp() < started + duration LOOP
		IF dalp.heartbeat_task(token) < clock_timestamp() THEN RAISE 'not renewed'; END IF;
		COMMIT;
		PERFORM pg_sleep(poll_interval);
	END LOOP;
END $$;
SELECT * FROM dalp.validate_workflow('{"StartAt": "A", "States": {"A": {"Type": "Task", "Resource": "sql:tok.hand.waitForTaskToken", "End": true}}}');
SELECT * FROM dalp.validate_workflow('{"StartAt": "A", "States": {"A": {"Type": "Task", "Resource": "sql:tok.nothing.waitForTaskToken", "End": true}}}');
SELECT * FROM dalp.validate_workflow('{"StartAt": "A", "States": {"A": {"Type": "Task", "Resource": "activity:q.waitForTaskToken", "End": true}}}');
SELECT dalp.create_workflow('tok', '{"StartAt": "A", "States": {"A": {"Type": "Task", "Resource": "sql:tok.hand.waitForTaskToken",
	"Parameters": {"token.$": "$$.Task.Token", "note.$": "$.note"}, "ResultSelector": {"got.$": "$"}, "ResultPath": "$.a", "Next": "B",
	"Retry": [{"ErrorEquals": ["Again"], "IntervalSeconds": 1, "MaxAttempts": 1}],
	"Catch": [{"ErrorEquals": ["Unable"], "ResultPath": "$.caught", "Next": "B"}]}, "B": {"Type": "Pass", "End": true}}}') AS version;

-- Completed later, by whoever has it.
SELECT dalp.start('tok', '{"note": "later"}') AS run \gset
CALL tok.until_given(1) \gset
SELECT workflow, state, queue, status, attempt, worker, lease_until FROM dalp.tasks WHERE run_id = :run;
SELECT kind, name, waits_for FROM dalp.why(:run);
SELECT status, state FROM dalp.wait(:run, '0');
SELECT dalp.heartbeat_task(:'token');
SELECT dalp.release_tasks(ARRAY[:'token']) AS not_a_queue;
SELECT dalp.complete_task(:'token', '[1, 2]');
SELECT status, output FROM dalp.wait(:run);
\set VERBOSITY sqlstate
SELECT dalp.complete_task(:'token', '2');
\set VERBOSITY default
-- The history has no token.
SELECT event, state, output, details FROM dalp.run_history WHERE run_id = :run;
SELECT count(*) AS with_token FROM dalp.run_history h WHERE run_id = :run AND position(split_part(:'token', '-', 3) IN h::text) > 0;

-- Before the call returns, in its transaction.
SELECT dalp.start('tok', '{"note": "now"}') AS run \gset
SELECT status, output FROM dalp.wait(:run);
-- And not where that fails: the token has gone with it, as if it never was.
DELETE FROM tok.given;
SELECT dalp.start('tok', '{"note": "now and fail"}') AS run \gset
SELECT status, error FROM dalp.wait(:run);
SELECT (SELECT count(*) FROM tok.given) AS given, (SELECT count(*) FROM dalp_workflow.lease) AS tokens, (SELECT count(*) FROM dalp_workflow.inbox WHERE kind = 'token') AS messages;
-- The call fails: as any task.
SELECT dalp.start('tok', '{"note": "fail"}') AS run \gset
SELECT status, output FROM dalp.wait(:run);

-- Failed by its holder: a new attempt has a new token.
SELECT dalp.start('tok', '{"note": "retry"}') AS run \gset
CALL tok.until_given(1) \gset
SELECT dalp.fail_task(:'token', 'Again', 'once more');
SELECT :'token' AS first \gset
CALL tok.until_given(1) \gset
SELECT :'token' <> :'first' AS another;
\set VERBOSITY sqlstate
SELECT dalp.complete_task(:'first', '1');
\set VERBOSITY default
SELECT dalp.complete_task(:'token', '"second"');
SELECT status, output FROM dalp.wait(:run);
SELECT event, attempt, error FROM dalp.run_history WHERE run_id = :run AND state = 'A';

-- Without a time limit it waits; with one, or a heartbeat that is missed, it fails.
SELECT dalp.create_workflow('tok_time', '{"StartAt": "A", "States": {"A": {"Type": "Task", "Resource": "sql:tok.hand.waitForTaskToken", "TimeoutSeconds": 1, "End": true}}}') AS version;
SELECT dalp.start('tok_time') AS run \gset
SELECT status, error, cause FROM dalp.wait(:run);
SELECT dalp.create_workflow('tok_beat', '{"StartAt": "A", "States": {"A": {"Type": "Task", "Resource": "sql:tok.hand.waitForTaskToken", "HeartbeatSeconds": 2,
	"Parameters": {"token.$": "$$.Task.Token"}, "End": true, "Catch": [{"ErrorEquals": ["States.HeartbeatTimeout"], "Next": "B"}]}, "B": {"Type": "Pass", "End": true}}}') AS version;
DELETE FROM tok.given;
SELECT dalp.start('tok_beat') AS run \gset
CALL tok.until_given(1) \gset
SELECT dalp.heartbeat_task(:'token', '"alive"') > clock_timestamp() AS held;
CALL tok.beat(:'token', '3 s');
SELECT status, state FROM dalp.wait(:run, '0');
SELECT status, heartbeat FROM dalp.tasks WHERE run_id = :run;
SELECT status, output FROM dalp.wait(:run);
\set VERBOSITY sqlstate
SELECT dalp.complete_task(:'token', '1');
\set VERBOSITY default

-- Cancel: the token is dead.
SELECT dalp.start('tok', '{"note": "cancel"}') AS run \gset
CALL tok.until_given(1) \gset
SELECT dalp.cancel(:run, 'not wanted');
\set VERBOSITY sqlstate
SELECT dalp.complete_task(:'token', '1');
\set VERBOSITY default

-- workflow: the child gets the token, its own end is not waited for.
SELECT dalp.create_workflow('tok_child', '{"StartAt": "A", "States": {"A": {"Type": "Task", "Resource": "sql:tok.hand", "End": true}}}') AS version;
SELECT dalp.create_workflow('tok_parent', '{"StartAt": "A", "States": {"A": {"Type": "Task", "Resource": "workflow:tok_child.waitForTaskToken",
	"Parameters": {"token.$": "$$.Task.Token", "note": "of the child"}, "End": true}}}') AS version;
SELECT dalp.start('tok_parent') AS run \gset
CALL tok.until_given(1) \gset
SELECT w.status, w.output FROM dalp.runs r, dalp.wait(r.run_id) w WHERE r.workflow = 'tok_child';
SELECT status, state FROM dalp.wait(:run, '0');
SELECT dalp.complete_task(:'token', '"by the child''s friend"');
SELECT status, output FROM dalp.wait(:run);

-- In a trial the mock is what completes it.
SELECT r->'status' AS status, r->'output' AS output, r->'calls'->0->'input' AS input FROM dalp.test_state('{"Type": "Task", "Resource": "sql:tok.hand.waitForTaskToken", "Parameters": {"token.$": "$$.Task.Token"}, "End": true}', '1', '{"result": [2]}') AS r;
-- A context without a token has none.
SELECT r->'status' AS status, r->'error' AS error FROM dalp.test_state('{"Type": "Task", "Resource": "sql:tok.hand", "Parameters": {"token.$": "$$.Task.Token"}, "End": true}', '1') AS r;
SELECT (SELECT count(*) FROM dalp_workflow.lease) AS tokens, (SELECT count(*) FROM dalp_workflow.wait WHERE kind = 'token') AS waits, (SELECT count(*) FROM dalp_workflow.inbox WHERE kind = 'token') AS messages;
