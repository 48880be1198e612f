# SPDX-License-Identifier: BSD-3-Clause
"""Import: gathers and their order, what headers say against the file, files of every revision, what is refused."""

import signal
import subprocess
import time

import h5py
import numpy as np
import pytest

import harness
import segy_writer as sw

RNG = np.random.default_rng(20240607)


def survey_of(n_gathers, n_samples, shuffle, order="big", **more):
    """Uneven gathers by fldr: headers and samples; a trace can be told by its first sample."""
    sizes = RNG.integers(1, 30, n_gathers)
    fldr = np.repeat(RNG.permutation(n_gathers) + 100, sizes)
    n = len(fldr)
    offset = RNG.integers(-3000, 3000, n) // 100 * 100
    words = {"fldr": fldr, "tracf": np.arange(n), "offset": offset, "cdp": RNG.integers(1, 9, n), **more}
    p = RNG.permutation(n) if shuffle else np.arange(n)
    words = {k: np.broadcast_to(v, n)[p] for k, v in words.items()}
    samples = RNG.normal(size=(n, n_samples)).astype("f4")
    samples[:, 0] = np.arange(n)
    return words, sw.trace_headers(n, order, ns=n_samples, dt=2000, **words), samples


def columns_of(f, *names):
    return [f["headers"][name][:] for name in names]


def gathers_of(f):
    return list(zip(f["gathers/key"][:], f["gathers/first_trace"][:-1], f["gathers/first_trace"][1:]))


# --- real surveys -----------------------------------------------------------------------------------------------

REAL = {  # file: gather key, (traces, samples, ms), gathers, min, max, L2 of the README, what is said
    "marine_cdp_su/cdp601to610.su": ("cdp", (300, 750, 8), 10, -587.847717, 628.562622, 5083.16705, []),
    "land_shot_su/subarna_fldr3360.su": ("fldr", (280, 2501, 4), 1, -1.38753997e9, 1.63720435e9, 1.08485404e10,
                                         ["all 280 trace headers have coordinate scalar (scalco) 32", "used 1"]),
    "viking_segy/viking_small.segy": ("fldr", (480, 600, 4), 4, -1270.14453, 1290.62891, 30070.2166,
                                      ["all 480 trace headers say 1500 samples", "used 600"]),
    "near_surface_segy/real_gather.sgy": ("fldr", (96, 1000, 0.25), 1, -4234985, 4728458, 26751103.5, []),
    "oz16_su/ozdata16.su": ("fldr", (48, 1325, 4), 1, -2463.03125, 2884.53125, 17207.2766, []),
}


@pytest.mark.parametrize("name", REAL)
def test_real_surveys(seisproc, data_dir, tmp_path, name):
    key, (n_traces, n_samples, ms), n_gathers, low, high, norm, said = REAL[name]
    result = seisproc("import", data_dir / name, tmp_path / "x.h5", "--gather", key, "-q")
    assert result.stderr.count("warning:") == bool(said) and all(s in result.stderr for s in said), result
    with h5py.File(tmp_path / "x.h5") as f:
        t = f["traces"][:].astype("f8")
        assert t.shape == (n_traces, n_samples) and f.attrs["sample_interval_us"] == ms * 1000
        assert np.allclose([t.min(), t.max(), np.sqrt((t * t).sum())], [low, high, norm], rtol=1e-8)
        assert len(f["gathers/key"]) == n_gathers
        ns, dt, scalco = columns_of(f, "ns", "dt", "scalco")
        assert set(ns) == {n_samples} and set(dt) == {ms * 1000} and 32 not in scalco
    seisproc("export", tmp_path / "x.h5", tmp_path / "again", "-q")
    assert (tmp_path / "again").read_bytes() == (data_dir / name).read_bytes()


