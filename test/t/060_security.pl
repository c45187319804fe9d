# Promise: what one session, user or database does stops nobody else's work.
#
# The other half, what a handler may do, is in sql/security.sql.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use DalpTest;

my $node = dalp_node('main');

# Databases with an extension each.
for my $name (qw(books wines))
{
	$node->safe_psql('postgres', "CREATE DATABASE $name");
	$node->safe_psql($name, 'CREATE EXTENSION dalp');
}

sub has_workers
{
	my ($name) = @_;

	return query_until($node,
		"SELECT count(*) > 0 AND bool_and(state = 'running') FROM dalp.workers WHERE database = '$name'", 't');
}

has_workers($_) for qw(books wines);

# A transaction that needs two databases for itself gives both back, though its session goes on.
my $session = $node->background_psql('postgres');

$session->query_safe('BEGIN; ALTER DATABASE books RENAME TO papers; ALTER DATABASE wines RENAME TO spirits; COMMIT');
has_workers($_) for qw(papers spirits);
pass('both have their workers again while the session goes on');

$session->query_safe('BEGIN; ALTER DATABASE papers RENAME TO a; ALTER DATABASE spirits RENAME TO b; ROLLBACK');
has_workers($_) for qw(papers spirits);
pass('both have their workers again after a rollback too');
$session->quit;

done_testing();
