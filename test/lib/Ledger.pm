# Ledger.pm
#
# A workflow whose every step writes a row into a ledger, and what must hold of
# it after crashes: each step of each run exactly once, no run stuck, no row of
# the engine without a run.
#
#   use Ledger;
#   my $ledger = Ledger->new($node, steps => 10);
#   $ledger->start(20);
#   $ledger->check('after the crash');
package Ledger;

use strict;
use warnings;

use DalpTest;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);

# new(NODE, OPTIONS): creates workflow and tables.
#   steps    => number of SQL steps of a run
#   waits    => 1: a Wait state, a signal and a retry among them
#   unsteady => 1: every seventh entry of a step fails at its first attempt
#   procedure => 1: the workflow is a durable procedure, which commits and sleeps
#               among its steps
#   database => name (default postgres)
sub new
{
	my ($class, $node, %options) = @_;
	my $self = bless { node => $node, steps => 5, database => 'postgres', %options }, $class;
	my %states;
	my $retry = $options{unsteady}
	  ? [ { ErrorEquals => ['P0001'], IntervalSeconds => 1, MaxAttempts => 3, BackoffRate => 1 } ]
	  : [];

	for my $step (1 .. $self->{steps})
	{
		$states{"S$step"} = {
			Type => 'Task',
			Resource => 'sql:ledger.step',
			Parameters => { 'run.$' => '$$.Execution.Id', step => $step, 'attempt.$' => '$$.State.RetryCount' },
			Retry => $retry,
			$step < $self->{steps} ? (Next => 'S' . ($step + 1)) : (End => JSON::PP::true)
		};
	}
	if ($options{waits})
	{
		$states{S1}{Next} = 'Sleep';
		$states{Sleep} = { Type => 'Wait', Seconds => 1, Next => 'S2' };
		$states{S2}{Next} = 'Ask';
		$states{Ask} = { Type => 'Task', Resource => 'signal:go', Next => 'S3' };
	}
	my $definition = json_encode({ StartAt => 'S1', States => \%states });
	my $unsteady = $options{unsteady} ? 'true' : 'false';

	$node->safe_psql($self->{database}, qq{
		CREATE SCHEMA ledger;
		CREATE TABLE ledger.entry (run bigint, step int, at timestamptz NOT NULL DEFAULT clock_timestamp(), PRIMARY KEY (run, step));
		CREATE FUNCTION ledger.step(i jsonb) RETURNS jsonb LANGUAGE plpgsql AS \$body\$
		BEGIN
			INSERT INTO ledger.entry (run, step) VALUES ((i->>'run')::bigint, (i->>'step')::int);
			IF $unsteady AND ((i->>'run')::bigint + (i->>'step')::int) % 7 = 0 AND i->>'attempt' = '0' THEN
				RAISE EXCEPTION 'unsteady';
			END IF;
			RETURN i;
		END \$body\$;
	});
	$node->safe_psql($self->{database}, $options{procedure}
		? procedure($self->{steps}) : "SELECT dalp.create_workflow('ledger', \$definition\$$definition\$definition\$)");
	return $self;
}

# The same steps in a procedure.  One commit for one, two or three of them, and in
# front of each wait, as a procedure must; what fails at first is tried again.
sub procedure
{
	my ($steps) = @_;

	return qq{
		CREATE PROCEDURE ledger.book(run dalp.run) LANGUAGE plpgsql AS \$body\$
		DECLARE
			line jsonb;
		BEGIN
			FOR n IN 1 .. $steps LOOP
				line := jsonb_build_object('run', run.run_id, 'step', n, 'attempt', 0);
				BEGIN
					PERFORM dalp.step('step', 'ledger.step', line);
				EXCEPTION WHEN OTHERS THEN
					PERFORM dalp.step('again', 'ledger.step', line || '{"attempt": 1}');
				END;
				IF n % 3 = 0 OR n % 4 = 0 THEN
					COMMIT;
				END IF;
				IF n % 4 = 0 THEN
					PERFORM dalp.sleep('20 ms');
				END IF;
			END LOOP;
		END \$body\$;
		SELECT dalp.create_procedure_workflow('ledger', 'ledger.book(dalp.run)')};
}

sub query
{
	my ($self, $sql) = @_;

	return $self->{node}->safe_psql($self->{database}, $sql);
}

