# latency.sh
#		One run at a time on an idle system, as a caller sees it.

query -c "CALL bench.latency('ten', $(scaled 300))" -c "CALL bench.latency('note', $(scaled 500))" > /dev/null
ten()
{
	query -c "SELECT percentile_cont($1) WITHIN GROUP (ORDER BY ms) FROM bench.latency WHERE workflow = 'ten'"
}
ask='<= 2.5' note 'one run of 10 steps, idle system, p50' ms "$(ten 0.5)"
note 'one run of 10 steps, idle system, p99' ms "$(ten 0.99)"
ask='<= 150' note 'commit of start to body of the first step, p50' us "$(query -c 'SELECT bench.first_step(0.5)')"
note 'commit of start to body of the first step, p99' us "$(query -c 'SELECT bench.first_step(0.99)')"
