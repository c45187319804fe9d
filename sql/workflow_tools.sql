--
-- Promise: a definition can be tried before it is stored, and whoever looks
-- after runs is told where each stands, how it got there and what would move
-- it; trying and looking change nothing.
--
SET client_min_messages = warning;
CREATE SCHEMA wt;
CREATE FUNCTION wt.step(i jsonb) RETURNS jsonb LANGUAGE sql AS 'SELECT i';
CREATE FUNCTION wt.fails(i jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$BEGIN RAISE EXCEPTION 'no' USING ERRCODE = 'DL020'; END$$;
CREATE ROLE regress_wt_owner IN ROLE dalp_app;
CREATE ROLE regress_wt_other IN ROLE dalp_app;
CREATE ROLE regress_wt_operator IN ROLE dalp_operator;
GRANT USAGE ON SCHEMA wt TO regress_wt_owner;

-- Waits, with a bound, until dalp.why has so many rows of the kind.
CREATE PROCEDURE wt.until(run bigint, wanted_kind text, wanted bigint DEFAULT 1) LANGUAGE plpgsql AS $$
DECLARE found bigint; poll_interval CONSTANT float8 := 0.01; BEGIN
	FOR i IN 1..3000 LOOP
		SELECT count(*) INTO found FROM dalp.why(run) WHERE kind = wanted_kind;
		IF found = wanted THEN RETURN; END IF;
		COMMIT;
		PERFORM pg_sleep(poll_interval);
	END LOOP;
	RAISE EXCEPTION 'waited in vain for % rows of kind %, there are %', wanted, wanted_kind, found;
END $$;
-- dalp.why without what differs from run to run: ids by names, times by whether they are there.
CREATE FUNCTION wt.why(run bigint, other bigint DEFAULT NULL) RETURNS TABLE (
	branch int, waits_for text, kind text, name text, refers boolean, since boolean, until boolean, what_next text) LANGUAGE sql AS $$
	SELECT w.branch, regexp_replace(w.waits_for, '\m' || coalesce(other, -1) || '\M', 'OTHER'), w.kind, w.name, w.reference IS NOT NULL,
		w.since <= clock_timestamp(), w.until > clock_timestamp(),
		regexp_replace(regexp_replace(regexp_replace(w.what_next, '\m' || coalesce(other, -1) || '\M', 'OTHER'), '\m' || run || '\M', 'RUN'),
			'redrive\(\d+\)', 'redrive(LETTER)')
	FROM dalp.why(run) AS w
$$;

-- Sequences.
SELECT jsonb_pretty(dalp.sequence('wt.step', 'wt.fails', 'wt.step'));
SELECT * FROM dalp.validate_workflow(dalp.sequence('wt.step', 'wt.fails', 'wt.step'));
SELECT dalp.sequence(VARIADIC ARRAY['"Wt"."Step"']);
SELECT length(state) AS characters FROM jsonb_object_keys(dalp.sequence(repeat('s', 60) || '.' || repeat('f', 60)) -> 'States') AS state;
SELECT dalp.sequence('wt.step', 'drop table x');
SELECT dalp.sequence('wt.step', NULL);
SELECT dalp.sequence(VARIADIC '{}');
SELECT dalp.sequence(VARIADIC NULL);
-- For everybody, as it is pure.
SET ROLE regress_wt_other;
SELECT dalp.sequence('wt.step') -> 'StartAt' AS start;
RESET ROLE;

-- A state alone: result, error, retries, catch.
\set state '{"Type": "Task", "Resource": "sql:nobody.asks", "TimeoutSeconds": 5, "ResultPath": "$.r", "Next": "B", "Retry": [{"ErrorEquals": ["Busy"], "MaxAttempts": 2}], "Catch": [{"ErrorEquals": ["Empty"], "Next": "C"}]}'
SELECT jsonb_pretty(dalp.test_state(:'state', '{"a": 1}', '{"result": 5}'));
SELECT jsonb_pretty(dalp.test_state(:'state', '{"a": 1}', '[{"error": "Busy"}, {"error": "Busy"}, {"result": 5}]') - 'calls');
SELECT jsonb_pretty(dalp.test_state(:'state', '{"a": 1}', '[{"error": "Busy"}, {"error": "Empty", "cause": "nothing there"}]') - 'calls');
SELECT jsonb_pretty(dalp.test_state(:'state', '{"a": 1}', '{"error": "Busy", "cause": "every time"}') - 'calls');
SELECT jsonb_pretty(dalp.test_state(:'state', '{"a": 1}', '{"error": "23505", "aliases": ["unique_violation", "Empty"]}') - 'calls');
SELECT jsonb_pretty(dalp.test_state(:'state', '{"a": 1}', '[{"error": "Busy", "permanent": true}, {"result": 5}]') - 'calls');
-- Without a mock: what it would be called with.
SELECT dalp.test_state('{"Type": "Task", "Resource": "activity:queue", "Parameters": {"x.$": "$.a", "run.$": "$$.Execution.Name", "state.$": "$$.State.Name", "v.$": "$v"}, "End": true}',
	'{"a": 1}', variables => '{"v": [2]}') -> 'output' AS called_with;
SELECT dalp.test_state('{"Type": "Task", "Resource": "sql:a.b.waitForTaskToken", "Parameters": {"token.$": "$$.Task.Token"}, "End": true}') -> 'output' AS called_with;
SELECT dalp.test_state('{"Type": "Choice", "Choices": [{"Variable": "$.a", "NumericLessThan": 3, "Next": "Few", "Assign": {"n.$": "$.a"}}], "Default": "Many"}', '{"a": 1}') - '{calls,waits,delays}'::text[] AS few;
SELECT dalp.test_state('{"Type": "Choice", "Choices": [{"Variable": "$.a", "NumericLessThan": 3, "Next": "Few"}], "Default": "Many"}', '{"a": 5}') ->> 'next_state' AS many;
SELECT dalp.test_state('{"Type": "Choice", "Choices": [{"Variable": "$.a", "NumericLessThan": 3, "Next": "Few"}]}', '{"a": 5}') ->> 'error' AS neither;
SELECT dalp.test_state('{"Type": "Wait", "Seconds": 3600, "Next": "B"}') -> 'waits' AS waits;
SELECT dalp.test_state('{"Type": "Fail", "ErrorPath": "$.e", "Cause": "so"}', '{"e": "Mine"}') - '{calls,waits,delays}'::text[] AS fails;
SELECT dalp.test_state('{"Type": "Task", "Resource": "sql:a.b", "Compensate": "Undo", "Next": "State"}') - '{calls,waits,delays}'::text[] AS compensated;
SELECT dalp.test_state('{"Type": "Map", "ItemsPath": "$.l", "MaxConcurrency": 2, "ItemProcessor": {"StartAt": "Item", "States": {"Item": {"Type": "Task", "Resource": "sql:a.b", "End": true}}}, "End": true}',
	'{"l": [1, 2, 3]}', '{"Item": [{"result": "a"}, {"result": "b"}]}') - 'calls' AS mapped;
SELECT dalp.test_state('{"Type": "Pass", "Next": "B"}', NULL) -> 'output' AS no_input;

-- All of a machine, or one state of it.
SELECT dalp.test_state(dalp.sequence('a.one', 'a.two', 'a.three'), '{"n": 0}', '{"a.two": {"result": [2]}}') - '{waits,delays}'::text[] AS machine;
SELECT dalp.test_state(dalp.sequence('a.one', 'a.two', 'a.three'), '{"n": 0}', '{"a.two": {"result": [2]}}', state => 'a.two') AS one_state;

-- What is wrong is said as of the state, or of the machine.
SELECT dalp.test_state('{"Type": "Task", "Resource": "wt.step", "Nxt": "B", "Retry": [{"ErrorEquals": []}]}');
SELECT dalp.test_state('{"StartAt": "A", "States": {"A": {"Type": "Pass", "Next": "B"}}}');
SELECT dalp.test_state('{"Type": "Pass", "Next": ""}');
SELECT dalp.test_state('{"Type": "Choice", "Choices": [{"Variable": "$.a", "IsPresent": true, "Next": 5}], "Default": []}');
SELECT dalp.test_state('[]');
SELECT dalp.test_state(NULL);
SELECT dalp.test_state(:'state', '{}', '5');
SELECT dalp.test_state(:'state', '{}', '[]');
SELECT dalp.test_state(:'state', '{}', '{"result": 1, "error": "E"}');
SELECT dalp.test_state(:'state', '{}', '[{"result": 1}, {"error": "E", "why": 1}]');
SELECT dalp.test_state(:'state', '{}', '{"error": 5}');
SELECT dalp.test_state(:'state', '{}', '{"error": "E", "aliases": ["1", "2", "3", "4"]}');
SELECT dalp.test_state(dalp.sequence('a.one'), '{}', '{"a.two": {"result": 1}}');
SELECT dalp.test_state('{"Type": "Pass", "End": true}', '{}', '{"State": {"result": 1}}');
SELECT dalp.test_state(dalp.sequence('a.one'), state => 'a.two');
SELECT dalp.test_state(:'state', state => 'State');
SELECT dalp.test_state(:'state', variables => '5');

-- It ends, whatever it is given.
SELECT dalp.test_state('{"StartAt": "A", "States": {"A": {"Type": "Pass", "Next": "B"}, "B": {"Type": "Choice", "Choices": [{"Variable": "$.n", "IsPresent": true, "Next": "A"}], "Default": "C"}, "C": {"Type": "Succeed"}}}', '{"n": 1}');
SELECT r ->> 'status' AS status, jsonb_array_length(r -> 'delays') > 1000 AS many FROM dalp.test_state('{"Type": "Task", "Resource": "sql:a.b", "Retry": [{"ErrorEquals": ["States.ALL"], "MaxAttempts": 99999999, "IntervalSeconds": 1, "BackoffRate": 1}], "End": true}', '{}', '{"error": "E"}') AS r;
SELECT dalp.test_state('{"StartAt": "A", "States": {"A": {"Type": "Pass", "Parameters": {"a.$": "States.Format(''{}{}'', $.a, $.a)"}, "Next": "B"}, "B": {"Type": "Choice", "Choices": [{"Variable": "$.n", "IsPresent": true, "Next": "C"}], "Default": "A"}, "C": {"Type": "Succeed"}}}', '{"a": "x"}') ->> 'error' AS too_large;

-- Drawings: a way through branches, of a run that ended.
SELECT dalp.create_workflow('wt_draw', '{"StartAt": "Fan", "States": {
	"Fan": {"Type": "Parallel", "Branches": [
		{"StartAt": "Left", "States": {"Left": {"Type": "Pass", "End": true}}},
		{"StartAt": "Right", "States": {"Right": {"Type": "Choice", "Choices": [{"Variable": "$.n", "NumericGreaterThan": 1, "Next": "More"}], "Default": "Less"}, "More": {"Type": "Succeed"}, "Less": {"Type": "Succeed"}}}],
		"ResultPath": "$.fan", "Next": "Work"},
	"Work": {"Type": "Task", "Resource": "sql:wt.step", "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Lost"}], "End": true},
	"Lost": {"Type": "Fail"}}}') AS version;
