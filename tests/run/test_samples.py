# SPDX-License-Identifier: BSD-3-Clause
"""`samples:` in a job: 16 bits a sample with a factor a trace. What is read back is what was written, by every command
that reads surveys; the error is what the output and the report say; SEG-Y keeps the integers."""

import json

import h5py
import numpy as np
import pytest

import harness
import jobs

FORMS = ["int16-scaled", "float16-scaled"]


def text_of(form, engine="cpu", mode="both"):
    text = jobs.JOB.replace("engine: mock", f"engine: {engine}").replace("mode: both", f"mode: {mode}")
    return text + f"samples: {form}\n"


@pytest.fixture(scope="module")
def survey(tmp_path_factory):
    path = jobs.make_survey(tmp_path_factory.mktemp("samples") / "in.h5", gathers=40, traces=40, samples=400)
    with h5py.File(path, "r+") as f:
        f["traces"][100:140] *= 1e7           # a loud gather
        f["traces"][200:203] = 0              # dead traces
        f["traces"][300, 17] = np.nan         # stays as it is
    return path


@pytest.fixture(scope="module")
def plain(tmp_path_factory, survey):
    job = jobs.Job(tmp_path_factory.mktemp("plain"), survey, text_of("float32"))
    job.run(check=2)
    return job.output


def decode(f, name="traces"):
    """By the format's own words: code times factor; -32768 is NaN."""
    codes, factors = f[name][:], f["scale/" + name][:].astype("f8")
    samples = codes.astype("f8") * factors[:, None]
    if codes.dtype == np.int16:
        samples[codes == -32768] = np.nan
    return samples


def program(tmp_path, *arguments, check=0):
    done = harness.run([harness.BINARY, *arguments], tmp=tmp_path)
    assert done.returncode == check, str(done)
    return done


@pytest.mark.parametrize("form", FORMS)
def test_half_the_bytes_with_an_error_that_is_told(tmp_path, survey, plain, form):
    job, report = jobs.Job(tmp_path, survey, text_of(form)), tmp_path / "report.json"
    job.run(f"--report={report}", check=2)
    said = json.loads(report.read_text())["samples"]
    with h5py.File(job.output) as f, h5py.File(plain) as p:
        assert f["traces"].dtype == (np.int16 if form == "int16-scaled" else np.float16)
        assert f["traces"].attrs["samples"].decode() == form
        first, worst, most, worst_part = p["gathers/first_trace"][:], 0, 0, 0
        for name in ("traces", "noise"):
            factors = f["scale/" + name][:]
            assert np.array_equal(np.frexp(factors)[0], np.full(len(factors), 0.5, "f4"))
            exact, got = p[name][:].astype("f8"), decode(f, name)
            assert np.array_equal(np.isnan(exact), np.isnan(got))
            assert np.array_equal(~exact.any(axis=1), ~got.any(axis=1))
            for g in range(len(first) - 1):
                a, b = exact[first[g]:first[g + 1]], got[first[g]:first[g + 1]]
                good = np.isfinite(a)
                error = np.abs(a - b)[good].max()
                part = error / np.sqrt((a[good]**2).sum() / a.size)
                assert error <= f["scale/error"][g] * (1 + 1e-6)
                assert part <= f["scale/error_of_rms"][g] * (1 + 1e-5)
                most, worst_part = max(most, error), max(worst_part, part)
        assert said["form"] == form
        assert said["largest_error"] == pytest.approx(most, rel=1e-5) == f["scale/error"][:].max()
        assert said["largest_error_of_rms"] == pytest.approx(worst_part, rel=1e-4) and worst_part < 0.01
    program(tmp_path, "verify", job.output)
    program(tmp_path, "verify", job.output, "--against", survey)
    samples = 1600 * 400 * 4
    assert job.output.stat().st_size < plain.stat().st_size - 0.9 * samples


