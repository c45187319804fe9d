/*
 * Wallets: functions and views.
 */

CREATE FUNCTION dalp.create_wallet(name text) RETURNS dalp.address
LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'dalp_create_wallet';
REVOKE ALL ON FUNCTION dalp.create_wallet(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION dalp.create_wallet(text) TO dalp_custodian;
COMMENT ON FUNCTION dalp.create_wallet(text) IS 'makes a private key in the signer, seals it under the sign master key, and returns the wallet''s address';

CREATE FUNCTION dalp.grant_wallet(wallet text, role regrole) RETURNS void
LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'dalp_grant_wallet';
REVOKE ALL ON FUNCTION dalp.grant_wallet(text, regrole) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION dalp.grant_wallet(text, regrole) TO dalp_custodian;
COMMENT ON FUNCTION dalp.grant_wallet(text, regrole) IS 'lets a role and its members submit transactions from a wallet and see them';

CREATE FUNCTION dalp.revoke_wallet(wallet text, role regrole) RETURNS void
LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'dalp_revoke_wallet';
REVOKE ALL ON FUNCTION dalp.revoke_wallet(text, regrole) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION dalp.revoke_wallet(text, regrole) TO dalp_custodian;
COMMENT ON FUNCTION dalp.revoke_wallet(text, regrole) IS 'takes back what dalp.grant_wallet gave; transactions submitted before go on';

CREATE FUNCTION dalp.disable_wallet(wallet text, note text) RETURNS void
LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'dalp_disable_wallet';
REVOKE ALL ON FUNCTION dalp.disable_wallet(text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION dalp.disable_wallet(text, text) TO dalp_custodian;
COMMENT ON FUNCTION dalp.disable_wallet(text, text) IS 'never lets the wallet sign again; what is signed already is still sent and watched';

/*
 * Wallets that the current user may use or, as an operator, custodian or
 * auditor, see.
 */
CREATE VIEW dalp.wallets WITH (security_barrier) AS
SELECT
	w.name,
	w.address,
	w.backend,
	w.disabled,
	w.created_by,
	w.created_at,
	ARRAY(SELECT g.grantee FROM dalp_custody.wallet_grant g
		WHERE g.wallet_id OPERATOR(pg_catalog.=) w.wallet_id ORDER BY g.granted_at) AS granted_to,
	COALESCE((SELECT pg_catalog.jsonb_object_agg(c.name, pg_catalog.jsonb_build_object(
			'state', l.state, 'next_nonce', l.next_nonce, 'pause_kind', l.pause_kind, 'pause_reason', l.pause_reason))
		FROM dalp_chain.lane l JOIN dalp_chain.chain c ON c.chain_id OPERATOR(pg_catalog.=) l.chain_id
		WHERE l.wallet_id OPERATOR(pg_catalog.=) w.wallet_id), '{}') AS chains
FROM dalp_custody.wallet w
WHERE pg_catalog.pg_has_role('dalp_operator', 'USAGE')
	OR pg_catalog.pg_has_role('dalp_custodian', 'USAGE')
	OR pg_catalog.pg_has_role('dalp_auditor', 'USAGE')
	OR pg_catalog.pg_has_role(w.created_by, 'USAGE')
	OR EXISTS (SELECT FROM dalp_custody.wallet_grant g
		WHERE g.wallet_id OPERATOR(pg_catalog.=) w.wallet_id AND pg_catalog.pg_has_role(g.grantee, 'USAGE'));
COMMENT ON VIEW dalp.wallets IS 'wallets that the current user may use, and how they stand on each chain; all of them for operators, custodians and auditors';
GRANT SELECT ON dalp.wallets TO dalp_app, dalp_operator, dalp_custodian, dalp_auditor;
