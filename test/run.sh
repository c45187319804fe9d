#!/bin/bash
#
# run.sh [--list]
#
# All tests, on a private copy of the server in a temporary folder: nothing is
# installed, no other cluster is touched, nothing is left running.  Ends with
# "N passed, N failed"; exits with 0 only if nothing failed and every suite
# that was asked for ran.  "make check" builds first, then calls this.
#
# SUITES   which suites, default all (run.sh --list names them)
# TESTS    which tests: names of files, with or without folder and suffix
# SANITIZE as for make, e.g. "undefined"
# DALP_TEST_USER   account of the servers when root runs this, default postgres
#
# What a failed test leaves to look at is in build/check/.
set -uo pipefail

cd "$(dirname "$0")/.."
repository=$PWD
. test/lib/server.sh
. test/lib/pure.sh

ALL_SUITES="rules contract unit regress isolation tap"
SUITES=${SUITES:-}
TESTS=${TESTS:-}
SANITIZE=${SANITIZE:-}
TEST_TIMEOUT=${TEST_TIMEOUT:-600}
limit=(timeout --kill-after=20 "$TEST_TIMEOUT")

if [ "${1:-}" = --list ]; then
	echo "$ALL_SUITES"
	exit 0
fi
for suite in $SUITES; do
	case " $ALL_SUITES " in
		*" $suite "*) ;;
		*) echo "there is no suite $suite; the suites are: $ALL_SUITES" >&2; exit 2 ;;
	esac
done

passed=0
failed=0
failures=()

# What to keep of failed tests, where the repository may be written.
kept=$repository/build/check
rm -rf "$kept" 2>/dev/null

work=$(server_folder) || exit 1
trap 'server_sweep "$work"' EXIT
trap 'exit 130' INT TERM HUP

#
# Counting
#

count_passed()
{
	passed=$((passed + $1))
}

# count_failed SUITE TEST WHY
count_failed()
{
	failed=$((failed + 1))
	failures+=("$1 $2: $3")
}

keep()
{
	mkdir -p "$kept/$1" 2>/dev/null && cp -r "${@:2}" "$kept/$1/" 2>/dev/null
}

# tests_of FILE...: prints those that TESTS asks for.
tests_of()
{
	local file name wanted
	for file in "$@"; do
		[ -e "$file" ] || continue
		if [ -z "$TESTS" ]; then
			echo "$file"
			continue
		fi
		name=$(basename "${file%.*}")
		for wanted in $TESTS; do
			if [ "$(basename "${wanted%.*}")" = "$name" ]; then
				echo "$file"
				break
			fi
		done
	done
}

# no_tests SUITE: an empty suite is a failure, unless TESTS asked for others.
no_tests()
{
	if [ -z "$TESTS" ]; then
		echo "$1: no tests found"
		count_failed "$1" suite "no tests found"
	fi
}

# run_tap SUITE NAME COMMAND...: runs a program that speaks the Test Anything
# Protocol, and counts its lines.  Crashes, missing plans and wrong counts fail.
# The command bounds its own time with "${limit[@]}".
run_tap()
{
	local suite=$1 name=$2 log="$work/log/$1-$(basename "$2").tap" status=0
	local good bad planned problem="" started=$SECONDS
	shift 2
	mkdir -p "$work/log"
	printf '%s %s ... ' "$suite" "$name"
	# In the background, because bash takes no signal while it waits in the foreground.
	"$@" > "$log" 2>&1 < /dev/null &
	wait $! || status=$?
	good=$(grep -c '^ok ' "$log")
	bad=$(grep -c '^not ok ' "$log")
	planned=$(sed -n 's/^1\.\.\([0-9]*\).*/\1/p' "$log" | tail -n 1)
	count_passed "$good"
	if [ $status -eq 124 ]; then
		problem="not finished after $TEST_TIMEOUT s"
	elif [ "$bad" -eq 0 ] && [ $status -ne 0 ]; then
		problem="ended with status $status"
	elif [ -z "$planned" ] || [ "$planned" -ne $((good + bad)) ]; then
		problem="ran $((good + bad)) of ${planned:-an unknown number of} tests"
	elif [ "$planned" -eq 0 ]; then
		problem="ran no test"
	fi
	while IFS= read -r line; do
		count_failed "$suite" "$name" "${line#not ok }"
	done < <(grep '^not ok ' "$log")
	if [ -n "$problem" ]; then
		count_failed "$suite" "$name" "$problem"
	fi
	if [ -n "$problem" ] || [ "$bad" -gt 0 ]; then
		printf 'FAILED: %d ok, %d not ok%s (%d s)\n' "$good" "$bad" "${problem:+, $problem}" $((SECONDS - started))
		grep -v '^ok ' "$log" | head -n 60 | sed 's/^/    /'
		keep "$suite" "$log"
		return 1
	fi
	printf '%d ok (%d s)\n' "$good" $((SECONDS - started))
}

#
# Surroundings: made for the first suite that needs them.
#

