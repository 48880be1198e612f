#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Builds with each compiler and for each machine that can be had here, and prints a table for docs/tested.md.
#
#   tools/check-matrix.sh [ROW...]      all rows unless some are named:
#
#   gcc-N clang clang-N    a compiler of this system
#   trixie:gcc-N sid:cc    one of another release of Debian, with the MPI and HDF5 there, in a tree (root, debootstrap)
#   cuda-12 cuda-13        the GPU module and its checks, compiled ($CUDA_12 and $CUDA_13 name folders with bin/nvcc)
#   aarch64 sanitizers     kernels under qemu-user; C tests and a short job
#   mpich                  the tests of ranks, runs, flows, files and SEG-Y under MPICH
#   debian13               `make check` in a tree
#
# $T names folders of tests/ for a compiler's row, of which only the C tests are run there: all of them unless set.
#
# A row passes when everything compiles without a warning and its tests do; what cannot be had here is said so. Builds
# lie in build-matrix/ROW ($MATRIX in place of build-matrix), logs in build-matrix/ROW.log. Exits with 1 where a row
# fails.
set -uo pipefail
cd "$(dirname "$0")/.."
rows=("$@")
[ $# -gt 0 ] || rows=(gcc-11 gcc-12 clang-14 clang-19 trixie:gcc-13 trixie:gcc-14 trixie:clang-19 sid:cc cuda-12 cuda-13
  aarch64 sanitizers mpich debian13)
out=${MATRIX:-build-matrix}
mkdir -p "$out"
failed=0

# Each function prints what it is, with its version, as its first line, then does it. Status 77: not to be had here.
native() { # COMPILER
  command -v "$1" >/dev/null || return 77
  "$1" --version | head -1
  local build=$out/$1
  make -j"$(nproc)" BUILD="$build" CC="$1" NVCC= EXTRA=-Werror T="${T:-}" all tests || return 1
  # shellcheck disable=SC2086
  SEISPROC_BUILD=$build PYTHONDONTWRITEBYTECODE=1 "${PYTHON:-python3}" -m pytest -q -m "compiled and not long" \
    ${T:-tests}
}

# The same row inside a tree of another release; what it is built with there stands in its table.
in_tree() { # SUITE COMPILER
  command -v debootstrap >/dev/null && [ "$(id -u)" = 0 ] || return 77
  local log=$out/$1:$2.inside package=$2
  [ "$2" = cc ] && package=gcc
  # shellcheck disable=SC2016
  tools/check-in-tree.sh "$1" sh -c 'PYTHON=/usr/bin/python3 tools/setup.sh build test &&
    DEBIAN_FRONTEND=noninteractive apt-get -qq -y install --no-install-recommends "$1" >/dev/null &&
    dpkg-query -W -f "versions \${Package} \${Version}\n" libopenmpi-dev libhdf5-openmpi-dev &&
    T="$3" tools/check-matrix.sh "$2"' sh "$package" "$2" "${T:-}" >"$log" 2>&1
  local status=$?
  echo "$(sed -nE "s/^\| $2 \| ([^|]*) \|.*/\1/p" "$log"), Debian $1:" \
    "$(sed -nE 's/^versions (lib)?(openmpi|hdf5)[a-z-]* ([0-9.~rc]+).*/\2 \3/p' "$log" | paste -sd' ')"
  cat "$log"
  return $status
}

# nvcc of this series, where it is: compiled only, for a GPU is not asked for.
cuda() { # SERIES
  local named=CUDA_$1 folder nvcc=
  for folder in ${!named:+"${!named}"} /usr/local/cuda-"$1"* /usr/local/cuda; do
    [ -x "$folder/bin/nvcc" ] && "$folder/bin/nvcc" --version | grep -q "release $1\." && nvcc=$folder/bin/nvcc && break
  done
  [ -n "$nvcc" ] || return 77
  echo "nvcc $("$nvcc" --version | sed -n 's/.*release .*, V//p'), $(cc --version | head -1)"
  make -j"$(nproc)" BUILD="$out/cuda-$1" NVCC="$nvcc" all cuda-checks
}

