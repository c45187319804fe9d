--
-- Promise: a paused tenant's runs make no step and a paused queue gives no task,
-- others go on; at the end of the pause all goes on where it was.
--
SET client_min_messages = warning;
CREATE SCHEMA pa;
CREATE PROCEDURE pa.until(query text, wanted text) LANGUAGE plpgsql AS $$
DECLARE found text; poll_interval CONSTANT float8 := 0.02; BEGIN
	FOR i IN 1..2000 LOOP
		EXECUTE query INTO found;
		IF found = wanted THEN RETURN; END IF;
		COMMIT;
		PERFORM pg_sleep(poll_interval);
	END LOOP;
	RAISE EXCEPTION 'waited in vain for %, the last answer was %', wanted, found;
END $$;
CREATE TABLE pa.ledger (who text, what text);
CREATE FUNCTION pa.note(i jsonb) RETURNS jsonb LANGUAGE sql AS $$ INSERT INTO pa.ledger VALUES (i->>'who', i->>'what'); SELECT i $$;
SELECT dalp.create_workflow('pa', '{"StartAt": "A", "States": {
	"A": {"Type": "Task", "Resource": "sql:pa.note", "Parameters": {"who.$": "$.who", "what": "begin"}, "Next": "B"},
	"B": {"Type": "Task", "Resource": "signal:go", "ResultPath": null, "Next": "C"},
	"C": {"Type": "Task", "Resource": "sql:pa.note", "Parameters": {"who.$": "$.who", "what": "end"}, "End": true}}}') AS version;
SELECT dalp.create_workflow('pa.task', '{"StartAt": "A", "States": {"A": {"Type": "Task", "Resource": "activity:pa", "End": true}}}') AS version;

-- Refusals.
\set SHOW_CONTEXT never
SELECT dalp.pause_tenant(NULL);
SELECT dalp.pause_tenant('');
SELECT dalp.pause_queue(repeat('x', 600));
SELECT dalp.resume_tenant('a');
SELECT dalp.resume_queue('pa');

-- One run waits for a signal, then its tenant is paused, then another is started: neither goes on; the other tenant does.
SELECT dalp.start('pa', '{"who": "a1"}', tags => '{"tenant": "a"}') AS a1 \gset
CALL pa.until('SELECT count(*) FROM pa.ledger', '1');
SELECT dalp.pause_tenant('a');
SELECT dalp.pause_tenant('a');
SELECT dalp.start('pa', '{"who": "a2"}', tags => '{"tenant": "a"}') AS a2 \gset
SELECT dalp.signal(:a1, 'go');
SELECT dalp.start('pa', '{"who": "b"}', tags => '{"tenant": "b"}') AS b \gset
SELECT dalp.signal(:b, 'go');
SELECT (dalp.wait(:b)).status;
CALL pa.until('SELECT waiting FROM dalp.pauses', '2');
SELECT who, what FROM pa.ledger ORDER BY who, what;
SELECT kind, name, since <= clock_timestamp() AS since, waiting FROM dalp.pauses;
SELECT status, count(*) FROM dalp.runs WHERE run_id IN (:a1, :a2) GROUP BY status;
SELECT waits_for, kind, what_next FROM dalp.why(:a2);
-- A paused run can be cancelled; the other goes on.
SELECT dalp.start('pa', '{"who": "a3"}', tags => '{"tenant": "a"}') AS a3 \gset
CALL pa.until('SELECT waiting FROM dalp.pauses', '3');
SELECT dalp.cancel(:a3, 'not needed');
SELECT dalp.resume_tenant('a');
SELECT (dalp.wait(:a1)).status;
SELECT dalp.signal(:a2, 'go');
SELECT (dalp.wait(:a2)).status;
SELECT who, what FROM pa.ledger ORDER BY who, what;
SELECT count(*) AS parked FROM dalp_workflow.parked;

-- A queue: what a worker has it may complete; nothing new until the end of the pause, which wakes whoever waits.
SELECT count(*) FROM dalp.start_many('pa.task', array_fill('{}'::jsonb, ARRAY[3]));
CALL pa.until('SELECT count(*) FROM dalp_workflow.task', '3');
SELECT task_token AS token FROM dalp.claim_tasks('pa', 'w') \gset
SELECT dalp.pause_queue('pa');
SELECT dalp.pause_queue('pa');
SELECT count(*) FROM dalp.claim_tasks('pa', 'w', 10);
SELECT count(*) FROM dalp.complete_and_claim(ARRAY[:'token'], ARRAY['1'::jsonb], 'pa', 'w', 10);
SELECT kind, name, waiting FROM dalp.pauses;
SELECT dalp.resume_queue('pa');
SELECT count(*) FROM dalp.claim_tasks('pa', 'w', 10);
SELECT action, object FROM dalp.audit_log WHERE object IN ('tenant a', 'queue pa') ORDER BY entry_id;
DO $$ BEGIN PERFORM dalp.cancel(run_id, 'enough') FROM dalp.runs WHERE workflow = 'pa.task' AND status = 'RUNNING'; END $$;
DROP SCHEMA pa CASCADE;
