# Guards: workers run exactly where the extension is installed.  They start
# within a second of CREATE EXTENSION, leave at DROP EXTENSION, come back after
# every kind of death, stop within a second, and cost nothing while idle.
use strict;
use warnings;

use DalpTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time sleep);

my $node = dalp_node('main', databases => [], settings => { restart_after_crash => 'on' });

# Kinds and numbers of the workers that run in a database, as text.
sub running
{
	my ($database) = @_;

	return $node->safe_psql('postgres',
		"SELECT string_agg(kind || index, ' ' ORDER BY kind, index) FROM dalp.workers
		 WHERE database = '$database' AND state = 'running'");
}

# All workers of a database as the server sees them.
sub processes
{
	my ($database) = @_;

	return $node->safe_psql('postgres',
		"SELECT count(*) FROM pg_stat_activity WHERE backend_type LIKE 'dalp %' AND datname = '$database'");
}

# Seconds until all places of the database are taken by other processes than before.
sub seconds_until_running
{
	my ($database, $began, @before) = @_;
	my $old = join(',', 0, @before);

	wait_until("the workers of $database", sub {
		return $node->psql('postgres',
			"SELECT 1 / (count(*) FILTER (WHERE state = 'running' AND turns > 0 AND pid NOT IN ($old)) = count(*)
				AND count(*) >= 3)::int FROM dalp.workers WHERE database = '$database'",
			stdout => \my $output, stderr => \my $error) == 0;
	});
	return time() - $began;
}

sub pids
{
	my ($database) = @_;

	return split /\n/, $node->safe_psql('postgres',
		"SELECT pid FROM dalp.workers WHERE database = '$database' AND pid IS NOT NULL");
}

is(scalar(worker_pids($node)), 1, 'without the extension there is only the launcher');

# CREATE EXTENSION

