# SPDX-License-Identifier: BSD-3-Clause
"""Packed surveys: every bit comes back, on any number of ranks and after any kill; damage costs its gathers alone."""

import json
import os
import re
import shutil

import h5py
import numpy as np
import pytest

import harness
import jobs

LOSSLESS = ["lz4", "zstd"]
N_TRACES, N_SAMPLES, N_GATHERS = 12000, 250, 10


def write_survey(path, samples=None, seed=1):
    rng = np.random.default_rng(seed)
    if samples is None:
        samples = rng.normal(size=(N_TRACES, N_SAMPLES)).astype("f4")
    first = np.linspace(0, N_TRACES, N_GATHERS + 1).astype(int)
    first[1:-1] += rng.integers(-40, 40, N_GATHERS - 1)
    with h5py.File(path, "w") as f:
        f.attrs.update({"format": "seisproc", "format_version": 1, "sample_interval_us": 4000})
        f["traces"] = samples
        f["gathers/first_trace"] = first.astype("u8")
        f["gathers/key"] = np.arange(N_GATHERS, dtype="i8")
        f["headers/offset"] = rng.integers(-3000, 3000, N_TRACES).astype("i4")
        f["headers/gx"] = rng.normal(size=N_TRACES)
        f["headers/wide"] = np.tile(rng.integers(0, 255, N_TRACES), 1).astype("f8")
    return path


def odd_samples():
    """Numbers that a codec may not change, such as NaN with a payload, -0, Inf, denormals, and any bits at all."""
    rng = np.random.default_rng(3)
    bits = rng.integers(0, 2**32, (N_TRACES, N_SAMPLES), dtype=np.uint32)
    bits[:500] = 0
    bits[500:600] = 0x80000000
    bits[600:700] = rng.integers(1, 0x7FFFFF, (100, N_SAMPLES))
    bits[700:710] = 0x7FC12345
    bits[710:720] = 0xFF800000
    bits[1000:2000] = rng.normal(size=(1000, N_SAMPLES)).astype("f4").view(np.uint32)
    return bits.view("f4")


@pytest.fixture(scope="module")
def odd(tmp_path_factory):
    return write_survey(tmp_path_factory.mktemp("odd") / "in.h5", odd_samples())


def contents(path):
    """Of each dataset type, shape, bytes and attributes; of the file its attributes but the name it is given."""
    found = {}
    with h5py.File(path) as f:
        f.visititems(lambda name, o: found.update({name: (o.dtype.str, o.shape, jobs.hashlib.sha256(o[()]).hexdigest(),
                                                          sorted(o.attrs))}) if isinstance(o, h5py.Dataset) else None)
        texts = {k: v.decode() if isinstance(v, bytes) else v for k, v in f.attrs.items() if k != "uuid"}
        return found, texts


@pytest.mark.parametrize("codec", LOSSLESS + ["lz4 --level=9", "zstd --level=1"])
def test_every_bit_comes_back(tmp_path, odd, seisproc, codec):
    packed, plain = tmp_path / "packed.h5", tmp_path / "plain.h5"
    seisproc("pack", odd, packed, "--codec", *codec.split(), "--quiet")
    seisproc("unpack", packed, plain, "--quiet")
    assert contents(plain) == contents(odd)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["packed.h5", "plain.h5"]
    with h5py.File(packed) as f:
        assert f["traces"].attrs["codec"].decode() == codec.split()[0]
        level = int(codec.split("=")[1]) if "=" in codec else {"lz4": 1, "zstd": 3}[codec]
        assert f["traces"].attrs["level"] == level
        rows, samples = f["traces"].chunks
        assert samples == N_SAMPLES and N_TRACES / N_GATHERS - 300 < rows <= N_TRACES / N_GATHERS


@pytest.mark.timeout(400)
def test_ranks_do_not_matter(tmp_path, odd, seisproc):
    for codec, numbers in (("lz4", (1, 5)), ("zstd", (2,)), ("zfp", (2, 3))):
        seisproc("pack", odd, tmp_path / "one.h5", "--codec", codec, "--quiet")
        for ranks in numbers:
            seisproc("pack", odd, tmp_path / "some.h5", "--codec", codec, "--quiet", ranks=ranks)
            assert jobs.sha(tmp_path / "some.h5") == jobs.sha(tmp_path / "one.h5"), (codec, ranks)


