# Guards: a durable procedure does each of its steps once, wherever the process
# that runs it is killed.
use strict;
use warnings;

use DalpTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = dalp_node('main', settings => { restart_after_crash => 'on' });
my $stop = $node->data_dir . '/dalp_stop';
mkdir $stop or die "$stop: $!";

sub query { return $node->safe_psql('postgres', $_[0]); }

query(<<'SQL');
CREATE SCHEMA ledger;
CREATE TABLE ledger.entry (run bigint, what text, number int GENERATED ALWAYS AS IDENTITY);
CREATE FUNCTION ledger.enter(i jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO ledger.entry (run, what) VALUES ((i->>'run')::bigint, i->>'what');
	IF i->>'what' = 'refused' THEN RAISE EXCEPTION 'refused'; END IF;
	RETURN i->'what';
END $$;
CREATE FUNCTION ledger.line(run dalp.run, what text) RETURNS jsonb LANGUAGE sql AS
	$$SELECT jsonb_build_object('run', run.run_id, 'what', what)$$;
-- Every way to commit, to wait and to fail.
CREATE PROCEDURE ledger.book(run dalp.run, OUT output jsonb) LANGUAGE plpgsql AS $$
DECLARE r jsonb; BEGIN
	r := dalp.step('one', 'ledger.enter', ledger.line(run, '1'));
	r := dalp.step('two', 'ledger.enter', ledger.line(run, '2'));
	COMMIT;
	CALL dalp.step('three', 'ledger.enter', ledger.line(run, '3'), r);
	PERFORM dalp.sleep('5 ms');
	BEGIN
		PERFORM dalp.step('lost', 'ledger.enter', ledger.line(run, 'lost'));
		PERFORM dalp.step('refused', 'ledger.enter', ledger.line(run, 'refused'));
	EXCEPTION WHEN OTHERS THEN
		NULL;
	END;
	PERFORM dalp.step('four', 'ledger.enter', ledger.line(run, '4'));
	COMMIT;
	output := dalp.await_signal('go');
	PERFORM dalp.step('undone', 'ledger.enter', ledger.line(run, 'undone'));
	ROLLBACK;
	PERFORM dalp.step('five', 'ledger.enter', ledger.line(run, '5'));
END $$;
SELECT dalp.create_procedure_workflow('book', 'ledger.book(dalp.run)');
SQL

my $started = 0;

# start(COUNT): runs whose keys are new, and their signals.  False where the server is away.
sub start
{
	my ($count) = @_;
	my $last = $started + $count;

	my $keys = sprintf("(SELECT 'run ' || i FROM generate_series(%d, %d) AS i)", $started + 1, $last);

	# Without the signal none of them ends; with it, it may end before the second try.
	return 0 if $node->psql('postgres',
		"SELECT count(*) FROM dalp.start_many('book', array_fill('{}'::jsonb, ARRAY[$count]), ARRAY$keys);
		SELECT count(dalp.signal(run_id, 'go', '\"went\"', 'once')) FROM dalp.runs WHERE status = 'RUNNING' AND idempotency_key IN $keys",
		stderr => \my $error) != 0;
	$started = $last;
	return 1;
}

# Everything once, in order, every run at its end, and nothing left behind.  One
# query: on a busy machine a psql costs more than what it asks.
sub check
{
	my ($what) = @_;

	query_until($node, q{SELECT
		(SELECT string_agg(concat_ws(' ', number, status, output), ', ') FROM
			(SELECT status, output, count(*) AS number FROM dalp.runs GROUP BY status, output) AS l),
		(SELECT string_agg(concat_ws(' ', number, list), ', ') FROM
			(SELECT list, count(*) AS number FROM
				(SELECT string_agg(what, ',' ORDER BY number) AS list FROM ledger.entry GROUP BY run) AS l GROUP BY list) AS l),
		(SELECT count(*) FROM (SELECT FROM dalp_workflow.ready UNION ALL SELECT FROM dalp_workflow.wait
			UNION ALL SELECT FROM dalp_workflow.timer UNION ALL SELECT FROM dalp_workflow.inbox) AS l)},
		"$started SUCCEEDED \"went\"|$started 1,2,3,4,5|0");
	pass("$what: each step once, in order, each run at its end");
	return;
}

sub command
{
	my ($point, $command) = @_;
	append_to_file("$stop/$point.new", $command);
	rename "$stop/$point.new", "$stop/$point" or die "$stop/$point: $!";
	return;
}

start(10);
check('undisturbed');

for my $point (qw(step_before_body step_after_body procedure_before_commit procedure_after_commit procedure_before_settle procedure_after_settle))
{
	command($point, 'crash');
	wait_until('the runs to be started', sub { return start(10); });
	wait_until("a process to reach $point", sub { return !-e "$stop/$point"; });
	query_until($node, 'SELECT 1', '1');
	check("crash at $point");
}
# An error of dalp's own there is no error of the procedure: it is tried again.
command('procedure_before_settle', 'error');
start(5);
wait_until('an error before what the run does next is written', sub { return !-e "$stop/procedure_before_settle"; });
check('error before settling');
# One within a step ends the run, which takes no signal any more.  A redrive sends
# it on from there.
command('step_after_body', 'error');
wait_until('the runs to be started', sub { return start(5); });
query_until($node, "SELECT count(*) FROM dalp.runs WHERE status = 'FAILED'", '1');
query(q{SELECT dalp.signal(dalp.redrive(id), 'go', '"went"', 'again') FROM dalp.dead_letters WHERE resolution IS NULL});
check('redriven');
$node->stop;
unlike(slurp_file($node->logfile), qr/PANIC|TRAP/, 'nothing strange in the log');
done_testing();