# The tree as the server's account sees it (a checkout below /root would be out of its reach).
prepare_tree()
{
	[ ! -d "$work/tree" ] || return 0
	mkdir "$work/tree" "$work/tmp"
	tar -cf - --exclude=./.git --exclude=./build --exclude=./test/node_modules . | tar -xf - -C "$work/tree" --no-same-owner
	# The packages of npm are many and large, and only read: linked where possible.
	if [ -d test/node_modules ]; then
		cp -rl test/node_modules "$work/packages" 2>/dev/null ||
			{ rm -rf "$work/packages"; cp -r test/node_modules "$work/packages"; }
		chmod 755 "$work/packages"
		ln -s "$work/packages" "$work/tree/test/node_modules"
	fi
	server_give "$work/tree"
	server_give "$work/tmp"
	export TMPDIR=$work/tmp
}

prepare_server()
{
	prepare_tree
	[ ! -d "$work/server" ] || return 0
	pgxs=$(dirname "$(dirname "$("$PG_CONFIG" --pgxs)")")
	mkdir "$work/server"
	if ! server_install "$work/server" "build/test${SANITIZE:+-$SANITIZE}/dalp.so"; then
		rm -rf "$work/server"
		return 1
	fi
	{
		cat test/postgresql.conf
		server_keys "$work/keys"
	} > "$work/regress.conf"
	chmod 644 "$work/regress.conf"
}

# in_tree COMMAND...: as the server's account, in the copy of the tree, with
# nothing of our environment that could point to another server.
in_tree()
{
	(
		cd "$work/tree" || exit 1
		as_server_account env -u PGHOST -u PGPORT -u PGDATA -u PGUSER -u PGDATABASE -u PGSERVICE -u PGOPTIONS \
			HOME="$work/tmp" TMPDIR="$work/tmp" LC_ALL=C.UTF-8 PATH="${SERVER_BIN:+$SERVER_BIN:}$PATH" \
			UBSAN_OPTIONS=print_stacktrace=1 "$@"
	)
}

#
# Suites
#

suite_rules()
{
	local script found=no
	for script in $(tests_of test/check_*.pl); do
		found=yes
		run_tap rules "$script" "${limit[@]}" "$script"
	done
	[ $found = yes ] || no_tests rules
}

suite_contract()
{
	if [ -n "$(tests_of test/contracts/build.js)" ]; then
		run_tap contract test/contracts/build.js "${limit[@]}" node test/contracts/build.js --check
	else
		no_tests contract
	fi
}

