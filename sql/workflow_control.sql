--
-- Promise: an operator can stop, hold and release runs and workflows at any
-- time; whoever is held goes on where it stood; nothing of a cancelled run
-- stays behind.
--
SET client_min_messages = warning;
SELECT coalesce(max(entry_id), 0) AS audited FROM dalp.audit_log \gset
CREATE SCHEMA wc;
CREATE TABLE wc.ledger (run bigint, step int, PRIMARY KEY (run, step));
CREATE FUNCTION wc.step(i jsonb) RETURNS jsonb LANGUAGE sql AS $$
	INSERT INTO wc.ledger VALUES ((i->>'run')::bigint, (i->>'step')::int);
	SELECT i
$$;
CREATE PROCEDURE wc.until(query text, wanted text) LANGUAGE plpgsql AS $$
DECLARE found text; poll_interval CONSTANT float8 := 0.01; BEGIN
	FOR i IN 1..3000 LOOP
		EXECUTE query INTO found;
		IF found = wanted THEN RETURN; END IF;
		COMMIT;
		PERFORM pg_sleep(poll_interval);
	END LOOP;
	RAISE EXCEPTION 'waited in vain for %, the last answer was %', wanted, found;
END $$;
-- Everything that keeps a run alive.
CREATE VIEW wc.tokens AS
	SELECT 'ready' AS what, run_id FROM dalp_workflow.ready UNION ALL SELECT 'timer', run_id FROM dalp_workflow.timer
	UNION ALL SELECT 'wait', run_id FROM dalp_workflow.wait UNION ALL SELECT 'parked', run_id FROM dalp_workflow.parked
	UNION ALL SELECT 'inbox', run_id FROM dalp_workflow.inbox UNION ALL SELECT 'signal_key', run_id FROM dalp_workflow.signal_key
	UNION ALL SELECT 'run', run_id FROM dalp_workflow.run UNION ALL SELECT 'branch', run_id FROM dalp_workflow.branch;
CREATE FUNCTION wc.tokens(run bigint) RETURNS text LANGUAGE sql AS $$
	SELECT coalesce(string_agg(what, ' ' ORDER BY what), 'nothing') FROM wc.tokens WHERE run_id = run
$$;
SELECT dalp.create_workflow('wc', '{"StartAt": "A", "States": {
	"A": {"Type": "Task", "Resource": "sql:wc.step", "Parameters": {"run.$": "$$.Execution.Id", "step": 1}, "ResultPath": null, "Next": "B"},
	"B": {"Type": "Task", "Resource": "signal:go", "ResultPath": null, "Next": "C"},
	"C": {"Type": "Task", "Resource": "sql:wc.step", "Parameters": {"run.$": "$$.Execution.Id", "step": 2}, "ResultPath": null, "Next": "D"},
	"D": {"Type": "Wait", "Seconds": 3600, "Next": "E"},
	"E": {"Type": "Task", "Resource": "sql:wc.step", "Parameters": {"run.$": "$$.Execution.Id", "step": 3}, "ResultPath": null, "End": true}}}') AS version;

-- Cancel while it waits for a signal, sleeps, is to be started.
SELECT dalp.start('wc') AS run \gset
CALL wc.until('SELECT wc.tokens(' || :run || ')', 'branch run wait');
SELECT dalp.cancel(:run, 'not wanted');
SELECT status, state, output, error, cause FROM dalp.wait(:run);
SELECT wc.tokens(:run);
SELECT event, state, cause FROM dalp.run_history WHERE run_id = :run;
SELECT dalp.start('wc') AS run \gset
SELECT dalp.signal(:run, 'go', NULL, 'key');
CALL wc.until('SELECT wc.tokens(' || :run || ')', 'branch run signal_key timer');
SELECT dalp.cancel(:run, NULL);
SELECT status, state, cause FROM dalp.wait(:run);
SELECT wc.tokens(:run);
SELECT dalp.start('wc', start_at => clock_timestamp() + '1 h', timeout => '2 h') AS run \gset
SELECT wc.tokens(:run);
SELECT dalp.cancel(:run, 'before it began');
SELECT status, state FROM dalp.wait(:run);
SELECT wc.tokens(:run);
-- In the transaction that starts it.
BEGIN;
SELECT dalp.start('wc') AS run \gset
SELECT dalp.cancel(:run, 'second thoughts');
COMMIT;
SELECT status, cause FROM dalp.wait(:run);
SELECT count(*) AS done FROM wc.ledger WHERE run = :run;
-- A rolled-back cancel is none.
SELECT dalp.start('wc') AS run \gset
BEGIN;
SELECT dalp.cancel(:run, 'no');
ROLLBACK;
CALL wc.until('SELECT wc.tokens(' || :run || ')', 'branch run wait');
SELECT dalp.cancel(:run, 'yes');
-- Twice, after the end, or never started.
\set VERBOSITY sqlstate
SELECT dalp.cancel(:run, 'again');
SELECT dalp.cancel(-1, 'nobody');
SELECT dalp.cancel(NULL, 'nobody');
SELECT dalp.pause(:run);
SELECT dalp.resume(:run);
SELECT dalp.pause(-1);
SELECT dalp.resume(-1);
SELECT dalp.pause(NULL::bigint);
SELECT dalp.pause(NULL::text);
SELECT dalp.pause('wc_missing');
SELECT dalp.resume('wc_missing');
\set VERBOSITY default

