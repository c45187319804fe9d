--
-- Promise: nothing that a user writes into a handler, an argument or an error
-- reaches another user's work, stops it, or leaves rows that can't be read,
-- dumped and restored.
--
SET client_min_messages = warning;
CREATE SCHEMA sec;
CREATE ROLE regress_sec_one;
CREATE ROLE regress_sec_two;
CREATE ROLE regress_sec_gone;
CREATE ROLE regress_sec_operator;
GRANT dalp_app TO regress_sec_one, regress_sec_two, regress_sec_gone;
GRANT dalp_operator TO regress_sec_operator;
GRANT ALL ON SCHEMA sec TO PUBLIC;

-- A workflow of one task that calls a function with the run's id.
CREATE FUNCTION sec.define(name text) RETURNS int LANGUAGE sql AS $define$
	SELECT dalp.create_workflow(name, jsonb_build_object('StartAt', 'S', 'States', jsonb_build_object('S', jsonb_build_object(
		'Type', 'Task', 'Resource', 'sql:' || name, 'Parameters', '{"run.$": "$$.Execution.Id"}'::jsonb, 'End', true))))
$define$;
CREATE FUNCTION sec.ended(run bigint) RETURNS TABLE (status text, output jsonb, error text, message text) LANGUAGE sql AS $$
	SELECT w.status, w.output, left(w.error, 40),
		left(CASE WHEN w.cause ~ '^{' THEN regexp_replace(w.cause::jsonb->>'message', 'run \d+', 'run N') ELSE w.cause END, 70)
	FROM dalp.wait(run, '60s') AS w
$$;
CREATE PROCEDURE sec.until_it_waits(run bigint) LANGUAGE plpgsql AS $$
BEGIN
	FOR i IN 1 .. 6000 LOOP
		IF (SELECT bool_and(kind = 'signal') FROM dalp.why(run)) THEN
			RETURN;
		END IF;
		COMMIT;
		PERFORM dalp.wait(run, '20ms');
	END LOOP;
	RAISE 'the run doesn''t wait for its signal';
END $$;

