# SPDX-License-Identifier: BSD-3-Clause
"""The small survey that pstm jobs of these tests migrate, their job, and what they leave."""

import sys

import h5py
import numpy as np

import harness

sys.path.append(str(harness.ROOT / "tests" / "kernels"))
import pstm_tool  # noqa: E402
import reference_pstm as ref  # noqa: E402

DT, VELOCITY = 0.004, 2000.0
GRID = pstm_tool.line_grid(9, 25.0, DT, DT, 150, ox=-100.0, oy=-50.0, ny=5)
JOB = """\
input: {input}
output: {output}
engine: cpu
threads: 1
chain:
  - pstm: {{velocity: 2000, origin: [-100, -50], dx: 25, nx: 9, ny: 5, ntau: 150, aperture: 400, snapshot: 0.01,
           offsets: [150, 250, 350]}}
"""


def write_survey(path, data, source, receiver, dt=DT, **columns):
    """A survey as a script would make one: two gathers."""
    n = len(data)
    with h5py.File(path, "w") as f:
        f.attrs.update(format="seisproc", format_version=1, n_traces=n, n_samples=data.shape[1],
                       sample_interval_us=dt * 1e6)
        f["traces"] = data.astype(np.float32)
        f["gathers/first_trace"] = np.array([0, n // 2, n], np.uint64)
        f["gathers/key"] = np.array([1, 2], np.int64)
        places = dict(sx=source[:, 0], sy=source[:, 1], gx=receiver[:, 0], gy=receiver[:, 1])
        for name, values in {**places, **columns}.items():
            f[f"headers/{name}"] = np.asarray(values)
    return path


def two_offsets():
    """A dipping plane at offsets of 200 and 300 m, mixed up; classes 0 (150) and 1 (250) halve what lies between."""
    parts = [ref.common_offset(350.0, 25.0, offset, 60.0) for offset in (190.0, 300.0)]
    s, r = (np.concatenate([p[i] for p in parts]) for i in (0, 1))
    order = np.random.default_rng(3).permutation(len(s))
    s, r = s[order], r[order]
    return ref.plane(s, r, 260, DT, VELOCITY, 20.0, 400.0, 10.0, 90.0, 0.2), s, r


def plan(seisproc, job, *arguments, check=0):
    return seisproc("plan", job.path, *arguments, check=check)


def files(folder):
    """What a job has left in its folder, but for its description and history."""
    return sorted(p.name for p in folder.iterdir() if p.suffix in (".h5", ".part", ".journal", ".image"))


STACK = ("--set=chain.0.pstm.stack=true",)


def stack_of(job):
    return job.output.with_name(job.output.stem + "-stack.h5")
