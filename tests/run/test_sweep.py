# SPDX-License-Identifier: BSD-3-Clause
"""Values of a parameter tried in memory give the numbers of jobs that were run with them."""

import json
import re

import h5py
import numpy as np
import pytest

import harness
import jobs
from qc.pictures import Picture

JOB = """\
input: {input}
output: {output}
mode: both
engine: cpu
chain:
  - mute: {{velocity: 1500}}
  - dwt: {{level: 4, k: 2.5}}
"""


@pytest.fixture(scope="module")
def surveys(tmp_path_factory):
    folder = tmp_path_factory.mktemp("survey")
    result = harness.run([harness.BINARY, "synth", folder / "in.h5", "--gathers=20", "--traces=20", "--samples=300",
                          "--noise=1", f"--clean={folder / 'clean.h5'}", "--quiet"], tmp=folder)
    assert result.returncode == 0, str(result)
    return folder / "in.h5", folder / "clean.h5"


def sweep(seisproc, job, *arguments, **others):
    return json.loads(seisproc("sweep", job.path, "--json", *arguments, **others).stdout)


@pytest.mark.parametrize("sort", ["[]", "[offset]"])
def test_figures_are_those_of_runs(tmp_path, surveys, seisproc, sort):
    survey, clean = surveys
    job = jobs.Job(tmp_path, survey, text=JOB + f"sort: {sort}\n")
    told = sweep(seisproc, job, "--vary=chain.1.dwt.k=1,3", "--gathers=every:4", f"--clean={clean}", "--goal=snr")
    assert told["gathers"] == 5 and [v["value"] for v in told["values"]] == ["1", "3"]
    assert not list(tmp_path.glob("out.h5*")), "nothing is written"
    for value in told["values"]:
        one = jobs.Job(tmp_path, survey, text=JOB + f"sort: {sort}\n", name=f"k{value['value']}")
        one.run("--gathers=every:4", "--set", f"chain.1.dwt.k={value['value']}", ranks=3)
        with h5py.File(survey) as f, h5py.File(clean) as c, h5py.File(one.output) as out:
            first = f["gathers/first_trace"][:].astype(int)
            rows = np.concatenate([np.arange(first[g], first[g + 1]) for g in range(0, 20, 4)])
            if "sort_map" in out:
                rows = rows[out["sort_map"][:].astype(int)]
            x, s = (h[:].astype(float)[rows] for h in (f["traces"], c["traces"]))
            y, n = out["traces"][:].astype(float), out["noise"][:].astype(float)
        assert value["removed"] == pytest.approx((n ** 2).sum() / (x ** 2).sum(), rel=1e-5)
        assert value["similarity"] == pytest.approx((n * y).sum() / np.sqrt((n ** 2).sum() * (y ** 2).sum()), abs=1e-5)
        assert value["snr_db"] == pytest.approx(10 * np.log10((s ** 2).sum() / ((y - s) ** 2).sum()), abs=1e-5)
        assert told["snr_before_db"] == pytest.approx(10 * np.log10((s ** 2).sum() / ((x - s) ** 2).sum()), abs=1e-5)
    assert told["best"] == max(told["values"], key=lambda v: v["snr_db"])["value"]


def without_times(values):
    return [{name: number for name, number in value.items() if name not in ("compute_s", "recalled")}
            for value in values]


