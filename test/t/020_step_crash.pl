# Guards: a crash at any point of the engine, by kill -9 of the very process that
# is there, loses no step and repeats none; the same for the whole server.
use strict;
use warnings;

use DalpTest;
use Ledger;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);

my $node = dalp_node('main', settings => { restart_after_crash => 'on' });
my $ledger = Ledger->new($node, steps => 5, waits => 1);
my $stop = $node->data_dir . '/dalp_stop';
mkdir $stop or die "$stop: $!";

# command(POINT, COMMAND): what the next process that comes there does.
sub command
{
	my ($point, $command) = @_;
	append_to_file("$stop/$point.new", $command);
	rename "$stop/$point.new", "$stop/$point" or die "$stop/$point: $!";
	return;
}

# crashed(POINT): until somebody has been there.
sub crashed
{
	my ($point) = @_;
	wait_until("a process to reach $point", sub { return !-e "$stop/$point"; });
	query_until($node, 'SELECT 1', '1');
	return;
}

$ledger->start(10);
$ledger->check('undisturbed');

for my $point (qw(step_before_body step_after_body batch_before_commit batch_after_commit timer_before_commit))
{
	command($point, 'crash');
	# Where the process dies before the caller has its answer, the server closes
	# the connection: asked again, the same keys start nothing twice.
	wait_until('the runs to be started', sub { return $ledger->start(30); });
	crashed($point);
	$ledger->check("crash at $point");

	# An error there, which is not the step's.
	command($point, 'error');
	$ledger->start(5);
	crashed($point);
	$ledger->check("error at $point");
}

# The postmaster dies while a process is at each point.
for my $point (qw(step_before_body step_after_body batch_before_commit batch_after_commit timer_before_commit))
{
	command($point, 'wait');
	$ledger->start(20);
	wait_until("a process to wait at $point", sub { return -e "$stop/$point.reached"; });
	kill_server($node);
	unlink "$stop/$point", "$stop/$point.reached";
	start_server($node);
	$ledger->check("postmaster killed at $point");
}

# A step that takes the server with it, twice.
command('step_after_body', 'crash');
$ledger->start(3);
crashed('step_after_body');
command('batch_before_commit', 'crash');
$ledger->start(3);
crashed('batch_before_commit');
$ledger->check('two crashes in a row');

$node->stop;
unlike(slurp_file($node->logfile), qr/PANIC|TRAP/, 'nothing strange in the log');
done_testing();
