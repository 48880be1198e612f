#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Builds with MPICH, and HDF5 and FFTW's MPI library built for it, and runs tests there. Needs Debian or Ubuntu.
#
#   tools/check-mpich.sh [TEST...]     folders or files of tests/; those below unless named
#
# Debian has FFTW's MPI library for Open MPI alone: its source is fetched with apt, for the version of FFTW that is
# installed, and that part of it compiled. What is built lies in build-mpich.
set -euo pipefail
cd "$(dirname "$0")/.."
[ $# -gt 0 ] || set -- tests/dist tests/run tests/flow tests/store tests/segy
out=$PWD/${BUILD_MPICH:-build-mpich}
fftw=$out/fftw

fail() { echo "check-mpich: $*" >&2; exit 1; }
command -v apt-get >/dev/null || fail "needs apt, for the source of FFTW"

# A list of sources of its own: this system's is left as it is.
fetch_fftw() {
  local release version options
  # shellcheck source=/dev/null
  release=$(. /etc/os-release && echo "$VERSION_CODENAME")
  # shellcheck disable=SC2016
  version=$(dpkg-query -W -f '${source:Version}' libfftw3-dev)
  mkdir -p "$fftw/apt/lists/partial"
  echo "deb-src ${DEBIAN_MIRROR:-http://deb.debian.org/debian} $release main" >"$fftw/apt/sources.list"
  options=(-qq -o Dir::Etc::SourceList="$fftw/apt/sources.list" -o Dir::Etc::SourceParts=/dev/null
    -o Dir::State::lists="$fftw/apt/lists" -o Dir::Cache="$fftw/apt" -o APT::Sandbox::User=root)
  apt-get "${options[@]}" update
  (cd "$fftw/apt" && apt-get "${options[@]}" source --download-only "fftw3=$version")
}

# The part that speaks MPI, in single precision; the rest is the system's.
build_fftw() {
  [ -e "$fftw/lib/libfftw3f_mpi.a" ] && return
  rm -rf "$fftw"
  mkdir -p "$fftw"/{source,lib,include}
  fetch_fftw || fail "the source of FFTW cannot be had"
  tar -x -C "$fftw/source" --strip-components=1 -f "$fftw"/apt/fftw3_*.orig.tar.*
  (
    cd "$fftw/source"
    ./configure -q --enable-float --enable-mpi --disable-shared --disable-fortran --disable-doc \
      --disable-dependency-tracking --with-pic MPICC=mpicc.mpich &&
      # its objects alone: the target of the library wants all of FFTW built first
      # shellcheck disable=SC2016
      printf 'include Makefile\nobjects: $(libfftw3f_mpi_la_OBJECTS)\n' | make -s -C mpi "-j$(nproc)" -f - objects
  ) >"$fftw/log" 2>&1 || fail "see $fftw/log"
  cp "$fftw/source/mpi/fftw3-mpi.h" "$fftw/include"
  ar rcs "$fftw/lib/libfftw3f_mpi.a" "$fftw"/source/mpi/*.o
}

PYTHON=${PYTHON:-} tools/setup.sh build test mpich
build_fftw
pkgs=(mpich hdf5-mpich yaml-0.1 fftw3f fftw3 libxxhash libpng)
DEPS_CFLAGS="-I$fftw/include $(pkg-config --cflags mpich hdf5-mpich yaml-0.1 fftw3f libxxhash)"
DEPS_LIBS="$fftw/lib/libfftw3f_mpi.a -lhdf5_hl $(pkg-config --libs "${pkgs[@]}")"
export SEISPROC_MPIRUN=mpirun.mpich
"$SEISPROC_MPIRUN" --version | sed -n 's/^ *Version: */MPICH /p'
exec make "-j$(nproc)" BUILD="$(realpath --relative-to=. "$out")" NVCC= DEPS_CFLAGS="$DEPS_CFLAGS" \
  DEPS_LIBS="$DEPS_LIBS" T="$*" run-tests
