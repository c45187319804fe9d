# Guards: finished runs go dalp.retention after their end and their journal by
# whole partitions, without holding anybody up; what is live, or has an open dead
# letter, stays; used idempotency keys stay used; ids may jump over partitions.
use strict;
use warnings;

use DalpTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = dalp_node('main');

# sql(QUERY): its result.
sub sql { return $node->safe_psql('postgres', $_[0]); }
sub partition { return sql("SELECT to_regclass('dalp_workflow.journal_p$_[0]') IS NOT NULL"); }

sql(q{CREATE FUNCTION public.act(i jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$BEGIN IF i ? 'fail' THEN RAISE 'no'; END IF; RETURN i; END $$});
sql(q{SELECT dalp.create_workflow('w', '{"StartAt": "A", "States": {
	"A": {"Type": "Task", "Resource": "sql:public.act", "Next": "B"},
	"B": {"Type": "Choice", "Choices": [{"Variable": "$.ask", "IsPresent": true, "Next": "Ask"}], "Default": "End"},
	"Ask": {"Type": "Task", "Resource": "signal:go", "End": true}, "End": {"Type": "Succeed"}}}')});
sub start
{
	my ($input, $key) = @_;

	return sql("SELECT dalp.start('w', '$input'" . (defined $key ? ", '$key'" : '') . ')');
}

# Runs on both sides of the end of the first partition.
sql("SELECT setval('dalp_workflow.run_id_seq', 999989)");
my $keyed = start('{}', 'key');
sql("SELECT count(dalp.start('w', '{}')) FROM generate_series(1, 30)");
my $failed = start('{"fail": 1}');
my $waiting = start('{"ask": 1}');
query_until($node, 'SELECT count(*) FROM dalp_workflow.run_done', '32');
query_until($node, 'SELECT count(*) FROM dalp_workflow.wait', '1');
cmp_ok(sql('SELECT count(*) FROM dalp_workflow.journal_p0'), '>', 0, 'the first partition has rows');
cmp_ok(sql('SELECT count(*) FROM dalp_workflow.journal_p1'), '>', 0, 'so has the second');

# The ids jump while there is no partition: runs of them go on at once.
sql("SELECT setval('dalp_workflow.run_id_seq', 5000000)");
my $jumped = start('{}');
is(sql("SELECT status FROM dalp.wait($jumped)"), 'SUCCEEDED', 'a run whose id has no partition makes one');
is(partition(5), 't', 'which is there');
is(sql("SELECT count(*) FROM dalp.runs"), '34', 'nothing has been removed');

$node->append_conf('postgresql.conf', "dalp.retention = '2s'\n");
$node->reload;
query_until($node, 'SELECT count(*) FROM dalp_workflow.run_done', '1');
is(sql('SELECT string_agg(run_id::text, chr(32) ORDER BY run_id) FROM dalp.runs'), "$failed $waiting", 'what is live or has a dead letter stays');
is(sql('SELECT count(*) FROM dalp_workflow.run_data'), '2', 'data go with their runs');
query_until($node, 'SELECT count(*) FROM dalp_workflow.journal_p0', '0');
pass('the first partition is emptied');
is(partition(1), 't', 'one with runs that can be seen stays');
is(sql('SELECT string_agg(DISTINCT run_id::text, chr(32) ORDER BY run_id::text) FROM dalp.run_history'), "$failed $waiting", 'with their history');
is(sql('SELECT count(*) FROM dalp.check_invariants()'), '0', 'the invariants hold');
is(start('{}', 'key'), $keyed, 'a used key is used');
my (undef, undef, $error) = $node->psql('postgres', "\\set VERBOSITY sqlstate\nSELECT dalp.wait($keyed)");
like($error, qr/DL002/, 'though its run is no longer to be seen');

# A reader of the whole journal, as pg_dump is one: nobody waits for the drop.
my $reader = $node->background_psql('postgres');
$reader->query_safe('BEGIN; LOCK TABLE dalp_workflow.journal IN ACCESS SHARE MODE');
my $letter = sql("SELECT id FROM dalp.dead_letters WHERE reference = $failed");
sql("SELECT dalp.discard($letter, 'enough'); SELECT dalp.signal($waiting, 'go')");
query_until($node, 'SELECT count(*) FROM dalp_workflow.run_data', '0');
for my $round (1 .. 5)
{
	my $run = start('{}');

	is(sql("SELECT status FROM dalp.wait($run, '5s')"), 'SUCCEEDED', "runs go on beside a reader ($round)");
}
is(partition(1), 't', 'the partition waits for the reader');
$reader->quit;
query_until($node, "SELECT to_regclass('dalp_workflow.journal_p1') IS NULL", 't');
pass('and is dropped after it');
is(partition(5), 't', 'the partition in use stays');

# Steady work in small partitions: nothing grows.
for my $round (6 .. 9)
{
	sql("SELECT setval('dalp_workflow.run_id_seq', ${round}000000)");
	sql("SELECT count(dalp.start('w', '{}')) FROM generate_series(1, 200)");
	query_until($node, 'SELECT count(*) FROM dalp_workflow.run', '0');
	query_until($node, 'SELECT count(*) FROM dalp_workflow.run_done', '0');
	query_until($node, "SELECT count(*) < 3 FROM pg_inherits WHERE inhparent = 'dalp_workflow.journal'::regclass", 't');
}
is(sql('SELECT (SELECT count(*) FROM dalp_workflow.run_data) + (SELECT count(*) FROM dalp_workflow.branch)'), '0', 'four partitions came and went');

$node->stop;
unlike(slurp_file($node->logfile), qr/PANIC|TRAP|no partition of relation/, 'nothing strange in the log');
done_testing();
