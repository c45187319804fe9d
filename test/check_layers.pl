#!/usr/bin/perl
#
# check_layers.pl
#
# The shape of src/, checked by what its files include: who may use whom, which
# library belongs to which folder, what is pure.  And what is cheap to check in
# the text: the length of files, unfinished pieces, sleeping tests.
# Reads the working tree's files that git knows, or all where there is no git.
use strict;
use warnings;

use File::Basename qw(dirname);
use File::Find qw(find);
use Test::More;

chdir dirname(__FILE__) . '/..' or die "cannot enter the repository: $!";

# Folder => folders whose headers it may include, besides its own.
my %may_use = (
	core => [],
	evm => ['core'],
	asl => ['core'],
	net => ['core'],
	ops => [ 'core', 'net' ],
	custody => [ 'core', 'evm', 'ops' ],
	chain => [ 'core', 'evm', 'net', 'ops', 'custody' ],
	workflow => [ 'core', 'asl', 'ops' ]);

# Folders that see each other through one header each.
my %one_header = ('workflow' => 'chain', 'chain' => 'workflow');

# Library (start of the header's name) => folders that may use it.
my %library = (
	'curl/' => ['net'],
	'microhttpd' => ['net'],
	'openssl/' => [ 'custody', 'evm', 'core' ],
	'secp256k1' => [ 'custody', 'evm', 'core' ],
	'cbor' => ['custody']);

# Code that is also built without a server (test/unit, test/fuzz) includes
# these of core/, its own folder and the C library.  *_sql.[ch] is the SQL side.
my $pure_file = qr{^src/(?:(?:evm|asl)/(?!\w*_sql\.[ch]$)|core/(?:base|digest|document(?!_jsonb))\w*\.[ch]$|workflow/cron\w*\.[ch]$)};
my $pure_header = qr{^core/(?:base|digest|document(?!_jsonb)\w*)\.h$};

my $longest = 700;

sub files_below
{
	my ($folder, $pattern) = @_;
	my @files = grep { -f } split /\n/, `git ls-files --cached --others --exclude-standard -- '$folder' 2>/dev/null`;

	find({ no_chdir => 1, wanted => sub { push @files, $_ if -f && !m{/node_modules/}; } }, $folder)
	  if !@files && -d $folder;
	return sort grep { $_ =~ $pattern } @files;
}

sub lines_of
{
	my ($file) = @_;

	open my $handle, '<', $file or die "$file: $!";
	my @lines = <$handle>;
	close $handle;
	return @lines;
}

# One test: no findings; they are shown where there are some.
sub none
{
	my ($findings, $name) = @_;

	ok(!@$findings, $name) or diag(join("\n", @$findings));
	return;
}

my @sources = files_below('src', qr/\.[ch]$/);
my (@strangers, @libraries, @impure, @spi, @long, @loud);
my %seen_through;

cmp_ok(scalar @sources, '>', 0, 'there are sources');
for my $file (@sources)
{
	my ($folder) = $file =~ m{^src/(\w+)/};
	my @lines = lines_of($file);
	my $pure = $file =~ $pure_file;
	my $number = 0;

	push @long, "$file has " . @lines . " lines; one concern each?" if @lines > $longest;
	for my $line (@lines)
	{
		$number++;
		my $place = "$file:$number";

		push @spi, "$place calls SPI; only core/spi.c does"
		  if $file ne 'src/core/spi.c' && $line =~ /\bSPI_[a-z_]+\(/;
		push @impure, "$place reports by itself; pure code fills a Problem"
		  if $pure && $line =~ /\b(?:ereport|elog)\(/;
		next unless $line =~ /^\s*#\s*include\s*([<"])([^>"]+)[>"]/;
		my ($kind, $header) = ($1, $2);

		for my $start (keys %library)
		{
			push @libraries, "$place includes $header; only src/{" . join(',', @{ $library{$start} }) . '} may'
			  if index($header, $start) == 0 && !grep { $_ eq ($folder // '') } @{ $library{$start} };
		}
		next unless defined $folder;
		my ($other) = $header =~ m{^(\w+)/};
		my $ours = $kind eq '"' && defined $other && exists $may_use{$other};

		if ($ours && $other ne $folder && !grep { $_ eq $other } @{ $may_use{$folder} // [] })
		{
			if (($one_header{$folder} // '') eq $other)
			{
				$seen_through{"$folder/ sees $other/"}{$header} = $place;
			}
			else
			{
				push @strangers, "$place includes $header; $folder/ may use " . join(', ', @{ $may_use{$folder} // [] });
			}
		}
		push @impure, "$place includes $header; pure code includes core/base.h, core/document.h and its own folder"
		  if $pure && $kind eq '"' && !($ours && $other eq $folder && $folder ne 'core') && $header !~ $pure_header
		  && !($file eq 'src/core/base.h' && $header =~ /^(?:postgres|miscadmin)\.h$/);
	}
}
none(\@strangers, 'folders include only those that they may use');
for my $view (sort keys %seen_through)
{
	my $headers = $seen_through{$view};
	my @headers = sort keys %$headers;

	ok(@headers == 1, "$view through one header") or diag(map { "$headers->{$_} includes $_\n" } @headers);
}
none(\@libraries, 'libraries are used where they belong');
none(\@impure, 'pure code knows no server');
none(\@spi, 'only core/spi.c calls SPI');
none(\@long, "no source is longer than $longest lines");

# The pattern is put together so that this file does not find itself.
my $unfinished = join '|', 'TO' . 'DO', 'FIX' . 'ME', 'XX' . 'X', 'not ' . 'implemented', 'unsupported ' . 'yet';
for my $file (@sources, files_below('sql/install', qr/\.sql$/))
{
	my $number = 0;

	for my $line (lines_of($file))
	{
		$number++;
		push @loud, "$file:$number: $line" if $line =~ /\b(?:$unfinished)\b/;
	}
}
none(\@loud, 'nothing is marked as unfinished');

# Waiting with a bound is what test/lib/ is for.
my @sleeping;
for my $file (files_below('sql', qr{^sql/[^/]+\.sql$}), files_below('test', qr{\.(?:pl|pm|sh|spec|py|sql)$}))
{
	my $number = 0;

	next if $file =~ m{^test/(?:bench|lib)/|^sql/dalp--};
	for my $line (lines_of($file))
	{
		$number++;
		push @sleeping, "$file:$number: $line" if $line =~ /\b(?:pg_sleep|sleep|usleep)(?:\(\s*|\s+)[0-9.]+/;
	}
}
none(\@sleeping, 'no test sleeps for a fixed time');

my @hosts = grep { /"resolved"/ } lines_of('test/package-lock.json');
none(\@hosts, 'the lock file names no registry');

done_testing();
