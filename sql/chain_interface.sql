-- Promise: a transaction is queued in the caller's own transaction, once for
-- each idempotency key; whatever is wrong with it is refused with a code, and
-- nothing is half done.
\set VERBOSITY default
SET client_min_messages = warning;
CREATE ROLE regress_chain_boss IN ROLE dalp_operator;
CREATE ROLE regress_chain_custodian IN ROLE dalp_custodian;
CREATE ROLE regress_chain_app IN ROLE dalp_app;
CREATE ROLE regress_chain_other IN ROLE dalp_app;
CREATE ROLE regress_chain_auditor IN ROLE dalp_auditor;
\set to '\'0x00000000000000000000000000000000000000aa\''

-- Chains and endpoints.
SET ROLE regress_chain_boss;
SELECT dalp.create_chain('ifc', 4242, 'depth:2', options => '{"min_tip": "1000000000", "max_fee": "0x174876e800", "nonce_window": 4, "bump_blocks": 2}');
SELECT dalp.add_endpoint('ifc', 'http://127.0.0.1:1/rpc', 5, '{"max_batch": 50, "timeout_ms": 2000}') IS NOT NULL AS added;
SELECT name, chain_id, state, finality, fee_mode, min_tip, max_fee, bump_blocks, nonce_window, head FROM dalp.chains WHERE name = 'ifc';
SELECT chain, url, priority, max_batch, timeout_ms, enabled FROM dalp.endpoints WHERE chain = 'ifc';
SELECT dalp.create_chain('ifc', 4243);
\echo :LAST_ERROR_SQLSTATE
SELECT dalp.create_chain('ifc2', 4242);
\echo :LAST_ERROR_SQLSTATE
SELECT dalp.create_chain('ifc2', 0);
\echo :LAST_ERROR_SQLSTATE
SELECT dalp.create_chain('ifc2', 1.5);
\echo :LAST_ERROR_SQLSTATE
SELECT dalp.create_chain('ifc2', NULL);
\echo :LAST_ERROR_SQLSTATE
SELECT dalp.create_chain('i f c', 5);
\echo :LAST_ERROR_SQLSTATE
SELECT dalp.create_chain('ifc2', 5, 'depth:');
\echo :LAST_ERROR_SQLSTATE
SELECT dalp.create_chain('ifc2', 5, 'safe', 'free');
\echo :LAST_ERROR_SQLSTATE
SELECT dalp.create_chain('ifc2', 5, options => '{"colour": 1}');
\echo :LAST_ERROR_SQLSTATE
SELECT dalp.create_chain('ifc2', 5, options => '{"max_fee": 0}');
\echo :LAST_ERROR_SQLSTATE
SELECT dalp.create_chain('ifc2', 5, options => '{"nonce_window": 1.5}');
\echo :LAST_ERROR_SQLSTATE
SELECT dalp.add_endpoint('ifc', 'http://127.0.0.1:1/rpc');
\echo :LAST_ERROR_SQLSTATE
SELECT dalp.add_endpoint('nochain', 'http://127.0.0.1:1/');
\echo :LAST_ERROR_SQLSTATE
SELECT dalp.add_endpoint('ifc', 'file:///etc/passwd');
\echo :LAST_ERROR_SQLSTATE
SELECT dalp.add_endpoint('ifc', 'https://user:secret@host/');
\echo :LAST_ERROR_SQLSTATE
SELECT dalp.add_endpoint('ifc', 'https:///path');
\echo :LAST_ERROR_SQLSTATE

-- No endpoint is asked for this one: requests stay where they are.
SELECT dalp.create_chain('quiet', 4244);
SELECT dalp.halt_chain('quiet', 'for this test');
SELECT state, halt_reason FROM dalp.chains WHERE name = 'quiet';

SET ROLE regress_chain_custodian;
SELECT dalp.create_wallet('ifc_wallet') IS NOT NULL AS made;
SELECT dalp.create_wallet('ifc_secret') IS NOT NULL AS made;
SELECT dalp.create_wallet('ifc_disabled') IS NOT NULL AS made;
SELECT dalp.disable_wallet('ifc_disabled', 'for this test');
SELECT dalp.grant_wallet('ifc_wallet', 'regress_chain_app');
SELECT dalp.grant_wallet('ifc_disabled', 'regress_chain_app');

