--
-- Promise: a run starts if and only if the caller's transaction commits; one
-- idempotency key is one run, for the same request only; whatever can't be
-- started is refused with its code before anything is written.
--
SET client_min_messages = warning;
CREATE SCHEMA ws;
CREATE FUNCTION ws.step(jsonb) RETURNS jsonb LANGUAGE sql AS 'SELECT $1';
DO $$ BEGIN
	PERFORM dalp.create_workflow(name, '{"StartAt": "A", "States": {"A": {"Type": "Task", "Resource": "sql:ws.step", "End": true}}}')
	FROM unnest(ARRAY['ws', 'ws_other']) AS name;
END $$;

-- Defaults.
SELECT dalp.start('ws') AS run \gset
SELECT run_id = :run AS same, workflow, status, state, output, error, cause, started_at <= finished_at AS in_order FROM dalp.wait(:run);
SELECT workflow, version, input, tags, priority, concurrency_key, idempotency_key, parent_run_id, redrives,
	started_by = current_user::regrole AS by_me, deadline FROM dalp.runs WHERE run_id = :run;
SELECT dalp.start('ws', NULL) AS run \gset
SELECT output FROM dalp.wait(:run);

-- Every kind of JSON is an input.
DO $$ DECLARE value jsonb; run bigint; BEGIN
	FOREACH value IN ARRAY ARRAY['null', '1.50', '"text"', 'true', '[1, {"a": null}]', '{"b": {"c": [[]]}}']::jsonb[] LOOP
		BEGIN
			run := dalp.start('ws', value);
		EXCEPTION WHEN OTHERS THEN RAISE INFO '%: % %', value, SQLSTATE, SQLERRM;
		END;
	END LOOP;
END $$;
SELECT input, (dalp.wait(run_id)).status, (dalp.wait(run_id)).output FROM dalp.runs WHERE workflow = 'ws' ORDER BY run_id;

-- A rolled-back start leaves nothing, neither a run nor a used key.
BEGIN;
SELECT dalp.start('ws', '{"rolled": "back"}', 'ws-rollback') AS gone \gset
SELECT count(*) AS seen_inside FROM dalp.runs WHERE run_id = :gone;
-- It can't end before this transaction does.
\set VERBOSITY sqlstate
\set ON_ERROR_ROLLBACK on
SELECT dalp.wait(:gone);
\set VERBOSITY default
SELECT status FROM dalp.wait(:gone, '0');
\unset ON_ERROR_ROLLBACK
ROLLBACK;
SELECT count(*) AS runs FROM dalp.runs WHERE run_id = :gone;
SELECT count(*) AS rows_left FROM dalp_workflow.run_data d FULL JOIN dalp_workflow.idempotency i ON i.run_id = d.run_id
WHERE d.run_id = :gone OR i.key = 'ws-rollback';
\set VERBOSITY sqlstate
SELECT status FROM dalp.wait(:gone);
\set VERBOSITY default
SELECT dalp.start('ws', '{"another": "request"}', 'ws-rollback') AS run \gset
SELECT output FROM dalp.wait(:run);

-- Also a savepoint's.
BEGIN;
SAVEPOINT s;
SELECT dalp.start('ws', '1', 'ws-savepoint') AS gone \gset
ROLLBACK TO s;
SELECT dalp.start('ws', '2', 'ws-savepoint') AS run \gset
COMMIT;
SELECT output FROM dalp.wait(:run);
SELECT count(*) FROM dalp.runs WHERE run_id = :gone;

