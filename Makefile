# SPDX-License-Identifier: BSD-3-Clause
# seisproc: build, test, install. `make help` lists the targets.

SHELL := /bin/bash
BUILD ?= build
# In one spelling: what an object depends on is noted under the name that it was made by.
override BUILD := $(patsubst $(CURDIR)/%,%,$(abspath $(BUILD)))
PREFIX ?= /usr/local
PKG_CONFIG ?= pkg-config
PYTHON ?= $(firstword $(wildcard /usr/bin/python3) python3)

VERSION := $(shell cat VERSION)

# Short lines while building; `make V=1` shows the commands.
ifneq ($(V),1)
Q = @printf '  %-5s %s\n' $1 $2;
endif

# --- what we build with ------------------------------------------------------------------------------------
include tools/config.mk

CSTD := -std=c11 -D_GNU_SOURCE
WARN := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith -Wvla -Wno-unused-parameter
OPT ?= -O3 -g
# One set of objects for the program, the static library and the shared one.
PIC := -fPIC -fno-semantic-interposition
EXTRA ?=
override CPPFLAGS += -Iinclude -I. $(DEPS_CFLAGS)
VERSION_FLAG := -DSP_VERSION='"$(VERSION)"'
override CFLAGS += $(CSTD) $(WARN) $(OPT) -fno-math-errno -fno-trapping-math -ffp-contract=off -pthread $(PIC) $(EXTRA)
override LDFLAGS += -pthread $(EXTRA)
override LDLIBS += $(DEPS_LIBS) $(RPATHS) -lm

# One kernel source may be compiled for several instruction sets: the suffix of its name says which.
ISA_avx2 := -mavx2 -mfma -mbmi2
ISA_avx512 := -mavx512f -mavx512dq -mavx512bw -mavx512vl -mavx512cd -mavx2 -mfma -mbmi2
isa_flags = $(if $(filter %_avx512.c,$1),$(ISA_avx512),$(if $(filter %_avx2.c,$1),$(ISA_avx2)))

# A build may compile the kernels with another compiler, and with no flags of its own for the rest (make fuzz).
REST_FLAGS ?=
compiler = $(if $(filter kernels/%,$1),$(or $(KERNEL_CC),$(CC)),$(CC) $(REST_FLAGS))

ARCH := $(firstword $(subst -, ,$(shell $(CC) -dumpmachine 2>/dev/null)))

