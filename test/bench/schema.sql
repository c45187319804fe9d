-- What the rows of make bench run, and the clients that they measure with.
CREATE SCHEMA bench;

-- Runs that have ended, known without looking at any table of dalp.
CREATE SEQUENCE bench.finished MINVALUE 0 START 0;
SELECT nextval('bench.finished');

CREATE FUNCTION bench.noop(input jsonb) RETURNS jsonb LANGUAGE sql AS 'SELECT input';
CREATE FUNCTION bench.finish(input jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
BEGIN
	PERFORM nextval('bench.finished');
	RETURN input;
END
$$;
CREATE TABLE bench.entry (run bigint, step int, PRIMARY KEY (run, step));
CREATE FUNCTION bench.write(input jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO bench.entry VALUES ((input->>'run')::bigint, (input->>'step')::int);
	RETURN input;
END
$$;
CREATE TABLE bench.body (run bigint PRIMARY KEY, at timestamptz NOT NULL);
CREATE TABLE bench.start (run bigint PRIMARY KEY, committed_at timestamptz NOT NULL);
CREATE TABLE bench.latency (workflow text, ms float8);
CREATE FUNCTION bench.note(input jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO bench.body VALUES ((input->>'run')::bigint, clock_timestamp());
	RETURN input;
END
$$;
CREATE UNLOGGED TABLE bench.late (ms float8);
CREATE FUNCTION bench.note_late(input jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO bench.late VALUES (extract(epoch FROM clock_timestamp() - (input->>'at')::timestamptz) * 1000);
	RETURN input;
END
$$;

-- `steps` Tasks in a row; the last may be another function.
CREATE FUNCTION bench.machine(steps int, function text, last_function text, fields jsonb DEFAULT '{}') RETURNS jsonb LANGUAGE sql AS $$
	SELECT jsonb_build_object('StartAt', 'S1', 'States', jsonb_object_agg('S' || i,
		jsonb_build_object('Type', 'Task', 'Resource', 'sql:' || CASE WHEN i < steps THEN function ELSE last_function END)
		|| replace(fields::text, '"step number"', i::text)::jsonb
		|| CASE WHEN i < steps THEN jsonb_build_object('Next', 'S' || i + 1) ELSE '{"End": true}' END))
	FROM generate_series(1, steps) AS i
$$;
SELECT dalp.create_workflow('ten', bench.machine(10, 'bench.noop', 'bench.noop'));
SELECT dalp.create_workflow('refilled', bench.machine(10, 'bench.noop', 'bench.finish'));
SELECT dalp.create_workflow('one', bench.machine(1, 'bench.noop', 'bench.finish'));
SELECT dalp.create_workflow('ledger', bench.machine(10, 'bench.write', 'bench.write',
	'{"Parameters": {"run.$": "$$.Execution.Id", "step": "step number"}}'));
SELECT dalp.create_workflow('note', bench.machine(1, 'bench.note', 'bench.note', '{"Parameters": {"run.$": "$$.Execution.Id"}}'));
SELECT dalp.create_workflow('nap', '{"StartAt": "W", "States": {"W": {"Type": "Wait", "SecondsPath": "$.s", "End": true}}}');
SELECT dalp.create_workflow('late', '{"StartAt": "W", "States": {"W": {"Type": "Wait", "TimestampPath": "$.at", "Next": "N"},
	"N": {"Type": "Task", "Resource": "sql:bench.note_late", "End": true}}}');
SELECT dalp.create_workflow('map', '{"StartAt": "M", "States": {"M": {"Type": "Map", "ItemsPath": "$.items", "ResultPath": null, "End": true,
	"ItemProcessor": {"StartAt": "I", "States": {"I": {"Type": "Task", "Resource": "sql:bench.noop", "End": true}}}}}}');
SELECT dalp.create_workflow('nested', '{"StartAt": "M", "States": {"M": {"Type": "Map", "ItemsPath": "$.items", "ResultPath": null, "End": true,
	"ItemProcessor": {"StartAt": "N", "States": {"N": {"Type": "Map", "End": true,
	"ItemProcessor": {"StartAt": "I", "States": {"I": {"Type": "Task", "Resource": "sql:bench.noop", "End": true}}}}}}}}}');
-- Counts to $.to without calling anything: a Choice and a Pass a round.
SELECT dalp.create_workflow('count', '{"StartAt": "C", "States": {
	"C": {"Type": "Choice", "Choices": [{"Variable": "$.n", "NumericLessThanPath": "$.to", "Next": "P"}], "Default": "E"},
	"P": {"Type": "Pass", "Parameters": {"n.$": "States.MathAdd($.n, 1)", "to.$": "$.to"}, "Next": "C"},
	"E": {"Type": "Succeed"}}}');

-- Waits until no run is live.
CREATE PROCEDURE bench.drain() LANGUAGE plpgsql AS $$
BEGIN
	LOOP
		EXIT WHEN NOT EXISTS (SELECT FROM dalp_workflow.run);
		COMMIT;
		PERFORM pg_sleep(0.02);
	END LOOP;
END
$$;

-- Waits until nothing is left to do now.
CREATE PROCEDURE bench.asleep() LANGUAGE plpgsql AS $$
BEGIN
	LOOP
		EXIT WHEN NOT EXISTS (SELECT FROM dalp_workflow.ready);
		COMMIT;
		PERFORM pg_sleep(0.1);
	END LOOP;
END
$$;

-- Waits until so many more runs of "one" or "refilled" have ended.
CREATE PROCEDURE bench.await_finished(runs bigint) LANGUAGE plpgsql AS $$
DECLARE
	goal bigint := (SELECT last_value FROM bench.finished) + runs;
