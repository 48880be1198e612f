# SPDX-License-Identifier: BSD-3-Clause
"""The Python package reads what the program reads, and the program reads what the package writes."""

import json
import os
import shutil
import subprocess
import sys

import h5py
import numpy as np
import pytest

import harness

sys.path.insert(0, str(harness.ROOT / "python"))
import seisproc as package

PACKAGE = harness.ROOT / "python"


@pytest.fixture(scope="module")
def survey(tmp_path_factory, seisproc):
    """A synthetic survey whose coordinates are scaled by another number in every other trace, and that starts late."""
    path = tmp_path_factory.mktemp("survey") / "in.h5"
    seisproc("synth", path, "--gathers=6", "--traces=20", "--samples=90", "--noise=1", "--quiet")
    with h5py.File(path, "r+") as f:
        n = f["traces"].shape[0]
        f["headers/scalco"][:] = np.where(np.arange(n) % 2, -100, 10)
        f["headers"].create_dataset("delrt", data=np.full(n, 40, "i4"))
        f["headers"].create_dataset("selev", data=np.arange(n, dtype="i4"))
        f["headers"].create_dataset("scalel", data=np.where(np.arange(n) % 3, 7, -10).astype("i4"))  # 7 is none
    return path


def test_what_it_says_is_what_the_program_says(survey, seisproc):
    said = json.loads(seisproc("info", survey, "--json").stdout)
    with package.open(survey) as s:
        assert (len(s), s.n_traces, s.n_samples) == (said["n_gathers"], said["n_traces"], said["n_samples"])
        assert s.uuid == said["uuid"] and s.content == said["content"] and s.key_name == said["gathers"]["key"]
        assert s.keys.min() == said["gathers"]["least_key"] and s.keys.max() == said["gathers"]["largest_key"]
        assert 1e6 * s.interval == pytest.approx(said["sample_interval_us"])
        assert s.columns == [h["name"] for h in said["headers"]]
        assert s.units == {h["name"]: h["units"] for h in said["headers"] if h["units"]}
        # ranges of the columns in their units, scalars applied
        lines = [line.split() for line in seisproc("info", survey, "-H").stdout.splitlines()]
        ranges = {words[0]: words[1:3] for words in lines if words and words[0] in s.columns}
        assert set(ranges) == set(s.columns)
        for name, (least, most) in ranges.items():
            values = s.column(name)
            assert [float(least), float(most)] == pytest.approx([values.min(), values.max()], rel=1e-5), name


def test_gathers_are_those_of_the_program(tmp_path, survey, seisproc):
    """Against an export of the same gather: 4-byte IEEE samples, big-endian."""
    with package.open(survey) as s:
        for place in (0, 3, -1):
            gather = s[place]
            seisproc("export", survey, tmp_path / "out.sgy", f"--gathers={s.key_name}={gather.key}", "--quiet")
            raw = np.frombuffer((tmp_path / "out.sgy").read_bytes()[3600:], "u1").reshape(len(gather.traces), -1)
            assert np.array_equal(raw[:, 240:].copy().view(">f4"), gather.traces)
            assert np.array_equal(raw[:, 36:40].copy().view(">i4")[:, 0], gather.headers["offset"])
            assert np.allclose(gather.times, 0.04 + 0.002 * np.arange(90))
            again = s.gather(gather.key)
            assert again.key == gather.key and np.array_equal(again.headers, gather.headers)
        with pytest.raises(KeyError, match="no gather fldr=99"):
            s.gather(99)
        with pytest.raises(IndexError):
            s[6]
        assert [g.key for g in s] == s.keys.tolist()


def test_the_program_takes_what_it_writes(tmp_path, survey, seisproc):
    out = tmp_path / "out.h5"
    with package.open(survey) as s:
        package.write(out, iter(s), s.interval, s.key_name, s.units)
    assert seisproc("compare", survey, out, "--identical")
    with package.open(survey) as a, package.open(out) as b:
        assert b.units == a.units and np.array_equal(a.keys, b.keys)
        for name in a.columns:
            assert np.array_equal(a.column(name), b.column(name)), name
    assert "6 by fldr" in seisproc("info", out, "-H").stdout
    # without headers, by two keys
    package.write(out, [((1, -2), np.zeros((3, 8))), ((1, 5), np.ones((2, 8), "i2"))], 0.004, "iline+xline")
    said = json.loads(seisproc("info", out, "--json").stdout)
    assert said["n_gathers"] == 2 and said["sample_interval_us"] == 4000
    with package.open(out) as s:
        assert s[0].key == (1, -2) and s.gather((1, 5)).traces.shape == (2, 8)
    before = out.read_bytes()
    for gathers, words in (([(1, np.full((1, 4), np.pi))], "not float32"), ([], "no gathers"),
                           ([(1, np.zeros((1, 4))), (2, np.zeros((1, 5)))], "shape"),
                           ([(1, np.zeros((2, 4)), {"ep": [1]})], "ep has shape")):
        with pytest.raises(package.SurveyError, match=words):
            package.write(out, gathers, 0.004)
    assert out.read_bytes() == before and [p.name for p in tmp_path.iterdir()] == ["out.h5"]


