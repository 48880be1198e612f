# SPDX-License-Identifier: BSD-3-Clause
"""A few gathers that are damaged on the disk among many that are not cost just those: they are found by their checksums
when the job goes on, undone in the journal and computed again, whatever is killed meanwhile."""

import json
import re
import shutil

import h5py
import pytest

import harness
import jobs

CPU = jobs.JOB.replace("engine: mock", "engine: cpu")
N = 64


@pytest.fixture(scope="module")
def survey(tmp_path_factory):
    return jobs.make_survey(tmp_path_factory.mktemp("repair") / "in.h5", gathers=N, traces=40, samples=500)


def whole_run(folder, survey, text):
    job = jobs.Job(folder, survey, text)
    job.run(ranks=3)
    return jobs.sha(job.output)


@pytest.fixture(scope="module")
def expected(tmp_path_factory, survey):
    return whole_run(tmp_path_factory.mktemp("whole"), survey, CPU)


@pytest.fixture(scope="module")
def left(tmp_path_factory, survey):
    """What a job leaves that is cut off before its output is published: all is done."""
    return cut_off(jobs.Job(tmp_path_factory.mktemp("left"), survey, CPU))


def cut_off(job, fault="before_publish:1"):
    killed = job.run(binary=harness.FAULTY, env={"SEISPROC_FAULT": fault}, check=None)
    assert killed.returncode != 0 and job.part.exists(), str(killed)
    return job


def like(job, folder):
    """The same job in another folder, with all that is there of its output."""
    for name in job.files():
        shutil.copy(job.folder / name, folder / name)
    shutil.copy(job.history, folder / job.history.name)
    return jobs.Job(folder, job.survey, CPU)


def flip(path, gather, name="traces"):
    """Another bit in the middle of a gather."""
    with h5py.File(path) as f:
        data, ends = f[name], f["gathers/first_trace"][gather:gather + 2]
        at = data.id.get_offset() + int(ends.sum()) // 2 * data.shape[1] * 4 + 17
    flip_byte(path, at)


def flip_byte(path, at):
    with open(path, "r+b") as f:
        f.seek(at)
        byte = f.read(1)[0]
        f.seek(at)
        f.write(bytes([byte ^ 4]))


