# SPDX-License-Identifier: BSD-3-Clause
"""`seisproc plan` tells what a job would do, and does nothing."""

import json
import re

import pytest

JOB = """\
input: {folder}/in.h5
output: {folder}/out.h5
mode: {mode}
workers: 2
threads: 1
slots: 4
slab_mb: 1
chain:
  - mute: {{velocity: 1500}}
  - dwt: {{k: 3}}
"""


def plan(seisproc, folder, *more, mode="both", **kwargs):
    seisproc("synth", folder / "in.h5", "--gathers=40", "--traces=50", "--samples=300", "--seed=2", "--quiet")
    (folder / "job.yaml").write_text(JOB.format(folder=folder, mode=mode))
    before = sorted(p.name for p in folder.iterdir())
    result = seisproc("plan", folder / "job.yaml", *more, **kwargs)
    assert sorted(p.name for p in folder.iterdir()) == before
    return result.stdout


def test_says_what_would_run(seisproc, tmp_path):
    text = plan(seisproc, tmp_path)
    traces = int(re.search(r"40 gathers by \S+, (\d+) traces of 300 samples at 2 ms", text).group(1))
    assert "chain.1.dwt.k: 3" in text and "chain.0.mute.velocity: 1500" in text
    assert re.search(r"ranks +4: 1 coordinator, 1 I/O, 2 workers of 1 threads", text)
    slot = float(re.search(r"4 slots of ([\d.]+) MB", text).group(1)) / 2  # /traces and /noise
    assert 0.9 < slot <= 1.0 + 0.12  # never less than the largest gather, which is smaller here
    worker = float(re.search(r"a worker (\d+) MB", text).group(1))
    assert abs(worker - slot * (2 + 2 * 4) - 67.1) < 1  # and 64 MiB for its process
    assert f"{2 * traces * 300 * 4 / 1e9:.2f} GB of samples" in text
    assert "computing" in text and "expect the slower" in text


def test_overrides_count(seisproc, tmp_path):
    text = plan(seisproc, tmp_path, "--set=chain.1.dwt.k=2.5", "--set=workers=3")
    assert "chain.1.dwt.k: 2.5" in text and "3 workers" in text


def test_an_output_that_is_there_is_told_of(seisproc, tmp_path):
    plan(seisproc, tmp_path)
    seisproc("run", tmp_path / "job.yaml", "--quiet", "--set=dead_traces=ignore", timeout=60)
    assert "it is there already" in seisproc("plan", tmp_path / "job.yaml").stdout


def test_mistakes_are_one_line(seisproc, tmp_path):
    result = seisproc("plan", tmp_path / "absent.yaml", check=1)
    assert len(result.stderr.splitlines()) == 1 and "absent.yaml" in result.stderr


def test_json_says_what_the_text_says(seisproc, tmp_path):
    plan(seisproc, tmp_path)
    text = seisproc("plan", tmp_path / "job.yaml").stdout
    said = json.loads(seisproc("plan", tmp_path / "job.yaml", "--json").stdout)
    assert said["flow"] == "gather" and said["input"]["gathers"] == 40 and said["input"]["samples"] == 300
    assert {"chain.1.dwt.k: 3", "mode: both"} <= set(said["job"])
    assert said["output"]["path"] == f"{tmp_path}/out.h5" and said["output"]["journal"] == f"{tmp_path}/out.h5.journal"
    assert said["output"]["state"] == "new" and said["output"]["units"] == 40 and said["output"]["units_done"] == 0
    assert said["output"]["sample_bytes"] == 2 * said["input"]["traces"] * 300 * 4
    ranks, tasks = said["ranks"], said["tasks"]
    assert f"ranks      {ranks['ranks']}: 1 coordinator, {ranks['io_ranks']} I/O, {ranks['workers']} workers" in text
    assert f"about {tasks['count']}, of {tasks['least_traces']} to {tasks['most_traces']} traces" in text
    assert said["memory"]["slots"] == 4 and said["memory"]["worker_bytes"] > 64 << 20
    seisproc("run", tmp_path / "job.yaml", "--quiet", "--set=dead_traces=ignore", timeout=60)
    assert json.loads(seisproc("plan", tmp_path / "job.yaml", "--json").stdout)["output"]["state"] == "complete"
    assert json.loads(seisproc("plan", tmp_path / "job.yaml", "--json", "--restart").stdout)["output"]["state"] == "new"


