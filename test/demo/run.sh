#!/bin/bash
#
# run.sh [--stop FOLDER]
#
# The demo: a bond desk issues tokenised bonds by a workflow of seven steps,
# on a throw-away server and a local EVM node.  On the way the server is killed
# with kill -9 and started again; two issuances can't succeed as they stand,
# are repaired and redriven; at the end the chain itself is asked what happened.
# Nothing is installed and nothing is left running.  "make demo" builds first,
# then calls this.
#
# DEMO_RUNS     how many issuances (default 50, at least 5)
# DEMO_SEED     of the random moment of the kill (default: another one each time)
# DEMO_KEEP=1   leaves server and node running and says how to look around;
#               --stop FOLDER ends them later
# DEMO_LIBRARY  library to show (default: dalp.so, as make builds it)
# DALP_TEST_USER   account of the server when root runs this, default postgres
set -uo pipefail

cd "$(dirname "$0")/../.."
. test/lib/server.sh
. test/lib/anvil.sh

RUNS=${DEMO_RUNS:-50}
SEED=${DEMO_SEED:-$((RANDOM + 1))}
KEEP=${DEMO_KEEP:-}
LIBRARY=${DEMO_LIBRARY:-dalp.so}
WALLETS=5
# Seconds after which something is wrong, also on a busy machine.
PATIENCE=${DEMO_PATIENCE:-240}
unset PGHOST PGPORT PGDATA PGUSER PGDATABASE PGSERVICE PGOPTIONS

if [ "${1:-}" = --stop ]; then
	folder=$(realpath "${2:-}" 2>/dev/null)
	if [ ! -f "$folder/dalp-demo" ]; then
		echo "${2:-nothing} is no folder of a demo; the demo that was kept has said which one it is" >&2
		exit 2
	fi
	server_sweep "$folder"
	exit
fi
if ! [[ $RUNS =~ ^[0-9]+$ && $SEED =~ ^[0-9]+$ ]] || [ "$RUNS" -lt 5 ] || [ "$RUNS" -gt 500 ]; then
	echo "DEMO_RUNS is a number from 5 to 500, DEMO_SEED a number" >&2
	exit 2
fi

work=$(server_folder) || exit 1
work=$(realpath "$work")
killer=
trap finish EXIT
trap 'exit 130' INT TERM HUP

finish()
{
	local status=$?
	trap - EXIT
	[ -z "$killer" ] || kill "$killer" 2>/dev/null
	if [ $status -ne 0 ] && [ $status -ne 130 ]; then
		explain_failure
	fi
	if [ $status -eq 0 ] && [ -n "$KEEP" ]; then
		exit
	fi
	server_sweep "$work"
	exit $status
}

# What helps to find out why; the folder is swept afterwards.
explain_failure()
{
	echo
	echo "The demo has failed. The end of the server's log:"
	tail -n 25 "$work/server.log" 2>/dev/null | sed 's/^/    /'
	if as operator -c 'SELECT 1' >/dev/null 2>&1; then
		echo "Runs that have not succeeded, transactions, wallets:"
		as operator -c "SELECT count(*) || ' runs', status, state, error, left(max(cause), 200) FROM dalp.runs WHERE status <> 'SUCCEEDED' GROUP BY status, state, error" \
			-c "SELECT count(*) || ' transactions', state, error, left(max(cause), 200) FROM dalp.transactions GROUP BY state, error" \
			-c "SELECT name, chains FROM dalp.wallets" 2>&1 | sed 's/^/    /'
	fi
	echo "DEMO_SEED=$SEED make demo kills at the same moment again."
	echo "On a very slow machine give it more time: DEMO_PATIENCE=600 make demo."
}

die()
{
	printf '\n%s\n' "$@" >&2
	exit 1
}

#
# Showing
#

started_ms=$(date +%s%3N)

now_ms()
{
	date +%s%3N
}

headline()
{
	printf '\n[%4.1f s] %s\n' "$(seconds_since "$started_ms")" "$*"
}

say()
{
	printf '    %s\n' "$@"
}

