# SPDX-License-Identifier: BSD-3-Clause
"""Mock devices in jobs of all three flows: the bytes of the CPU, late and in any order; what comes of devices that
fail, of exchanges that break the rules, and of chains that are computed in two places."""

import json
import re

import h5py
import numpy as np
import pytest

import harness
import jobs
from test_fkk_job import Cubes, job_text
from images import JOB as IMAGE_JOB
from images import two_offsets, write_survey

CHAIN = """\
input: {input}
output: {output}
mode: both
slab_mb: 1
threads: 2
commit_interval: 0.05
chain:
  - mute: {{velocity: 1500}}
  - dwt: {{level: 3, aperture: 3, threshold: soft, k: 2, transform: dwt, noise_level: finest}}
  - tf: {{transform: stft, window: 32, aperture: 3}}
"""


def content(path):
    with h5py.File(path) as f:
        names = ("traces", "noise", "integrity/status", "integrity/crc32c", "hits")
        return {name: f[name][()].tobytes() for name in names if name in f}


def mock(orders):
    return {"SEISPROC_MOCK": orders}


# --- gathers -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def gathers(tmp_path_factory):
    folder = tmp_path_factory.mktemp("gathers")
    made = harness.run([harness.BINARY, "synth", "in.h5", "--gathers", 12, "--traces", 40, "--samples", 300, "-q"],
                       cwd=folder)
    assert made.returncode == 0, made
    with h5py.File(folder / "in.h5", "r+") as f:
        f["traces"][50] = 0
        f["traces"][90, 17] = np.nan
    job = jobs.Job(folder, folder / "in.h5", CHAIN)
    job.run("--set=engine=cpu", ranks=4, check=2)
    return folder / "in.h5", content(job.output)


@pytest.mark.parametrize("lacks, where", [(2, "mute mock, dwt cpu, tf mock"), (5, "mute cpu, dwt mock, tf cpu")])
def test_chain_in_two_places(gathers, tmp_path, lacks, where):
    survey, expected = gathers
    job = jobs.Job(tmp_path, survey, CHAIN)
    report = tmp_path / "report.json"
    job.run(f"--report={report}", ranks=4, check=2, env=mock(f"lacks={lacks},delay=20"))
    assert content(job.output) == expected
    workers = [rank for rank in json.loads(report.read_text())["ranks"] if rank["role"] == "worker"]
    assert [(w["engine"], w["steps"]) for w in workers] == [("mock", where)] * 2
    planned = harness.run([harness.BINARY, "plan", job.path], env=mock(f"lacks={lacks}"))
    assert f"steps      {where}\n" in planned.stdout, planned


@pytest.mark.parametrize("orders", ["fail_submit=3", "fail_wait=4,lacks=1,delay=5"])
def test_cpu_takes_over_from_a_device_that_fails(gathers, tmp_path, orders):
    survey, expected = gathers
    job = jobs.Job(tmp_path, survey, CHAIN)
    result = job.run("--restarts=0", ranks=3, check=2, env=mock(orders))
    assert result.stderr.count("the CPU computes what it had in hand") == 1, str(result)
    assert content(job.output) == expected and not job.history_lines("crash")


def test_a_gpu_that_is_not_there_is_refused(gathers, tmp_path):
    """By plan and run alike, before anything is made."""
    if harness.run(["sh", "-c", "nvidia-smi -L | grep -q GPU"]).returncode == 0:
        pytest.skip("there is a GPU")
    job = jobs.Job(tmp_path, gathers[0], CHAIN)
    line = r"seisproc: error: engine: cuda: no GPU can be used here: .+; engine: auto takes the CPU .+\n"
    planned = harness.run([harness.BINARY, "plan", job.path, "--set=engine=cuda"])
    assert planned.returncode == 1 and re.fullmatch(line, planned.stderr), planned
    ran = job.run("--set=engine=cuda", ranks=4, check=1)
    assert len(re.findall(line, ran.stderr)) == 1 and job.files() == [], str(ran)


# --- volumes -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def cubes(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cubes")
    survey = Cubes(folder / "in.h5").path
    job = jobs.Job(folder, survey, job_text(vmax=2500, agc=60, cubes="[offset]"))
    job.run("--set=engine=cpu", ranks=3)
    return survey, content(job.output)


@pytest.mark.parametrize("ranks, orders", [(3, "delay=20"), (8, "delay=20,seed=1")])
def test_cubes_on_devices(cubes, tmp_path, ranks, orders):
    """One device, and teams that exchange."""
    survey, expected = cubes
    report = tmp_path / "report.json"
    job = jobs.Job(tmp_path, survey, job_text(vmax=2500, agc=60, cubes="[offset]"))
    job.run(f"--report={report}", ranks=ranks, env=mock(orders))
    assert content(job.output) == expected
    engines = {rank["engine"] for rank in json.loads(report.read_text())["ranks"] if rank["role"] == "worker"}
    assert engines == {"mock"}


@pytest.mark.parametrize("orders, why", [
    ("fail_exchange=2", "member 0 has failed"), ("swap_exchange=1", "is at another exchange"),
    ("fail_create=1", "there is none, as ordered"),
    ("devices=1", "share device 0")])
