#!/usr/bin/perl
#
# check_docs.pl
#
# The documentation names what there is: every function and view of the schema
# dalp, every setting, every SQLSTATE; and its links lead somewhere.
use strict;
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

# Those of the things that the text doesn't have as a word.
sub missing
{
	my ($text, @things) = @_;

	return [ grep { $text !~ /(?<![\w.])\Q$_\E(?!\w)/ } @things ];
}

my $script = join '', map { text_of($_) } sort glob 'sql/install/*.sql';
my %seen;
# What belongs to the type dalp.address itself is reached by its operators and casts.
my @functions = grep { !$seen{$_}++ && !/^dalp\.address_/ } $script =~ /CREATE FUNCTION (dalp\.\w+)/g;
my @views = $script =~ /CREATE VIEW (dalp\.\w+)/g;
my @types = grep { !$seen{$_}++ } $script =~ /CREATE TYPE (dalp\.\w+)/g;
my $reference = text_of('doc/reference.md');

cmp_ok(scalar @functions, '>', 50, 'the install script has functions');
is_deeply(missing($reference, @functions), [], 'doc/reference.md has every function');
is_deeply(missing($reference, @views), [], 'doc/reference.md has every view');
is_deeply(missing($reference, @types), [], 'doc/reference.md has every type');

my %known = map { $_ => 1 } @functions, @views, @types;
for my $file ('README.md', glob 'doc/*.md')
{
	my @named = text_of($file) =~ /(?<![\w.\/])(dalp\.\w+)\(/g;
	is_deeply([ grep { !$known{$_} } @named ], [], "$file names no function that isn't there");
}

my @settings = text_of('src/core/settings.c') =~ /"(dalp\.\w+)",/g;
is_deeply(missing(text_of('doc/settings.md'), grep { $_ ne 'dalp.test_clock' } @settings), [], 'doc/settings.md has every setting');

my %codes;
for my $file (glob 'src/*/*.h')
{
	my $header = text_of($file);

	$codes{"DL$1$2$3"} = 1 while $header =~ /MAKE_SQLSTATE\('D', ?'L', ?'(\w)', ?'(\w)', ?'(\w)'\)/g;
}
is_deeply(missing(text_of('doc/errors.md'), sort keys %codes), [], 'doc/errors.md has every SQLSTATE');

# Links to files, and to headings in them.
my @broken;
for my $file ('README.md', 'CHANGELOG.md', glob 'doc/*.md')
{
	my $text = text_of($file);

	$text =~ s/^```.*?^```//msg;
	while ($text =~ /\]\(([^)\s]+)\)/g)
	{
		my ($path, $heading) = split /#/, $1, 2;
		my $target = $path eq '' ? $file : dirname($file) . "/$path";

		next if $path =~ /^https?:/;
		if (!-e $target)
		{
			push @broken, "$file: $path";
		}
		elsif (defined $heading && $heading ne '')
		{
			my @headings = map { my $anchor = lc; $anchor =~ s/[^\w\- ]//g; $anchor =~ tr/ /-/; $anchor } text_of($target) =~ /^#+ (.*)$/mg;
			push @broken, "$file: $path#$heading" unless grep { $_ eq $heading } @headings;
		}
	}
}
is_deeply(\@broken, [], 'links lead somewhere');

done_testing();
