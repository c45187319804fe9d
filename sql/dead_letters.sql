--
-- Promise: a run that nothing can help is a dead letter with everything that is
-- needed to repair it; it goes on at the failed state, without repeating what
-- was done, once.
--
SET client_min_messages = warning;
SELECT coalesce(max(entry_id), 0) AS audited FROM dalp.audit_log \gset
CREATE SCHEMA dl;
CREATE TABLE dl.ledger (run bigint, step text, PRIMARY KEY (run, step));
CREATE TABLE dl.stock (item text PRIMARY KEY, left_over int);
CREATE FUNCTION dl.book(i jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO dl.ledger VALUES ((i->>'run')::bigint, i->>'step');
	IF i->>'step' = 'take' AND coalesce((i->>'amount')::int, 1000) > 10 THEN
		RAISE EXCEPTION 'item "%" has only % left, not %', i->>'item', 10, i->>'amount';
	END IF;
	RETURN i;
END $$;
SELECT dalp.create_workflow('dl', '{"StartAt": "Order", "States": {
	"Order": {"Type": "Task", "Resource": "sql:dl.book", "Parameters": {"run.$": "$$.Execution.Id", "step": "order"}, "ResultPath": null, "Next": "Take"},
	"Take": {"Type": "Task", "Resource": "sql:dl.book", "Parameters": {"run.$": "$$.Execution.Id", "step": "take", "item.$": "$.item", "amount.$": "$.amount"}, "ResultPath": "$.taken",
		"Retry": [{"ErrorEquals": ["States.ALL"], "IntervalSeconds": 1, "MaxAttempts": 1}], "Next": "Ask"},
	"Ask": {"Type": "Task", "Resource": "signal:yes", "ResultPath": "$.answer", "Next": "Send"},
	"Send": {"Type": "Task", "Resource": "sql:dl.book", "Parameters": {"run.$": "$$.Execution.Id", "step": "send"}, "ResultPath": null, "End": true}}}') AS version;
CREATE FUNCTION dl.letter(run bigint) RETURNS bigint LANGUAGE sql AS $$SELECT id FROM dalp.dead_letters WHERE kind = 'run' AND reference = run AND resolution IS NULL$$;

-- Three failures: two of one kind, but for numbers and quoted names.
SELECT dalp.start('dl', '{"item": "bolt", "amount": 20}') AS one, dalp.start('dl', '{"item": "nut", "amount": 3000}') AS two, dalp.start('dl', '{"item": "nut", "amount": "many"}') AS three \gset
-- What was signalled before the failure is there after it.
SELECT dalp.signal(:one, 'yes', '"early"', 'key');
SELECT status, state, error, cause::jsonb ->> 'message' AS message FROM unnest(ARRAY[:one, :two, :three]) WITH ORDINALITY AS r(run, number), dalp.wait(run) ORDER BY number;
SELECT kind, scope, state, error_class, fingerprint, error, cause::jsonb ->> 'message' AS message, attempts, input, first_failure <= last_failure AS in_order,
	acknowledged_by, resolution, note FROM dalp.dead_letters WHERE scope = 'dl' ORDER BY reference;
SELECT fingerprint, kind, letters, unacknowledged, example > 0 AS example FROM dalp.dead_letter_groups WHERE fingerprint LIKE 'dl/%' ORDER BY fingerprint;
SELECT step FROM dl.ledger WHERE run = :one;

-- Acknowledged: seen, still open.
SELECT dalp.acknowledge(dl.letter(:two), 'looking at it');
SELECT acknowledged_by = current_user::regrole AS by_me, acknowledged_at IS NOT NULL AS at, resolution, note FROM dalp.dead_letters WHERE id = dl.letter(:two);
SELECT letters, unacknowledged FROM dalp.dead_letter_groups WHERE fingerprint LIKE 'dl/%' ORDER BY fingerprint;

-- Redriven as it is: it fails again, and that is a new letter.
SELECT dl.letter(:two) AS letter \gset
SELECT dalp.redrive(:letter) = :two AS same_run;
SELECT status, state FROM dalp.wait(:two);
SELECT resolution, resolved_by = current_user::regrole AS by_me FROM dalp.dead_letters WHERE id = :letter;
SELECT dl.letter(:two) > :letter AS new_letter;
SELECT redrives FROM dalp.runs WHERE run_id = :two;
SELECT event, state, attempt, input ->> 'amount' AS amount FROM dalp.run_history WHERE run_id = :two;

