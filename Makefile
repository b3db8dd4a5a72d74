# evtools: "make help" lists the targets, CONTRIBUTING.md explains them.
#
# Variables: BUILD=dir V=1 CC CFLAGS LDFLAGS PREFIX DESTDIR SUITES=dir
# FUZZ_SECONDS=n TESTS='tests/x.bats …'; VARIANT is set by the targets
# check-asan and fuzz, each of which has a build directory of its own.

VERSION = 0.1.0
PROGRAMS = evpub evsub evtail evlag evtrim evdlq evreplay

ifeq ($(origin CC),default)
CC = cc
endif
PKG_CONFIG ?= pkg-config
PREFIX ?= /usr/local
BUILD ?= build
FUZZ_SECONDS ?= 10
SUITES ?= ../shared/suites

bindir = $(PREFIX)/bin
mandir = $(PREFIX)/share/man
bashdir = $(PREFIX)/share/bash-completion/completions
zshdir = $(PREFIX)/share/zsh/site-functions
fishdir = $(PREFIX)/share/fish/vendor_completions.d

ifneq ($(V),1)
Q = @
say = @printf '  %-5s %s\n' '$(1)' '$(2)';
endif

# What the tree holds

programs := $(filter $(PROGRAMS),$(patsubst cmd/%.c,%,$(wildcard cmd/*.c)))
library := $(wildcard common/*.c)
unit_tests := $(wildcard tests/unit/test_*.c)
unit_shared := $(filter-out $(unit_tests),$(wildcard tests/unit/*.c))
fuzzers := $(wildcard tests/fuzz/*.c)
benches := $(wildcard tests/bench/*.c)
conformers := $(wildcard tests/conformance/*.c)
sources := $(programs:%=cmd/%.c) $(library) $(unit_tests) $(unit_shared) \
	$(fuzzers) $(benches) $(conformers)
scripts := $(wildcard common/lua/*.lua)
metas := $(wildcard common/meta/*.json)
headers := $(wildcard common/*.h tests/unit/*.h tests/bench/*.h tests/fuzz/*.h)

object = $(patsubst %.c,$(BUILD)/obj/%.o,$(1))
libev = $(BUILD)/libev.a

# Flags: ours first, so that the user's win

warnings = -Wall -Wextra -Wpedantic -Wshadow -Wconversion \
	-Wmissing-prototypes -Wstrict-prototypes -Wvla -Wwrite-strings \
	-Wformat=2
sanitizers = -fsanitize=address,undefined -fno-sanitize-recover=undefined \
	-fno-omit-frame-pointer
hardening = -fstack-protector-strong -fstack-clash-protection \
	-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2 -fPIE

cflags_ = -O2 -g $(hardening)
ldflags_ = -pie
cflags_asan = -O1 -g $(sanitizers)
ldflags_asan = $(sanitizers)
cflags_fuzz = -O1 -g $(sanitizers) -fsanitize=fuzzer-no-link
ldflags_fuzz = $(sanitizers)
ifeq ($(shell uname -s),Linux)
ldflags_ += -Wl,-z,relro,-z,now,-z,noexecstack -Wl,--as-needed
endif

# Looked up once and late: the packages may be installed by this very run.
once = $(eval $(1) := $$(shell $(2)))$($(1))
packages = hiredis openssl libpcre2-8 \
	$(shell $(PKG_CONFIG) --exists libjq 2>/dev/null && echo libjq)
pkg_cflags = $(call once,pkg_cflags,$(PKG_CONFIG) --cflags $(packages))
pkg_found = $(call once,pkg_found,$(PKG_CONFIG) --libs $(packages))
pkg_libs = $(pkg_found) $(if $(findstring -ljq,$(pkg_found)),,-ljq)
cmocka_libs = $(call once,cmocka_libs,$(PKG_CONFIG) --libs cmocka)

cppflags = -std=c11 -D_GNU_SOURCE -I. -I$(BUILD)/gen \
	-DEV_VERSION='"$(VERSION)"' $(pkg_cflags) $(CPPFLAGS)
cflags = $(cflags_$(VARIANT)) $(warnings) $(CFLAGS)
ldflags = $(ldflags_$(VARIANT)) $(LDFLAGS)
compile = $(CC) $(cppflags) $(cflags)
link = $(CC) $(cflags) $(ldflags)

.DELETE_ON_ERROR:
.SECONDARY:
.SUFFIXES:
.PHONY: all demo check check-unit check-bats check-asan lint format fuzz \
	fuzz-run bench conformance install uninstall dist clean help \
	toolchain tests-toolchain FORCE

all: $(programs:%=$(BUILD)/%) $(libev) ## the programs, in build/ (default)
	@:

# Building

# demo and check install what is missing; the others say what to install.
ifneq ($(filter demo check check-unit check-bats check-asan,$(MAKECMDGOALS)),)
toolchain:
	@CC='$(CC)' tools/deps check
else
toolchain:
	@CC='$(CC)' tools/deps --hint build
endif

tests-toolchain: | toolchain
	@CC='$(CC)' tools/deps --hint check

# Rewritten only when its text changes: a change of flags rebuilds.
$(BUILD)/flags: FORCE | toolchain
	@mkdir -p $(@D)
	@printf '%s\n' '$(compile) | $(link) $(pkg_libs)' >$@.new
	@cmp -s $@.new $@ && rm $@.new || mv $@.new $@

$(BUILD)/library: FORCE
	@mkdir -p $(@D)
	@printf '%s\n' '$(library)' >$@.new
	@cmp -s $@.new $@ && rm $@.new || mv $@.new $@

$(BUILD)/gen/lua_scripts.h: $(scripts) tools/embed $(BUILD)/library
	@mkdir -p $(@D)
	$(call say,LUA,$@)tools/embed lua $(scripts) >$@

$(BUILD)/gen/meta_schemas.h: $(metas) tools/embed $(BUILD)/library
	@mkdir -p $(@D)
	$(call say,JSON,$@)tools/embed json $(metas) >$@

generated = $(BUILD)/gen/lua_scripts.h $(BUILD)/gen/meta_schemas.h

$(BUILD)/obj/%.o: %.c $(BUILD)/flags | $(generated)
	@mkdir -p $(@D)
	$(call say,CC,$<)$(compile) -MMD -MP -c -o $@ $<

$(libev): $(call object,$(library)) $(BUILD)/library
	$(call say,AR,$@)rm -f $@ && $(AR) rcs $@ $(filter %.o,$^)

$(PROGRAMS:%=$(BUILD)/%): $(BUILD)/%: $(BUILD)/obj/cmd/%.o $(libev)
	$(call say,LINK,$@)$(link) -o $@ $^ $(pkg_libs)

$(BUILD)/unit/%: $(BUILD)/obj/tests/unit/%.o $(call object,$(unit_shared)) \
		$(libev) | tests-toolchain
	@mkdir -p $(@D)
	$(call say,LINK,$@)$(link) -o $@ $^ $(cmocka_libs) $(pkg_libs)

$(BUILD)/bench/%: $(BUILD)/obj/tests/bench/%.o $(libev)
	@mkdir -p $(@D)
	$(call say,LINK,$@)$(link) -o $@ $^ $(pkg_libs)

$(BUILD)/conformance/%: $(BUILD)/obj/tests/conformance/%.o $(libev)
	@mkdir -p $(@D)
	$(call say,LINK,$@)$(link) -o $@ $^ $(pkg_libs)

$(BUILD)/fuzz/%: $(BUILD)/obj/tests/fuzz/%.o $(libev)
	@mkdir -p $(@D)
	$(call say,LINK,$@)$(link) -fsanitize=fuzzer -o $@ $^ $(pkg_libs)

-include $(patsubst %.c,$(BUILD)/obj/%.d,$(sources))

$(call object,$(unit_tests) $(unit_shared)): | tests-toolchain

# Running

demo: all ## show the main job on a private server, in under a minute
	@BUILD=$(BUILD) examples/with-redis examples/demo

unit_programs = $(unit_tests:tests/unit/%.c=$(BUILD)/unit/%)
tally = BUILD=$(BUILD) tools/tally
run_unit = $(tally) unit tools/unit $(unit_programs)
run_bats = $(tally) bats tools/bats $(TESTS)

check: all $(unit_programs) ## all tests but the sanitizers' and the fuzzers'
	@status=0; $(run_unit) || status=1; $(run_bats) || status=1; \
		exit $$status

check-unit: $(unit_programs) ## the unit tests alone
	@$(run_unit)

check-bats: all ## TESTS='tests/x.bats ...', else all bats tests
	@$(run_bats)

check-asan: ## all tests with AddressSanitizer and UBSan, in build-asan/
	@$(MAKE) --no-print-directory BUILD=build-asan VARIANT=asan check

lint: all ## layout, static analysis, layers, options, manuals
	@tools/deps --hint lint
	@$(MAKE) --no-print-directory compile_commands.json
	@$(tally) lint tests/lint/run

format: ## lay out the C code by .clang-format
	@tools/deps --hint lint
	clang-format -i $(sources) $(headers)

fuzz: ## run each fuzzer FUZZ_SECONDS on its corpus, in build-fuzz/
	@tools/deps --hint fuzz
	@$(MAKE) --no-print-directory BUILD=build-fuzz VARIANT=fuzz CC=clang \
		fuzz-run

fuzz-run: $(fuzzers:tests/fuzz/%.c=$(BUILD)/fuzz/%)
	@FUZZ_SECONDS=$(FUZZ_SECONDS) $(tally) fuzz tools/fuzz $^

bench: all $(benches:tests/bench/%.c=$(BUILD)/bench/%) ## speed, as ratios
	tests/bench/bench.sh $(BUILD)

conformance_programs = $(conformers:tests/conformance/%.c=$(BUILD)/conformance/%)

conformance: all $(conformance_programs) ## the public suites in SUITES=dir
	@$(tally) conformance tests/conformance/run '$(SUITES)'

# Text as it stands in JSON, and as a word of the shell.
json = $(subst ",\",$(subst \,\\,$(1)))
quoted = '$(subst ','\'',$(1))'

compile_commands.json: FORCE ## for editors and clang-tidy
	@{ sep='['; for source in $(sources); do \
		printf '%s\n{"directory": "%s", "file": "%s",\n "command": "%s %s"}' \
			"$$sep" $(call quoted,$(call json,$(CURDIR))) "$$source" \
			$(call quoted,$(call json,$(compile))) "-c $$source"; \
		sep=','; \
	done; printf '\n]\n'; } >$@.new && mv $@.new $@

# Delivering

install: all ## into DESTDIR and PREFIX
	install -d $(DESTDIR)$(bindir) $(DESTDIR)$(mandir)/man1 \
		$(DESTDIR)$(mandir)/man7 $(DESTDIR)$(bashdir) \
		$(DESTDIR)$(zshdir) $(DESTDIR)$(fishdir)
	install -m 755 $(programs:%=$(BUILD)/%) $(DESTDIR)$(bindir)
	install -m 644 $(wildcard man/*.1) $(DESTDIR)$(mandir)/man1
	install -m 644 $(wildcard man/*.7) $(DESTDIR)$(mandir)/man7
	set -e; for program in $(programs); do \
		install -m 644 completions/ev.bash \
			$(DESTDIR)$(bashdir)/$$program; \
		install -m 644 completions/ev.fish \
			$(DESTDIR)$(fishdir)/$$program.fish; \
	done
	install -m 644 completions/_ev $(DESTDIR)$(zshdir)

uninstall: ## what install put there
	cd $(DESTDIR)$(bindir) && rm -f $(PROGRAMS)
	cd $(DESTDIR)$(mandir) && rm -f $(PROGRAMS:%=man1/%.1) man7/ev.7
	cd $(DESTDIR)$(bashdir) && rm -f $(PROGRAMS)
	cd $(DESTDIR)$(fishdir) && rm -f $(PROGRAMS:%=%.fish)
	rm -f $(DESTDIR)$(zshdir)/_ev

dist: ## evtools-VERSION.tar.gz from the last commit
	git archive --format=tar.gz --prefix=evtools-$(VERSION)/ \
		-o evtools-$(VERSION).tar.gz HEAD

clean: ## all that was built
	rm -rf build build-asan build-fuzz
	if [ -e $(BUILD)/flags ]; then rm -rf $(BUILD); fi
	rm -f compile_commands.json evtools-*.tar.gz

help: ## this list
	@awk -F ':.*## ' '/^[a-z_.-]+:.*## / { printf "  %-22s %s\n", $$1, $$2 }' \
		Makefile
