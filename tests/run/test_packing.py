# SPDX-License-Identifier: BSD-3-Clause
"""`pack:` in a job: chunks packed and placed as results come, one standard file at the end, which holds the same on any
number of ranks and after any kill; refused where it cannot be had, before a byte is written."""

import hashlib
import json
import random
import re
import signal
import subprocess

import h5py
import numpy as np
import pytest

import harness
import jobs

AS_IT_COMES = [("created", 1), ("chunk_packed", 3), ("chunk_written", 2), ("chunk_written", 9), ("after_write", 2),
               ("after_sync", 1), ("before_report", 2), ("before_append", 2), ("append_torn", 2), ("after_append", 2),
               ("integrity_written", 1), ("adopted", 1)]
POINTS = [("before_publish", 1), ("integrity_written", 1), ("publish_renamed", 1), ("published", 1), ("tidied_up", 1),
          ("pack_written", 2), ("pack_synced", 2), ("pack_record", 2), ("pack_journalled", 2), ("pack_finished", 1),
          ("publish_synced", 2), ("publish_renamed", 2), ("pack_published", 1), ("packed", 1)]


def text_of(codec, *more, engine="cpu"):
    text = jobs.JOB.replace("engine: mock", f"engine: {engine}").replace("slab_mb: 1", "slab_mb: 5")
    return text + f"pack: {codec}\n" + "".join(f"{line}\n" for line in more)


def attributes_of(thing):
    return sorted((name, np.asarray(value).dtype.str, np.asarray(value).tobytes())
                  for name, value in thing.attrs.items() if name not in ("DIMENSION_LIST", "REFERENCE_LIST"))


def content(path):
    """A digest of all that the file holds but for where: attributes, rows, and each stored chunk as it is."""
    found = hashlib.sha256()

    def add(name, thing):
        found.update(repr((name, attributes_of(thing))).encode())
        if not isinstance(thing, h5py.Dataset):
            return
        found.update(repr((thing.shape, thing.dtype.str, thing.chunks)).encode())
        if not thing.chunks:
            found.update(thing[()].tobytes())
            return
        for i in range(thing.id.get_num_chunks()):
            at = thing.id.get_chunk_info(i)
            mask, stored = thing.id.read_direct_chunk(at.chunk_offset)
            found.update(repr((at.chunk_offset, mask)).encode() + stored)

    with h5py.File(path) as f:
        add("/", f)
        f.visititems(add)
    return found.hexdigest()


@pytest.fixture(scope="module")
def survey(tmp_path_factory):
    return jobs.make_survey(tmp_path_factory.mktemp("packing") / "in.h5", gathers=64, traces=120, samples=500)


@pytest.fixture(scope="module")
def plain(tmp_path_factory, survey):
    job = jobs.Job(tmp_path_factory.mktemp("plain"), survey, jobs.JOB.replace("engine: mock", "engine: cpu"))
    job.run()
    return job.output


def rows(path, tmp_path, name="/traces"):
    """Samples as the program reads them."""
    with h5py.File(path) as f:
        if not f["traces"].chunks:
            return f[name][:]
    back = tmp_path / "back.h5"
    done = harness.run([harness.BINARY, "unpack", path, back, "--quiet"], tmp=tmp_path)
    assert done.returncode == 0, str(done)
    with h5py.File(back) as f:
        found = f[name][:]
    back.unlink()
    return found


