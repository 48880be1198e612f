"""Figures of quality: what a job measures of each gather and trace while it runs, against NumPy on what it wrote."""

import re

import h5py
import numpy as np
import pytest

import jobs
from cli.surveys import write_survey

JOB = """\
input: {input}
output: {output}
mode: both
qc: trace
engine: mock
slab_mb: 1
commit_interval: 0.1
dead_traces: ignore
chain:
  - dwt: {{level: 4, k: 2.5}}
"""


@pytest.fixture(scope="module")
def survey(tmp_path_factory):
    """Gathers of uneven size: empty, dead, with a NaN, of a single trace, with huge and with tiny samples."""
    rng = np.random.default_rng(2)
    sizes = [40, 0, 25, 30, 1, 33, 20, 20, 61, 17]
    first = np.cumsum([0] + sizes)
    traces = rng.normal(size=(first[-1], 1203)).astype("f4") + 3 * np.sin(np.arange(1203) / 7).astype("f4")
    gather = [slice(a, b) for a, b in zip(first, first[1:])]
    traces[gather[2]] = 0
    traces[first[3] + 4, 70] = np.nan
    traces[first[5] + 2] = 0
    traces[gather[6]] *= np.float32(1e22)
    traces[gather[7]] *= np.float32(1e-25)
    path = tmp_path_factory.mktemp("quality") / "in.h5"
    return write_survey(path, traces, first, headers={"offset": np.arange(first[-1])})


def expected(path, survey):
    with h5py.File(path) as f, h5py.File(survey) as s:
        before, after, noise = (d[:].astype("f8") for d in (s["traces"], f["traces"], f["noise"]))
        first = f["gathers/first_trace"][:]
    rows = []
    for g, (a, b) in enumerate(zip(first, first[1:])):
        ok = np.isfinite(before[a:b]).all(1) & np.isfinite(noise[a:b]).all(1)
        x, y, n = before[a:b][ok], after[a:b][ok], noise[a:b][ok]
        if not x.any():
            rows.append([np.nan] * 6)
            continue
        energy = [(v**2).sum() for v in (x, y, n)]
        rows.append([energy[2] / energy[0], (n * y).sum() / np.sqrt(energy[1]) / np.sqrt(energy[2]),
                     *np.sqrt(np.array(energy) / x.size), np.abs(x).max()])
    return dict(zip(("removed_fraction", "xcorr", "rms_in", "rms_out", "rms_noise", "peak_in"), np.array(rows).T))


def figures(path):
    with h5py.File(path) as f:
        return {name: f["qc/gather/" + name][:] for name in f["qc/gather"]}


def test_figures_are_those_of_what_was_written(tmp_path, survey):
    job = jobs.Job(tmp_path, survey, JOB)
    job.run(ranks=3, check=2)
    got, true = figures(job.output), expected(job.output, survey)
    for name, values in true.items():
        assert np.allclose(got[name], values, rtol=2e-5, atol=1e-6, equal_nan=True), (name, got[name], values)
    assert np.array_equal(got["measured_traces"], [40, 0, 0, 29, 1, 33, 20, 20, 61, 17])
    with h5py.File(job.output) as f, h5py.File(survey) as s:
        before = s["traces"][:].astype("f8")
        good = np.isfinite(before).all(1)
        for name, data in (("rms_in", before), ("rms_out", f["traces"][:]), ("rms_noise", f["noise"][:])):
            rms = np.sqrt((data.astype("f8") ** 2).mean(1))
            assert np.allclose(f["qc/trace/" + name][:][good], rms[good], rtol=2e-5, atol=0)
        assert np.array_equal(f["qc/trace/peak_in"][:][good], np.abs(s["traces"][:]).max(1)[good])
        assert not f["qc/trace/rms_in"][:][~good].any()


def test_same_bits_on_any_number_of_ranks_and_after_a_kill(tmp_path):
    survey = jobs.make_survey(tmp_path / "in.h5", gathers=30)
    hashes = set()
    for ranks in (3, 5):
        job = jobs.Job(tmp_path, survey, JOB, name=f"out{ranks}")
        job.run(ranks=ranks)
        hashes.add(jobs.sha(job.output))
    job = jobs.Job(tmp_path, survey, JOB, name="killed")
    running = job.start(ranks=4)
    running.wait_for(lambda: len(job.done()) > 3)
    running.kill(jobs.FIRST_WORKER)
    running.wait()
    assert job.part.exists()
    job.run(ranks=3)
    hashes.add(jobs.sha(job.output))
    assert len(hashes) == 1


@pytest.mark.parametrize("mode", ["processed", "noise"])
def test_modes_agree(tmp_path, survey, mode):
    both, one = jobs.Job(tmp_path, survey, JOB, name="both"), jobs.Job(tmp_path, survey, JOB, name=mode)
    both.run(ranks=3, check=2)
    one.run(f"--set=mode={mode}", "--set=qc=gather", "--set=engine=cpu", ranks=3, check=2)
    a, b = figures(both.output), figures(one.output)
    assert all(np.array_equal(a[name], b[name], equal_nan=True) for name in a)
    with h5py.File(one.output) as f:
        assert "trace" not in f["qc"]


def test_none_is_none(tmp_path, survey):
    job = jobs.Job(tmp_path, survey, JOB)
    job.run("--set=qc=none", ranks=3, check=2)
    with h5py.File(job.output) as f:
        assert "qc" not in f


def test_the_closing_line_says_what_was_removed(tmp_path, survey):
    job = jobs.Job(tmp_path, survey, JOB.replace("engine: mock", "engine: cpu"))
    running = jobs.Running([jobs.harness.BINARY, "run", job.path], 3, None, tmp_path)
    text = running.wait().stderr
    got = figures(job.output)
    share, n = got["removed_fraction"].astype("f8"), got["measured_traces"].astype("f8")
    line = re.search(r"removed (\S+) % of the energy \(least (\S+) in cdp (\d+), most (\S+) in cdp (\d+)\), (\d+) gath",
                     text)
    assert line, text
    total = np.nansum(n * got["rms_noise"].astype("f8")**2) / np.nansum(n * got["rms_in"].astype("f8")**2)
    assert [int(line[3]), int(line[5]), int(line[6])] == [np.nanargmin(share) + 1, np.nanargmax(share) + 1, 1]
    for told, true in ((line[1], total), (line[2], np.nanmin(share)), (line[4], np.nanmax(share))):
        assert abs(float(told) / (100 * true) - 1) < 0.06
