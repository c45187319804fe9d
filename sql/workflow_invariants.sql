--
-- Promise: dalp.check_invariants() finds nothing in what dalp itself has
-- written, and names what somebody's hand, or a bug, has broken.
--
SET client_min_messages TO warning;
CREATE SCHEMA iv;
CREATE FUNCTION iv.flaky(i jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$BEGIN IF (i->>'n')::int % 3 = 0 THEN RAISE 'no'; END IF; RETURN i; END$$;
SELECT dalp.create_workflow('iv', '{"StartAt": "M", "States": {
	"M": {"Type": "Map", "ItemsPath": "$.items", "MaxConcurrency": 3, "ToleratedFailurePercentage": 100, "ItemProcessor": {"StartAt": "A", "States": {
		"A": {"Type": "Task", "Resource": "sql:iv.flaky", "Parameters": {"n.$": "$"}, "Retry": [{"ErrorEquals": ["States.ALL"], "IntervalSeconds": 1, "MaxAttempts": 1}], "End": true}}}, "Next": "P"},
	"P": {"Type": "Parallel", "End": true, "Branches": [
		{"StartAt": "S", "States": {"S": {"Type": "Task", "Resource": "signal:go", "End": true}}},
		{"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 3600, "End": true}}}]}}}');
SELECT count(dalp.start('iv', '{"items": [1, 2, 3, 4, 5]}', concurrency_key => CASE WHEN i % 5 = 0 THEN 'one' END)) FROM generate_series(1, 30) AS i;
-- While they go on, and when all wait, some paused, some aborted.
CREATE TABLE iv.found (invariant text);
CREATE PROCEDURE iv.look(looks int) LANGUAGE plpgsql AS $$
BEGIN
	FOR i IN 1..looks LOOP
		INSERT INTO iv.found SELECT invariant FROM dalp.check_invariants();
		COMMIT;
	END LOOP;
END
$$;
CREATE PROCEDURE iv.await(sql text) LANGUAGE plpgsql AS $$
DECLARE good boolean; look_every CONSTANT float := 0.1; BEGIN
	FOR i IN 1..300 LOOP
		INSERT INTO iv.found SELECT invariant FROM dalp.check_invariants();
		EXECUTE sql INTO good;
		COMMIT;
		EXIT WHEN good;
		PERFORM pg_sleep(look_every);
	END LOOP;
	IF NOT good THEN RAISE 'not reached: %', sql; END IF;
END
$$;
CALL iv.look(20);
CALL iv.await('SELECT count(*) >= 25 FROM dalp_workflow.wait WHERE kind = ''signal''');
SELECT count(dalp.pause(run_id)) FROM dalp.runs WHERE workflow = 'iv' AND run_id % 4 = 0 AND concurrency_key IS NULL;
SELECT count(dalp.signal(run_id, 'go')) > 0 AS sent FROM dalp.runs WHERE workflow = 'iv';
SELECT count(dalp.cancel(run_id, 'enough')) > 0 AS cancelled FROM dalp.runs WHERE workflow = 'iv' AND run_id % 4 = 1;
CALL iv.await('SELECT NOT EXISTS (SELECT FROM dalp.runs WHERE workflow = ''iv'' AND status <> ''ABORTED'' AND run_id % 4 = 1)');
SELECT invariant, count(*) FROM iv.found GROUP BY invariant;

-- One that waits, and nothing takes it on while this transaction has it.
SELECT min(run_id) AS run FROM dalp.runs WHERE workflow = 'iv' AND status = 'RUNNING' AND run_id % 4 = 2 AND concurrency_key IS NULL \gset
CALL iv.await(format('SELECT count(*) = 1 FROM dalp_workflow.wait WHERE run_id = %s', :run));
CREATE FUNCTION iv.broken(VARIADIC sql text[]) RETURNS TABLE (invariant text, branch int, detail text) LANGUAGE plpgsql AS $$
DECLARE
	rows jsonb;
BEGIN
	BEGIN
		FOR i IN 1..cardinality(sql) LOOP
			EXECUTE sql[i];
		END LOOP;
		SELECT jsonb_agg(to_jsonb(c) ORDER BY c.invariant, c.branch) INTO rows FROM dalp.check_invariants() AS c;
		RAISE 'undo' USING ERRCODE = 'XX999';
	EXCEPTION WHEN SQLSTATE 'XX999' THEN
		RETURN QUERY SELECT v->>'invariant', (v->>'branch')::int, v->>'detail' FROM jsonb_array_elements(rows) AS v;
	END;
END
$$;
SELECT * FROM iv.broken(format('DELETE FROM dalp_workflow.wait WHERE run_id = %s', :run));
SELECT invariant, detail FROM iv.broken(format('DELETE FROM dalp_workflow.timer WHERE run_id = %s', :run));
SELECT invariant, branch, detail FROM iv.broken(format('INSERT INTO dalp_workflow.ready VALUES (0, 0, 0, %s, 0, ''step'', 0)', :run));
SELECT invariant, branch, detail FROM iv.broken(format('UPDATE dalp_workflow.branch SET children_open = 2 WHERE run_id = %s AND branch_id = 0', :run));
SELECT DISTINCT invariant, detail FROM iv.broken(format('DELETE FROM dalp_workflow.run WHERE run_id = %s', :run)) ORDER BY invariant, detail;
SELECT DISTINCT invariant, detail FROM iv.broken(format('DELETE FROM dalp_workflow.branch WHERE run_id = %s', :run)) ORDER BY invariant, detail;
SELECT invariant, detail FROM iv.broken(format('DELETE FROM dalp_workflow.run_data WHERE run_id = %s', :run));
SELECT DISTINCT invariant, detail FROM iv.broken('DELETE FROM dalp_workflow.run_data WHERE run_id IN (SELECT run_id FROM dalp_workflow.run_done)') ORDER BY invariant;
SELECT DISTINCT invariant, detail FROM iv.broken('UPDATE dalp_workflow.run_done SET status = ''FAILED''', 'DELETE FROM dalp_ops.dead_letter') ORDER BY invariant;

SELECT count(dalp.cancel(run_id, 'done')) > 0 AS cancelled FROM dalp.runs WHERE workflow = 'iv' AND finished_at IS NULL;
CALL iv.await('SELECT NOT EXISTS (SELECT FROM dalp.runs WHERE workflow = ''iv'' AND finished_at IS NULL)');
SELECT * FROM dalp.check_invariants();
DROP SCHEMA iv CASCADE;