def test_a_job_and_its_log(tmp_path, survey, monkeypatch):
    monkeypatch.setenv("SEISPROC", str(harness.BINARY))
    for name, value in harness.mpi_environment().items():
        monkeypatch.setenv(name, value)
    job = {"input": survey, "output": tmp_path / "out.h5", "mode": "both", "workers": np.int64(1),
           "chain": [{"dwt": {"k": 2}}]}
    assert isinstance(package.plan(job), dict)
    result = package.run(job, {"chain.0.dwt.k": np.arange(1, 4)[-1], "sort": np.array(["offset"])})
    assert result.complete and result.exit_code == 0
    assert any(line["text"].startswith("complete: 6 gathers") for line in result.log)
    with package.open(tmp_path / "out.h5") as out, package.open(survey) as s:
        assert "chain.0.dwt.k: 3" in out.job and out.content == "processed" and out.input_uuid == s.uuid
        order = np.argsort(s[0].headers["offset"], kind="stable")
        noise = out.read(0, "noise").traces
        assert np.allclose(out[0].traces + noise, s[0].traces[order], atol=1e-5)
    with pytest.raises(package.Failed, match="kk"):
        package.run(job, {"chain.0.dwt.kk": 3})
    with pytest.raises(package.Failed, match="PATH"):
        monkeypatch.setenv("SEISPROC", "/nowhere/seisproc")
        package.run(job)


def test_progress_lines(monkeypatch, tmp_path):
    """Lines as a job writes them every few seconds, from a program that stands in for it."""
    lines = ["12/40 gathers (30%), 0:01:05 left, 800 traces/s, 0.01 GB/s, waiting for disk, 1200/4000 traces",
             "3/9 cubes (33%), - left, 0 traces/s", "complete: 40 gathers"]
    program = tmp_path / "program"
    program.write_text("#!/bin/sh\n" + "".join(
        f"echo '{json.dumps({'level': 'info', 'text': line})}' >&2\n" for line in lines) + "exit 2\n")
    program.chmod(0o755)
    monkeypatch.setenv("SEISPROC", str(program))
    told = []
    result = package.run("job.yaml", progress=told.append)
    assert told == [(12, 40, "gather", 30, 65), (3, 9, "cube", 33, None)]
    assert result.exit_code == 2 and result.complete and len(result.log) == 3


def replace(f, name, values):
    del f[name]
    f[name] = values


@pytest.mark.parametrize("damage, words", [
    (lambda f: f.attrs.__setitem__("format", "other"), "no survey of seisproc"),
    (lambda f: f.attrs.__setitem__("format_version", 2), "format_version 2"),
    (lambda f: f["gathers/first_trace"].__setitem__(1, 10 ** 9), "does not go from 0"),
    (lambda f: f.attrs.__delitem__("format_version"), "no number as its attribute format_version"),
    (lambda f: f.attrs.__setitem__("sample_interval_us", np.nan), "samples every nan us"),
    (lambda f: f.attrs.__setitem__("sample_interval_us", "2000"), "no number as its attribute sample_interval_us"),
    (lambda f: f.attrs.__setitem__("n_samples", 3), "say otherwise"),
    (lambda f: replace(f, "gathers/key", f["gathers/key"][...] + 0.5), "no whole numbers"),
    (lambda f: (f.move("traces", "away"), f.__setitem__("traces", h5py.SoftLink("/away"))), "has no dataset traces"),
])
def test_what_is_no_survey_is_refused(tmp_path, survey, damage, words):
    path = shutil.copy(survey, tmp_path / "bad.h5")
    with h5py.File(path, "r+") as f:
        damage(f)
    with pytest.raises(package.SurveyError, match=words):
        package.open(path)
    (tmp_path / "none.h5").write_bytes(b"nothing")
    with pytest.raises(package.SurveyError):
        package.open(tmp_path / "none.h5")


@pytest.mark.parametrize("name, beside, taken", (("out.h5.part", None, False), ("out.h5.plain", "out.h5.chunks", False),
                                                 ("out.h5.plain", None, True)))
