# Guards: a crash at any point, by kill -9 of the very process that is there,
# while nested Map and Parallel run, while their compensations do, and while a
# redrive goes on inside of them: no item is lost and none is done or undone twice.
use strict;
use warnings;

use DalpTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $items = 3;
my $runs = 3;
my $steps = 1 + 2 + 2;			# of an item
# Where it dies while the items run, and where while they are undone.
my @points = ([qw(step_after_body batch_before_commit)], [qw(batch_after_commit step_after_body)]);
my $node = dalp_node('main', settings => { restart_after_crash => 'on' });
my $stop = $node->data_dir . '/dalp_stop';
mkdir $stop or die "$stop: $!";

# crash_at(POINT): the next process that comes there dies.
sub crash_at
{
	my ($point) = @_;
	append_to_file("$stop/$point.new", 'crash');
	rename "$stop/$point.new", "$stop/$point" or die "$stop/$point: $!";
	return;
}

sub crashed
{
	my ($point) = @_;
	wait_until("a process to reach $point", sub { return !-e "$stop/$point"; });
	query_until($node, 'SELECT 1', '1');
	return;
}

# A Task that does what the name says, and, where wanted, is compensated.
sub work
{
	my ($name, $what, $undone, @way) = @_;
	my %state = (Type => 'Task', Resource => 'sql:saga.work', @way,
		Parameters => { 'run.$' => '$$.Execution.Id', 'what.$' => $what });

	return ($name => \%state) unless $undone;
	return ($name => { %state, Compensate => "Undo $name" },
		"Undo $name" => { Type => 'Task', Resource => 'sql:saga.undo', End => \1 });
}

sub inner_map
{
	my ($name, $undone, %more) = @_;
	return { Type => 'Map', ItemsPath => '$$.Execution.Input.inner', %more,
		ItemSelector => { 'inner.$' => '$$.Map.Item.Value', 'outer.$' => '$' },
		ItemProcessor => { StartAt => $name, States => {
			work($name, "States.Format('{}-$name-{}', \$.outer, \$.inner)", $undone, End => \1) } } };
}

# Items of a step and two maps beside each other, then a signal, then a failure or the end.
sub machine
{
	my ($undone) = @_;
	return { StartAt => 'Outer', States => {
		Outer => { Type => 'Map', ItemsPath => '$.items', ResultPath => undef, Next => 'Gate', ItemProcessor => { StartAt => 'F', States => {
			work('F', "States.Format('{}', \$)", $undone, ResultPath => undef, Next => 'Both'),
			Both => { Type => 'Parallel', End => \1, Branches => [
				{ StartAt => 'L map', States => { 'L map' => inner_map('L', $undone, End => \1) } },
				{ StartAt => 'W', States => { W => { Type => 'Wait', Seconds => 0, Next => 'R map' },
					'R map' => inner_map('R', $undone, MaxConcurrency => 1, End => \1) } } ] } } } },
		$undone ?
			(Gate => { Type => 'Task', Resource => 'signal:fail', ResultPath => undef, Next => 'Fail' }, Fail => { Type => 'Fail', Error => 'Enough' }) :
			(Gate => { Type => 'Pass', End => \1 }) } };
}