SELECT dalp.render_workflow('wt_draw');
SELECT dalp.start('wt_draw', '{"n": 2}') AS run \gset
SELECT status FROM dalp.wait(:run);
SELECT dalp.render_workflow('wt_draw', :run);
SELECT dalp.render_workflow('wt_draw', :run, 'dot');
-- A run keeps the version that it started with.
SELECT dalp.create_workflow('wt_draw', dalp.sequence('wt.step')) AS version;
SELECT dalp.render_workflow('wt_draw', format => 'dot');
SELECT dalp.render_workflow('wt_draw', :run) LIKE '%Right%' AS old_version;
SELECT dalp.render_workflow('wt_draw', :run, 'png');
SELECT dalp.render_workflow('wt_missing');
SELECT dalp.render_workflow('wt_draw', -1);
SELECT dalp.render_workflow(NULL, :run);
SELECT dalp.create_workflow('wt_step', dalp.sequence('wt.step')) AS version;
\set VERBOSITY sqlstate
SELECT dalp.render_workflow('wt_step', :run) AS of_another;
\set VERBOSITY default

-- Why: nobody knows of such a run, or may.
SELECT * FROM dalp.why(-1);
SELECT * FROM dalp.why(NULL);

-- Ready: what nobody else sees yet, no executor can take.
SELECT dalp.create_workflow('wt_signal', '{"StartAt": "Approve", "States": {"Approve": {"Type": "Task", "Resource": "signal:approve", "TimeoutSeconds": 3600, "End": true}}}') AS version;
BEGIN;
SELECT dalp.start('wt_signal', priority => 100) AS run \gset
SELECT * FROM wt.why(:run);
-- Another one in its shard comes after it.
SELECT max(run_id) AS after FROM (SELECT dalp.start('wt_signal', priority => 100) AS run_id FROM generate_series(1, 16)) AS s \gset
SELECT what_next FROM wt.why(:after);
SELECT count(dalp.cancel(run_id, 'enough')) AS cancelled FROM generate_series(:run + 1, :after) AS run_id;
COMMIT;
-- A signal; what was sent under another name is told.
CALL wt.until(:run, 'signal');
SELECT * FROM wt.why(:run);
SELECT dalp.signal(:run, 'aprove', '1'), dalp.signal(:run, 'it''s', '1');
CALL wt.until(:run, 'ready', 0);
SELECT * FROM wt.why(:run);
-- The SQL that it gives does it.
SELECT what_next AS send FROM dalp.why(:run) \gset
:send
;
SELECT status FROM dalp.wait(:run);
SELECT * FROM wt.why(:run);

