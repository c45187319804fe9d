# Guards: with a synchronous standby no accepted run and no step is lost when the
# primary dies under load; the promoted standby goes on with the runs by itself,
# each step once.  On the standby everything can be read and nothing written.
use strict;
use warnings;

use DalpTest;
use Ledger;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);

my $primary = dalp_node('primary', streaming => 1);
my $ledger = Ledger->new($primary, steps => 10, waits => 1);

$primary->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($primary, 'base', has_streaming => 1);
$standby->start;
$primary->append_conf('postgresql.conf', "synchronous_standby_names = '*'\n");
$primary->reload;
query_until($primary, "SELECT sync_state FROM pg_stat_replication", 'sync');

$ledger->start(20);
$ledger->check('with a synchronous standby');
$primary->wait_for_catchup($standby, 'replay', $primary->lsn('insert'));
is($standby->safe_psql('postgres', 'SELECT count(*) FROM dalp.runs'), '20', 'runs can be read on the standby');
cmp_ok($standby->safe_psql('postgres', 'SELECT count(*) FROM dalp.run_history'), '>', 200, 'and their history');
my ($one) = $standby->safe_psql('postgres', 'SELECT min(run_id) FROM dalp.runs');
for my $call ("dalp.start('ledger')", "dalp.start_many('ledger', ARRAY['{}'::jsonb])", "dalp.signal($one, 'x')", "dalp.cancel($one, 'x')",
	"dalp.pause($one)", "dalp.resume($one)", "dalp.pause('ledger')", "dalp.resume('ledger')",
	"dalp.create_workflow('new', '{}')", "dalp.grant_workflow('ledger', 'postgres')", "dalp.revoke_workflow('ledger', 'postgres')",
	'dalp.redrive(1)', 'dalp.discard(1)', 'dalp.acknowledge(1)')
{
	my ($status, $output, $error) = $standby->psql('postgres', "\\set VERBOSITY sqlstate\nSELECT $call");

	like($error, qr/^psql:<stdin>:\d+: ERROR:  DL008$/m, "$call says DL008");
}
is($standby->safe_psql('postgres', "SELECT (dalp.wait($one)).status"), 'SUCCEEDED', 'dalp.wait reads');

# Why a run does not go on there.
$primary->safe_psql('postgres', q{SELECT dalp.create_workflow('later', '{"StartAt": "A", "States": {"A": {"Type": "Succeed"}}}')});
my $later = $primary->safe_psql('postgres', "SELECT dalp.start('later', start_at => clock_timestamp() + interval '1 h')");
$primary->wait_for_catchup($standby, 'replay', $primary->lsn('insert'));
is($standby->safe_psql('postgres', "SELECT string_agg(kind, ' ') FROM dalp.why($later)"), 'standby start', 'dalp.why says that the primary has to go on with it');
is($primary->safe_psql('postgres', "SELECT string_agg(kind, ' ') FROM dalp.why($later)"), 'start', 'which it does not say there');
$primary->safe_psql('postgres', "SELECT dalp.cancel($later, 'enough')");
query_until($primary, "SELECT status FROM dalp.runs WHERE run_id = $later", 'ABORTED');

# Under load.
$ledger->start(60);
query_until($primary, 'SELECT count(*) > 210 FROM ledger.entry', 't');
kill_server($primary);
my $began = time();
$standby->promote;
$ledger->{node} = $standby;
query_until($standby, 'SELECT count(*) < 80 FROM dalp_workflow.run', 't');
my $left = $ledger->open_runs;
query_until($standby, "SELECT count(*) > 0 FROM ledger.entry WHERE at > to_timestamp($began)", 't');
my $first = $standby->safe_psql('postgres', "SELECT extract(epoch FROM min(at)) - $began FROM ledger.entry WHERE at > to_timestamp($began)");
diag(sprintf('%s runs were under way; first step %.2f s after the call of promote', $left, $first));
cmp_ok($first, '<', 5, 'runs go on after promotion');
$ledger->check('after the failover');

$standby->stop;
unlike(slurp_file($standby->logfile), qr/PANIC|TRAP/, 'nothing strange in the log');
done_testing();
