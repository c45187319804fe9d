# DalpTest.pm
#
# What the TAP tests share: servers with dalp in them, waiting with a bound,
# killing workers and servers, a local EVM node.
#
#   use DalpTest;
#   my $node = dalp_node('main', settings => { 'dalp.executors' => 4 });
#   my $anvil = DalpTest::Anvil->new(block_time => 1);
#   wait_until('the run to finish', sub { $node->safe_psql(...) eq 'SUCCEEDED' });
#   crash_server($node);
#
# Everything that is started here ends with the test, also when it dies.
package DalpTest;

use strict;
use warnings;

use Cwd qw(abs_path);
use Exporter qw(import);
use File::Basename qw(dirname);
use JSON::PP ();
use HTTP::Tiny;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Time::HiRes qw(sleep time);

our @EXPORT = qw(
  dalp_node key_files wait_until query_until
  worker_pids kill_worker signal_and_wait kill_server start_server crash_server
  json_rpc json_encode json_decode node_command contract_artifact
);

# Of the tree that is being tested.
our $test_folder = abs_path(dirname(__FILE__) . '/..');

# How long wait_until waits unless told: long enough for a busy machine.
our $patience = 60;

# How often it looks, in seconds.
my $poll_interval = 0.05;

my $json = JSON::PP->new->canonical->allow_nonref->allow_bignum;

sub json_encode { return $json->encode($_[0]); }
sub json_decode { return $json->decode($_[0]); }

