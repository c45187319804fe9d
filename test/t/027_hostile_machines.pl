# Guards: no definition and no input, however hostile, crashes a worker, runs
# without bound or keeps other runs from going on.  There is one executor, so
# that a normal run that is started beside each of them has to share it.
use strict;
use warnings;

use DalpTest;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);

no warnings 'recursion';

my $node = dalp_node('hostile', settings => { 'dalp.executors' => 1, fsync => 'off' });
my $yes = JSON::PP::true;
my $json = JSON::PP->new->canonical->allow_nonref->max_depth(10000);

sub json_text { return $json->encode($_[0]); }

# query(SQL): its output; of an error the SQLSTATE.
sub query
{
	my ($sql) = @_;
	my $status = $node->psql('postgres', "\\set VERBOSITY sqlstate\nSET client_min_messages = warning;\n$sql", stdout => \my $output, stderr => \my $error, timeout => 120);

	return $status == 0 && $error eq '' ? $output : join(' ', $error =~ /ERROR:\s+(\w+)/g) || "no answer: $error";
}

sub quoted { return "'" . $_[0] =~ s/'/''/gr . "'"; }

$node->safe_psql('postgres', q{
	CREATE FUNCTION step(i jsonb) RETURNS jsonb LANGUAGE sql AS 'SELECT i';
	SELECT dalp.create_workflow('normal', dalp.sequence('public.step', 'public.step', 'public.step'));
});

# neighbour(): a statement that runs a normal run to its end, and gives its status and the milliseconds that it took.
my $neighbour = q{
	SELECT dalp.start('normal') AS normal, clock_timestamp() AS began \gset
	SELECT (dalp.wait(:normal, '60s')).status || ' ' || round(extract(epoch FROM clock_timestamp() - :'began') * 1000);
};
sub took { return $_[0] =~ /^SUCCEEDED (\d+)$/m ? $1 : 'no end'; }

my @alone = sort { $a <=> $b } map { took(query($neighbour)) } 1 .. 5;
# Five seconds, and more where the machine is busy already.
my $bound = 5000 + 20 * $alone[2];
my @workers = worker_pids($node);
note("a run alone takes $alone[2] ms; beside a hostile one it may take $bound ms");

sub one_state { return { StartAt => 'A', States => { A => { Type => 'Pass', Parameters => $_[0], End => $yes } } }; }

# States that lead to A, which leads to B, which leads back, with a way out that nobody takes.
sub circle
{
	my %states = @_;

	return { StartAt => $states{V} ? 'V' : 'A', States => { %states, C => { Type => 'Succeed' },
			B => { Type => 'Choice', Choices => [ { Variable => '$.out', IsPresent => $yes, Next => 'C' } ], Default => 'A' } } };
}

sub nested { my ($depth, $inner, $wrap) = @_; $inner = $wrap->($inner, $_) for 1 .. $depth; return $inner; }

#
# Definitions
#

# What validate_workflow finds first, and how create_workflow ends.
sub refused
{
	my ($name, $text, $found, $state) = @_;
	my $literal = quoted($text);
	my $started = time();

	like(query("SELECT severity || ' ' || left(message, 200) FROM dalp.validate_workflow($literal) LIMIT 1;"), $found, "$name: found by validate_workflow");
	is(query("SELECT dalp.create_workflow('refused', $literal);"), $state, "$name: refused by create_workflow");
	cmp_ok(time() - $started, '<', 20, "$name: in time");
	return;
}

sub parallel { return { StartAt => "p$_[1]", States => { "p$_[1]" => { Type => 'Parallel', End => $yes, Branches => [ $_[0] ] } } }; }
my $leaf = { StartAt => 'x', States => { x => { Type => 'Succeed' } } };

refused('40 levels of Parallel', json_text(nested(40, $leaf, \&parallel)), qr/nest|deep/i, 'DL001');
refused('5 MB of states', json_text({ StartAt => 's0', States => { map { ("s$_" => { Type => 'Pass', Comment => 'x' x 5000, End => $yes }) } 0 .. 1000 } }),
	qr/error|warning/, 'DL007');
refused('30,000 mistakes', json_text({ StartAt => 's0', States => { map { ("s$_" => { Type => 'Pass', Next => "t$_", Foo => 1, InputPath => 'x' }) } 0 .. 9999 } }),
	qr/error/, 'DL001');
refused('a path of 400 kB', json_text(one_state({ 'a.$' => '$' . '[?(' x 100000 })), qr/error/, 'DL001');
refused('parentheses of 200 kB', json_text(one_state({ 'a.$' => '$[?(' . '(' x 100000 . '@.a' . ')' x 100000 . ')]' })), qr/error/, 'DL001');
refused('10,000 functions in each other', json_text(one_state({ 'a.$' => 'States.Array(' x 10000 . '1' . ')' x 10000 })), qr/error/, 'DL001');
refused('an endless index', json_text(one_state({ 'a.$' => '$[' . '9' x 100000 . ']' })), qr/error/, 'DL001');

#
# Runs
#

# hostile(NAME, DEFINITION, INPUT, EXPECTED): its run ends as EXPECTED says ("STATUS error"), and a normal one beside it in time.
my $number = 0;
sub hostile
{
	my ($name, $definition, $input, $expected) = @_;
	my $workflow = 'h' . ++$number;
	my $output;

	$output = query(
		"SELECT dalp.create_workflow('$workflow', " . quoted(json_text($definition)) . ") \\g /dev/null\n"
		  . "SELECT dalp.start('$workflow', " . quoted(ref $input ? json_text($input) : $input) . ") AS hostile \\gset\n"
		  . $neighbour
		  . "SELECT (dalp.wait(:hostile, '60s')).status \\g /dev/null\n"
		  . "SELECT status || coalesce(' ' || error, '') FROM dalp.runs WHERE run_id = :hostile;");
	like($output, qr/^$expected$/m, "$name: ends");
	cmp_ok(took($output) eq 'no end' ? 1e9 : took($output), '<', $bound, "$name: a normal run goes on beside it");
	return;
}

my $text = 'x' x 100000;
my $numbers = [ 1 .. 10000 ];
my $tree = nested(7, 1, sub { my $inner = $_[0]; return [ ($inner) x 4 ] });
my $limit = 'FAILED States\.DataLimitExceeded';
my $function = 'FAILED States\.IntrinsicFailure';

hostile('600 levels of Parameters', one_state(nested(600, {}, sub { { a => $_[0] } })), {}, $limit);
hostile('a rule 600 levels deep', { StartAt => 'c', States => { x => { Type => 'Succeed' }, c => { Type => 'Choice', Default => 'x',
			Choices => [ { %{ nested(600, { Variable => '$', IsNull => $yes }, sub { { Not => $_[0] } }) }, Next => 'x' } ] } } }, {}, 'SUCCEEDED');
hostile('10,000 states', { StartAt => 's0', States => { (map { ("s$_" => { Type => 'Pass', Next => 's' . ($_ + 1) }) } 0 .. 9999), s10000 => { Type => 'Succeed' } } },
	{}, 'SUCCEEDED');
hostile('10,000 rules', { StartAt => 'c', States => { x => { Type => 'Succeed' },
		c => { Type => 'Choice', Default => 'x', Choices => [ map { { Variable => '$..a', NumericEquals => $_, Next => 'x' } } 1 .. 10000 ] } } },
	{ l => [ map { { a => 0 } } 1 .. 2000 ] }, "(SUCCEEDED|FAILED) ?(States\\.\\w+)?");
hostile('descents in descents', one_state({ 'x.$' => '$..*..*..*..*' }), { t => $tree }, $limit);
hostile('filters in filters', one_state({ 'x.$' => '$..[?(@[?(@[?(@ > 0)])])]' }), { t => $tree }, '(SUCCEEDED|FAILED) ?(States\.\w+)?');
hostile('a filter that searches', one_state({ 'x.$' => '$.n[?(@ in $..n)]' }), { n => $numbers }, '(SUCCEEDED|FAILED) ?(States\.\w+)?');
hostile('ranges of ranges', one_state({ map { ("r$_.\$" => 'States.ArrayPartition(States.ArrayRange(1, 1000, 1), 1)') } 1 .. 1000 }), {}, $limit);
hostile('an endless range', one_state({ 'r.$' => 'States.ArrayRange(0, 9000000000000000000, 1)' }), {}, $function);
hostile('a range without a step', one_state({ 'r.$' => 'States.ArrayRange(0, 10, 0)' }), {}, $function);
hostile('growing texts', one_state({ 'x.$' => nested(8, '$.t', sub { "States.Format('{}{}{}{}', $_[0], $_[0], $_[0], $_[0])" }) }), { t => 'x' x 1000 }, "($limit|$function)");
hostile('encoded again and again', one_state({ 'x.$' => nested(9, '$.t', sub { "States.Base64Encode($_[0])" }) }), { t => 'x' x 9000 }, "($limit|$function)");
hostile('merged again and again', one_state({ 'x.$' => nested(9, '$', sub { "States.JsonMerge($_[0], \$, false)" }) }), { map { ("k$_" => 'v') } 1 .. 15000 }, 'SUCCEEDED|' . $limit);
hostile('parts of parts', one_state({ 'x.$' => nested(9, '$.n', sub { "States.ArrayPartition($_[0], 1)" }) }), { n => $numbers }, 'SUCCEEDED|' . $limit);
hostile('unique numbers', one_state({ 'x.$' => 'States.ArrayLength(States.ArrayUnique($.n))' }), { n => $numbers }, 'SUCCEEDED');
hostile('split at every character', one_state({ 'x.$' => q{States.StringSplit($.t, ',')} }), { t => ',a' x 100000 }, $limit);
hostile('text as JSON', one_state({ 'x.$' => 'States.StringToJson($.t)' }), { t => '[' x 100000 }, $function);
hostile('JSON as text', one_state({ 'x.$' => nested(9, '$', sub { "States.JsonToString($_[0])" }) }), { t => '"\\' x 2000 }, "($limit|$function)");
hostile('many stars', { StartAt => 'c', States => { x => { Type => 'Succeed' }, c => { Type => 'Choice', Default => 'x',
			Choices => [ map { { Variable => '$.t', StringMatches => '*a' x (100 + $_) . 'b*', Next => 'x' } } 1 .. 20 ] } } },
	{ t => 'a' x 200000 }, 'SUCCEEDED');
hostile('a number of 100,000 digits', one_state({ 'x.$' => 'States.MathAdd($.n, $.n)' }), '{"n": 1e100000}', $function);
hostile('comparing such numbers', { StartAt => 'c', States => { x => { Type => 'Succeed' }, c => { Type => 'Choice', Default => 'x',
			Choices => [ map { { Variable => '$.n', NumericLessThanPath => '$.m', Next => 'x' } } 1 .. 1000 ] } } },
	'{"n": 1e100000, "m": -1e100000}', 'SUCCEEDED');
hostile('waiting that long', { StartAt => 'w', States => { w => { Type => 'Wait', SecondsPath => '$.n', End => $yes } } }, '{"n": 1e100000}', 'FAILED States\.\w+');
hostile('deep data', one_state({ 'x.$' => '$..a' }), nested(500, 1, sub { { a => $_[0] } }), '(SUCCEEDED|FAILED) ?(States\.\w+)?');
hostile('doubling', circle(A => { Type => 'Pass', Parameters => { 'a.$' => '$', 'b.$' => '$' }, Next => 'B' }),
	{ x => 1 }, $limit);
hostile('doubling of a variable', circle(A => { Type => 'Pass', Assign => { 'v.$' => q{States.Format('{}{}', $v, $v)} }, Next => 'B' }, V => { Type => 'Pass', Assign => { v => 'x' }, Next => 'A' }),
	{}, "($limit|FAILED States\\.\\w+)");
hostile('many variables', { StartAt => 'A', States => { A => { Type => 'Pass', Assign => { map { ("v$_.\$" => '$.t') } 1 .. 1000 }, End => $yes } } }, { t => $text }, $limit);
hostile('items by descent', { StartAt => 'M', States => { M => { Type => 'Map', ItemsPath => '$..*', End => $yes,
			ItemSelector => { 'x.$' => '$..*' }, ItemProcessor => { StartAt => 'x', States => { x => { Type => 'Succeed' } } } } } }, { t => $tree }, 'FAILED [\w.]+');

my $map = { StartAt => 'M', States => { M => { Type => 'Map', ItemsPath => '$.n', ItemSelector => { 'n.$' => '$.n' }, ResultPath => undef, End => $yes, ItemProcessor => { StartAt => 'N', States => {
					N => { Type => 'Map', ItemsPath => '$.n', ResultPath => undef, End => $yes, ItemProcessor => { StartAt => 'x', States => { x => { Type => 'Pass', End => $yes } } } } } } } } };
hostile('a Map of 1,000 x 1,000 items', $map, { n => [ 1 .. 1000 ] }, 'FAILED Workflow\.HistoryLimitExceeded');

#
# Runs without an end
#

# max_history(ROWS): for all that follows.
sub max_history
{
	my ($rows) = @_;

	$node->safe_psql('postgres', $_) for "ALTER SYSTEM SET dalp.max_history = $rows", 'SELECT pg_reload_conf()';
	query_until($node, 'SHOW dalp.max_history', $rows);
	return;
}

# endless(NAME, DEFINITION, INPUT): others go on beside it, and dalp.cancel ends it.
sub endless
{
	my ($name, $definition, $input) = @_;
	my $workflow = 'h' . ++$number;

	my $run = query("SELECT dalp.create_workflow('$workflow', " . quoted(json_text($definition)) . ") \\g /dev/null\n"
		  . "SELECT dalp.start('$workflow', " . quoted(json_text($input)) . ");");
	query_until($node, "SELECT count(*) > 200 FROM dalp_workflow.journal WHERE run_id = $run", 't');
	for my $time (1 .. 3)
	{
		cmp_ok(took(query($neighbour)) =~ s/no end/1e9/r, '<', $bound, "$name: normal run $time goes on beside it");
	}
	my $output = query("SELECT clock_timestamp() AS began \\gset\nSELECT dalp.cancel($run, 'enough') \\g /dev/null\n"
		  . "SELECT (dalp.wait($run, '60s')).status || ' ' || round(extract(epoch FROM clock_timestamp() - :'began') * 1000);");
	like($output, qr/^ABORTED \d+$/, "$name: dalp.cancel ends it");
	cmp_ok($output =~ /(\d+)$/ ? $1 : 1e9, '<', $bound, "$name: soon");
	return ($workflow, $input);
}

# The limit would end them in a few seconds.
max_history(100000000);
my $loop = circle(A => { Type => 'Pass', Next => 'B' });
my $choice = circle(A => { Type => 'Choice', Choices => [ { Variable => '$.x', IsPresent => $yes, Next => 'B' } ], Default => 'B' });
my $forks = circle(A => { Type => 'Parallel', ResultPath => undef, Next => 'B', Branches => [ map { { StartAt => "x$_", States => { "x$_" => { Type => 'Succeed' } } } } 1 .. 50 ] });
my @endless = (
	[ endless('two states that lead to each other', $loop, {}) ],
	[ endless('the same with 100 kB', $loop, { t => $text }) ],
	[ endless('a choice in a circle', $choice, { x => 1 }) ],
	[ endless('a Parallel in a circle', $forks, {}) ]);

# By themselves they end at the limit of a run's history.
max_history(1500);
for my $case (@endless)
{
	my ($workflow, $input) = @$case;

	like(query("SELECT dalp.start('$workflow', " . quoted(json_text($input)) . ") AS run \\gset\nSELECT (dalp.wait(:run, '60s')).status \\g /dev/null\n"
			  . 'SELECT status || coalesce(\' \' || error, \'\') FROM dalp.runs WHERE run_id = :run;'),
		qr/^FAILED (Workflow\.HistoryLimitExceeded|States\.DataLimitExceeded)$/, "$workflow ends at a limit");
}

is(join(' ', worker_pids($node)), "@workers", 'all workers are the same as before');
is(query('SELECT * FROM dalp.check_invariants();'), '', 'nothing is wrong with the tables');
is(query('SELECT count(*) FROM dalp_workflow.run;'), '0', 'no run is left');
$node->stop;
unlike(slurp_file($node->logfile), qr/PANIC|TRAP|FATAL:(?!.*administrator command)|server process|terminated by signal|invalid memory alloc|stack depth/, 'nothing strange in the log');
done_testing();
