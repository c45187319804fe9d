# Guards: a lack of background workers or slots is said once, with a hint, and
# harms nothing else; a library of another version idles instead of failing in
# a loop, and goes on when the versions meet again.
use strict;
use warnings;

use DalpTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

sub messages
{
	my ($node, $pattern) = @_;
	my @found = slurp_file($node->logfile) =~ /$pattern/g;

	return scalar @found;
}

# Too few background workers: the launcher, replication's launcher and two more.
my $few = dalp_node('few', settings => { max_worker_processes => 4 });
wait_until('the warning', sub { return messages($few, qr/WARNING:  there is no free background worker for dalp/) });
query_until($few, "SELECT count(*) FROM dalp.workers WHERE database = 'postgres' AND state = 'running'", '2');
is(messages($few, qr/WARNING:  there is no free background worker for dalp/), 1, 'one warning where workers are short');
is(messages($few, qr/HINT:  Raise max_worker_processes, which is now 4, and restart the server/), 1, 'with a hint');
is($few->safe_psql('postgres', "SELECT bool_and(restarts = 0) FROM dalp.workers"), 't', 'no worker starts again and again');
$few->stop;

# Too few slots.
my $slots = dalp_node('slots', settings => { 'dalp.max_databases' => 1 });
query_until($slots, "SELECT count(*) > 3 AND bool_and(state = 'running') FROM dalp.workers WHERE database = 'postgres'", 't');
$slots->safe_psql('postgres', 'CREATE DATABASE second');
$slots->safe_psql('second', 'CREATE EXTENSION dalp');
wait_until('the warning', sub { return messages($slots, qr/WARNING:  1 database can't have dalp's workers because all slots are taken/) });
is(messages($slots, qr/HINT:  Raise dalp.max_databases, which is now 1,/), 1, 'one warning where slots are short, with a hint');
is($slots->safe_psql('second', "SELECT bool_and(database = 'postgres') FROM dalp.workers WHERE database IS NOT NULL"), 't',
	'the database that has the slot keeps it');
$slots->safe_psql('second', 'DROP DATABASE postgres');
query_until($slots, "SELECT count(*) > 3 AND bool_and(state = 'running') FROM dalp.workers WHERE database = 'second'", 't', 'second');
pass('when that database is dropped the other gets the slot');
$slots->stop;

# A library of another version.
my $versions = dalp_node('versions');
my $all_run = "SELECT count(*) > 3 AND bool_and(state = 'running' AND turns > 0 AND restarts = 0) FROM dalp.workers WHERE database = 'postgres'";
query_until($versions, $all_run, 't');
my $version = $versions->safe_psql('postgres', "SELECT extversion FROM pg_extension WHERE extname = 'dalp'");
$versions->safe_psql('postgres', q{
	BEGIN;
	UPDATE pg_extension SET extversion = '0.0.0' WHERE extname = 'dalp';
	SELECT dalp_ops.installed();
	COMMIT;
});
wait_until('the message', sub { return messages($versions, qr/LOG:  dalp is idle: the loaded library is version/) });
query_until($versions,
	"SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'dalp scheduler' AND query = 'version mismatch' AND state = 'idle'", '1');
$versions->restart;
wait_until('the message again', sub { return messages($versions, qr/LOG:  dalp is idle: the loaded library is version/) == 2 });
is($versions->safe_psql('postgres', "SELECT string_agg(kind, ' ') FROM dalp.workers WHERE database = 'postgres'"), 'scheduler',
	'only the scheduler waits for the versions to meet');
is(messages($versions, qr/HINT:  Run ALTER EXTENSION dalp UPDATE, or restart the server/), 2, 'one message a start, with a hint');
$versions->safe_psql('postgres', qq{
	BEGIN;
	UPDATE pg_extension SET extversion = '$version' WHERE extname = 'dalp';
	SELECT dalp_ops.installed();
	COMMIT;
});
query_until($versions, $all_run, 't');
pass('all workers run when the versions meet');

done_testing();
