# anvil.sh
#		A local EVM node for scripts: start, stop.
#
# To be read with ". test/lib/anvil.sh" after server.sh, in the repository's
# root.  One node a script; it runs as the server's account.

ANVIL_PACKAGES=${ANVIL_PACKAGES:-$PWD/test/node_modules/@foundry-rs}
ANVIL_PID=

# cast ARGUMENT...: the command line for EVM nodes that comes with anvil.
cast()
{
	"$ANVIL_PACKAGES/cast-linux-amd64/bin/cast" "$@"
}

# anvil_start FOLDER [OPTION...]: starts a node on a free port of 127.0.0.1 (or
# on that of --port) and waits until it answers.  Sets ANVIL_PID, ANVIL_PORT
# and ANVIL_URL; log and process id are in FOLDER.
anvil_start()
{
	_anvil_folder=$1
	shift
	case " $* " in
		*" --port "*) ;;
		*) set -- --port 0 "$@" ;;
	esac
	: > "$_anvil_folder/anvil.log"
	# The program is copied, because a checkout below /root is out of the account's reach.
	cp "$ANVIL_PACKAGES/anvil-linux-amd64/bin/anvil" "$_anvil_folder/anvil" || {
		echo "test/node_modules has no anvil: run make deps" >&2
		return 1
	}
	server_give "$_anvil_folder"
	as_server_account sh -c 'cd "$1" && echo $$ > anvil.pid && shift && HOME=$PWD exec ./anvil "$@"' \
		anvil "$_anvil_folder" --host 127.0.0.1 "$@" > "$_anvil_folder/anvil.log" 2>&1 < /dev/null &
	_anvil_tries=0
	until ANVIL_PORT=$(sed -n 's/^Listening on 127\.0\.0\.1:\([0-9]*\).*/\1/p' "$_anvil_folder/anvil.log") && [ -n "$ANVIL_PORT" ]; do
		_anvil_tries=$((_anvil_tries + 1))
		if [ $_anvil_tries -gt 300 ] || { [ $_anvil_tries -gt 20 ] && ! kill -0 "$(cat "$_anvil_folder/anvil.pid")" 2>/dev/null; }; then
			echo "anvil does not start:" >&2
			tail -n 20 "$_anvil_folder/anvil.log" >&2
			return 1
		fi
		sleep $POLL_INTERVAL
	done
	ANVIL_PID=$(cat "$_anvil_folder/anvil.pid")
	ANVIL_URL=http://127.0.0.1:$ANVIL_PORT
}

# anvil_stop: ends the node and waits until it is gone.
anvil_stop()
{
	[ -n "$ANVIL_PID" ] || return 0
	kill -TERM "$ANVIL_PID" 2>/dev/null
	_anvil_tries=0
	while kill -0 "$ANVIL_PID" 2>/dev/null; do
		_anvil_tries=$((_anvil_tries + 1))
		[ $_anvil_tries -ne 50 ] || kill -KILL "$ANVIL_PID" 2>/dev/null
		sleep $POLL_INTERVAL
	done
	ANVIL_PID=
}
