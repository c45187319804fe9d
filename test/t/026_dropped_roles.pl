# Guards: a dropped role's number stays in no table of dalp but the audit log, so
# that a dump of it gives nothing to whoever has that number in another cluster.
use strict;
use warnings;

use DalpTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = dalp_node('main');

# sql(QUERY): its result.
sub sql { return $node->safe_psql('postgres', $_[0]); }

sql('CREATE ROLE gone; CREATE ROLE stays; GRANT dalp_app TO gone, stays');
my $number = sql("SELECT 'gone'::regrole::oid");

# What it leaves by itself.
sql(q{SET ROLE gone;
	SELECT dalp.create_workflow('w', '{"StartAt": "A", "States": {"A": {"Type": "Task", "Resource": "signal:go", "End": true}}}');
	SELECT dalp.grant_workflow('w', 'stays');
	SELECT dalp.signal(dalp.start('w', start_at => clock_timestamp() + interval '1 h'), 'go');
	SELECT dalp.create_schedule('s', 'w', '0 0 1 1 *')});
sql(q{SET ROLE stays; SELECT dalp.create_workflow('v', '{"StartAt": "A", "States": {"A": {"Type": "Succeed"}}}'); SELECT dalp.grant_workflow('v', 'gone')});
# And what needs a chain, a key or a failure.
sql(q{INSERT INTO dalp_custody.wallet (name, address, created_by) VALUES ('x', decode(repeat('11', 20), 'hex')::dalp.address, 'gone');
	INSERT INTO dalp_custody.wallet_grant (wallet_id, grantee, granted_by) SELECT wallet_id, 'gone', 'stays' FROM dalp_custody.wallet;
	INSERT INTO dalp_custody.wallet_grant (wallet_id, grantee, granted_by) SELECT wallet_id, 'stays', 'gone' FROM dalp_custody.wallet;
	INSERT INTO dalp_chain.chain (name, number, finality, fee_mode) VALUES ('c', 1, 'instant', 'zero');
	INSERT INTO dalp_chain.request (request_id, chain_id, wallet_id, fingerprint, data, state, cause, error, submitted_by, submitted_at, changed_at, finished_at)
		SELECT 1, chain_id, wallet_id, decode(repeat('22', 32), 'hex'), '\x00', 'CANCELLED', '', 'x', 'gone', now(), now(), now()
		FROM dalp_chain.chain, dalp_custody.wallet;
	INSERT INTO dalp_ops.dead_letter (kind, reference, scope, error_class, fingerprint, attempts, first_failure, last_failure,
			acknowledged_by, acknowledged_at, resolution, resolved_by, resolved_at)
		VALUES ('run', 1, 'w', 'x', 'x', 1, now(), now(), 'gone', now(), 'discarded', 'gone', now());
	UPDATE dalp_ops.instance SET adopted_by = 'gone'});

# Each column that can name a role, with how many rows name this one.
my @columns = split /\n/, sql(q{
	SELECT a.attrelid::regclass || ' ' || a.attname FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
	WHERE c.relnamespace::regnamespace::text LIKE 'dalp\_%' AND c.relkind IN ('r', 'p') AND NOT a.attisdropped
		AND a.atttypid = 'regrole'::regtype AND c.oid <> 'dalp_audit.entry'::regclass ORDER BY 1});
sub named
{
	my ($id) = @_;

	return { map { my ($table, $column) = split; ($_ => sql("SELECT count(*) FROM $table WHERE $column = $id")) } @columns };
}
my $before = named($number);
cmp_ok($before->{$_}, '>', 0, "$_ names the role") for @columns;
my $stays = named("'stays'::regrole");

sql('DROP ROLE gone');
# The scheduler looks when it starts; and then, as the roles have changed, once a minute.
$node->restart;
query_until($node, "SELECT created_by::text FROM dalp_custody.wallet", '-');
my $after = named($number);
is($after->{$_}, 0, "$_ does not any more") for @columns;
is(sql('SELECT count(*) FROM dalp_custody.wallet_grant'), 1, 'what it was granted is gone');
my $stay = named("'stays'::regrole");
# What it granted to the other one has gone with that.
is_deeply({ %$stay, map { $_ => 0 } grep { / granted_by$/ } @columns }, { %$stays, map { $_ => 0 } grep { / granted_by$/ } @columns },
	'other roles are left alone');
cmp_ok($stays->{'dalp_workflow.workflow owner'}, '>', 0, 'and there is one');
cmp_ok(sql("SELECT count(*) FROM dalp_audit.entry WHERE actor = $number"), '>', 0, 'the audit log keeps what it has');

my $dump = $node->basedir . '/dump.sql';
$node->command_ok([ 'pg_dump', '-f', $dump, '--exclude-table=dalp_audit.entry', '-d', $node->connstr('postgres') ], 'pg_dump');
unlike(slurp_file($dump), qr/\b$number\b/, 'a dump names nobody by number');

$node->stop;
unlike(slurp_file($node->logfile), qr/PANIC|TRAP/, 'nothing strange in the log');
done_testing();