-- The same key and request: the same run.  Anything that changes the effect is another request.
SELECT dalp.start('ws', '{"a": 1, "b": 2}', 'ws-key') AS run \gset
SELECT dalp.start('ws', '{"b":2,"a":1 }', 'ws-key') = :run AS same_with_other_writing;
SELECT dalp.start('ws', '{"b": 2, "a": 1}', 'ws-key', tags => '{"t": 1}') = :run AS tags_do_not_count;
SELECT dalp.start('ws_other', '{"a": 1}', 'ws-key') <> :run AS other_workflow_other_scope;
DO $$ DECLARE call text; detail text; BEGIN
	FOREACH call IN ARRAY ARRAY[
		'dalp.start(''ws'', ''{"a": 2}'', ''ws-key'')',
		'dalp.start(''ws'', ''{"a": 1, "b": 2}'', ''ws-key'', priority => 1)',
		'dalp.start(''ws'', ''{"a": 1, "b": 2}'', ''ws-key'', version => 1)',
		'dalp.start(''ws'', ''{"a": 1, "b": 2}'', ''ws-key'', timeout => ''1 h'')',
		'dalp.start(''ws'', ''{"a": 1, "b": 2}'', ''ws-key'', concurrency_key => ''c'')',
		'dalp.start(''ws'', ''{"a": 1, "b": 2}'', ''ws-key'', start_at => ''2020-01-01Z'')'] LOOP
		BEGIN
			EXECUTE 'SELECT ' || call;
			RAISE INFO '% started', call;
		EXCEPTION WHEN SQLSTATE 'DL004' THEN
			GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
			RAISE INFO '% %', SQLSTATE, regexp_replace(regexp_replace(regexp_replace(detail,
				'[0-9a-f]{64}', '<request>', 'g'), 'used at .* by run', 'used at <time> by run'), 'run \d+', 'run <id>');
		END;
	END LOOP;
END $$;
-- A repeat after a new version is still the same request.
SELECT dalp.create_workflow('ws', '{"Comment": "2", "StartAt": "A", "States": {"A": {"Type": "Task", "Resource": "sql:ws.step", "End": true}}}') AS version;
SELECT dalp.start('ws', '{"a": 1, "b": 2}', 'ws-key') = :run AS same_after_a_new_version;

-- Versions.
SELECT dalp.start('ws', version => 1) AS one, dalp.start('ws') AS latest \gset
SELECT version FROM dalp.runs WHERE run_id IN (:one, :latest) ORDER BY run_id;

-- Many at once: ids in the order of the inputs.
SELECT array_agg(id ORDER BY number) AS ids FROM dalp.start_many('ws', ARRAY['10', '20', NULL, '30']::jsonb[]) WITH ORDINALITY AS s(id, number) \gset
SELECT number, (dalp.wait(id)).output FROM unnest(:'ids'::bigint[]) WITH ORDINALITY AS s(id, number) ORDER BY number;
SELECT count(*) AS none FROM dalp.start_many('ws', '{}');
SELECT count(*) AS none FROM dalp.start_many('ws', NULL);
-- With keys, some of them used before, some twice in the list.
SELECT dalp.start('ws', '1', 'ws-many-1') AS first \gset
SELECT array_agg(id ORDER BY number) AS ids FROM dalp.start_many('ws', ARRAY['2', '1', '3', '2', '3']::jsonb[],
	ARRAY['ws-many-2', 'ws-many-1', NULL, 'ws-many-2', NULL]) WITH ORDINALITY AS s(id, number) \gset
SELECT (:'ids'::bigint[])[2] = :first AS repeated, (:'ids'::bigint[])[1] = (:'ids'::bigint[])[4] AS twice_in_the_list,
	(:'ids'::bigint[])[3] <> (:'ids'::bigint[])[5] AS no_key_no_relation;
SELECT number, (dalp.wait(id)).output FROM unnest(:'ids'::bigint[]) WITH ORDINALITY AS s(id, number) ORDER BY number;
-- One wrong key refuses all.
SELECT max(run_id) AS newest FROM dalp.runs \gset
\set VERBOSITY sqlstate
SELECT dalp.start_many('ws', ARRAY['5', '99']::jsonb[], ARRAY['ws-many-5', 'ws-many-1']);
SELECT dalp.start_many('ws', ARRAY['5', '6']::jsonb[], ARRAY['ws-many-5', 'ws-many-5']);
SELECT dalp.start_many('ws', ARRAY['5', '6']::jsonb[], ARRAY['ws-many-5']);
SELECT count(*) AS started FROM dalp.runs WHERE run_id > :newest;

