# server.sh
#		A private copy of the PostgreSQL server with this build of dalp in it.
#
# To be read with ". test/lib/server.sh" by the scripts of test/.  A server
# finds its libraries and extensions relative to where its program lies, so a
# folder with copies of the programs and links to all the rest is a server of
# its own: tests and demo need no right to install, meet no other build of
# dalp, and leave the system's server as it is.
#
# Works in sh and bash.  Needs PG_CONFIG (default pg_config).

PG_CONFIG=${PG_CONFIG:-pg_config}

# The account that servers run as: PostgreSQL refuses root.
SERVER_ACCOUNT=${DALP_TEST_USER:-postgres}

# Seconds between two looks at what is waited for.
POLL_INTERVAL=0.1

# as_server_account COMMAND...: runs it as that account, where we are root.
as_server_account()
{
	if [ "$(id -u)" -eq 0 ]; then
		setpriv --reuid="$SERVER_ACCOUNT" --regid="$(id -gn "$SERVER_ACCOUNT")" --init-groups "$@"
	else
		"$@"
	fi
}

# server_folder: makes a temporary folder that this account may use, and prints its name.
server_folder()
{
	if [ "$(id -u)" -eq 0 ] && ! id "$SERVER_ACCOUNT" >/dev/null 2>&1; then
		echo "there is no account $SERVER_ACCOUNT to run a server as: run make deps, or name another in DALP_TEST_USER" >&2
		return 1
	fi
	_folder=$(mktemp -d "${TMPDIR:-/tmp}/dalp.XXXXXX") || return 1
	if [ "$(id -u)" -eq 0 ]; then
		chown "$SERVER_ACCOUNT:" "$_folder"
	fi
	chmod 755 "$_folder"
	echo "$_folder"
}

# server_give PATH: hands over what root has laid below a server_folder.
server_give()
{
	if [ "$(id -u)" -eq 0 ]; then
		chown -R "$SERVER_ACCOUNT:" "$1"
	fi
}

# server_install FOLDER LIBRARY: lays the private server into FOLDER, with
# LIBRARY as its dalp; SERVER_BIN is then the folder of its programs.  To be
# called in the repository's root.
server_install()
{
	_bin=$("$PG_CONFIG" --bindir)
	_lib=$("$PG_CONFIG" --pkglibdir)
	_share=$("$PG_CONFIG" --sharedir)
	if [ ! -f "$2" ]; then
		echo "$2 is missing: build it with make first" >&2
		return 1
	fi
	mkdir -p "$1$_bin" "$1$_lib" "$1$_share/extension" || return 1
	cp -a "$_bin/." "$1$_bin/" || return 1
	ln -s "$_lib"/* "$1$_lib/" || return 1
	for _entry in "$_share"/*; do
		[ "$_entry" = "$_share/extension" ] || ln -s "$_entry" "$1$_share/" || return 1
	done
	ln -s "$_share"/extension/* "$1$_share/extension/" || return 1
	rm -f "$1$_lib/dalp.so" "$1$_share"/extension/dalp.control "$1$_share"/extension/dalp--*.sql
	cp "$2" "$1$_lib/dalp.so" || return 1
	cp dalp.control sql/dalp--*.sql "$1$_share/extension/" || return 1
	for _entry in sql/update/*.sql; do
		[ ! -f "$_entry" ] || cp "$_entry" "$1$_share/extension/" || return 1
	done
	SERVER_BIN=$1$_bin
}

# server_keys FOLDER: makes throw-away master keys in FOLDER, outside any data
# directory, and prints the settings that name them.
server_keys()
{
	mkdir -p "$1" || return 1
	for _key in sign verify; do
		(umask 077 && od -An -v -tx1 -N32 /dev/urandom | tr -d ' \n' > "$1/$_key.key") || return 1
		chmod 0400 "$1/$_key.key"
		echo "dalp.${_key}_key_file = '$1/$_key.key'"
	done
	server_give "$1"
}

# processes_below FOLDER: prints the ids of all processes that work in FOLDER or
# below it.  The folder is a fresh temporary one, so all of them are ours.
processes_below()
{
	find /proc/[0-9]*/cwd -maxdepth 0 -lname "$1/*" 2>/dev/null | cut -d / -f 3
}

# server_sweep FOLDER: ends what still works below FOLDER and removes it.
server_sweep()
{
	for _pidfile in $(find "$1" -name postmaster.pid 2>/dev/null); do
		kill -QUIT "$(head -n 1 "$_pidfile")" 2>/dev/null
	done
	_tries=0
	while _left=$(processes_below "$1"); [ -n "$_left" ] && [ $_tries -lt 50 ]; do
		if [ $_tries -eq 20 ]; then
			kill -KILL $_left 2>/dev/null
		elif [ $_tries -eq 5 ]; then
			kill -TERM $_left 2>/dev/null
		fi
		_tries=$((_tries + 1))
		sleep $POLL_INTERVAL
	done
	rm -rf "$1"
}
