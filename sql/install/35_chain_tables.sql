/*
 * Chain state: request (what the user wants), slot (one nonce of one wallet on
 * one chain), attempt (one signed byte string).  Never merged; the constraints
 * prove the invariants whatever the code does.
 */

CREATE TABLE dalp_chain.chain (
	chain_id	int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	name		text NOT NULL UNIQUE CHECK (name OPERATOR(pg_catalog.~) '^[A-Za-z0-9_.:-]{1,80}$'),
	number		numeric(78) NOT NULL UNIQUE CHECK (number OPERATOR(pg_catalog.>) 0),
	genesis_hash	bytea CHECK (pg_catalog.octet_length(genesis_hash) OPERATOR(pg_catalog.=) 32),
	finality	text NOT NULL CHECK (finality OPERATOR(pg_catalog.~) '^(finalized|safe|instant|depth:[0-9]{1,5})$'),
	fee_mode	text NOT NULL CHECK (fee_mode OPERATOR(pg_catalog.=) ANY (ARRAY['eip1559', 'legacy', 'zero'])),
	min_tip		numeric(78) NOT NULL DEFAULT 0 CHECK (min_tip OPERATOR(pg_catalog.>=) 0),
	max_fee		numeric(78) CHECK (max_fee OPERATOR(pg_catalog.>) 0),
	bump_blocks	int NOT NULL DEFAULT 3 CHECK (bump_blocks OPERATOR(pg_catalog.>) 0),
	nonce_window	int NOT NULL DEFAULT 16 CHECK (nonce_window OPERATOR(pg_catalog.>) 0),
	state		text NOT NULL DEFAULT 'enabled' CHECK (state OPERATOR(pg_catalog.=) ANY (ARRAY['enabled', 'halted'])),
	halt_reason	text,
	created_at	timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
	CHECK ((state OPERATOR(pg_catalog.=) 'halted') OPERATOR(pg_catalog.=) (halt_reason IS NOT NULL))
);
COMMENT ON TABLE dalp_chain.chain IS 'EVM chains';
COMMENT ON COLUMN dalp_chain.chain.chain_id IS 'internal number';
COMMENT ON COLUMN dalp_chain.chain.name IS 'name as in dalp.submit_transaction';
COMMENT ON COLUMN dalp_chain.chain.number IS 'EIP-155 chain id';
COMMENT ON COLUMN dalp_chain.chain.genesis_hash IS 'hash of block 0 as first seen; another one later halts the chain';
COMMENT ON COLUMN dalp_chain.chain.finality IS 'finalized, safe, instant, or depth:N';
COMMENT ON COLUMN dalp_chain.chain.fee_mode IS 'eip1559, legacy or zero';
COMMENT ON COLUMN dalp_chain.chain.min_tip IS 'least priority fee, wei';
COMMENT ON COLUMN dalp_chain.chain.max_fee IS 'highest fee per gas that is ever offered, wei; null = no limit';
COMMENT ON COLUMN dalp_chain.chain.bump_blocks IS 'blocks without progress before the lowest open nonce gets a higher fee';
COMMENT ON COLUMN dalp_chain.chain.nonce_window IS 'open nonces a wallet at most';
COMMENT ON COLUMN dalp_chain.chain.state IS 'enabled, or halted: nothing is bound or sent';
COMMENT ON COLUMN dalp_chain.chain.halt_reason IS 'why it is halted';
COMMENT ON COLUMN dalp_chain.chain.created_at IS 'when';

