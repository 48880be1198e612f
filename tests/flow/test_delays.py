# SPDX-License-Identifier: BSD-3-Clause
"""Traces of a gather that begin at different times (delrt): refused where samples of several traces are compared."""

import h5py
import numpy as np
import pytest

import jobs

N, SAMPLES = 24, 100
HEAD = "input: {input}\noutput: {output}\n"


def survey(path, delays):
    """Two gathers of 12 traces."""
    with h5py.File(path, "w") as f:
        f.attrs.update(format="seisproc", format_version=1, sample_interval_us=4000.0)
        f["traces"] = np.random.default_rng(1).standard_normal((N, SAMPLES)).astype(np.float32)
        f["gathers/first_trace"], f["gathers/key"] = np.array([0, 12, 24]), np.array([7, 9])
        f["gathers/key"].attrs["name"] = "fldr"
        for name, values in {"fldr": np.repeat([7, 9], 12), "offset": 25 * (np.arange(N) % 12),
                             "iline": np.arange(N) // 12 + 1, "xline": np.arange(N) % 12 + 1, "delrt": delays}.items():
            f["headers/" + name] = np.asarray(values, np.int32)
    return path


@pytest.fixture(scope="module")
def mixed(tmp_path_factory):
    """Those of the second gather begin at 0 and at 40 ms."""
    return survey(tmp_path_factory.mktemp("delays") / "mixed.h5", np.where(np.arange(N) < 18, 0, 40))


def plan(seisproc, tmp_path, path, step, *arguments, check=0):
    return seisproc("plan", jobs.Job(tmp_path, path, f"{HEAD}chain:\n  - {step}\n").path, *arguments, check=check)


@pytest.mark.parametrize("step", ["fk: {{vmax: 1500}}", "fk: {{vmax: 1500, split: [offset]}}", "fk_denoise", "fx_decon",
                                  "tf", "dwt: {{aperture: 3}}", "edit: {{interpolate: 2}}",
                                  "fk_denoise: {{grid: [iline, xline]}}"])
def test_steps_that_compare_traces_refuse(seisproc, tmp_path, mixed, step):
    name = step.split(":")[0]
    stderr = plan(seisproc, tmp_path, mixed, step, check=1).stderr
    lines = [line for line in stderr.splitlines() if "error:" in line]
    assert len(lines) == 1 and f"chain.0.{name}: compares traces sample by sample" in lines[0], stderr
    assert "gather 1 (fldr 9)" in lines[0] and "trace 12 has delrt 0, trace 18 has 40" in lines[0], stderr


@pytest.mark.parametrize("step", ["mute: {{velocity: 1500}}", "dwt", "bandpass: {{low: [3, 6]}}", "agc", "balance",
                                  "edit: {{despike: 20}}", "fk: {{vmax: 1500, split: [delrt]}}",
                                  "fk_denoise: {{line: [delrt]}}"])
def test_steps_that_do_not_go_on(seisproc, tmp_path, mixed, step):
    plan(seisproc, tmp_path, mixed, step)


def test_delays_that_are_one_in_each_gather(seisproc, tmp_path, mixed):
    step = "fk: {{vmax: 1500}}"
    plan(seisproc, tmp_path, mixed, step, "--gathers=fldr=7")
    plan(seisproc, tmp_path, survey(tmp_path / "between.h5", np.where(np.arange(N) < 12, 0, 40)), step)
    parted = tmp_path / "parted.h5"
    seisproc("regroup", mixed, parted, "--gather", "fldr", "--gather", "delrt")
    plan(seisproc, tmp_path, parted, step)


def test_slices_of_one_time(seisproc, tmp_path, mixed):
    picture = ("-o", tmp_path / "slice.svg", "--what=slice", "--time=100")
    assert "traces start at 0 to 40 ms (delrt)" in seisproc("view", mixed, *picture, check=1).stderr
    seisproc("view", survey(tmp_path / "alike.h5", np.full(N, 40)), *picture)