-- What one step leaves open is closed before the next one of the batch: the
-- name of a cursor is free again, a large object is not to be read.
SET ROLE regress_sec_one;
CREATE FUNCTION sec.leaves_open(i jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
	c CURSOR FOR SELECT 'secret';
	large oid;
BEGIN
	OPEN c;
	large := lo_from_bytea(0, 'secret');
	RETURN to_jsonb(lo_open(large, 393216));
END $$;
SELECT sec.define('sec.leaves_open');
RESET ROLE;
SET ROLE regress_sec_two;
CREATE FUNCTION sec.looks_around(i jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
	seen text := (SELECT string_agg(name, ',') FROM pg_cursors);
BEGIN
	RETURN to_jsonb(concat(seen, encode(loread(0, 6), 'escape')));
END $$;
SELECT sec.define('sec.looks_around');
RESET ROLE;
BEGIN;
-- One shard, so one batch.
SELECT dalp.start(CASE WHEN n % 32 = 0 THEN 'sec.leaves_open' WHEN n % 16 = 0 THEN 'sec.looks_around' ELSE 'sec.leaves_open' END)
FROM generate_series(1, 96) AS n \g /dev/null
COMMIT;
SELECT w.workflow, w.status, w.output, w.error, count(*)
FROM (SELECT run_id FROM dalp.runs WHERE workflow LIKE 'sec.%') AS r, dalp.wait(r.run_id, '60s') AS w
GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4;

-- A handler can't pull its own run from under the executor.
SET ROLE regress_sec_operator;
CREATE FUNCTION sec.cancels_itself(i jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
BEGIN
	PERFORM dalp.cancel((i->>'run')::bigint, 'no more');
	RETURN '1';
END $$;
CREATE FUNCTION sec.pauses_itself(i jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
BEGIN
	PERFORM dalp.pause((i->>'run')::bigint);
	RETURN '1';
END $$;
SELECT sec.define('sec.cancels_itself'), sec.define('sec.pauses_itself');
SELECT dalp.start('sec.cancels_itself') AS cancels, dalp.start('sec.pauses_itself') AS pauses \gset
SELECT * FROM sec.ended(:cancels);
SELECT * FROM sec.ended(:pauses);
RESET ROLE;

-- Names and causes of any size are cut where they are caught; a Fail state's
-- name is kept, and the index of dead letters bears it.
SET ROLE regress_sec_one;
CREATE FUNCTION sec.writes_books(i jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
BEGIN
	RAISE EXCEPTION '%', repeat('é', 1000000) USING DETAIL = repeat('x', 1000000), HINT = repeat('y', 1000000);
END $$;
CREATE FUNCTION sec.names_books(i jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
BEGIN
	RAISE EXCEPTION USING ERRCODE = 'DL021', MESSAGE = repeat('x', 1000000), DATATYPE = repeat('é', 1000000);
END $$;
SELECT sec.define('sec.writes_books'), sec.define('sec.names_books');
SELECT dalp.create_workflow('sec.fails_long', jsonb_build_object('StartAt', 'S', 'States', jsonb_build_object('S',
	jsonb_build_object('Type', 'Fail', 'Error', (SELECT string_agg(md5(n::text), '') FROM generate_series(1, 2000) n), 'Cause', 'none'))));
SELECT dalp.start('sec.writes_books') AS writes, dalp.start('sec.names_books') AS names, dalp.start('sec.fails_long') AS fails \gset
SELECT status, error, length(cause) FROM dalp.wait(:writes, '60s');
SELECT status, length(error), length(cause) FROM dalp.wait(:names, '60s');
SELECT status, length(error), cause FROM dalp.wait(:fails, '60s');
SELECT scope, error_class = left(error, 256), octet_length(fingerprint) < 600 AS bounded FROM dalp.dead_letters
WHERE reference IN (:names, :fails) ORDER BY scope;

-- No time after the last one is written.
SELECT dalp.start('sec.fails_long', start_at => '294276-12-31 12:00+00', timeout => '3 days');
SELECT dalp.start('sec.fails_long', timeout => '178000000 years') > 0 AS started;
SELECT dalp.start('sec.fails_long', timeout => '-178000000 years');
SELECT status FROM dalp.wait(:fails, '178000000 years');
RESET ROLE;

-- A role that was dropped lends nobody its rights.
SET ROLE regress_sec_one;
SELECT dalp.create_workflow('sec.awaits', '{"StartAt": "S", "States": {"S": {"Type": "Task", "Resource": "signal:go", "End": true}}}');
SELECT dalp.start('sec.awaits') \g /dev/null
RESET ROLE;
SET ROLE regress_sec_gone;
CREATE FUNCTION sec.says_who(i jsonb) RETURNS jsonb LANGUAGE sql AS $$ SELECT to_jsonb('done'::text) $$;
SELECT sec.define('sec.says_who');
SELECT dalp.grant_workflow('sec.says_who', 'regress_sec_one');
RESET ROLE;
REASSIGN OWNED BY regress_sec_gone TO CURRENT_USER;
DROP OWNED BY regress_sec_gone;
DROP ROLE regress_sec_gone;
SET ROLE regress_sec_one;
SELECT dalp.start('sec.says_who') AS gone \gset
SELECT * FROM sec.ended(:gone);
RESET ROLE;
-- Nor does its number, which a dump would take to another cluster. A scheduler looks when it starts.
DO $$
BEGIN
	PERFORM pg_terminate_backend(pid) FROM pg_stat_activity
	WHERE backend_type = 'dalp scheduler' AND datname = current_database();
	FOR i IN 1 .. 3000 LOOP
		EXIT WHEN (SELECT owner::text = '-' FROM dalp.workflows WHERE name = 'sec.says_who');
		PERFORM dalp.wait(max(run_id), '20ms') FROM dalp.runs WHERE workflow = 'sec.awaits';
		COMMIT;
	END LOOP;
END $$;
SELECT owner, run_as FROM dalp.workflows WHERE name = 'sec.says_who';
SELECT dalp.start('sec.says_who') AS gone \gset
SELECT * FROM sec.ended(:gone);

-- Providers of endpoints put keys into the path: operators alone see it.
CREATE ROLE regress_sec_auditor;
GRANT dalp_auditor TO regress_sec_auditor;
SET ROLE regress_sec_operator;
SELECT dalp.create_chain('sec', 31337) \g /dev/null
SELECT dalp.add_endpoint('sec', 'http://127.0.0.1:1/v3/secret?key=secret') \g /dev/null
SELECT url FROM dalp.endpoints WHERE chain = 'sec';
RESET ROLE;
SET ROLE regress_sec_auditor;
SELECT url FROM dalp.endpoints WHERE chain = 'sec';
SELECT details FROM dalp.audit_log WHERE action = 'add_endpoint' AND object = 'sec';
RESET ROLE;

-- What dalp.why gives an operator to copy holds no statement of somebody else.
SET ROLE regress_sec_one;
CREATE FUNCTION sec.names_badly(i jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
BEGIN
	PERFORM dalp.raise_error(E'Bad\nDROP TABLE t; --');
END $$;
SELECT sec.define('sec.names_badly');
SELECT dalp.start('sec.awaits') AS awaits, dalp.start('sec.names_badly') AS badly \gset
SELECT dalp.signal(:awaits, E'x\r\nDROP TABLE t; --') \g /dev/null
SELECT status FROM dalp.wait(:badly, '60s');
CALL sec.until_it_waits(:awaits);
SELECT replace(what_next, :'awaits', 'N') AS what_next FROM dalp.why(:awaits);
SELECT regexp_replace(what_next, '\d+', 'N') AS what_next FROM dalp.why(:badly);
SELECT dalp.signal(:awaits, 'go') \g /dev/null
SELECT status FROM dalp.wait(:awaits, '60s');
RESET ROLE;

-- What is stored with a run is bounded, and what goes into headers is what it seems.
SELECT dalp.start('sec.awaits', tags => jsonb_build_object('a', repeat('x', 300000)));
SELECT dalp.start('sec.awaits', traceparent => E'00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\nX: y');
SELECT dalp.start('sec.awaits', traceparent => '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01') IS NOT NULL AS started;
SELECT id AS letter FROM dalp.dead_letters WHERE reference = :fails AND resolution IS NULL \gset
SELECT dalp.redrive(:letter, jsonb_build_object('a', repeat('x', 300000)));
