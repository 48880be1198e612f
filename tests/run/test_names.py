# SPDX-License-Identifier: BSD-3-Clause
"""Names of files are taken as they are, and what tells about a survey never takes a survey's place."""

import hashlib
import os

import pytest

JOB = """
input: in.h5
output: out.h5
mode: both
chain:
  - mute: {velocity: 1500}
"""
SIZE = ["--gathers", "4", "--traces", "12", "--samples", "100", "-q"]


def digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize("transfer", ("independent", "collective"))
def test_a_colon_is_part_of_the_name(seisproc, tmp_path, transfer):
    """ROMIO takes what stands before one for a kind of file system, and would open the file of the rest of the name."""
    seisproc("synth", "in.h5", *SIZE, cwd=tmp_path)
    seisproc("synth", "ufs:in.h5", *SIZE, "--seed", "99", cwd=tmp_path)
    (tmp_path / "job.yaml").write_text(JOB)
    other = digest(tmp_path / "in.h5")
    seisproc("run", "job.yaml", "--set=input=ufs:in.h5", "--set=output=a:in.h5", f"--set=transfer={transfer}",
             "--quiet", cwd=tmp_path, ranks=4)
    seisproc("verify", "a:in.h5", "--against", "ufs:in.h5", cwd=tmp_path)
    assert seisproc("verify", "a:in.h5", "--against", "in.h5", cwd=tmp_path, check=None).returncode != 0
    assert digest(tmp_path / "in.h5") == other


@pytest.fixture
def survey(seisproc, tmp_path):
    seisproc("synth", "in.h5", *SIZE, cwd=tmp_path)
    (tmp_path / "job.yaml").write_text(JOB)
    return tmp_path / "in.h5"


@pytest.mark.parametrize("command", (["run", "job.yaml", "--report=in.h5"], ["qc", "-o", "in.h5", "in.h5"],
                                     ["view", "--json=in.h5", "-o", "view.svg", "in.h5"]), ids=lambda c: c[0])
def test_no_report_replaces_a_survey(seisproc, survey, command):
    before = digest(survey)
    said = seisproc(*command, cwd=survey.parent, check=1).stderr
    assert "in.h5: is there and neither report nor picture: not replaced" in said
    assert digest(survey) == before and not (survey.parent / "out.h5").exists()


@pytest.mark.parametrize("command", (
    ["run", "job.yaml", "--report=job.yaml"], ["run", "job.yaml", "--prometheus=job.yaml"],
    ["run", "job.yaml", "--set=metrics=job.yaml"], ["sweep", "job.yaml", "--vary=mode=noise", "--ladder=job.yaml"],
    ["qc", "-o", "job.yaml", "in.h5"], ["qc", "--json=job.yaml", "in.h5"],
    ["qc", "--ladder", "-o", "job.yaml", "in.h5", "in.h5"],
    ["view", "--json=job.yaml", "-o", "view.svg", "in.h5"]), ids=lambda c: f"{c[0]}-{c[1].strip('-')}")
def test_no_report_replaces_a_job_file(seisproc, survey, command):
    """Nor any other file that is none of seisproc's reports."""
    folder = survey.parent
    before = sorted(folder.iterdir())
    assert "job.yaml: is there and neither report nor picture" in seisproc(*command, cwd=folder, check=1).stderr
    assert (folder / "job.yaml").read_text() == JOB and sorted(folder.iterdir()) == before


def test_reports_replace_reports(seisproc, survey):
    folder = survey.parent
    begun = {"report.json": '{\n  "schema": "seisproc run report"', "run.prom": "# HELP seisproc_run_info"}
    for name, start in begun.items():
        (folder / name).write_text(start)
    seisproc("run", "job.yaml", "--quiet", "--report=report.json", "--prometheus=run.prom", cwd=folder)
    for name, start in begun.items():
        assert (folder / name).read_text().startswith(start) and (folder / name).stat().st_size > 200
    (folder / "page.html").write_text("")  # as mktemp leaves one
    for _ in range(2):
        seisproc("qc", "-q", "out.h5", "-o", "page.html", "--json=qc.json", cwd=folder)
        seisproc("view", "out.h5", "-o", "view.svg", "--json=view.json", cwd=folder)
        seisproc("sweep", "job.yaml", "--vary=on_error=zero,passthrough", "--ladder=page.html", cwd=folder)


@pytest.mark.parametrize("options, why", ((["--report=out.h5"], "out.h5: is the output"),
                                          (["--prometheus=out.h5"], "out.h5: is the output"),
                                          (["--report=a", "--prometheus=a"], "a: is named for the report and for")))
def test_reports_do_not_meet(seisproc, survey, options, why):
    folder = survey.parent
    assert why in seisproc("run", "job.yaml", *options, cwd=folder, check=1).stderr
    assert not (folder / "out.h5").exists() and not (folder / "a").exists()


def test_a_report_keeps_links_and_read_only_files(seisproc, survey):
    folder = survey.parent
    (folder / "far").mkdir()
    (folder / "far/page.html").write_text("<!DOCTYPE html>old")
    (folder / "page.html").symlink_to("far/page.html")
    seisproc("qc", "-o", "page.html", "in.h5", cwd=folder)
    assert (folder / "page.html").is_symlink() and "<html" in (folder / "far/page.html").read_text()
    kept = folder / "kept.html"
    kept.write_text("old")
    os.chmod(kept, 0o444)
    assert "read-only" in seisproc("qc", "-o", "kept.html", "in.h5", cwd=folder, check=1).stderr
    assert kept.read_text() == "old" and not list(folder.glob("*.new*"))
