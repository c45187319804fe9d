# Promise: failures stay where they are.  A dead, hanging, lying or wrong
# endpoint delays nothing that doesn't need it; lost answers never make a
# second transaction; a refused transaction leaves no gap; nonces that somebody
# else uses stop one wallet and lose no request.

use strict;
use warnings;

use HTTP::Tiny;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);

use DalpTest;
use NetProbe ();

my $anvil = DalpTest::Anvil->new(block_time => 1);
my $other = DalpTest::Anvil->new(block_time => 1, options => [ '--chain-id', '4242' ]);
my $node = dalp_node('faults',
	settings => {
		'dalp.allow_private_endpoints' => 'on',
		'dalp.poll_interval' => '200ms',
		'dalp.resend_interval' => '2s',
		'dalp.rpc_timeout' => '1500ms',
		'dalp.rpc_connect_timeout' => '1s' });
my $recipient = '0x00000000000000000000000000000000000000Cc';

sub sql { return $node->safe_psql('postgres', $_[0]); }

sub wallet
{
	my ($name, @nodes) = @_;
	my $address = sql("SELECT dalp.create_wallet('$name')");
	$_->rpc('anvil_setBalance', $address, '0x56bc75e2d63100000') for @nodes ? @nodes : ($anvil);
	return $address;
}

