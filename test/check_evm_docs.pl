#!/usr/bin/perl
#
# check_evm_docs.pl
#
# doc/evm.md has every pure function with its arguments and result as the
# install script declares them, and none that isn't there.
use strict;
use utf8;
use warnings;

use File::Basename qw(dirname);
use Test::More;

chdir dirname(__FILE__) . '/..' or die "cannot enter the repository: $!";

sub text_of
{
	my ($file) = @_;

	open my $handle, '<:encoding(UTF-8)', $file or die "$file: $!";
	local $/;
	return scalar <$handle>;
}

my $script = join '', map { text_of("sql/install/$_.sql") } '11_evm_functions', '61_custody_pure';
my @declared = $script =~ /CREATE FUNCTION (dalp\.\w+\([^)]*\) RETURNS [\w.]+)/g;
my @described = text_of('doc/evm.md') =~ /^\| `(dalp\.\w+\([^)]*\) → [\w.]+)` \|/mg;

s/ RETURNS / → / foreach @declared;

cmp_ok(scalar @declared, '>', 30, 'the install script has pure functions');
is_deeply([ sort @described ], [ sort @declared ], 'doc/evm.md has every pure function, as it is declared');

my @impure = grep { !/IMMUTABLE STRICT PARALLEL SAFE/ && !/dalp\.abi_decode_error/ } $script =~ /(CREATE FUNCTION [^;]*;)/g;
is_deeply(\@impure, [], 'all are immutable, strict and parallel safe');

done_testing();
