# Promise: transfers that applications submit while workers and server are
# killed over and over reach the chain each exactly once, with dense nonces.
#
#   TORTURE_TRANSFERS   how many (default 200)
#   TORTURE_SECONDS     for how long the kills go on, one every 2 s (default 20)
#   TORTURE_SEED        of who is killed

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time sleep);

use DalpTest;

my $transfers = $ENV{TORTURE_TRANSFERS} // 200;
my $kill_seconds = $ENV{TORTURE_SECONDS} // 20;
my $kill_interval = 2;
my $poll_interval = 0.05;
my @wallets = map { "wallet$_" } 1 .. 5;
my @recipients = map { sprintf '0x%040x', 0xA00 + $_ } 1 .. 7;

my $seed = $ENV{TORTURE_SEED} // int(rand(1_000_000));
srand($seed);
diag("TORTURE_SEED=$seed");

my $anvil = DalpTest::Anvil->new(block_time => 1);
my $node = dalp_node('transfers',
	settings => {
		'restart_after_crash' => 'on',
		'dalp.allow_private_endpoints' => 'on',
		'dalp.poll_interval' => '200ms',
		'dalp.resend_interval' => '2s' });

$node->safe_psql('postgres', "SELECT dalp.create_chain('local', 31337, 'depth:1'); SELECT dalp.add_endpoint('local', '" . $anvil->url . "')");
my %address;
for my $wallet (@wallets)
{
	$address{$wallet} = lc $node->safe_psql('postgres', "SELECT dalp.create_wallet('$wallet')");
	$anvil->rpc('anvil_setBalance', $address{$wallet}, '0x56bc75e2d63100000');
}

# Transfer n: n wei, so that each is recognised on the chain by its value.
my %expected;
my @requests;
for my $n (1 .. $transfers)
{
	my ($wallet, $recipient) = ($wallets[ $n % @wallets ], $recipients[ $n % @recipients ]);
	$expected{"$address{$wallet} $recipient $n"} = 1;
	push @requests, json_encode({ wallet => $wallet, chain => 'local', to => $recipient, value => "$n", idempotency_key => "transfer-$n" });
}

# try_sql(SQL): the output, or undef where the server is down or goes down meanwhile.
sub try_sql
{
	my ($sql) = @_;
	my $output;
	my $status = $node->psql('postgres', $sql, stdout => \$output, stderr => \my $error, timeout => 60);

	return $status == 0 ? $output : undef;
}

# --- submit in tens, in doubt again, and kill somebody every two seconds
my $begin = time();
my $next_kill = $begin + $kill_interval;
my ($next, $kills, $submissions) = (0, 0, 0);
my @kinds = ('signer', 'broadcaster', 'server', 'scheduler', 'launcher');

while (time() < $begin + $kill_seconds || $next < $transfers)
{
	if ($next < $transfers)
	{
		my $last = $next + 9 < $transfers ? $next + 9 : $transfers - 1;
		my $array = join ',', map { "'$_'::jsonb" } @requests[ $next .. $last ];

		$submissions++;
		# Without an answer it may have happened or not: asked again, with the same keys.
		$next = $last + 1 if defined try_sql("SELECT count(*) FROM dalp.submit_many(ARRAY[$array])");
	}
	if (time() >= $next_kill && time() < $begin + $kill_seconds)
	{
		my $kind = $kinds[ rand @kinds ];
		my @pids = $kind eq 'server' ? () : split /\n/, try_sql("SELECT pid FROM pg_stat_activity WHERE backend_type LIKE 'dalp%$kind%'") // '';

		if (@pids)
		{
			# The postmaster takes the death of a worker by a signal for a crash, and starts over.
			kill 'KILL', @pids;
		}
		else
		{
			crash_server($node);
		}
		$kills++;
		$next_kill += $kill_interval;
	}
	sleep($poll_interval);
}
note("$kills kills, $submissions submissions");
cmp_ok($kills, '>=', int($kill_seconds / $kill_interval / 3), 'kills have happened');

query_until($node, "SELECT count(*) FROM dalp.transactions WHERE state = 'COMPLETED'", $transfers, 'postgres', 180);
is($node->safe_psql('postgres', 'SELECT count(*) FROM dalp.transactions'), $transfers, 'as many transactions as were submitted');

# --- what the chain says, by plain RPC
my (%found, %nonces);
for my $number (0 .. hex $anvil->rpc('eth_blockNumber'))
{
	my $block = $anvil->rpc('eth_getBlockByNumber', sprintf('0x%x', $number), JSON::PP::true);

	for my $transaction (@{ $block->{transactions} })
	{
		my $from = lc $transaction->{from};

		$found{ join ' ', $from, lc $transaction->{to}, hex $transaction->{value} }++;
		push @{ $nonces{$from} }, hex $transaction->{nonce};
	}
}
is(scalar(keys %found), $transfers, 'as many different transfers are on the chain');
is_deeply([ grep { $found{$_} != 1 } keys %found ], [], 'none is there twice');
is_deeply([ grep { !$expected{$_} } keys %found ], [], 'and nothing else');
for my $wallet (@wallets)
{
	my @sorted = sort { $a <=> $b } @{ $nonces{ $address{$wallet} } // [] };
	my $count = hex $anvil->rpc('eth_getTransactionCount', $address{$wallet}, 'latest');

	is_deeply(\@sorted, [ 0 .. $count - 1 ], "nonces of $wallet are dense");
}
for my $i (0 .. $#recipients)
{
	my $sum = 0;

	$sum += $_ for grep { $_ % @recipients == $i } 1 .. $transfers;
	is(hex $anvil->rpc('eth_getBalance', $recipients[$i], 'latest'), $sum, "balance of recipient $i is exact");
}

done_testing();
