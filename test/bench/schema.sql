-- What the benchmarks run: ten steps that do nothing, and one that notes when it ran.
CREATE SCHEMA bench;
CREATE FUNCTION bench.noop(input jsonb) RETURNS jsonb LANGUAGE sql AS 'SELECT input';
CREATE TABLE bench.body (run bigint PRIMARY KEY, at timestamptz NOT NULL);
CREATE TABLE bench.start (run bigint PRIMARY KEY, committed_at timestamptz NOT NULL);
CREATE FUNCTION bench.note(input jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO bench.body VALUES ((input->>'run')::bigint, clock_timestamp());
	RETURN input;
END
$$;
SELECT dalp.create_workflow('ten', (
	SELECT jsonb_build_object('StartAt', 'S1', 'States', jsonb_object_agg('S' || i,
		jsonb_build_object('Type', 'Task', 'Resource', 'sql:bench.noop')
		|| CASE WHEN i < 10 THEN jsonb_build_object('Next', 'S' || i + 1) ELSE '{"End": true}' END))
	FROM generate_series(1, 10) AS i));
SELECT dalp.create_workflow('note', '{"StartAt": "N", "States": {"N": {"Type": "Task", "Resource": "sql:bench.note",
	"Parameters": {"run.$": "$$.Execution.Id"}, "End": true}}}');
SELECT dalp.create_workflow('nap', '{"StartAt": "W", "States": {"W": {"Type": "Wait", "SecondsPath": "$.s", "End": true}}}');

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

-- One run after the other, as a caller sees it.
CREATE PROCEDURE bench.latency(workflow text, runs int) LANGUAGE plpgsql AS $$
DECLARE
	id bigint;
	began timestamptz;
	committed timestamptz;
BEGIN
	CREATE TABLE IF NOT EXISTS bench.latency (workflow text, ms float8);
	COMMIT;
	FOR i IN 1 .. runs LOOP
		began := clock_timestamp();
		id := dalp.start(workflow);
		COMMIT;
		committed := clock_timestamp();
		PERFORM dalp.wait(id, '10s');
		INSERT INTO bench.start VALUES (id, committed);
		INSERT INTO bench.latency VALUES (workflow, extract(epoch FROM clock_timestamp() - began) * 1000);
		COMMIT;
	END LOOP;
END
$$;
