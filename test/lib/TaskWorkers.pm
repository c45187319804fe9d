# TaskWorkers.pm
#
# The example workers of doc/examples, run as processes against a server, to be
# killed.
#
#   my $workers = TaskWorkers->new($node, queue => 'q', call => 'app.effect');
#   my $pid = $workers->start('py', '--together');
#   $workers->kill($pid);
package TaskWorkers;

use strict;
use warnings;

use DalpTest;
use File::Copy qw(copy);
use POSIX ();
use PostgreSQL::Test::Utils;

my @running;

# new(NODE, queue =>, call => SQL function, lease => seconds, batch => tasks)
sub new
{
	my ($class, $node, %options) = @_;
	my $self = bless { node => $node, lease => 1, batch => 5, pids => {}, %options }, $class;
	my $examples = "$DalpTest::test_folder/../doc/examples";

	$self->{folder} = PostgreSQL::Test::Utils::tempdir('workers');
	$self->{py} = [ '/usr/bin/python3', "$examples/worker.py" ];
	# Node.js looks for packages beside the file.
	copy("$examples/worker.mjs", "$DalpTest::test_folder/worker.mjs") or die "worker.mjs: $!";
	$self->{mjs} = [ 'node', '--preserve-symlinks', "$DalpTest::test_folder/worker.mjs" ];
	push @running, $self;
	return $self;
}

# start(KIND, OPTIONS): py or mjs; returns the process id.
sub start
{
	my ($self, $kind, @options) = @_;
	my $number = ++$self->{started};
	my @command = (
		@{ $self->{$kind} }, '--queue', $self->{queue}, '--call', $self->{call}, '--lease', $self->{lease},
		'--batch', $self->{batch}, '--name', "$kind $number", @options);
	my $pid = fork() // die "fork: $!";

	if ($pid == 0)
	{
		$ENV{PGHOST} = $self->{node}->host;
		$ENV{PGPORT} = $self->{node}->port;
		$ENV{PGDATABASE} = 'postgres';
		$ENV{PGUSER} = getpwuid($<);
		open STDIN, '<', '/dev/null';
		open STDOUT, '>>', "$self->{folder}/log";
		open STDERR, '>&', \*STDOUT;
		exec @command or POSIX::_exit(127);
	}
	$self->{pids}{$pid} = $kind;
	return $pid;
}

sub pids { return sort keys %{ $_[0]->{pids} }; }
sub log { my ($self) = @_; return -e "$self->{folder}/log" ? slurp_file("$self->{folder}/log") : ''; }

# end(PID, SIGNAL): returns its exit status as waitpid gives it.
sub end
{
	my ($self, $pid, $signal) = @_;
	my $status;

	kill $signal, $pid;
	DalpTest::wait_until("worker $pid to end on $signal", sub {
		my $got = waitpid($pid, POSIX::WNOHANG());

		$status = $?;
		return $got == $pid;
	});
	delete $self->{pids}{$pid};
	return $status;
}

END
{
	my $status = $?;

	for my $self (@running)
	{
		kill 'KILL', $_ for $self->pids;
		waitpid($_, 0) for $self->pids;
	}
	$? = $status;
}

1;
