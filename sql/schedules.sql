--
-- Promise: a schedule starts one run for each moment of its expression, as its
-- creator; who may touch it, what is refused, and that what is left out says why.
--
SET client_min_messages = warning;
SET TimeZone = 'UTC';
CREATE ROLE regress_sd_maker IN ROLE dalp_app;
CREATE ROLE regress_sd_other IN ROLE dalp_app;
CREATE ROLE regress_sd_operator IN ROLE dalp_operator;
CREATE SCHEMA sd;
GRANT USAGE ON SCHEMA sd TO PUBLIC;
CREATE PROCEDURE sd.until(query text, wanted text) LANGUAGE plpgsql AS $$
DECLARE found text; poll_interval CONSTANT float8 := 0.02; BEGIN
	FOR i IN 1..1500 LOOP
		EXECUTE query INTO found;
		IF found = wanted THEN RETURN; END IF;
		COMMIT;
		PERFORM pg_sleep(poll_interval);
	END LOOP;
	RAISE EXCEPTION 'waited in vain for %, the last answer was %', wanted, found;
END $$;
-- The time of a schedule that passed while nobody looked: as after a downtime.
CREATE PROCEDURE sd.was_due(which text, at timestamptz) LANGUAGE sql AS $$
	UPDATE dalp_workflow.schedule SET next_at = at, look_at = at, last_slot = NULL WHERE name = which
$$;
SELECT dalp.create_workflow('sd.quick', '{"StartAt": "A", "States": {"A": {"Type": "Succeed"}}}') AS version;
SELECT dalp.create_workflow('sd.slow', '{"StartAt": "A", "States": {"A": {"Type": "Task", "Resource": "signal:go", "End": true}}}') AS version;
SELECT dalp.grant_workflow('sd.quick', 'regress_sd_maker'), dalp.grant_workflow('sd.slow', 'regress_sd_maker');

-- What an expression means, before anything is created.
SELECT * FROM dalp.next_slots('0 18 LW * *', 'Europe/Brussels', 3, '2027-01-01');
SELECT * FROM dalp.next_slots('30 2 * * *', 'Europe/Brussels', 3, '2027-03-26 12:00');
SELECT * FROM dalp.next_slots('30 * * * *', 'Europe/Brussels', 4, '2027-10-30 23:00');
SELECT * FROM dalp.next_slots('@at 2027-03-28 02:30', 'Europe/Brussels', 3, '2027-01-01');
SELECT count(*) > 0 AS now_by_default FROM dalp.next_slots('* * * * *') s WHERE s > clock_timestamp();
SELECT count(*) FROM dalp.next_slots('* * * * *', 'UTC', 5, 'infinity');
SELECT * FROM dalp.next_slots('0 0 1 1 *', 'UTC', 1, '-infinity');

-- Refusals.
\set VERBOSITY default
\set SHOW_CONTEXT never
SELECT * FROM dalp.next_slots('61 * * * *');
SELECT * FROM dalp.next_slots('* * * *');
SELECT * FROM dalp.next_slots('0 0 30 2 *');
SELECT * FROM dalp.next_slots('* * * * *', 'Mars/Olympus');
SELECT * FROM dalp.next_slots('* * * * *', 'UTC', 0);
SELECT * FROM dalp.next_slots('* * * * *', 'UTC', 1001);
SELECT * FROM dalp.next_slots(NULL);
SELECT dalp.create_schedule('bad name', 'sd.quick', '* * * * *');
SELECT dalp.create_schedule('sd', 'sd.nothing', '* * * * *');
SELECT dalp.create_schedule('sd', 'sd.quick', 'never');
SELECT dalp.create_schedule('sd', 'sd.quick', '@at 2001-01-01 00:00');
SELECT dalp.create_schedule('sd', 'sd.quick', '* * * * *', on_overlap => 'queue');
SELECT dalp.create_schedule('sd', 'sd.quick', '* * * * *', catch_up => 'some');
SELECT dalp.create_schedule('sd', 'sd.quick', '* * * * *', catch_up_window => '-1 s');
SELECT dalp.create_schedule('sd', 'sd.quick', '* * * * *', priority => 1001);
SELECT dalp.create_schedule('sd', 'sd.quick', '* * * * *', tags => '[]');
SELECT dalp.create_schedule('sd', 'sd.quick', '* * * * *', timeout => '0');
SELECT dalp.create_schedule('sd', 'sd.quick', '* * * * *', to_jsonb(repeat('x', 300000)));
SELECT dalp.drop_schedule('sd'), dalp.pause_schedule('sd');
SELECT dalp.trigger_schedule('sd');
SET ROLE regress_sd_other;
SELECT dalp.create_schedule('sd', 'sd.quick', '* * * * *');