@pytest.mark.parametrize("codec", ["lz4", "zstd"])
def test_a_packed_output_is_the_plain_one(tmp_path, survey, plain, codec):
    job, report = jobs.Job(tmp_path, survey, text_of(codec)), tmp_path / "report.json"
    job.run(f"--report={report}")
    assert job.files() == ["out.h5"]
    with h5py.File(job.output) as p, h5py.File(plain) as f:
        assert p["traces"].chunks and p["noise"].chunks and p["traces"].attrs["codec"].decode() == codec
        assert p["traces"].attrs["level"] == 1
        assert f"pack: {codec}\n" in p.attrs["job"].decode() and "pack" not in f.attrs["job"].decode()
        assert p.attrs["input_uuid"] == f.attrs["input_uuid"]
        assert np.array_equal(p["integrity/crc32c"][:], f["integrity/crc32c"][:])
    for name in ("/traces", "/noise"):
        assert rows(job.output, tmp_path, name).tobytes() == rows(plain, tmp_path, name).tobytes()
    packing = json.loads(report.read_text())["packing"]
    assert packing["codec"] == codec and packing["packed_bytes"] == job.output.stat().st_size
    assert packing["ratio"] == pytest.approx(packing["plain_bytes"] / packing["packed_bytes"]) and packing["ratio"] > 1
    assert packing["chunks"] / 6 < packing["chunks_while_computing"] < packing["chunks"], packing
    with h5py.File(job.output) as f:
        stored = sum(f[name].id.get_chunk_info(i).size for name in ("traces", "noise")
                     for i in range(f[name].id.get_num_chunks()))
        assert stored == sum(int(f[name].attrs["packed_bytes"]) for name in ("traces", "noise"))
        sizes = []
        f.visititems(lambda _, x: sizes.append(x.id.get_storage_size()) if isinstance(x, h5py.Dataset) else None)
    assert job.output.stat().st_size < sum(sizes) + 200000, "nothing is left unused without a kill"
    for arguments in ([job.output], [job.output, "--against", survey]):
        checked = harness.run([harness.BINARY, "verify", *arguments], tmp=tmp_path)
        assert checked.returncode == 0, str(checked)
    again = job.run()
    assert "complete already" in again.stderr + again.stdout


def test_zfp_keeps_to_its_bound_and_is_verified(tmp_path, survey, plain):
    job, report = jobs.Job(tmp_path, survey, text_of("zfp", "pack_error_bound: 0.01")), tmp_path / "report.json"
    job.run(f"--report={report}")
    said = json.loads(report.read_text())["packing"]
    assert said["error_bound"] == 0.01 and 0 < said["largest_error"] <= 0.01 and said["lossy_chunks"] > 0
    assert said["ratio"] > 2.5
    with h5py.File(plain) as f, h5py.File(job.output) as p:
        first = f["gathers/first_trace"][:]
        assert p.attrs["input_uuid"] == f.attrs["input_uuid"]
    most = 0
    for name in ("/traces", "/noise"):
        a, b = rows(plain, tmp_path, name).astype("f8"), rows(job.output, tmp_path, name)
        for g in range(len(first) - 1):
            part = slice(first[g], first[g + 1])
            most = max(most, np.abs(a[part] - b[part]).max() / np.sqrt((a[part]**2).mean()))
    assert said["largest_error"] == pytest.approx(most, rel=1e-6)
    for arguments in ([job.output], [job.output, "--against", survey]):
        checked = harness.run([harness.BINARY, "verify", *arguments], tmp=tmp_path)
        assert checked.returncode == 0, str(checked)
    with open(job.output, "r+b") as f, h5py.File(job.output, "r", locking=False) as p:
        f.seek(p["traces"].id.get_chunk_info(0).byte_offset + 100)
        f.write(b"\xff" * 8)
    assert harness.run([harness.BINARY, "verify", job.output], tmp=tmp_path).returncode == 1


def test_ranks_and_engines_do_not_matter(tmp_path, survey):
    found = set()
    for ranks, io_ranks, engine in ((3, 1, "cpu"), (6, 1, "cpu"), (4, 1, "mock"), (6, 3, "cpu")):
        text = text_of("zstd", f"io_ranks: {io_ranks}", engine=engine)
        job, report = jobs.Job(tmp_path, survey, text, f"{ranks}{io_ranks}{engine}"), tmp_path / "report.json"
        job.run(f"--report={report}", ranks=ranks)
        assert json.loads(report.read_text())["packing"]["chunks_while_computing"] > 4
        found.add(content(job.output))
    assert len(found) == 1
    ordered = set()
    for name in ("31cpu", "63cpu"):
        again = tmp_path / "again.h5"
        done = harness.run([harness.BINARY, "pack", tmp_path / f"{name}.h5", again, "--codec=zstd", "--quiet"],
                           tmp=tmp_path)
        assert done.returncode == 0, str(done)
        ordered.add(jobs.sha(again))
    assert len(ordered) == 1, "packed once more, outputs of other ranks are the same file"


ALL = [pytest.mark.long, pytest.mark.timeout(900)]


