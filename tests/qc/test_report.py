# SPDX-License-Identifier: BSD-3-Clause
"""The report on an output: what is in the page, that it needs nothing else, whose its numbers are."""

import json
import re
import shutil
from html.parser import HTMLParser

import h5py
import numpy as np
import pytest

import harness
import jobs
from cli.surveys import write_survey
from qc.pictures import SVG, Picture

JOB = """\
input: {input}
output: {output}
mode: processed
engine: cpu
dead_traces: ignore
chain:
  - dwt: {{level: 4, k: 2.5}}
"""
HOSTILE = "<img src=x onerror=alert(1)>\"&'\u00e9"
VOID = {"meta", "img", "br"}


class Page(HTMLParser):
    """Tags that nest as they should, ids, links, and the SVGs."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.open, self.ids, self.links, self.tags, self.sources = [], set(), set(), set(), []
        self.feed(text)
        assert not self.open
        self.pictures = [Picture(svg) for svg in re.findall(r"<svg.*?</svg>", text, re.S)]

    def handle_starttag(self, tag, attributes):
        self.tags.add(tag)
        for name, value in attributes:
            assert not name.startswith("on"), (tag, name)
            if name == "id":
                assert value not in self.ids
                self.ids.add(value)
            if name in ("href", "src") and tag == "a":
                self.links.add(value)
            elif name in ("href", "src"):
                self.sources.append(value)
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)
        self.handle_endtag(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def read_page(path):
    text = path.read_text()
    page = Page(text)
    assert "default-src 'none'" in text and "script" not in page.tags
    assert all(source.startswith("data:image/png;base64,") for source in page.sources)
    assert {link[1:] for link in page.links} <= page.ids
    assert all(picture.title for picture in page.pictures)
    return page, text


@pytest.fixture(scope="module")
def survey(tmp_path_factory):
    """30 gathers of a line, with a dead one, an empty one, one with far more noise than the others."""
    rng = np.random.default_rng(3)
    sizes = [12 + g % 5 for g in range(30)]
    sizes[20] = 0
    first = np.cumsum([0] + sizes)
    gather = np.repeat(np.arange(30), sizes)
    traces = 3 * np.sin(np.arange(400) / 9 + gather[:, None]) + 0.2 * rng.normal(size=(first[-1], 400))
    traces[gather == 7] = 0
    traces[gather == 13] += 2 * rng.normal(size=(sizes[13], 400))
    offset, sx = 25.0 * (np.arange(first[-1]) - first[gather]), 1000.0 + 50 * gather
    headers = {"offset": offset, "sx": sx, "sy": 4e6 + 3.0 * gather, "gx": sx + offset, "gy": 4e6 + 3.0 * gather}
    path = write_survey(tmp_path_factory.mktemp("report") / "in.h5", traces, first, headers=headers, interval_us=4000)
    with h5py.File(path, "r+") as f:
        for name in headers:
            f["headers/" + name].attrs["units"] = "m"
    return path


@pytest.fixture(scope="module")
def output(survey):
    job = jobs.Job(survey.parent, survey, JOB)
    job.run(ranks=3, check=2)
    return job.output


def test_the_report_says_what_the_survey_holds(tmp_path, output, seisproc):
    seisproc("qc", output, "-o", tmp_path / "a.html", "--json", tmp_path / "a.json")
    page, text = read_page(tmp_path / "a.html")
    assert {"summary", "gathers", "spectra", "maps", "outliers", "run", "provenance"} <= page.ids
    numbers = json.loads((tmp_path / "a.json").read_text())
    with h5py.File(output) as f:
        for name in ("removed_fraction", "xcorr", "rms_in", "rms_noise", "peak_in"):
            mine = np.array(numbers[name], dtype=float)
            assert np.array_equal(mine.astype("f4"), f["qc/gather/" + name][:], equal_nan=True)
        share = f["qc/gather/removed_fraction"][:]
    assert [o["gather"] for o in numbers["outliers"]][:2] == [7, 13] and numbers["outliers"][0]["why"] == "status"
    assert f"most {100 * np.nanmax(share):.3g} % in cdp {np.nanargmax(share) + 1}" in text
    drawn = {g["gather"]: g for g in numbers["gathers"]}
    assert {0, 15, 29, 13} <= set(drawn) and 20 not in drawn and len(drawn) <= 12
    for gather, shown in drawn.items():
        if gather != 7:
            assert abs(shown["removed_fraction"] / share[gather] - 1) < 1e-4 and shown["clip"] > 0
    assert "1 of 30 gathers not processed: " in text and "1 gathers have no traces" in text
    assert any(p.title.startswith("maps over the survey, by source x, in m") for p in page.pictures)
    assert "1 run, 0 restarts, 0 crashes" in text and (tmp_path / "a.html").stat().st_size < 5e6
    labels = {t for p in page.pictures for t in p.texts if t}
    assert {"time, s", "frequency, Hz", "wavenumber, 1/m", "amplitude, dB", "offset, m", "source x, m",
            "source y, m", "percent", "traces"} <= labels
    assert not any(re.search(r"\bnan\b|\binf\b", t) for t in labels)


def test_spectra_of_all_gathers_are_those_of_the_file(tmp_path, output, seisproc):
    seisproc("qc", output, "-o", tmp_path / "a.html", "--json", tmp_path / "a.json")
    numbers = json.loads((tmp_path / "a.json").read_text())["survey_spectra"]
    assert numbers["measured"] == 28 and numbers["nyquist"] == 125
    with h5py.File(output) as f:
        for kind, name in (("before", "ampspec_in"), ("noise", "ampspec_noise")):
            rows = f["qc/gather/" + name][:]
            rows = np.sort(rows[np.isfinite(rows[:, 0])], axis=0)
            for share, which in ((0.1, "p10"), (0.5, "p50"), (0.9, "p90")):
                assert np.allclose(numbers[kind][which], rows[int(share * (len(rows) - 1) + 0.5)], rtol=1e-6)
    titles = [p.title for p in read_page(tmp_path / "a.html")[0].pictures]
    assert any(t.startswith("amplitude spectra of all gathers (28 measured): median, band") for t in titles)


def test_the_same_survey_gives_the_same_bytes(tmp_path, output, seisproc, survey):
    """Also from an output that more ranks made, but for what its history says of them."""
    other = jobs.Job(tmp_path, survey, JOB)
    other.run(ranks=7, check=2)
    pages = []
    for path in (output, output, other.output):
        copy = tmp_path / f"{len(pages)}" / "out.h5"
        copy.parent.mkdir()
        copy.write_bytes(path.read_bytes())
        seisproc("qc", copy, "-o", copy.with_suffix(".html"), "--against", survey, "--quiet")
        pages.append(copy.with_suffix(".html").read_bytes())
    assert pages[0] == pages[1] == pages[2]


def luminance(colour):
    """Of "#rrggbb" (Web Content Accessibility Guidelines 2.1, relative luminance)."""
    parts = [int(colour[i:i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_letters_stand_out(tmp_path, output, seisproc):
    """Those of pictures lie on white: 4.5 times its contrast at least."""
    seisproc("qc", output, "-o", tmp_path / "a.html")
    page, text = read_page(tmp_path / "a.html")
    assert "figure{margin:1em 0;overflow-x:auto;background:#fff;color:#000}" in text
    fills = {t.get("fill", "#000000") for p in page.pictures for t in p.root.iter(SVG + "text")}
    assert fills and all(1.05 / (luminance(fill) + 0.05) >= 4.5 for fill in fills), fills


def test_the_page_is_valid(tmp_path, output, seisproc):
    if not shutil.which("tidy"):
        pytest.skip("no tidy to look at pages with")
    seisproc("qc", output, "-o", tmp_path / "a.html")
    found = harness.run(["tidy", "-e", "-q", "--gnu-emacs", "yes", tmp_path / "a.html"], timeout=60)
    assert found.returncode <= 1 and "Error" not in found.stderr, found


def test_outputs_without_figures_are_measured_now(tmp_path, output, survey, seisproc):
    bare = tmp_path / "bare.h5"
    bare.write_bytes(output.read_bytes())
    with h5py.File(bare, "r+") as f, h5py.File(output) as whole:
        del f["qc"]
        share = whole["qc/gather/removed_fraction"][:]
    seisproc("qc", bare, "--every", "3", "--against", survey, "--json", "bare.json", "-o", "bare.html", cwd=tmp_path)
    numbers = json.loads((tmp_path / "bare.json").read_text())
    got = np.array(numbers["removed_fraction"], dtype=float)
    assert np.allclose(got[::3], share[::3], rtol=1e-4, equal_nan=True) and np.isnan(np.delete(got, np.s_[::3])).all()
    assert "measured now, of one gather in 3" in (tmp_path / "bare.html").read_text()
    seisproc("qc", bare, "-o", "alone.html", cwd=tmp_path)
    assert "what was removed is not known" in (tmp_path / "alone.html").read_text()


def test_strings_of_the_file_stay_text(tmp_path, output, survey, seisproc):
    path = tmp_path / "<b>&.h5"
    path.write_bytes(output.read_bytes())
    with h5py.File(path, "r+") as f:
        f["gathers/key"].attrs["name"] = HOSTILE
        for name in ("history", "job", "created_by"):
            f.attrs[name] = HOSTILE + "\n<script>alert(2)</script>"
        f["headers/offset"].attrs["units"] = HOSTILE[:15]
    lines = ["run <script> new 0/30 ranks=3", f"node {HOSTILE} 0 3", "tick 10 5 1e9 <i>",
             "stages wall=inf cpu=nan gpu=0 read=-1 wait=0 compute=0 slot=0 write=0 flush=0", f"input {survey}",
             "run x resumed 1e300/inf", "end <b> <i> 0", "\x00\xff"]
    (tmp_path / "<b>&.h5.runs").write_text("\n".join(lines))
    seisproc("qc", path, "-o", "a.html", cwd=tmp_path)
    page, text = read_page(tmp_path / "a.html")
    assert page.tags.isdisjoint({"script", "img", "b", "i"}) and "&lt;script&gt;alert(2)" in text


@pytest.mark.parametrize("traces,first", [(np.zeros((1, 1)), [0, 1]), (np.zeros((0, 5)), [0]),
                                          (np.zeros((0, 5)), [0, 0]), (np.full((4, 9), np.nan), [0, 2, 4])])
def test_odd_surveys_have_a_report(tmp_path, traces, first, seisproc):
    survey = write_survey(tmp_path / "a.h5", traces, first)
    seisproc("qc", survey, cwd=tmp_path)
    _, text = read_page(tmp_path / "a.qc.html")
    assert "no output of a job" in text


def test_a_page_that_is_too_large_gets_lower_pictures(tmp_path, output, survey, seisproc):
    for limit in ("10", "0.5"):
        seisproc("qc", output, "-o", f"{limit}.html", "--max-mb", limit, cwd=tmp_path)
    small, large = (tmp_path / f"{limit}.html" for limit in ("0.5", "10"))
    assert small.stat().st_size < large.stat().st_size and "pixels high" in small.read_text()


def test_a_ladder_names_what_differs(tmp_path, survey, seisproc):
    paths, shares = [], []
    for k in (1, 2, 4):
        job = jobs.Job(tmp_path, survey, JOB, name=f"k{k}")
        job.run(f"--set=chain.0.dwt.k={k}", ranks=3, check=2)
        paths.append(job.output)
        with h5py.File(job.output) as f:
            shares.append(f["qc/gather/removed_fraction"][3])
    seisproc("qc", "--ladder", *paths, "-o", "ladder.html", "--gather=cdp=4", cwd=tmp_path)
    page, text = read_page(tmp_path / "ladder.html")
    titles = [t for p in page.pictures for t in p.texts if re.fullmatch(r"[124]: [0-9.e-]+ %", t or "")]
    assert titles == [f"{k}: {100 * s:.3g} %" for k, s in zip((1, 2, 4), shares)] and "chain.0.dwt.k" in text
    assert shares[0] < shares[1] < shares[2]
    other = write_survey(tmp_path / "other.h5", np.ones((3, 4)))
    result = seisproc("qc", "--ladder", paths[0], other, "-o", "l.html", cwd=tmp_path, check=1)
    assert "is no output of a job" in result.stderr and not (tmp_path / "l.html").exists()
