-- Redriving goes on inside Parallel and Map: no step that has completed is repeated, none is lost.
\set VERBOSITY sqlstate
SET client_min_messages = warning;
CREATE SCHEMA again;
CREATE TABLE again.done (run bigint, what text, times int, PRIMARY KEY (run, what));
CREATE TABLE again.bad (what text PRIMARY KEY);
-- Fails while the item is among the bad ones; else counts how often it was done.
CREATE FUNCTION again.work(input jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
BEGIN
	IF EXISTS (SELECT FROM again.bad WHERE what = input ->> 'what') THEN
		PERFORM dalp.raise_error('Bad', 'item ' || (input ->> 'what'));
	END IF;
	INSERT INTO again.done AS d VALUES ((input ->> 'run')::bigint, input ->> 'what', 1)
		ON CONFLICT (run, what) DO UPDATE SET times = d.times + 1;
	RETURN input -> 'what';
END
$$;
CREATE FUNCTION again.task(what text, rest text DEFAULT '{"End": true}') RETURNS jsonb LANGUAGE sql AS $body$
	SELECT jsonb_build_object('Type', 'Task', 'Resource', 'sql:again.work',
		'Parameters', jsonb_build_object('what', what, 'run.$', '$$.Execution.Id')) || rest::jsonb
$body$;
CREATE FUNCTION again.item(rest text DEFAULT '{"End": true}') RETURNS jsonb LANGUAGE sql AS $body$
	SELECT '{"Type": "Task", "Resource": "sql:again.work",
		"Parameters": {"what.$": "States.Format(''{}'', $)", "run.$": "$$.Execution.Id"}}'::jsonb || rest::jsonb
$body$;
CREATE FUNCTION again.story(r bigint) RETURNS text LANGUAGE sql AS $$
	SELECT string_agg(what || CASE WHEN times > 1 THEN '*' || times ELSE '' END, ' ' ORDER BY what COLLATE "C") FROM again.done WHERE run = r
$$;
CREATE FUNCTION again.letter(r bigint) RETURNS bigint LANGUAGE sql AS $$
	SELECT id FROM dalp.dead_letters WHERE kind = 'run' AND reference = r AND resolution IS NULL
$$;
CREATE FUNCTION again.kept() RETURNS bigint LANGUAGE sql AS $$
	SELECT count(*) FROM dalp_workflow.suspended_branch JOIN dalp.runs USING (run_id)
		WHERE workflow IN ('again_three', 'again_items', 'again_nested', 'again_retried', 'again_slow')
$$;
CREATE PROCEDURE again.until(query text) LANGUAGE plpgsql AS $$
DECLARE
	answer boolean;
	poll_interval CONSTANT float8 := 0.01;
BEGIN
	FOR i IN 1 .. 3000 LOOP
		EXECUTE query INTO answer;
		IF answer THEN RETURN; END IF;
		COMMIT;
		PERFORM pg_sleep(poll_interval);
	END LOOP;
	RAISE EXCEPTION 'waited in vain for %', query;
END
$$;

-- Parallel: one branch has completed, one fails, one awaits a signal.
SELECT dalp.create_workflow('again_three', jsonb_build_object('StartAt', 'First', 'States', jsonb_build_object(
	'First', again.task('first', '{"Next": "P", "ResultPath": null}'),
	'P', jsonb_build_object('Type', 'Parallel', 'Next', 'Last', 'Branches', jsonb_build_array(
		jsonb_build_object('StartAt', 'A', 'States', jsonb_build_object('A', again.task('a'))),
		jsonb_build_object('StartAt', 'B', 'States', jsonb_build_object('B', again.task('b', '{"Next": "BS"}'),
			'BS', '{"Type": "Task", "Resource": "signal:fail", "ResultPath": null, "Next": "B2"}'::jsonb, 'B2', again.task('b2'))),
		jsonb_build_object('StartAt', 'C', 'States', jsonb_build_object('C', again.task('c', '{"Next": "S"}'),
			'S', '{"Type": "Task", "Resource": "signal:go", "End": true}'::jsonb)))),
	'Last', '{"Type": "Pass", "End": true}'::jsonb)));
