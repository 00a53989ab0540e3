# kith. `make help` lists the targets. Everything that is built goes into $(BUILD); V=1 shows the commands.

VERSION := 0.2.0
BUILD ?= build
PREFIX ?= /usr/local
SYSCONFDIR ?= /etc
UNITDIR ?= $(PREFIX)/lib/systemd/system

CFLAGS ?= -O2 -g
WARNINGS := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wconversion
ifdef CI
WARNINGS += -Werror
endif
ASAN_CFLAGS := -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
TSAN_CFLAGS := -O1 -g -fsanitize=thread
# Files beyond 2 GB where a long has 32 bits. Elsewhere this would only give open() and others names of their own, which
# the seam of tests/fault does not know.
LARGE_FILES := $(shell echo __SIZEOF_LONG__ | $(CC) -E -P -x c - 2>/dev/null | grep -qx 4 && echo -D_FILE_OFFSET_BITS=64)
KITH_CPPFLAGS := -Iinclude -Itests -D_GNU_SOURCE $(LARGE_FILES) -DKITH_VERSION='"$(VERSION)"' -DKITH_SYSCONFDIR='"$(SYSCONFDIR)"' \
	$(CPPFLAGS)
# What makes a flaw harder to use. These stand apart from CFLAGS, so that other CFLAGS don't lose them; _FORTIFY_SOURCE
# needs an optimiser, and would hide calls from the sanitizers. tests/system/test_binary.c looks at what came of it.
FORTIFY := $(if $(filter-out -O0,$(filter -O%,$(CFLAGS))),$(if $(findstring -fsanitize,$(CFLAGS)),,yes))
HARDENING ?= -fPIE -fstack-protector-strong -fstack-clash-protection \
	$(if $(FORTIFY),-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3)
HARDENED_LINK ?= -pie -Wl,-z,relro,-z,now,-z,noexecstack
KITH_CFLAGS := -std=c11 $(WARNINGS) $(HARDENING) $(CFLAGS) -pthread
KITH_LDFLAGS := $(HARDENED_LINK) $(LDFLAGS)
# Of libsodium few functions are used: linked as a whole it would be 0.3 MB of a node's memory.
# GnuTLS is loaded by src/link/tls_library.c when it is needed, and libmicrohttpd by src/kith/web_server.c; tests speak
# with GnuTLS directly.
LIBS := -ljson-c -luuid -lconfig -lcares -l:libsodium.a
KITH_LIBS := -lsmartcols -lncursesw -ltinfo -ljson-c -luuid -lm