@pytest.mark.parametrize("codec", LOSSLESS)
def test_other_programs_read_it(tmp_path, odd, seisproc, codec):
    pytest.importorskip("hdf5plugin")
    if not all(h5py.h5z.filter_avail(n) for n in {"lz4": (32004, 32008), "zstd": (32015,)}[codec]):
        pytest.skip(f"this hdf5plugin does not read all that {codec} packs")
    seisproc("pack", odd, tmp_path / "packed.h5", "--codec", codec, "--quiet")
    with h5py.File(odd) as f, h5py.File(tmp_path / "packed.h5") as p:
        for name in ("traces", "headers/offset", "headers/gx"):
            assert p[name][()].tobytes() == f[name][()].tobytes()


def zfp_samples():
    rng = np.random.default_rng(5)
    t = np.arange(N_SAMPLES)
    rows = np.sin(0.2 * t + 0.01 * np.arange(N_TRACES)[:, None]) + 0.2 * rng.normal(size=(N_TRACES, N_SAMPLES))
    rows[:3000] *= 1e6
    rows[1000:1010] = 0         # dead traces among others
    rows[6000:6100] *= 1e-6     # so quiet that the bound is larger than they are: they must not die
    rows[11900, 17] = np.nan
    return rows.astype("f4")


def test_zfp_stays_within_its_bound(tmp_path, seisproc):
    plain, packed, back = (tmp_path / f"{name}.h5" for name in ("plain", "packed", "back"))
    write_survey(plain, zfp_samples())
    for bound in (1e-3, 1e-2):
        seisproc("pack", plain, packed, "--codec=zfp", f"--error-bound={bound}", "--quiet")
        seisproc("unpack", packed, back, "--quiet")
        with h5py.File(plain) as f, h5py.File(back) as b, h5py.File(packed) as p:
            first, rows, got = f["gathers/first_trace"][:], f["traces"][:].astype("f8"), b["traces"][:].astype("f8")
            most = 0
            for g in range(N_GATHERS):
                a, c = rows[first[g]:first[g + 1]], got[first[g]:first[g + 1]]
                if np.isnan(a).any():
                    assert f["traces"][first[g]:first[g + 1]].tobytes() == b["traces"][first[g]:first[g + 1]].tobytes()
                    continue
                most = max(most, np.abs(a - c).max() / np.sqrt((a**2).mean()))
                assert np.array_equal(~a.any(axis=1), ~c.any(axis=1))
            said = p["traces"].attrs
            assert most <= bound and said["error_bound"] == bound
            assert said["max_error_of_rms"] == pytest.approx(most, rel=1e-6)
            assert said["lossless_chunks"] >= 1
            info = json.loads(seisproc("info", packed, "--json").stdout)["packing"]
            assert (info["codec"], info["error_bound"]) == ("zfp", bound)
            assert info["largest_error"] == pytest.approx(said["max_error_of_rms"], rel=1e-5)
            below = [-20 * np.log10(x) for x in (said["max_error_of_rms"], bound)]
            assert f"({below[0]:.1f} dB below it, bound {below[1]:.1f})" in seisproc("info", packed).stdout
            assert p["headers/gx"].shape == f["headers/gx"].shape
            assert b["headers/gx"][:].tobytes() == f["headers/gx"][:].tobytes()