def test_an_output_in_the_making_is_no_survey(tmp_path, survey, name, beside, taken):
    path = shutil.copy(survey, tmp_path / name)
    if beside:
        (tmp_path / beside).write_bytes(b"")
    if taken:
        package.open(path).close()
        return
    with pytest.raises(package.SurveyError, match="in the making"):
        package.open(path)


def test_gathers_are_taken_one_by_one(survey):
    with package.open(survey) as s:
        assert s[np.int64(2)].key == s[2].key
        for place in (slice(1, 3), "1", 1.0):
            with pytest.raises(TypeError, match="interpreted as an integer"):
                s[place]


def test_samples_are_float32_and_headers_numbers(tmp_path, survey):
    path = shutil.copy(survey, tmp_path / "odd.h5")
    with h5py.File(path, "r+") as f:
        replace(f, "traces", np.full(f["traces"].shape, 30000, ">i2"))
        f["headers/away"] = h5py.SoftLink("/nowhere")
        f["headers/text"] = np.full(f["traces"].shape[0], b"x")
        f["noise"] = np.zeros(f["traces"].shape)
    with package.open(path) as s:
        assert "away" not in s.columns
        with pytest.raises(package.SurveyError, match="headers/text is of type"):
            s.column("text")
    with h5py.File(path, "r+") as f:
        del f["headers/text"]
    with package.open(path) as s:
        assert s[0].traces.dtype == np.float32 and np.all(s[0].traces == 30000)
        with pytest.raises(package.SurveyError, match="/noise is of type float64"):
            s.read(0, "noise")


def test_it_writes_over_no_job(tmp_path):
    """OUT.part of a job that was cut off is what it has computed so far."""
    path = tmp_path / "out.h5"
    (tmp_path / "out.h5.part").write_bytes(b"computed")
    (tmp_path / "out.h5.journal").write_bytes(b"")
    with pytest.raises(package.SurveyError, match="a job has begun it"):
        package.write(path, [(1, np.zeros((2, 3), "f4"))], 0.002)
    assert (tmp_path / "out.h5.part").read_bytes() == b"computed"
    (tmp_path / "out.h5.journal").unlink()
    lock = tmp_path / "out.h5.lock"
    lock.write_bytes(b"")
    hold = ("import fcntl, sys; f = open(sys.argv[1], 'r+b'); fcntl.lockf(f, fcntl.LOCK_EX, 1, 0); print(flush=True); "
            "sys.stdin.read()")
    with subprocess.Popen([sys.executable, "-c", hold, lock], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        other.stdout.readline()
        with pytest.raises(package.SurveyError, match="another program is writing it"):
            package.write(path, [(1, np.zeros((2, 3), "f4"))], 0.002)
        other.stdin.close()
    package.write(path, [(1, np.zeros((2, 3), "f4"))], 0.002)
    assert path.exists()


def test_a_triptych(tmp_path, survey):
    matplotlib = pytest.importorskip("matplotlib", reason="no matplotlib to draw with")
    matplotlib.use("Agg")
    with package.open(survey) as s:
        package.write(tmp_path / "half.h5", ((g.key, 0.5 * g.traces, g.headers) for g in s), s.interval, s.key_name)
        key = s.keys[2]
    figure = package.triptych(survey, tmp_path / "half.h5", key=key)
    panels = [axis for axis in figure.axes if axis.images and axis.get_title()]
    before, after, noise = (axis.images[0] for axis in panels)
    assert before.get_clim() == after.get_clim() == noise.get_clim()
    assert np.allclose(after.get_array() + noise.get_array(), before.get_array())
    assert panels[0].get_ylabel() == "time (s)" and f"fldr {key}" in figure._suptitle.get_text()
    figure.savefig(tmp_path / "x.png")


@pytest.mark.long
@pytest.mark.timeout(600)
def test_it_installs(tmp_path, survey):
    """Into an environment of its own; needs a registry for setuptools, or setuptools itself."""
    subprocess.run([sys.executable, "-m", "venv", "--system-site-packages", tmp_path / "venv"], check=True)
    python = tmp_path / "venv" / "bin" / "python"
    source = shutil.copytree(PACKAGE, tmp_path / "python", ignore=shutil.ignore_patterns("__pycache__"))
    done = subprocess.run([python, "-m", "pip", "install", "-q", "--no-deps", source], capture_output=True, text=True,
                          check=False)
    if done.returncode:
        pytest.skip(f"pip cannot install here: {done.stderr.strip().splitlines()[-1]}")
    said = subprocess.run([python, "-c", f"import seisproc; print(seisproc.open({str(survey)!r}))"], cwd=tmp_path,
                          check=True, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": ""}).stdout
    assert "6 gathers by fldr" in said