-- Pause a run: what comes in is kept, nothing is done; resume: it goes on.
SELECT dalp.start('wc') AS run \gset
CALL wc.until('SELECT wc.tokens(' || :run || ')', 'branch run wait');
SELECT dalp.pause(:run);
SELECT status, state FROM dalp.wait(:run, '0');
SELECT status FROM dalp.runs WHERE run_id = :run;
SELECT dalp.signal(:run, 'go');
CALL wc.until('SELECT wc.tokens(' || :run || ')', 'branch inbox parked run wait');
SELECT reason, kind FROM dalp_workflow.parked WHERE run_id = :run;
SELECT count(*) AS done FROM wc.ledger WHERE run = :run;
\set VERBOSITY sqlstate
SELECT dalp.pause(:run);
\set VERBOSITY default
SELECT dalp.resume(:run);
CALL wc.until('SELECT wc.tokens(' || :run || ')', 'branch run timer');
\set VERBOSITY sqlstate
SELECT dalp.resume(:run);
\set VERBOSITY default
SELECT step FROM wc.ledger WHERE run = :run ORDER BY step;
-- A timer that fires meanwhile.
SELECT dalp.pause(:run);
UPDATE dalp_workflow.timer SET fire_at = clock_timestamp() WHERE run_id = :run;
-- (anything that wakes the scheduler)
SELECT dalp.start('wc', start_at => clock_timestamp() + '1 ms') AS other \gset
CALL wc.until('SELECT wc.tokens(' || :run || ')', 'branch parked run');
SELECT reason, kind FROM dalp_workflow.parked WHERE run_id = :run;
SELECT dalp.resume(:run);
SELECT status FROM dalp.wait(:run);
SELECT step FROM wc.ledger WHERE run = :run ORDER BY step;
SELECT event, state FROM dalp.run_history WHERE run_id = :run;
-- Before it began, and cancelled while it is held.
BEGIN;
SELECT dalp.start('wc') AS run \gset
SELECT dalp.pause(:run);
COMMIT;
SELECT wc.tokens(:run);
SELECT dalp.cancel(:run, 'while held');
SELECT status FROM dalp.wait(:run);
SELECT wc.tokens(:run);

-- Pause a workflow: runs of it are held where they are, also new ones; others go on.
SELECT dalp.create_workflow('wc_other', '{"StartAt": "A", "States": {"A": {"Type": "Pass", "End": true}}}') AS version;
SELECT dalp.pause('wc');
\set VERBOSITY sqlstate
SELECT dalp.pause('wc');
\set VERBOSITY default
SELECT DISTINCT paused FROM dalp.workflows WHERE name = 'wc';
SELECT dalp.start('wc') AS run, dalp.start('wc_other') AS free \gset
SELECT status FROM dalp.wait(:free);
CALL wc.until('SELECT wc.tokens(' || :run || ')', 'branch parked run');
SELECT status FROM dalp.runs WHERE run_id = :run;
SELECT status FROM dalp.wait(:run, '0');
SELECT reason, reference FROM dalp_workflow.parked WHERE run_id = :run;
SELECT dalp.resume('wc');
\set VERBOSITY sqlstate
SELECT dalp.resume('wc');
\set VERBOSITY default
CALL wc.until('SELECT wc.tokens(' || :run || ')', 'branch run wait');
SELECT status FROM dalp.runs WHERE run_id = :run;
SELECT step FROM wc.ledger WHERE run = :run ORDER BY step;
SELECT dalp.cancel(:run, 'end of test'), dalp.cancel(:other, 'end of test');

-- Time limits of a run: of the machine, of the start, while it sleeps, waits, is held.
SELECT dalp.create_workflow('wc_limit', '{"TimeoutSeconds": 1, "StartAt": "A", "States": {"A": {"Type": "Wait", "Seconds": 3600, "End": true}}}') AS version;
SELECT dalp.create_workflow('wc_signal', '{"StartAt": "A", "States": {"A": {"Type": "Task", "Resource": "signal:go", "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "B"}], "Next": "B"}, "B": {"Type": "Succeed"}}}') AS version;
SELECT dalp.start('wc_limit') AS sleeps, dalp.start('wc_signal', timeout => '1 s') AS waits, dalp.start('wc_signal', timeout => '1 s') AS held,
	dalp.start('wc_signal', concurrency_key => 'c') AS holder \gset
