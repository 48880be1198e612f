#!/usr/bin/env bash
# `make demo`: sets up, builds, makes a survey whose clean signal is known, denoises it on several ranks, and says what
# came of it. $DEMO_DIR is where the files go (build/demo), $DEMO_GATHERS how many gathers the survey has.
set -euo pipefail
cd "$(dirname "$0")/.."
build=${BUILD:-build}
dir=${DEMO_DIR:-$build/demo}
gathers=${DEMO_GATHERS:-120}

tools/setup.sh build
${MAKE:-make} --no-print-directory -j"$(nproc)" all

seisproc=$build/seisproc
survey=$dir/survey.h5 clean=$dir/clean.h5 job=$dir/denoise.yaml output=$dir/denoised.h5
rm -rf "$dir"
mkdir -p "$dir"

cat >"$job" <<END
input: $survey
output: $output
mode: both
chain:
  - dwt: {wavelet: db4, threshold: soft, k: 3.0}
END

show() { printf '\n$'; printf ' %s' "$@"; printf '\n'; "$@"; }

show "$seisproc" synth "$survey" --gathers "$gathers" --traces 800 --samples 1500 --interval-ms 2 --noise 1 --seed 1 \
  --clean "$clean"
show "$seisproc" info "$survey"
printf '\n$ cat %s\n' "$job"
cat "$job"
start=$(date +%s.%N)
show "$seisproc" run "$job"
end=$(date +%s.%N)

# `compare CLEAN FILE --json` gives the signal-to-noise ratio in dB; `info FILE --json` the size.
number() { sed -n "s/.*\"$1\": *\\(-\\{0,1\\}[0-9.e+-]*\\).*/\\1/p" | head -n 1; }
before=$("$seisproc" compare "$clean" "$survey" --json | number snr_db) || true
after=$("$seisproc" compare "$clean" "$output" --json | number snr_db) || true
traces=$("$seisproc" info "$survey" --json | number n_traces)
samples=$("$seisproc" info "$survey" --json | number n_samples)

awk -v traces="$traces" -v samples="$samples" -v gathers="$gathers" -v start="$start" -v end="$end" \
  -v before="$before" -v after="$after" -v out="$output" -v seisproc="$seisproc" 'BEGIN {
  mb = traces * samples * 4e-6
  s = end - start
  print "\nDone: a survey of", gathers, "gathers was denoised on several ranks."
  printf "  survey           %d traces of %d samples, %.0f MB\n", traces, samples, mb
  printf "  signal to noise  %.1f dB before, %.1f dB after (against the clean survey)\n", before, after
  printf "  time             %.1f s: %.0f traces/s, %.0f MB/s in and %.0f MB/s out\n", s, traces / s, mb / s, 2 * mb / s
  printf "  output           %s (denoised /traces, and /noise)\n", out
  printf "  look at it       %s info %s\n", seisproc, out
}'