sub transfer
{
	my ($wallet, $chain, $more) = @_;
	return sql("SELECT dalp.submit_transaction('$wallet', '$chain', lower('$recipient')::dalp.address, 1" . ($more // '') . ')');
}

sub ends
{
	my ($id, $state, $what) = @_;
	is(sql("SELECT state FROM dalp.wait_transaction($id, 'final', '60s')"), $state, $what)
	  or diag(sql("SELECT at, state, details FROM dalp_chain.journal WHERE request_id = $id ORDER BY journal_id"));
	return;
}

# Stands between dalp and the node; faults(JSON) says what goes wrong now.
my $proxy = NetProbe::start_server('fault_proxy.py', '--upstream', '127.0.0.1:' . $anvil->port);

sub faults
{
	my $answer = HTTP::Tiny->new->post("http://127.0.0.1:$proxy/faults", { content => $_[0] });
	die "faults refused: $answer->{content}" unless $answer->{success};
	return;
}

# --- a chain whose only endpoint hangs, beside one that works
$other->pause;
sql("SELECT dalp.create_chain('local', 31337, 'depth:1', 'eip1559', NULL); SELECT dalp.add_endpoint('local', 'http://127.0.0.1:$proxy', 1)");
sql("SELECT dalp.create_chain('hangs', 4242, 'depth:1', 'eip1559', NULL); SELECT dalp.add_endpoint('hangs', '" . $other->url . "')");
wallet('alice');
my $late = transfer('alice', 'hangs');
my $started = time();
ends(transfer('alice', 'local'), 'COMPLETED', 'a chain that works, while another hangs');
cmp_ok(time() - $started, '<', 15, 'is not held up by it');
is(sql("SELECT state FROM dalp_chain.request WHERE request_id = $late"), 'QUEUED', 'the other waits');
my ($broadcaster) = worker_pids($node, 'broadcaster');
$started = time();
signal_and_wait('TERM', $broadcaster);
cmp_ok(time() - $started, '<', 2, 'nor is the end of the worker, with a call under way');
$other->resume;
$other->rpc('anvil_setBalance', sql("SELECT address FROM dalp.wallets WHERE name = 'alice'"), '0x56bc75e2d63100000');
ends($late, 'COMPLETED', 'and goes on when its endpoint is back');

# --- lost answers: the same bytes again, once on the chain
faults('{"drop_after": {"count": 3, "methods": ["eth_sendRawTransaction"]}}');
my @ids = map { transfer('alice', 'local') } 1 .. 5;
ends($_, 'COMPLETED', "transaction $_ with lost answers") for @ids;
faults('{"status_502": {"count": 2, "methods": ["eth_sendRawTransaction"]}, "truncate": {"count": 2, "methods": ["eth_sendRawTransaction"]}}');
ends(transfer('alice', 'local'), 'COMPLETED', 'with 502 and half answers');
faults('{"lie": {"count": 2, "methods": ["eth_sendRawTransaction"]}}');
ends(transfer('alice', 'local'), 'COMPLETED', 'with an answer of another hash');
faults('{}');
is(sql("SELECT max(a.number) FROM dalp_chain.attempt a JOIN dalp_chain.chain c USING (chain_id) WHERE c.name = 'local'"), '1', 'never with other bytes');

# --- wrong and dead endpoints are set aside, whatever their priority
sql("SELECT dalp.add_endpoint('local', '" . $other->url . "', 0); SELECT dalp.add_endpoint('local', 'http://127.0.0.1:1', -1)");
ends(transfer('alice', 'local'), 'COMPLETED', 'beside a dead endpoint and one of another chain');
like(slurp_file($node->logfile), qr/serves chain 4242 instead of 31337/, 'the log says which is wrong');

# --- refused for good: no gap, a dead letter
wallet('bob');
$anvil->rpc('evm_setBlockGasLimit', '0xf4240');
my $refused = transfer('bob', 'local', ', gas_limit => 2000000');
my $behind = transfer('bob', 'local', ', gas_limit => 30000');
ends($refused, 'DEAD_LETTER', 'what no endpoint takes is a dead letter');
ends($behind, 'COMPLETED', 'and what comes behind it goes on');
is(sql("SELECT string_agg(s.kind || ' ' || s.state, ', ' ORDER BY nonce) FROM dalp_chain.slot s JOIN dalp_custody.wallet w USING (wallet_id) WHERE w.name = 'bob'"),
	'noop final, user final', 'a no-op took its nonce');
is(sql("SELECT settled, error FROM dalp.transactions WHERE transaction_id = $refused"), 't|Chain.Rejected', 'so it is settled');
is(sql("SELECT count(*) FROM dalp_ops.dead_letter WHERE reference = $refused AND resolution IS NULL"), '1', 'with one dead letter');
$anvil->rpc('evm_setBlockGasLimit', '0x1c9c380');

# --- somebody else has the key: ahead of us
my $carol = wallet('carol');
ends(transfer('carol', 'local'), 'COMPLETED', 'a wallet before its key is used elsewhere');
$anvil->rpc('anvil_impersonateAccount', $carol);
sub foreign
{
	return $anvil->rpc('eth_sendTransaction',
		{ from => $carol, to => lc $recipient, value => '0x0', maxFeePerGas => '0x174876e800', maxPriorityFeePerGas => '0x174876e800', @_ });
}
foreign();
wait_until('the foreign transaction', sub { return $anvil->rpc('eth_getTransactionCount', $carol, 'latest') eq '0x2' });
my $id = transfer('carol', 'local');
query_until($node, "SELECT state, pause_kind FROM dalp_chain.lane JOIN dalp_custody.wallet w USING (wallet_id) WHERE w.name = 'carol'", 'paused|foreign');
is(sql("SELECT state FROM dalp_chain.request WHERE request_id = $id"), 'QUEUED', 'nothing is lost, nothing is bound');
wait_until('the wallet to go on after an operator has resumed it',
	sub {
		sql("SELECT dalp.resume_wallet('carol', 'local', 'test')") if sql("SELECT state FROM dalp_chain.lane JOIN dalp_custody.wallet w USING (wallet_id) WHERE w.name = 'carol'") eq 'paused';
		return sql("SELECT state FROM dalp_chain.request WHERE request_id = $id") eq 'COMPLETED';
	});
is(sql("SELECT string_agg(s.kind || ' ' || s.state, ', ' ORDER BY nonce) FROM dalp_chain.slot s JOIN dalp_custody.wallet w USING (wallet_id) WHERE w.name = 'carol'"),
	'user final, foreign foreign_final, user final', 'the foreign nonce is left to whoever used it');

# --- and in our place
$anvil->rpc('evm_setIntervalMining', 0);
$id = transfer('carol', 'local');
query_until($node, "SELECT state FROM dalp_chain.request WHERE request_id = $id", 'CONFIRMING');
$anvil->rpc('anvil_dropAllTransactions');
foreign(nonce => '0x3');
$anvil->rpc('evm_mine');
$anvil->rpc('evm_setIntervalMining', 1);
query_until($node, "SELECT s.state, r.state, r.nonce IS NULL, l.pause_kind FROM dalp_chain.slot s JOIN dalp_chain.request r USING (request_id) JOIN dalp_chain.lane l ON l.chain_id = s.chain_id AND l.wallet_id = s.wallet_id WHERE request_id = $id", 'foreign_final|QUEUED|t|foreign');
sql("SELECT dalp.resume_wallet('carol', 'local', 'test')");
ends($id, 'COMPLETED', 'a request whose nonce was taken gets another');
is(sql("SELECT count(*) FROM dalp_chain.slot WHERE request_id = $id"), '2', 'by a second slot, after the first was lost for good');

done_testing();