-- Submitting, in one's own transaction.
SET ROLE regress_chain_app;
BEGIN;
SELECT dalp.submit_transaction('ifc_wallet', 'quiet', :to, 5) IS NOT NULL AS submitted;
ROLLBACK;
SELECT count(*) FROM dalp.transactions;
SELECT dalp.submit_transaction('ifc_wallet', 'quiet', :to, 1000000000000000000, '\xdeadbeef', idempotency_key => 'pay-1', priority => 7,
	gas_limit => 50000, max_fee => 2000000000) AS first \gset
SELECT wallet, chain, state, to_address, value, data, priority, fee_ceiling, nonce, hash, attempts, settled, idempotency_key, submitted_by, receipt
FROM dalp.transactions WHERE transaction_id = :first;

-- The same key and the same request: the same id. Another request: DL004.
SELECT dalp.submit_transaction('ifc_wallet', 'quiet', :to, 1000000000000000000, '\xdeadbeef', idempotency_key => 'pay-1', gas_limit => 50000, max_fee => 2000000000) = :first AS same;
\set VERBOSITY sqlstate
SELECT dalp.submit_transaction('ifc_wallet', 'quiet', :to, 1000000000000000001, '\xdeadbeef', idempotency_key => 'pay-1', gas_limit => 50000, max_fee => 2000000000);
\set VERBOSITY default
SELECT count(*) FROM dalp.transactions;

-- Calls and deployments.
SELECT dalp.submit_call('ifc_wallet', 'quiet', :to, 'transfer(address,uint256)', '["0x00000000000000000000000000000000000000bb", "115792089237316195423570985008687907853269984665640564039457584007913129639935"]') AS called \gset
SELECT data FROM dalp.transactions WHERE transaction_id = :called;
SELECT dalp.submit_call('ifc_wallet', 'quiet', :to, 'ping', options => '{"abi": ["function ping()", "error Nope(uint256 code)"]}') AS pinged \gset
SELECT data FROM dalp.transactions WHERE transaction_id = :pinged;
SELECT dalp.deploy_contract('ifc_wallet', 'quiet', '\x600a600c600039600a6000f3', '(uint256)', '[42]') AS deployed \gset
SELECT to_address, data FROM dalp.transactions WHERE transaction_id = :deployed;
SELECT count(*) FROM dalp.submit_many(ARRAY[
	'{"wallet": "ifc_wallet", "chain": "quiet", "to": "0x00000000000000000000000000000000000000aa", "value": "0x10"}',
	'{"wallet": "ifc_wallet", "chain": "quiet", "to": "0x00000000000000000000000000000000000000aa", "function": "ping()", "priority": -1, "expires_at": "2999-01-31T12:00:00.5+01:00"}',
	'{"wallet": "ifc_wallet", "chain": "quiet", "bytecode": "0x6000", "idempotency_key": "many-1"}',
	'{"wallet": "ifc_wallet", "chain": "quiet", "bytecode": "0x6000", "idempotency_key": "many-1"}']::jsonb[]) AS ids;
SELECT to_address, value, data, priority, expires_at AT TIME ZONE 'UTC' AS expires_at, idempotency_key FROM dalp.transactions WHERE transaction_id > :deployed ORDER BY transaction_id;

-- What is refused: nothing of a batch is left.
SELECT dalp.submit_many(ARRAY['{"wallet": "ifc_wallet", "chain": "quiet", "to": "0x00000000000000000000000000000000000000aa"}',
	'{"wallet": "ifc_wallet", "chain": "quiet", "to": "0x00000000000000000000000000000000000000a"}']::jsonb[]);