@pytest.mark.parametrize("form", FORMS)
def test_every_command_reads_the_same(tmp_path, survey, form):
    job = jobs.Job(tmp_path, survey, text_of(form, mode="processed"))
    job.run(check=2)
    with h5py.File(job.output) as f:
        expected, first = decode(f).astype("f4"), f["gathers/first_trace"][:]
        copy = tmp_path / "copy.h5"
        with h5py.File(copy, "w") as c:
            for name in f:
                if name not in ("traces", "scale"):
                    f.copy(name, c)
            c.attrs.update(f.attrs)
            c["traces"] = expected
    program(tmp_path, "verify", copy)
    program(tmp_path, "compare", job.output, copy)
    out = tmp_path / "window.h5"
    program(tmp_path, "window", job.output, out, "--gathers=3:9")
    with h5py.File(out) as f:
        assert f["traces"].dtype == np.float32 and f["traces"][:].tobytes() == expected[first[3]:first[9]].tobytes()
    again = [jobs.Job(tmp_path, source, jobs.JOB.replace("engine: mock", "engine: cpu"), name)
             for source, name in ((job.output, "a"), (copy, "b"))]
    for j in again:
        j.run(check=2)
    with h5py.File(again[0].output) as a, h5py.File(again[1].output) as b:
        assert a["traces"][:].tobytes() == b["traces"][:].tobytes()
    refused = program(tmp_path, "pack", job.output, tmp_path / "p.h5", "--codec=zstd", check=1)
    assert "16 bits" in refused.stderr
    assert form in program(tmp_path, "info", job.output).stdout


def test_ranks_and_engines_do_not_matter(tmp_path, survey):
    found = set()
    for ranks, engine in ((3, "cpu"), (6, "cpu"), (4, "mock")):
        job = jobs.Job(tmp_path, survey, text_of("int16-scaled", engine=engine), f"{ranks}{engine}")
        job.run(ranks=ranks, check=2)
        found.add(jobs.sha(job.output))
    assert len(found) == 1


def test_a_kill_changes_no_bit(tmp_path, survey):
    job = jobs.Job(tmp_path, survey, text_of("int16-scaled"))
    job.run(check=2)
    whole = jobs.sha(job.output)
    for point in ("after_write:3@1", "before_append:2@0", "integrity_written:1@0"):
        job.output.unlink()
        job.run(binary=harness.FAULTY, env={"SEISPROC_FAULT": point}, check=None)
        job.run(check=2)
        assert jobs.sha(job.output) == whole, point


def segy_traces(path, n_samples, dtype):
    """Trace headers and samples of a plain big-endian SEG-Y file."""
    size = 240 + n_samples * np.dtype(dtype).itemsize
    raw = np.frombuffer(path.read_bytes()[3600:], np.uint8).reshape(-1, size)
    return raw[:, :240], raw[:, 240:].copy().view(np.dtype(dtype).newbyteorder(">"))


def test_segy_keeps_the_integers(tmp_path, seisproc):
    survey = jobs.make_survey(tmp_path / "in.h5", gathers=10, traces=20, samples=300)
    job = jobs.Job(tmp_path, survey, text_of("int16-scaled", mode="processed"))
    job.run()
    program(tmp_path, "export", job.output, tmp_path / "i.sgy", "--format=3", "--quiet")
    program(tmp_path, "export", job.output, tmp_path / "f.sgy", "--format=5", "--quiet")
    with h5py.File(job.output) as f:
        codes, factors, samples = f["traces"][:], f["scale/traces"][:], decode(f)
    headers, integers = segy_traces(tmp_path / "i.sgy", 300, "i2")
    assert np.array_equal(integers, codes)
    weights = headers[:, 168:170].copy().view(">i2")[:, 0]
    assert np.array_equal(np.ldexp(1.0, -weights.astype(int)), factors.astype("f8"))
    assert np.array_equal(segy_traces(tmp_path / "f.sgy", 300, "f4")[1].astype("f8"), samples)
    said = program(tmp_path, "import", tmp_path / "i.sgy", tmp_path / "back.h5", "--gather=fldr")
    assert "have a weighting factor (bytes 169-170" in said.stderr and "multiplied by 2^-N" in said.stderr
    with h5py.File(tmp_path / "back.h5") as f:
        assert np.array_equal(f["traces"][:].astype("f8"), samples) and f["segy"].attrs["weighted"] == 1
    program(tmp_path, "export", tmp_path / "back.h5", tmp_path / "again.sgy", "--quiet")
    assert (tmp_path / "again.sgy").read_bytes() == (tmp_path / "i.sgy").read_bytes()
    program(tmp_path, "export", tmp_path / "back.h5", tmp_path / "floats.sgy", "--format=5", "--quiet")
    headers, floats = segy_traces(tmp_path / "floats.sgy", 300, "f4")
    assert np.array_equal(floats.astype("f8"), samples) and not headers[:, 168:170].any()
    program(tmp_path, "import", tmp_path / "i.sgy", tmp_path / "raw.h5", "--gather=fldr", "--quiet", "--ignore-weights")
    with h5py.File(tmp_path / "raw.h5") as f:
        assert np.array_equal(f["traces"][:], codes) and "weighted" not in f["segy"].attrs
    said = program(tmp_path, "import", tmp_path / "f.sgy", tmp_path / "plain.h5", "--gather=fldr", "--quiet")
    assert "weighting" not in said.stderr
    broken = bytearray((tmp_path / "i.sgy").read_bytes())
    broken[3600 + 3 * 840 + 168:3600 + 3 * 840 + 170] = (1000).to_bytes(2, "big")
    (tmp_path / "broken.sgy").write_bytes(broken)
    refused = program(tmp_path, "import", tmp_path / "broken.sgy", tmp_path / "b.h5", "--gather=fldr", check=1)
    assert "is 1000, allowed is -64 to 64" in refused.stderr and "--ignore-weights" in refused.stderr
    assert not (tmp_path / "b.h5").exists()
    with h5py.File(survey, "r+") as f:
        f["traces"][:] *= 1e6
    loud = jobs.Job(tmp_path, survey, text_of("int16-scaled", mode="processed"), "loud")
    loud.run()
    refused = program(tmp_path, "export", loud.output, tmp_path / "l.sgy", "--format=3", "--quiet", check=1)
    assert "a trace header says factors up to 1" in refused.stderr


