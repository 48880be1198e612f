#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Installs what seisproc needs and this machine lacks.
#
#   tools/setup.sh [build] [test] [long]     the first two when none is named
#
# Silent and quick when nothing is missing: it probes for the things themselves, not for packages, so that
# libraries from modules, Spack or a prefix count too. On Debian and Ubuntu what is missing is installed with
# apt, as root or through sudo. Anywhere else, or when that fails, the missing packages are listed by name for
# apt, dnf and Spack, nothing is changed and the exit code is 1.
set -u
cd "$(dirname "$0")/.." || exit 1

CC=${CC:-cc}
PKG_CONFIG=${PKG_CONFIG:-pkg-config}
if [ -z "${PYTHON:-}" ]; then
  PYTHON=python3
  [ -x /usr/bin/python3 ] && PYTHON=/usr/bin/python3
fi
groups=" ${*:-build test} "

has_package() { # NAME,NAME,...
  local name
  for name in ${1//,/ }; do "$PKG_CONFIG" --exists "$name" 2>/dev/null && return 0; done
  return 1
}

compiles() { # FLAGS; source on standard input
  # shellcheck disable=SC2086
  "$CC" ${DEPS_CFLAGS:-} $1 -E -x c - >/dev/null 2>&1
}

mpi_flags() {
  local name
  for name in ompi-c ompi mpich; do
    has_package "$name" && "$PKG_CONFIG" --cflags "$name" && return
  done
}

has_parallel_hdf5() {
  local name
  for name in hdf5-openmpi hdf5-mpi hdf5-mpich hdf5; do
    has_package "$name" || continue
    printf '#include <H5pubconf.h>\n#ifndef H5_HAVE_PARALLEL\n#error serial\n#endif\n' |
      compiles "$("$PKG_CONFIG" --cflags "$name")"
    return
  done
  printf '#include <H5pubconf.h>\n#ifndef H5_HAVE_PARALLEL\n#error serial\n#endif\n' | compiles ""
}

has_fuzzer() {
  echo 'int LLVMFuzzerTestOneInput(void) { return 0; }' |
    clang -fsanitize=fuzzer,address -o /dev/null -x c - 2>/dev/null
}

# One interpreter start for all modules; prints those that are not found.
missing_modules() {
  "$PYTHON" -c 'import importlib.util as u, sys
print(*[m for m in sys.argv[1:] if u.find_spec(m) is None])' "$@" 2>/dev/null || echo "$@"
}

is_missing() { # PROBE
  case $1 in
  cc) ! command -v "$CC" >/dev/null ;;
  cmd:*) ! command -v "${1#cmd:}" >/dev/null ;;
  pc:*) ! has_package "${1#pc:}" ;;
  hdr:*) ! echo "#include <${1#hdr:}>" | compiles "$(mpi_flags)" ;;
  h5par) ! has_parallel_hdf5 ;;
  fuzzer) ! has_fuzzer ;;
  py:*) [[ " $no_modules " == *" ${1#py:} "* ]] ;;
  *) echo "setup: unknown probe $1" >&2 && exit 1 ;;
  esac
}

# Fills apt, dnf, spack with what is missing, and optional with what is missing and not needed (apt's names).
find_missing() {
  apt=() dnf=() spack=() optional=()
  local group probe in_apt in_dnf in_spack modules=()
  while read -r group probe _; do
    [[ $groups == *" ${group%\?} "* && $probe == py:* ]] && modules+=("${probe#py:}")
  done < <(grep -v '^#' tools/packages.txt)
  no_modules=
  [ ${#modules[@]} -gt 0 ] && no_modules=$(missing_modules "${modules[@]}")
  while read -r group probe in_apt in_dnf in_spack; do
    [[ $groups == *" ${group%\?} "* ]] || continue
    is_missing "$probe" || continue
    case $group in
    *\?) optional+=("$in_apt") ;;
    *) apt+=("$in_apt") dnf+=("$in_dnf") spack+=("$in_spack") ;;
    esac
  done < <(grep -v '^#' tools/packages.txt)
}

once() { printf '%s\n' "$@" | awk '!seen[$0]++' | paste -sd' '; }

explain_and_fail() { # WHY
  {
    echo "setup: packages are missing and cannot be installed here: $1. Install them with one of"
    echo "  apt:   apt-get install $(once "${apt[@]}")"
    echo "  dnf:   dnf install $(once "${dnf[@]}")"
    echo "  spack: spack install $(once "${spack[@]}")"
  } >&2
  exit 1
}

# How to become root: nothing, sudo, or failure.
find_root() {
  if [ "$(id -u)" = 0 ]; then as_root=(env)
  elif ! command -v sudo >/dev/null; then return 1
  elif sudo -n true 2>/dev/null || { [ -t 0 ] && sudo true; }; then as_root=(sudo env)
  else return 1
  fi
}

# apt fetches every package before it unpacks the first, so a failed download changes nothing.
apt_install() {
  "${as_root[@]}" DEBIAN_FRONTEND=noninteractive apt-get -qq -y -o Dpkg::Use-Pty=0 \
    -o DPkg::Lock::Timeout=300 install --no-install-recommends "$@" </dev/null
}

# What apt knows here of the optional packages.
available() {
  local name
  for name in "${optional[@]}"; do [ -z "$(apt-cache madison "$name" 2>/dev/null)" ] || echo "$name"; done
}

install_with_apt() {
  local log known
  log=$(mktemp)
  mapfile -t known < <(available)
  echo "setup: installing $(once "${apt[@]}" "${known[@]}")"
  if ! apt_install "${apt[@]}" "${known[@]}" >"$log" 2>&1; then
    "${as_root[@]}" apt-get -qq update </dev/null >"$log" 2>&1
    mapfile -t known < <(available)
    apt_install "${apt[@]}" "${known[@]}" >>"$log" 2>&1 ||
      { sed 's/^/  /' "$log" | tail -n 12 >&2; rm -f "$log"; return 1; }
  fi
  rm -f "$log"
}

find_missing
if [ ${#apt[@]} -eq 0 ]; then
  if [ ${#optional[@]} -gt 0 ] && command -v apt-get >/dev/null && [ -n "$(available)" ] && find_root; then
    install_with_apt || echo "setup: going on without $(once "${optional[@]}")"
  fi
  exit 0
fi
command -v apt-get >/dev/null || explain_and_fail "there is no apt-get; nothing was changed"
find_root || explain_and_fail "not root, and no sudo; nothing was changed"
install_with_apt || explain_and_fail "apt-get failed, its last lines are above"
find_missing
[ ${#apt[@]} -eq 0 ] || explain_and_fail "still not found after installing"
