#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# `make html`: the manual as a site in $BUILD/html, by mkdocs 1.5 or later: the one that $MKDOCS names, or that of the
# path, or one from PyPI in a virtual environment of the build, which this makes. Its warnings are errors: a page
# in no menu, a link that leads nowhere. Exits with 77 where no mkdocs is to be had.
set -euo pipefail
cd "$(dirname "$0")/.."
build=${BUILD:-build}

find_mkdocs() {
  mkdocs=${MKDOCS:-$(command -v mkdocs || true)}
  [ -n "${MKDOCS:-}" ] && return
  # Debian 12 has 1.4, which knows half of our settings.
  if [ -n "$mkdocs" ] && "$mkdocs" --version | grep -qE ' version (1\.([5-9]|[1-9][0-9])|[2-9])'; then return; fi
  mkdocs=$build/mkdocs/bin/mkdocs
  [ -x "$mkdocs" ] && return
  echo "make html: getting mkdocs from PyPI into $build/mkdocs"
  "${PYTHON:-python3}" -m venv "$build/mkdocs" >"$build/mkdocs.log" 2>&1 &&
    "$build/mkdocs/bin/pip" install -q --disable-pip-version-check 'mkdocs>=1.5,<2' >>"$build/mkdocs.log" 2>&1
}

mkdir -p "$build"
find_mkdocs || {
  sed 's/^/  /' "$build/mkdocs.log" | tail -n 3 >&2
  rm -rf "$build/mkdocs"
  echo "make html: no mkdocs: on Debian \`apt-get install python3-venv\` and a way to PyPI, or Debian 13's mkdocs; or" \
    "set MKDOCS to one of yours" >&2
  exit 77
}
# Pages link to files above their folder: those stand beside them in the site.
pages=$build/manual
rm -rf "$pages" "$build/html"
mkdir -p "$pages/docs"
cp docs/*.md docs/*.png "$pages/docs"
for page in CHANGELOG CONTRIBUTING SECURITY; do cp "$page.md" "$pages/docs/${page,,}.md"; done
sed 's|](docs/|](|g' README.md >"$pages/docs/readme.md"
cp LICENSE "$pages/docs/license.txt"
cp perf/results/kernels.csv "$pages/docs"
sed -i -E -e 's/\]\((\.\.\/)?(README|CHANGELOG|CONTRIBUTING|SECURITY)\.md/](\L\2.md/g' \
  -e 's/\]\((\.\.\/)?LICENSE/](license.txt/g; s|\]\(\.\./perf/results/|](|g; s|\]\(docs/|](|g' "$pages"/docs/*.md
cp mkdocs.yml "$pages"
"$mkdocs" build --strict --config-file "$pages/mkdocs.yml" --site-dir "$(realpath "$build")/html"
echo "the manual: $build/html/index.html"
