-- dalp.redrive_all: many dead letters by a filter, each once, at once or at a rate that the server keeps.
\set VERBOSITY sqlstate
SET client_min_messages = warning;
CREATE SCHEMA bulk;
CREATE TABLE bulk.bad (broken boolean);
INSERT INTO bulk.bad VALUES (true);
CREATE TABLE bulk.done (run bigint, n int, at timestamptz);
CREATE FUNCTION bulk.work(input jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
BEGIN
	IF (SELECT broken FROM bulk.bad) THEN
		PERFORM dalp.raise_error(CASE WHEN (input ->> 'n')::int % 2 = 0 THEN 'Even' ELSE 'Odd' END);
	END IF;
	INSERT INTO bulk.done VALUES ((input ->> 'run')::bigint, (input ->> 'n')::int, clock_timestamp());
	RETURN input -> 'n';
END
$$;
SELECT dalp.create_workflow(name, '{"StartAt": "W", "States": {"W": {"Type": "Task", "Resource": "sql:bulk.work",
	"Parameters": {"n.$": "$", "run.$": "$$.Execution.Id"}, "End": true}}}') FROM unnest(ARRAY['bulk_a', 'bulk_b']) AS name;
SELECT count(dalp.start('bulk_a', to_jsonb(i), tags => jsonb_build_object('third', i % 3 = 0))) FROM generate_series(1, 12) AS i;
SELECT count(dalp.start('bulk_b', to_jsonb(i))) FROM generate_series(1, 5) AS i;
SELECT count(*) FROM (SELECT dalp.wait(run_id, '20s') FROM dalp.runs WHERE workflow LIKE 'bulk__') AS w;
-- Grouped by error and place; acknowledged ones stay open.
SELECT letters, unacknowledged, kind FROM dalp.dead_letter_groups WHERE fingerprint LIKE 'bulk__/%' ORDER BY fingerprint COLLATE "C";
SELECT count(dalp.acknowledge(id, 'seen')) FROM dalp.dead_letters WHERE scope = 'bulk_b' AND error = 'Odd';
SELECT letters, unacknowledged FROM dalp.dead_letter_groups WHERE fingerprint LIKE 'bulk_b/%' ORDER BY fingerprint COLLATE "C";

-- Counted by each kind of filter; nothing happens.
SELECT f, dalp.redrive_all(f::jsonb || '{"workflow": "bulk_a"}', NULL, dry_run => true) FROM unnest(ARRAY['{}', '{"kind": "run"}', '{"kind": "transaction"}',
	'{"error": "Even"}', '{"state": "W"}', '{"state": "V"}', '{"tags": {"third": true}}', '{"since": "2020-01-01"}', '{"until": "2020-01-01"}',
	'{"fingerprint": "nothing"}', '{"error": "Odd", "tags": {"third": true}}']) AS f;
SELECT dalp.redrive_all(jsonb_build_object('fingerprint', (SELECT fingerprint FROM dalp.dead_letters WHERE scope = 'bulk_b' AND error = 'Odd' LIMIT 1)), NULL, dry_run => true);
SELECT count(*) FROM dalp.dead_letters WHERE scope LIKE 'bulk__' AND resolution IS NULL;

-- All of one kind, once.
UPDATE bulk.bad SET broken = false;
SELECT dalp.redrive_all('{"workflow": "bulk_a", "error": "Even"}', 'fixed');
SELECT dalp.redrive_all('{"workflow": "bulk_a", "error": "Even"}', 'fixed');
SELECT status, count(*) FROM (SELECT (dalp.wait(run_id, '20s')).status FROM dalp.runs WHERE workflow = 'bulk_a') AS w GROUP BY 1 ORDER BY 1;
SELECT count(*), count(DISTINCT n) FROM bulk.done;
SELECT action, object, details FROM dalp.audit_log WHERE action = 'redrive_all' AND details ->> 'workflow' = 'bulk_a' ORDER BY entry_id;
SELECT resolution, note, count(*) FROM dalp.dead_letters WHERE scope = 'bulk_a' GROUP BY 1, 2 ORDER BY 1;

-- At a rate: the session is free at once, the runs go on one after the other.
DELETE FROM bulk.done;
SELECT clock_timestamp() AS begun \gset
SELECT dalp.redrive_all('{"workflow": "bulk_a"}', 'slowly', 2);
SELECT clock_timestamp() - :'begun' < '2 s' AS at_once, count(*) > 0 AS live FROM dalp_workflow.run JOIN dalp.runs USING (run_id) WHERE workflow = 'bulk_a' AND status = 'RUNNING';
SELECT status, count(*) FROM (SELECT (dalp.wait(run_id, '20s')).status FROM dalp.runs WHERE workflow = 'bulk_a') AS w GROUP BY 1 ORDER BY 1;
SELECT count(*), max(at) - :'begun' >= '2.5 s' AS spread, bool_and(at >= :'begun'::timestamptz + (place - 1) * interval '500 ms') AS none_early
	FROM (SELECT at, row_number() OVER (ORDER BY at) AS place FROM bulk.done) AS d;

-- What can't go on is left out and said; the others go on.
DELETE FROM dalp_workflow.run_done WHERE run_id = (SELECT min(run_id) FROM dalp.runs WHERE workflow = 'bulk_b');
\set VERBOSITY terse
SET client_min_messages = notice;
SELECT dalp.redrive_all('{"workflow": "bulk_b"}', 'all but one');
SET client_min_messages = warning;
\set VERBOSITY sqlstate
SELECT status, count(*) FROM (SELECT (dalp.wait(run_id, '20s')).status FROM dalp.runs WHERE workflow = 'bulk_b') AS w GROUP BY 1 ORDER BY 1;
SELECT resolution, count(*) FROM dalp.dead_letters WHERE scope = 'bulk_b' GROUP BY 1 ORDER BY 1;
SELECT count(dalp.discard(id, 'broken by hand')) FROM dalp.dead_letters WHERE scope = 'bulk_b' AND resolution IS NULL;

-- What it refuses.
SELECT dalp.redrive_all(NULL, 'x');
SELECT dalp.redrive_all('[]', 'x');
SELECT dalp.redrive_all('{"wallet": "x"}', 'x');
SELECT dalp.redrive_all('{"kind": 1}', 'x');
SELECT dalp.redrive_all('{"tags": "x"}', 'x');
SELECT dalp.redrive_all('{"since": "yesterdayish"}', 'x');
SELECT dalp.redrive_all('{"kind": "nothing"}', 'x', 0);
SELECT dalp.redrive_all('{"kind": "nothing"}', 'x', 'NaN');
DROP SCHEMA bulk CASCADE;
