# SPDX-License-Identifier: BSD-3-Clause
"""A survey in, a processed survey out: the same bytes however many ranks do it, and the right numbers."""

import hashlib
import json
import shutil

import h5py
import numpy as np
import pytest
import pywt

JOB = """\
input: {input}
output: {output}
mode: {mode}
chain:
  - dwt: {{wavelet: db4, transform: dwt, level: 4, threshold: soft, k: 2.5, noise_level: finest}}
"""


def write_job(folder, survey, name="out", mode="both", text=JOB, **values):
    path = folder / f"{name}.yaml"
    path.write_text(text.format(input=survey, output=folder / f"{name}.h5", mode=mode, **values))
    return path, folder / f"{name}.h5"


def sha(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture(scope="module")
def survey(tmp_path_factory):
    import harness

    folder = tmp_path_factory.mktemp("survey")
    path = folder / "in.h5"
    result = harness.run([harness.BINARY, "synth", path, "--gathers=23", "--traces=40", "--samples=301", "--noise=1",
                          "--seed=5", "--largest=50", "--quiet"], tmp=folder)
    assert result.returncode == 0, str(result)
    return path


def denoise(traces, k=2.5, level=4):
    """The reference: PyWavelets, trace by trace."""
    out = np.empty_like(traces)
    for i, trace in enumerate(traces.astype(np.float64)):
        coefficients = pywt.wavedec(trace, "db4", mode="symmetric", level=level)
        sigma = np.median(np.abs(coefficients[-1])) / 0.6745
        shrunk = [coefficients[0]] + [pywt.threshold(c, k * sigma, "soft") if k * sigma > 0 else c
                                      for c in coefficients[1:]]
        out[i] = pywt.waverec(shrunk, "db4", mode="symmetric")[:trace.size]
    return out


# (ranks, I/O ranks a node, ranks a node, other settings): 1, 2, 3, 5 and 7 workers, 1 and 2 I/O ranks, 1 and 2 nodes
LAYOUTS = [
    (3, 1, 0, []),
    (4, 1, 0, ["slots=2", "threads=3"]),
    (5, 1, 0, ["slab_mb=1", "threads=2"]),
    (7, 1, 0, ["slab_mb=1", "slots=4", "threads=1"]),
    (9, 1, 0, ["commit_interval=0.05"]),
    (5, 2, 0, ["slab_mb=1"]),
    (8, 2, 0, ["threads=2"]),
    (8, 1, 4, ["slab_mb=1", "threads=1"]),
]


@pytest.mark.timeout(240)
def test_any_layout_gives_the_same_bytes(seisproc, tmp_path, survey):
    found = set()
    for i, (ranks, io_ranks, ranks_per_node, settings) in enumerate(LAYOUTS):
        job, output = write_job(tmp_path, survey)
        sets = [f"--set={s}" for s in settings + [f"io_ranks={io_ranks}"]]
        env = {"SEISPROC_RANKS_PER_NODE": str(ranks_per_node)} if ranks_per_node else None
        seisproc("run", job, "--quiet", *sets, ranks=ranks, env=env)
        assert sorted(p.name for p in tmp_path.glob("out.h5*")) == ["out.h5", "out.h5.runs"]
        found.add(sha(output))
        output.unlink()
    assert len(found) == 1


def test_numbers_are_those_of_pywavelets(seisproc, tmp_path, survey):
    job, output = write_job(tmp_path, survey)
    seisproc("run", job, "--quiet", ranks=4)
    with h5py.File(survey) as before, h5py.File(output) as after:
        x, y, noise = (f[:] for f in (before["traces"], after["traces"], after["noise"]))
        assert before["gathers/first_trace"][:].tolist() == after["gathers/first_trace"][:].tolist()
        for name in before["headers"]:
            assert np.array_equal(before["headers"][name][:], after["headers"][name][:]), name
        assert after["traces"].attrs["content"] == b"processed"
        assert not after["integrity/status"][:].any()
    expected = denoise(x)
    worst = (np.linalg.norm(y - expected, axis=1) / np.linalg.norm(expected, axis=1)).max()
    assert worst < 1e-5
    # one rounding of the difference and one of the sum
    assert (np.abs(y + noise - x) <= np.spacing(np.maximum(np.abs(x), np.abs(noise)))).all()


def test_modes_give_parts_of_the_same(seisproc, tmp_path, survey):
    outputs = {}
    for mode in ("both", "processed", "noise"):
        job, outputs[mode] = write_job(tmp_path, survey, name=mode, mode=mode)
        seisproc("run", job, "--quiet", ranks=3)
    with h5py.File(outputs["both"]) as both, h5py.File(outputs["processed"]) as processed, \
            h5py.File(outputs["noise"]) as noise:
        assert np.array_equal(both["traces"][:], processed["traces"][:])
        assert np.array_equal(both["noise"][:], noise["traces"][:])
        assert "noise" not in processed and "noise" not in noise
        assert noise["traces"].attrs["content"] == b"noise"
        assert both["integrity/crc32c"].shape == (23, 2)
        assert np.array_equal(both["integrity/crc32c"][:, :1], processed["integrity/crc32c"][:])


def test_sorting_is_by_gather_and_keeps_its_map(seisproc, tmp_path, survey):
    text = JOB.replace("chain:", "sort: [offset, tracl]\nchain:")
    job, output = write_job(tmp_path, survey, text=text)
    seisproc("run", job, "--quiet", ranks=5)
    with h5py.File(survey) as before, h5py.File(output) as after:
        order = after["sort_map"][:].astype(np.int64)
        first = before["gathers/first_trace"][:]
        keys = before["headers/tracl"][:], before["headers/offset"][:]
        for a, b in zip(first[:-1].astype(int), first[1:].astype(int)):
            assert np.array_equal(order[a:b], a + np.lexsort([k[a:b] for k in keys]))
        for name in before["headers"]:
            assert np.array_equal(before["headers"][name][:][order], after["headers"][name][:]), name
        x, y, noise = before["traces"][:][order], after["traces"][:], after["noise"][:]
    worst = np.abs(y + noise - x) / np.spacing(np.maximum(np.abs(x), np.abs(noise)))
    assert worst.max() <= 1


def test_a_chain_is_its_steps_one_after_the_other(seisproc, tmp_path, survey):
    mute = "- mute: {{velocity: 1500, taper: 20, where: top}}"
    dwt = "- dwt: {{wavelet: db4, transform: dwt, level: 4, threshold: soft, k: 2.5, noise_level: finest}}"
    head = "input: {input}\noutput: {output}\nmode: {mode}\nchain:\n"
    whole_job, whole = write_job(tmp_path, survey, "whole", "processed", f"{head}  {mute}\n  {dwt}\n")
    first_job, first = write_job(tmp_path, survey, "first", "processed", f"{head}  {mute}\n")
    second_job, second = write_job(tmp_path, first, "second", "processed", f"{head}  {dwt}\n")
    for job in (whole_job, first_job, second_job):
        # a trace that is muted to its end is dead for the next job
        seisproc("run", job, "--quiet", "--set=dead_traces=ignore", ranks=4)
    with h5py.File(whole) as a, h5py.File(second) as b:
        assert np.array_equal(a["traces"][:], b["traces"][:])
        history = b.attrs["history"].decode()
    assert "chain.0.mute.velocity: 1500" in history and "chain.0.dwt.wavelet: db4" in history


@pytest.fixture
def bad_survey(tmp_path, survey):
    """Gather 3 has a NaN, 5 an Inf, 7 one dead trace, 9 is dead; the second trace of 7 is the dead one."""
    path = tmp_path / "bad.h5"
    path.write_bytes(survey.read_bytes())
    with h5py.File(path, "r+") as f:
        first = f["gathers/first_trace"][:].astype(int)
        f["traces"][first[3], 7] = np.nan
        f["traces"][first[6] - 1, -1] = np.inf
        f["traces"][first[7] + 1] = 0
        f["traces"][first[9]:first[10]] = 0
    return path, first


@pytest.mark.parametrize("policy", ["passthrough", "zero"])
def test_bad_gathers_are_handled_counted_and_recorded(seisproc, tmp_path, bad_survey, policy):
    path, first = bad_survey
    job, output = write_job(tmp_path, path)
    result = seisproc("run", job, f"--set=on_error={policy}", "--set=nan=gather", ranks=4, check=2)
    for words in ("2 gathers", "not finite", "dead gather", "dead traces"):
        assert words in result.stderr
    with h5py.File(path) as before, h5py.File(output) as after:
        status = after["integrity/status"][:]
        x, y, noise = (f[:] for f in (before["traces"], after["traces"], after["noise"]))
    assert {g: int(s) for g, s in enumerate(status) if s} == {3: 2, 5: 2, 7: 1, 9: 3}
    for g in (3, 5):
        rows = slice(first[g], first[g + 1])
        expected = x[rows] if policy == "passthrough" else np.zeros_like(x[rows])
        assert np.array_equal(y[rows], expected, equal_nan=True)
    good = [t for g in range(23) if g not in (3, 5, 9) for t in range(first[g], first[g + 1])]
    expected = denoise(x[good])
    norms = np.linalg.norm(expected, axis=1)
    assert (np.linalg.norm(y[good] - expected, axis=1) <= 1e-5 * norms).all()
    assert not y[first[7] + 1].any() and not noise[first[7] + 1].any()


@pytest.mark.parametrize("policy", ["passthrough", "zero"])
def test_traces_that_are_not_finite_or_not_seismic_stay_as_they_are(seisproc, tmp_path, bad_survey, policy):
    path, first = bad_survey
    with h5py.File(path, "r+") as f:
        f["headers/trid"][first[2]:first[2] + 3] = (2, 4, 9)
    job, output = write_job(tmp_path, path)
    result = seisproc("run", job, f"--set=on_error={policy}", ranks=4, check=2)
    assert "2 gathers processed in part: traces not finite" in result.stderr
    with h5py.File(path) as before, h5py.File(output) as after:
        status = after["integrity/status"][:]
        x, y, noise = (f[:] for f in (before["traces"], after["traces"], after["noise"]))
    assert {g: int(s) for g, s in enumerate(status) if s} == {3: 8, 5: 8, 7: 1, 9: 3}
    bad, skipped = [first[3], first[6] - 1], list(range(first[2], first[2] + 3))
    assert np.array_equal(y[skipped], x[skipped])
    assert np.array_equal(y[bad], x[bad] if policy == "passthrough" else 0 * x[skipped[:2]], equal_nan=True)
    assert not noise[bad + skipped].any()
    good = np.setdiff1d(np.arange(len(x)), bad + skipped + list(range(first[9], first[10])))
    expected = denoise(x[good])
    assert (np.linalg.norm(y[good] - expected, axis=1) <= 1e-5 * np.linalg.norm(expected, axis=1)).all()
    seisproc("verify", output, "--against", path)


def test_dead_traces_alone_may_be_ignored(seisproc, tmp_path, survey):
    path = tmp_path / "dead.h5"
    path.write_bytes(survey.read_bytes())
    with h5py.File(path, "r+") as f:
        f["traces"][4] = 0
    job, output = write_job(tmp_path, path)
    seisproc("run", job, "--quiet", "--set=dead_traces=ignore", ranks=3)
    output.unlink()
    seisproc("run", job, "--quiet", ranks=3, check=2)


def test_abort_ends_the_job_and_names_the_gather(seisproc, tmp_path, bad_survey):
    path, _ = bad_survey
    job, output = write_job(tmp_path, path)
    result = seisproc("run", job, "--quiet", "--set=on_error=abort", ranks=3, check=1)
    assert "gather" in result.stderr and "on_error is abort" in result.stderr
    assert not output.exists()


def test_gathers_too_small_for_a_step_fail_and_stay_as_they_are(seisproc, tmp_path):
    path = tmp_path / "small.h5"
    seisproc("synth", path, "--gathers=12", "--traces=8", "--samples=200", "--quiet")
    job, output = write_job(tmp_path, path, text=JOB[:JOB.index("  - dwt")] + "  - fk: {{vmax: 1500, spacing: 25}}\n")
    seisproc("run", job, "--quiet", ranks=3, check=2)
    with h5py.File(path) as before, h5py.File(output) as after:
        starts = before["gathers/first_trace"][:]
        small = np.diff(starts) < 8
        assert 0 < small.sum() < 12
        assert np.array_equal(after["integrity/status"][:] == 4, small)
        for gather in np.flatnonzero(small):
            rows = slice(int(starts[gather]), int(starts[gather + 1]))
            assert np.array_equal(before["traces"][rows], after["traces"][rows])


def test_more_workers_than_gathers(seisproc, tmp_path):
    path = tmp_path / "two.h5"
    seisproc("synth", path, "--gathers=2", "--traces=9", "--samples=200", "--quiet")
    job, output = write_job(tmp_path, path)
    seisproc("run", job, "--quiet", ranks=8)
    with h5py.File(output) as f:
        assert not f["integrity/status"][:].any()


def test_many_more_gathers_than_traces(seisproc, tmp_path, survey):
    """Nearly all gathers are empty, so that a slab has more gathers than traces; as many traces are alone in theirs."""
    sparse = tmp_path / "sparse.h5"
    shutil.copy(survey, sparse)
    n = 6000
    with h5py.File(sparse, "r+") as f:
        n_traces = f["traces"].shape[0]
        first = np.linspace(0, n_traces, n + 1).astype(np.uint64)
        attributes = {name: dict(f["gathers"][name].attrs) for name in ("first_trace", "key")}
        for name, values in (("first_trace", first), ("key", np.arange(n, dtype=np.int64))):
            del f["gathers"][name]
            f["gathers"].create_dataset(name, data=values).attrs.update(attributes[name])
    job, out = write_job(tmp_path, sparse)
    seisproc("run", job, ranks=4)
    with h5py.File(survey) as f, h5py.File(out) as g:
        assert np.array_equal(g["gathers/first_trace"], first)
        assert not np.any(g["integrity/status"][:])
        assert np.allclose(g["traces"][:], denoise(f["traces"][:]), atol=1e-4)


@pytest.mark.parametrize("change, words", [
    ("sort: [nosuchheader]", "nosuchheader"),
    ("sort: [offset", "not YAML"),
])
def test_mistakes_end_before_anything_is_written(seisproc, tmp_path, survey, change, words):
    job, output = write_job(tmp_path, survey, text=JOB.replace("chain:", change + "\nchain:"))
    result = seisproc("run", job, "--quiet", ranks=3, check=1)
    errors = [line for line in result.stderr.splitlines() if line.startswith("seisproc")]
    assert len(errors) == 1 and words in result.stderr
    assert not list(tmp_path.glob("out.h5*"))


def test_inputs_that_are_no_surveys_are_refused_in_one_line(seisproc, tmp_path, data_dir):
    (tmp_path / "text.h5").write_text("no survey")
    (tmp_path / "empty.h5").write_text("")
    inputs = sorted((data_dir / "das_hdf5").glob("*.h*5")) + [tmp_path / "text.h5", tmp_path / "empty.h5",
                                                             tmp_path / "absent.h5", data_dir]
    for path in inputs:
        job, _ = write_job(tmp_path, path)
        result = seisproc("run", job, "--quiet", ranks=3, check=1)
        errors = [line for line in result.stderr.splitlines() if line.startswith("seisproc")]
        assert len(errors) == 1 and str(path) in errors[0], str(result)


def test_two_ranks_are_too_few(seisproc, tmp_path, survey):
    job, _ = write_job(tmp_path, survey)
    result = seisproc("run", job, ranks=2, check=1)
    assert "at least 3" in result.stderr


def test_memory_stays_within_buffers_and_64_mb_and_is_taken_at_the_start(seisproc, tmp_path, survey):
    job, _ = write_job(tmp_path, survey)
    result = seisproc("run", job, "--quiet", f"--report={tmp_path}/report.json", ranks=4,
                      env={"SEISPROC_LOG": "debug"})
    steady = [line for line in result.stderr.splitlines() if "steady state" in line]
    assert len(steady) == 2 and all("steady state: 0 allocations" in line for line in steady), steady
    report = json.loads((tmp_path / "report.json").read_text())
    for rank in report["ranks"]:
        if rank["role"] == "worker":
            assert rank["peak_rss"] < rank["buffers"] + 64 * 2**20
        if rank["role"] == "coordinator":
            assert rank["peak_rss"] < 200 * 2**20
