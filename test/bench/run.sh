#!/bin/bash
#
# run.sh [--list]
#
# How fast this build is on this machine, clients included.  Each file of
# test/bench/rows/ is a row, or a few that belong together: it is read into a
# subshell with a fresh private server of its own (fsync on) and what
# measure.sh offers.  Nothing here passes or fails.
#
# Each figure is the median of repeats, with the least and the greatest; with
# them commits, WAL bytes and CPU microseconds of dalp's processes per step,
# which transfer to other machines better than the figures do.  The last
# column says what is asked for (doc/architecture.md), on two cores.
#
# BENCH_ROWS     which rows, by the names of their files; default all but peers
# BENCH_REPEATS  how often each is measured (3)
# BENCH_SCALE    percent of the usual size and duration, for a quick look (100)
#
# Writes a table, build/bench/ROW.json for each row and build/bench/all.json.
set -u

cd "$(dirname "$0")/../.."
home=$PWD
ALL_ROWS=$(for file in test/bench/rows/*.sh; do basename "$file" .sh; done)
if [ "${1:-}" = --list ]; then
	echo $ALL_ROWS
	exit 0
fi
for row in ${BENCH_ROWS:-}; do
	if [ ! -f "test/bench/rows/$row.sh" ]; then
		echo "there is no row $row; the rows are:" $ALL_ROWS >&2
		exit 2
	fi
done

. test/lib/server.sh
. test/bench/measure.sh

folder=$(server_folder) || exit 1
trap 'server_sweep "$folder"' EXIT
trap 'exit 130' INT TERM HUP

build=$home/build/bench
mkdir -p "$build"
results=$folder/results
: > "$folder/all"

bench_make_cluster || exit 1
bench_calibrate
for row in ${BENCH_ROWS:-$(echo "$ALL_ROWS" | grep -v '^peers$')}; do
	: > "$results"
	began=$SECONDS
	bench_start_cluster || exit 1
	# In the background: "set -e" means nothing in front of "||".
	(
		set -eu
		. "$home/test/bench/rows/$row.sh"
	) &
	wait $! || echo "row $row did not come to its end: its figures are missing (build/bench/$row.log)"
	bench_stop_cluster "$row"
	bench_json "$results" > "$build/$row.json"
	cat "$results" >> "$folder/all"
	printf '(row %s took %d s)\n' "$row" $((SECONDS - began))
done

bench_json "$folder/all" > "$build/all.json"
echo
bench_table "$folder/all"
echo "also in build/bench/all.json and build/bench/ROW.json"