BEGIN
	LOOP
		EXIT WHEN (SELECT last_value FROM bench.finished) >= goal;
		COMMIT;
		PERFORM pg_sleep(0.01);
	END LOOP;
END
$$;

-- Keeps so many runs of "one" or "refilled" open until so many were started, or for so long.
CREATE PROCEDURE bench.keep_open(workflow text, open int, runs bigint DEFAULT NULL, seconds float8 DEFAULT NULL) LANGUAGE plpgsql AS $$
DECLARE
	ended bigint;
	before bigint := (SELECT last_value FROM bench.finished);
	started bigint := 0;
	missing bigint;
	until timestamptz := clock_timestamp() + seconds * interval '1 s';
BEGIN
	LOOP
		ended := (SELECT last_value FROM bench.finished) - before;
		EXIT WHEN ended >= runs OR clock_timestamp() >= until;
		missing := least(open - (started - ended), coalesce(runs - started, open));
		IF missing > 0 THEN
			PERFORM count(*) FROM dalp.start_many(workflow, array_fill('{"n": 1}'::jsonb, ARRAY[missing::int]));
			started := started + missing;
		END IF;
		COMMIT;
		PERFORM pg_sleep(0.001);
	END LOOP;
END
$$;

-- One run after the other, as a caller sees it.
CREATE PROCEDURE bench.latency(workflow text, runs int, priority int DEFAULT 0) LANGUAGE plpgsql AS $$
DECLARE
	id bigint;
	began timestamptz;
	committed timestamptz;
BEGIN
	FOR i IN 1 .. runs LOOP
		began := clock_timestamp();
		id := dalp.start(workflow, priority => priority);
		COMMIT;
		committed := clock_timestamp();
		PERFORM dalp.wait(id, '60s');
		INSERT INTO bench.start VALUES (id, committed);
		INSERT INTO bench.latency VALUES (workflow, extract(epoch FROM clock_timestamp() - began) * 1000);
		COMMIT;
	END LOOP;
END
$$;

-- Microseconds from commit of start to body of the runs of "note" by bench.latency.
CREATE FUNCTION bench.first_step(fraction float8) RETURNS float8 LANGUAGE sql AS $$
	SELECT percentile_cont(fraction) WITHIN GROUP (ORDER BY extract(epoch FROM b.at - s.committed_at) * 1e6)
	FROM bench.start s JOIN bench.body b USING (run)
$$;

-- Timers a second, from the moment when so many come due until none is left.
CREATE PROCEDURE bench.fire(due timestamptz, INOUT speed float8) LANGUAGE plpgsql AS $$
DECLARE
	timers bigint := (SELECT count(*) FROM dalp_workflow.timer WHERE fire_at = due);
BEGIN
	COMMIT;
	PERFORM pg_sleep(greatest(0, extract(epoch FROM due - clock_timestamp())));
	LOOP
		EXIT WHEN NOT EXISTS (SELECT FROM dalp_workflow.timer);
		COMMIT;
		PERFORM pg_sleep(0.01);
	END LOOP;
	speed := timers / extract(epoch FROM clock_timestamp() - due);
END
$$;

-- Sizes of the tables that must not grow, with their indexes.
CREATE VIEW bench.hot_size AS
	SELECT name, pg_total_relation_size(('dalp_workflow.' || name)::regclass) / 1024 AS kb
	FROM unnest(ARRAY['run', 'branch', 'ready', 'timer', 'wait', 'inbox', 'parked', 'concurrency_holder', 'signal_key']) AS name;

-- The baseline: what one would write by hand.
CREATE SCHEMA baseline;
CREATE TABLE baseline.job (id bigserial PRIMARY KEY, payload jsonb NOT NULL);
CREATE TABLE baseline.done (id bigint PRIMARY KEY, result jsonb);
CREATE PROCEDURE baseline.work(batch int) LANGUAGE plpgsql AS $$
DECLARE
	jobs bigint;
BEGIN
	LOOP
		WITH taken AS (DELETE FROM baseline.job WHERE id = ANY (ARRAY(
				SELECT id FROM baseline.job ORDER BY id LIMIT batch FOR UPDATE SKIP LOCKED)) RETURNING id, payload)
		INSERT INTO baseline.done SELECT id, bench.noop(payload) FROM taken;
		GET DIAGNOSTICS jobs = ROW_COUNT;
		COMMIT;
		EXIT WHEN jobs = 0;
	END LOOP;
END
$$;
CREATE TABLE baseline.run (id bigserial PRIMARY KEY, step int NOT NULL DEFAULT 0, state jsonb) WITH (fillfactor = 50);
CREATE TABLE baseline.checkpoint (run bigint, step int, result jsonb, PRIMARY KEY (run, step));
CREATE PROCEDURE baseline.step_all() LANGUAGE plpgsql AS $$
DECLARE
	r record;
BEGIN
	LOOP
		SELECT id, step, state INTO r FROM baseline.run WHERE step < 10 ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED;
		EXIT WHEN NOT FOUND;
		FOR i IN r.step + 1 .. 10 LOOP
			r.state := bench.noop(r.state);
			INSERT INTO baseline.checkpoint VALUES (r.id, i, r.state);
			UPDATE baseline.run SET step = i, state = r.state WHERE id = r.id;
			COMMIT;
		END LOOP;
		DELETE FROM baseline.run WHERE id = r.id;
		COMMIT;
	END LOOP;
END
$$;
