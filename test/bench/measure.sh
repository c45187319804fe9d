# measure.sh
#		What the rows of make bench measure with.
#
# To be read by run.sh, in the repository's root, after test/lib/server.sh.
# A row finds a running server with the extension in database "bench", in the
# environment (PGHOST …), and uses
#
#   query ARGUMENTS             psql, unaligned, stops at the first error
#   note NAME UNIT VALUE...     keeps least, median and greatest; set ask=">= 10"
#                               in front of it where something is asked for
#   measured NAME UNIT COUNT SQL [PREPARATION]
#                               notes how often a second SQL does COUNT things,
#                               and what each costs; PREPARATION is not measured
#   clients NAME UNIT CLIENTS SECONDS FILE [FACTOR]
#                               pgbench: transactions a second, times FACTOR
#   scaled NUMBER               BENCH_SCALE percent of it
#   worker_ticks                clock ticks of CPU that dalp's processes have used
#   restart_with SETTING...     the same server with other settings

repeats=${BENCH_REPEATS:-3}
scale=${BENCH_SCALE:-100}
ticks=$(getconf CLK_TCK)
ask=

query()
{
	"$SERVER_BIN/psql" -XAtq -v ON_ERROR_STOP=1 "$@"
}

scaled()
{
	echo $((($1 * scale + 99) / 100))
}

# A server with all that rows share, stopped: each row gets a copy.
bench_make_cluster()
{
	server_install "$folder/server" "$home/dalp.so" || return 1
	local keys
	keys=$(server_keys "$folder/keys") || return 1
	cp -R test/bench "$folder/bench"
	server_give "$folder"
	cd "$folder" || return 1
	as_server_account "$SERVER_BIN/initdb" -D base -A trust --no-sync > initdb.log || return 1
	cat >> base/postgresql.conf <<CONF
shared_preload_libraries = 'dalp'
listen_addresses = ''
unix_socket_directories = '$folder'
max_worker_processes = 32
shared_buffers = 1GB
max_wal_size = 4GB
$keys
CONF
	export PGHOST=$folder PGUSER=postgres PGDATABASE=bench PGOPTIONS='-c client_min_messages=warning'
	[ "$(id -u)" -eq 0 ] || PGUSER=$(id -un)
	as_server_account "$SERVER_BIN/pg_ctl" -D base -l server.log -w start > /dev/null &&
		"$SERVER_BIN/createdb" bench &&
		query -c 'CREATE EXTENSION dalp' -f bench/schema.sql > /dev/null &&
		as_server_account "$SERVER_BIN/pg_ctl" -D base -w -m fast stop > /dev/null
}

bench_await_executor()
{
	local tries=0
	until [ "$(query -c "SELECT count(*) FROM dalp.workers WHERE kind = 'executor' AND state = 'running'" 2>/dev/null)" -ge 1 ] 2>/dev/null; do
		tries=$((tries + 1))
		if [ $tries -gt 300 ]; then
			echo "no executor is running: see build/bench/server.log" >&2
			cp server.log "$build/server.log"
			return 1
		fi
		sleep $POLL_INTERVAL
	done
}

bench_start_cluster()
{
	as_server_account cp -a base data &&
		as_server_account "$SERVER_BIN/pg_ctl" -D data -l row.log -w start > /dev/null &&
		bench_await_executor
}

bench_stop_cluster()
{
	as_server_account "$SERVER_BIN/pg_ctl" -D data -w -m immediate stop > /dev/null
	mv row.log "$build/$1.log"
	rm -rf data
}

restart_with()
{
	printf '%s\n' "$@" >> data/postgresql.conf
	as_server_account "$SERVER_BIN/pg_ctl" -D data -l row.log -w -m fast restart > /dev/null
	bench_await_executor
}

# What the disk does: an explanation of everything that waits for commits.
bench_calibrate()
{
	flush_us=$(as_server_account "$SERVER_BIN/pg_test_fsync" -s 1 -f "$folder/fsync" 2>/dev/null |
		awk '/^ *fdatasync/ && $4 == "ops/sec" { print $5; exit } /^ *fdatasync/ { for (i = 1; i <= NF; i++) if ($i == "usecs/op") { print $(i - 1); exit } }')
	printf '%d cores, load %s, a flush of the log (fdatasync) takes %s us\n' \
		"$(nproc)" "$(cut -d' ' -f1 /proc/loadavg)" "${flush_us:-unknown}"
}

