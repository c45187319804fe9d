-- Compensate: a run that fails undoes what it had completed, last first, each completed entry once.
\set VERBOSITY default
SET client_min_messages = warning;
CREATE SCHEMA saga;
CREATE TABLE saga.log (n int GENERATED ALWAYS AS IDENTITY, run bigint, what text, input jsonb);
CREATE FUNCTION saga.run_of(input jsonb) RETURNS bigint LANGUAGE sql IMMUTABLE AS $$SELECT (input ->> 'run')::bigint$$;
CREATE FUNCTION saga.work(input jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
BEGIN
	IF input ->> 'fails' = input ->> 'what' THEN
		PERFORM dalp.raise_error('NoStock', 'none of it');
	END IF;
	INSERT INTO saga.log (run, what, input) VALUES (saga.run_of(input), 'do ' || (input ->> 'what'), NULL);
	RETURN jsonb_build_object('did', input -> 'what');
END
$$;
CREATE FUNCTION saga.undo(input jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
BEGIN
	IF input #>> '{Input,stuck}' = input #>> '{Result,did}' THEN
		PERFORM dalp.raise_error('CantUndo');
	END IF;
	INSERT INTO saga.log (run, what, input)
		VALUES (saga.run_of(input -> 'Input'), 'undo ' || (input #>> '{Result,did}'), input);
	RETURN 'true';
END
$$;
CREATE FUNCTION saga.task(what text, rest jsonb) RETURNS jsonb LANGUAGE sql AS $body$
	SELECT jsonb_build_object('Type', 'Task', 'Resource', 'sql:saga.work', 'ResultPath', '$.' || what, 'Compensate', 'Undo',
		'Parameters', jsonb_build_object('what', what, 'run.$', '$$.Execution.Id', 'fails.$', '$.fails', 'stuck.$', '$.stuck'))
		|| rest
$body$;
CREATE FUNCTION saga.undo_task(name text DEFAULT 'Undo') RETURNS jsonb LANGUAGE sql AS $$
	SELECT jsonb_build_object(name, '{"Type": "Task", "Resource": "sql:saga.undo", "End": true}'::jsonb)
$$;
CREATE FUNCTION saga.story(r bigint) RETURNS text LANGUAGE sql AS $$SELECT string_agg(what, ', ' ORDER BY n) FROM saga.log WHERE run = r$$;

SELECT dalp.create_workflow('saga_line', jsonb_build_object('StartAt', 'A', 'States', jsonb_build_object(
	'A', saga.task('a', '{"Next": "B"}'), 'B', saga.task('b', '{"Next": "C"}'), 'C', saga.task('c', '{"End": true}')) || saga.undo_task()));

-- Without a failure nothing is undone, and nothing is left behind.
SELECT dalp.start('saga_line', '{"fails": "-", "stuck": "-"}') AS run \gset
SELECT status FROM dalp.wait(:run, '20s');
SELECT saga.story(:run), (SELECT count(*) FROM dalp_workflow.compensation) AS kept;

-- The last state fails: the two before it are undone, the later one first; the error stays the run's own, with one dead letter.
SELECT dalp.start('saga_line', '{"fails": "c", "stuck": "-"}') AS run \gset
SELECT status, error, cause, state FROM dalp.wait(:run, '20s');
SELECT saga.story(:run);
SELECT input - 'Input' AS rest, (input -> 'Input') - 'run' AS undone_input FROM saga.log WHERE run = :run AND what = 'undo a';
SELECT branch, event, state, error, details - 'branch' AS details FROM dalp.run_history
	WHERE run_id = :run AND (branch > 0 OR error IS NOT NULL) AND event <> 'entered' ORDER BY branch, seq;
SELECT kind, state, error, resolution FROM dalp.dead_letters WHERE reference = :run AND kind = 'run';
SELECT count(*) AS kept FROM dalp_workflow.compensation;

-- It can't go on from there, but a new run can be started.
SELECT id AS letter FROM dalp.dead_letters WHERE reference = :run AND kind = 'run' \gset
\set VERBOSITY sqlstate
SELECT dalp.redrive(:letter);
\set VERBOSITY default

-- A failure that is caught compensates nothing; a state that failed isn't undone itself.
SELECT dalp.create_workflow('saga_caught', jsonb_build_object('StartAt', 'A', 'States', jsonb_build_object(
	'A', saga.task('a', '{"Next": "B"}'),
	'B', saga.task('b', '{"Next": "Done", "Catch": [{"ErrorEquals": ["NoStock"], "ResultPath": null, "Next": "Done"}]}'),
	'Done', '{"Type": "Succeed"}'::jsonb) || saga.undo_task()));
SELECT dalp.start('saga_caught', '{"fails": "b", "stuck": "-"}') AS run \gset
SELECT status FROM dalp.wait(:run, '20s');
SELECT saga.story(:run);

-- Every completed entry of a loop is undone.
SELECT dalp.create_workflow('saga_loop', jsonb_build_object('StartAt', 'A', 'States', jsonb_build_object(
	'A', saga.task('a', '{"Next": "Again", "ResultPath": null, "Assign": {"n.$": "States.MathAdd($n, 1)"}}'),
	'Again', '{"Type": "Choice", "Choices": [{"Variable": "$n", "NumericLessThan": 3, "Next": "A"}], "Default": "Bad"}'::jsonb,
	'Bad', '{"Type": "Fail", "Error": "Enough"}'::jsonb,
	'Zero', '{"Type": "Pass", "Assign": {"n": 0}, "Next": "A"}'::jsonb) || saga.undo_task()) || '{"StartAt": "Zero"}');
SELECT dalp.start('saga_loop', '{"fails": "-", "stuck": "-"}') AS run \gset
SELECT status, error FROM dalp.wait(:run, '20s');
SELECT saga.story(:run);

-- Across branches: what had completed in Parallel and Map, whichever branch failed; not what was under way.
SELECT dalp.create_workflow('saga_wide', jsonb_build_object('StartAt', 'M', 'States', jsonb_build_object(
	'M', jsonb_build_object('Type', 'Map', 'ItemsPath', '$.items', 'MaxConcurrency', 1, 'Next', 'P', 'ResultPath', NULL,
		'ItemSelector', '{"item.$": "$$.Map.Item.Value", "fails.$": "$.fails", "stuck.$": "$.stuck"}'::jsonb,
		'ItemProcessor', jsonb_build_object('StartAt', 'I', 'States', jsonb_build_object(
			'I', saga.task('i', '{"End": true}') || jsonb_build_object('Parameters',
				'{"what.$": "$.item", "run.$": "$$.Execution.Id", "fails.$": "$.fails", "stuck.$": "$.stuck"}'::jsonb) || '{"Compensate": "UndoI"}')
			|| '{"UndoI": {"Type": "Task", "Resource": "sql:saga.undo", "End": true,
				"Parameters": {"Input.$": "$.Input", "Result": {"did.$": "States.Format(''{} of {}'', $.Result.did, $$.Map.Item.Index)"}}}}'::jsonb)),
	'P', jsonb_build_object('Type', 'Parallel', 'End', true, 'Branches', jsonb_build_array(
		jsonb_build_object('StartAt', 'L', 'States', jsonb_build_object('L', saga.task('l', '{"Next": "Sig", "Compensate": "UndoL"}'),
			'Sig', '{"Type": "Task", "Resource": "signal:go", "End": true}'::jsonb) || saga.undo_task('UndoL')),
		jsonb_build_object('StartAt', 'W', 'States', jsonb_build_object('W', '{"Type": "Task", "Resource": "signal:now", "ResultPath": null, "Next": "R"}'::jsonb,
			'R', saga.task('r', '{"End": true, "Compensate": "UndoR"}')) || saga.undo_task('UndoR')))))));
SELECT dalp.start('saga_wide', '{"items": ["x", "y"], "fails": "r", "stuck": "-"}') AS run \gset
SELECT dalp.signal(:run, 'now');
SELECT status, error FROM dalp.wait(:run, '20s');
SELECT saga.story(:run);

-- A compensation that fails: the others still run; a dead letter of its own says so, and it can be redriven alone.
SELECT dalp.start('saga_line', '{"fails": "c", "stuck": "b"}') AS run \gset
SELECT status, error FROM dalp.wait(:run, '20s');
SELECT saga.story(:run);
SELECT kind, state, error, scope, resolution FROM dalp.dead_letters WHERE scope = 'saga_line' AND id > :letter ORDER BY kind;
SELECT max(id) AS letter FROM dalp.dead_letters WHERE kind = 'compensation' \gset
SELECT dalp.redrive(:letter, '{"Input": {"stuck": "-"}}', 'the stock is back') = :run AS same_run;
SELECT status, error FROM dalp.wait(:run, '20s');
SELECT redrives FROM dalp.runs WHERE run_id = :run;
SELECT saga.story(:run);
SELECT kind, resolution, count(*) FROM dalp.dead_letters WHERE scope = 'saga_line' GROUP BY 1, 2 ORDER BY 1, 2;
SELECT count(*) AS kept FROM dalp_workflow.compensation;

-- Time-out of the run, and cancel; meanwhile the run is RUNNING and dalp.why says what it does.
SELECT dalp.create_workflow('saga_waits', jsonb_build_object('StartAt', 'A', 'States', jsonb_build_object(
	'A', saga.task('a', '{"Next": "S"}'),
	'S', '{"Type": "Task", "Resource": "signal:go", "ResultPath": "$.s", "Compensate": "Hold", "Next": "T"}'::jsonb,
	'T', '{"Type": "Task", "Resource": "signal:never", "End": true}'::jsonb,
	'Hold', '{"Type": "Task", "Resource": "signal:undone", "End": true}'::jsonb) || saga.undo_task()));
SELECT dalp.start('saga_waits', '{"fails": "-", "stuck": "-"}', timeout => '1s') AS run \gset
SELECT status, error FROM dalp.wait(:run, '20s');
SELECT saga.story(:run), (SELECT error FROM dalp.dead_letters WHERE kind = 'run' AND reference = :run);
SELECT dalp.start('saga_waits', '{"fails": "-", "stuck": "-"}') AS run \gset
SELECT dalp.signal(:run, 'go', '"paid"');
CREATE PROCEDURE saga.until(run bigint, wanted text) LANGUAGE plpgsql AS $$
DECLARE
	poll_interval CONSTANT float8 := 0.01;
BEGIN
	FOR i IN 1 .. 2000 LOOP
		EXIT WHEN EXISTS (SELECT FROM dalp.why(run) w WHERE w.waits_for = format('signal "%s"', wanted));
		COMMIT;
		PERFORM pg_sleep(poll_interval);
	END LOOP;
END
$$;
CALL saga.until(:run, 'never');
SELECT dalp.cancel(:run, 'customer left');
CALL saga.until(:run, 'undone');
SELECT status, state FROM dalp.runs WHERE run_id = :run;
SELECT branch, waits_for, replace(what_next, :'run', 'RUN') AS what_next FROM dalp.why(:run) ORDER BY branch, waits_for COLLATE "C";
\set VERBOSITY sqlstate
SELECT dalp.cancel(:run, 'again');
SELECT dalp.pause(:run);
SELECT status FROM dalp.runs WHERE run_id = :run;
SELECT dalp.resume(:run);
SELECT dalp.signal(:run, 'undone');
SELECT status, error, cause FROM dalp.wait(:run, '20s');
SELECT saga.story(:run);
SELECT input -> 'Error' AS error, input -> 'Cause' AS cause FROM saga.log WHERE run = :run AND what = 'undo a';

-- Cancel without compensation, and one that stops the compensation under way.
SELECT dalp.start('saga_waits', '{"fails": "-", "stuck": "-"}') AS run \gset
SELECT dalp.signal(:run, 'go');
CALL saga.until(:run, 'never');
SELECT dalp.cancel(:run, 'no matter', compensate => false);
SELECT status, cause FROM dalp.runs WHERE run_id = :run;
SELECT saga.story(:run);
SELECT dalp.start('saga_waits', '{"fails": "-", "stuck": "-"}') AS run \gset
SELECT dalp.signal(:run, 'go');
CALL saga.until(:run, 'never');
SELECT dalp.cancel(:run, 'customer left');
CALL saga.until(:run, 'undone');
SELECT dalp.cancel(:run, 'by hand', compensate => false);
SELECT status, cause FROM dalp.runs WHERE run_id = :run;
SELECT saga.story(:run);

-- A child's compensations come before its parent hears of the failure.
SELECT dalp.create_workflow('saga_parent', '{"StartAt": "K", "States": {"K": {"Type": "Task", "Resource": "workflow:saga_line.sync",
	"Catch": [{"ErrorEquals": ["NoStock"], "ResultPath": "$.failed", "Next": "Done"}], "End": true}, "Done": {"Type": "Succeed"}}}');
SELECT dalp.start('saga_parent', '{"fails": "b", "stuck": "-"}') AS run \gset
SELECT status, output #>> '{failed,Error}' AS error FROM dalp.wait(:run, '20s');
SELECT saga.story(r.run_id) FROM dalp.runs r WHERE r.parent_run_id = :run;

SELECT count(*) AS kept FROM dalp_workflow.compensation;
SELECT count(*) AS live FROM dalp_workflow.run r JOIN dalp_workflow.definition d USING (definition_id)
	JOIN dalp_workflow.workflow w USING (workflow_id) WHERE w.name IN ('saga_line', 'saga_caught', 'saga_loop', 'saga_wide', 'saga_waits', 'saga_parent');
DROP SCHEMA saga CASCADE;
