# SPDX-License-Identifier: BSD-3-Clause
"""Spectra that a job takes of each gather, against NumPy on what it wrote, and against what is known of the signal."""

import h5py
import numpy as np
import pytest

import jobs
from cli.surveys import write_survey

JOB = """\
input: {input}
output: {output}
mode: both
engine: cpu
chain:
  - dwt: {{transform: dwt, level: 3, k: 2.5, threshold: soft, noise_level: finest}}
"""
BINS, WINDOW = 64, 128


def windows(n_traces, n_samples):
    """Which windows count: 8 for each 128 traces or part of these, up to 64 and to the number of traces."""
    n = min(64, 8 * -(-n_traces // 128), n_traces)
    length = min(WINDOW, n_samples)
    part = (np.arange(n) * 40503 + 0x8000) % 0x10000
    return (2 * np.arange(n) + 1) * n_traces // (2 * n), part * (n_samples - length + 1) // 0x10000, length


def spectrum(before, noise):
    """Amplitudes of both, by the definition in docs/format.md."""
    traces, starts, length = windows(*before.shape)
    taper = np.sin(np.pi * (np.arange(length) + 0.5) / length) ** 2
    cut = [np.array([x[t, s:s + length] for t, s in zip(traces, starts)]) for x in (before, noise)]
    good = np.isfinite(cut[0]).all(1) & np.isfinite(cut[1]).all(1)
    twice = np.where(np.arange(BINS) > 0, 2, 1)
    power = [(np.abs(np.fft.rfft(c[good] * taper, WINDOW)) ** 2).mean(0)[:BINS] for c in cut]
    return [np.sqrt(twice * p / (WINDOW * (taper ** 2).sum())) for p in power]


def read(path):
    with h5py.File(path) as f:
        return f["qc/gather/ampspec_in"][:].astype("f8"), f["qc/gather/ampspec_noise"][:].astype("f8")


def assert_alike(found, true):
    """To a quarter of a decibel, down to 100 dB below the peak; the peak itself as a float has it."""
    peak = true.max()
    seen = true > 1e-5 * peak
    assert found.max() == pytest.approx(peak, rel=1e-5)
    assert np.abs(20 * np.log10(found[seen] / true[seen])).max() < 0.26
    assert (found[~seen] <= 1.1e-5 * peak).all()


@pytest.mark.parametrize("settings", [(), ("--set=mode=processed",), ("--set=mode=noise",), ("--set=sort=[offset]",),
                                      ("--set=engine=mock",)], ids=str)
def test_spectra_are_those_of_what_was_written(tmp_path, settings):
    rng = np.random.default_rng(4)
    sizes = [300, 0, 5, 40, 1, 30, 20]
    first = np.cumsum([0] + sizes)
    traces = np.cumsum(rng.normal(size=(first[-1], 500)), axis=1).astype("f4")
    traces[first[3]:first[4]] *= np.float32(1e30)
    traces[first[5] + 3, 70] = np.nan
    traces[first[6]:first[7]] = 0
    survey = write_survey(tmp_path / "in.h5", traces, first, headers={"offset": rng.permutation(first[-1])})
    whole, job = jobs.Job(tmp_path, survey, JOB, name="whole"), jobs.Job(tmp_path, survey, JOB, name="job")
    whole.run(*(s for s in settings if "mode" not in s), ranks=3, check=None)
    job.run(*settings, ranks=3, check=None)
    with h5py.File(whole.output) as f:
        after, noise = f["traces"][:].astype("f8"), f["noise"][:].astype("f8")
        order = f["sort_map"][:].astype(int) if "sort_map" in f else np.arange(first[-1])
        measured = f["qc/gather/measured_traces"][:]
    before, found = traces[order].astype("f8"), read(job.output)
    assert measured[6] == 0 and measured[0] == 300
    for g, (a, b) in enumerate(zip(first, first[1:])):
        if not measured[g] > 0:
            assert np.isnan(found[0][g]).all() and np.isnan(found[1][g]).all()
            continue
        for got, true in zip(found, spectrum(before[a:b], noise[a:b])):
            assert_alike(got[g], true)


@pytest.mark.parametrize("samples", [90, 128, 1000])
def test_a_sine_is_where_it_is_and_energy_is_kept(tmp_path, samples):
    """A sine of amplitude 2 at bin 20, and white noise of variance 1 elsewhere: known without any transform."""
    rng = np.random.default_rng(5)
    time = np.arange(samples)
    sine = 2 * np.sin(2 * np.pi * 20 / WINDOW * time + rng.uniform(0, 6, (200, 1)))
    traces = np.concatenate([sine, rng.normal(size=(2000, samples))]).astype("f4")
    survey = write_survey(tmp_path / "in.h5", traces, np.array([0, 200, 2200]), headers={})
    job = jobs.Job(tmp_path, survey, JOB)
    job.run("--set=chain=[bandpass: {low: [1, 2]}]", ranks=3)
    found = read(job.output)[0]
    assert np.argmax(found[0]) == 20
    assert (found[0] ** 2).sum() == pytest.approx(2, rel=0.1), "the mean square of the sine"
    assert (found[1] ** 2).sum() == pytest.approx(1, rel=0.15), "the variance"


def test_same_bits_on_any_number_of_ranks_after_a_kill_and_in_a_part(tmp_path):
    survey = jobs.make_survey(tmp_path / "in.h5", gathers=30)
    found = []
    for ranks in (3, 5):
        job = jobs.Job(tmp_path, survey, JOB, name=f"out{ranks}")
        job.run(ranks=ranks)
        found.append(read(job.output))
    job = jobs.Job(tmp_path, survey, JOB.replace("engine: cpu", "engine: mock\nslab_mb: 1\ncommit_interval: 0.1"),
                   name="killed")
    running = job.start(ranks=4)
    running.wait_for(lambda: len(job.done()) > 3)
    running.kill(jobs.FIRST_WORKER)
    running.wait()
    job.run(ranks=3)
    found.append(read(job.output))
    part = jobs.Job(tmp_path, survey, JOB, name="part")
    part.run("--gathers=every:3", ranks=3)
    for of_in, of_noise in found[1:]:
        assert np.array_equal(of_in, found[0][0]) and np.array_equal(of_noise, found[0][1])
    assert all(np.array_equal(a, b[::3]) for a, b in zip(read(part.output), found[0]))