# The libraries that kernels and their tests need, of Debian for aarch64: fetched by apt, which changes nothing of this
# system, and unpacked.
aarch64_libraries() { # FOLDER
  local folder options
  folder=$(realpath -m "$1")
  mkdir -p "$folder"/{lists,cache/archives,debs,prefix}/partial
  : >"$folder/status"
  options=(-q -o APT::Architecture=arm64 -o APT::Architectures=arm64 -o APT::Sandbox::User=root -o Dir::State="$folder"
    -o Dir::State::lists="$folder/lists" -o Dir::State::status="$folder/status" -o Dir::Cache="$folder/cache")
  apt-get "${options[@]}" update && (cd "$folder/debs" && apt-get "${options[@]}" download libcmocka-dev libcmocka0 \
    libfftw3-dev libfftw3-single3 libfftw3-double3 libxxhash-dev) || return 1
  local package
  for package in "$folder"/debs/*.deb; do dpkg -x "$package" "$folder/prefix"; done
}

# Kernels and what they stand on, compiled for aarch64, and their tests under qemu: no MPI and no HDF5 is needed.
aarch64() {
  local cc=aarch64-linux-gnu-gcc build=$out/aarch64 objects prefix flags test tool
  command -v $cc >/dev/null && command -v qemu-aarch64 >/dev/null && command -v apt-get >/dev/null || return 77
  echo "$($cc --version | head -1), $(qemu-aarch64 --version | head -1)"
  aarch64_libraries "$build/apt" || return 1
  prefix=$(realpath "$build/apt/prefix")/usr
  flags="-I$prefix/include -I$prefix/include/aarch64-linux-gnu"
  objects=$(find kernels src/base src/index -name '*.c' ! -name '*_avx2.c' ! -name '*_avx512.c' |
    sed "s|\(.*\)\.c$|$build/obj/\1.o|")
  # shellcheck disable=SC2086
  make -k -j"$(nproc)" BUILD="$build" CC=$cc NVCC= DEPS_CFLAGS="$flags" DEPS_LIBS= EXTRA=-Werror $objects || return 1
  rm -f "$build/lib.a"
  # shellcheck disable=SC2086
  aarch64-linux-gnu-ar rcs "$build/lib.a" $objects
  mkdir -p "$build"/tests/{base,index,kernels}
  for test in tests/{base,index,kernels}/test_*.c tests/kernels/tool_*.c; do
    tool=$build/${test%.c}
    # shellcheck disable=SC2086
    $cc -std=c11 -D_GNU_SOURCE -O2 -Iinclude -I. $flags -o "$tool.aarch64" "$test" "$build/lib.a" \
      -L"$prefix/lib/aarch64-linux-gnu" -lcmocka -l:libfftw3f.a -l:libfftw3.a -lm -ldl -pthread || return 1
    printf '#!/bin/sh\nLD_LIBRARY_PATH=%s exec qemu-aarch64 -L /usr/aarch64-linux-gnu %s "$@"\n' \
      "$prefix/lib/aarch64-linux-gnu" "$(realpath "$tool.aarch64")" >"$tool"
    chmod +x "$tool"
  done
  # all but what asks the program itself
  SEISPROC_BUILD=$build PYTHONDONTWRITEBYTECODE=1 SEISPROC_TIME_SCALE=20 "${PYTHON:-python3}" -m pytest -q \
    -m "not long" -k "not test_picks_that_cannot_be" -o timeout=1200 tests/base tests/index tests/kernels
}

run_row() {
  case $1 in
  clang | clang-* | gcc-* | cc) native "$1" ;;
  *:*) in_tree "${1%%:*}" "${1#*:}" ;;
  cuda-*) cuda "${1#cuda-}" ;;
  aarch64) aarch64 ;;
  sanitizers) echo "$(cc --version | head -1), address and undefined behaviour" && make asan ;;
  mpich) command -v apt-get >/dev/null || return 77; make check-mpich ;;
  debian13) command -v debootstrap >/dev/null || return 77; echo "Debian 13 tree" && make check-debian13 ;;
  *) echo "check-matrix: no row '$1'" >&2; return 2 ;;
  esac
}

declare -A what=([aarch64]="kernels, and their tests under qemu" [sanitizers]="C tests and a short job"
  [mpich]="tests of ranks, runs, flows, files and SEG-Y" [debian13]="make check"
  [cuda-12]="GPU module and its checks compile" [cuda-13]="GPU module and its checks compile")
echo "| row | with | what | result | minutes |"
echo "|---|---|---|---|---|"
for row in "${rows[@]}"; do
  start=$SECONDS
  run_row "$row" >"$out/$row.log" 2>&1
  status=$?
  minutes=$(((SECONDS - start + 30) / 60))
  case $status in
  0) result=passed ;;
  77) result="not to be had here" ;;
  *) result="FAILED, $out/$row.log"; failed=1 ;;
  esac
  with=$(head -1 "$out/$row.log")
  [ $status = 77 ] && with=-
  echo "| $row | $with | ${what[$row]:-builds without warnings, C tests} | $result | $minutes |"
done
exit $failed
