# NetProbe.pm
#		Drives dalp's HTTP and JSON-RPC clients in a worker of a test build
#		(src/net/net_probe.c), and starts the servers that they talk to.
package NetProbe;

use strict;
use warnings;

use Exporter 'import';
use File::Basename;
use HTTP::Tiny;
use JSON::PP;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Time::HiRes qw(sleep time);

our @EXPORT = qw(probe_node probe probe_start probe_wait poll_until
	start_server set_script requests_seen json);

my $folder = dirname(__FILE__);
my $tempdir;
my $probes = 0;
my %servers;

sub json { return JSON::PP->new->canonical->allow_nonref }

# poll_until($seconds, $test): the first true value of $test->() within so many seconds, else undef.
sub poll_until
{
	my ($seconds, $test) = @_;
	my $end = time + $seconds;
	while (1)
	{
		my $value = $test->();
		return $value if $value;
		return undef if time > $end;
		sleep 0.01;
	}
}

# probe_node(): a running server that can start probes.  Its name server is slow_names.c.
sub probe_node
{
	$tempdir = PostgreSQL::Test::Utils::tempdir;
	my $names = "$tempdir/slow_names.so";
	system('gcc', '-shared', '-fPIC', '-o', $names, "$folder/slow_names.c", '-ldl') == 0
		or die 'could not compile slow_names.c';
	my $node = PostgreSQL::Test::Cluster->new('main');
	$node->init;
	$node->append_conf('postgresql.conf', "max_worker_processes = 32\nlog_statement = none");
	{
		local $ENV{LD_PRELOAD} = $names;
		$node->start;
	}
	$node->safe_psql('postgres',
		q{CREATE FUNCTION net_probe(text) RETURNS int STRICT LANGUAGE c AS 'dalp', 'dalp_net_probe'});
	return $node;
}

# probe_start($node, $script): starts a probe; returns { pid, file }.
sub probe_start
{
	my ($node, $script) = @_;
	my $file = "$tempdir/probe" . ++$probes;
	append_to_file($file, json->encode($script));
	my $pid = $node->safe_psql('postgres', "SELECT net_probe('$file')");
	return { pid => $pid, file => "$file.out" };
}

# probe_wait($probe): the lines of a probe by their number, and its summary.
sub probe_wait
{
	my ($probe) = @_;
	my $text = poll_until(120,
		sub {
			my $alive = kill 0, $probe->{pid};
			my $text = -e $probe->{file} ? slurp_file($probe->{file}) : '';
			return $text if $text =~ /"done":true/;
			die "the probe of $probe->{file} has died" unless $alive;
			return undef;
		}) // die "the probe of $probe->{file} came to no end";
	my @lines = map { json->decode($_) } split /\n/, $text;
	my $summary = pop @lines;
	return ([ sort { $a->{number} <=> $b->{number} } @lines ], $summary);
}

sub probe { return probe_wait(probe_start(@_)) }

# start_server($program, @options): one of test/lib/*.py; returns its port.
sub start_server
{
	my ($program, @options) = @_;
	my $pid = open(my $output, '-|', 'python3', "$folder/$program", @options)
		or die "could not start $program: $!";
	$servers{$pid} = $output;
	my $line = <$output> // '';
	$line =~ /:(\d+)$/ or die "$program did not start";
	return $1;
}

sub set_script
{
	my ($port, $script) = @_;
	my $response = HTTP::Tiny->new->post("http://127.0.0.1:$port/script", { content => json->encode($script) });
	die "script refused: $response->{content}" unless $response->{success};
}

# requests_seen($port): what a scripted node has recorded.
sub requests_seen
{
	my ($port) = @_;
	my $response = HTTP::Tiny->new->get("http://127.0.0.1:$port/log");
	return map { json->decode($_) } split /\n/, $response->{content};
}

END
{
	my $status = $?;
	foreach my $pid (keys %servers)
	{
		kill 'TERM', $pid;
		close $servers{$pid};
	}
	$? = $status;
}

1;
