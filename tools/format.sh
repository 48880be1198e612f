#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# tools/format.sh check|write FILE...
#
# Lays C sources out as .clang-format says, or checks that they are. Versions of clang-format disagree, so only
# version 14 counts (CLANG_FORMAT names it); with another one, or none, checking says "skipped" and succeeds.
set -u
what=$1
shift
for tool in "${CLANG_FORMAT:-}" clang-format-14 clang-format; do
  [ -n "$tool" ] && "$tool" --version 2>/dev/null | grep -q 'version 14\.' && break
  tool=
done
if [ -z "$tool" ]; then
  echo "format-check: skipped, clang-format 14 is not here"
  [ "$what" = check ]
  exit
fi
case $what in
write) exec "$tool" -i "$@" ;;
check) exec "$tool" --dry-run --Werror "$@" ;;
*) echo "usage: tools/format.sh check|write FILE..." >&2 && exit 1 ;;
esac
