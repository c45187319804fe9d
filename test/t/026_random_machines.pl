# Guards: a machine comes to the same end, with the same output, error and
# cause, in memory with mocks (dalp.test_state), in memory with its handlers
# (dalp.dry_run), stored, and stored with a kill -9 of the executor after every
# commit; each entry of a SQL Task has happened exactly once.
#
# DALP_RANDOM_SEED       of the machines, printed
# DALP_RANDOM_MACHINES   how many, default 100
# DALP_RANDOM_STATES     those that enter at most so many states are run with crashes, default 5
use strict;
use warnings;

use DalpTest;
use PostgreSQL::Test::Utils;
use RandomMachine;
use Test::More;
use Time::HiRes qw(time);

my $seed = $ENV{DALP_RANDOM_SEED} // 1;
my $machines = $ENV{DALP_RANDOM_MACHINES} // 100;
my $states = $ENV{DALP_RANDOM_STATES} // 5;
my $generator = RandomMachine->new($seed);
# Processes die here, not the machine: no fsync, so that the server is back sooner.
my $node = dalp_node('random', settings => { restart_after_crash => 'on', fsync => 'off', 'dalp.executors' => 1 });
my $stop = $node->data_dir . '/dalp_stop';

note("DALP_RANDOM_SEED=$seed DALP_RANDOM_MACHINES=$machines");
mkdir $stop or die "$stop: $!";