# start(COUNT): so many runs in one transaction, with keys, so that a repeat
# after a lost connection starts none twice; with their signals where they wait
# for one.  The caller repeats it where the server is down.
sub start
{
	my ($self, $count) = @_;
	my $first = $self->{started} // 0;
	my $signal = $self->{waits} ? ", dalp.signal(id, 'go', NULL, 'key')" : '';
	my $status = $self->{node}->psql($self->{database},
		"SELECT count(*) FROM (SELECT id$signal FROM dalp.start_many('ledger', array_fill('{}'::jsonb, ARRAY[$count]),
			ARRAY(SELECT 'key ' || n FROM generate_series($first + 1, $first + $count) n)) AS id OFFSET 0) AS s",
		stdout => \my $output, stderr => \my $error, timeout => 30);

	return 0 if $status != 0;
	$self->{started} = $first + $count;
	return 1;
}

# Runs that have not ended.
sub open_runs
{
	my ($self) = @_;

	return $self->query('SELECT count(*) FROM dalp_workflow.run');
}

# finish(SECONDS): until no run is live; true in time.
sub finish
{
	my ($self, $seconds) = @_;

	return eval { query_until($self->{node}, 'SELECT count(*) FROM dalp_workflow.run', '0', $self->{database}, $seconds); };
}

# Live runs that nothing keeps alive: the invariant.  Looked at in one snapshot.
sub stranded
{
	my ($self) = @_;

	return $self->query(q{
		SELECT count(*) FROM dalp_workflow.run r
		WHERE NOT EXISTS (SELECT FROM dalp_workflow.ready x WHERE x.run_id = r.run_id)
			AND NOT EXISTS (SELECT FROM dalp_workflow.timer x WHERE x.run_id = r.run_id AND x.kind <> 'deadline')
			AND NOT EXISTS (SELECT FROM dalp_workflow.wait x WHERE x.run_id = r.run_id)
			AND NOT EXISTS (SELECT FROM dalp_workflow.parked x WHERE x.run_id = r.run_id)
	});
}

# check(NAME, SECONDS): waits for the end of all runs, then compares.
sub check
{
	my ($self, $name, $seconds) = @_;
	my $runs = $self->{started};
	my $rows = $runs * $self->{steps};

	ok($self->finish($seconds // 60), "$name: no run is stuck") or diag("still open:\n" . $self->query(q{
		SELECT r.run_id, b.state, b.attempt, b.transient, y.kind AS ready, t.kind AS timer, t.fire_at - clock_timestamp() AS due_in, w.name AS signal
		FROM dalp_workflow.run r JOIN dalp_workflow.branch b USING (run_id) LEFT JOIN dalp_workflow.ready y USING (run_id)
		LEFT JOIN dalp_workflow.timer t USING (run_id) LEFT JOIN dalp_workflow.wait w USING (run_id) LIMIT 20}));
	is($self->query("SELECT status || ' ' || count(*) FROM dalp.runs WHERE workflow = 'ledger' GROUP BY status"),
		"SUCCEEDED $runs", "$name: $runs runs have succeeded");
	is($self->query('SELECT count(*) FROM ledger.entry'), $rows, "$name: $rows rows in the ledger");
	is($self->query("SELECT count(*) FROM (SELECT run FROM ledger.entry GROUP BY run HAVING count(*) <> $self->{steps}) s"),
		'0', "$name: each step of each run once");
	is($self->query(q{SELECT string_agg(t, ' ') FROM (
			SELECT 'ready' AS t FROM dalp_workflow.ready UNION SELECT 'timer' FROM dalp_workflow.timer
			UNION SELECT 'wait' FROM dalp_workflow.wait UNION SELECT 'parked' FROM dalp_workflow.parked
			UNION SELECT 'branch' FROM dalp_workflow.branch UNION SELECT 'inbox' FROM dalp_workflow.inbox) s}),
		'', "$name: nothing is left behind");
	is($self->query(q{SELECT count(*) FROM (SELECT j.run_id FROM dalp_workflow.journal j GROUP BY j.run_id, j.branch_id
			HAVING max(j.seq) <> count(*) OR min(j.seq) <> 1) s}),
		'0', "$name: journals without gaps");
	is($self->query('SELECT count(*) FROM dalp_ops.dead_letter'), '0', "$name: no dead letter");
	return;
}

1;