CREATE TABLE dalp_chain.endpoint (
	endpoint_id	int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	chain_id	int NOT NULL REFERENCES dalp_chain.chain,
	url		text NOT NULL CHECK (url OPERATOR(pg_catalog.~) '^https?://'),
	priority	int NOT NULL DEFAULT 0,
	weight		int NOT NULL DEFAULT 1 CHECK (weight OPERATOR(pg_catalog.>) 0),
	max_batch	int NOT NULL DEFAULT 100 CHECK (max_batch OPERATOR(pg_catalog.>) 0),
	timeout_ms	int CHECK (timeout_ms OPERATOR(pg_catalog.>) 0),
	sealed_headers	bytea,
	enabled		boolean NOT NULL DEFAULT true,
	created_at	timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
	UNIQUE (chain_id, url)
);
COMMENT ON TABLE dalp_chain.endpoint IS 'JSON-RPC endpoints; their health is in shared memory';
COMMENT ON COLUMN dalp_chain.endpoint.endpoint_id IS 'number';
COMMENT ON COLUMN dalp_chain.endpoint.chain_id IS 'the chain';
COMMENT ON COLUMN dalp_chain.endpoint.url IS 'http or https, without credentials';
COMMENT ON COLUMN dalp_chain.endpoint.priority IS 'lower is asked first';
COMMENT ON COLUMN dalp_chain.endpoint.weight IS 'share among those of the same priority';
COMMENT ON COLUMN dalp_chain.endpoint.max_batch IS 'calls a JSON-RPC batch at most';
COMMENT ON COLUMN dalp_chain.endpoint.timeout_ms IS 'null = dalp.rpc_timeout';
COMMENT ON COLUMN dalp_chain.endpoint.sealed_headers IS 'HTTP headers with secrets, sealed';
COMMENT ON COLUMN dalp_chain.endpoint.enabled IS 'not asked while false';
COMMENT ON COLUMN dalp_chain.endpoint.created_at IS 'when';

CREATE TABLE dalp_chain.lane (
	chain_id	int NOT NULL REFERENCES dalp_chain.chain,
	wallet_id	int NOT NULL REFERENCES dalp_custody.wallet,
	next_nonce	numeric(20) NOT NULL DEFAULT 0 CHECK (next_nonce OPERATOR(pg_catalog.>=) 0 AND next_nonce OPERATOR(pg_catalog.<) 18446744073709551615),
	first_nonce	numeric(20),
	state		text NOT NULL DEFAULT 'new' CHECK (state OPERATOR(pg_catalog.=) ANY (ARRAY['new', 'active', 'paused', 'quarantined'])),
	pause_kind	text CHECK (pause_kind OPERATOR(pg_catalog.=) ANY (ARRAY['operator', 'funds', 'foreign', 'key'])),
	pause_reason	text,
	nonce_window	int,
	created_at	timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
	PRIMARY KEY (chain_id, wallet_id),
	CHECK (state OPERATOR(pg_catalog.<>) 'active' OR first_nonce IS NOT NULL),
	CHECK (state OPERATOR(pg_catalog.<>) 'paused' OR pause_reason IS NOT NULL)
) WITH (fillfactor = 50);
COMMENT ON TABLE dalp_chain.lane IS 'the nonces of one wallet on one chain; binding locks the row';
COMMENT ON COLUMN dalp_chain.lane.chain_id IS 'the chain';
COMMENT ON COLUMN dalp_chain.lane.wallet_id IS 'the wallet';
COMMENT ON COLUMN dalp_chain.lane.next_nonce IS 'nonce of the next slot; only grows, in the transaction that inserts the slots';
COMMENT ON COLUMN dalp_chain.lane.first_nonce IS 'the chain''s count when the lane was first used; slots are dense from here';
COMMENT ON COLUMN dalp_chain.lane.state IS 'new: the chain''s count is not known yet; active; paused; quarantined: nothing is bound until reconciled';
COMMENT ON COLUMN dalp_chain.lane.pause_kind IS 'who paused it: operator, funds (resumes by itself), foreign (somebody else used a nonce), key (can''t sign)';
COMMENT ON COLUMN dalp_chain.lane.pause_reason IS 'why it is paused or quarantined';
COMMENT ON COLUMN dalp_chain.lane.nonce_window IS 'open nonces at most now; null = the chain''s';
COMMENT ON COLUMN dalp_chain.lane.created_at IS 'when';

