# Guards: kill -9 of the server with tasks given out: none is lost, none is
# given out twice before its lease has lasted a full time from the start, the
# tokens of before are good until then and stale afterwards; heartbeats that find
# no room in shared memory are kept as well.
use strict;
use warnings;

use DalpTest;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);

# Room for few heartbeats.
my $node = dalp_node('main', settings => { 'dalp.max_leases' => 16 });

sub query { return $node->safe_psql('postgres', $_[0]); }
sub sqlstate
{
	my ($sql) = @_;
	my ($out, $error);

	$node->psql('postgres', "\\set VERBOSITY sqlstate\n$sql", stdout => \$out, stderr => \$error, on_error_stop => 0);
	return $error =~ /ERROR:\s+(\w+)/ ? $1 : 'none';
}
# claim(N, LEASE): tokens.
sub claim
{
	my ($count, $lease) = @_;

	return split /\n/, query("SELECT task_token FROM dalp.claim_tasks('q', 'w', $count, '$lease', '30s')");
}

query(q{SELECT dalp.create_workflow('work', '{"StartAt": "A", "States": {"A": {"Type": "Task", "Resource": "activity:q", "End": true}}}')});
query(q{SELECT count(*) FROM dalp.start_many('work', array_fill('{}'::jsonb, ARRAY[40]))});
query_until($node, "SELECT count(*) FROM dalp.tasks WHERE status = 'open'", '40');

# Leases that would be over while the server is down, others that are long.
my @short = claim(10, '3 s');
my @long = claim(10, '1 h');
my $claimed = time();

kill_server($node);
start_server($node);
query_until($node, "SELECT count(*) > 0 FROM dalp.workers WHERE kind = 'scheduler' AND state <> 'starting'", 't');
my $seen = time();
is(query('SELECT status, count(*), sum(losses) FROM dalp.tasks GROUP BY status ORDER BY status'),
	"leased|20|0\nopen|20|0", 'nothing is lost, nothing is given back by the crash');
is(query(q{SELECT count(*) FROM dalp.tasks WHERE status = 'leased' AND lease_until - claimed_at > '1 h'}), '10',
	'leases count from the start of the server');
is(sqlstate("SELECT dalp.complete_task('$short[0]', '1')"), 'none', 'a token of before is good');

# After their full time they come back, in the same place, at no attempt's cost.
query_until($node, "SELECT count(*) FROM dalp.tasks WHERE losses = 1 AND status = 'open'", '9');
cmp_ok(time() - $claimed, '>=', 3, 'not before their time');
is(query('SELECT status, attempt, losses, count(*) FROM dalp.tasks GROUP BY 1, 2, 3 ORDER BY 1, 2, 3'),
	"leased|0|0|10\nopen|0|0|20\nopen|0|1|9", 'the other leases last');
is(sqlstate("SELECT dalp.complete_task('$short[1]', '1')"), 'DL005', 'a token of before is stale after its lease');
is(sqlstate("SELECT dalp.complete_task('$long[0]', '1')"), 'none', 'and good within it');

# More heartbeats than there is room for: all are kept.
my @many = claim(29, '2 s');
is(scalar @many, 29, 'all open ones are given out');
my $end = time() + 3;
my $beats = join "\n", map { "SELECT dalp.heartbeat_task('$_', '{}');" } @many;
while (time() < $end)
{
	query($beats);
}
is(query('SELECT count(*) FROM dalp.tasks WHERE losses > 0 AND status = \'open\''), '0', 'heartbeats beyond shared memory are kept in the table');
# And lost together when they stop.
query_until($node, "SELECT count(*) FROM dalp.tasks WHERE status = 'open'", '29');

# A crash in the middle of completions: each is there or is not.
my @batch = claim(29, '1 h');
my $list = join ',', map { "'$_'" } @batch[ 0 .. 9 ];
query("SELECT count(*) FROM dalp.complete_and_claim(ARRAY[$list], NULL, 'q', 'w')");
kill_server($node);
start_server($node);
query_until($node, "SELECT count(*) FROM dalp.runs WHERE status = 'SUCCEEDED'", '12');
is(query('SELECT status, count(*) FROM dalp.tasks GROUP BY 1'), 'leased|28', 'what was completed is, what was not is still given out');
is(query('SELECT count(*) FROM dalp_workflow.inbox'), '0', 'no message is left');

$node->stop;
unlike(slurp_file($node->logfile), qr/PANIC|TRAP/, 'nothing strange in the log');
done_testing();
