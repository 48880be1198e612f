#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Installs the packages of `make deb` in a bare tree of Debian 12, and runs a job and a program of the library's there.
#
#   packaging/check-deb.sh [FOLDER]      FOLDER holds the packages: build/deb
#
# Makes the tree with debootstrap, anew each time, and removes it. Needs root. $DEBIAN_MIRROR names the mirror; $BASE a
# tree that `debootstrap --variant=minbase bookworm` made before, of which a copy is taken.
set -euo pipefail
cd "$(dirname "$0")/.."
fail() { echo "check-deb: $*" >&2; exit 1; }
[ "$(id -u)" = 0 ] || fail "needs root (debootstrap and chroot)"
packages=${1:-build/deb}
compgen -G "$packages/*.deb" >/dev/null || fail "no packages in $packages: make deb"

tree=$(mktemp -d "${TMPDIR:-/var/tmp}/seisproc-deb.XXXXXX")
export tree
trap 'rm -rf --one-file-system "$tree"' EXIT
trap 'exit 143' TERM INT HUP
if [ -n "${BASE:-}" ]; then
  cp -a --reflink=auto "$BASE/." "$tree"
else
  debootstrap --variant=minbase bookworm "$tree" "${DEBIAN_MIRROR:-http://deb.debian.org/debian}" >"$tree.log" ||
    fail "debootstrap failed, see $tree.log"
  rm "$tree.log"
fi
cp -L /etc/resolv.conf "$tree/etc/resolv.conf"
apt-config dump | grep -E "^Acquire::(http|https|ftp)::Proxy|^Acquire::Check-" \
  >"$tree/etc/apt/apt.conf.d/99host" || true
mkdir "$tree/packages"
cp "$packages"/*.deb "$tree/packages"
# The example of the page, its first block of C.
sed -n '/^```c$/,/^```$/{/^```/d;p}' docs/library.md >"$tree/packages/denoise.c"

cat >"$tree/packages/smoke.sh" <<'EOF'
set -eux
cd /packages
export DEBIAN_FRONTEND=noninteractive OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
apt-get update -q
apt-get install -qy --no-install-recommends ./seisproc_*.deb ./libseisproc0*.deb
seisproc --version
seisproc doctor /packages || true
seisproc synth --quiet --gathers 4 --traces 30 --samples 300 in.h5
printf 'input: in.h5\noutput: out.h5\nchain:\n  - dwt: {k: 3}\n' >job.yaml
seisproc run --quiet job.yaml
seisproc verify out.h5
apt-get install -qy --no-install-recommends gcc libc6-dev pkg-config ./libseisproc-dev_*.deb
gcc denoise.c -o denoise $(pkg-config --cflags --libs seisproc)
./denoise in.h5 same.h5
seisproc compare same.h5 out.h5
EOF
# shellcheck disable=SC2016
unshare --mount --pid --fork --kill-child bash -euc '
  mount -t proc proc "$tree/proc"
  mount --rbind /dev "$tree/dev"
  mount -t tmpfs -o mode=1777 shm "$tree/dev/shm"
  mount --rbind /sys "$tree/sys"
  exec chroot "$tree" /usr/bin/env -i HOME=/root ${http_proxy:+http_proxy="$http_proxy"} \
    PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin sh /packages/smoke.sh'
echo "check-deb: installed and ran"