-- Time: a start, a Wait, a retry; the run's own limit ends each wait.
SELECT dalp.start('wt_signal', start_at => clock_timestamp() + '1 h') AS run \gset
SELECT * FROM wt.why(:run);
SELECT until BETWEEN clock_timestamp() + '59 min' AND clock_timestamp() + '61 min' AS until FROM dalp.why(:run);
SELECT dalp.cancel(:run, 'enough');
SELECT * FROM wt.why(:run);
SELECT dalp.create_workflow('wt_wait', '{"StartAt": "A", "States": {"A": {"Type": "Wait", "Seconds": 3600, "Next": "B"}, "B": {"Type": "Task", "Resource": "sql:wt.step", "End": true}}}') AS version;
SELECT dalp.start('wt_wait') AS run \gset
CALL wt.until(:run, 'sleep');
SELECT * FROM wt.why(:run);
SELECT dalp.cancel(:run, 'enough');
CREATE FUNCTION wt.busy(i jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$BEGIN PERFORM dalp.raise_error('Busy'); RETURN i; END$$;
SELECT dalp.create_workflow('wt_retry', '{"StartAt": "A", "States": {"A": {"Type": "Task", "Resource": "sql:wt.busy", "End": true, "Retry": [{"ErrorEquals": ["Busy"], "IntervalSeconds": 3600}]}}}') AS version;
SELECT dalp.start('wt_retry') AS run \gset
CALL wt.until(:run, 'retry');
SELECT * FROM wt.why(:run);
SELECT dalp.cancel(:run, 'enough');
SELECT dalp.create_workflow('wt_limit', '{"StartAt": "A", "TimeoutSeconds": 1800, "States": {"A": {"Type": "Task", "Resource": "signal:go", "TimeoutSeconds": 3600, "End": true}}}') AS version;
SELECT dalp.start('wt_limit') AS run \gset
CALL wt.until(:run, 'signal');
SELECT until BETWEEN clock_timestamp() + '29 min' AND clock_timestamp() + '31 min' AS until FROM dalp.why(:run);
SELECT dalp.cancel(:run, 'enough');

-- Branches: each for itself.
SELECT dalp.create_workflow('wt_branches', '{"StartAt": "Fan", "States": {"Fan": {"Type": "Parallel", "Branches": [
	{"StartAt": "Left", "States": {"Left": {"Type": "Task", "Resource": "signal:left", "End": true}}},
	{"StartAt": "Right", "States": {"Right": {"Type": "Wait", "Seconds": 3600, "End": true}}}], "End": true}}}') AS version;
