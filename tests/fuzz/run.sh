#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Runs one harness under libFuzzer and says what came of it in one line. Used by `make fuzz`.
#
#   tests/fuzz/run.sh BUILD NAME RUNS SECONDS
#
# Starts from tests/fuzz/corpus/NAME and what earlier runs added to BUILD/corpus/NAME. A finding ends it: its input lies
# in BUILD/findings, and the last lines of the log say what it was.
set -u
build=$1 name=$2 runs=$3 seconds=$4
corpus=$build/corpus/$name findings=$build/findings log=$build/fuzz/$name.log
mkdir -p "$corpus" "$findings"
words=()
[ ! -e "tests/fuzz/$name.dict" ] || words=("-dict=tests/fuzz/$name.dict")
# HDF5 and MPI keep what they allocate until the process ends: leaks are looked for by `make asan`. A small quarantine
# and short stacks of allocations double the executions a second.
export ASAN_OPTIONS=detect_leaks=0:allocator_may_return_null=1:handle_abort=1:quarantine_size_mb=4:malloc_context_size=2
export UBSAN_OPTIONS=print_stacktrace=1
"$build/fuzz/$name" -runs="$runs" -max_total_time="$seconds" -max_len=65536 -timeout=30 -rss_limit_mb=3000 \
  -malloc_limit_mb=1500 -detect_leaks=0 -print_final_stats=1 \
  -artifact_prefix="$findings/$name-" "${words[@]}" "$corpus" "tests/fuzz/corpus/$name" >"$log" 2>&1
code=$?
done_runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
edges=$(grep -o 'cov: [0-9]*' "$log" | tail -n 1)
echo "fuzz: $name: ${done_runs:-unknown} executions, ${edges:-cov: ?} edges, exit $code, log $log"
[ $code -eq 0 ] || { tail -n 30 "$log"; exit 1; }