def test_real_survey_without_offsets(seisproc, data_dir, tmp_path):
    path = data_dir / "near_surface_segy/real_gather.sgy"
    for key in ("offset", "cdp"):
        result = seisproc("import", path, tmp_path / "x.h5", "--gather", key, check=1)
        assert len(result.stderr.splitlines()) == 1, result
        assert f"gather key {key} is 0 in all 96 traces; not 0 are fldr, ep, tracf, sx, gx" in result.stderr
    result = seisproc("import", path, tmp_path / "x.h5", "--gather", "fldr", "--sort", "offset", check=1)
    assert "sort key offset is 0" in result.stderr and "--derive offset" in result.stderr
    assert not list(tmp_path.iterdir())
    seisproc("import", path, tmp_path / "x.h5", "--gather", "fldr", "--sort", "offset", "--derive", "offset", "-q")
    body = np.frombuffer(path.read_bytes()[3600:], "u1").reshape(96, -1)
    sx, gx = (sw.get(body, byte, "i4", "big") / 10 for byte in (73, 81))
    with h5py.File(tmp_path / "x.h5") as f:
        assert np.array_equal(f["headers/offset"], np.sort(np.abs(gx - sx)))


@pytest.mark.parametrize("code", (1, 3, 7, 8))
def test_an_su_file_has_one_sample_format(seisproc, tmp_path, code):
    """--format is not passed over: the samples would not be what it says."""
    headers = sw.trace_headers(4, "big", fldr=1, ns=6, dt=4000)
    (tmp_path / "in.su").write_bytes(sw.su(headers, np.ones((4, 6), "f4"), "big"))
    result = seisproc("import", tmp_path / "in.su", tmp_path / "x.h5", "--gather=fldr", f"--format={code}",
                      check=1)
    assert f"--format: found {code}, allowed in an SU file is 5" in result.stderr and not (tmp_path / "x.h5").exists()
    seisproc("import", tmp_path / "in.su", tmp_path / "x.h5", "--gather=fldr", "--format=5", "-q")


def test_su_headers_end_at_byte_180(seisproc, data_dir, tmp_path):
    """What follows are SU's own words, not coordinates of CDPs."""
    seisproc("import", data_dir / "land_shot_su/subarna_fldr3360.su", tmp_path / "x.h5", "--gather", "fldr", "-q")
    with h5py.File(tmp_path / "x.h5") as f:
        assert "cdpx" not in f["headers"] and "iline" not in f["headers"]
        assert np.allclose(f["headers/d1"], 0.004) and set(f["headers/d2"][:]) == {35}


# --- gathers ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shuffle", (False, True))
def test_the_same_bytes_from_any_number_of_ranks(seisproc, tmp_path, shuffle):
    words, headers, samples = survey_of(40, 50, shuffle)
    (tmp_path / "in.sgy").write_bytes(sw.segy(headers, samples, 5))
    files = []
    for ranks in (None, 1, 2, 3, 5):
        out = tmp_path / f"{ranks}.h5"
        seisproc("import", tmp_path / "in.sgy", out, "--gather", "fldr", "--sort", "offset", "-q", ranks=ranks)
        data = out.read_bytes()
        with h5py.File(out) as f:
            uuid = f.attrs["uuid"]
        files.append(data.replace(uuid if isinstance(uuid, bytes) else uuid.encode(), b"-" * 36))
    assert all(data == files[0] for data in files[1:])


@pytest.mark.parametrize("order", ("big", "little"))
def test_scattered_traces_come_by_gather_and_keep_their_order(seisproc, tmp_path, order):
    words, headers, samples = survey_of(25, 20, True, order)
    (tmp_path / "in.su").write_bytes(sw.su(headers, samples, order))
    seisproc("import", tmp_path / "in.su", tmp_path / "x.h5", "--gather", "FieldRecord", "-q")
    with h5py.File(tmp_path / "x.h5") as f:
        source = f["traces"][:, 0].astype(int)
        assert np.array_equal(source, np.argsort(words["fldr"], kind="stable"))
        assert np.array_equal(f["traces"], samples[source])
        assert np.array_equal(f["segy/trace_headers"], headers[source])
        assert np.array_equal(f["headers/tracf"], words["tracf"][source])
        for key, first, last in gathers_of(f):
            assert first < last and set(f["headers/fldr"][first:last]) == {key}
        assert list(f["gathers/key"]) == sorted(set(words["fldr"]))
        name = f["gathers/key"].attrs["name"]
        assert name in ("fldr", b"fldr")