\echo :LAST_ERROR_SQLSTATE
SELECT dalp.submit_many(ARRAY['{"wallet": "ifc_wallet", "chain": "quiet", "to": "0x00000000000000000000000000000000000000aa", "gas": 1}']::jsonb[]);
\echo :LAST_ERROR_SQLSTATE
SELECT dalp.submit_many(ARRAY['{"wallet": "ifc_wallet", "chain": "quiet", "to": "0x00000000000000000000000000000000000000aa", "data": "0x", "function": "f()"}']::jsonb[]);
\echo :LAST_ERROR_SQLSTATE
SELECT dalp.submit_many(ARRAY['{"wallet": "ifc_wallet", "chain": "quiet", "to": "0x00000000000000000000000000000000000000aa", "expires_at": "2999-02-30T12:00:00Z"}']::jsonb[]);
\echo :LAST_ERROR_SQLSTATE
SELECT dalp.submit_many(ARRAY['{"wallet": "ifc_wallet", "chain": "quiet"}', NULL]::jsonb[]);
\echo :LAST_ERROR_SQLSTATE
SELECT dalp.submit_transaction('nowallet', 'quiet', :to);
\echo :LAST_ERROR_SQLSTATE
SELECT dalp.submit_transaction('ifc_wallet', 'nochain', :to);
\echo :LAST_ERROR_SQLSTATE
SELECT dalp.submit_transaction('ifc_secret', 'quiet', :to);
\echo :LAST_ERROR_SQLSTATE
SELECT dalp.submit_transaction('ifc_disabled', 'quiet', :to);
\echo :LAST_ERROR_SQLSTATE
SELECT dalp.submit_transaction(NULL, 'quiet', :to);
\echo :LAST_ERROR_SQLSTATE
SELECT dalp.submit_transaction('ifc_wallet', 'quiet', NULL);
\echo :LAST_ERROR_SQLSTATE
SELECT dalp.submit_transaction('ifc_wallet', 'quiet', :to, -1);
\echo :LAST_ERROR_SQLSTATE
SELECT dalp.submit_transaction('ifc_wallet', 'quiet', :to, 0.5);
\echo :LAST_ERROR_SQLSTATE
SELECT dalp.submit_transaction('ifc_wallet', 'quiet', :to, 'NaN');
\echo :LAST_ERROR_SQLSTATE
SELECT dalp.submit_transaction('ifc_wallet', 'quiet', :to, 115792089237316195423570985008687907853269984665640564039457584007913129639936);
\echo :LAST_ERROR_SQLSTATE
SELECT dalp.submit_transaction('ifc_wallet', 'quiet', :to, gas_limit => 16777217);
\echo :LAST_ERROR_SQLSTATE
SELECT dalp.submit_transaction('ifc_wallet', 'quiet', :to, gas_limit => 18446744073709551616);
\echo :LAST_ERROR_SQLSTATE
SELECT dalp.submit_transaction('ifc_wallet', 'quiet', :to, max_fee => 0);
\echo :LAST_ERROR_SQLSTATE
SELECT dalp.submit_transaction('ifc_wallet', 'quiet', :to, priority => 40000);
\echo :LAST_ERROR_SQLSTATE
SELECT dalp.submit_transaction('ifc_wallet', 'quiet', :to, expires_at => '2000-01-01');
\echo :LAST_ERROR_SQLSTATE
SELECT dalp.submit_transaction('ifc_wallet', 'quiet', :to, idempotency_key => '');
\echo :LAST_ERROR_SQLSTATE
SELECT dalp.submit_transaction('ifc_wallet', 'quiet', :to, idempotency_key => 'dalp:1');
\echo :LAST_ERROR_SQLSTATE
SELECT dalp.submit_transaction('ifc_wallet', 'quiet', :to, data => pg_catalog.decode(pg_catalog.repeat('00', 131072), 'hex'));
\echo :LAST_ERROR_SQLSTATE
SELECT dalp.submit_transaction('ifc_wallet', 'quiet', :to, options => '{"colour": 1}');
\echo :LAST_ERROR_SQLSTATE
SELECT dalp.submit_call('ifc_wallet', 'quiet', :to, 'transfer(address,uint256)', '["0x00000000000000000000000000000000000000bb"]');
\echo :LAST_ERROR_SQLSTATE
SELECT dalp.submit_call('ifc_wallet', 'quiet', :to, 'transfer(');
\echo :LAST_ERROR_SQLSTATE
SELECT dalp.submit_call('ifc_wallet', 'quiet', :to, 'pong', options => '{"abi": ["function ping()"]}');
\echo :LAST_ERROR_SQLSTATE
SELECT dalp.deploy_contract('ifc_wallet', 'quiet', '\x', '()');
\echo :LAST_ERROR_SQLSTATE
SELECT dalp.deploy_contract('ifc_wallet', 'quiet', '\x6000', NULL, '[1]');
\echo :LAST_ERROR_SQLSTATE
SELECT count(*) FROM dalp.transactions;