CREATE SEQUENCE dalp_chain.request_id_seq;
COMMENT ON SEQUENCE dalp_chain.request_id_seq IS 'ids of transaction requests; the cell number is added above bit 48';

CREATE TABLE dalp_chain.request (
	request_id	bigint PRIMARY KEY,
	chain_id	int NOT NULL,
	wallet_id	int NOT NULL,
	idempotency_key	text,
	fingerprint	bytea NOT NULL CHECK (pg_catalog.octet_length(fingerprint) OPERATOR(pg_catalog.=) 32),
	to_address	dalp.address,
	value		numeric(78) NOT NULL DEFAULT 0 CHECK (value OPERATOR(pg_catalog.>=) 0),
	data		bytea NOT NULL DEFAULT '',
	abi		jsonb,
	priority	smallint NOT NULL DEFAULT 0,
	gas_limit	numeric(20) CHECK (gas_limit OPERATOR(pg_catalog.>) 0),
	max_fee		numeric(78) CHECK (max_fee OPERATOR(pg_catalog.>) 0),
	expires_at	timestamptz,
	options		jsonb,
	state		text NOT NULL CHECK (state OPERATOR(pg_catalog.=) ANY (ARRAY['PENDING_APPROVAL', 'QUEUED', 'SIGNING', 'BROADCASTING', 'CONFIRMING', 'COMPLETED', 'FAILED', 'DEAD_LETTER', 'CANCELLED'])),
	cancel_reason	text,
	faster		boolean NOT NULL DEFAULT false,
	prepared	jsonb,
	nonce		numeric(20),
	result_hash	bytea CHECK (pg_catalog.octet_length(result_hash) OPERATOR(pg_catalog.=) 32),
	result_block	bigint,
	result		jsonb,
	error		text,
	cause		text,
	run_id		bigint,
	branch_id	int,
	retry_of	bigint,
	submitted_by	regrole NOT NULL,
	submitted_at	timestamptz NOT NULL,
	changed_at	timestamptz NOT NULL,
	finished_at	timestamptz,
	CHECK ((run_id IS NULL) OPERATOR(pg_catalog.=) (branch_id IS NULL)),
	CHECK (state OPERATOR(pg_catalog.<>) ALL (ARRAY['BROADCASTING', 'CONFIRMING', 'COMPLETED', 'FAILED']) OR nonce IS NOT NULL OR error IS NOT NULL),
	CHECK (state OPERATOR(pg_catalog.<>) 'COMPLETED' OR (result_hash IS NOT NULL AND result_block IS NOT NULL AND error IS NULL)),
	CHECK (state OPERATOR(pg_catalog.<>) ALL (ARRAY['FAILED', 'DEAD_LETTER']) OR error IS NOT NULL),
	CHECK ((state OPERATOR(pg_catalog.=) ANY (ARRAY['COMPLETED', 'FAILED', 'DEAD_LETTER', 'CANCELLED'])) OPERATOR(pg_catalog.=) (finished_at IS NOT NULL)),
	CHECK (to_address IS NOT NULL OR pg_catalog.octet_length(data) OPERATOR(pg_catalog.>) 0)
) WITH (fillfactor = 70);
COMMENT ON TABLE dalp_chain.request IS 'what a user wants to happen on a chain, at most once';
COMMENT ON COLUMN dalp_chain.request.request_id IS 'id that dalp.submit_transaction returned';
COMMENT ON COLUMN dalp_chain.request.chain_id IS 'the chain';
COMMENT ON COLUMN dalp_chain.request.wallet_id IS 'wallet that pays and signs';
COMMENT ON COLUMN dalp_chain.request.idempotency_key IS 'the caller''s key, unique for wallet and chain, kept for ever';
COMMENT ON COLUMN dalp_chain.request.fingerprint IS 'SHA-256 of everything that changes the effect';
COMMENT ON COLUMN dalp_chain.request.to_address IS 'recipient; null = deployment';
COMMENT ON COLUMN dalp_chain.request.value IS 'wei';
COMMENT ON COLUMN dalp_chain.request.data IS 'calldata, or init code with constructor arguments';
COMMENT ON COLUMN dalp_chain.request.abi IS 'fragments to decode reverts and events with';
COMMENT ON COLUMN dalp_chain.request.priority IS 'higher goes first';
COMMENT ON COLUMN dalp_chain.request.gas_limit IS 'given by the caller; null = estimated';
COMMENT ON COLUMN dalp_chain.request.max_fee IS 'ceiling of the fee per gas, wei; null = the chain''s';
COMMENT ON COLUMN dalp_chain.request.expires_at IS 'not bound any more then';
COMMENT ON COLUMN dalp_chain.request.options IS 'as given';
COMMENT ON COLUMN dalp_chain.request.state IS 'public state; RECEIVED and PREPARING are shown by the view while the caller''s transaction or a preparation is under way';
COMMENT ON COLUMN dalp_chain.request.cancel_reason IS 'a cancellation was asked for';
COMMENT ON COLUMN dalp_chain.request.faster IS 'a higher fee was asked for and is not offered yet';
COMMENT ON COLUMN dalp_chain.request.prepared IS 'gas and fees that preparing found, ready to be bound';
COMMENT ON COLUMN dalp_chain.request.nonce IS 'nonce of its live slot';
COMMENT ON COLUMN dalp_chain.request.result_hash IS 'transaction that the chain included';
COMMENT ON COLUMN dalp_chain.request.result_block IS 'block number';
COMMENT ON COLUMN dalp_chain.request.result IS 'decoded receipt, as a waiting run gets it and dalp.transactions.receipt shows it';
COMMENT ON COLUMN dalp_chain.request.error IS 'error name: Chain.Reverted, Chain.Expired, Chain.Rejected …';
COMMENT ON COLUMN dalp_chain.request.cause IS 'decoded reason';
COMMENT ON COLUMN dalp_chain.request.run_id IS 'run that waits for it';
COMMENT ON COLUMN dalp_chain.request.branch_id IS 'branch of that run';
COMMENT ON COLUMN dalp_chain.request.retry_of IS 'dead request that this one replaces';
COMMENT ON COLUMN dalp_chain.request.submitted_by IS 'role that submitted it';
COMMENT ON COLUMN dalp_chain.request.submitted_at IS 'when';
COMMENT ON COLUMN dalp_chain.request.changed_at IS 'last change of state';
COMMENT ON COLUMN dalp_chain.request.finished_at IS 'when it reached a final state';
CREATE UNIQUE INDEX request_key ON dalp_chain.request (chain_id, wallet_id, idempotency_key) WHERE idempotency_key IS NOT NULL;
CREATE INDEX request_queued ON dalp_chain.request (chain_id, wallet_id, priority DESC, request_id) WHERE state OPERATOR(pg_catalog.=) 'QUEUED' OR state OPERATOR(pg_catalog.=) 'SIGNING';

