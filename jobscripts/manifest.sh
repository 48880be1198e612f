# shellcheck shell=bash disable=SC2034
# Read by campaign.sh and campaign.sbatch: the manifest of a campaign, and what is kept of each survey.
#
# A manifest is a text, a survey a line: INPUT OUTPUT [OPTION of seisproc run]... Names with spaces stand in quotes.
# Empty lines and those that begin with # do not count. Surveys are numbered by their line, which is also the task of
# the job array: lines may be added at the end of a manifest at any time.

# Sets input, output and options of a line; fails where there is none.
read_survey() { # MANIFEST LINE
  local line words
  line=$(sed -n "$2p" "$1")
  case $line in '' | \#*) return 1 ;; esac
  mapfile -t words < <(xargs -n 1 printf '%s\n' <<<"$line")
  if [ "${#words[@]}" -lt 2 ]; then
    echo "$1:$2: needs an input and an output, found '$line'" >&2
    return 1
  fi
  input=${words[0]} output=${words[1]} options=("${words[@]:2}")
}

# Numbers of the lines that name a survey.
surveys_of() { awk '!/^[[:space:]]*(#|$)/ { print NR }' "$1"; } # MANIFEST

# Logs and states of a campaign lie beside its manifest.
folder_of() { echo "$1.campaign"; }             # MANIFEST
state_of() { echo "$(folder_of "$1")/$2.state"; } # MANIFEST LINE
log_of() { echo "$(folder_of "$1")/$2.log"; }     # MANIFEST LINE

# How a survey's last run stands: running JOB, or ended JOB EXIT_CODE.
note_state() { # MANIFEST LINE WORD...
  local state
  state=$(state_of "$1" "$2")
  shift 2
  echo "$*" >"$state.new" && mv "$state.new" "$state"
}