@pytest.mark.timeout(300)
@pytest.mark.parametrize("codec,points", [
    ("zstd", [("chunk_written", 9), ("append_torn", 2), ("adopted", 1), ("tidied_up", 1), ("pack_published", 1)]),
    ("zfp", [("pack_checksums", 1)]),
    pytest.param("lz4", AS_IT_COMES + POINTS, marks=ALL),
    pytest.param("zfp", POINTS + [("pack_checksums", 1)], marks=ALL)])
def test_a_kill_at_any_point_changes_no_bit(tmp_path, survey, codec, points):
    job = jobs.Job(tmp_path, survey, text_of(codec))
    job.run()
    whole, cut, packing = content(job.output), 0, 0
    for point, n in points:
        job.output.unlink()
        killed = job.run(binary=harness.FAULTY, env={"SEISPROC_FAULT": f"{point}:{n}"}, check=None)
        cut += killed.returncode != 0
        again = job.run(binary=harness.FAULTY)
        packing += "the output is packed" in again.stderr + again.stdout
        assert content(job.output) == whole, (point, n)
        assert job.files() == ["out.h5"], (point, n)
    assert cut >= len(points) - 2 and cut > 0 and packing > 0, (cut, packing)


LIMIT = 300  # seconds that a job may take on a machine that others keep busy, before it counts as one that hangs


class Killer:
    """Starts a job and kills a rank of it, or all, at a random moment. The time in which this falls grows with each
    kill that hits and shrinks with each job that comes through, so that two of three starts are killed, at moments all
    over the job, however busy the machine is."""

    def __init__(self, job, seed, from_the_start, seconds):
        self.job, self.rng, self.from_the_start = job, random.Random(seed), from_the_start
        self.plain, self.seconds, self.hits = job.folder / "out.h5.plain", seconds, 0

    def is_under_way(self, running):
        return len(running.pids()) == 4 and (self.from_the_start or self.plain.exists())

    def kill(self, running):
        """False: the job ended before."""
        try:
            running.process.wait(self.rng.uniform(0, self.seconds))
        except subprocess.TimeoutExpired:
            if self.rng.random() < 0.5:
                running.kill_all()
                return True
            return running.kill(self.rng.randrange(4), signal.SIGKILL)
        return False

    def start(self, kills=True):
        """One start of the job, to its end of either kind; whether it was killed."""
        running = self.job.start(delay=0)
        killed = kills and running.wait_for(lambda: self.is_under_way(running), LIMIT) and self.kill(running)
        if killed:
            running.wait_for(running.kill_launcher_without_ranks, LIMIT)
        ended = running.wait(LIMIT)
        assert not ended.timed_out, f"it hangs\n{ended}"
        assert killed or ended.returncode == 0, str(ended)
        running.seconds_until_gone()
        self.hits += killed
        self.seconds *= 1.3 if killed else 0.6
        return killed


def kill_at_random(tmp_path, survey, codec, seed, kills, from_the_start=False):
    """Kills a job, at random moments of its packing or of all of it, until it comes through; again until there were so
    many kills."""
    job = jobs.Job(tmp_path, survey, text_of(codec))
    seconds = job.run(timeout=LIMIT).seconds
    whole, killer = content(job.output), Killer(job, seed, from_the_start, seconds)
    while killer.hits < kills:
        job.output.unlink()
        while killer.start(killer.hits < kills):
            pass
        assert content(job.output) == whole
        assert job.files() == ["out.h5"]


@pytest.mark.timeout(300)
def test_kills_at_random_while_packing(tmp_path, survey):
    kill_at_random(tmp_path, survey, "zstd", 1, 1)


@pytest.mark.timeout(300)
def test_kills_at_random_while_computing(tmp_path, survey):
    kill_at_random(tmp_path, survey, "lz4", 4, 1, from_the_start=True)


@pytest.mark.long
@pytest.mark.timeout(3000)
@pytest.mark.parametrize("codec", ["lz4", "zstd", "zfp"])
@pytest.mark.parametrize("kills,from_the_start", [(10, False), (15, True)])
def test_many_kills_at_random(tmp_path, survey, codec, kills, from_the_start):
    kill_at_random(tmp_path, survey, codec, 2 + from_the_start, kills, from_the_start)