@pytest.mark.parametrize("chain, vary", [
    ("[dwt: {{k: 2}}]", ["chain.0.dwt.k=0.5", "1", "auto", "3"]),
    ("[dwt: {{k: 2, noise_level: fk}}]", ["chain.0.dwt.threshold=soft", "hard", "garrote"]),
    ("[dwt: {{k: 2}}]", ["chain.0.dwt={k: 1}", "{k: 2, transform: dwt}", "{k: 1, level: 3}", "{k: 3, level: 3}",
                        "{k: 1, noise_level: fk}", "{k: 1}"]),
    ("[dwt: {{k: 2}}]", ["chain.0={dwt: {k: 1}}", "{bandpass: {low: [5, 10]}}", "{dwt: {k: 3}}"]),
    ("[dwt: {{k: 2}}, dwt: {{k: 1}}]", ["chain.1.dwt.k=1", "2"]),
    ("[mute: {{velocity: 1500}}, bandpass: {{low: [5, 10]}}, dwt: {{k: 2}}]", ["chain.2.dwt.k=1", "auto", "3"]),
    ("[fk_denoise: {{}}, dwt: {{k: 2}}, bandpass: {{low: [5, 10]}}]", ["chain.1.dwt.transform=swt", "dwt"]),
    ("[bandpass: {{low: [5, 10]}}, dwt: {{k: 2, noise_level: finest}}]", ["chain.1.dwt.aperture=1", "3", "1", "1"]),
    ("[dwt: {{k: 2}}, agc: {{window: 100}}, dwt: {{k: 1}}, undo: agc]", ["chain.2.dwt.k=1", "2"]),
    ("[agc: {{window: 100}}, dwt: {{k: 1}}, undo: agc]", ["chain.1.dwt.k=1", "2"]),
    ("[mute: {{velocity: 1500}}, dwt: {{k: 2}}]", ["chain.1={dwt: {k: 1}}", "{mute: {velocity: 2500}}",
                                                         "{dwt: {k: 1}}"]),
    ("[dwt: {{k: 2}}]", ["nan=trace", "gather", "zero"]),
], ids=str)
def test_what_values_share_changes_no_figure(tmp_path, surveys, seisproc, chain, vary):
    """Each value in a list has the figures, to the last digit, of a sweep of its own, and those that a run writes. The
    steps before the varied one are computed for the first value only (test_engine_shared_steps counts how often), but
    for such as are taken back after it, and where another value has its gathers cut otherwise."""
    survey = tmp_path / "holes.h5"
    survey.write_bytes(surveys[0].read_bytes())
    with h5py.File(survey, "r+") as f:
        f["traces"][5] = 0
        f["traces"][47, 3] = np.nan
    text = "input: {input}\noutput: {output}\nmode: both\nengine: cpu\nchain: " + chain + "\n"
    job = jobs.Job(tmp_path, survey, text=text)
    some = "--gathers=first:6"
    key, first = vary[0].split("=", 1)
    values = [first, *vary[1:]]
    together = sweep(seisproc, job, f"--vary={key}={','.join(values)}", some)["values"]
    alone = [sweep(seisproc, job, f"--vary={key}={value}", some)["values"][0] for value in values]
    assert without_times(together) == without_times(alone)
    assert [v["value"] for v in together] == values
    assert [v["recalled"] for v in alone] == [0] * len(values)
    expected = [0] + [6] * (len(values) - 1)
    if "aperture" in key:
        expected = [0, 0, 0, 6]
    cut_otherwise = any("mute" in value for value in values)  # by traces, the others by gathers
    if not re.match(r"chain\.[12]", key) or chain.startswith("[agc") or cut_otherwise:
        expected = [0] * len(values)
    assert [v["recalled"] for v in together] == expected
    one = jobs.Job(tmp_path, survey, text=text, name="one")
    one.run(some, "--set", f"{key}={values[-1]}", ranks=3, check=None)
    with h5py.File(one.output) as f:
        columns = ("measured_traces", "rms_in", "rms_noise")
        n, rms_in, noise = (f["qc/gather/" + name][:].astype(float) for name in columns)
    measured = n > 0
    energy = [(n * x ** 2)[measured].sum() for x in (noise, rms_in)]
    assert together[-1]["removed"] == pytest.approx(energy[0] / energy[1], rel=1e-12)


def test_goals(tmp_path, surveys, seisproc):
    job = jobs.Job(tmp_path, surveys[0], text=JOB)
    vary = "--vary=chain.1.dwt={k: 1, level: 3},{k: 2},{k: 4}"
    told = sweep(seisproc, job, vary, "--goal=similarity", "--gathers=first:2")
    assert told["best"] == min(told["values"], key=lambda v: abs(v["similarity"]))["value"]
    wanted = 100 * told["values"][1]["removed"] + 0.01
    assert sweep(seisproc, job, vary, f"--goal=removed={wanted}", "--gathers=first:2")["best"] == "{k: 2}"
    table = seisproc("sweep", job.path, vary, "--goal=similarity", "--gathers=first:2").stdout
    assert f"best: chain.1.dwt={told['best']}" in table


