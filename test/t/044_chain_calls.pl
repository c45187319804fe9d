# Promise: a state chain:call gets what the contract says, decoded, or an error
# that Retry and Catch know by name: a revert with its reason, a node that has not
# answered in time.  An endpoint that is down for a while costs nothing but time.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use DalpTest;
use NetProbe qw(start_server set_script);

my $anvil = DalpTest::Anvil->new;
my $node = dalp_node('calls',
	settings => {
		'dalp.allow_private_endpoints' => 'on',
		'restart_after_crash' => 'on',
		'dalp.http_timeout' => '3s',
		'dalp.rpc_timeout' => '1s',
		'dalp.rpc_connect_timeout' => '1s' });

sub sql { return $node->safe_psql('postgres', $_[0]); }

sub workflow
{
	my ($name, $parameters, $more) = @_;
	$more = defined $more ? ", $more" : '';
	sql("SELECT dalp.create_workflow('$name', \$body\$" . qq({"StartAt": "Ask", "States": {"Ask": {"Type": "Task", "Resource": "chain:call", "Parameters": $parameters$more, "End": true}}}) . "\$body\$)");
	return;
}

# The end of a run: its status, error, cause and output.
sub outcome
{
	my ($workflow, $input) = @_;
	my $id = sql("SELECT dalp.start('$workflow', '" . ($input // '{}') . "')");
	my ($status, $error, $cause) = split /\|/, sql("SELECT status, error, cause FROM dalp.wait($id, '60s')"), 3;
	return ($status, $error, $cause, sql("SELECT output FROM dalp.runs WHERE run_id = $id"));
}

# BondToken, deployed by the node's first account.
my ($deployer) = $anvil->accounts;
my $artifact = contract_artifact();
my $code = $artifact->{bytecode} . node_command('cast', 'abi-encode', 'constructor(string,string,uint8,address)', 'Bond', 'BND', '0', $deployer) =~ s/^0x//r;
my $hash = $anvil->rpc('eth_sendTransaction', { from => $deployer, data => $code, gas => '0x4c4b40' });
my $token;
wait_until('the contract', sub { my $receipt = $anvil->rpc('eth_getTransactionReceipt', $hash); $token = $receipt && $receipt->{contractAddress}; return $token; });

sql("SELECT dalp.create_chain('local', 31337, 'depth:1', 'eip1559', NULL); SELECT dalp.add_endpoint('local', '" . $anvil->url . "')");
my $abi = json_encode($artifact->{abi});

workflow('symbol', qq({"chain": "local", "to": "$token", "function": "symbol() returns (string)"}));
is((outcome('symbol'))[3], '["BND"]', 'a call, decoded by its signature');
workflow('balance', qq({"chain": "local", "to": "$token", "function": "balanceOf", "args.\$": "States.Array(\$.who)", "abi": $abi, "block": "latest"}));
is((outcome('balance', qq({"who": "$deployer"})))[3], '["0"]', 'by its ABI');
workflow('raw', qq({"chain": "local", "to": "$token", "data": "0x95d89b41"}));
like((outcome('raw'))[3], qr/^"0x0{62}20/, 'calldata as it is gives bytes as they are');
is((outcome('symbol'))[3], sql("SELECT dalp.call('local', '$token', 'symbol() returns (string)', '[]')"), 'dalp.call says the same');

workflow('mint', qq({"chain": "local", "to": "$token", "from": "$deployer", "function": "mint(address,uint256)", "args": ["$deployer", 7], "abi": $abi}),
	'"Catch": [{"ErrorEquals": ["Chain.Reverted"], "Next": "Caught"}], "Next": "Caught"}, "Caught": {"Type": "Pass"');
my $caught = json_decode((outcome('mint'))[3]);
is($caught->{Error}, 'Chain.Reverted', 'a revert can be caught');
is(json_decode($caught->{Cause})->{reason}, 'NotConfigured()', 'its reason is decoded by the ABI');

workflow('nothing', qq({"chain": "local", "to": "0x00000000000000000000000000000000000000AA", "function": "symbol() returns (string)"}));
is((outcome('nothing'))[1], 'Chain.InvalidResponse', 'no contract there');
workflow('unknown', qq({"chain": "nowhere", "to": "$token", "data": "0x"}));
is((outcome('unknown'))[1], 'Chain.Rejected', 'no such chain');
workflow('wrong', qq({"chain": "local", "to": "$token", "function": "balanceOf(address)", "args": ["nobody"]}));
my ($status, $error, $cause) = outcome('wrong');
is($error, 'Chain.Rejected', 'an argument that is none');
like($cause, qr/args/, 'with where');

# --- the only endpoint is down, then up
$anvil->stop;
is((outcome('symbol'))[1], 'Chain.Unavailable', 'an endpoint that is down');
workflow('patient', qq({"chain": "local", "to": "$token", "function": "symbol() returns (string)"}), '"TimeoutSeconds": 60');
workflow('hurried', qq({"chain": "local", "to": "$token", "function": "symbol() returns (string)"}), '"TimeoutSeconds": 1');
is((outcome('hurried'))[1], 'States.Timeout', 'TimeoutSeconds is the limit where it is set');
my $id = sql("SELECT dalp.start('patient')");
query_until($node, "SELECT waits_for FROM dalp.why($id)", 'the answer of chain local');
my $script = { methods => {
	eth_chainId => { result => '0x7a69' }, eth_getBlockByNumber => { result => undef }, web3_clientVersion => { result => 'test' },
	eth_call => [ { error => { code => -32005, message => 'rate limit exceeded' } }, { result => '0x' . '0' x 62 . '20' . '0' x 63 . '3' . '424e44' . '0' x 58 } ] } };
my $other = start_server('rpc_node.py');
set_script($other, $script);
sql("SELECT dalp.add_endpoint('local', 'http://127.0.0.1:$other', 1)");
query_until($node, "SELECT status, output FROM dalp.runs WHERE run_id = $id", 'SUCCEEDED|["BND"]');
ok(1, 'another endpoint is asked, and again after it has refused for its own sake');

# --- many share rounds, and a crash in the middle repeats what had no answer
set_script($other, { methods => { %{ $script->{methods} }, eth_call => { delay => 0.2, result => $script->{methods}{eth_call}[1]{result} } } });
sql("SELECT dalp.start_many('patient', ARRAY(SELECT '{}'::jsonb FROM generate_series(1, 300)))");
query_until($node, "SELECT count(*) < 250 FROM dalp_ops.outside_call", 't');
kill_worker($node, 'broadcaster');
query_until($node, 'SELECT count(*) FROM dalp_workflow.run', '0');
is(sql("SELECT count(*) FROM dalp.runs WHERE workflow = 'patient' AND output = '[\"BND\"]'"), '301', 'all are answered');
is(sql('SELECT count(*) FROM dalp_ops.outside_call'), '0', 'none is left');

done_testing();