-- Refusals.
SELECT dalp.start('ws_missing');
SELECT dalp.start(NULL);
SELECT dalp.start('ws', version => 9);
SELECT dalp.start('ws', version => 0);
SELECT dalp.start('ws', version => -1);
SELECT dalp.start('ws', priority => 1001);
SELECT dalp.start('ws', priority => -1001);
SELECT dalp.start('ws', idempotency_key => '');
SELECT dalp.start('ws', idempotency_key => repeat('k', 513));
SELECT dalp.start('ws', concurrency_key => '');
SELECT dalp.start('ws', concurrency_key => repeat('k', 513));
SELECT dalp.start('ws', tags => '[]');
SELECT dalp.start('ws', timeout => '0');
SELECT dalp.start('ws', timeout => '-1 s');
SELECT dalp.start('ws', start_at => 'infinity');
SELECT dalp.start('ws', start_at => '-infinity');
SELECT dalp.start('ws', jsonb_build_object('large', repeat('x', 300000)));
SELECT dalp.start_many('ws', ARRAY[jsonb_build_object('large', repeat('x', 300000))]);
SELECT dalp.wait(NULL);
SELECT dalp.wait(-1);
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT dalp.wait(:first);
ROLLBACK;
\set VERBOSITY default
SELECT count(*) AS started FROM dalp.runs WHERE run_id > :newest;
SELECT dalp.start('ws', jsonb_build_object('large', repeat('x', 300000)));
SELECT dalp.start('ws_missing');
SELECT dalp.start('ws', version => 9);

-- The limits themselves are fine.
SELECT dalp.start('ws', '1', repeat('k', 512), priority => 1000, concurrency_key => repeat('c', 512), tags => '{"team": "a"}') AS high,
	dalp.start('ws', '2', priority => -1000, timeout => '3 months', traceparent => '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01') AS low \gset
SELECT (dalp.wait(:high)).output AS high, (dalp.wait(:low)).output AS low;
SELECT priority, length(concurrency_key), tags, traceparent FROM dalp.runs WHERE run_id IN (:high, :low) ORDER BY priority;
SELECT output FROM dalp.runs WHERE workflow = 'ws' AND tags @> '{"team": "a"}';

-- Later, and in the past.
SELECT dalp.start('ws', '"later"', start_at => clock_timestamp() + '1 h') AS later, dalp.start('ws', '"past"', start_at => '2020-01-01Z') AS past \gset
SELECT status, output FROM dalp.wait(:past);
SELECT status, state, output FROM dalp.wait(:later, '200 ms');
SELECT kind, fire_at > clock_timestamp() + '50 min' AS in_an_hour FROM dalp_workflow.timer WHERE run_id = :later;
SELECT dalp.cancel(:later, 'not wanted any more');
SELECT dalp.start('ws', '"soon"', start_at => clock_timestamp() + '300 ms') AS soon \gset
SELECT status, output, finished_at - started_at > '290 ms' AS not_early FROM dalp.wait(:soon);

-- A start in a prepared transaction begins with COMMIT PREPARED.
BEGIN;
SELECT dalp.start('ws', '"prepared"', 'ws-prepared') AS run \gset
PREPARE TRANSACTION 'ws_prepared';
SELECT count(*) AS seen FROM dalp.runs WHERE run_id = :run;
COMMIT PREPARED 'ws_prepared';
SELECT output FROM dalp.wait(:run);

-- Business rows and run go together.
CREATE TABLE ws.orders (id int PRIMARY KEY, run bigint);
BEGIN;
INSERT INTO ws.orders VALUES (1, dalp.start('ws', '"order 1"'));
COMMIT;
INSERT INTO ws.orders SELECT 2, dalp.start('ws', '"order 2"') UNION ALL SELECT 1, dalp.start('ws', '"order 1 again"');
SELECT o.id, (dalp.wait(o.run)).output FROM ws.orders o;
SELECT count(*) AS started FROM dalp.runs WHERE input IN ('"order 2"', '"order 1 again"');
