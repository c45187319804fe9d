/*
 * Chains and transactions: functions and views.
 */

CREATE TYPE dalp.transaction_status AS (
	transaction_id	bigint,
	state		text,
	reached		boolean,
	wallet		text,
	chain		text,
	nonce		numeric,
	hash		bytea,
	block_number	bigint,
	error		text,
	cause		text,
	cancel_reason	text,
	receipt		jsonb
);
COMMENT ON TYPE dalp.transaction_status IS 'how a transaction stands; reached is false where dalp.wait_transaction timed out';
COMMENT ON COLUMN dalp.transaction_status.transaction_id IS 'its id';
COMMENT ON COLUMN dalp.transaction_status.state IS 'QUEUED, SIGNING, BROADCASTING, CONFIRMING, COMPLETED, FAILED, DEAD_LETTER, CANCELLED, PENDING_APPROVAL';
COMMENT ON COLUMN dalp.transaction_status.reached IS 'it has reached the level that was waited for, or has ended';
COMMENT ON COLUMN dalp.transaction_status.wallet IS 'wallet that signs';
COMMENT ON COLUMN dalp.transaction_status.chain IS 'chain';
COMMENT ON COLUMN dalp.transaction_status.nonce IS 'its nonce, once bound';
COMMENT ON COLUMN dalp.transaction_status.hash IS 'hash that the chain included, or else of the last attempt';
COMMENT ON COLUMN dalp.transaction_status.block_number IS 'block that included it';
COMMENT ON COLUMN dalp.transaction_status.error IS 'why it did not succeed: Chain.Reverted, Chain.Expired …';
COMMENT ON COLUMN dalp.transaction_status.cause IS 'the reason in words';
COMMENT ON COLUMN dalp.transaction_status.cancel_reason IS 'a cancellation was asked for';
COMMENT ON COLUMN dalp.transaction_status.receipt IS 'decoded receipt, at the end';

-- Operators: chains, endpoints, pausing

CREATE FUNCTION dalp.create_chain(name text, chain_id numeric, finality text DEFAULT 'finalized', fee_mode text DEFAULT 'eip1559', options jsonb DEFAULT NULL) RETURNS void
LANGUAGE c VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'dalp_create_chain';
REVOKE ALL ON FUNCTION dalp.create_chain(text, numeric, text, text, jsonb) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION dalp.create_chain(text, numeric, text, text, jsonb) TO dalp_operator;
COMMENT ON FUNCTION dalp.create_chain(text, numeric, text, text, jsonb) IS 'makes an EVM chain known; finality finalized, safe, instant or depth:N; fee_mode eip1559, legacy or zero; options min_tip, max_fee, bump_blocks, nonce_window, genesis_hash';

CREATE FUNCTION dalp.add_endpoint(chain text, url text, priority int DEFAULT 0, options jsonb DEFAULT NULL) RETURNS int
LANGUAGE c VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'dalp_add_endpoint';
REVOKE ALL ON FUNCTION dalp.add_endpoint(text, text, int, jsonb) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION dalp.add_endpoint(text, text, int, jsonb) TO dalp_operator;
COMMENT ON FUNCTION dalp.add_endpoint(text, text, int, jsonb) IS 'adds a JSON-RPC endpoint of a chain; the lowest priority is asked first, among equals by weight; options weight, max_batch, timeout_ms';