INSERT INTO again.bad VALUES ('b2');
SELECT dalp.start('again_three', '{"x": 1}') AS run \gset
CALL again.until(format('SELECT count(*) = 2 FROM dalp.why(%s) WHERE kind = ''signal''', :run));
SELECT dalp.signal(:run, 'fail');
SELECT status, state, error FROM dalp.wait(:run, '20s');
SELECT again.story(:run);
-- The letter names the state that failed, with its input.
SELECT state, error, cause, input FROM dalp.dead_letters WHERE id = again.letter(:run);
DELETE FROM again.bad;
SELECT dalp.redrive(again.letter(:run), note => 'repaired') = :run AS same_run;
CALL again.until(format('SELECT count(*) = 1 FROM dalp.why(%s) WHERE kind = ''signal''', :run));
SELECT again.story(:run);
SELECT dalp.signal(:run, 'go', '"gone"');
SELECT status, output, error FROM dalp.wait(:run, '20s');
SELECT again.story(:run);
SELECT branch, event, state FROM dalp.run_history WHERE run_id = :run AND event IN ('redriven', 'failed') ORDER BY branch, seq;
SELECT redrives FROM dalp.runs WHERE run_id = :run;

-- Map with few at a time: those that had completed keep their results, the failed one runs again, the rest start only now.
SELECT dalp.create_workflow('again_items', jsonb_build_object('StartAt', 'M', 'States', jsonb_build_object('M', jsonb_build_object(
	'Type', 'Map', 'MaxConcurrency', 3, 'End', true, 'ItemProcessor', jsonb_build_object('StartAt', 'I', 'States',
	jsonb_build_object('I', again.item('{"Next": "J"}'), 'J', '{"Type": "Pass", "End": true}'::jsonb))))));
INSERT INTO again.bad VALUES ('17');
SELECT dalp.start('again_items', (SELECT jsonb_agg(i) FROM generate_series(1, 40) AS i)) AS run \gset
SELECT status, error, cause FROM dalp.wait(:run, '20s');
SELECT count(*) BETWEEN 14 AND 18 AS some, max(times) FROM again.done WHERE run = :run;
-- It fails once more, and is redriven once more, with another item in its place.
SELECT dalp.redrive(again.letter(:run)) = :run AS same_run;
SELECT status, cause FROM dalp.wait(:run, '20s');
SELECT dalp.redrive(again.letter(:run), '"170"') = :run AS same_run;
SELECT status, jsonb_array_length(output), output -> 15 AS before, output -> 16 AS patched, output -> 39 AS last FROM dalp.wait(:run, '20s');
SELECT count(*), max(times) FROM again.done WHERE run = :run;
SELECT again.kept();

-- Nested, with tolerated failures inside: those stay failed; more failed items than are tolerated run again, all of them.
SELECT dalp.create_workflow('again_nested', jsonb_build_object('StartAt', 'P', 'States', jsonb_build_object('P', jsonb_build_object(
	'Type', 'Parallel', 'End', true, 'Branches', jsonb_build_array(
		jsonb_build_object('StartAt', 'M', 'States', jsonb_build_object('M', jsonb_build_object('Type', 'Map', 'ItemsPath', '$.left', 'End', true,
			'ToleratedFailureCount', 1, 'ItemProcessor', jsonb_build_object('StartAt', 'K', 'States', jsonb_build_object('K', jsonb_build_object(
				'Type', 'Map', 'End', true, 'ItemProcessor', jsonb_build_object('StartAt', 'I', 'States', jsonb_build_object('I', again.item())))))))),
		jsonb_build_object('StartAt', 'N', 'States', jsonb_build_object('N', jsonb_build_object('Type', 'Map', 'ItemsPath', '$.right', 'End', true,
			'ToleratedFailureCount', 1, 'ItemProcessor', jsonb_build_object('StartAt', 'W', 'States', jsonb_build_object(
				'W', '{"Type": "Task", "Resource": "signal:go", "ResultPath": null, "Next": "R"}'::jsonb, 'R', again.item()))))))))));