CREATE INDEX request_signing ON dalp_chain.request (chain_id, wallet_id, priority DESC, request_id) WHERE state OPERATOR(pg_catalog.=) 'SIGNING';
CREATE INDEX request_of_run ON dalp_chain.request (idempotency_key text_pattern_ops) WHERE idempotency_key OPERATOR(pg_catalog.~>=~) 'dalp:run:' AND idempotency_key OPERATOR(pg_catalog.~<~) 'dalp:run;';
CREATE INDEX request_wish ON dalp_chain.request (chain_id) WHERE finished_at IS NULL AND (faster OR cancel_reason IS NOT NULL);
CREATE INDEX request_run ON dalp_chain.request (run_id) WHERE run_id IS NOT NULL;

CREATE TABLE dalp_chain.slot (
	chain_id	int NOT NULL,
	wallet_id	int NOT NULL,
	nonce		numeric(20) NOT NULL,
	kind		text NOT NULL CHECK (kind OPERATOR(pg_catalog.=) ANY (ARRAY['user', 'noop', 'cancel', 'foreign', 'unknown', 'recovered'])),
	request_id	bigint,
	state		text NOT NULL CHECK (state OPERATOR(pg_catalog.=) ANY (ARRAY['signed', 'sent', 'mined', 'final', 'foreign_final'])),
	mined_hash	bytea,
	mined_block	bigint,
	mined_block_hash bytea,
	accepted_block	bigint,
	sent_at		timestamptz,
	wanted		jsonb,
	PRIMARY KEY (chain_id, wallet_id, nonce),
	FOREIGN KEY (chain_id, wallet_id) REFERENCES dalp_chain.lane,
	CHECK (state OPERATOR(pg_catalog.<>) ALL (ARRAY['mined', 'final']) OR (mined_hash IS NOT NULL AND mined_block IS NOT NULL AND mined_block_hash IS NOT NULL)),
	CHECK (kind OPERATOR(pg_catalog.<>) ALL (ARRAY['user', 'recovered']) OR request_id IS NOT NULL)
) WITH (fillfactor = 70);
COMMENT ON TABLE dalp_chain.slot IS 'one nonce of one wallet on one chain; never given to another request';
COMMENT ON COLUMN dalp_chain.slot.chain_id IS 'the chain';
COMMENT ON COLUMN dalp_chain.slot.wallet_id IS 'the wallet';
COMMENT ON COLUMN dalp_chain.slot.nonce IS 'the nonce';
COMMENT ON COLUMN dalp_chain.slot.kind IS 'user; noop or cancel: 0 to itself instead; foreign, unknown: used by somebody else; recovered: matched after a restore';
COMMENT ON COLUMN dalp_chain.slot.request_id IS 'the request that it was taken for';
COMMENT ON COLUMN dalp_chain.slot.state IS 'signed, sent, mined, final, foreign_final (consumed by a hash that is not ours)';
COMMENT ON COLUMN dalp_chain.slot.mined_hash IS 'attempt that the chain included';
COMMENT ON COLUMN dalp_chain.slot.mined_block IS 'number of its block';
COMMENT ON COLUMN dalp_chain.slot.mined_block_hash IS 'hash of its block';
COMMENT ON COLUMN dalp_chain.slot.accepted_block IS 'head when a node last accepted an attempt: progress is counted in blocks from here';
COMMENT ON COLUMN dalp_chain.slot.sent_at IS 'when its bytes were last handed to a node';
COMMENT ON COLUMN dalp_chain.slot.wanted IS 'a further attempt that the broadcaster asks the signer for: kind (bump, noop, cancel) and fees';
CREATE UNIQUE INDEX slot_live ON dalp_chain.slot (request_id) WHERE state OPERATOR(pg_catalog.<>) 'foreign_final' AND request_id IS NOT NULL;
CREATE INDEX slot_wanted ON dalp_chain.slot (chain_id, wallet_id, nonce) WHERE wanted IS NOT NULL;
CREATE INDEX slot_open ON dalp_chain.slot (chain_id, wallet_id, nonce) WHERE state OPERATOR(pg_catalog.=) ANY (ARRAY['signed', 'sent', 'mined']);

