/*
 * Keys and wallets.
 */

CREATE TABLE dalp_custody.master_key (
	kind		text NOT NULL CHECK (kind OPERATOR(pg_catalog.=) 'sign' OR kind OPERATOR(pg_catalog.=) 'verify'),
	version		int NOT NULL CHECK (version OPERATOR(pg_catalog.>) 0),
	check_value	bytea NOT NULL CHECK (pg_catalog.octet_length(check_value) OPERATOR(pg_catalog.=) 32),
	created_at	timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
	PRIMARY KEY (kind, version)
);
COMMENT ON TABLE dalp_custody.master_key IS 'how to recognise the right master key file; the keys themselves are never in the database';
COMMENT ON COLUMN dalp_custody.master_key.kind IS 'sign: seals private keys; verify: protects verification secrets';
COMMENT ON COLUMN dalp_custody.master_key.version IS 'grows with each rotation';
COMMENT ON COLUMN dalp_custody.master_key.check_value IS 'HMAC of a fixed text under a key derived from it: tells a wrong file before the first use';
COMMENT ON COLUMN dalp_custody.master_key.created_at IS 'when it was first used';

CREATE TABLE dalp_custody.wallet (
	wallet_id	int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	name		text NOT NULL UNIQUE CHECK (name OPERATOR(pg_catalog.~) '^[A-Za-z0-9_.:-]{1,80}$'),
	address		dalp.address NOT NULL UNIQUE,
	backend		text NOT NULL DEFAULT 'local',
	disabled	boolean NOT NULL DEFAULT false,
	created_by	regrole NOT NULL,
	created_at	timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp()
);
COMMENT ON TABLE dalp_custody.wallet IS 'wallets: a name, an address, and who keeps the key';
COMMENT ON COLUMN dalp_custody.wallet.wallet_id IS 'internal number';
COMMENT ON COLUMN dalp_custody.wallet.name IS 'name as in dalp.submit_transaction';
COMMENT ON COLUMN dalp_custody.wallet.address IS 'address of its key';
COMMENT ON COLUMN dalp_custody.wallet.backend IS 'local, pkcs11:… or http:…';
COMMENT ON COLUMN dalp_custody.wallet.disabled IS 'never signs again while true';
COMMENT ON COLUMN dalp_custody.wallet.created_by IS 'role that created it';
COMMENT ON COLUMN dalp_custody.wallet.created_at IS 'when';

CREATE TABLE dalp_custody.wallet_grant (
	wallet_id	int NOT NULL REFERENCES dalp_custody.wallet,
	grantee		regrole NOT NULL,
	granted_by	regrole NOT NULL,
	granted_at	timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
	PRIMARY KEY (wallet_id, grantee)
);
COMMENT ON TABLE dalp_custody.wallet_grant IS 'who besides its creator and members of dalp_custodian may submit transactions from a wallet';
COMMENT ON COLUMN dalp_custody.wallet_grant.wallet_id IS 'the wallet';
COMMENT ON COLUMN dalp_custody.wallet_grant.grantee IS 'role; its members too';
COMMENT ON COLUMN dalp_custody.wallet_grant.granted_by IS 'who granted';
COMMENT ON COLUMN dalp_custody.wallet_grant.granted_at IS 'when';

CREATE TABLE dalp_custody.key (
	wallet_id	int NOT NULL REFERENCES dalp_custody.wallet,
	version		int NOT NULL CHECK (version OPERATOR(pg_catalog.>) 0),
	master_version	int NOT NULL,
	wrapped_data_key bytea NOT NULL,
	sealed_key	bytea NOT NULL,
	created_at	timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
	PRIMARY KEY (wallet_id, version)
);
COMMENT ON TABLE dalp_custody.key IS 'private keys, sealed: AES-256-GCM under a random data key, which is wrapped under the sign master key; both bound to this row';
COMMENT ON COLUMN dalp_custody.key.wallet_id IS 'the wallet';
COMMENT ON COLUMN dalp_custody.key.version IS 'grows with each sealing';
COMMENT ON COLUMN dalp_custody.key.master_version IS 'version of the sign master key that wraps the data key';
COMMENT ON COLUMN dalp_custody.key.wrapped_data_key IS 'nonce, data key encrypted, tag';
COMMENT ON COLUMN dalp_custody.key.sealed_key IS 'nonce, private key encrypted, tag';
COMMENT ON COLUMN dalp_custody.key.created_at IS 'when it was sealed';
