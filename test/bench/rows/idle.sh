# idle.sh
#		What it costs to have 10,000 runs asleep.

query -c "SELECT count(*) FROM dalp.start_many('nap', array_fill('{\"s\": 86400}'::jsonb, ARRAY[10000]))" -c 'CALL bench.asleep()' > /dev/null
# Until the executors have found out that there is nothing more to do.
sleep 15
before=$(query -c 'SELECT sum(turns) FROM dalp.workers')
ticks_before=$(worker_ticks)
commits_before=$(query -c 'SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()')
seconds=$(scaled 60)
sleep "$seconds"
after=$(query -c 'SELECT sum(turns) FROM dalp.workers')
ticks_after=$(worker_ticks)
commits_after=$(query -c 'SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()')
ask='<= 0.1' note "turns of all workers, 10,000 runs asleep" turns/s "$(awk "BEGIN { print ($after - $before) / $seconds }")"
ask= note "  CPU of dalp's processes" us/s "$(awk "BEGIN { print ($ticks_after - $ticks_before) * 1e6 / $ticks / $seconds }")"
ask= note "  commits, those of this script included" /s "$(awk "BEGIN { print ($commits_after - $commits_before) / $seconds }")"
