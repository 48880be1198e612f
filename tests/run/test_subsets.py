# SPDX-License-Identifier: BSD-3-Clause
"""Some gathers of a survey: a run of them gives what the whole run gives of these, and every command that is told which
looks at these alone."""

import json

import h5py
import numpy as np
import pytest

import jobs

JOB = """\
input: {input}
output: {output}
mode: both
engine: cpu
qc: trace
slab_mb: 1
chain:
  - dwt: {{level: 4, k: 2.5}}
"""


@pytest.fixture(scope="module")
def survey(tmp_path_factory):
    return jobs.make_survey(tmp_path_factory.mktemp("survey") / "in.h5", gathers=40, traces=20, samples=200)


@pytest.fixture(scope="module")
def whole(tmp_path_factory, survey):
    job = jobs.Job(tmp_path_factory.mktemp("whole"), survey, text=JOB)
    job.run(ranks=3)
    return job.output


def rows_of(path, gathers):
    with h5py.File(path) as f:
        first = f["gathers/first_trace"][:].astype(int)
    return np.concatenate([np.arange(first[g], first[g + 1]) for g in gathers])


def keys_of(path):
    with h5py.File(path) as f:
        return f["gathers/key"][:]


def check_same(output, whole, gathers):
    """Every dataset of the output is that of the whole run, at these gathers."""
    rows, seen = rows_of(whole, gathers), []

    def compare(name, d):
        scale = d.attrs.get("CLASS") == b"DIMENSION_SCALE" and name != "time"
        if not isinstance(d, h5py.Dataset) or name.startswith("segy") or scale:
            return
        seen.append(name)
        of_gathers = name.startswith(("integrity", "qc/gather", "gathers/key"))
        if name == "time":
            assert np.array_equal(d[:], w[name][:])
        elif name == "gathers/first_trace":
            assert np.array_equal(np.diff(d[:]), np.diff(w[name][:])[gathers])
        else:
            assert d[()].tobytes() == w[name][()][gathers if of_gathers else rows].tobytes(), name

    with h5py.File(output) as f, h5py.File(whole) as w:
        assert f.attrs["n_traces"] == len(rows)
        f.visititems(compare)
    assert {"traces", "noise", "integrity/crc32c", "headers/offset", "qc/trace/rms_in"} <= set(seen)


@pytest.mark.parametrize("text, ranks", [("every:7", 3), ("every:7", 5), ("11:23", 4), ("first:1", 7)])
def test_a_run_of_some_gathers_gives_their_bits(tmp_path, survey, whole, seisproc, text, ranks):
    gathers = {"every:7": np.arange(0, 40, 7), "11:23": np.arange(11, 23), "first:1": np.arange(1)}[text]
    job = jobs.Job(tmp_path, survey, text=JOB)
    job.run(f"--gathers={text}", ranks=ranks)
    check_same(job.output, whole, gathers)
    result = seisproc("verify", job.output, "--against", survey)
    assert f"{len(gathers)} gathers" in result.stdout and "processed + noise is the input" in result.stdout


def test_keys_and_conditions_in_a_job(tmp_path, survey, whole, seisproc):
    key = keys_of(survey)
    with h5py.File(survey) as f:
        offset, first = f["headers/offset"][:], f["gathers/first_trace"][:].astype(int)
    least = int(np.median([offset[first[g]:first[g + 1]].max() for g in range(40)]))
    wanted = [g for g in range(40) if key[g] > 20 and (offset[first[g]:first[g + 1]] > least).any()]
    assert 0 < len(wanted) < 20
    job = jobs.Job(tmp_path, survey, text=JOB + f'gathers:\n  where: "offset > {least} and fldr > 20"\n')
    job.run(ranks=3)
    check_same(job.output, whole, wanted)
    by_key = jobs.Job(tmp_path, survey, text=JOB + f"gathers: fldr={key[3]}-{key[5]},{key[39]}\n", name="by_key")
    by_key.run(ranks=4)
    check_same(by_key.output, whole, [3, 4, 5, 39])


def test_another_selection_is_another_job(tmp_path, survey, seisproc):
    job = jobs.Job(tmp_path, survey, text=JOB)
    job.run("--gathers=first:3", ranks=3)
    before = jobs.sha(job.output)
    result = seisproc("run", job.path, "--gathers=first:4", ranks=3, check=1)
    assert 'gathers: "first:3", now "first:4"' in result.stderr
    assert jobs.sha(job.output) == before
    job.run("--gathers=first:3", ranks=3)
    assert jobs.sha(job.output) == before


@pytest.mark.parametrize("text, what", [("fldr=9000", "none of"), ("cdp=1-3", "allowed is fldr"),
                                        ("where: nowhere > 3", "no header column nowhere"), ("last:3", "first:N"),
                                        ("where: offset", "'offset' is a number where a condition is needed, such as "
                                                          "'offset != 0'")])
def test_what_takes_nothing_is_refused(tmp_path, survey, seisproc, text, what):
    job = jobs.Job(tmp_path, survey, text=JOB)
    for command in ("plan", "run"):
        assert what in seisproc(command, job.path, f"--gathers={text}", check=1).stderr
    assert what in seisproc("info", survey, f"--gathers={text}", check=1).stderr
    assert [p.name for p in tmp_path.glob("out*")] == ["out.yaml"]


def test_a_mistake_in_a_job_names_its_line(tmp_path, survey, seisproc):
    job = jobs.Job(tmp_path, survey, text=JOB + "gathers: last:3\n")
    assert ":9: gathers: found 'last:3'" in seisproc("plan", job.path, check=1).stderr


