--
-- Promise: a signal reaches its run exactly once, sent before it is awaited or
-- after, in order; a repeated idempotency key is ignored; a run that has ended
-- takes none.
--
SET client_min_messages = warning;
CREATE SCHEMA wsig;
-- Waits, with a bound, until the run has so many rows in the table.
CREATE PROCEDURE wsig.until(relation text, run bigint, wanted bigint DEFAULT 1) LANGUAGE plpgsql AS $$
DECLARE found bigint; poll_interval CONSTANT float8 := 0.01; BEGIN
	FOR i IN 1..3000 LOOP
		EXECUTE format('SELECT count(*) FROM %s run_id = $1', CASE WHEN relation LIKE '% AND' THEN relation ELSE relation || ' WHERE' END) INTO found USING run;
		IF found = wanted THEN RETURN; END IF;
		COMMIT;
		PERFORM pg_sleep(poll_interval);
	END LOOP;
	RAISE EXCEPTION 'waited in vain for % rows of %, there are %', wanted, relation, found;
END $$;
SELECT dalp.create_workflow('wsig', '{"StartAt": "Approve", "States": {
	"Approve": {"Type": "Task", "Resource": "signal:approve", "ResultPath": "$.approval", "Next": "Again"},
	"Again": {"Type": "Task", "Resource": "signal:approve", "ResultPath": "$.again", "Next": "Other"},
	"Other": {"Type": "Task", "Resource": "signal:other", "ResultSelector": {"got.$": "$"}, "ResultPath": "$.other", "End": true}}}') AS version;

-- After it is awaited.
SELECT dalp.start('wsig', '{"n": 1}') AS run \gset
CALL wsig.until('dalp_workflow.wait', :run);
SELECT status, state FROM dalp.wait(:run, '0');
SELECT kind, name, since IS NOT NULL AS since FROM dalp_workflow.wait WHERE run_id = :run;
SELECT dalp.signal(:run, 'approve', '{"by": "first"}');
SELECT dalp.signal(:run, 'approve', '"second"');
SELECT dalp.signal(:run, 'other');
SELECT status, output FROM dalp.wait(:run);
SELECT event, state, output FROM dalp.run_history WHERE run_id = :run;

-- Before: kept, in order, others beside it.
SELECT dalp.start('wsig', '{"n": 2}', start_at => clock_timestamp() + '1 h') AS run \gset
SELECT dalp.signal(:run, 'other', '[1]');
SELECT dalp.signal(:run, 'approve', '"first"');
SELECT dalp.signal(:run, 'approve', '"second"');
SELECT dalp.signal(:run, 'nobody awaits', '0');
SELECT kind, name, payload, sent_by = current_user::regrole AS by_me FROM dalp_workflow.inbox WHERE run_id = :run ORDER BY message_id;
UPDATE dalp_workflow.timer SET fire_at = clock_timestamp() WHERE run_id = :run;
SELECT status, output FROM dalp.wait(:run);
SELECT count(*) AS left_behind FROM dalp_workflow.inbox WHERE run_id = :run;

-- In the transaction that starts it.
BEGIN;
SELECT dalp.start('wsig', '{"n": 3}') AS run \gset
SELECT dalp.signal(:run, 'approve', '1'), dalp.signal(:run, 'approve', '2'), dalp.signal(:run, 'other', '3');
COMMIT;
SELECT status, output FROM dalp.wait(:run);

-- A rolled-back signal was never sent.
SELECT dalp.start('wsig', '{"n": 4}') AS run \gset
BEGIN;
SELECT dalp.signal(:run, 'approve', '"rolled back"', 'key');
ROLLBACK;
SELECT dalp.signal(:run, 'approve', '"sent"', 'key');
-- A seen key is ignored, for this run and this signal.
SELECT dalp.signal(:run, 'approve', '"repeated"', 'key');
SELECT dalp.signal(:run, 'other', '"other"', 'key');
CALL wsig.until('dalp_workflow.branch WHERE state = ''Again'' AND EXISTS (SELECT FROM dalp_workflow.wait w WHERE w.run_id = $1) AND', :run);
SELECT state, output FROM dalp.wait(:run, '0');
SELECT dalp.signal(:run, 'approve', '"another key"', 'key 2');
SELECT status, output FROM dalp.wait(:run);

-- To a run that has ended, or never was.
\set VERBOSITY sqlstate
SELECT dalp.signal(:run, 'approve', '1');
SELECT dalp.signal(-1, 'approve', '1');
SELECT dalp.signal(NULL, 'approve', '1');
SELECT dalp.signal(:run, NULL);
SELECT dalp.signal(:run, '');
SELECT dalp.signal(:run, repeat('n', 256));
SELECT dalp.start('wsig', '{"n": 5}') AS run \gset
SELECT dalp.signal(:run, 'approve', jsonb_build_object('large', repeat('x', 300000)));
SELECT dalp.signal(:run, 'approve', '1', '');
SELECT dalp.signal(:run, 'approve', '1', repeat('k', 513));
\set VERBOSITY default
SELECT dalp.cancel(:run, 'enough');

