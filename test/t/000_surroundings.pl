# What the other tests stand on: the server is our private copy, the EVM node
# is real, and the token contract keeps its own rules (so that a failing step
# in another test is dalp's doing).
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use DalpTest;

my $node = PostgreSQL::Test::Cluster->new('main');
my $library = $node->config_data('--pkglibdir') . '/dalp.so';
ok(-f $library && !-l $library, 'the server has a dalp of its own');

my $anvil = DalpTest::Anvil->new;
my @accounts = $anvil->accounts;
is(scalar @accounts, 10, 'the node has funded accounts');

# A transaction from the first account; returns its receipt.
sub transact
{
	my (%fields) = @_;
	my $hash = $anvil->rpc('eth_sendTransaction', { from => $accounts[0], %fields, gas => '0x300000' });

	return wait_until('the receipt', sub { return $anvil->rpc('eth_getTransactionReceipt', $hash); });
}

my $artifact = contract_artifact();
my $arguments = node_command('cast', 'abi-encode', 'constructor(string,string,uint8,address)',
	'Harbour Bridge 2030', 'HB30', '2', $accounts[0]);
my $deployed = transact(data => $artifact->{bytecode} . substr($arguments, 2));
my $token = $deployed->{contractAddress};
is($deployed->{status}, '0x1', 'the contract is deployed');
is($anvil->cast('call', $token, 'symbol()(string)'), '"HB30"', 'with its symbol');
is($anvil->cast('call', $token, 'decimals()(uint8)'), '2', 'and decimals');

sub call_token
{
	my ($signature, @values) = @_;

	return transact(to => $token, data => node_command('cast', 'calldata', $signature, @values))->{status};
}

is(call_token('mint(address,uint256)', $accounts[1], 1), '0x0', 'no units before the terms are set');
is(call_token('configure(uint256,uint64,uint32)', 1000, 4102444800, 325), '0x1', 'the terms are set');
is(call_token('configure(uint256,uint64,uint32)', 2000, 4102444800, 325), '0x0', 'once');
is(call_token('mint(address,uint256)', $accounts[1], 1000), '0x1', 'units up to the cap');
ok(!eval { $anvil->cast('call', $token, 'mint(address,uint256)', $accounts[1], 1, '--from', $accounts[0]) },
	'and none above it');
my $refusal = $@;
my $selector = node_command('cast', 'sig', 'CapExceeded(uint256,uint256)');
like($refusal, qr/$selector|CapExceeded/, 'which is told by a custom error');
is($anvil->cast('call', $token, 'balanceOf(address)(uint256)', $accounts[1]), '1000', 'the holder has them');

# The faults that other tests rely on.
my $port = $anvil->port;
$anvil->crash;
ok(!eval { $anvil->rpc('eth_chainId') }, 'a crashed node does not answer');
$anvil->start;
is($anvil->port, $port, 'it comes back on its port');

done_testing();
