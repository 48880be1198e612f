# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
# Read by the job scripts beside it. Runs a job in a batch script of Slurm, so that it goes on by itself.
#
# Slurm's warning of the time limit (#SBATCH --signal=B:USR1@...) and requests to end reach the script, which hands them
# on; the job writes what is in flight and ends with exit code 75. Then, and also when it stopped for its own reasons,
# the script puts itself in the queue again, and the next time `seisproc run` goes on where this one was.

# Ranks are started with srun where Slurm was asked for three tasks or more, else with mpirun on this node, as many as
# suit its cores and GPUs; SEISPROC_MPIRUN says otherwise. Slurm does not hand this one on to srun by itself.
if [ "${SLURM_NTASKS:-1}" -ge 3 ]; then : "${SEISPROC_MPIRUN:=srun}"; else : "${SEISPROC_MPIRUN:=mpirun}"; fi
export SEISPROC_MPIRUN
[ -z "${SLURM_CPUS_PER_TASK:-}" ] || export SRUN_CPUS_PER_TASK=$SLURM_CPUS_PER_TASK

# A text as a terminal may have it: names of files may hold what moves its cursor or changes its title.
printable() { LC_ALL=C tr '\000-\037\177' '?' <<<"$1" | LC_ALL=C sed 's/?$//; s/\xc2[\x80-\x9f]/?/g'; } # TEXT
say() { printable "$(date '+%F %T')${SLURM_JOB_ID:+ job $SLURM_JOB_ID}: $*"; }

# Signals that ask to stop: the name of the last one is in $asked, and $child, where it runs, is told.
asked='' child=''
stop() {
  asked=$1
  [ -z "$child" ] || kill -USR1 "$child" 2>/dev/null || true
}
for signal in USR1 USR2 TERM INT; do
  # shellcheck disable=SC2064
  trap "stop $signal" "$signal"
done

# Runs a command in the background and waits; its exit code is in $code.
run_and_wait() {
  local before
  code=75
  [ -z "$asked" ] || return 0
  "$@" </dev/null &
  child=$!
  [ -z "$asked" ] || kill -USR1 "$child" # it came in between
  while :; do
    before=$asked
    asked=
    wait "$child" && code=0 || code=$?
    [ -n "$asked" ] || break # else a signal has ended the waiting
  done
  asked=$before
  child=
  if [ -n "$asked" ] && [ "$code" -ge 128 ]; then code=75; fi # the signal met it before it was ready for one
}

# The text of a member of JSON as seisproc prints it, a member a line.
text_of() { # KEY
  local text
  text=$(sed -n "s/^ *\"$1\": \"\(.*\)\",\{0,1\}\$/\1/p")
  printf '%b' "${text//\\\"/\"}" # JSON's \" and then its other escapes, which are those of printf
}

# Where a job keeps its journal, as `seisproc plan` says it; nothing where the job has a mistake.
journal_of() { seisproc plan --json "$@" 2>/dev/null | text_of journal; } # JOB.yaml [OPTION]...

# Whether Slurm takes this job for one that runs, and not for one that somebody has cancelled or requeued already.
is_running() { scontrol --oneliner show job "$this_job" 2>/dev/null | grep -q 'JobState=RUNNING'; }

# Slurm tells a job when its time is up since version 23.02 only; the job stops in time when it knows.
know_end() {
  local end
  [ -z "${SLURM_JOB_END_TIME:-}" ] && end=$(squeue --noheader --job="$SLURM_JOB_ID" --format=%e 2>/dev/null) &&
    end=$(date --date="$end" +%s 2>/dev/null) && export SLURM_JOB_END_TIME=$end
}

# Resuming touches a journal, so its time says nothing; every range that is done makes it longer.
size_of() { stat --format=%s "$1" 2>/dev/null || echo 0; }

# Runs a job once. Sets $code, $asked, and $progress where gathers came to the disk.
run_job() { # JOURNAL COMMAND of seisproc, its ARGUMENTs
  local before journal=$1
  shift
  before=$(size_of "$journal")
  say "run $((${SLURM_RESTART_COUNT:-0} + 1)), seisproc $* on ${SLURM_JOB_NODELIST:-$(hostname)}, with $SEISPROC_MPIRUN"
  run_and_wait seisproc "$@"
  progress=
  [ "$(size_of "$journal")" = "$before" ] || progress=1
  say "exit code $code${asked:+, asked to stop by SIG$asked}"
}

# A run that has brought nothing to the disk would do no better the next time, also where the time limit cut it off.
requeue() {
  if [ -z "$progress" ]; then
    say "no gather was done in this run: not requeued; submitted again, perhaps with more time, it goes on"
  elif ! is_running; then
    say "stopped; what becomes of this job was decided elsewhere"
  else
    say "stopped early: requeueing" # which ends this script
    scontrol requeue "$this_job" || say "cannot be requeued; submitted again, it goes on"
  fi
}

# Runs a job of Slurm to its end or requeues it. Its exit code is in $code.
run_resumable() { # JOURNAL COMMAND of seisproc, its ARGUMENTs
  this_job=${SLURM_ARRAY_JOB_ID:+${SLURM_ARRAY_JOB_ID}_$SLURM_ARRAY_TASK_ID}
  : "${this_job:=$SLURM_JOB_ID}"
  know_end
  if [ "${SLURM_RESTART_COUNT:-0}" -gt 0 ]; then # what begins anew was for the first time
    local word words=()
    for word in "$@"; do [ "$word" = --restart ] || words+=("$word"); done
    set -- "${words[@]}"
  fi
  run_job "$@"
  [ "$code" != 75 ] || requeue
}
