# Promise: a JSON-RPC answer is taken for a proof only if it is one; whatever
# else comes back leaves a call ambiguous, so that nobody sends other bytes
# because of it.

use strict;
use warnings;

use IO::Socket::INET;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use NetProbe;

my $node = probe_node();
my $port = start_server('rpc_node.py');
my $url = "http://127.0.0.1:$port/";

# batch($script, $calls, %more): what becomes of one POST of calls (names or [name, params]) to a node with that script.
sub batch
{
	my ($script, $calls, %more) = @_;
	set_script($port, $script);
	my ($lines) = probe($node, {
		requests => [ {
			url => $url, %more,
			rpc => [ map { ref $_ ? { method => $_->[0], params => $_->[1] } : { method => $_ } } @$calls ] } ] });
	return $lines->[0];
}

# outcomes($answer): the batch's outcome and its calls', in one line.
sub outcomes
{
	my ($answer) = @_;
	return "$answer->{outcome}: " . join(' ', map { $_->{outcome} } @{ $answer->{calls} });
}

my %three = (
	one => { result => '0x1' },
	two => { error => { code => -32000, message => 'nonce too low', data => { next => 7 } } },
	three => { result => undef });

subtest 'answers' => sub {
	my $a = batch({ methods => {%three} }, [ 'one', 'two', 'three' ]);
	is(outcomes($a), 'answered: result error result', 'a batch');
	is($a->{error}, '', 'no words');
	is($a->{calls}[0]{result}, '0x1', 'result');
	is($a->{calls}[1]{code}, -32000, 'code');
	is($a->{calls}[1]{message}, 'nonce too low', 'message');
	is($a->{calls}[1]{data}{next}, 7, 'data');
	ok(exists $a->{calls}[2]{result} && !defined $a->{calls}[2]{result}, 'null is a result');

	$a = batch({ paths => { '/' => { reverse => \1 } }, methods => {%three} }, [ 'one', 'two', 'three' ]);
	is(outcomes($a), 'answered: result error result', 'matched by id, whatever the order');
	is($a->{calls}[0]{result}, '0x1', 'to the right call');

	$a = batch({ methods => { m => { echo => \1 } } }, [ [ 'm', [ 1, { a => 'b' } ] ], [ 'm', { named => \1 } ], 'm' ]);
	is(json->encode([ map { $_->{result} } @{ $a->{calls} } ]), '[[1,{"a":"b"}],{"named":true},[]]', 'params arrive');

	my @seen = requests_seen($port);
	is(scalar(@{ $seen[-1]{calls} }), 3, 'one POST');
	is($seen[-1]{headers}{'content-type'}, 'application/json', 'of JSON');
	my %ids = map { $_->{id} => 1 } @{ $seen[-1]{calls} };
	is(scalar(keys %ids), 3, 'with an id for each');

	$a = batch({ methods => {%three} }, ['one'], headers => ['Authorization: Bearer t0ken']);
	is(outcomes($a), 'answered: result', 'a single call');
	like((requests_seen($port))[-1]{headers}{'authorization'}, qr/t0ken/, "with the endpoint's header");

	$a = batch({ methods => { e => { error => { message => 'no code' } }, f => { error => {} } } }, [ 'e', 'f' ]);
	is(outcomes($a), 'answered: error error', 'errors without code or message');
	is($a->{calls}[0]{code}, 0, 'code of none');
	is($a->{calls}[1]{message}, '', 'message of none');
};

