-- Parallel and Map: each branch and item is a durable branch of the run; nothing of them is left at the end.
\set VERBOSITY terse
SET client_min_messages = warning;
CREATE SCHEMA branches;
CREATE TABLE branches.done (run text, item int, PRIMARY KEY (run, item));
CREATE FUNCTION branches.twice(input jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
BEGIN
	IF (input ->> 'i')::int = 77 THEN
		PERFORM dalp.raise_error('Unlucky', 'item ' || (input ->> 'n'));
	END IF;
	INSERT INTO branches.done VALUES (input ->> 'r', (input ->> 'n')::int);
	RETURN to_jsonb((input ->> 'i')::int * 2);
END
$$;
CREATE FUNCTION branches.same(input jsonb) RETURNS jsonb LANGUAGE sql AS 'SELECT input';

-- Parallel: every branch gets the same input, results are in the order of the branches, whichever ends first.
SELECT dalp.create_workflow('parallel', '{"StartAt": "P", "States": {
	"P": {"Type": "Parallel", "ResultPath": "$.r", "Next": "Z", "Branches": [
		{"StartAt": "A", "States": {"A": {"Type": "Task", "Resource": "signal:go", "End": true}}},
		{"StartAt": "B", "States": {"B": {"Type": "Pass", "Result": 1, "Next": "B2"},
			"B2": {"Type": "Task", "Resource": "sql:branches.same", "End": true}}},
		{"StartAt": "C", "States": {"C": {"Type": "Wait", "Seconds": 1, "End": true}}}]},
	"Z": {"Type": "Task", "Resource": "sql:branches.same", "End": true}}}');
SELECT dalp.start('parallel', '{"x": 1}') AS run \gset
SELECT dalp.signal(:run, 'go', '"signalled"');
SELECT status, output FROM dalp.wait(:run, '20s');

-- Two branches that await the same signal get one each.
SELECT dalp.create_workflow('two_signals', '{"StartAt": "P", "States": {
	"P": {"Type": "Parallel", "End": true, "Branches": [
		{"StartAt": "A", "States": {"A": {"Type": "Task", "Resource": "signal:s", "End": true}}},
		{"StartAt": "B", "States": {"B": {"Type": "Task", "Resource": "signal:s", "End": true}}}]}}}');
SELECT dalp.start('two_signals') AS run \gset
SELECT dalp.signal(:run, 's', '1'), dalp.signal(:run, 's', '2');
SELECT status, (SELECT array_agg(v ORDER BY v) FROM jsonb_array_elements(output) AS v) FROM dalp.wait(:run, '20s');

-- Map: items in order, each run once, $$.Map.Item and the outer input visible.
SELECT dalp.create_workflow('map', '{"StartAt": "M", "States": {"M": {"Type": "Map", "ItemsPath": "$.items", "End": true,
	"ItemSelector": {"i.$": "$$.Map.Item.Value", "n.$": "$$.Map.Item.Index", "r.$": "$$.Execution.Id"},
	"ItemProcessor": {"StartAt": "I", "States": {"I": {"Type": "Task", "Resource": "sql:branches.twice", "End": true}}}}}}');
SELECT dalp.start('map', jsonb_build_object('items', (SELECT jsonb_agg(i + 1000) FROM generate_series(1, 300) AS i))) AS run \gset
SELECT status, jsonb_array_length(output), output -> 0 AS first, output -> 299 AS last FROM dalp.wait(:run, '60s');
SELECT count(*), min(item), max(item) FROM branches.done WHERE run = :'run';
SELECT dalp.start('map', '{"items": []}') AS run \gset
SELECT status, output FROM dalp.wait(:run, '20s');
SELECT dalp.start('map', '{"items": 5}') AS run \gset
SELECT status, error FROM dalp.wait(:run, '20s');

