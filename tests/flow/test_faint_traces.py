# SPDX-License-Identifier: BSD-3-Clause
"""Traces that are faint beside far stronger ones, where a step transforms across traces: how much rounding reaches
them, and that a job says so, once, with their number."""

import json
import sys

import numpy as np
import pytest

import harness
import jobs

for folder in ("kernels", "cli"):
    sys.path.insert(0, str(harness.ROOT / "tests" / folder))

from kernel_tool import Kernels  # noqa: E402
from reference_fk import load_oracle  # noqa: E402
from surveys import write_survey  # noqa: E402

DT, DX, N_TRACES, N_SAMPLES = 0.004, 12.5, 40, 200
JOB = """\
input: {input}
output: {output}
mode: processed
slab_mb: 1
commit_interval: 0.05
"""


@pytest.mark.parametrize("options", [{}, {"mode": "pass"}, {"f": "[5,10,30,40]"}], ids=str)
@pytest.mark.parametrize("n_strong", [1, 8])
def test_rounding_is_as_the_limit_has_it(options, n_strong):
    """The error of what is left of the others is some 1e-7 of the RMS of all: 1 % of a trace of 1e-5 of that."""
    oracle, kernels = load_oracle(), Kernels()
    gather = np.random.default_rng(7).standard_normal((80, 400)).astype(np.float32)
    strong = np.arange(80) % (80 // n_strong) == 3
    gather[strong] *= 1e6
    told = {k: tuple(float(x) for x in v.strip("[]").split(",")) if k == "f" else v for k, v in options.items()}
    expected = oracle.fkk(gather.T.astype(float), DT, DX, vmax=1500.0, **told).T
    got = kernels.apply("fk", gather, headers=[np.arange(80) * DX], interval=DT, vmax=1500, **options).out
    kernels.close()
    error = np.sqrt(np.mean((got - expected)[~strong] ** 2, axis=1)).mean()
    assert 2e-8 < error / np.sqrt(np.mean(gather.astype(float) ** 2)) < 1.2e-7


class Survey:
    """Gathers of unit noise; one trace of gathers 2 and 4 is `ratio` times as strong, trace 7 of gather 2 is dead."""

    def __init__(self, path, ratio=3e7, spike=False):
        n = 6 * N_TRACES
        self.traces = np.random.default_rng(1).standard_normal((n, N_SAMPLES)).astype(np.float32)
        for gather in (2, 4):
            row = self.traces[gather * N_TRACES + 11]
            if spike:
                row[90] = 10 * ratio
            else:
                row *= ratio
        self.traces[2 * N_TRACES + 7] = 0
        offset = np.tile(np.arange(N_TRACES) * DX, 6)
        line = np.repeat(np.arange(6), N_TRACES).astype("<i4")
        self.path = write_survey(path, self.traces, first_trace=np.arange(7) * N_TRACES, interval_us=1e6 * DT,
                                 headers={"offset": offset, "iline": line, "xline": np.tile(np.arange(N_TRACES), 6)})


@pytest.fixture(scope="module")
def survey(tmp_path_factory):
    return Survey(tmp_path_factory.mktemp("faint") / "in.h5")


def run(tmp_path, path, chain, *more, ranks=3, name="out", env=None, settings=""):
    job = jobs.Job(tmp_path, path, JOB + settings + "chain:\n" + "".join(f"  - {step}\n" for step in chain), name)
    report = tmp_path / f"{name}.json"
    result = job.run("--quiet", f"--report={report}", *more, ranks=ranks, check=None, env=env)
    assert result.returncode in (0, 2), str(result)
    lines = [line for line in result.stderr.splitlines() if "of the RMS of their" in line]
    return lines, json.loads(report.read_text()).get("faint_traces")


FK = "fk: {{vmax: 1500}}"
IN_TWO_GATHERS = 2 * (N_TRACES - 1) - 1  # all but the strong ones and the dead one


@pytest.mark.parametrize("ranks, env, more", [(3, None, []), (5, None, ["--set=qc=trace"]),
                                              (4, {"SEISPROC_MOCK": "delay=5"}, ["--set=engine=mock"])])
def test_gathers_are_told_once(survey, tmp_path, ranks, env, more):
    lines, n = run(tmp_path, survey.path, [FK], *more, ranks=ranks, env=env)
    assert n == IN_TWO_GATHERS and len(lines) == 1, lines
    assert f"fk: {n} traces (2 gathers, first" in lines[0] and "or give agc" in lines[0]


def test_what_comes_to_the_step_counts(tmp_path):
    """Not what the survey holds: a spike that is taken out before, a gain within, traces that are no worse than
    these."""
    path = Survey(tmp_path / "in.h5", spike=True).path
    for k, (chain, expected) in enumerate([([FK], IN_TWO_GATHERS), (["mute: {{velocity: 20000}}", FK], IN_TWO_GATHERS),
                                           (["edit: {{despike: 10}}", FK], 0), (["fk: {{vmax: 1500, agc: 100}}"], None),
                                           ([FK, "fk_denoise: {{robust: 0}}"], IN_TWO_GATHERS),
                                           (["fk_denoise: {{robust: 0}}"], IN_TWO_GATHERS), (["fk_denoise"], None)]):
        lines, n = run(tmp_path, path, chain, name=f"out{k}")
        assert (len(lines), n) == (int(bool(expected)), expected), (chain, lines)
    lines, n = run(tmp_path, Survey(tmp_path / "mild.h5", ratio=1e5).path, [FK], name="slight")
    assert not lines and n == 0


@pytest.mark.parametrize("ranks, env, more", [(3, None, []), (5, None, []),
                                              (5, {"SEISPROC_MOCK": "delay=5"}, ["--set=engine=auto"])])
def test_cubes_are_told_once(survey, tmp_path, ranks, env, more):
    """On one worker, on a team and on mock devices; all of the cube's traces but three."""
    fkk = "fkk: {{vmax: 1500, dx: 12.5, dy: 12.5, pad: 0, edge: zero}}"
    lines, n = run(tmp_path, survey.path, [fkk], *more, ranks=ranks, env=env)
    assert n == 6 * N_TRACES - 3 and len(lines) == 1, lines
    assert f"fkk: {n} traces (1 cube, first cube 0)" in lines[0] and "or give agc" in lines[0]
    lines, n = run(tmp_path, survey.path, [fkk.replace("vmax", "agc: 100, vmax")], *more, ranks=ranks, env=env,
                   name="level")
    assert not lines and n == 0
