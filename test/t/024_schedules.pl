# Promise: each slot of a schedule leads to exactly one run, or to a row that
# says why not: whatever is killed between slot and start, however long the
# server was down, and wherever the clock goes.
use strict;
use warnings;

use DalpTest;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);

my $node = dalp_node('schedules', settings => { TimeZone => 'UTC', restart_after_crash => 'on' });

sub clock
{
	my ($time) = @_;

	$node->safe_psql('postgres', "ALTER SYSTEM SET dalp.test_clock = '$time'");
	$node->reload;
	return;
}

sub ask { return $node->safe_psql('postgres', $_[0]); }

# Slots with their outcomes, as time of day in UTC.
sub outcomes
{
	my ($name) = @_;

	return ask("SELECT string_agg(to_char(slot, 'HH24:MI') || ' ' || outcome || CASE slots WHEN 1 THEN '' ELSE ' x' || slots END, ', ' ORDER BY slot) "
		  . "FROM dalp.schedule_slots WHERE schedule = '$name'");
}

sub decided
{
	my ($name, $count) = @_;

	query_until($node, "SELECT started + skipped + missed + failed FROM dalp.schedules WHERE name = '$name'", $count);
	return;
}

clock('2027-03-28 00:10:00+00');
ask(q(SELECT dalp.create_workflow('quick', '{"StartAt": "A", "States": {"A": {"Type": "Succeed"}}}')));

# Clocks change: in Brussels 02:00 becomes 03:00 at 01:00 UTC.
ask(q(SELECT dalp.create_schedule('fixed', 'quick', '30 2 * * *', time_zone => 'Europe/Brussels', on_overlap => 'allow', catch_up => 'all'),
	dalp.create_schedule('real', 'quick', '*/30 * * * *', time_zone => 'Europe/Brussels', on_overlap => 'allow', catch_up => 'all')));
clock('2027-03-28 00:59:59+00');
decided('real', 1);
is(outcomes('fixed'), '', 'a skipped local time is not due before the gap');
clock('2027-03-28 01:00:00+00');
decided('fixed', 1);
decided('real', 2);
is(outcomes('fixed'), '01:00 started', 'a skipped local time runs at the end of the gap');
clock('2027-03-28 03:00:00+00');
decided('real', 6);
is(outcomes('real'), '00:30 started, 01:00 started, 01:30 started, 02:00 started, 02:30 started, 03:00 started',
	'by real time nothing is skipped');
is(ask("SELECT next_at FROM dalp.schedules WHERE name = 'fixed'"), '2027-03-29 00:30:00+00', 'the next day is an ordinary one');

# The clock goes back over slots that have run, then on again.
clock('2027-03-28 00:20:00+00');
ask(q(SELECT dalp.create_schedule('witness', 'quick', '*/10 * * * *', on_overlap => 'allow')));
clock('2027-03-28 00:50:00+00');
query_until($node, "SELECT started > 0 FROM dalp.schedules WHERE name = 'witness'", 't');
is(ask("SELECT count(*) FROM dalp.schedule_slots WHERE schedule = 'real'"), 6, 'no slot runs again after the clock has gone back');
ask(q(SELECT dalp.create_schedule('real', 'quick', '*/30 * * * *', time_zone => 'Europe/Brussels', on_overlap => 'allow', catch_up => 'all')));
is(ask("SELECT next_at FROM dalp.schedules WHERE name = 'real'"), '2027-03-28 03:30:00+00',
	'nor when the schedule is replaced meanwhile');
clock('2027-03-28 03:30:00+00');
decided('real', 7);
is(ask("SELECT count(DISTINCT run_id) = 7 AND count(DISTINCT slot) = 7 FROM dalp.schedule_slots WHERE schedule = 'real'"), 't', 'it goes on after them');

# The hour that comes twice: 01:00 UTC on 31 October.
ask("SELECT dalp.drop_schedule(name) FROM dalp.schedules");
clock('2027-10-31 00:10:00+00');
ask(q(SELECT dalp.create_schedule('twice', 'quick', '30 2 * * *', time_zone => 'Europe/Brussels', on_overlap => 'allow', catch_up => 'all'),
	dalp.create_schedule('real', 'quick', '30 * * * *', time_zone => 'Europe/Brussels', on_overlap => 'allow', catch_up => 'all')));
