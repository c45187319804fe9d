# Promise: kill -9 of a worker at any stop point, or of the postmaster at any
# time, loses no transaction and sends none twice: nonces are dense and each
# transfer arrives once.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep);

use DalpTest;

my $anvil = DalpTest::Anvil->new(block_time => 1);
my $node = dalp_node('crash',
	settings => {
		'restart_after_crash' => 'on',
		'dalp.allow_private_endpoints' => 'on',
		'dalp.poll_interval' => '200ms',
		'dalp.resend_interval' => '3s' });
my @wallets = map { "w$_" } 1 .. 5;
my %address;
my $total = 0;

sub sql { return $node->safe_psql('postgres', $_[0]); }

# submit(COUNT): so many transfers over all wallets, each of 1 wei to one recipient.
sub submit
{
	my ($count) = @_;
	wait_until('transactions to be submitted',
		sub {
			return $node->psql('postgres',
				"SELECT count(*) FROM (SELECT dalp.submit_many(array_agg(jsonb_build_object('wallet', 'w' || (1 + i % 5), 'chain', 'local', 'to', '0x00000000000000000000000000000000000000bb', 'value', 1))) FROM generate_series(1, $count) i) s",
				stdout => \my $output, stderr => \my $error) == 0;
		});
	$total += $count;
	return;
}

# settled(WHAT): all is completed, and the chain says the same.
sub settled
{
	my ($what) = @_;
	query_until($node, "SELECT count(*), count(*) FILTER (WHERE state = 'COMPLETED') FROM dalp_chain.request", "$total|$total", 'postgres', 90);
	is(hex($anvil->rpc('eth_getBalance', '0x00000000000000000000000000000000000000bb', 'latest')), $total, "$what: each transfer arrived once");
	my %count = map { $_ => hex($anvil->rpc('eth_getTransactionCount', $address{$_}, 'latest')) } @wallets;
	my $sum = 0;
	$sum += $_ for values %count;
	is($sum, $total, "$what: the chain counts as many transactions");
	is(sql("SELECT bool_and(s.count = l.next_nonce AND s.min = 0 AND s.max = l.next_nonce - 1) FROM dalp_chain.lane l JOIN (SELECT chain_id, wallet_id, count(*), min(nonce), max(nonce) FROM dalp_chain.slot WHERE state = 'final' GROUP BY 1, 2) s USING (chain_id, wallet_id)"),
		't', "$what: nonces are dense");
	return;
}

sql("SELECT dalp.create_chain('local', 31337, 'depth:1', 'eip1559', '{\"nonce_window\": 500}'); SELECT dalp.add_endpoint('local', '" . $anvil->url . "')");
for my $wallet (@wallets)
{
	$address{$wallet} = sql("SELECT dalp.create_wallet('$wallet')");
	$anvil->rpc('anvil_setBalance', $address{$wallet}, '0x56bc75e2d63100000');
}

my $stop = $node->data_dir . '/dalp_stop';
mkdir $stop or die "$stop: $!";
for my $point (qw(prepare_before_commit bind_before_commit bind_after_commit send_before send_after_answer
	send_before_record watch_before_commit watch_after_commit))
{
	append_to_file("$stop/$point", 'crash');
	submit(10);
	wait_until("the stop point $point to be reached", sub { return !-e "$stop/$point"; });
	settled("crash at $point");
}

# Five hundred transfers, workers and the postmaster killed all the time.
submit(500);
my $kills = 0;
while ($kills < 8)
{
	my $until_the_next = 0.5 + rand(1);
	sleep($until_the_next);
	if ($kills % 4 == 3)
	{
		crash_server($node);
	}
	else
	{
		my ($kind) = (qw(broadcaster signer))[ rand 2 ];
		eval { kill_worker($node, $kind); };
	}
	$kills++;
}
query_until($node, 'SELECT 1', '1');
settled('random kills');

done_testing();
