--
-- Promise: each role may do what its task needs and nothing else; a role of
-- nobody may do nothing; what others' workflows hold is not to be seen.
--
SET client_min_messages = warning;
CREATE SCHEMA pv;
CREATE ROLE regress_pv_app IN ROLE dalp_app;
CREATE ROLE regress_pv_worker IN ROLE dalp_worker;
CREATE ROLE regress_pv_operator IN ROLE dalp_operator;
CREATE ROLE regress_pv_custodian IN ROLE dalp_custodian;
CREATE ROLE regress_pv_auditor IN ROLE dalp_auditor;
CREATE ROLE regress_pv_nobody;
GRANT USAGE ON SCHEMA pv TO PUBLIC;
CREATE VIEW pv.roles AS SELECT r::name AS role, short FROM unnest(ARRAY['app', 'worker', 'operator', 'custodian', 'auditor', 'nobody']) AS short,
	format('regress_pv_%s', short) AS r;

-- The roles themselves: no login, no special powers, members of nothing.
SELECT rolname, rolsuper, rolinherit, rolcreaterole, rolcreatedb, rolcanlogin, rolreplication, rolbypassrls,
	(SELECT count(*) FROM pg_auth_members WHERE member = r.oid) AS member_of
FROM pg_roles r WHERE rolname IN ('dalp_app', 'dalp_worker', 'dalp_operator', 'dalp_custodian', 'dalp_auditor') ORDER BY rolname;