SELECT dalp.start('wt_branches') AS run \gset
CALL wt.until(:run, 'signal');
CALL wt.until(:run, 'sleep');
SELECT * FROM wt.why(:run);
SELECT dalp.render_workflow('wt_branches', :run) ~ 'Left"\]\):::entered' AS left_entered;
SELECT dalp.cancel(:run, 'enough');

-- Operators: who paused a run, or its workflow; it goes on by what is said.
SELECT dalp.start('wt_signal') AS run \gset
CALL wt.until(:run, 'signal');
SET ROLE regress_wt_operator;
SELECT dalp.pause(:run);
SELECT dalp.pause('wt_signal');
RESET ROLE;
SELECT * FROM wt.why(:run);
SELECT dalp.signal(:run, 'approve');
CALL wt.until(:run, 'ready', 0);
SELECT * FROM wt.why(:run);
SELECT dalp.resume(:run);
CALL wt.until(:run, 'ready', 0);
SELECT * FROM wt.why(:run) WHERE kind <> 'signal';
SELECT what_next AS go FROM dalp.why(:run) WHERE kind = 'workflow_paused' \gset
:go
;
SELECT status FROM dalp.wait(:run);

-- A concurrency key: who has it, and how many are before.
SELECT dalp.start('wt_signal', concurrency_key => 'k') AS holder \gset
CALL wt.until(:holder, 'signal');
SELECT dalp.start('wt_signal', concurrency_key => 'k') AS second \gset
CALL wt.until(:second, 'concurrency_key');
SELECT dalp.start('wt_signal', concurrency_key => 'k') AS third \gset
CALL wt.until(:third, 'concurrency_key');
SELECT * FROM wt.why(:second, :holder);
SELECT * FROM wt.why(:third, :holder);
SELECT reference = :holder AS by_holder FROM dalp.why(:third);
SELECT dalp.cancel(:third, 'enough'), dalp.cancel(:second, 'enough'), dalp.cancel(:holder, 'enough');

