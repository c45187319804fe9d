# Promise: a state http:request gets its answer, or an error that Retry and
# Catch know by name, whatever the server does; after kill -9 of the broadcaster
# or the server the same request comes again with the same key, and the run
# goes on once.  A slow host holds up nobody else, and nothing leaks.

use strict;
use warnings;

use IO::Socket::INET;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);

use DalpTest;
use NetProbe qw(start_server set_script requests_seen);

my $node = dalp_node('http',
	settings => {
		'dalp.allow_private_endpoints' => 'on',
		'restart_after_crash' => 'on',
		'dalp.http_connections' => 24,
		'dalp.http_connections_per_host' => 8,
		'dalp.http_timeout' => '20s',
		'dalp.max_payload' => '64kB' });
my $port = start_server('rpc_node.py');
my $url = "http://127.0.0.1:$port";

sub sql { return $node->safe_psql('postgres', $_[0]); }

# A workflow of one request; more members of the state in JSON.
sub workflow
{
	my ($name, $parameters, $more) = @_;
	$more = defined $more ? ", $more" : '';
	my $body = qq({"StartAt": "Ask", "States": {"Ask": {"Type": "Task", "Resource": "http:request", "Parameters": $parameters$more, "End": true}}});
	sql("SELECT dalp.create_workflow('$name', \$body\$$body\$body\$)");
	return;
}

# Any request that the input describes.
sub plain { workflow($_[0], '{"ApiEndpoint.$": "$.url", "Method.$": "$.method"}', $_[1]); return; }

sub start
{
	my ($workflow, $input) = @_;
	return sql("SELECT dalp.start('$workflow', '" . json_encode($input) . "')");
}

sub ended { return sql("SELECT status, error, cause FROM dalp.wait($_[0], '60s')"); }

sub output { return json_decode(sql("SELECT output FROM dalp.runs WHERE run_id = $_[0]") || 'null'); }

