--
-- Promise: a task of an activity is given to one worker at a time, in order of
-- priority and age, and ends its state exactly once, by the token of the lease
-- that holds it; every other token is stale.  A worker that is lost costs no
-- attempt.  A cancelled, timed-out or failed run leaves no task behind.
--
SET client_min_messages = warning;
CREATE SCHEMA act;
CREATE VIEW act.kinds AS SELECT queue, status, attempt, losses, worker FROM dalp.tasks ORDER BY run_id, branch;
-- Waits, with a bound, until so many tasks are open.
CREATE PROCEDURE act.until_open(wanted bigint, of text DEFAULT 'open') LANGUAGE plpgsql AS $$
DECLARE found bigint; poll_interval CONSTANT float8 := 0.01; BEGIN
	FOR i IN 1..3000 LOOP
		SELECT count(*) INTO found FROM dalp.tasks WHERE status = of;
		IF found = wanted THEN RETURN; END IF;
		COMMIT;
		PERFORM pg_sleep(poll_interval);
	END LOOP;
	RAISE EXCEPTION 'waited in vain for % tasks, there are %', wanted, found;
END $$;
-- Heartbeats for so long.
CREATE PROCEDURE act.beat(token text, duration interval) LANGUAGE plpgsql AS $$
DECLARE started timestamptz := clock_timestamp(); poll_interval CONSTANT float8 := 0.05; BEGIN
	WHILE clock_timestamp() < started + duration LOOP
		IF dalp.heartbeat_task(token) < clock_timestamp() THEN RAISE 'not renewed'; END IF;
		COMMIT;
		PERFORM pg_sleep(poll_interval);
	END LOOP;
END $$;
SELECT dalp.create_workflow('act', '{"StartAt": "A", "States": {
	"A": {"Type": "Task", "Resource": "activity:act_q", "Parameters": {"n.$": "$.n"}, "ResultPath": "$.a", "End": true,
		"Retry": [{"ErrorEquals": ["Again"], "IntervalSeconds": 1, "MaxAttempts": 1}],
		"Catch": [{"ErrorEquals": ["Caught"], "ResultPath": "$.caught", "Next": "B"}]},
	"B": {"Type": "Pass", "End": true}}}') AS version;

-- Claim and complete: what the worker gets, and what the run gets.
SELECT dalp.start('act', '{"n": 1}', traceparent => '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01') AS run \gset
SELECT * FROM dalp.claim_tasks('act_q', 'w1', wait => '30s') \gset
SELECT :'workflow' AS workflow, :'state' AS state, :attempt AS attempt, :'input'::jsonb AS input, :'traceparent' AS traceparent,
	:'idempotency_key' = :'run_id' || ':0:1' AS key, :run_id = :run AS run, :'task_token' ~ '^[0-9]+-0-[0-9a-f]{32}$' AS token,
	:'lease_until'::timestamptz BETWEEN clock_timestamp() + '50 s' AND clock_timestamp() + '60 s' AS lease;
SELECT * FROM act.kinds;
SELECT claimed_at = lease_until - interval '60 s' AS a_minute, heartbeat_at, created_at < claimed_at AS waited FROM dalp.tasks;
-- The table has no token, only what one can't complete the task with.
SELECT position(split_part(:'task_token', '-', 3) IN l::text) AS at, sha256(convert_to(split_part(:'task_token', '-', 3), 'UTF8')) = token_hash AS hash FROM dalp_workflow.lease l;
SELECT kind, name, waits_for, what_next FROM dalp.why(:run);
SELECT count(*) AS nothing_left FROM dalp.claim_tasks('act_q', 'w2');
SELECT dalp.complete_task(:'task_token', '{"done": true}');
SELECT status, output FROM dalp.wait(:run);
SELECT event, state, attempt, worker ~ '^executor' AS executor, nullif(worker, substring(worker FROM '^executor.*')) AS worker, details FROM dalp.run_history WHERE run_id = :run;
\set VERBOSITY sqlstate
SELECT dalp.complete_task(:'task_token', '1') IS NULL AS completed_twice;
SELECT dalp.fail_task(:'task_token', 'Late') IS NULL AS failed_late;
SELECT dalp.heartbeat_task(:'task_token');
SELECT dalp.assert_lease(:'task_token');
SELECT dalp.release_tasks(ARRAY[:'task_token']);

