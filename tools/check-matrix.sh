#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Builds with each compiler and for each machine that can be had here, and prints a table for docs/tested.md.
#
#   tools/check-matrix.sh [ROW...]      rows: clang gcc-11 gcc-13 gcc-14 aarch64 sanitizers debian13; all unless named
#
# A row passes when everything compiles without a warning and its tests do; what cannot be had here is said so. Builds
# lie in build-matrix/ROW ($MATRIX in place of build-matrix), logs in build-matrix/ROW.log. Exits with 1 where a row
# fails.
set -uo pipefail
cd "$(dirname "$0")/.."
rows=("$@")
[ $# -gt 0 ] || rows=(clang gcc-11 gcc-13 gcc-14 aarch64 sanitizers debian13)
out=${MATRIX:-build-matrix}
mkdir -p "$out"
failed=0

# Each function prints what it is, with its version, as its first line, then does it. Status 77: not to be had here.
native() { # COMPILER
  command -v "$1" >/dev/null || return 77
  "$1" --version | head -1
  local build=$out/$1
  make -j"$(nproc)" BUILD="$build" CC="$1" NVCC= EXTRA=-Werror all tests || return 1
  SEISPROC_BUILD=$build PYTHONDONTWRITEBYTECODE=1 "${PYTHON:-python3}" -m pytest -q -m "compiled and not long" tests
}

# Kernels and what they stand on, which need no library but the headers of FFTW and xxHash.
aarch64() {
  local cc=aarch64-linux-gnu-gcc build=$out/aarch64
  command -v $cc >/dev/null || return 77
  $cc --version | head -1
  mkdir -p "$build/include"
  local header
  for header in fftw3.h xxhash.h; do
    echo "#include <$header>" | cc -E -x c - | sed -nE "s|^# 1 \"(/.*/$header)\".*|\1|p" | head -1 |
      xargs -r -I{} cp {} "$build/include/"
  done
  local objects
  objects=$(find kernels src/base src/index -name '*.c' ! -name '*_avx2.c' ! -name '*_avx512.c' |
    sed "s|\(.*\)\.c$|$build/obj/\1.o|")
  # shellcheck disable=SC2086
  make -k -j"$(nproc)" BUILD="$build" CC=$cc NVCC= DEPS_CFLAGS="-I$build/include" DEPS_LIBS= EXTRA=-Werror $objects
}

run_row() {
  case $1 in
  clang | gcc-*) native "$1" ;;
  aarch64) aarch64 ;;
  sanitizers) echo "$(cc --version | head -1), address and undefined behaviour" && make asan ;;
  debian13) command -v debootstrap >/dev/null || return 77; echo "Debian 13 tree" && make check-debian13 ;;
  *) echo "check-matrix: no row '$1'" >&2; return 2 ;;
  esac
}

declare -A what=([aarch64]="kernels compile for aarch64" [sanitizers]="C tests and a short job"
  [debian13]="make check")
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
