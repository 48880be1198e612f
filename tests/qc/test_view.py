# SPDX-License-Identifier: BSD-3-Clause
"""Pictures of gathers: what is where, in which colour, and what is refused."""

import json

import h5py
import numpy as np
import pytest

import jobs
from cli.surveys import write_survey
from qc.pictures import Picture, decode_png

HOSTILE = "<img src=x onerror=alert(1)>\"&'\u00e9"


@pytest.fixture
def draw(seisproc, tmp_path):
    def draw(path, *arguments):
        out = tmp_path / "picture.svg"
        seisproc("view", path, "-o", out, *arguments)
        return Picture(out.read_text())

    return draw


def spikes(path, **more):
    """20 traces of 200 samples, 4 ms: +1 at sample 50 of trace 3, -1 at sample 150 of trace 16, a little elsewhere."""
    traces = np.zeros((20, 200), "f4")
    traces[3, 50], traces[16, 150] = 1, -1
    return write_survey(path, traces, interval_us=4000, **more)


def test_a_spike_is_where_its_axes_say_and_nowhere_else(tmp_path, draw):
    picture = draw(spikes(tmp_path / "a.h5"), "--clip=100", "--style=density")
    (pixels,) = picture.panels()
    height, width = pixels.shape
    middle = pixels[0, 0]
    assert abs(int(middle) - 128) <= 1
    dark, bright = np.argwhere(pixels > middle), np.argwhere(pixels < middle)
    for found, trace, sample in ((dark, 3, 50), (bright, 16, 150)):
        rows, columns = found[:, 0], found[:, 1]
        assert abs(rows.min() - sample * height / 200) <= 1 and abs(rows.max() + 1 - (sample + 1) * height / 200) <= 1
        assert abs(columns.min() - trace * width / 20) <= 1 and abs(columns.max() + 1 - (trace + 1) * width / 20) <= 1
    assert pixels.max() > 250 and pixels.min() < 5
    assert "time, s" in picture.texts and "trace" in picture.texts and "0.2" in picture.texts


def test_reversed_polarity_is_the_mirror_image(tmp_path, draw):
    survey = spikes(tmp_path / "a.h5")
    plain = draw(survey, "--clip=100", "--style=density").panels()[0].astype(int)
    turned = draw(survey, "--clip=100", "--style=density", "--polarity=reversed").panels()[0].astype(int)
    assert np.abs(plain + turned - 255).max() <= 1


def test_wiggles_fill_what_is_positive(tmp_path, draw):
    (pixels,) = draw(spikes(tmp_path / "a.h5"), "--clip=100", "--style=wiggle").panels()
    height, width = pixels.shape
    spacing, line = width / 20, lambda sample: int((sample + 0.5) * height / 200)
    filled = np.flatnonzero(pixels[line(50)])
    right = filled[(filled > 3.4 * spacing) & (filled < 4.4 * spacing)]
    assert len(right) > 0.9 * spacing
    thin = np.flatnonzero(pixels[line(150)])
    assert len(thin[(thin > 14.6 * spacing) & (thin < 16.4 * spacing)]) > 0 and not len(thin[thin > 16.6 * spacing][:0])


def test_delays_move_traces_down(tmp_path, draw):
    survey = spikes(tmp_path / "a.h5", headers={"delrt": np.where(np.arange(20) == 3, 500.0, 100.0)})
    picture = draw(survey, "--clip=100", "--style=density")
    (pixels,) = picture.panels()
    rows = np.argwhere(pixels > 200)[:, 0]
    assert abs(rows.mean() + 0.5 - (100 + 50.5) * pixels.shape[0] / 300) <= 1


def wave(path):
    """A plane wave of 30 Hz that moves at 2000 m/s towards larger offsets."""
    t, x = np.arange(512) * 0.002, 10.0 * np.arange(128)
    return write_survey(path, np.sin(2 * np.pi * 30 * (t - x[:, None] / 2000)), headers={"offset": x})


