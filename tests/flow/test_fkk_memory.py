# SPDX-License-Identifier: BSD-3-Clause
"""A cube larger than this machine's memory is refused before anything exists, unless there is a scratch folder with
room. Its samples are a hole of a file: nothing reads them."""

import os
import re
import sys

import h5py
import numpy as np
import pytest

import harness
import jobs

sys.path.insert(0, str(harness.ROOT / "tests" / "cli"))

from surveys import write_survey  # noqa: E402

N_SAMPLES, PAD = 100_000, 4
SPECTRUM = 8 * (1 + PAD) * N_SAMPLES // 2  # bytes of a trace
JOB = "input: {{input}}\noutput: {{output}}\nengine: cpu\nthreads: 1\nchain:\n  - fkk: {{{{vmax: 3000, pad: 4{}}}}}\n"


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    """The survey, and bytes of its spectra: more than all memory."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    side = int(np.ceil(np.sqrt(1.3 * memory / SPECTRUM)))
    il, xl = (v.ravel().astype("<i4") for v in np.meshgrid(np.arange(side), np.arange(side), indexing="ij"))
    path = write_survey(tmp_path_factory.mktemp("large") / "in.h5", np.zeros((side * side, 1)), interval_us=4000.0,
                        headers={"iline": il, "xline": xl, "cdpx": 25.0 * il, "cdpy": 25.0 * xl})
    with h5py.File(path, "a") as f:
        del f["traces"]
        created = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        created.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
        created.set_fill_time(h5py.h5d.FILL_TIME_NEVER)
        h5py.h5d.create(f.id, b"traces", h5py.h5t.IEEE_F32LE, h5py.h5s.create_simple((side * side, N_SAMPLES)), created)
        f["traces"].attrs["content"] = np.bytes_("input")
        f.attrs["n_samples"] = N_SAMPLES
    return path, SPECTRUM * side * side


def errors(result):
    return [line for line in result.stderr.splitlines() if "error:" in line]


def test_refused_by_plan_and_run(seisproc, large, tmp_path):
    job = jobs.Job(tmp_path, large[0], JOB.format(""))
    said = (r"the largest cube needs [\d.]+ GB of memory in all, \d+ workers have [\d.]+: more ranks or nodes, a "
            r"narrower f, or a scratch folder with ([\d.]+) GB of room")
    for found in (errors(seisproc("plan", job.path, check=1)), errors(job.run(ranks=3, check=1))):
        assert len(found) == 1 and re.search(said, found[0]), found
        assert float(re.search(said, found[0])[1]) * 1e9 == pytest.approx(large[1], rel=0.01)
    assert job.files() == []


def test_a_narrow_band_fits(seisproc, large, tmp_path):
    job = jobs.Job(tmp_path, large[0], JOB.format(", f: [1, 2, 3, 4]"))
    assert "spectra in memory" in seisproc("plan", job.path).stdout


def test_a_scratch_folder_must_be_there_and_have_room(seisproc, large, tmp_path):
    missing = jobs.Job(tmp_path, large[0], JOB.format(f", scratch: {tmp_path}/none"), name="missing")
    found = errors(seisproc("plan", missing.path, check=1))
    assert len(found) == 1 and "none cannot be used: No such file or directory" in found[0], found
    for folder in (tmp_path, "/dev/shm"):
        job = jobs.Job(tmp_path, large[0], JOB.format(f", scratch: {folder}"), name="scratch")
        room = os.statvfs(folder).f_bavail * os.statvfs(folder).f_frsize
        if room > 1.02 * large[1]:
            assert "spectra in the scratch folder" in seisproc("plan", job.path).stdout
        elif room < 0.98 * large[1]:
            found = errors(seisproc("plan", job.path, check=1))
            said = r"spectra of the largest cube take [\d.]+ GB, [\d.]+ GB are free there"
            assert len(found) == 1 and re.search(said, found[0]), found
    assert missing.files() == []
