# fairness.sh
#		What 1,000 tenants notice of one that starts 100,000 runs at once.
#
# From dalp.start to the body of the first step, of tenants that start 100 runs
# a second together: alone, and while the flood's runs wait.

# fairness_p99: starts for some seconds; prints the 99th percentile, in milliseconds.
fairness_p99()
{
	query -c 'TRUNCATE bench.late' > /dev/null
	"$SERVER_BIN/pgbench" -n -M prepared -c 4 -j 1 -R 100 -T "$(scaled 10)" -f fairness.sql > fairness.log 2>&1 || { cat fairness.log >&2; return 1; }
	query -c "SELECT percentile_cont(0.99) WITHIN GROUP (ORDER BY ms) FROM bench.late"
}

query > /dev/null <<'SQL'
SELECT dalp.create_workflow('tenants', bench.machine(1, 'bench.note_late', 'bench.note_late'));
SELECT dalp.create_workflow('flood', bench.machine(1, 'bench.noop', 'bench.noop'));
SQL
cat > fairness.sql <<'SQL'
\set tenant random(1, 1000)
SELECT dalp.start('tenants', jsonb_build_object('at', clock_timestamp()), tags => jsonb_build_object('tenant', (:tenant)::text));
SQL
count=$(scaled 100000)
alone=() loaded=() ratios=()
fairness_p99 > /dev/null
for _ in $(seq "$repeats"); do
	alone+=("$(fairness_p99)")
	query -c "SELECT count(*) FROM dalp.start_many('flood', array_fill('{}'::jsonb, ARRAY[$count]), tags => '{\"tenant\": \"flood\"}')" > /dev/null
	loaded+=("$(fairness_p99)")
	left=$(query -c 'SELECT count(*) FROM dalp_workflow.ready')
	if [ "$left" -lt 100 ]; then
		echo "the flood was over before the measurement: its figure says nothing" >&2
	fi
	ratios+=("$(awk "BEGIN { print ${loaded[-1]} / ${alone[-1]} }")")
	query -c "CALL bench.drain()"
done
note 'start of 1,000 tenants, p99' ms "${alone[@]}"
note "the same while $count runs of another wait, p99" ms "${loaded[@]}"
ask='<= 2' note '  ratio' times "${ratios[@]}"
