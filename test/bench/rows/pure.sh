# pure.sh
#		States that call nothing: in memory alone, and in a stored run with its journal.

# A run in memory, so without journal and commit: asl/ with the documents around it.
rounds=1000
machine="(SELECT body FROM dalp_workflow.definition JOIN dalp_workflow.workflow USING (workflow_id) WHERE name = 'count')"
micros=()
for _ in $(seq "$repeats"); do
	micros+=("$(query -c "SELECT extract(epoch FROM after - before) * 1e6 / (10 * 2 * $rounds) FROM (
		SELECT clock_timestamp() AS before, (SELECT count(dalp.test_state(body, jsonb_build_object('n', 0, 'to', $rounds)))
			FROM (SELECT $machine AS body, n FROM generate_series(1, 10) AS n OFFSET 0) AS m) AS runs, clock_timestamp() AS after OFFSET 0) AS s")")
done
ask='<= 5' note 'transition of Pass or Choice, in memory' us "${micros[@]}"

count=$(scaled 100)
measured "transitions of Pass and Choice, $count runs of $((rounds * 2)), stored" transitions/s $((count * rounds * 2)) \
	"SELECT count(*) FROM dalp.start_many('count', array_fill('{\"n\": 0, \"to\": $rounds}'::jsonb, ARRAY[$count])); CALL bench.drain()"

