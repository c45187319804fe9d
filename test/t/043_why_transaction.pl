# Promise: operators see everything.  dalp.why_transaction names the one thing
# that a transaction waits for, in every state it can be in, and what it says to
# do moves it; dalp.endpoints shows how each endpoint does; an endpoint of
# another chain with the same number halts the chain.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use DalpTest;
use NetProbe qw(json);

my $anvil = DalpTest::Anvil->new(block_time => 1000);
my $node = dalp_node('whytx',
	settings => {
		'dalp.allow_private_endpoints' => 'on',
		'dalp.poll_interval' => '200ms',
		'dalp.rpc_timeout' => '1500ms' });
my $recipient = '0x00000000000000000000000000000000000000cc';

sub sql { return $node->safe_psql('postgres', $_[0]); }
sub mine { $anvil->rpc('evm_mine'); return; }

sub wallet
{
	my ($name, $balance) = @_;
	my $address = sql("SELECT dalp.create_wallet('$name')");
	$anvil->rpc('anvil_setBalance', $address, $balance // '0x56bc75e2d63100000');
	return $address;
}

sub transfer
{
	my ($wallet, $more) = @_;
	return sql("SELECT dalp.submit_transaction('$wallet', 'main', '$recipient', 1" . ($more // '') . ')');
}

# waits(ID, KIND, REGEX): the reason becomes KIND, and its words match.
sub waits
{
	my ($id, $kind, $words, $what) = @_;
	query_until($node, "SELECT kind FROM dalp.why_transaction($id)", $kind);
	like(sql("SELECT waits_for || ' / ' || what_next FROM dalp.why_transaction($id)"), $words, $what);
	return;
}

sql("SELECT dalp.create_chain('main', 31337, 'depth:500', 'eip1559', '{\"nonce_window\": 2, \"bump_blocks\": 1000}')");
wallet('alice');
my $first = transfer('alice', ', max_fee => 5000000000');
waits($first, 'endpoint', qr/chain "main" has none .*add_endpoint\('main'/, 'a chain without endpoint');
sql("SELECT dalp.add_endpoint('main', 'http://127.0.0.1:1', options => '{\"weight\": 3}')");
waits($first, 'endpoint', qr/one of 1 endpoint of chain "main" to work: /, 'a dead endpoint');
is(sql("SELECT health, failures > 0, errors > 0, retry_at IS NOT NULL, last_error IS NOT NULL, weight FROM dalp.endpoints"), 'failing|t|t|t|t|3', 'which the view shows');

sql("SELECT dalp.halt_chain('main', 'for a test')");
waits($first, 'chain', qr/halted: for a test .*enable_chain\('main'/, 'a halted chain');
sql("SELECT dalp.enable_chain('main', 'test')");
sql("SELECT dalp.pause_wallet('alice', 'main', 'for a test')");
waits($first, 'wallet', qr/paused \(operator\): for a test .*resume_wallet\('alice', 'main'/, 'a paused wallet');
sql("SELECT dalp.resume_wallet('alice', 'main', 'test'); SELECT dalp.add_endpoint('main', '" . $anvil->url . "', 1)");

waits($first, 'block', qr/include nonce 0 of wallet "alice" .*speed_up_transaction/, 'bound and sent');
is(sql("SELECT health, failures, answered_at IS NOT NULL, latency_ms > 0, head >= 0 FROM dalp.endpoints WHERE priority = 1"), 'working|0|t|t|t', 'by an endpoint that works');
my $second = transfer('alice');
waits($second, 'nonce', qr/nonce 0 of wallet "alice", which comes before its nonce 1 .*why_transaction\($first\)/, 'behind another nonce');
my $third = transfer('alice');
waits($third, 'window', qr/one of the 2 open nonces .*why_transaction\($first\)/, 'outside the window');
my $fourth = transfer('alice');
waits($fourth, 'window', qr/2 open nonces/, 'and so is the next');

$anvil->rpc('anvil_setNextBlockBaseFeePerGas', '0x174876e800');
mine();
waits($first, 'fee', qr/base fee to fall .*speed_up_transaction\($first, max_fee/, 'an offer below the base fee');
$anvil->rpc('anvil_setNextBlockBaseFeePerGas', '0x3b9aca00');
mine();
wait_until('a block to include it', sub { mine(); return sql("SELECT kind FROM dalp.why_transaction($first)") eq 'finality' });
waits($first, 'finality', qr/500 above its own/, 'mined, not final');
for my $id ($first, $second, $third, $fourth)
{
	wait_until("transaction $id to be final", sub { $anvil->rpc('anvil_mine', '0x200'); return sql("SELECT state FROM dalp_chain.request WHERE request_id = $id") eq 'COMPLETED' });
}
waits($first, 'ended', qr/nothing: it is COMPLETED/, 'final');

wallet('poor', '0x0');
my $poor = transfer('poor');
waits($poor, 'wallet', qr/paused \(funds\).*send it funds/, 'no funds');
my $queued = transfer('poor');
waits($queued, 'wallet', qr/paused \(funds\)/, 'nor for the one behind it');
sql("SELECT dalp.cancel_transaction($poor, 'enough')");
waits($poor, 'ended', qr/CANCELLED, Chain.Cancelled \/ enough/, 'cancelled');

# --- a node that knows no finality
sub script_file
{
	my ($script) = @_;
	my $file = PostgreSQL::Test::Utils::tempdir() . '/script.json';
	open my $handle, '>', $file or die "$file: $!";
	print $handle json()->encode($script);
	close $handle;
	return $file;
}
my $block = { number => '0x5', hash => '0x' . '11' x 32, parentHash => '0x' . '10' x 32, gasLimit => '0x1c9c380', baseFeePerGas => '0x1' };
my $private = NetProbe::start_server('rpc_node.py', '--script', script_file({
	methods => {
		eth_chainId => { result => '0x4d2' },
		# Genesis, head and tag, again and again: the third in each round is the tag.
		eth_getBlockByNumber => [ { result => $block }, map { ({ result => $block }, { result => undef }) } 1 .. 100 ],
		eth_feeHistory => { result => { baseFeePerGas => ['0x1', '0x1'], gasUsedRatio => [0], reward => [['0x1', '0x1', '0x1']] } },
		eth_getTransactionCount => { result => '0x0' },
		eth_getBalance => { result => '0x0' },
		eth_estimateGas => { result => '0x5208' },
		web3_clientVersion => { result => 'private/1' } } }));
sql("SELECT dalp.create_chain('private', 1234, 'finalized'); SELECT dalp.add_endpoint('private', 'http://127.0.0.1:$private')");
sql("SELECT dalp.submit_transaction('alice', 'private', '$recipient', 1)");
query_until($node, "SELECT last_error FROM dalp.endpoints WHERE chain = 'private'", 'it does not know a finalized block');
query_until($node, "SELECT health FROM dalp.endpoints WHERE chain = 'private'", 'working');
my $warnings = () = slurp_file($node->logfile) =~ /nothing becomes final on chain "private"/g;
is($warnings, 1, 'a node without finality tags is told of, once');

# --- rights
sql("CREATE ROLE regress_stranger LOGIN IN ROLE dalp_app");
my ($rc, undef, $error) = $node->psql('postgres', "SET ROLE regress_stranger; SELECT dalp.why_transaction($first)");
like($error, qr/permission denied for transaction/, 'strangers are told nothing');
($rc, undef, $error) = $node->psql('postgres', 'SELECT dalp.why_transaction(-1)');
like($error, qr/transaction -1 does not exist/, 'nor is there an unknown one');

# --- another chain of the same number
my $twin = NetProbe::start_server('rpc_node.py', '--script', script_file({
	methods => {
		eth_chainId => { result => '0x7a69' },
		eth_getBlockByNumber => { result => { number => '0x0', hash => '0x' . 'ab' x 32, parentHash => '0x' . '00' x 32, gasLimit => '0x1c9c380', baseFeePerGas => '0x1' } },
		web3_clientVersion => { result => 'twin/1' } } }));
sql("SELECT dalp.add_endpoint('main', 'http://127.0.0.1:$twin', -5)");
transfer('alice');
query_until($node, "SELECT state FROM dalp.chains WHERE name = 'main'", 'halted');
like(sql("SELECT halt_reason FROM dalp.chains WHERE name = 'main'"), qr/has genesis 0x(ab){32} instead of .*another chain of the same number/, 'a twin with another genesis halts the chain');
is(sql("SELECT health FROM dalp.endpoints WHERE priority = -5"), 'wrong chain', 'and is marked');

done_testing();