-- Each second: one run a slot, by its creator, who finds it by its tags.
SET ROLE regress_sd_maker;
SELECT dalp.create_schedule('sd.second', 'sd.quick', '* * * * * *', '{"for": ["<dalp.slot>", "<dalp.slot> "], "x": 1}', on_overlap => 'allow',
	tags => '{"mine": true}', priority => 3) > clock_timestamp() AS in_future;
RESET ROLE;
CALL sd.until($$SELECT started >= 3 FROM dalp.schedules WHERE name = 'sd.second'$$, 'true');
SET ROLE regress_sd_maker;
SELECT dalp.pause_schedule('sd.second', 'enough');
SELECT dalp.pause_schedule('sd.second');
RESET ROLE;
SELECT paused, note, next_at IS NULL AS no_next, skipped, missed, failed, last_error, last_run_id IS NOT NULL AS ran FROM dalp.schedules WHERE name = 'sd.second';
SELECT count(DISTINCT r.run_id) = count(*) AND count(*) = (SELECT started FROM dalp.schedules WHERE name = 'sd.second') AS one_run_a_slot,
	bool_and(r.started_by = 'regress_sd_maker'::regrole AND r.priority = 3
		AND r.tags = jsonb_build_object('mine', true, 'schedule', 'sd.second', 'slot', to_char(s.slot, 'YYYY-MM-DD"T"HH24:MI:SS"Z"'))
		AND r.input = jsonb_build_object('x', 1, 'for', jsonb_build_array(r.tags->>'slot', '<dalp.slot> '))
		AND r.idempotency_key = 'schedule:sd.second:' || (r.tags->>'slot')
		AND r.started_at >= s.slot AND s.outcome = 'started' AND s.slots = 1) AS as_asked,
	count(*) = 1 + extract(epoch FROM max(s.slot) - min(s.slot)) AS no_slot_left_out
FROM dalp.schedule_slots s JOIN dalp.runs r USING (run_id) WHERE s.schedule = 'sd.second';

-- By hand, also while it is paused.
SELECT run_id FROM dalp.trigger_schedule('sd.second') AS run_id \gset
SELECT outcome, run_id = :run_id AS this FROM dalp.schedule_slots WHERE schedule = 'sd.second' ORDER BY at DESC LIMIT 1;

-- Others see and touch nothing of it; an operator may.
SET ROLE regress_sd_other;
SELECT count(*) FROM dalp.schedules; SELECT count(*) FROM dalp.schedule_slots;
SELECT dalp.resume_schedule('sd.second');
SELECT dalp.create_schedule('sd.second', 'sd.quick', '* * * * *');
SET ROLE regress_sd_operator;
SELECT dalp.resume_schedule('sd.second') > clock_timestamp() AS in_future;
SELECT dalp.resume_schedule('sd.second');
RESET ROLE;

-- Replaced: counters and pause stay.
SET ROLE regress_sd_maker;
SELECT dalp.pause_schedule('sd.second');
SELECT dalp.create_schedule('sd.second', 'sd.quick', '@yearly') > clock_timestamp() AS in_future;
SELECT paused, cron, started >= 4 AS counted FROM dalp.schedules WHERE name = 'sd.second';
RESET ROLE;

-- Overlap. A schedule that ticks keeps the scheduler looking.
SELECT dalp.create_schedule('sd.tick', 'sd.quick', '* * * * * *', on_overlap => 'allow') IS NOT NULL AS ticks;
SELECT dalp.create_schedule('sd.skip', 'sd.slow', '@yearly') IS NOT NULL AND dalp.create_schedule('sd.buffer', 'sd.slow', '@yearly', on_overlap => 'buffer_one') IS NOT NULL
	AND dalp.create_schedule('sd.cancel', 'sd.slow', '@yearly', on_overlap => 'cancel_running') IS NOT NULL
	AND dalp.create_schedule('sd.allow', 'sd.slow', '@yearly', on_overlap => 'allow') IS NOT NULL AS made;
CREATE VIEW sd.overlap AS SELECT name, started, skipped, running FROM dalp.schedules WHERE name IN ('sd.skip', 'sd.buffer', 'sd.cancel', 'sd.allow');
CREATE PROCEDURE sd.due_again(wanted int) LANGUAGE plpgsql AS $$
BEGIN
	UPDATE dalp_workflow.schedule SET next_at = '2026-01-01'::timestamptz + wanted * interval '1 s', last_slot = NULL,
		look_at = '2026-01-01' WHERE name IN (SELECT name FROM sd.overlap);
	COMMIT;
	CALL sd.until('SELECT min(started + skipped) FROM sd.overlap', wanted::text);
