# dalp: durable workflows and EVM transactions inside PostgreSQL.
#
#   make demo     a guided tour on a throw-away server and a local EVM node
#   make check    all tests; ends with "N passed, N failed"
#   make help     everything else
#
# Both bring their own dependencies (as root, on Debian 12) and leave nothing
# running.  Neither touches an existing cluster or the installed extension.

EXTENSION = dalp
EXTENSION_VERSION = 0.1.0

PG_CONFIG ?= pg_config
SHELL = /bin/sh

# ---- What is asked for ------------------------------------------------------

SCRIPTED = help deps demo check check-build installcheck torture fuzz bench contracts

# What to test, e.g. make check SUITES="regress tap" TESTS="sql/install.sql".
# SANITIZE=undefined builds library and unit tests with UBSan.
SUITES ?=
TESTS ?=
SANITIZE ?=
export PG_CONFIG SUITES TESTS SANITIZE

ifneq (,$(filter-out $(SCRIPTED),$(or $(MAKECMDGOALS),all)))

# ---- The extension, by PGXS ------------------------------------------------

ifeq (,$(shell command -v $(PG_CONFIG)))
$(error $(PG_CONFIG) not found: run "make deps" as root, or say where it is with PG_CONFIG=/path/to/pg_config)
endif

root := $(patsubst %/,%,$(dir $(firstword $(MAKEFILE_LIST))))

# One folder a kind of build, so that objects of two kinds never mix.
BUILD := build/$(if $(DALP_TEST),test,release)$(addprefix -,$(SANITIZE))
MODULE_big = $(if $(DALP_TEST)$(SANITIZE),$(BUILD)/)dalp

SOURCES := $(patsubst $(root)/%,%,$(wildcard $(root)/src/*.c $(root)/src/*/*.c))
OBJS = $(SOURCES:src/%.c=$(BUILD)/%.o)

