--
-- Promise: whoever floods waits for its own runs, and others hardly do: of each
-- workflow and tenant some come before the many of another.  Priority goes first.
--
SET client_min_messages = warning;
CREATE SCHEMA fa;
CREATE PROCEDURE fa.until(query text, wanted text) LANGUAGE plpgsql AS $$
DECLARE found text; poll_interval CONSTANT float8 := 0.05; BEGIN
	FOR i IN 1..2000 LOOP
		EXECUTE query INTO found;
		IF found = wanted THEN RETURN; END IF;
		COMMIT;
		PERFORM pg_sleep(poll_interval);
	END LOOP;
	RAISE EXCEPTION 'waited in vain for %, the last answer was %', wanted, found;
END $$;
CREATE TABLE fa.ledger (who text, number int GENERATED ALWAYS AS IDENTITY);
CREATE FUNCTION fa.note(i jsonb) RETURNS jsonb LANGUAGE sql AS $$ INSERT INTO fa.ledger (who) VALUES (i->>'who'); SELECT i $$;
SELECT dalp.create_workflow(name, '{"StartAt": "A", "States": {"A": {"Type": "Task", "Resource": "sql:fa.note", "End": true}}}') AS version
FROM unnest(ARRAY['fa', 'fa.other']) AS name;
CREATE FUNCTION fa.flood(n int, priority int DEFAULT 0) RETURNS bigint LANGUAGE sql AS $$
	SELECT count(*) FROM dalp.start_many('fa', array_fill('{"who": "flood"}'::jsonb, ARRAY[n]), tags => '{"tenant": "flood"}', priority => $2)
$$;

-- A tenant starts a thousand at once, and then another one ten: these are among the first.
BEGIN;
SELECT fa.flood(1000);
SELECT count(dalp.start('fa', '{"who": "small"}', tags => '{"tenant": "small"}')) FROM generate_series(1, 10);
COMMIT;
CALL fa.until('SELECT count(*) FROM fa.ledger', '1010');
SELECT max(number) <= 200 AS soon FROM fa.ledger WHERE who = 'small';
TRUNCATE fa.ledger RESTART IDENTITY;

-- Without tags (or with one that names nobody) it is between workflows.
BEGIN;
SELECT count(*) FROM dalp.start_many('fa', array_fill('{"who": "flood"}'::jsonb, ARRAY[1000]), tags => '{"tenant": 7}');
SELECT count(dalp.start('fa.other', '{"who": "small"}')) FROM generate_series(1, 10);
COMMIT;
CALL fa.until('SELECT count(*) FROM fa.ledger', '1010');
SELECT max(number) <= 200 AS soon FROM fa.ledger WHERE who = 'small';
TRUNCATE fa.ledger RESTART IDENTITY;

-- What a tenant used while it was alone isn't held against it: of two floods neither waits for all of the other.
SELECT fa.flood(500);
CALL fa.until('SELECT count(*) FROM fa.ledger', '500');
TRUNCATE fa.ledger RESTART IDENTITY;
BEGIN;
SELECT count(*) FROM dalp.start_many('fa', array_fill('{"who": "new"}'::jsonb, ARRAY[500]), tags => '{"tenant": "new"}');
SELECT fa.flood(500);
COMMIT;
CALL fa.until('SELECT count(*) FROM fa.ledger', '1000');
SELECT who, avg(number) BETWEEN 350 AND 650 AS mixed FROM fa.ledger GROUP BY who ORDER BY who;
TRUNCATE fa.ledger RESTART IDENTITY;

-- Priority goes first, and a tenant's own runs keep their order.
BEGIN;
SELECT count(dalp.start('fa', '{"who": "small"}', tags => '{"tenant": "small"}')) FROM generate_series(1, 10);
SELECT fa.flood(300, 5);
SELECT d.tags->>'tenant' AS tenant, min(place), max(place) FROM (SELECT run_id, row_number() OVER (ORDER BY rank, pass, run_id) AS place FROM dalp_workflow.ready) AS y
JOIN dalp_workflow.run_data d USING (run_id) WHERE d.tags IS NOT NULL GROUP BY 1 ORDER BY 1;
SELECT count(*) AS overtaken FROM (SELECT y.run_id, lag(y.run_id) OVER (PARTITION BY y.shard ORDER BY y.pass) AS before FROM dalp_workflow.ready y WHERE y.rank = -5) AS o WHERE before > run_id;
ROLLBACK;
SELECT dalp.start('fa', '{"who": "flood"}', tags => '{"tenant": "flood"}') AS run \gset
SELECT (dalp.wait(:run)).status;
-- Slow steps end a batch early: then, too, the first are those whose turn it is, and not those that were started first.
TRUNCATE fa.ledger RESTART IDENTITY;
CREATE FUNCTION fa.slow(i jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE until timestamptz := clock_timestamp() + interval '8 ms'; BEGIN
	WHILE clock_timestamp() < until LOOP END LOOP;
	INSERT INTO fa.ledger (who) VALUES (i->>'who');
	RETURN i;
END $$;
SELECT dalp.create_workflow('fa.slow', '{"StartAt": "A", "States": {"A": {"Type": "Task", "Resource": "sql:fa.slow", "End": true}}}') AS version;
BEGIN;
SELECT count(*) FROM dalp.start_many('fa.slow', array_fill('{"who": "flood"}'::jsonb, ARRAY[100]), tags => '{"tenant": "flood"}');
SELECT count(*) FROM dalp.start_many('fa.slow', array_fill('{"who": "small"}'::jsonb, ARRAY[3]), tags => '{"tenant": "small"}');
SELECT count(*) FROM dalp.start_many('fa.slow', array_fill('{"who": "urgent"}'::jsonb, ARRAY[3]), priority => 1);
COMMIT;
CALL fa.until('SELECT count(*) FROM fa.ledger', '106');
SELECT who, max(number) <= CASE who WHEN 'urgent' THEN 12 WHEN 'small' THEN 60 ELSE 106 END AS soon FROM fa.ledger GROUP BY who ORDER BY who;
TRUNCATE fa.ledger RESTART IDENTITY;

-- A concurrency key is given in the order of the starts, whatever the priority and the turn.
BEGIN;
SELECT count(dalp.start('fa', jsonb_build_object('who', n), concurrency_key => 'k', priority => n, tags => jsonb_build_object('tenant', n::text))) FROM generate_series(1, 40) AS n;
COMMIT;
CALL fa.until('SELECT count(*) FROM fa.ledger', '40');
SELECT count(*) AS out_of_order FROM fa.ledger WHERE who::int <> number;
CALL fa.until('SELECT count(*) FROM dalp_workflow.concurrency_holder WHERE concurrency_key = ''k''', '0');
SELECT count(*) AS parked FROM dalp_workflow.parked WHERE reason = 'concurrency_key';
DROP SCHEMA fa CASCADE;
