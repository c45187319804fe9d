# baseline.sh
#		What one would write by hand in PL/pgSQL: a queue with SKIP LOCKED, one job
#		and a hundred a commit, and a loop of steps with one commit each.  If dalp
#		isn't faster than the batches, it has no reason to be.

# by_hand NAME UNIT COUNT WORKERS PREPARATION CALL
by_hand()
{
	local speeds=() began
	for _ in $(seq "$repeats"); do
		query -c "$5" -c CHECKPOINT > /dev/null
		echo "CALL $6;" > work.sql
		began=$(query -c 'SELECT clock_timestamp()')
		"$SERVER_BIN/pgbench" -n -c "$4" -j 2 -t 1 -f work.sql > /dev/null 2>&1
		speeds+=("$(query -c "SELECT $3 / extract(epoch FROM clock_timestamp() - '$began')")")
	done
	note "$1" "$2" "${speeds[@]}"
}
fill="INSERT INTO baseline.job (payload) SELECT '{\"n\": 1}' FROM generate_series(1,"
count=$(scaled 20000)
by_hand 'SKIP LOCKED queue by hand, 8 workers, 1 a commit' jobs/s "$count" 8 "$fill $count)" 'baseline.work(1)'
by_hand 'SKIP LOCKED queue by hand, 8 workers, 100 a commit' jobs/s "$count" 8 "$fill $count)" 'baseline.work(100)'
count=$(scaled 2000)
by_hand 'step loop by hand, 8 workers, 1 step a commit' steps/s $((count * 10)) 8 \
	"INSERT INTO baseline.run (state) SELECT '{\"n\": 1}' FROM generate_series(1, $count)" 'baseline.step_all()'