SOURCES := $(wildcard src/*/*.c)
OBJECTS := $(SOURCES:%.c=$(BUILD)/%.o)
# The program kith is src/kith/; what it uses of the other folders it takes from the library, as kithd does.
KITH_OBJECTS := $(filter $(BUILD)/src/kith/%,$(OBJECTS))
LIBRARY_OBJECTS := $(filter-out $(BUILD)/src/face/main.o $(KITH_OBJECTS),$(OBJECTS))
UNIT_OBJECTS := $(patsubst %.c,$(BUILD)/%.o,$(wildcard tests/unit/*.c tests/unit/*/*.c tests/*.c))
SYSTEM_OBJECTS := $(patsubst %.c,$(BUILD)/%.o,$(wildcard tests/system/*.c tests/*.c))
LOAD_OBJECTS := $(patsubst %.c,$(BUILD)/%.o,$(wildcard tests/bench/*.c))
PROBE_OBJECTS := $(patsubst %.c,$(BUILD)/%.o,$(wildcard tests/bench/probes/*.c))
SIM_OBJECTS := $(patsubst %.c,$(BUILD)/%.o,$(wildcard tests/sim/*.c))
FUZZ_OBJECTS := $(patsubst %.c,$(BUILD)/%.o,$(wildcard tests/fuzz/*.c))
FUZZ_TARGETS := frame message report settings address address_book conversation tls control cursor mesh
FUZZ_PROGRAMS := $(FUZZ_TARGETS:%=$(BUILD)/tests/fuzz/%)
FUZZ_SECONDS ?= 60
SIM_WRAPS := outbox_put outbox_close outbox_call_pinger
FAULT_OBJECTS := $(patsubst %.c,$(BUILD)/%.o,$(filter-out tests/fault/seam.c,$(wildcard tests/fault/*.c)) \
	tests/system/asker.c tests/system/harness.c tests/system/kith.c tests/system/kithd.c tests/system/raw.c tests/system/secure.c $(wildcard tests/*.c))
SEAM_OBJECT := $(BUILD)/tests/fault/seam.o
SEAM_WRAPS := malloc calloc realloc strdup strndup json_tokener_new_ex json_object_new_object json_object_new_string \
	json_object_new_int json_object_new_int64 json_object_new_boolean json_object_object_add \
	json_object_to_json_string_length ares_library_init ares_init ares_init_options pthread_create socket connect bind listen accept4 \
	recv send setsockopt getsockopt getsockname fcntl poll ppoll pipe2 open openat fopen read fread ferror write fsync \
	renameat unlinkat mkdir flock faccessat fstat stat getrandom mmap mlock dlopen
BENCH_PROGRAMS := $(BUILD)/tests/bench/load $(BUILD)/tests/bench/probe $(BUILD)/tests/system/system
TEST_PROGRAMS := $(BUILD)/kithd $(BUILD)/kith $(BUILD)/tests/unit/unit $(BUILD)/tests/system/system
FAULT_PROGRAMS := $(BUILD)/tests/fault/kithd $(BUILD)/tests/fault/fault
SCRIPTS := $(wildcard tests/*.sh tests/*/*.sh conf/examples/*.sh) .ci/run conf/debian/tests/service conf/debian/kithd.postrm

# What builds and tests kith on Debian, and what `make lint`, `make check-valgrind`, `make sim`, `make soak`,
# `make chaos` and `make fuzz` need besides.
PACKAGES := gcc libc6-dev make libjson-c-dev uuid-dev libconfig-dev uthash-dev libc-ares-dev libsodium-dev \
	libgnutls28-dev libsmartcols-dev libncurses-dev libmicrohttpd-dev libcunit1-dev openssl python3-twisted iproute2 netcat-openbsd
DEV_PACKAGES := $(PACKAGES) clang libclang-rt-14-dev clang-tidy cppcheck mandoc valgrind shellcheck gnuplot-nox nftables faketime prometheus

# What `make deb` and `make check-packages` need besides.
DEB_PACKAGES := $(PACKAGES) dpkg-dev debhelper lintian mmdebstrap systemd-container

CROSS ?= arm64 armhf s390x
CROSS_PACKAGES := mmdebstrap musl-tools qemu-user gcc-aarch64-linux-gnu gcc-arm-linux-gnueabihf gcc-s390x-linux-gnu

ifdef V
say = @:
quiet =
else
say = @echo
quiet = @
endif

.PHONY: all help deps deps-dev deps-deb deps-cross run demo check check-unit check-system check-tls check-interop check-versions check-cross check-musl objects check-asan check-tsan sanitized \
	check-valgrind check-fault check-packages check-web bench bench-smoke sim sim-smoke chaos chaos-smoke fault soak fuzz fuzz-programs lint tidy cppcheck \
	floors tests install uninstall dist deb clean
.DELETE_ON_ERROR:

##@ Build
all: $(BUILD)/kithd $(BUILD)/kith ## build kithd and kith

help: ## list the targets
	@awk -F':.*## ' '/^##@ / {print "\n" substr($$0, 5)} /^[a-z-]+:.*## / {printf "  make %-15s %s\n", $$1, $$2}' \
		$(firstword $(MAKEFILE_LIST))

# install_packages LIST: installs those that are missing, through sudo where the user isn't root.
define install_packages
@missing=; for package in $(1); do \
	dpkg-query -W -f '$${Status}' $$package 2>/dev/null | grep -q 'ok installed' || missing="$$missing $$package"; \
done; \
if [ -n "$$missing" ]; then \
	echo "installing$$missing"; \
	if [ "$$(id -u)" = 0 ]; then as_root=env; else as_root=sudo; fi; \
	$$as_root apt-get -q update && \
	$$as_root env DEBIAN_FRONTEND=noninteractive apt-get -q install -y --no-install-recommends $$missing; \
fi
endef

deps: ## install what building and testing needs (Debian)
	$(call install_packages,$(PACKAGES))

deps-cross: | $(filter deps deps-dev deps-deb,$(MAKECMDGOALS))
deps-cross: ## install compilers for other processors, and qemu (Debian)
	$(call install_packages,$(CROSS_PACKAGES))

deps-dev: ## install what lint, valgrind, sim, soak, chaos and fuzz need too (Debian)
	$(call install_packages,$(DEV_PACKAGES))

# One apt-get after the other.
deps-deb: | $(filter deps deps-dev,$(MAKECMDGOALS))
deps-deb: ## install what building and testing the packages of Debian needs
	$(call install_packages,$(DEB_PACKAGES))

# `make deps check` installs before it compiles, with -j too.
$(OBJECTS) $(UNIT_OBJECTS) $(SYSTEM_OBJECTS) $(LOAD_OBJECTS) $(PROBE_OBJECTS) $(SIM_OBJECTS) $(FAULT_OBJECTS) $(SEAM_OBJECT) $(FUZZ_OBJECTS) check-system check-tls check-interop check-versions check-cross check demo bench bench-smoke chaos chaos-smoke soak dist deb check-packages: | $(filter deps deps-dev deps-deb deps-cross,$(MAKECMDGOALS))

$(BUILD)/kithd: $(BUILD)/src/face/main.o $(BUILD)/libkith.a
	$(say) "  LD    $@"
	$(quiet)$(CC) $(KITH_CFLAGS) $(KITH_LDFLAGS) -o $@ $^ $(LIBS)

$(BUILD)/kith: $(KITH_OBJECTS) $(BUILD)/libkith.a
	$(say) "  LD    $@"
	$(quiet)$(CC) $(KITH_CFLAGS) $(KITH_LDFLAGS) -o $@ $^ $(KITH_LIBS)

$(BUILD)/libkith.a: $(LIBRARY_OBJECTS)
	$(say) "  AR    $@"
	$(quiet)rm -f $@
	$(quiet)$(AR) rcs $@ $^

# kithd knows where its configuration is, so another SYSCONFDIR compiles that again.
$(BUILD)/sysconfdir: force
	@mkdir -p $(@D)
	@test "$$(cat $@ 2>/dev/null)" = '$(SYSCONFDIR)' || echo '$(SYSCONFDIR)' >$@
.PHONY: force
$(BUILD)/src/face/arguments.o: $(BUILD)/sysconfdir

# The commit that the programs name: what `git archive` has written into conf/commit, or what git says of this folder.
# Another commit compiles one file again.
COMMIT_OF_GIT := test -e .git && git describe --always --exclude='*' --abbrev=12 --dirty=+changes 2>/dev/null
$(BUILD)/commit: force
	@mkdir -p $(@D)
	@commit=$$(grep -Exo '[0-9a-f]{40}' conf/commit | cut -c 1-12); \
	commit=$${commit:-$$($(COMMIT_OF_GIT) || echo unknown)}; \
	test "$$(cat $@ 2>/dev/null)" = "$$commit" || echo "$$commit" >$@
$(BUILD)/src/base/version.o: $(BUILD)/commit
$(BUILD)/src/base/version.o: OWN_CPPFLAGS = -DKITH_COMMIT='"$(shell cat $(BUILD)/commit)"'

$(BUILD)/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(say) "  CC    $<"
	$(quiet)$(CC) $(KITH_CPPFLAGS) $(OWN_CPPFLAGS) $(KITH_CFLAGS) -MMD -MP -c -o $@ $<

$(BUILD)/tests/unit/unit: $(UNIT_OBJECTS) $(filter-out %/main.o,$(KITH_OBJECTS)) $(BUILD)/libkith.a
	$(say) "  LD    $@"
	$(quiet)$(CC) $(KITH_CFLAGS) $(KITH_LDFLAGS) -o $@ $^ -lcunit -lgnutls $(KITH_LIBS) $(LIBS)

$(BUILD)/tests/system/system: $(SYSTEM_OBJECTS) $(BUILD)/libkith.a
	$(say) "  LD    $@"
	$(quiet)$(CC) $(KITH_CFLAGS) $(KITH_LDFLAGS) -o $@ $^ -lcunit -lgnutls $(LIBS)

$(BUILD)/tests/bench/load: $(LOAD_OBJECTS)
	$(say) "  LD    $@"
	$(quiet)$(CC) $(KITH_CFLAGS) $(KITH_LDFLAGS) -o $@ $^ -lgnutls

$(BUILD)/tests/bench/probe: $(PROBE_OBJECTS)
	$(say) "  LD    $@"
	$(quiet)$(CC) $(KITH_CFLAGS) $(KITH_LDFLAGS) -o $@ $^ -ljson-c -lgnutls

$(BUILD)/tests/sim/sim: $(SIM_OBJECTS) $(BUILD)/libkith.a
	$(say) "  LD    $@"
	$(quiet)$(CC) $(KITH_CFLAGS) $(KITH_LDFLAGS) $(SIM_WRAPS:%=-Wl,--wrap=%) -o $@ $^ $(LIBS) -lm

$(BUILD)/tests/fault/kithd: $(BUILD)/src/face/main.o $(SEAM_OBJECT) $(BUILD)/libkith.a
	$(say) "  LD    $@"
	$(quiet)$(CC) $(KITH_CFLAGS) $(KITH_LDFLAGS) $(SEAM_WRAPS:%=-Wl,--wrap=%) -o $@ $^ $(LIBS)

$(BUILD)/tests/fault/fault: $(FAULT_OBJECTS) $(BUILD)/libkith.a
	$(say) "  LD    $@"
	$(quiet)$(CC) $(KITH_CFLAGS) $(KITH_LDFLAGS) -o $@ $^ -lcunit -lgnutls $(LIBS)

$(FUZZ_PROGRAMS): %: %.o $(BUILD)/tests/fuzz/options.o $(BUILD)/libkith.a
	$(say) "  LD    $@"
	$(quiet)$(CC) $(KITH_CFLAGS) $(KITH_LDFLAGS) -fsanitize=fuzzer -o $@ $(filter %.o,$^) $(filter %.a,$^) $(LIBS) -lgnutls
$(BUILD)/tests/fuzz/conversation: $(BUILD)/tests/fuzz/node.o $(BUILD)/tests/fuzz/node_rules.o
$(BUILD)/tests/fuzz/tls: $(BUILD)/tests/unit/some_secrets.o
$(BUILD)/tests/fuzz/cursor: $(BUILD)/src/kith/cursor.o $(BUILD)/src/kith/replace.o

fuzz-programs: $(FUZZ_PROGRAMS)

# The fuzzers themselves need clang's libFuzzer, so here they are only compiled.
tests: $(TEST_PROGRAMS) $(FAULT_PROGRAMS) $(BENCH_PROGRAMS) $(BUILD)/tests/sim/sim $(FUZZ_OBJECTS)

##@ Try it
run: $(BUILD)/kithd ## run one node in the foreground with conf/kith.conf
	$(BUILD)/kithd -c conf/kith.conf

demo: $(BUILD)/kithd $(BUILD)/kith ## watch five nodes become a mesh, and what breaks in it; SECRET=1 makes it a private one
	@bash tests/demo.sh $(BUILD)/kithd $(BUILD)/kith

RUN_TESTS := /usr/bin/python3 tests/run.py

##@ Test
check: $(TEST_PROGRAMS) ## run all tests
	@$(RUN_TESTS) $(BUILD) unit system interop

check-unit: $(BUILD)/tests/unit/unit ## run the unit tests
	@$(RUN_TESTS) $(BUILD) unit

check-system: $(BUILD)/kithd $(BUILD)/tests/system/system ## run the tests of real processes
	@$(RUN_TESTS) $(BUILD) system

# What it leaves out: suites that start kithds with secrets, users and files of their own, or speak through sockets of
# their own, say so in tests/system/main.c; check-interop, since Twisted has no pre-shared keys (tests/system/test_private.c
# speaks with OpenSSL instead).
check-tls: $(BUILD)/kithd $(BUILD)/tests/system/system ## run the tests of real processes over TLS
	@$(RUN_TESTS) $(BUILD) tls

check-interop: $(BUILD)/kithd $(BUILD)/kith ## run the mesh with a node written on Twisted
	@$(RUN_TESTS) $(BUILD) interop

# Version 0.1.0, which has no tag, is built from its commit. A tarball or a shallow clone does not have that.
OLD_COMMIT := ada45833dea99b325ca8729a3226236f66f6e718
OLD := $(BUILD)/0.1.0
check-versions: all ## upgrade a network of version 0.1.0, node by node, and go back
	@if git cat-file -e $(OLD_COMMIT)^{commit} 2>/dev/null; then \
		$(MAKE) $(OLD)/build/kithd && OLD_KITHD=$(OLD)/build/kithd $(RUN_TESTS) $(BUILD) versions; \
	else \
		echo "passed over: kithd 0.1.0 is built from commit $(OLD_COMMIT), which this history does not have"; \
	fi

$(OLD)/build/kithd:
	@rm -rf $(OLD) && mkdir -p $(OLD)
	git archive $(OLD_COMMIT) | tar -x -C $(OLD)
	$(MAKE) -C $(OLD) BUILD=build CI= build/kithd

check-cross: ## build for arm64, armhf and s390x, and run the unit tests in qemu; CROSS=armhf is one
	+@bash tests/cross.sh $(BUILD)/cross $(CROSS)

# The headers of libraries are those for glibc, whose own come last. Debian has no libraries for musl to link with.
MUSL = musl-gcc -idirafter /usr/include -idirafter /usr/include/$(shell $(CC) -print-multiarch 2>/dev/null)
check-musl: ## compile all sources with musl; there is nothing to link them with
	+@$(MAKE) CC='$(MUSL)' BUILD=$(BUILD)/musl CFLAGS=-O0 objects
objects: $(OBJECTS)

check-asan: sanitized ## run all tests, over TLS too, under AddressSanitizer and UndefinedBehaviorSanitizer
check-fault: sanitized ## make each call that the system can refuse fail in turn, under the same sanitizers

# `make check-asan check-fault` is one run: while suites of one wait, those of the other work. A build with sanitizers is
# slow: SLOW stretches the deadlines of the tests.
SANITIZED_GROUPS := $(if $(filter check-asan,$(MAKECMDGOALS)),unit system tls interop) \
	$(if $(filter check-fault,$(MAKECMDGOALS)),fault fault-tls)
SANITIZED_PROGRAMS := $(if $(filter check-asan,$(MAKECMDGOALS)),$(TEST_PROGRAMS)) \
	$(if $(filter check-fault,$(MAKECMDGOALS)),$(FAULT_PROGRAMS))
sanitized:
	$(MAKE) $(SANITIZED_PROGRAMS:$(BUILD)/%=$(BUILD)/asan/%) BUILD=$(BUILD)/asan CFLAGS='$(ASAN_CFLAGS)'
	@SLOW=3 $(RUN_TESTS) $(BUILD)/asan $(SANITIZED_GROUPS)

# Left out: suites that have one thread and take long, and over TLS those in which TLS adds no thread to what they do.
TSAN_LEAVES_OUT := $(addprefix unit/,state address_record address_book directory settings secret pairs endings) \
	$(addprefix system/,settings documents binary) \
	$(addprefix tls/,errors addresses liveness names table hosts bounds)

check-tsan: ## run the tests that have threads under ThreadSanitizer
	$(MAKE) $(TEST_PROGRAMS:$(BUILD)/%=$(BUILD)/tsan/%) BUILD=$(BUILD)/tsan CFLAGS='$(TSAN_CFLAGS)'
	@SLOW=5 $(RUN_TESTS) $(TSAN_LEAVES_OUT:%=-x %) $(BUILD)/tsan unit system tls interop

check-valgrind: $(BUILD)/kithd $(BUILD)/kith ## look for leaks of memory and descriptors with valgrind
	bash tests/valgrind.sh $(BUILD)/kithd $(BUILD)/valgrind
	SECRET=1 bash tests/valgrind.sh $(BUILD)/kithd $(BUILD)/valgrind-tls

check-packages: ## build, look at, install, upgrade and purge the packages of Debian (as root)
	@BUILD=$(BUILD) VERSION=$(VERSION) /usr/bin/python3 tests/packages/run.py

check-web: $(BUILD)/kith ## look at kith web with Chromium, which you install: pictures are in build/web
	@BUILD=$(BUILD) CHROMIUM='$(CHROMIUM)' /usr/bin/python3 tests/web/run.py

fault: $(FAULT_PROGRAMS)
	@$(RUN_TESTS) $(BUILD) fault fault-tls

##@ Measure and stress
bench: $(BUILD)/kithd $(BENCH_PROGRAMS) ## measure kithd beside others; BENCH=storm measures one part
	@BUILD=$(BUILD) BENCH='$(BENCH)' /usr/bin/python3 tests/bench/run.py

bench-smoke: $(BUILD)/kithd $(BENCH_PROGRAMS) ## check in 30 s that every benchmark works
	@BUILD=$(BUILD) BENCH='$(BENCH)' /usr/bin/python3 tests/bench/run.py --smoke

sim: $(BUILD)/tests/sim/sim ## simulate networks of up to 10,000 nodes; SIM="--scenario churn" plays one
	@bash tests/sim/run.sh $(BUILD)/tests/sim/sim $(BUILD)/sim $(SIM)

sim-smoke: $(BUILD)/tests/sim/sim ## check the bounds of the simulation in a minute
	$(BUILD)/tests/sim/sim --small

chaos: $(BUILD)/kithd $(BUILD)/kith ## break networks of namespaces (as root); CHAOS="flap hole" plays two, SECRET=1 private ones
	@BUILD=$(BUILD) CHAOS='$(CHAOS)' /usr/bin/python3 tests/chaos/run.py

chaos-smoke: $(BUILD)/kithd $(BUILD)/kith ## break some of them for half a minute (as root)
	@BUILD=$(BUILD) CHAOS='$(CHAOS)' /usr/bin/python3 tests/chaos/run.py --smoke

SOAK_SECONDS ?= $(if $(filter silence,$(SOAK)),3600,1800)

# SOAK=silence: 20 nodes in a bad network, of which none may be taken for dead (as root).
soak: $(BUILD)/kithd ## let 50 peers come, go, misbehave and die around a node for SOAK_SECONDS=1800; SOAK=silence plays another
	@BUILD=$(BUILD) SOAK_SECONDS=$(SOAK_SECONDS) /usr/bin/python3 tests/soak/$(or $(SOAK),run).py

FUZZ_CFLAGS := -O1 -g -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer

fuzz: ## run each fuzzer for FUZZ_SECONDS=60 on top of its corpus; FUZZ=frame runs one
	$(MAKE) -j2 fuzz-programs CC=clang BUILD=$(BUILD)/fuzz CFLAGS='$(FUZZ_CFLAGS)'
	@bash tests/fuzz/run.sh $(BUILD)/fuzz $(FUZZ_SECONDS) $(or $(FUZZ),$(FUZZ_TARGETS))

CLANG_FLAGS = $(KITH_CPPFLAGS) -std=c11 $(WARNINGS) -Wthread-safety

# clang-tidy reports the warnings of clang too, so nothing is built with clang here. The code of tests/lint is wrong on
# purpose, in a way that only the analysis of locks finds.
##@ Look at the code
lint: floors ## check the code, the man pages and the scripts without running them
	@echo "the canary: clang must complain about tests/lint/wrong_lock.c"
	$(quiet)$(TIDY) tests/lint/wrong_lock.c -- $(CLANG_FLAGS) 2>/dev/null | grep -q thread-safety-analysis
	$(quiet)$(TIDY) tests/lint/wrong_lock.c -- $(CLANG_FLAGS) -Wno-thread-safety 2>/dev/null
	$(MAKE) -j2 -k cppcheck tidy
	mandoc -T lint -W warning man/*
	shellcheck $(SCRIPTS)

# Tests may run beside these, and come first.
TIDY := nice clang-tidy --quiet
# The analyzer gives up a function after so many steps; with the 225000 of clang, most of the time of `make lint` goes to
# the few functions that reach them.
TIDY_FLAGS = $(CLANG_FLAGS) -Xclang -analyzer-config -Xclang max-nodes=30000
TIDIED := $(SOURCES) $(wildcard tests/*.c tests/unit/*.c tests/unit/*/*.c tests/system/*.c tests/bench/*.c \
	tests/bench/probes/*.c tests/sim/*.c tests/fault/*.c tests/fuzz/*.c)

# In one process, which sees calls between files; clang-tidy runs beside it.
cppcheck:
	nice cppcheck --quiet --std=c11 --enable=warning,performance,portability --inline-suppr --error-exitcode=1 \
		--library=posix $(KITH_CPPFLAGS) src tests

tidy: $(TIDIED:%.c=$(BUILD)/tidy/%.ok)

# What clang-tidy finds goes to stdout; stderr counts the warnings of system headers.
$(BUILD)/tidy/%.ok: %.c Makefile .clang-tidy $(wildcard include/*/*.h)
	@mkdir -p $(@D)
	$(say) "  TIDY  $<"
	$(quiet)$(TIDY) $< -- $(TIDY_FLAGS) 2>/dev/null
	@touch $@

