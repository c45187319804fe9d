--
-- Promise: a durable procedure has the rights of the role that registered it,
-- no more, before and after each COMMIT and ROLLBACK; outside of its steps it
-- can't write; nothing of its session reaches others.
--
SET client_min_messages = warning;
CREATE SCHEMA pr;
CREATE ROLE regress_pr_author;
CREATE ROLE regress_pr_other;
CREATE ROLE regress_pr_gone;
GRANT dalp_app TO regress_pr_author, regress_pr_gone;
GRANT regress_pr_other TO regress_pr_author;
GRANT USAGE ON SCHEMA pr TO regress_pr_author, regress_pr_gone;
CREATE TABLE pr.of_author (what text, who name DEFAULT current_user);
CREATE TABLE pr.of_superuser (what text);
CREATE SEQUENCE pr.numbers;
GRANT USAGE ON SEQUENCE pr.numbers TO regress_pr_author;
GRANT INSERT, SELECT ON pr.of_author TO regress_pr_author;
CREATE FUNCTION pr.note(i jsonb) RETURNS jsonb LANGUAGE sql AS
	$$INSERT INTO pr.of_author (what) VALUES (i->>'what') RETURNING jsonb_build_object('who', who)$$;
CREATE FUNCTION pr.execute(i jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE answer text; BEGIN
	IF i->>'sql' ~ '^SELECT' THEN EXECUTE i->>'sql' INTO answer; ELSE EXECUTE i->>'sql'; END IF;
	RETURN to_jsonb(answer);
END $$;
-- Runs the SQL that it is given: first thing, behind a COMMIT, a ROLLBACK and a step, and in a step.
CREATE PROCEDURE pr.try(run dalp.run, OUT output jsonb) LANGUAGE plpgsql AS $$
DECLARE answer text; ignored jsonb; BEGIN
	CASE run.input->>'at'
		WHEN 'start' THEN NULL;
		WHEN 'commit' THEN COMMIT;
		WHEN 'rollback' THEN ROLLBACK;
		WHEN 'error' THEN
			BEGIN PERFORM 1/0; EXCEPTION WHEN division_by_zero THEN NULL; END;
			ROLLBACK;
		WHEN 'step' THEN CALL dalp.step('note', 'pr.note', '{"what": "before"}', ignored);
		WHEN 'in step' THEN
			output := dalp.step('execute', 'pr.execute', run.input);
			RETURN;
	END CASE;
	IF run.input->>'sql' ~ '^SELECT' THEN EXECUTE run.input->>'sql' INTO answer; ELSE EXECUTE run.input->>'sql'; END IF;
	output := to_jsonb(answer);
END $$;
GRANT EXECUTE ON PROCEDURE pr.try TO PUBLIC;
SET ROLE regress_pr_author;
SET search_path = pr, "$user", pg_catalog;
SELECT dalp.create_procedure_workflow('pr', 'pr.try(dalp.run)') AS version;
RESET search_path;
RESET ROLE;
CREATE TABLE pr.cases (number int GENERATED ALWAYS AS IDENTITY, place text, sql text, run bigint);
INSERT INTO pr.cases (place, sql, run)
	SELECT place, sql, dalp.start('pr', jsonb_build_object('at', place, 'sql', sql))
	FROM unnest(ARRAY['start', 'commit', 'rollback', 'error', 'step', 'in step']) WITH ORDINALITY AS p (place, p),
	unnest(ARRAY[
		'SELECT current_user',
		'SELECT current_setting(''search_path'')',
		'SELECT count(*) FROM pg_catalog.pg_authid',
		'SELECT count(*) FROM dalp_workflow.run',
		'SELECT count(*) FROM pr.of_superuser',
		'SET ROLE regress_pr_other',
		'SET ROLE NONE',
		'RESET ROLE',
		'SET SESSION AUTHORIZATION regress_pr_other',
		'SET SESSION AUTHORIZATION DEFAULT',
		'RESET SESSION AUTHORIZATION',
		'SELECT set_config(''session_authorization'', (SELECT rolname FROM pg_roles WHERE oid = 10), false)',
		'SELECT set_config(''role'', ''none'', true)',
		'SET TRANSACTION READ WRITE',
		'SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE',
		'SELECT set_config(''transaction_read_only'', ''off'', true)',
		'SET default_transaction_read_only = off',
		'SET synchronous_commit = off',
		'ALTER SYSTEM SET work_mem = ''1 GB''']) WITH ORDINALITY AS s (sql, s)
	ORDER BY s, p;
SELECT c.sql, string_agg(format('%s: %s', c.place, COALESCE(w.output #>> '{}', w.cause::jsonb->>'message', w.error, w.status)), E'\n' ORDER BY c.number) AS what
	FROM pr.cases c, dalp.wait(c.run) AS w GROUP BY c.sql ORDER BY min(c.number);

-- What would be written or stay behind; the next one is another procedure of another role.
INSERT INTO pr.cases (place, sql, run)
	SELECT 'commit', sql, dalp.start('pr', jsonb_build_object('at', 'commit', 'sql', sql))
	FROM unnest(ARRAY[
		'INSERT INTO pr.of_author VALUES (''outside'')',
		'CREATE TEMP TABLE leak (n int)',
		'CREATE TEMP VIEW leak AS SELECT 1',
		'SELECT nextval(''pr.numbers'')',
		'LISTEN leak',
		'PREPARE leak AS SELECT 1',
		'DECLARE leak CURSOR WITH HOLD FOR SELECT 1',
		'SELECT pg_advisory_lock(816, 1)',
		'SET work_mem = ''123 kB''',
		'SET regress.leak = ''leaked''',
		'SET search_path = pg_temp',
		'SET enable_indexscan = off']) AS sql;
SELECT c.sql, w.status, w.cause::jsonb->>'message' AS message
	FROM pr.cases c, dalp.wait(c.run) AS w WHERE number > 19 * 6 ORDER BY c.number;
SELECT count(*) AS advisory_locks FROM pg_locks WHERE locktype = 'advisory' AND classid = 816;
CREATE FUNCTION pr.left_behind(i jsonb) RETURNS jsonb LANGUAGE sql AS $$
	SELECT jsonb_build_object('prepared', (SELECT count(*) FROM pg_prepared_statements), 'cursors', (SELECT count(*) FROM pg_cursors WHERE is_holdable),
		'work_mem', current_setting('work_mem') = '123kB', 'leak', NULLIF(current_setting('regress.leak', true), ''),
		'indexscan', current_setting('enable_indexscan'), 'read_only', current_setting('transaction_read_only'),
		'temporary', (SELECT count(*) FROM pg_class WHERE relname = 'leak')) $$;
SELECT dalp.create_workflow('pr_after', '{"StartAt": "A", "States": {"A": {"Type": "Task", "Resource": "sql:pr.left_behind", "End": true}}}') AS version;
-- Every executor is asked, more than once.
CREATE TABLE pr.after AS SELECT dalp.start('pr_after') AS run FROM generate_series(1, 64);
SELECT DISTINCT w.status, w.output FROM pr.after a, dalp.wait(a.run) AS w;
SELECT what, who, count(*) FROM pr.of_author GROUP BY what, who;

-- Rights are asked for at each call; a role that is gone has none.
SET ROLE regress_pr_gone;
SELECT dalp.create_procedure_workflow('pr_gone', 'pr.try(dalp.run)') AS version;
SELECT dalp.start('pr_gone', '{"at": "start", "sql": "SELECT current_user"}') AS run \gset
SELECT status, output FROM dalp.wait(:run);
RESET ROLE;
REVOKE EXECUTE ON PROCEDURE pr.try FROM PUBLIC;
SELECT dalp.start('pr_gone', '{"at": "start", "sql": "SELECT current_user"}') AS run \gset
SELECT status, error, cause::jsonb->>'message' AS message FROM dalp.wait(:run);
SELECT dalp.start('pr_gone', '{"at": "start", "sql": "SELECT current_user"}', start_at => clock_timestamp() + '1 h') AS run \gset
DROP OWNED BY regress_pr_gone;
DROP ROLE regress_pr_gone;
UPDATE dalp_workflow.timer SET fire_at = clock_timestamp() WHERE run_id = :run;
SELECT status, error FROM dalp.wait(:run);
-- Registration asks for the right too.
SET ROLE regress_pr_author;
SELECT dalp.create_procedure_workflow('pr_denied', 'pr.try(dalp.run)');
RESET ROLE;
DROP SCHEMA pr CASCADE;
DROP OWNED BY regress_pr_author, regress_pr_other;
DROP ROLE regress_pr_other;
