# memory.sh
#		Does an executor grow over a million transitions, or the scheduler over many turns?

# kB of memory of its own (not of the shared buffers that it has touched) of the workers of a kind.
private_kb()
{
	local pid
	for pid in $(query -c "SELECT pid FROM dalp.workers WHERE kind = '$1' AND pid IS NOT NULL ORDER BY index"); do
		awk '/^RssAnon/ { print $2 }' "/proc/$pid/status"
	done | awk '{ total += $1 } END { print total }'
}

count=$(scaled 10000)
loop="SELECT count(*) FROM dalp.start_many('ten', array_fill('{\"n\": 1}'::jsonb, ARRAY[$count])); CALL bench.drain()"
# The first tenth fills caches; from there on it must stay as it is.
query <<< "$loop;" > /dev/null
before=$(private_kb executor)
for _ in 1 2 3 4 5 6 7 8 9 10; do
	query <<< "$loop;" > /dev/null
done
after=$(private_kb executor)
note "memory of the executors after $((count * 10)) transitions" kB "$before"
note "  after $((count * 100)) more" kB "$after"
ask='about 0' note "  growth by transition" bytes "$(awk "BEGIN { print ($after - $before) * 1024 / ($count * 100) }")"

# A turn for each timer: each start wakes the scheduler, and again when it is due.
before=$(private_kb scheduler)
turns=$(query -c "SELECT turns FROM dalp.workers WHERE kind = 'scheduler'")
echo "SELECT dalp.start('nap', '{\"s\": 0.001}');" > nap.sql
"$SERVER_BIN/pgbench" -n -c 8 -j 2 -T "$(scaled 20)" -f nap.sql > /dev/null 2>&1
query -c 'CALL bench.drain()'
middle=$(private_kb scheduler)
turns_middle=$(query -c "SELECT turns FROM dalp.workers WHERE kind = 'scheduler'")
"$SERVER_BIN/pgbench" -n -c 8 -j 2 -T "$(scaled 20)" -f nap.sql > /dev/null 2>&1
query -c 'CALL bench.drain()'
after=$(private_kb scheduler)
turns_after=$(query -c "SELECT turns FROM dalp.workers WHERE kind = 'scheduler'")
note "memory of the scheduler after $((turns_middle - turns)) turns" kB "$middle"
note "  after $((turns_after - turns_middle)) more" kB "$after"
ask='about 0' note "  growth by turn" bytes "$(awk "BEGIN { print ($after - $middle) * 1024 / ($turns_after - $turns_middle + 1) }")"