worker_ticks()
{
	local total=0 pid stat
	for pid in $(query -c 'SELECT pid FROM dalp.workers WHERE pid IS NOT NULL'); do
		# The second field is the name in parentheses, which holds blanks: count from the end.
		stat=$(sed 's/.*) //' "/proc/$pid/stat")
		set -- $stat
		total=$((total + ${12} + ${13}))
	done
	echo "$total"
}

note()
{
	local name=$1 unit=$2 least median greatest
	shift 2
	read -r least median greatest <<< "$(printf '%s\n' "$@" | sort -g | awk '
		{ v[NR] = $1 } END { printf "%.6g %.6g %.6g", v[1], v[int((NR + 1) / 2)], v[NR] }')"
	printf '{"row": "%s", "name": "%s", "unit": "%s", "min": %s, "median": %s, "max": %s, "repeats": %d, "asked": "%s", "cores": %d, "flush_us": "%s"}\n' \
		"$row" "$name" "$unit" "$least" "$median" "$greatest" $# "$ask" "$(nproc)" "${flush_us:-}" >> "$results"
	tail -n 1 "$results" | bench_lines
}

measured()
{
	local name=$1 unit=$2 count=$3 sql=$4 preparation=${5:-SELECT 1}
	local seconds bytes commits before after asked=$ask
	local speeds=() wal=() cpu=() transactions=()
	for _ in $(seq "$repeats"); do
		query -c "$preparation" -c CHECKPOINT > /dev/null
		before=$(worker_ticks)
		read -r seconds bytes commits <<< "$(query -F' ' <<SQL
SELECT clock_timestamp() AS t0, pg_current_wal_lsn() AS w0 \gset
SELECT xact_commit AS c0 FROM pg_stat_database WHERE datname = current_database() \gset
\o /dev/null
$sql;
\o
SELECT clock_timestamp() AS t1, pg_current_wal_lsn() AS w1 \gset
SELECT pg_stat_force_next_flush() IS NULL AS flushed \gset
SELECT extract(epoch FROM :'t1'::timestamptz - :'t0'), pg_wal_lsn_diff(:'w1', :'w0'),
	xact_commit - :c0 FROM pg_stat_database WHERE datname = current_database();
SQL
)"
		after=$(worker_ticks)
		speeds+=("$(awk "BEGIN { print $count / $seconds }")")
		wal+=("$(awk "BEGIN { print $bytes / $count }")")
		transactions+=("$(awk "BEGIN { print $commits / $count }")")
		cpu+=("$(awk "BEGIN { print ($after - $before) * 1e6 / $ticks / $count }")")
	done
	ask=$asked note "$name" "$unit" "${speeds[@]}"
	ask= note "  WAL" "bytes each" "${wal[@]}"
	ask= note "  commits" "each" "${transactions[@]}"
	ask= note "  CPU of dalp's processes" "us each" "${cpu[@]}"
}

clients()
{
	local name=$1 unit=$2 number=$3 seconds=$4 file=$5 factor=${6:-1}
	local speeds=() speed
	for _ in $(seq "$repeats"); do
		speed=$("$SERVER_BIN/pgbench" -n -M prepared -c "$number" -j 2 -T "$seconds" -f "$file" 2>/dev/null |
			sed -n 's/^tps = \([0-9.]*\).*/\1/p')
		speeds+=("$(awk "BEGIN { print ${speed:-0} * $factor }")")
	done
	note "$name" "$unit" "${speeds[@]}"
}

# JSON lines as an array.
bench_json()
{
	echo '['
	sed '$!s/$/,/' "$1"
	echo ']'
}

# JSON lines from standard input as lines of the table.
bench_lines()
{
	sed 's/^{"row": "\(.*\)", "name": "\(.*\)", "unit": "\(.*\)", "min": \(.*\), "median": \(.*\), "max": \(.*\), "repeats": .*, "asked": "\(.*\)", "cores".*/\2|\3|\4|\5|\6|\7/' |
		awk -F'|' '{ printf "%-58s %-10s %11s %11s %11s  %s\n", $1, $2, $3, $4, $5, $6 }'
}

bench_table()
{
	printf '%-58s %-10s %11s %11s %11s  %s\n' what unit min median max asked
	bench_lines < "$1"
}
