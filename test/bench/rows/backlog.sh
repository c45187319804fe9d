# backlog.sh
#		A million timers, or a million runs ready: does it slow anything down?
#
# With a million ready, a run of higher priority starts after whatever batch is
# under way: the time to its first step holds one such batch, the commit of it
# and a claim from the full index.

million=$(scaled 1000000)
first_step()
{
	query -c 'TRUNCATE bench.start, bench.body' -c "CALL bench.latency('note', $(scaled 300), $1)" > /dev/null
	query -c 'SELECT bench.first_step(0.5)'
}
note 'start to body, nothing else there, p50' us "$(first_step 0)"
query -c "SELECT count(*) FROM dalp.start_many('nap', array_fill('{\"s\": 86400}'::jsonb, ARRAY[$million]))" > /dev/null
query -c 'CALL bench.asleep()' -c CHECKPOINT > /dev/null
ask='as without' note "start to body, $million timers, p50" us "$(first_step 0)"

query -c "SELECT count(*) FROM dalp.start_many('one', array_fill('{\"n\": 1}'::jsonb, ARRAY[$million]))" > /dev/null
ask='a batch more' note "start to body with priority, $million ready, p50" us "$(first_step 10)"
count=$(scaled 50000)
ask='as steps' measured "steps from a backlog of $million, $count of them" steps/s "$count" "CALL bench.await_finished($count)"
