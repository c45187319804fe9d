# Guards: durable procedures of 10 steps, with kill -9 of random workers and of
# the postmaster every 2 s: each step took effect exactly once, no run is stuck.
# (make torture does it for longer, and with more kinds of faults.)
use strict;
use warnings;

use DalpTest;
use KillStorm;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = dalp_node('main', settings => { restart_after_crash => 'on' });

kill_storm($node,
	procedure => 1,
	seconds => $ENV{TORTURE_SECONDS} // 10,
	runs => 200,
	seed => $ENV{TORTURE_SEED},
	kills => $ENV{TORTURE_KILLS},
	menu => defined $ENV{TORTURE_SECONDS});
$node->stop;
unlike(slurp_file($node->logfile), qr/PANIC|TRAP/, 'nothing strange in the log');
done_testing();
