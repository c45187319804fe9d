--
-- Promise: a step has the rights of the role that registered its workflow, no
-- more and no less, whoever starts it; nothing of one step's session reaches
-- the next one.
--
SET client_min_messages = warning;
CREATE SCHEMA wr;
CREATE ROLE regress_wr_author;
CREATE ROLE regress_wr_starter;
CREATE ROLE regress_wr_gone;
GRANT dalp_app TO regress_wr_author, regress_wr_starter, regress_wr_gone;
GRANT USAGE ON SCHEMA wr TO regress_wr_author, regress_wr_gone;
CREATE TABLE wr.of_author (who name DEFAULT current_user, session name DEFAULT session_user, path text DEFAULT current_setting('search_path'));
CREATE TABLE wr.of_starter (who name DEFAULT current_user);
GRANT INSERT, SELECT ON wr.of_author TO regress_wr_author;
GRANT INSERT, SELECT ON wr.of_starter TO regress_wr_starter;

-- Runs the SQL that it is given, and says what came of it.
CREATE FUNCTION wr.execute(i jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE answer text; BEGIN
	IF i->>'sql' ~ '^(SELECT|INSERT)' THEN EXECUTE i->>'sql' INTO answer; ELSE EXECUTE i->>'sql'; END IF;
	RETURN jsonb_build_object('answer', answer);
END $$;
GRANT EXECUTE ON FUNCTION wr.execute TO PUBLIC;
SET ROLE regress_wr_author;
SET search_path = wr, "$user", pg_catalog;
SELECT dalp.create_workflow('wr', '{"StartAt": "A", "States": {"A": {"Type": "Task", "Resource": "sql:execute", "End": true}}}') AS version;
SELECT dalp.grant_workflow('wr', 'regress_wr_starter');
RESET search_path;
RESET ROLE;
CREATE TABLE wr.cases (number int GENERATED ALWAYS AS IDENTITY, sql text, run bigint);
GRANT ALL ON SCHEMA wr TO regress_wr_starter;
GRANT ALL ON wr.cases TO regress_wr_starter;
CREATE PROCEDURE wr.run(sql text) LANGUAGE sql AS $$
	INSERT INTO wr.cases (sql, run) VALUES (sql, dalp.start('wr', jsonb_build_object('sql', sql)))
$$;

SET ROLE regress_wr_starter;
SET search_path = pg_catalog;
-- Rights: the author's, not the starter's, not a superuser's.
CALL wr.run('INSERT INTO wr.of_author DEFAULT VALUES RETURNING who');
CALL wr.run('INSERT INTO wr.of_starter DEFAULT VALUES RETURNING who');
CALL wr.run('SELECT current_user');
CALL wr.run('SELECT current_setting(''search_path'')');
CALL wr.run('SELECT count(*) FROM dalp_workflow.run');
CALL wr.run('SELECT count(*) FROM pg_catalog.pg_authid');
CALL wr.run('SELECT pg_read_file(''postgresql.conf'')');
CALL wr.run('COPY (SELECT 1) TO PROGRAM ''true''');
CALL wr.run('CREATE TABLE wr.not_mine ()');
CALL wr.run('ALTER SYSTEM SET work_mem = ''1 GB''');
-- Roles.
CALL wr.run('SET ROLE regress_wr_starter');
CALL wr.run('SET ROLE NONE');
CALL wr.run('RESET ROLE');
CALL wr.run('SET SESSION AUTHORIZATION regress_wr_starter');
CALL wr.run('RESET SESSION AUTHORIZATION');
CALL wr.run('SELECT set_config(''role'', ''none'', false)');
CALL wr.run('SELECT set_config(''session_authorization'', ''postgres'', false)');
-- What would outlive the step.
CALL wr.run('CREATE TEMP TABLE leak (n int)');
CALL wr.run('CREATE TEMP VIEW leak AS SELECT 1');
CALL wr.run('PREPARE leak AS SELECT 1');
CALL wr.run('LISTEN leak');
CALL wr.run('DECLARE leak CURSOR WITH HOLD FOR SELECT 1');
CALL wr.run('DISCARD ALL');
CALL wr.run('COMMIT');
CALL wr.run('ROLLBACK');
CALL wr.run('LOCK TABLE wr.of_author IN SHARE MODE');
CALL wr.run('SELECT set_config(''work_mem'', ''123 kB'', false)');
CALL wr.run('SET statement_timeout = ''1 h''');
CALL wr.run('SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY');
CALL wr.run('SET TRANSACTION READ ONLY');
CALL wr.run('SET TRANSACTION ISOLATION LEVEL SERIALIZABLE');
CALL wr.run('SET LOCAL synchronous_commit = off');
CALL wr.run('SET CONSTRAINTS ALL DEFERRED');
CALL wr.run('SELECT current_setting(''transaction_read_only'') || current_setting(''default_transaction_read_only'') || current_setting(''synchronous_commit'')');
CALL wr.run('SELECT pg_advisory_lock(815, 1)');
CALL wr.run('SET regress.leak = ''leaked''');
CALL wr.run('SELECT current_setting(''work_mem'')');
CALL wr.run('SELECT coalesce(current_setting(''regress.leak'', true), ''nothing'')');
CALL wr.run('SELECT current_setting(''statement_timeout'')');
CALL wr.run('SELECT string_agg(name || setting, '' '') FROM pg_settings WHERE name LIKE ''enable\_%'' AND setting = ''off'' AND name NOT LIKE ''%partitionwise%''');
CALL wr.run('INSERT INTO wr.of_author DEFAULT VALUES RETURNING ''still writable''');
-- It is no way to wait for itself, nor to do what its role may not.
CALL wr.run('SELECT dalp.cancel(1, ''mine'')');
CALL wr.run('SELECT dalp.start(''wr'', ''{"sql": "SELECT 1"}'') > 0');
SELECT c.sql, w.status, w.output ->> 'answer' AS answer, w.error, w.cause::jsonb ->> 'message' AS message FROM wr.cases c, dalp.wait(c.run) w ORDER BY c.number;
RESET search_path;
RESET ROLE;
SELECT count(*) AS advisory_locks FROM pg_locks WHERE locktype = 'advisory' AND classid = 815;
SELECT who, session <> 'regress_wr_starter' AS no_session_of_the_starter, path FROM wr.of_author;

-- A security definer handler still has its own rights.
CREATE FUNCTION wr.definer(i jsonb) RETURNS jsonb LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
	AS $$INSERT INTO wr.of_starter DEFAULT VALUES RETURNING to_jsonb(who = session_user)$$;
REVOKE ALL ON FUNCTION wr.definer FROM PUBLIC;
GRANT EXECUTE ON FUNCTION wr.definer TO regress_wr_author;
SET ROLE regress_wr_author;
SELECT dalp.create_workflow('wr_definer', '{"StartAt": "A", "States": {"A": {"Type": "Task", "Resource": "sql:wr.definer", "End": true}}}') AS version;
SELECT dalp.start('wr_definer') AS run \gset
SELECT status, output FROM dalp.wait(:run);
RESET ROLE;
-- EXECUTE is asked for at each step.
REVOKE EXECUTE ON FUNCTION wr.definer FROM regress_wr_author;
SET ROLE regress_wr_author;
SELECT dalp.start('wr_definer') AS run \gset
SELECT status, error, cause::jsonb ->> 'message' AS message FROM dalp.wait(:run);
RESET ROLE;
-- Also USAGE of the handler's schema.
REVOKE USAGE ON SCHEMA wr FROM regress_wr_author;
SET ROLE regress_wr_author;
SELECT dalp.start('wr', '{"sql": "SELECT 1"}') AS run \gset
SELECT status, error, cause::jsonb ->> 'message' AS message FROM dalp.wait(:run);
RESET ROLE;

-- A role that is gone: its runs fail, others' go on.
SET ROLE regress_wr_gone;
SELECT dalp.create_workflow('wr_gone', '{"StartAt": "A", "States": {"A": {"Type": "Task", "Resource": "signal:go", "Next": "B"}, "B": {"Type": "Task", "Resource": "sql:wr.execute", "End": true}}}') AS version;
SELECT dalp.start('wr_gone') AS run \gset
RESET ROLE;
DROP OWNED BY regress_wr_gone;
DROP ROLE regress_wr_gone;
SELECT dalp.signal(:run, 'go', '{"sql": "SELECT current_user"}');
SELECT status, state, error FROM dalp.wait(:run, '20 s');