def test_a_stop_while_packing_goes_on(tmp_path, survey):
    job = jobs.Job(tmp_path, survey, text_of("zstd"))
    job.run()
    whole = content(job.output)
    job.output.unlink()
    job.run(binary=harness.FAULTY, env={"SEISPROC_FAULT": "pack_stop:2@2"}, check=None)
    assert job.files() == ["out.h5.chunks", "out.h5.packed", "out.h5.plain"]
    job.run()
    assert content(job.output) == whole and job.files() == ["out.h5"]


def test_another_codec_is_refused_until_restart(tmp_path, survey):
    job = jobs.Job(tmp_path, survey, text_of("zstd"))
    job.run(binary=harness.FAULTY, env={"SEISPROC_FAULT": "pack_journalled:1"}, check=None)
    assert (tmp_path / "out.h5.plain").exists()
    other = job.run("--set", "pack=lz4", check=1)
    assert "pack: zstd, now lz4" in other.stderr, str(other)
    job.run("--set", "pack=none", "--restart")
    assert job.files() == ["out.h5"]
    with h5py.File(job.output) as f:
        assert f["traces"].chunks is None


@pytest.mark.parametrize("line,words", [
    ("pack: blosc", "allowed is one of none, lz4, zstd, zfp"),
    ("pack: lz4\npack_level: 13", "allowed for lz4 are 1 to 12"),
    ("pack: zfp\npack_level: 3", "zfp has none"), ("pack: zstd\npack_level: 20", "1 to 19"),
    ("pack: zstd\npack_error_bound: 0.01", "goes with pack: zfp alone"),
    ("pack: zfp\npack_error_bound: 0.7", "pack_error_bound: found"),
])
def test_what_cannot_be_packed_is_refused_by_name(tmp_path, survey, line, words):
    job = jobs.Job(tmp_path, survey, jobs.JOB + line + "\n")
    refused = harness.run([harness.BINARY, "run", job.path], tmp=tmp_path)
    assert refused.returncode == 1 and words in refused.stderr, str(refused)
    assert job.files() == []


def test_plan_tells_of_disk_and_memory(tmp_path, survey):
    job = jobs.Job(tmp_path, survey, text_of("zstd"))
    said = harness.run([harness.BINARY, "plan", job.path], tmp=tmp_path)
    assert said.returncode == 0 and "packed by zstd as it comes" in said.stdout, str(said)
    plan = json.loads(harness.run([harness.BINARY, "plan", "--json", job.path], tmp=tmp_path).stdout)
    assert plan["output"]["codec"] == "zstd" and plan["output"]["packed_as_it_comes"]
    assert 1 < plan["output"]["disk_bytes"] / plan["output"]["sample_bytes"] <= 2
    assert plan["memory"]["worker_packing_bytes"] > 0
    other = jobs.Job(tmp_path, survey, text_of("zfp"), "zfp")
    after = json.loads(harness.run([harness.BINARY, "plan", "--json", other.path], tmp=tmp_path).stdout)["output"]
    assert not after["packed_as_it_comes"] and after["disk_bytes"] == 2 * after["sample_bytes"]
    assert plan["memory"]["packing_bytes"] > 0 and plan["memory"]["unpacking_bytes"] == 0
    job.run()
    again = jobs.Job(tmp_path, job.output, jobs.JOB, "again")
    plan = json.loads(harness.run([harness.BINARY, "plan", "--json", again.path], tmp=tmp_path).stdout)
    with h5py.File(job.output) as f:
        chunk = f["traces"].chunks[0] * f["traces"].chunks[1] * 4
    assert plan["memory"]["unpacking_bytes"] > 4 * chunk and plan["memory"]["packing_bytes"] == 0


def test_a_cut_off_job_keeps_what_it_packed(tmp_path, survey):
    """On going on, what is in the journal is neither computed nor packed again; and a file of chunks that is too short
    for its journal is refused."""
    job, report = jobs.Job(tmp_path, survey, text_of("lz4")), tmp_path / "report.json"
    packed = tmp_path / "out.h5.packed"
    job.run(binary=harness.FAULTY, env={"SEISPROC_FAULT": "after_append:4"}, check=None)
    lines = [line for line in (tmp_path / "out.h5.journal").read_text().splitlines() if line.startswith("packed ")]
    assert lines and packed.stat().st_size > 5000
    whole = packed.read_bytes()
    packed.write_bytes(whole[:5000])
    refused = job.run(check=1)
    # half of the gathers that are looked at lie there or more, or fewer
    assert re.search("the file ends before it does|out.h5.packed: has 5000 bytes", refused.stderr), str(refused)
    packed.write_bytes(whole)
    again = job.run(f"--report={report}")
    assert "resuming" in again.stderr + again.stdout
    assert json.loads(report.read_text())["packing"]["chunks_while_computing"] > 4
    checked = harness.run([harness.BINARY, "verify", job.output, "--against", survey], tmp=tmp_path)
    assert checked.returncode == 0, str(checked)


