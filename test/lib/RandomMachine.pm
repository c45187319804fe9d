# RandomMachine.pm
#
# Random state machines whose end depends on nothing but their input: what two
# branches race for is made so that either order gives the same.
#
#   use RandomMachine;
#   my $machine = RandomMachine->new($seed)->machine($number);
#   # {definition, input, mocks, outcomes, tasks}
#
# A Task calls sql:random.step, which finds what to do in the table of outcomes
# that the test fills; the mocks say the same to dalp.test_state.
package RandomMachine;

use strict;
use warnings;

use JSON::PP ();

my @values = (undef, JSON::PP::true, 0, 1, -2.5, '', 'text', [], [ 1, 'a', undef ], {},
	{ a => 1, b => { c => [ 1, 2 ] } }, { a => 'x', l => [ { a => 1 }, { a => 2 } ] });
my @paths = ('$', '$.a', '$.l[*].a', '$..a', '$.b.c', '$$.State.Name', '$$.Execution.Input', '$v', '$.l[?(@.a > 1)]', '$[*]');
# Templates that always succeed, then those that may fail.
my @safe = ({}, { k => 1, 'a.$' => '$' }, { 'a.$' => 'States.JsonToString($)' }, { l => [ { 'a.$' => '$$.State.Name' }, { a => 3 } ] },
	{ 'a.$' => "States.Array(\$, 1, 'x')" }, { 'a.$' => 'States.MathAdd(1, 2)' });
my @bold = (@safe, { 'a.$' => 'States.ArrayLength($)' }, { b => { 'c.$' => '$.b.c' } }, { 'v.$' => '$v' },
	{ 'a.$' => "States.Format('{}-{}', \$\$.State.Name, \$.a)" });
my @rules = (
	{ Variable => '$', IsPresent => JSON::PP::true }, { Variable => '$.a', IsPresent => JSON::PP::true },
	{ Not => { Variable => '$', IsNull => JSON::PP::true } },
	{ And => [ { Variable => '$.a', IsPresent => JSON::PP::true }, { Variable => '$.a', StringMatches => 'x*' } ] });
my @bold_rules = (@rules, { Variable => '$.zz', IsNull => JSON::PP::true }, { Variable => '$.a', NumericGreaterThan => 0 });
my @errors = ('A', 'B', 'States.TaskFailed', 'States.ALL');

sub new
{
	my ($class, $seed) = @_;

	return bless { seed => $seed }, $class;
}

# machine(NUMBER): always the same for the same seed.
sub machine
{
	my ($self, $number) = @_;

	# Of its own, so that a machine does not depend on perl's generator.
	$self->{random} = ($self->{seed} * 7919 + $number * 104729 + 1) % 2147483648;
	$self->below(2) for 1 .. 8;
	@$self{qw(number states mocks outcomes tasks)} = ($number, 0, {}, {}, []);
	my $definition = $self->states(2, 1, 1);
	return {
		definition => $definition,
		input => { $self->entry, items => [ map { $self->pick(@values) } 1 .. $self->below(4) ] },
		map { $_ => $self->{$_} } qw(mocks outcomes tasks)
	};
}

sub below
{
	my ($self, $limit) = @_;

	$self->{random} = ($self->{random} * 1103515245 + 12345) % 2147483648;
	return int($self->{random} / 65536) % $limit;
}

sub pick
{
	my ($self, @list) = @_;

	return $list[ $self->below(scalar @list) ];
}

sub entry
{
	my ($self) = @_;

	return (a => $self->pick(@values), $self->below(2) ? (l => [ { a => 1 }, { a => 'x' } ]) : (), b => { c => [ 3, 4 ] });
}

# A chain of states in which rules and catchers jump to the last one.  BOLD: it
# may fail.  TOP: it is entered at most once a run.
sub states
{
	my ($self, $depth, $bold, $top) = @_;
	my $count = 1 + $self->below($top ? 5 : 2);
	my $first = $self->{states};
	my $last = $first + $count;
	my %states;

	$self->{states} += $count + 1;
	$states{"s$last"} = $bold && $self->below(8) == 0
	  ? { Type => 'Fail', Error => $self->pick('A', 'B'), CausePath => '$$.State.Name' } : { Type => 'Succeed' };
	$states{"s$_"} = $self->state($_, $last, $depth, $bold, $top) for $first .. $last - 1;
	# Variables are there from the first state on.
	$states{"s$first"}{Assign} //= { v => 1 } if $top;
	return { StartAt => "s$first", States => \%states };
}

