#!/bin/bash
# make bench: how fast this build is on this machine, clients included.
#
# Each figure is the median of BENCH_REPEATS (3) repeats, with the least and
# the greatest, on a fresh private server with fsync on; with them commits, WAL
# bytes and CPU microseconds of the executors per step, which transfer to other
# machines better than the figures do. Writes a table and build/bench.json.
# Nothing here passes or fails.
set -eu
cd "$(dirname "$0")/../.."
. test/lib/server.sh

repeats=${BENCH_REPEATS:-3}
runs=${BENCH_RUNS:-10000}
folder=$(server_folder)
trap 'server_sweep "$folder"' EXIT
trap 'exit 1' INT TERM
server_install "$folder/server" "$PWD/dalp.so"
keys=$(server_keys "$folder/keys")
home=$PWD
cp -R test/bench "$folder/bench"
server_give "$folder"
cd "$folder"
as_server_account "$SERVER_BIN/initdb" -D data -A trust --no-sync > initdb.log
cat >> data/postgresql.conf <<CONF
shared_preload_libraries = 'dalp'
listen_addresses = ''
unix_socket_directories = '$folder'
max_worker_processes = 32
shared_buffers = 1GB
max_wal_size = 4GB
$keys
CONF
as_server_account "$SERVER_BIN/pg_ctl" -D data -l server.log -w start > /dev/null
export PGHOST=$folder PGUSER=postgres PGDATABASE=bench PGOPTIONS='-c client_min_messages=warning'
if [ "$(id -u)" -ne 0 ]; then
	PGUSER=$(id -un)
fi
"$SERVER_BIN/createdb" bench
query() { "$SERVER_BIN/psql" -XAtq -v ON_ERROR_STOP=1 "$@"; }
query -c 'CREATE EXTENSION dalp' -f bench/schema.sql > /dev/null
tries=0
until [ "$(query -c "SELECT count(*) FROM dalp.workers WHERE kind = 'executor' AND state = 'running'")" -ge 1 ]; do
	tries=$((tries + 1))
	if [ $tries -gt 100 ]; then
		echo "no executor is running: see $folder/server.log" >&2
		exit 1
	fi
	sleep $POLL_INTERVAL
done

# Clock ticks of CPU that the executors have used.
executor_ticks()
{
	total=0
	for pid in $(query -c "SELECT pid FROM dalp.workers WHERE kind = 'executor' AND pid IS NOT NULL"); do
		# The second field is the name in parentheses, which holds blanks: count from the end.
		stat=$(sed 's/.*) //' "/proc/$pid/stat")
		set -- $stat
		total=$((total + ${12} + ${13}))
	done
	echo "$total"
}

results=$folder/results
: > "$results"
# note NAME UNIT VALUE...: prints and keeps least, median and greatest.
note()
{
	name=$1 unit=$2
	shift 2
	read -r least median greatest <<< "$(printf '%s\n' "$@" | sort -g | awk '
		{ v[NR] = $1 } END { printf "%.6g %.6g %.6g", v[1], v[int((NR + 1) / 2)], v[NR] }')"
	printf '%-52s %-12s %12s %12s %12s\n' "$name" "$unit" "$least" "$median" "$greatest"
	printf '{"name": "%s", "unit": "%s", "min": %s, "median": %s, "max": %s}\n' \
		"$name" "$unit" "$least" "$median" "$greatest" >> "$results"
}

ticks=$(getconf CLK_TCK)
printf '%-52s %-12s %12s %12s %12s\n' "what ($(nproc) cores, load $(cut -d' ' -f1 /proc/loadavg))" unit min median max

speeds=() wal=() cpu=() commits=()
for _ in $(seq "$repeats"); do
	query -c CHECKPOINT
	before=$(executor_ticks)
	read -r seconds bytes transactions <<< "$(query -F' ' <<SQL
SELECT clock_timestamp() AS t0, pg_current_wal_lsn() AS w0 \gset
SELECT xact_commit AS c0 FROM pg_stat_database WHERE datname = current_database() \gset
SELECT count(*) AS n FROM dalp.start_many('ten', array_fill('{"n": 1}'::jsonb, ARRAY[$runs])) \gset
CALL bench.drain();
SELECT clock_timestamp() AS t1, pg_current_wal_lsn() AS w1 \gset
SELECT pg_stat_force_next_flush() IS NULL AS flushed \gset
SELECT extract(epoch FROM :'t1'::timestamptz - :'t0'), pg_wal_lsn_diff(:'w1', :'w0'),
	xact_commit - :c0 FROM pg_stat_database WHERE datname = current_database();
SQL
)" || true
	after=$(executor_ticks)
	steps=$((runs * 10))
	speeds+=("$(awk "BEGIN { print $steps / $seconds }")")
	wal+=("$(awk "BEGIN { print $bytes / $steps }")")
	commits+=("$(awk "BEGIN { print $transactions / $steps }")")
	cpu+=("$(awk "BEGIN { print ($after - $before) * 1e6 / $ticks / $steps }")")
done
note "no-op steps, $runs runs of 10 open" steps/s "${speeds[@]}"
note "  WAL" bytes/step "${wal[@]}"
note "  commits" commits/step "${commits[@]}"
note "  CPU of the executors" us/step "${cpu[@]}"

query -c "CALL bench.latency('ten', 300)" -c "CALL bench.latency('note', 500)" > /dev/null
note "one run of 10 steps, idle system, p50" ms "$(query -c "SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY ms) FROM bench.latency WHERE workflow = 'ten'")"
note "one run of 10 steps, idle system, p99" ms "$(query -c "SELECT percentile_cont(0.99) WITHIN GROUP (ORDER BY ms) FROM bench.latency WHERE workflow = 'ten'")"
for p in 0.5 0.99; do
	note "commit of start to body of the first step, p$(awk "BEGIN { print $p * 100 }")" us "$(query -c "SELECT percentile_cont($p) WITHIN GROUP (ORDER BY
		extract(epoch FROM b.at - s.committed_at) * 1e6) FROM bench.start s JOIN bench.body b USING (run)")"
done

echo "SELECT dalp.start('nap', '{\"s\": 3600}');" > start_one.sql
speeds=()
for _ in $(seq "$repeats"); do
	speeds+=("$("$SERVER_BIN/pgbench" -n -M prepared -c 8 -j 2 -T 5 -f start_one.sql 2>/dev/null | sed -n 's/^tps = \([0-9.]*\).*/\1/p')")
done
note "start, 8 clients, one by one" starts/s "${speeds[@]}"
speeds=()
for _ in $(seq "$repeats"); do
	speeds+=("$(query <<SQL
SELECT clock_timestamp() AS t0 \gset
SELECT count(*) AS n FROM dalp.start_many('nap', array_fill('{"s": 3600}'::jsonb, ARRAY[50000])) \gset
SELECT 50000 / extract(epoch FROM clock_timestamp() - :'t0'::timestamptz);
SQL
)")
done
note "start_many, one client" starts/s "${speeds[@]}"
. "$home/test/bench/evm.sh"

mkdir -p "$home/build"
{
	echo '['
	sed '$!s/$/,/' "$results"
	echo ']'
} > "$home/build/bench.json"
echo "also in build/bench.json"
