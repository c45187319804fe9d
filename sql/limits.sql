--
-- Promise: of a workflow with a limit never more runs go on than it says, and no
-- more begin a second; the others wait in order and are let in without delay.
--
SET client_min_messages = warning;
CREATE SCHEMA lm;
CREATE PROCEDURE lm.until(query text, wanted text) LANGUAGE plpgsql AS $$
DECLARE found text; poll_interval CONSTANT float8 := 0.01; BEGIN
	FOR i IN 1..3000 LOOP
		EXECUTE query INTO found;
		IF found = wanted THEN RETURN; END IF;
		COMMIT;
		PERFORM pg_sleep(poll_interval);
	END LOOP;
	RAISE EXCEPTION 'waited in vain for %, the last answer was %', wanted, found;
END $$;
-- Each run notes when it begins, waits for a signal, and notes its end.
CREATE TABLE lm.ledger (run bigint, what text, at timestamptz DEFAULT clock_timestamp(), number int GENERATED ALWAYS AS IDENTITY, PRIMARY KEY (run, what));
CREATE FUNCTION lm.note(i jsonb) RETURNS jsonb LANGUAGE sql AS $$
	INSERT INTO lm.ledger (run, what) VALUES ((i->>'run')::bigint, i->>'what'); SELECT i
$$;
SELECT dalp.create_workflow('lm', '{"StartAt": "A", "States": {
	"A": {"Type": "Task", "Resource": "sql:lm.note", "Parameters": {"run.$": "$$.Execution.Id", "what": "begin"}, "Next": "B"},
	"B": {"Type": "Task", "Resource": "signal:go", "Next": "C"},
	"C": {"Type": "Task", "Resource": "sql:lm.note", "Parameters": {"run.$": "$$.Execution.Id", "what": "end"}, "End": true}}}') AS version;
SELECT dalp.create_workflow('lm.quick', '{"StartAt": "A", "States": {
	"A": {"Type": "Task", "Resource": "sql:lm.note", "Parameters": {"run.$": "$$.Execution.Id", "what": "quick"}, "End": true}}}') AS version;
CREATE VIEW lm.begun AS SELECT count(*) AS n FROM lm.ledger WHERE what = 'begin';

-- Refusals.
\set SHOW_CONTEXT never
SELECT dalp.set_limits('lm.nothing', 1);
SELECT dalp.set_limits('lm', 0);
SELECT dalp.set_limits('lm', NULL, 0);
SELECT dalp.set_limits('lm', NULL, 'NaN');
SELECT dalp.set_limits(NULL, 1);

-- Set while one goes on already: it counts.
SELECT dalp.start('lm') AS r0 \gset
CALL lm.until('SELECT n FROM lm.begun', '1');
SELECT dalp.set_limits('lm', 2);
SELECT dalp.start('lm') AS r1 \gset
CALL lm.until('SELECT n FROM lm.begun', '2');
SELECT dalp.start('lm') AS r2 \gset
SELECT dalp.start('lm', priority => 5) AS r3 \gset
SELECT dalp.start('lm', start_at => clock_timestamp() + interval '0.2 s', priority => 9) AS r4 \gset
CALL lm.until('SELECT waiting FROM dalp.workflow_limits WHERE workflow = ''lm''', '3');
SELECT workflow, max_running, rate_per_second, running, waiting, waiting_since < clock_timestamp() AS since FROM dalp.workflow_limits;
SELECT waits_for, what_next FROM dalp.why(:r2);
SELECT count(*) FILTER (WHERE run = :r1) AS first, count(*) FILTER (WHERE run IN (:r2, :r3, :r4)) AS others FROM lm.ledger;
-- One ends, one is let in: priority first, then the order of their starts. A cancelled one never is.
SELECT dalp.start('lm') AS r5 \gset
SELECT dalp.cancel(:r2, 'not needed');
SELECT dalp.signal(:r0, 'go'); CALL lm.until('SELECT n FROM lm.begun', '3');
SELECT dalp.signal(:r4, 'go'); CALL lm.until('SELECT n FROM lm.begun', '4');
SELECT dalp.signal(:r1, 'go'); CALL lm.until('SELECT n FROM lm.begun', '5');
SELECT CASE run WHEN :r0 THEN 0 WHEN :r1 THEN 1 WHEN :r2 THEN 2 WHEN :r3 THEN 3 WHEN :r4 THEN 4 WHEN :r5 THEN 5 END AS run FROM lm.ledger WHERE what = 'begin' ORDER BY number;
-- Raised: more at once. Taken away: all.
SELECT count(dalp.start('lm')) FROM generate_series(1, 10);
CALL lm.until('SELECT waiting FROM dalp.workflow_limits', '10');
SELECT dalp.set_limits('lm', 5);
CALL lm.until('SELECT n FROM lm.begun', '8');
SELECT running, waiting FROM dalp.workflow_limits;
SELECT dalp.set_limits('lm');
CALL lm.until('SELECT n FROM lm.begun', '15');
CALL lm.until('SELECT count(*) FROM dalp.workflow_limits', '0');
SELECT count(*) FROM dalp_workflow.limit_run;