sub state
{
	my ($self, $number, $last, $depth, $bold, $top) = @_;
	my $type = $self->pick(qw(Pass Task Task Task Choice Wait), $depth > 0 ? qw(Parallel Map Map) : ());
	my %state = (Type => $type, $type eq 'Choice' ? () : (Next => 's' . ($number + 1)));

	if ($type eq 'Choice')
	{
		$state{Choices} = [ map { { %{ $self->pick($bold ? @bold_rules : @rules) }, Next => "s$_" } } $number + 1, $last ];
		$state{Default} = 's' . ($number + 1);
	}
	elsif ($type eq 'Wait')
	{
		$state{Seconds} = 0;
	}
	elsif ($type eq 'Pass')
	{
		$self->below(2) ? ($state{Result} = $self->pick(@values)) : ($state{Parameters} = $self->pick($bold ? @bold : @safe));
		$state{ResultPath} = $self->pick('$', undef, $bold ? '$.r' : ()) if $self->below(3) == 0;
		$state{OutputPath} = $self->pick(@paths) if $bold && $self->below(6) == 0;
		$state{InputPath} = $self->pick(@paths) if $bold && $self->below(6) == 0;
	}
	else
	{
		$self->task(\%state, $number, $bold, $top) if $type eq 'Task';
		$self->parallel(\%state, $depth, $bold) if $type eq 'Parallel';
		$self->map(\%state, $depth, $bold) if $type eq 'Map';
		# What comes after the work can't fail: a row in the ledger is a success.
		$state{ResultSelector} = $self->pick(@safe) if $self->below(6) == 0;
		$self->handling(\%state, $last, $top) if $bold;
		$state{InputPath} = '$$.Execution.Input' if $self->below(4) == 0;
		$state{ResultPath} = $self->pick('$', undef, $bold && $type ne 'Task' ? '$.r' : ()) if $self->below(3) == 0;
	}
	$state{Assign} = { $self->pick(qw(v w)) => $self->pick(@values), 'u.$' => '$' } if $self->below(4) == 0;
	return \%state;
}

# What a Task does at each attempt; where it may be entered again, always the same.
sub task
{
	my ($self, $state, $number, $bold, $top) = @_;
	my @outcomes = map {
		$bold && $self->below(3) == 0
		  ? { error => $self->pick('A', 'B'), cause => 'c' }
		  : { result => $self->pick(@values) }
	} 0 .. ($top ? $self->below(3) : 0);

	$state->{Resource} = 'sql:random.step';
	$state->{Parameters} = { machine => $self->{number}, 'state.$' => '$$.State.Name', 'attempt.$' => '$$.State.RetryCount',
		'run.$' => '$$.Execution.Id' };
	$self->{outcomes}{"s$number"} = \@outcomes;
	$self->{mocks}{"s$number"} = \@outcomes;
	push @{ $self->{tasks} }, "s$number";
	return;
}

# Only one branch of a Parallel may fail.
sub parallel
{
	my ($self, $state, $depth, $bold) = @_;
	my $which = $self->below(2);

	$state->{Branches} = [ map { $self->states($depth - 1, $bold && $_ == $which, 0) } 0 .. 1 ];
	return;
}

# Items that may fail run one by one, or so many failures are tolerated that only their number counts.
sub map
{
	my ($self, $state, $depth, $bold) = @_;
	my $tolerant = $self->below(2);

	$state->{ItemsPath} = $bold && $self->below(4) == 0 ? $self->pick('$.l', '$..a', '$.b.c') : '$$.Execution.Input.items';
	$state->{ItemProcessor} = $self->states($depth - 1, $bold, 0);
	$state->{MaxConcurrency} = $bold && !$tolerant ? 1 : $self->below(3);
	$state->{ToleratedFailureCount} = $self->below(3) if $tolerant;
	$state->{ItemSelector} = { 'a.$' => '$$.Map.Item.Value', 'i.$' => '$$.Map.Item.Index' } if $self->below(2);
	return;
}

sub handling
{
	my ($self, $state, $last, $top) = @_;

	$state->{Retry} = [ { ErrorEquals => [ $self->pick(@errors) ], MaxAttempts => $self->below($top ? 3 : 2), IntervalSeconds => 1, BackoffRate => 1 } ]
	  if $self->below($top ? 2 : 6) == 0;
	$state->{Catch} = [ { ErrorEquals => [ $self->pick(@errors) ], ResultPath => $self->pick(undef, '$'), Next => "s$last",
			Assign => { 'e.$' => '$.Error' } } ]
	  if $self->below(2) == 0;
	return;
}

1;