# seconds_since MILLISECONDS
seconds_since()
{
	seconds $(($(now_ms) - $1))
}

# seconds MILLISECONDS: with two decimals.
seconds()
{
	printf '%d.%02d' $(($1 / 1000)) $(($1 % 1000 / 10))
}

#
# Talking to the server
#

# as ROLE ARGUMENT...: psql as that role; values alone, one row a line.
as()
{
	as_server_account "$SERVER_BIN/psql" -X -q -A -t -F '  ' -v ON_ERROR_STOP=1 -h "$work/socket" -U "$1" -d bonds "${@:2}"
}

# show ROLE SQL: prints the statement, then its result.
show()
{
	printf '    %s=> %s;\n' "$1" "$2"
	as_server_account "$SERVER_BIN/psql" -X -q -v ON_ERROR_STOP=1 -P footer=off -h "$work/socket" -U "$1" -d bonds -c "$2" |
		sed '/^$/d; s/^/    /'
}

start_server()
{
	if ! as_server_account "$SERVER_BIN/pg_ctl" -D "$work/data" -l "$work/server.log" -w -t 60 start >/dev/null 2>&1; then
		die "The server does not start. If its log below does not say why, see whether the disk is full or memory is short."
	fi
}

make_server()
{
	server_install "$work/server" "$LIBRARY" || die "The server could not be laid out: run make first, or make deps if PostgreSQL is missing."
	: > "$work/dalp-demo"
	mkdir -m 700 "$work/socket"
	server_give "$work/socket"
	if ! as_server_account "$SERVER_BIN/initdb" --no-sync -D "$work/data" -U postgres -A trust -E UTF8 --locale=C > "$work/initdb.log" 2>&1; then
		tail -n 5 "$work/initdb.log" >&2
		die "initdb failed: repair what it says above."
	fi
	# syncfs: one call for all files of the data directory after the crash, instead of one a file.
	{
		cat <<-SETTINGS
			shared_preload_libraries = 'dalp'
			listen_addresses = ''
			unix_socket_directories = '$work/socket'
			unix_socket_permissions = 0700
			max_worker_processes = 16
			recovery_init_sync_method = syncfs
			log_timezone = 'UTC'
			log_line_prefix = '%m [%p] %b '
			dalp.allow_private_endpoints = on
			dalp.poll_interval = 250ms
		SETTINGS
		server_keys "$work/keys"
	} | as_server_account tee -a "$work/data/postgresql.conf" >/dev/null
	# Made by the account that may write there; root may not follow links in it.
	as_server_account touch "$work/server.log" 2>/dev/null || { : > "$work/server.log"; server_give "$work/server.log"; }
	start_server
}

# Extension, application, chain and wallets, each by the role that may.
make_application()
{
	local contract address
	contract=$(python3 -c '
import json, sys
artifact = json.load(open("test/contracts/BondToken.json"))
print(artifact["bytecode"], json.dumps(artifact["abi"], separators=(",", ":")))')
	as_server_account "$SERVER_BIN/createdb" -h "$work/socket" -U postgres bonds &&
		as postgres -c 'CREATE EXTENSION dalp' &&
		as postgres -v runs="$RUNS" < test/demo/application.sql > "$work/application.log" &&
		as operator -c "SELECT dalp.create_chain('local', 31337, 'depth:1')" \
			-c "SELECT dalp.add_endpoint('local', '$ANVIL_URL')" > "$work/chain.log" &&
		as bond_desk -v bytecode="${contract%% *}" -v abi="${contract#* }" < test/demo/workflow.sql > "$work/workflow.log" ||
		die "The application could not be created: repair what is said above."
	as custodian -F , -c "SELECT 'issuer_' || n, dalp.create_wallet('issuer_' || n) FROM generate_series(1, $WALLETS) AS n" > "$work/wallets.csv" &&
		as custodian -c "SELECT dalp.grant_wallet('issuer_' || n, 'bond_desk') FROM generate_series(1, $WALLETS) AS n" > "$work/wallets.log" ||
		die "The wallets could not be made: repair what is said above."
	while IFS=, read -r _ address; do
		cast rpc --rpc-url "$ANVIL_URL" anvil_setBalance "$address" 0x56bc75e2d63100000 >/dev/null ||
			die "The wallet $address could not be given money on the EVM node."
	done < "$work/wallets.csv"
}

#
# Issuing
#

start_issuances()
{
	as bond_desk -c "SELECT count(*) FROM dalp.start_many('issue_bond',
		ARRAY(SELECT jsonb_build_object('issuance', issuance_id) FROM bonds.issuances ORDER BY issuance_id),
		ARRAY(SELECT 'issuance-' || issuance_id FROM bonds.issuances ORDER BY issuance_id))"
}