@pytest.mark.parametrize("backwards", [False, True])
def test_fk_has_the_wave_where_it_is(tmp_path, seisproc, backwards):
    survey = wave(tmp_path / "a.h5")
    if backwards:
        with h5py.File(survey, "r+") as f:
            f["traces"][:] = f["traces"][:][::-1]
            f["headers/offset"][:] = f["headers/offset"][:][::-1]
    seisproc("view", survey, "--what=fk", "-o", "fk.svg", "--json", "fk.json", cwd=tmp_path)
    numbers = json.loads((tmp_path / "fk.json").read_text())
    assert abs(numbers["peak_frequency"] - 30) <= 1 / (512 * 0.002)
    assert abs(numbers["peak_wavenumber"] - 0.015) <= 1 / (128 * 10)
    assert abs(numbers["parseval"] - 1) < 1e-5 and numbers["regular"]
    (pixels,) = Picture((tmp_path / "fk.svg").read_text()).panels()
    row, column = np.unravel_index(pixels.argmax(), pixels.shape)
    assert abs(250 * (1 - (row + 0.5) / pixels.shape[0]) - 30) < 2
    assert abs(0.1 * ((column + 0.5) / pixels.shape[1] - 0.5) - 0.015) < 0.001


JOB = "input: {input}\noutput: {output}\nmode: processed\nsort: [offset]\nchain:\n  - dwt: {{k: 2.5, level: 4}}\n"


