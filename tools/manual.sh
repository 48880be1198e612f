#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# `make html`: the manual as a site in $BUILD/html, by mkdocs. Every warning of it is an error: a page that no menu
# names, a link that leads nowhere. $MKDOCS names the program; exits with 77 where there is none.
set -euo pipefail
cd "$(dirname "$0")/.."
build=${BUILD:-build}
mkdocs=${MKDOCS:-mkdocs}
command -v "$mkdocs" >/dev/null || {
  echo "make html: no mkdocs; \`python3 -m venv DIR && DIR/bin/pip install mkdocs\`, then MKDOCS=DIR/bin/mkdocs" >&2
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