# The approver approves whatever waits for it; a repeated key is ignored.
approve()
{
	as approver -c "SELECT dalp.signal(run_id, 'approval', jsonb_build_object('approved_by', current_user), 'approval-' || run_id)
		FROM dalp.runs WHERE workflow = 'issue_bond' AND status = 'RUNNING' AND state = 'AwaitApproval'" >/dev/null 2>> "$work/approvals.log"
}

PROGRESS="SELECT concat_ws(' | ',
	'eligibility ' || count(*) FILTER (WHERE status = 'RUNNING' AND state = 'CheckEligibility'),
	'deploy ' || count(*) FILTER (WHERE status = 'RUNNING' AND state = 'DeployToken'),
	'configure ' || count(*) FILTER (WHERE status = 'RUNNING' AND state = 'ConfigureToken'),
	'approval ' || count(*) FILTER (WHERE status = 'RUNNING' AND state = 'AwaitApproval'),
	'mint ' || count(*) FILTER (WHERE status = 'RUNNING' AND state = 'Mint'),
	'books ' || count(*) FILTER (WHERE status = 'RUNNING' AND state IN ('RegisterInBooks', 'Notify')),
	'done ' || count(*) FILTER (WHERE status = 'SUCCEEDED'),
	'dead letter ' || count(*) FILTER (WHERE status = 'FAILED')),
	count(*) FILTER (WHERE status = 'RUNNING')
FROM dalp.runs"

