#!/usr/bin/perl
#
# check_sql.pl
#
# Rules of the install script (sql/install) and of update scripts (sql/update)
# that keep CREATE EXTENSION by a superuser safe: nothing that exists already
# is taken over; every function with a body in SQL or with its owner's rights
# pins its search_path, pg_temp last; and nothing but pure functions is left
# executable by everybody, unless a GRANT … TO PUBLIC says that this is meant.
use strict;
use warnings;

use File::Basename qw(dirname);
use Test::More;

chdir dirname(__FILE__) . '/..' or die "cannot enter the repository: $!";

# statements(FILE): [line, text] of each, with comments and literals blanked.
sub statements
{
	my ($file) = @_;

	open my $handle, '<', $file or die "$file: $!";
	my $text = do { local $/; <$handle> };
	close $handle;

	my (@statements, $statement, $start, $line);
	($statement, $line) = ('', 1);
	while ($text =~ m{\G(
			--[^\n]* | /\*.*?\*/ | \\echo[^\n]*
			| '(?:[^']|'')*' | "(?:[^"]|"")*"
			| (\$\w*\$).*?\2
			| ; | \s+ | [\w.]+ | .
		)}gsx)
	{
		my $token = $1;

		if ($token eq ';')
		{
			push @statements, [ $start, $statement ] if defined $start;
			($statement, $start) = ('', undef);
		}
		elsif ($token =~ /^(?:--|\/\*|\\echo|\s)/)
		{
			$statement .= ' ';
		}
		else
		{
			$start //= $line;
			# Bodies and texts do not matter, except that a dollar-quoted body of DO is a statement.
			$statement .= $token =~ /^(?:'|\$)/ ? "''" : $token;
		}
		$line += $token =~ tr/\n//;
	}
	push @statements, [ $start, $statement ] if defined $start;
	for (@statements)
	{
		$_->[1] =~ s/\s+/ /g;
		$_->[1] =~ s/^ | $//g;
	}
	return @statements;
}

