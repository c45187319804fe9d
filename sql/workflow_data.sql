--
-- Promise: data flows from state to state as Amazon States Language says, all
-- the way through the engine and its journal: what test/asl shows of the
-- language's decisions, this shows of runs.
--
SET client_min_messages = warning;
CREATE SCHEMA wf_data;
CREATE FUNCTION wf_data.echo(jsonb) RETURNS jsonb LANGUAGE sql AS 'SELECT $1';
CREATE FUNCTION wf_data.nothing(jsonb) RETURNS jsonb LANGUAGE sql AS 'SELECT NULL::jsonb';
CREATE FUNCTION wf_data.add(i jsonb) RETURNS jsonb LANGUAGE sql AS $$SELECT jsonb_build_object('sum', (i->>'a')::numeric + (i->>'b')::numeric)$$;
CREATE FUNCTION wf_data.sum(variadic numeric[]) RETURNS numeric LANGUAGE sql AS 'SELECT sum(n) FROM unnest($1) n';

-- Starts a machine of these states and remembers its run; wf_data.shown waits for it.
CREATE TABLE wf_data.cases (number int GENERATED ALWAYS AS IDENTITY, name text, run bigint);
CREATE PROCEDURE wf_data.run(name text, states jsonb, input jsonb) LANGUAGE plpgsql AS $$
BEGIN
	-- By version: a body that was there before is that old version, and not the latest.
	INSERT INTO wf_data.cases (name, run) VALUES (run.name, dalp.start('wf_data', input,
		version => dalp.create_workflow('wf_data', jsonb_build_object('StartAt', 'A', 'States', states))));
END $$;

CALL wf_data.run('nothing given', '{"A": {"Type": "Task", "Resource": "sql:wf_data.echo", "End": true}}', '{"a": 1}');
CALL wf_data.run('InputPath', '{"A": {"Type": "Task", "Resource": "sql:wf_data.echo", "InputPath": "$.in", "End": true}}', '{"in": [1, 2], "x": 0}');
CALL wf_data.run('InputPath null', '{"A": {"Type": "Task", "Resource": "sql:wf_data.echo", "InputPath": null, "End": true}}', '{"in": 1}');
CALL wf_data.run('Parameters', '{"A": {"Type": "Task", "Resource": "sql:wf_data.add", "Parameters": {"a.$": "$.x", "b": 2}, "End": true}}', '{"x": 40}');
CALL wf_data.run('ResultSelector', '{"A": {"Type": "Task", "Resource": "sql:wf_data.add", "ResultSelector": {"total.$": "$.sum"}, "End": true}}', '{"a": 1, "b": 2}');
CALL wf_data.run('ResultPath', '{"A": {"Type": "Task", "Resource": "sql:wf_data.add", "ResultPath": "$.deep.result", "End": true}}', '{"a": 1, "b": 2}');
CALL wf_data.run('ResultPath null', '{"A": {"Type": "Task", "Resource": "sql:wf_data.add", "ResultPath": null, "End": true}}', '{"a": 1, "b": 2}');
CALL wf_data.run('OutputPath', '{"A": {"Type": "Task", "Resource": "sql:wf_data.add", "ResultPath": "$.r", "OutputPath": "$.r.sum", "End": true}}', '{"a": 1, "b": 2}');
CALL wf_data.run('OutputPath null', '{"A": {"Type": "Task", "Resource": "sql:wf_data.echo", "OutputPath": null, "End": true}}', '{"a": 1}');
CALL wf_data.run('a handler that returns NULL', '{"A": {"Type": "Task", "Resource": "sql:wf_data.nothing", "End": true}}', '{"a": 1}');
CALL wf_data.run('NULL at a ResultPath', '{"A": {"Type": "Task", "Resource": "sql:wf_data.nothing", "ResultPath": "$.r", "End": true}}', '{"a": 1}');
CALL wf_data.run('a missing path', '{"A": {"Type": "Task", "Resource": "sql:wf_data.echo", "InputPath": "$.missing", "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "B"}], "End": true}, "B": {"Type": "Succeed"}}', '{"a": 1}');

CALL wf_data.run('Pass', '{"A": {"Type": "Pass", "Result": {"fixed": [1, "x.$"]}, "ResultPath": "$.r", "Next": "B"}, "B": {"Type": "Pass", "Parameters": {"all.$": "$"}, "End": true}}', '{"a": 1}');
CALL wf_data.run('Pass, Task, Pass, Task', '{"A": {"Type": "Pass", "Next": "B"}, "B": {"Type": "Task", "Resource": "sql:wf_data.add", "ResultPath": "$.a", "Next": "C"},
	"C": {"Type": "Pass", "Parameters": {"a.$": "$.a.sum", "b.$": "$.b"}, "Next": "D"}, "D": {"Type": "Task", "Resource": "sql:wf_data.add", "End": true}}', '{"a": 1, "b": 2}');
