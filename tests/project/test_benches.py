# SPDX-License-Identifier: BSD-3-Clause
"""Benches in Python, in a size that takes seconds: they run to their end, what they time is right by their own check,
and their figures are a JSON object. bench_image_scaling.py has a test of its own (tests/flow);
bench_throttled.py and bench_packing.py take minutes."""

import json
import sys

import pytest

import harness

SMALL = {
    "bench_cube.py": ["--cells", "12", "20", "--samples", "200", "--turns", "1", "--peers", "numpy"],
    "bench_dealing.py": ["--workers", "2", "--slabs", "3", "--seconds", "0.05", "--stop", "0"],
    "bench_image.py": ["--gathers", "2", "--turns", "1"],
    "bench_report.py": ["--gathers", "30", "--traces", "20", "--samples", "200"],
    "bench_python.py": ["--gb", "0.01", "--workers", "1", "--turns", "1", "dwt"],
}


@pytest.mark.parametrize("name", SMALL)
def test_a_bench_runs(tmp_path, name):
    result = harness.run([sys.executable, harness.ROOT / "perf" / name, "--json", f"--dir={tmp_path}", *SMALL[name]],
                         timeout=100, tmp=tmp_path, env={"SEISPROC_BUILD": harness.BUILD})
    assert result.returncode == 0, str(result)
    assert json.loads(result.stdout), str(result)
