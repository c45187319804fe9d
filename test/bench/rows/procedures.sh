# procedures.sh
#		Durable procedures: how fast their steps are, and does an executor grow over 20,000 of them?

query > /dev/null <<'SQL'
CREATE PROCEDURE bench.twenty(run dalp.run) LANGUAGE plpgsql AS $$
DECLARE
	result jsonb;
BEGIN
	FOR n IN 1 .. 20 LOOP
		CALL dalp.step('step', 'bench.noop', run.input, result);
	END LOOP;
END
$$;
CREATE PROCEDURE bench.twenty_at_once(run dalp.run) LANGUAGE plpgsql AS $$
BEGIN
	FOR n IN 1 .. 20 LOOP
		PERFORM dalp.step('step', 'bench.noop', run.input);
	END LOOP;
END
$$;
SELECT dalp.create_procedure_workflow('twenty', 'bench.twenty(dalp.run)'),
	dalp.create_procedure_workflow('twenty_at_once', 'bench.twenty_at_once(dalp.run)');
SQL

# Memory of the executors' own, in kB.
procedures_kb()
{
	local pid
	for pid in $(query -c "SELECT pid FROM dalp.workers WHERE kind = 'executor' AND pid IS NOT NULL"); do
		awk '/^RssAnon/ { print $2 }' "/proc/$pid/status"
	done | awk '{ total += $1 } END { print total }'
}

count=$(scaled 500)
procedures_run()
{
	echo "SELECT count(*) FROM dalp.start_many('$1', array_fill('{\"n\": 1}'::jsonb, ARRAY[$count])); CALL bench.drain()"
}

ask='>= 2000' measured "steps of procedures, a commit each" steps/s $((count * 20)) "$(procedures_run twenty)"
measured "steps of procedures, twenty a commit" steps/s $((count * 20)) "$(procedures_run twenty_at_once)"

# What was measured so far has filled the caches.
before=$(procedures_kb)
for _ in 1 2; do
	query <<< "$(procedures_run twenty);" > /dev/null
done
after=$(procedures_kb)
note "memory of the executors before more steps of procedures" kB "$before"
note "  after $((count * 40)) more" kB "$after"
ask='about 0' note "  growth by step" bytes "$(awk "BEGIN { print ($after - $before) * 1024 / ($count * 40) }")"
