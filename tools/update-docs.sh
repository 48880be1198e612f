#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# tools/update-docs.sh [--check] FILE...
#
# Puts what a command prints between the lines `<!-- begin: seisproc ARGUMENTS -->` and `<!-- end -->` of each file; in
# man pages these are `.\" begin: seisproc ARGUMENTS` and `.\" end`.
# --check changes nothing and fails, naming the files, where it would.
set -euo pipefail
shopt -s inherit_errexit
binary=${BINARY:-build/seisproc}
check=
if [ "${1:-}" = --check ]; then check=1; shift; fi

fill() { # FILE
  local line table skipping=
  while IFS= read -r line; do
    case $line in '<!-- end -->' | '.\" end') skipping= ;; esac
    [ -n "$skipping" ] || printf '%s\n' "$line"
    if [[ $line =~ ^'<!-- begin: seisproc '(.*)' -->'$ ]]; then
      skipping=1
      # shellcheck disable=SC2086
      table=$("$binary" ${BASH_REMATCH[1]})
      printf '\n%s\n\n' "$table"
    elif [[ $line =~ ^'.\" begin: seisproc '(.*)$ ]]; then
      skipping=1
      # shellcheck disable=SC2086
      "$binary" ${BASH_REMATCH[1]}
    fi
  done <"$1"
}

status=0
for file; do
  text=$(fill "$file")
  [ "$text" = "$(cat "$file")" ] && continue
  if [ -n "$check" ]; then
    echo "$file is not what $binary says now: make docs" >&2
    status=1
  else
    printf '%s\n' "$text" >"$file"
  fi
done
exit $status
