# SPDX-License-Identifier: BSD-3-Clause
"""What a running job says: a progress line no wider than the terminal, and a warning where ranks and job disagree."""

import json
import re

import pytest

JOB = "input: in.h5\noutput: out.h5\nchain: [dwt]\n"


@pytest.fixture
def job(seisproc, tmp_path):
    seisproc("synth", "in.h5", "--gathers=3", "--traces=10", "--samples=200", "-q", cwd=tmp_path)
    (tmp_path / "job.yaml").write_text(JOB)
    return tmp_path


def progress(text):
    lines = re.split(r"[\r\n]+", re.sub(r"\033\[(K|\?7[lh])", "", text))
    return [line for line in lines if line.startswith("3/3 gathers")]


def test_the_line_fits_the_terminal(seisproc, job):
    lines = {}
    for columns in (30, 72, 200):
        result = seisproc("run", "job.yaml", "--restart", ranks=3, cwd=job, env={"SEISPROC_TERMINAL": columns})
        (job / "out.h5").unlink()
        lines[columns] = progress(result.stderr)[-1]
        assert len(lines[columns]) < columns
    assert lines[30] == "3/3 gathers (100%), 0:00:00 left"[:len(lines[30])]
    assert "traces/s" in lines[72]
    assert re.search(r"GB/s, waiting for nothing, (\d+)/\1 traces$", lines[200])


def test_no_line_where_there_is_no_terminal(seisproc, job):
    assert not progress(seisproc("run", "job.yaml", ranks=3, cwd=job).stderr)


def test_a_launcher_that_starts_another_number_of_workers(seisproc, job):
    text = seisproc("run", "job.yaml", "--quiet", "--workers=4", ranks=4, cwd=job).stderr
    assert text == ("seisproc: warning: workers: 4 asked for, 2 of the 4 ranks that the launcher started compute: "
                    "used those\n")
    (job / "out.h5").unlink()
    assert not seisproc("run", "job.yaml", "--quiet", "--workers=2", ranks=4, cwd=job).stderr


def test_the_log_as_json_and_the_table_that_is_asked_for(seisproc, job):
    text = seisproc("run", "job.yaml", "--log", "json", ranks=3, cwd=job).stderr
    lines = [json.loads(line) for line in text.splitlines()]
    assert [line["level"] for line in lines] == ["info"] * len(lines) and len(lines) == 2
    assert lines[0]["text"].startswith("complete: 3 gathers") and lines[1]["text"].startswith("removed ")
    assert all(re.fullmatch(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line["time"]) for line in lines)
    assert "stage" not in text
    table = seisproc("run", "job.yaml", "--restart", "--verbose", ranks=3, cwd=job).stderr
    assert re.search(r"^  stage +ranks", table, re.M) and re.search(r"^  compute +1 ", table, re.M)


def test_the_history_has_what_a_timeline_needs(seisproc, job):
    seisproc("run", "job.yaml", ranks=3, cwd=job)
    history = (job / "out.h5.runs").read_text()
    assert re.search(r"^input /.*/in.h5$", history, re.M)
    assert re.search(r"^stages wall=[\d.]+ cpu=[\d.]+ gpu=0.00 read=[\d.]+ wait=[\d.]+ compute=[\d.]+ slot=", history,
                     re.M)
