# Guards: pg_dump and pg_restore carry all state of workflows into another
# cluster, where runs that wait for signals, timers and operators go on, keys are
# still taken, dead letters can be redriven, and ids go on where they were.
use strict;
use warnings;

use DalpTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $source = dalp_node('source');

# Ids at the end of the journal's first partition: the scheduler makes the next one.
$source->safe_psql('postgres', "SELECT setval('dalp_workflow.run_id_seq', 999997)");
query_until($source, "SELECT to_regclass('dalp_workflow.journal_p1') IS NOT NULL", 't');

$source->safe_psql('postgres', q{
	CREATE TABLE public.ledger (run bigint, step text, PRIMARY KEY (run, step));
	CREATE FUNCTION public.book(i jsonb) RETURNS jsonb LANGUAGE plpgsql SET search_path = pg_catalog AS $$
	BEGIN
		INSERT INTO public.ledger VALUES ((i->>'run')::bigint, i->>'step');
		IF i->>'step' = 'second' AND (i->>'bad')::boolean THEN RAISE EXCEPTION 'bad'; END IF;
		RETURN i;
	END $$;
});
$source->safe_psql('postgres', "SELECT dalp.create_workflow('dump', '$_')") for (
	q({"StartAt": "A", "States": {
		"A": {"Type": "Task", "Resource": "sql:public.book", "Parameters": {"run.$": "$$.Execution.Id", "step": "first"}, "ResultPath": null, "Next": "Which"},
		"Which": {"Type": "Choice", "Choices": [
			{"Variable": "$.what", "StringEquals": "signal", "Next": "Ask"},
			{"Variable": "$.what", "StringEquals": "timer", "Next": "Sleep"}], "Default": "B"},
		"Ask": {"Type": "Task", "Resource": "signal:go", "ResultPath": "$.answer", "Next": "B"},
		"Sleep": {"Type": "Wait", "Seconds": 3600, "Next": "B"},
		"B": {"Type": "Task", "Resource": "sql:public.book", "Parameters": {"run.$": "$$.Execution.Id", "step": "second", "bad.$": "$.bad"}, "ResultPath": null, "End": true}}})
);

