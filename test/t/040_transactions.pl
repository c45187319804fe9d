# Promise: a transaction that was accepted reaches the chain exactly once and
# ends with what the chain made of it, whatever nodes, networks and crashes do:
# reverts, reorganisations, lost answers, dead endpoints, missing funds,
# cancellations, kill -9 at any stop point.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use DalpTest;

# Blocks come when the test says so, or every second.
my $anvil = DalpTest::Anvil->new(block_time => 1);
my $node = dalp_node('chain',
	settings => {
		'dalp.allow_private_endpoints' => 'on',
		'dalp.poll_interval' => '200ms',
		'dalp.resend_interval' => '2s',
		'dalp.rpc_timeout' => '2s',
		'dalp.rpc_connect_timeout' => '1s' });
my $recipient = '0x00000000000000000000000000000000000000AA';
my $ether = '0x56bc75e2d63100000';

sub sql { return $node->safe_psql('postgres', $_[0]); }
sub sql_error { my ($rc, undef, $stderr) = $node->psql('postgres', $_[0]); return $rc == 0 ? 'no error' : $stderr; }

# wallet(NAME): made and funded; returns its address.
sub wallet
{
	my ($name, $on) = @_;
	my $address = sql("SELECT dalp.create_wallet('$name')");
	($on // $anvil)->rpc('anvil_setBalance', $address, $ether);
	return $address;
}

sub transfer
{
	my ($wallet, $more, $chain) = @_;
	$chain //= 'local';
	return sql("SELECT dalp.submit_transaction('$wallet', '$chain', '$recipient', 1" . ($more // '') . ')');
}

# ends(ID, STATE): the transaction gets there; shows what it has come to otherwise.
sub ends
{
	my ($id, $state, $what) = @_;
	my $got = sql("SELECT state FROM dalp.wait_transaction($id, 'final', '60s')");
	is($got, $state, $what)
	  or diag(sql("SELECT at, state, details FROM dalp_chain.journal WHERE request_id = $id ORDER BY journal_id"));
	return;
}

# dense(WALLET, ADDRESS, COUNT): the chain's count is ours, and each nonce was consumed by one of our attempts.
sub dense
{
	my ($wallet, $address, $count, $what) = @_;
	is(hex($anvil->rpc('eth_getTransactionCount', $address, 'latest')), $count, "$what: count on the chain");
	is(sql("SELECT count(*), min(nonce), max(nonce), bool_and(s.state = 'final') FROM dalp_chain.slot s JOIN dalp_custody.wallet w USING (wallet_id) WHERE w.name = '$wallet'"),
		$count . '|0|' . ($count - 1) . '|t', "$what: slots are dense and final");
	return;
}

sql("SELECT dalp.create_chain('local', 31337, 'depth:1', 'eip1559', NULL); SELECT dalp.add_endpoint('local', '" . $anvil->url . "')");

# --- a transfer, its journal and its receipt
my $alice = wallet('alice');
my $id = transfer('alice');
ends($id, 'COMPLETED', 'a transfer completes');
is(sql("SELECT string_agg(state, ' ' ORDER BY first) FROM (SELECT state, min(journal_id) AS first FROM dalp_chain.journal WHERE request_id = $id GROUP BY state) j"),
	'RECEIVED QUEUED PREPARING SIGNING BROADCASTING CONFIRMING COMPLETED', 'each state has its journal row');
is(sql("SELECT receipt->>'status', receipt->>'from', receipt->>'to', receipt->>'nonce', receipt->>'gas_used', receipt->'contract_address', '0x' || encode(hash, 'hex') = receipt->>'hash' FROM dalp.transactions WHERE transaction_id = $id"),
	"1|$alice|$recipient|0|21000|null|t", 'the receipt says what happened');
is($anvil->rpc('eth_getBalance', $recipient, 'latest'), '0x1', 'the money has arrived');

# --- contracts: deployment, events, reverts
my $artifact = contract_artifact();
my $abi = json_encode($artifact->{abi}) =~ s/'/''/gr;
my $code = $artifact->{bytecode} =~ s/^0x//r;
$id = sql("SELECT dalp.deploy_contract('alice', 'local', '\\x$code', 'constructor(string,string,uint8,address)', jsonb_build_array('Bond', 'BND', 0, '$alice'), options => jsonb_build_object('abi', '$abi'::jsonb))");
ends($id, 'COMPLETED', 'a contract is deployed');
my $token = sql("SELECT receipt->>'contract_address' FROM dalp.transactions WHERE transaction_id = $id");
like($token, qr/^0x[0-9a-fA-F]{40}$/, 'the receipt names the contract');
isnt($anvil->rpc('eth_getCode', $token, 'latest'), '0x', 'it is there');
is(sql("SELECT receipt->'events'->0->>'name', receipt->'events'->0->'args'->>'newOwner' FROM dalp.transactions WHERE transaction_id = $id"),
	"OwnershipTransferred|$alice", 'events are decoded by the ABI');
is(sql("SELECT dalp.call('local', '$token', 'symbol() returns (string)')->>0"), 'BND', 'a read-only call is answered');

my $mint = "SELECT dalp.submit_call('alice', 'local', '$token', 'mint(address,uint256)', jsonb_build_array('$recipient', 7), options => jsonb_build_object('abi', '$abi'::jsonb)%s)";
$id = sql(sprintf $mint, '');
ends($id, 'DEAD_LETTER', 'what would revert ends before a nonce is bound');
is(sql("SELECT error, cause, nonce IS NULL FROM dalp.transactions WHERE transaction_id = $id"), 'Chain.Reverted|NotConfigured()|t', 'with its decoded reason');
is(sql("SELECT kind, scope, error FROM dalp_ops.dead_letter WHERE reference = $id AND resolution IS NULL"), 'transaction|alice@local|Chain.Reverted', 'and a dead letter');
$id = sql(sprintf $mint, ', gas_limit => 200000');
ends($id, 'FAILED', 'a given gas limit sends it: it reverts on the chain');
is(sql("SELECT error, cause, nonce IS NOT NULL, receipt->>'status' FROM dalp.transactions WHERE transaction_id = $id"),
	'Chain.Reverted|NotConfigured()|t|0', 'the reason is found by running it again');

# What depends on a transaction before it isn't taken for a revert too early.
my @both = split /\n/, sql("SELECT dalp.submit_call('alice', 'local', '$token', 'configure(uint256,uint64,uint32)', '[1000, 4000000000, 500]');" . sprintf($mint, ''));
ends($both[0], 'COMPLETED', 'the first of two that depend on each other');
ends($both[1], 'COMPLETED', 'and the second, submitted at the same time');
is(sql("SELECT receipt->'events'->0->>'name', receipt->'events'->0->'args'->>'value' FROM dalp.transactions WHERE transaction_id = $both[1]"), 'Transfer|7', 'its event');
is(sql("SELECT dalp.call('local', '$token', 'balanceOf(address) returns (uint256)', jsonb_build_array('$recipient'))->>0"), '7', 'minted once');
dense('alice', $alice, 5, 'alice');

# --- missing funds pause the wallet, and end by themselves
my $poor = sql("SELECT dalp.create_wallet('poor')");
$id = transfer('poor');
query_until($node, "SELECT pause_kind FROM dalp_chain.lane JOIN dalp_custody.wallet w USING (wallet_id) WHERE w.name = 'poor' AND state = 'paused'", 'funds');
is(sql("SELECT state FROM dalp_chain.request WHERE request_id = $id"), 'QUEUED', 'it waits without a nonce');
$anvil->rpc('anvil_setBalance', $poor, $ether);
ends($id, 'COMPLETED', 'with funds the wallet goes on by itself');

# --- expiry
sql("SELECT dalp.pause_wallet('poor', 'local', 'test')");
$id = transfer('poor', ", expires_at => clock_timestamp() + interval '100 ms'");
ends($id, 'CANCELLED', 'what is not bound in time is never sent');
is(sql("SELECT error FROM dalp.transactions WHERE transaction_id = $id"), 'Chain.Expired', 'and says so');
sql("SELECT dalp.resume_wallet('poor', 'local', 'test')");

# --- a lost reorganised block: the same bytes again
$anvil->rpc('evm_setIntervalMining', 0);
wallet('bob');
$id = transfer('bob');
query_until($node, "SELECT state FROM dalp_chain.request WHERE request_id = $id", 'CONFIRMING');
$anvil->rpc('evm_mine');
query_until($node, "SELECT state FROM dalp_chain.slot WHERE request_id = $id", 'mined');
my $hash = sql("SELECT hash FROM dalp.transactions WHERE transaction_id = $id");
$anvil->rpc('anvil_reorg', 1, []);
query_until($node, "SELECT count(*) FROM dalp_chain.journal WHERE request_id = $id AND details->>'reason' = 'reorganisation'", '1');
query_until($node, "SELECT state, (SELECT count(*) FROM dalp_chain.attempt a WHERE a.wallet_id = s.wallet_id) FROM dalp_chain.slot s WHERE request_id = $id AND sent_at IS NOT NULL", 'sent|1');
$anvil->rpc('evm_mine') for 1 .. 3;
ends($id, 'COMPLETED', 'a transaction survives the loss of its block');
is(sql("SELECT hash FROM dalp.transactions WHERE transaction_id = $id"), $hash, 'with the same bytes');

# --- dropped by the pool
$id = transfer('bob');
query_until($node, "SELECT state FROM dalp_chain.request WHERE request_id = $id", 'CONFIRMING');
$anvil->rpc('anvil_dropAllTransactions');
query_until($node, "SELECT send_count > 1 FROM dalp_chain.attempt a JOIN dalp_chain.slot s USING (chain_id, wallet_id, nonce) WHERE request_id = $id", 't');
$anvil->rpc('evm_mine') for 1 .. 2;
ends($id, 'COMPLETED', 'a transaction that a pool has dropped is sent again');

# --- fees: the lowest open nonce without progress gets a higher fee, any attempt may win
sql("UPDATE dalp_chain.chain SET bump_blocks = 2 WHERE name = 'local'");
$id = transfer('bob');
query_until($node, "SELECT state FROM dalp_chain.request WHERE request_id = $id", 'CONFIRMING');
$anvil->rpc('anvil_setNextBlockBaseFeePerGas', '0x174876e800');
$anvil->rpc('evm_mine');
query_until($node, "SELECT count(*) > 1 AND bool_or(a.kind = 'bump') FROM dalp_chain.attempt a JOIN dalp_chain.slot s USING (chain_id, wallet_id, nonce) WHERE request_id = $id", 't');
is(sql("SELECT bool_and(a.max_fee * 8 >= b.max_fee * 9 AND a.tip * 8 >= b.tip * 9) FROM dalp_chain.attempt a JOIN dalp_chain.attempt b ON b.wallet_id = a.wallet_id AND b.nonce = a.nonce AND b.number = a.number - 1"),
	't', 'each offer is an eighth above the one before, at least');
$anvil->rpc('anvil_setNextBlockBaseFeePerGas', '0x3b9aca00');
wait_until('the raised offer to be included', sub { $anvil->rpc('evm_mine'); sql("SELECT state FROM dalp_chain.request WHERE request_id = $id") eq 'COMPLETED' });
ok(1, 'the raised offer completes');
sql("UPDATE dalp_chain.chain SET bump_blocks = 1000 WHERE name = 'local'");

# --- speeding up: a higher fee at once, without a new block, within the limits
$id = transfer('bob');
query_until($node, "SELECT state FROM dalp_chain.request WHERE request_id = $id", 'CONFIRMING');
my $offers = "SELECT count(*) FROM dalp_chain.attempt a JOIN dalp_chain.slot s USING (chain_id, wallet_id, nonce) WHERE s.request_id = $id";
is(sql("SELECT dalp.speed_up_transaction($id)"), 'CONFIRMING', 'speeding up tells the state');
query_until($node, "$offers AND a.kind = 'bump' AND a.send_class = 'accepted'", '1');
is(sql("SELECT bool_and(b.max_fee * 8 >= a.max_fee * 9) FROM dalp_chain.slot s JOIN dalp_chain.attempt a USING (chain_id, wallet_id, nonce) JOIN dalp_chain.attempt b ON b.chain_id = a.chain_id AND b.wallet_id = a.wallet_id AND b.nonce = a.nonce AND b.number = a.number + 1 WHERE s.request_id = $id"), 't', 'by an eighth or more');
is(sql("SELECT faster, (SELECT string_agg(j.details->>'speed_up', ' ' ORDER BY journal_id) FROM dalp_chain.journal j WHERE j.request_id = r.request_id) FROM dalp_chain.request r WHERE request_id = $id"), 'f|asked offered', 'the wish is noted and dealt with once');
my $fee = sql("SELECT max(a.max_fee) FROM dalp_chain.attempt a JOIN dalp_chain.slot s USING (chain_id, wallet_id, nonce) WHERE s.request_id = $id");
like(sql_error("SELECT dalp.speed_up_transaction($id, $fee)"), qr/can't be sped up within its fee limit/, 'a limit that leaves no room is refused');
sql("SELECT dalp.speed_up_transaction($id, $fee * 2)");
query_until($node, "$offers AND a.kind = 'bump' AND a.send_class = 'accepted'", '2');
is(sql("SELECT max(a.max_fee) <= $fee * 2 FROM dalp_chain.attempt a JOIN dalp_chain.slot s USING (chain_id, wallet_id, nonce) WHERE s.request_id = $id"), 't', 'the new limit holds');
like(sql_error("SELECT dalp.speed_up_transaction($id, $fee)"), qr/can't be lowered/, 'and only rises');
$anvil->rpc('evm_mine') for 1 .. 2;
ends($id, 'COMPLETED', 'a transaction that was sped up completes');
like(sql_error("SELECT dalp.speed_up_transaction($id)"), qr/can't be sped up any more/, 'and can not be sped up any more');

# --- cancelling after the nonce is bound: a no-op takes its place, without waiting for a block
$id = transfer('bob');
query_until($node, "SELECT state FROM dalp_chain.request WHERE request_id = $id", 'CONFIRMING');
sql("SELECT dalp.cancel_transaction($id, 'changed my mind')");
query_until($node, "SELECT count(*) FROM dalp_chain.attempt a JOIN dalp_chain.slot s USING (chain_id, wallet_id, nonce) WHERE s.request_id = $id AND a.kind = 'cancel' AND a.send_class = 'accepted'", '1');
$anvil->rpc('evm_mine') for 1 .. 2;
ends($id, 'CANCELLED', 'a bound transaction is cancelled');
is(sql("SELECT error, cause FROM dalp.transactions WHERE transaction_id = $id"), 'Chain.Cancelled|changed my mind', 'for the reason given');
is(sql("SELECT string_agg(DISTINCT a.kind, ' ') FROM dalp_chain.attempt a JOIN dalp_chain.slot s USING (chain_id, wallet_id, nonce) WHERE s.request_id = $id AND s.mined_hash = a.hash"), 'cancel', 'by a no-op on its nonce');

# --- nothing open: no endpoint is asked
$anvil->rpc('evm_setIntervalMining', 1);
query_until($node, "SELECT count(*) FROM dalp_chain.slot WHERE state IN ('signed', 'sent', 'mined')", '0');
my $head = sql('SELECT max(number) FROM dalp_chain.block');
my $mined = hex($anvil->rpc('eth_blockNumber')) + 3;
wait_until('more blocks', sub { return hex($anvil->rpc('eth_blockNumber')) >= $mined; });
cmp_ok(sql('SELECT max(number) FROM dalp_chain.block'), '<=', $head + 2, 'an idle chain is not polled');

done_testing();