@pytest.mark.parametrize("ranks", [1, 3])
def test_an_unfinished_output_is_verified(tmp_path, survey, ranks):
    """What the journal has, from packed chunks and rows at seams of tasks; a changed byte of either is found."""
    job = jobs.Job(tmp_path, survey, text_of("lz4"))
    packed, part = tmp_path / "out.h5.packed", tmp_path / "out.h5.part"
    job.run(binary=harness.FAULTY, env={"SEISPROC_FAULT": "after_append:4"}, check=None)
    line = [x for x in (tmp_path / "out.h5.journal").read_text().splitlines() if x.startswith("packed ")][0].split()

    def verify(*more):
        done = harness.run([harness.BINARY, "verify", part, *more], ranks=ranks if ranks > 1 else None, tmp=tmp_path)
        return done.returncode, done.stdout + done.stderr

    code, said = verify("--against", survey)
    assert code == 0 and "all checksums agree" in said and "not on the disk yet" in said, said
    assert "processed + noise is the input" in said, said
    first, n = int(line[1]), int(line[2])
    chunk_rows, n_chunks = int(line[3 + n]), int(line[4 + n])
    chunks = [tuple(int(y, 16) for y in x.split(":")[:4]) for x in line[5 + n:5 + n + n_chunks]]
    assert len(chunks) == n_chunks > 0
    spoilt = packed.read_bytes()
    at = chunks[0][2]
    packed.write_bytes(spoilt[:at + 50] + bytes([spoilt[at + 50] ^ 1]) + spoilt[at + 51:])
    code, said = verify()
    assert code == 1 and "its checksum differs" in said and "BAD" in said, said
    packed.write_bytes(spoilt[:at + 50])
    code, said = verify()
    assert code == 1 and "the file ends before it does" in said, said
    packed.write_bytes(spoilt)
    with h5py.File(part) as f:
        where, row = f["traces"].id.get_offset(), 4 * f["traces"].shape[1]
        begins, ends = int(f["gathers/first_trace"][first]), int(f["gathers/first_trace"][first + n])
    whole = {number * chunk_rows + i for plane, number, *_ in chunks if plane == 0 for i in range(chunk_rows)}
    seams = [i for i in range(begins, ends) if i not in whole]
    assert seams, "a task that has no seam: take another one"
    with open(part, "r+b") as f:
        f.seek(where + seams[0] * row + 40)
        f.write(b"\x01\x02\x03\x04")
    code, said = verify()
    assert code == 1 and "/traces has checksum" in said, said
    packed.unlink()
    code, said = verify()
    assert code == 1 and "out.h5.packed: cannot be opened" in said, said


def test_h5py_reads_it_with_hdf5plugin(tmp_path, survey, plain):
    pytest.importorskip("hdf5plugin", reason="hdf5plugin, which h5py reads such files with, is not installed")
    numbers = {"lz4": (32004, 32008), "zstd": (32015,), "zfp": (32013,)}
    codecs = [codec for codec, needed in numbers.items() if all(h5py.h5z.filter_avail(n) for n in needed)]
    if not codecs:
        pytest.skip("this hdf5plugin has none of the filters")
    for codec in codecs:
        job = jobs.Job(tmp_path, survey, text_of(codec), codec)
        job.run()
        with h5py.File(job.output) as p, h5py.File(plain) as f:
            for name in ("traces", "noise"):
                found, expected = p[name][:], f[name][:]
                if codec == "zfp":
                    assert np.abs(found - expected).max() <= 0.001 * np.abs(expected).max()
                else:
                    assert found.tobytes() == expected.tobytes()
            assert np.array_equal(p["headers/offset"][:], f["headers/offset"][:])
