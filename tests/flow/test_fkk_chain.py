# SPDX-License-Identifier: BSD-3-Clause
"""Gather processors before and after fkk in one chain: the samples of jobs that follow each other, in one; on any
ranks, with gathers that lie across shares, after a kill; what becomes of traces that a step takes out; refusals."""

import re
import sys

import h5py
import numpy as np
import pytest

import harness
import jobs

sys.path.insert(0, str(harness.ROOT / "tests" / "cli"))

from surveys import write_survey  # noqa: E402

NX, NY, N_SAMPLES = 12, 10, 100
FKK = "fkk: {vmax: 2500, dx: 25, dy: 20, agc: 60}"
BY_GATHER = (["edit: {kill: 'offset == 300'}", "dwt: {wavelet: db4, level: 3, k: 2.0, aperture: 5}"],
             ["fx_decon: {window: 200, traces: 6}", "bandpass: {low: [4, 8], high: [60, 80]}"])
BY_TRACE = (["agc: {window: 100}", "bandpass: {low: [4, 8], high: [60, 80]}", "undo: agc"], ["agc: {window: 120}"])


def spoil(traces):
    traces[17] = 0
    traces[40, 7] = np.nan


def survey(path, gather=NY, classes=1, change=spoil):
    """Inlines of NY traces in gathers of `gather` traces; with several offset classes on each cell, cubes of these."""
    n = NX * NY * classes
    rng = np.random.default_rng(11)
    traces = rng.standard_normal((n, N_SAMPLES)).astype(np.float32)
    cell = np.arange(n) // classes
    columns = {"iline": (cell // NY).astype("<i4"), "xline": (cell % NY).astype("<i4"),
               "offset": (100 * (1 + np.arange(n) % 7)).astype("<i4"), "cls": (np.arange(n) % classes).astype("<i4"),
               "trid": np.ones(n, "<i4")}
    columns["trid"][25] = 5
    if change:
        change(traces)
    return write_survey(path, traces, first_trace=np.arange(0, n + 1, gather), interval_us=4000, headers=columns)


def text(steps, mode="processed", on_error="passthrough", nan="trace"):
    head = f"input: {{input}}\noutput: {{output}}\nmode: {mode}\non_error: {on_error}\nnan: {nan}\n"
    steps = "".join("  - " + s.replace("{", "{{").replace("}", "}}") + "\n" for s in steps)
    return head + "commit_interval: 0.05\nslab_mb: 1\nchain:\n" + steps


def read(path):
    with h5py.File(path) as f:
        return {name: f[name][()] for name in ("traces", "noise", "integrity/status", "integrity/crc32c") if name in f}


def one_by_one(path, parts, tmp_path):
    """The same steps as jobs that follow each other."""
    for i, steps in enumerate(parts):
        job = jobs.Job(tmp_path, path, text(steps), name=f"part{i}")
        job.run(ranks=3, check=2)
        path = job.output
    return read(path)["traces"]


@pytest.mark.parametrize("gather, steps, fkk, classes", [
    (NY, BY_GATHER, FKK, 1), (NX * NY, BY_GATHER, FKK, 1),
    (6, BY_TRACE, FKK[:-1] + ", cubes: [cls]}", 3)], ids=["gathers", "one gather", "traces in three cubes"])
def test_a_chain_is_its_steps_one_after_the_other(seisproc, tmp_path, gather, steps, fkk, classes):
    path = survey(tmp_path / "in.h5", gather, classes)
    before, after = steps
    expected = one_by_one(path, (before, [fkk], after), tmp_path)
    chain = before + [fkk] + after
    found = set()
    for ranks, mode in ((3, "both"), (5, "both"), (6, "processed")):
        job = jobs.Job(tmp_path, path, text(chain, mode), name=f"chain{ranks}")
        job.run("--threads=2", ranks=ranks, check=2)
        out = read(job.output)
        assert np.array_equal(out["traces"], expected, equal_nan=True)
        found.add(out["integrity/status"].tobytes())
        if mode == "both":
            with h5py.File(path) as f:
                original = f["traces"][()]
            clean = np.delete(np.arange(len(original)), 40)
            assert np.array_equal(out["noise"][clean], (original - out["traces"])[clean])
            assert not out["noise"][40].any()
            assert "all checksums agree" in seisproc("verify", job.output, "--against", path).stdout
    assert len(found) == 1


def test_killed_and_resumed(tmp_path):
    if not harness.FAULTY.exists():
        pytest.skip("no program with fault switches: make faults")
    path = survey(tmp_path / "in.h5")
    chain = BY_GATHER[0] + [FKK] + BY_GATHER[1]
    whole = jobs.Job(tmp_path, path, text(chain, "both"), name="whole")
    whole.run(ranks=3, check=2)
    job = jobs.Job(tmp_path, path, text(chain, "both"))
    assert job.run(ranks=4, binary=harness.FAULTY, env={"SEISPROC_FAULT": "before_slot_full:1"}, check=None).returncode
    job.run(ranks=5, check=2)
    a, b = read(whole.output), read(job.output)
    assert all(np.array_equal(a[name], b[name], equal_nan=name in ("traces", "noise")) for name in a)


def test_what_becomes_of_traces_and_gathers(tmp_path):
    """Gather 1 has a dead trace, 2 a time break, 4 a NaN: what `nan` and `on_error` make of it."""
    path = survey(tmp_path / "in.h5")
    with h5py.File(path) as f:
        original = f["traces"][()]
    rows = slice(4 * NY, 5 * NY)
    for steps in ([FKK], BY_GATHER[0] + [FKK]):
        for ranks in (3, 5):
            job = jobs.Job(tmp_path, path, text(steps, "both", "zero", "gather"), name=f"g{ranks}{len(steps)}")
            job.run(ranks=ranks, check=2)
            out = read(job.output)
            assert out["integrity/status"].tolist() == [0, 1, 0, 0, 2] + [0] * (NX - 5)
            assert not out["traces"][rows].any() and not out["noise"][rows].any()
            assert np.array_equal(out["traces"][25], original[25])
            assert np.isfinite(out["traces"]).all() and np.abs(out["noise"]).max() > 0
    job = jobs.Job(tmp_path, path, text([FKK], "both", nan="zero"), name="zero")
    job.run(ranks=4, check=2)
    zero = read(job.output)
    assert zero["integrity/status"].tolist() == [0, 1, 0, 0, 8] + [0] * (NX - 5)
    repaired = np.nan_to_num(original, nan=0.0)
    path = survey(tmp_path / "repaired.h5", change=lambda t: np.copyto(t, repaired))
    job = jobs.Job(tmp_path, path, text([FKK], "both"), name="expected")
    job.run(ranks=3, check=2)
    expected = read(job.output)
    assert all(np.array_equal(zero[name], expected[name]) for name in ("traces", "noise"))


def test_on_a_device(tmp_path):
    """The mock device computes fkk, the CPU the steps beside it and filled gaps: the same bits."""
    path = survey(tmp_path / "in.h5")
    for name, steps, said in (("steps", BY_GATHER[0] + [FKK] + BY_TRACE[1], "edit cpu, dwt cpu, fkk mock, agc cpu"),
                              ("fill", [FKK[:-1] + ", gaps: fill}"], "fkk: gaps: fill is computed by the CPU")):
        found = set()
        for engine in ("mock", "cpu"):
            job = jobs.Job(tmp_path, path, f"engine: {engine}\n" + text(steps, "both"), name=name + engine)
            result = job.run("--verbose", ranks=3, check=2)
            assert (said in str(result)) == (engine == "mock"), str(result)
            found.add(b"".join(v.tobytes() for v in read(job.output).values()))
        assert len(found) == 1


def test_plan_says_what_a_chain_means(seisproc, tmp_path):
    path = survey(tmp_path / "in.h5")
    job = jobs.Job(tmp_path, path, text(BY_GATHER[0] + [FKK] + BY_GATHER[1], "both"))
    said = seisproc("plan", job.path).stdout
    assert "the input is read twice, the output written once" in said
    assert re.search(r"steps +before fkk edit, dwt; after it fx_decon, bandpass: by the CPU, on whole gathers; no "
                     r"further pass over the disk", said)
    job = jobs.Job(tmp_path, path, text([FKK] + BY_TRACE[1]), name="trace")
    said = seisproc("plan", job.path).stdout
    assert "the input is read once" in said and "after fkk agc: by the CPU, on each trace by itself" in said


@pytest.mark.parametrize("steps, nan, said", [
    (["dwt: {wavelet: db4, level: 3, k: 2.0, aperture: 5}", FKK[:-1] + ", cubes: [cls]}"], "trace",
     r"dwt looks at whole gathers, and gather 0 .*has traces in several cubes"),
    ([FKK[:-1] + ", cubes: [cls]}"], "gather", r"nan: gather looks at whole gathers"),
    (["agc: {window: 100}", FKK, "undo: agc"], "trace", r"agc stands before fkk and cannot be taken back after it"),
    ([FKK, FKK], "trace", r"a chain holds one step on cubes or images")])
def test_what_is_refused(seisproc, tmp_path, steps, nan, said):
    path = survey(tmp_path / "in.h5", 6, 3)
    job = jobs.Job(tmp_path, path, text(steps, nan=nan))
    assert re.search(said, seisproc("plan", job.path, check=1).stderr)
    assert job.files() == []