CREATE FUNCTION dalp.halt_chain(chain text, note text) RETURNS void
LANGUAGE c VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'dalp_halt_chain';
REVOKE ALL ON FUNCTION dalp.halt_chain(text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION dalp.halt_chain(text, text) TO dalp_operator;
COMMENT ON FUNCTION dalp.halt_chain(text, text) IS 'nothing is bound or sent on the chain until it is enabled again; requests are still accepted';

CREATE FUNCTION dalp.enable_chain(chain text, note text) RETURNS void
LANGUAGE c VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'dalp_enable_chain';
REVOKE ALL ON FUNCTION dalp.enable_chain(text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION dalp.enable_chain(text, text) TO dalp_operator;
COMMENT ON FUNCTION dalp.enable_chain(text, text) IS 'ends what dalp.halt_chain began';

CREATE FUNCTION dalp.pause_wallet(name text, chain text, note text) RETURNS void
LANGUAGE c VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'dalp_pause_wallet';
REVOKE ALL ON FUNCTION dalp.pause_wallet(text, text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION dalp.pause_wallet(text, text, text) TO dalp_operator;
COMMENT ON FUNCTION dalp.pause_wallet(text, text, text) IS 'no further nonce of the wallet is bound on the chain; what is bound already goes on';

CREATE FUNCTION dalp.resume_wallet(name text, chain text, note text) RETURNS void
LANGUAGE c VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'dalp_resume_wallet';
REVOKE ALL ON FUNCTION dalp.resume_wallet(text, text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION dalp.resume_wallet(text, text, text) TO dalp_operator;
COMMENT ON FUNCTION dalp.resume_wallet(text, text, text) IS 'ends a pause, whoever or whatever made it';

-- Applications: submit, wait, cancel, call

CREATE FUNCTION dalp.submit_transaction(wallet text, chain text, to_address dalp.address, value numeric DEFAULT 0, data bytea DEFAULT '\x',
	idempotency_key text DEFAULT NULL, priority int DEFAULT 0, gas_limit numeric DEFAULT NULL, max_fee numeric DEFAULT NULL,
	expires_at timestamptz DEFAULT NULL, options jsonb DEFAULT NULL) RETURNS bigint
LANGUAGE c VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'dalp_submit_transaction';
REVOKE ALL ON FUNCTION dalp.submit_transaction(text, text, dalp.address, numeric, bytea, text, int, numeric, numeric, timestamptz, jsonb) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION dalp.submit_transaction(text, text, dalp.address, numeric, bytea, text, int, numeric, numeric, timestamptz, jsonb) TO dalp_app;
COMMENT ON FUNCTION dalp.submit_transaction(text, text, dalp.address, numeric, bytea, text, int, numeric, numeric, timestamptz, jsonb) IS 'queues a transaction in the caller''s own database transaction and returns its id; the same key and request give the same id; options: abi';

CREATE FUNCTION dalp.submit_call(wallet text, chain text, to_address dalp.address, function text, args jsonb DEFAULT '[]', value numeric DEFAULT 0,
	idempotency_key text DEFAULT NULL, priority int DEFAULT 0, gas_limit numeric DEFAULT NULL, max_fee numeric DEFAULT NULL,
	expires_at timestamptz DEFAULT NULL, options jsonb DEFAULT NULL) RETURNS bigint
LANGUAGE c VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'dalp_submit_call';
REVOKE ALL ON FUNCTION dalp.submit_call(text, text, dalp.address, text, jsonb, numeric, text, int, numeric, numeric, timestamptz, jsonb) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION dalp.submit_call(text, text, dalp.address, text, jsonb, numeric, text, int, numeric, numeric, timestamptz, jsonb) TO dalp_app;
COMMENT ON FUNCTION dalp.submit_call(text, text, dalp.address, text, jsonb, numeric, text, int, numeric, numeric, timestamptz, jsonb) IS 'queues a call of a contract: transfer(address,uint256), or a name where options has an abi';

CREATE FUNCTION dalp.deploy_contract(wallet text, chain text, bytecode bytea, constructor text DEFAULT NULL, args jsonb DEFAULT '[]', value numeric DEFAULT 0,
	idempotency_key text DEFAULT NULL, priority int DEFAULT 0, gas_limit numeric DEFAULT NULL, max_fee numeric DEFAULT NULL,
	expires_at timestamptz DEFAULT NULL, options jsonb DEFAULT NULL) RETURNS bigint
LANGUAGE c VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'dalp_deploy_contract';
REVOKE ALL ON FUNCTION dalp.deploy_contract(text, text, bytea, text, jsonb, numeric, text, int, numeric, numeric, timestamptz, jsonb) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION dalp.deploy_contract(text, text, bytea, text, jsonb, numeric, text, int, numeric, numeric, timestamptz, jsonb) TO dalp_app;
COMMENT ON FUNCTION dalp.deploy_contract(text, text, bytea, text, jsonb, numeric, text, int, numeric, numeric, timestamptz, jsonb) IS 'queues a deployment; constructor such as (string,string,uint8); its receipt has the contract''s address';

CREATE FUNCTION dalp.submit_many(requests jsonb[]) RETURNS SETOF bigint
LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'dalp_submit_many';
REVOKE ALL ON FUNCTION dalp.submit_many(jsonb[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION dalp.submit_many(jsonb[]) TO dalp_app;
COMMENT ON FUNCTION dalp.submit_many(jsonb[]) IS 'queues many, ids in their order; members wallet, chain, to, value, data or function and args or bytecode, constructor and args, abi, gas_limit, max_fee, priority, expires_at, idempotency_key';

CREATE FUNCTION dalp.wait_transaction(id bigint, level text DEFAULT 'final', timeout interval DEFAULT '60s') RETURNS dalp.transaction_status
LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'dalp_wait_transaction';
REVOKE ALL ON FUNCTION dalp.wait_transaction(bigint, text, interval) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION dalp.wait_transaction(bigint, text, interval) TO dalp_app, dalp_operator, dalp_auditor;
COMMENT ON FUNCTION dalp.wait_transaction(bigint, text, interval) IS 'waits until a transaction is accepted by a node, mined, or final, or has ended otherwise; a time-out is no error';

CREATE FUNCTION dalp.cancel_transaction(id bigint, reason text) RETURNS text
LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'dalp_cancel_transaction';
REVOKE ALL ON FUNCTION dalp.cancel_transaction(bigint, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION dalp.cancel_transaction(bigint, text) TO dalp_app, dalp_operator;
COMMENT ON FUNCTION dalp.cancel_transaction(bigint, text) IS 'cancels at once what has no nonce yet; tries to replace what has one, which the chain decides; returns the state now';

CREATE FUNCTION dalp.speed_up_transaction(id bigint, max_fee numeric DEFAULT NULL) RETURNS text
LANGUAGE c VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'dalp_speed_up_transaction';
REVOKE ALL ON FUNCTION dalp.speed_up_transaction(bigint, numeric) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION dalp.speed_up_transaction(bigint, numeric) TO dalp_app, dalp_operator;
COMMENT ON FUNCTION dalp.speed_up_transaction(bigint, numeric) IS 'offers more for a transaction that has a nonce and is in no block yet: the market''s fee or an eighth more, within max_fee, which becomes its limit where given; returns the state now';

CREATE FUNCTION dalp.call(chain text, to_address dalp.address, function text, args jsonb DEFAULT '[]', block text DEFAULT 'latest') RETURNS jsonb
LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'dalp_call';
REVOKE ALL ON FUNCTION dalp.call(text, dalp.address, text, jsonb, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION dalp.call(text, dalp.address, text, jsonb, text) TO dalp_app, dalp_operator, dalp_auditor;
COMMENT ON FUNCTION dalp.call(text, dalp.address, text, jsonb, text) IS 'read-only call through the broadcaster; with outputs in the function (balanceOf(address) returns (uint256)) an array of values, else the bytes in hex';

-- Views. Who sees a transaction: operators and auditors all; others what they submitted, and what wallets did that they may use.

CREATE VIEW dalp.chains AS
SELECT
	c.name,
	c.number AS chain_id,
	c.state,
	c.halt_reason,
	c.finality,
	c.fee_mode,
	c.min_tip,
	c.max_fee,
	c.bump_blocks,
	c.nonce_window,
	c.genesis_hash,
	b.number AS head,
	b.seen_at AS head_at,
	c.created_at
FROM dalp_chain.chain c
LEFT JOIN LATERAL (SELECT k.number, k.seen_at FROM dalp_chain.block k
	WHERE k.chain_id OPERATOR(pg_catalog.=) c.chain_id ORDER BY k.number DESC LIMIT 1) b ON true;
COMMENT ON VIEW dalp.chains IS 'EVM chains, and the last block that was followed';
GRANT SELECT ON dalp.chains TO dalp_app, dalp_operator, dalp_custodian, dalp_auditor;

CREATE FUNCTION dalp_chain.endpoint_health(OUT endpoint_id int, OUT health text, OUT health_since timestamptz, OUT failures int,
	OUT retry_at timestamptz, OUT answered_at timestamptz, OUT batches bigint, OUT errors bigint, OUT latency_ms double precision,
	OUT head bigint, OUT last_error text) RETURNS SETOF record
LANGUAGE c VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'dalp_endpoint_health';
REVOKE ALL ON FUNCTION dalp_chain.endpoint_health() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION dalp_chain.endpoint_health() TO dalp_operator, dalp_auditor;
COMMENT ON FUNCTION dalp_chain.endpoint_health() IS 'what the broadcaster knows of the endpoints of this database, from shared memory';

CREATE VIEW dalp.endpoints AS
SELECT
	e.endpoint_id,
	c.name AS chain,
	CASE WHEN pg_catalog.pg_has_role('dalp_operator', 'USAGE') THEN e.url
		ELSE pg_catalog.substring(e.url, '^https?://[^/?#]+') END AS url,
	e.priority,
	e.weight,
	e.max_batch,
	e.timeout_ms,
	e.enabled,
	COALESCE(h.health, 'unknown') AS health,
	h.health_since,
	h.failures,
	h.retry_at,
	h.answered_at,
	h.batches,
	h.errors,
	h.latency_ms,
	h.head,
	h.last_error,
	e.created_at
FROM dalp_chain.endpoint e JOIN dalp_chain.chain c ON c.chain_id OPERATOR(pg_catalog.=) e.chain_id
LEFT JOIN dalp_chain.endpoint_health() h ON h.endpoint_id OPERATOR(pg_catalog.=) e.endpoint_id;
COMMENT ON VIEW dalp.endpoints IS 'JSON-RPC endpoints and how they do; operators alone see a URL with its path, where providers put keys';
GRANT SELECT ON dalp.endpoints TO dalp_operator, dalp_auditor;

CREATE FUNCTION dalp.why_transaction(id bigint, OUT waits_for text, OUT kind text, OUT name text, OUT reference bigint,
	OUT since timestamptz, OUT until timestamptz, OUT what_next text) RETURNS record
LANGUAGE c STABLE STRICT PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'dalp_why_transaction';
REVOKE ALL ON FUNCTION dalp.why_transaction(bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION dalp.why_transaction(bigint) TO dalp_app, dalp_operator, dalp_auditor;
COMMENT ON FUNCTION dalp.why_transaction(bigint) IS 'why a transaction does not go on: what it waits for, since and until when, and what would move it, as SQL where somebody has to act';

CREATE VIEW dalp.transactions WITH (security_barrier) AS
SELECT
	r.request_id AS transaction_id,
	w.name AS wallet,
	c.name AS chain,
	r.state,
	r.to_address,
	r.value,
	r.data,
	r.priority::int AS priority,
	r.nonce,
	COALESCE(r.result_hash, s.mined_hash, a.hash) AS hash,
	COALESCE(a.number, 0) AS attempts,
	a.gas_limit,
	a.max_fee,
	a.tip,
	r.max_fee AS fee_ceiling,
	COALESCE(r.result_block, s.mined_block) AS block_number,
	p.gas_used,
	p.gas_price,
	p.contract_address,
	r.result AS receipt,
	r.error,
	r.cause,
	r.cancel_reason,
	s.nonce IS NULL OR s.state OPERATOR(pg_catalog.=) 'final' AS settled,
	r.idempotency_key,
	r.run_id,
	r.retry_of,
	r.expires_at,
	r.submitted_by,
	r.submitted_at,
	r.changed_at,
	r.finished_at
FROM dalp_chain.request r
JOIN dalp_custody.wallet w ON w.wallet_id OPERATOR(pg_catalog.=) r.wallet_id
JOIN dalp_chain.chain c ON c.chain_id OPERATOR(pg_catalog.=) r.chain_id
LEFT JOIN dalp_chain.slot s ON s.request_id OPERATOR(pg_catalog.=) r.request_id AND s.state OPERATOR(pg_catalog.<>) 'foreign_final'
LEFT JOIN LATERAL (SELECT t.* FROM dalp_chain.attempt t
	WHERE t.chain_id OPERATOR(pg_catalog.=) s.chain_id AND t.wallet_id OPERATOR(pg_catalog.=) s.wallet_id
		AND t.nonce OPERATOR(pg_catalog.=) s.nonce
	ORDER BY t.number DESC LIMIT 1) a ON true
LEFT JOIN dalp_chain.receipt p ON p.chain_id OPERATOR(pg_catalog.=) s.chain_id
	AND p.hash OPERATOR(pg_catalog.=) s.mined_hash AND p.block_hash OPERATOR(pg_catalog.=) s.mined_block_hash
WHERE pg_catalog.pg_has_role('dalp_operator', 'USAGE')
	OR pg_catalog.pg_has_role('dalp_auditor', 'USAGE')
	OR pg_catalog.pg_has_role(r.submitted_by, 'USAGE')
	OR pg_catalog.pg_has_role(w.created_by, 'USAGE')
	OR EXISTS (SELECT FROM dalp_custody.wallet_grant g
		WHERE g.wallet_id OPERATOR(pg_catalog.=) r.wallet_id AND pg_catalog.pg_has_role(g.grantee, 'USAGE'));
COMMENT ON VIEW dalp.transactions IS 'transactions that the current user may see: state, nonce, hash, attempts, fees, block, receipt, times';
GRANT SELECT ON dalp.transactions TO dalp_app, dalp_operator, dalp_custodian, dalp_auditor;

CREATE VIEW dalp.transaction_attempts WITH (security_barrier) AS
SELECT
	s.request_id AS transaction_id,
	w.name AS wallet,
	c.name AS chain,
	a.nonce,
	a.number,
	a.kind,
	a.type::int AS type,
	a.gas_limit,
	a.max_fee,
	a.tip,
	a.hash,
	a.raw,
	a.state,
	a.send_class,
	a.send_answer,
	a.send_count,
	s.state AS slot_state,
	a.created_at
FROM dalp_chain.attempt a
JOIN dalp_chain.slot s ON s.chain_id OPERATOR(pg_catalog.=) a.chain_id AND s.wallet_id OPERATOR(pg_catalog.=) a.wallet_id
	AND s.nonce OPERATOR(pg_catalog.=) a.nonce
JOIN dalp_custody.wallet w ON w.wallet_id OPERATOR(pg_catalog.=) a.wallet_id
JOIN dalp_chain.chain c ON c.chain_id OPERATOR(pg_catalog.=) a.chain_id
LEFT JOIN dalp_chain.request r ON r.request_id OPERATOR(pg_catalog.=) s.request_id
WHERE pg_catalog.pg_has_role('dalp_operator', 'USAGE')
	OR pg_catalog.pg_has_role('dalp_auditor', 'USAGE')
	OR pg_catalog.pg_has_role(r.submitted_by, 'USAGE')
	OR pg_catalog.pg_has_role(w.created_by, 'USAGE')
	OR EXISTS (SELECT FROM dalp_custody.wallet_grant g
		WHERE g.wallet_id OPERATOR(pg_catalog.=) a.wallet_id AND pg_catalog.pg_has_role(g.grantee, 'USAGE'));
COMMENT ON VIEW dalp.transaction_attempts IS 'signed bytes of transactions that the current user may see, and what became of them';
GRANT SELECT ON dalp.transaction_attempts TO dalp_app, dalp_operator, dalp_custodian, dalp_auditor;