def test_ranks_that_slurm_has_allotted_count(seisproc, tmp_path):
    plan(seisproc, tmp_path)
    slurm = {"SLURM_JOB_ID": "7", "SLURM_NTASKS": "20", "SLURM_JOB_NUM_NODES": "2", "SLURM_CPUS_PER_TASK": "3"}
    text = seisproc("plan", tmp_path / "job.yaml", "--set=threads=auto", env=slurm).stdout
    assert "ranks      20: 1 coordinator, 2 I/O, 17 workers of 3 threads (as many ranks as Slurm gave tasks" in text


@pytest.mark.parametrize("override, words", [
    ("chain.1=tf", "fmin 201 and fmax 201.5 Hz: none of the frequencies"),
    ("sort=[nowhere]", "has no trace header 'nowhere', which sort needs"),
    ("output=absent/out.h5", "absent"),
    ("chain.1.dwt.k=2", "was begun with chain.1.dwt.k: 3, now 2"),
])
def test_what_run_refuses_plan_refuses_and_nothing_is_made(seisproc, tmp_path, override, words):
    plan(seisproc, tmp_path)
    more = [f"--set={override}"] + (["--set=chain.1.tf.fmin=201", "--set=chain.1.tf.fmax=201.5"] if "tf" in override
                                   else [])
    if "k=2" in override:
        seisproc("run", tmp_path / "job.yaml", "--quiet", "--set=dead_traces=ignore", timeout=60)
    before = sorted(p.name for p in tmp_path.iterdir())
    planned = seisproc("plan", tmp_path / "job.yaml", *more, check=1)
    ran = seisproc("run", tmp_path / "job.yaml", *more, ranks=4, check=1, timeout=60)
    assert words in planned.stderr
    assert planned.stderr.splitlines() == [line for line in ran.stderr.splitlines() if "error" in line]
    assert sorted(p.name for p in tmp_path.iterdir()) == before


@pytest.mark.parametrize("chain, words", [
    ("tf: {}", "tf: window: found 64 samples, traces have 40: shorten the window"),
    ("tf: {window: 16, fmin: 201, fmax: 201.5}", "none of the frequencies 0, 31.25 ... 250 Hz"),
    ("dwt: {level: 5}", "dwt: level: found 5, traces of 40 samples allow fewer with this wavelet: auto is 2"),
    ("fx_decon: {}", "fx_decon: length: found 3, which needs gathers of at least 6 traces; the largest has 3"),
    ("fk_denoise: {}", "fk_denoise: the largest gather has 3 traces, at least 4 are needed"),
    ("fk: {vmax: 1500}", "fk: the largest gather has 3 traces, at least 8 are needed"),
])
def test_what_would_fail_for_every_gather_is_refused(seisproc, tmp_path, chain, words):
    seisproc("synth", "in.h5", "--gathers=4", "--traces=3", "--samples=40", "--seed=2", "-q", cwd=tmp_path)
    (tmp_path / "job.yaml").write_text(f"input: in.h5\noutput: out.h5\nchain:\n  - {chain}\n")
    planned = seisproc("plan", "job.yaml", cwd=tmp_path, check=1)
    assert planned.stderr.startswith("seisproc: error: in.h5: ") and words in planned.stderr, str(planned)
    assert len(planned.stderr.splitlines()) == 1
    ran = seisproc("run", "job.yaml", "-q", ranks=3, cwd=tmp_path, check=1, timeout=60)
    assert planned.stderr in ran.stderr
    assert sorted(p.name for p in tmp_path.iterdir()) == ["in.h5", "job.yaml"]


def test_an_aperture_of_dwt_says_what_it_takes(seisproc, tmp_path):
    """Where it is set, in the help and before the job; its default says nothing."""
    said = ("warning: dwt: an aperture above 1 takes what differs from trace to trace, which is signal in most data: "
            "look at the noise of a few gathers first (mode: noise)")
    plan(seisproc, tmp_path)
    assert "aperture" not in seisproc("plan", tmp_path / "job.yaml").stderr
    assert seisproc("plan", tmp_path / "job.yaml", "--set=chain.1.dwt.aperture=5").stderr.count(said) == 1
    ran = seisproc("run", tmp_path / "job.yaml", "--set=chain.1.dwt.aperture=5", "--set=dead_traces=ignore")
    assert ran.stderr.count(said) == 1
    helped = " ".join(seisproc("help", "dwt").stdout.split())
    assert "More than 1 harms most data: only for traces that are alike" in helped
