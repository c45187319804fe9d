#!/bin/bash
#
# Kills workers and the server while workflows run, stops them, shuts the server
# down at once, for longer than make check does, then counts what the steps have
# done.  Called by "make torture".
#
# TORTURE_SECONDS  how long at most, for each of workflows and durable procedures (default 120)
# TORTURE_KILLS    ends after so many faults (default: no limit but the time)
# TORTURE_SEED     repeats the choices of an earlier run; printed by each run
set -u

cd "$(dirname "$0")/../.."
export TORTURE_SECONDS=${TORTURE_SECONDS:-120}
export TORTURE_SEED=${TORTURE_SEED:-$RANDOM}
export TEST_TIMEOUT=${TEST_TIMEOUT:-$((TORTURE_SECONDS * 3 + 300))}

case "$TORTURE_SECONDS$TORTURE_SEED" in
	*[!0-9]*) echo "TORTURE_SECONDS and TORTURE_SEED must be numbers" >&2; exit 2 ;;
esac
echo "TORTURE_SECONDS=$TORTURE_SECONDS TORTURE_SEED=$TORTURE_SEED"
SUITES=tap TESTS="021_kill_storm 021_procedure_storm" exec test/run.sh
