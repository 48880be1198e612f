#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# `make demo`: sets up, builds, makes a survey whose clean signal is known, denoises it on several ranks, and says what
# came of it. $DEMO_DIR is where the files go (build/demo), $DEMO_GATHERS how many gathers the survey has. The
# chain is the one that `seisproc help denoise` advises for such noise.
set -euo pipefail
cd "$(dirname "$0")/.."
build=${BUILD:-build}
dir=${DEMO_DIR:-$build/demo}
gathers=${DEMO_GATHERS:-60}

tools/setup.sh build
${MAKE:-make} --no-print-directory -j"$(nproc)" all

seisproc=$build/seisproc
survey=$dir/survey.h5 clean=$dir/clean.h5 job=$dir/denoise.yaml output=$dir/denoised.h5
report=$dir/report.json page=$dir/denoised.qc.html picture=$dir/gather.png
rm -rf "$dir"
mkdir -p "$dir"

cat >"$job" <<END
input: $survey
output: $output
mode: both
chain:
  - fk_denoise: {}
END

show() { printf '\n$'; printf ' %q' "$@"; printf '\n'; "$@"; }

show "$seisproc" synth "$survey" --clean "$clean" --gathers "$gathers" --traces 800 --samples 1500 --noise 1 --seed 1
show cat "$job"
show "$seisproc" run "$job" --workers 2 --report "$report"
show "$seisproc" info "$output"

# The first number of this name in a JSON object that has a name a line.
number() { sed -n "s/^ *\"$1\": *\\([-+0-9.e]*\\).*/\\1/p" | head -n 1; }
snr() { "$seisproc" compare "$clean" "$1" --json | number snr_db; }

# Without cairo there are no PNGs: the program says so.
draw() { show "$seisproc" view "$output" --gather '#1' --output "$picture"; }
draw || { picture=$dir/gather.svg && draw; }
show "$seisproc" qc "$output" --quiet --output "$page"

awk -v ranks="$(grep -c '"role"' "$report")" -v workers="$(grep -c '"role": "worker"' "$report")" \
  -v traces="$(number n_traces <"$report")" -v samples="$(number n_samples <"$report")" -v gathers="$gathers" \
  -v s="$(number wall_s <"$report")" -v before="$(snr "$survey")" -v after="$(snr "$output")" -v out="$output" \
  -v page="$page" -v picture="$picture" -v job="$job" -v program="$seisproc" 'BEGIN {
  mb = traces * samples * 4e-6
  printf "\nDone: a survey of %d gathers, %d traces of %d samples (%.0f MB) was denoised", gathers, traces, samples, mb
  printf " in f-k windows on %d ranks, %d of them workers.\n", ranks, workers
  printf "  signal to noise  %.1f dB before, %.1f dB after, against the clean survey\n", before, after
  printf "  throughput       %.0f traces/s: %.0f MB/s in, %.0f MB/s out, in %.1f s\n", traces / s, mb / s, 2 * mb / s, s
  printf "  output           %s holds the denoised traces and, as /noise, what was taken away\n", out
  printf "\nTo open:\n  %s    a gather before and after, and the noise: no reflections should be in it\n", picture
  printf "  %s    the report, in any browser: gathers, spectra, maps\n", page
  printf "\nWhat to try next:\n"
  printf "  %s sweep %s --vary chain.0.fk_denoise.high=2.7,3.1,3.5 --gathers every:20", program, job
  printf "    another threshold\n"
  printf "  %s help denoise    which chain for which noise\n", program
  printf "  %s verify %s    that the output is what was computed\n", program, out
  printf "  %s import YOUR.sgy your.h5 --gather fldr    your own data: name it as input in a copy of", program
  printf " %s\n", job
  printf "  docs/first-hour.md    an hour for a geophysicist, an operator, a developer\n"
}'