def test_whole_gathers_keep_the_files_order(seisproc, tmp_path):
    words, headers, samples = survey_of(25, 20, False)
    (tmp_path / "in.sgy").write_bytes(sw.segy(headers, samples))
    seisproc("import", tmp_path / "in.sgy", tmp_path / "x.h5", "--gather", "fldr", "-q")
    with h5py.File(tmp_path / "x.h5") as f:
        assert np.array_equal(f["traces"][:, 0], np.arange(len(samples)))
        runs = words["fldr"][np.r_[True, np.diff(words["fldr"]) != 0]]
        assert np.array_equal(f["gathers/key"], runs) and not np.array_equal(runs, np.sort(runs))


def test_disorder_that_begins_late(seisproc, tmp_path):
    """The first thousand traces promise an ordered file; the last one breaks the promise."""
    fldr = np.r_[np.repeat(np.arange(1, 31), 100), 1]
    headers = sw.trace_headers(len(fldr), fldr=fldr, ns=4, dt=1000)
    samples = np.arange(len(fldr) * 4, dtype="f4").reshape(-1, 4)
    (tmp_path / "in.sgy").write_bytes(sw.segy(headers, samples, 5, dt=1000))
    seisproc("import", tmp_path / "in.sgy", tmp_path / "x.h5", "--gather", "fldr", "-q", ranks=2)
    order = np.argsort(fldr, kind="stable")
    with h5py.File(tmp_path / "x.h5") as f:
        assert np.array_equal(f["traces"], samples[order]) and np.array_equal(f["headers/fldr"], fldr[order])
        assert gathers_of(f)[0] == (1, 0, 101)


def test_two_keys_and_sorting_within(seisproc, tmp_path):
    words, headers, samples = survey_of(12, 8, True)
    (tmp_path / "in.sgy").write_bytes(sw.segy(headers, samples, 5))
    seisproc("import", tmp_path / "in.sgy", tmp_path / "x.h5", "--gather", "fldr", "--gather", "cdp", "--sort",
             "offset", "-q", ranks=3)
    order = np.lexsort((np.arange(len(samples)), words["offset"], words["cdp"], words["fldr"]))
    with h5py.File(tmp_path / "x.h5") as f:
        assert np.array_equal(f["traces"], samples[order])
        pairs = [(k >> 32, k & 0xFFFFFFFF) for k in f["gathers/key"][:].tolist()]
        assert pairs == sorted(set(zip(words["fldr"].tolist(), words["cdp"].tolist())))
        assert f["gathers/key"].attrs["name"] in ("fldr+cdp", b"fldr+cdp")


def test_words_at_places_of_ones_own(seisproc, tmp_path):
    n = 12
    headers = sw.trace_headers(n, ns=5, dt=1000)
    sw.put(headers, 233, "i4", "big", np.repeat([7, 8], 6))
    sw.put(headers, 197, "f4", "big", np.linspace(0, 1, n))
    sw.put(headers, 201, "u2", "big", 40000)
    (tmp_path / "in.sgy").write_bytes(sw.segy(headers, np.ones((n, 5))))
    seisproc("import", tmp_path / "in.sgy", tmp_path / "x.h5", "--field", "iline=233", "--field", "depth=197:f4",
             "--field", "many=201:u2", "--gather", "INLINE_3D", "--sort", "depth", "-q")
    with h5py.File(tmp_path / "x.h5") as f:
        iline, depth, many = columns_of(f, "iline", "depth", "many")
        assert list(iline) == [7] * 6 + [8] * 6 and set(many) == {40000} and depth.dtype == "f8"
        assert np.array_equal(depth, np.linspace(0, 1, n).astype("f4"))
    for field in ("iline", "iline=0", "iline=238", "Bad Name=3", "iline=9:i3", "x=9999"):
        result = seisproc("import", tmp_path / "in.sgy", tmp_path / "y.h5", "--gather", "none", "--field", field,
                          check=1)
        assert "field" in result.stderr
    assert not (tmp_path / "y.h5").exists()