PIECES := $(sort $(wildcard $(root)/sql/install/[0-9][0-9]_*.sql))
INSTALL_SCRIPT_SQL = sql/dalp--$(EXTENSION_VERSION).sql
DATA_built = $(INSTALL_SCRIPT_SQL)
DATA = $(patsubst $(root)/%,%,$(wildcard $(root)/sql/update/*.sql))

# The server's headers are system headers to us (-isystem), because under
# -Wextra they warn (unused parameters, signs, missing initializers) and we
# want those warnings for our own code.
PG_CPPFLAGS = -I$(root)/src -I$(BUILD) -isystem $(shell $(PG_CONFIG) --includedir-server) -D_GNU_SOURCE \
	-DPGDLLEXPORT='__attribute__((visibility("default")))'
# Declarations after statements are C99; the server's own flags forbid them.
# Fields that an initializer leaves out are zero, and meant to be: a statement's
# plan, the end of a table.
PG_CFLAGS = -std=gnu11 -fvisibility=hidden -Wall -Wextra -Werror \
	-Wno-declaration-after-statement -Wno-missing-field-initializers
SHLIB_LINK = -lsecp256k1 -lcrypto -lcurl -lmicrohttpd -lcbor

ifdef DALP_TEST
PG_CPPFLAGS += -DDALP_TEST
endif
ifdef SANITIZE
PG_CFLAGS += -fsanitize=$(SANITIZE) -fno-sanitize-recover=$(SANITIZE) -fno-omit-frame-pointer
SHLIB_LINK += -fsanitize=$(SANITIZE)
endif

NO_INSTALLCHECK = 1
EXTRA_CLEAN = build
# JIT bitcode of a library that waits for disks and networks is worth nothing.
override with_llvm = no

PGXS := $(shell $(PG_CONFIG) --pgxs)
ifeq (,$(wildcard $(PGXS)))
$(error $(PG_CONFIG) belongs to a server without its development files: run "make deps" as root, or install postgresql-server-dev of that version)
endif
include $(PGXS)

# Condition names by SQLSTATE, from the server's own list: what ErrorEquals may name.
CONDITION_NAMES = $(BUILD)/condition_names.inc
ERRCODES := $(wildcard $(shell $(PG_CONFIG) --sharedir)/errcodes.txt)
ifeq (,$(ERRCODES))
$(error no errcodes.txt in $(shell $(PG_CONFIG) --sharedir): run "make deps" as root, or install the server of $(PG_CONFIG))
endif
$(CONDITION_NAMES): $(ERRCODES)
	@mkdir -p $(@D)
	awk '$$1 ~ /^[0-9A-Z]....$$/ && $$2 == "E" && NF == 4 { \
		printf "{MAKE_SQLSTATE("; \
		for (i = 1; i <= 5; i++) printf("%s\047%s\047", (i > 1) ? "," : "", substr($$1, i, 1)); \
		printf "), \"%s\"},\n", $$4 }' \
		$< > $@.new && mv $@.new $@
$(BUILD)/workflow/error_report.o: $(CONDITION_NAMES)

# Objects depend on the headers that they include, and on how they are compiled;
# library and script on which pieces there are, so that a removed one is noticed.
$(OBJS): $(BUILD)/%.o: src/%.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(if $(V),,@echo 'CC $<'; )$(CC) $(CFLAGS) $(CPPFLAGS) -MMD -MP -c -o $@ $<
-include $(OBJS:.o=.d)

# Writes $(1) to the target, only if that changes it.
remember = @mkdir -p $(@D); text='$(subst ','\'',$(1))'; \
	printf '%s\n' "$$text" | cmp -s - $@ || printf '%s\n' "$$text" > $@

$(BUILD)/flags: force
	$(call remember,$(CC) $(CFLAGS) $(CPPFLAGS) $(LDFLAGS) $(SHLIB_LINK) $(VERSION))

$(BUILD)/pieces: force
	$(call remember,$(SOURCES) $(PIECES))

$(shlib): $(BUILD)/pieces

$(INSTALL_SCRIPT_SQL): $(PIECES) $(BUILD)/pieces
	@mkdir -p $(@D)
	cat $(PIECES) > $@.new && mv $@.new $@

installdirs installdirs-lib: writable
.PHONY: force writable
writable:
ifneq (,$(DALP_TEST)$(SANITIZE))
	@echo 'A test build is not for installing; test/lib/server.sh makes a private server with it.' >&2; exit 1
endif
	@for d in '$(DESTDIR)$(pkglibdir)' '$(DESTDIR)$(datadir)'; do \
		if [ -d "$$d" ] && [ ! -w "$$d" ]; then \
			echo "$$d is not writable: run make install as root, or use DESTDIR=folder, or make demo and make check, which need no installation" >&2; exit 1; \
		fi; \
	done

else

# ---- What scripts do; needs no PostgreSQL to be there yet -------------------

# As many jobs as there are processors, unless the caller has said how many.
build = $(MAKE) --no-print-directory $(if $(findstring jobserver,$(MAKEFLAGS)),,-j$$(nproc))

.PHONY: $(SCRIPTED)

help:
	@echo 'make [all]      build the extension (V=1 shows the compiler'\''s options)'
	@echo 'make install    install it into the server of PG_CONFIG ($(PG_CONFIG))'
	@echo 'make deps       install the packages needed to build, test and show it (as root)'
	@echo 'make demo       issue bonds on a throw-away server and a local EVM node, kill it on the way, prove the result'
	@echo 'make check      all tests: SUITES="$$(test/run.sh --list)", TESTS="files", SANITIZE=undefined'
	@echo 'make torture    kill workers and server for a while, then count'
	@echo 'make fuzz       fuzz the parsers: FUZZ_SECONDS=60 for each, TARGETS="names"'
	@echo 'make bench      measure speed: BENCH_ROWS="$$(test/bench/run.sh --list)", BENCH_REPEATS=3'
	@echo 'make contracts  compile the token contract again (test/contracts)'
	@echo 'make clean      remove what was built'

deps:
	@test/deps.sh

demo:
	@test/deps.sh
	+@$(build) all
	@test/demo/run.sh

# The test build has stop points and a settable clock.  It is never installed:
# the tests run on a private copy of the server (test/lib/server.sh).
check installcheck: check-build
	@test/run.sh

check-build:
	@test/deps.sh
	+@$(build) DALP_TEST=1 all

torture:
	@test/deps.sh
	+@$(build) DALP_TEST=1 all
	@test/torture/run.sh

bench:
	@test/deps.sh
	+@$(build) all
	@test/bench/run.sh

fuzz:
	@test/deps.sh fuzz
	@test/fuzz/run.sh

contracts:
	@test/deps.sh
	@node test/contracts/build.js

endif