-- Completion joins the worker's transaction.
SELECT dalp.start('act', '{"n": 2}') AS run \gset
SELECT task_token FROM dalp.claim_tasks('act_q', 'w1', wait => '30s') \gset
BEGIN; SELECT dalp.complete_task(:'task_token', '"rolled back"'); ROLLBACK;
SELECT * FROM act.kinds;
BEGIN; SELECT dalp.assert_lease(:'task_token'); SELECT dalp.complete_task(:'task_token', 'null'); COMMIT;
SELECT status, output FROM dalp.wait(:run);
-- And so does a claim.
SELECT dalp.start('act', '{"n": 3}') AS run \gset
CALL act.until_open(1);
BEGIN; SELECT count(*) AS claimed FROM dalp.claim_tasks('act_q', 'w1'); ROLLBACK;
SELECT * FROM act.kinds;

-- Given back: at once, at no attempt's cost; the old token is dead.
SELECT task_token AS old FROM dalp.claim_tasks('act_q', 'w1') \gset
SELECT dalp.release_tasks(ARRAY[:'old', :'old', '1-0-00000000000000000000000000000000']);
SELECT * FROM act.kinds;
SELECT dalp.complete_task(:'old', '1') IS NULL AS completed_after_release;
SELECT task_token FROM dalp.claim_tasks('act_q', 'w2') \gset
SELECT dalp.complete_task(:'old', '1') IS NULL AS completed_after_another_claim;
-- A lost worker: back in the queue, by the scheduler, no attempt spent.
SELECT dalp.release_tasks(ARRAY[:'task_token']);
SELECT task_token AS lost FROM dalp.claim_tasks('act_q', 'w3', lease => '1s') \gset
SELECT task_token, attempt FROM dalp.claim_tasks('act_q', 'w4', lease => '2s', wait => '30s') \gset
SELECT * FROM act.kinds;
SELECT dalp.complete_task(:'lost', '1') IS NULL AS completed_after_the_lease;
-- Heartbeats keep it, longer than the lease.
SELECT dalp.heartbeat_task(:'task_token', '{"rows": 10}') > clock_timestamp() AS held;
CALL act.beat(:'task_token', '3 s');
SELECT heartbeat, heartbeat_at + interval '2 s' = lease_until AS renewed, losses FROM dalp.tasks;
SELECT dalp.complete_task(:'task_token', '"w4"');
SELECT status, output->'a' AS by, :attempt AS attempt FROM dalp.wait(:run);

-- Failures: by name to Retry, then Catch; without a name; of too many lost workers.
SELECT dalp.start('act', '{"n": 4}') AS run \gset
SELECT task_token, attempt, idempotency_key AS key FROM dalp.claim_tasks('act_q', 'w1', wait => '30s') \gset
SELECT dalp.fail_task(:'task_token', 'Again', 'first');
SELECT task_token AS next, attempt, idempotency_key = :'key' AS same_key FROM dalp.claim_tasks('act_q', 'w1', wait => '30s') \gset
SELECT :attempt AS attempt, :'same_key' AS same_key;
SELECT dalp.complete_task(:'task_token', '1') IS NULL AS completed_by_the_first_attempt;
SELECT dalp.fail_task(:'next', 'Again', 'second');
SELECT status, error, cause FROM dalp.wait(:run);
SELECT dalp.start('act', '{"n": 5}') AS run \gset
SELECT task_token FROM dalp.claim_tasks('act_q', 'w1', wait => '30s') \gset
SELECT dalp.fail_task(:'task_token', 'Caught', 'why not');
SELECT status, output FROM dalp.wait(:run);
SELECT dalp.start('act', '{"n": 6}') AS run \gset
SELECT task_token FROM dalp.claim_tasks('act_q', 'w1', wait => '30s') \gset
SELECT dalp.fail_task(:'task_token', NULL);
SELECT status, error, cause FROM dalp.wait(:run);
SELECT dalp.start('act', '{"n": 7}') AS run \gset
SELECT task_token FROM dalp.claim_tasks('act_q', 'w1', wait => '30s', lease => '1s') \gset
UPDATE dalp_workflow.lease SET losses = 19;
SELECT status, error, cause FROM dalp.wait(:run);