def test_a_sorted_run_of_some_gathers_is_matched(tmp_path, survey, seisproc):
    job = jobs.Job(tmp_path, survey, text=JOB + "sort: [offset]\n")
    job.run("--gathers=every:3", ranks=4)
    assert "processed + noise is the input" in seisproc("verify", job.output, "--against", survey).stdout
    result = seisproc("verify", job.output, "--against", survey, "--gathers=4:9", ranks=3)
    assert "5 gathers" in result.stdout and "processed + noise is the input" in result.stdout
    told = json.loads(seisproc("compare", survey, job.output, "--gathers=2:5", "--json", ranks=3).stdout)
    rows = rows_of(survey, [6, 9, 12])
    with h5py.File(survey) as f, h5py.File(job.output) as out:
        x = f["traces"][:].astype(float)[rows]
        mine = rows_of(job.output, [2, 3, 4])
        every_third = rows_of(survey, range(0, 40, 3))
        where = every_third[out["sort_map"][:].astype(int)[mine]]
        y = out["traces"][:].astype(float)[mine]
        snr = 20 * np.log10(np.linalg.norm(x) / np.linalg.norm(f["traces"][:].astype(float)[where] - y))
    assert told["snr_db"] == pytest.approx(snr, abs=1e-6)
    assert json.loads(seisproc("info", job.output, "--gathers=2:5", "--json").stdout)["n_traces"] == len(rows)


def test_a_picture_of_a_subset_is_that_of_the_gather(tmp_path, survey, whole, seisproc):
    job = jobs.Job(tmp_path, survey, text=JOB + "sort: [offset]\n")
    job.run("--gathers=every:3", ranks=3)
    key = keys_of(survey)[12]
    seisproc("view", job.output, "--against", survey, "-o", tmp_path / "a.svg", f"--gather=fldr={key}")
    seisproc("view", job.output, "--against", survey, "-o", tmp_path / "b.svg", "--gathers=3:6", "--gather=#1")
    a, b = (tmp_path / "a.svg").read_text(), (tmp_path / "b.svg").read_text()
    image = 'href="data:image/png'
    assert image in a and [p for p in a.split('"') if p.startswith("data:")] == [p for p in b.split('"')
                                                                                  if p.startswith("data:")]


def test_an_export_of_some_gathers(tmp_path, survey, seisproc):
    out = tmp_path / "some.sgy"
    seisproc("export", survey, out, "--gathers=every:9", "--quiet", ranks=3)
    raw, rows = out.read_bytes()[3600:], rows_of(survey, range(0, 40, 9))
    with h5py.File(survey) as f:
        traces, fldr = f["traces"][:][rows], f["headers/fldr"][:][rows]
    records = np.frombuffer(raw, np.uint8).reshape(len(rows), 240 + 800)
    assert np.array_equal(records[:, 8:12].copy().view(">i4")[:, 0], fldr)
    assert np.array_equal(records[:, 240:].copy().view(">f4"), traces)


SELECTIONS = {
    "first:10": lambda key, far: np.arange(40) < 10,
    "every:13": lambda key, far: np.arange(40) % 13 == 0,
    "5:9": lambda key, far: (np.arange(40) >= 5) & (np.arange(40) < 9),
    "fldr=3-12": lambda key, far: (key >= 3) & (key <= 12),
    "fldr=4,9,31": lambda key, far: np.isin(key, (4, 9, 31)),
    "where: fldr > 30 or (abs(offset) > 150 and fldr < 5)": lambda key, far: (key > 30) | (far & (key < 5)),
}


@pytest.mark.parametrize("text", SELECTIONS)
def test_every_command_takes_every_way_to_say_which(tmp_path, survey, whole, seisproc, text):
    """run, plan, export, verify, info, compare and view see the same gathers, and no other."""
    with h5py.File(survey) as f:
        first, offset = f["gathers/first_trace"][:].astype(int), f["headers/offset"][:]
        far = np.array([(abs(offset[a:b]) > 150).any() for a, b in zip(first, first[1:])])
    wanted = np.flatnonzero(SELECTIONS[text](keys_of(survey), far))
    rows, some = rows_of(survey, wanted), f"--gathers={text}"
    assert 0 < len(wanted) < 40
    job = jobs.Job(tmp_path, survey, text=JOB)
    plan = json.loads(seisproc("plan", job.path, some, "--json").stdout)
    assert (plan["input"]["gathers"], plan["input"]["traces"]) == (len(wanted), len(rows))
    job.run(some, ranks=3)
    with h5py.File(job.output) as f:
        assert np.array_equal(f["gathers/key"][:], keys_of(survey)[wanted]) and f.attrs["n_traces"] == len(rows)
    info = json.loads(seisproc("info", survey, some, "--json").stdout)
    assert (info["n_gathers"], info["n_traces"]) == (len(wanted), len(rows))
    assert f"{len(wanted)} gathers, {len(rows)} traces" in seisproc("verify", job.output, "--against", survey).stdout
    assert f"{len(wanted)} gathers, {len(rows)} traces" in seisproc("verify", whole, some).stdout
    assert json.loads(seisproc("compare", survey, survey, some, "--json").stdout)["n_traces"] == len(rows)
    seisproc("export", survey, tmp_path / "some.sgy", some, "--quiet")
    assert (tmp_path / "some.sgy").stat().st_size == 3600 + len(rows) * (240 + 800)
    last = len(wanted) - 1
    title = f"fldr {keys_of(survey)[wanted[last]]}"
    seisproc("view", survey, some, f"--gather=#{last}", "-o", tmp_path / "a.svg")
    assert title in (tmp_path / "a.svg").read_text()
    result = seisproc("view", survey, some, f"--gather=#{last + 1}", "-o", tmp_path / "b.svg", check=1)
    assert f"from #0 to #{last}" in result.stderr