-- Functions that are not for everybody: who may call them.
SELECT p.oid::regprocedure AS function, (SELECT string_agg(short, ' ' ORDER BY short) FROM pv.roles WHERE has_function_privilege(role, p.oid, 'EXECUTE')) AS roles
FROM pg_proc p WHERE p.pronamespace = 'dalp'::regnamespace AND NOT has_function_privilege('regress_pv_nobody', p.oid, 'EXECUTE')
ORDER BY p.oid::regprocedure::text COLLATE "C";
-- Views: who may read them, and that nobody may write.
SELECT c.oid::regclass AS view, (SELECT string_agg(short, ' ' ORDER BY short) FROM pv.roles WHERE has_table_privilege(role, c.oid, 'SELECT')) AS roles,
	(SELECT count(*) FROM pv.roles WHERE has_table_privilege(role, c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER')) AS writers
FROM pg_class c WHERE c.relnamespace = 'dalp'::regnamespace AND c.relkind IN ('v', 'r') ORDER BY c.oid::regclass::text COLLATE "C";
-- The tables and sequences behind them: nobody, not even columns.
SELECT count(*) > 20 AS relations, count(*) FILTER (WHERE has_schema_privilege(role, c.relnamespace, 'USAGE, CREATE')) AS schemas,
	count(*) FILTER (WHERE c.relkind <> 'S' AND has_any_column_privilege(role, c.oid, 'SELECT, INSERT, UPDATE, REFERENCES')
		OR c.relkind = 'S' AND has_sequence_privilege(role, c.oid, 'USAGE, SELECT, UPDATE')) AS open_ones
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace CROSS JOIN pv.roles
WHERE n.nspname LIKE 'dalp\_%' AND c.relkind IN ('r', 'p', 'v', 'S');
-- Functions outside the public schema.
SELECT p.oid::regprocedure AS function, (SELECT string_agg(short, ' ' ORDER BY short) FROM pv.roles WHERE has_function_privilege(role, p.oid, 'EXECUTE')) AS roles
FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace WHERE n.nspname LIKE 'dalp\_%'
	AND EXISTS (SELECT FROM pv.roles WHERE has_function_privilege(role, p.oid, 'EXECUTE')) ORDER BY p.oid::regprocedure::text COLLATE "C";

-- In practice: two owners of workflows who don't see each other.
CREATE ROLE regress_pv_app2 IN ROLE dalp_app;
CREATE FUNCTION pv.step(jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$BEGIN IF $1 ? 'fail' THEN RAISE 'secret %', $1; END IF; RETURN $1; END$$;
SET ROLE regress_pv_app;
SELECT dalp.create_workflow('pv', '{"StartAt": "A", "States": {"A": {"Type": "Task", "Resource": "sql:pv.step", "End": true}}}') AS version;
SELECT dalp.start('pv', '{"mine": 1}') AS run, dalp.start('pv', '{"fail": 1}') AS failed \gset
SELECT status FROM dalp.wait(:run);
SELECT status FROM dalp.wait(:failed);
RESET ROLE;
SELECT id AS letter FROM dalp.dead_letters WHERE reference = :failed AND kind = 'run' \gset

-- What each role gets to see of it, and what it may call. (Views of a role that may not read them say so.)
CREATE TABLE pv.answers (number int GENERATED ALWAYS AS IDENTITY, role name DEFAULT current_user, what text, answer text);
GRANT INSERT ON pv.answers TO PUBLIC;
CREATE PROCEDURE pv.ask(what text, sql text) LANGUAGE plpgsql AS $$
DECLARE answer text; BEGIN
	BEGIN
		EXECUTE sql INTO answer;
		answer := coalesce(answer, 'done');
		-- Only whether it may: its effect isn't wanted.
		RAISE EXCEPTION USING ERRCODE = 'YY000', MESSAGE = answer;
	EXCEPTION WHEN SQLSTATE 'YY000' THEN NULL;
		WHEN OTHERS THEN answer := SQLSTATE;
	END;
	INSERT INTO pv.answers (what, answer) VALUES (what, answer);
END $$;
CREATE PROCEDURE pv.ask_all(run bigint, failed bigint, letter bigint) LANGUAGE plpgsql AS $$
BEGIN
	CALL pv.ask('workflows', 'SELECT count(*) FROM dalp.workflows WHERE name = ''pv''');
	CALL pv.ask('runs', 'SELECT count(*) FROM dalp.runs WHERE workflow = ''pv''');
	CALL pv.ask('run_history', 'SELECT count(*) FROM dalp.run_history WHERE run_id = ' || run);
	CALL pv.ask('dead_letters', 'SELECT count(*) FROM dalp.dead_letters WHERE scope = ''pv''');
	CALL pv.ask('dead_letter_groups', 'SELECT count(*) FROM dalp.dead_letter_groups WHERE fingerprint LIKE ''pv/%''');
	CALL pv.ask('audit_log', 'SELECT count(*) FROM dalp.audit_log WHERE object LIKE ''pv:%''');
	CALL pv.ask('workers', 'SELECT count(*) > 0 FROM dalp.workers');
	CALL pv.ask('create_workflow', 'SELECT dalp.create_workflow(''pv_new'', ''{"StartAt": "A", "States": {"A": {"Type": "Succeed"}}}'') IS NOT NULL');
	CALL pv.ask('start', 'SELECT dalp.start(''pv'') > 0');
	CALL pv.ask('wait', 'SELECT status FROM dalp.wait(' || run || ')');
	CALL pv.ask('signal', 'SELECT dalp.signal(' || run || ', ''s'')');
	CALL pv.ask('cancel', 'SELECT dalp.cancel(' || run || ', ''s'')');
	CALL pv.ask('pause', 'SELECT dalp.pause(''pv'')');
	CALL pv.ask('grant_workflow', 'SELECT dalp.grant_workflow(''pv'', ''regress_pv_nobody'')');
	CALL pv.ask('redrive', 'SELECT dalp.redrive(' || letter || ') = ' || failed);
	CALL pv.ask('discard', 'SELECT dalp.discard(' || letter || ')');
	CALL pv.ask('acknowledge', 'SELECT dalp.acknowledge(' || letter || ')');
	CALL pv.ask('validate_workflow', 'SELECT count(*) FROM dalp.validate_workflow(''{}'')');
	CALL pv.ask('raise_error', 'SELECT dalp.raise_error(''x'')');
	CALL pv.ask('version', 'SELECT dalp.version() IS NOT NULL');
END $$;
SET ROLE regress_pv_app; CALL pv.ask_all(:run, :failed, :letter);
SET ROLE regress_pv_app2; CALL pv.ask_all(:run, :failed, :letter);
SET ROLE regress_pv_worker; CALL pv.ask_all(:run, :failed, :letter);
SET ROLE regress_pv_operator; CALL pv.ask_all(:run, :failed, :letter);
SET ROLE regress_pv_custodian; CALL pv.ask_all(:run, :failed, :letter);
SET ROLE regress_pv_auditor; CALL pv.ask_all(:run, :failed, :letter);
SET ROLE regress_pv_nobody; CALL pv.ask_all(:run, :failed, :letter);
RESET ROLE;
SELECT what, max(answer) FILTER (WHERE role = 'regress_pv_app') AS app, max(answer) FILTER (WHERE role = 'regress_pv_app2') AS other_app,
	max(answer) FILTER (WHERE role = 'regress_pv_worker') AS worker, max(answer) FILTER (WHERE role = 'regress_pv_operator') AS operator,
	max(answer) FILTER (WHERE role = 'regress_pv_custodian') AS custodian, max(answer) FILTER (WHERE role = 'regress_pv_auditor') AS auditor,
	max(answer) FILTER (WHERE role = 'regress_pv_nobody') AS nobody
FROM pv.answers GROUP BY what ORDER BY min(number);

-- Nobody reads a row through a leaky function before the view has decided.
CREATE FUNCTION pv.leak(text) RETURNS boolean LANGUAGE plpgsql COST 0.0000001 AS $$BEGIN RAISE WARNING 'leaked %', $1; RETURN true; END$$;
SET ROLE regress_pv_app2;
SELECT count(*) FROM dalp.workflows WHERE pv.leak(name);
SELECT count(*) FROM dalp.runs WHERE pv.leak(workflow);
SELECT count(*) FROM dalp.dead_letters WHERE pv.leak(scope);
RESET ROLE;

-- The audit log can't be changed, not even by a superuser.
\set VERBOSITY sqlstate
UPDATE dalp_audit.entry SET action = 'nothing';
DELETE FROM dalp_audit.entry;
TRUNCATE dalp_audit.entry;
