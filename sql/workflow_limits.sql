-- Every limit is a setting, and says which one it is when it is met.
SET client_min_messages = warning;
ALTER SYSTEM SET dalp.max_history = 100;
ALTER SYSTEM SET dalp.max_fork_depth = 2;
ALTER SYSTEM SET dalp.max_note = '1kB';
ALTER SYSTEM SET dalp.max_definition = '2kB';
SELECT pg_reload_conf();
-- A session takes a new setting between two commands, a new one at once.
\c -
SET client_min_messages = warning;
SHOW dalp.max_definition;

-- What people write about things.
SELECT dalp.create_workflow('limits', '{"StartAt": "S", "States": {"S": {"Type": "Task", "Resource": "signal:go", "End": true}}}', repeat('x', 1025));
SELECT dalp.create_workflow('limits', '{"StartAt": "S", "States": {"S": {"Type": "Task", "Resource": "signal:go", "End": true}}}', repeat('x', 1024));
SELECT dalp.start('limits', tags => jsonb_build_object('t', repeat('x', 1025)));
SELECT dalp.start('limits') AS run \gset
SELECT dalp.cancel(:run, repeat('x', 1025));
SELECT dalp.cancel(:run, repeat('x', 1024));
SELECT dalp.redrive_all('{"kind": "nothing"}', repeat('x', 1025));
SELECT dalp.discard(1, repeat('x', 1025));

-- Definitions: their size, and how deep they nest.
\set VERBOSITY sqlstate
SELECT dalp.create_workflow('limits', jsonb_build_object('StartAt', 'S', 'Comment', repeat('x', 3000), 'States', '{"S": {"Type": "Succeed"}}'::jsonb));
\set VERBOSITY default
CREATE FUNCTION public.limits_nest(depth int) RETURNS jsonb LANGUAGE sql AS $$
	SELECT CASE WHEN depth = 0 THEN '{"StartAt": "S", "States": {"S": {"Type": "Succeed"}}}' ELSE
		jsonb_build_object('StartAt', 'P' || depth, 'States', jsonb_build_object('P' || depth, jsonb_build_object('Type', 'Parallel', 'End', true,
			'Branches', jsonb_build_array(limits_nest(depth - 1))))) END
$$;
SELECT * FROM dalp.validate_workflow(limits_nest(2));
SELECT * FROM dalp.validate_workflow(limits_nest(3));

-- The journal of a branch, and the branches of a run.
SELECT dalp.create_workflow('limits_endless', '{"StartAt": "A", "States": {"A": {"Type": "Pass", "Next": "B"},
	"B": {"Type": "Choice", "Choices": [{"Variable": "$.end", "IsPresent": true, "Next": "C"}], "Default": "A"}, "C": {"Type": "Succeed"}}}');
SELECT dalp.start('limits_endless') AS run \gset
SELECT status, error, regexp_replace(cause, '[0-9]+ rows', 'N rows') FROM dalp.wait(:run, '20s');
SELECT max(seq) BETWEEN 100 AND 300 AS bounded FROM dalp.run_history WHERE run_id = :run;
SELECT dalp.create_workflow('limits_wide', '{"StartAt": "M", "States": {"M": {"Type": "Map", "End": true, "ItemProcessor": {"StartAt": "I", "States": {"I": {"Type": "Pass", "End": true}}}}}}');
SELECT dalp.start('limits_wide', (SELECT jsonb_agg(i) FROM generate_series(1, 100) AS i)) AS run \gset
SELECT status, jsonb_array_length(output) FROM dalp.wait(:run, '20s');
SELECT dalp.start('limits_wide', (SELECT jsonb_agg(i) FROM generate_series(1, 101) AS i)) AS run \gset
SELECT status, error, cause FROM dalp.wait(:run, '20s');

-- What a definition names and what isn't there is worth a warning: it may come later.
SELECT * FROM dalp.validate_workflow('{"StartAt": "K", "States": {
	"K": {"Type": "Task", "Resource": "workflow:limits_missing.sync", "Next": "L"},
	"L": {"Type": "Task", "Resource": "workflow:limits", "Next": "T"},
	"T": {"Type": "Task", "Resource": "chain:transaction", "Parameters": {"chain": "limits_nowhere"}, "Next": "U"},
	"U": {"Type": "Task", "Resource": "chain:transaction", "Parameters": {"chain.$": "$.c"}, "End": true}}}');

ALTER SYSTEM RESET dalp.max_history;
ALTER SYSTEM RESET dalp.max_fork_depth;
ALTER SYSTEM RESET dalp.max_note;
ALTER SYSTEM RESET dalp.max_definition;
SELECT pg_reload_conf();
SELECT count(dalp.discard(id, 'end of test')) FROM dalp.dead_letters WHERE scope LIKE 'limits%' AND resolution IS NULL;
DROP FUNCTION public.limits_nest;
