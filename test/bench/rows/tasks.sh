# tasks.sh
#		Workers outside the database: how many tasks they claim and complete.
#
# The workers are pgbench, on this machine.  Executors carry the results on at
# the same time; "end to end" waits for the last run to have ended.

# tasks_work SCRIPT CLIENTS TIMES TASKS: prints tasks a second, alone and end to end.
tasks_work()
{
	local began worked ended
	began=$(date +%s.%N)
	"$SERVER_BIN/pgbench" -n -M prepared -c "$2" -j 2 -t "$3" -D t='{}' -f "$1" > tasks.log 2>&1 || { cat tasks.log >&2; return 1; }
	worked=$(date +%s.%N)
	query -c "CALL bench.drain()"
	ended=$(date +%s.%N)
	awk "BEGIN { print $4 / ($worked - $began), $4 / ($ended - $began) }"
}

# tasks_measure NAME ASKED SCRIPT CLIENTS TIMES A_TIME MORE: notes both; each
# client claims A_TIME tasks TIMES times, and comes MORE times to complete the last.
tasks_measure()
{
	local tasks=$(($4 * $5 * $6)) speeds=() through=() speed end
	for _ in $(seq "$repeats"); do
		query -c "SELECT count(*) FROM dalp.start_many('task', array_fill('{\"n\": 1}'::jsonb, ARRAY[$tasks]))" \
			-c "CALL bench.tasks_open($tasks)" -c CHECKPOINT > /dev/null
		read -r speed end <<< "$(tasks_work "$3" "$4" $(($5 + $7)) "$tasks")"
		speeds+=("$speed")
		through+=("$end")
	done
	ask=$2 note "$1" tasks/s "${speeds[@]}"
	ask= note "  end to end" tasks/s "${through[@]}"
}

query > /dev/null <<'SQL'
SELECT dalp.create_workflow('task', '{"StartAt": "T", "States": {"T": {"Type": "Task", "Resource": "activity:bench", "End": true}}}');
CREATE PROCEDURE bench.tasks_open(wanted bigint) LANGUAGE plpgsql AS $$
BEGIN
	LOOP
		EXIT WHEN (SELECT count(*) FROM dalp_workflow.task) >= wanted;
		COMMIT;
		PERFORM pg_sleep(0.02);
	END LOOP;
END
$$;
SQL
cat > tasks_apart.sql <<'SQL'
SELECT task_token AS t FROM dalp.claim_tasks('bench', 'w') \gset
SELECT dalp.complete_task(:t, '1');
SQL
for number in 1 50; do
	echo "SELECT coalesce(array_agg(task_token), '{}') AS t FROM dalp.complete_and_claim(:t, NULL, 'bench', 'w', $number) \\gset" > tasks_$number.sql
done
tasks_measure "tasks, 8 workers, claim and complete in two commits" "" tasks_apart.sql 8 "$(scaled 1500)" 1 0
tasks_measure "tasks, 8 workers, one by one" ">= 8000" tasks_1.sql 8 "$(scaled 2500)" 1 1
tasks_measure "tasks, 4 workers, 50 at a time" ">= 50000" tasks_50.sql 4 "$(scaled 250)" 50 1