-- Failed: the dead letter, and what redrives it; settled, nothing.
SELECT dalp.create_workflow('wt_fails', dalp.sequence('wt.step', 'wt.fails')) AS version;
SELECT dalp.start('wt_fails') AS run \gset
SELECT status FROM dalp.wait(:run);
SELECT * FROM wt.why(:run);
SELECT reference AS letter, what_next AS redrive FROM dalp.why(:run) \gset
SELECT id = :letter AS same FROM dalp.dead_letters WHERE reference = :run AND resolution IS NULL;
CREATE OR REPLACE FUNCTION wt.fails(i jsonb) RETURNS jsonb LANGUAGE sql AS 'SELECT i';
SELECT :run = dalp.redrive(:letter) AS goes_on;
SELECT status FROM dalp.wait(:run);
SELECT * FROM wt.why(:run);
SELECT dalp.render_workflow('wt_fails', :run) LIKE '%wt.fails (2×)%' AS entered_twice;
CREATE OR REPLACE FUNCTION wt.fails(i jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$BEGIN RAISE EXCEPTION 'no'; END$$;
SELECT dalp.start('wt_fails') AS run \gset
SELECT status FROM dalp.wait(:run);
SELECT dalp.discard(reference) FROM dalp.why(:run);
SELECT * FROM wt.why(:run);

-- A child run: what its parent waits for is what it waits for; its failure is its parent's.
SELECT dalp.create_workflow('wt_parent', '{"StartAt": "A", "States": {"A": {"Type": "Task", "Resource": "workflow:wt_signal.sync", "End": true}}}') AS version;
SELECT dalp.start('wt_parent') AS run \gset
CALL wt.until(:run, 'run');
SELECT reference AS child FROM dalp.why(:run) \gset
SELECT * FROM wt.why(:run, :child);
CALL wt.until(:child, 'signal');
SELECT kind, name FROM dalp.why(:child);
SELECT dalp.signal(:child, 'approve');
SELECT status FROM dalp.wait(:run);
SELECT dalp.create_workflow('wt_parent', '{"StartAt": "A", "States": {"A": {"Type": "Task", "Resource": "workflow:wt_fails.sync", "End": true}}}') AS version;
SELECT dalp.start('wt_parent') AS run \gset
SELECT status FROM dalp.wait(:run);
SELECT max(run_id) AS child FROM dalp.runs WHERE workflow = 'wt_fails' \gset
SELECT * FROM wt.why(:child, :run);
SELECT kind, name FROM dalp.why(:run);

-- A transaction: its state.
SELECT dalp.create_chain('wt_chain', 3133779, 'depth:1', 'eip1559', NULL) IS NOT NULL AS chain, dalp.create_wallet('wt_wallet') IS NOT NULL AS wallet;
SELECT dalp.create_workflow('wt_transaction', '{"StartAt": "A", "States": {"A": {"Type": "Task", "Resource": "chain:transaction",
	"Parameters": {"wallet": "wt_wallet", "chain": "wt_chain", "to": "0x0000000000000000000000000000000000000001", "value": "1"}, "End": true}}}') AS version;