def test_zfp_spares_what_lies_beside_a_burst(tmp_path, seisproc):
    """One sample that is most of a gather's RMS: a bound by that would leave less than a digit of the others, so
    the gather is packed losslessly; the others keep to their bounds."""
    rows = np.random.default_rng(6).normal(size=(N_TRACES, N_SAMPLES)).astype("f4")
    plain, packed, back = (tmp_path / f"{name}.h5" for name in ("plain", "packed", "back"))
    write_survey(plain, rows)
    with h5py.File(plain, "r+") as f:
        first = f["gathers/first_trace"][:].astype(int)
        burst = slice(first[2], first[3])
        n = (first[3] - first[2]) * N_SAMPLES
        f["traces"][first[2], 7] = rows[first[2], 7] = 600 * np.sqrt(n)  # the gather's RMS is 600 times the others'
    seisproc("pack", plain, packed, "--codec=zfp", "--quiet")
    seisproc("unpack", packed, back, "--quiet")
    with h5py.File(back) as b, h5py.File(packed) as p:
        got = b["traces"][:]
        assert got[burst].tobytes() == rows[burst].tobytes()
        assert p["traces"].attrs["lossless_chunks"] >= 1
    other = np.abs(got[first[4]:] - rows[first[4]:])
    assert 0 < other.max() <= 1e-3 * 1.1


def test_zfp_is_what_others_read(tmp_path, seisproc):
    pytest.importorskip("hdf5plugin")
    if not h5py.h5z.filter_avail(32013):
        pytest.skip("this hdf5plugin has no zfp")
    seisproc("pack", write_survey(tmp_path / "in.h5"), tmp_path / "packed.h5", "--codec=zfp", "--quiet")
    seisproc("unpack", tmp_path / "packed.h5", tmp_path / "back.h5", "--quiet")
    with h5py.File(tmp_path / "packed.h5") as p, h5py.File(tmp_path / "back.h5") as b:
        assert p["traces"].attrs["lossless_chunks"] == 0
        assert p["traces"][:].tobytes() == b["traces"][:].tobytes()


POINTS = [("pack_written", n) for n in (1, 2, 7)] + [("pack_synced", n) for n in (1, 3)] + \
    [("pack_record", n) for n in (1, 2, 4)] + [("pack_journalled", n) for n in (1, 3)] + \
    [("pack_finished", 1), ("publish_synced", 1), ("pack_published", 1)]


@pytest.mark.parametrize("codec", LOSSLESS + ["zfp", None])
def test_a_kill_at_any_point_changes_no_bit(tmp_path, odd, seisproc, codec):
    source, out = odd, tmp_path / "out.h5"
    if codec is None:
        source = tmp_path / "packed.h5"
        seisproc("pack", odd, source, "--codec=lz4", "--quiet")
    command = ["unpack", source, out] if codec is None else ["pack", source, out, "--codec", codec]
    seisproc(*command, "--quiet")
    whole = jobs.sha(out)
    went_on = 0
    for point, n in POINTS:
        out.unlink()
        cut = harness.run([harness.FAULTY, *command], tmp=tmp_path, env={"SEISPROC_FAULT": f"{point}:{n}"})
        if cut.returncode == 0:
            continue
        assert out.exists() == (point == "pack_published"), str(cut)
        again = harness.run([harness.FAULTY, *command], tmp=tmp_path)
        assert again.returncode == 0, str(again)
        went_on += "goes on behind" in again.stderr
        assert jobs.sha(out) == whole, (point, n)
        assert not (tmp_path / "out.h5.chunks").exists() and not (tmp_path / "out.h5.part").exists()
    assert went_on >= 5, went_on


def test_a_journal_of_something_else_counts_for_nothing(tmp_path, odd, seisproc):
    out = tmp_path / "out.h5"
    seisproc("pack", odd, out, "--codec=zstd", "--quiet")
    whole = jobs.sha(out)
    harness.run([harness.FAULTY, "pack", odd, out, "--codec=lz4"], tmp=tmp_path,
                env={"SEISPROC_FAULT": "pack_journalled:2"})
    assert (tmp_path / "out.h5.chunks").exists()
    seisproc("pack", odd, out, "--codec=zstd", "--quiet")
    assert jobs.sha(out) == whole