# progress: prints where the runs stand, once a second; sets open_runs.
last_progress=0
progress()
{
	local line
	line=$(as operator -c "$PROGRESS" 2>/dev/null) || return
	open_runs=${line##*  }
	if [ $(($(now_ms) - last_progress)) -ge 1000 ] || [ "$open_runs" -eq 0 ]; then
		last_progress=$(now_ms)
		printf '    %5.1f s  %s\n' "$(seconds_since "$issuing_ms")" "${line%  *}"
	fi
}

# issue_until MILLISECONDS [FILE]: goes on with approvals until that moment, the last run's end, or FILE.
issue_until()
{
	open_runs=1
	while [ "$open_runs" -gt 0 ] && [ "$(now_ms)" -lt "$1" ] && [ ! -e "${2:-}" ]; do
		approve
		progress
		sleep $POLL_INTERVAL
	done
}

issue_to_the_end()
{
	issue_until $((started_ms + PATIENCE * 1000))
	[ "$open_runs" -eq 0 ] || die "Not all runs have ended after $PATIENCE s."
}

# kill_server_at MILLISECONDS: all its processes at once, as when the power
# fails: none may finish what it is at.  In the background, because nothing that
# the server makes us wait for may choose the moment.  Leaves the time and the
# process ids in the file "killed".
kill_server_at()
{
	local postmaster processes process line left
	read -r postmaster < "$work/data/postmaster.pid"
	left=$(($1 - $(now_ms)))
	# Waited for in the background, so that the end of the demo ends it too.
	trap 'kill $! 2>/dev/null; exit' TERM
	[ $left -le 0 ] || { sleep "$(seconds_exact $left)" & wait $!; }
	processes=$postmaster
	for process in /proc/[0-9]*; do
		if read -r line 2>/dev/null < "$process/stat" && [[ ${line##*) } =~ ^.\ $postmaster\  ]]; then
			processes+=" ${process#/proc/}"
		fi
	done
	kill -9 $processes
	echo "$(date -u '+%F %T.%3N+00'),$processes" > "$work/killed.new"
	mv "$work/killed.new" "$work/killed"
}

seconds_exact()
{
	printf '%d.%03d' $(($1 / 1000)) $(($1 % 1000))
}

#
# The demo
#

printf 'dalp demo: %d tokenised bonds, %d wallets, one kill -9\n' "$RUNS" "$WALLETS"

headline "Starting an EVM node (anvil, a block a second) and a throw-away PostgreSQL server"
mkdir "$work/anvil"
anvil_start "$work/anvil" --block-time 1 ||
	die "The EVM node does not start. Run make deps; if that says nothing, remove test/node_modules and run it again."
make_server
say "$("$SERVER_BIN/postgres" --version), chain $(cast chain-id --rpc-url "$ANVIL_URL")"

headline "Extension, application, workflow and wallets, each made by the role that may"
make_application
say "workflow issue_bond: $(as operator -c "SELECT string_agg(key, ', ' ORDER BY position(key IN 'CheckEligibility DeployToken ConfigureToken AwaitApproval Mint RegisterInBooks Notify')) FROM dalp.workflows, jsonb_each(definition->'States')")"

RANDOM=$SEED
kill_after=$((500 + RANDOM % 6000))
headline "Issuing $RUNS bonds at once; the server will be killed after $(seconds $kill_after) s (seed $SEED)"
issuing_ms=$(now_ms)
start_issuances >/dev/null || die "The runs could not be started."
kill_server_at $((issuing_ms + kill_after)) &
killer=$!
issue_until $((issuing_ms + PATIENCE * 1000)) "$work/killed"
wait $killer || die "The server could not be killed."
killer=
IFS=, read -r killed processes < "$work/killed"

headline "kill -9 of the server, $(echo $processes | wc -w) processes at once"
[ "$open_runs" -gt 0 ] || say "(All runs had ended before: this machine is very fast.)"
while kill -0 $processes 2>/dev/null; do
	sleep $POLL_INTERVAL
done
say "the chain goes on without it: block $(cast block-number --rpc-url "$ANVIL_URL")"
restarted_ms=$(now_ms)
start_server
headline "The server is up again after $(seconds_since "$restarted_ms") s of recovery"
again=$(start_issuances) || die "The runs could not be started a second time."
say "the application is in doubt and starts all $again issuances again, with the same keys: $(as operator -c 'SELECT count(*) FROM dalp.runs') runs exist"
issue_to_the_end

headline "Two issuances could not succeed: they are in the dead letter queue"
show operator "SELECT id, reference AS run, state, error, left(cause, 90) AS cause FROM dalp.dead_letters WHERE resolution IS NULL ORDER BY id"
[ "$(as operator -c "SELECT string_agg(state || ':' || error, ' ' ORDER BY state) FROM dalp.dead_letters WHERE resolution IS NULL")" = \
	'CheckEligibility:InvestorNotEligible Mint:Chain.Reverted' ] || die "These are not the dead letters that were expected."

headline "Repair: the investor is verified; the other issuance gets fewer units, which its cap allows"
letter_of()
{
	as operator -c "SELECT id FROM dalp.dead_letters WHERE resolution IS NULL AND state = '$1'"
}
eligibility=$(letter_of CheckEligibility)
mint=$(letter_of Mint)
show bond_desk "UPDATE bonds.investors SET verified_until = '2099-12-31' WHERE investor_id = 0"
show operator "SELECT dalp.redrive($eligibility, note => 'investor verified')"
show bond_desk "UPDATE bonds.issuances SET units = cap WHERE issuance_id = 2"
show operator "SELECT dalp.redrive($mint, patch => '{\"units\": 1000}', note => 'units within the cap')"
issue_to_the_end
[ "$(as operator -c "SELECT count(*) FROM dalp.runs WHERE status = 'SUCCEEDED'")" -eq "$RUNS" ] || die "Not all $RUNS runs have succeeded."
finished_ms=$(now_ms)

headline "Proof, read from the chain with cast, not from dalp"
as bond_desk -c "COPY (SELECT token, address, units, mint_hash FROM bonds.books JOIN bonds.investors USING (investor_id)) TO STDOUT (FORMAT csv)" > "$work/books.csv"
python3 test/demo/prove.py "$ANVIL_PACKAGES/cast-linux-amd64/bin/cast" "$ANVIL_URL" "$work/books.csv" "$work/wallets.csv" ||
	die "The chain disagrees. This is a bug in dalp: please report it with the seed $SEED."

headline "Report"
books=$(as bond_desk -c "SELECT count(*), count(DISTINCT issuance_id) FROM bonds.books")
notes=$(as bond_desk -c "SELECT count(*), count(DISTINCT issuance_id) FROM bonds.notifications")
[ "$books" = "$RUNS  $RUNS" ] && [ "$notes" = "$RUNS  $RUNS" ] || die "Books (entries, issuances: $books) or notifications ($notes) are not one an issuance."
accepting=$(grep 'database system is ready to accept connections' "$work/server.log" | tail -n 1 | cut -d ' ' -f 1-3)
say "runs           $(as operator -c "SELECT count(*) FILTER (WHERE status = 'SUCCEEDED') || ' succeeded of ' || count(*) || ', of which ' || count(*) FILTER (WHERE redrives > 0) || ' after a repair' FROM dalp.runs")" \
	"steps          $(as operator -c "SELECT count(*) FROM dalp.run_history WHERE event = 'succeeded'") done, each once" \
	"books          $RUNS entries, $RUNS notifications: one an issuance" \
	"transactions   $(as operator -c "SELECT count(*) FILTER (WHERE state = 'COMPLETED') || ' final of ' || count(*) FILTER (WHERE nonce IS NOT NULL) || ' sent; ' || count(*) FILTER (WHERE state <> 'COMPLETED') || ' refused before it got a nonce: ' || max(cause) FILTER (WHERE state <> 'COMPLETED') FROM dalp.transactions")" \
	"issuing took   $(seconds $((finished_ms - issuing_ms))) s, kill and repair included" \
	"the kill       at $killed interrupted:"
as operator -v killed="$killed" < test/demo/interrupted.sql | sed 's/^/           /'
say "first work     $(as operator -c "SELECT round(extract(epoch FROM min(at) - '$accepting') * 1000) FROM (
		SELECT min(created_at) AS at FROM dalp.transaction_attempts WHERE created_at > '$killed'
		UNION ALL SELECT min(at) FROM dalp.run_history WHERE event <> 'entered' AND at > '$killed') AS signed_or_stepped") ms after the server accepted connections again" \
	"first step     $(as operator -c "SELECT round(extract(epoch FROM min(at) - '$accepting') * 1000) FROM dalp.run_history WHERE event <> 'entered' AND at > '$killed'") ms; steps behind a transaction wait for its blocks, one a second"

if [ -n "$KEEP" ]; then
	headline "Everything is still running. Look around:"
	prefix=""
	[ "$(id -u)" -ne 0 ] || prefix="setpriv --reuid=$SERVER_ACCOUNT --regid=$(id -gn "$SERVER_ACCOUNT") --init-groups "
	say "$prefix$SERVER_BIN/psql -h $work/socket -U operator bonds" \
		"    SELECT run_id, status, state, redrives FROM dalp.runs;" \
		"    SELECT event, state, at, error FROM dalp.run_history WHERE run_id = 1;" \
		"    SELECT transaction_id, state, wallet, nonce, attempts, block_number FROM dalp.transactions;" \
		"    SELECT * FROM dalp.wallets;  SELECT * FROM dalp.workers;  SELECT * FROM dalp.dead_letters;" \
		"the same with -U bond_desk: SELECT * FROM bonds.books;" \
		"$ANVIL_PACKAGES/cast-linux-amd64/bin/cast block --rpc-url $ANVIL_URL" \
		"log: $work/server.log" \
		"" \
		"Stop and remove it: test/demo/run.sh --stop $work"
else
	headline "Done; server and node are gone. DEMO_KEEP=1 make demo leaves them running to look around."
fi
