#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Pretended nodes on this machine, for tests. Needs root.
#
#   tests/run/nodes.sh up N             n1 ... nN, each with a host name, a network (address 10.77.0.i, joined by a
#                                       bridge), /dev/shm and IPC of its own; folders are shared, as on a cluster's
#                                       file system
#   tests/run/nodes.sh bind NODE A B    NODE sees the folder A at B, as if it were a disk of its own
#   tests/run/nodes.sh agent NODE ...   a command on a node: what Open MPI starts its daemons with, in place of ssh
#   tests/run/nodes.sh down
#
# $NODES_DIR has a file for each node, and for the bridge, with the process that keeps its namespaces: `down` ends
# these and no others.
set -euo pipefail
dir=${NODES_DIR:?}

# By its own root, which is another one than that of its mounts where this runs in a chroot.
enter() {
  local node=$1
  shift
  nsenter --target "$(cat "$dir/$node")" --mount --uts --net --ipc --root "$@"
}

# NAME SET_UP UNSHARE...: a process in namespaces of its own, there once SET_UP has gone well.
keep() {
  # shellcheck disable=SC2016
  unshare "${@:3}" bash -euc "$2"'; echo $$ >"$0.new"; mv "$0.new" "$0"; exec sleep infinity' "$dir/$1" \
    </dev/null >/dev/null &
}

wait_for_it() {
  for _ in $(seq 200); do
    [ ! -e "$dir/$1" ] || return 0
    sleep 0.05
  done
  echo "nodes: $1 does not start" >&2
  exit 1
}

up() {
  local i
  {
    echo "127.0.0.1 localhost"
    for i in $(seq "$1"); do echo "10.77.0.$i n$i"; done
  } >"$dir/hosts"
  keep bridge "ip link add br0 type bridge; ip link set br0 up" --net
  for i in $(seq "$1"); do
    keep "n$i" "hostname n$i; mount --make-rprivate /; mount -t tmpfs -o mode=1777 shm /dev/shm
      mount --bind '$dir/hosts' /etc/hosts; ip link set lo up" --mount --uts --net --ipc
  done
  wait_for_it bridge
  for i in $(seq "$1"); do
    wait_for_it "n$i"
    nsenter --target "$(cat "$dir/bridge")" --net bash -euc \
      "ip link add v$i type veth peer name eth0 netns $(cat "$dir/n$i"); ip link set v$i master br0 up"
    enter "n$i" bash -euc "ip address add 10.77.0.$i/24 dev eth0; ip link set eth0 up"
  done
}

case ${1:-} in
up) up "$2" ;;
bind) enter "$2" mount --bind "$3" "$4" ;;
agent) enter "$2" sh -c "${*:3}" ;;
down)
  for file in "$dir"/n[0-9]* "$dir"/bridge; do
    [ ! -e "$file" ] || kill "$(cat "$file")" || true
    rm -f "$file"
  done
  ;;
*)
  sed -n '3,13s/^# \{0,1\}//p' "$0" >&2
  exit 1
  ;;
esac