SELECT dalp.start('wt_transaction') AS run \gset
CALL wt.until(:run, 'transaction');
SELECT reference AS transaction FROM dalp.why(:run) \gset
SELECT branch, waits_for, kind, name, refers, since, until, regexp_replace(what_next, 'it is [A-Z]+$', 'it is …') AS what_next FROM wt.why(:run, :transaction);
SELECT w.what_next LIKE '%it is ' || t.state AS state_is_told FROM dalp.why(:run) AS w, dalp.transactions AS t WHERE t.transaction_id = w.reference;
SELECT dalp.cancel(:run, 'enough');

-- A run of which nothing is left to wait for, until the scheduler has found it.
BEGIN;
SELECT dalp.start('wt_step') AS run \gset
DELETE FROM dalp_workflow.ready WHERE run_id = :run;
SELECT * FROM wt.why(:run);
ROLLBACK;

-- Who may see the workflow may look; nobody else.
SET ROLE regress_wt_owner;
SELECT dalp.create_workflow('wt_own', dalp.sequence('wt.step')) AS version;
SELECT dalp.start('wt_own', start_at => clock_timestamp() + '1 h') AS run \gset
SELECT kind FROM dalp.why(:run);
SELECT dalp.render_workflow('wt_own', :run) LIKE '%:::entered%' AS entered;
SET ROLE regress_wt_other;
SELECT kind FROM dalp.why(:run);
SELECT dalp.render_workflow('wt_own');
SELECT dalp.render_workflow('wt_own', :run);
SET ROLE regress_wt_owner;
SELECT dalp.grant_workflow('wt_own', 'regress_wt_other');
SET ROLE regress_wt_other;
SELECT kind FROM dalp.why(:run);
SELECT dalp.render_workflow('wt_own', :run) LIKE '%:::entered%' AS entered;
SET ROLE regress_wt_operator;
SELECT kind FROM dalp.why(:run);
SELECT dalp.cancel(:run, 'enough');
RESET ROLE;
CREATE ROLE regress_wt_nobody;
SET ROLE regress_wt_nobody;
SELECT kind FROM dalp.why(:run);
SELECT dalp.render_workflow('wt_own');
SELECT dalp.test_state('{"Type": "Pass", "End": true}');
RESET ROLE;

-- Looking writes nothing: it works where nothing can be written.
BEGIN READ ONLY;
SELECT kind FROM dalp.why(:run);
SELECT dalp.render_workflow('wt_own', :run) LIKE 'flowchart%' AS drawn;
SELECT dalp.test_state('{"Type": "Pass", "End": true}') ->> 'status' AS status;
COMMIT;
