# SPDX-License-Identifier: BSD-3-Clause
"""Pictures of what `pstm` and `fkk` wrote: time slices, sections along lines, common-image gathers show its samples."""

import sys

import h5py
import numpy as np
import pytest

import harness
import jobs

sys.path.insert(0, str(harness.ROOT / "tests" / "cli"))
from qc.pictures import Picture  # noqa: E402
from surveys import write_survey  # noqa: E402

NX, NY, N = 12, 9, 60
FKK = "input: {input}\noutput: {output}\nmode: both\nengine: cpu\nchain: [fkk: {{vmax: 1500, cubes: [offset]}}]\n"
PSTM = """\
input: {input}
output: {output}
engine: cpu
chain:
  - pstm: {{velocity: 2000, origin: [500125, 4000850], dx: 25, nx: 9, dy: 25, ny: 5, geometry: 3d, offsets: [200, 600],
           aperture: 400, spacing: [25, 50], tau0: 100, ntau: 60, dtau: 16}}
"""


@pytest.fixture(scope="module")
def images(tmp_path_factory, seisproc):
    folder = tmp_path_factory.mktemp("images")
    il, xl, offset = (v.ravel() for v in np.meshgrid(np.arange(NX), np.arange(NY), [100, 300], indexing="ij"))
    rng = np.random.default_rng(5)
    smooth = np.sin(il / 2.0)[:, None] * np.cos(xl / 3.0)[:, None] * np.sin(np.arange(N) / 4.0)
    headers = {"iline": 100 + il, "xline": 50 + 2 * xl, "offset": offset, "cdpx": 25 * il, "cdpy": 20 * xl}
    cube = write_survey(folder / "cube.h5", smooth + 0.1 * rng.normal(size=smooth.shape), range(0, len(il) + 1, 2),
                        interval_us=4000, headers={k: v.astype("i4") for k, v in headers.items()})
    filtered = jobs.Job(folder, cube, FKK, name="filtered")
    filtered.run(ranks=3)
    seisproc("synth", folder / "known.h5", "--diffractors", "--gathers=40", "--traces=40", "--samples=300",
             "--interval-ms=4", "--spread=0", "--quiet")
    image = jobs.Job(folder, folder / "known.h5", PSTM, name="image")
    image.run(ranks=3)
    return {"fkk": filtered.output, "pstm": image.output}


def draw(seisproc, path, folder, *arguments):
    seisproc("view", path, "-o", folder / "a.svg", *arguments)
    return Picture((folder / "a.svg").read_text())


def at_centres(pixels, n_across, n_down):
    """Colours in the middle of each of so many cells."""
    rows = ((np.arange(n_down) + 0.5) * pixels.shape[0] / n_down).astype(int)
    columns = ((np.arange(n_across) + 0.5) * pixels.shape[1] / n_across).astype(int)
    return pixels[np.ix_(rows, columns)].astype(float)


def agree(pixels, samples):
    """Whether colours go with samples[down][across]; either may be turned upside down by its axis."""
    shown = at_centres(pixels, samples.shape[1], samples.shape[0])
    clip = np.abs(samples).max()
    return max(np.corrcoef(turned.ravel(), np.clip(samples, -clip, clip).ravel())[0, 1]
               for turned in (shown, shown[::-1]))


def read(path):
    with h5py.File(path) as f:
        columns = {name: f[f"headers/{name}"][:] for name in ("iline", "xline", "offset")}
        return f["traces"][:].astype(float), columns, f["time"][:], f["gathers/first_trace"][:].astype(int)


@pytest.mark.parametrize("kind", ["fkk", "pstm"])
def test_a_time_slice(images, kind, tmp_path, seisproc):
    traces, columns, times, _ = read(images[kind])
    sample = len(times) // 2
    picture = draw(seisproc, images[kind], tmp_path, "--what=slice", f"--time={times[sample]}", "--clip=100")
    il, xl = (np.unique(columns[name], return_inverse=True) for name in ("iline", "xline"))
    mean = np.zeros((len(xl[0]), len(il[0])))
    np.add.at(mean, (xl[1], il[1]), traces[:, sample])
    (pixels,) = picture.panels()
    assert agree(pixels, mean) > 0.99 or agree(pixels, mean.T) > 0.99


@pytest.mark.parametrize("kind", ["fkk", "pstm"])
@pytest.mark.parametrize("line, across", [("iline", "xline"), ("xline", "iline")])
def test_sections_along_both_lines(images, kind, line, across, tmp_path, seisproc):
    traces, columns, times, _ = read(images[kind])
    value = np.unique(columns[line])[2]
    picture = draw(seisproc, images[kind], tmp_path, "--what=section", f"--line={line}={value}", "--clip=100")
    rows = columns[line] == value
    places, at = np.unique(columns[across][rows], return_inverse=True)
    mean = np.zeros((len(places), len(times)))
    np.add.at(mean, at, traces[rows])
    (pixels,) = picture.panels()
    shown = at_centres(pixels, len(places), len(times))
    assert np.corrcoef(shown.ravel(), mean.T.ravel())[0, 1] > 0.99
    assert f"{rows.sum()} traces" in picture.title


def test_a_common_image_gather(images, tmp_path, seisproc):
    traces, columns, times, first = read(images["pstm"])
    g = 12
    key = f"{columns['iline'][first[g]]},{columns['xline'][first[g]]}"
    picture = draw(seisproc, images["pstm"], tmp_path, f"--gather={key}", "--style=density", "--clip=100")
    gather = traces[first[g]:first[g + 1]]
    shown = at_centres(picture.panels()[0], len(gather), len(times))
    assert len(gather) == 2 and np.corrcoef(shown.ravel(), gather.T.ravel())[0, 1] > 0.99
    assert "time, s" in picture.texts and f"{times[0] / 1000:g}" in picture.texts


def test_a_cube_before_and_after(images, tmp_path, seisproc):
    picture = draw(seisproc, images["fkk"], tmp_path, "--gather=#5", "--style=density")
    assert {"before", "after", "noise"} <= set(picture.texts)
    seisproc("qc", images["fkk"], "-o", tmp_path / "a.html", "--every=10", "--quiet")
    assert "they were measured now, of one gather in 10." in (tmp_path / "a.html").read_text()
    seisproc("qc", images["pstm"], "-o", tmp_path / "b.html", "--quiet")
    assert "what was removed is not known" in (tmp_path / "b.html").read_text()
