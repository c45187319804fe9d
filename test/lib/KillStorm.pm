# KillStorm.pm
#
# Kills workers and the postmaster while runs are under way, then counts.
#
#   kill_storm($node, seconds => 30, runs => 200, seed => 7);
#
# With menu => 1 (make torture) there is more than kills: workers that are
# stopped for a while, and immediate shutdowns.
package KillStorm;

use strict;
use warnings;

use DalpTest;
use Exporter qw(import);
use Ledger;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time sleep);

our @EXPORT = qw(kill_storm);

my $interval = 2;
my @kinds = qw(executor scheduler launcher executor);
my @all_kinds = (@kinds, qw(broadcaster signer));

# When the server said last that it accepts connections, as text.
sub ready_at
{
	my ($node) = @_;
	my @times = slurp_file($node->logfile) =~ /^(\S+ \S+ \S+) \[.*database system is ready to accept connections/mg;

	return $times[-1];
}

# Seconds from when the server accepted connections to its first step, or undef
# if no run was there to step.  Steps are known by their time in the ledger;
# workers may be a little ahead of the server's message.
sub first_step
{
	my ($node, $ledger) = @_;
	my $ready = ready_at($node);
	my $first = '';

	wait_until('the first step after the crash', sub {
		my $open = $ledger->open_runs;

		$first = $ledger->query("SELECT extract(epoch FROM min(at) - '$ready') FROM ledger.entry WHERE at > '$ready'::timestamptz - interval '50 ms'");
		return $first ne '' || $open eq '0';
	}, 20);
	return $first eq '' ? undef : $first;
}

# Faults.  Each does its harm and returns when the server has got over it, as
# far as it has to: true if the server started over.

sub fault_kill_server
{
	my ($node) = @_;

	kill_server($node);
	start_server($node);
	return 1;
}

sub fault_kill_worker
{
	my ($node, @from) = @_;
	my @pids = eval { worker_pids($node, $from[ rand @from ]) };

	return 0 unless @pids;
	my $ready = ready_at($node);
	signal_and_wait('KILL', $pids[ rand @pids ]);
	wait_until('the server to start over', sub { return ready_at($node) ne $ready; });
	return 1;
}

sub fault_immediate_shutdown
{
	my ($node) = @_;

	$node->stop('immediate');
	start_server($node);
	return 1;
}

# A worker that hangs for a while, with whatever it has locked.
sub fault_stop_worker
{
	my ($node) = @_;
	my @pids = eval { worker_pids($node, $all_kinds[ rand @all_kinds ]) };

	return 0 unless @pids;
	my $pid = $pids[ rand @pids ];
	my $until = time() + 0.2 + rand(1);

	kill 'STOP', $pid;
	wait_until('the worker to have hung', sub { return time() > $until; });
	kill 'CONT', $pid;
	return 0;
}

my @menu = (
	[ 'postmaster killed', \&fault_kill_server ],
	[ 'worker killed', sub { return fault_kill_worker($_[0], @all_kinds) } ],
	[ 'executor killed', sub { return fault_kill_worker($_[0], 'executor') } ],
	[ 'shut down at once', \&fault_immediate_shutdown ],
	[ 'worker stopped for a while', \&fault_stop_worker ]);
my @kills = (
	[ 'postmaster killed', \&fault_kill_server ],
	[ 'worker killed', sub { return fault_kill_worker($_[0], @kinds) } ]);

# kill_storm(NODE, seconds =>, runs => in all, seed =>, menu =>, kills => most of them,
#		procedure => as Ledger has it)
sub kill_storm
{
	my ($node, %options) = @_;
	my $seed = $options{seed} // int(rand(1 << 30));
	my $ledger = Ledger->new($node, steps => 10, unsteady => 1, procedure => $options{procedure});
	my ($faults, $starts, $stranded) = (0, 0, 0);
	my @choice = $options{menu} ? @menu : @kills;
	my %happened;
	my @first;

	srand($seed);
	diag("seed $seed");
	my $began = time();
	my $share = $options{runs} / ($options{seconds} / $interval);

	while ((my $elapsed = time() - $began) < $options{seconds})
	{
		my $next_kill = $began + $interval * (1 + int($elapsed / $interval));

		# Runs come in over the whole time, so that there is work at every kill.
		while (time() < $next_kill - 0.3)
		{
			my $due = int($share * (time() - $began) / $interval * 1.05) + 1;

			$due = $options{runs} if $due > $options{runs};
			$ledger->start($due - ($ledger->{started} // 0)) if $due > ($ledger->{started} // 0);
			sleep(0.1);
		}
		# A last few, just before.
		$ledger->start(2) if ($ledger->{started} // 0) + 2 <= $options{runs};
		sleep(rand(0.05));
		my $fault = $choice[ rand @choice ];
		my $over = $fault->[1]->($node);

		$happened{ $fault->[0] }++;
		$faults++;
		$starts += $over;
		$stranded += $ledger->stranded;
		next unless $over;
		my $seconds = first_step($node, $ledger);

		push @first, $seconds if defined $seconds;
		last if $options{kills} && $faults >= $options{kills};
	}
	my $rest = $options{runs} - $ledger->{started};

	wait_until('the last runs to be started', sub { return $ledger->start($rest); }) if $rest > 0;
	@first = sort { $a <=> $b } @first;
	diag(join(', ', map { "$happened{$_} times $_" } sort keys %happened) . "; $starts starts; first step after (least, median, most) "
		  . join(' ', map { sprintf '%.2f', $_ } @first[ 0, $#first / 2, $#first ]) . ' s');
	cmp_ok($faults, '>=', $options{seconds} / $interval / 6, 'there was a storm');
	cmp_ok(scalar(@first), '>', 0, 'work was under way at the kills');
	cmp_ok($first[ $#first / 2 ], '<=', 1, 'first step within 1 s after the server accepts connections (median)');
	is($stranded, 0, 'every live run owned a token, always');
	$ledger->check('after the storm');
	return;
}

1;