def spots(done):
    """The gathers that are looked at."""
    done, n = sorted(done), min(len(done), 16)
    return [done[k * (len(done) - 1) // max(n - 1, 1)] for k in range(n)]


def undone(job):
    """What the history says was computed again, a list of gathers a run."""
    found = []
    for words in job.history_lines("undone"):
        ranges = [list(map(int, word.split("-"))) for word in words[2:]]
        found.append([g for r in ranges for g in range(r[0], r[-1] + 1)])
        assert len(found[-1]) == int(words[1])
    return found


@pytest.mark.parametrize("ranks", [3, 5])
def test_damage_that_a_few_gathers_show(tmp_path, left, expected, ranks):
    """On one worker and on three. Two are looked at, one is not; all are found, and nothing else is done again."""
    job = like(left, tmp_path)
    seen = spots(job.done())
    other = next(g for g in range(N) if g not in seen)
    flip(job.part, seen[0])
    flip(job.part, seen[9], "noise")
    flip(job.part, other)
    planned = harness.run([harness.BINARY, "plan", job.path], tmp=tmp_path)
    assert planned.returncode == 0 and "some of them are not on the disk as they were written" in planned.stdout
    before = job.journal.read_bytes()
    report = tmp_path / "report.json"
    running = jobs.Running([harness.BINARY, "run", job.path, f"--report={report}"], ranks, {}, tmp_path)
    done = running.wait()
    bad = sorted([seen[0], seen[9], other])
    assert done.returncode == 0, str(done)
    assert f"compared {N} gathers that are done" in done.stderr
    words = "3 gathers that were done are not on the disk as they were written, and are computed again:"
    assert len(re.findall(words, done.stderr)) == 1 and f"{N - 3} of {N} gathers are done, 3 are left" in done.stderr
    assert undone(job) == [bad] and json.loads(report.read_text())["computed_again"] == bad
    assert jobs.sha(job.output) == expected and before and not job.journal.exists()


def test_damage_that_only_all_gathers_show(tmp_path, left, expected):
    """`verify` finds it in the part and says what to do; that is done."""
    job = like(left, tmp_path)
    other = [g for g in range(N) if g not in spots(job.done())]
    flip(job.part, other[0])
    flip(job.part, other[-1], "noise")
    verified = harness.run([harness.BINARY, "verify", "--all", job.part], tmp=tmp_path)
    assert verified.returncode == 1 and all(f"gather {g} " in verified.stderr for g in (other[0], other[-1]))
    assert "--check-done" in verified.stdout
    kept = {name: (tmp_path / name).read_bytes() for name in job.files()}
    job.run("--check-done")
    assert undone(job) == [[other[0], other[-1]]] and jobs.sha(job.output) == expected
    job.output.unlink()
    for name, data in kept.items():
        (tmp_path / name).write_bytes(data)
    job.run()  # without it they stay, and are found in the output
    verified = harness.run([harness.BINARY, "verify", job.output], tmp=tmp_path)
    assert verified.returncode == 1 and "2 gathers are not what was written" in verified.stdout


def test_nothing_is_damaged(tmp_path, left, expected):
    job = like(left, tmp_path)
    running = jobs.Running([harness.BINARY, "run", job.path, "--check-done"], 4, {}, tmp_path)
    done = running.wait()
    assert done.returncode == 0 and f"compared {N} gathers that are done" in done.stderr, str(done)
    assert undone(job) == [] and jobs.sha(job.output) == expected


@pytest.mark.parametrize("fault", ["compared:1", "undoing:1", "journal_written:1", "journal_renamed:1",
                                   "after_append:1", "before_publish:1"])
def test_a_kill_while_it_is_mended(tmp_path, left, expected, fault):
    job = like(left, tmp_path)
    bad = spots(job.done())[3]
    flip(job.part, bad)
    cut_off(job, fault)
    before = undone(job)
    assert before in ([], [[bad]])
    assert (bad in job.done()) == (fault in ("compared:1", "undoing:1", "journal_written:1", "after_append:1",
                                             "before_publish:1"))
    job.run(ranks=5)
    assert [bad] in undone(job) or fault == "journal_renamed:1"
    assert jobs.sha(job.output) == expected


def test_a_stop_while_it_is_compared(tmp_path, left, expected):
    job = like(left, tmp_path)
    flip(job.part, spots(job.done())[3])
    before = job.journal.read_bytes()
    done = job.run("--max-time=1", check=75)
    assert job.journal.read_bytes() == before, str(done)
    job.run()
    assert jobs.sha(job.output) == expected


def test_half_of_them_differ(tmp_path, left, expected):
    """Then it is another file: refused with nothing changed, until the right one is back."""
    job = like(left, tmp_path)
    seen, kept = spots(job.done()), tmp_path / "kept"
    shutil.copy(job.part, kept)
    for gather in seen[::2]:
        flip(job.part, gather)
    files = {name: (tmp_path / name).read_bytes() for name in job.files() if ".lock" not in name}
    done = job.run(check=1)
    said = [line for line in done.stderr.splitlines() if "error: " in line]
    assert len(said) == 1 and "8 of the 16 gathers" in said[0], str(done)
    assert "with the right file back the same command goes on, --restart starts over" in said[0]
    assert files == {name: (tmp_path / name).read_bytes() for name in job.files() if ".lock" not in name}
    flip(job.part, seen[0])
    job.run()
    assert undone(job) == [seen[2::2]] and jobs.sha(job.output) == expected


def test_most_differ_though_few_of_those_looked_at(tmp_path, left):
    job = like(left, tmp_path)
    seen = spots(job.done())
    for gather in (g for g in range(N) if g not in seen):
        flip(job.part, gather)
    before = job.journal.read_bytes()
    done = job.run("--check-done", check=1)
    assert "of the 64 gathers" in done.stderr and job.journal.read_bytes() == before, str(done)


@pytest.mark.parametrize("ranks, fault", [(3, "before_publish:1"), (5, "before_publish:1"), (4, "adopted:1")])
def test_a_damaged_chunk(tmp_path, survey, ranks, fault):
    """Of results that are packed as they come: all gathers that have rows in it are computed again."""
    text = CPU + "pack: lz4\n"
    job = cut_off(jobs.Job(tmp_path, survey, text), fault)
    packed = tmp_path / "out.h5.packed"
    done, lines = job.done(), job.journal.read_bytes().split(b"\n")
    chunk = next(line.split()[3 + int(line.split()[2]) + 2:][0] for line in lines if line.startswith(b"packed "))
    at, n_bytes = (int(x, 16) for x in chunk.split(b":")[2:4])
    flip_byte(packed, at + n_bytes // 2)
    verified = harness.run([harness.BINARY, "verify", "--all", job.part], tmp=tmp_path)
    bad = sorted(map(int, re.findall(r"gather (\d+) ", verified.stderr)))
    assert verified.returncode == 1 and 0 < len(bad) < len(done) // 2, str(verified)
    assert "its checksum differs" in verified.stderr
    job.run("--check-done", ranks=ranks)
    assert undone(job) == [bad]
    back, plain = tmp_path / "back.h5", jobs.Job(tmp_path, survey, CPU, "plain")
    plain.run()
    assert harness.run([harness.BINARY, "unpack", job.output, back, "--quiet"], tmp=tmp_path).returncode == 0
    with h5py.File(back) as f, h5py.File(plain.output) as g:
        assert all(f[name][:].tobytes() == g[name][:].tobytes() for name in ("traces", "noise"))
    assert harness.run([harness.BINARY, "verify", job.output], tmp=tmp_path).returncode == 0
