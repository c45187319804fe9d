\echo Use "CREATE EXTENSION dalp" to load this file. \quit

/*
 * Roles and schemas.
 *
 * Plain CREATE SCHEMA: a schema of that name that somebody else made stops the
 * installation instead of being used.
 */
SET LOCAL search_path TO pg_catalog, pg_temp;

DO LANGUAGE plpgsql $roles$
DECLARE
	role_name name;
BEGIN
	FOREACH role_name IN ARRAY ARRAY['dalp_app', 'dalp_worker', 'dalp_operator', 'dalp_custodian', 'dalp_auditor']::name[]
	LOOP
		PERFORM FROM pg_catalog.pg_roles r WHERE r.rolname OPERATOR(pg_catalog.=) role_name;
		IF NOT FOUND THEN
			EXECUTE pg_catalog.format('CREATE ROLE %I NOLOGIN', role_name);
		END IF;
	END LOOP;
END
$roles$;

CREATE SCHEMA dalp;
CREATE SCHEMA dalp_workflow;
CREATE SCHEMA dalp_chain;
CREATE SCHEMA dalp_custody;
CREATE SCHEMA dalp_audit;
CREATE SCHEMA dalp_ops;

COMMENT ON SCHEMA dalp IS 'public interface of dalp: functions, types and views';
COMMENT ON SCHEMA dalp_workflow IS 'dalp: workflow definitions, runs, journal, signals, idempotency keys';
COMMENT ON SCHEMA dalp_chain IS 'dalp: chains, endpoints, wallets'' lanes, transactions, attempts, receipts';
COMMENT ON SCHEMA dalp_custody IS 'dalp: sealed keys, credentials, policies';
COMMENT ON SCHEMA dalp_audit IS 'dalp: append-only audit log';
COMMENT ON SCHEMA dalp_ops IS 'dalp: dead letters, operational state';