CREATE TABLE dalp_chain.attempt (
	attempt_id	bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	chain_id	int NOT NULL,
	wallet_id	int NOT NULL,
	nonce		numeric(20) NOT NULL,
	number		int NOT NULL CHECK (number OPERATOR(pg_catalog.>) 0),
	kind		text NOT NULL CHECK (kind OPERATOR(pg_catalog.=) ANY (ARRAY['user', 'bump', 'noop', 'cancel'])),
	type		smallint NOT NULL,
	gas_limit	numeric(20) NOT NULL,
	max_fee		numeric(78) NOT NULL,
	tip		numeric(78) NOT NULL,
	raw		bytea NOT NULL,
	hash		bytea NOT NULL CHECK (pg_catalog.octet_length(hash) OPERATOR(pg_catalog.=) 32),
	state		text NOT NULL CHECK (state OPERATOR(pg_catalog.=) ANY (ARRAY['prepared', 'sent', 'mined', 'superseded', 'rejected'])),
	send_class	text,
	send_answer	text,
	send_count	int NOT NULL DEFAULT 0,
	created_at	timestamptz NOT NULL,
	UNIQUE (chain_id, wallet_id, nonce, number),
	UNIQUE (chain_id, hash),
	FOREIGN KEY (chain_id, wallet_id, nonce) REFERENCES dalp_chain.slot
) WITH (fillfactor = 70);
COMMENT ON TABLE dalp_chain.attempt IS 'one signed byte string for a slot, kept for ever, committed before it is sent';
COMMENT ON COLUMN dalp_chain.attempt.attempt_id IS 'number';
COMMENT ON COLUMN dalp_chain.attempt.chain_id IS 'the chain';
COMMENT ON COLUMN dalp_chain.attempt.wallet_id IS 'the wallet';
COMMENT ON COLUMN dalp_chain.attempt.nonce IS 'the slot';
COMMENT ON COLUMN dalp_chain.attempt.number IS 'from 1 within the slot';
COMMENT ON COLUMN dalp_chain.attempt.kind IS 'user, bump (higher fee), noop, cancel';
COMMENT ON COLUMN dalp_chain.attempt.type IS 'EIP-2718 transaction type';
COMMENT ON COLUMN dalp_chain.attempt.gas_limit IS 'gas';
COMMENT ON COLUMN dalp_chain.attempt.max_fee IS 'maxFeePerGas, or gasPrice of a legacy transaction, wei';
COMMENT ON COLUMN dalp_chain.attempt.tip IS 'maxPriorityFeePerGas, wei';
COMMENT ON COLUMN dalp_chain.attempt.raw IS 'the bytes';
COMMENT ON COLUMN dalp_chain.attempt.hash IS 'their keccak-256';
COMMENT ON COLUMN dalp_chain.attempt.state IS 'prepared, sent, mined, superseded, rejected';
COMMENT ON COLUMN dalp_chain.attempt.send_class IS 'class of the last answer';
COMMENT ON COLUMN dalp_chain.attempt.send_answer IS 'text of the last refusal';
COMMENT ON COLUMN dalp_chain.attempt.send_count IS 'how often the bytes were handed to a node';
COMMENT ON COLUMN dalp_chain.attempt.created_at IS 'when it was signed';
CREATE INDEX attempt_prepared ON dalp_chain.attempt (chain_id, wallet_id, nonce) WHERE state OPERATOR(pg_catalog.=) 'prepared';

