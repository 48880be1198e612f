# SPDX-License-Identifier: BSD-3-Clause
"""Images in tiles that are dealt to groups of workers: the same bits for any tiles, groups and ranks, after any kill,
and going on with other groups; what `plan` says of them."""

import h5py
import numpy as np
import pytest

import harness
import jobs
from images import files, plan

# Six tiles of a row each: a column takes 36 kB, a tile 1 MB.
JOB = """\
input: {input}
output: {output}
engine: cpu
threads: 1
chain:
  - pstm: {{velocity: 2000, origin: [-100, -50], dx: 25, nx: 18, ny: 6, dtau: 0.5, ntau: 1500, aperture: 100,
           antialias: false, snapshot: 0.01, offsets: [150, 300]}}
"""
TILES = ("--set=chain.0.pstm.tile_mb=1",)


def groups(n):
    return (*TILES, f"--set=chain.0.pstm.tile_groups={n}")


@pytest.fixture(scope="module")
def whole(tmp_path_factory, image_survey):
    """The image in one tile."""
    job = jobs.Job(tmp_path_factory.mktemp("whole"), image_survey, JOB)
    job.run(ranks=3)
    return content(job)


def content(job):
    with h5py.File(job.output) as f:
        assert np.any(f["traces"][:])
        return [f[name][:].tobytes() for name in ("traces", "hits", "integrity/crc32c", "integrity/status")]


@pytest.mark.parametrize("ranks, n", [(3, 1), (7, 2), (8, 6)])
def test_any_groups_give_the_same_bits(tmp_path, image_survey, whole, ranks, n):
    """7 ranks are 5 workers: groups of two and three."""
    job = jobs.Job(tmp_path, image_survey, JOB)
    job.run(*groups(n), ranks=ranks)
    assert content(job) == whole
    assert files(tmp_path) == ["out.h5"]


@pytest.mark.parametrize("orders", ["devices=2,delay=20", "devices=4,delay=5"])
def test_groups_of_devices(tmp_path, image_survey, whole, orders):
    """Four workers in two groups: devices of a group exchange, or, where they are shared, add up through the host."""
    job = jobs.Job(tmp_path, image_survey, JOB)
    job.run(*groups(2), "--set=engine=auto", ranks=6, env={"SEISPROC_MOCK": orders})
    assert content(job) == whole


def killed(job, fault, *arguments, ranks):
    faulty = harness.BUILD.parent / (harness.BUILD.name + "-faults") / "seisproc"
    if not faulty.exists():
        pytest.skip("no build with faults (make faults)")
    job.run(*arguments, ranks=ranks, binary=faulty, env={"SEISPROC_FAULT": fault}, check=None)
    assert not job.output.exists()


@pytest.mark.parametrize("fault, ranks", [
    ("snapshot_written:1@2", (5, 4)),  # three groups, then two
    ("snapshot_written:2@3", (4, 8, 3)),  # two, six, one
    ("snapshot_named:1@2", (8, 4)),  # a head whose other parts may be missing
    pytest.param("snapshot_named:2@3", (5, 8), marks=pytest.mark.long),
    pytest.param("snapshot_named:4@2", (4, 5, 6), marks=pytest.mark.long),
    pytest.param("in_compute:9@3", (5, 4, 8), marks=pytest.mark.long),
])
def test_killed_it_goes_on_with_other_groups(tmp_path, image_survey, whole, fault, ranks):
    """As many groups as there are workers, as far as six tiles can be shared out among them."""
    job = jobs.Job(tmp_path, image_survey, JOB)
    for n in ranks[:-1]:
        killed(job, fault, *groups(6), ranks=n)
    job.run(*groups(6), ranks=ranks[-1])
    assert content(job) == whole and files(tmp_path) == ["out.h5"]


def test_plan_says_what_the_groups_are(tmp_path, image_survey, seisproc):
    """Here little is summed for a sample, so that adding up would take longest: a worker a tile."""
    job = jobs.Job(tmp_path, image_survey, JOB)
    said = plan(seisproc, job, *TILES, "--workers=6").stdout
    assert "6 tiles of 18 x 1 points" in said
    assert "6 groups of workers, each with a tile of its own; 1 round" in said
    for workers, n in ((1, 1), (4, 3), (5, 3)):
        said = plan(seisproc, job, *groups(6), f"--workers={workers}").stdout
        assert f"           {n} group" in said, (workers, said)
    said = plan(seisproc, job, *groups(2), "--workers=4").stdout
    tile = 18 * 1500 * 12e-6
    assert f"sums take {tile:.0f} MB, and its part of its group's up to the last snapshot {tile / 2:.0f} MB" in said