$node->safe_psql('postgres', <<'SQL' . join '', map { "SELECT dalp.create_workflow('$_->[0]', '" . json_encode(machine($_->[1])) =~ s/'/''/gr . "');\n" } ['saga', 1], ['plain', 0]);
CREATE SCHEMA saga;
CREATE TABLE saga.log (n bigint GENERATED ALWAYS AS IDENTITY, run bigint, verb text, what text);
CREATE TABLE saga.bad (what text);
CREATE FUNCTION saga.work(input jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
BEGIN
	IF EXISTS (SELECT FROM saga.bad b WHERE b.what = input ->> 'what') THEN
		PERFORM dalp.raise_error('Bad');
	END IF;
	INSERT INTO saga.log (run, verb, what) VALUES ((input ->> 'run')::bigint, 'do', input ->> 'what');
	RETURN input -> 'what';
END
$$;
CREATE FUNCTION saga.undo(input jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO saga.log (run, verb, what) VALUES ((input #>> '{Input,run}')::bigint, 'undo', input ->> 'Result');
	RETURN 'true';
END
$$;
SQL

# start(WORKFLOW): ids of fresh runs. Keys make it safe to ask again after a crash.
my $key = 0;

sub start
{
	my ($workflow) = @_;
	my $input = json_encode({ items => [ 1 .. $items ], inner => [ 1, 2 ] });
	my $first = $key + 1;
	my $ids;

	$key += $runs;
	wait_until('the runs to be started', sub {
		my ($status, $output) = $node->psql('postgres', "SELECT dalp.start('$workflow', '$input', 'k' || i) FROM generate_series($first, $key) AS i");
		$ids = join ',', split /\n/, $output // '';
		return $status == 0;
	});
	return $ids;
}

sub ended
{
	my ($ids, $status) = @_;
	query_until($node, "SELECT count(*) FROM dalp.runs WHERE run_id IN ($ids) AND status = '$status'", $runs);
	return;
}

# Each step of each run exactly once; undone in exactly the other order where that is asked for.
sub check
{
	my ($ids, $name, $undone) = @_;

	is($node->safe_psql('postgres', "SELECT count(*), count(DISTINCT (run, what)) FROM saga.log WHERE verb = 'do' AND run IN ($ids)"),
		join('|', ($runs * $items * $steps) x 2), "$name: each item once");
	is($node->safe_psql('postgres', "SELECT count(*) FROM saga.log WHERE verb = 'undo' AND run IN ($ids)"),
		$undone ? $runs * $items * $steps : 0, "$name: how many are undone");
	is($node->safe_psql('postgres', <<"SQL"), 't', "$name: undone once, last first");
SELECT bool_and(done = undone) FROM (SELECT run, array_agg(what ORDER BY n) FILTER (WHERE verb = 'do') AS done,
	array_agg(what ORDER BY n DESC) FILTER (WHERE verb = 'undo') AS undone FROM saga.log WHERE run IN ($ids) GROUP BY run) AS r
SQL
	is($node->safe_psql('postgres', "SELECT count(*) FROM dalp_workflow.compensation UNION ALL SELECT count(*) FROM dalp_workflow.branch"), "0\n0",
		"$name: nothing is left behind");
	return;
}

for my $pair (@points)
{
	my ($doing, $undoing) = @$pair;

	crash_at($doing);
	my $ids = start('saga');
	crashed($doing);
	query_until($node, "SELECT count(*) FROM dalp_workflow.wait WHERE kind = 'signal' AND run_id IN ($ids)", $runs);
	crash_at($undoing);
	wait_until('the signals to be sent', sub {
		return ($node->psql('postgres', "SELECT dalp.signal(i, 'fail', NULL, 'once') FROM unnest(ARRAY[$ids]::bigint[]) AS i"))[0] == 0;
	});
	crashed($undoing);
	ended($ids, 'FAILED');
	check($ids, "crash at $doing, then at $undoing", 1);
}
is($node->safe_psql('postgres', "SELECT count(*), count(DISTINCT reference) FROM dalp.dead_letters WHERE kind = 'run' AND error = 'Enough'"),
	join('|', ($runs * @points) x 2), 'one dead letter for each run');

# A redrive inside of the branches, and the server dies right after it has begun.
$node->safe_psql('postgres', "INSERT INTO saga.bad VALUES ('2-R-2'), ('3-L-1')");
my $ids = start('plain');
ended($ids, 'FAILED');
$node->safe_psql('postgres', 'DELETE FROM saga.bad');
crash_at('step_after_body');
$node->psql('postgres', "SELECT dalp.redrive_all('{\"workflow\": \"plain\"}', 'repaired')");
crashed('step_after_body');
ended($ids, 'SUCCEEDED');
is($node->safe_psql('postgres', "SELECT count(*), count(DISTINCT (run, what)) FROM saga.log WHERE run IN ($ids)"),
	join('|', ($runs * $items * $steps) x 2), 'redriven: each item once');
is($node->safe_psql('postgres', 'SELECT count(*) FROM dalp_workflow.branch UNION ALL SELECT count(*) FROM dalp_workflow.suspended_branch'), "0\n0",
	'redriven: nothing is left behind');

$node->stop;
unlike(slurp_file($node->logfile), qr/PANIC|TRAP|moved although/, 'nothing strange in the log');
done_testing();