def test_team_goes_on_on_the_cpu(cubes, tmp_path, orders, why):
    survey, expected = cubes
    job = jobs.Job(tmp_path, survey, job_text(vmax=2500, agc=60, cubes="[offset]"))
    result = job.run("--restarts=0", ranks=8, env=mock(orders))
    assert why in result.stderr and "the CPU computes" in result.stderr, str(result)
    assert content(job.output) == expected


def test_a_device_that_fails_on_the_way_out(cubes, tmp_path):
    """Of that cube nothing is recorded: the same command goes on."""
    survey, expected = cubes
    job = jobs.Job(tmp_path, survey, job_text(vmax=2500, agc=60, cubes="[offset]"))
    job.run("--restarts=0", ranks=3, check=75, env=mock("fail_wait=1"))
    assert {line[2] for line in job.history_lines("end")} == {"device"}
    job.run(ranks=6)
    assert content(job.output) == expected


@pytest.mark.parametrize("ranks", [3, 5])
def test_plan_says_a_worker_s_memory_with_devices(cubes, tmp_path, ranks):
    """What it takes of the host is what it allocates: spectra and planes lie on the device, and are not in it."""
    survey, _ = cubes
    job = jobs.Job(tmp_path, survey, job_text(vmax=2500, cubes="[offset]"))
    words = [harness.BINARY, "plan", job.path, "--json", f"--workers={ranks - 2}", "--io-ranks=1"]
    planned, by_cpu = (json.loads(harness.run([*words, *more], env=mock("delay=1")).stdout)["memory"]
                       for more in ((), ("--set=engine=cpu",)))
    report = tmp_path / "report.json"
    job.run(f"--report={report}", ranks=ranks, env=mock("delay=1"))
    for rank in json.loads(report.read_text())["ranks"]:
        if rank["role"] == "worker":
            taken = rank["buffers"] - planned["slots"] * planned["slot_bytes"]
            assert abs(taken - planned["input_bytes"]) < 1e4, (taken, planned)
    assert by_cpu["input_bytes"] > planned["input_bytes"] + 1e5


# --- images ------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def image(tmp_path_factory):
    folder = tmp_path_factory.mktemp("image")
    survey = write_survey(folder / "in.h5", *two_offsets())
    job = jobs.Job(folder, survey, IMAGE_JOB)
    job.run(ranks=3)
    return survey, content(job.output)


def test_image_on_devices(image, tmp_path):
    """Sums of several devices, reduced: the bits of the CPU."""
    survey, expected = image
    report = tmp_path / "report.json"
    job = jobs.Job(tmp_path, survey, IMAGE_JOB)
    job.run("--set=engine=auto", f"--report={report}", ranks=5, env=mock("delay=20,seed=2"))
    assert content(job.output) == expected
    engines = {rank["engine"] for rank in json.loads(report.read_text())["ranks"] if rank["role"] == "worker"}
    assert engines == {"mock"}


@pytest.mark.parametrize("orders, said", (
    ("devices=3", False), ("devices=3,delay=40", False), ("devices=3,small=1", False), ("devices=1", True)))
def test_sums_are_added_up_on_devices_or_through_the_host(image, tmp_path, orders, said):
    """In one group where each worker has a device of its own; else it is said, and the bits are the same."""
    survey, expected = image
    job = jobs.Job(tmp_path, survey, IMAGE_JOB)
    stderr = job.run("--set=engine=auto", ranks=5, env=mock(orders)).stderr
    assert content(job.output) == expected
    assert ("share device 0" in stderr and "added up through the host" in stderr) == said, stderr


@pytest.mark.parametrize("ranks, orders", [(3, "delay=20"), (4, "small=1")])
def test_killed_while_a_device_s_sums_are_written(image, tmp_path, ranks, orders):
    """Beside the computing, or, where the device has no room for other sums, before it goes on."""
    faulty = harness.BUILD.parent / (harness.BUILD.name + "-faults") / "seisproc"
    if not faulty.exists():
        pytest.skip("no build with faults (make faults)")
    survey, expected = image
    job = jobs.Job(tmp_path, survey, IMAGE_JOB)
    job.run("--set=engine=auto", ranks=ranks, binary=faulty, check=None,
            env={**mock(orders), "SEISPROC_FAULT": "snapshot_written:2@2"})
    assert not job.output.exists()
    job.run("--set=engine=auto", ranks=5, env=mock(orders))
    assert content(job.output) == expected


def test_a_sum_that_fails_ends_the_job_which_goes_on(image, tmp_path):
    survey, expected = image
    job = jobs.Job(tmp_path, survey, IMAGE_JOB)
    result = job.run("--set=engine=auto", "--restarts=0", ranks=5, check=75, env=mock("fail_exchange=2"))
    assert "mock group: exchange 2: member 0 has failed" in result.stderr
    job.run("--set=engine=auto", ranks=4)
    assert content(job.output) == expected


def test_image_goes_on_where_a_device_failed(image, tmp_path):
    """Its sums are lost with it: the job ends for that reason, and goes on from its last snapshot."""
    survey, expected = image
    job = jobs.Job(tmp_path, survey, IMAGE_JOB)
    job.run("--set=engine=auto", "--restarts=0", ranks=4, check=75, env=mock("fail_wait=1"))
    assert {line[2] for line in job.history_lines("end")} == {"device"} and not job.history_lines("crash")
    job.run("--set=engine=auto", ranks=5)
    assert content(job.output) == expected