# signature("a int, OUT b text DEFAULT 1"): types of the input arguments, as REVOKE may name them.
sub signature
{
	my ($arguments) = @_;
	my @types;

	# Commas within parentheses or brackets do not separate.
	my $depth = 0;
	my @parts = ('');
	for my $character (split //, $arguments)
	{
		$depth++ if $character =~ /[(\[]/;
		$depth-- if $character =~ /[)\]]/;
		if ($character eq ',' && $depth == 0) { push @parts, ''; }
		else { $parts[-1] .= $character; }
	}
	for my $part (@parts)
	{
		$part =~ s/\s*(?:\bDEFAULT\b|=).*//i;
		$part =~ s/^\s+|\s+$//g;
		next if $part eq '' || $part =~ /^OUT\b/i;
		$part =~ s/^(?:INOUT|IN|VARIADIC)\s+//i;
		push @types, lc $part;
	}
	return @types;
}

# Whether the types of a REVOKE are those of a definition, whose arguments may be named.
sub same_signature
{
	my ($defined, $named) = @_;

	return 0 unless @$defined == @$named;
	for my $i (0 .. $#$defined)
	{
		return 0 unless $defined->[$i] eq $named->[$i] || $defined->[$i] =~ /^\S+ \Q$named->[$i]\E$/;
	}
	return 1;
}

sub none
{
	my ($findings, $name) = @_;

	ok(!@$findings, $name) or diag(join("\n", @$findings));
	return;
}

my @files = (sort(glob 'sql/install/*.sql'), sort(glob 'sql/update/*.sql'));
my (@replacing, @temp, @open, @uncommented, @names, %functions, @revoked, %commented);

for my $file (@files)
{
	push @names, "$file: not NN_name.sql" if $file =~ m{^sql/install/} && $file !~ m{/\d\d_[a-z_]+\.sql$};
	for (statements($file))
	{
		my ($line, $text) = @$_;
		my $place = "$file:$line";

		push @replacing, "$place: OR REPLACE" if $text =~ /^CREATE\s+OR\s+REPLACE\b/i;
		push @replacing, "$place: IF NOT EXISTS" if $text =~ /^(?:CREATE|ALTER)\b.*\bIF\s+NOT\s+EXISTS\b/i;
		push @replacing, "$place: \@extschema\@ or \@extowner\@" if $text =~ /\@ext(?:schema|owner)\@/;
		if ($text =~ /^CREATE (?:OR REPLACE )?(FUNCTION|PROCEDURE) ([\w.]+) ?\((.*)/i)
		{
			my ($name, $rest) = (lc $2, $3);
			my ($depth, $arguments) = (1, '');

			# Arguments end at the parenthesis that closes the first one.
			for my $character (split //, $rest)
			{
				$depth++ if $character eq '(';
				$depth-- if $character eq ')';
				last if $depth == 0;
				$arguments .= $character;
			}
			my $c = $text =~ /\bLANGUAGE c\b/i;
			my $pinned = $text =~ /\bSET search_path (?:=|TO) pg_catalog, pg_temp\b/i;
			my $pure = $text =~ /\bIMMUTABLE\b/i && $text !~ /\bSECURITY DEFINER\b/i;

			push @temp, "$place: $name needs SET search_path = pg_catalog, pg_temp" unless $pinned || ($c && $text !~ /\bSECURITY DEFINER\b/i);
			push @{ $functions{$name} }, { place => $place, arguments => [ signature($arguments) ], pure => $pure };
		}
		elsif ($text =~ /^(?:REVOKE|GRANT) (?:ALL|EXECUTE)(?: PRIVILEGES)? ON (?:FUNCTION|PROCEDURE|ROUTINE) (.*) (?:FROM|TO) PUBLIC\b/i)
		{
			my $list = $1;
			push @revoked, [ lc $1, [ signature($2) ] ] while $list =~ /([\w.]+) ?\(((?:[^()]|\([^()]*\))*)\)/g;
		}
		elsif ($text =~ /^REVOKE (?:ALL|EXECUTE)(?: PRIVILEGES)? ON ALL (?:FUNCTIONS|ROUTINES) IN SCHEMA (.*) FROM PUBLIC\b/i)
		{
			my %schema = map { lc($_) => 1 } split /\s*,\s*/, $1;
			# It reaches what was created before it.
			for my $name (keys %functions)
			{
				my ($schema) = $name =~ /^(\w+)\./;
				$_->{revoked} = 1 for $schema && $schema{$schema} ? @{ $functions{$name} } : ();
			}
		}
		elsif ($text =~ /^COMMENT ON (?:FUNCTION|PROCEDURE|ROUTINE) ([\w.]+)/i)
		{
			$commented{ lc $1 }++;
		}
	}
}
for my $name (sort keys %functions)
{
	push @names, $functions{$name}[0]{place} . ": $name is not qualified with a schema" unless $name =~ /\./;
	push @uncommented, $functions{$name}[0]{place} . ": $name has no COMMENT ON FUNCTION"
	  if ($commented{$name} // 0) < @{ $functions{$name} };
	for my $function (@{ $functions{$name} })
	{
		next if $function->{pure} || $function->{revoked};
		push @open, "$function->{place}: no REVOKE ALL ON FUNCTION $name(" . join(', ', @{ $function->{arguments} }) . ') FROM PUBLIC'
		  unless grep { $_->[0] eq $name && same_signature($function->{arguments}, $_->[1]) } @revoked;
	}
}
cmp_ok(scalar keys %functions, '>', 0, scalar(keys %functions) . ' functions in ' . @files . ' scripts');
none(\@replacing, 'nothing that exists already is taken over');
none(\@temp, 'what runs SQL pins its search_path, pg_temp last');
none(\@open, 'what is not pure is revoked from PUBLIC');
none(\@uncommented, 'every function has a comment');
none(\@names, 'names are qualified, pieces are numbered');

done_testing();
