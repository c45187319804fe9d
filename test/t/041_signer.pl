# Promise: without its right key file the signer refuses, says why, and goes on
# by itself once the file is right; keys are in locked memory and in no core
# dump; nonces are taken in one transaction with the signed bytes, dense
# whatever dies; one bad request or one damaged key stops nobody else.
use strict;
use warnings;

use lib 'test/lib';
use DalpTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = dalp_node('signer', settings => { 'restart_after_crash' => 'on' });
my $file = $node->safe_psql('postgres', 'SHOW dalp.sign_key_file');
my $key = slurp_file($file);

sub put_key
{
	my ($contents, $mode) = @_;

	unlink $file;
	append_to_file($file, $contents) if defined $contents;
	chmod $mode, $file if defined $contents;
	return;
}

# An error of SQL as "SQLSTATE detail".
sub failure
{
	my ($sql) = @_;
	my ($out, $error) = ('', '');

	$node->psql('postgres', "\\set VERBOSITY verbose\n$sql", stdout => \$out, stderr => \$error);
	my ($code) = $error =~ /ERROR:\s+(\w{5}):/;
	my ($detail) = $error =~ /DETAIL:\s+(.*)/;
	my ($hint) = $error =~ /HINT:\s+(.*)/;
	return join ' ', map { $_ // 'none' } $code, $detail, $hint;
}

#
# The key file.
#

my $make = q{SELECT dalp.create_wallet('refused')};

put_key(undef);
like(failure($make), qr/^DL011 Could not open file .*No such file.* Check the file that dalp\.sign_key_file names\.$/, 'a missing key file');
put_key($key, 0600);
like(failure($make), qr/^DL011 .*has mode 0600.*chmod 0400/, 'a key file that others could write');
put_key($key, 0440);
like(failure($make), qr/^DL011 .*has mode 0440/, 'a key file that others could read');
put_key(substr($key, 1), 0400);
like(failure($make), qr/^DL011 .*neither 64 hex digits nor 32 bytes.*openssl rand -hex 32/, 'a key file with too little in it');
put_key('00' x 32, 0400);
like(failure($make), qr/^DL011 .*one repeated byte/, 'a key of zeros');
unlink $file;
mkdir $file;
like(failure($make), qr/^DL011 .*not a regular file/, 'a folder instead of a key file');
rmdir $file;

my $inside = $node->data_dir . '/inside.key';
append_to_file($inside, $key);
chmod 0400, $inside;
symlink $inside, $file;
like(failure($make), qr/^DL011 .*inside the data directory.*Move the key file/, 'a key file inside the data directory, through a link');
unlink $file, $inside;

put_key("$key\n", 0400);
is($node->safe_psql('postgres', q{SELECT dalp.create_wallet('first') IS NOT NULL}), 't', 'the right file works without restart');
put_key(join('', map { sprintf '%02x', $_ } 1 .. 32), 0400);
like(failure($make), qr/^DL011 .*another one than this database's keys are sealed with/, 'another key than the one in use');
put_key(pack('H*', $key), 0400);
is($node->safe_psql('postgres', q{SELECT dalp.create_wallet('second') IS NOT NULL}), 't', '32 bytes are taken as well as hex');
is($node->safe_psql('postgres', q{SELECT string_agg(name, ',' ORDER BY wallet_id) FROM dalp_custody.wallet}), 'first,second', 'no refusal left a wallet');

#
# The process.
#

my ($pid) = worker_pids($node, 'signer');
my ($locked) = slurp_file("/proc/$pid/status") =~ /^VmLck:\s+(\d+) kB/m;
cmp_ok($locked, '>=', 4, 'keys are in locked memory');
is((stat "/proc/$pid/environ")[4], 0, 'the process is not dumpable: the kernel keeps its files for root');

#
# Binding, without a node: what the broadcaster prepares is put there by hand.
#

$node->safe_psql('postgres', q{
	SELECT dalp.create_chain('island', 999001);
	SELECT dalp.pause_wallet(w, 'island', 'makes the lane') FROM unnest(ARRAY['first', 'second']) w;
	UPDATE dalp_chain.lane SET state = 'active', pause_kind = NULL, pause_reason = NULL, next_nonce = 7, first_nonce = 7;
});

my $prepared = q('{"type": 2, "gas": "21000", "max_fee": "2000000000", "tip": "1000000000"}');

sub submit
{
	my ($wallet, $count, $more) = @_;

	return $node->safe_psql('postgres', qq{
		SELECT dalp.submit_transaction('$wallet', 'island', '0x00000000000000000000000000000000000000aa', i) FROM generate_series(1, $count) i}
		. ($more // ''));
}

# Hands queued requests to the signer, and wakes it.
sub prepare
{
	my ($where) = @_;

	$node->safe_psql('postgres', qq{
		UPDATE dalp_chain.request SET state = 'SIGNING', prepared = COALESCE(prepared, $prepared) WHERE state = 'QUEUED' AND ($where);
		SELECT dalp.resume_wallet('first', 'island', 'wakes the signer')});
	return;
}

# Everything that must hold of slots at any time.
sub consistent
{
	my ($name) = @_;

	is($node->safe_psql('postgres', q{
		SELECT count(*) FROM dalp_chain.lane l
		LEFT JOIN LATERAL (SELECT count(*) AS slots, max(nonce) AS last FROM dalp_chain.slot s
			WHERE s.chain_id = l.chain_id AND s.wallet_id = l.wallet_id) s ON true
		WHERE l.next_nonce - l.first_nonce <> s.slots OR (s.slots > 0 AND s.last <> l.next_nonce - 1)}), '0', "$name: nonces are dense");
	is($node->safe_psql('postgres', q{
		SELECT count(*) FROM dalp_chain.request r
		WHERE (r.state = 'BROADCASTING') <> (SELECT count(*) = 1 FROM dalp_chain.slot s JOIN dalp_chain.attempt a USING (chain_id, wallet_id, nonce)
			WHERE s.request_id = r.request_id AND a.number = 1 AND s.nonce = r.nonce)}), '0', "$name: each bound request has one slot and its bytes");
	is($node->safe_psql('postgres', q{
		SELECT count(*) FROM dalp_chain.attempt a JOIN dalp_custody.wallet w USING (wallet_id), dalp.transaction_decode(a.raw) t
		WHERE lower(t->>'from') <> lower(w.address::text) OR t->>'nonce' <> a.nonce::text OR t->>'chainId' <> '999001'
			OR dalp.transaction_hash(a.raw) <> a.hash}), '0', "$name: the bytes are signed by the wallet, for that nonce and chain");
	return;
}

submit('first', 250);
submit('second', 10);
prepare('true');
query_until($node, q{SELECT count(*) FROM dalp_chain.request WHERE state = 'BROADCASTING'}, 260);
consistent('after 260 requests');
is($node->safe_psql('postgres', q{SELECT string_agg(next_nonce::text, ',' ORDER BY wallet_id) FROM dalp_chain.lane}), '257,17', 'counted from where the chain stood');
is($node->safe_psql('postgres', q{
	SELECT count(*) FROM (SELECT nonce - lag(nonce) OVER (PARTITION BY wallet_id ORDER BY request_id) AS step FROM dalp_chain.request) x WHERE step <> 1}),
	'0', 'in the order of submission');

# One bad request among good ones.
submit('first', 3);
$node->safe_psql('postgres', q{
	UPDATE dalp_chain.request SET prepared = '{"type": 2, "gas": "20999", "max_fee": "2", "tip": "1"}'
	WHERE request_id = (SELECT min(request_id) FROM dalp_chain.request WHERE state = 'QUEUED');
	UPDATE dalp_chain.request SET expires_at = clock_timestamp() - interval '1 s'
	WHERE request_id = (SELECT max(request_id) FROM dalp_chain.request WHERE state = 'QUEUED')});
prepare('true');
query_until($node, q{SELECT string_agg(state || ' ' || COALESCE(error, '-') || ' ' || COALESCE(nonce::text, '-'), ', ' ORDER BY request_id) FROM dalp_chain.request WHERE request_id > (SELECT max(request_id) - 3 FROM dalp_chain.request)},
	'DEAD_LETTER Chain.Rejected -, BROADCASTING - 257, CANCELLED Chain.Expired -');
like($node->safe_psql('postgres', q{SELECT cause FROM dalp_ops.dead_letter WHERE resolution IS NULL}), qr/strict check intrinsic_gas/, 'the dead letter says which check failed');
consistent('after refusals');

# Another try of the dead one, with what was wrong corrected, is a new request.
my $retried = $node->safe_psql('postgres', q{SELECT dalp.redrive(dead_letter_id, '{"value": 12}') FROM dalp_ops.dead_letter WHERE resolution IS NULL});
is($node->safe_psql('postgres', q{SELECT state || ' ' || value || ' ' || (retry_of IS NOT NULL) FROM dalp_chain.request ORDER BY request_id DESC LIMIT 1}),
	'QUEUED 12 true', 'a dead transaction is tried again as a new request');
prepare('true');

# A halted chain and a paused wallet bind nothing; a key that is not there neither.
$node->safe_psql('postgres', q{SELECT dalp.halt_chain('island', 'test')});
submit('second', 1);
$node->safe_psql('postgres', qq{UPDATE dalp_chain.request SET state = 'SIGNING', prepared = $prepared WHERE state = 'QUEUED'});
put_key(undef);
$node->safe_psql('postgres', q{SELECT dalp.enable_chain('island', 'test')});
wait_until('the signer to complain', sub { return slurp_file($node->logfile) =~ /transactions wait for their signatures/; });
is($node->safe_psql('postgres', q{SELECT count(*) FROM dalp_chain.request WHERE state = 'SIGNING'}), '1', 'without key the request waits');
put_key($key, 0400);
query_until($node, q{SELECT count(*) FROM dalp_chain.request WHERE state = 'SIGNING'}, '0');
consistent('after the key came back');

# Death around the commit.
for my $point (qw(bind_before_commit bind_after_commit))
{
	my $folder = $node->data_dir . '/dalp_stop';

	mkdir $folder;
	submit('first', 20);
	append_to_file("$folder/$point", 'crash');
	# The server may fall while this is under way.
	$node->psql('postgres', qq{UPDATE dalp_chain.request SET state = 'SIGNING', prepared = $prepared WHERE state = 'QUEUED'}, stderr => \my $ignored1);
	$node->psql('postgres', q{SELECT dalp.resume_wallet('first', 'island', 'wakes the signer')}, stderr => \my $ignored2);
	wait_until("the signer to reach $point", sub { return !-e "$folder/$point"; });
	query_until($node, q{SELECT count(*) FROM dalp_chain.request WHERE state IN ('QUEUED', 'SIGNING')}, '0');
	consistent("killed at $point");
}

# Further attempts of a nonce.
$node->safe_psql('postgres', q{
	UPDATE dalp_chain.slot SET wanted = '{"kind": "bump", "max_fee": "3000000000", "tip": "2000000000"}' WHERE nonce = 7 AND wallet_id = 1;
	UPDATE dalp_chain.slot SET wanted = '{"kind": "noop", "max_fee": "3000000000", "tip": "2000000000"}' WHERE nonce = 8 AND wallet_id = 1;
	UPDATE dalp_chain.slot SET wanted = '{"kind": "bribe"}' WHERE nonce = 9 AND wallet_id = 1;
	SELECT dalp.resume_wallet('first', 'island', 'wakes the signer')});
query_until($node, q{SELECT count(*) FROM dalp_chain.slot WHERE wanted IS NOT NULL}, '0');
is($node->safe_psql('postgres', q{
	SELECT string_agg(concat_ws(' ', a.nonce, a.kind, s.kind, a.max_fee, lower(t->>'to') = lower(w.address::text), t->>'value'), ', ' ORDER BY a.nonce)
	FROM dalp_chain.attempt a JOIN dalp_chain.slot s USING (chain_id, wallet_id, nonce) JOIN dalp_custody.wallet w USING (wallet_id), dalp.transaction_decode(a.raw) t
	WHERE a.number = 2}),
	'7 bump user 3000000000 f 1, 8 noop noop 3000000000 t 0', 'a bump has the payload, a no-op goes to the wallet itself, nonsense is not signed');
consistent('after further attempts');

# Two signers share the wallets; one that hangs holds up its own ones only.
$node->safe_psql('postgres', q{ALTER SYSTEM SET dalp.signers = 2});
$node->reload;
query_until($node, q{SELECT count(*) FROM dalp.workers WHERE kind = 'signer' AND state = 'running' AND database IS NOT NULL}, '2');
my ($even) = split /\n/, $node->safe_psql('postgres', q{SELECT pid FROM dalp.workers WHERE kind = 'signer' AND index = 0});
kill 'STOP', $even;
submit('first', 20);
submit('second', 20);
prepare('true');
query_until($node, q{SELECT string_agg(wallet_id || ' ' || n, ', ') FROM (SELECT wallet_id, count(*) AS n FROM dalp_chain.request WHERE state IN ('QUEUED', 'SIGNING') GROUP BY 1) x}, '2 20');
kill 'CONT', $even;
query_until($node, q{SELECT count(*) FROM dalp_chain.request WHERE state IN ('QUEUED', 'SIGNING')}, '0');
consistent('with two signers');
$node->safe_psql('postgres', q{ALTER SYSTEM RESET dalp.signers});
$node->reload;
query_until($node, q{SELECT count(*) FROM dalp.workers WHERE kind = 'signer'}, '1');

# A damaged key stops its own wallet only.
$node->safe_psql('postgres', q{
	UPDATE dalp_custody.key k SET sealed_key = o.sealed_key, wrapped_data_key = o.wrapped_data_key
	FROM dalp_custody.key o WHERE k.wallet_id = 2 AND o.wallet_id = 1});
submit('first', 5);
submit('second', 5);
prepare('true');
query_until($node, q{SELECT state || ' ' || pause_kind FROM dalp_chain.lane WHERE wallet_id = 2}, 'paused key');
query_until($node, q{SELECT string_agg(state || ' ' || n, ', ' ORDER BY wallet_id) FROM (SELECT wallet_id, state, count(*) AS n FROM dalp_chain.request WHERE state IN ('QUEUED', 'SIGNING') GROUP BY 1, 2) x},
	'SIGNING 5');
consistent('with a damaged key');

# A disabled wallet signs nothing: what is queued ends, what comes is refused.
submit('first', 2);
my $before = $node->safe_psql('postgres', q{SELECT count(*) FROM dalp_chain.attempt});
$node->safe_psql('postgres', q{SELECT dalp.disable_wallet('first', 'test')});
query_until($node, q{SELECT string_agg(state || ' ' || error || ' ' || cause, ', ') FROM dalp_chain.request WHERE request_id > (SELECT max(request_id) - 2 FROM dalp_chain.request)},
	'DEAD_LETTER Chain.Rejected the wallet is disabled, DEAD_LETTER Chain.Rejected the wallet is disabled');
is($node->safe_psql('postgres', q{SELECT count(*) FROM dalp_chain.attempt}), $before, 'nothing was signed for a disabled wallet');
like(failure(q{SELECT dalp.submit_transaction('first', 'island', '0x00000000000000000000000000000000000000aa')}), qr/^DL003/, 'a disabled wallet takes no request');

# Secrets: the master key is in no log and no dump.
$node->command_ok([ 'pg_dump', '-f', $node->basedir . '/dump.sql', $node->connstr('postgres') ], 'dumps');
unlike(slurp_file($node->basedir . '/dump.sql'), qr/\Q$key\E/i, 'the master key is not in a dump');
unlike(slurp_file($node->logfile), qr/\Q$key\E/i, 'nor in the log');

$node->stop;
done_testing();
