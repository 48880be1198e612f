# SPDX-License-Identifier: BSD-3-Clause
"""What a GPU may do to a job: too little memory, memory that others take, and a kernel that loses the device."""

import ctypes
import json
import re
import shutil

import h5py
import numpy as np
import pytest

import harness

JOB = """input: in.h5
output: {output}
mode: both
slab_mb: 8
engine: {engine}
threads: 2
commit_interval: 0
chain:
  - tf: {{transform: stft, fmin: 5, fmax: 100}}
"""


class Gpu:
    """The first GPU through the driver's own library: memory that is free there, and taking it."""

    def __init__(self):
        self.cuda = ctypes.CDLL("libcuda.so.1")
        self.context, self.taken = ctypes.c_void_p(), []
        for call in (self.cuda.cuInit(0), self.cuda.cuDevicePrimaryCtxRetain(ctypes.byref(self.context), 0),
                     self.cuda.cuCtxSetCurrent(self.context)):
            assert call == 0, f"CUDA driver error {call}"

    def free(self):
        free, total = ctypes.c_size_t(), ctypes.c_size_t()
        assert self.cuda.cuMemGetInfo_v2(ctypes.byref(free), ctypes.byref(total)) == 0
        return free.value

    def leave(self, wanted):
        """Takes memory until about so many bytes are free."""
        for block in (1 << 30, 1 << 27, 1 << 24):
            while self.free() > wanted + block:
                at = ctypes.c_void_p()
                if self.cuda.cuMemAlloc_v2(ctypes.byref(at), ctypes.c_size_t(block)):
                    break
                self.taken.append(at)

    def release(self):
        for at in self.taken:
            self.cuda.cuMemFree_v2(at)
        self.cuda.cuDevicePrimaryCtxRelease_v2(0)


@pytest.fixture
def gpu():
    plan = harness.run(["nvidia-smi", "-L"]) if shutil.which("nvidia-smi") else None
    if plan is None or plan.returncode or "GPU 0" not in plan.stdout:
        pytest.skip("no GPU")
    device = Gpu()
    yield device
    device.release()


@pytest.fixture
def survey(tmp_path):
    made = harness.run([harness.BINARY, "synth", "in.h5", "--gathers", 60, "--traces", 300, "--samples", 1000, "-q"],
                       cwd=tmp_path)
    assert made.returncode == 0, made
    return tmp_path


def run(folder, output, engine="cuda", binary=harness.BINARY, env=None, more=()):
    (folder / "job.yaml").write_text(JOB.format(output=output, engine=engine))
    return harness.run([binary, "run", "job.yaml", "--workers", 1, "--report", "report.json", *more], cwd=folder,
                       env=env, timeout=120)


def compare(folder, a, b):
    for dataset in ("traces", "noise"):
        same = harness.run([harness.BINARY, "compare", "--identical", "--dataset", dataset, a, b], cwd=folder)
        assert same.returncode == 0, same


def need_faulty_module():
    if not (harness.FAULTY.parent / "seisproc_cuda.so").exists():
        pytest.skip("no GPU module with fault switches: make check-gpu builds it")


def test_cpu_takes_over(gpu, survey):
    """The CPU computes what the device had in hand, and goes on: all traces to the tolerance."""
    need_faulty_module()
    whole = run(survey, "whole.h5")
    assert whole.returncode == 0, whole
    lost = run(survey, "out.h5", binary=harness.FAULTY, env={"SEISPROC_FAULT": "gpu_address:12"},
               more=["--restarts", 0])
    assert lost.returncode == 0, lost
    assert "illegal memory access" in lost.stderr and "the CPU computes what it had in hand" in lost.stderr, lost
    with h5py.File(survey / "whole.h5") as a, h5py.File(survey / "out.h5") as b:
        x, y = a["traces"][:].astype(float), b["traces"][:].astype(float)
        assert (np.linalg.norm(x - y, axis=1) <= 1e-5 * np.linalg.norm(x, axis=1)).all()
        assert np.array_equal(a["integrity/status"][:], b["integrity/status"][:])


def test_device_lost(gpu, survey):
    """Where the CPU cannot take over the worker ends with its reason; the job started again goes on and gives the same
    file."""
    need_faulty_module()
    whole = run(survey, "whole.h5")
    assert whole.returncode == 0, whole
    lost = run(survey, "out.h5", binary=harness.FAULTY, env={"SEISPROC_FAULT": "gpu_address:12,take_over:1"},
               more=["--restarts", 0])
    assert lost.returncode == 75, lost
    assert "illegal memory access" in lost.stderr, lost
    again = run(survey, "out.h5")
    assert again.returncode == 0, again
    in_all, now = map(int, re.search(r"(\d+) traces; this run (\d+) traces", again.stderr).groups())
    assert 0 < now < in_all, again
    compare(survey, "whole.h5", "out.h5")


def test_too_little_memory(gpu, survey):
    """The CPU computes, which is said once."""
    cpu = run(survey, "cpu.h5", engine="cpu")
    assert cpu.returncode == 0, cpu
    gpu.leave(300 << 20)
    fallen = run(survey, "out.h5")
    assert fallen.returncode == 0, fallen
    assert fallen.stderr.count("the CPU computes") == 1, fallen
    compare(survey, "cpu.h5", "out.h5")


def test_others_take_memory(gpu, survey):
    """With less memory, batches are smaller: the GPU computes the same bits."""
    whole = run(survey, "whole.h5")
    assert whole.returncode == 0, whole
    gpu.leave(900 << 20)
    less = run(survey, "out.h5")
    assert less.returncode == 0, less
    assert "the CPU computes" not in less.stderr, less
    compare(survey, "whole.h5", "out.h5")
    assert any(rank.get("engine") == "cuda" for rank in json.loads((survey / "report.json").read_text())["ranks"])