@pytest.fixture(scope="module")
def sorted_output(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sorted")
    rng = np.random.default_rng(1)
    traces = rng.normal(size=(60, 301)).astype("f4")
    survey = write_survey(folder / "in.h5", traces, [0, 25, 60], key=[10, 20],
                          headers={"offset": rng.permutation(60) * 12.5})
    job = jobs.Job(folder, survey, JOB)
    job.run("--set=engine=cpu", ranks=3)
    return job


def test_before_is_the_input_in_the_order_of_the_output(tmp_path, sorted_output, draw, seisproc):
    """The input is found by itself; before is what the sort map says, and before - after is the noise."""
    picture = draw(sorted_output.output, "--gather=cdp=20", "--style=density", "--clip=98")
    assert len(picture.panels()) in (3, 4) and "before" in picture.texts and "noise" in picture.texts
    with h5py.File(sorted_output.output) as f, h5py.File(sorted_output.survey) as s:
        before = s["traces"][:][f["sort_map"][25:60]]
        share = ((before - f["traces"][25:60]) ** 2).sum(dtype="f8") / (before**2).sum(dtype="f8")
        again = write_survey(tmp_path / "sorted.h5", before, headers={"offset": f["headers/offset"][25:60]})
    alone = draw(again, "--style=density", "--size=400x620")
    assert f"removed {100 * share:.3g} %" in picture.title
    mean = [p.astype(float).mean(1) for p in (picture.panels()[0], alone.panels()[0])]
    assert np.abs(mean[0] - mean[1]).max() < 3
    seisproc("view", sorted_output.output, "-g", "20", "-o", "a.svg", "--against", sorted_output.survey,
             "--json", "a.json", cwd=tmp_path)
    assert abs(json.loads((tmp_path / "a.json").read_text())["removed_fraction"] / share - 1) < 1e-5


def test_what_cannot_be_matched_is_refused(tmp_path, sorted_output, seisproc):
    other = spikes(tmp_path / "other.h5", uuid="00000000-0000-4000-8000-0000000000ff")
    for arguments, words in ((["--against", other], "is not the input"), (["--gather=7"], "no gather '7'"),
                             (["--gather=fldr=10"], "no gather"), (["--gather=#2"], "by number from #0 to #1"),
                             (["--window=5000,6000"], "nothing of it is within"),
                             (["--what=slice", "--time=1"], "iline")):
        result = seisproc("view", sorted_output.output, "-o", "a.svg", *arguments, cwd=tmp_path, check=1)
        assert words in result.stderr and len(result.stderr.splitlines()) == 1, result
    assert not (tmp_path / "a.svg").exists()


@pytest.mark.parametrize("traces", [np.zeros((5, 7)), np.full((5, 7), 3.0), np.ones((1, 1)), np.full((2, 3), np.nan),
                                    np.eye(3) * 1e30])
@pytest.mark.parametrize("what", ["triptych", "fk", "spectrum", "headers", "section"])
def test_odd_gathers_are_drawn(tmp_path, draw, traces, what):
    picture = draw(write_survey(tmp_path / "a.h5", traces), f"--what={what}")
    assert what == "headers" or what == "spectrum" or len(picture.panels()) >= 1
    assert not any(word in text for text in picture.texts for word in ("nan", "inf"))


@pytest.mark.parametrize("value", [0.0, 3.0, -1e-30])
def test_a_constant_gather_is_flat(tmp_path, draw, value):
    (pixels,) = draw(write_survey(tmp_path / "a.h5", np.full((5, 7), value)), "--style=density").panels()
    assert np.ptp(pixels.astype(int)) == 0 and (value == 0) == (abs(int(pixels[0, 0]) - 128) <= 1)


def test_the_same_survey_gives_the_same_bytes_and_strings_stay_text(tmp_path, seisproc):
    survey = spikes(tmp_path / f"{'<b>'}.h5".replace("/", ""), uuid="00000000-0000-4000-8000-000000000001")
    with h5py.File(survey, "r+") as f:
        f["gathers/key"].attrs["name"] = HOSTILE
        f["headers/offset"] = np.arange(20.0)
        f["headers/offset"].attrs["units"] = HOSTILE[:15]
    for name in ("a.svg", "b.svg", "a.html", "a.png", "b.png"):
        seisproc("view", survey, "-o", name, cwd=tmp_path)
    for kind in ("svg", "png"):
        assert (tmp_path / f"a.{kind}").read_bytes() == (tmp_path / f"b.{kind}").read_bytes()
    text = (tmp_path / "a.svg").read_text()
    assert "<img" not in text and HOSTILE.split("\u00e9")[0] in Picture(text).title
    assert "<img" not in (tmp_path / "a.html").read_text() and "<script" not in (tmp_path / "a.html").read_text()
    pixels, _ = decode_png((tmp_path / "a.png").read_bytes())
    assert pixels.shape == (620, 1200, 3) and pixels.min() == 0 and pixels.max() == 255


def cube(path):
    """6 inlines from 100 by 2, 5 crosslines from 7, two offsets a place, sample value = inline + crossline / 100."""
    axes = 100 + 2 * np.arange(6), 7 + np.arange(5), [0.0, 50.0]
    il, xl, offset = (v.ravel() for v in np.meshgrid(*axes, indexing="ij"))
    traces = np.repeat((il - 105 + xl / 100)[:, None], 11, 1) * np.where(np.arange(11) == 4, 1, 0)
    return write_survey(path, traces, headers={"iline": il.astype("i4"), "xline": xl.astype("i4"), "offset": offset})


def test_slices_through_a_cube(tmp_path, draw):
    survey = cube(tmp_path / "a.h5")
    (at_time,) = draw(survey, "--what=slice", "--time=8", "--clip=100").panels()
    height, width = at_time.shape
    columns = at_time[height // 2, ((np.arange(6) + 0.5) * width / 6).astype(int)].astype(int)
    assert (np.diff(columns) > 20).all()
    (elsewhere,) = draw(survey, "--what=slice", "--time=10").panels()
    assert np.ptp(elsewhere.astype(int)) == 0
    for line, n in (("iline=104", 5), ("xline=9", 6)):
        picture = draw(survey, "--what=section", f"--line={line}", "--clip=100")
        (pixels,) = picture.panels()
        rows = np.argwhere(np.abs(pixels.astype(int) - 128) > 3)[:, 0]
        assert abs(rows.min() - 4 * pixels.shape[0] / 11) <= 1 and abs(rows.max() + 1 - 5 * pixels.shape[0] / 11) <= 1
        assert f"{2 * n} traces" in picture.title
    assert "5 traces" in draw(survey, "--what=section", "--line=iline=104", "--offsets=40,60").title
