# SPDX-License-Identifier: BSD-3-Clause
"""Where outputs go: what cannot be written is said before anything is read, a full disk loses nothing."""

import subprocess

import pytest

JOB = "input: in.h5\noutput: {output}\nrestarts: 0\nchain: [dwt]\n"


@pytest.fixture
def folder(seisproc, tmp_path):
    seisproc("synth", "in.h5", "--gathers=20", "--traces=100", "--samples=1000", "-q", cwd=tmp_path)
    return tmp_path


@pytest.fixture
def small_disk(folder):
    """A file system of 4 MB, half of what the survey has."""
    disk = folder / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", disk], capture_output=True).returncode:
        pytest.skip("a small file system cannot be mounted here")
    yield disk
    subprocess.run(["umount", "-l", disk], check=True)


def write_job(folder, output):
    (folder / "job.yaml").write_text(JOB.format(output=output))


def test_an_output_that_cannot_be_written(seisproc, folder):
    write_job(folder, "nowhere/out.h5")
    result = seisproc("run", "job.yaml", "-q", ranks=3, check=None, cwd=folder)
    assert result.returncode == 1
    assert result.stderr.startswith(
        "seisproc: error: nowhere/out.h5: cannot be written: nowhere: No such file or directory\n")


@pytest.mark.parametrize("command", ("plan", "run"))
def test_an_output_that_is_a_survey_of_no_job(seisproc, folder, command):
    seisproc("window", "in.h5", "out.h5", cwd=folder)
    before = (folder / "out.h5").read_bytes()
    write_job(folder, "out.h5")
    result = seisproc(command, "job.yaml", cwd=folder, check=1)
    assert "out.h5: is there, and is a survey that no job made; allowed is another name" in result.stderr
    assert result.stderr.count("\n") == 1 and (folder / "out.h5").read_bytes() == before
    seisproc("run", "job.yaml", "--restart", "-q", cwd=folder)


def test_a_report_that_cannot_be_written(seisproc, folder):
    write_job(folder, "out.h5")
    result = seisproc("run", "job.yaml", "-q", "--report", "nowhere/report", ranks=3, check=None, cwd=folder)
    assert result.returncode == 1
    assert result.stderr.startswith("seisproc: error: nowhere/report: cannot be written: nowhere: No such file or "
                                    "directory\n")
    assert sorted(p.name for p in folder.iterdir()) == ["in.h5", "job.yaml"]


@pytest.mark.parametrize("command", ("plan", "run"))
def test_a_history_that_cannot_be_used(seisproc, folder, command):
    write_job(folder, "out.h5")
    (folder / "elsewhere").write_text("precious")
    (folder / "out.h5.runs").symlink_to("elsewhere")
    result = seisproc(command, "job.yaml", ranks=3 if command == "run" else None, check=None, cwd=folder)
    assert result.returncode == 1
    assert result.stderr.startswith("seisproc: error: out.h5.runs: cannot be used: it is a symbolic link")
    assert (folder / "elsewhere").read_text() == "precious" and not (folder / "out.h5.part").exists()


def test_an_import_to_a_full_disk(seisproc, folder, small_disk):
    seisproc("export", "in.h5", "in.sgy", "-q", cwd=folder)
    result = seisproc("import", "in.sgy", small_disk / "copy.h5", "--gather=fldr", "-q", check=75, cwd=folder)
    assert len(result.stderr.splitlines()) == 1 and "0.004 GB are free there" in result.stderr
    assert not list(small_disk.iterdir())


def test_a_job_whose_disk_is_full_goes_on_when_it_is_not(seisproc, folder, small_disk):
    write_job(folder, small_disk / "out.h5")
    result = seisproc("run", "job.yaml", "-q", ranks=3, check=None, cwd=folder)
    assert result.returncode == 75
    assert "out.h5.part: 0.009 GB are still to be written, 0.00" in result.stderr.splitlines()[0], str(result)
    subprocess.run(["mount", "-o", "remount,size=40m", small_disk], check=True)
    seisproc("run", "job.yaml", "-q", ranks=3, cwd=folder)
    seisproc("verify", small_disk / "out.h5", cwd=folder)