# --- what headers say against the file -----------------------------------------------------------------------------


@pytest.mark.parametrize("binary, trace, used, said", (
    (2000, 0, 2000, []), (2000, 2000, 2000, []), (0, 4000, 4000, ["binary header says a sample interval of 0 us"]),
    (0, 0, 4000, ["cannot be: used 4000 us", "--interval-ms"]), (-2000, 1000, 1000, ["63536 us"]),
    (1000, 2000, 1000, ["all 3 trace headers say a sample interval of 2000 us: used 1000 us"]),
    (1000, -5, 1000, ["say a sample interval of 65531 us: used 1000"]),
))
def test_sample_intervals(seisproc, tmp_path, binary, trace, used, said):
    headers = sw.trace_headers(3, fldr=1, ns=5, dt=trace)
    (tmp_path / "in.sgy").write_bytes(sw.segy(headers, np.ones((3, 5)), dt=binary))
    result = seisproc("import", tmp_path / "in.sgy", tmp_path / "x.h5", "--gather", "fldr", "-q")
    assert result.stderr.count("warning:") == len(said[:1]) and all(s in result.stderr for s in said), result
    seisproc("import", tmp_path / "in.sgy", tmp_path / "y.h5", "--gather", "fldr", "-q", "--interval-ms", "0.5")
    with h5py.File(tmp_path / "x.h5") as f, h5py.File(tmp_path / "y.h5") as g:
        assert f.attrs["sample_interval_us"] == used and set(f["headers/dt"][:]) == {used}
        assert g.attrs["sample_interval_us"] == 500


def test_contradictions_are_counted_and_said_once(seisproc, tmp_path):
    ns = np.full(100, 6)
    ns[[40, 41, 90]] = 9
    headers = sw.trace_headers(100, fldr=1, ns=ns, dt=2000, scalco=np.where(np.arange(100) > 97, -7, -10), scalel=0)
    (tmp_path / "in.sgy").write_bytes(sw.segy(headers, np.ones((100, 6))))
    for ranks in (None, 3):
        result = seisproc("import", tmp_path / "in.sgy", tmp_path / "x.h5", "--gather", "fldr", "-q", ranks=ranks)
        lines = [line for line in result.stderr.splitlines() if "warning:" in line]
        assert len(lines) == 2, result
        assert "3 of 100 trace headers (first in trace 41) say 9 samples, the file has 6: used 6" in lines[0]
        assert "2 of 100 trace headers (first in trace 99) have coordinate scalar (scalco) -7" in lines[1]
    with h5py.File(tmp_path / "x.h5") as f:
        assert set(f["headers/scalco"][:]) == {-10, 1} and set(f["headers/ns"][:]) == {6}


def test_the_file_decides_over_a_wrong_sample_count(seisproc, tmp_path):
    headers = sw.trace_headers(7, fldr=np.arange(1, 8), ns=11, dt=2000)
    (tmp_path / "in.sgy").write_bytes(sw.segy(headers, RNG.normal(size=(7, 11)), ns=400))
    result = seisproc("import", tmp_path / "in.sgy", tmp_path / "x.h5", "--gather", "fldr", "-q")
    assert "binary header says 400 samples a trace, the file shows 11: used that" in result.stderr
    (tmp_path / "in.sgy").write_bytes(sw.segy(sw.trace_headers(7, fldr=1), RNG.normal(size=(7, 11)), ns=0))
    result = seisproc("import", tmp_path / "in.sgy", tmp_path / "y.h5", "--gather", "fldr", check=1)
    assert "no number of samples" in result.stderr and "--samples" in result.stderr
    seisproc("import", tmp_path / "in.sgy", tmp_path / "y.h5", "--gather", "fldr", "-q", "--samples", "11")