CREATE TABLE dalp_chain.receipt (
	chain_id	int NOT NULL,
	hash		bytea NOT NULL,
	block_hash	bytea NOT NULL,
	block_number	bigint NOT NULL,
	status		smallint NOT NULL CHECK (status OPERATOR(pg_catalog.=) 0 OR status OPERATOR(pg_catalog.=) 1),
	gas_used	numeric(20) NOT NULL,
	gas_price	numeric(78),
	contract_address dalp.address,
	body		jsonb NOT NULL,
	final		boolean NOT NULL DEFAULT false,
	seen_at		timestamptz NOT NULL,
	PRIMARY KEY (chain_id, hash, block_hash)
);
COMMENT ON TABLE dalp_chain.receipt IS 'receipts as nodes gave them; more than one for a hash only after a reorganisation';
COMMENT ON COLUMN dalp_chain.receipt.chain_id IS 'the chain';
COMMENT ON COLUMN dalp_chain.receipt.hash IS 'the transaction';
COMMENT ON COLUMN dalp_chain.receipt.block_hash IS 'block that included it';
COMMENT ON COLUMN dalp_chain.receipt.block_number IS 'its number';
COMMENT ON COLUMN dalp_chain.receipt.status IS '1 succeeded, 0 reverted';
COMMENT ON COLUMN dalp_chain.receipt.gas_used IS 'gas';
COMMENT ON COLUMN dalp_chain.receipt.gas_price IS 'effective price, wei';
COMMENT ON COLUMN dalp_chain.receipt.contract_address IS 'contract that it created';
COMMENT ON COLUMN dalp_chain.receipt.body IS 'the whole receipt';
COMMENT ON COLUMN dalp_chain.receipt.final IS 'read again at finality and the same';
COMMENT ON COLUMN dalp_chain.receipt.seen_at IS 'when';