# error(WORKFLOW, PATH or URL): the error of a run of it.
sub error
{
	my ($workflow, $path, $method) = @_;
	my $id = start($workflow, { url => $path =~ /^http/ ? $path : "$url$path", method => $method // 'GET' });
	return (split /\|/, ended($id))[1];
}

plain('plain');
set_script($port, {
	paths => {
		'/ok' => { raw => '{"a": [1, 2.50]}', headers => { 'Content-Type' => 'application/json; charset=utf-8', 'X-Two' => 'yes' } },
		'/text' => { raw => 'plain words', headers => { 'Content-Type' => 'text/plain' } },
		'/nojson' => { raw => '{"a": ', headers => { 'Content-Type' => 'application/problem+json' } },
		'/empty' => { status => 204, raw => '' },
		'/missing' => { status => 404, raw => '{"why": "none"}' },
		'/broken' => { status => 503, raw => 'later' },
		'/moved' => { status => 302, headers => { Location => "$url/ok" }, raw => '' },
		'/large' => { body_bytes => 100000 },
		'/headers' => { raw => 'x', header_bytes => 70000 },
		'/drop' => { drop => \1 },
		'/garbage' => { garbage => \1 },
		'/short' => { raw => 'never all of it', truncate => 60 },
		'/hang' => { hang => \1 },
		'/late' => { delay => 0.3, raw => 'late' } } });

subtest 'answers' => sub {
	my $id = start('plain', { url => "$url/ok", method => 'GET' });
	like(ended($id), qr/^SUCCEEDED/, 'a request succeeds');
	my $output = output($id);
	is(json_encode($output->{ResponseBody}), '{"a":[1,2.5]}', 'JSON is parsed');
	is("$output->{StatusCode} $output->{StatusText}", '200 OK', 'status');
	is(json_encode([ $output->{Headers}{'x-two'}, $output->{Headers}{'content-type'} ]),
		'[["yes"],["application/json; charset=utf-8"]]', 'headers in lower case, as lists');
	for ([ '/text', 'plain words' ], [ '/nojson', '{"a": ' ], [ '/empty', '' ])
	{
		$id = start('plain', { url => "$url$_->[0]", method => 'POST' });
		ended($id);
		is(output($id)->{ResponseBody}, $_->[1], "$_->[0] is text");
	}
	is(sql('SELECT count(*) FROM dalp_ops.outside_call'), '0', 'no row is left');
	is(sql('SELECT count(*) FROM dalp_workflow.inbox'), '0', 'nor a message');
};

subtest 'requests' => sub {
	workflow('full', '{"ApiEndpoint": "' . $url . '/ok?a=1", "Method": "PUT", "Headers": {"X-One": "eins", "Accept": ["a/b", "c/d"]},
		"QueryParameters": {"q": "ä &=", "list": [1, true, "x"], "none": null}, "RequestBody": {"b": "ö", "n": 12345678901234567890}}');
	sql("SELECT dalp.create_workflow('text', '" . '{"StartAt": "Ask", "States": {"Ask": {"Type": "Task", "Resource": "http:request", "Parameters": {"ApiEndpoint": "' . $url . '/ok", "Method": "POST", "Headers": {"content-type": "text/csv"}, "RequestBody": "1,2"}, "End": true}}}' . "')");
	my $trace = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
	my $id = sql("SELECT dalp.start('full', '{}', traceparent => '$trace')");
	like(ended($id), qr/^SUCCEEDED/, 'it succeeds');
	my ($seen) = grep { ($_->{headers}{'idempotency-key'} // '') eq "$id:0:1" || ($_->{headers}{'idempotency-key'} // '') eq "$id:0:0" } requests_seen($port);
	is($seen->{method}, 'PUT', 'method');
	is($seen->{path}, '/ok?a=1&q=%C3%A4%20%26%3D&list=1&list=true&list=x', 'query');
	is($seen->{headers}{'x-one'}, 'eins', 'header');
	is($seen->{headers}{'content-type'}, 'application/json', 'content type of a document');
	is($seen->{headers}{'content-length'}, length('{"b":"__","n":12345678901234567890}'), 'body');
	is($seen->{headers}{traceparent}, $trace, 'trace context');
	$id = sql("SELECT dalp.start('text')");
	ended($id);
	($seen) = grep { ($_->{headers}{'idempotency-key'} // '') =~ /^$id:/ } requests_seen($port);
	is("$seen->{headers}{'content-type'} $seen->{headers}{'content-length'}", 'text/csv 3', 'text is sent as it is, with the type that is given');
};

subtest 'errors' => sub {
	is(error('plain', '/missing'), 'States.Http.StatusCode.404', 'not found');
	is(error('plain', '/broken'), 'States.Http.StatusCode.503', 'not available');
	is(error('plain', '/moved'), 'States.Http.StatusCode.302', 'a redirect is not followed');
	is(error('plain', '/large'), 'States.DataLimitExceeded', 'a body that is too large');
	is(error('plain', '/headers'), 'States.DataLimitExceeded', 'headers that are too large');
	is(error('plain', '/drop'), 'Http.Connection', 'a lost connection');
	is(error('plain', '/garbage'), 'Http.Connection', 'no HTTP');
	is(error('plain', '/short'), 'Http.Connection', 'half an answer');
	my $free = IO::Socket::INET->new(Listen => 1, LocalAddr => '127.0.0.1')->sockport;
	is(error('plain', "http://127.0.0.1:$free/"), 'Http.Connection', 'nobody listens');
	is(error('plain', 'http://nobody.invalid/'), 'Http.Connection', 'no such name');
	is(error('plain', 'ftp://127.0.0.1/'), 'Http.InvalidRequest', 'no URL of HTTP');
	is(error('plain', 'http://me:secret@127.0.0.1/'), 'Http.InvalidRequest', 'credentials in the URL');
	is(error('plain', '/ok', 'get'), 'Http.InvalidRequest', 'no method');

	my $id = start('plain', { url => "$url/missing", method => 'GET' });
	my ($status, $error, $cause) = split /\|/, ended($id), 3;
	my $answer = json_decode($cause);
	is("$answer->{StatusCode} $answer->{StatusText} $answer->{ResponseBody}{why}", '404 Not Found none', 'the cause is the answer');

	workflow('caught', '{"ApiEndpoint.$": "$.url", "Method": "GET"}',
		'"End": true, "Retry": [{"ErrorEquals": ["States.Http.StatusCode.503"], "IntervalSeconds": 1, "BackoffRate": 1, "MaxAttempts": 2}],
		"Catch": [{"ErrorEquals": ["States.Http.StatusCode.503"], "Next": "Caught"}]}, "Caught": {"Type": "Pass"');
	set_script($port, { paths => { '/flaky' => [ { status => 503 }, { status => 503 }, { raw => 'fine' } ], '/down' => { status => 503 } } });
	$id = start('caught', { url => "$url/flaky" });
	ended($id);
	is(output($id)->{ResponseBody}, 'fine', 'Retry knows the status');
	my @keys = map { $_->{headers}{'idempotency-key'} } grep { $_->{path} eq '/flaky' } requests_seen($port);
	is(scalar(@keys), 3, 'three attempts');
	is($keys[0], $keys[2], 'with one key');
	$id = start('caught', { url => "$url/down" });
	ended($id);
	is(output($id)->{Error}, 'States.Http.StatusCode.503', 'so does Catch');
};

subtest 'time limits and cancelling' => sub {
	set_script($port, { paths => { '/hang' => { hang => \1 }, '/late' => { delay => 3, raw => 'late' }, '/ok' => { raw => 'ok' } } });
	plain('limited', '"TimeoutSeconds": 1');
	my $before = time;
	is(error('limited', '/hang'), 'States.Timeout', 'TimeoutSeconds');
	cmp_ok(time - $before, '<', 15, 'in time');

	sql("SELECT dalp.create_workflow('raced', '" . '{"StartAt": "P", "States": {"P": {"Type": "Parallel", "End": true, "Branches": [
		{"StartAt": "A", "States": {"A": {"Type": "Task", "Resource": "http:request", "Parameters": {"ApiEndpoint.$": "$.url", "Method": "GET"}, "End": true}}},
		{"StartAt": "B", "States": {"B": {"Type": "Wait", "Seconds": 1, "Next": "C"}, "C": {"Type": "Fail", "Error": "Sibling"}}}]}}}' . "')");
	my $id = start('raced', { url => "$url/hang" });
	query_until($node, "SELECT waits_for FROM dalp.why($id) WHERE waits_for LIKE 'the answer%'", "the answer of $url");
	like(ended($id), qr/^FAILED\|Sibling/, 'a sibling fails');
	is(sql('SELECT count(*) FROM dalp_ops.outside_call'), '0', 'the call is abandoned');

	$id = start('plain', { url => "$url/late", method => 'GET' });
	query_until($node, "SELECT count(*) FROM dalp_workflow.wait WHERE run_id = $id", '1');
	sql("SELECT dalp.cancel($id, 'test')");
	is(sql('SELECT count(*) FROM dalp_ops.outside_call'), '0', 'cancelled');
	my $next = start('plain', { url => "$url/late", method => 'GET' });
	like(ended($next), qr/^SUCCEEDED/, 'a later one succeeds');
	is(sql("SELECT status FROM dalp.runs WHERE run_id = $id"), 'ABORTED', 'the late answer does nothing');
	is(sql('SELECT count(*) FROM dalp_workflow.inbox'), '0', 'and leaves no message');
};

subtest 'a token that is handed out' => sub {
	set_script($port, { paths => { '/ok' => { raw => 'taken' }, '/missing' => { status => 404, raw => 'who?' }, '/late' => { delay => 2, status => 500, raw => 'late' } } });
	sql("SELECT dalp.create_workflow('token', '" . '{"StartAt": "Ask", "States": {"Ask": {"Type": "Task", "Resource": "http:request.waitForTaskToken", "Parameters": {"ApiEndpoint.$": "$.url", "Method": "POST", "Headers": {"X-Token.$": "$$.Task.Token"}}, "End": true}}}' . "')");
	my $token_of = sub {
		my ($id) = @_;
		my $token;
		wait_until('the token', sub {
			($token) = map { $_->{headers}{'x-token'} } grep { ($_->{headers}{'idempotency-key'} // '') =~ /^$id:/ } requests_seen($port);
			return defined $token;
		});
		return $token;
	};
	my $id = start('token', { url => "$url/ok" });
	my $token = $token_of->($id);
	query_until($node, "SELECT count(*) FROM dalp_ops.outside_call WHERE run_id = $id", '0');
	is(sql("SELECT kind FROM dalp.why($id)"), 'token', 'the answer ends nothing');
	sql("SELECT dalp.complete_task('$token', '[1]')");
	is(ended($id), 'SUCCEEDED||', 'the token does');
	is(json_encode(output($id)), '[1]', 'with what completes it');

	$id = start('token', { url => "$url/missing" });
	like(ended($id), qr/^FAILED\|States\.Http\.StatusCode\.404/, 'a request that fails ends the wait');
	my ($rc, undef, $stale) = $node->psql('postgres', "\\set VERBOSITY sqlstate\nSELECT dalp.complete_task('" . $token_of->($id) . "', '1')");
	like($stale, qr/DL005/, 'and its token');

	$id = start('token', { url => "$url/late" });
	sql("SELECT dalp.complete_task('" . $token_of->($id) . "', '2')");
	is(ended($id), 'SUCCEEDED||', 'completed before the request fails');
	query_until($node, "SELECT count(*) FROM dalp_ops.outside_call WHERE run_id = $id", '0');
	is(sql('SELECT count(*) FROM dalp_workflow.inbox') . sql('SELECT count(*) FROM dalp_workflow.lease'), '00', 'which then does nothing');
};

subtest 'a slow host' => sub {
	my $other = start_server('rpc_node.py');
	set_script($other, { paths => { '/hang' => { hang => \1 } } });
	set_script($port, { paths => { '/ok' => { raw => 'ok' } } });
	plain('patient', '"TimeoutSeconds": 6');
	sql("SELECT dalp.start_many('patient', ARRAY(SELECT jsonb_build_object('url', 'http://127.0.0.1:$other/hang', 'method', 'GET') FROM generate_series(1, 40)))");
	query_until($node, "SELECT count(*) > 8 FROM dalp_ops.outside_call WHERE target LIKE '%:$other'", 't');
	my $id = start('plain', { url => "$url/ok", method => 'GET' });
	like(ended($id), qr/^SUCCEEDED/, 'does not hold up another');
	is(sql("SELECT count(*) FROM dalp_ops.outside_call WHERE target LIKE '%:$other'"), '40', 'meanwhile all of its requests wait');
	query_until($node, 'SELECT count(*) FROM dalp_workflow.run', '0');
	is(sql("SELECT count(*), min(error), max(error) FROM dalp.runs WHERE workflow = 'patient'"), '40|States.Timeout|States.Timeout',
		'those for it end by their time limits');
};

subtest 'private addresses' => sub {
	$node->safe_psql('postgres', "ALTER SYSTEM SET dalp.allow_private_endpoints = off");
	$node->reload;
	wait_until('the setting', sub { return error('plain', '/ok') eq 'Http.AddressRefused'; });
	is(error('plain', "http://localhost:$port/ok"), 'Http.AddressRefused', 'by name');
	is(error('plain', "http://[::1]:$port/ok"), 'Http.AddressRefused', 'IPv6');
	is(error('plain', 'http://169.254.169.254/latest/meta-data/'), 'Http.AddressRefused', 'link-local');
	$node->safe_psql('postgres', "ALTER SYSTEM RESET dalp.allow_private_endpoints");
	$node->reload;
	wait_until('the setting', sub { return error('plain', '/ok') eq ''; });
};

# keys(PATH): how often each idempotency key came.
sub keys_seen
{
	my ($path) = @_;
	my %seen;
	$seen{ $_->{headers}{'idempotency-key'} }++ for grep { $_->{path} eq $path } requests_seen($port);
	return \%seen;
}

subtest 'crashes' => sub {
	set_script($port, { paths => { '/first' => [ { hang => \1 }, { raw => 'done' } ], '/second' => [ { hang => \1 }, { raw => 'done' } ], '/third' => { delay => 0.2, raw => 'done' } } });
	my $id = start('plain', { url => "$url/first", method => 'POST' });
	wait_until('the request', sub { return %{ keys_seen('/first') }; });
	kill_worker($node, 'broadcaster', 'TERM');
	like(ended($id), qr/^SUCCEEDED/, 'the broadcaster is ended in the middle');
	is(join(' ', values %{ keys_seen('/first') }), '2', 'the request came again, with the same key');

	$id = start('plain', { url => "$url/second", method => 'POST' });
	wait_until('the request', sub { return %{ keys_seen('/second') }; });
	kill_worker($node, 'broadcaster');
	query_until($node, "SELECT status FROM dalp.runs WHERE run_id = $id", 'SUCCEEDED');
	is(join(' ', values %{ keys_seen('/second') }), '2', 'likewise after kill -9');

	my @ids = split /\n/, sql("SELECT dalp.start_many('plain', ARRAY(SELECT jsonb_build_object('url', '$url/third', 'method', 'POST') FROM generate_series(1, 60)))");
	wait_until('some answers', sub { return keys %{ keys_seen('/third') } > 20; });
	crash_server($node);
	query_until($node, 'SELECT count(*) FROM dalp_workflow.run', '0');
	is(sql("SELECT count(*) FROM dalp.runs WHERE run_id = ANY ('{" . join(',', @ids) . "}') AND status = 'SUCCEEDED'"), '60', 'all runs succeed after a crash of the server');
	is(sql("SELECT max(n) FROM (SELECT count(*) AS n FROM dalp_workflow.journal WHERE run_id = ANY ('{" . join(',', @ids) . "}') AND event = 'succeeded' GROUP BY run_id) j"), '1', 'once each');
	my $seen = keys_seen('/third');
	is(scalar(keys %$seen), 60, 'each with its key');
};

subtest 'many' => sub {
	set_script($port, { paths => { '/ok' => { raw => '{"answer": 42}', headers => { 'Content-Type' => 'application/json' } } } });
	sub resident
	{
		my ($pid) = worker_pids($node, 'broadcaster');
		return slurp_file("/proc/$pid/status") =~ /^RssAnon:\s+(\d+)/m && $1;
	}
	sub batch
	{
		my ($count) = @_;
		my $before = time;
		sql("SELECT count(*) FROM dalp.start_many('plain', ARRAY(SELECT jsonb_build_object('url', '$url/ok', 'method', 'GET') FROM generate_series(1, $count)))");
		query_until($node, 'SELECT count(*) FROM dalp_workflow.run', '0', undef, 120);
		return $count / (time - $before);
	}
	batch(1000);
	my $before = resident();
	my $rate = batch(3000);
	my $after = resident();
	note(sprintf '%.0f requests a second', $rate);
	cmp_ok($after - $before, '<', 2000, "the broadcaster does not grow: $before kB, $after kB");
	is(sql("SELECT count(*) FROM dalp.runs WHERE workflow = 'plain' AND status = 'SUCCEEDED' AND output->'ResponseBody'->>'answer' = '42'"), '4000', 'all are answered');
};

unlike(slurp_file($node->logfile), qr/TRAP|PANIC: |could not close/, 'nothing in the log');

done_testing();