END $$;
CALL sd.due_again(1);
CALL sd.due_again(2);
CALL sd.due_again(3);
SELECT * FROM sd.overlap ORDER BY name;
SELECT s.schedule, s.outcome, r.status, s.reason ~ '^run \d+ goes on(, and another one waits)?$' AS reason, r.concurrency_key
FROM dalp.schedule_slots s LEFT JOIN dalp.runs r USING (run_id) WHERE s.schedule IN (SELECT name FROM sd.overlap) ORDER BY s.schedule, s.slot;
SELECT r.error, r.cause FROM dalp.runs r WHERE r.tags @> '{"schedule": "sd.cancel"}' AND r.status = 'ABORTED' ORDER BY run_id LIMIT 1;
-- The buffered one goes on when the first has ended.
SELECT run_id AS first FROM dalp.runs WHERE tags @> '{"schedule": "sd.buffer"}' ORDER BY run_id LIMIT 1 \gset
SELECT run_id AS second FROM dalp.runs WHERE tags @> '{"schedule": "sd.buffer"}' ORDER BY run_id OFFSET 1 LIMIT 1 \gset
SELECT reason FROM dalp_workflow.parked WHERE run_id = :second;
SELECT dalp.signal(:first, 'go');
CALL sd.until(format('SELECT count(*) FROM dalp_workflow.wait WHERE run_id = %s', :second), '1');

-- Downtime: six slots have passed.
SELECT dalp.create_schedule('sd.none', 'sd.quick', '@daily', on_overlap => 'allow', catch_up => 'none') IS NOT NULL
	AND dalp.create_schedule('sd.last', 'sd.quick', '@daily', on_overlap => 'allow') IS NOT NULL
	AND dalp.create_schedule('sd.all', 'sd.quick', '@daily', on_overlap => 'allow', catch_up => 'all') IS NOT NULL
	AND dalp.create_schedule('sd.window', 'sd.quick', '@daily', on_overlap => 'allow', catch_up => 'all', catch_up_window => '50 h') IS NOT NULL AS made;
SELECT date_trunc('day', clock_timestamp()) - interval '5 days' AS back \gset
CALL sd.was_due('sd.none', :'back');
CALL sd.was_due('sd.last', :'back');
CALL sd.was_due('sd.all', :'back');
CALL sd.was_due('sd.window', :'back');
CALL sd.until($$SELECT count(*) FROM dalp.schedules WHERE name IN ('sd.none', 'sd.last', 'sd.all', 'sd.window') AND next_at > clock_timestamp()$$, '4');
SELECT name, started + missed AS slots, CASE WHEN name <> 'sd.window' THEN started END AS started, started > 0 AS caught_up, missed > 0 AS left_out FROM dalp.schedules
WHERE name IN ('sd.none', 'sd.last', 'sd.all', 'sd.window') ORDER BY name;
SELECT schedule, outcome, slots, reason ~ '^seen \d+ s late; catch_up is (none|last)$' AS reason FROM dalp.schedule_slots
WHERE schedule IN ('sd.none', 'sd.last') AND outcome = 'missed' ORDER BY schedule;

-- A run that can't be started costs its slot and says why; the schedule goes on.
SELECT dalp.revoke_workflow('sd.quick', 'regress_sd_maker');
SET ROLE regress_sd_maker;
SELECT dalp.trigger_schedule('sd.second');
SELECT dalp.resume_schedule('sd.second') > clock_timestamp() AS in_future;
RESET ROLE;
CALL sd.was_due('sd.second', '2026-01-01');
CALL sd.until($$SELECT failed FROM dalp.schedules WHERE name = 'sd.second'$$, '1');
SELECT last_error ~ 'permission denied' AS said, next_at > clock_timestamp() AS goes_on FROM dalp.schedules WHERE name = 'sd.second';
-- A time zone that the system doesn't have any more stops nobody else.
UPDATE dalp_workflow.schedule SET time_zone = 'Mars/Olympus', next_at = '2026-01-01', look_at = '2026-01-01', last_slot = NULL WHERE name = 'sd.last';
CALL sd.until($$SELECT last_error ~ 'Mars/Olympus' FROM dalp.schedules WHERE name = 'sd.last'$$, 'true');
SELECT started AS ticks FROM dalp.schedules WHERE name = 'sd.tick' \gset
CALL sd.until(format($$SELECT started > %s FROM dalp.schedules WHERE name = 'sd.tick'$$, :ticks), 'true');

-- What was done is in the audit log; what is dropped is gone.
SELECT dalp.drop_schedule(name) FROM dalp.schedules WHERE name LIKE 'sd.%';
SELECT count(*) FROM dalp.schedules WHERE name LIKE 'sd.%';
SELECT count(*) FROM dalp_workflow.schedule_slot;
SELECT action, count(*) FROM dalp.audit_log WHERE object LIKE 'schedule sd.%' GROUP BY action ORDER BY action;
DO $$ BEGIN PERFORM dalp.cancel(run_id, 'done') FROM dalp.runs WHERE workflow = 'sd.slow' AND status IN ('RUNNING', 'PAUSED'); END $$;
DROP SCHEMA sd CASCADE;
