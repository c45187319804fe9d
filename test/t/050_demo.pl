# Promise: "make demo" shows what it says, finishes, and leaves nothing running.

use strict;
use warnings;

use IPC::Run ();
use PostgreSQL::Test::Utils;
use Test::More;

use DalpTest;

my $demo = "$DalpTest::test_folder/demo/run.sh";

# The library that is being tested, from the private server that tests it.
chomp(my $libraries = `$ENV{PG_CONFIG} --pkglibdir`);
$ENV{DEMO_LIBRARY} = "$libraries/dalp.so";
$ENV{DEMO_PATIENCE} = 400;
$ENV{TMPDIR} = PostgreSQL::Test::Utils::tempdir_short();
chdir '/';

# demo(ARGUMENTS...): exit status, output, errors; of a run from another folder.
sub demo
{
	my ($output, $errors) = ('', '');

	IPC::Run::run([ $demo, @_ ], '<', \undef, '>', \$output, '2>', \$errors, IPC::Run::timeout(500));
	return ($? >> 8, $output, $errors);
}

sub left_over { return grep { (readlink($_) // '') =~ /^\Q$ENV{TMPDIR}\E/ } glob '/proc/[0-9]*/cwd'; }

$ENV{DEMO_RUNS} = 8;
my ($status, $output, $errors) = demo();
is($status, 0, 'the demo succeeds') or diag("$output\n$errors");
for my $line (
	qr/^\[ *[\d.]+ s\] kill -9 of the server, \d+ processes at once$/m,
	qr/starts all 8 issuances again, with the same keys: 8 runs exist$/m,
	qr/ Mint +\| Chain\.Reverted +\| CapExceeded\(requested: 2000, cap: 1000\)/,
	qr/ CheckEligibility +\| InvestorNotEligible /,
	qr/ 24 transactions in \d+ blocks, none reverted, 8 of them deployments$/m,
	qr/ 8 tokens, each minted exactly once: holder, units, supply and hash as in the books$/m,
	qr/ runs +8 succeeded of 8, of which 2 after a repair$/m,
	qr/ steps +56 done, each once$/m,
	qr/ first work +\d+ ms after the server accepted connections again$/m)
{
	like($output, $line, "it says $line");
}
is_deeply([ left_over() ], [], 'no process is left');
is_deeply([ glob "$ENV{TMPDIR}/*" ], [], 'no file is left');

# --- kept to look around, and stopped
$ENV{DEMO_RUNS} = 5;
$ENV{DEMO_KEEP} = 1;
($status, $output, $errors) = demo();
is($status, 0, 'a demo that is kept succeeds') or diag("$output\n$errors");
my ($psql) = $output =~ m{^ +(/\S+/psql -h \S+ -U operator bonds)$}m;
my ($folder) = $output =~ m{^ +Stop and remove it: test/demo/run\.sh --stop (\S+)$}m;
is(`$psql -XAtc "SELECT count(*) FROM dalp.runs WHERE status = 'SUCCEEDED'"`, "5\n", 'its server answers as it says');
($status) = demo('--stop', $folder);
is($status, 0, 'it can be stopped');
is_deeply([ left_over() ], [], 'then no process is left');
ok(!-e $folder, 'nor its folder');

# --- what it refuses
delete $ENV{DEMO_KEEP};
($status, $output, $errors) = demo('--stop', $ENV{TMPDIR});
is($status, 2, 'a folder that is no demo is not stopped');
$ENV{DEMO_RUNS} = 'many';
($status, $output, $errors) = demo();
is($status, 2, 'a wrong number is refused');
like($errors, qr/DEMO_RUNS is a number/, 'with a hint');

done_testing();
