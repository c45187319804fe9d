# Guards: dalp's EVM functions give what ethers, viem and cast give, byte for
# byte, on random types, values, transactions and messages.
#
# DALP_EVM_CASES (default 100) is how many of each kind; DALP_EVM_SEED makes
# another sequence.
use strict;
use warnings;

use DalpTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $count = $ENV{DALP_EVM_CASES} // 100;
my $seed = $ENV{DALP_EVM_SEED} // 1;
my $node = dalp_node('main');
my $file = $node->basedir . '/cases.csv';
my $error = '';

# ---- ethers and viem, which agree with each other on each of these ----

# The packages may lie elsewhere under another name: links keep their own.
ok(IPC::Run::run([ 'node', '--preserve-symlinks', "$DalpTest::test_folder/evm/cases.mjs", $count, $seed ],
		'<', \undef, '>', $file, '2>', \$error), "$count cases of seed $seed")
  or diag($error);
$node->safe_psql('postgres', <<"END");
CREATE TABLE cases (number serial, kind text, a text, b text, c text, want text);
COPY cases (kind, a, b, c, want) FROM '$file' (FORMAT csv);
ANALYZE cases;
END
my $kinds = 0;
foreach my $line (split /\n(?=\w+\|)/, $node->safe_psql('postgres', slurp_file("$DalpTest::test_folder/evm/compare.sql")))
{
	my ($kind, $total, $different, $first) = split /\|/, $line, 4;

	next unless defined $different;
	$kinds++;
	is($different, 0, "$total cases of $kind") or diag("first: $first");
}
is($kinds, 22, 'all kinds were compared');

# ---- cast, a process a case and therefore few ----

# Runs cast over the first inputs of a kind and compares with what dalp gave (and the libraries).
sub cast_agrees
{
	my ($kind, $want, $arguments) = @_;
	my $wrong = 0;
	my $rows = $node->safe_psql('postgres',
		"SELECT json_agg(json_build_array(a, b, c, want)) FROM
		 (SELECT * FROM cases WHERE kind = '$kind' AND length(a || b || c) < 4000 ORDER BY number LIMIT 8) AS few");

	foreach my $row (@{ json_decode($rows) })
	{
		my $output = node_command('cast', $arguments->(@$row));

		next if $want->($output, @$row);
		diag("cast about @$row: $output") if $wrong++ == 0;
	}
	is($wrong, 0, "cast agrees about $kind");
}

my $same = sub { my ($output, @row) = @_; return lc $output eq lc $row[3]; };
my $ends_so = sub { my ($output, @row) = @_; return lc substr($output, -42) eq lc $row[3]; };

cast_agrees('keccak256', $same, sub { return ('keccak', $_[0]); });
cast_agrees('selector', $same, sub { return ('sig', $_[0]); });
cast_agrees('rlp_encode', $same, sub { return ('to-rlp', $_[0]); });
cast_agrees('checksum', $same, sub { return ('to-check-sum-address', $_[0]); });
cast_agrees('create', $ends_so, sub { return ('compute-address', '--nonce', $_[1], $_[0]); });
cast_agrees('create2', sub { my ($output, @row) = @_; return $output =~ /\Q$row[3]\E/i; },
	sub { return ('create2', '--deployer', $_[0], '--salt', $_[1], '--init-code-hash', $_[2]); });

# Messages are text to cast.
my $hashes = $node->safe_psql('postgres',
	"SELECT json_agg(json_build_array(a, '0x' || encode(dalp.eip191_hash(convert_to(a, 'UTF8')), 'hex')))
	 FROM (SELECT a FROM cases WHERE kind = 'checksum' ORDER BY number LIMIT 10) AS few");
is(node_command('cast', 'hash-message', $_->[0]), $_->[1], 'cast agrees about a message')
  foreach @{ json_decode($hashes) };

# Fees above 2^128 and chain ids above 2^64 are more than cast can hold: those it refuses are left out.
my $transactions = $node->safe_psql('postgres',
	"SELECT json_agg(json_build_array(a, b, c)) FROM
	 (SELECT a, b, c FROM cases WHERE kind = 'transaction_decode' ORDER BY number LIMIT 50) AS few");
my $read = 0;
foreach my $row (@{ json_decode($transactions) })
{
	my $output = eval { node_command('cast', 'decode-transaction', $row->[0]) };

	next unless defined $output;
	my $transaction = json_decode($output);
	$transaction = json_decode($transaction) unless ref $transaction;
	is(lc "$transaction->{hash} $transaction->{signer}", lc "$row->[1] $row->[2]", 'cast agrees about a transaction');
	$read++;
}
cmp_ok($read, '>', 0, 'cast read some transactions');

# The same signature over the same typed data: RFC 6979 on both sides.
my $key = '0x' . '46' x 32;
my $typed = $node->safe_psql('postgres',
	"SELECT json_agg(a) FROM (SELECT a FROM cases WHERE kind = 'typed_data' AND a ~ 'EIP712Domain|chainId' ORDER BY number LIMIT 10) AS few");
my $agreed = 0;
foreach my $document (@{ json_decode($typed) })
{
	my $signature = eval { node_command('cast', 'wallet', 'sign', '--private-key', $key, '--data', $document) };

	next unless defined $signature;
	my $literal = $document =~ s/'/''/gr;
	is($node->safe_psql('postgres',
			"SELECT dalp.verify_typed_data('0x9d8A62f656a8d1615C1294fd71e9CFb3E4855A4F', '$literal', '\\x" . substr($signature, 2) . "')"),
		't', 'typed data that cast signed');
	$agreed++;
}
cmp_ok($agreed, '>', 0, 'cast signed some typed data');

done_testing();