subtest 'answers that prove less' => sub {
	my @cases = (
		[ 'a missing answer', { one => { result => 1 }, two => { omit => \1 } }, 'incomplete: result ambiguous' ],
		[ 'all answers missing', { one => { omit => \1 }, two => { omit => \1 } }, 'incomplete: ambiguous ambiguous' ],
		[ 'two answers for one id', { one => { result => 1, duplicate => \1 }, two => { result => 2 } }, 'incomplete: ambiguous result' ],
		[ 'a strange id', { one => { result => 1, id => 123456789 }, two => { result => 2 } }, 'incomplete: ambiguous result' ],
		[ 'an id of text', { one => { result => 1, id => '1' }, two => { result => 2 } }, 'incomplete: ambiguous result' ],
		[ 'an id of half a number', { one => { result => 1, id => 1.5 }, two => { result => 2 } }, 'incomplete: ambiguous result' ],
		[ 'result and error', { one => { result => 1, error => { code => 1, message => 'x' }, both => \1 }, two => { result => 2 } }, 'incomplete: ambiguous result' ],
		[ 'an error of text', { one => { error => 'bad' }, two => { result => 2 } }, 'incomplete: ambiguous result' ],
		[ 'a result for no id', { one => { result => 1, id => undef }, two => { result => 2 } }, 'incomplete: ambiguous result' ]);
	foreach my $case (@cases)
	{
		my ($name, $methods, $expected) = @$case;
		my $a = batch({ methods => $methods }, [ 'one', 'two' ]);
		is(outcomes($a), $expected, $name);
		isnt($a->{error}, '', "$name: $a->{error}");
	}
};

subtest 'no answers' => sub {
	my @raw = (
		[ '', 'not_json' ], [ '<html>sorry</html>', 'not_json' ], [ '[{"id":1,', 'not_json' ], [ '{} {}', 'not_json' ],
		[ '[' x 100000, 'not_json' ], [ '[]', 'incomplete' ], [ '{}', 'incomplete' ], [ '1', 'incomplete' ], [ 'null', 'incomplete' ],
		[ '"text"', 'incomplete' ], [ '[1,null,[]]', 'incomplete' ], [ '{"result":1}', 'incomplete' ],
		[ '{"id":9e99,"result":1}', 'incomplete' ], [ '[{"id":-1,"result":1}]', 'incomplete' ]);
	foreach my $case (@raw)
	{
		my ($body, $outcome) = @$case;
		my $a = batch({ paths => { '/' => { raw => $body } } }, [ 'one', 'two' ]);
		is(outcomes($a), "$outcome: ambiguous ambiguous", 'body ' . substr($body, 0, 30));
	}
	my $a = batch({ paths => { '/' => { raw => '{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"batch too large"}}' } } },
		[ 'one', 'two' ]);
	is(outcomes($a), 'refused: ambiguous ambiguous', 'one error for all');
	is("$a->{error_code} $a->{error}", '-32600 batch too large', 'which is handed on');
};

subtest 'statuses' => sub {
	my @cases = (
		[ 429, 'rate_limited' ], [ 502, 'http_status' ], [ 503, 'http_status' ], [ 401, 'http_status' ], [ 302, 'http_status' ],
		[ 404, 'http_status' ]);
	foreach my $case (@cases)
	{
		my ($status, $outcome) = @$case;
		my $a = batch({ paths => { '/' => { status => $status, raw => 'whatever' } } }, [ 'one', 'two' ]);
		is(outcomes($a), "$outcome: ambiguous ambiguous", "status $status");
		is("$a->{http_status} $a->{error}", "$status HTTP status $status", 'is handed on');
	}
	my $a = batch({ paths => { '/' => { status => 429, raw => '', headers => { 'Retry-After' => '3' } } } }, ['one']);
	is("$a->{outcome} $a->{retry_after_ms}", 'rate_limited 3000', 'Retry-After');
	$a = batch({ paths => { '/' => { status => 503, raw => '', headers => { 'Retry-After' => '3' } } } }, ['one']);
	is($a->{outcome}, 'rate_limited', 'Retry-After with 503');
	$a = batch({ paths => { '/' => { status => 400 } }, methods => {%three} }, ['two']);
	is(outcomes($a), 'answered: error', 'an error of a call under a status of failure is one');
	$a = batch({ paths => { '/' => { status => 500 } }, methods => {%three} }, ['one']);
	is(outcomes($a), 'http_status: ambiguous', 'a result under a status of failure is none');
};

