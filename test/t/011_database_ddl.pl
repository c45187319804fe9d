# Guards: workers never stand in the way of statements that need a database
# for themselves, come back when such a statement fails, and can't be stopped by
# somebody who may not run it.
use strict;
use warnings;

use DalpTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);

# These statements are mostly checkpoints: without waiting for the disk, what is left of their time is ours.
my $node = dalp_node('main', databases => [], settings => { fsync => 'off' });

sub query
{
	return $node->safe_psql('postgres', $_[0]);
}

sub has_workers
{
	my ($database) = @_;

	query_until($node,
		"SELECT count(*) > 3 AND bool_and(state = 'running' AND turns > 0) FROM dalp.workers WHERE database = '$database'", 't');
	return;
}

# Pids of the workers of a database; the same ones later means undisturbed.
sub pids
{
	return query("SELECT string_agg(pid::text, ' ' ORDER BY pid) FROM dalp.workers WHERE database = '$_[0]'");
}

sub database_with_workers
{
	my ($database) = @_;

	query("CREATE DATABASE $database");
	$node->safe_psql($database, 'CREATE EXTENSION dalp');
	has_workers($database);
	return;
}

# Seconds of a statement that must succeed.
sub seconds_of
{
	my ($statement) = @_;
	my $began = time();

	query($statement);
	return time() - $began;
}

$node->safe_psql('postgres', 'CREATE EXTENSION dalp');
database_with_workers('books');

cmp_ok(seconds_of('CREATE DATABASE copy TEMPLATE books'), '<', 3, 'a database with workers can be a template');
has_workers('books');
pass('its workers come back');
has_workers('copy');
pass('the copy gets workers of its own');

cmp_ok(seconds_of('ALTER DATABASE copy RENAME TO renamed'), '<', 3, 'RENAME works at once');
has_workers('renamed');
pass('the renamed database has its workers again');

# A checkpoint is part of it.
cmp_ok(seconds_of('DROP DATABASE renamed'), '<', 3, 'DROP DATABASE works at once');
query_until($node, "SELECT count(*) FROM pg_stat_activity WHERE datname = 'renamed'", '0');

my $tablespace = PostgreSQL::Test::Utils::tempdir();
query("CREATE TABLESPACE elsewhere LOCATION '$tablespace'");
cmp_ok(seconds_of('ALTER DATABASE books SET TABLESPACE elsewhere'), '<', 5, 'SET TABLESPACE works');
has_workers('books');
query('ALTER DATABASE books SET TABLESPACE pg_default');
has_workers('books');
pass('workers come back after it');

is(query("SELECT count(*) FROM pg_stat_activity WHERE datname LIKE 'template%'"), '0', 'templates are left alone');

# A statement that fails

my $session = $node->background_psql('books');
my ($status, $output, $error) = $node->psql('postgres', 'DROP DATABASE books');
isnt($status, 0, 'DROP DATABASE fails while somebody else is connected');
like($error, qr/There is 1 other session using the database/, 'only that session is in the way');
my $began = time();
has_workers('books');
cmp_ok(time() - $began, '<', 2, 'the workers come back after a failed DROP DATABASE');
$session->quit;

($status, $output, $error) = $node->psql('postgres', 'BEGIN; DROP DATABASE books');
like($error, qr/cannot run inside a transaction block/, 'DROP DATABASE in a transaction block fails as always');
has_workers('books');

# Somebody who may not

query('CREATE ROLE stranger LOGIN');
query('CREATE ROLE maker LOGIN CREATEDB');
my $before = pids('books');
for my $statement ('DROP DATABASE books', 'ALTER DATABASE books RENAME TO mine',
	'CREATE DATABASE mine TEMPLATE books', 'ALTER DATABASE books SET TABLESPACE elsewhere')
{
	for my $role (qw(stranger maker))
	{
		($status) = $node->psql('postgres', "SET ROLE $role; $statement");
		isnt($status, 0, "$role may not $statement");
	}
}
is(pids('books'), $before, 'and disturbs no worker by trying');

# While a worker starts

for my $round (1 .. 5)
{
	query("CREATE DATABASE short_lived");
	$node->safe_psql('short_lived', 'CREATE EXTENSION dalp');
	cmp_ok(seconds_of('DROP DATABASE short_lived'), '<', 3, "DROP DATABASE right after CREATE EXTENSION, round $round");
}

# Two at the same time, both needing what the other holds off

my @copies = map {
	my ($in, $out) = ('', '');
	IPC::Run::start(
		[ 'psql', '-XAtq', '-d', $node->connstr('postgres'), '-c', "CREATE DATABASE copy$_ TEMPLATE books" ],
		'<', \$in, '>', \$out, '2>', \$out);
} 1 .. 2;
IPC::Run::finish($_) for @copies;
is(query("SELECT count(*) FROM pg_database WHERE datname IN ('copy1', 'copy2')"), '2', 'two copies at the same time');
has_workers($_) for qw(books copy1 copy2);
pass('all three have workers');

# With FORCE, and a backend that dies with its hold

query('DROP DATABASE copy1 WITH (FORCE)');
$session = $node->background_psql('copy2');
my $dropper = IPC::Run::start(
	[ 'psql', '-XAtq', '-d', $node->connstr('postgres'), '-c', 'DROP DATABASE copy2' ],
	'<', \undef, '>', \my $drop_output, '2>', \my $drop_error);
query_until($node, "SELECT bool_and(state = 'held') FROM dalp.workers WHERE database = 'copy2'", 't');
pass('dalp.workers shows the hold');
query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query = 'DROP DATABASE copy2'");
IPC::Run::finish($dropper);
has_workers('copy2');
pass('a hold ends with the backend that had it');
$session->quit;

$node->stop;
unlike(slurp_file($node->logfile), qr/PANIC|TRAP|database "\w+" does not exist/, 'no worker ran into a dropped database');
done_testing();