INSERT INTO again.bad VALUES ('12'), ('51'), ('52');
SELECT dalp.start('again_nested', '{"left": [[11, 12, 13], [21], [31, 32]], "right": [51, 52, 53]}') AS run \gset
-- Left: one item of three has failed, and is tolerated.
CALL again.until(format('SELECT count(*) = 3 FROM dalp.why(%s) WHERE kind = ''signal''', :run));
CALL again.until(format('SELECT count(*) = 3 FROM again.done WHERE run = %s AND what IN (''21'', ''31'', ''32'')', :run));
SELECT dalp.signal(:run, 'go'), dalp.signal(:run, 'go');
SELECT status, error FROM dalp.wait(:run, '20s');
SELECT state FROM dalp.dead_letters WHERE id = again.letter(:run);
-- A patch has two inputs to go to.
SELECT dalp.redrive(again.letter(:run), '{"a": 1}');
DELETE FROM again.bad;
SELECT dalp.redrive(again.letter(:run)) = :run AS same_run;
CALL again.until(format('SELECT count(*) = 2 FROM again.done WHERE run = %s AND what IN (''51'', ''52'')', :run));
SELECT dalp.signal(:run, 'go');
SELECT status, output FROM dalp.wait(:run, '20s');
SELECT max(times) FROM again.done WHERE run = :run;
SELECT again.kept();

-- What is retried or caught starts all over, or goes on elsewhere; nothing is kept.
SELECT dalp.create_workflow('again_retried', jsonb_build_object('StartAt', 'P', 'States', jsonb_build_object('P', jsonb_build_object(
	'Type', 'Parallel', 'End', true, 'Retry', '[{"ErrorEquals": ["Bad"], "IntervalSeconds": 1, "MaxAttempts": 1, "BackoffRate": 1}]'::jsonb, 'Branches', jsonb_build_array(
		jsonb_build_object('StartAt', 'Q', 'States', jsonb_build_object('Q', jsonb_build_object('Type', 'Parallel', 'End', true, 'Branches', jsonb_build_array(
			jsonb_build_object('StartAt', 'A', 'States', jsonb_build_object('A', again.task('a', '{"Next": "B"}'), 'B', again.task('b'))))))))))));
INSERT INTO again.bad VALUES ('b');
SELECT dalp.start('again_retried') AS run \gset
SELECT status, error FROM dalp.wait(:run, '20s');
SELECT again.story(:run), again.kept();
DELETE FROM again.bad;
SELECT dalp.redrive(again.letter(:run)) = :run AS same_run;
SELECT status, output FROM dalp.wait(:run, '20s');
SELECT again.story(:run);

-- A run that takes too long stands where it stood.
SELECT dalp.create_workflow('again_slow', jsonb_build_object('StartAt', 'P', 'States', jsonb_build_object('P', jsonb_build_object(
	'Type', 'Parallel', 'End', true, 'Branches', jsonb_build_array(
		jsonb_build_object('StartAt', 'A', 'States', jsonb_build_object('A', again.task('a'))),
		jsonb_build_object('StartAt', 'S', 'States', jsonb_build_object('S', '{"Type": "Task", "Resource": "signal:late", "End": true}'::jsonb)))))));
SELECT dalp.start('again_slow', timeout => '1s') AS run \gset
SELECT status FROM dalp.wait(:run, '20s');
SELECT dalp.redrive(again.letter(:run)) = :run AS same_run;
SELECT dalp.signal(:run, 'late', '"well"');
SELECT status, output FROM dalp.wait(:run, '20s');
SELECT again.story(:run);

SELECT count(*) AS live FROM dalp_workflow.run r JOIN dalp_workflow.definition d USING (definition_id)
	JOIN dalp_workflow.workflow w USING (workflow_id) WHERE w.name IN ('again_three', 'again_items', 'again_nested', 'again_retried', 'again_slow');
SELECT again.kept();
DROP SCHEMA again CASCADE;