-- HeartbeatSeconds: missed, the attempt fails; caught by its own name only where that is named.
SELECT dalp.create_workflow('act_beat', '{"StartAt": "A", "States": {
	"A": {"Type": "Task", "Resource": "activity:act_q", "HeartbeatSeconds": 1, "End": true,
		"Retry": [{"ErrorEquals": ["States.HeartbeatTimeout"], "IntervalSeconds": 1, "MaxAttempts": 1}]}}}') AS version;
SELECT dalp.start('act_beat') AS run \gset
SELECT task_token, lease_until < clock_timestamp() + '2 s' AS short FROM dalp.claim_tasks('act_q', 'w1', wait => '30s') \gset
SELECT task_token AS next, attempt, :'short' AS short FROM dalp.claim_tasks('act_q', 'w1', wait => '30s') \gset
SELECT :attempt AS attempt, :'short' AS short;
SELECT status, error, cause FROM dalp.wait(:run);
SELECT event, attempt, error FROM dalp.run_history WHERE run_id = :run AND event <> 'started';

-- TimeoutSeconds runs from when the task was scheduled, claimed or not.
SELECT dalp.create_workflow('act_time', '{"StartAt": "A", "States": {"A": {"Type": "Task", "Resource": "activity:act_q", "TimeoutSeconds": 1, "End": true}}}') AS version;
SELECT dalp.start('act_time') AS run, dalp.start('act_time') AS other \gset
SELECT task_token FROM dalp.claim_tasks('act_q', 'w1', wait => '30s') \gset
SELECT status, error, cause FROM dalp.wait(:run);
SELECT status, error, cause FROM dalp.wait(:other);
SELECT dalp.complete_task(:'task_token', '1') IS NULL AS completed_too_late;
SELECT count(*) AS tasks_left FROM dalp.tasks;

-- Cancel, deadline, failure of a sibling: none is left, each token is stale.
SELECT dalp.create_workflow('act_par', '{"StartAt": "P", "States": {"P": {"Type": "Parallel", "End": true, "Branches": [
	{"StartAt": "X", "States": {"X": {"Type": "Task", "Resource": "activity:act_x", "End": true}}},
	{"StartAt": "Y", "States": {"Y": {"Type": "Task", "Resource": "activity:act_y", "End": true}}},
	{"StartAt": "Z", "States": {"Z": {"Type": "Task", "Resource": "activity:act_y", "End": true}}}]}}}') AS version;
SELECT dalp.start('act_par') AS run \gset
CALL act.until_open(3);
SELECT task_token AS x FROM dalp.claim_tasks('act_x', 'w1') \gset
SELECT task_token AS y FROM dalp.claim_tasks('act_y', 'w1') \gset
SELECT * FROM act.kinds;
SELECT dalp.fail_task(:'x', 'Broken');
SELECT status, error FROM dalp.wait(:run);
SELECT dalp.complete_task(:'y', '1') IS NULL AS completed_beside_a_failure;
SELECT count(*) AS tasks_left FROM dalp.tasks;
SELECT dalp.start('act_par') AS run \gset
CALL act.until_open(3);
SELECT task_token AS x FROM dalp.claim_tasks('act_x', 'w1') \gset
SELECT dalp.cancel(:run, 'not wanted');
SELECT dalp.heartbeat_task(:'x');
SELECT dalp.complete_task(:'x', '1') IS NULL AS completed_after_cancel;
SELECT count(*) AS tasks_left FROM dalp.tasks;
SELECT dalp.start('act_par', timeout => '1s') AS run \gset
SELECT task_token AS x FROM dalp.claim_tasks('act_x', 'w1', wait => '30s') \gset
SELECT status FROM dalp.wait(:run);
SELECT dalp.complete_task(:'x', '1') IS NULL AS completed_after_deadline;
SELECT count(*) AS tasks_left FROM dalp.tasks;
-- All branches complete: in the order of the branches.
SELECT dalp.start('act_par') AS run \gset
CALL act.until_open(3);
SELECT count(*) AS completed FROM (SELECT dalp.complete_task(task_token, to_jsonb(state)) FROM (SELECT * FROM dalp.claim_tasks('act_y', 'w1', 10) UNION ALL SELECT * FROM dalp.claim_tasks('act_x', 'w1', 10)) AS c) AS d;
SELECT status, output FROM dalp.wait(:run);

