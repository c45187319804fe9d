# Guards: nothing of dalp runs on a standby, everything can be read there, and
# promotion starts the workers by itself.
use strict;
use warnings;

use DalpTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);

my $all_run = "SELECT count(*) > 3 AND bool_and(state = 'running' AND turns > 0)
	FROM dalp.workers WHERE database = 'postgres'";

my $primary = dalp_node('primary', streaming => 1);
query_until($primary, $all_run, 't');

$primary->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($primary, 'base', has_streaming => 1);
$standby->start;
$primary->wait_for_catchup($standby, 'replay', $primary->lsn('insert'));

is($standby->safe_psql('postgres', "SELECT count(*) FROM pg_stat_activity WHERE backend_type LIKE 'dalp %'"), '0',
	'no worker on a standby');
is($standby->safe_psql('postgres', 'SELECT dalp.version() = extversion FROM pg_extension WHERE extname = \'dalp\''), 't',
	'functions that read work there');
is($standby->safe_psql('postgres', "SELECT kind, state FROM dalp.workers"), 'launcher|waiting',
	'dalp.workers says so');
my ($status, $output, $error) = $standby->psql('postgres', "\\set VERBOSITY verbose\nSELECT dalp.start('nothing')");
like($error, qr/DL008/, 'functions that write say DL008');

# Work on the primary goes on, and replay on the standby is not in its way.
$primary->safe_psql('postgres', 'CREATE DATABASE second');
$primary->safe_psql('second', 'CREATE EXTENSION dalp');
$primary->wait_for_catchup($standby, 'replay', $primary->lsn('insert'));
$primary->safe_psql('postgres', 'DROP DATABASE second');
$primary->wait_for_catchup($standby, 'replay', $primary->lsn('insert'));
pass('DROP DATABASE is replayed');

$primary->stop('immediate');
my $began = time();
$standby->promote;
query_until($standby, $all_run, 't');
my $seconds = time() - $began;
note sprintf('workers %.2f s after the call of promote', $seconds);
cmp_ok($seconds, '<', 5, 'promotion starts the workers');

$standby->stop;
unlike(slurp_file($standby->logfile), qr/PANIC|TRAP/, 'nothing strange in the log');
done_testing();