# Pure code needs no server: each file of test/unit is a program, linked with
# all of it, and run under AddressSanitizer and UndefinedBehaviorSanitizer; so
# is the model of the engine, test/model.
suite_unit()
{
	local files test name
	# What optimisation makes gcc suspect of formats and copies is off in the server's own flags too.
	local cc="gcc -O1 -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=undefined"
	cc="$cc -Wno-format-truncation -Wno-stringop-truncation"
	files=$(tests_of $(ls test/unit/*.c test/model/*.c 2>/dev/null | grep -v -e '/standalone\.c$' -e '/explore\.c$'))
	if [ -z "$files" ]; then
		no_tests unit
		return
	fi
	echo "unit: compiling $(pure_sources | wc -l) pure sources and $(echo $files | wc -w) tests"
	mkdir -p "$work/unit"
	if ! pure_compile "$work/unit" "$cc" $files > "$work/unit/compile.log" 2>&1; then
		head -n 60 "$work/unit/compile.log"
		keep unit "$work/unit/compile.log"
	fi
	for test in $(pure_sources) $files; do
		[ -f "$(pure_object "$work/unit" "$test")" ] || count_failed unit "$test" "does not compile"
	done
	for test in $files; do
		name=$(basename "$test" .c)
		[ -f "$(pure_object "$work/unit" "$test")" ] || continue
		if ! $cc -std=gnu11 -DDALP_STANDALONE -D_GNU_SOURCE -Isrc -g -o "$work/unit/$name" \
			"$(pure_object "$work/unit" "$test")" $(pure_links "$test") "$work/unit/pure.a" \
			-lsecp256k1 -lcrypto -lm > "$work/unit/link.log" 2>&1; then
			echo "unit $test ... FAILED: does not link"
			head -n 30 "$work/unit/link.log" | sed 's/^/    /'
			count_failed unit "$test" "does not link"
			continue
		fi
		# Data is found relative to the repository's root.  What the arena
		# holds at the end is no leak.
		ASAN_OPTIONS=detect_leaks=0 run_tap unit "$test" "${limit[@]}" "$work/unit/$name"
	done
}

# schedule SCHEDULE FILE...: prints a schedule for pg_regress: the lines
# of SCHEDULE, then every other file by itself, as far as TESTS asks for them.
schedule()
{
	local list=$1 file line name names selected
	shift
	selected=" $(for file in $(tests_of "$@"); do basename "${file%.*}"; done | tr '\n' ' ')"
	if [ -f "$list" ]; then
		while IFS= read -r line; do
			names=""
			for name in $line; do
				if [[ $selected == *" $name "* ]]; then
					names+=" $name"
					selected=${selected/ $name / }
				elif [ -z "$TESTS" ]; then
					names+=" $name"
				fi
			done
			[ -z "$names" ] || echo "test:$names"
		done < <(sed -n 's/^test://p' "$list")
	fi
	for name in $selected; do
		echo "test: $name"
	done
}

# run_pg_regress SUITE PROGRAM INPUT OUTPUT SCHEDULE DATABASE
run_pg_regress()
{
	local suite=$1 program=$2 input=$3 output=$4 list=$5 database=$6
	local expected good bad name status=0 log=$work/log/$1.log
	expected=$(sed 's/^test://' "$list" | wc -w)
	mkdir -p "$work/log"
	echo "$suite: $expected tests"
	in_tree mkdir -p "$output"
	# A test without expected output would end pg_regress: let it fail alone.
	for name in $(sed 's/^test://' "$list"); do
		compgen -G "$work/tree/$input/expected/$name.out" >/dev/null ||
			compgen -G "$work/tree/$input/expected/${name}_[0-9].out" >/dev/null ||
			in_tree touch "$input/expected/$name.out"
	done
	in_tree timeout --kill-after=20 $((TEST_TIMEOUT * 3)) "$program" --inputdir="$input" --outputdir="$output" --bindir="$SERVER_BIN" \
		--temp-instance="$work/tmp/$suite" --temp-config="$work/regress.conf" --dbname="$database" \
		--load-extension=dalp --schedule="$list" 2>&1 < /dev/null | tee "$log" &
	wait $! || status=$?
	# "test x ... ok", "     x ... FAILED" until 15; TAP with "ok 1 - x" since 16.
	good=$(grep -cE '\.\.\. +ok( |$)|^ok [0-9]+ ' "$log")
	bad=$(grep -cE '\.\.\. +(FAILED|failed)|^not ok [0-9]+ ' "$log")
	count_passed "$good"
	while read -r name; do
		count_failed "$suite" "$name" "output differs"
	done < <(sed -nE 's/^(test)? +([^ ]+) +\.\.\. +(FAILED|failed).*/\2/p; s/^not ok [0-9]+ +[-+] +([^ ]+).*/\1/p' "$log")
	if [ $((good + bad)) -lt "$expected" ]; then
		count_failed "$suite" suite "only $((good + bad)) of $expected tests ran"
		tail -n 30 "$work/tree/$output/log/initdb.log" "$work/tree/$output/log/postmaster.log" 2>/dev/null
	elif [ $status -ne 0 ] && [ "$bad" -eq 0 ]; then
		count_failed "$suite" suite "ended with status $status"
	fi
	if [ $status -ne 0 ]; then
		head -n 300 "$work/tree/$output/regression.diffs" 2>/dev/null
		keep "$suite" "$log" "$work/tree/$output"/{regression.diffs,log,results}
	fi
}

suite_regress()
{
	# The install script is built into the same folder.
	schedule test/regress_schedule $(ls sql/*.sql 2>/dev/null | grep -v '^sql/dalp--') > "$work/regress_schedule"
	if [ ! -s "$work/regress_schedule" ]; then
		no_tests regress
	elif ! prepare_server; then
		count_failed regress suite "no server to test with"
	else
		run_pg_regress regress "$pgxs/test/regress/pg_regress" . output_regress "$work/regress_schedule" contrib_regression
	fi
}

suite_isolation()
{
	schedule test/specs/isolation_schedule test/specs/*.spec > "$work/isolation_schedule"
	if [ ! -s "$work/isolation_schedule" ]; then
		no_tests isolation
	elif ! prepare_server; then
		count_failed isolation suite "no server to test with"
	else
		run_pg_regress isolation "$pgxs/test/isolation/pg_isolation_regress" test output_isolation "$work/isolation_schedule" isolation_regression
	fi
}

suite_tap()
{
	local files file name
	files=$(tests_of test/t/*.pl)
	if [ -z "$files" ]; then
		no_tests tap
		return
	fi
	if ! prepare_server; then
		count_failed tap suite "no server to test with"
		return
	fi
	for file in $files; do
		name=$(basename "$file" .pl)
		# TESTDIR serves PostgreSQL 15 and older, the other two 16 and newer.
		if ! run_tap tap "$file" in_tree env TESTDIR="$work/tree" TESTDATADIR="$work/tree/tmp_check" \
			TESTLOGDIR="$work/tree/tmp_check/log" PG_REGRESS="$pgxs/test/regress/pg_regress" \
			PERL5LIB="$pgxs/test/perl:$work/tree/test/lib" PG_CONFIG="$SERVER_BIN/pg_config" "${limit[@]}" perl "$file"; then
			keep tap "$work/tree/tmp_check/log"/*"$name"*
		fi
	done
}

for suite in ${SUITES:-$ALL_SUITES}; do
	"suite_$suite"
done

if [ ${#failures[@]} -gt 0 ]; then
	echo
	echo "Failed:"
	printf '  %s\n' "${failures[@]}"
	[ ! -d "$kept" ] || echo "Logs and differences are in build/check/."
fi
if [ $((passed + failed)) -eq 0 ]; then
	echo "nothing ran: no test matches TESTS=\"$TESTS\" in the suites ${SUITES:-$ALL_SUITES}"
	failed=1
fi
echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