sub quoted { return "'" . $_[0] =~ s/'/''/gr . "'"; }

my $sql = q{
	CREATE SCHEMA random;
	CREATE TABLE random.machine (n int PRIMARY KEY, definition jsonb, input jsonb, mocks jsonb, tasks text[], memory jsonb, dry jsonb);
	CREATE TABLE random.outcome (machine int, state text, outcomes jsonb, PRIMARY KEY (machine, state));
	CREATE TABLE random.run (run_id bigint PRIMARY KEY, n int, phase text);
	CREATE TABLE random.ledger (run bigint, state text);
	CREATE FUNCTION random.step(i jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
	DECLARE
		list jsonb := (SELECT outcomes FROM random.outcome WHERE machine = (i ->> 'machine')::int AND state = i ->> 'state');
		this jsonb := list -> least((i ->> 'attempt')::int, jsonb_array_length(list) - 1);
	BEGIN
		INSERT INTO random.ledger VALUES ((i ->> 'run')::bigint, i ->> 'state');
		IF this ? 'error' THEN
			PERFORM dalp.raise_error(this ->> 'error', this ->> 'cause');
		END IF;
		RETURN this -> 'result';
	END $$;
	-- Numbers of events are the journal's, and differ.
	CREATE FUNCTION random.plain(t text) RETURNS text LANGUAGE sql AS $$ SELECT regexp_replace(t, 'entered by event #[0-9]+', 'entered', 'g') $$;
};
for my $number (1 .. $machines)
{
	my $machine = $generator->machine($number);

	$sql .= "INSERT INTO random.machine VALUES ($number, "
	  . join(', ', map { quoted(json_encode($machine->{$_})) } qw(definition input mocks))
	  . ', ' . quoted('{' . join(',', @{ $machine->{tasks} }) . '}') . ");\n";
	$sql .= "INSERT INTO random.outcome VALUES ($number, '$_', " . quoted(json_encode($machine->{outcomes}{$_})) . ");\n"
	  for sort keys %{ $machine->{outcomes} };
}
my $file = $node->basedir . '/machines.sql';
append_to_file($file, $sql);
$node->command_ok([ 'psql', '-X', '-q', '-1', '-v', 'ON_ERROR_STOP=1', '-f', $file, $node->connstr ], 'machines are made');
is($node->safe_psql('postgres', 'SELECT count(dalp.create_workflow(\'m\' || n, definition)) FROM random.machine'),
	$machines, 'all of them are valid');

# In memory.
$node->safe_psql('postgres', q{
	UPDATE random.machine SET memory = dalp.test_state(definition, input, mocks), dry = dalp.dry_run('m' || n, input)});
is($node->safe_psql('postgres', 'SELECT count(*) FROM random.ledger'), '0', 'a dry run leaves nothing');
differences('a dry run ends as in memory', q{
	SELECT n, memory - '{calls,delays,waits,path,variables}'::text[] AS expected, dry - '{calls,delays,waits,path,variables}'::text[] AS got
	FROM random.machine});

# start(PHASE, WHICH): a run of each of the machines; returns how many.  Asked
# again where the server dies before it has answered: keys start nothing twice.
sub start
{
	my ($phase, $which) = @_;
	my $count;

	wait_until("runs to be started ($phase)", sub {
		return $node->psql('postgres', qq{
			INSERT INTO random.run SELECT dalp.start('m' || n, input, '$phase ' || n), n, '$phase' FROM random.machine WHERE $which
			ON CONFLICT DO NOTHING; SELECT count(*) FROM random.run WHERE phase = '$phase'},
			stdout => \$count, stderr => \my $error) == 0;
	});
	return $count;
}

# differences(NAME, QUERY): none of its rows may have another text in `got` than in `expected`.
sub differences
{
	my ($name, $query) = @_;

	is($node->safe_psql('postgres', qq{
		SELECT 'DALP_RANDOM_SEED=$seed machine ' || s.n || E'\n  expected ' || expected || E'\n  got      ' || got || E'\n  ' || definition || E'\n  ' || input || E'\n  ' || mocks
		FROM (SELECT n, random.plain(expected::text) AS expected, random.plain(got::text) AS got FROM ($query) q) s JOIN random.machine USING (n)
		WHERE expected IS DISTINCT FROM got ORDER BY s.n LIMIT 3}), '', $name);
	return;
}

sub compare
{
	my ($phase, $count) = @_;

	differences("$phase: the same end as in memory", qq{
		SELECT x.n, jsonb_strip_nulls(jsonb_build_object('status', memory -> 'status', 'error', memory -> 'error', 'cause', memory -> 'cause'))
				|| jsonb_build_object('output', memory -> 'output') AS expected,
			jsonb_strip_nulls(jsonb_build_object('status', r.status, 'error', r.error, 'cause', r.cause))
				|| jsonb_build_object('output', r.output) AS got
		FROM random.run x JOIN random.machine m USING (n) JOIN dalp.runs r USING (run_id) WHERE x.phase = '$phase'});
	differences("$phase: each entry of a Task exactly once", qq{
		SELECT x.n,
			(SELECT jsonb_object_agg(state, c) FROM (SELECT state, count(*) AS c FROM dalp.run_history h
				WHERE h.run_id = x.run_id AND h.event = 'succeeded' AND h.state = ANY (m.tasks) GROUP BY state) s) AS expected,
			(SELECT jsonb_object_agg(state, c) FROM (SELECT state, count(*) AS c FROM random.ledger l WHERE l.run = x.run_id GROUP BY state) s) AS got
		FROM random.run x JOIN random.machine m USING (n) WHERE x.phase = '$phase'});
	is($node->safe_psql('postgres', "SELECT count(*) FROM random.run JOIN dalp.runs USING (run_id) WHERE phase = '$phase' AND status IN ('SUCCEEDED', 'FAILED')"),
		$count, "$phase: all $count have ended");
	is($node->safe_psql('postgres', 'SELECT * FROM dalp.check_invariants()'), '', "$phase: nothing is wrong with the tables");
	return;
}

# Stored.
start('stored', 'true');
query_until($node, 'SELECT count(*) FROM dalp_workflow.run', '0');
compare('stored', $machines);
cmp_ok($node->safe_psql('postgres', q{SELECT count(*) FROM dalp.runs WHERE status = 'SUCCEEDED'}), '>', $machines / 4, 'many succeed');
cmp_ok($node->safe_psql('postgres', q{SELECT count(*) FROM dalp.runs WHERE status = 'FAILED'}), '>', $machines / 20, 'some fail');

# Stored, and whoever has committed a batch dies.
sub arm
{
	append_to_file("$stop/new", 'crash');
	rename "$stop/new", "$stop/batch_after_commit" or die "$stop: $!";
	return;
}

my $crashes = 0;
my $started = time();
my $looked = time();
my $ended = 0;

# Has every run ended?  Asked twice a second: the server is mostly not there.
sub ended
{
	return 0 if time() - $looked < 0.5;
	$looked = time();
	my $status = $node->psql('postgres', 'SELECT count(*) FROM dalp_workflow.run', stdout => \my $open, stderr => \my $error);
	return $ended = $status == 0 && $open eq '0';
}

arm();
my $crashed = start('crashed', "jsonb_array_length(memory -> 'path') <= $states AND jsonb_array_length(memory -> 'delays') <= 1");
cmp_ok($crashed, '>', $machines / 5, "$crashed machines are run with crashes");
until ($ended)
{
	wait_until('an executor to die, or the runs to end', sub { return !-e "$stop/batch_after_commit" || ended(); });
	next if -e "$stop/batch_after_commit";
	# Before the server is back: no commit goes by without a crash.
	$crashes++;
	arm();
}
unlink "$stop/batch_after_commit";
note(sprintf('%d runs with %d crashes in %.1f s', $crashed, $crashes, time() - $started));
query_until($node, 'SELECT count(*) FROM dalp_workflow.run', '0');
cmp_ok($crashes, '>=', 5, 'executors have died after their commits');
compare('crashed', $crashed);

$node->stop;
unlike(slurp_file($node->logfile), qr/PANIC|TRAP/, 'nothing strange in the log');
done_testing();
