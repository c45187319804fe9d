# Promise: a durable procedure that submits a transaction and waits for it puts one
# on the chain, wherever between submission and end its executor, or the whole
# server, is killed.
use strict;
use warnings;

use DalpTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $anvil = DalpTest::Anvil->new(options => ['--no-mining']);
my $node = dalp_node('main',
	settings => { 'restart_after_crash' => 'on', 'dalp.allow_private_endpoints' => 'on', 'dalp.poll_interval' => '200ms' });
my $recipient = '0x00000000000000000000000000000000000000ab';
my $stop = $node->data_dir . '/dalp_stop';
mkdir $stop or die "$stop: $!";

sub query { return $node->safe_psql('postgres', $_[0]); }

my $wallet = query("SELECT dalp.create_chain('local', 31337, 'depth:1'); SELECT dalp.add_endpoint('local', '" . $anvil->url . "'); SELECT dalp.create_wallet('treasury')");
$wallet = (split /\n/, $wallet)[-1];
$anvil->rpc('anvil_setBalance', $wallet, '0x56bc75e2d63100000');
query(<<SQL);
CREATE SCHEMA pay;
CREATE PROCEDURE pay.out(run dalp.run, OUT output jsonb) LANGUAGE plpgsql AS \$\$
DECLARE
	id bigint;
BEGIN
	id := dalp.submit_transaction('treasury', 'local', '$recipient', (run.input->>'wei')::numeric);
	COMMIT;
	output := dalp.await_transaction(id);
END \$\$;
SELECT dalp.create_procedure_workflow('pay', 'pay.out(dalp.run)');
SQL

# Killed in front of the commit of the submission, behind it, and where it begins to wait.
my $runs = 0;
for my $point (qw(procedure_before_commit procedure_after_commit procedure_before_settle procedure_after_settle))
{
	append_to_file("$stop/$point.new", 'crash');
	rename "$stop/$point.new", "$stop/$point" or die "$stop/$point: $!";
	$runs++;
	wait_until('the run to be started', sub {
		return $node->psql('postgres', qq{SELECT dalp.start('pay', '{"wei": $runs}', '$point')}, stderr => \my $error) == 0; });
	wait_until("a process to reach $point", sub { return !-e "$stop/$point"; });
	query_until($node, "SELECT count(*) FROM dalp.transactions WHERE state IN ('BROADCASTING', 'CONFIRMING')", $runs);
}
is(query(q{SELECT string_agg(status, ' ') FROM dalp.runs}), join(' ', ('RUNNING') x $runs), 'all wait for their ends');

# All are on their way, none is in a block.
crash_server($node);
query_until($node, 'SELECT count(*) FROM dalp.runs', $runs);
$anvil->rpc('evm_setIntervalMining', 1);
query_until($node, "SELECT count(*) FROM dalp.runs WHERE status = 'SUCCEEDED' AND output->>'status' IS NOT NULL", $runs);
is(query("SELECT string_agg(value || ' ' || state, ', ' ORDER BY value) FROM dalp.transactions"),
	join(', ', map { "$_ COMPLETED" } 1 .. $runs), 'one transaction for each run');
is(hex $anvil->rpc('eth_getTransactionCount', $wallet, 'latest'), $runs, 'as many on the chain');
is(hex $anvil->rpc('eth_getBalance', $recipient, 'latest'), $runs * ($runs + 1) / 2, 'each paid once');
is(query(q{SELECT count(*) FROM dalp.dead_letters}), '0', 'nothing went wrong');

done_testing();