subtest 'transport' => sub {
	my $free = IO::Socket::INET->new(Listen => 1, LocalAddr => '127.0.0.1')->sockport;
	my @cases = (
		[ 'lost answer', { drop => \1 }, {}, 'transport: ambiguous ambiguous', 'broken' ],
		[ 'cut answer', { truncate => 150 }, {}, 'transport: ambiguous ambiguous', 'broken' ],
		[ 'no answer', { hang => \1 }, { total_timeout_ms => 300 }, 'transport: ambiguous ambiguous', 'timeout' ],
		[ 'large answer', { body_bytes => 5000 }, { max_response_bytes => 4000 }, 'transport: ambiguous ambiguous', 'too_large' ],
		[ 'not HTTP', { garbage => \1 }, {}, 'transport: ambiguous ambiguous', 'broken' ],
		[ 'nobody there', {}, { url => "http://127.0.0.1:$free/" }, 'not_sent: not_sent not_sent', 'not_connected' ],
		[ 'no such name', {}, { url => 'http://x.unknown.test/' }, 'not_sent: not_sent not_sent', 'name_unknown' ],
		[ 'forbidden address', {}, { allow_private => \0 }, 'not_sent: not_sent not_sent', 'address_refused' ],
		[ 'no URL', {}, { url => 'nonsense' }, 'not_sent: not_sent not_sent', 'invalid_request' ]);
	foreach my $case (@cases)
	{
		my ($name, $path, $more, $expected, $transport) = @$case;
		my $a = batch({ paths => { '/' => $path }, methods => {%three} }, [ 'one', 'two' ], %$more);
		is(outcomes($a), $expected, $name);
		is($a->{transport}, $transport, "$name: $a->{error}");
	}
};

subtest 'through a faulty proxy' => sub {
	my $proxy = start_server('fault_proxy.py', '--upstream', "127.0.0.1:$port");
	my $hash = '0x' . 'a' x 64;
	set_script($port, { methods => { send => { result => $hash } } });
	my @cases = (
		[ 'drop_before', 'transport: ambiguous', 0 ], [ 'drop_after', 'transport: ambiguous', 1 ],
		[ 'truncate', 'transport: ambiguous', 1 ], [ 'status_429', 'rate_limited: ambiguous', 0 ],
		[ 'status_502', 'http_status: ambiguous', 0 ], [ 'hang', 'transport: ambiguous', 0 ],
		[ 'duplicate', 'answered: result', 2 ], [ 'lie', 'answered: result', 1 ], [ 'delay', 'answered: result', 1 ]);
	foreach my $case (@cases)
	{
		my ($fault, $expected, $forwarded) = @$case;
		my $before = scalar requests_seen($port);
		my $response = HTTP::Tiny->new->post("http://127.0.0.1:$proxy/faults",
			{ content => json->encode({ $fault => { count => 1, methods => ['send'] } }) });
		ok($response->{success}, "$fault is set");
		my ($lines) = probe($node, {
			requests => [ { url => "http://127.0.0.1:$proxy/", rpc => [ { method => 'send' } ], total_timeout_ms => 500 } ] });
		is(outcomes($lines->[0]), $expected, $fault);
		is(scalar(requests_seen($port)) - $before, $forwarded, "$fault: seen by the node so many times");
		isnt($lines->[0]{calls}[0]{result}, $hash, 'a lie is another hash') if $fault eq 'lie';
	}
};

subtest 'large batches' => sub {
	set_script($port, { default => { echo => \1 } });
	my ($lines) = probe($node, {
		requests => [ { url => $url, rpc => [ map { { method => 'm', params => [$_] } } 1 .. 1000 ] } ], repeat => 5 });
	my @right = grep { $_->{outcome} eq 'answered' } @$lines;
	is(scalar(@right), 5, 'of a thousand calls');
	is(scalar(grep { $right[0]{calls}[ $_ - 1 ]{result}[0] == $_ } 1 .. 1000), 1000, 'each with its own answer');
	my ($raised, $summary) = probe($node, {
		requests => [ { url => $url, raise => \1, rpc => [ { method => 'm' } ] } ], repeat => 5 });
	is($summary->{raised}, 5, 'an error of a callback comes out of the wait');
};

done_testing();
