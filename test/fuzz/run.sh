#!/bin/bash
#
# run.sh
#
# Fuzzes the parsers: each test/fuzz/*.c is a libFuzzer target over pure code,
# built with AddressSanitizer and UndefinedBehaviorSanitizer, and run for
# FUZZ_SECONDS (default 60; 0 = only once over its corpus) on what lies in
# test/fuzz/corpus/TARGET and what earlier runs found.
#
# TARGETS       which, default all
# Findings go to build/fuzz/findings/TARGET; run build/fuzz/TARGET FILE to
# see one again.  Ends with "N passed, N failed".
set -uo pipefail

cd "$(dirname "$0")/../.."
. test/lib/pure.sh

FUZZ_SECONDS=${FUZZ_SECONDS:-60}
folder=build/fuzz
passed=0
failed=0

targets=${TARGETS:-$(for file in test/fuzz/*.c; do [ -e "$file" ] && basename "$file" .c; done)}
files=$(for target in $targets; do echo "test/fuzz/$target.c"; done)
for file in $files; do
	[ -f "$file" ] || { echo "there is no target $file" >&2; exit 2; }
done

compiler="clang -O1 -fno-omit-frame-pointer -fsanitize=address,undefined,fuzzer-no-link -fno-sanitize-recover=undefined"
mkdir -p "$folder/objects"
if ! pure_compile "$folder/objects" "$compiler" $files; then
	echo "the fuzz targets do not compile" >&2
	echo "0 passed, 1 failed"
	exit 1
fi

for file in $files; do
	target=$(basename "$file" .c)
	corpus=$folder/corpus/$target
	findings=$folder/findings/$target
	mkdir -p "$corpus" "$findings"
	seeds=test/fuzz/corpus/$target
	[ -d "$seeds" ] || seeds=""
	if ! $compiler -fsanitize=fuzzer -DDALP_STANDALONE -D_GNU_SOURCE -Isrc -o "$folder/$target" \
		"$(pure_object "$folder/objects" "$file")" $(pure_links "$file") "$folder/objects/pure.a" -lsecp256k1 -lcrypto -lm; then
		failed=$((failed + 1))
		continue
	fi
	if [ "$FUZZ_SECONDS" -eq 0 ]; then
		options="-runs=0"
	else
		options="-max_total_time=$FUZZ_SECONDS -max_len=8192 -timeout=60 -rss_limit_mb=1024"
	fi
	echo "fuzz $target for $FUZZ_SECONDS s"
	if ASAN_OPTIONS=detect_leaks=0 timeout --kill-after=10 $((FUZZ_SECONDS + 120)) \
		"$folder/$target" $options -print_final_stats=0 -verbosity=1 -artifact_prefix="$findings/" \
		"$corpus" $seeds > "$folder/$target.log" 2>&1 < /dev/null; then
		tail -n 1 "$folder/$target.log"
		passed=$((passed + 1))
	else
		tail -n 40 "$folder/$target.log"
		echo "fuzz $target FAILED; the input is in $findings/"
		failed=$((failed + 1))
	fi
done
echo "$passed passed, $failed failed"
[ $failed -eq 0 ] && [ $passed -gt 0 ]
