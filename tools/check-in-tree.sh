#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Builds and tests this working tree inside another release of Debian.
#
#   tools/check-in-tree.sh [--bare] SUITE [COMMAND...]     COMMAND: make check
#
# SUITE is a Debian suite (bookworm, trixie). Its tree is made with debootstrap and kept, with the packages that
# were installed in it, under $SEISPROC_TREES (~/.cache/seisproc unless set); --bare takes a tree with nothing but
# Debian's base system and make, each time anew. $DEBIAN_MIRROR names the mirror. SEISPROC_TIME_SCALE,
# TESTS_AT_ONCE and T hold inside, too. Needs root.
#
# Everything is mounted in a mount namespace of its own, and processes run in a process namespace of their own:
# however this ends, no mount and no process stays.
set -euo pipefail
cd "$(dirname "$0")/.."

bare=
if [ "${1:-}" = --bare ]; then bare=1; shift; fi
suite=${1:?usage: tools/check-in-tree.sh [--bare] SUITE [COMMAND...]}
shift
[ $# -gt 0 ] || set -- make check
trees=${SEISPROC_TREES:-${XDG_CACHE_HOME:-$HOME/.cache}/seisproc}
mirror=${DEBIAN_MIRROR:-http://deb.debian.org/debian}
data=${SEISPROC_DATA:-../shared/data}

fail() { echo "check-in-tree: $*" >&2; exit 1; }
[ "$(id -u)" = 0 ] || fail "needs root (debootstrap and chroot)"
command -v debootstrap >/dev/null || fail "debootstrap is missing: apt-get install debootstrap"

# Under a name of its own until it is whole, so that an interrupted debootstrap is not taken for a tree.
make_base() {
  [ -d "$trees/$suite.base" ] && return
  echo "check-in-tree: making a $suite tree in $trees"
  mkdir -p "$trees"
  rm -rf "$trees/$suite.new"
  debootstrap --variant=minbase --include=make "$suite" "$trees/$suite.new" "$mirror" >"$trees/$suite.log" ||
    fail "debootstrap failed, see $trees/$suite.log"
  mv "$trees/$suite.new" "$trees/$suite.base"
}

# How apt reaches its mirrors here (proxies, clock checks) holds inside as well. This machine's name is known there,
# as it is on any system that was installed: munge trusts no credential of a host that it cannot look up.
carry_settings() {
  cp -L /etc/resolv.conf "$1/etc/resolv.conf" 2>/dev/null || true
  echo "127.0.0.1 localhost $(hostname)" >"$1/etc/hosts"
  apt-config dump 2>/dev/null | grep -E '^Acquire::(http|https|ftp)::Proxy|^Acquire::Check-' \
    >"$1/etc/apt/apt.conf.d/99host" || true
  echo force-unsafe-io >"$1/etc/dpkg/dpkg.cfg.d/tree" # no sync after each file: a tree that is lost is made anew
}

# The tracked and the new files of the working tree, over those of last time but with its build folder.
copy_sources() {
  mkdir -p "$1"
  find "$1" -mindepth 1 -maxdepth 1 ! -name build -exec rm -rf {} +
  git ls-files -co --exclude-standard -z | while IFS= read -r -d '' f; do
    [ -e "$f" ] && printf '%s\0' "$f"
  done | tar -c --null -T - | tar -x --no-same-owner -C "$1"
}

make_base
tree=$trees/$suite
if [ -n "$bare" ]; then
  tree=$(mktemp -d "$trees/$suite.bare.XXXXXX")
  cp -a --reflink=auto "$trees/$suite.base/." "$tree"
elif [ ! -d "$tree" ]; then
  cp -a --reflink=auto "$trees/$suite.base" "$tree.new"
  mv "$tree.new" "$tree"
fi
mkdir -p "$tree/work/shared/data" "$trees/archives/$suite"
carry_settings "$tree"
copy_sources "$tree/work/seisproc"
[ -d "$data" ] && data=$(realpath "$data") || data=

export tree data
archives=$trees/archives/$suite
export archives
# Whoever ends this script ends what runs inside.
inside=
leave() {
  [ -z "$inside" ] || kill -KILL "$inside" 2>/dev/null || true
  [ -z "$bare" ] || rm -rf "$tree"
}
trap leave EXIT
trap 'exit 143' TERM INT HUP
# shellcheck disable=SC2016
unshare --mount --pid --fork --kill-child bash -euc '
  mount --bind "$tree" "$tree" # what is no mount point of its own has no namespaces within
  mount -t proc proc "$tree/proc"
  mount --rbind /dev "$tree/dev"
  mount -t tmpfs -o mode=1777 shm "$tree/dev/shm"
  mount --rbind /sys "$tree/sys"
  mount --bind "$archives" "$tree/var/cache/apt/archives"
  [ -z "$data" ] || mount --bind -o ro "$data" "$tree/work/shared/data"
  [ -n "$data" ] || rmdir "$tree/work/shared/data"
  exec chroot "$tree" /usr/bin/env -i HOME=/root TERM="${TERM:-dumb}" ${http_proxy:+http_proxy="$http_proxy"} \
    ${SEISPROC_TIME_SCALE:+SEISPROC_TIME_SCALE="$SEISPROC_TIME_SCALE"} \
    ${TESTS_AT_ONCE:+TESTS_AT_ONCE="$TESTS_AT_ONCE"} ${T:+T="$T"} \
    PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin sh -c "cd /work/seisproc && exec \"\$@\"" sh "$@"
' bash "$@" &
inside=$!
wait "$inside" && status=0 || status=$?
inside=
exit "$status"
