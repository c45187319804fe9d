# timers.sh
#		How fast timers fire that are due, and how late those are that come due one by one.

# Only the scheduler works: what it makes ready is not this row's matter.
executors()
{
	kill "-$1" $(query -c "SELECT pid FROM dalp.workers WHERE kind = 'executor'")
}
count=$(scaled 100000)
speeds=()
for _ in $(seq "$repeats"); do
	due=$(query -c "SELECT clock_timestamp() + interval '1 s' * $((5 + count / 20000))")
	query -c "SELECT count(*) FROM dalp.start_many('one', array_fill('{\"n\": 1}'::jsonb, ARRAY[$count]), start_at => '$due')" -c CHECKPOINT > /dev/null
	executors STOP
	speeds+=("$(query -c "CALL bench.fire('$due', NULL)")")
	executors CONT
	query -c 'CALL bench.drain()' > /dev/null
done
ask='>= 60000' note "$count timers due at the same moment" timers/s "${speeds[@]}"

count=$(scaled 20000)
query -c CHECKPOINT -c "SELECT count(*) FROM dalp.start_many('late', (SELECT array_agg(jsonb_build_object('at',
	to_char((clock_timestamp() + interval '5 s' + n * interval '5 s' / $count) AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')))
	FROM generate_series(1, $count) AS n))" -c 'CALL bench.drain()' > /dev/null
late()
{
	query -c "SELECT percentile_cont($1) WITHIN GROUP (ORDER BY ms) FROM bench.late"
}
note "due to body of the next step, $count within 5 s, p50" ms "$(late 0.5)"
ask='<= 5' note "due to body of the next step, $count within 5 s, p99" ms "$(late 0.99)"
