--
-- Promise: a durable procedure does each of its steps once, whatever makes it
-- be called again; it waits without a worker; one that doesn't fit what it has
-- done is paused, not failed, and does nothing.
--
SET client_min_messages = warning;
CREATE SCHEMA dp;
CREATE TABLE dp.did (run bigint, what text, number int GENERATED ALWAYS AS IDENTITY);
CREATE FUNCTION dp.act(i jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO dp.did (run, what) VALUES ((i->>'run')::bigint, i->>'what');
	IF i ? 'fail' THEN RAISE EXCEPTION 'no %', i->>'what' USING ERRCODE = '22012', DETAIL = 'a detail', HINT = 'a hint'; END IF;
	IF i ? 'name' THEN PERFORM dalp.raise_error(i->>'name', 'a cause'); END IF;
	RETURN jsonb_build_object('did', i->>'what');
END $$;
CREATE FUNCTION dp.arguments(run dalp.run, what text, more jsonb DEFAULT '{}') RETURNS jsonb LANGUAGE sql AS $$
	SELECT jsonb_build_object('run', run.run_id, 'what', what) || more $$;
CREATE FUNCTION dp.echo(i jsonb) RETURNS jsonb LANGUAGE sql AS 'SELECT i';
-- Waits, with a bound, until the run waits in that place, or is paused.
CREATE PROCEDURE dp.until(run bigint, wanted text) LANGUAGE plpgsql AS $$
DECLARE found text; poll_interval CONSTANT float8 := 0.01; BEGIN
	FOR i IN 1..3000 LOOP
		SELECT CASE WHEN status = 'PAUSED' THEN 'paused'
			WHEN EXISTS (SELECT FROM dalp_workflow.wait w WHERE w.run_id = r.run_id) THEN state END INTO found
			FROM dalp.runs r WHERE run_id = run;
		IF found = wanted THEN RETURN; END IF;
		COMMIT;
		PERFORM pg_sleep(poll_interval);
	END LOOP;
	RAISE EXCEPTION 'waited in vain for %, it is %', wanted, found;
END $$;

-- Registration: what can be a workflow.
CREATE PROCEDURE dp.nothing(run dalp.run) LANGUAGE plpgsql AS 'BEGIN END';
CREATE PROCEDURE dp.wrong_argument(run bigint) LANGUAGE plpgsql AS 'BEGIN END';
CREATE PROCEDURE dp.wrong_output(run dalp.run, OUT a jsonb, OUT b jsonb) LANGUAGE plpgsql AS 'BEGIN END';
CREATE PROCEDURE dp.in_and_out(INOUT run dalp.run) LANGUAGE plpgsql AS 'BEGIN END';
CREATE PROCEDURE dp.definer(run dalp.run) LANGUAGE plpgsql SECURITY DEFINER AS 'BEGIN END';
CREATE PROCEDURE dp.with_settings(run dalp.run) LANGUAGE plpgsql SET work_mem = '1 MB' AS 'BEGIN END';
CREATE FUNCTION dp.function(run dalp.run) RETURNS void LANGUAGE plpgsql AS 'BEGIN END';
SELECT dalp.create_procedure_workflow('dp_wrong', 'dp.wrong_argument(bigint)');
SELECT dalp.create_procedure_workflow('dp_wrong', 'dp.wrong_output(dalp.run)');
SELECT dalp.create_procedure_workflow('dp_wrong', 'dp.in_and_out(dalp.run)');
SELECT dalp.create_procedure_workflow('dp_wrong', 'dp.definer(dalp.run)');
SELECT dalp.create_procedure_workflow('dp_wrong', 'dp.with_settings(dalp.run)');
SELECT dalp.create_procedure_workflow('dp_wrong', 'dp.function(dalp.run)');
SELECT dalp.create_procedure_workflow('dp_wrong', NULL);
SELECT dalp.create_procedure_workflow('dp_nothing', 'dp.nothing(dalp.run)', 'does nothing') AS version;
SELECT dalp.create_procedure_workflow('dp_nothing', 'dp.nothing(dalp.run)') AS same_version;
SELECT name, version, kind, definition, comment FROM dalp.workflows WHERE name = 'dp_nothing';
SELECT dalp.start('dp_nothing') AS run \gset
SELECT status, state, output FROM dalp.wait(:run);

-- Steps, a signal, a sleep; each step once although the procedure is called four times.
CREATE PROCEDURE dp.all_kinds(run dalp.run, OUT output jsonb) LANGUAGE plpgsql AS $$
DECLARE a jsonb; b jsonb; s jsonb; e jsonb; first_time timestamptz; number float8; BEGIN
	number := dalp.random();
	a := dalp.step('act', 'dp.act', dp.arguments(run, 'one'));
	e := dalp.step('echo', 'dp.echo', jsonb_build_array(number, dalp.now() > run.started_at));
	COMMIT;
	first_time := dalp.now();
	CALL dalp.step('b', 'dp.act', dp.arguments(run, 'two'), b);
	s := dalp.await_signal('go');
	PERFORM dalp.sleep('10 ms');
	CALL dalp.step('act', 'dp.act', dp.arguments(run, 'three'), a);
	output := jsonb_build_object('a', a, 'b', b, 's', s, 'input', run.input, 'workflow', run.workflow, 'attempt', run.attempt,
		'same', jsonb_build_array(number, true) = e, 'another', number <> dalp.random(),
		'now', first_time > run.started_at AND first_time < dalp.now() AND dalp.now() <= clock_timestamp(),
		'read only', current_setting('transaction_read_only'));
END $$;
SELECT dalp.create_procedure_workflow('dp_all', 'dp.all_kinds(dalp.run)') AS version;
SELECT dalp.start('dp_all', '{"x": 1}', 'key') AS run \gset
SELECT dalp.start('dp_all', '{"x": 1}', 'key') = :run AS same_run;
CALL dp.until(:run, 'go');
SELECT status, state FROM dalp.wait(:run, '0');
SELECT kind, name, what_next ~ 'dalp.signal' AS what_next FROM dalp.why(:run);
SELECT count(*) AS ready FROM dalp_workflow.ready WHERE run_id = :run;
-- While it waits: what the live runs have done fits this version.
SELECT status, step, remembered, asked FROM dalp.replay_check('dp_all') WHERE run_id = :run;
SELECT dalp.signal(:run, 'go', '{"by": "me"}');
SELECT status, output FROM dalp.wait(:run);
-- The number is the run's own.
SELECT event, state, CASE WHEN state <> 'echo' THEN output END AS output, details FROM dalp.run_history WHERE run_id = :run;
SELECT what FROM dp.did WHERE run = :run ORDER BY number;

-- Signals sent before they are awaited; time-outs that can be caught.
CREATE PROCEDURE dp.late(run dalp.run, OUT output jsonb) LANGUAGE plpgsql AS $$
DECLARE a jsonb; BEGIN
	output := dalp.await_signal('early');
	BEGIN
		a := dalp.await_signal('late', '50 ms');
	EXCEPTION WHEN OTHERS THEN
		CALL dp.note(SQLSTATE);
		a := to_jsonb(SQLERRM);
	END;
	output := jsonb_build_array(output, a, dalp.await_signal('early'));
END $$;
CREATE PROCEDURE dp.note(what text) LANGUAGE plpgsql AS 'BEGIN END';
SELECT dalp.create_procedure_workflow('dp_late', 'dp.late(dalp.run)') AS version;
SELECT dalp.start('dp_late', start_at => clock_timestamp() + '1 h') AS run \gset
SELECT dalp.signal(:run, 'early', '1'), dalp.signal(:run, 'early', '2');
UPDATE dalp_workflow.timer SET fire_at = clock_timestamp() WHERE run_id = :run;
SELECT status, output, error, cause FROM dalp.wait(:run);
SELECT event, state, error FROM dalp.run_history WHERE run_id = :run;

-- Failures of steps are caught, remembered and the same at every call.
CREATE PROCEDURE dp.catching(run dalp.run, OUT output jsonb) LANGUAGE plpgsql AS $$
DECLARE seen jsonb := '[]'; a text; b text; c text; BEGIN
	FOR i IN 1..2 LOOP
		BEGIN
			PERFORM dalp.step('kept', 'dp.act', dp.arguments(run, 'rolled back with the block'));
			PERFORM dalp.step('bad', 'dp.act', dp.arguments(run, 'never', '{"fail": 1}'));
		EXCEPTION WHEN division_by_zero THEN
			GET STACKED DIAGNOSTICS a = MESSAGE_TEXT, b = PG_EXCEPTION_DETAIL, c = PG_EXCEPTION_HINT;
			seen := seen || jsonb_build_array(a, b, c);
		END;
		PERFORM dalp.step('instead', 'dp.act', dp.arguments(run, 'instead'));
		COMMIT;
		seen := seen || dalp.await_signal('go');
	END LOOP;
	BEGIN
		PERFORM dalp.step('named', 'dp.act', dp.arguments(run, 'never', '{"name": "Own.Error"}'));
	EXCEPTION WHEN OTHERS THEN
		GET STACKED DIAGNOSTICS a = PG_DATATYPE_NAME, b = MESSAGE_TEXT;
		seen := seen || jsonb_build_array(a, b);
	END;
	PERFORM dalp.step('undone', 'dp.act', dp.arguments(run, 'undone'));
	ROLLBACK;
	output := seen || dalp.await_signal('go');
END $$;
SELECT dalp.create_procedure_workflow('dp_catching', 'dp.catching(dalp.run)') AS version;
SELECT dalp.start('dp_catching') AS run \gset
SELECT dalp.signal(:run, 'go', '1'), dalp.signal(:run, 'go', '2');
CALL dp.until(:run, 'go#3');
SELECT dalp.signal(:run, 'go', '3');
SELECT status, output, error, cause FROM dalp.wait(:run);
SELECT event, state, error, details->'rolled_back' AS rolled_back FROM dalp.run_history WHERE run_id = :run AND event NOT IN ('entered', 'started');
SELECT what FROM dp.did WHERE run = :run ORDER BY number;

-- A failure that nothing catches: a dead letter; the redrive goes on at the failed step.
CREATE PROCEDURE dp.failing(run dalp.run, OUT output jsonb) LANGUAGE plpgsql AS $$
BEGIN
	CALL dalp.step('first', 'dp.act', dp.arguments(run, 'first'), output);
	CALL dalp.step('second', 'dp.act', dp.arguments(run, 'second', run.input), output);
	output := jsonb_build_object('attempt', run.attempt);
END $$;
SELECT dalp.create_procedure_workflow('dp_failing', 'dp.failing(dalp.run)') AS version;
SELECT dalp.start('dp_failing', '{"fail": true}') AS run \gset
SELECT status, state, error, cause::jsonb - 'context' AS cause FROM dalp.wait(:run);
SELECT state, error, attempts, input FROM dalp.dead_letters WHERE kind = 'run' AND reference = :run;
SELECT dalp.redrive(id, '{"fail": null}') = :run AS redriven FROM dalp.dead_letters WHERE kind = 'run' AND reference = :run;
SELECT status, output FROM dalp.wait(:run);
SELECT what FROM dp.did WHERE run = :run ORDER BY number;

-- What a procedure must not do.
CREATE PROCEDURE dp.naughty(run dalp.run, OUT output jsonb) LANGUAGE plpgsql AS $$
BEGIN
	CASE run.input->>'do'
		WHEN 'write' THEN INSERT INTO dp.did VALUES (run.run_id, 'written outside of a step');
		WHEN 'write later' THEN
			CALL dalp.step('a', 'dp.act', dp.arguments(run, 'in a step'), output);
			INSERT INTO dp.did VALUES (run.run_id, 'written outside of a step');
		WHEN 'wait' THEN
			PERFORM dalp.step('a', 'dp.act', dp.arguments(run, 'not committed'));
			PERFORM dalp.await_signal('go');
		WHEN 'swallow' THEN
			BEGIN PERFORM dalp.await_signal('go'); EXCEPTION WHEN query_canceled THEN NULL; END;
		WHEN 'swallow and ask' THEN
			BEGIN PERFORM dalp.await_signal('go'); EXCEPTION WHEN query_canceled THEN NULL; END;
			PERFORM dalp.step('a', 'dp.act', dp.arguments(run, 'after all'));
		WHEN 'swallow and commit' THEN
			BEGIN PERFORM dalp.await_signal('go'); EXCEPTION WHEN query_canceled THEN NULL; END;
			COMMIT;
		WHEN 'ignore' THEN
			BEGIN PERFORM dalp.await_signal('go', '10 ms'); EXCEPTION WHEN OTHERS THEN output := '"timed out"'; END;
		WHEN 'nest' THEN PERFORM dalp.step('a', 'dp.nested', dp.arguments(run, 'never'));
		WHEN 'no function' THEN PERFORM dalp.step('a', 'dp.no_such_function');
		WHEN 'no name' THEN PERFORM dalp.step(repeat('n', 201), 'dp.act');
		WHEN 'start' THEN PERFORM dalp.start('dp_nothing');
	END CASE;
END $$;
CREATE FUNCTION dp.nested(i jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$ BEGIN RETURN dalp.step('inner', 'dp.act', i); END $$;
SELECT dalp.create_procedure_workflow('dp_naughty', 'dp.naughty(dalp.run)') AS version;
CREATE TABLE dp.cases (number int GENERATED ALWAYS AS IDENTITY, what text, run bigint);
INSERT INTO dp.cases (what, run) SELECT what, dalp.start('dp_naughty', jsonb_build_object('do', what))
	FROM unnest(ARRAY['write', 'write later', 'wait', 'swallow', 'swallow and ask', 'swallow and commit', 'ignore', 'nest', 'no function', 'no name', 'start']) AS what;
SELECT what, w.status, w.output, w.error, w.cause::jsonb->>'message' AS message, w.cause::jsonb->>'hint' AS hint
	FROM dp.cases c, dalp.wait(c.run) AS w ORDER BY number;
SELECT c.what, d.what AS did FROM dp.did d JOIN dp.cases c USING (run) ORDER BY c.number, d.number;
-- Nor can its functions be called by others.
SELECT dalp.step('a', 'dp.act');
SELECT dalp.await_signal('a');
SELECT dalp.sleep('1 s');
SELECT dalp.now();
SELECT dalp.random();
SELECT dalp.await_transaction(1);
CALL dalp.step('a', 'dp.act', '{}', NULL);

-- Another procedure than before: paused, with the difference; the right one goes on.
CREATE PROCEDURE dp.changing(run dalp.run, OUT output jsonb) LANGUAGE plpgsql AS $$
BEGIN
	CALL dalp.step('first', 'dp.act', dp.arguments(run, 'first'), output);
	PERFORM dalp.await_signal('go');
	CALL dalp.step('second', 'dp.act', dp.arguments(run, 'second'), output);
END $$;
SELECT dalp.create_procedure_workflow('dp_changing', 'dp.changing(dalp.run)') AS version;
SELECT dalp.start('dp_changing') AS run \gset
SELECT dalp.start('dp_changing') AS other \gset
CALL dp.until(:run, 'go');
CALL dp.until(:other, 'go');
CREATE OR REPLACE PROCEDURE dp.changing(run dalp.run, OUT output jsonb) LANGUAGE plpgsql AS $$
BEGIN
	CALL dalp.step('renamed', 'dp.act', dp.arguments(run, 'renamed'), output);
END $$;
SELECT status, step, remembered, asked FROM dalp.replay_check('dp_changing');
SELECT dalp.signal(:run, 'go');
CALL dp.until(:run, 'paused');
SELECT event, error, cause, details FROM dalp.run_history WHERE run_id = :run AND event = 'paused';
SELECT waits_for, replace(what_next, :'run', 'RUN') AS what_next FROM dalp.why(:run);
-- Tried again without a change: the same again.
SELECT dalp.resume(:run);
CALL dp.until(:run, 'paused');
CREATE OR REPLACE PROCEDURE dp.changing(run dalp.run, OUT output jsonb) LANGUAGE plpgsql AS $$
BEGIN
	CALL dalp.step('first', 'dp.act', dp.arguments(run, 'first'), output);
	PERFORM dalp.await_signal('go');
	CALL dalp.step('new', 'dp.act', dp.arguments(run, 'new'), output);
END $$;
SELECT dalp.resume(:run);
SELECT status, output FROM dalp.wait(:run);
SELECT what FROM dp.did WHERE run = :run ORDER BY number;

-- A new version in a procedure of its own: runs keep theirs, until they are moved, where that fits.
CREATE PROCEDURE dp.changing_2(run dalp.run, OUT output jsonb) LANGUAGE plpgsql AS $$
BEGIN
	CALL dalp.step('first', 'dp.act', dp.arguments(run, 'first'), output);
	PERFORM dalp.await_signal('stop');
END $$;
CREATE PROCEDURE dp.changing_3(run dalp.run, OUT output jsonb) LANGUAGE plpgsql AS $$
BEGIN
	CALL dalp.step('first', 'dp.act', dp.arguments(run, 'first'), output);
	PERFORM dalp.await_signal('go');
	CALL dalp.step('third', 'dp.act', dp.arguments(run, 'third'), output);
END $$;
SELECT dalp.create_procedure_workflow('dp_changing', 'dp.changing_2(dalp.run)') AS version;
SELECT dalp.create_procedure_workflow('dp_changing', 'dp.changing_3(dalp.run)') AS version;
SELECT status, step, remembered, asked FROM dalp.replay_check('dp_changing', 2);
SELECT status, step, remembered, asked FROM dalp.replay_check('dp_changing');
SELECT run_id = :other AS other, status FROM dalp.move_runs('dp_changing', 1, 2);
SELECT version FROM dalp.runs WHERE run_id = :other;
SELECT run_id = :other AS other, status FROM dalp.move_runs('dp_changing', 1, 3);
SELECT version FROM dalp.runs WHERE run_id = :other;
SELECT dalp.signal(:other, 'go');
SELECT status, output FROM dalp.wait(:other);
SELECT what FROM dp.did WHERE run = :other ORDER BY number;
SELECT dalp.replay_check('dp_changing', 9);
SELECT dalp.replay_check('no such workflow');
SELECT dalp.move_runs('dp_changing', 1, NULL);

-- Cancelled, paused and timed out like any other run.
SELECT dalp.start('dp_all') AS run \gset
CALL dp.until(:run, 'go');
SELECT dalp.pause(:run);
SELECT dalp.signal(:run, 'go', '1');
SELECT status FROM dalp.wait(:run, '0');
SELECT dalp.resume(:run);
SELECT status, state FROM dalp.wait(:run);
SELECT dalp.start('dp_all') AS run \gset
CALL dp.until(:run, 'go');
SELECT dalp.cancel(:run, 'enough');
SELECT status, cause FROM dalp.wait(:run);
SELECT dalp.start('dp_all', timeout => '100 ms') AS run \gset
SELECT status FROM dalp.wait(:run);
DROP SCHEMA dp CASCADE;
