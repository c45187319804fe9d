# Guards: the owner of a database, who is no superuser, can neither run code
# as superuser in dalp's workers nor stop them or weaken their durability by
# what ALTER DATABASE … SET allows him.
use strict;
use warnings;

use DalpTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = dalp_node('main');

$node->safe_psql('postgres', 'CREATE ROLE landlord LOGIN');
$node->safe_psql('postgres', 'CREATE DATABASE hostile OWNER landlord');
$node->safe_psql('hostile', 'CREATE EXTENSION dalp');

# Operators and functions that would win over pg_catalog's if the search path let them.
my $trap = q{
	CREATE SCHEMA evil;
	GRANT ALL ON SCHEMA evil TO PUBLIC;
	CREATE TABLE evil.caught (role name, what text);
	GRANT ALL ON evil.caught TO PUBLIC;
};
for my $type (qw(bigint integer text timestamptz bytea name oid boolean))
{
	for my $operator ('=', '<', '<=', '>', '>=', '<>')
	{
		my $sql = $operator eq '<>' ? 'NOT pg_catalog.' : 'pg_catalog.';
		$trap .= qq{
			CREATE OR REPLACE FUNCTION evil.trap(a $type, b $type) RETURNS boolean LANGUAGE plpgsql AS \$\$
			BEGIN
				RAISE WARNING 'trapped % in $type', current_user;
				INSERT INTO evil.caught VALUES (current_user, '$type');
				RETURN false;
			END \$\$;
			CREATE OPERATOR evil.$operator (LEFTARG = $type, RIGHTARG = $type, FUNCTION = evil.trap);
		};
	}
}
for my $function ('now() RETURNS timestamptz', 'clock_timestamp() RETURNS timestamptz', 'count(x integer) RETURNS bigint')
{
	$trap .= qq{
		CREATE FUNCTION evil.$function LANGUAGE plpgsql AS \$\$
		BEGIN
			RAISE WARNING 'trapped % in a function', current_user;
			RETURN NULL;
		END \$\$;
	};
}
$node->safe_psql('hostile', "SET ROLE landlord; $trap");

my @accepted;
for my $setting (
	'search_path = evil, pg_catalog',
	'role = landlord',
	'session_authorization = landlord',
	'default_transaction_read_only = on',
	'default_transaction_deferrable = on',
	"default_transaction_isolation = 'serializable'",
	"transaction_isolation = 'serializable'",
	'transaction_read_only = on',
	'synchronous_commit = off',
	'session_replication_role = replica',
	'row_security = off',
	"statement_timeout = '1ms'",
	"lock_timeout = '1ms'",
	"idle_in_transaction_session_timeout = '1ms'",
	"idle_session_timeout = '1ms'",
	"default_table_access_method = 'nothing'",
	"default_tablespace = 'nothing'",
	"bytea_output = 'escape'",
	"DateStyle = 'German'",
	"IntervalStyle = 'sql_standard'",
	"TimeZone = 'Asia/Kathmandu'",
	'standard_conforming_strings = off',
	'transform_null_equals = on',
	'array_nulls = off',
	'exit_on_error = on',
	"plan_cache_mode = 'force_generic_plan'",
	'force_parallel_mode = on',
	'jit = on',
	'jit_above_cost = 0',
	'debug_print_parse = on',
	'debug_print_rewritten = on',
	'debug_print_plan = on',
	'trace_notify = on',
	'work_mem = 64',
	"client_encoding = 'LATIN1'")
{
	my ($status) = $node->psql('postgres', "SET SESSION AUTHORIZATION landlord; ALTER DATABASE hostile SET $setting",
		stdout => \my $output, stderr => \my $error);
	push @accepted, $setting if $status == 0;
}
note 'accepted: ' . join('; ', @accepted);
cmp_ok(scalar(@accepted), '>', 20, 'the owner of the database has set what he can');

# All workers start anew under these settings.
$node->restart;

sub running
{
	return $node->safe_psql('postgres',
		"SELECT count(*) > 3 AND bool_and(state = 'running' AND turns > 0 AND restarts = 0)
			AND max(turns) FILTER (WHERE kind = 'scheduler') > 2
		 FROM dalp.workers WHERE database = 'hostile'");
}

wait_until('turns of all workers without a restart', sub { return running() eq 't'; });
pass('workers start and turn under hostile settings');

# Work is done as well: a workflow of this database runs to its end, and its
# step sees durable settings.
$node->safe_psql('postgres', 'CREATE ROLE author LOGIN; GRANT dalp_app TO author');

# The workers have been started under the settings and keep them; our sessions need none.
$node->safe_psql('postgres', 'ALTER DATABASE hostile RESET ALL');
$node->safe_psql('hostile', q{
	CREATE SCHEMA work AUTHORIZATION author;
	SET SESSION AUTHORIZATION author;
	CREATE FUNCTION work.settings(input jsonb) RETURNS jsonb LANGUAGE sql AS $$
		SELECT jsonb_build_object(
			'synchronous_commit', current_setting('synchronous_commit'),
			'read_only', current_setting('transaction_read_only'),
			'isolation', current_setting('transaction_isolation'),
			'user', current_user)
	$$;
	SELECT dalp.create_workflow('settings', '{"StartAt": "Look", "States": {"Look":
		{"Type": "Task", "Resource": "sql:work.settings", "End": true}}}');
});
my $run = (split /\n/, $node->safe_psql('hostile', q{
	SET SESSION AUTHORIZATION author;
	SELECT dalp.start('settings');
}))[-1];
my $outcome = '';
wait_until('the run to end', sub {
	$outcome = $node->safe_psql('hostile', "SELECT status || ' ' || output::text FROM dalp.runs WHERE run_id = $run");
	return $outcome !~ /RUNNING/;
});
like($outcome, qr/SUCCEEDED/, 'a run of this database succeeds');
like($outcome, qr/"synchronous_commit": "on"/, 'with durable commits');
like($outcome, qr/"read_only": "off"/, 'in a transaction that writes');
like($outcome, qr/"isolation": "read committed"/, 'of the isolation that dalp is written for');
like($outcome, qr/"user": "author"/, 'as the author of the workflow');

$node->stop;
my $log = slurp_file($node->logfile);
unlike($log, qr/trapped postgres/, 'no operator of the owner has run as superuser');
unlike($log, qr/LOG:  (parse tree|rewritten parse tree|plan):/, 'no query of a worker is printed into the log');
unlike($log, qr/(dalp \w+ ERROR|dalp \w+ FATAL:  (?!terminating))/, 'no worker was hindered');
done_testing();