def flip(path, chunk):
    """Turns bits in the middle of a chunk of /traces; returns its rows."""
    with h5py.File(path) as f:
        info, rows = f["traces"].id.get_chunk_info(chunk), f["traces"].chunks[0]
    with open(path, "r+b") as f:
        f.seek(info.byte_offset + info.size // 2)
        middle = f.read(16)
        f.seek(-16, os.SEEK_CUR)
        f.write(bytes(b ^ 0x5A for b in middle))
    return chunk * rows, (chunk + 1) * rows


@pytest.mark.parametrize("codec", LOSSLESS + ["zfp"])
def test_a_damaged_chunk_costs_its_gathers(tmp_path, seisproc, codec):
    plain, packed, job = write_survey(tmp_path / "plain.h5"), tmp_path / "packed.h5", tmp_path / "job.yaml"
    seisproc("pack", plain, packed, "--codec", codec, "--quiet")
    begin, end = flip(packed, 1)
    job.write_text(f"input: {packed}\noutput: {tmp_path / 'out.h5'}\nworkers: 1\nslab_mb: 1\nchain:\n"
                   "  - dwt: {wavelet: db4, level: 3}\n")
    result = seisproc("run", job, check=2)
    assert "checksum differs" in result.stderr
    with h5py.File(plain) as f, h5py.File(tmp_path / "out.h5") as o:
        first, status = f["gathers/first_trace"][:].astype(int), o["integrity/status"][:]
        touched = [first[g] < end and first[g + 1] > begin for g in range(N_GATHERS)]
        assert [s == 6 for s in status] == touched and any(touched) and not all(touched)
    # without checksums a codec may notice or not: nothing crashes, and nothing is read behind the chunk
    with h5py.File(packed, "r+") as f:
        del f["packing"]
    assert harness.run([harness.BINARY, "compare", plain, packed], tmp=tmp_path).returncode in (0, 1)


@pytest.mark.parametrize("gathers,traces,samples,least,most", [
    (1, 4000, 1600, 12.5e6, 20 << 20),  # a gather of 25.6 MB in two
    (3, 1500, 1000, 6e6, 6e6), (100, 10, 500, 1 << 20, 1.1e6), (6, 10, 500, 120000, 120000)])
def test_chunks_are_about_a_gather(tmp_path, seisproc, gathers, traces, samples, least, most):
    """Neither so large that threads have nothing to share out nor so small that the file consists of places; `info`
    tells of codec, level and ratio."""
    plain, packed = tmp_path / "plain.h5", tmp_path / "packed.h5"
    seisproc("synth", plain, f"--gathers={gathers}", f"--traces={traces}", f"--samples={samples}", "--spread=0",
             "--quiet")
    seisproc("pack", plain, packed, "--codec=zstd", "--quiet")
    with h5py.File(packed) as f:
        rows, length = f["traces"].chunks
        stored = f["traces"].id.get_storage_size()
        assert length == samples and least <= 4 * rows * length <= most, rows
        ratio = 4 * f["traces"].size / stored
    info = json.loads(seisproc("info", packed, "--json").stdout)["packing"]
    assert (info["codec"], info["level"], info["bytes"]) == ("zstd", 3, stored)
    assert info["ratio"] == pytest.approx(ratio)
    assert re.search(rf"packed +zstd level 3, .* ratio {ratio:.3f}", seisproc("info", packed).stdout)


def test_commands_read_packed_surveys(tmp_path, seisproc):
    plain = jobs.make_survey(tmp_path / "plain.h5", gathers=12, traces=40, samples=300)
    job = "input: {}\noutput: {}\nworkers: 2\nslab_mb: 1\nmode: both\nchain:\n  - dwt: {{wavelet: db4, level: 4}}\n"
    results = {}
    for codec in [None] + LOSSLESS:
        source, out = tmp_path / f"{codec}.h5", tmp_path / f"out-{codec}.h5"
        if codec:
            seisproc("pack", plain, source, "--codec", codec, "--quiet")
        else:
            shutil.copy(plain, source)
        (tmp_path / "job.yaml").write_text(job.format(source, out))
        seisproc("run", tmp_path / "job.yaml")
        seisproc("verify", out)
        seisproc("export", source, tmp_path / "out.sgy", "--quiet")
        seisproc("window", source, tmp_path / "window.h5", "--gathers=every:3", "--traces=every:2")
        seisproc("view", source, "--gather=3", f"--output={tmp_path / 'view.svg'}")
        assert seisproc("compare", plain, source, "--identical")
        with h5py.File(out) as f, h5py.File(tmp_path / "window.h5") as w:
            results[codec] = [f["traces"][()].tobytes(), f["noise"][()].tobytes(), w["traces"][()].tobytes(),
                              (tmp_path / "out.sgy").read_bytes()]
        if codec:
            seisproc("pack", out, tmp_path / "out-packed.h5", "--codec", codec, "--quiet")
            seisproc("verify", tmp_path / "out-packed.h5")
    assert results["lz4"] == results[None] and results["zstd"] == results[None]


def test_what_is_not_read_or_packed_is_refused(tmp_path, odd, seisproc):
    out = tmp_path / "out.h5"
    assert "allowed are 1 to 12" in seisproc("pack", odd, out, "--codec=lz4", "--level=13", check=1).stderr
    assert "has no level" in seisproc("pack", odd, out, "--codec=zfp", "--level=3", check=1).stderr
    assert "goes with --codec zfp" in seisproc("pack", odd, out, "--codec=lz4", "--error-bound=0.1", check=1).stderr
    assert "--codec is needed" in seisproc("pack", odd, out, check=1).stderr
    assert "is not packed" in seisproc("unpack", odd, out, check=1).stderr
    assert "write to another file" in seisproc("pack", odd, odd, "--codec=lz4", check=1).stderr
    for name, how, words in (("gzip", {"compression": "gzip", "chunks": (100, N_SAMPLES)}, "filter 1 (deflate)"),
                             ("part", {"chunks": (100, 10), "shuffle": True}, "parts of rows"),
                             ("fletcher", {"fletcher32": True, "chunks": (100, N_SAMPLES)}, "filter 3 (fletcher32)")):
        other = tmp_path / f"{name}.h5"
        shutil.copy(odd, other)
        with h5py.File(other, "r+") as f:
            samples = f["traces"][()]
            del f["traces"]
            f.create_dataset("traces", data=samples, **how)
        assert words in seisproc("info", other, check=1).stderr
    assert not out.exists()


def test_chunks_that_others_made_are_read(tmp_path, odd, seisproc):
    other = tmp_path / "other.h5"
    shutil.copy(odd, other)
    with h5py.File(other, "r+") as f:
        samples = f["traces"][()]
        del f["traces"]
        f.create_dataset("traces", data=samples, chunks=(77, N_SAMPLES), shuffle=True)
    assert "identical" in seisproc("compare", odd, other, "--identical").stdout


@pytest.mark.parametrize("codec", ["zstd", None])
def test_a_full_disk_cuts_it_off_and_it_goes_on_with_more_room(tmp_path, odd, seisproc, codec):
    """`pack` finds no room as it writes: what is on the disk stays, and counts. What `unpack` needs it knows, and
    begins nothing. Both in one line."""
    source, whole, small = odd, tmp_path / "whole.h5", tmp_path / "small"
    small.mkdir()
    command = ["pack", "--codec", codec] if codec else ["unpack"]
    if codec is None:
        source = tmp_path / "packed.h5"
        seisproc("pack", odd, source, "--codec=lz4", "--quiet")
    seisproc(command[0], source, whole, *command[1:])
    script = ('"$@" --quiet 2> errors; echo "status $?"; grep -c . errors; cat errors; ls "$OUT"; echo; '
              'mount -o remount,size=64m "$OUT"; "$@" 2>&1; echo "status $?"; ls "$OUT"; sha256sum < "$OUT/out.h5"')
    done = harness.run([*harness.mounted(small, "size=5m"), "bash", "-c", script, "bash", harness.BINARY, command[0],
                        source, small / "out.h5", *command[1:]], env={"OUT": small}, cwd=tmp_path)
    before, after = done.stdout.split("status ")[1:]
    lines = before.split("\n")
    assert lines[0] == "75" and lines[1] == "1", str(done)
    if codec:
        assert "small/out.h5.part: cannot be written: No space left on device" in lines[2], str(done)
        assert lines[3:5] == ["out.h5.chunks", "out.h5.part"] and "goes on behind" in before, str(done)
    else:
        assert "are to be written" in lines[2] and "are free there" in lines[2] and not lines[3].strip(), str(done)
    assert after.split("\n")[0] == "0" and after.split()[1] == "out.h5", str(done)
    assert after.split()[2] == jobs.sha(whole), str(done)
