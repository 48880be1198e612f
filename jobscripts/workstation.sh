#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Many surveys, one job file, one after the other on this machine, without Slurm:
#
#   workstation.sh JOB.yaml MANIFEST [OPTION of seisproc run]...
#
# MANIFEST is that of campaign.sh, which also tells how its surveys stand. `seisproc run` starts a job that died again
# by itself. What is complete is left alone, and a survey that fails keeps none of the others, so that the same command
# goes on after a reboot as well, from a crontab's @reboot for instance. Ctrl-C or SIGTERM stops it, losing nothing. The
# exit code is that of `campaign.sh status`: 0 all are done, 2 some failed, 75 some are left.
set -u
here=$(dirname "$(realpath "$0")")
. "$here/resumable.sh"
. "$here/manifest.sh"
if [ $# -lt 2 ]; then sed -n '4s/^# *//p' "$0" >&2; exit 1; fi
job=$1 manifest=$2
shift 2

check_outputs "$manifest" || exit 1
asked=
mkdir -p "$(folder_of "$manifest")"
for line in $(surveys_of "$manifest"); do
  read_survey "$manifest" "$line" || continue
  [ ! -e "$output" ] || continue
  log=$(log_of "$manifest" "$line")
  again=1
  while [ -n "$again" ]; do
    say "$input to $output, log $log"
    note_state "$manifest" "$line" running here
    run_job "$output" "$job" --set "input=$input" --set "output=$output" "${options[@]}" "$@" >>"$log" 2>&1
    note_state "$manifest" "$line" ended here "$code"
    say "exit code $code"
    again=
    [ "$code" = 75 ] && [ -z "$asked" ] && [ -n "$progress" ] && again=1
  done
  [ -z "$asked" ] || break
done
exec "$here/campaign.sh" status "$manifest"