CALL wf_data.run('variables', '{"A": {"Type": "Pass", "Assign": {"v.$": "$.a"}, "Next": "B"}, "B": {"Type": "Task", "Resource": "sql:wf_data.echo", "Parameters": {"was.$": "$v"}, "Assign": {"w.$": "$.was"}, "Next": "C"},
	"C": {"Type": "Task", "Resource": "sql:wf_data.echo", "Parameters": {"v.$": "$v", "w.$": "$w"}, "End": true}}', '{"a": [1, {"b": 2}]}');
CALL wf_data.run('intrinsic functions', '{"A": {"Type": "Task", "Resource": "sql:wf_data.echo", "Parameters": {"f.$": "States.Format(''{} of {}'', $.a, $.b)", "n.$": "States.MathAdd($.a, 1)"}, "End": true}}', '{"a": 1, "b": "x"}');
CALL wf_data.run('context object', '{"A": {"Type": "Pass", "Result": 0, "Next": "B"}, "B": {"Type": "Task", "Resource": "sql:wf_data.echo",
	"Parameters": {"input.$": "$$.Execution.Input", "name.$": "$$.StateMachine.Name", "state.$": "$$.State.Name", "retry.$": "$$.State.RetryCount"}, "End": true}}', '{"a": 1}');

-- Choice: a state each, so that the name of the last one tells.
CREATE PROCEDURE wf_data.choose(name text, rule jsonb, input jsonb) LANGUAGE plpgsql AS $$
BEGIN
	CALL wf_data.run(name, jsonb_build_object(
		'A', jsonb_build_object('Type', 'Choice', 'Default', 'No', 'Choices', jsonb_build_array(rule || '{"Next": "Yes"}')),
		'Yes', '{"Type": "Succeed"}'::jsonb, 'No', '{"Type": "Succeed"}'::jsonb), input);
END $$;
CALL wf_data.choose('StringEquals', '{"Variable": "$.a", "StringEquals": "x"}', '{"a": "x"}');
CALL wf_data.choose('StringEquals of a number', '{"Variable": "$.a", "StringEquals": "1"}', '{"a": 1}');
CALL wf_data.choose('NumericGreaterThan', '{"Variable": "$.a", "NumericGreaterThan": 10}', '{"a": 10.5}');
CALL wf_data.choose('NumericEquals by value', '{"Variable": "$.a", "NumericEquals": 1}', '{"a": 1.0}');
CALL wf_data.choose('NumericLessThanEqualsPath', '{"Variable": "$.a", "NumericLessThanEqualsPath": "$.b"}', '{"a": 2, "b": 2}');
CALL wf_data.choose('BooleanEquals', '{"Variable": "$.a", "BooleanEquals": true}', '{"a": true}');
CALL wf_data.choose('IsPresent', '{"Variable": "$.a", "IsPresent": false}', '{}');
CALL wf_data.choose('IsNull', '{"Variable": "$.a", "IsNull": true}', '{"a": null}');
CALL wf_data.choose('TimestampLessThan', '{"Variable": "$.a", "TimestampLessThan": "2026-01-01T00:00:00Z"}', '{"a": "2025-12-31T23:59:59.5-01:00"}');
CALL wf_data.choose('StringMatches', '{"Variable": "$.a", "StringMatches": "log-*.txt"}', '{"a": "log-2026.txt"}');
CALL wf_data.choose('And, Or, Not', '{"And": [{"Variable": "$.a", "NumericGreaterThan": 0}, {"Or": [{"Variable": "$.b", "IsString": true}, {"Not": {"Variable": "$.c", "IsPresent": true}}]}]}', '{"a": 1, "b": 2}');
CALL wf_data.run('no choice matches', '{"A": {"Type": "Choice", "Choices": [{"Variable": "$.a", "NumericEquals": 1, "Next": "B"}]}, "B": {"Type": "Succeed"}}', '{"a": 2}');
CALL wf_data.run('a missing variable', '{"A": {"Type": "Choice", "Default": "B", "Choices": [{"Variable": "$.a", "NumericEquals": 1, "Next": "B"}]}, "B": {"Type": "Succeed"}}', '{}');

-- Wait.
CALL wf_data.run('Seconds 0', '{"A": {"Type": "Wait", "Seconds": 0, "End": true}}', '{"a": 1}');
CALL wf_data.run('Seconds 1', '{"A": {"Type": "Wait", "Seconds": 1, "Next": "B"}, "B": {"Type": "Succeed", "OutputPath": "$.a"}}', '{"a": 1}');
CALL wf_data.run('SecondsPath', '{"A": {"Type": "Wait", "SecondsPath": "$.s", "End": true}}', '{"s": 1}');
CALL wf_data.run('a wrong SecondsPath', '{"A": {"Type": "Wait", "SecondsPath": "$.s", "End": true}}', '{"s": 1.5}');
CALL wf_data.run('Timestamp in the past', '{"A": {"Type": "Wait", "Timestamp": "2020-01-01T00:00:00Z", "End": true}}', '{"a": 1}');
CALL wf_data.run('TimestampPath', '{"A": {"Type": "Wait", "TimestampPath": "$.t", "End": true}}', '{"t": "2020-01-01T00:00:00.123Z"}');
CALL wf_data.run('a wrong TimestampPath', '{"A": {"Type": "Wait", "TimestampPath": "$.t", "End": true}}', '{"t": "2020-01-01 00:00:00Z"}');