$node->safe_psql('postgres', 'CREATE EXTENSION dalp');
my $began = time();
my $seconds = seconds_until_running('postgres', $began);
cmp_ok($seconds, '<', 1, 'workers run within a second of CREATE EXTENSION');
my $all = running('postgres');
like($all, qr/executor0 executor1 .*scheduler0/, 'one scheduler, two executors');
is(processes('postgres'), scalar(split / /, $all), 'pg_stat_activity shows the same');
is($node->safe_psql('postgres',
		"SELECT count(*) FROM pg_stat_activity WHERE backend_type LIKE 'dalp %'
		 AND application_name NOT LIKE 'dalp %'"),
	'0', 'they have names');

# A second database

$node->safe_psql('postgres', 'CREATE DATABASE second');
$node->safe_psql('second', 'CREATE EXTENSION dalp');
$began = time();
cmp_ok(seconds_until_running('second', $began), '<', 1, 'a database made later gets its own within a second');
is(running('second'), $all, 'the same kinds');

# A rolled-back CREATE EXTENSION

$node->safe_psql('postgres', 'CREATE DATABASE third');
$node->safe_psql('third', 'BEGIN; CREATE EXTENSION dalp; ROLLBACK');
$node->safe_psql('third', 'CREATE EXTENSION dalp; DROP EXTENSION dalp');
query_until($node, "SELECT count(*) FROM pg_stat_activity WHERE datname = 'third'", '0');
pass('nothing runs where CREATE EXTENSION was rolled back or undone');

# Deaths

my @before = pids('postgres');
$began = time();
signal_and_wait('TERM', @before);
cmp_ok(time() - $began, '<', 1, 'SIGTERM ends all of them within a second');
seconds_until_running('postgres', $began, @before);
pass('after SIGTERM they come back');
cmp_ok($node->safe_psql('postgres',
		"SELECT min(restarts) FROM dalp.workers WHERE database = 'postgres'"), '>=', 1, 'their restarts are counted');

my ($launcher) = worker_pids($node, 'launcher');
@before = pids('second');
signal_and_wait('TERM', $launcher);
query_until($node, "SELECT count(*) FROM dalp.workers WHERE kind = 'launcher' AND state = 'running' AND pid <> $launcher", '1');
is(join(' ', pids('second')), join(' ', @before), 'the death of the launcher disturbs no worker');
kill_worker($node, 'executor', 'TERM');
seconds_until_running('postgres', time());
seconds_until_running('second', time());
pass('the new launcher looks after those of the old one');

kill_worker($node, 'executor', 'KILL');
$began = time();
query_until($node, 'SELECT 1', '1');
seconds_until_running('postgres', $began);
seconds_until_running('second', $began);
pass('after kill -9 of a worker all come back, in all databases');

# DROP EXTENSION and again

$began = time();
$node->safe_psql('second', 'DROP EXTENSION dalp');
query_until($node, "SELECT count(*) FROM pg_stat_activity WHERE backend_type LIKE 'dalp %' AND datname = 'second'", '0');
cmp_ok(time() - $began, '<', 3, 'DROP EXTENSION ends the workers');
is($node->safe_psql('postgres', "SELECT count(*) FROM dalp.workers WHERE database = 'second'"), '0',
	'and the view forgets them');
$node->safe_psql('second', 'CREATE EXTENSION dalp');
$began = time();
cmp_ok(seconds_until_running('second', $began), '<', 1.5, 'CREATE EXTENSION starts them again');
@before = pids('second');
$node->safe_psql('second', 'BEGIN; DROP EXTENSION dalp; CREATE EXTENSION dalp; COMMIT');
seconds_until_running('second', time(), @before);
pass('another extension in the same transaction gets fresh workers');

# dalp.databases and dalp.executors

$node->append_conf('postgresql.conf', "dalp.databases = 'postgres'\ndalp.executors = 3\n");
$node->reload;
query_until($node, "SELECT count(*) FROM pg_stat_activity WHERE backend_type LIKE 'dalp %' AND datname = 'second'", '0');
pass('dalp.databases excludes at reload');
query_until($node,
	"SELECT count(*) FROM dalp.workers WHERE database = 'postgres' AND kind = 'executor' AND state = 'running'", '3');
pass('more executors at reload');
$node->append_conf('postgresql.conf', "dalp.databases = ''\ndalp.executors = 1\n");
$node->reload;
query_until($node,
	"SELECT count(*) FROM dalp.workers WHERE database = 'postgres' AND kind = 'executor'", '1');
seconds_until_running('second', time());
pass('fewer executors and all databases at reload');

# Idle: no transaction, at most a turn a second.  Counted over a while, not slept for.

my $turns = "SELECT coalesce(sum(turns), 0) || ' ' || count(*) || ' ' || extract(epoch FROM clock_timestamp())
	FROM dalp.workers WHERE database IS NOT NULL";
my ($turns_before, $count, $clock_before) = split / /, $node->safe_psql('postgres', $turns);
my $worst = 0;
my ($turns_after, $clock_after);
wait_until('five seconds of idleness', sub {
	my $open = $node->safe_psql('postgres',
		"SELECT count(*) FROM pg_stat_activity WHERE backend_type LIKE 'dalp %'
		 AND (xact_start < clock_timestamp() - interval '200 ms' OR backend_xid IS NOT NULL
			OR (backend_xmin IS NOT NULL AND query_start < clock_timestamp() - interval '200 ms'))");
	$worst = $open if $open > $worst;
	($turns_after, undef, $clock_after) = split / /, $node->safe_psql('postgres', $turns);
	return $clock_after - $clock_before >= 5;
});
is($worst, 0, 'no worker keeps a transaction open');
my $rate = ($turns_after - $turns_before) / ($clock_after - $clock_before) / $count;
note sprintf('%.2f turns per worker and second', $rate);
cmp_ok($rate, '<=', 1.1, 'no worker wakes more than once a second');

# Shutdown

$began = time();
$node->stop('fast');
cmp_ok(time() - $began, '<', 5, 'a fast shutdown is fast');
$node->start;
seconds_until_running('postgres', time());
seconds_until_running('second', time());
pass('after a restart all run without anybody connecting to their databases');

unlike(slurp_file($node->logfile), qr/PANIC|TRAP|could not find|leak/, 'nothing strange in the log');

# Without preload

my $bare = dalp_node('bare', settings => { shared_preload_libraries => '' }, start => 0);
$bare->start;
my ($status, $output, $error) = $bare->psql('postgres', "\\set VERBOSITY verbose\nCREATE EXTENSION dalp");
like($error, qr/DL009: dalp is not loaded/, 'without preload CREATE EXTENSION says DL009');
like($error, qr/HINT:  Add dalp to shared_preload_libraries and restart the server/, 'and what to do');
is($bare->safe_psql('postgres', "SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'dalp%'"), '0', 'and leaves nothing');
is($bare->safe_psql('postgres', "LOAD 'dalp'; SHOW dalp.executors"), '2', 'LOAD without preload is quiet');
done_testing();
