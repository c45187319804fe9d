/*
 * Keys as other wallets write them: for conformance tests, superusers only.
 */

CREATE FUNCTION dalp.keystore_decrypt(keystore json, passphrase text) RETURNS bytea
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 1000000
AS 'MODULE_PATHNAME', 'dalp_keystore_decrypt';
REVOKE ALL ON FUNCTION dalp.keystore_decrypt(json, text) FROM PUBLIC;
COMMENT ON FUNCTION dalp.keystore_decrypt(json, text) IS 'private key in a Web3 Secret Storage v3 keystore; superuser only';

CREATE FUNCTION dalp.mnemonic_to_seed(mnemonic text, passphrase text) RETURNS bytea
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 10000
AS 'MODULE_PATHNAME', 'dalp_mnemonic_to_seed';
REVOKE ALL ON FUNCTION dalp.mnemonic_to_seed(text, text) FROM PUBLIC;
COMMENT ON FUNCTION dalp.mnemonic_to_seed(text, text) IS 'seed of 64 bytes of a mnemonic sentence in any language, its checksum not judged (BIP-39); superuser only';

CREATE FUNCTION dalp.hd_derive(seed bytea, path text) RETURNS jsonb
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 1000
AS 'MODULE_PATHNAME', 'dalp_hd_derive';
REVOKE ALL ON FUNCTION dalp.hd_derive(bytea, text) FROM PUBLIC;
COMMENT ON FUNCTION dalp.hd_derive(bytea, text) IS 'key at a path such as m/44''/60''/0''/0/0 below the seed''s master key (BIP-32); superuser only';