CREATE TABLE dalp_chain.block (
	chain_id	int NOT NULL REFERENCES dalp_chain.chain,
	number		bigint NOT NULL,
	hash		bytea NOT NULL,
	parent_hash	bytea NOT NULL,
	base_fee	numeric(78),
	seen_at		timestamptz NOT NULL,
	PRIMARY KEY (chain_id, number)
);
COMMENT ON TABLE dalp_chain.block IS 'the last blocks of the canonical chain as followed, for parent checks';
COMMENT ON COLUMN dalp_chain.block.chain_id IS 'the chain';
COMMENT ON COLUMN dalp_chain.block.number IS 'its number';
COMMENT ON COLUMN dalp_chain.block.hash IS 'its hash';
COMMENT ON COLUMN dalp_chain.block.parent_hash IS 'hash of the one before';
COMMENT ON COLUMN dalp_chain.block.base_fee IS 'base fee, wei';
COMMENT ON COLUMN dalp_chain.block.seen_at IS 'when';

CREATE TABLE dalp_chain.journal (
	journal_id	bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	request_id	bigint NOT NULL,
	at		timestamptz NOT NULL,
	state		text NOT NULL,
	details		jsonb
);
COMMENT ON TABLE dalp_chain.journal IS 'every change of state of a request, in the transaction that made it';
COMMENT ON COLUMN dalp_chain.journal.journal_id IS 'order';
COMMENT ON COLUMN dalp_chain.journal.request_id IS 'the request';
COMMENT ON COLUMN dalp_chain.journal.at IS 'when';
COMMENT ON COLUMN dalp_chain.journal.state IS 'state that it came to';
COMMENT ON COLUMN dalp_chain.journal.details IS 'nonce, hash, block, reason …';
CREATE INDEX journal_request ON dalp_chain.journal (request_id, journal_id);

CREATE TABLE dalp_chain.rpc_error_rule (
	rule_id		int GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
	ordinal		int NOT NULL,
	client		text,
	code		int,
	pattern		text NOT NULL CHECK (pattern OPERATOR(pg_catalog.=) pg_catalog.lower(pattern)),
	class		text NOT NULL,
	builtin		boolean NOT NULL DEFAULT false
);
COMMENT ON TABLE dalp_chain.rpc_error_rule IS 'how answers of nodes are read: the first rule whose text occurs in the lower-cased message wins';
COMMENT ON COLUMN dalp_chain.rpc_error_rule.rule_id IS 'number';
COMMENT ON COLUMN dalp_chain.rpc_error_rule.ordinal IS 'order of looking';
COMMENT ON COLUMN dalp_chain.rpc_error_rule.client IS 'start of web3_clientVersion in lower case; null = any';
COMMENT ON COLUMN dalp_chain.rpc_error_rule.code IS 'JSON-RPC error code; null = any';
COMMENT ON COLUMN dalp_chain.rpc_error_rule.pattern IS 'text, lower case; empty = by code alone';
COMMENT ON COLUMN dalp_chain.rpc_error_rule.class IS 'known, nonce_low, nonce_high, replacement_underpriced, underpriced, below_base, pool_full, funds, node_cap, permanent, config, syncing, rate, reverted, ambiguous';
COMMENT ON COLUMN dalp_chain.rpc_error_rule.builtin IS 'came with dalp';
