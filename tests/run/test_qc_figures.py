# SPDX-License-Identifier: BSD-3-Clause
"""Figures of quality: what a job measures of each gather and trace while it runs, against NumPy on what it wrote."""

import json
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


# --- the steps of a chain --------------------------------------------------------------------------------------------

STEPS = ["- mute: {{velocity: 800, t0: 300}}", "- bandpass: {{low: [10, 20], high: [90, 120]}}",
         "- agc: {{window: 300}}", "- tf: {{aperture: 5}}", "- undo: agc",
         "- dwt: {{transform: dwt, level: 4, k: 2.5}}"]


def chain_job(steps):
    head = JOB.split("chain:")[0].replace("engine: mock", "engine: cpu").replace("qc: trace", "qc: gather")
    return head + "chain:\n" + "".join(f"  {step}\n" for step in steps)


def step_figures(path):
    with h5py.File(path) as f:
        return [{name: f[f"qc/step/{k}/{name}"][:] for name in ("rms_in", "rms_removed")}
                for k in range(len(f["qc/step"]))]


def shares(path):
    """Of each step, the share of the energy that came to it that it removed, over all gathers."""
    n = figures(path)["measured_traces"].astype("f8")
    return [float(np.nansum(n * s["rms_removed"].astype("f8") ** 2) / np.nansum(n * s["rms_in"].astype("f8") ** 2))
            for s in step_figures(path)]


@pytest.mark.parametrize("steps", [STEPS, STEPS[1:2] + STEPS[5:], STEPS[:1] + STEPS[3:4], STEPS[:2]],
                         ids=lambda steps: f"{len(steps)} steps, {steps[0]}")
def test_steps_are_told_apart(tmp_path, survey, steps):
    """Each step's figures are those of jobs that end before it and behind it."""
    whole = jobs.Job(tmp_path, survey, chain_job(steps), name="whole")
    whole.run(ranks=3, check=2)
    with h5py.File(survey) as f:
        before, first = f["traces"][:].astype("f8"), f["gathers/first_trace"][:]
    measured = figures(whole.output)["measured_traces"]
    for k, found in enumerate(step_figures(whole.output)):
        job = jobs.Job(tmp_path, survey, chain_job(steps[:k + 1]), name=f"until{k}")
        job.run(ranks=3, check=2)
        with h5py.File(job.output) as f:
            after = f["traces"][:].astype("f8")
        if "undo: agc" in steps[k] or "agc" in steps[k]:  # jobs that end in between see other gathers through
            before = after
            continue
        for g, (a, b) in enumerate(zip(first, first[1:])):
            if a == b or measured[g] != b - a:  # not all of its traces were measured
                continue
            for name, x in (("rms_in", before[a:b]), ("rms_removed", before[a:b] - after[a:b])):
                assert np.isclose(found[name][g], np.sqrt((x**2).mean()), rtol=1e-4, atol=1e-5 * found["rms_in"][g])
        before = after


@pytest.mark.parametrize("lacks", [0, 1, 2, 8, 43], ids=lambda lacks: f"the CPU does {lacks:b}")
def test_devices_tell_the_steps_apart(tmp_path, survey, lacks):
    """Whatever is computed where, and though steps in place lose what came to them."""
    steps = STEPS[:2] + STEPS[5:] + STEPS[3:4]
    found = []
    for engine in "cpu", "mock":
        job = jobs.Job(tmp_path, survey, chain_job(steps), name=engine)
        job.run(f"--set=engine={engine}", ranks=3, check=2, env={"SEISPROC_MOCK": f"lacks={lacks}"})
        found.append(step_figures(job.output))
    assert len(found[0]) == len(steps) and all(np.nanmax(step["rms_removed"]) > 0 for step in found[0])
    for of_cpu, of_mock in zip(*found):
        assert all(np.array_equal(of_cpu[name], of_mock[name], equal_nan=True) for name in of_cpu)


def test_steps_have_the_same_bits_on_any_number_of_ranks_and_after_a_kill(tmp_path):
    survey, hashes = jobs.make_survey(tmp_path / "in.h5", gathers=30), set()
    for ranks in (3, 5):
        job = jobs.Job(tmp_path, survey, chain_job(STEPS), name=f"out{ranks}")
        job.run(ranks=ranks)
        hashes.add(jobs.sha(job.output))
    job = jobs.Job(tmp_path, survey, chain_job(STEPS), name="killed")
    running = job.start(ranks=4)
    running.wait_for(lambda: len(job.done()) > 3)
    running.kill(jobs.FIRST_WORKER)
    running.wait()
    job.run(ranks=3)
    hashes.add(jobs.sha(job.output))
    assert len(hashes) == 1


def test_the_closing_lines_and_the_report_name_the_steps(tmp_path, survey):
    job = jobs.Job(tmp_path, survey, chain_job(STEPS))
    command = [jobs.harness.BINARY, "run", job.path, f"--report={tmp_path}/report.json"]
    running = jobs.Running(command, 3, None, tmp_path)
    text = running.wait().stderr
    line = re.search(r"step by step, of what came to each: (.*)", text)
    assert line, text
    told = dict(part.rsplit(" ", 2)[:2] for part in line[1].split(", "))
    assert list(told) == ["mute", "bandpass", "tf", "dwt"]
    true = shares(job.output)
    report = json.loads((tmp_path / "report.json").read_text())
    assert [s["step"] for s in report["steps"]] == ["mute", "bandpass", "agc", "tf", "undo agc", "dwt"]
    assert [s["scales"] for s in report["steps"]] == [False, False, True, False, True, False]
    for share, step in zip(true, report["steps"]):
        assert np.isclose(step["removed"], share, rtol=1e-5)
        if not step["scales"]:
            assert abs(float(told[step["step"]]) / (100 * share) - 1) < 0.06


def test_one_step_needs_no_figures_of_its_own(tmp_path, survey):
    job = jobs.Job(tmp_path, survey, chain_job(STEPS[:1]))
    job.run(ranks=3, check=2)
    with h5py.File(job.output) as f:
        assert "step" not in f["qc"]