-- Order: priority first. (Of the same priority by age, which is the order of their steps.)
SELECT dalp.start('act', '{"n": 10}'), dalp.start('act', '{"n": 11}'), dalp.start('act', '{"n": 12}', priority => 5) \gset
CALL act.until_open(3);
SELECT array_agg(input->'n') AS claimed FROM dalp.claim_tasks('act_q', 'w1', 1);
SELECT array_agg(input->'n' ORDER BY input->'n') AS claimed FROM dalp.claim_tasks('act_q', 'w1', 3);
SELECT count(*) AS cancelled FROM (SELECT dalp.cancel(run_id, 'enough') FROM dalp.runs WHERE workflow = 'act' AND status = 'RUNNING') AS c;

-- Bulk: a batch is completed, all or none, and the next one claimed in the same transaction.
SELECT count(*) AS started FROM dalp.start_many('act', ARRAY(SELECT jsonb_build_object('n', n) FROM generate_series(1, 25) AS n));
CALL act.until_open(25);
SELECT array_agg(task_token) AS tokens, array_agg(input) AS outputs FROM dalp.claim_tasks('act_q', 'w1', 10) \gset
SELECT array_agg(task_token) AS next, array_agg(input) AS next_outputs, count(*) AS claimed FROM dalp.complete_and_claim(:'tokens', :'outputs', 'act_q', 'w1', 10, wait => '30s') \gset
SELECT :claimed AS claimed;
SELECT count(*) FROM dalp.complete_and_claim(array_append(:'next'::text[], (:'tokens'::text[])[3]), NULL, 'act_q', 'w1', 10);
SELECT status, count(*) FROM act.kinds GROUP BY status ORDER BY status;
SELECT array_agg(task_token) AS last, count(*) AS claimed FROM dalp.complete_and_claim(:'next', :'next_outputs', 'act_q', 'w1', 10, wait => '30s') \gset
SELECT :claimed AS claimed;
SELECT count(*) AS claimed FROM dalp.complete_and_claim(:'last', NULL, 'act_q', 'w1', 10, wait => '30s');
SELECT count(*) AS ended FROM dalp.runs r, dalp.wait(r.run_id) w WHERE r.workflow = 'act' AND r.run_id IN (SELECT run_id FROM dalp.runs WHERE workflow = 'act' ORDER BY run_id DESC LIMIT 25);
SELECT status, count(*), count(*) FILTER (WHERE output->'a' = input) AS with_input, count(*) FILTER (WHERE output->'a' = 'null') AS with_null
FROM (SELECT * FROM dalp.runs WHERE workflow = 'act' ORDER BY run_id DESC LIMIT 25) AS r GROUP BY status;
-- Without tokens it waits.
SELECT count(*) AS claimed FROM dalp.complete_and_claim(NULL, NULL, 'act_q', 'w1', wait => '0.1s');
SELECT count(*) AS claimed FROM dalp.complete_and_claim('{}', '{}', 'act_q', 'w1', wait => '0.1s');

-- A Map of tasks.
SELECT dalp.create_workflow('act_map', '{"StartAt": "M", "States": {"M": {"Type": "Map", "End": true, "ItemProcessor": {"StartAt": "A", "States": {
	"A": {"Type": "Task", "Resource": "activity:act_m", "End": true}}}}}}') AS version;
SELECT dalp.start('act_map', (SELECT jsonb_agg(n) FROM generate_series(1, 30) AS n)) AS run \gset
CALL act.until_open(30);
SELECT count(*) AS completed, count(DISTINCT key) AS keys FROM (SELECT dalp.complete_task(task_token, to_jsonb((input::int) * 2)), idempotency_key AS key FROM dalp.claim_tasks('act_m', 'w1', 100)) AS c;
SELECT status, output = (SELECT jsonb_agg(2 * n) FROM generate_series(1, 30) AS n) AS doubled FROM dalp.wait(:run);