# --- what there is -----------------------------------------------------------------------------------------
LIB_SRC := $(filter-out src/main.c,$(wildcard src/*.c src/*/*.c src/*/*/*.c)) $(wildcard kernels/*.c kernels/*/*.c)
ifneq ($(ARCH),x86_64)
LIB_SRC := $(filter-out %_avx2.c %_avx512.c,$(LIB_SRC))
endif
# T names folders or files of tests/ when only those are to be built and run.
T_DIRS = $(patsubst %/,%,$(foreach t,$(or $(T),tests/*),$(if $(wildcard $t/.),$t $t/*,$(dir $t))))
TEST_SRC := $(sort $(wildcard $(T_DIRS:%=%/test_*.c)))
BENCH_SRC := $(wildcard perf/bench_*.c)

LIB_OBJ := $(LIB_SRC:%.c=$(BUILD)/obj/%.o)
LIB := $(BUILD)/libseisproc.a
BIN := $(BUILD)/seisproc
TESTS := $(TEST_SRC:%.c=$(BUILD)/%)
# Programs that Python tests drive; those of flows drive the kernels', too.
TOOL_DIRS := $(T_DIRS) $(if $(filter tests/flow,$(T_DIRS)),tests/kernels)
TEST_TOOLS := $(patsubst %.c,$(BUILD)/%,$(sort $(wildcard $(TOOL_DIRS:%=%/tool_*.c))))
# Shared objects that stand between the program and the system.
TEST_SHIMS := $(patsubst %.c,$(BUILD)/%.so,$(wildcard $(T_DIRS:%=%/shim_*.c)))
# Tests in Python run the program, and some of them the one with fault switches.
TEST_PY := $(wildcard $(T_DIRS:%=%/test_*.py))
NEEDS_PROGRAM := $(if $(TEST_PY),yes)
NEEDS_FAULTS := $(if $(TEST_PY),$(shell grep -lis 'faulty' $(TEST_PY)))
BENCHES := $(BENCH_SRC:perf/bench_%.c=$(BUILD)/bench/%)

include tools/cuda.mk
include tools/library.mk
include tools/packaging.mk

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.PHONY: all tests benches help clean setup check check-long check-debian13 check-bare lint format format-check bench \
  pictures compdb docs html demo asan tsan run-tsan fuzz run-fuzz install run-tests faults torture run-sanitized \
  have-libraries install-library check-matrix check-mpich

# A library with sanitizers in it is of no use to others.
SHARED := $(if $(findstring -fsanitize,$(EXTRA)),,$(LIB_SO))
all: $(BIN) $(CUDA_SO) $(SHARED) ## build the program, build/seisproc, and the libraries

# Without the libraries the compiler would complain a hundred times; say it once.
have-libraries:
ifneq ($(PKG_MISSING),)
	@echo "make: not found by $(PKG_CONFIG): $(PKG_MISSING). \`make setup\` installs or lists them." >&2; exit 1
endif
ifneq ($(PACK_MISSING),)
	@echo "make: not found: $(PACK_MISSING). Surveys packed with it can be neither written nor read." >&2
endif

# Changes when what sources are compiled with does, and then they are compiled anew.
FLAGS = $(CC) $(CPPFLAGS) $(CFLAGS) $(ISA_avx2) $(ISA_avx512) $(PMIX_FLAGS) $(QC_CFLAGS) $(PACK_CFLAGS) \
  $(FFTW_MPI_FLAGS)
$(BUILD)/flags: FORCE
	@mkdir -p $(@D)
	@echo '$(subst ','\'',$(FLAGS))' | cmp -s - $@ || echo '$(subst ','\'',$(FLAGS))' >$@
FORCE:
# What nvcc compiles does not watch these flags; one of its sources names the version, which the program asks for.
$(BUILD)/obj/src/flow/cuda/module.cu.o: VERSION

$(BIN): $(BUILD)/obj/src/main.o $(LIB) $(LINKED_IN)
	$(call Q,LINK,$@)$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS)

$(LIB): $(LIB_OBJ)
	@rm -f $@
	$(call Q,AR,$@)$(AR) rcs $@ $^

$(BUILD)/obj/src/dist/pmix.o: override private CPPFLAGS += $(PMIX_FLAGS)
$(BUILD)/obj/src/dist/transpose.o: override private CPPFLAGS += $(FFTW_MPI_FLAGS)
$(filter $(BUILD)/obj/src/qc/%,$(LIB_OBJ)): override private CPPFLAGS += $(QC_CFLAGS)
$(filter $(BUILD)/obj/src/pack/%,$(LIB_OBJ)): override private CPPFLAGS += $(PACK_CFLAGS)

# Sources that name the version are compiled anew when it changes, and no others.
NAME_VERSION := $(shell grep -lsw SP_VERSION $(LIB_SRC) $(BENCH_SRC))
VERSIONED = $(foreach d,$(BUILD) $(BUILD)-faults,$(patsubst %.c,$d/obj/%.o,$(filter-out perf/%,$(NAME_VERSION)))) \
  $(patsubst perf/bench_%.c,$(BUILD)/bench/%,$(filter perf/%,$(NAME_VERSION)))
$(VERSIONED): override private CPPFLAGS += $(VERSION_FLAG)
$(VERSIONED): VERSION

$(BUILD)/obj/%.o: %.c $(BUILD)/flags | have-libraries
	@mkdir -p $(@D)
	$(call Q,CC,$<)$(call compiler,$<) $(CPPFLAGS) $(CFLAGS) $(call isa_flags,$<) -MMD -MP -c -o $@ $<

tests: $(TESTS) $(TEST_TOOLS) $(TEST_SHIMS) $(if $(NEEDS_PROGRAM),$(BIN))

# The GPU module finds in the program that loads it what it calls: all of the library, in programs that may load it.
WHOLE_LIB = -Wl,--whole-archive $(LIB) -Wl,--no-whole-archive
$(BUILD)/tests/cuda/%: LINKED_LIB = $(WHOLE_LIB)
$(BUILD)/bench/%: LINKED_LIB = $(WHOLE_LIB)
LINKED_LIB = $(LIB)

$(BUILD)/tests/%: tests/%.c $(LIB) $(LINKED_IN)
	@mkdir -p $(@D)
	$(call Q,CC,$<)$(CC) $(CPPFLAGS) $(TEST_CFLAGS) $(CFLAGS) -MMD -MP $(LDFLAGS) -o $@ $< $(LINKED_IN) \
	  $(LINKED_LIB) $(TEST_LIBS) $(LDLIBS)

# What stands at the bottom is tested without the rest of the library.
$(BUILD)/tests/base.a: $(filter $(BUILD)/obj/src/base/%,$(LIB_OBJ))
$(BUILD)/tests/index.a: $(filter $(BUILD)/obj/src/base/% $(BUILD)/obj/src/index/%,$(LIB_OBJ))
$(BUILD)/tests/base.a $(BUILD)/tests/index.a:
	@mkdir -p $(@D); rm -f $@
	$(call Q,AR,$@)$(AR) rcs $@ $^

$(filter $(BUILD)/tests/base/% $(BUILD)/tests/index/%,$(TESTS)): $(BUILD)/tests/%: tests/%.c
	@mkdir -p $(@D)
	$(call Q,CC,$<)$(CC) $(CPPFLAGS) $(TEST_CFLAGS) $(CFLAGS) -MMD -MP $(LDFLAGS) -o $@ $< $(LINKED_IN) \
	  $(BUILD)/tests/$(notdir $(patsubst %/,%,$(dir $@))).a $(TEST_LIBS) $(LDLIBS)
$(filter $(BUILD)/tests/base/%,$(TESTS)): $(BUILD)/tests/base.a $(LINKED_IN)
$(filter $(BUILD)/tests/index/%,$(TESTS)): $(BUILD)/tests/index.a $(LINKED_IN)

$(BUILD)/tests/%.so: tests/%.c
	@mkdir -p $(@D)
	$(call Q,CC,$<)$(CC) $(CSTD) $(WARN) -U_FORTIFY_SOURCE -O2 -fPIC -shared -MMD -MP -o $@ $<

benches: $(BENCHES)

# its own layer of messages takes the place of the library's
$(BUILD)/bench/coordinator: LDFLAGS += -Wl,-z,muldefs
$(BUILD)/bench/%: perf/bench_%.c $(LIB)
	@mkdir -p $(@D)
	$(call Q,CC,$<)$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP $(LDFLAGS) -o $@ $< $(LINKED_LIB) $(LDLIBS)

# --- set up, check -----------------------------------------------------------------------------------------
# These start make again: what is installed in between must be found by the lines above.
AGAIN = $(MAKE) --no-print-directory $(if $(findstring jobserver,$(MAKEFLAGS)),,-j$(shell nproc))

setup: ## install what is missing, or list it
	@PYTHON=$(PYTHON) tools/setup.sh build test

check: setup ## set up, build, run all tests (T=tests/kernels: only those)
	+@$(AGAIN) run-tests

# Tests wait more than they compute: they run side by side where pytest-xdist is there, else one after the other.
TESTS_AT_ONCE ?= $(shell n=$$(nproc); echo $$((n < 14 ? n + 2 : 16)))
SIDE_BY_SIDE = $(if $(shell $(PYTHON) -c 'import xdist' 2>&1),,-n $(TESTS_AT_ONCE))
# Each may take longer then: time limits are multiplied by this.
export SEISPROC_TIME_SCALE ?= 2

run-tests: tests $(if $(NEEDS_PROGRAM),all) $(if $(NEEDS_FAULTS),faults)
	@$(PYTEST) $(SIDE_BY_SIDE) -m "$(or $(MARKS),not long)" $(or $(T),tests)

check-long: ## the tests that take minutes, left out by `make check` (T=tests/kernels: only those)
	@PYTHON=$(PYTHON) tools/setup.sh build test long
	+@$(AGAIN) MARKS=long run-tests

# The program with switches that make it fail at named points; they are nothing in other builds. Sources without such
# points are not compiled again.
FAULT_SRC := $(shell grep -ls '"src/base/fault.h"' $(LIB_SRC))
FAULT_OBJ := $(FAULT_SRC:%.c=$(BUILD)-faults/obj/%.o)
faults: $(BUILD)-faults/seisproc

$(BUILD)-faults/seisproc: $(BUILD)/obj/src/main.o $(FAULT_OBJ) \
  $(filter-out $(FAULT_SRC:%.c=$(BUILD)/obj/%.o),$(LIB_OBJ)) $(LINKED_IN)
	$(call Q,LINK,$@)$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS)

$(FAULT_OBJ): $(BUILD)-faults/obj/%.o: %.c $(BUILD)/flags | have-libraries
	@mkdir -p $(@D)
	$(call Q,CC,$@)$(CC) $(REST_FLAGS) $(CPPFLAGS) $(CFLAGS) -DSP_FAULTS -MMD -MP -c -o $@ $<

KILLS ?= 40
torture: all faults ## kill a job KILLS times (40) at random and see that it goes on (NODES=n TRANSFER=how SEED=n)
	@SEISPROC_BUILD=$(BUILD) PYTHONDONTWRITEBYTECODE=1 $(PYTHON) tests/torture/torture.py --kills $(KILLS) \
	  $(if $(NODES),--nodes $(NODES)) $(if $(TRANSFER),--transfer $(TRANSFER)) $(if $(SEED),--seed $(SEED))

check-debian13: ## build and test in a Debian 13 tree (Open MPI 5.0, HDF5 1.14; root, debootstrap)
	@tools/check-in-tree.sh trixie

check-bare: ## build and test on a bare Debian 12 system, made for it (root, debootstrap)
	@tools/check-in-tree.sh --bare bookworm

check-mpich: ## build with MPICH and run the tests of ranks, runs, flows, files and SEG-Y (T=tests/run: only those)
	@PYTHON=$(PYTHON) tools/check-mpich.sh $(T)

check-matrix: ## build with each compiler and for each machine to be had here, print a table (ROWS="clang aarch64")
	@PYTHON=$(PYTHON) tools/check-matrix.sh $(ROWS)

html: ## the manual as a site, build/html (mkdocs: MKDOCS names one, else the path's, else from PyPI into the build)
	@PYTHON=$(PYTHON) BUILD=$(BUILD) tools/manual.sh

pictures: $(BUILD)/seisproc ## docs/velocities.md: pictures, figures in $(BUILD); LINE=four-shots.sgy: the README's
	@SEISPROC_BUILD=$(BUILD) $(PYTHON) tools/velocity_pictures.py docs $(BUILD)
	@[ -z "$(LINE)" ] || { mkdir -p $(BUILD)/readme && \
	  $(PYTHON) tools/readme_pictures.py "$(LINE)" $(BUILD)/readme $(BIN) && cp $(BUILD)/readme/*.png docs; }

demo: ## set up, build, denoise a synthetic survey on several ranks and say what came of it
	+@MAKE="$(MAKE)" BUILD=$(BUILD) tools/demo.sh

bench: all benches ## run the benches of perf/ (those that take many minutes are started by hand: docs/performance.md)
	@for bench in $(filter-out $(BUILD)/bench/kernels,$(BENCHES)); do echo "== $$bench"; $$bench || exit 1; done
	@echo "== $(BUILD)/bench/kernels"; $(BUILD)/bench/kernels --record
	@echo "== perf/bench_python.py"; SEISPROC_BUILD=$(BUILD) $(PYTHON) perf/bench_python.py
	@echo "== perf/bench_image.py"; SEISPROC_BUILD=$(BUILD) $(PYTHON) perf/bench_image.py

asan: setup ## build with the address and undefined-behaviour sanitizers in build-asan, run C tests and a short job
	+@$(AGAIN) BUILD=build-asan OPT="-O1 -g -fno-omit-frame-pointer" \
	  EXTRA="-fsanitize=address,undefined -fno-sanitize-recover=undefined" \
	  LDFLAGS=-rdynamic LINKED_IN=build-asan/obj/tools/keep_modules.o run-sanitized

SANITIZED = ASAN_OPTIONS=detect_leaks=1:fast_unwind_on_malloc=0 UBSAN_OPTIONS=print_stacktrace=1 \
  LSAN_OPTIONS=suppressions=$(CURDIR)/tools/lsan.supp:print_suppressions=0
run-sanitized: all tests
	@$(SANITIZED) SEISPROC_TIME_SCALE=4 $(PYTEST) -m "(compiled or smoke) and not long" $(or $(T),tests)

tsan: setup ## build with the thread sanitizer in build-tsan, run the engine's tests
	@$(MAKE) --no-print-directory BUILD=build-tsan OPT="-O1 -g" EXTRA=-fsanitize=thread run-tsan

run-tsan: $(filter $(BUILD)/tests/flow/%,$(TESTS))
	@TSAN_OPTIONS=halt_on_error=1 SEISPROC_TIME_SCALE=5 $(PYTEST) -m compiled tests/flow

# Harnesses of tests/fuzz under libFuzzer, one after the other; what they find lies in build-fuzz/NAME, and new inputs
# join build-fuzz/corpus/NAME. clang compiles all but the kernels, which take no part.
FUZZ ?= segy survey job journal pack
RUNS ?= 1000000
FUZZ_SECONDS ?= 3600
FUZZ_CHECKS = address,undefined
fuzz: ## fuzz the readers of files with clang's libFuzzer and its sanitizers (FUZZ=names, RUNS=n, FUZZ_SECONDS=s each)
	@PYTHON=$(PYTHON) tools/setup.sh build fuzz
	+@$(AGAIN) BUILD=build-fuzz CC=$(or $(FUZZ_CC),clang) KERNEL_CC="$(CC)" NVCC= OPT="-O1 -g" LDFLAGS=-rdynamic \
	  REST_FLAGS="-fsanitize=$(FUZZ_CHECKS),fuzzer-no-link -fno-sanitize-recover=undefined" run-fuzz

run-fuzz: $(FUZZ:%=$(BUILD)/fuzz/%)
	@for name in $(FUZZ); do tests/fuzz/run.sh $(BUILD) $$name $(RUNS) $(FUZZ_SECONDS) || exit 1; done

$(BUILD)/fuzz/%: tests/fuzz/fuzz_%.c tests/fuzz/fuzz.c $(LIB)
	@mkdir -p $(@D)
	$(call Q,CC,$<)$(CC) $(CPPFLAGS) -DFUZZ_MUTATOR $(CFLAGS) -fsanitize=$(FUZZ_CHECKS),fuzzer \
	  -fno-sanitize-recover=undefined $(LDFLAGS) -o $@ $< tests/fuzz/fuzz.c $(LIB) $(LDLIBS)

lint: ## check the rules that no compiler checks (who includes what, no exit, no state, ...)
	@$(PYTHON) tools/lint.py

compdb: ## write compile_commands.json for editors and clang tools
	@$(PYTHON) tools/compdb.py '$(CC) $(CPPFLAGS) $(VERSION_FLAG) $(TEST_CFLAGS) $(CFLAGS)' '$(ISA_avx2)' '$(ISA_avx512)' \
	  src/main.c $(LIB_SRC) $(wildcard tests/*/*.c) $(BENCH_SRC) >compile_commands.json

docs: all ## bring the tables of docs/job-file.md up to date
	@BINARY=$(BIN) tools/update-docs.sh docs/job-file.md docs/commands.md docs/seisproc.1

FORMAT_DIRS = $(wildcard src include kernels tests perf tools)
FORMAT_SRC = $(shell find $(FORMAT_DIRS) -name '*.[ch]' -o -name '*.cu' | grep -v _tables.c)

format-check: ## check the layout of the sources with clang-format 14
	@tools/format.sh check $(FORMAT_SRC)

format: ## lay the sources out with clang-format 14
	@tools/format.sh write $(FORMAT_SRC)

PYTEST = SEISPROC_BUILD=$(BUILD) PYTHONDONTWRITEBYTECODE=1 $(PYTHON) -m pytest

# --- install -----------------------------------------------------------------------------------------------
LIBDIR ?= $(PREFIX)/lib
DEST_LIB = $(DESTDIR)$(LIBDIR)
DEST_SHARE = $(DESTDIR)$(PREFIX)/share

install: all install-library install-environment ## install under PREFIX (/usr/local), LIBDIR (PREFIX/lib)
	install -d $(DESTDIR)$(PREFIX)/bin $(DEST_SHARE)/man/man1 $(DEST_SHARE)/doc/seisproc $(DEST_SHARE)/seisproc/jobscripts
	install -m 755 $(BIN) $(DESTDIR)$(PREFIX)/bin
	$(if $(CUDA_SO),install -d $(DEST_LIB)/seisproc && install -m 755 $(CUDA_SO) $(DEST_LIB)/seisproc)
	install -m 644 docs/seisproc.1 $(DEST_SHARE)/man/man1
	install -D -m 644 tools/completions/seisproc.bash $(DEST_SHARE)/bash-completion/completions/seisproc
	install -D -m 644 tools/completions/_seisproc $(DEST_SHARE)/zsh/site-functions/_seisproc
	install -D -m 644 tools/completions/seisproc.fish $(DEST_SHARE)/fish/vendor_completions.d/seisproc.fish
	install -m 644 README.md LICENSE CHANGELOG.md CITATION.cff $(wildcard docs/*.md) $(DEST_SHARE)/doc/seisproc
	$(if $(wildcard jobscripts/*),install -m 755 $(wildcard jobscripts/*) $(DEST_SHARE)/seisproc/jobscripts)

clean: ## remove what was built
	rm -rf $(BUILD) $(BUILD)-faults build-asan build-tsan build-fuzz build-matrix build-mpich

help: ## list the targets
	@sed -nE 's/^([a-z0-9-]+):.*## (.*)/\1|\2/p' Makefile tools/*.mk | \
	  awk -F'|' '{printf "make %-16s %s\n", $$1, $$2}'

-include $(shell find $(BUILD) $(BUILD)-faults -path $(BUILD)/deb -prune -o -type f -name '*.d' -print 2>/dev/null)
