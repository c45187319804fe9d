# held.sh
#		Steps a second while a transaction holds a snapshot, so that nothing dead can be removed.

seconds=$(scaled 120)
window=$(scaled 10)
rate()
{
	local before after
	before=$(query -c 'SELECT last_value FROM bench.finished')
	query -c "CALL bench.keep_open('refilled', 64, seconds => $window)" > /dev/null
	after=$(query -c 'SELECT last_value FROM bench.finished')
	awk "BEGIN { print ($after - $before) * 10 / $window }"
}
query -c "CALL bench.keep_open('refilled', 64, 500)" > /dev/null
without=$(rate)
query > /dev/null 2>&1 <<SQL &
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT count(*) FROM pg_class;
SELECT pg_sleep($((seconds + 60)));
SQL
holder=$!
query -c "CALL bench.keep_open('refilled', 64, seconds => $((seconds - window)))" > /dev/null
with=$(rate)
kill $holder 2> /dev/null || true
note 'no-op steps, 64 open, no snapshot held' steps/s "$without"
note "  after $seconds s of a held snapshot" steps/s "$with"
ask='>= 80' note '  of the speed without it' % "$(awk "BEGIN { print 100 * $with / $without }")"