-- Payloads: null and SQL NULL are both null.
SELECT dalp.start('wsig', '{"n": 6}') AS run \gset
SELECT dalp.signal(:run, 'approve', 'null'), dalp.signal(:run, 'approve', NULL), dalp.signal(:run, 'other', '{"a": []}');
SELECT status, output FROM dalp.wait(:run);

-- A time limit of the wait; a signal that comes too late is none.
SELECT dalp.create_workflow('wsig_late', '{"StartAt": "A", "States": {
	"A": {"Type": "Task", "Resource": "signal:go", "TimeoutSeconds": 1, "End": true, "Catch": [{"ErrorEquals": ["States.Timeout"], "ResultPath": "$.e", "Next": "B"}]},
	"B": {"Type": "Task", "Resource": "signal:more", "TimeoutSeconds": 1, "End": true}}}') AS version;
SELECT dalp.start('wsig_late', '{"n": 7}') AS run \gset
SELECT status, state, error, cause, finished_at - started_at >= '2 s' AS waited FROM dalp.wait(:run);
SELECT event, state, error FROM dalp.run_history WHERE run_id = :run;
SELECT dalp.start('wsig_late', '{"n": 8}') AS run \gset
SELECT dalp.signal(:run, 'go', '"in time"');
SELECT status, output FROM dalp.wait(:run);
SELECT count(*) AS timers_left FROM dalp_workflow.timer WHERE run_id = :run;

-- Retry waits anew.
SELECT dalp.create_workflow('wsig_retry', '{"StartAt": "A", "States": {
	"A": {"Type": "Task", "Resource": "signal:go", "TimeoutSeconds": 1, "Retry": [{"ErrorEquals": ["States.Timeout"], "IntervalSeconds": 1, "MaxAttempts": 2}], "End": true}}}') AS version;
SELECT dalp.start('wsig_retry') AS run \gset
CALL wsig.until('dalp_workflow.wait WHERE EXISTS (SELECT FROM dalp_workflow.journal j WHERE j.run_id = $1 AND event = ''retry_scheduled'') AND', :run);
SELECT dalp.signal(:run, 'go', '"second attempt"');
SELECT status, output FROM dalp.wait(:run);
SELECT event, attempt, error FROM dalp.run_history WHERE run_id = :run;

-- From a step: signals to another run and to its own belong to the step's transaction.
CREATE FUNCTION wsig.tell(i jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
BEGIN
	PERFORM dalp.signal((i->>'to')::bigint, 'approve', '"from a step"');
	IF i ? 'fail' THEN RAISE EXCEPTION 'after all'; END IF;
	RETURN i;
END $$;
SELECT dalp.create_workflow('wsig_tell', '{"StartAt": "A", "States": {"A": {"Type": "Task", "Resource": "sql:wsig.tell", "End": true}}}') AS version;
SELECT dalp.start('wsig') AS target \gset
CALL wsig.until('dalp_workflow.wait', :target);
SELECT dalp.start('wsig_tell', jsonb_build_object('to', :target, 'fail', true)) AS run \gset
SELECT status FROM dalp.wait(:run);
SELECT state FROM dalp.wait(:target, '0');
SELECT dalp.start('wsig_tell', jsonb_build_object('to', :target)) AS run \gset
SELECT status FROM dalp.wait(:run);
SELECT dalp.signal(:target, 'approve', '"x"'), dalp.signal(:target, 'other', '"y"');
SELECT status, output FROM dalp.wait(:target);

-- A time-out that came for an earlier attempt, and was passed on the way, doesn't end this one.
SELECT dalp.create_workflow('wsig_long', '{"StartAt": "A", "States": {"A": {"Type": "Task", "Resource": "signal:go", "TimeoutSeconds": 3600, "End": true}}}') AS version;
SELECT dalp.start('wsig_long') AS run \gset
CALL wsig.until('dalp_workflow.wait', :run);
BEGIN;
INSERT INTO dalp_workflow.ready (shard, rank, pass, run_id, branch_id, kind, entry)
	SELECT :run % 16, 0, 0, run_id, branch_id, 'timeout', entry FROM dalp_workflow.branch WHERE run_id = :run;
SELECT dalp.signal(:run, 'something else');
COMMIT;
CALL wsig.until('dalp_workflow.ready', :run, 0);
SELECT status, state FROM dalp.wait(:run, '0');
SELECT dalp.signal(:run, 'go', '"in time"');
SELECT status, output, error FROM dalp.wait(:run);