# --- revisions and kinds ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("order", ("big", "little"))
def test_revision_2_1(seisproc, tmp_path, order):
    """Wide fields, two trace header extensions, texts up to ((SEG: EndText)), a gap before the traces, a trailer."""
    n, ns = 9, 70000
    headers = sw.trace_headers(n, order, 2, fldr=3, sx=100, scalco=-10, iline=np.arange(n) // 3 + 1)
    headers[:, 472:480] = np.frombuffer(b"SEG00001", "u1")
    headers[:, 712:720] = np.frombuffer("MINE".ljust(8).encode("cp037"), "u1")
    sw.put(headers, 240 + 97, "f8", order, np.where(np.arange(n) < 4, 0, np.arange(n) + 0.125))
    sw.put(headers, 240 + 17, "i8", order, 2**40 + np.arange(n) // 5)
    texts = [sw.text("((SEG: Notes ver 1.0)) hello"), sw.text("(( seg : ENDTEXT ))", False)]
    gap, trailer = b"\x55" * 1000, sw.text("((SEG: tail))") * 2
    extra = [(3269, "i4", ns), (3273, "f8", 62.5), (3297, "u4", 0x01020304), (3507, "u2", 2), (3513, "u8", n),
             (3521, "u8", 3600 + 6400 + 1000), (3529, "i4", 2)]
    samples = RNG.normal(size=(n, ns)).astype("f4")
    data = sw.segy(headers, samples, 5, order, texts=texts, gap=gap, trailer=trailer, ns=0, dt=0, revision=(2, 1),
                   extra=[(3505, "i2", -1), *extra])
    (tmp_path / "in.sgy").write_bytes(data)
    for ranks in (None, 2):
        result = seisproc("import", tmp_path / "in.sgy", tmp_path / "x.h5", "--gather", "iline", "-q", ranks=ranks)
        assert "warning" not in result.stderr, result
        with h5py.File(tmp_path / "x.h5") as f:
            assert f.attrs["sample_interval_us"] == 62.5 and np.array_equal(f["traces"], samples)
            assert np.array_equal(f["headers/sx"], np.where(np.arange(n) < 4, 10, np.arange(n) + 0.125))
            assert np.array_equal(f["headers/fldr"], 2.0**40 + np.arange(n) // 5)
            assert f["headers/sx"].attrs["units"] in ("m", b"m") and f["segy/trace_headers"].shape == (n, 720)
            assert f["segy/trailer"][:].tobytes() == trailer
        seisproc("export", tmp_path / "x.h5", tmp_path / "again", "-q", ranks=ranks)
        assert (tmp_path / "again").read_bytes() == data
    seisproc("import", tmp_path / "in.sgy", tmp_path / "x.h5", "--gather", "fldr", "-q")
    with h5py.File(tmp_path / "x.h5") as f:
        assert list(f["gathers/key"]) == [2**40, 2**40 + 1]


@pytest.mark.parametrize("kind", ("su", "segy"))
@pytest.mark.parametrize("order", ("big", "little"))
def test_kind_and_byte_order_are_found(seisproc, tmp_path, kind, order):
    words, headers, samples = survey_of(5, 257, False, order)  # 257 samples: the same in both orders
    data = sw.su(headers, samples, order) if kind == "su" else sw.segy(headers, samples, 5, order, revision=(0, 0))
    path = tmp_path / "no-suffix"
    path.write_bytes(data)
    seisproc("import", path, tmp_path / "x.h5", "--gather", "fldr", "-q")
    with h5py.File(tmp_path / "x.h5") as f:
        assert f["segy"].attrs["kind"] in (kind, kind.encode())
        assert f["segy"].attrs["byte_order"] in (order, order.encode())
        assert np.array_equal(f["traces"], samples) and np.array_equal(f["headers/fldr"], words["fldr"])


def test_headers_overruled(seisproc, tmp_path):
    """A file that says nothing true about itself, and a user who knows."""
    headers = sw.trace_headers(4, "little", fldr=1)
    samples = np.arange(40, dtype="f4").reshape(4, 10)
    path = tmp_path / "in.sgy"
    path.write_bytes(sw.segy(headers, samples, 3, "little", ns=0, dt=0, revision=(0, 0), extra=[(3225, "i2", 4)]))
    result = seisproc("import", path, tmp_path / "x.h5", "--gather", "fldr", check=1)
    assert "sample format 4 (4-byte fixed point with gain) is not read" in result.stderr
    seisproc("import", path, tmp_path / "x.h5", "--gather", "fldr", "-q", "--format", "3", "--samples", "10",
             "--interval-ms", "4", "--as", "segy", "--byte-order", "little")
    with h5py.File(tmp_path / "x.h5") as f:
        assert np.array_equal(f["traces"], samples)
    seisproc("export", tmp_path / "x.h5", tmp_path / "again", "-q")
    assert (tmp_path / "again").read_bytes() == path.read_bytes()


# --- what is refused ----------------------------------------------------------------------------------------------


def refuse(seisproc, tmp_path, path, *arguments, say, ranks=None):
    out = tmp_path / "out.h5"
    result = seisproc("import", path, out, *(arguments or ("--gather", "fldr")), check=1, ranks=ranks)
    lines = [line for line in result.stderr.splitlines() if line.startswith("seisproc")]
    assert len(lines) == 1 and "error:" in lines[0] and say in lines[0], result
    assert not out.exists() and not out.with_name("out.h5.part").exists()


def test_no_seismic_files(seisproc, data_dir, tmp_path):
    (tmp_path / "empty").touch()
    (tmp_path / "folder").mkdir()
    (tmp_path / "text.txt").write_text("Lorem ipsum dolor sit amet.\n" * 300)
    (tmp_path / "noise").write_bytes(RNG.bytes(20000))
    (tmp_path / "zeros").write_bytes(bytes(20000))
    (tmp_path / "short").write_bytes(RNG.bytes(100))
    for name, say in (("empty", "an empty file"), ("folder", "a directory"), ("text.txt", "a text file"),
                      ("noise", "neither SEG-Y"), ("zeros", "sample format code 0"), ("short", "neither SEG-Y nor SU"),
                      ("absent", "no such file")):
        refuse(seisproc, tmp_path, tmp_path / name, say=say)
    refuse(seisproc, tmp_path, tmp_path / "text.txt", say="a text file", ranks=3)
    for path in (data_dir / "das_hdf5").glob("*.h*5"):
        refuse(seisproc, tmp_path, path, say="an HDF5 file")
    refuse(seisproc, tmp_path, "/dev/null", say="nothing came out of it")


def test_wrong_commands(seisproc, tmp_path):
    path = tmp_path / "in.sgy"
    path.write_bytes(sw.segy(sw.trace_headers(3, fldr=1, ns=5), np.ones((3, 5))))
    refuse(seisproc, tmp_path, path, "--gather", "ofset", say="no header word 'ofset'; did you mean offset?")
    refuse(seisproc, tmp_path, path, "--gather", "cdp", say="gather key cdp is 0 in all 3 traces; not 0 are fldr")
    refuse(seisproc, tmp_path, path, "--gather", "fldr", "--gather", "cdp", say="gather key cdp is 0")
    refuse(seisproc, tmp_path, path, "--gather", "fldr", "--sort", "FLDR", say="asked for twice")
    refuse(seisproc, tmp_path, path, "--gather", "d1", say="have no header word 'd1'")
    before = path.read_bytes()
    result = seisproc("import", path, path, "--gather", "fldr", check=1)
    assert "the output is the input" in result.stderr and path.read_bytes() == before
    result = seisproc("import", path, tmp_path / "no/such/x.h5", "--gather", "fldr", check=1)
    assert "cannot be written" in result.stderr
    for arguments in ((path,), (path, "x.h5"), (path, "x.h5", "--gather", "fldr", "--format", "17")):
        assert seisproc("import", *arguments, check=1, cwd=tmp_path).stderr
    assert sorted(p.name for p in tmp_path.iterdir()) == ["in.sgy"]


def test_damaged_files(seisproc, tmp_path):
    words, headers, samples = survey_of(6, 30, False)
    n, data, path = len(samples), sw.segy(headers, samples), tmp_path / "in.sgy"
    trace = 240 + 120
    for length, say in ((3600 + 5 * trace + 1, "1 bytes of the next one's 360"), (len(data) - 1, "359 bytes of"),
                        (3600 + 5 * trace + 240, "240 bytes of"), (3600 + 100, "no whole trace"), (3600, "no traces"),
                        (3599, "neither SEG-Y nor SU"), (3000, "neither SEG-Y nor SU")):
        path.write_bytes(data[:length])
        refuse(seisproc, tmp_path, path, say=say)
    path.write_bytes(data[:-7])
    result = seisproc("import", path, tmp_path / "x.h5", "--gather", "fldr", "--allow-truncated", "-q")
    assert f"used its {n - 1} whole traces" in result.stderr
    with h5py.File(tmp_path / "x.h5") as f:
        assert len(f["traces"]) == n - 1 and np.array_equal(f["headers/fldr"], words["fldr"][:-1])
    path.write_bytes(sw.su(headers, samples, "big")[:-100])
    refuse(seisproc, tmp_path, path, say="truncated")

    swapped = np.frombuffer(data, "u1").copy()
    swapped[3296 + 200:3300 + 200] = 0
    swapped[3496 - 200:3500 - 200] = [2, 1, 4, 3]
    path.write_bytes(swapped.tobytes())
    refuse(seisproc, tmp_path, path, say="bytes swapped in pairs")

    parts = [sw.traces(sw.trace_headers(1, fldr=1, ns=k, dt=1000), sw.encode(np.ones((1, k)), 1, "big"))
             for k in (10, 14, 11)]
    path.write_bytes(sw.text() + sw.binary_header(ns=10).tobytes() + b"".join(parts))
    refuse(seisproc, tmp_path, path, say="traces of varying length")

    path.write_bytes(sw.segy(headers, samples, texts=[], extra=[(3505, "i2", -1)]))
    refuse(seisproc, tmp_path, path, say="none says ((SEG: EndText))")


# --- large files --------------------------------------------------------------------------------------------------


def sparse_file(path, n_traces, n_samples):
    """Traces of zeros that take no room on disk, each with a header."""
    trace = 240 + 4 * n_samples
    with open(path, "wb") as f:
        f.write(sw.text() + sw.binary_header(code=5, ns=n_samples).tobytes())
        for i in range(n_traces):
            f.seek(3600 + i * trace)
            f.write(sw.trace_headers(1, fldr=1 + i % 7, ns=n_samples, dt=2000).tobytes())
        f.truncate(3600 + n_traces * trace)


def test_memory_is_bounded(tmp_path):
    """360 MB through a process of less address space, libraries included; when sorting, of a fixed one as well."""
    sparse_file(tmp_path / "in.sgy", 1500, 60000)
    for arguments, limit in ((("--gather", "none"), 300), (("--gather", "fldr"), 700)):
        command = f"ulimit -v {limit * 1024}; exec {harness.BINARY} import in.sgy x.h5 -q {' '.join(arguments)}"
        result = harness.run(["bash", "-c", command], cwd=tmp_path, timeout=100)
        assert result.returncode == 0, result
        (tmp_path / "x.h5").unlink()


def test_a_signal_leaves_nothing(tmp_path):
    sparse_file(tmp_path / "in.sgy", 3000, 60000)
    process = subprocess.Popen([harness.BINARY, "import", "in.sgy", "x.h5", "-q", "--gather", "fldr"], cwd=tmp_path,
                               stderr=subprocess.PIPE)
    end = time.monotonic() + 60
    while not (tmp_path / "x.h5.part").exists() and process.poll() is None and time.monotonic() < end:
        time.sleep(0.005)
    process.send_signal(signal.SIGTERM)
    stderr = process.communicate(timeout=60)[1].decode()
    assert process.returncode == 75, stderr
    assert "stopped; nothing was kept" in stderr
    assert sorted(p.name for p in tmp_path.iterdir()) == ["in.sgy"]