-- Exact while hundreds come and go on all executors: never more than three between begin and end.
SELECT dalp.set_limits('lm', 3);
DO $$ BEGIN PERFORM dalp.cancel(run_id, 'enough') FROM dalp.runs WHERE workflow = 'lm' AND status = 'RUNNING'; END $$;
TRUNCATE lm.ledger;
SELECT count(*) FROM dalp.start_many('lm', ARRAY(SELECT '{}'::jsonb FROM generate_series(1, 300)));
CREATE PROCEDURE lm.drain(wanted int) LANGUAGE plpgsql AS $$
DECLARE most int := 0; ended int; poll_interval CONSTANT float8 := 0.002; BEGIN
	FOR i IN 1..20000 LOOP
		BEGIN
			PERFORM dalp.signal(run_id, 'go', NULL, 'once') FROM dalp_workflow.wait WHERE kind = 'signal' AND run_id IN (SELECT run FROM lm.ledger);
		EXCEPTION WHEN SQLSTATE 'DL003' THEN NULL;	-- it has just ended by the first one
		END;
		COMMIT;
		SELECT count(*) FILTER (WHERE what = 'end') INTO ended FROM lm.ledger;
		EXIT WHEN ended = wanted;
		SELECT greatest(most, count(*)) INTO most FROM dalp_workflow.run r WHERE NOT EXISTS (SELECT FROM dalp_workflow.parked p WHERE p.run_id = r.run_id);
		COMMIT;
		PERFORM pg_sleep(poll_interval);
	END LOOP;
	RAISE NOTICE 'ended: %, never more than 3 at once: %', ended, most <= 3;
END $$;
SET client_min_messages = notice;
CALL lm.drain(300);
SET client_min_messages = warning;
-- By the ledger: in the order of their starts, and so many overlapped at the most.
SELECT max(open) <= 3 AS kept FROM (SELECT sum(CASE what WHEN 'begin' THEN 1 ELSE -1 END) OVER (ORDER BY at, number) AS open FROM lm.ledger) AS l;
SELECT count(*) AS overtaken_by_more_than_two FROM (SELECT row_number() OVER (ORDER BY run) AS started, row_number() OVER (ORDER BY number) AS begun FROM lm.ledger WHERE what = 'begin') AS l
WHERE abs(started - begun) > 2;

-- A rate: 50 a second, so 20 take 0.38 s and more.
SELECT dalp.set_limits('lm.quick', NULL, 50);
SELECT count(*) FROM dalp.start_many('lm.quick', ARRAY(SELECT '{}'::jsonb FROM generate_series(1, 20)));
CALL lm.until('SELECT count(*) FROM lm.ledger WHERE what = ''quick''', '20');
SELECT max(at) - min(at) > interval '0.25 s' AS not_faster, max(at) - min(at) < interval '10 s' AS not_stuck FROM lm.ledger WHERE what = 'quick';
-- Paused: nobody is let in.
SELECT dalp.pause('lm.quick');
SELECT count(*) FROM dalp.start_many('lm.quick', ARRAY(SELECT '{}'::jsonb FROM generate_series(1, 3)));
SELECT dalp.start('lm') AS witness \gset
CALL lm.until(format('SELECT count(*) FROM lm.ledger WHERE run = %s', :witness), '1');
SELECT count(*) FROM lm.ledger WHERE what = 'quick';
SELECT dalp.resume('lm.quick');
CALL lm.until('SELECT count(*) FROM lm.ledger WHERE what = ''quick''', '23');
SELECT action, object, count(*) FROM dalp.audit_log WHERE action = 'set_limits' GROUP BY action, object ORDER BY object;
SELECT dalp.cancel(:witness, 'done');
SELECT dalp.set_limits('lm'), dalp.set_limits('lm.quick');
CALL lm.until('SELECT count(*) FROM dalp_workflow.limit_state', '0');
DROP SCHEMA lm CASCADE;