-- One at a time: what is behind a failure never starts; the error is the item's own, and can be caught.
SELECT dalp.create_workflow('one_by_one', '{"StartAt": "M", "States": {
	"M": {"Type": "Map", "MaxConcurrency": 1, "Next": "Done",
		"ItemSelector": {"i.$": "$$.Map.Item.Value", "n.$": "$$.Map.Item.Index", "r.$": "$$.Execution.Id"},
		"Catch": [{"ErrorEquals": ["Unlucky"], "ResultPath": "$", "Next": "Caught"}],
		"ItemProcessor": {"StartAt": "I", "States": {"I": {"Type": "Task", "Resource": "sql:branches.twice", "End": true}}}},
	"Done": {"Type": "Succeed"}, "Caught": {"Type": "Pass", "End": true}}}');
SELECT dalp.start('one_by_one', '[1, 2, 77, 4, 5]') AS run \gset
SELECT status, state, output FROM dalp.wait(:run, '20s');
SELECT item FROM branches.done WHERE run = :'run' ORDER BY item;
SELECT branch, event, state, error FROM dalp.run_history WHERE run_id = :run ORDER BY branch, seq, event;

-- Tolerated failures are left out of the result; one more fails the state.
SELECT dalp.create_workflow('tolerant', '{"StartAt": "M", "States": {"M": {"Type": "Map", "ToleratedFailureCount": 1,
	"MaxConcurrency": 2, "End": true,
	"ItemSelector": {"i.$": "$$.Map.Item.Value", "n.$": "$$.Map.Item.Index", "r.$": "$$.Execution.Id"},
	"ItemProcessor": {"StartAt": "I", "States": {"I": {"Type": "Task", "Resource": "sql:branches.twice", "End": true}}}}}}');
SELECT dalp.start('tolerant', '[1, 77, 3]') AS run \gset
SELECT status, output FROM dalp.wait(:run, '20s');
SELECT dalp.start('tolerant', '[1, 77, 77, 4]') AS run \gset
SELECT status, error, cause FROM dalp.wait(:run, '20s');

-- Variables: visible inside, what is assigned there is not outside. Nested, and empty inside.
SELECT dalp.create_workflow('nested', '{"StartAt": "V", "States": {
	"V": {"Type": "Pass", "Assign": {"v": 5}, "Next": "M"},
	"M": {"Type": "Map", "Next": "Z", "ItemProcessor": {"StartAt": "P", "States": {"P": {"Type": "Parallel", "End": true, "Branches": [
		{"StartAt": "X", "States": {"X": {"Type": "Pass", "Parameters": {"item.$": "$$.Map.Item.Value", "v.$": "$v"}, "Assign": {"v": 6}, "End": true}}},
		{"StartAt": "M2", "States": {"M2": {"Type": "Map", "End": true, "ItemProcessor": {"StartAt": "Y", "States": {"Y": {"Type": "Pass", "End": true}}}}}}]}}}},
	"Z": {"Type": "Pass", "Parameters": {"all.$": "$", "v.$": "$v"}, "End": true}}}');
SELECT dalp.start('nested', '[[1, 2], [3], []]') AS run \gset
SELECT status, output FROM dalp.wait(:run, '20s');

-- Cancelled, with all its branches.
SELECT dalp.start('parallel') AS run \gset
SELECT status, state FROM dalp.wait(:run, '100ms');
SELECT dalp.cancel(:run, 'enough');
SELECT status, cause FROM dalp.wait(:run, '20s');
SELECT (SELECT count(*) FROM dalp_workflow.branch b JOIN dalp.runs r USING (run_id) WHERE r.status <> 'RUNNING') AS branches,
	(SELECT count(*) FROM dalp_workflow.wait w WHERE w.run_id = :run) AS waits,
	(SELECT count(*) FROM dalp_workflow.ready y WHERE y.run_id = :run) AS ready,
	(SELECT count(*) FROM dalp_workflow.timer t WHERE t.run_id = :run) AS timers;
DROP SCHEMA branches CASCADE;