@pytest.mark.parametrize("arguments, what", [
    (["--vary=chain.1.dwt.k=1,-2"], "found '-2'"), (["--vary=chain.1.dwt.k"], "allowed is KEY=A,B,C"),
    (["--vary=output=a.h5,b.h5"], "say how gathers are processed"), ([], "--vary is missing"),
    (["--vary=chain.1.dwt.k=1", "--goal=snr"], "needs --clean"),
    (["--vary=chain.1.dwt.k=1", "--gather=#0"], "--ladder"),
    (["--vary=chain.1.dwt.k=" + ",".join("1" * 25), "--ladder=l.html"], "allowed are up to 24"),
    (["--vary=chain.1.dwt.k=1", "--ladder=l.html", "--gather=7777"], "no gather"),
    (["--vary=chain.1.dwt.k=1", "--goal=fine"], "allowed are"),
    (["--vary=chain.1.dwt.k=1", "--gathers=90:91"], "none of"), (["--vary=chain.1.dwt.k=1,,2"], "empty"),
])
def test_what_cannot_be_tried_is_refused(tmp_path, surveys, seisproc, arguments, what):
    job = jobs.Job(tmp_path, surveys[0], text=JOB)
    assert what in seisproc("sweep", job.path, *arguments, check=1).stderr


def test_a_clean_survey_of_another_shape_is_refused(tmp_path, surveys, seisproc):
    job = jobs.Job(tmp_path, surveys[0], text=JOB)
    other = jobs.make_survey(tmp_path / "other.h5", gathers=20, traces=10, samples=300)
    result = seisproc("sweep", job.path, "--vary=chain.1.dwt.k=1", f"--clean={other}", check=1)
    assert "another shape" in result.stderr


def read_ladder(path):
    """Titles and pixels of the panels of a ladder."""
    text = path.read_text()
    assert "<script" not in text
    pictures = [Picture(svg) for svg in re.findall(r"<svg.*?</svg>", text, re.DOTALL)]
    titles = [t for t in pictures[0].texts if re.fullmatch(r"[\d.]+: [\d.e-]+ %", t or "")]
    return titles, pictures[0].panels(), pictures


@pytest.mark.parametrize("sort", ["[]", "[offset]"])
def test_a_ladder_is_that_of_the_outputs(tmp_path, surveys, seisproc, sort):
    job = jobs.Job(tmp_path, surveys[0], text=JOB + f"sort: {sort}\n")
    with h5py.File(surveys[0]) as f:
        key = int(f["gathers/key"][8])
    ladder = [f"--ladder={tmp_path / 'sweep.html'}", f"--gather=fldr={key}"]
    told = sweep(seisproc, job, "--vary=chain.1.dwt.k=1,3", "--gathers=every:4", *ladder)
    outputs = []
    for k in ("1", "3"):
        one = jobs.Job(tmp_path, surveys[0], text=JOB + f"sort: {sort}\n", name=f"k{k}")
        one.run("--gathers=every:4", "--set", f"chain.1.dwt.k={k}", ranks=3)
        outputs.append(one.output)
    seisproc("qc", "--ladder", *outputs, "-o", tmp_path / "qc.html", f"--gather=fldr={key}")
    titles, panels, pictures = read_ladder(tmp_path / "sweep.html")
    wanted, same, _ = read_ladder(tmp_path / "qc.html")
    assert titles == wanted and len(titles) == 2 and len(panels) == len(same) == 2
    assert all(np.array_equal(a, b) for a, b in zip(panels, same)) and not np.array_equal(*panels)
    assert f"noise of fldr {key}" in pictures[0].title and "chain.1.dwt.k" in pictures[1].texts
    assert sweep(seisproc, job, "--vary=chain.1.dwt.k=1,3", "--gathers=every:4")["values"][0]["removed"] == \
        told["values"][0]["removed"], "a ladder changes no figure"