-- Succeed and Fail.
CALL wf_data.run('Succeed', '{"A": {"Type": "Succeed", "InputPath": "$.a"}}', '{"a": "out"}');
CALL wf_data.run('Fail', '{"A": {"Type": "Fail", "Error": "Broken", "Cause": "on purpose"}}', '{}');
CALL wf_data.run('Fail without a word', '{"A": {"Type": "Fail"}}', '{}');
CALL wf_data.run('Fail by paths', '{"A": {"Type": "Fail", "ErrorPath": "$.e", "CausePath": "States.Format(''because of {}'', $.c)"}}', '{"e": "E", "c": 7}');

SELECT c.name, w.status, w.state, w.output, w.error, w.cause FROM wf_data.cases c, dalp.wait(c.run) w ORDER BY c.number;
SELECT c.name, extract(epoch FROM w.finished_at - w.started_at) >= 1 AS slept FROM wf_data.cases c, dalp.wait(c.run) w
WHERE c.name IN ('Seconds 1', 'SecondsPath') ORDER BY c.number;

-- Many pure states in a row are still one step after the other, and an endless loop of them harms nobody.
SELECT jsonb_object_agg(CASE WHEN i = 1 THEN 'A' ELSE 'P' || i END,
	CASE WHEN i = 200 THEN '{"Type": "Pass", "End": true}'::jsonb ELSE jsonb_build_object('Type', 'Pass', 'Next', 'P' || i + 1) END) AS states
FROM generate_series(1, 200) i \gset
CALL wf_data.run('two hundred Pass states', :'states', '{"a": 1}');
SELECT c.name, w.status, w.state, w.output FROM wf_data.cases c, dalp.wait(c.run) w WHERE c.name = 'two hundred Pass states';
SELECT dalp.create_workflow('wf_data_loop', '{"StartAt": "A", "States": {"A": {"Type": "Pass", "Next": "B"},
	"B": {"Type": "Choice", "Choices": [{"Variable": "$.stop", "IsPresent": true, "Next": "C"}], "Default": "A"}, "C": {"Type": "Succeed"}}}') AS version;
SELECT dalp.start('wf_data_loop') AS loop \gset
SELECT status FROM dalp.wait(:loop, '100 ms');
CALL wf_data.run('beside a loop', '{"A": {"Type": "Task", "Resource": "sql:wf_data.echo", "End": true}}', '{"a": 1}');
SELECT c.name, w.status FROM wf_data.cases c, dalp.wait(c.run) w WHERE c.name = 'beside a loop';
SELECT dalp.cancel(:loop, 'endless');
SELECT status, cause FROM dalp.wait(:loop);

-- Large and odd values survive the journal.
CALL wf_data.run('odd values', '{"A": {"Type": "Pass", "Next": "B"}, "B": {"Type": "Wait", "Seconds": 0, "Next": "C"}, "C": {"Type": "Task", "Resource": "sql:wf_data.echo", "End": true}}',
	jsonb_build_object('text', E'\u00e4\u4e2d "q" \\ /\b\n', 'number', '123456789012345678901234567890.123456789'::numeric, 'small', '1e-30'::numeric, 'large', repeat('x', 200000)));
SELECT w.status, w.output = r.input AS same FROM wf_data.cases c, dalp.wait(c.run) w, dalp.runs r WHERE c.name = 'odd values' AND r.run_id = c.run;
-- An output over the limit fails the state, not the server.
CREATE FUNCTION wf_data.too_large(jsonb) RETURNS jsonb LANGUAGE sql AS $$SELECT jsonb_build_object('large', repeat('x', 300000))$$;
CALL wf_data.run('too large', '{"A": {"Type": "Task", "Resource": "sql:wf_data.too_large", "End": true}}', '{}');
SELECT w.status, w.error, w.cause FROM wf_data.cases c, dalp.wait(c.run) w WHERE c.name = 'too large';
-- What a state hands on as it is stays the run's own, where many are stepped together.
SELECT dalp.create_workflow('wf_data_own', '{"StartAt": "A", "States": {"A": {"Type": "Task", "Resource": "sql:wf_data.nothing", "ResultPath": null, "Next": "B"},
	"B": {"Type": "Task", "Resource": "sql:wf_data.nothing", "ResultPath": null, "Next": "C"}, "C": {"Type": "Task", "Resource": "sql:wf_data.nothing", "ResultPath": null, "End": true}}}') AS version;
SELECT array_agg(id) AS own FROM dalp.start_many('wf_data_own', ARRAY(SELECT jsonb_build_object('n', n) FROM generate_series(1, 300) n)) id \gset
SELECT count(*) AS ended FROM unnest(:'own'::bigint[]) id, dalp.wait(id) w WHERE w.status = 'SUCCEEDED';
SELECT count(*) AS own FROM dalp.runs WHERE run_id = ANY (:'own') AND output = input;
