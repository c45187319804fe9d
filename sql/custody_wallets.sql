-- Promise: keys are made in the signer and reach tables only sealed; a
-- rollback leaves nothing; who may use a wallet is decided by its creator and
-- by grants.
\set VERBOSITY default
CREATE ROLE regress_custodian IN ROLE dalp_custodian;
CREATE ROLE regress_payer IN ROLE dalp_app;
CREATE ROLE regress_other IN ROLE dalp_app;
CREATE ROLE regress_boss IN ROLE dalp_operator;
CREATE ROLE regress_nobody;

-- Making one.
SET ROLE regress_custodian;
SELECT pg_catalog.octet_length(dalp.create_wallet('custody_a')::pg_catalog.text);
SELECT dalp.create_wallet('custody_b') IS NOT NULL AS made;
BEGIN;
SELECT dalp.create_wallet('custody_gone') IS NOT NULL AS made;
ROLLBACK;
SELECT name, backend, disabled, created_by, granted_to, chains FROM dalp.wallets WHERE name LIKE 'custody%' ORDER BY name;
RESET ROLE;
SELECT w.name, k.version, k.master_version, pg_catalog.octet_length(k.wrapped_data_key) AS wrapped, pg_catalog.octet_length(k.sealed_key) AS sealed
FROM dalp_custody.key k JOIN dalp_custody.wallet w USING (wallet_id) WHERE w.name LIKE 'custody%' ORDER BY w.name;
SELECT kind, version, pg_catalog.octet_length(check_value) AS check_value FROM dalp_custody.master_key WHERE kind = 'sign';

-- What is refused.
SET ROLE regress_custodian;
SELECT dalp.create_wallet('custody_a');
\echo :LAST_ERROR_SQLSTATE
SELECT dalp.create_wallet('');
\echo :LAST_ERROR_SQLSTATE
SELECT dalp.create_wallet('with blank');
\echo :LAST_ERROR_SQLSTATE
SELECT dalp.create_wallet(NULL) IS NULL AS nothing;
SELECT dalp.grant_wallet('custody_none', 'regress_payer');
\echo :LAST_ERROR_SQLSTATE
SET ROLE regress_payer;
SELECT dalp.create_wallet('custody_c');
\echo :LAST_ERROR_SQLSTATE
SELECT dalp.grant_wallet('custody_a', 'regress_payer');
\echo :LAST_ERROR_SQLSTATE
SET ROLE regress_nobody;
SELECT dalp.create_wallet('custody_c');
\echo :LAST_ERROR_SQLSTATE
SELECT count(*) FROM dalp.wallets;
\echo :LAST_ERROR_SQLSTATE
RESET ROLE;

-- EXECUTE alone is not enough: the function itself asks for the role.
GRANT USAGE ON SCHEMA dalp TO regress_nobody;
GRANT EXECUTE ON FUNCTION dalp.create_wallet(text), dalp.disable_wallet(text, text) TO regress_nobody;
SET ROLE regress_nobody;
SELECT dalp.create_wallet('custody_c');
\echo :LAST_ERROR_SQLSTATE
SELECT dalp.disable_wallet('custody_a', 'because');
\echo :LAST_ERROR_SQLSTATE
RESET ROLE;
REVOKE EXECUTE ON FUNCTION dalp.create_wallet(text), dalp.disable_wallet(text, text) FROM regress_nobody;
REVOKE USAGE ON SCHEMA dalp FROM regress_nobody;

-- Grants decide who sees it.
SET ROLE regress_payer;
SELECT name FROM dalp.wallets WHERE name LIKE 'custody%' ORDER BY name;
SET ROLE regress_boss;
SELECT name FROM dalp.wallets WHERE name LIKE 'custody%' ORDER BY name;
SET ROLE regress_custodian;
SELECT dalp.grant_wallet('custody_a', 'regress_payer');
SELECT dalp.grant_wallet('custody_a', 'regress_payer');
SET ROLE regress_payer;
SELECT name, granted_to FROM dalp.wallets WHERE name LIKE 'custody%' ORDER BY name;
SET ROLE regress_other;
SELECT name FROM dalp.wallets WHERE name LIKE 'custody%' ORDER BY name;
SET ROLE regress_custodian;
SELECT dalp.revoke_wallet('custody_a', 'regress_payer');
SET ROLE regress_payer;
SELECT name FROM dalp.wallets WHERE name LIKE 'custody%' ORDER BY name;

-- A disabled wallet takes no transaction any more.
SET ROLE regress_custodian;
SELECT dalp.disable_wallet('custody_b', 'lost laptop');
SELECT dalp.disable_wallet('custody_b', 'lost laptop');
SELECT name, disabled FROM dalp.wallets WHERE name LIKE 'custody%' ORDER BY name;
RESET ROLE;
SELECT actor, action, object, details ? 'address' AS has_address, details - 'address' AS details FROM dalp_audit.entry
WHERE object LIKE 'custody%' ORDER BY entry_id;

-- The tables are out of everybody's reach.
SET ROLE regress_custodian;
SELECT count(*) FROM dalp_custody.key;
\echo :LAST_ERROR_SQLSTATE
RESET ROLE;
