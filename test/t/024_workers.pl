# Guards: workers outside the database, killed with -9 again and again: with
# dalp.assert_lease each task takes effect exactly once; without, at least once,
# always with the same key; no task is lost, and one that stops gives back what
# it has. A heartbeat writes nothing.
use strict;
use warnings;

use DalpTest;
use PostgreSQL::Test::Utils;
use TaskWorkers;
use Test::More;
use Time::HiRes qw(sleep time);

my $node = dalp_node('main');
my $runs = 150;
my $kill_interval = 0.2;

$node->safe_psql('postgres', q{
	CREATE SCHEMA app;
	CREATE TABLE app.effect (key text, n int, at timestamptz NOT NULL DEFAULT clock_timestamp());
	CREATE FUNCTION app.work(key text, input jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
	DECLARE poll_interval CONSTANT float8 := 0.06;
	BEGIN
		INSERT INTO app.effect VALUES (key, (input->>'n')::int);
		PERFORM pg_sleep(poll_interval);
		RETURN to_jsonb((input->>'n')::int * 2);
	END $$;
	CREATE FUNCTION app.wait_for_word(key text, input jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
	DECLARE poll_interval CONSTANT float8 := 0.02;
	BEGIN
		INSERT INTO app.effect VALUES (key, -1);
		FOR i IN 1..3000 LOOP
			EXIT WHEN pg_try_advisory_xact_lock_shared(4711);
			PERFORM pg_sleep(poll_interval);
		END LOOP;
		RETURN 'true';
	END $$;
	SELECT dalp.create_workflow(q, jsonb_build_object('StartAt', 'A', 'States', jsonb_build_object('A', jsonb_build_object(
		'Type', 'Task', 'Resource', 'activity:' || q, 'End', true)))) FROM unnest(ARRAY['together', 'apart', 'slow']) AS q;
});

sub query { return $node->safe_psql('postgres', $_[0]); }

# storm(WORKFLOW, OPTIONS): runs whose workers are killed; returns how many were.
sub storm
{
	my ($workflow, @options) = @_;
	my $workers = TaskWorkers->new($node, queue => $workflow, call => 'app.work');
	my $killed = 0;
	my $open = "SELECT count(*) FROM dalp.runs WHERE workflow = '$workflow' AND status = 'RUNNING'";

	query("SELECT count(*) FROM dalp.start_many('$workflow', ARRAY(SELECT jsonb_build_object('n', n) FROM generate_series(1, $runs) AS n))");
	$workers->start($_, @options) for qw(py mjs py);
	wait_until("the runs of $workflow to end", sub {
		my @pids = $workers->pids;
		my $victim = $pids[ rand @pids ];

		return 1 if query($open) eq '0';
		# Not before somebody works, so that each kill is one in the middle of it.
		if (query("SELECT count(*) FROM dalp.tasks WHERE status = 'leased' AND queue = '$workflow'") ne '0' && $killed < 12)
		{
			my $kind = $workers->{pids}{$victim};

			$workers->end($victim, 'KILL');
			$workers->start($kind, @options);
			$killed++;
			sleep($kill_interval);
		}
		return 0;
	});
	is(query("SELECT string_agg(DISTINCT status, ' ') || ' ' || count(*) FROM dalp.runs WHERE workflow = '$workflow' AND output = to_jsonb((input->>'n')::int * 2)"),
		"SUCCEEDED $runs", "$workflow: each run has its result");
	is(query('SELECT count(*) FROM dalp.tasks'), '0', "$workflow: no task is left");
	cmp_ok($killed, '>=', 4, "$workflow: workers were killed in the middle of work");
	unlike($workers->log, qr/Traceback|at file:|Error:/, "$workflow: no worker broke by itself");
	$workers->end($_, 'TERM') for $workers->pids;
	return;
}

storm('together', '--together');
is(query('SELECT count(*), count(DISTINCT key), count(DISTINCT n) FROM app.effect'), "$runs|$runs|$runs",
	'with assert_lease each task takes effect exactly once');

query('TRUNCATE app.effect');
storm('apart');
is(query('SELECT count(*) >= count(DISTINCT n), count(DISTINCT key), count(DISTINCT n), count(DISTINCT (key, n)) FROM app.effect'),
	"t|$runs|$runs|$runs", 'without it at least once, with one key for each task');

# SIGTERM in the middle of a batch: the task in hand is completed, the others are open again at once.
for my $kind (qw(py mjs))
{
	my $workers = TaskWorkers->new($node, queue => 'slow', call => 'app.wait_for_word', lease => 60);
	my $holder = $node->background_psql('postgres');

	$holder->query_safe('SELECT pg_advisory_lock(4711)');
	query('TRUNCATE app.effect');
	query("SELECT count(*) FROM dalp.start_many('slow', array_fill('{}'::jsonb, ARRAY[5]))");
	query_until($node, "SELECT count(*) FROM dalp.tasks WHERE status = 'open'", '5');
	my $pid = $workers->start($kind, '--together');
	query_until($node, "SELECT count(*) FROM dalp.tasks WHERE status = 'leased'", '5');
	query_until($node, q{SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%app.wait_for_word%' AND pid <> pg_backend_pid()}, '1');
	kill 'TERM', $pid;
	$holder->query_safe('SELECT pg_advisory_unlock(4711)');
	is($workers->end($pid, 'TERM'), 0, "$kind: stops by itself");
	is(query('SELECT status, count(*), sum(losses) FROM dalp.tasks GROUP BY status'), 'open|4|0', "$kind: gives back what it has not begun");
	is(query('SELECT count(*) FROM app.effect'), '1', "$kind: completes what it has in hand");
	$holder->quit;
	query(q{SELECT count(dalp.cancel(run_id, 'enough')) FROM dalp.runs WHERE status = 'RUNNING'});
}

# A heartbeat takes no transaction id and writes no WAL.
query("SELECT dalp.start('slow', '{}')");
my $token = query("SELECT task_token FROM dalp.claim_tasks('slow', 'w', lease => '60s', wait => '30s')");
my $written = query(qq{
	CHECKPOINT;
	SELECT dalp.heartbeat_task('$token');
	CREATE TEMP TABLE before AS SELECT pg_current_wal_insert_lsn() AS lsn;
	UPDATE before SET lsn = pg_current_wal_insert_lsn();
	BEGIN;
	SELECT lsn AS l FROM before \\gset
	SELECT pg_current_wal_insert_lsn() AS l \\gset
	SELECT count(dalp.heartbeat_task('$token', '{"n": 1}')) FROM generate_series(1, 1000);
	SELECT pg_current_xact_id_if_assigned() IS NULL, pg_wal_lsn_diff(pg_current_wal_insert_lsn(), :'l') < 1000;
	COMMIT;
});
like($written, qr/^1000\nt\|t$/m, '1,000 heartbeats write nothing');

done_testing();