CALL wc.until('SELECT count(*) FROM dalp_workflow.concurrency_holder WHERE concurrency_key = ''c''', '1');
SELECT dalp.start('wc_signal', timeout => '1 s', concurrency_key => 'c') AS behind \gset
SELECT dalp.pause(:held);
SELECT which, status, state, output, error, cause, finished_at - started_at >= '1 s' AS in_time
FROM (VALUES (1, 'sleeps', :sleeps::bigint), (2, 'waits', :waits), (3, 'held', :held), (4, 'behind', :behind)) AS v(number, which, run), dalp.wait(run, '20 s') ORDER BY number;
SELECT which, wc.tokens(run) FROM (VALUES (1, 'sleeps', :sleeps::bigint), (2, 'waits', :waits), (3, 'held', :held), (4, 'behind', :behind)) AS v(number, which, run) ORDER BY number;
SELECT event, state, error FROM dalp.run_history WHERE run_id = :waits;
SELECT dalp.cancel(:holder, 'end of test');

-- Concurrency keys: one run at a time, first come, first served; other keys and no key beside it.
CREATE TABLE wc.served (number int GENERATED ALWAYS AS IDENTITY, run bigint, what text);
CREATE FUNCTION wc.serve(i jsonb) RETURNS jsonb LANGUAGE sql AS $$
	INSERT INTO wc.served (run, what) VALUES ((i->>'run')::bigint, i->>'what');
	SELECT i
$$;
SELECT dalp.create_workflow('wc_key', '{"StartAt": "A", "States": {
	"A": {"Type": "Task", "Resource": "sql:wc.serve", "Parameters": {"run.$": "$$.Execution.Id", "what": "begins"}, "Next": "W"},
	"W": {"Type": "Wait", "Seconds": 0, "Next": "X"},
	"X": {"Type": "Pass", "Next": "B"},
	"B": {"Type": "Task", "Resource": "sql:wc.serve", "Parameters": {"run.$": "$$.Execution.Id", "what": "ends"}, "Next": "C"},
	"C": {"Type": "Choice", "Choices": [{"Variable": "$$.Execution.Input.fail", "IsPresent": true, "Next": "F"}], "Default": "S"},
	"F": {"Type": "Fail", "Error": "Told"}, "S": {"Type": "Succeed"}}}') AS version;
BEGIN;
SELECT array_agg(dalp.start('wc_key', CASE WHEN i % 3 = 0 THEN '{"fail": 1}' ELSE '{}' END::jsonb, concurrency_key => 'k' || i % 2)) AS ids FROM generate_series(1, 20) i \gset
COMMIT;
SELECT status, count(*) FROM unnest(:'ids'::bigint[]) AS run, dalp.wait(run) GROUP BY status ORDER BY status;
SELECT concurrency_key, count(*) AS rows, bool_and(what = CASE WHEN n % 2 = 1 THEN 'begins' ELSE 'ends' END) AS alone
FROM (SELECT r.concurrency_key, s.what, row_number() OVER (PARTITION BY r.concurrency_key ORDER BY s.number) AS n
	FROM wc.served s JOIN dalp.runs r ON r.run_id = s.run) s GROUP BY concurrency_key ORDER BY 1;
SELECT count(*) AS keys_still_held FROM dalp_workflow.concurrency_holder;
-- A cancelled or paused run behind a key holds up nobody; those who wait are served in turn.
SELECT dalp.start('wc_signal', concurrency_key => 'q') AS one \gset
CALL wc.until('SELECT wc.tokens(' || :one || ')', 'branch run wait');
SELECT dalp.start('wc_signal', concurrency_key => 'q') AS two, dalp.start('wc_signal', concurrency_key => 'q') AS three,
	dalp.start('wc_signal', concurrency_key => 'q') AS four, dalp.start('wc_signal', concurrency_key => 'q') AS five \gset
CALL wc.until('SELECT count(*) FROM dalp_workflow.parked WHERE reason = ''concurrency_key''', '4');
SELECT dalp.cancel(:two, 'out of the queue');
SELECT dalp.pause(:three);
SELECT dalp.signal(:one, 'go');
SELECT status FROM dalp.wait(:one);
CALL wc.until('SELECT wc.tokens(' || :four || ')', 'branch run wait');
SELECT status FROM dalp.wait(:five, '0');
SELECT wc.tokens(:five);
SELECT dalp.signal(:four, 'go');
CALL wc.until('SELECT wc.tokens(' || :five || ')', 'branch run wait');
SELECT dalp.resume(:three);
SELECT dalp.signal(:three, 'go');
CALL wc.until('SELECT wc.tokens(' || :three || ')', 'branch inbox parked parked run');
SELECT dalp.cancel(:five, 'makes room');
SELECT status FROM dalp.wait(:three);

-- All of it is on record.
SELECT action, count(*) FROM dalp.audit_log
WHERE action IN ('cancel', 'pause', 'resume') AND entry_id > :audited GROUP BY action ORDER BY action;
