# Promise: whatever a server or the network does to a request, the worker gets
# to know how it ended and whether the server can have seen it, stays awake for
# wake-ups and SIGTERM, reaches no network that it must not, and leaks nothing.

use strict;
use warnings;

use IO::Socket::INET;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);

use NetProbe;

my $node = probe_node();
my $port = start_server('rpc_node.py');
my $url = "http://127.0.0.1:$port";

# answers(@requests): the probe's lines, one a request; each is a hash or a path.
sub answers
{
	my @requests = map { ref $_ ? $_ : { url => "$url$_" } } @_;
	my ($lines) = probe($node, { requests => \@requests });
	return @$lines;
}

# A port that accepts no more connections: its queue is full, SYNs are dropped.
my $silent = IO::Socket::INET->new(Listen => 0, LocalAddr => '127.0.0.1') or die $!;
my @queued = map {
	IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $silent->sockport, Blocking => 0)
} 1 .. 8;
my $silent_url = 'http://127.0.0.1:' . $silent->sockport . '/';

# A port that nobody listens on.
my $free = IO::Socket::INET->new(Listen => 1, LocalAddr => '127.0.0.1')->sockport;

subtest 'answers' => sub {
	set_script($port, {
		paths => {
			'/ok' => { raw => 'all right', headers => { 'Content-Type' => 'text/plain' } },
			'/missing' => { status => 404, raw => 'no such thing' },
			'/broken' => { status => 503, headers => { 'Retry-After' => '7' }, raw => '' },
			'/date' => { status => 429, headers => { 'Retry-After' => 'Fri, 01 Jan 2100 00:00:00 GMT' } },
			'/now' => { status => 429, headers => { 'Retry-After' => '0' } },
			'/moved' => { status => 302, headers => { Location => "$url/ok" }, raw => '' },
			'/chunked' => { body_bytes => 5000, chunked => \1 },
			'/unframed' => { raw => 'until the end', unframed => \1 },
			'/headers' => { raw => 'x', header_bytes => 50000 }
		} });
	my @a = answers('/ok', '/missing', '/broken', '/date', '/now', '/moved', '/chunked', '/unframed', '/headers',
		{ url => "$url/ok", method => 'POST', body_bytes => 3_000_000, headers => ['X-Probe: yes'] },
		{ url => "$url/ok", method => 'HEAD' });
	is(join(' ', map { $_->{outcome} } @a), join(' ', ('answered') x 11), 'every status is an answer');
	is($a[0]{body}, 'all right', 'body');
	is($a[0]{content_type}, 'text/plain', 'content type');
	is($a[0]{error}, '', 'no error words');
	is(join(' ', map { $_->{status} } @a[ 0 .. 5 ]), '200 404 503 429 429 302', 'statuses; a redirect is not followed');
	is($a[0]{retry_after_ms}, -1, 'no Retry-After');
	is($a[2]{retry_after_ms}, 7000, 'Retry-After in seconds');
	cmp_ok($a[3]{retry_after_ms}, '>', 86400_000, 'Retry-After as a date');
	is($a[4]{retry_after_ms}, 0, 'Retry-After of zero is not the same as none');
	is($a[6]{body_length}, 5000, 'chunked body');
	is($a[7]{body}, 'until the end', 'body that ends with the connection');
	is($a[9]{outcome}, 'answered', 'large POST');
	cmp_ok($a[9]{elapsed_ms}, '<', 900, 'no wait for 100 Continue');
	is($a[10]{body_length}, 0, 'HEAD');
	my ($seen) = grep { ($_->{headers}{'x-probe'} // '') eq 'yes' } requests_seen($port);
	is($seen->{headers}{'user-agent'}, 'dalp/probe', 'user agent and own header are sent');
};

subtest 'failures after the request is out' => sub {
	set_script($port, {
		paths => {
			'/drop' => { drop => \1 },
			'/truncate' => { raw => 'x' x 500, truncate => 200 },
			'/no_headers' => { raw => 'x', truncate => 20 },
			'/garbage' => { garbage => \1 },
			'/hang' => { hang => \1 },
			'/large' => { body_bytes => 200_000 },
			'/large_chunked' => { body_bytes => 200_000, chunked => \1 },
			'/exact' => { body_bytes => 1000 },
			'/headers' => { raw => 'x', header_bytes => 80000 }
		} });
	my @a = answers('/drop', '/truncate', '/no_headers', '/garbage',
		{ url => "$url/hang", total_timeout_ms => 300 },
		{ url => "$url/large", max_response_bytes => 100_000 },
		{ url => "$url/large_chunked", max_response_bytes => 100_000 },
		{ url => "$url/exact", max_response_bytes => 1000 },
		'/headers');
	is(join(' ', map { $_->{outcome} } @a),
		'broken broken broken broken timeout too_large too_large answered too_large', 'outcomes');
	is(join(' ', map { $_->{possibly_sent} ? 1 : 0 } @a), '1 1 1 1 1 1 1 1 1', 'all may have been seen by the server');
	is(scalar(grep { $_->{error} eq '' } @a), 1, 'every failure has words');
	is($a[1]{body_length}, 0, 'half a body is none');
	like($a[4]{error}, qr/^timed out after 3\d\d ms while waiting for an answer$/, 'time-out says where');
	like($a[5]{error}, qr/more than 100000 bytes of body/, 'limit of the body is named');
	like($a[8]{error}, qr/more than 65536 bytes of headers/, 'limit of headers is named');
};

# The connection was kept from a request before.
subtest 'failures on a kept connection' => sub {
	set_script($port, { paths => { '/ok' => { raw => 'x' }, '/hang' => { hang => \1 }, '/drop' => { drop => \1 } } });
	foreach my $path ('/hang', '/drop')
	{
		my ($lines) = probe($node, {
			in_flight => 1, requests => [ { url => "$url/ok" }, { url => "$url$path", total_timeout_ms => 300 } ] });
		ok($lines->[1]{possibly_sent}, "$path: $lines->[1]{outcome}, may have been seen by the server");
	}

	# A server that takes the second request with it: the connection is lost, and another is refused.
	my $listener = IO::Socket::INET->new(Listen => 1, LocalAddr => '127.0.0.1') or die $!;
	my $dying = $listener->sockport;
	my $pid = fork // die $!;
	if ($pid == 0)
	{
		my $connection = $listener->accept;
		$connection->sysread(my $request, 65536);
		$connection->syswrite("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
		$connection->sysread($request, 65536);
		close $listener;
		close $connection;
		require POSIX;
		POSIX::_exit(0);
	}
	close $listener;
	my ($lines) = probe($node, { in_flight => 1, requests => [ { url => "http://127.0.0.1:$dying/" } ], repeat => 2 });
	waitpid $pid, 0;
	is("$lines->[0]{outcome} $lines->[1]{outcome}", 'answered broken', 'a server that dies with the request');
	ok($lines->[1]{possibly_sent}, "may have carried it out: $lines->[1]{error}");
};

subtest 'failures before the request is out' => sub {
	my @a = answers(
		{ url => "http://127.0.0.1:$free/" },
		{ url => 'http://x.unknown.test/' },
		{ url => $silent_url, connect_timeout_ms => 300 },
		{ url => $silent_url, total_timeout_ms => 300 },
		{ url => 'http://x.slow.test/', connect_timeout_ms => 300 },
		{ url => 'https://127.0.0.1:' . $silent->sockport . '/', connect_timeout_ms => 300 },
		{ url => 'ftp://127.0.0.1/file' },
		{ url => 'file:///etc/passwd' },
		{ url => 'nonsense' },
		{ url => $url, method => "GET / HTTP/1.1\r\nX: y" },
		{ url => $url, headers => ["X: y\r\nSmuggled: z"] });
	is(join(' ', map { $_->{outcome} } @a),
		'not_connected name_unknown not_connected timeout not_connected not_connected' . ' invalid_request' x 5, 'outcomes');
	is(scalar(grep { $_->{possibly_sent} } @a), 0, 'none can have been seen by the server');
	is(scalar(grep { $_->{error} eq '' } @a), 0, 'every failure has words');
	like($a[2]{error}, qr/while connecting/, 'time-out while connecting');
	like($a[4]{error}, qr/while resolving the name/, 'time-out while resolving');
	cmp_ok($a[4]{elapsed_ms}, '<', 1000, 'a slow name server is not waited for');
	is(scalar(grep { ($_->{headers}{smuggled} // '') ne '' } requests_seen($port)), 0, 'no smuggled header');
};

subtest 'certificates are verified' => sub {
	my $base = PostgreSQL::Test::Utils::tempdir_short;
	system_or_bail('openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes',
		'-days', '2', '-subj', '/CN=x.local.test', '-keyout', "$base/key.pem", '-out', "$base/cert.pem");
	my $tls = start_server('rpc_node.py', '--tls-certificate', "$base/cert.pem", '--tls-key', "$base/key.pem");
	my ($a) = answers({ url => "https://x.local.test:$tls/" });
	is($a->{outcome}, 'tls', 'a certificate that nobody vouches for');
	ok(!$a->{possibly_sent}, 'the request was not sent');
};

subtest 'private addresses' => sub {
	set_script($port, { default => { result => 1 } });
	my @forbidden = ($url, "http://localhost:$port/", "http://x.local.test:$port/", 'http://x.private.test/',
		'http://169.254.169.254/latest/meta-data', 'http://[::1]/', 'http://[::ffff:10.0.0.1]/', 'http://0/',
		"http://2130706433:$port/", 'http://[fe80::1]/', 'http://[64:ff9b::7f00:1]/', 'http://100.64.0.1/');
	my @a = answers(map { { url => $_, allow_private => \0 } } @forbidden);
	is($a[$_]{outcome}, 'address_refused', "$forbidden[$_] is refused") for 0 .. $#forbidden;
	is(scalar(grep { $_->{possibly_sent} } @a), 0, 'nothing was sent');
	# One connection, opened by the request that may.
	my ($lines) = probe($node, {
		in_flight => 1, max_connections_per_host => 1,
		requests => [ { url => "$url/mine" }, { url => "$url/theirs", allow_private => \0 }, { url => "$url/mine" } ] });
	is(join(' ', map { $_->{outcome} } @$lines), 'answered address_refused answered', 'nor by a kept connection');
	is(scalar(grep { $_->{path} eq '/theirs' } requests_seen($port)), 0, 'the server has not seen it');
};

subtest 'no secret in words' => sub {
	my @a = answers(
		{ url => "http://user:hunter2\@127.0.0.1:$free/hunter2?key=hunter2" },
		{ url => 'http://user:hunter2@x.unknown.test/hunter2' },
		{ url => 'gopher://user:hunter2@host/' },
		{ url => 'http://user:hunter2@ho st/' },
		{ url => "https://user:hunter2\@127.0.0.1:$port/hunter2", connect_timeout_ms => 300 },
		{ url => $silent_url . 'hunter2', total_timeout_ms => 200 });
	unlike($_->{error}, qr/hunter2/, "$_->{outcome}: $_->{error}") for @a;
};

subtest 'many at once' => sub {
	set_script($port, { paths => { '/slow' => { delay => 0.5, raw => 'late' } } });
	my ($lines, $summary) = probe($node, {
		requests => [ { url => "$url/slow" } ], repeat => 200, max_connections_per_host => 200, max_connections => 200 });
	is(scalar(grep { $_->{outcome} eq 'answered' } @$lines), 200, '200 requests in flight are answered');
	cmp_ok($summary->{elapsed_us}, '<', 5_000_000, "in $summary->{elapsed_us} us, not 100 s");
};

subtest 'queue for a host' => sub {
	set_script($port, { paths => { '/a' => { delay => 0.05 }, '/b' => { delay => 0.4 }, '/hang' => { hang => \1 } } });
	my ($lines) = probe($node, { requests => [ { url => "$url/a" } ], repeat => 40, max_connections_per_host => 4 });
	my %used = map { $_->{connection} => 1 } grep { $_->{path} eq '/a' } requests_seen($port);
	is(scalar(grep { $_->{outcome} eq 'answered' } @$lines), 40, 'all are answered');
	is(scalar(keys %used), 4, 'over no more connections than allowed, which are kept');

	($lines) = probe($node, {
		requests => [ { url => "$url/b", connect_timeout_ms => 200 } ], repeat => 4, max_connections_per_host => 1 });
	is(scalar(grep { $_->{outcome} eq 'answered' } @$lines), 4, 'waiting does not use up the connect time-out');

	($lines) = probe($node, {
		requests => [ { url => "$url/hang", total_timeout_ms => 800 }, { url => "$url/a", total_timeout_ms => 300 } ],
		max_connections_per_host => 1 });
	is($lines->[1]{outcome}, 'timeout', 'but the total time-out');
	ok(!$lines->[1]{possibly_sent}, 'and then nothing was sent');
	like($lines->[1]{error}, qr/waiting for a free connection/, 'which is said');
	cmp_ok($lines->[1]{elapsed_ms}, '<', 600, 'in time');
};

subtest 'errors of callbacks' => sub {
	my ($lines, $summary) = probe($node, {
		requests => [ { url => "$url/a", raise => \1 }, { url => 'nonsense', raise => \1 }, { url => "$url/a" } ], repeat => 10 });
	is(scalar(@$lines), 30, 'each callback was called once');
	is($summary->{raised}, 20, 'their errors came out of the wait');
};

subtest 'latch' => sub {
	set_script($port, { paths => { '/hang' => { hang => \1 }, '/a' => { delay => 0.1 } } });
	my $probe = probe_start($node, { requests => [ { url => "$url/hang", total_timeout_ms => 1500 } ] });
	poll_until(10, sub { grep { $_->{path} eq '/hang' } requests_seen($port) });
	kill 'HUP', $probe->{pid};
	my (undef, $summary) = probe_wait($probe);
	cmp_ok($summary->{latch_wakes}, '>=', 1, 'a wake-up ends the wait');
	cmp_ok($summary->{busy_us}, '<', 300_000, "waiting is no work: $summary->{busy_us} us of processor time");
	my ($lines) = probe($node, { own_latch => \1, requests => [ { url => "$url/a" } ], repeat => 20 });
	is(scalar(grep { $_->{outcome} eq 'answered' } @$lines), 20, 'a latch that is always set starves no request');
};

# For how many seconds a probe in such a state outlives SIGTERM.
sub seconds_to_stop
{
	my ($script) = @_;
	my $probe = probe_start($node, $script);
	# It has begun when its output is there and it sleeps.
	poll_until(10, sub { -e $probe->{file} && $node->safe_psql('postgres',
		"SELECT 1 FROM pg_stat_activity WHERE pid = $probe->{pid} AND wait_event = 'Extension'") });
	my $start = time;
	kill 'TERM', $probe->{pid};
	poll_until(10, sub { !kill 0, $probe->{pid} });
	return time - $start;
}

subtest 'SIGTERM' => sub {
	set_script($port, { paths => { '/hang' => { hang => \1 } } });
	my %states = (
		'idle' => { linger_ms => 60000, requests => [ { url => $url } ] },
		'resolving' => { requests => [ map { { url => "http://$_.slow.test/" } } 1 .. 5 ] },
		'connecting' => { requests => [ { url => $silent_url } ] },
		'negotiating TLS' => { requests => [ { url => 'https://127.0.0.1:' . $silent->sockport . '/' } ] },
		'waiting for an answer' => { requests => [ { url => "$url/hang" } ], repeat => 50 });
	foreach my $state (sort keys %states)
	{
		# The machine may be busy; the best of three is what dalp does.
		my $best = 10;
		foreach (1 .. 3)
		{
			my $seconds = seconds_to_stop($states{$state});
			$best = $seconds if $seconds < $best;
			last if $best < 0.1;
		}
		cmp_ok($best, '<', 0.1, sprintf('%s: stops in %d ms', $state, $best * 1000));
	}
};

subtest 'resolver threads' => sub {
	my $probe = probe_start($node, { requests => [ { url => 'http://x.slow.test/' } ], destroy_after_ms => 1500 });
	my @threads;
	poll_until(10, sub {
		@threads = grep { !m{/$probe->{pid}$} } glob("/proc/$probe->{pid}/task/*");
		return scalar @threads;
	});
	is(scalar(@threads), 1, 'a name is resolved in a thread');
	my ($blocked) = slurp_file("$threads[0]/status") =~ /^SigBlk:\s*([0-9a-f]+)/m;
	is(hex(substr($blocked, -8)) & $_->[1], $_->[1], "$_->[0] never reaches it")
		for (['SIGHUP', 1 << 0], ['SIGUSR1', 1 << 9], ['SIGALRM', 1 << 13], ['SIGTERM', 1 << 14]);
	my (undef, $summary) = probe_wait($probe);
	cmp_ok($summary->{destroy_us}, '<', 100_000, "destroying a client lets go of it, in $summary->{destroy_us} us");
};

subtest 'no leak' => sub {
	set_script($port, { default => { result => '0x1' }, paths => { '/drop' => { drop => \1 } } });
	my ($lines, $summary) = probe($node, {
		quiet => \1, in_flight => 20, repeat => 5000,
		requests => [
			{ url => "$url/", method => 'POST', body => '{"id":1,"method":"a"}' },
			{ url => "$url/", rpc => [ { method => 'a' }, { method => 'b', params => [ 1, 2 ] } ] },
			{ url => "http://127.0.0.1:$free/" },
			{ url => "$url/drop" } ] });
	is($summary->{answered}, 20000, '20,000 requests');
	is($summary->{left_open}, 0, 'no file is left open');
	my $grown = $summary->{resident_kb} - $summary->{warm_kb};
	cmp_ok($grown, '<', 1024, "memory has grown by $grown kB since the 2,000th, to $summary->{resident_kb} kB");
	note("$summary->{elapsed_us} us, $summary->{busy_us} us of processor time");
};

unlike(slurp_file($node->logfile), qr/hunter2/, 'no secret in the log');

subtest 'the postmaster dies' => sub {
	set_script($port, { paths => { '/hang' => { hang => \1 } } });
	my $probe = probe_start($node, { requests => [ { url => "$url/hang" } ] });
	poll_until(10, sub { -e $probe->{file} });
	kill 'KILL', slurp_file($node->data_dir . '/postmaster.pid') =~ /^(\d+)/;
	ok(poll_until(5, sub { !kill 0, $probe->{pid} }), 'so does a waiting worker');
	$node->{_pid} = undef;
};

done_testing();
