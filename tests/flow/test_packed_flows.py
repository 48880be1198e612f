# SPDX-License-Identifier: BSD-3-Clause
"""Every kind of job and command on packed surveys: what comes of a packed input is what comes of the plain one, and a
packed output holds what the plain one does."""

import json
import sys

import h5py
import numpy as np
import pytest

import harness
import images
import jobs

sys.path.insert(0, str(harness.ROOT / "tests" / "cli"))
from surveys import write_survey  # noqa: E402

NX, NY, N_SAMPLES = 16, 14, 120
FKK = """\
input: {input}
output: {output}
mode: both
engine: cpu
chain:
  - fkk: {{vmax: 2500, azimuth: 70}}
"""


@pytest.fixture(scope="module")
def cube(tmp_path_factory):
    """A cube of one trace a bin; its traces take more than the least that is packed."""
    ix, iy = np.repeat(np.arange(NX), NY), np.tile(np.arange(NY), NX)
    columns = {"iline": (100 + ix).astype("<i4"), "xline": (50 + iy).astype("<i4"), "cdpx": 5e5 + 25.0 * ix,
               "cdpy": 6e6 + 25.0 * iy, "delrt": np.zeros(NX * NY, "<i4")}
    traces = np.random.default_rng(3).standard_normal((NX * NY, N_SAMPLES)).astype(np.float32)
    return write_survey(tmp_path_factory.mktemp("cube") / "in.h5", traces, first_trace=np.arange(NX + 1) * NY,
                        interval_us=4000.0, headers=columns)


def pack(tmp_path, source, name="packed.h5"):
    done = harness.run([harness.BINARY, "pack", source, tmp_path / name, "--codec=zstd", "--quiet"], tmp=tmp_path)
    assert done.returncode == 0, str(done)
    with h5py.File(tmp_path / name) as f:
        assert f["traces"].chunks
    return tmp_path / name


def samples(path, tmp_path):
    """Each dataset of samples, by name."""
    with h5py.File(path) as f:
        if not f["traces"].chunks:
            return {name: f[name][:].tobytes() for name in ("traces", "noise", "hits") if name in f}
    done = harness.run([harness.BINARY, "unpack", path, tmp_path / "back.h5", "--quiet"], tmp=tmp_path)
    assert done.returncode == 0, str(done)
    found = samples(tmp_path / "back.h5", tmp_path)
    (tmp_path / "back.h5").unlink()
    return found


def check_job(tmp_path, survey, text):
    plain = jobs.Job(tmp_path, survey, text, "plain")
    plain.run()
    expected = samples(plain.output, tmp_path)
    from_packed = jobs.Job(tmp_path, pack(tmp_path, survey), text, "from-packed")
    from_packed.run()
    assert samples(from_packed.output, tmp_path) == expected
    packed = jobs.Job(tmp_path, survey, text + "pack: lz4\n", "packed-output")
    packed.run()
    assert packed.files() == ["packed-output.h5"]
    assert samples(packed.output, tmp_path) == expected
    checked = harness.run([harness.BINARY, "verify", packed.output], tmp=tmp_path)
    assert checked.returncode == 0, str(checked)
    with h5py.File(packed.output) as f:
        assert f["traces"].chunks


def test_cubes(tmp_path, cube):
    check_job(tmp_path, cube, FKK)


def test_images(tmp_path, image_survey):
    check_job(tmp_path, image_survey, images.JOB)


def test_commands_say_the_same(tmp_path, seisproc):
    """Of a plain survey and of the packed one: header columns, other gathers, pictures, sweeps."""
    plain = jobs.make_survey(tmp_path / "in.h5", gathers=12, traces=30, samples=250)
    packed = pack(tmp_path, plain)
    for name, source in (("a", plain), ("b", packed)):
        seisproc("regroup", source, tmp_path / f"{name}.h5", "--gather=offset", "--quiet")
    with h5py.File(tmp_path / "a.h5") as a, h5py.File(tmp_path / "b.h5") as b:
        assert a["traces"][:].tobytes() == b["traces"][:].tobytes()
    found = []
    for source in (plain, packed):
        job = jobs.Job(tmp_path, source, jobs.JOB.replace("engine: mock", "engine: cpu"), source.stem + "-job")
        job.run()
        said = seisproc("sweep", job.path, "--json", "--vary=chain.0.dwt.k=2,3", "--threads=1").stdout
        tried = json.loads(said)["values"]
        seisproc("view", source, "--gather=#3", f"--json={tmp_path / 'view.json'}", f"--output={tmp_path / 'view.svg'}")
        seisproc("qc", job.output, f"--output={tmp_path / 'page.html'}")
        text = (tmp_path / "view.json").read_text().replace(str(source), "")
        found.append(([[v for k, v in sorted(one.items()) if k != "compute_s"] for one in tried], text))
    assert found[0] == found[1]