-- Others see nothing of it, and can't act on it.
SET ROLE regress_chain_other;
SELECT count(*) FROM dalp.transactions;
SELECT count(*) FROM dalp.transaction_attempts;
\set VERBOSITY sqlstate
SELECT dalp.wait_transaction(:first, timeout => '0');
SELECT dalp.cancel_transaction(:first, 'mine now');
SELECT dalp.speed_up_transaction(:first);
\set VERBOSITY default
SELECT dalp.create_chain('ifc2', 5);
\echo :LAST_ERROR_SQLSTATE
SELECT dalp.pause_wallet('ifc_wallet', 'quiet', 'no');
\echo :LAST_ERROR_SQLSTATE
SELECT count(*) FROM dalp.endpoints;
\echo :LAST_ERROR_SQLSTATE
SET ROLE regress_chain_auditor;
SELECT count(*) FROM dalp.transactions WHERE chain = 'quiet';
SELECT (dalp.wait_transaction(:first, timeout => '0')).state;
SELECT dalp.submit_transaction('ifc_wallet', 'quiet', :to);
\echo :LAST_ERROR_SQLSTATE

-- Waiting: a time-out is no error; what can't end is refused at once.
SET ROLE regress_chain_app;
SELECT transaction_id = :first AS same, state, reached, nonce, hash, error FROM dalp.wait_transaction(:first, 'accepted', '10ms');
SELECT dalp.wait_transaction(:first, 'finished');
\echo :LAST_ERROR_SQLSTATE
SELECT dalp.wait_transaction(:first, timeout => '-1s');
\echo :LAST_ERROR_SQLSTATE
SELECT dalp.wait_transaction(-5);
\echo :LAST_ERROR_SQLSTATE
BEGIN;
SELECT dalp.submit_transaction('ifc_wallet', 'quiet', :to) AS own \gset
\set VERBOSITY sqlstate
SELECT dalp.wait_transaction(:own);
\set VERBOSITY default
ROLLBACK;

-- Cancelling what has no nonce takes effect at once, twice is the same.
-- Nothing is bound: only the limit changes, and it only rises.
SELECT dalp.speed_up_transaction(:first), dalp.speed_up_transaction(:first, 2000000000), dalp.speed_up_transaction(NULL);
\set VERBOSITY sqlstate
SELECT dalp.speed_up_transaction(:first, 1999999999);
\set VERBOSITY default
SELECT dalp.speed_up_transaction(:first, 0.5);
SELECT dalp.speed_up_transaction(-5);
SELECT dalp.cancel_transaction(:first, 'changed my mind');
SELECT dalp.cancel_transaction(:first, 'changed my mind');
SELECT state, reached, error, cause, cancel_reason FROM dalp.wait_transaction(:first);
SET ROLE regress_chain_boss;
SELECT dalp.cancel_transaction(:called, 'operator');
SELECT dalp.cancel_transaction(-5, 'operator');
\echo :LAST_ERROR_SQLSTATE

-- Pausing and resuming; a lane whose count isn't known becomes new again.
SELECT dalp.pause_wallet('ifc_wallet', 'quiet', 'holiday');
SELECT chains FROM dalp.wallets WHERE name = 'ifc_wallet';
SELECT dalp.resume_wallet('ifc_wallet', 'quiet', 'back');
SELECT chains FROM dalp.wallets WHERE name = 'ifc_wallet';
SELECT dalp.pause_wallet('ifc_wallet', 'nochain', 'holiday');
\echo :LAST_ERROR_SQLSTATE
SELECT dalp.enable_chain('quiet', 'test is over');
SELECT state, halt_reason FROM dalp.chains WHERE name = 'quiet';
SELECT dalp.halt_chain('quiet', NULL);
\echo :LAST_ERROR_SQLSTATE
SELECT dalp.halt_chain('ifc', 'nothing listens there');
RESET ROLE;

-- Every change left a journal row, operators' acts an audit entry.
SELECT j.state, j.details FROM dalp_chain.journal j WHERE j.request_id = :first ORDER BY j.journal_id;
SELECT actor, action, CASE WHEN action NOT LIKE '%_transaction' THEN object END AS object, details FROM dalp_audit.entry
WHERE actor::pg_catalog.text LIKE 'regress_chain%' AND action NOT LIKE '%_wallet' ORDER BY entry_id;

-- Arguments of dalp.call are checked before anybody is asked.
SELECT dalp.call('quiet', :to, 'balanceOf(address)', '[]');
\echo :LAST_ERROR_SQLSTATE
SELECT dalp.call('quiet', :to, 'ping()', block => 'newest');
\echo :LAST_ERROR_SQLSTATE