clock('2027-10-31 02:30:00+00');
decided('real', 3);
is(outcomes('twice'), '00:30 started', 'a local time that comes twice runs once');
is(outcomes('real'), '00:30 started, 01:30 started, 02:30 started', 'by real time in both hours');

# Downtime.
my %caught_up = (
	none => '04:00 missed x4, 08:00 started',
	last => '04:00 missed x3, 07:00 started, 08:00 started',
	all => '04:00 started, 05:00 started, 06:00 started, 07:00 started, 08:00 started');
clock('2027-11-01 03:30:00+00');
ask("SELECT dalp.create_schedule(name, 'quick', '0 * * * *', on_overlap => 'allow', catch_up => name) FROM unnest(ARRAY['none', 'last', 'all']) AS name");
$node->stop('immediate');
$node->append_conf('postgresql.auto.conf', "dalp.test_clock = '2027-11-01 07:30:00+00'\n");
$node->start;
decided($_, 4) for sort keys %caught_up;
clock('2027-11-01 08:00:05+00');
decided($_, 5) for sort keys %caught_up;
is(outcomes($_), $caught_up{$_}, "after a downtime with catch_up $_") for sort keys %caught_up;

# Killed between slot and start, and between start and commit.
my $stops = $node->data_dir . '/dalp_stop';
mkdir $stops or die "$stops: $!";
clock('2027-11-02 00:00:00+00');
ask(q(SELECT dalp.create_schedule('killed', 'quick', '0 * * * *', on_overlap => 'allow', catch_up => 'all')));
my $hour = 0;
for my $point (qw(schedule_before_start schedule_before_commit))
{
	$hour++;
	append_to_file("$stops/$point", 'crash');
	clock("2027-11-02 0$hour:00:00+00");
	wait_until("the scheduler to crash at $point", sub { return !-e "$stops/$point" });
	decided('killed', $hour);
}
is(outcomes('killed'), '01:00 started, 02:00 started', 'a crash at each point: one run a slot');
is(ask(q(SELECT count(*), count(DISTINCT idempotency_key) FROM dalp.runs WHERE tags @> '{"schedule": "killed"}')), '2|2', 'and no run besides');

# Many schedules at one moment.
my $many = 1000;
ask("SELECT dalp.drop_schedule(name) FROM dalp.schedules");
ask("SELECT count(dalp.create_schedule('many.' || i, 'quick', '0 12 * * *', on_overlap => 'allow')) FROM generate_series(1, $many) i");
my $began = time();
clock('2027-11-02 12:00:00+00');
query_until($node, "SELECT count(*) FROM dalp.schedules WHERE started = 1 AND last_slot = '2027-11-02 12:00:00+00'", $many);
note(sprintf('%d schedules due at once: all started after %.1f s', $many, time() - $began));
is(ask(q(SELECT count(*), count(DISTINCT tags->>'schedule') FROM dalp.runs WHERE tags->>'schedule' LIKE 'many.%')), "$many|$many",
	'a thousand schedules that are due at once start one run each');

# Real time, while the whole server is killed again and again: no second is
# left out, none runs twice.
ask("SELECT dalp.drop_schedule(name) FROM dalp.schedules");
ask('ALTER SYSTEM RESET dalp.test_clock');
$node->reload;
query_until($node, 'SHOW dalp.test_clock', '');
ask(q(SELECT dalp.create_schedule('storm', 'quick', '* * * * * *', on_overlap => 'allow', catch_up => 'all')));
for my $round (1 .. 2)
{
	my $started = ask("SELECT started FROM dalp.schedules WHERE name = 'storm'");

	query_until($node, "SELECT started > $started FROM dalp.schedules WHERE name = 'storm'", 't');
	crash_server($node);
}
my $now = ask("SELECT date_trunc('second', clock_timestamp())");
query_until($node, "SELECT last_slot >= '$now' FROM dalp.schedules WHERE name = 'storm'", 't');
ask("SELECT dalp.pause_schedule('storm')");
is( ask(q(SELECT count(*) = count(DISTINCT run_id) AND count(*) = 1 + extract(epoch FROM max(slot) - min(slot)) AND bool_and(outcome = 'started')
	FROM dalp.schedule_slots WHERE schedule = 'storm')), 't', 'each second of a storm of crashes has its run');
is(ask(q(SELECT count(*) = (SELECT started FROM dalp.schedules WHERE name = 'storm') FROM dalp.runs WHERE tags @> '{"schedule": "storm"}')),
	't', 'and no run is there twice');

$node->stop;
done_testing();