@pytest.mark.parametrize("more,words", [("samples: int8\n", "allowed is one of float32, float16-scaled, int16-scaled"),
                                        ("samples: int16-scaled\npack: zstd\n", "16 bits are not packed")])
def test_what_cannot_be_stored_so_is_refused(tmp_path, survey, more, words):
    job = jobs.Job(tmp_path, survey, jobs.JOB + more)
    refused = harness.run([harness.BINARY, "run", job.path], tmp=tmp_path)
    assert refused.returncode == 1 and words in refused.stderr, str(refused)
    assert job.files() == []


def test_cubes_are_refused_by_name(tmp_path, survey):
    job = jobs.Job(tmp_path, survey, "input: {input}\noutput: {output}\nsamples: int16-scaled\nchain:\n"
                   "  - fkk: {{mode: reject, vmin: 500, vmax: 1500}}\n")
    refused = harness.run([harness.BINARY, "plan", job.path], tmp=tmp_path)
    assert refused.returncode == 1 and "samples: a chain with" in refused.stderr, str(refused)


def test_traces_that_a_burst_leaves_no_digits_are_told(tmp_path):
    """In the log, under --quiet too, and in the report; a form that keeps them says nothing, nor do dead traces."""
    path = jobs.make_survey(tmp_path / "in.h5", gathers=6, traces=20, samples=400)
    with h5py.File(path, "r+") as f:
        f["traces"][3] = 0
        for trace in (45, 46, 99):
            f["traces"][trace, 200] = 1e5 * np.abs(f["traces"][trace]).max()
        gathers = np.searchsorted(f["gathers/first_trace"][:], [45, 46, 99], side="right") - 1
        key = f["gathers/key"].attrs["name"].decode(), f["gathers/key"][gathers[0]]
    chain = jobs.JOB.split("chain:")[0].replace("mock", "cpu") + "dead_traces: ignore\nchain:\n"
    chain += "  - mute: {{velocity: 20000}}\n"
    told = {}
    for form in FORMS:
        job, report = jobs.Job(tmp_path, path, chain + f"samples: {form}\n", form), tmp_path / f"{form}.json"
        result = job.run("--quiet", f"--report={report}", ranks=3)
        told[form] = (result.stderr, json.loads(report.read_text())["samples"]["coarse_traces"])
    assert "samples" not in told["float16-scaled"][0] and told["float16-scaled"][1] == 0, told
    text, n = told["int16-scaled"]
    assert n == 3 and text.count("samples: int16-scaled") == 1, text
    assert f"most samples of 3 traces ({len(set(gathers))} gathers, first" in text and "%s %d" % key in text, text
    assert "fewer than 10 steps" in text and "float16-scaled keeps them" in text