# start(WHAT, BAD, MORE): a run; its id.
sub start
{
	my ($node, $what, $bad, $more) = @_;

	return $node->safe_psql('postgres', qq{SELECT dalp.start('dump', '{"what": "$what", "bad": $bad}'} . ($more // '') . ')');
}

my %run = (
	done => start($source, 'nothing', 'false', ", 'key'"),
	signal => start($source, 'signal', 'false'),
	early => start($source, 'signal', 'false', ", start_at => clock_timestamp() + interval '1 h'"),
	timer => start($source, 'timer', 'false'),
	failed => start($source, 'nothing', 'true'),
	held => start($source, 'signal', 'false'));

query_until($source, 'SELECT count(*) FROM public.ledger', '6');
query_until($source, 'SELECT count(*) FROM dalp_workflow.run_done', '2');
query_until($source, 'SELECT count(*) FROM dalp_workflow.wait', '2');
$source->safe_psql('postgres', "SELECT dalp.pause($run{held}); SELECT dalp.signal($run{held}, 'go', '\"held\"'), dalp.signal($run{early}, 'go', '\"early\"', 'k')");
query_until($source, 'SELECT count(*) FROM dalp_workflow.parked', '1');

my $dump = $source->basedir . '/dump';
my $history = 'SELECT md5(string_agg(h::text, chr(10) ORDER BY run_id, branch, seq, event)) FROM dalp.run_history h WHERE run_id IN (' . "$run{done}, $run{failed})";
my $before = $source->safe_psql('postgres', $history);
$source->command_ok([ 'pg_dump', '-Fc', '-f', $dump, '-d', $source->connstr('postgres') ], 'pg_dump');
my $last = $source->safe_psql('postgres', 'SELECT max(run_id) FROM dalp_workflow.run_data');
$source->stop;

# Workers of the new cluster are there while the rows come in, and touch none of them.
my $target = dalp_node('target', databases => []);
$target->command_ok([ 'pg_restore', '--exit-on-error', '-d', $target->connstr('postgres'), $dump ], 'pg_restore');
is($target->safe_psql('postgres', $history), $before, 'the history is the same');
is($target->safe_psql('postgres', 'SELECT count(*) > 0 FROM dalp_workflow.journal_p1'), 't', 'in all partitions');
is($target->safe_psql('postgres', 'SELECT string_agg(kind, \' \' ORDER BY kind) FROM dalp_workflow.timer'), 'sleep start', 'timers are there');
is($target->safe_psql('postgres', 'SELECT count(*) FROM dalp_workflow.inbox'), '2', 'signals that nobody has taken are there');

$target->safe_psql('postgres', "UPDATE dalp_workflow.timer SET fire_at = clock_timestamp() WHERE kind = 'sleep'");
my $log_from = $target->wait_for_log(qr/the state of this database was brought from elsewhere/);
is($target->safe_psql('postgres', 'SELECT dalp.instance_state()'), 'reconciling', 'the database knows that it is a copy');
is($target->safe_psql('postgres', "SELECT count(*) FROM pg_stat_activity WHERE backend_type LIKE 'dalp %' AND query = 'waiting for dalp.adopt_instance' AND state = 'idle'") > 0, 1, 'workers wait');
my $waiting = start($target, 'nothing', 'false');
is($target->safe_psql('postgres', "SELECT count(*) FROM dalp_workflow.timer WHERE kind = 'sleep' AND fire_at < clock_timestamp()"), '1', 'what is due is not done');
is($target->safe_psql('postgres', "SELECT string_agg(DISTINCT invariant, ' ') FROM dalp.check_invariants()"), '', 'nothing is missing or too much');
is($target->safe_psql('postgres', "SELECT string_agg(concat_ws(' ', branch, kind, what_next), '; ') FROM dalp.why($waiting)"),
	"0 reconciling SELECT dalp.adopt_instance('note'); -- when it is complete and the original is not at work any more; "
	  . '0 ready no executor is at work here; the row of kind "reconciling" says why', 'dalp.why knows');
is($target->safe_psql('postgres', "SELECT string_agg(kind, ' ') FROM dalp.why($run{signal})"), 'reconciling signal', 'of runs that wait for something else too');
is($target->safe_psql('postgres', "SELECT string_agg(kind, ' ') FROM dalp.why($run{done})"), 'ended', 'what has ended waits for nothing');
for my $call ("dalp.claim_tasks('q', 'w')", "dalp.claim_tasks('q', 'w', wait => '1 s')", "dalp.complete_and_claim(NULL, NULL, 'q', 'w')")
{
	my (undef, undef, $error) = $target->psql('postgres', "\\set VERBOSITY sqlstate\nSELECT * FROM $call");

	like($error, qr/DL008/, "$call hands out nothing");
}
my ($refused, undef, $why) = $target->psql('postgres', "\\set VERBOSITY sqlstate\nSELECT dalp.adopt_instance(' ')");
like($why, qr/DL006/, 'adopting needs a note');
$target->safe_psql('postgres', "SELECT dalp.adopt_instance('the source has been stopped')");
query_until($target, "SELECT status FROM dalp.runs WHERE run_id = $waiting", 'SUCCEEDED');
is($target->safe_psql('postgres', "SELECT count(*) FROM dalp.claim_tasks('q', 'w')"), '0', 'tasks can be claimed');
is($target->safe_psql('postgres', "SELECT string_agg(kind, ' ') FROM dalp.why($run{signal})"), 'signal', 'dalp.why knows that, too');
($refused, undef, $why) = $target->psql('postgres', "\\set VERBOSITY sqlstate\nSELECT dalp.adopt_instance('again')");
like($why, qr/DL003/, 'and is done once');
query_until($target, "SELECT status FROM dalp.runs WHERE run_id = $run{timer}", 'SUCCEEDED');
pass('a sleeping run wakes');
is($target->safe_psql('postgres', "SELECT status || ' ' || state FROM dalp.runs WHERE run_id = $run{signal}"), 'RUNNING Ask', 'one that waits for a signal waits');
$target->safe_psql('postgres', "SELECT dalp.signal($run{signal}, 'go', '\"after\"')");
query_until($target, "SELECT output ->> 'answer' FROM dalp.runs WHERE run_id = $run{signal}", 'after');
pass('and takes it');
is($target->safe_psql('postgres', "SELECT status FROM dalp.runs WHERE run_id = $run{held}"), 'PAUSED', 'a paused run is paused');
$target->safe_psql('postgres', "SELECT dalp.resume($run{held})");
query_until($target, "SELECT output ->> 'answer' FROM dalp.runs WHERE run_id = $run{held}", 'held');
pass('and goes on with the signal that was sent before the dump');
$target->safe_psql('postgres', "SELECT dalp.signal($run{early}, 'go', '\"again\"', 'k')");
$target->safe_psql('postgres', "UPDATE dalp_workflow.timer SET fire_at = clock_timestamp() WHERE run_id = $run{early}");
query_until($target, "SELECT output ->> 'answer' FROM dalp.runs WHERE run_id = $run{early}", 'early');
pass('a start that was still to come happens, and a seen key of a signal is still seen');

is(start($target, 'nothing', 'false', ", 'key'"), $run{done}, 'a used idempotency key is used');
my ($status, $output, $error) = $target->psql('postgres', "\\set VERBOSITY sqlstate\nSELECT dalp.start('dump', '{\"what\": \"other\"}', 'key')");
like($error, qr/DL004/, 'for the same request only');
cmp_ok(start($target, 'nothing', 'false'), '>', $last, 'ids go on');
my $letter = $target->safe_psql('postgres', "SELECT id FROM dalp.dead_letters WHERE reference = $run{failed}");
$target->safe_psql('postgres', "SELECT dalp.redrive($letter, '{\"bad\": false}')");
query_until($target, "SELECT status FROM dalp.runs WHERE run_id = $run{failed}", 'SUCCEEDED');
pass('a dead letter is redriven');
start($target, 'nothing', 'true');
query_until($target, 'SELECT count(*) FROM dalp.dead_letters', '2');
pass('and new ones get new ids');
query_until($target, 'SELECT count(*) FROM dalp_workflow.run', '0');
is($target->safe_psql('postgres', 'SELECT count(*) FROM (SELECT run FROM public.ledger GROUP BY run HAVING count(*) <> 2) s'), '1', 'each step once, but for the one that failed');
is($target->safe_psql('postgres', "SELECT dalp.create_workflow('dump', definition) FROM dalp.workflows WHERE name = 'dump'"), '1', 'the same body is still the same version');

# A database that gets no workers.
$target->append_conf('postgresql.conf', "dalp.databases = 'another'\n");
$target->reload;
query_until($target, "SELECT count(*) FROM dalp.workers WHERE kind = 'executor' AND state = 'running'", '0');
$waiting = start($target, 'nothing', 'false');
is($target->safe_psql('postgres', "SELECT string_agg(concat_ws(' ', kind, what_next), '; ') FROM dalp.why($waiting)"),
	'ready no executor is running in this database; SELECT * FROM dalp.workers;', 'dalp.why says that no executor is running');

$target->stop;
unlike(slurp_file($target->logfile), qr/PANIC|TRAP/, 'nothing strange in the log');
done_testing();
