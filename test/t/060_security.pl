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
$node->stop;

# A handler that kills its process takes the server down with it. It may do so
# three times; then its run is ended, and the others go on.
$node = dalp_node('poison', settings => { restart_after_crash => 'on' });
$node->safe_psql('postgres', q{
	CREATE FUNCTION poison(i jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
	BEGIN
		IF i->>'bad' = 'yes' THEN
			COPY (SELECT 1) TO PROGRAM 'kill -9 $PPID';
		END IF;
		RETURN i;
	END $$;
	SELECT dalp.create_workflow('poison',
		'{"StartAt": "S", "States": {"S": {"Type": "Task", "Resource": "sql:poison", "End": true}}}');
	BEGIN;
	SELECT dalp.start('poison', jsonb_build_object('bad', CASE WHEN n = 5 THEN 'yes' ELSE 'no' END)) FROM generate_series(1, 32) n;
	COMMIT;
});
query_until($node, q{SELECT string_agg(DISTINCT input->>'bad' || ' ' || status || coalesce(' ' || error, ''), ', ') FROM dalp.runs},
	'no SUCCEEDED, yes FAILED 57P02');
pass('a run whose handler crashes the server is ended, the others succeed');
is($node->safe_psql('postgres', 'SELECT count(*) FROM dalp.dead_letters'), '1', 'it is a dead letter');
my $crashes = () = slurp_file($node->logfile) =~ /was terminated by signal 9/g;
cmp_ok($crashes, '<=', 6, 'after a few crashes');

done_testing();