# wait_until(WHAT, SUB, [SECONDS]): calls SUB until it returns something true,
# and returns that.  Dies, naming WHAT, when the time is over.
sub wait_until
{
	my ($what, $probe, $seconds) = @_;
	my $end = time() + ($seconds // $patience);

	while (1)
	{
		my $result = $probe->();
		return $result if $result;
		die sprintf("waited %g s in vain for %s", $seconds // $patience, $what)
		  if time() > $end;
		sleep($poll_interval);
	}
}

# query_until(NODE, SQL, EXPECTED, [DATABASE, SECONDS]): until SQL's output is
# EXPECTED.  Dies with the last output.  A server that does not answer yet is waited for.
sub query_until
{
	my ($node, $sql, $expected, $database, $seconds) = @_;
	my ($output, $error) = ('', '');

	eval {
		wait_until(
			"\"$sql\" to give \"$expected\"",
			sub {
				my $status = $node->psql($database // 'postgres', $sql,
					stdout => \$output, stderr => \$error, timeout => $patience);
				return $status == 0 && $output eq $expected;
			},
			$seconds);
	};
	die "$@last output: $output\nlast error: $error\n" if $@;
	return 1;
}

# key_files(FOLDER): throw-away master keys, as dalp wants them: 32 random
# bytes in hex, readable by the owner only.  Returns the settings.
sub key_files
{
	my ($folder) = @_;
	my %settings;

	for my $kind (qw(sign verify))
	{
		my $file = "$folder/$kind.key";

		open my $random, '<:raw', '/dev/urandom' or die "/dev/urandom: $!";
		read($random, my $bytes, 32) == 32 or die "/dev/urandom: short read";
		close $random;
		open my $key, '>', $file or die "$file: $!";
		print $key unpack('H*', $bytes);
		close $key;
		chmod 0400, $file;
		$settings{"dalp.${kind}_key_file"} = $file;
	}
	return %settings;
}

# dalp_node(NAME, OPTIONS): a running server with dalp preloaded, key files
# beside its data directory and the extension created.
#   settings   => {name => value}   more lines of postgresql.conf
#   streaming  => 1                 may have standbys and backups
#   databases  => [names]           where the extension is created (default postgres)
#   start      => 0                 only initialised
sub dalp_node
{
	my ($name, %options) = @_;
	my $node = PostgreSQL::Test::Cluster->new($name);

	$node->init(allows_streaming => $options{streaming} // 0);
	my %settings = (
		'shared_preload_libraries' => 'dalp',
		'max_worker_processes' => 32,
		'fsync' => 'on',
		'log_line_prefix' => '%m [%p] %b %q%a ',
		key_files($node->basedir),
		%{ $options{settings} // {} });
	$node->append_conf('postgresql.conf',
		join('', map { "$_ = '" . $settings{$_} =~ s/'/''/gr . "'\n" } sort keys %settings));
	if ($options{start} // 1)
	{
		$node->start;
		$node->safe_psql($_, 'CREATE EXTENSION dalp')
		  for @{ $options{databases} // ['postgres'] };
	}
	return $node;
}

# worker_pids(NODE, [KIND]): process ids of dalp's workers, e.g. of KIND
# "executor"; of all of them without KIND.
sub worker_pids
{
	my ($node, $kind) = @_;
	my $type = $kind ? "dalp%$kind%" : 'dalp%';

	return split /\n/, $node->safe_psql('postgres',
		"SELECT pid FROM pg_stat_activity WHERE backend_type LIKE '$type' ORDER BY pid");
}

# signal_and_wait(SIGNAL, PID...): until the processes are gone.
sub signal_and_wait
{
	my ($signal, @pids) = @_;

	kill $signal, @pids;
	wait_until("processes @pids to end on $signal", sub { return !kill(0, @pids); });
	return;
}

# kill_worker(NODE, KIND, [SIGNAL]): one at random.  KILL (the default) makes
# the whole server start over: wait for it with query_until.  Returns the pid, or undef
# where no such worker runs.
sub kill_worker
{
	my ($node, $kind, $signal) = @_;
	my @pids = worker_pids($node, $kind);

	return undef unless @pids;
	my $pid = $pids[ rand @pids ];
	signal_and_wait($signal // 'KILL', $pid);
	return $pid;
}

# Process ids of the children of a process.
sub children
{
	my ($parent) = @_;
	my @children;

	for my $file (glob '/proc/[0-9]*/stat')
	{
		open my $stat, '<', $file or next;
		my $line = <$stat> // '';
		push @children, $1 if $line =~ /^(\d+) \(.*\) \S (\d+) / && $2 == $parent;
	}
	return @children;
}

# kill_server(NODE): kill -9 of the postmaster; returns when its last child is gone too.
sub kill_server
{
	my ($node) = @_;
	my @children = children($node->{_pid});

	$node->kill9;
	wait_until('the children of the killed postmaster to end',
		sub { return !grep { kill 0, $_ } @children; });
	return;
}

# start_server(NODE): start after a crash; returns the seconds until it accepted connections.
sub start_server
{
	my ($node) = @_;
	my $started = time();

	wait_until('the server to start', sub { return $node->start(fail_ok => 1); });
	wait_until('connections to be accepted',
		sub { return $node->psql('postgres', 'SELECT 1', stdout => \my $ignored, stderr => \my $error) == 0; });
	return time() - $started;
}

# crash_server(NODE): both.
sub crash_server
{
	my ($node) = @_;

	kill_server($node);
	return start_server($node);
}

# json_rpc(URL, METHOD, PARAMETERS...): returns the result; dies with the error.
sub json_rpc
{
	my ($url, $method, @parameters) = @_;
	my $response = HTTP::Tiny->new(timeout => 30)->post(
		$url,
		{
			headers => { 'content-type' => 'application/json' },
			content => $json->encode(
				{ jsonrpc => '2.0', id => 1, method => $method, params => \@parameters })
		});

	die "$method: HTTP $response->{status} $response->{content}\n" unless $response->{success};
	my $answer = $json->decode($response->{content});
	die "$method: " . $json->encode($answer->{error}) . "\n" if defined $answer->{error};
	return $answer->{result};
}

# node_command(PROGRAM, ARGUMENTS...): runs cast (or another program of
# node_modules) and returns its output; dies with its error output.
sub node_command
{
	my ($program, @arguments) = @_;
	my ($output, $error) = ('', '');

	IPC::Run::run([ program($program), @arguments ], '<', \undef, '>', \$output, '2>', \$error)
	  or die "$program @arguments: $error\n";
	chomp $output;
	return $output;
}

sub program
{
	my ($program) = @_;
	my $path = "$test_folder/node_modules/\@foundry-rs/$program-linux-amd64/bin/$program";

	die "$path is missing: run make deps\n" unless -x $path;
	return $path;
}

# contract_artifact([NAME]): the decoded test/contracts/NAME.json.
sub contract_artifact
{
	my ($name) = @_;

	return $json->decode(slurp_file("$test_folder/contracts/" . ($name // 'BondToken') . '.json'));
}

# A local EVM node.  Its ten accounts are funded and unlocked.
package DalpTest::Anvil;

use strict;
use warnings;

use PostgreSQL::Test::Utils;

my $count = 0;
my @running;

# new(OPTIONS): a node that answers.
#   block_time => seconds  (default: a block a transaction)
#   port       => number   (default: a free one; stop and start keep it)
#   options    => [more options of anvil]
sub new
{
	my ($class, %options) = @_;
	my $self = bless { port => 0, options => [], %options, number => ++$count }, $class;

	$self->{folder} = PostgreSQL::Test::Utils::tempdir("anvil$count");
	push @running, $self;
	$self->start;
	return $self;
}

sub port { return $_[0]->{port}; }
sub pid { return $_[0]->{pid}; }
sub url { return "http://127.0.0.1:$_[0]->{port}"; }

# Addresses of the funded accounts, and the key of the first for cast.
sub accounts { return @{ $_[0]->rpc('eth_accounts') }; }
sub private_key { return '0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80'; }

# start: again, after stop or crash, on the same port.  The chain survives
# only with options => ['--state', FILE] and stop.
sub start
{
	my ($self) = @_;
	my $log = "$self->{folder}/anvil.log";
	my @command = (
		DalpTest::program('anvil'), '--host', '127.0.0.1', '--port', $self->{port},
		($self->{block_time} ? ('--block-time', $self->{block_time}) : ()),
		@{ $self->{options} });

	$self->{pid} = fork() // die "fork: $!";
	if ($self->{pid} == 0)
	{
		$ENV{HOME} = $self->{folder};
		chdir $self->{folder};
		open STDIN, '<', '/dev/null';
		open STDOUT, '>', $log;
		open STDERR, '>&', \*STDOUT;
		exec @command or POSIX::_exit(127);
	}
	$self->{port} = DalpTest::wait_until(
		"anvil to listen (see $log)",
		sub {
			die "anvil ended at once:\n" . slurp_file($log) if waitpid($self->{pid}, 1) != 0;
			return -e $log && slurp_file($log) =~ /^Listening on 127\.0\.0\.1:(\d+)/m && $1;
		});
	DalpTest::wait_until('anvil to answer',
		sub { return eval { $self->rpc('eth_chainId') }; });
	return;
}

sub rpc
{
	my ($self, $method, @parameters) = @_;

	return DalpTest::json_rpc($self->url, $method, @parameters);
}

# cast(ARGUMENTS...): its output, against this node.
sub cast
{
	my ($self, @arguments) = @_;

	return DalpTest::node_command('cast', @arguments, '--rpc-url', $self->url);
}

sub end
{
	my ($self, $signal) = @_;

	return unless $self->{pid};
	kill 'CONT', $self->{pid};
	kill $signal, $self->{pid};
	waitpid($self->{pid}, 0);
	delete $self->{pid};
	return;
}

# stop lets it save its state; crash does not; pause makes it hang, with its
# connections open, until resume.
sub stop { $_[0]->end('TERM'); return; }
sub crash { $_[0]->end('KILL'); return; }
sub pause { kill 'STOP', $_[0]->{pid}; return; }
sub resume { kill 'CONT', $_[0]->{pid}; return; }

END
{
	my $status = $?;

	$_->crash for @running;
	$? = $status;
}

1;