floors: $(OBJECTS) ## check the order of folders, private headers, cycles, doors to libraries, and who does no I/O
	@bash tests/lint/floors.sh "$(CC)" $(OBJECTS)

##@ Install and release
UNITS := kithd.service kithd.socket
EXAMPLES := kith.rules.yml kith-dashboard.json $(addprefix examples/,kith-on.service peer_down.c peer_down.py \
	rollout.sh prometheus.yml kith-metrics.service kith-metrics.timer)
EXAMPLEDIR := $(PREFIX)/share/doc/kith/examples

# SHELL:FILE, where the shells look for completions of programs that are installed.
COMPLETIONS := bash:bash-completion/completions/kith zsh:zsh/site-functions/_kith fish:fish/vendor_completions.d/kith.fish

install: $(BUILD)/kithd $(BUILD)/kith ## install under DESTDIR and PREFIX
	install -D -m 755 $(BUILD)/kithd $(DESTDIR)$(PREFIX)/bin/kithd
	install -D -m 755 $(BUILD)/kith $(DESTDIR)$(PREFIX)/bin/kith
	for page in man/*.[1578]; do \
		section=$(DESTDIR)$(PREFIX)/share/man/man$${page##*.} && install -d $$section && \
		sed 's|/etc/kith|$(SYSCONFDIR)/kith|g' $$page >$$section/$${page#man/} && \
		chmod 644 $$section/$${page#man/} || exit 1; \
	done
	for file in $(COMPLETIONS); do \
		install -d $$(dirname $(DESTDIR)$(PREFIX)/share/$${file#*:}) && \
		$(BUILD)/kith completion $${file%%:*} >$(DESTDIR)$(PREFIX)/share/$${file#*:} && \
		chmod 644 $(DESTDIR)$(PREFIX)/share/$${file#*:} || exit 1; \
	done
	install -d $(DESTDIR)$(UNITDIR)
	for unit in $(UNITS); do \
		sed -e 's|@BINDIR@|$(PREFIX)/bin|g' -e 's|@SYSCONFDIR@|$(SYSCONFDIR)|g' conf/$$unit \
			>$(DESTDIR)$(UNITDIR)/$$unit && chmod 644 $(DESTDIR)$(UNITDIR)/$$unit || exit 1; \
	done
	install -d $(DESTDIR)$(EXAMPLEDIR)
	for example in $(EXAMPLES); do \
		sed 's|@BINDIR@|$(PREFIX)/bin|g' conf/$$example >$(DESTDIR)$(EXAMPLEDIR)/$${example##*/} && \
		chmod 644 $(DESTDIR)$(EXAMPLEDIR)/$${example##*/} || exit 1; \
	done
	test -e $(DESTDIR)$(SYSCONFDIR)/kith/kith.conf || \
		install -D -m 644 conf/kith.conf $(DESTDIR)$(SYSCONFDIR)/kith/kith.conf
	@echo
	@echo "Next: set listen, bootstrap and secret_file in $(SYSCONFDIR)/kith/kith.conf, check it with kithd -t,"
	@echo "and start kithd, with systemd by: systemctl daemon-reload && systemctl enable --now kithd"
	@echo "Then kith shows its state. man 7 kith has a quick start."

uninstall: ## remove what install put there, but for a changed kith.conf
	rm -f $(DESTDIR)$(PREFIX)/bin/kithd $(DESTDIR)$(PREFIX)/bin/kith $(DESTDIR)$(PREFIX)/share/man/man8/kithd.8 \
		$(foreach file,$(COMPLETIONS),$(DESTDIR)$(PREFIX)/share/$(lastword $(subst :, ,$(file)))) \
		$(DESTDIR)$(PREFIX)/share/man/man1/kith.1 \
		$(DESTDIR)$(PREFIX)/share/man/man5/kith.conf.5 \
		$(DESTDIR)$(PREFIX)/share/man/man7/kith.7 \
		$(DESTDIR)$(PREFIX)/share/man/man7/kith-control.7 \
		$(DESTDIR)$(PREFIX)/share/man/man7/kith-internals.7 \
		$(DESTDIR)$(PREFIX)/share/man/man7/kith-protocol.7 $(UNITS:%=$(DESTDIR)$(UNITDIR)/%)
	rm -rf $(DESTDIR)$(EXAMPLEDIR)
	! cmp -s conf/kith.conf $(DESTDIR)$(SYSCONFDIR)/kith/kith.conf || \
		rm -f $(DESTDIR)$(SYSCONFDIR)/kith/kith.conf

TARBALL := $(BUILD)/kith-$(VERSION).tar.gz
# The time of the commit: what has this time is the same whenever it is made. `git archive` writes it into conf/commit.
COMMIT_TIME = $(if $(wildcard .git),$(shell git log -1 --format=%ct),$(lastword $(shell cat conf/commit)))

# The tarball is the commit, wherever, whenever and by whomever it is made. In an unpacked one, where no git is, it is
# made of what is there.
dist: ## pack the committed sources; they build, test and install without git
	@rm -rf $(BUILD)/dist && mkdir -p $(BUILD)/dist/kith-$(VERSION)
	$(quiet)if [ -e .git ]; then git archive -o $(BUILD)/dist/tar HEAD; \
	else tar -cf $(BUILD)/dist/tar --exclude=./$(BUILD) --exclude=./debian .; fi
	$(quiet)tar -xf $(BUILD)/dist/tar -C $(BUILD)/dist/kith-$(VERSION)
	$(quiet)tar -c --format=gnu --sort=name --mtime=@$(COMMIT_TIME) --owner=0 --group=0 --numeric-owner \
		--mode=u=rwX,go=rX -C $(BUILD)/dist -f $(BUILD)/dist/tar kith-$(VERSION)
	$(quiet)gzip -9n <$(BUILD)/dist/tar >$(TARBALL)
	@rm -rf $(BUILD)/dist
	@echo $(TARBALL)

# conf/debian becomes debian/ of the source tree in DEB_TREE, with the version and the time of this commit. What the
# packages are built with is what Debian builds with: of this make, only CI and V go on.
DEB_TREE := $(BUILD)/deb/kith-$(VERSION)
deb: dist ## build the packages of Debian from the tarball, in build/deb (needs make deps-deb)
	@rm -rf $(BUILD)/deb && mkdir -p $(BUILD)/deb
	$(quiet)tar -xf $(TARBALL) -C $(BUILD)/deb
	$(quiet)cp $(TARBALL) $(BUILD)/deb/kith_$(VERSION).orig.tar.gz
	$(quiet)cp -r $(DEB_TREE)/conf/debian $(DEB_TREE)/debian
	$(quiet)sed -i -e 's/@VERSION@/$(VERSION)/' -e "s/@DATE@/$$(LC_ALL=C date -uRd @$(COMMIT_TIME))/" $(DEB_TREE)/debian/changelog
	cd $(DEB_TREE) && env -u MAKEFLAGS -u MFLAGS -u MAKEOVERRIDES -u MAKELEVEL -u BUILD -u PREFIX -u DESTDIR \
		dpkg-buildpackage -us -uc -b
	@ls $(BUILD)/deb/*.deb

clean: ## remove what was built
	rm -rf $(BUILD)

-include $(OBJECTS:.o=.d) $(FAULT_OBJECTS:.o=.d) $(SEAM_OBJECT:.o=.d) $(UNIT_OBJECTS:.o=.d) $(SYSTEM_OBJECTS:.o=.d) $(LOAD_OBJECTS:.o=.d) $(PROBE_OBJECTS:.o=.d) $(SIM_OBJECTS:.o=.d) $(FUZZ_OBJECTS:.o=.d)
