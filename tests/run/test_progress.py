"""What a running job says: a progress line no wider than the terminal, and a warning where ranks and job disagree."""

import re

import pytest

JOB = "input: in.h5\noutput: out.h5\nchain: [dwt]\n"


@pytest.fixture
def job(seisproc, tmp_path):
    seisproc("synth", "in.h5", "--gathers=3", "--traces=10", "--samples=200", "-q", cwd=tmp_path)
    (tmp_path / "job.yaml").write_text(JOB)
    return tmp_path


def progress(text):
    return [line for line in re.split(r"[\r\n]+", text.replace("\033[K", "")) if line.startswith("3/3 gathers")]


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
