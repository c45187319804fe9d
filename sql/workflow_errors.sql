--
-- Promise: a failing step is rolled back alone, with all its writes; Retry and
-- Catch see the error under every name it has; what nothing catches ends the
-- run as FAILED with the author's own words.
--
SET client_min_messages = warning;
CREATE SCHEMA we;
CREATE TABLE we.tries (run_name text, at timestamptz DEFAULT clock_timestamp());
CREATE TABLE we.written (what text);

-- Fails as told, after it has written; succeeds from the given attempt on.
CREATE FUNCTION we.fail(i jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO we.written VALUES (i->>'name');
	IF (i->>'attempt')::int >= (i->>'good_from')::int THEN
		RETURN jsonb_build_object('attempt', i->'attempt');
	END IF;
	CASE i->>'how'
		WHEN 'division' THEN RAISE EXCEPTION 'division by zero' USING ERRCODE = 'division_by_zero';
		WHEN 'named' THEN PERFORM dalp.raise_error('InsufficientFunds', 'only 3 left');
		WHEN 'named only' THEN PERFORM dalp.raise_error('NoWords');
		WHEN 'permanent' THEN RAISE EXCEPTION 'never again' USING ERRCODE = 'DL020';
		WHEN 'raise' THEN RAISE EXCEPTION 'just so' USING DETAIL = 'the detail', HINT = 'the hint';
		WHEN 'deadlock' THEN RAISE EXCEPTION 'as if' USING ERRCODE = 'deadlock_detected';
		WHEN 'serialization' THEN RAISE EXCEPTION 'as if' USING ERRCODE = '40001';
		WHEN 'lock' THEN RAISE EXCEPTION 'as if' USING ERRCODE = 'lock_not_available';
		WHEN 'check' THEN INSERT INTO we.checked VALUES (-1);
		WHEN 'assert' THEN ASSERT false, 'asserted';
		WHEN 'sleep' THEN PERFORM pg_sleep('30');
		WHEN 'own name' THEN RAISE EXCEPTION 'mine' USING ERRCODE = 'XX123';
	END CASE;
	RETURN 'null';
END $$;
CREATE TABLE we.checked (n int CONSTRAINT positive CHECK (n > 0));

CREATE TABLE we.cases (number int GENERATED ALWAYS AS IDENTITY, name text, run bigint);
-- A Task of we.fail with these further fields, followed by states for Catch to go to.
CREATE PROCEDURE we.run(name text, how text, fields jsonb DEFAULT '{}', good_from int DEFAULT NULL) LANGUAGE plpgsql AS $body$
BEGIN
	INSERT INTO we.cases (name, run) VALUES (run.name, dalp.start('we', jsonb_build_object('name', run.name, 'how', how),
		version => dalp.create_workflow('we', jsonb_build_object('StartAt', 'A', 'States', jsonb_strip_nulls(jsonb_build_object(
			'A', '{"Type": "Task", "Resource": "sql:we.fail", "End": true}'::jsonb
				|| jsonb_build_object('Parameters', jsonb_build_object('name.$', '$.name', 'how.$', '$.how',
					'attempt.$', '$$.State.RetryCount', 'good_from', coalesce(good_from, 1000))) || fields,
			'Caught', CASE WHEN fields ? 'Catch' THEN '{"Type": "Pass", "End": true}'::jsonb END))))));
END $body$;

-- Errors and their causes.
CALL we.run('22012', 'division');
CALL we.run('a name', 'named');
CALL we.run('a name without cause', 'named only');
CALL we.run('DL020', 'permanent');
CALL we.run('detail and hint', 'raise');
CALL we.run('a constraint', 'check');
CALL we.run('an assertion', 'assert');
CALL we.run('an own SQLSTATE', 'own name');

-- Retry: the first matching retrier, by each name of the error.
CALL we.run('retry by SQLSTATE', 'division', '{"Retry": [{"ErrorEquals": ["22012"], "IntervalSeconds": 1, "MaxAttempts": 1}]}', 1);
CALL we.run('retry by condition name', 'division', '{"Retry": [{"ErrorEquals": ["division_by_zero"], "MaxAttempts": 1}]}', 1);
CALL we.run('retry by given name', 'named', '{"Retry": [{"ErrorEquals": ["InsufficientFunds"], "MaxAttempts": 1}]}', 1);
CALL we.run('retry of States.TaskFailed', 'raise', '{"Retry": [{"ErrorEquals": ["States.TaskFailed"], "MaxAttempts": 1}]}', 1);
CALL we.run('retry of States.ALL', 'raise', '{"Retry": [{"ErrorEquals": ["States.ALL"], "MaxAttempts": 1}]}', 1);
CALL we.run('attempts used up', 'division', '{"Retry": [{"ErrorEquals": ["22012"], "IntervalSeconds": 1, "MaxAttempts": 2, "BackoffRate": 1.0}, {"ErrorEquals": ["States.ALL"], "MaxAttempts": 5}]}');
CALL we.run('MaxAttempts 0', 'division', '{"Retry": [{"ErrorEquals": ["22012"], "MaxAttempts": 0}, {"ErrorEquals": ["States.ALL"]}]}');
CALL we.run('case matters', 'named', '{"Retry": [{"ErrorEquals": ["insufficientfunds"]}]}');
CALL we.run('DL020 is not retried', 'permanent', '{"Retry": [{"ErrorEquals": ["States.ALL"], "MaxAttempts": 3}]}', 1);

-- Catch.
CALL we.run('catch by SQLSTATE', 'division', '{"Catch": [{"ErrorEquals": ["22012"], "Next": "Caught"}]}');
CALL we.run('catch by name, in a ResultPath', 'named', '{"Catch": [{"ErrorEquals": ["Other"], "Next": "A"}, {"ErrorEquals": ["InsufficientFunds"], "ResultPath": "$.problem", "Next": "Caught"}]}');
CALL we.run('catch after retries', 'division', '{"Retry": [{"ErrorEquals": ["States.ALL"], "IntervalSeconds": 1, "MaxAttempts": 1}], "Catch": [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.e", "Next": "Caught"}]}');
CALL we.run('DL020 is caught', 'permanent', '{"Retry": [{"ErrorEquals": ["States.ALL"]}], "Catch": [{"ErrorEquals": ["States.ALL"], "ResultPath": null, "Next": "Caught"}]}');
CALL we.run('caught with variables', 'named', '{"Catch": [{"ErrorEquals": ["States.ALL"], "Assign": {"e.$": "$.Error"}, "Next": "Caught"}]}');

-- Time limits of a step, in the same batch as others.
CALL we.run('TimeoutSeconds', 'sleep', '{"TimeoutSeconds": 1}');
CALL we.run('TimeoutSeconds caught', 'sleep', '{"TimeoutSeconds": 1, "Catch": [{"ErrorEquals": ["States.Timeout"], "ResultPath": "$.e", "Next": "Caught"}]}');
CALL we.run('a time-out is no TaskFailed', 'sleep', '{"TimeoutSeconds": 1, "Catch": [{"ErrorEquals": ["States.TaskFailed"], "Next": "Caught"}]}');
CALL we.run('a time-out is retried', 'sleep', '{"TimeoutSeconds": 1, "Retry": [{"ErrorEquals": ["States.Timeout"], "IntervalSeconds": 1, "MaxAttempts": 1}]}', 1);

SELECT c.name, w.status, w.state, w.output, w.error, w.cause FROM we.cases c, dalp.wait(c.run) w ORDER BY c.number;

-- Only what succeeded has written anything.
SELECT what, count(*) FROM we.written GROUP BY what ORDER BY what;

-- What history says of retries.
SELECT c.name, h.event, h.state, h.attempt, h.error FROM we.cases c JOIN dalp.run_history h ON h.run_id = c.run
WHERE c.name IN ('attempts used up', 'catch after retries', 'a time-out is retried') ORDER BY c.number, h.seq, h.event;
SELECT c.name, max(h.at) FILTER (WHERE h.event = 'failed') - min(h.at) FILTER (WHERE h.event = 'retry_scheduled') >= '2 s' AS with_intervals
FROM we.cases c JOIN dalp.run_history h ON h.run_id = c.run WHERE c.name = 'attempts used up' GROUP BY c.name;

-- Transient by nature: no attempt, up to a cap, then an error like others.
ALTER SYSTEM SET dalp.transient_retries = 3;
SELECT pg_reload_conf();
CALL we.run('conflicts', 'serialization', '{"Retry": [{"ErrorEquals": ["States.ALL"], "MaxAttempts": 0}]}');
CALL we.run('deadlocks', 'deadlock', '{"Catch": [{"ErrorEquals": ["deadlock_detected"], "Next": "Caught"}]}');
CALL we.run('locks', 'lock');
SELECT c.name, w.status, w.state, w.error FROM we.cases c, dalp.wait(c.run) w WHERE c.name IN ('conflicts', 'deadlocks', 'locks') ORDER BY c.number;
SELECT c.name, h.event, h.attempt, count(*) <= 20 AS capped FROM we.cases c JOIN dalp.run_history h ON h.run_id = c.run
WHERE c.name IN ('conflicts', 'deadlocks', 'locks') GROUP BY c.number, c.name, h.event, h.attempt ORDER BY c.number, h.event;
ALTER SYSTEM RESET dalp.transient_retries;
SELECT pg_reload_conf();

-- A handler that is dropped, replaced or refused after the definition was made.
CREATE FUNCTION we.going(jsonb) RETURNS jsonb LANGUAGE sql AS 'SELECT $1';
SELECT dalp.create_workflow('we_going', '{"StartAt": "A", "States": {"A": {"Type": "Task", "Resource": "sql:we.going", "End": true}}}') AS version;
SELECT dalp.start('we_going', '1') AS run \gset
SELECT status, output, error FROM dalp.wait(:run);
CREATE OR REPLACE FUNCTION we.going(jsonb) RETURNS jsonb LANGUAGE sql AS $$SELECT '"replaced"'::jsonb$$;
SELECT dalp.start('we_going', '1') AS run \gset
SELECT status, output, error FROM dalp.wait(:run);
DROP FUNCTION we.going;
SELECT dalp.start('we_going', '1') AS run \gset
SELECT status, output, error, cause FROM dalp.wait(:run);
CREATE FUNCTION we.going(jsonb) RETURNS text LANGUAGE sql AS 'SELECT $1::text';
SELECT dalp.start('we_going', '1') AS run \gset
SELECT status, output, error, cause FROM dalp.wait(:run);

-- Deferred constraints are checked at each statement: they fail the step that
-- violates them, not its batch.
CREATE TABLE we.parent (id int PRIMARY KEY);
CREATE TABLE we.child (id int PRIMARY KEY, parent int REFERENCES we.parent DEFERRABLE INITIALLY DEFERRED);
CREATE FUNCTION we.late(i jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
BEGIN
	IF i ? 'parent' THEN INSERT INTO we.parent VALUES ((i->>'parent')::int); END IF;
	INSERT INTO we.child VALUES ((i->>'id')::int, (i->>'of')::int);
	RETURN i;
END $$;
SELECT dalp.create_workflow('we_late', '{"StartAt": "A", "States": {"A": {"Type": "Task", "Resource": "sql:we.late", "End": true}}}') AS version;
SELECT array_agg(id ORDER BY number) AS ids FROM dalp.start_many('we_late', ARRAY['{"id": 1, "of": 1, "parent": 1}', '{"id": 2, "of": 7}', '{"id": 3, "of": 3, "parent": 3}']::jsonb[])
	WITH ORDINALITY AS s(id, number) \gset
SELECT number, w.status, w.error, w.cause::jsonb ->> 'message' AS message FROM unnest(:'ids'::bigint[]) WITH ORDINALITY AS s(id, number), dalp.wait(s.id) w ORDER BY number;
SELECT * FROM we.child ORDER BY id;

-- One step of a batch fails, the others of it are done.
CREATE FUNCTION we.odd(i jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO we.written VALUES ('odd ' || (i #>> '{}'));
	IF (i #>> '{}')::int % 2 = 0 THEN RAISE EXCEPTION 'even'; END IF;
	RETURN i;
END $$;
SELECT dalp.create_workflow('we_odd', '{"StartAt": "A", "States": {"A": {"Type": "Task", "Resource": "sql:we.odd", "End": true}}}') AS version;
SELECT array_agg(id) AS ids FROM dalp.start_many('we_odd', ARRAY(SELECT to_jsonb(i) FROM generate_series(1, 200) i)) AS s(id) \gset
SELECT w.status, count(*) FROM unnest(:'ids'::bigint[]) s(id), dalp.wait(s.id) w GROUP BY w.status ORDER BY w.status;
SELECT count(*) FROM we.written WHERE what LIKE 'odd%';
-- Each failure is a dead letter, all of them in one group.
SELECT fingerprint, letters FROM dalp.dead_letter_groups WHERE fingerprint LIKE 'we_odd%';