-- With a patch (RFC 7396): members replaced, added, removed; nothing before it is repeated.
SELECT dl.letter(:one) AS letter \gset
SELECT dalp.redrive(:letter, '{"amount": 5, "repaired": true}', 'had the wrong amount') = :one AS same_run;
SELECT status, state, output #- '{taken,run}' AS output FROM dalp.wait(:one);
SELECT step FROM dl.ledger WHERE run = :one ORDER BY step;
SELECT count(*) AS open FROM dalp.dead_letters WHERE reference = :one AND kind = 'run' AND resolution IS NULL;
SELECT resolution, note FROM dalp.dead_letters WHERE id = :letter;
SELECT event, state, output FROM dalp.run_history WHERE run_id = :one AND event = 'redriven';
SELECT dl.letter(:three) AS letter \gset
SELECT dalp.redrive(:letter, '{"amount": null, "item": "x"}') = :three AS same_run;
SELECT status, error, cause FROM dalp.wait(:three);
SELECT dl.letter(:three) AS letter \gset
SELECT dalp.redrive(:letter, '{"amount": 1}') = :three AS same_run;
SELECT dalp.signal(:three, 'yes');
SELECT status, output #- '{taken,run}' AS output FROM dalp.wait(:three);
-- A patch that is no object replaces all.
SELECT dl.letter(:two) AS letter \gset
SELECT dalp.redrive(:letter, '"nothing"') = :two AS same_run;
SELECT status, error FROM dalp.wait(:two);

-- Discarded: settled, the run stays as it ended.
SELECT dl.letter(:two) AS letter \gset
SELECT dalp.discard(:letter, 'customer gave up');
SELECT resolution, note FROM dalp.dead_letters WHERE id = :letter;
SELECT status FROM dalp.wait(:two);
SELECT count(*) AS open FROM dalp.dead_letters WHERE scope = 'dl' AND resolution IS NULL;

-- Twice, unknown, null.
\set VERBOSITY sqlstate
SELECT dalp.redrive(:letter);
SELECT dalp.discard(:letter);
SELECT dalp.acknowledge(:letter);
SELECT dalp.redrive(-1);
SELECT dalp.discard(-1);
SELECT dalp.acknowledge(-1);
SELECT dalp.redrive(NULL);
SELECT dalp.discard(NULL);
SELECT dalp.acknowledge(NULL);
\set VERBOSITY default
-- Rolled back: nothing happened.
SELECT dalp.start('dl', '{"item": "bolt", "amount": 20}') AS run \gset
SELECT status FROM dalp.wait(:run);
SELECT dl.letter(:run) AS letter \gset
BEGIN;
SELECT dalp.redrive(:letter, '{"amount": 1}') = :run AS same_run;
ROLLBACK;
SELECT status FROM dalp.wait(:run);
SELECT resolution FROM dalp.dead_letters WHERE id = :letter;
SELECT dalp.discard(:letter);

-- A run that timed out goes on too, with its time limit anew.
SELECT dalp.create_workflow('dl_time', '{"TimeoutSeconds": 1, "StartAt": "A", "States": {"A": {"Type": "Task", "Resource": "signal:go", "End": true}}}') AS version;
SELECT dalp.start('dl_time') AS run \gset
SELECT status FROM dalp.wait(:run);
SELECT error_class, error, cause, state FROM dalp.dead_letters WHERE id = dl.letter(:run);
SELECT dl.letter(:run) AS letter \gset
SELECT dalp.redrive(:letter) = :run AS same_run;
SELECT status FROM dalp.wait(:run);
SELECT dl.letter(:run) AS letter \gset
BEGIN;
SELECT dalp.redrive(:letter) = :run AS same_run;
SELECT dalp.signal(:run, 'go', '"in time"');
COMMIT;
SELECT status, output FROM dalp.wait(:run);
-- A Fail state is a dead letter as well; a cancelled run is none.
SELECT dalp.create_workflow('dl_fail', '{"StartAt": "A", "States": {"A": {"Type": "Fail", "Error": "Bad.Thing", "Cause": "on purpose"}}}') AS version;
SELECT dalp.start('dl_fail') AS run \gset
SELECT status FROM dalp.wait(:run);
SELECT error_class, fingerprint, error, cause, state FROM dalp.dead_letters WHERE id = dl.letter(:run);
SELECT dalp.start('dl_time') AS run \gset
SELECT dalp.cancel(:run, 'no');
SELECT count(*) FROM dalp.dead_letters WHERE reference = :run AND kind = 'run';

-- All of it is on record.
SELECT action, count(*), count(details) AS with_patch FROM dalp.audit_log
WHERE action IN ('redrive', 'discard', 'acknowledge') AND entry_id > :audited GROUP BY action ORDER BY action;
