# SPDX-License-Identifier: BSD-3-Clause
"""perf/bench_image_scaling.py in a small size, on the CPU: one image on all numbers of workers, and its figures."""

import json
import sys

import pytest

import harness


@pytest.mark.timeout(240)
def test_whole_jobs_on_one_and_two_workers(tmp_path):
    result = harness.run([sys.executable, harness.ROOT / "perf/bench_image_scaling.py", "--json", "--engine=cpu",
                          f"--dir={tmp_path}", "--workers", "1", "2", "--gathers=9", "--traces=30", "--samples=200",
                          "--points=20", "--aperture=300", "--tile-mb=1"], timeout=200, tmp=tmp_path,
                         env={"SEISPROC_BUILD": harness.BUILD})
    assert result.returncode == 0, str(result)
    found = json.loads(result.stdout)
    one, two = found["results"]
    assert one["sha256"] == two["sha256"] and (one["workers"], two["workers"]) == (1, 2)
    assert one["engine"] == two["engine"] == "cpu"
    for r in found["results"]:
        assert 0 < r["shares"]["compute"] < 1 and all(0 <= share < 1 for share in r["shares"].values())
        assert r["giga_contributions_s"] == pytest.approx(1e-9 * found["contributions"] / r["seconds"])
    assert list(tmp_path.glob("sp-*")) == []
