# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash disable=SC2034
# Read by campaign.sh and campaign.sbatch: the manifest of a campaign, and what is kept of each survey.
#
# A manifest is a text, a survey a line: INPUT OUTPUT [OPTION of seisproc run]... Names with spaces stand in quotes.
# Empty lines and those that begin with # do not count, nor does what editors and spreadsheets of Windows add: a mark at
# the beginning, carriage returns at the ends of lines. Surveys are numbered by their line, which is also the task of
# the job array: lines may be added at the end of a manifest at any time.

# The manifest as plain lines.
lines_of() { LC_ALL=C sed -e '1s/^\xef\xbb\xbf//' -e 's/[[:space:]]*$//' -e 's/^[[:space:]]*//' "$1"; } # MANIFEST

# Sets input, output and options of a line; fails where there is none.
read_survey() { # MANIFEST LINE
  local line words
  if LC_ALL=C grep -q -a -P '\x00' "$1"; then
    echo "$1: holds zero bytes, such as UTF-16 text has; save it as UTF-8 text" >&2
    return 1
  fi
  line=$(lines_of "$1" | sed -n "$2p")
  case $line in '' | \#*) return 1 ;; esac
  mapfile -t words < <(xargs -n 1 printf '%s\n' <<<"$line" 2>/dev/null && echo whole)
  if [ "${#words[@]}" -eq 0 ] || [ "${words[-1]}" != whole ]; then
    echo "$1:$2: a quote stands alone in '$line'; put such a name between quotes of the other kind" >&2
    return 1
  fi
  unset 'words[-1]'
  if [ "${#words[@]}" -lt 2 ]; then
    echo "$1:$2: needs an input and an output, found '$line'" >&2
    return 1
  fi
  input=${words[0]} output=${words[1]} options=("${words[@]:2}")
}

# Numbers of the lines that name a survey.
surveys_of() { lines_of "$1" | awk '!/^(#|$)/ { print NR }'; } # MANIFEST

# Refuses a manifest in which two surveys have one output: the second would pass for done.
check_outputs() { # MANIFEST
  local -A taken=()
  local line place
  for line in $(surveys_of "$1"); do
    read_survey "$1" "$line" 2>/dev/null || continue
    place=$(realpath -m -- "$output")
    if [ -n "${taken[$place]:-}" ]; then
      echo "$1:$line: its output $output is that of line ${taken[$place]}, too" >&2
      return 1
    fi
    taken[$place]=$line
  done
}

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