-- Who may claim: members of dalp_worker everything, others what is theirs or granted.
CREATE ROLE regress_act_app IN ROLE dalp_app;
CREATE ROLE regress_act_worker IN ROLE dalp_worker;
CREATE ROLE regress_act_nobody;
SELECT dalp.start('act', '{"n": 20}') AS run \gset
CALL act.until_open(1);
SET ROLE regress_act_app;
SELECT count(*) AS claimed FROM dalp.claim_tasks('act_q', 'app');
SELECT count(*) AS seen FROM dalp.tasks;
RESET ROLE;
SELECT dalp.grant_workflow('act', 'regress_act_app');
SET ROLE regress_act_app;
SELECT count(*) AS seen FROM dalp.tasks;
SELECT task_token FROM dalp.claim_tasks('act_q', 'app') \gset
SELECT dalp.release_tasks(ARRAY[:'task_token']);
SET ROLE regress_act_worker;
SELECT count(*) AS seen FROM dalp.tasks;
SELECT task_token FROM dalp.claim_tasks('act_q', 'worker') \gset
SELECT dalp.complete_task(:'task_token', '1');
SET ROLE regress_act_nobody;
SELECT count(*) FROM dalp.claim_tasks('act_q', 'nobody');
SELECT dalp.complete_task(:'task_token', '1');
RESET ROLE;
SELECT dalp.revoke_workflow('act', 'regress_act_app');
SELECT status FROM dalp.wait(:run);

-- Arguments.
\set VERBOSITY terse
SELECT count(*) FROM dalp.claim_tasks(NULL, 'w');
SELECT count(*) FROM dalp.claim_tasks('', 'w');
SELECT count(*) FROM dalp.claim_tasks('q', repeat('w', 201));
SELECT count(*) FROM dalp.claim_tasks('q', 'w', 0);
SELECT count(*) FROM dalp.claim_tasks('q', 'w', 1001);
SELECT count(*) FROM dalp.claim_tasks('q', 'w', lease => '0.5s');
SELECT count(*) FROM dalp.claim_tasks('q', 'w', lease => '25h');
SELECT count(*) FROM dalp.claim_tasks('q', 'w', wait => '-1s');
SELECT dalp.complete_task('no token', '1');
SELECT dalp.complete_task('99999999999999999999-0-00000000000000000000000000000000', '1');
SELECT dalp.complete_task('1-4294967296-00000000000000000000000000000000', '1');
SELECT dalp.complete_task('01-0-00000000000000000000000000000000', '1');
SELECT dalp.complete_task('1-0-0000000000000000000000000000000G', '1');
SELECT dalp.complete_task('1-0-00000000000000000000000000000000', '1');
SELECT dalp.complete_task(NULL, '1');
SELECT dalp.fail_task('1-0-00000000000000000000000000000000', repeat('e', 257));
SELECT dalp.fail_task('1-0-00000000000000000000000000000000', 'e', repeat('c', 300000));
SELECT dalp.complete_task('1-0-00000000000000000000000000000000', to_jsonb(repeat('c', 300000)));
SELECT dalp.heartbeat_task('1-0-00000000000000000000000000000000', to_jsonb(repeat('d', 300)));
SELECT count(*) FROM dalp.complete_and_claim(ARRAY['1-0-00000000000000000000000000000000'], ARRAY['1', '2']::jsonb[], 'q', 'w');
SELECT dalp.release_tasks(NULL), dalp.release_tasks(ARRAY[NULL]);
BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM dalp.claim_tasks('q', 'w', wait => '1s'); ROLLBACK;

-- A trial calls no worker.
SELECT r->'status' AS status, r->'output' AS output, r->'calls'->0->'heartbeat' AS heartbeat FROM dalp.test_state('{"Type": "Task", "Resource": "activity:q", "HeartbeatSeconds": 7, "End": true}', '1', '{"result": [2]}') AS r;
SELECT r->'status' AS status, r->'error' AS error FROM dalp.test_state('{"Type": "Task", "Resource": "activity:q", "End": true}', '1', '{"error": "States.HeartbeatTimeout"}') AS r;

-- Nothing is left.
SELECT (SELECT count(*) FROM dalp_workflow.task) AS tasks, (SELECT count(*) FROM dalp_workflow.lease) AS leases, (SELECT count(*) FROM dalp_workflow.wait WHERE kind = 'task') AS waits, (SELECT count(*) FROM dalp_workflow.inbox WHERE kind = 'task') AS messages;
DROP ROLE regress_act_app, regress_act_worker, regress_act_nobody;
