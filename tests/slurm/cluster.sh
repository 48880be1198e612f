#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# A throw-away Slurm of two nodes on this machine: tests/slurm/cluster.sh DIR. Needs root.
#
# Everything that it has is in DIR, and everything that it runs in namespaces of its own: the first process of its
# process namespace ends with standard input, and all others with that one, jobs included. So nothing is left whichever
# way the user of it ends, and its ports and sockets are nobody else's. DIR is removed then.
#
# Commands reach it through nsenter, into the namespaces of the process that DIR/init names; SLURM_CONF is
# DIR/slurm.conf.
set -euo pipefail

if [ "${1:-}" != --inside ]; then
  dir=$(realpath "$1")
  trap '' INT TERM HUP # it ends with standard input
  unshare --mount --pid --net --fork --kill-child "$0" --inside "$dir" || true
  rm -rf "$dir"
  exit 0
fi

dir=$2
# Seen from outside: how nsenter finds us.
read -r pid _ </proc/self/stat
echo "$pid" >"$dir/init.new"
mv "$dir/init.new" "$dir/init"
mount -t proc proc /proc
ip link set lo up
ip address add 192.0.2.1/32 dev lo # names are not resolved where there are none but loopback addresses
cd "$dir"
mkdir -p state log spool.n1 spool.n2 tmp.n1 tmp.n2

cat >slurm.conf <<END
ClusterName=throwaway
SlurmctldHost=$(hostname -s)(127.0.0.1)
SlurmUser=root
AuthType=auth/munge
# a job that was requeued may start again when its credential has expired: by default after two minutes
AuthInfo=socket=$dir/munge.socket,cred_expire=5
StateSaveLocation=$dir/state
SlurmdSpoolDir=$dir/spool.%n
TmpFS=$dir/tmp.%n
SlurmctldPidFile=$dir/slurmctld.pid
SlurmdPidFile=$dir/slurmd.%n.pid
SlurmctldLogFile=$dir/log/slurmctld
SlurmdLogFile=$dir/log/slurmd.%n
SlurmctldPort=6817
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SchedulerParameters=bf_interval=1,sched_interval=1,sched_min_interval=100000
JobAcctGatherType=jobacct_gather/none
MpiDefault=none
KillWait=5
MessageTimeout=60
ReturnToService=2
SlurmdParameters=config_overrides
NodeName=n1 NodeHostname=$(hostname -s) NodeAddr=127.0.0.1 Port=6818 CPUs=16 Gres=gpu:1
NodeName=n2 NodeHostname=$(hostname -s) NodeAddr=127.0.0.1 Port=6819 CPUs=16
GresTypes=gpu
PartitionName=test Nodes=n1,n2 Default=YES MaxTime=INFINITE State=UP OverSubscribe=NO
END
echo "NodeName=n1 Name=gpu File=/dev/null" >gres.conf
export SLURM_CONF=$dir/slurm.conf

head -c 1024 /dev/urandom >munge.key
chmod 600 munge.key
munged --force --num-threads=2 --key-file="$dir/munge.key" --socket="$dir/munge.socket" \
  --pid-file="$dir/munged.pid" --log-file="$dir/log/munged" --seed-file="$dir/munge.seed"
slurmctld -c
# Two nodes have two names, and MPI's shared memory is not that of the other node.
# shellcheck disable=SC2016
for node in n1 n2; do
  unshare --mount --uts bash -c 'hostname "$0" && mount -t tmpfs -o mode=1777 shm /dev/shm && exec slurmd -N "$0"' $node
done
cat >/dev/null
