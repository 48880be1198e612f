# SPDX-License-Identifier: BSD-3-Clause
"""What benches in Python share: the program, a survey made for them, and their figures, as perf/bench.h has them for
benches in C: lines of a table, or one JSON object."""

import json
import os
import subprocess
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PROGRAM = Path(os.environ.get("SEISPROC_BUILD", ROOT / "build")).resolve() / "seisproc"


def figure(name, value, unit, reference, ratio):
    """`ratio` is that of the value to the reference, which `reference` names."""
    return {"name": name, "value": value, "unit": unit, "reference": reference, "ratio": ratio}


def show(name, found, as_json, **settings):
    """All figures of the bench `name`; `settings` are what it ran with, for the JSON."""
    if as_json:
        print(json.dumps({"name": name, **settings, "figures": found}, indent=2))
        return
    for f in found:
        print(f"{f['name']:<56} {f['value']:>10.4g} {f['unit']:<8} {f['ratio']:>8.3f} of {f['reference']}", flush=True)


def bench_survey(name, parser, synth, measure):
    """A bench of one survey: adds the options that all such have to `parser`, makes what synth(options) asks
    `seisproc synth` for, and shows what measure(survey, options) finds."""
    parser.add_argument("--json", action="store_true", help="one JSON object")
    parser.add_argument("--dir", default=tempfile.gettempdir(), help="where the files are made")
    parser.add_argument("--threads", type=int, default=1, help="of a worker (1)")
    parser.add_argument("--turns", type=int, default=3, help="repetitions (3)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="sp-", dir=options.dir) as folder:
        survey = Path(folder) / "survey.h5"
        subprocess.run([PROGRAM, "synth", survey, *synth(options), "--interval-ms=4", "--spread=0", "--quiet"],
                       check=True)
        figures = measure(survey, options)
    show(name, figures, options.json, threads=options.threads)
