#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Many surveys, one job file, a job array of Slurm:
#
#   campaign.sh submit JOB.yaml MANIFEST [OPTION of sbatch]...
#   campaign.sh status MANIFEST
#
# A manifest names a survey a line: INPUT OUTPUT [OPTION of seisproc run]...; `submit` runs JOB.yaml on each of them,
# with its input and output. Each survey is a task of the array: it stops by itself before its time limit and goes back
# to the queue until it is complete, and one that fails keeps none of the others. Given again, `submit` runs what is
# neither complete nor in the queue. `--array=%8` as an option lets eight run at a time. `status` prints a table and
# exits with 0 when all surveys are done, 75 when some are left, else 2. Logs lie in MANIFEST.campaign.
set -euo pipefail
usage() { sed -n '4,5s/^# *//p' "$0" >&2; exit 1; }
here=$(dirname "$(realpath "$0")")
. "$here/manifest.sh"

# The tasks of this user's jobs: array job, task, state. One question for the whole campaign, and none where nothing of
# it was submitted.
ask_queue() {
  compgen -G "$(folder_of "$manifest")/*.job" >/dev/null || return 0
  squeue --me --array --noheader --states=all --Format=ArrayJobID:20,ArrayTaskID:20,StateCompact:8 || true
}

# How a survey stands: done, partial (complete, but for some gathers), failed, or left, and then how it is left.
read_state() { # LINE; sets state, note
  local word=none job=- code=- queued=
  [ ! -e "$(state_of "$manifest" "$1")" ] || read -r word job code <"$(state_of "$manifest" "$1")" || true
  queued=$(awk -v job="$(cat "$(folder_of "$manifest")/$1.job" 2>/dev/null || echo none)" -v task="$1" \
    '$1 == job && $2 == task { print $3 }' <<<"$queue")
  state=left note="not submitted"
  if [ -e "$output" ]; then
    state='done' note=
    if [ "$code" = 2 ]; then state=partial note=$(failures "$1"); fi
    return
  fi
  case $queued in
  R | CG) note="running, job $job" ;;
  PD | S | RQ) note="in the queue" ;;
  *)
    case $word.$code in
    ended.75) note="stopped early" ;;
    ended.*) state=failed note=$(reason "$1" "$code") ;;
    running.*) note="cut off" ;;
    esac
    ;;
  esac
}

# What the closing lines of a survey's log say of gathers that were not processed.
failures() { # LINE
  { grep -o '[0-9]* gathers \(not processed\|processed in part\).*' "$(log_of "$manifest" "$1")" || true; } | tail -n 1
}

# The first error of the last run in a survey's log.
reason() { # LINE EXIT_CODE
  local text
  text=$(awk '/: run [0-9]+ of / { text = "" }
    / error: / && !text { sub(/^.*error: /, ""); text = $0 }
    END { print text }' "$(log_of "$manifest" "$1")" 2>/dev/null) || true
  echo "${text:-exit code $2, see $(log_of "$manifest" "$1")}"
}

# Gathers that are on the disk, and all of them, as the journal has them.
gathers() { # OUTPUT
  if [ -e "$1" ]; then printf all; return; fi
  [ -e "$1.journal" ] || { printf -- -; return; }
  awk '/^seisproc-journal / { for (i = 1; i <= NF; i++) if ($i ~ /^gathers=/) all = substr($i, 9) }
    /^done / { n += $3 }
    END { if (all) printf "%d/%d", n, all; else printf "-" }' "$1.journal"
}

print_status() {
  local line n=0
  declare -A count=([done]=0 [partial]=0 [failed]=0 [left]=0)
  queue=$(ask_queue)
  printf '%4s  %-7s  %13s  %s\n' line state gathers output
  for line in $(surveys_of "$manifest"); do
    read_survey "$manifest" "$line" || exit 1
    read_state "$line"
    printf '%4s  %-7s  %13s  %s%s\n' "$line" "$state" "$(gathers "$output")" "$output" "${note:+: $note}"
    count[$state]=$((count[$state] + 1)) n=$((n + 1))
  done
  echo "$n surveys: ${count[done]} done, ${count[partial]} partial, ${count[failed]} failed, ${count[left]} left"
  [ "${count[left]}" -eq 0 ] || return 75
  [ "${count[done]}" -eq "$n" ] || return 2
}

# What is neither complete nor in the queue, as the list that sbatch takes.
lines_to_run() {
  local line
  queue=$(ask_queue)
  for line in $(surveys_of "$manifest"); do
    read_survey "$manifest" "$line" || exit 1
    read_state "$line"
    case $state:$note in
    done:* | partial:* | left:running* | left:in\ the\ queue) ;;
    *) echo "$line" ;;
    esac
  done | paste -sd,
}

submit() { # [OPTION of sbatch]...
  local lines limit='' options=() option job id line
  for option in "$@"; do
    case $option in --array=%*) limit=${option#--array=} ;; *) options+=("$option") ;; esac
  done
  lines=$(lines_to_run)
  if [ -z "$lines" ]; then echo "nothing to submit: every survey is complete or in the queue"; return; fi
  mkdir -p "$(folder_of "$manifest")"
  for line in ${lines//,/ }; do rm -f "$(state_of "$manifest" "$line")"; done
  id=$(SEISPROC_JOBSCRIPTS=$here sbatch --parsable --array="$lines$limit" \
    --output="$(folder_of "$manifest")/%a.log" "${options[@]}" "$here/campaign.sbatch" "$job_file" "$manifest")
  for line in ${lines//,/ }; do echo "${id%%;*}" >"$(folder_of "$manifest")/$line.job"; done
  echo "submitted as job ${id%%;*}: lines $lines"
}

case ${1:-} in
submit)
  [ $# -ge 3 ] || usage
  job_file=$2 manifest=$3
  check_outputs "$manifest" || exit 1
  shift 3
  submit "$@"
  ;;
status)
  [ $# -eq 2 ] || usage
  manifest=$2
  print_status
  ;;
*) usage ;;
esac
