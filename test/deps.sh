#!/bin/sh
#
# deps.sh [fuzz]
#
# Brings what building, testing and showing dalp needs and this machine lacks:
# Debian packages (as root) and the npm packages of package-lock.json (into
# test/node_modules).  Does nothing, quickly, where all is there.  Creates and
# starts no database cluster, and leaves existing ones alone.
#
# What is missing is found by looking for the thing itself, not for a package's
# name, so that a compiler, server or Node.js from elsewhere is as good.
set -eu

cd "$(dirname "$0")"
PG_CONFIG=${PG_CONFIG:-pg_config}
PG_MAJOR=15
NO_CLUSTER=/etc/postgresql-common/createcluster.d/dalp-dependencies.conf

say()
{
	printf 'deps: %s\n' "$*"
}

die()
{
	printf 'deps: %s\n' "$@" >&2
	exit 1
}

have()
{
	command -v "$1" >/dev/null 2>&1
}

have_header()
{
	have gcc && printf '#include <stdio.h>\n#include <%s>\n' "$1" | gcc -E -o /dev/null - 2>/dev/null
}

have_fuzzer()
{
	have clang || return 1
	probe=$(mktemp) || return 1
	echo 'int LLVMFuzzerTestOneInput(const char *d, unsigned long n); int LLVMFuzzerTestOneInput(const char *d, unsigned long n) { return d == 0 && n; }' |
		clang -x c -fsanitize=fuzzer,address,undefined -o "$probe" - 2>/dev/null && found=0 || found=1
	rm -f "$probe"
	return $found
}

# Prints the Debian packages of what is missing.
missing_packages()
{
	have gcc || echo gcc libc6-dev
	have make || echo make
	if ! have "$PG_CONFIG" || [ ! -x "$("$PG_CONFIG" --bindir)/initdb" ]; then
		echo postgresql-$PG_MAJOR postgresql-server-dev-$PG_MAJOR
	elif [ ! -f "$("$PG_CONFIG" --pgxs)" ]; then
		echo postgresql-server-dev-"$("$PG_CONFIG" --version | sed 's/[^0-9]*\([0-9]*\).*/\1/')"
	fi
	perl -MIPC::Run -e 1 2>/dev/null || echo libipc-run-perl
	have prove || echo perl
	have python3 || echo python3
	/usr/bin/python3 -c 'import psycopg' 2>/dev/null || echo python3-psycopg
	have_header secp256k1_recovery.h || echo libsecp256k1-dev
	have_header openssl/evp.h || echo libssl-dev
	have_header curl/curl.h || echo libcurl4-openssl-dev
	have_header microhttpd.h || echo libmicrohttpd-dev
	have_header cbor.h || echo libcbor-dev
	have node || echo nodejs
	have npm || echo npm
	if [ "${1:-}" = fuzz ]; then
		have_fuzzer || echo clang libclang-rt-14-dev
	fi
}

install_packages()
{
	say "installing Debian packages: $*"
	log=$(mktemp)
	# Debian creates and starts a cluster with a new server unless told not to.
	mkdir -p "$(dirname $NO_CLUSTER)"
	echo "create_main_cluster = false" > $NO_CLUSTER
	trap 'rm -f "$log" $NO_CLUSTER' EXIT
	trap 'exit 130' INT TERM
	export DEBIAN_FRONTEND=noninteractive
	apt="apt-get -q -y -o DPkg::Lock::Timeout=300"
	if ! { $apt update && $apt install --no-install-recommends "$@"; } > "$log" 2>&1 < /dev/null; then
		tail -n 20 "$log" >&2
		die "apt-get could not install: $*" \
			"Repair what it says above (often the network or the package sources), then run make deps again."
	fi
	rm -f "$log" $NO_CLUSTER
	trap - EXIT INT TERM
}

install_node_modules()
{
	# Several runs in one tree: the first one works, the others wait for it.
	if have flock && [ -z "${DEPS_LOCKED:-}" ] && [ -w . ]; then
		DEPS_LOCKED=1 flock package-lock.json ./deps.sh
		return
	fi
	if [ ! -w . ]; then
		die "test/node_modules is missing or old, and test/ is not writable: run make deps as the owner of this folder."
	fi
	say "installing npm packages (an EVM node, a Solidity compiler, EVM libraries, a PostgreSQL driver) into test/node_modules"
	if ! output=$(npm ci --no-audit --no-fund --loglevel=error 2>&1 < /dev/null); then
		printf '%s\n' "$output" | tail -n 20 >&2
		die "npm ci failed in test/. Repair what it says above (often the network), then run make deps again."
	fi
	cp package-lock.json node_modules/.installed-lock.json
}

node_modules_current()
{
	cmp -s package-lock.json node_modules/.installed-lock.json
}

packages=$(missing_packages "$@" | tr '\n' ' ')
if [ -n "$packages" ]; then
	have apt-get || die "missing here, by their Debian names: $packages" "Install them with this system's package manager, then run this again."
	[ "$(id -u)" -eq 0 ] || die "missing Debian packages: $packages" "Run make deps as root, or: apt-get install --no-install-recommends $packages"
	install_packages $packages
	packages=$(missing_packages "$@" | tr '\n' ' ')
	[ -z "$packages" ] || die "still not usable after their installation: $packages" "See whether PATH and PG_CONFIG ($PG_CONFIG) point to what was installed."
fi

if [ "$(node -p 'process.versions.node.split(".")[0]')" -lt 18 ]; then
	die "Node.js $(node --version) is too old: 18 or later is needed (Debian 12 has it in the package nodejs)."
fi

node_modules_current || install_node_modules
